package schema

import (
	"encoding/json"
	"math/big"
	"slices"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

// A Literal is one value of an enum.
type Literal struct {
	// Raw is its text in the schema.
	Raw json.RawMessage
	// Canonical is equal for two literals exactly when JSON Schema holds the
	// values equal: 1 and 1.0 are, member order does not count.
	Canonical string
}

// Value is the decoded value, nil for a text that is no JSON.
func (l Literal) Value() any {
	v, err := strictjson.Decode(l.Raw)
	if err != nil {
		return nil
	}
	return v
}

// Text returns the value of a literal that is a string.
func (l Literal) Text() (string, bool) {
	s, ok := l.Value().(string)
	return s, ok
}

func newLiteral(raw []byte) (Literal, error) {
	v, err := strictjson.Decode(raw)
	if err != nil {
		return Literal{}, err
	}
	return Literal{slices.Clone(raw), canonical(v)}, nil
}

// canonical writes a decoded value so that equal values have equal texts.
func canonical(v any) string {
	switch v := v.(type) {
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		var b strings.Builder
		b.WriteByte('{')
		for _, name := range names {
			b.Write(strictjson.AppendString(nil, name))
			b.WriteString(":" + canonical(v[name]) + ",")
		}
		return b.String() + "}"
	case []any:
		var b strings.Builder
		b.WriteByte('[')
		for _, item := range v {
			b.WriteString(canonical(item) + ",")
		}
		return b.String() + "]"
	case string:
		return string(strictjson.AppendString(nil, v))
	case json.Number:
		return rat(v).RatString()
	case bool:
		if v {
			return "true"
		}
		return "false"
	}
	return "null"
}

// rat is the exact value of a number, which strictjson has bounded.
func rat(n json.Number) *big.Rat {
	r, ok := new(big.Rat).SetString(string(n))
	if !ok {
		return new(big.Rat)
	}
	return r
}

// Compare orders two numbers by value.
func Compare(a, b json.Number) int { return rat(a).Cmp(rat(b)) }

// Multiple reports whether a is a multiple of b, which is not 0.
func Multiple(a, b json.Number) bool {
	return new(big.Rat).Quo(rat(a), rat(b)).IsInt()
}
