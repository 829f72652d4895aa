package evolution_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/multi-tenant/manage-kafka/internal/evolution"
	"github.com/multi-tenant/manage-kafka/internal/evolution/evolutiontest"
	"github.com/multi-tenant/manage-kafka/internal/schema"
	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

func compile(tb testing.TB, raw []byte) *jsonschema.Schema {
	tb.Helper()
	doc, err := strictjson.Decode(raw)
	if err != nil {
		tb.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("mem:///x", doc); err != nil {
		tb.Fatal(err)
	}
	s, err := c.Compile("mem:///x")
	if err != nil {
		tb.Fatalf("%s: %v", raw, err)
	}
	return s
}

// prove wants every value that one schema allows to be allowed by the other,
// when the checker says so. It reports whether it said so.
func prove(tb testing.TB, r *rand.Rand, old, next []byte) bool {
	tb.Helper()
	said := false
	for mode, pair := range map[evolution.Mode][2][]byte{evolution.Backward: {old, next}, evolution.Forward: {next, old}} {
		found, err := evolution.Check(mode, [][]byte{old}, next)
		if err != nil {
			return false
		}
		if len(found) > 0 {
			continue
		}
		said = true
		model, err := schema.Parse(pair[0])
		if err != nil {
			tb.Fatal(err)
		}
		writer, reader := compile(tb, pair[0]), compile(tb, pair[1])
		g := schema.Generator{Rand: r, Optional: 0.5}
		for range 30 {
			raw := g.Value(model, "")
			v, err := strictjson.Decode(raw)
			if err != nil || writer.Validate(v) != nil {
				continue
			}
			if err := reader.Validate(v); err != nil {
				tb.Fatalf("%s of %s\nto %s\nis called compatible, but %s: %v", mode, old, next, raw, err)
			}
		}
	}
	return said
}

func pieces() []string {
	return []string{`true`, `false`, `{}`, `{"type":"string"}`, `{"type":"integer"}`, `{"type":"number"}`, `{"type":["string","null"]}`,
		`{"type":"string","minLength":2}`, `{"type":"string","maxLength":3}`, `{"type":"string","pattern":"^[a-c]+$"}`, `{"type":"string","format":"email"}`,
		`{"enum":["a","b"]}`, `{"enum":["a",1,null]}`, `{"const":"a"}`, `{"type":"integer","minimum":1,"maximum":5}`, `{"type":"number","exclusiveMinimum":1}`,
		`{"type":"integer","multipleOf":2}`, `{"type":"array","items":{"type":"string"},"minItems":1}`, `{"type":"array","uniqueItems":true,"maxItems":2}`,
		`{"type":"object","additionalProperties":{"type":"string"}}`, `{"type":"object","properties":{"x":{"type":"string"}},"required":["x"],"additionalProperties":false}`,
		`{"anyOf":[{"type":"string"},{"type":"integer","minimum":3}]}`, `{"anyOf":[{"required":["x"]},{"required":["y"]}]}`, `{"type":"object","maxProperties":2}`,
		`{"anyOf":[{"type":"object","properties":{"x":false}},{"required":["x","y"]}]}`, `{"not":{"type":"null"}}`}
}

// edit changes a decoded schema at a random place, by one of the changes that
// people make.
func edit(r *rand.Rand, doc any) any {
	object, ok := doc.(map[string]any)
	if !ok || r.IntN(8) == 0 {
		var v any
		_ = json.Unmarshal([]byte(pieces()[r.IntN(len(pieces()))]), &v)
		return v
	}
	properties, _ := object["properties"].(map[string]any)
	names := make([]string, 0, len(properties))
	for name := range properties {
		names = append(names, name)
	}
	slices.Sort(names)
	switch r.IntN(9) {
	case 0:
		delete(object, []string{"required", "additionalProperties", "minLength", "maxLength", "format", "pattern", "enum", "minimum", "anyOf", "minItems"}[r.IntN(10)])
	case 1:
		object["required"] = append([]any{}, "id")
	case 2:
		object["maxLength"] = r.IntN(200)
	case 3:
		object["minLength"] = r.IntN(3)
	case 4:
		object["additionalProperties"] = r.IntN(2) == 0
	case 5:
		object["maxProperties"] = r.IntN(12)
	default:
		if items, ok := object["items"]; ok {
			object["items"] = edit(r, items)
		} else if len(names) > 0 {
			name := names[r.IntN(len(names))]
			if r.IntN(6) == 0 {
				delete(properties, name)
			} else {
				properties[name] = edit(r, properties[name])
			}
		}
	}
	return object
}

func edited(r *rand.Rand, raw []byte) []byte {
	var doc any
	_ = json.Unmarshal(raw, &doc)
	for range 1 + r.IntN(2) {
		doc = edit(r, doc)
	}
	out, _ := json.Marshal(doc)
	return out
}

// TestVerdictsHold is the proof by trial: of random changes to the contract and
// to small schemas, those called compatible must be.
func TestVerdictsHold(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 3))
	files, err := filepath.Glob("../../pkg/events/schemas/*.json")
	if err != nil || len(files) < 35 {
		t.Fatalf("%d schemas, %v", len(files), err)
	}
	said := 0
	const n = 1500
	for i := range n {
		old := []byte(pieces()[r.IntN(len(pieces()))])
		if i%2 == 0 {
			if old, err = os.ReadFile(files[r.IntN(len(files))]); err != nil {
				t.Fatal(err)
			}
		}
		next := edited(r, old)
		if i%5 == 0 {
			next = []byte(pieces()[r.IntN(len(pieces()))])
		}
		if prove(t, r, old, next) {
			said++
		}
	}
	if said < n/4 {
		t.Errorf("%d of %d changes are called compatible: that proves little", said, n)
	}
}

func FuzzCheck(f *testing.F) {
	for _, c := range evolutiontest.Changes() {
		f.Add([]byte(c.Old), []byte(c.New))
	}
	f.Fuzz(func(t *testing.T, old, next []byte) {
		if len(old)+len(next) > 2000 || !compiles(old) || !compiles(next) {
			return
		}
		prove(t, rand.New(rand.NewPCG(1, 1)), old, next)
	})
}

// compiles leaves out texts that are no schema, and those with references or
// dialects, which prove could not judge alone.
func compiles(raw []byte) bool {
	doc, err := strictjson.Decode(raw)
	if err != nil {
		return false
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.UseLoader(jsonschema.SchemeURLLoader{})
	if c.AddResource("mem:///x", doc) != nil {
		return false
	}
	_, err = c.Compile("mem:///x")
	return err == nil
}
