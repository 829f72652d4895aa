package schema

import "github.com/multi-tenant/manage-kafka/internal/strictjson"

// A tree is a JSON value whose members keep their order.
type tree struct {
	raw     []byte
	kind    byte
	names   []string
	members []tree
	items   []tree
}

func (t tree) member(name string) (tree, bool) {
	for i, n := range t.names {
		if n == name {
			return t.members[i], true
		}
	}
	return tree{}, false
}

func (t tree) text() string {
	v, _ := strictjson.Decode(t.raw)
	s, _ := v.(string)
	return s
}

func readTree(data []byte) (tree, error) {
	var s strictjson.Scanner
	s.Reset(data)
	t, err := scanTree(&s)
	if err != nil {
		return tree{}, err
	}
	return t, s.End()
}

func scanTree(s *strictjson.Scanner) (tree, error) {
	t := tree{kind: s.Peek()}
	from := s.Pos()
	var err error
	switch t.kind {
	case '{':
		err = t.scanMembers(s)
	case '[':
		err = t.scanItems(s)
	default:
		err = s.Skip()
	}
	if err != nil {
		return tree{}, err
	}
	t.raw = s.Since(from)
	return t, nil
}

func (t *tree) scanMembers(s *strictjson.Scanner) error {
	more, err := s.OpenObject()
	for more && err == nil {
		name, err := s.Key()
		if err != nil {
			return err
		}
		v, err := scanTree(s)
		if err != nil {
			return err
		}
		t.names, t.members = append(t.names, string(name)), append(t.members, v)
		if more, err = s.NextMember(); err != nil {
			return err
		}
	}
	return err
}

func (t *tree) scanItems(s *strictjson.Scanner) error {
	more, err := s.OpenArray()
	for more && err == nil {
		v, err := scanTree(s)
		if err != nil {
			return err
		}
		t.items = append(t.items, v)
		if more, err = s.NextElement(); err != nil {
			return err
		}
	}
	return err
}
