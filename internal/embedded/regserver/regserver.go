// Package regserver is the embedded stack's schema registry: Confluent's REST
// API at the root and below /apis/ccompat/v7, with its data in a journal on disk.
//
// Start with [Open], give [Server.Handler] to an HTTP server on loopback, and
// end with [Server.Close].
//
// # What is promised
//
// A change is answered once it is synced to disk: it survives kill -9 and the
// loss of power. Ids are never given to another schema. What the registry
// cannot judge (a change of a Protobuf schema, of a JSON Schema that refers to
// other subjects or is beyond the subset of [evolution]) it refuses as
// incompatible and says so. It keeps no data contracts (metadata, rule sets)
// and one context alone, and refuses requests that ask for more.
package regserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/multi-tenant/manage-kafka/internal/evolution"
	"github.com/multi-tenant/manage-kafka/internal/regschema"
)

// The bounds of one registry.
const (
	// MaxBody is the largest request body, in bytes.
	MaxBody = 2 << 20
	// maxVersions bounds the versions of all subjects together.
	maxVersions = 50_000
	// maxText bounds the texts of all schemas together, in bytes.
	maxText = 256 << 20
	// maxSubject is the longest subject, in bytes.
	maxSubject = 512
	// maxConflicts is how many reasons an answer gives for a refusal.
	maxConflicts = 50
	// maxReferences bounds the references of one schema, direct and indirect.
	maxReferences = 256
)

// ErrDamaged is a journal that was changed or cut by something else than a crash.
var ErrDamaged = errors.New("schema journal is damaged")

// Server is a registry over one directory, which no other process may open: the
// caller holds a lock.
type Server struct {
	logf func(level, format string, args ...any)

	mu      sync.RWMutex
	state   *state
	journal *journal
}

// Open reads the registry in dir, which is made when it is missing. It reports
// [ErrDamaged]. A change that a crash left half written, and that was therefore
// never answered, is dropped. Close the server when its HTTP server has ended.
func Open(dir string, logf func(level, format string, args ...any)) (*Server, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &Server{logf: logf, state: newState()}
	j, err := openJournal(filepath.Join(dir, "journal"), s.state.apply, logf)
	if err != nil {
		return nil, err
	}
	s.journal = j
	if s.journal.wasteful(s.state.live()) {
		if err := s.journal.rewrite(s.state.snapshot()); err != nil {
			return nil, errors.Join(err, j.close())
		}
	}
	return s, nil
}

// Close ends the registry. Every change that was answered is on disk already.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.journal.close()
}

// commit writes changes to disk, together or not at all, then makes them seen.
// The caller holds the lock.
func (s *Server) commit(changes ...change) error {
	if err := s.journal.append(changes); err != nil {
		s.logf("ERROR", "%v", err)
		return storeError(err)
	}
	for _, c := range changes {
		if err := s.state.apply(c); err != nil {
			return storeError(err)
		}
	}
	if s.journal.wasteful(s.state.live()) {
		if err := s.journal.rewrite(s.state.snapshot()); err != nil {
			s.logf("WARN", "%v; the journal stays as it is", err)
		}
	}
	return nil
}

// source puts a schema together with all that it refers to. It reports an
// invalid schema when a reference leads nowhere.
func (st *state) source(def definition) (regschema.Source, error) {
	src := regschema.Source{Type: def.Type, Text: def.Text}
	seen := map[string]int{}
	if err := st.collect(def.Refs, seen, &src.Imports); err != nil {
		return src, err
	}
	return src, nil
}

func (st *state) collect(refs []regschema.Reference, seen map[string]int, into *[]regschema.Import) error {
	for _, r := range refs {
		sub := st.subjects[r.Subject]
		v := sub.find(r.Version)
		if r.Version == latestVersion {
			v = sub.latest()
		}
		if v == nil {
			return errInvalidSchema(fmt.Sprintf("reference %q leads to subject %q version %d, which does not exist", r.Name, r.Subject, r.Version))
		}
		if id, ok := seen[r.Name]; ok {
			if id != v.ID {
				return errInvalidSchema(fmt.Sprintf("reference %q leads to two different schemas", r.Name))
			}
			continue
		}
		if len(seen) == maxReferences {
			return errInvalidSchema(fmt.Sprintf("more than %d references", maxReferences))
		}
		seen[r.Name] = v.ID
		def := st.schemas[v.ID].definition
		if err := st.collect(def.Refs, seen, into); err != nil {
			return err
		}
		*into = append(*into, regschema.Import{Name: r.Name, Text: def.Text})
	}
	return nil
}

// conflicts says why a schema cannot follow the given versions, as one who
// registers it is told.
func (st *state) conflicts(ctx context.Context, level evolution.Mode, old []version, next regschema.Source) ([]string, error) {
	var before []regschema.Source
	for _, v := range old {
		src, err := st.source(st.schemas[v.ID].definition)
		if err != nil {
			return nil, err
		}
		before = append(before, src)
	}
	list, err := regschema.Conflicts(ctx, level, before, next)
	if errors.Is(err, regschema.ErrCannotJudge) {
		return []string{err.Error()}, nil
	}
	if n := len(list); n > maxConflicts {
		list = append(list[:maxConflicts:maxConflicts], fmt.Sprintf("and %d more", n-maxConflicts))
	}
	return list, err
}
