package evolution

import (
	"encoding/json"
	"slices"

	"github.com/multi-tenant/manage-kafka/internal/schema"
)

func (c *comparison) text(reader, writer *schema.Schema, at string) {
	if reader.Format != "" && reader.Format != writer.Format {
		c.add(at+"/format", FormatChanged, "texts that are no %s may come", reader.Format)
	}
	if reader.Pattern != "" && reader.Pattern != writer.Pattern {
		c.add(at+"/pattern", PatternChanged, "texts that do not match %s may come", reader.Pattern)
	}
	c.counts(at, LengthNarrowed, "texts", "characters", [2]string{"minLength", "maxLength"},
		[4]*int{reader.MinLength, writer.MinLength, reader.MaxLength, writer.MaxLength})
}

// counts compares a least and a most, given as reader, writer, reader, writer.
func (c *comparison) counts(at string, rule Rule, things, units string, names [2]string, n [4]*int) {
	if n[0] != nil && *n[0] > 0 && (n[1] == nil || *n[1] < *n[0]) {
		c.add(at+"/"+names[0], rule, "%s of fewer than %d %s may come", things, *n[0], units)
	}
	if n[2] != nil && (n[3] == nil || *n[3] > *n[2]) {
		c.add(at+"/"+names[1], rule, "%s of more than %d %s may come", things, *n[2], units)
	}
}

func (c *comparison) number(reader, writer *schema.Schema, at string) {
	atLeast := func(bound, than json.Number, or int) bool { return bound != "" && schema.Compare(bound, than) >= or }
	atMost := func(bound, than json.Number, or int) bool { return bound != "" && schema.Compare(bound, than) <= -or }
	if m := reader.Minimum; m != "" && !atLeast(writer.Minimum, m, 0) && !atLeast(writer.ExclusiveMinimum, m, 0) {
		c.add(at+"/minimum", RangeNarrowed, "numbers less than %s may come", m)
	}
	if m := reader.ExclusiveMinimum; m != "" && !atLeast(writer.Minimum, m, 1) && !atLeast(writer.ExclusiveMinimum, m, 0) {
		c.add(at+"/exclusiveMinimum", RangeNarrowed, "numbers that are not more than %s may come", m)
	}
	if m := reader.Maximum; m != "" && !atMost(writer.Maximum, m, 0) && !atMost(writer.ExclusiveMaximum, m, 0) {
		c.add(at+"/maximum", RangeNarrowed, "numbers more than %s may come", m)
	}
	if m := reader.ExclusiveMaximum; m != "" && !atMost(writer.Maximum, m, 1) && !atMost(writer.ExclusiveMaximum, m, 0) {
		c.add(at+"/exclusiveMaximum", RangeNarrowed, "numbers that are not less than %s may come", m)
	}
	if m := reader.MultipleOf; m != "" {
		whole := writer.Types&schema.Number == 0 && schema.Multiple("1", m)
		if !whole && (writer.MultipleOf == "" || !schema.Multiple(writer.MultipleOf, m)) {
			c.add(at+"/multipleOf", RangeNarrowed, "numbers that are no multiple of %s may come", m)
		}
	}
}

func (c *comparison) array(reader, writer *schema.Schema, at string) {
	c.counts(at, ItemsNarrowed, "arrays", "items", [2]string{"minItems", "maxItems"},
		[4]*int{reader.MinItems, writer.MinItems, reader.MaxItems, writer.MaxItems})
	most := 2
	if writer.MaxItems != nil {
		most = *writer.MaxItems
	}
	if reader.UniqueItems && !writer.UniqueItems && most > 1 {
		c.add(at+"/uniqueItems", ItemsNarrowed, "an item may come twice")
	}
	if most > 0 {
		c.schema(reader.Items, writer.Items, at+"/items")
	}
}

func (c *comparison) object(reader, writer *schema.Schema, at string) {
	for _, r := range reader.Required {
		if !writer.Requires(r) {
			c.add(at+"/required", RequiredAdded, "%q may be missing", r)
		}
	}
	c.counts(at, MembersNarrowed, "objects", "members", [2]string{"minProperties", "maxProperties"},
		[4]*int{reader.MinProperties, fewest(writer), reader.MaxProperties, most(writer)})
	var names []string
	for _, p := range slices.Concat(reader.Properties, writer.Properties) {
		if !slices.Contains(names, p.Name) {
			names = append(names, p.Name)
		}
	}
	for _, name := range names {
		c.member(reader, writer, name, at+"/properties/"+schema.EscapePointer(name))
	}
	extra := orAny(writer.Additional)
	switch {
	case extra.Never:
	case reader.Closed():
		c.add(at+"/additionalProperties", MemberRefused, "members of other names may come, which the closed object refuses")
	default:
		c.schema(reader.Additional, extra, at+"/additionalProperties")
	}
}

func (c *comparison) member(reader, writer *schema.Schema, name, at string) {
	want, named := reader.Property(name)
	sent, _ := writer.Property(name)
	switch {
	case orAny(sent).Never:
	case orAny(want).Never && named:
		c.add(at, MemberRefused, "%q may come, which it forbids", name)
	case orAny(want).Never:
		c.add(at, MemberRefused, "%q may come, which the closed object does not name", name)
	default:
		c.schema(want, sent, at)
	}
}

// fewest is how many members the writer's objects have at least.
func fewest(writer *schema.Schema) *int {
	n := len(writer.Required)
	if writer.MinProperties != nil {
		n = max(n, *writer.MinProperties)
	}
	return &n
}

// most is how many members the writer's objects have at most, nil for no limit.
func most(writer *schema.Schema) *int {
	if !writer.Closed() {
		return writer.MaxProperties
	}
	n := len(writer.Properties)
	if writer.MaxProperties != nil {
		n = min(n, *writer.MaxProperties)
	}
	return &n
}
