package events_test

import (
	"encoding/json"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/events/export"
)

// A judged is one event with our verdict on its data.
type judged struct {
	Type  string          `json:"type"`
	Data  json.RawMessage `json:"data"`
	Event json.RawMessage `json:"event"`
	Valid bool            `json:"valid"`
}

// TestAjvAgrees sends examples of all types and broken ones to ajv, which reads
// the schemas as draft-07, as 2020-12 and in the exported bundle.
func TestAjvAgrees(t *testing.T) {
	t.Parallel()
	dir, modules := workspace(t)
	c, err := events.NewCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	schemas := map[string]json.RawMessage{}
	var cases []judged
	valid := 0
	for _, typ := range c.Types() {
		if schemas[typ.Name], err = c.Schema(typ.Name, 0); err != nil {
			t.Fatal(err)
		}
		for i := range uint64(60) {
			e, err := c.Example(typ.Name, r.Uint64())
			if err != nil {
				t.Fatal(err)
			}
			if i%3 > 0 {
				e.Data = disturbed(t, r, e.Data)
			}
			ok := c.Validate(e) == nil
			cases = append(cases, judged{typ.Name, e.Data, e.Encode(), ok})
			if ok {
				valid++
			}
		}
	}
	if valid < len(cases)/3 || valid > len(cases)*3/4 {
		t.Errorf("%d of %d cases are valid: that compares little", valid, len(cases))
	}
	in, err := json.Marshal(map[string]any{"bundle": json.RawMessage(exported(t, export.JSONSchema)), "schemas": schemas, "cases": cases})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Count       int
		Differences []struct {
			Judge, Type string
			Data        json.RawMessage
			Valid       bool
		}
	}
	out := node(t, modules, in, filepath.Join(dir, "ajv.js"))
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got.Count != 3*len(cases) {
		t.Errorf("ajv judged %d times, want %d", got.Count, 3*len(cases))
	}
	for _, d := range got.Differences {
		t.Errorf("%s says %v about %s %s", d.Judge, d.Valid, d.Type, d.Data)
	}
}

// disturbed replaces, removes or adds one member of the data.
func disturbed(t *testing.T, r *rand.Rand, data json.RawMessage) json.RawMessage {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal(data, &object); err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	name := names[r.IntN(len(names))]
	values := []any{nil, true, 0, -1, 1.5, 7.0, "", "x", "2026-02-30T00:00:00Z", "2026-02-03T04:05:06Z", "2026-02-03T04:05:06+01:00", "2026-02-03", "EUR", "eur",
		"soft", "a@b.example", "not an address", "192.0.2.1", "::1", "/path", "//host", []any{}, []any{"a", "a"}, []any{1}, map[string]any{}, map[string]any{"a": "b"}, "ä"}
	switch r.IntN(5) {
	case 0:
		delete(object, name)
	case 1:
		object["unknown"] = values[r.IntN(len(values))]
	default:
		object[name] = values[r.IntN(len(values))]
	}
	out, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
