package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/identifier"
	"github.com/multi-tenant/manage-kafka/internal/schema"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

const markdownHead = `<!-- Generated from the event schemas by go generate ./pkg/events. Do not edit. -->
# Events

Every record value is one JSON object, the envelope, with the payload in its member ` + "`data`" + `.

| member | | |
|---|---|---|
| ` + "`id`" + ` | required | 1–128 characters; two events of one id are the same event |
| ` + "`type`" + ` | required | one of the types below, or one of your own |
| ` + "`source`" + ` | required | the service that made the event |
| ` + "`time`" + ` | required | RFC 3339 |
| ` + "`dataVersion`" + ` | required | ` + "`MAJOR.MINOR`" + ` of the type's schema |
| ` + "`dataContentType`" + ` | required | ` + "`application/json`" + ` |
| ` + "`tenantId`" + ` | optional | required where it is the key |
| ` + "`correlationId`" + ` | optional | the same for all events that one cause set off |
| ` + "`causationId`" + ` | optional | the id of the event that caused this one |
| ` + "`userId`" + ` | optional | who set it off |
| ` + "`data`" + ` | required | the payload |

Optional members are left out, never null; unknown members of the envelope are kept. The record headers ` + "`event-id` `event-type` `event-version` `tenant-id` `correlation-id`" + `
repeat what consumers filter by. The record key is the subject of the event, so that what happens to one subject stays in order. Producers apply a schema
closed: a member of the payload that it does not name is refused; consumers apply it open.
`

// markdown is the catalogue for people.
func markdown(c *events.Catalogue, contracts []contract) ([]byte, error) {
	var b strings.Builder
	b.WriteString(markdownHead)
	b.WriteString("\n| type | topic | key | version | |\n|---|---|---|---|---|\n")
	for _, k := range contracts {
		if k.newest {
			fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s | %s |\n", cell(k.Name), anchor(k.Name), code(k.Topic), keyCell(k.Key), k.Version, cell(k.Summary))
		}
	}
	for _, d := range domains(contracts) {
		fmt.Fprintf(&b, "\n## %s\n", identifier.Pascal(d))
		for _, k := range of(contracts, d) {
			if err := section(&b, c, k); err != nil {
				return nil, err
			}
		}
	}
	return []byte(b.String()), nil
}

func anchor(name string) string { return strings.ReplaceAll(name, ".", "") }

func code(s string) string { return "`" + strings.ReplaceAll(s, "`", "'") + "`" }

func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(s)
}

func keyCell(rule events.KeyRule) string {
	if rule == "" {
		return "tenant"
	}
	var list []string
	for _, alternative := range strings.Split(string(rule), "|") {
		list = append(list, code(alternative))
	}
	return strings.Join(list, ", else ")
}

func section(b *strings.Builder, c *events.Catalogue, k contract) error {
	fmt.Fprintf(b, "\n### %s\n\n%s\n", k.name(), strings.TrimSpace(k.model.Description+" "+demand(k.model)))
	if len(k.model.Properties) > 0 {
		b.WriteString("\n| member | | type | |\n|---|---|---|---|\n")
		members(b, k.model, "")
	}
	if !k.newest {
		return nil
	}
	e, err := c.Example(k.Name, 1)
	if err != nil {
		return nil // a user's schema that no example can be made for
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, e.Encode(), "", "  "); err != nil {
		return err
	}
	fmt.Fprintf(b, "\n```json\n%s\n```\n", pretty.String())
	return nil
}

// demand puts the alternatives of an object into words.
func demand(s *schema.Schema) string {
	var list []string
	for _, a := range s.AnyOf {
		var parts []string
		for _, r := range a.Required {
			parts = append(parts, code(r))
		}
		for _, p := range a.Properties {
			if p.Schema.Never {
				parts = append(parts, "no "+code(p.Name))
			}
		}
		list = append(list, strings.Join(parts, " and "))
	}
	if len(list) == 0 {
		return ""
	}
	return "It has " + strings.Join(list, ", or ") + "."
}

func members(b *strings.Builder, s *schema.Schema, prefix string) {
	for _, p := range s.Properties {
		need := "optional"
		if s.Requires(p.Name) {
			need = "required"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", code(prefix+p.Name), need, cell(kind(p.Schema)), cell(p.Schema.Description))
		for in, mark := p.Schema, ""; in != nil; in, mark = in.Items, mark+"[]" {
			members(b, in, prefix+p.Name+mark+".")
			if in.Additional != nil && !in.Additional.Never {
				members(b, in.Additional, prefix+p.Name+mark+".*.")
			}
		}
	}
}

// kind describes a type with its bounds in a few words.
func kind(s *schema.Schema) string {
	switch {
	case s == nil || s.Types == schema.Any && len(s.AnyOf) == 0 && len(s.Enum) == 0:
		return "any"
	case len(s.Enum) > 0:
		var list []string
		for _, l := range s.Enum {
			list = append(list, code(string(l.Raw)))
		}
		return strings.Join(list, " ")
	case len(s.AnyOf) > 0:
		var list []string
		for _, a := range s.AnyOf {
			list = append(list, kind(a))
		}
		return strings.Join(list, " or ")
	case s.Types == schema.Array:
		return "array of " + kind(s.Items) + bounds("", "items", s.MinItems, s.MaxItems) + flag(s.UniqueItems, ", each once")
	case s.Types == schema.Object && len(s.Properties) == 0 && s.Additional != nil:
		return "map of " + kind(s.Additional) + bounds("", "members", s.MinProperties, s.MaxProperties)
	}
	text := strings.Join(s.Types.Names(), " or ")
	if s.Format != "" {
		text = s.Format + flag(s.Pattern == "Z$", " in UTC")
	} else if s.Pattern != "" {
		text += " " + code(s.Pattern)
	}
	if s.Minimum != "" {
		text += " ≥ " + string(s.Minimum)
	}
	if s.Maximum != "" {
		text += " ≤ " + string(s.Maximum)
	}
	if s.Format == "" {
		text += bounds("", "characters", s.MinLength, s.MaxLength)
	}
	return text
}

func flag(set bool, text string) string {
	if set {
		return text
	}
	return ""
}

func bounds(text, units string, least, most *int) string {
	switch {
	case least != nil && most != nil:
		return fmt.Sprintf("%s, %d–%d %s", text, *least, *most, units)
	case least != nil:
		return fmt.Sprintf("%s, ≥ %d %s", text, *least, units)
	case most != nil:
		return fmt.Sprintf("%s, ≤ %d %s", text, *most, units)
	}
	return text
}
