package eventgen_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/multi-tenant/manage-kafka/pkg/events/internal/eventgen"
)

func TestRegistryIsFresh(t *testing.T) {
	t.Parallel()
	want, err := eventgen.Registry(os.DirFS("../../schemas"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../registry_gen.go")
	if err != nil || string(got) != string(want) {
		t.Fatalf("registry_gen.go is stale (%v): run go generate ./pkg/events", err)
	}
}

func TestRegistryOfTwoMajors(t *testing.T) {
	t.Parallel()
	schema := func(version string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(`{"$id":"urn:multi-tenant:event:order.made:` + version + `","title":"order.made","description":"In ` + version + `.","type":"object"}`)}
	}
	got, err := eventgen.Registry(fstest.MapFS{"order.made.v10.json": schema("10.0"), "order.made.v2.json": schema("2.3")})
	if err != nil || !strings.Contains(string(got), `{OrderMade, "In 10.0.", []string{"2.3", "10.0"}},`) {
		t.Fatalf("%v:\n%s", err, got)
	}
}

func TestRegistryRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, schema, want string }{
		"name":    {"a.b.json", `{}`, "must be named"},
		"title":   {"a.b.v1.json", `{"title":"a.c"}`, `title is "a.c"`},
		"id":      {"a.b.v1.json", `{"title":"a.b","$id":"urn:multi-tenant:event:a.b:2.0"}`, "$id is"},
		"keyword": {"a.b.v1.json", `{"title":"a.b","$id":"urn:multi-tenant:event:a.b:1.0","not":{}}`, "outside the subset"},
		"text":    {"a.b.v1.json", `{"title":"a.b","$id":"urn:multi-tenant:event:a.b:1.0"}`, "no description"},
	} {
		_, err := eventgen.Registry(fstest.MapFS{c.file: &fstest.MapFile{Data: []byte(c.schema)}})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}
