package schemaset_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/internal/schemaset"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		file, body, name string
	}{
		{"a.json", `{"title":"order.created"}`, "order.created"},
		{"dir/order.created.json", `{}`, "order.created"},
		{"order.created.v1.json", `{}`, "order.created"},
		{"order.created.v2.json", `{}`, "order.created v2"},
		{"order.created.v2.json", `{"$id":"urn:x:order.created:3.1"}`, "order.created v3"},
		{"x.json", `{"title":"t","$id":"https://example.com/t/2.0"}`, "t v2"},
		{"x.json", `{"title":"t","$id":"https://example.com/t"}`, "t"},
		{"order.created.v0.json", `{}`, "order.created.v0"},
	} {
		s, err := schemaset.Parse(test.file, []byte(test.body))
		if err != nil || s.Name() != test.name {
			t.Errorf("%s %s: %s, %v; want %s", test.file, test.body, s.Name(), err, test.name)
		}
	}
	if _, err := schemaset.Parse("a.json", []byte(`[`)); err == nil || !strings.HasPrefix(err.Error(), "a.json: is no JSON Schema: ") {
		t.Errorf("%v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("a.v2.json", []byte(`{"title":"t","$id":"x:1.0"}`))
	f.Add("", []byte(`{}`))
	f.Add("x", []byte(`{"title":1}`))
	f.Fuzz(func(t *testing.T, file string, body []byte) {
		s, err := schemaset.Parse(file, body)
		if err == nil && s.Major < 1 {
			t.Errorf("major %d", s.Major)
		}
	})
}

func write(t *testing.T, path, body string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
}

func names(list []schemaset.Schema) string {
	var all []string
	for _, s := range list {
		all = append(all, s.Name())
	}
	return strings.Join(all, " ")
}

func TestRead(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "s[1]*?")
	write(t, filepath.Join(dir, "a.json"), `{}`)
	write(t, filepath.Join(dir, "b.v2.json"), `{}`)
	write(t, filepath.Join(dir, "notes.txt"), `no schema`)
	write(t, filepath.Join(dir, "deep", "c.json"), `{}`)
	list, err := schemaset.Read(dir)
	if err != nil || names(list) != "a b v2" {
		t.Errorf("%s, %v", names(list), err)
	}
	if list, err = schemaset.Read(filepath.Join(dir, "a.json")); err != nil || names(list) != "a" {
		t.Errorf("%s, %v", names(list), err)
	}
	write(t, filepath.Join(dir, "again.json"), `{"title":"a"}`)
	if _, err := schemaset.Read(dir); err == nil || !strings.HasSuffix(err.Error(), "are both the schema of a") {
		t.Errorf("%v", err)
	}
	write(t, filepath.Join(dir, "big", "big.json"), `{"title":"`+strings.Repeat("x", 1<<20)+`"}`)
	if _, err := schemaset.Read(filepath.Join(dir, "big")); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("%v", err)
	}
	if _, err := schemaset.Read(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestReadRevision(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("LEFT OUT: git is missing; install it (Debian: apt-get install git)")
	}
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=n", "-c", "user.email=e@example.com"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	path := filepath.Join(dir, "schemas")
	write(t, filepath.Join(path, "a.json"), `{"type":"object"}`)
	write(t, filepath.Join(path, "b.json"), `{}`)
	git("init", "-q")
	git("add", ".")
	git("commit", "-q", "-m", "one")
	git("tag", "v1")
	write(t, filepath.Join(path, "a.json"), `{"type":"array"}`)
	write(t, filepath.Join(path, "new", "c.json"), `{}`)
	git("add", ".")
	git("commit", "-q", "-m", "two")

	list, err := schemaset.ReadRevision(t.Context(), path, "v1")
	if err != nil || names(list) != "a b" || string(list[0].Body) != `{"type":"object"}` || list[0].File != filepath.Join(path, "a.json")+" at v1" {
		t.Errorf("%s, %v", names(list), err)
	}
	if list, err = schemaset.ReadRevision(t.Context(), filepath.Join(path, "b.json"), "HEAD"); err != nil || names(list) != "b" {
		t.Errorf("%s, %v", names(list), err)
	}
	if list, err = schemaset.ReadRevision(t.Context(), filepath.Join(path, "new"), "v1"); err != nil || len(list) != 0 {
		t.Errorf("%s, %v", names(list), err)
	}
	for _, revision := range []string{"v2", "--help", "", "HEAD:schemas", "v1; true"} {
		if _, err := schemaset.ReadRevision(t.Context(), path, revision); !errors.Is(err, schemaset.ErrRevision) {
			t.Errorf("%q: %v", revision, err)
		}
	}
	if _, err := schemaset.ReadRevision(t.Context(), t.TempDir(), "v1"); !errors.Is(err, schemaset.ErrRevision) {
		t.Errorf("outside of a repository: %v", err)
	}
}
