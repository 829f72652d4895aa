package schema_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/multi-tenant/manage-kafka/internal/schema"
	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

// subject is one schema of the contract, or one that uses what the contract
// does not, with the judge of what is valid.
type subject struct {
	name    string
	raw     []byte
	model   *schema.Schema
	checker *schema.Checker
	judge   *jsonschema.Schema
}

func extras() []string {
	return []string{
		`{"type":"string","pattern":"^a[0-9]*b$"}`,
		`{"type":"string","pattern":"b+$","maxLength":8}`,
		`{"type":"string","pattern":"^[^a-c]{2,}$"}`,
		`{"type":"string","pattern":"(?i)^abc$"}`,
		`{"type":"string","pattern":"^a|b$"}`,
		`{"type":"string","pattern":"^.a.$"}`,
		`{"type":["string","null"],"minLength":2,"maxLength":3}`,
		`{"type":"array","items":{"type":"integer","minimum":-5,"maximum":5},"minItems":1,"maxItems":3}`,
		`{"type":"array","uniqueItems":true}`,
		`{"type":"object","minProperties":1,"maxProperties":2,"properties":{"a":{"type":"number"}}}`,
		`{"type":"object","properties":{"a":{}},"required":["a"],"additionalProperties":{"type":"string"}}`,
		`{"anyOf":[{"required":["a"]},{"type":"string","format":"uuid"},{"type":"object","properties":{"b":false}}]}`,
		`{"enum":["a","b"],"type":["string","integer"]}`,
		`{"type":"string","format":"email"}`, `{"type":"string","format":"ipv6"}`, `{"type":"string","format":"ipv4"}`,
		`{"type":"string","format":"date"}`, `{"type":"string","format":"date-time"}`, `{"type":"string","format":"uuid"}`,
		`{"type":"integer"}`, `true`, `false`, `{"type":"number","minimum":1}`,
	}
}

func subjects(tb testing.TB) []subject {
	tb.Helper()
	files, err := filepath.Glob("../../pkg/events/schemas/*.json")
	if err != nil || len(files) < 35 {
		tb.Fatalf("%d schemas, %v", len(files), err)
	}
	var list []subject
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			tb.Fatal(err)
		}
		list = append(list, newSubject(tb, filepath.Base(f), raw))
		if list[len(list)-1].checker == nil {
			tb.Fatalf("%s: has no quick check", f)
		}
	}
	for _, raw := range extras() {
		list = append(list, newSubject(tb, raw, []byte(raw)))
	}
	return list
}

func newSubject(tb testing.TB, name string, raw []byte) subject {
	tb.Helper()
	model, err := schema.Parse(raw)
	if err != nil {
		tb.Fatalf("%s: %v", name, err)
	}
	doc, err := strictjson.Decode(raw)
	if err != nil {
		tb.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("mem:///x", doc); err != nil {
		tb.Fatal(err)
	}
	judge, err := c.Compile("mem:///x")
	if err != nil {
		tb.Fatalf("%s: %v", name, err)
	}
	return subject{name, raw, model, schema.NewChecker(model), judge}
}

func (s subject) quick(data []byte) bool {
	var (
		scan   strictjson.Scanner
		caught schema.Caught
	)
	scan.Reset(data)
	return s.checker != nil && s.checker.Check(&scan, &caught) && scan.End() == nil
}

// compare wants what the quick check passes to be valid.
func (s subject) compare(t *testing.T, data []byte) {
	t.Helper()
	if !s.quick(data) {
		return
	}
	v, err := strictjson.Decode(data)
	if err == nil {
		err = s.judge.Validate(v)
	}
	if err != nil {
		t.Fatalf("%s: the quick check passes %q, but: %v", s.name, data, err)
	}
}

// TestGeneratedValues holds three parts against each other: the generator makes
// valid values, and the quick check passes nearly all of them.
func TestGeneratedValues(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for _, s := range subjects(t) {
		if s.model.Never {
			continue
		}
		g := schema.Generator{Rand: rand.New(rand.NewPCG(seed, 1)), Optional: 0.5}
		passed := 0
		const n = 100
		for range n {
			v := g.Value(s.model, "")
			doc, err := strictjson.Decode(v)
			if err == nil {
				err = s.judge.Validate(doc)
			}
			if err != nil {
				t.Fatalf("%s: the generator made %s: %v", s.name, v, err)
			}
			if s.quick(v) {
				passed++
			}
		}
		if strings.HasSuffix(s.name, ".json") && passed < n*8/10 {
			t.Errorf("%s: the quick check passes %d of %d valid values", s.name, passed, n)
		}
	}
}

func TestQuickCheckIsSound(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	all := subjects(t)
	g := schema.Generator{Rand: r, Optional: 0.5}
	for i := range 20_000 {
		s := all[i%len(all)]
		from := s
		if i%5 == 0 {
			from = all[r.IntN(len(all))]
		}
		s.compare(t, mutate(r, g.Value(from.model, "")))
	}
}

// mutate changes a few bytes, or puts a piece of the text elsewhere.
func mutate(r *rand.Rand, data []byte) []byte {
	data = bytes.Clone(data)
	for range r.IntN(3) {
		if len(data) < 2 {
			break
		}
		i, j := r.IntN(len(data)), r.IntN(len(data))
		switch r.IntN(5) {
		case 0:
			data[i] = "0123456789aZ.-+:@\"\\{}[],x \x00\xff"[r.IntN(28)]
		case 1:
			data = append(data[:i:i], data[i+1:]...)
		case 2:
			data[i], data[j] = data[j], data[i]
		case 3:
			piece := bytes.Clone(data[min(i, j):max(i, j)])
			data = append(data[:i:i], append(piece, data[i:]...)...)
		case 4:
			data = fmt.Appendf(data[:i:i], "%c%s", "09zT- é\u0301"[r.IntN(8)], data[i:])
		}
	}
	return data
}

// The view of a consumer is as sound: what its quick check passes, the schema
// without its closed objects allows.
func TestOpenedIsSound(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 4))
	g := schema.Generator{Rand: r, Optional: 0.5}
	for _, s := range subjects(t) {
		if !strings.HasSuffix(s.name, ".json") {
			continue
		}
		open := newSubject(t, s.name, bytes.ReplaceAll(s.raw, []byte(`"additionalProperties": false`), []byte(`"additionalProperties": true`)))
		open.checker = schema.NewChecker(s.model.Opened())
		more := 0
		for range 300 {
			v := g.Value(s.model, "")
			open.compare(t, mutate(r, v))
			if added := append([]byte(`{"added":[1],`), v[1:]...); len(v) > 2 && open.quick(added) && !s.quick(added) {
				more++
			}
		}
		if more < 100 {
			t.Errorf("%s: an added member passes %d of 300 times", s.name, more)
		}
	}
}

func FuzzQuickCheck(f *testing.F) {
	all := subjects(f)
	g := schema.Generator{Rand: rand.New(rand.NewPCG(1, 1)), Optional: 0.5}
	for i, s := range all {
		for range 3 {
			f.Add(uint8(i), []byte(g.Value(s.model, "")))
		}
	}
	f.Fuzz(func(t *testing.T, i uint8, data []byte) {
		all[int(i)%len(all)].compare(t, data)
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range subjects(f) {
		f.Add(s.raw)
	}
	f.Add([]byte(`{"$ref":"#"}`))
	f.Add([]byte(`{"$ref":"#/definitions/a","definitions":{"a":{"$ref":"#/definitions/b"},"b":{"$ref":"#/definitions/a"}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := schema.Parse(raw)
		if err != nil {
			return
		}
		schema.NewChecker(s)
		schema.NewChecker(s.Opened())
		g := schema.Generator{Rand: rand.New(rand.NewPCG(1, 1)), Optional: 0.5}
		if len(raw) < 2000 {
			g.Value(s, "")
		}
	})
}
