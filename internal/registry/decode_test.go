package registry_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/multi-tenant/manage-kafka/internal/embedded/regserver"
	"github.com/multi-tenant/manage-kafka/internal/registry"
	"github.com/multi-tenant/manage-kafka/internal/regschema"
)

// embedded is a client of an embedded registry, and how often that was asked.
func embedded(t *testing.T) (*registry.Client, *atomic.Int64) {
	t.Helper()
	s, err := regserver.Open(t.TempDir(), func(string, string, ...any) {})
	if err != nil {
		t.Fatal(err)
	}
	var n atomic.Int64
	h := s.Handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		h.ServeHTTP(w, r)
	}))
	c, err := registry.Open(registry.Config{URLs: []string{server.URL}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return c, &n
}

func TestValues(t *testing.T) {
	t.Parallel()
	c, asked := embedded(t)
	ctx := t.Context()
	must := func(_ int, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(c.Register(ctx, "id", registry.Schema{Type: regschema.Protobuf, Text: `syntax="proto3"; message Id { string v = 1; }`}))
	for subject, s := range map[string]registry.Schema{
		"json":  {Type: regschema.JSON, Text: `{"type":"object","required":["v"]}`},
		"avro":  {Type: regschema.Avro, Text: `{"type":"record","name":"R","fields":[{"name":"v","type":"long"}]}`},
		"proto": {Type: regschema.Protobuf, Text: `syntax="proto3"; import "id.proto"; message M { Id v = 1; }`, References: []regschema.Reference{{Name: "id.proto", Subject: "id", Version: 1}}},
	} {
		must(c.Register(ctx, subject, s))
	}
	d := registry.NewDecoder(c)
	for subject, value := range map[string]string{"json": ` {"v" : 1}`, "avro": `{"v":9007199254740993}`, "proto": `{"v":{"v":"x"}}`} {
		e, err := c.NewEncoder(ctx, registry.SchemaChoice{Subject: subject})
		if err != nil {
			t.Fatal(err)
		}
		framed, err := e.Encode([]byte(value))
		if err != nil {
			t.Fatal(err)
		}
		before := asked.Load()
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if got, id, err := d.Decode(ctx, framed); err != nil || string(got) != value || id != e.ID() {
					t.Errorf("%s: %s with id %d, %v; want %s with id %d", subject, got, id, err, value, e.ID())
				}
			})
		}
		all.Wait()
		if n := asked.Load() - before; n > 2 {
			t.Errorf("%s: the registry was asked %d times for one schema", subject, n)
		}
		if byID, err := c.NewEncoder(ctx, registry.SchemaChoice{ID: e.ID()}); err != nil {
			t.Error(err)
		} else if out, err := byID.Encode([]byte(value)); err != nil || string(out) != string(framed) {
			t.Errorf("%s: by id % x, %v; want % x", subject, out, err, framed)
		}
		if _, err := e.Encode([]byte(`{}x`)); !errors.Is(err, regschema.ErrValue) {
			t.Errorf("%s: a value that does not fit: %v", subject, err)
		}
	}
	for name, value := range map[string]string{"unframed": `{"v":1}`, "no such schema": "\x00\x00\x00\x10\x00x", "broken payload": "\x00\x00\x00\x00\x01"} {
		before := asked.Load()
		for range 3 {
			if got, _, err := d.Decode(ctx, []byte(value)); err == nil || !registry.OfValue(err) {
				t.Errorf("%s: %q, %v; want an error of the value", name, got, err)
			}
		}
		if n := asked.Load() - before; n > 1 {
			t.Errorf("%s: the registry was asked %d times", name, n)
		}
	}
	for name, choice := range map[string]registry.SchemaChoice{"none": {}, "both": {Subject: "json", ID: 1}} {
		if _, err := c.NewEncoder(ctx, choice); !errors.Is(err, registry.ErrSchemaChoice) {
			t.Errorf("%s: %v, want ErrSchemaChoice", name, err)
		}
	}
	if _, err := c.NewEncoder(ctx, registry.SchemaChoice{Subject: "nobody"}); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("no such subject: %v, want ErrNotFound", err)
	}
}

// TestRegistryAway holds that a registry that is away is no error of a value
// and is asked again once it is back.
func TestRegistryAway(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte(`{"schemaType":"JSON","schema":"{}"}`))
	}))
	t.Cleanup(server.Close)
	c, err := registry.Open(registry.Config{URLs: []string{server.URL}, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	d := registry.NewDecoder(c)
	down.Store(true)
	if _, _, err := d.Decode(t.Context(), []byte("\x00\x00\x00\x00\x01{}")); err == nil || registry.OfValue(err) {
		t.Errorf("away: %v, want an error of the registry", err)
	}
	down.Store(false)
	if got, id, err := d.Decode(t.Context(), []byte("\x00\x00\x00\x00\x01{}")); err != nil || string(got) != "{}" || id != 1 {
		t.Errorf("back: %s, %d, %v", got, id, err)
	}
}

// TestCheck holds that a value has to fit its schema, not only to have one.
func TestCheck(t *testing.T) {
	t.Parallel()
	c, _ := embedded(t)
	for subject, s := range map[string]registry.Schema{
		"json": {Type: regschema.JSON, Text: `{"type":"object","required":["v"]}`},
		"avro": {Type: regschema.Avro, Text: `{"type":"record","name":"R","fields":[{"name":"v","type":"string"}]}`},
	} {
		id, err := c.Register(t.Context(), subject, s)
		if err != nil {
			t.Fatal(err)
		}
		d := registry.NewDecoder(c)
		for payload, says := range map[string]string{
			`json{"v":1}`: "", `json{}`: "missing property", `jsonno json`: "invalid JSON", `json`: "invalid JSON",
			"avro\x02x": "", "avro\x02": "field v: ", "avro\x02xy": "1 bytes are left",
		} {
			payload, mine := strings.CutPrefix(payload, subject)
			if !mine {
				continue
			}
			value := append([]byte{0, 0, 0, 0, byte(id)}, payload...)
			err := d.Check(t.Context(), value)
			if (err == nil) != (says == "") || err != nil && (!registry.OfValue(err) || !strings.Contains(err.Error(), says)) {
				t.Errorf("%s %q: %v, want %q", subject, payload, err, says)
			}
		}
	}
}
