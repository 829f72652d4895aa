package events

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

//go:embed schemas/*.json
var schemaFiles embed.FS

// A UserType is a type of the user's own, with the same rights as a built-in
// one. Several entries of one name are several major versions of it.
type UserType struct {
	// Name follows the same rule as the built-in names: order.created.
	Name string
	// Topic defaults to the one of the domain: order.events.
	Topic string
	// Key says where the record key is found; without a rule it is the
	// tenant's id, else the event's.
	Key KeyRule
	// Version is that of the schema; it defaults to "1.0".
	Version string
	// Schema is the JSON Schema (draft-07 or 2020-12) of the data.
	Schema []byte
	// File names the schema in errors, and for "$ref" from other files.
	File string
}

// A Catalogue knows the types of events, the built-in ones and a user's own.
// Schemas are compiled when they are first needed. A Catalogue may be used by
// any number of goroutines once AddUpcaster is done.
type Catalogue struct {
	types     []Type
	entries   map[string]*entry
	upcasters map[upcast]Upcaster
}

// entry is one type with its contracts, ascending by major version.
type entry struct {
	Type
	key       plan
	contracts []*contract
}

// NewCatalogue makes a catalogue of the built-in types and those given. A "$ref"
// in a schema may lead to the schema of another one given, by its file name or
// "$id", and nowhere else. It refuses a name, topic or key that breaks the rules and a schema that is none or beyond
// the bounds; a name that is built in cannot be taken again.
func NewCatalogue(own ...UserType) (*Catalogue, error) {
	c := &Catalogue{entries: map[string]*entry{}, upcasters: map[upcast]Upcaster{}}
	for _, t := range Types() {
		e := &entry{Type: t, key: newPlan(t.Key)}
		for _, v := range versionsOf(t.Name) {
			e.contracts = append(e.contracts, builtinContract(e, v))
		}
		c.add(e)
	}
	own = withDefaults(own)
	named, err := newNamedSet(own)
	if err != nil {
		return nil, err
	}
	for _, u := range own {
		if err := c.addOwn(u, named); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func withDefaults(own []UserType) []UserType {
	own = slices.Clone(own)
	for i := range own {
		if own[i].Topic == "" {
			own[i].Topic = TopicOf(own[i].Name)
		}
		if own[i].Version == "" {
			own[i].Version = "1.0"
		}
	}
	return own
}

func versionsOf(name string) []Version {
	var list []Version
	for _, row := range registry() {
		if row.name == name {
			for _, text := range row.versions {
				v, _ := ParseVersion(text) // generated from the schemas, which a test holds
				list = append(list, v)
			}
		}
	}
	return list
}

func (c *Catalogue) add(e *entry) {
	c.types = append(c.types, e.Type)
	c.entries[e.Name] = e
}

func (c *Catalogue) addOwn(u UserType, named *namedSet) error {
	v, errVersion := ParseVersion(u.Version)
	if err := errors.Join(checkTypeName(u.Name), checkTopic(u.Topic), u.Key.check(), errVersion); err != nil {
		return fmt.Errorf("own type %s: %w", quote(u.Name), err)
	}
	e := c.entries[u.Name]
	switch {
	case e == nil:
		e = &entry{Type: Type{Name: u.Name, Topic: u.Topic, Key: u.Key, Version: u.Version}, key: newPlan(u.Key)}
		c.add(e)
	case e.BuiltIn:
		return fmt.Errorf("own type %s: is a built-in type", u.Name)
	case e.Topic != u.Topic || e.Key != u.Key:
		return fmt.Errorf("own type %s: its versions differ in topic or key", u.Name)
	case slices.ContainsFunc(e.contracts, func(k *contract) bool { return k.version.Major == v.Major }):
		return fmt.Errorf("own type %s: major version %d is there twice", u.Name, v.Major)
	}
	k, err := ownContract(e, v, u, named)
	if err != nil {
		return fmt.Errorf("own type %s: %w", u.Name, err)
	}
	e.contracts = append(e.contracts, k)
	slices.SortFunc(e.contracts, func(a, b *contract) int { return a.version.Major - b.version.Major })
	newest := e.contracts[len(e.contracts)-1]
	e.Version = newest.version.String()
	e.Summary = newest.description()
	i := slices.IndexFunc(c.types, func(t Type) bool { return t.Name == u.Name })
	c.types[i] = e.Type
	return nil
}

// Types lists the built-in types, then the user's own, in the order given.
func (c *Catalogue) Types() []Type { return slices.Clone(c.types) }

// Lookup finds a type by its name; the error is an *UnknownTypeError.
func (c *Catalogue) Lookup(name string) (Type, error) {
	e, err := c.entry(name)
	if err != nil {
		return Type{}, err
	}
	return e.Type, nil
}

func (c *Catalogue) entry(name string) (*entry, error) {
	if e, ok := c.entries[name]; ok {
		return e, nil
	}
	return nil, &UnknownTypeError{name, c.nearest(name)}
}

// Schema returns the schema of a type's newest version of a major, 0 for the
// newest of all, as it stands in its file. The errors are an *UnknownTypeError
// and an *UnknownMajorError. The result must not be changed.
func (c *Catalogue) Schema(name string, major int) (json.RawMessage, error) {
	e, err := c.entry(name)
	if err != nil {
		return nil, err
	}
	k, err := e.contract(major)
	if err != nil {
		return nil, err
	}
	return k.source()
}

// Majors lists the major versions of a type, ascending; none for an unknown one.
func (c *Catalogue) Majors(name string) []int {
	e := c.entries[name]
	if e == nil {
		return nil
	}
	return e.majors()
}

func (e *entry) majors() []int {
	list := make([]int, len(e.contracts))
	for i, k := range e.contracts {
		list[i] = k.version.Major
	}
	return list
}

func (e *entry) contract(major int) (*contract, error) {
	if major == 0 {
		return e.contracts[len(e.contracts)-1], nil
	}
	for _, k := range e.contracts {
		if k.version.Major == major {
			return k, nil
		}
	}
	return nil, &UnknownMajorError{e.Name, fmt.Sprint(major), e.majors()}
}
