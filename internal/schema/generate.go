package schema

import (
	"encoding/json"
	"math/rand/v2"
	"slices"

	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

// A Generator makes values that a schema of the subset allows. What it makes of
// a schema beyond the subset, or of one that contradicts itself, is only a
// candidate: the caller validates.
type Generator struct {
	Rand *rand.Rand
	// Optional is the chance, 0 to 1, of a member that is not required.
	Optional float64
	// Hint may offer a value for the member name; a text is used when the schema
	// allows its length and pattern. It may be nil.
	Hint func(name string, s *Schema) (json.RawMessage, bool)
}

// Value makes one value. name is the member it is for, "" for none.
func (g *Generator) Value(s *Schema, name string) json.RawMessage {
	return g.value(s, name, 0)
}

const (
	// deepest bounds values of schemas that allow anything.
	deepest = 4
	// longest bounds values whose schema demands a size out of all proportion.
	longest = 4096
)

func (g *Generator) value(s *Schema, name string, depth int) json.RawMessage {
	if s == nil {
		s = &Schema{Types: Any}
	}
	if len(s.AnyOf) > 0 {
		rest := *s
		rest.AnyOf = nil
		s = Merge(&rest, s.AnyOf[g.Rand.IntN(len(s.AnyOf))])
		return g.value(s, name, depth)
	}
	if len(s.Enum) > 0 {
		return s.Enum[g.Rand.IntN(len(s.Enum))].Raw
	}
	if g.Hint != nil {
		if v, ok := g.Hint(name, s); ok && fitsText(s, v) {
			return v
		}
	}
	switch g.kind(s, depth) {
	case Boolean:
		return [...]json.RawMessage{json.RawMessage("true"), json.RawMessage("false")}[g.Rand.IntN(2)]
	case Integer, Number:
		return g.number(s)
	case String:
		return strictjson.AppendString(nil, g.text(s))
	case Array:
		return g.array(s, name, depth)
	case Object:
		return g.object(s, depth)
	}
	return json.RawMessage("null")
}

// kind picks one of the allowed types: texts and numbers where there is a
// choice at all and the value is deep already.
func (g *Generator) kind(s *Schema, depth int) Kinds {
	var list []Kinds
	for bit := Null; bit <= Object; bit <<= 1 {
		if s.Types&bit != 0 && (depth < deepest || bit < Array) {
			list = append(list, bit)
		}
	}
	if len(list) == 0 {
		return s.Types
	}
	return list[g.Rand.IntN(len(list))]
}

func (g *Generator) object(s *Schema, depth int) json.RawMessage {
	dst := []byte{'{'}
	count := 0
	put := func(name string, value json.RawMessage) {
		if count++; count > 1 {
			dst = append(dst, ',')
		}
		dst = append(strictjson.AppendString(dst, name), ':')
		dst = append(dst, value...)
	}
	most := 1 << 30
	if s.MaxProperties != nil {
		most = *s.MaxProperties
	}
	for _, p := range s.Properties {
		never := p.Schema != nil && p.Schema.Never
		if s.Requires(p.Name) || !never && count < most-len(s.Required) && g.Rand.Float64() < g.Optional {
			put(p.Name, g.value(p.Schema, p.Name, depth+1))
		}
	}
	for _, r := range s.Required {
		if _, named := s.Property(r); !named {
			put(r, g.value(s.Additional, r, depth+1))
		}
	}
	if s.Additional != nil && s.Additional.Never {
		return append(dst, '}')
	}
	more := 0
	if s.MinProperties != nil {
		more = min(*s.MinProperties, longest) - count
	}
	// a schema that names no members is a map, which is dull when empty
	if len(s.Properties) == 0 && depth < deepest {
		more = max(more, 1+g.Rand.IntN(3))
	}
	for i := 0; i < more && count < most; i++ {
		name := mapKeys()[i%len(mapKeys())]
		if i >= len(mapKeys()) {
			name += string(rune('a' + i/len(mapKeys())))
		}
		if _, named := s.Property(name); !named && !s.Requires(name) {
			put(name, g.value(s.Additional, name, depth+1))
		}
	}
	return append(dst, '}')
}

func mapKeys() []string {
	return []string{"region", "channel", "plan", "module", "locale", "team", "stage", "device", "campaign", "variant"}
}

func (g *Generator) array(s *Schema, name string, depth int) json.RawMessage {
	least, most := 0, 3
	if s.MinItems != nil {
		least = min(*s.MinItems, longest)
	}
	most = max(most, least)
	if s.MaxItems != nil {
		most = min(most, *s.MaxItems)
	}
	n := least
	if most > least {
		n += g.Rand.IntN(most - least + 1)
	}
	var items []string
	dst := []byte{'['}
	for tries := 0; len(items) < n && tries < n+20; tries++ {
		item := g.value(s.Items, name, depth+1)
		if s.UniqueItems && slices.Contains(items, string(item)) {
			continue
		}
		if len(items) > 0 {
			dst = append(dst, ',')
		}
		items = append(items, string(item))
		dst = append(dst, item...)
	}
	return append(dst, ']')
}

// number makes one at or near a bound, where there is one.
func (g *Generator) number(s *Schema) json.RawMessage {
	low, high := "", ""
	if n := tighter(s.Minimum, s.ExclusiveMinimum, 1); n != "" {
		low = string(n)
	}
	if n := tighter(s.Maximum, s.ExclusiveMaximum, -1); n != "" {
		high = string(n)
	}
	step := rat(json.Number(first(string(s.MultipleOf), "1")))
	at := rat(json.Number(first(low, first(high, "0"))))
	if s.MultipleOf != "" || s.Types&Number == 0 {
		// up to the next multiple
		at.Quo(at, step)
		if !at.IsInt() {
			at = floor(at)
			if low != "" {
				at.Add(at, rat("1"))
			}
		}
		at.Mul(at, step)
	}
	down := low == "" && high != ""
	moves := int64(g.Rand.IntN(3))
	if low == "" && high == "" {
		moves = g.Rand.Int64N(10_000)
	} else if low != "" && high == "" {
		moves = []int64{0, 1, g.Rand.Int64N(100), g.Rand.Int64N(1_000_000)}[g.Rand.IntN(4)]
	}
	if string(s.ExclusiveMinimum) == low && low != "" || string(s.ExclusiveMaximum) == high && down {
		moves++
	}
	offset := rat(json.Number(itoa(moves)))
	offset.Mul(offset, step)
	if down {
		offset.Neg(offset)
	}
	if moved := rat("0").Add(at, offset); high == "" || moved.Cmp(rat(json.Number(high))) <= 0 {
		at = moved
	}
	if at.IsInt() {
		if s.Types&Number != 0 && s.MultipleOf == "" && low == "" && high == "" && g.Rand.IntN(2) == 0 {
			return json.RawMessage(at.Num().String() + ".25")
		}
		return json.RawMessage(at.Num().String())
	}
	return json.RawMessage(at.FloatString(12))
}
