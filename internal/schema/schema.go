// Package schema holds the part of JSON Schema that the event contract is
// written in: what draft-07 and 2020-12 share, without references, conditions
// and negation. It is a model to reason about (is one schema's every value
// allowed by another, make a value, write a type in another language) and to
// check values in raw bytes quickly. The judge of validity in every other
// respect is santhosh-tekuri/jsonschema.
package schema

import "encoding/json"

// Kinds is a set of JSON types.
type Kinds uint8

// The JSON types. Integer is the part of Number without a fraction: a set with
// Number has Integer too.
const (
	Null Kinds = 1 << iota
	Boolean
	Integer
	Number
	String
	Array
	Object

	Any = Null | Boolean | Integer | Number | String | Array | Object
)

// Has reports whether every type of other is in k.
func (k Kinds) Has(other Kinds) bool { return k&other == other }

// Names lists the types in the schema's own words, integer only where number
// does not cover it.
func (k Kinds) Names() []string {
	var names []string
	for i, name := range []string{"null", "boolean", "integer", "number", "string", "array", "object"} {
		bit := Kinds(1) << i
		if k&bit != 0 && !(bit == Integer && k&Number != 0) {
			names = append(names, name)
		}
	}
	return names
}

// A Schema is one schema with what it demands of a value. Nil pointers, empty
// strings and empty slices demand nothing. A Schema from Parse is shared: it
// must not be changed.
type Schema struct {
	// Never is the schema false, which allows nothing.
	Never bool
	// ID, Title and Description are annotations.
	ID, Title, Description string
	// Types holds what is allowed: Any when there is no "type".
	Types Kinds
	// Enum lists the allowed values; it also stands for "const".
	Enum []Literal

	Format               string
	Pattern              string
	MinLength, MaxLength *int

	// Numbers keep the digits they were written with; "" is no bound.
	Minimum, Maximum                   json.Number
	ExclusiveMinimum, ExclusiveMaximum json.Number
	MultipleOf                         json.Number

	Items              *Schema
	MinItems, MaxItems *int
	UniqueItems        bool

	Properties                   []Property
	Required                     []string
	Additional                   *Schema
	MinProperties, MaxProperties *int

	// AnyOf lists alternatives of which one must hold besides all else.
	AnyOf []*Schema
	// Opaque are keywords outside the subset, by name; nothing is known about
	// them but their text.
	Opaque []Keyword
}

// A Property is one member that the schema names.
type Property struct {
	Name   string
	Schema *Schema
}

// A Keyword is a keyword outside the subset with its value in canonical form.
type Keyword struct {
	Name  string
	Value string
}

// Property returns what the schema demands of member name and whether it names
// it; an unnamed member falls under Additional. Nil allows everything.
func (s *Schema) Property(name string) (*Schema, bool) {
	for _, p := range s.Properties {
		if p.Name == name {
			return p.Schema, true
		}
	}
	return s.Additional, false
}

// Requires reports whether member name must be there.
func (s *Schema) Requires(name string) bool {
	for _, r := range s.Required {
		if r == name {
			return true
		}
	}
	return false
}

// Closed reports whether an object may have named members only.
func (s *Schema) Closed() bool { return s.Additional != nil && s.Additional.Never }

// Simple reports whether the schema and all below it keep to the subset.
func (s *Schema) Simple() bool {
	simple := true
	s.walk(func(n *Schema) { simple = simple && len(n.Opaque) == 0 })
	return simple
}

func (s *Schema) walk(visit func(*Schema)) {
	if s == nil {
		return
	}
	visit(s)
	for _, p := range s.Properties {
		p.Schema.walk(visit)
	}
	s.Additional.walk(visit)
	s.Items.walk(visit)
	for _, a := range s.AnyOf {
		a.walk(visit)
	}
}

// Bare returns a copy without annotations.
func (s *Schema) Bare() *Schema {
	if s == nil {
		return nil
	}
	b := *s
	b.ID, b.Title, b.Description = "", "", ""
	b.Additional, b.Items = s.Additional.Bare(), s.Items.Bare()
	b.Properties, b.AnyOf = nil, nil
	for _, p := range s.Properties {
		b.Properties = append(b.Properties, Property{p.Name, p.Schema.Bare()})
	}
	for _, a := range s.AnyOf {
		b.AnyOf = append(b.AnyOf, a.Bare())
	}
	return &b
}

// Opened returns a copy in which every closed object takes unknown members as
// well: the schema as a tolerant reader applies it.
func (s *Schema) Opened() *Schema {
	if s == nil {
		return nil
	}
	o := *s
	if s.Closed() {
		o.Additional = nil
	}
	o.Additional = o.Additional.Opened()
	o.Items = s.Items.Opened()
	o.Properties = make([]Property, len(s.Properties))
	for i, p := range s.Properties {
		o.Properties[i] = Property{p.Name, p.Schema.Opened()}
	}
	o.AnyOf = make([]*Schema, len(s.AnyOf))
	for i, a := range s.AnyOf {
		o.AnyOf[i] = a.Opened()
	}
	return &o
}
