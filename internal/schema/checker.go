package schema

import "strconv"

// A Checker decides about most values in one pass over their bytes, without
// decoding or allocating. It may be used by any number of goroutines.
type Checker struct {
	root *node
}

// Caught are the texts of the members a Checker was asked to catch, nil for
// one that is absent or neither a string nor a number.
type Caught [2][]byte

// node is a schema made ready. maxLen, maxItems and maxProps are -1 for none.
type node struct {
	types              Kinds
	enum               [][]byte
	format             func([]byte) bool
	match              matcher
	minLen, maxLen     int
	low, high          int64
	bounded            bool
	items              *node
	minItems, maxItems int
	unique             bool
	props              []prop
	required           uint64
	additional         *node
	minProps, maxProps int
	anyOf              []*node
}

type prop struct {
	name []byte
	node *node
	slot int
}

// NewChecker compiles s. Up to two members of the outermost object can be
// caught. The result is nil when s demands what a Checker cannot decide; the
// caller then has the full check alone.
func NewChecker(s *Schema, catch ...string) *Checker {
	n, ok := compile(s)
	if !ok || len(catch) > len(Caught{}) {
		return nil
	}
	for i := range n.props {
		for slot, name := range catch {
			if string(n.props[i].name) == name {
				n.props[i].slot = slot + 1
			}
		}
	}
	return &Checker{n}
}

func compile(s *Schema) (*node, bool) {
	n := &node{types: Any, maxLen: -1, maxItems: -1, maxProps: -1}
	if s == nil {
		return n, true
	}
	if s.Never {
		n.types = 0
		return n, true
	}
	n.types = s.Types
	ok := len(s.Opaque) == 0 && s.MultipleOf == "" && n.text(s) && n.bounds(s)
	n.count(&n.minItems, &n.maxItems, s.MinItems, s.MaxItems)
	n.count(&n.minProps, &n.maxProps, s.MinProperties, s.MaxProperties)
	n.unique = s.UniqueItems
	return n, ok && n.below(s)
}

func (n *node) count(low, high *int, least, most *int) {
	if least != nil {
		*low = *least
	}
	if most != nil {
		*high = *most
	}
}

func (n *node) text(s *Schema) bool {
	n.count(&n.minLen, &n.maxLen, s.MinLength, s.MaxLength)
	for _, l := range s.Enum {
		v, ok := l.Text()
		if !ok {
			return false
		}
		n.enum = append(n.enum, []byte(v))
	}
	if s.Format != "" {
		if n.format = quickFormat(s.Format); n.format == nil {
			return false
		}
	}
	if s.Pattern != "" {
		m, err := newMatcher(s.Pattern)
		n.match = m
		return err == nil
	}
	return true
}

func (n *node) bounds(s *Schema) bool {
	n.low, n.high = -1<<63, 1<<63-1
	if s.ExclusiveMinimum != "" || s.ExclusiveMaximum != "" {
		return false
	}
	var errLow, errHigh error
	if s.Minimum != "" {
		n.low, errLow = strconv.ParseInt(string(s.Minimum), 10, 64)
		n.bounded = true
	}
	if s.Maximum != "" {
		n.high, errHigh = strconv.ParseInt(string(s.Maximum), 10, 64)
		n.bounded = true
	}
	return errLow == nil && errHigh == nil
}

func (n *node) below(s *Schema) bool {
	if len(s.Properties) > 64 {
		return false
	}
	ok := true
	sub := func(s *Schema) *node {
		if s == nil {
			return nil
		}
		c, fine := compile(s)
		ok = ok && fine
		return c
	}
	for i, p := range s.Properties {
		n.props = append(n.props, prop{name: []byte(p.Name), node: sub(p.Schema)})
		if s.Requires(p.Name) {
			n.required |= 1 << i
		}
	}
	for _, r := range s.Required {
		if _, named := s.Property(r); !named {
			return false
		}
	}
	n.additional, n.items = sub(s.Additional), sub(s.Items)
	for _, a := range s.AnyOf {
		// what {"required": ["a"]} needs to find a member by its name
		for _, r := range a.Required {
			if _, named := a.Property(r); !named {
				wide := *a
				wide.Properties = append(wide.Properties[:len(wide.Properties):len(wide.Properties)], Property{r, a.Additional})
				a = &wide
			}
		}
		n.anyOf = append(n.anyOf, sub(a))
	}
	return ok
}
