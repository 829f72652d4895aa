package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/multi-tenant/manage-kafka/internal/schema"
)

// A View says which side applies a schema.
type View int

const (
	// Closed is the producer's: a member that the schema does not name is
	// refused.
	Closed View = iota
	// Open is the consumer's: it takes unknown members, so that a producer may
	// add optional ones.
	Open
	views = 2
)

// A contract is one major version of one type. Everything costly is made when
// it is first used, once.
type contract struct {
	entry   *entry
	version Version
	source  func() (json.RawMessage, error)
	set     *namedSet // nil for a built-in one
	url     string    // in the set
	model   func() (*schema.Schema, error)
	quick   [views]func() *schema.Checker
	full    [views]func() (*jsonschema.Schema, error)
}

func newContract(e *entry, v Version, source func() (json.RawMessage, error), set *namedSet, url string) *contract {
	k := &contract{entry: e, version: v, source: source, set: set, url: url}
	k.model = sync.OnceValues(func() (*schema.Schema, error) {
		raw, err := source()
		if err != nil {
			return nil, err
		}
		return schema.Parse(raw)
	})
	for view := range View(views) {
		k.quick[view] = sync.OnceValue(func() *schema.Checker {
			m, err := k.model()
			if err != nil {
				return nil
			}
			if view == Open {
				m = m.Opened()
			}
			return schema.NewChecker(m, e.key.caught...)
		})
		k.full[view] = sync.OnceValues(func() (*jsonschema.Schema, error) { return set.compile(url, view) })
	}
	return k
}

func builtinContract(e *entry, v Version) *contract {
	file := fmt.Sprintf("schemas/%s.v%d.json", e.Name, v.Major)
	source := func() (json.RawMessage, error) { return schemaFiles.ReadFile(file) }
	return newContract(e, v, source, nil, file)
}

// ownContract checks a user's schema in full before it is taken.
func ownContract(e *entry, v Version, u UserType, set *namedSet) (*contract, error) {
	if len(u.Schema) == 0 {
		return nil, errors.New("has no schema")
	}
	source := func() (json.RawMessage, error) { return u.Schema, nil }
	k := newContract(e, v, source, set, set.url(u))
	if _, err := k.full[Closed](); err != nil {
		return nil, fmt.Errorf("schema %s: %w", quote(u.File), err)
	}
	return k, nil
}

func (k *contract) description() string {
	m, err := k.model()
	if err != nil {
		return ""
	}
	return m.Description
}
