package schema

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

const (
	// MaxSize is the largest schema text, in bytes, that Parse reads.
	MaxSize = 256 << 10
	// maxNodes bounds the schemas in one text, each counted as often as
	// references lead to it.
	maxNodes = 10_000
	// MaxPattern is the longest pattern, in bytes.
	MaxPattern = 1024
)

// ErrTooLarge is in the chain of an error about a schema beyond the bounds.
var ErrTooLarge = errors.New("schema is too large")

// Parse reads one schema. Keywords outside the subset end in Opaque; a local
// "$ref" without other keywords beside it is followed, one that leads back to
// itself is an error. Errors name the JSON pointer of what is wrong.
func Parse(data []byte) (*Schema, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("%w: %d bytes, %d are allowed", ErrTooLarge, len(data), MaxSize)
	}
	root, err := readTree(data)
	if err != nil {
		return nil, err
	}
	p := parser{root: root}
	return p.schema(root, "")
}

type parser struct {
	root   tree
	nodes  int
	refs   []string
	digest string
}

func (p *parser) schema(t tree, at string) (*Schema, error) {
	if p.nodes++; p.nodes > maxNodes {
		return nil, fmt.Errorf("%w: more than %d schemas in it", ErrTooLarge, maxNodes)
	}
	switch string(t.raw) {
	case "true":
		return &Schema{Types: Any}, nil
	case "false":
		return &Schema{Never: true}, nil
	}
	if t.kind != '{' {
		return nil, fmt.Errorf("schema at %q: must be an object or a boolean", at)
	}
	if ref, ok := t.member("$ref"); ok {
		if s, err := p.ref(t, ref, at); s != nil || err != nil {
			return s, err
		}
	}
	s := &Schema{Types: Any}
	for i, name := range t.names {
		if err := p.keyword(s, name, t.members[i], at+"/"+EscapePointer(name)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// ref follows a local reference; nil without an error means it stays opaque.
func (p *parser) ref(t, ref tree, at string) (*Schema, error) {
	target := ref.text()
	for _, name := range t.names {
		if name != "$ref" && !annotation(name) {
			return nil, nil
		}
	}
	if target != "#" && !strings.HasPrefix(target, "#/") {
		return nil, nil
	}
	for _, open := range p.refs {
		if open == target {
			return nil, fmt.Errorf("schema at %q: %s leads back to itself", at, target)
		}
	}
	to, ok := p.root.find(target[1:])
	if !ok {
		return nil, fmt.Errorf("schema at %q: %s points at nothing", at, target)
	}
	p.refs = append(p.refs, target)
	defer func() { p.refs = p.refs[:len(p.refs)-1] }()
	return p.schema(to, target[1:])
}

func (t tree) find(pointer string) (tree, bool) {
	if pointer == "" {
		return t, true
	}
	for _, token := range strings.Split(pointer[1:], "/") {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		if t.kind == '[' {
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(t.items) {
				return tree{}, false
			}
			t = t.items[i]
			continue
		}
		next, ok := t.member(token)
		if !ok {
			return tree{}, false
		}
		t = next
	}
	return t, true
}

// EscapePointer writes name as one token of a JSON pointer (RFC 6901).
func EscapePointer(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

func annotation(name string) bool {
	switch name {
	case "$schema", "$id", "$comment", "title", "description", "default", "examples", "deprecated",
		"readOnly", "writeOnly", "$defs", "definitions":
		return true
	}
	return strings.HasPrefix(name, "x-")
}

func (p *parser) keyword(s *Schema, name string, v tree, at string) error {
	wrong := func(want string) error { return fmt.Errorf("schema at %q: must be %s", at, want) }
	switch name {
	case "$id", "title", "description", "format", "pattern":
		if v.kind != '"' {
			return wrong("a string")
		}
		return s.setText(name, v.text(), at)
	case "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties":
		n, ok := count(v)
		if !ok {
			return wrong("a count")
		}
		*s.count(name) = &n
		return nil
	case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf":
		n, err := strictjson.Decode(v.raw)
		number, ok := n.(json.Number)
		if err != nil || !ok || name == "multipleOf" && rat(number).Sign() <= 0 {
			return wrong("a number")
		}
		*s.number(name) = number
		return nil
	case "type":
		return s.setTypes(v, at)
	case "enum", "const":
		return s.setEnum(name, v, at)
	case "required":
		return s.setRequired(v, at)
	case "uniqueItems":
		s.UniqueItems = string(v.raw) == "true"
		if v.kind != 't' && v.kind != 'f' {
			return wrong("true or false")
		}
		return nil
	case "properties", "additionalProperties", "items", "anyOf":
		return p.below(s, name, v, at)
	}
	if annotation(name) {
		return nil
	}
	return p.opaque(s, name, v)
}

// opaque keeps a keyword that nothing is known about. What a reference leads to
// is a part of what it means: the value then stands for the whole text.
func (p *parser) opaque(s *Schema, name string, v tree) error {
	l, err := newLiteral(v.raw)
	if err != nil {
		return err
	}
	if name == "$ref" || name == "$dynamicRef" || strings.Contains(l.Canonical, `Ref":`) || strings.Contains(l.Canonical, `"$ref":`) {
		if p.digest == "" {
			whole, err := newLiteral(p.root.raw)
			if err != nil {
				return err
			}
			sum := sha256.Sum256([]byte(whole.Canonical))
			p.digest = " in " + hex.EncodeToString(sum[:])
		}
		l.Canonical += p.digest
	}
	s.Opaque = append(s.Opaque, Keyword{name, l.Canonical})
	return nil
}

// below reads the keywords whose values are schemas.
func (p *parser) below(s *Schema, name string, v tree, at string) (err error) {
	switch {
	case name == "properties" && v.kind == '{':
		for i, member := range v.names {
			sub, err := p.schema(v.members[i], at+"/"+EscapePointer(member))
			if err != nil {
				return err
			}
			s.Properties = append(s.Properties, Property{member, sub})
		}
	case name == "anyOf" && v.kind == '[' && len(v.items) > 0:
		for i, item := range v.items {
			sub, err := p.schema(item, at+"/"+strconv.Itoa(i))
			if err != nil {
				return err
			}
			s.AnyOf = append(s.AnyOf, sub)
		}
	case name == "additionalProperties":
		s.Additional, err = p.schema(v, at)
	case name == "items" && v.kind != '[':
		s.Items, err = p.schema(v, at)
	case name == "items":
		// draft-07's tuple, which 2020-12 writes as prefixItems
		err = p.opaque(s, name, v)
	default:
		return fmt.Errorf("schema at %q: has the wrong type or is empty", at)
	}
	return err
}
