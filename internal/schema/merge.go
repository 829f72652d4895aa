package schema

import (
	"encoding/json"
	"slices"
)

// Merge returns a schema that allows what both a and b allow. Where that cannot
// be said in one schema (two formats, two patterns, two lists of alternatives)
// a's demand is kept alone, so the result may allow more, never less. Nil is the
// schema that allows everything.
func Merge(a, b *Schema) *Schema {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	m := *a
	m.Never = a.Never || b.Never
	m.Types = a.Types & b.Types
	m.Never = m.Never || m.Types == 0
	m.mergeEnum(b)
	m.Format = first(a.Format, b.Format)
	m.Pattern = first(a.Pattern, b.Pattern)
	m.MinLength, m.MaxLength = larger(a.MinLength, b.MinLength), smaller(a.MaxLength, b.MaxLength)
	m.MinItems, m.MaxItems = larger(a.MinItems, b.MinItems), smaller(a.MaxItems, b.MaxItems)
	m.MinProperties, m.MaxProperties = larger(a.MinProperties, b.MinProperties), smaller(a.MaxProperties, b.MaxProperties)
	m.Minimum, m.Maximum = tighter(a.Minimum, b.Minimum, 1), tighter(a.Maximum, b.Maximum, -1)
	m.ExclusiveMinimum = tighter(a.ExclusiveMinimum, b.ExclusiveMinimum, 1)
	m.ExclusiveMaximum = tighter(a.ExclusiveMaximum, b.ExclusiveMaximum, -1)
	m.MultipleOf = json.Number(first(string(a.MultipleOf), string(b.MultipleOf)))
	m.Items = Merge(a.Items, b.Items)
	m.UniqueItems = a.UniqueItems || b.UniqueItems
	m.mergeMembers(a, b)
	if a.AnyOf == nil {
		m.AnyOf = b.AnyOf
	}
	m.Opaque = slices.Concat(a.Opaque, b.Opaque)
	return &m
}

func (s *Schema) mergeEnum(b *Schema) {
	if b.Enum == nil {
		return
	}
	if s.Enum == nil {
		s.Enum = b.Enum
		return
	}
	var both []Literal
	for _, l := range s.Enum {
		if containsLiteral(b.Enum, l) {
			both = append(both, l)
		}
	}
	s.Never = s.Never || both == nil
	s.Enum = both
}

func (s *Schema) mergeMembers(a, b *Schema) {
	s.Properties = nil
	for _, p := range a.Properties {
		other, _ := b.Property(p.Name)
		s.Properties = append(s.Properties, Property{p.Name, Merge(p.Schema, other)})
	}
	for _, p := range b.Properties {
		if _, done := a.Property(p.Name); !done {
			s.Properties = append(s.Properties, Property{p.Name, Merge(a.Additional, p.Schema)})
		}
	}
	s.Additional = Merge(a.Additional, b.Additional)
	s.Required = slices.Clone(a.Required)
	for _, r := range b.Required {
		if !slices.Contains(s.Required, r) {
			s.Required = append(s.Required, r)
		}
	}
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func larger(a, b *int) *int {
	if a == nil || b != nil && *b > *a {
		return b
	}
	return a
}

func smaller(a, b *int) *int {
	if a == nil || b != nil && *b < *a {
		return b
	}
	return a
}

// tighter returns the greater bound for sign 1, the lesser for -1.
func tighter(a, b json.Number, sign int) json.Number {
	if a == "" || b != "" && Compare(b, a)*sign > 0 {
		return b
	}
	return a
}
