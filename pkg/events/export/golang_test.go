package export_test

import (
	"encoding/json"
	"fmt"
	"go/format"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/events/export"
)

// What is written is as gofmt has it, for schemas of any shape and members of
// any name.
func TestGoTypesAreFormatted(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 7))
	names := []string{"id", "tenantId", "a-b", "größe", "x`y", `q"q`, "1st", "東", "veryLongNameOfAMember", "z"}
	texts := []string{"", "", "", "The amount.", "Über alles, 東京.", "with\x00 and \ufeff and `", strings.Repeat("many words ", 30), "*/ a\r\nnew line"}
	var object func(depth int) map[string]any
	value := func(depth int) map[string]any {
		s := map[string]any{}
		switch kind := rng.IntN(7); {
		case kind == 0 && depth > 0:
			s = object(depth - 1)
		case kind == 1 && depth > 0:
			s["type"], s["items"] = "array", object(depth-1)
		case kind == 2:
			s["type"], s["enum"] = "string", []string{"a", "long-one", "x`\"\x01"}[:1+rng.IntN(3)]
		case kind == 3:
			s["type"], s["format"] = "string", "date-time"
		case kind == 4:
			s["type"] = "integer"
		case kind == 5:
			s["type"], s["additionalProperties"] = "object", map[string]any{"type": "number"}
		default:
			s["type"] = "string"
		}
		if text := texts[rng.IntN(len(texts))]; text != "" {
			s["description"] = text
		}
		return s
	}
	object = func(depth int) map[string]any {
		members, required := map[string]any{}, []string{}
		for _, i := range rng.Perm(len(names))[:rng.IntN(len(names)+1)] {
			members[names[i]] = value(depth)
			if rng.IntN(2) == 0 {
				required = append(required, names[i])
			}
		}
		return map[string]any{"type": "object", "properties": members, "required": required}
	}
	for i := range 200 {
		root := object(2)
		if text := texts[rng.IntN(len(texts))]; text != "" {
			root["description"] = text
		}
		body, err := json.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		c := catalogue(t, events.UserType{Name: "own.happened", Schema: body})
		source, err := export.GoTypes(c, "own", export.Options{})
		if err != nil {
			t.Fatalf("%d: %v\n%s", i, err, body)
		}
		want, err := format.Source(source)
		if err != nil {
			t.Fatalf("%d: %v\n%s\n%s", i, err, body, source)
		}
		if string(want) != string(source) {
			t.Fatalf("%d: gofmt would have\n%s\nnot\n%s", i, want, source)
		}
	}
}

func TestGoTypesWantAPackageName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a b", "func", "_", "1a", "a;var x int"} {
		want := fmt.Sprintf("go types: %q cannot be the name of a Go package", name)
		if _, err := export.Write(catalogue(t), export.Go, export.Options{Package: name}); err == nil || err.Error() != want {
			t.Errorf("%q: %v", name, err)
		}
	}
}
