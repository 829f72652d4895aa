package registrytest

import (
	"context"
	"errors"
	"testing"

	"github.com/multi-tenant/manage-kafka/internal/evolution"
	"github.com/multi-tenant/manage-kafka/internal/registry"
)

func (s *suite) levels(t *testing.T, ctx context.Context) {
	base := object("id!:string", "note:string")
	changes := map[string]registry.Schema{
		"add optional":    object("id!:string", "note:string", "more:string"),
		"remove optional": object("id!:string"),
		"add required":    object("id!:string", "note:string", "more!:string"),
		"change type":     object("id!:integer", "note:string"),
	}
	allowed := map[evolution.Mode][]string{
		evolution.None:     {"add optional", "remove optional", "add required", "change type"},
		evolution.Backward: {"add optional"},
		evolution.Forward:  {"remove optional"},
		evolution.Full:     {},
	}
	for level, ok := range allowed {
		subject := s.subject("level-" + string(level))
		s.register(t, ctx, subject, base)
		s.setLevel(t, ctx, subject, level)
		for name, next := range changes {
			want := false
			for _, o := range ok {
				want = want || o == name
			}
			got, why, err := s.client.Compatible(ctx, subject, registry.Latest, next)
			if err != nil || got != want {
				t.Errorf("%s, %s: compatible %v %q, %v; want %v", level, name, got, why, err, want)
			}
		}
	}
}

// transitive has a third version that the second takes and the first does not.
func (s *suite) transitive(t *testing.T, ctx context.Context) {
	subject := s.subject("transitive")
	s.register(t, ctx, subject, object("id!:string", "old:string"))
	s.setLevel(t, ctx, subject, evolution.None)
	s.register(t, ctx, subject, object("id!:string"))
	third := object("id!:string", "old:integer")
	s.setLevel(t, ctx, subject, evolution.BackwardTransitive)
	if id, err := s.client.Register(ctx, subject, third); !errors.Is(err, registry.ErrIncompatible) {
		t.Errorf("BACKWARD_TRANSITIVE: id %d, %v; want ErrIncompatible", id, err)
	}
	s.setLevel(t, ctx, subject, evolution.Backward)
	s.register(t, ctx, subject, third)
	s.wantVersions(t, ctx, subject, 1, 2, 3)
}

func (s *suite) config(t *testing.T, ctx context.Context) {
	subject := s.subject("config")
	s.register(t, ctx, subject, object("id!:string"))
	before, err := s.client.Level(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	if level, err := s.client.Level(ctx, subject); err != nil || level != before {
		t.Errorf("level without one of its own: %s, %v; want %s", level, err, before)
	}
	if _, err := s.client.OwnLevel(ctx, subject); !s.NoOwnLevelCode {
		s.wantCode(t, "own level", err, registry.ErrNotFound, 40408)
	}
	for _, level := range evolution.Modes() {
		s.setLevel(t, ctx, subject, level)
		if got, err := s.client.OwnLevel(ctx, subject); err != nil || got != level {
			t.Errorf("own level: %s, %v; want %s", got, err, level)
		}
	}
	if after, err := s.client.Level(ctx, ""); err != nil || after != before {
		t.Errorf("registry's level: %s, %v; want %s as before", after, err, before)
	}
	if err := s.client.SetLevel(ctx, subject, "SIDEWAYS"); err == nil {
		t.Error("level SIDEWAYS was taken")
	}
	s.setLevel(t, ctx, "", evolution.Forward)
	defer s.setLevel(t, ctx, "", before)
	if err := s.client.DeleteLevel(ctx, subject); err != nil {
		t.Fatal(err)
	}
	if level, err := s.client.Level(ctx, subject); err != nil || level != evolution.Forward {
		t.Errorf("level after its own was removed: %s, %v; want the registry's FORWARD", level, err)
	}
	if _, err := s.client.Register(ctx, subject, object("id!:string", "more:string")); !errors.Is(err, registry.ErrIncompatible) {
		t.Errorf("the registry's level does not guard the subject: %v", err)
	}
}
