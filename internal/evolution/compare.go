package evolution

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/schema"
)

// comparison collects why some value that the writer may send is one that the
// reader does not take.
type comparison struct {
	direction Direction
	version   int
	found     []Difference
	steps     int
	exhausted bool
}

// maxSteps bounds the work that alternatives within alternatives can cause.
const maxSteps = 20_000

func (c *comparison) add(at string, rule Rule, format string, args ...any) {
	c.found = append(c.found, Difference{at, rule, fmt.Sprintf(format, args...), c.direction, c.version})
}

// schema compares at one place. Nil stands for the schema that allows all.
func (c *comparison) schema(reader, writer *schema.Schema, at string) {
	if reader == nil {
		return
	}
	if c.steps++; c.steps > maxSteps {
		// every comparison must say so: one without a finding means compatible
		if !c.exhausted {
			c.add(at, Unknown, "the schemas have too many alternatives to compare")
		}
		c.exhausted = true
		return
	}
	writer = orAny(writer)
	switch {
	case writer.Never || c.same(reader, writer):
		return
	case reader.Never:
		c.add(at, MemberRefused, "is refused, but may be there")
		return
	case len(writer.AnyOf) > 0:
		c.eachWriterAlternative(reader, writer, at)
		return
	case len(writer.Enum) > 0:
		c.values(reader, writer, at)
		return
	}
	c.opaque(reader, writer, at)
	if len(reader.AnyOf) > 0 {
		c.someReaderAlternative(reader, writer, at)
	}
	c.types(reader, writer, at)
	if len(reader.Enum) > 0 {
		c.add(at, EnumNarrowed, "takes only %s, but other values may come", literals(reader.Enum))
		return
	}
	shared := reader.Types & writer.Types
	if shared&schema.String != 0 {
		c.text(reader, writer, at)
	}
	if shared&schema.Integer != 0 {
		c.number(reader, writer, at)
	}
	if shared&schema.Array != 0 {
		c.array(reader, writer, at)
	}
	if shared&schema.Object != 0 {
		c.object(reader, writer, at)
	}
}

// same spares the work where equality is the only proof there can be.
func (c *comparison) same(reader, writer *schema.Schema) bool {
	hard := len(reader.Opaque)+len(reader.AnyOf) > 0 && len(writer.Opaque)+len(writer.AnyOf) > 0
	return hard && reflect.DeepEqual(reader, writer)
}

func orAny(s *schema.Schema) *schema.Schema {
	if s == nil {
		return &schema.Schema{Types: schema.Any}
	}
	return s
}

// opaque asks that keywords nothing is known about are the same. With one that
// changes what others mean, everything else must be the same too.
func (c *comparison) opaque(reader, writer *schema.Schema, at string) {
	for _, k := range reader.Opaque {
		switch k.Name {
		case "patternProperties", "unevaluatedProperties", "unevaluatedItems":
			c.add(at, Unknown, "beside %s nothing may change: what it means is not known here", k.Name)
			return
		}
	}
	for _, k := range reader.Opaque {
		if !slices.Contains(writer.Opaque, k) {
			c.add(at+"/"+schema.EscapePointer(k.Name), Unknown, "%s is new or changed, and what it means is not known here", k.Name)
		}
	}
	for _, k := range writer.Opaque {
		same := slices.ContainsFunc(reader.Opaque, func(o schema.Keyword) bool { return o.Name == k.Name })
		if !same {
			c.add(at, Unknown, "%s is gone or new, and what it means is not known here", k.Name)
		}
	}
}

func (c *comparison) eachWriterAlternative(reader, writer *schema.Schema, at string) {
	rest := *writer
	rest.AnyOf = nil
	var common comparison
	for _, alternative := range writer.AnyOf {
		one := comparison{direction: c.direction, version: c.version, steps: c.steps}
		one.schema(reader, schema.Merge(&rest, alternative), at)
		c.steps = one.steps
		for _, d := range one.found {
			if !slices.Contains(common.found, d) {
				common.found = append(common.found, d)
			}
		}
	}
	c.found = append(c.found, common.found...)
}

func (c *comparison) someReaderAlternative(reader, writer *schema.Schema, at string) {
	var reasons []string
	for i, alternative := range reader.AnyOf {
		one := comparison{direction: c.direction, version: c.version, steps: c.steps}
		one.schema(alternative, writer, fmt.Sprintf("%s/anyOf/%d", at, i))
		c.steps = one.steps
		if len(one.found) == 0 {
			return
		}
		reasons = append(reasons, one.found[0].Message)
	}
	c.add(at+"/anyOf", AlternativeRemoved, "no alternative is sure to hold: %s", strings.Join(reasons, "; "))
}

// values tries each of the writer's few values on the reader.
func (c *comparison) values(reader, writer *schema.Schema, at string) {
	if len(reader.Enum) > 0 {
		var more []schema.Literal
		for _, v := range writer.Enum {
			if !slices.ContainsFunc(reader.Enum, func(l schema.Literal) bool { return l.Canonical == v.Canonical }) {
				more = append(more, v)
			}
		}
		if len(more) > 0 {
			c.add(at+"/enum", EnumNarrowed, "%s may come, which it does not list", literals(more))
			return
		}
	}
	for _, v := range writer.Enum {
		if writer.Types&v.KindOf() != 0 && !reader.Allows(v.Value()) {
			c.add(at, EnumNarrowed, "%s may come, which it may refuse", literals([]schema.Literal{v}))
		}
	}
}

func literals(list []schema.Literal) string {
	texts := make([]string, 0, len(list))
	for i, l := range list {
		if i == 8 {
			texts = append(texts, "…")
			break
		}
		texts = append(texts, string(l.Raw))
	}
	return strings.Join(texts, ", ")
}

func (c *comparison) types(reader, writer *schema.Schema, at string) {
	if more := writer.Types &^ reader.Types; more != 0 {
		// an integer is a number: without that type, fractions may come
		c.add(at+"/type", TypeNarrowed, "%s may come, where it takes %s",
			strings.Join(more.Names(), ", "), strings.Join(reader.Types.Names(), ", "))
	}
}
