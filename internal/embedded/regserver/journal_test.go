package regserver

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/internal/regschema"
)

func open(t *testing.T, dir string) *Server {
	t.Helper()
	s, err := Open(dir, func(level, format string, args ...any) { t.Logf(level+" "+format, args...) })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closed(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func put(t *testing.T, s *Server, subject, text string) int {
	t.Helper()
	id, err := s.register(t.Context(), subject, schemaRequest{Schema: &text, SchemaType: "JSON"}, false)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// filled is a registry with a bit of everything, and its journal.
func filled(t *testing.T) (dir string, journal []byte) {
	t.Helper()
	dir = t.TempDir()
	s := open(t, dir)
	defer closed(t, s)
	for i := range 4 {
		put(t, s, fmt.Sprintf("s%d", i), fmt.Sprintf(`{"title":"%d"}`, i))
	}
	put(t, s, "s0", `{"title":"1"}`)
	_, err1 := s.setConfig("s1", configRequest{Compatibility: "FULL"})
	_, err2 := s.removeSubject("s2", false)
	_, err3 := s.removeSubject("s2", true)
	_, err4 := s.removeVersion("s0", 1, false)
	if err := errors.Join(err1, err2, err3, err4, s.setMode("s3", modeReadOnly, false)); err != nil {
		t.Fatal(err)
	}
	journal, err := os.ReadFile(filepath.Join(dir, "journal"))
	if err != nil {
		t.Fatal(err)
	}
	return dir, journal
}

// TestTornJournal cuts the journal at every byte: what was whole stays, and the
// registry goes on from there.
func TestTornJournal(t *testing.T) {
	t.Parallel()
	_, journal := filled(t)
	for cut := 0; cut <= len(journal); cut += 7 {
		dir := t.TempDir()
		path := filepath.Join(dir, "journal")
		if err := os.WriteFile(path, journal[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(dir, func(string, string, ...any) {})
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if whole := strings.Count(string(journal[:cut]), "\n"); whole > 1 && s.state.highest == 0 {
			t.Fatalf("cut at %d: nothing is left of %d lines", cut, whole)
		}
		put(t, s, "new", `{"title":"new"}`)
		closed(t, s)
		again := open(t, dir)
		if again.state.subjects["new"] == nil {
			t.Errorf("cut at %d: what was written after is gone", cut)
		}
		closed(t, again)
	}
}

// TestDamagedJournal changes one byte: the registry must not serve what
// somebody's disk made of its schemas.
func TestDamagedJournal(t *testing.T) {
	t.Parallel()
	_, journal := filled(t)
	last := strings.LastIndexByte(string(journal[:len(journal)-1]), '\n')
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 60 {
		at := rng.IntN(last)
		dir := t.TempDir()
		body := append([]byte(nil), journal...)
		body[at] ^= byte(1 + rng.IntN(255))
		if err := os.WriteFile(filepath.Join(dir, "journal"), body, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, func(string, string, ...any) {}); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), dir) {
			t.Errorf("seed %d: byte %d of %d changed: %v, want ErrDamaged and the file", seed, at, len(journal), err)
		}
	}
}

func TestRewrite(t *testing.T) {
	t.Parallel()
	dir, _ := filled(t)
	s := open(t, dir)
	before := s.state
	big := `{"title":"` + strings.Repeat("x", 300<<10) + `"}`
	for i := range 8 { // each leaves 300 kB behind that nobody needs
		subject := fmt.Sprintf("big%d", i)
		put(t, s, subject, strings.Replace(big, "x", fmt.Sprint(i), 1))
		_, soft := s.removeSubject(subject, false)
		_, hard := s.removeSubject(subject, true)
		if err := errors.Join(soft, hard); err != nil {
			t.Fatal(err)
		}
	}
	if s.journal.size > slack+2*int64(s.state.live()) {
		t.Errorf("journal has %d bytes for %d", s.journal.size, s.state.live())
	}
	id := put(t, s, "after", `{"title":"after"}`)
	closed(t, s)
	if info, err := os.Stat(filepath.Join(dir, "journal")); err != nil || info.Size() > 2*slack {
		t.Errorf("journal: %v, %v", info.Size(), err)
	}
	again := open(t, dir)
	defer closed(t, again)
	if id <= 8 || again.state.subjects["after"].latest().ID != id || again.state.highest != id {
		t.Errorf("id %d after the rewrite, then %d: an id was given twice or forgotten", id, again.state.highest)
	}
	for name, sub := range before.subjects {
		if !reflect.DeepEqual(again.state.subjects[name], sub) {
			t.Errorf("%s: %+v, before %+v", name, again.state.subjects[name], sub)
		}
	}
	if !reflect.DeepEqual(again.state.settings, before.settings) {
		t.Errorf("settings %+v, before %+v", again.state.settings, before.settings)
	}
}

// TestFailedWrite holds that what cannot be written is refused, not served.
func TestFailedWrite(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	put(t, s, "kept", `{"title":"kept"}`)
	if err := s.journal.file.Close(); err != nil {
		t.Fatal(err)
	}
	text := `{"title":"lost"}`
	for range 2 {
		_, err := s.register(t.Context(), "lost", schemaRequest{Schema: &text, SchemaType: "JSON"}, false)
		var f *failure
		if !errors.As(err, &f) || f.code != 50001 {
			t.Errorf("registered with %v, want code 50001", err)
		}
	}
	if s.state.subjects["lost"] != nil || s.state.subjects["kept"] == nil {
		t.Errorf("subjects %v", s.state.names())
	}
}

func TestImportMode(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	defer closed(t, s)
	if err := s.setMode("", modeImport, false); err != nil {
		t.Fatal(err)
	}
	send := func(id, version int, text string) (int, error) {
		return s.register(t.Context(), "moved", schemaRequest{Schema: &text, SchemaType: "JSON", ID: id, Version: version}, false)
	}
	if id, err := send(41, 3, `{"title":"a"}`); err != nil || id != 41 {
		t.Fatalf("id %d, %v", id, err)
	}
	for name, c := range map[string]struct {
		id, version int
		text        string
	}{"no id": {0, 4, `{"title":"b"}`}, "taken id": {41, 4, `{"title":"b"}`}, "taken version": {42, 3, `{"title":"b"}`}, "another id": {42, 4, `{"title":"a"}`}} {
		if id, err := send(c.id, c.version, c.text); err == nil {
			t.Errorf("%s: taken with id %d", name, id)
		}
	}
	if err := s.setMode("", modeReadWrite, false); err != nil {
		t.Fatal(err)
	}
	if id := put(t, s, "moved", `{"title":"c"}`); id != 42 || s.state.subjects["moved"].latest().Number != 4 {
		t.Errorf("id %d after 41, version %d", id, s.state.subjects["moved"].latest().Number)
	}
	if _, err := send(99, 0, `{"title":"d"}`); err == nil {
		t.Error("an id was taken outside import mode")
	}
}

// TestDeletedOnce holds that a deletion names and writes only what it deletes.
func TestDeletedOnce(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	defer closed(t, s)
	if _, err := s.setConfig("s", configRequest{Compatibility: "NONE"}); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		put(t, s, "s", fmt.Sprintf(`{"title":"%d"}`, i))
	}
	if _, err := s.removeVersion("s", 2, false); err != nil {
		t.Fatal(err)
	}
	if got, err := s.removeSubject("s", false); err != nil || fmt.Sprint(got) != "[1 3]" {
		t.Errorf("deleted %v, %v; want 1 and 3", got, err)
	}
	if got, err := s.removeSubject("s", true); err != nil || fmt.Sprint(got) != "[1 2 3]" {
		t.Errorf("deleted for good %v, %v; want all", got, err)
	}
	if s.state.highest != 3 || len(s.state.schemas)+len(s.state.exact)+len(s.state.sorted)+s.state.text+s.state.versions != 0 {
		t.Errorf("left behind: %+v", s.state)
	}
}

// A schema that is normalized is found as long as one of its form is there.
func TestNormalizedAfterDeletion(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	defer closed(t, s)
	put(t, s, "first", `{"title":"a","minimum":1,"maximum":2}`)
	want := put(t, s, "second", `{"maximum":2,"title":"a","minimum":1}`)
	for _, permanent := range []bool{false, true} {
		if _, err := s.removeSubject("first", permanent); err != nil {
			t.Fatal(err)
		}
	}
	text := `{"minimum":1,"maximum":2,"title":"a"}`
	if id, err := s.register(t.Context(), "third", schemaRequest{Schema: &text, SchemaType: "JSON"}, true); err != nil || id != want {
		t.Errorf("id %d, %v; want %d", id, err, want)
	}
}

func TestReferencedIsKept(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	defer closed(t, s)
	put(t, s, "base", `{"type":"string"}`)
	text := `{"properties":{"a":{"$ref":"base.json"}}}`
	req := schemaRequest{Schema: &text, SchemaType: "JSON", References: []regschema.Reference{{Name: "base.json", Subject: "base", Version: latestVersion}}}
	if _, err := s.register(t.Context(), "user", req, false); err != nil {
		t.Fatal(err)
	}
	var f *failure
	if _, err := s.removeSubject("base", false); !errors.As(err, &f) || f.code != 42206 {
		t.Errorf("removing what is referred to: %v, want 42206", err)
	}
	if _, err := s.removeVersion("base", 1, false); !errors.As(err, &f) || f.code != 42206 {
		t.Errorf("removing the version: %v, want 42206", err)
	}
	if _, err := s.removeSubject("user", false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.removeSubject("base", false); err != nil {
		t.Errorf("removing what nothing live refers to: %v", err)
	}
	if _, err := s.removeSubject("base", true); !errors.As(err, &f) || f.code != 42206 {
		t.Errorf("removing for good what may come back: %v, want 42206", err)
	}
}
