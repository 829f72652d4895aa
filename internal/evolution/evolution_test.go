package evolution_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/evolution"
)

const (
	closed = `{"type":"object","properties":{%s},"required":[%s],"additionalProperties":false}`
	opened = `{"type":"object","properties":{%s},"required":[%s]}`
)

func object(form, properties, required string) string {
	return fmt.Sprintf(form, properties, required)
}

// change is one step from old to new with what speaks against it.
type change struct {
	name, old, new string
	// backward and forward list "pointer rule" pairs.
	backward, forward []string
}

func changes() []change {
	a, b := `"a":{"type":"string"}`, `"b":{"type":"integer"}`
	one := func(v string) string { return object(closed, `"a":`+v, ``) }
	return []change{
		{"nothing", object(closed, a, `"a"`), object(closed, a, `"a"`), nil, nil},
		{"annotations", `{"type":"string","title":"x","description":"y","$id":"urn:x"}`, `{"type":"string","$comment":"z","examples":[1]}`, nil, nil},
		{"optional member, closed", object(closed, a, ``), object(closed, a+`,`+b, ``), nil, []string{"/properties/b member-refused"}},
		{"optional member, open", object(opened, a, ``), object(opened, a+`,`+b, ``), []string{"/properties/b/type type-narrowed"}, nil},
		{"required member, closed", object(closed, a, ``), object(closed, a+`,`+b, `"b"`), []string{"/required required-added"}, []string{"/properties/b member-refused"}},
		{"member gone, closed", object(closed, a+`,`+b, ``), object(closed, a, ``), []string{"/properties/b member-refused"}, nil},
		{"member becomes required", object(closed, a, ``), object(closed, a, `"a"`), []string{"/required required-added"}, nil},
		{"closed", object(opened, a, ``), object(closed, a, ``), []string{"/additionalProperties member-refused"}, nil},
		{"opened", object(closed, a, ``), object(opened, a, ``), nil, []string{"/additionalProperties member-refused"}},
		{"member forbidden", object(closed, a, ``), object(closed, `"a":false`, ``), []string{"/properties/a member-refused"}, nil},
		{"integer to number", one(`{"type":"integer"}`), one(`{"type":"number"}`), nil, []string{"/properties/a/type type-narrowed"}},
		{"string to integer", one(`{"type":"string"}`), one(`{"type":"integer"}`), []string{"/properties/a/type type-narrowed"}, []string{"/properties/a/type type-narrowed"}},
		{"null allowed", one(`{"type":"string"}`), one(`{"type":["string","null"]}`), nil, []string{"/properties/a/type type-narrowed"}},
		{"enum value added", one(`{"enum":["x"]}`), one(`{"enum":["x","y"]}`), nil, []string{"/properties/a/enum enum-narrowed"}},
		{"enum reordered", one(`{"enum":["x","y"]}`), one(`{"enum":["y","x"]}`), nil, nil},
		{"enum for string", one(`{"type":"string"}`), one(`{"type":"string","enum":["x"]}`), []string{"/properties/a enum-narrowed"}, nil},
		{"const is enum", one(`{"const":1}`), one(`{"enum":[1.0]}`), nil, nil},
		{"enum meets length", one(`{"enum":["x","yy"]}`), one(`{"type":"string","maxLength":2}`), nil, []string{"/properties/a enum-narrowed"}},
		{"enum breaks length", one(`{"enum":["x","yyy"]}`), one(`{"type":"string","maxLength":2}`), []string{"/properties/a enum-narrowed"}, []string{"/properties/a enum-narrowed"}},
		{"enum meets pattern", one(`{"enum":["ab"]}`), one(`{"pattern":"^a"}`), nil, []string{"/properties/a enum-narrowed"}},
		{"format added", one(`{"type":"string"}`), one(`{"type":"string","format":"email"}`), []string{"/properties/a/format format-changed"}, nil},
		{"pattern changed", one(`{"type":"string","pattern":"a"}`), one(`{"type":"string","pattern":"b"}`), []string{"/properties/a/pattern pattern-changed"}, []string{"/properties/a/pattern pattern-changed"}},
		{"longer allowed", one(`{"type":"string","maxLength":5}`), one(`{"type":"string","maxLength":9}`), nil, []string{"/properties/a/maxLength length-narrowed"}},
		{"minLength 0", one(`{"type":"string"}`), one(`{"type":"string","minLength":0}`), nil, nil},
		{"minLength", one(`{"type":"string","minLength":1}`), one(`{"type":"string","minLength":2}`), []string{"/properties/a/minLength length-narrowed"}, nil},
		{"minimum lowered", one(`{"type":"integer","minimum":1}`), one(`{"type":"integer","minimum":0}`), nil, []string{"/properties/a/minimum range-narrowed"}},
		{"exclusive to inclusive", one(`{"type":"number","exclusiveMinimum":1}`), one(`{"type":"number","minimum":1}`), nil, []string{"/properties/a/exclusiveMinimum range-narrowed"}},
		{"maximum", one(`{"type":"number","maximum":1}`), one(`{"type":"number","exclusiveMaximum":1}`), []string{"/properties/a/exclusiveMaximum range-narrowed"}, nil},
		{"multipleOf", one(`{"type":"number","multipleOf":6}`), one(`{"type":"number","multipleOf":3}`), nil, []string{"/properties/a/multipleOf range-narrowed"}},
		{"multipleOf 1 of integers", one(`{"type":"integer"}`), one(`{"type":"integer","multipleOf":0.5}`), nil, nil},
		{"bounds beyond 2^53", one(`{"type":"integer","maximum":9007199254740993}`), one(`{"type":"integer","maximum":9007199254740992}`), []string{"/properties/a/maximum range-narrowed"}, nil},
		{"items", one(`{"type":"array","items":{"type":"string"}}`), one(`{"type":"array","items":{"type":"string","maxLength":3}}`), []string{"/properties/a/items/maxLength length-narrowed"}, nil},
		{"unique", one(`{"type":"array"}`), one(`{"type":"array","uniqueItems":true}`), []string{"/properties/a/uniqueItems items-narrowed"}, nil},
		{"unique of one", one(`{"type":"array","maxItems":1}`), one(`{"type":"array","uniqueItems":true}`), nil, []string{"/properties/a/maxItems items-narrowed"}},
		{"minItems", one(`{"type":"array"}`), one(`{"type":"array","minItems":1}`), []string{"/properties/a/minItems items-narrowed"}, nil},
		{"items of an empty array", one(`{"type":"array","maxItems":0}`), one(`{"type":"array","maxItems":0,"items":{"type":"string"}}`), nil, nil},
		{"maxProperties of closed", object(closed, a, ``), `{"type":"object","properties":{` + a + `},"maxProperties":1,"additionalProperties":false}`, nil, nil},
		{"map values", `{"type":"object","additionalProperties":{"type":"string"}}`, `{"type":"object","additionalProperties":{"type":["string","null"]}}`, nil, []string{"/additionalProperties/type type-narrowed"}},
		{"map member named", `{"type":"object","additionalProperties":{"type":"string"}}`, `{"type":"object","properties":{"a":{"type":"integer"}},"additionalProperties":{"type":"string"}}`,
			[]string{"/properties/a/type type-narrowed"}, []string{"/properties/a/type type-narrowed"}},
		{"alternative added", `{"anyOf":[{"type":"string"}]}`, `{"anyOf":[{"type":"string"},{"type":"null"}]}`, nil, []string{"/anyOf alternative-removed"}},
		{"alternatives reordered", `{"anyOf":[{"type":"null"},{"type":"string"}]}`, `{"anyOf":[{"type":"string"},{"type":"null"}]}`, nil, nil},
		{"alternative for type", `{"type":"string"}`, `{"anyOf":[{"type":"string"},{"type":"null"}]}`, nil, []string{"/type type-narrowed"}},
		{"required alternative", `{"type":"object","anyOf":[{"required":["a"]}]}`, `{"type":"object","anyOf":[{"required":["a"]},{"required":["b"]}]}`, nil, []string{"/anyOf alternative-removed"}},
		{"unknown keyword, same", `{"not":{"const":1}}`, `{"not":{"const":1.0}}`, nil, nil},
		{"unknown keyword, new", `{}`, `{"not":{"const":1}}`, []string{"/not unknown-keyword"}, []string{" unknown-keyword"}},
		{"unknown keyword, other", `{"not":{"const":2}}`, `{"not":{"const":1}}`, []string{"/not unknown-keyword"}, []string{"/not unknown-keyword"}},
		{"patternProperties, beside", `{"patternProperties":{"^x":{}},"additionalProperties":false}`, `{"patternProperties":{"^x":{}},"properties":{"xa":{"type":"null"}},"additionalProperties":false}`,
			[]string{" unknown-keyword"}, []string{" unknown-keyword", "/properties/xa member-refused"}},
		{"reference followed", `{"$ref":"#/definitions/a","definitions":{"a":{"type":"string"}}}`, `{"type":"string"}`, nil, nil},
		{"reference with neighbours", `{"$ref":"#/definitions/a","minLength":1,"definitions":{"a":{"type":"string"}}}`, `{"$ref":"#/definitions/a","minLength":1,"definitions":{"a":{"type":"integer"}}}`,
			[]string{"/$ref unknown-keyword"}, []string{"/$ref unknown-keyword"}},
		{"reference deep in an unknown", `{"allOf":[{"$ref":"#/definitions/a"}],"definitions":{"a":{"type":"string"}}}`, `{"allOf":[{"$ref":"#/definitions/a"}],"definitions":{"a":{"type":"integer"}}}`,
			[]string{"/allOf unknown-keyword"}, []string{"/allOf unknown-keyword"}},
		{"everything to nothing", `true`, `false`, []string{" member-refused"}, nil},
	}
}

func keys(list []evolution.Difference) []string {
	var out []string
	for _, d := range list {
		out = append(out, d.Pointer+" "+string(d.Rule))
	}
	return out
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, c := range changes() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for mode, want := range map[evolution.Mode][]string{evolution.Backward: c.backward, evolution.Forward: c.forward, evolution.Full: append(append([]string(nil), c.backward...), c.forward...), evolution.None: nil} {
				got, err := evolution.Check(mode, [][]byte{[]byte(c.old)}, []byte(c.new))
				if err != nil {
					t.Fatal(err)
				}
				if strings.Join(keys(got), "\n") != strings.Join(want, "\n") {
					t.Errorf("%s: got %v, want %v", mode, got, want)
				}
			}
		})
	}
}

func TestCheckTransitive(t *testing.T) {
	t.Parallel()
	with := func(maxLength int) []byte { return fmt.Appendf(nil, `{"type":"string","maxLength":%d}`, maxLength) }
	old := [][]byte{with(9), with(3)}
	for mode, want := range map[evolution.Mode]string{
		evolution.Backward:           "",
		evolution.BackwardTransitive: "/maxLength: texts of more than 5 characters may come (length-narrowed, new reads old)",
		evolution.Forward:            "/maxLength: texts of more than 3 characters may come (length-narrowed, old reads new)",
		evolution.ForwardTransitive:  "/maxLength: texts of more than 3 characters may come (length-narrowed, old reads new)",
	} {
		got, err := evolution.Check(mode, old, with(5))
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, d := range got {
			lines = append(lines, d.String())
		}
		if strings.Join(lines, "\n") != want {
			t.Errorf("%s: got %q, want %q", mode, lines, want)
		}
	}
	if got, err := evolution.Check(evolution.FullTransitive, nil, with(5)); len(got) > 0 || err != nil {
		t.Errorf("the first version: %v, %v", got, err)
	}
	if _, err := evolution.ParseMode("backward"); !errors.Is(err, evolution.ErrMode) {
		t.Errorf("a mode in lower case: %v", err)
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	a, b := `"a":{"type":"string"}`, `"b":{"type":"integer"}`
	for name, c := range map[string]struct{ old, new, consumers, producers string }{
		"optional member":    {object(closed, a, ``), object(closed, a+`,`+b, ``), "", ""},
		"member gone":        {object(closed, a+`,`+b, ``), object(closed, a, ``), "", ""},
		"required member":    {object(closed, a, ``), object(closed, a+`,`+b, `"b"`), "/required required-added", ""},
		"no longer required": {object(closed, a, `"a"`), object(closed, a, ``), "", "/required required-added"},
		"enum value":         {object(closed, `"a":{"enum":["x"]}`, ``), object(closed, `"a":{"enum":["x","y"]}`, ``), "", "/properties/a/enum enum-narrowed"},
	} {
		v, err := evolution.Judge([]byte(c.old), []byte(c.new))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(keys(v.ConsumersFirst), ","); got != c.consumers {
			t.Errorf("%s, consumers first: got %q, want %q", name, got, c.consumers)
		}
		if got := strings.Join(keys(v.ProducersFirst), ","); got != c.producers {
			t.Errorf("%s, producers first: got %q, want %q", name, got, c.producers)
		}
		if all, err := v.Allows(evolution.AnyOrder); err != nil || len(all) != len(v.ConsumersFirst)+len(v.ProducersFirst) {
			t.Errorf("%s, any order: %v, %v", name, all, err)
		}
	}
}

func TestHostileSchemas(t *testing.T) {
	t.Parallel()
	double := `{"type":"string"}`
	for range 12 {
		double = `{"anyOf":[` + double + `,` + double + `]}`
	}
	for name, c := range map[string]struct{ schema, want string }{
		"deep":          {strings.Repeat(`{"items":`, 5000) + `{}` + strings.Repeat(`}`, 5000), "nested deeper"},
		"large":         {`{"enum":["` + strings.Repeat("a", 300_000) + `"]}`, "too large"},
		"reference":     {`{"properties":{"a":{"$ref":"#"}}}`, "back to itself"},
		"references":    {`{"$ref":"#/definitions/a","definitions":{"a":{"$ref":"#/definitions/b"},"b":{"$ref":"#/definitions/a"}}}`, "back to itself"},
		"nowhere":       {`{"$ref":"#/definitions/a"}`, "points at nothing"},
		"doubling":      {bomb(), "too large"},
		"long pattern":  {`{"pattern":"` + strings.Repeat("a", 2000) + `"}`, "too large"},
		"heavy pattern": {`{"pattern":"((a{100}){100}){100}"}`, "error parsing regexp"},
		"duplicate":     {`{"type":"string","type":"null"}`, "duplicate member"},
		"no schema":     {`[]`, "must be an object or a boolean"},
		"wrong type":    {`{"type":"text"}`, "is no type"},
	} {
		start := time.Now()
		_, err := evolution.Check(evolution.Full, [][]byte{[]byte(`{}`)}, []byte(c.schema))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %.200v, want %q", name, err, c.want)
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("%s took %s", name, d)
		}
	}
	start := time.Now()
	narrowed := strings.Replace(double, `"string"`, `"integer"`, 1)
	if found, err := evolution.Check(evolution.Full, [][]byte{[]byte(double)}, []byte(`{"anyOf":[`+narrowed+`]}`)); err != nil || len(found) == 0 {
		t.Errorf("alternatives in alternatives: %v, %v", found, err)
	}
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("alternatives in alternatives took %s", d)
	}
}

// bomb is a short schema that becomes a huge one when references are followed.
func bomb() string {
	var b strings.Builder
	b.WriteString(`{"$ref":"#/definitions/d0","definitions":{"d30":{}`)
	for i := range 30 {
		fmt.Fprintf(&b, `,"d%d":{"anyOf":[{"$ref":"#/definitions/d%d"},{"$ref":"#/definitions/d%d"}]}`, i, i+1, i+1)
	}
	return b.String() + "}}"
}
