package events

import (
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/schema"
)

// A DataMember describes one member of a type's data.
type DataMember struct {
	// Path leads to it by names joined with dots: changes, checksum.value;
	// lineItems[].amount stands for a member of every item.
	Path string `json:"path"`
	// Types lists the JSON types it may have.
	Types []string `json:"types"`
	// Required says whether the object it is in must have it.
	Required bool `json:"required"`
	// Format is the format of a text, such as email; "" for none.
	Format string `json:"format,omitempty"`
	// Values lists all that are allowed, as JSON; none means no such list.
	Values []string `json:"values,omitempty"`
	// Description is for people; "" for none.
	Description string `json:"description,omitempty"`
}

// Members lists the members of a type's newest data in the order of its schema,
// those of objects within it after their object. The error is an
// *UnknownTypeError, or says that the schema cannot be read.
func (c *Catalogue) Members(name string) ([]DataMember, error) {
	e, err := c.entry(name)
	if err != nil {
		return nil, err
	}
	model, err := e.contracts[len(e.contracts)-1].model()
	if err != nil {
		return nil, err
	}
	return membersOf(nil, model, ""), nil
}

func membersOf(list []DataMember, s *schema.Schema, prefix string) []DataMember {
	for _, p := range s.Properties {
		m := p.Schema
		d := DataMember{Path: prefix + p.Name, Types: m.Types.Names(), Required: s.Requires(p.Name), Format: m.Format, Description: m.Description}
		for _, a := range m.AnyOf {
			d.Types = schema.Merge(&schema.Schema{Types: m.Types}, a).Types.Names()
			d.Format = strings.TrimPrefix(d.Format+"|"+a.Format, "|")
		}
		var listed schema.Kinds
		for _, v := range m.Enum {
			d.Values = append(d.Values, string(v.Raw))
			listed |= v.KindOf()
		}
		if m.Types == schema.Any && listed != 0 {
			d.Types = listed.Names() // a list of values says it too
		}
		list = append(list, d)
		within, below := m, d.Path+"."
		for within.Items != nil {
			within, below = within.Items, strings.TrimSuffix(below, ".")+"[]."
		}
		list = membersOf(list, within, below)
	}
	return list
}
