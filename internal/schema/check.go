package schema

import (
	"bytes"
	"strconv"

	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

// Check reads one value. True means that the value is valid. False means that
// this is not known; the scanner is then back where the value begins.
func (c *Checker) Check(s *strictjson.Scanner, caught *Caught) bool {
	*caught = Caught{}
	m := s.Mark()
	if c.root.check(s, caught) {
		return true
	}
	s.Rewind(m)
	return false
}

func (n *node) check(s *strictjson.Scanner, caught *Caught) bool {
	if n == nil {
		return s.Skip() == nil
	}
	if len(n.anyOf) > 0 && !n.any(s) {
		return false
	}
	c := s.Peek()
	if n.enum != nil && c != '"' {
		return false
	}
	switch c {
	case '{':
		return n.types&Object != 0 && n.object(s, caught)
	case '[':
		return n.types&Array != 0 && n.array(s)
	case '"':
		if n.types&String == 0 {
			return false
		}
		t, err := s.Text()
		return err == nil && n.string(t)
	case 't':
		return n.types&Boolean != 0 && s.Literal("true") == nil
	case 'f':
		return n.types&Boolean != 0 && s.Literal("false") == nil
	case 'n':
		return n.types&Null != 0 && s.Literal("null") == nil
	}
	return n.types&(Integer|Number) != 0 && n.number(s)
}

// any looks for an alternative that holds and leaves the scanner at the value.
func (n *node) any(s *strictjson.Scanner) bool {
	m := s.Mark()
	for _, alt := range n.anyOf {
		ok := alt.check(s, nil)
		s.Rewind(m)
		if ok {
			return true
		}
	}
	return false
}

func (n *node) string(t strictjson.Text) bool {
	raw := t.Raw()
	if n.minLen > 0 || n.maxLen >= 0 {
		length := len(raw)
		if !t.Plain() {
			length = t.Len()
		}
		if length < n.minLen || n.maxLen >= 0 && length > n.maxLen {
			return false
		}
	}
	if n.enum == nil && n.format == nil && n.match == nil {
		return true
	}
	if !t.Plain() || n.format != nil && !n.format(raw) || n.match != nil && !n.match(raw) {
		return false
	}
	for _, v := range n.enum {
		if bytes.Equal(v, raw) {
			return true
		}
	}
	return n.enum == nil
}

func (n *node) number(s *strictjson.Scanner) bool {
	num, err := s.Number()
	if err != nil || !num.Digits && n.types&Number == 0 {
		return false
	}
	if !n.bounded {
		return true
	}
	const surelyInt64 = 18
	if !num.Digits || len(num.Raw) > surelyInt64 {
		return false
	}
	v, err := strconv.ParseInt(string(num.Raw), 10, 64)
	return err == nil && v >= n.low && v <= n.high
}

func (n *node) array(s *strictjson.Scanner) bool {
	var few [16][]byte
	seen := few[:0]
	count := 0
	more, err := s.OpenArray()
	for more && err == nil {
		if n.unique {
			if s.Peek() != '"' || len(seen) == cap(few[:]) {
				return false
			}
			m := s.Mark()
			t, err := s.Text()
			if err != nil || !t.Plain() {
				return false
			}
			for _, other := range seen {
				if bytes.Equal(other, t.Raw()) {
					return false
				}
			}
			seen = append(seen, t.Raw())
			s.Rewind(m)
		}
		if !n.items.check(s, nil) {
			return false
		}
		count++
		more, err = s.NextElement()
	}
	return err == nil && count >= n.minItems && (n.maxItems < 0 || count <= n.maxItems)
}

func (n *node) object(s *strictjson.Scanner, caught *Caught) bool {
	var seen uint64
	count, next := 0, 0
	strict := n.additional == nil || n.additional.types != 0
	more, err := s.OpenObject()
	for more && err == nil {
		var name []byte
		if strict {
			name, err = s.Key()
		} else {
			name, err = s.NewKey()
		}
		if err != nil {
			return false
		}
		i := n.find(name, next)
		if i < 0 {
			if !strict || !n.additional.check(s, nil) {
				return false
			}
		} else {
			if seen&(1<<i) != 0 || !n.member(i, s, caught) {
				return false
			}
			seen |= 1 << i
			next = i + 1
		}
		count++
		more, err = s.NextMember()
	}
	return err == nil && seen&n.required == n.required && count >= n.minProps && (n.maxProps < 0 || count <= n.maxProps)
}

func (n *node) member(i int, s *strictjson.Scanner, caught *Caught) bool {
	p := &n.props[i]
	if p.slot == 0 || caught == nil {
		return p.node.check(s, nil)
	}
	c := s.Peek()
	from := s.Pos()
	if !p.node.check(s, nil) {
		return false
	}
	text := s.Since(from)
	switch {
	case c == '"' && bytes.IndexByte(text, '\\') >= 0:
		v, err := strictjson.Decode(text)
		unescaped, _ := v.(string)
		caught[p.slot-1] = []byte(unescaped)
		return err == nil
	case c == '"':
		caught[p.slot-1] = text[1 : len(text)-1]
	case c == '-' || isDigit(c):
		caught[p.slot-1] = text
	}
	return true
}

// find looks for a name, first where it stands when members come in the
// schema's order.
func (n *node) find(name []byte, next int) int {
	if next < len(n.props) && bytes.Equal(n.props[next].name, name) {
		return next
	}
	for i := range n.props {
		if bytes.Equal(n.props[i].name, name) {
			return i
		}
	}
	return -1
}
