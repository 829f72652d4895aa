package events

import (
	"encoding/json"
	"fmt"
)

// An Upcaster turns the data of one major version into that of the next. It
// must not change what it is given.
type Upcaster func(data json.RawMessage) (json.RawMessage, error)

type upcast struct {
	name string
	from int
}

// AddUpcaster registers how data of a type's major version from becomes data
// of from+1, for both of which there must be a schema. It is not to be called
// while others use the catalogue.
func (c *Catalogue) AddUpcaster(name string, from int, up Upcaster) error {
	e, err := c.entry(name)
	if err != nil {
		return err
	}
	for _, major := range []int{from, from + 1} {
		if _, err := e.contract(major); err != nil || major < 1 {
			return fmt.Errorf("upcaster of %s from %d to %d: there is no version %d", name, from, from+1, major)
		}
	}
	if _, taken := c.upcasters[upcast{name, from}]; taken {
		return fmt.Errorf("upcaster of %s from %d to %d: is there already", name, from, from+1)
	}
	c.upcasters[upcast{name, from}] = up
	return nil
}

// Upcast returns e with its data in the newest major version, which the open
// schema of that version has checked; an event that has it already is returned
// as it is. The errors are an *UnknownTypeError, an *UnknownMajorError for a
// version the catalogue has no schema of, or one that names the step.
func (c *Catalogue) Upcast(e Event) (Event, error) {
	t, err := c.entry(e.Type)
	if err != nil {
		return e, err
	}
	v, err := ParseVersion(e.DataVersion)
	if err != nil {
		return e, &InvalidError{[]Failure{{"/dataVersion", err.Error()}}}
	}
	if _, err := t.contract(v.Major); err != nil || v.Major < 1 {
		return e, &UnknownMajorError{e.Type, e.DataVersion, t.majors()}
	}
	newest := t.contracts[len(t.contracts)-1].version
	if v.Major == newest.Major {
		return e, nil
	}
	for major := v.Major; major < newest.Major; major++ {
		up := c.upcasters[upcast{e.Type, major}]
		if up == nil {
			return e, fmt.Errorf("upcast %s from %d to %d: there is no upcaster", e.Type, major, major+1)
		}
		if e.Data, err = up(e.Data); err != nil {
			return e, fmt.Errorf("upcast %s from %d to %d: %w", e.Type, major, major+1, err)
		}
	}
	e.DataVersion = newest.String()
	if err := c.Validator(ValidatorOptions{View: Open}).Check(e.Encode()); err != nil {
		return e, fmt.Errorf("upcast %s to %s: %w", e.Type, newest, err)
	}
	return e, nil
}
