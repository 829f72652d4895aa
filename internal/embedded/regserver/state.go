package regserver

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/evolution"
	"github.com/multi-tenant/manage-kafka/internal/regschema"
)

// A definition is what makes two schemas the same.
type definition struct {
	Type regschema.Type        `json:"type"`
	Text string                `json:"text"`
	Refs []regschema.Reference `json:"refs,omitempty"`
}

type fingerprint [sha256.Size]byte

// fingerprint is the same for definitions that are the same but for white
// space, with sorted also but for the order of members.
func (d definition) fingerprint(sorted bool) fingerprint {
	h := sha256.New()
	// The encoder writes lengths into the quoting: no two definitions run together.
	_ = json.NewEncoder(h).Encode(definition{Type: d.Type, Text: regschema.Canonical(d.Type, d.Text, sorted), Refs: d.Refs})
	return fingerprint(h.Sum(nil))
}

type schema struct {
	definition
	id   int
	uses int // versions that have it, soft-deleted ones among them
}

type version struct {
	Number  int
	ID      int
	Deleted bool
}

// A subject has its versions in order, soft-deleted ones among them.
type subject struct {
	versions []version
}

func (s *subject) live() []version {
	var list []version
	if s != nil {
		for _, v := range s.versions {
			if !v.Deleted {
				list = append(list, v)
			}
		}
	}
	return list
}

// find returns nil when there is no such version.
func (s *subject) find(number int) *version {
	if s == nil {
		return nil
	}
	for i := range s.versions {
		if s.versions[i].Number == number {
			return &s.versions[i]
		}
	}
	return nil
}

func (s *subject) latest() *version {
	if s == nil {
		return nil
	}
	for i := len(s.versions) - 1; i >= 0; i-- {
		if !s.versions[i].Deleted {
			return &s.versions[i]
		}
	}
	return nil
}

// settings are of one subject, or under the name "" of all.
type settings struct {
	Level     evolution.Mode `json:"level,omitempty"`
	Mode      string         `json:"mode,omitempty"`
	Normalize *bool          `json:"normalize,omitempty"`
}

// state is what the registry knows. It is changed by apply alone, with what
// stands in the journal.
type state struct {
	schemas  map[int]*schema
	exact    map[fingerprint]int
	sorted   map[fingerprint][]int // several schemas may differ in order alone
	subjects map[string]*subject
	settings map[string]settings
	highest  int // the highest id ever given
	versions int
	text     int
}

func newState() *state {
	return &state{
		schemas: map[int]*schema{}, exact: map[fingerprint]int{}, sorted: map[fingerprint][]int{},
		subjects: map[string]*subject{}, settings: map[string]settings{},
	}
}

// change is one entry of the journal. Its kind says which members it has.
type change struct {
	Kind     kind        `json:"kind"`
	ID       int         `json:"id,omitempty"`
	Schema   *definition `json:"schema,omitempty"`
	Subject  string      `json:"subject,omitempty"`
	Version  int         `json:"version,omitempty"`
	Settings *settings   `json:"settings,omitempty"`
}

type kind string

const (
	kindSchema   kind = "schema"   // id, schema
	kindVersion  kind = "version"  // subject, version, id; undone when it was soft-deleted
	kindDelete   kind = "delete"   // subject, version: softly
	kindPurge    kind = "purge"    // subject, version: for good
	kindSettings kind = "settings" // subject, settings; none removes them
	kindHighest  kind = "highest"  // id: the highest ever given
)

// apply makes one change. An error means that the journal contradicts itself.
func (st *state) apply(c change) error {
	switch c.Kind {
	case kindSchema:
		return st.addSchema(c)
	case kindVersion:
		return st.addVersion(c)
	case kindDelete:
		v := st.subjects[c.Subject].find(c.Version)
		if v == nil {
			return fmt.Errorf("%w: deletes what is not there: %s version %d", ErrDamaged, c.Subject, c.Version)
		}
		v.Deleted = true
	case kindPurge:
		return st.purge(c)
	case kindSettings:
		if c.Settings == nil || *c.Settings == (settings{}) {
			delete(st.settings, c.Subject)
		} else {
			st.settings[c.Subject] = *c.Settings
		}
	case kindHighest:
		st.highest = max(st.highest, c.ID)
	default:
		return fmt.Errorf("%w: unknown entry %q", ErrDamaged, c.Kind)
	}
	return nil
}

func (st *state) addSchema(c change) error {
	if c.Schema == nil || c.ID < 1 || st.schemas[c.ID] != nil {
		return fmt.Errorf("%w: schema id %d stands twice or without a schema", ErrDamaged, c.ID)
	}
	st.schemas[c.ID] = &schema{definition: *c.Schema, id: c.ID}
	st.exact[c.Schema.fingerprint(false)] = c.ID
	f := c.Schema.fingerprint(true)
	st.sorted[f] = append(st.sorted[f], c.ID)
	st.highest = max(st.highest, c.ID)
	st.text += len(c.Schema.Text)
	return nil
}

func (st *state) addVersion(c change) error {
	sch := st.schemas[c.ID]
	if sch == nil || c.Version < 1 || c.Subject == "" {
		return fmt.Errorf("%w: version %d of %q without its schema %d", ErrDamaged, c.Version, c.Subject, c.ID)
	}
	sub := st.subjects[c.Subject]
	if sub == nil {
		sub = &subject{}
		st.subjects[c.Subject] = sub
	}
	if sub.find(c.Version) != nil {
		return fmt.Errorf("%w: %s version %d stands twice", ErrDamaged, c.Subject, c.Version)
	}
	sub.versions = append(sub.versions, version{Number: c.Version, ID: c.ID})
	slices.SortFunc(sub.versions, func(a, b version) int { return cmp.Compare(a.Number, b.Number) })
	sch.uses++
	st.versions++
	return nil
}

func (st *state) purge(c change) error {
	sub := st.subjects[c.Subject]
	v := sub.find(c.Version)
	if v == nil {
		return fmt.Errorf("%w: removes what is not there: %s version %d", ErrDamaged, c.Subject, c.Version)
	}
	id := v.ID
	sub.versions = slices.DeleteFunc(sub.versions, func(v version) bool { return v.Number == c.Version })
	if len(sub.versions) == 0 {
		delete(st.subjects, c.Subject)
	}
	st.versions--
	sch := st.schemas[id]
	if sch.uses--; sch.uses > 0 {
		return nil
	}
	delete(st.schemas, id)
	delete(st.exact, sch.fingerprint(false))
	f := sch.fingerprint(true)
	if st.sorted[f] = slices.DeleteFunc(st.sorted[f], func(other int) bool { return other == id }); len(st.sorted[f]) == 0 {
		delete(st.sorted, f)
	}
	st.text -= len(sch.Text)
	return nil
}

// identify finds the schema that is the same as a definition, 0 when there is none.
func (st *state) identify(d definition, normalize bool) int {
	if id := st.exact[d.fingerprint(false)]; id != 0 || !normalize {
		return id
	}
	if ids := st.sorted[d.fingerprint(true)]; len(ids) > 0 {
		return ids[0]
	}
	return 0
}

// live is about the size, in bytes, of a journal with nothing superseded in it.
func (st *state) live() int { return st.text + 200*(st.versions+len(st.schemas)+len(st.settings)) }

// snapshot lists the changes that lead from nothing to this state.
func (st *state) snapshot() []change {
	list := []change{{Kind: kindHighest, ID: st.highest}}
	ids := make([]int, 0, len(st.schemas))
	for id := range st.schemas {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		list = append(list, change{Kind: kindSchema, ID: id, Schema: &st.schemas[id].definition})
	}
	for _, name := range st.names() {
		for _, v := range st.subjects[name].versions {
			list = append(list, change{Kind: kindVersion, Subject: name, Version: v.Number, ID: v.ID})
			if v.Deleted {
				list = append(list, change{Kind: kindDelete, Subject: name, Version: v.Number})
			}
		}
	}
	for name, s := range st.settings {
		list = append(list, change{Kind: kindSettings, Subject: name, Settings: &s})
	}
	return list
}

// names lists the subjects in order, those without a live version among them.
func (st *state) names() []string {
	names := make([]string, 0, len(st.subjects))
	for name := range st.subjects {
		names = append(names, name)
	}
	slices.SortFunc(names, strings.Compare)
	return names
}
