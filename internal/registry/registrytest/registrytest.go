// Package registrytest holds every schema registry to the same promises: the
// embedded one in memory's reach, Apicurio and Confluent's in their containers.
package registrytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/evolution"
	"github.com/multi-tenant/manage-kafka/internal/registry"
	"github.com/multi-tenant/manage-kafka/internal/regschema"
)

// Target is a registry under test.
type Target struct {
	// URL is its address.
	URL string
	// Restart ends it, by what means it likes, and starts it over the same data.
	// The address stays, or the new one is returned.
	Restart func(t *testing.T) (url string)
	// Prefix makes the subjects of one run its own.
	Prefix string
	Features
}

// Features are where registries differ from Confluent's. The zero value differs
// nowhere.
type Features struct {
	// NoSoftDelete: a first deletion is for good.
	NoSoftDelete bool
	// NoOwnLevelCode: a subject without a level of its own answers with the
	// registry's, not with 40408.
	NoOwnLevelCode bool
	// LooseVersions: a version that is no number is another error than 42202.
	LooseVersions bool
	// NoMessages: a verdict comes without reasons.
	NoMessages bool
	// NoModes: the mode cannot be set.
	NoModes bool
	// NoProtobufGuard: a changed Protobuf schema is judged, not refused.
	NoProtobufGuard bool
	// AnySchema: a text that is no schema of its type is taken.
	AnySchema bool
	// SeparateIDs: one schema has another id in another subject.
	SeparateIDs bool
}

// deadline bounds one test of the suite, with room for a loaded machine.
const deadline = 2 * time.Minute

type suite struct {
	Target
	client *registry.Client
}

// Run holds a registry to everything that its features do not take out.
func Run(t *testing.T, target Target) {
	s := &suite{Target: target}
	s.open(t, target.URL)
	for _, c := range []struct {
		name string
		test func(*testing.T, context.Context)
	}{
		{"register and fetch", s.registerAndFetch},
		{"one schema has one id", s.oneID},
		{"registering at once", s.atOnce},
		{"incompatible change", s.incompatible},
		{"levels", s.levels},
		{"transitive levels", s.transitive},
		{"level of a subject and of all", s.config},
		{"look up", s.lookup},
		{"what is not there", s.absent},
		{"what is no schema", s.invalid},
		{"avro", s.avro},
		{"protobuf", s.protobuf},
		{"references", s.references},
		{"delete", s.delete},
		{"modes", s.modes},
		{"restart", s.restart},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			c.test(t, ctx)
		})
	}
}

func (s *suite) open(t *testing.T, url string) {
	t.Helper()
	client, err := registry.Open(registry.Config{URLs: []string{url}, Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	s.client = client
}

func (s *suite) subject(name string) string { return s.Prefix + name }

// object is a closed object schema with these members, required where marked by "!".
func object(members ...string) registry.Schema {
	var props, required []string
	for _, m := range members {
		name, kind, _ := strings.Cut(m, ":")
		name, must := strings.CutSuffix(name, "!")
		if must {
			required = append(required, fmt.Sprintf("%q", name))
		}
		props = append(props, fmt.Sprintf(`%q:{"type":%q}`, name, kind))
	}
	text := fmt.Sprintf(`{"type":"object","properties":{%s},"required":[%s],"additionalProperties":false}`, strings.Join(props, ","), strings.Join(required, ","))
	return registry.Schema{Type: regschema.JSON, Text: text}
}

func (s *suite) register(t *testing.T, ctx context.Context, subject string, schema registry.Schema) int {
	t.Helper()
	id, err := s.client.Register(ctx, subject, schema)
	if err != nil {
		t.Fatalf("registering in %s: %v", subject, err)
	}
	return id
}

func (s *suite) setLevel(t *testing.T, ctx context.Context, subject string, level evolution.Mode) {
	t.Helper()
	if err := s.client.SetLevel(ctx, subject, level); err != nil {
		t.Fatalf("setting %s of %q: %v", level, subject, err)
	}
}

func (s *suite) wantVersions(t *testing.T, ctx context.Context, subject string, want ...int) {
	t.Helper()
	got, err := s.client.Versions(ctx, subject)
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("versions of %s: %v, %v; want %v", subject, got, err, want)
	}
}

// sameText compares what was registered with what came back, whatever white
// space and order of members the registry keeps.
func sameText(t *testing.T, got, want registry.Schema) {
	t.Helper()
	if got.Type != want.Type || regschema.Canonical(got.Type, got.Text, true) != regschema.Canonical(want.Type, want.Text, true) {
		t.Fatalf("got %s %s, want %s %s", got.Type, got.Text, want.Type, want.Text)
	}
}

func (s *suite) registerAndFetch(t *testing.T, ctx context.Context) {
	first := object("id!:string")
	for _, subject := range []string{s.subject("orders-value"), s.subject("tenant.events-tenant.created"), s.subject("a b+c%41&d=é")} {
		id := s.register(t, ctx, subject, first)
		byID, err := s.client.ByID(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		sameText(t, byID, first)
		for _, version := range []int{1, registry.Latest} {
			v, err := s.client.Version(ctx, subject, version)
			if err != nil || v.Subject != subject || v.Version != 1 || v.ID != id {
				t.Fatalf("version %d of %s: %+v, %v; want version 1 with id %d", version, subject, v, err, id)
			}
			sameText(t, v, first)
		}
		all, err := s.client.Subjects(ctx, false)
		if err != nil || !slices.Contains(all, subject) {
			t.Fatalf("subjects %q, %v; want %q among them", all, err, subject)
		}
		s.wantVersions(t, ctx, subject, 1)
	}
	types, err := s.client.Types(ctx)
	if err != nil || !slices.Contains(types, "JSON") || !slices.Contains(types, "AVRO") {
		t.Errorf("types %q, %v", types, err)
	}
}

func (s *suite) oneID(t *testing.T, ctx context.Context) {
	schema := object("one!:string", "two:integer")
	a, b := s.subject("same-a"), s.subject("same-b")
	id := s.register(t, ctx, a, schema)
	if again := s.register(t, ctx, a, schema); again != id {
		t.Errorf("registered again: id %d, first %d", again, id)
	}
	s.wantVersions(t, ctx, a, 1)
	if other := s.register(t, ctx, b, schema); other != id && !s.SeparateIDs {
		t.Errorf("in another subject: id %d, first %d", other, id)
	}
	spaced := registry.Schema{Type: schema.Type, Text: strings.ReplaceAll(schema.Text, ",", ",\n  ")}
	if same := s.register(t, ctx, a, spaced); same != id && !s.SeparateIDs {
		t.Errorf("with other white space: id %d, first %d", same, id)
	}
}

func (s *suite) atOnce(t *testing.T, ctx context.Context) {
	subject, schema := s.subject("at-once"), object("at!:string")
	ids, errs := make([]int, 6), make([]error, 6)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() { ids[i], errs[i] = s.client.Register(ctx, subject, schema) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if slices.Max(ids) != slices.Min(ids) {
		t.Errorf("one schema registered at once has ids %v", ids)
	}
	s.wantVersions(t, ctx, subject, 1)
}

func (s *suite) incompatible(t *testing.T, ctx context.Context) {
	subject := s.subject("guarded")
	s.register(t, ctx, subject, object("id!:string"))
	s.setLevel(t, ctx, subject, evolution.Backward)
	for name, bad := range map[string]registry.Schema{
		"type":     object("id!:integer"),
		"required": object("id!:string", "more!:string"),
	} {
		ok, why, err := s.client.Compatible(ctx, subject, registry.Latest, bad)
		if err != nil || ok || len(why) == 0 && !s.NoMessages {
			t.Errorf("%s: compatible %v %q, %v; want a no with reasons", name, ok, why, err)
		}
		if id, err := s.client.Register(ctx, subject, bad); !errors.Is(err, registry.ErrIncompatible) {
			t.Errorf("%s: registered with id %d, %v; want ErrIncompatible", name, id, err)
		}
		if _, err := s.client.Lookup(ctx, subject, bad); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("%s: a refused schema is found: %v", name, err)
		}
	}
	s.wantVersions(t, ctx, subject, 1)
	good := object("id!:string", "more:string")
	if ok, why, err := s.client.Compatible(ctx, subject, 1, good); err != nil || !ok {
		t.Errorf("compatible %v %q, %v; want yes", ok, why, err)
	}
	s.register(t, ctx, subject, good)
	s.wantVersions(t, ctx, subject, 1, 2)
}

// Apicurio is how Apicurio Registry 3.3 differs.
func Apicurio() Features {
	return Features{NoMessages: true, NoOwnLevelCode: true, LooseVersions: true, NoModes: true, NoProtobufGuard: true}
}
