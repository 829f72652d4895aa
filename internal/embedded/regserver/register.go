package regserver

import (
	"context"
	"errors"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/evolution"
	"github.com/multi-tenant/manage-kafka/internal/regschema"
)

// latestVersion stands for the newest version that is not deleted.
const latestVersion = -1

// schemaRequest is the body of every request that brings a schema. Members that
// are not here are read past, as Confluent's registry does, but for those that
// would change what the schema means.
type schemaRequest struct {
	Schema     *string               `json:"schema"`
	SchemaType string                `json:"schemaType"`
	References []regschema.Reference `json:"references"`
	ID         int                   `json:"id"`
	Version    int                   `json:"version"`
	Metadata   any                   `json:"metadata"`
	RuleSet    any                   `json:"ruleSet"`
}

// definition reads the schema out of a request. It is valid as far as can be
// said without the schemas that it refers to.
func (r schemaRequest) definition() (definition, error) {
	t, err := regschema.ParseType(r.SchemaType)
	switch {
	case err != nil:
		return definition{}, errInvalidSchema(err.Error())
	case r.Metadata != nil:
		return definition{}, errUnsupported("metadata")
	case r.RuleSet != nil:
		return definition{}, errUnsupported("ruleSet")
	case r.Schema == nil || strings.TrimSpace(*r.Schema) == "":
		return definition{}, errInvalidSchema("schema is empty")
	case len(r.References) > maxReferences:
		return definition{}, errInvalidSchema("too many references")
	}
	for _, ref := range r.References {
		if ref.Name == "" || ref.Subject == "" || ref.Version < 1 && ref.Version != latestVersion {
			return definition{}, errInvalidSchema("a reference needs name, subject and version")
		}
	}
	return definition{Type: t, Text: *r.Schema, Refs: r.References}, nil
}

func checkSubject(name string) error {
	switch {
	case name == "" || len(name) > maxSubject:
		return errInvalidSubject("its name is empty or too long")
	case strings.HasPrefix(name, ":."):
		return errInvalidSubject("contexts are not kept by this registry")
	}
	for _, r := range name {
		if r < ' ' || r == 0x7f || r == '\ufffd' {
			return errInvalidSubject("its name has a control character or is not UTF-8")
		}
	}
	return nil
}

// register gives a schema its id and, unless the subject has it, a new version.
func (s *Server) register(ctx context.Context, name string, req schemaRequest, normalize bool) (int, error) {
	def, err := req.definition()
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.state
	def.Refs = st.pin(def.Refs)
	src, err := st.source(def)
	if err != nil {
		return 0, err
	}
	if err := regschema.Check(ctx, src); err != nil {
		return 0, asInvalid(err)
	}
	normalize = normalize || st.normalizes(name)
	id := st.identify(def, normalize)
	live := st.subjects[name].live()
	for _, v := range live {
		if v.ID == id && (req.Version <= 0 || req.Version == v.Number) {
			return id, nil
		}
	}
	if err := st.writable(name); err != nil {
		return 0, err
	}
	if st.versions >= maxVersions || st.text+len(def.Text) > maxText {
		return 0, errNotPermitted("the registry is full: %d versions, %d bytes of schemas", st.versions, st.text)
	}
	if st.mode(name) == modeImport {
		return s.importSchema(name, def, req, id)
	}
	if req.ID > 0 || req.Version > 0 && req.Version != st.next(name) {
		return 0, errNotPermitted("Subject %s is not in import mode: id and version are given by the registry", name)
	}
	conflicts, err := st.conflicts(ctx, st.level(name), live, src)
	if err != nil {
		return 0, asInvalid(err)
	}
	if len(conflicts) > 0 {
		return 0, errIncompatible(name, conflicts)
	}
	return s.add(name, st.next(name), def, id)
}

// add makes a version, and its schema too when id is 0.
func (s *Server) add(name string, number int, def definition, id int) (int, error) {
	var changes []change
	if id == 0 {
		id = s.state.highest + 1
		changes = append(changes, change{Kind: kindSchema, ID: id, Schema: &def})
	}
	changes = append(changes, change{Kind: kindVersion, Subject: name, Version: number, ID: id})
	return id, s.commit(changes...)
}

// importSchema keeps the id and the version that another registry gave.
func (s *Server) importSchema(name string, def definition, req schemaRequest, same int) (int, error) {
	st := s.state
	number := req.Version
	if number <= 0 {
		number = st.next(name)
	}
	switch {
	case req.ID <= 0:
		return 0, errNotPermitted("Subject %s is in import mode: the request needs an id", name)
	case req.ID > maxID || number > maxID:
		return 0, errNotPermitted("id %d and version %d: at most %d", req.ID, number, maxID)
	case same != 0 && same != req.ID:
		return 0, errNotPermitted("the same schema has the id %d already", same)
	case same == 0 && st.schemas[req.ID] != nil:
		return 0, unprocessable(42207, "Overwrite new schema with id %d is not permitted.", req.ID)
	case st.subjects[name].find(number) != nil:
		return 0, errNotPermitted("Subject %s has a version %d already", name, number)
	}
	if same != 0 {
		return s.add(name, number, def, same)
	}
	return req.ID, s.commit(
		change{Kind: kindSchema, ID: req.ID, Schema: &def},
		change{Kind: kindVersion, Subject: name, Version: number, ID: req.ID})
}

// maxID bounds ids and versions, which travel in 32 bits.
const maxID = 1<<31 - 1

// pin turns references to the latest version into ones to that version: what a
// schema means must not change later.
func (st *state) pin(refs []regschema.Reference) []regschema.Reference {
	var pinned []regschema.Reference
	for _, r := range refs {
		if v := st.subjects[r.Subject].latest(); r.Version == latestVersion && v != nil {
			r.Version = v.Number
		}
		pinned = append(pinned, r)
	}
	return pinned
}

// next is the number of a subject's next version.
func (st *state) next(name string) int {
	sub := st.subjects[name]
	if sub == nil {
		return 1
	}
	return sub.versions[len(sub.versions)-1].Number + 1
}

func asInvalid(err error) error {
	if errors.Is(err, regschema.ErrInvalid) {
		return unprocessable(42201, "%v", err)
	}
	return err
}

// lookup finds the version of a subject that is a given schema.
func (s *Server) lookup(name string, req schemaRequest, normalize, deleted bool) (version, *schema, error) {
	def, err := req.definition()
	if err != nil {
		return version{}, nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	st := s.state
	sub := st.subjects[name]
	if sub == nil || !deleted && sub.latest() == nil {
		return version{}, nil, errSubjectNotFound(name)
	}
	def.Refs = st.pin(def.Refs)
	id := st.identify(def, normalize || st.normalizes(name))
	for _, v := range sub.versions {
		if v.ID == id && (deleted || !v.Deleted) {
			return v, st.schemas[id], nil
		}
	}
	return version{}, nil, errSchemaNotFound()
}

// compatible judges a schema against one version of a subject or, with number
// 0, against those that its level names.
func (s *Server) compatible(ctx context.Context, name string, number int, req schemaRequest) ([]string, error) {
	def, err := req.definition()
	if err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	st := s.state
	def.Refs = st.pin(def.Refs)
	src, err := st.source(def)
	if err != nil {
		return nil, err
	}
	if err := regschema.Check(ctx, src); err != nil {
		return nil, asInvalid(err)
	}
	sub := st.subjects[name]
	old := sub.live()
	switch {
	case number == latestVersion && len(old) > 0:
		old = old[len(old)-1:]
	case number > 0:
		v := sub.find(number)
		if len(old) == 0 {
			return nil, errSubjectNotFound(name)
		}
		if v == nil || v.Deleted {
			return nil, errVersionNotFound(number)
		}
		old = []version{*v}
	}
	level := st.level(name)
	if level == evolution.None {
		return nil, nil
	}
	list, err := st.conflicts(ctx, level, old, src)
	return list, asInvalid(err)
}
