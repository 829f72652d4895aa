package registrytest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/multi-tenant/manage-kafka/internal/evolution"
	"github.com/multi-tenant/manage-kafka/internal/registry"
	"github.com/multi-tenant/manage-kafka/internal/regschema"
)

// wantCode holds an error to its kind and Confluent's code.
func (s *suite) wantCode(t *testing.T, what string, err, kind error, code int) {
	t.Helper()
	var answer *registry.Error
	if !errors.Is(err, kind) || !errors.As(err, &answer) || answer.Code != code {
		t.Errorf("%s: %v; want %v with code %d", what, err, kind, code)
	}
}

func (s *suite) lookup(t *testing.T, ctx context.Context) {
	subject, schema := s.subject("lookup"), object("id!:string", "lookup:string")
	id := s.register(t, ctx, subject, schema)
	found, err := s.client.Lookup(ctx, subject, schema)
	if err != nil || found.ID != id || found.Version != 1 || found.Subject != subject {
		t.Errorf("found %+v, %v; want version 1 with id %d", found, err, id)
	}
	_, err = s.client.Lookup(ctx, subject, object("nobody!:string"))
	s.wantCode(t, "another schema", err, registry.ErrNotFound, 40403)
	_, err = s.client.Lookup(ctx, s.subject("nobody"), schema)
	s.wantCode(t, "another subject", err, registry.ErrNotFound, 40401)
}

func (s *suite) absent(t *testing.T, ctx context.Context) {
	subject := s.subject("absent")
	_, err := s.client.Versions(ctx, subject)
	s.wantCode(t, "versions of no subject", err, registry.ErrNotFound, 40401)
	_, err = s.client.Version(ctx, subject, registry.Latest)
	s.wantCode(t, "latest of no subject", err, registry.ErrNotFound, 40401)
	_, err = s.client.DeleteSubject(ctx, subject, false)
	s.wantCode(t, "deleting no subject", err, registry.ErrNotFound, 40401)
	_, err = s.client.ByID(ctx, 2_000_000_000)
	s.wantCode(t, "id of no schema", err, registry.ErrNotFound, 40403)
	if ok, why, err := s.client.Compatible(ctx, subject, registry.Latest, object("id:string")); err != nil || !ok {
		t.Errorf("a first schema: compatible %v %q, %v; want yes", ok, why, err)
	}
	s.register(t, ctx, subject, object("id:string"))
	_, err = s.client.Version(ctx, subject, 7)
	s.wantCode(t, "no such version", err, registry.ErrNotFound, 40402)
	if !s.LooseVersions {
		_, err = s.client.Version(ctx, subject, 0)
		s.wantCode(t, "version 0", err, registry.ErrInvalid, 42202)
	}
}

func (s *suite) invalid(t *testing.T, ctx context.Context) {
	if s.AnySchema {
		t.Skip("this registry takes any text")
	}
	for name, schema := range map[string]registry.Schema{
		"cut short":         {Type: regschema.JSON, Text: `{"type":`},
		"no such json type": {Type: regschema.JSON, Text: `{"type":"nonsense"}`},
		"no such avro type": {Type: regschema.Avro, Text: `{"type":"nonsense"}`},
		"avro without name": {Type: regschema.Avro, Text: `{"type":"record","fields":[]}`},
		"no proto":          {Type: regschema.Protobuf, Text: `message {`},
	} {
		subject := s.subject("invalid")
		if id, err := s.client.Register(ctx, subject, schema); !errors.Is(err, registry.ErrInvalid) {
			t.Errorf("%s: id %d, %v; want ErrInvalid", name, id, err)
		}
		if v, err := s.client.Versions(ctx, subject); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("%s: it left versions %v, %v", name, v, err)
		}
	}
}

func (s *suite) avro(t *testing.T, ctx context.Context) {
	subject := s.subject("avro")
	first := registry.Schema{Type: regschema.Avro, Text: `{"type":"record","name":"User","fields":[{"name":"id","type":"string"}]}`}
	id := s.register(t, ctx, subject, first)
	got, err := s.client.ByID(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	sameText(t, got, first)
	s.setLevel(t, ctx, subject, evolution.Backward)
	bad := registry.Schema{Type: regschema.Avro, Text: `{"type":"record","name":"User","fields":[{"name":"id","type":"string"},{"name":"age","type":"int"}]}`}
	if _, err := s.client.Register(ctx, subject, bad); !errors.Is(err, registry.ErrIncompatible) {
		t.Errorf("a field without default: %v; want ErrIncompatible", err)
	}
	good := registry.Schema{Type: regschema.Avro, Text: `{"type":"record","name":"User","fields":[{"name":"id","type":"string"},{"name":"age","type":"int","default":0}]}`}
	s.register(t, ctx, subject, good)
	s.wantVersions(t, ctx, subject, 1, 2)
}

func (s *suite) protobuf(t *testing.T, ctx context.Context) {
	subject := s.subject("protobuf")
	first := registry.Schema{Type: regschema.Protobuf, Text: "syntax = \"proto3\";\npackage shop;\n\nmessage Order {\n  string id = 1;\n}\n"}
	id := s.register(t, ctx, subject, first)
	if got, err := s.client.ByID(ctx, id); err != nil || got.Type != regschema.Protobuf {
		t.Fatalf("%+v, %v", got, err)
	}
	if again := s.register(t, ctx, subject, first); again != id {
		t.Errorf("registered again: id %d, first %d", again, id)
	}
	if s.NoProtobufGuard {
		return
	}
	s.setLevel(t, ctx, subject, evolution.Backward)
	next := first
	next.Text += "message More {}\n"
	if _, err := s.client.Register(ctx, subject, next); !errors.Is(err, registry.ErrIncompatible) {
		t.Errorf("a change that cannot be judged: %v; want ErrIncompatible", err)
	}
	s.setLevel(t, ctx, subject, evolution.None)
	s.register(t, ctx, subject, next)
	s.wantVersions(t, ctx, subject, 1, 2)
}

func (s *suite) references(t *testing.T, ctx context.Context) {
	base, user := s.subject("ref-base"), s.subject("ref-user")
	s.register(t, ctx, base, registry.Schema{Type: regschema.Avro, Text: `{"type":"enum","name":"Plan","namespace":"shop","symbols":["FREE","PRO"]}`})
	refs := []regschema.Reference{{Name: "shop.Plan", Subject: base, Version: 1}}
	schema := registry.Schema{Type: regschema.Avro, Text: `{"type":"record","name":"Tenant","namespace":"shop","fields":[{"name":"plan","type":"shop.Plan"}]}`, References: refs}
	id := s.register(t, ctx, user, schema)
	got, err := s.client.ByID(ctx, id)
	if err != nil || !slices.Equal(got.References, refs) {
		t.Errorf("references %+v, %v; want %+v", got.References, err, refs)
	}
	broken := schema
	broken.References = []regschema.Reference{{Name: "shop.Plan", Subject: s.subject("nobody"), Version: 1}}
	if id, err := s.client.Register(ctx, s.subject("ref-broken"), broken); err == nil {
		t.Errorf("a reference to nothing was taken, with id %d", id)
	}
}

func (s *suite) delete(t *testing.T, ctx context.Context) {
	subject := s.subject("delete")
	first := object("id!:string", "delete:string")
	id := s.register(t, ctx, subject, first)
	s.setLevel(t, ctx, subject, evolution.None)
	s.register(t, ctx, subject, object("id!:integer"))
	if s.NoSoftDelete {
		if _, err := s.client.DeleteSubject(ctx, subject, false); err != nil {
			t.Fatal(err)
		}
		_, err := s.client.Versions(ctx, subject)
		s.wantCode(t, "after deletion", err, registry.ErrNotFound, 40401)
		return
	}
	if err := s.client.DeleteVersion(ctx, subject, registry.Latest, true); !errors.Is(err, registry.ErrNotSoftDeleted) {
		t.Errorf("deleting a version for good at once: %v; want ErrNotSoftDeleted", err)
	}
	if err := s.client.DeleteVersion(ctx, subject, registry.Latest, false); err != nil {
		t.Fatal(err)
	}
	s.wantVersions(t, ctx, subject, 1)
	if err := s.client.DeleteVersion(ctx, subject, 2, true); err != nil {
		t.Fatal(err)
	}
	_, err := s.client.DeleteSubject(ctx, subject, true)
	s.wantCode(t, "deleting a subject for good at once", err, registry.ErrNotSoftDeleted, 40405)
	if got, err := s.client.DeleteSubject(ctx, subject, false); err != nil || !slices.Equal(got, []int{1}) {
		t.Fatalf("deleted %v, %v; want [1]", got, err)
	}
	_, err = s.client.Versions(ctx, subject)
	s.wantCode(t, "after soft deletion", err, registry.ErrNotFound, 40401)
	_, err = s.client.DeleteSubject(ctx, subject, false)
	s.wantCode(t, "deleting twice", err, registry.ErrSoftDeleted, 40404)
	if got, err := s.client.ByID(ctx, id); err != nil {
		t.Errorf("records written before cannot be read any more: %v", err)
	} else {
		sameText(t, got, first)
	}
	all, err := s.client.Subjects(ctx, true)
	if err != nil || !slices.Contains(all, subject) {
		t.Errorf("subjects with deleted ones: %q, %v; want %q among them", all, err, subject)
	}
	if _, err := s.client.DeleteSubject(ctx, subject, true); err != nil {
		t.Fatal(err)
	}
	if all, err = s.client.Subjects(ctx, true); err != nil || slices.Contains(all, subject) {
		t.Errorf("subjects after deletion for good: %q, %v", all, err)
	}
	if again := s.register(t, ctx, subject, object("other!:boolean")); again == id {
		t.Errorf("id %d was given to another schema", id)
	}
	s.wantVersions(t, ctx, subject, 1)
}

func (s *suite) modes(t *testing.T, ctx context.Context) {
	if mode, err := s.client.Mode(ctx, ""); err != nil || mode != registry.ReadWrite {
		t.Errorf("mode %s, %v; want READWRITE", mode, err)
	}
	if s.NoModes {
		return
	}
	subject := s.subject("modes")
	s.register(t, ctx, subject, object("id!:string"))
	if err := s.client.SetMode(ctx, subject, registry.ReadOnly); err != nil {
		t.Fatal(err)
	}
	if _, err := s.client.Register(ctx, subject, object("id!:string", "m:string")); !errors.Is(err, registry.ErrNotPermitted) {
		t.Errorf("registering in READONLY: %v; want ErrNotPermitted", err)
	}
	if _, err := s.client.DeleteSubject(ctx, subject, false); !errors.Is(err, registry.ErrNotPermitted) {
		t.Errorf("deleting in READONLY: %v; want ErrNotPermitted", err)
	}
	if err := s.client.SetMode(ctx, subject, registry.ReadWrite); err != nil {
		t.Fatal(err)
	}
	s.register(t, ctx, subject, object("id!:string", "m:string"))
}

// restart is the last test: all that was answered before must be there again.
func (s *suite) restart(t *testing.T, ctx context.Context) {
	if s.Restart == nil {
		t.Skip("this registry cannot be restarted here")
	}
	subject := s.subject("kept")
	first, second := object("id!:string"), object("id!:string", "kept:string")
	ids := []int{s.register(t, ctx, subject, first)}
	s.setLevel(t, ctx, subject, evolution.Backward)
	ids = append(ids, s.register(t, ctx, subject, second))
	before, err := s.client.Subjects(ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	s.open(t, s.Restart(t))
	after, err := s.client.Subjects(ctx, false)
	slices.Sort(before)
	slices.Sort(after)
	if err != nil || !slices.Equal(before, after) {
		t.Errorf("subjects %q, %v; before %q", after, err, before)
	}
	s.wantVersions(t, ctx, subject, 1, 2)
	for i, want := range []registry.Schema{first, second} {
		got, err := s.client.ByID(ctx, ids[i])
		if err != nil {
			t.Fatal(err)
		}
		sameText(t, got, want)
		if again := s.register(t, ctx, subject, want); again != ids[i] {
			t.Errorf("version %d has id %d now, before %d", i+1, again, ids[i])
		}
	}
	if level, err := s.client.OwnLevel(ctx, subject); err != nil || level != evolution.Backward {
		t.Errorf("level %s, %v; want BACKWARD", level, err)
	}
	if _, err := s.client.Register(ctx, subject, object("id!:integer")); !errors.Is(err, registry.ErrIncompatible) {
		t.Errorf("an incompatible change after restart: %v; want ErrIncompatible", err)
	}
	next := s.register(t, ctx, s.subject("after-restart"), object("after!:number"))
	if slices.Contains(ids, next) {
		t.Errorf("id %d was given twice", next)
	}
}
