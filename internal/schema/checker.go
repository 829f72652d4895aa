package schema

import (
	"bytes"
	"strconv"

	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

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
