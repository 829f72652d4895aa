package schema

import (
	"encoding/json"
	"fmt"
	"regexp"
)

func (s *Schema) setText(name, text, at string) error {
	switch name {
	case "$id":
		s.ID = text
	case "title":
		s.Title = text
	case "description":
		s.Description = text
	case "format":
		s.Format = text
	case "pattern":
		if len(text) > MaxPattern {
			return fmt.Errorf("schema at %q: %w: a pattern of %d bytes, %d are allowed", at, ErrTooLarge, len(text), MaxPattern)
		}
		if _, err := regexp.Compile(text); err != nil {
			return fmt.Errorf("schema at %q: %w", at, err)
		}
		s.Pattern = text
	}
	return nil
}

func (s *Schema) count(name string) **int {
	switch name {
	case "minLength":
		return &s.MinLength
	case "maxLength":
		return &s.MaxLength
	case "minItems":
		return &s.MinItems
	case "maxItems":
		return &s.MaxItems
	case "minProperties":
		return &s.MinProperties
	}
	return &s.MaxProperties
}

func (s *Schema) number(name string) *json.Number {
	switch name {
	case "minimum":
		return &s.Minimum
	case "maximum":
		return &s.Maximum
	case "exclusiveMinimum":
		return &s.ExclusiveMinimum
	case "exclusiveMaximum":
		return &s.ExclusiveMaximum
	}
	return &s.MultipleOf
}

// count reads a number of things; 2.0 is one too.
func count(v tree) (int, bool) {
	if v.kind != '-' && (v.kind < '0' || v.kind > '9') {
		return 0, false
	}
	r := rat(json.Number(v.raw))
	if !r.IsInt() || r.Sign() < 0 || !r.Num().IsInt64() || r.Num().Int64() > 1<<31-1 {
		return 0, false
	}
	return int(r.Num().Int64()), true
}

func (s *Schema) setTypes(v tree, at string) error {
	names := []tree{v}
	if v.kind == '[' {
		names = v.items
	}
	s.Types = 0
	for _, n := range names {
		k := kindOf(n.text())
		if k == 0 {
			return fmt.Errorf("schema at %q: %s is no type", at, n.raw)
		}
		s.Types |= k
	}
	if s.Types == 0 {
		return fmt.Errorf("schema at %q: must name a type", at)
	}
	return nil
}

func kindOf(name string) Kinds {
	switch name {
	case "null":
		return Null
	case "boolean":
		return Boolean
	case "integer":
		return Integer
	case "number":
		return Number | Integer
	case "string":
		return String
	case "array":
		return Array
	case "object":
		return Object
	}
	return 0
}

// setEnum reads enum or const; with both, what is in both is allowed.
func (s *Schema) setEnum(name string, v tree, at string) error {
	values := []tree{v}
	if name == "enum" {
		if v.kind != '[' || len(v.items) == 0 {
			return fmt.Errorf("schema at %q: must list values", at)
		}
		values = v.items
	}
	var list []Literal
	for _, item := range values {
		l, err := newLiteral(item.raw)
		if err != nil {
			return err
		}
		if s.Enum == nil || containsLiteral(s.Enum, l) {
			list = append(list, l)
		}
	}
	if list == nil {
		s.Never = true
	}
	s.Enum = list
	return nil
}

func containsLiteral(list []Literal, l Literal) bool {
	for _, other := range list {
		if other.Canonical == l.Canonical {
			return true
		}
	}
	return false
}

func (s *Schema) setRequired(v tree, at string) error {
	if v.kind != '[' {
		return fmt.Errorf("schema at %q: must list member names", at)
	}
	for _, item := range v.items {
		if item.kind != '"' {
			return fmt.Errorf("schema at %q: %s is no member name", at, item.raw)
		}
		if name := item.text(); !s.Requires(name) {
			s.Required = append(s.Required, name)
		}
	}
	return nil
}
