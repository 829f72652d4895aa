package schema

import (
	"encoding/json"
	"regexp"
	"unicode/utf8"
)

// Allows reports whether a decoded value (map[string]any, []any, string,
// json.Number, bool or nil) is surely valid. False may also mean that it is not
// known: what lies outside the subset, and formats in unusual spellings.
func (s *Schema) Allows(v any) bool {
	if s == nil {
		return true
	}
	if s.Never || len(s.Opaque) > 0 || s.Types&kindsOf(v) == 0 {
		return false
	}
	if s.Enum != nil && !containsLiteral(s.Enum, Literal{Canonical: canonical(v)}) {
		return false
	}
	if len(s.AnyOf) > 0 && !s.anyAllows(v) {
		return false
	}
	switch v := v.(type) {
	case string:
		return s.allowsText(v)
	case json.Number:
		return s.allowsNumber(v)
	case []any:
		return s.allowsItems(v)
	case map[string]any:
		return s.allowsMembers(v)
	}
	return true
}

func (s *Schema) anyAllows(v any) bool {
	for _, a := range s.AnyOf {
		if a.Allows(v) {
			return true
		}
	}
	return false
}

// kindsOf is the type of a value; 1.0 is an integer.
func kindsOf(v any) Kinds {
	switch v := v.(type) {
	case bool:
		return Boolean
	case string:
		return String
	case json.Number:
		if rat(v).IsInt() {
			return Integer
		}
		return Number
	case []any:
		return Array
	case map[string]any:
		return Object
	}
	return Null
}

func within(n int, least, most *int) bool {
	return (least == nil || n >= *least) && (most == nil || n <= *most)
}

func (s *Schema) allowsText(v string) bool {
	if !within(utf8.RuneCountInString(v), s.MinLength, s.MaxLength) {
		return false
	}
	if s.Pattern != "" {
		if ok, err := regexp.MatchString(s.Pattern, v); !ok || err != nil {
			return false
		}
	}
	if s.Format == "" {
		return true
	}
	check := quickFormat(s.Format)
	return check != nil && check([]byte(v))
}

func (s *Schema) allowsNumber(v json.Number) bool {
	return (s.Minimum == "" || Compare(v, s.Minimum) >= 0) &&
		(s.Maximum == "" || Compare(v, s.Maximum) <= 0) &&
		(s.ExclusiveMinimum == "" || Compare(v, s.ExclusiveMinimum) > 0) &&
		(s.ExclusiveMaximum == "" || Compare(v, s.ExclusiveMaximum) < 0) &&
		(s.MultipleOf == "" || Multiple(v, s.MultipleOf))
}

func (s *Schema) allowsItems(v []any) bool {
	if !within(len(v), s.MinItems, s.MaxItems) {
		return false
	}
	seen := map[string]bool{}
	for _, item := range v {
		if !s.Items.Allows(item) {
			return false
		}
		if key := canonical(item); s.UniqueItems && seen[key] {
			return false
		} else if s.UniqueItems {
			seen[key] = true
		}
	}
	return true
}

func (s *Schema) allowsMembers(v map[string]any) bool {
	if !within(len(v), s.MinProperties, s.MaxProperties) {
		return false
	}
	for _, r := range s.Required {
		if _, ok := v[r]; !ok {
			return false
		}
	}
	for name, sub := range v {
		if demand, _ := s.Property(name); !demand.Allows(sub) {
			return false
		}
	}
	return true
}

// KindOf is the type of a literal's value; a number without a fraction is an
// Integer, whatever its spelling.
func (l Literal) KindOf() Kinds { return kindsOf(l.Value()) }
