package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/multi-tenant/manage-kafka/internal/schema"
)

// explain turns the verdict of a schema on data into failures of the envelope.
func explain(err error) []Failure {
	if err == nil {
		return nil
	}
	var v *jsonschema.ValidationError
	if !errors.As(err, &v) {
		return []Failure{{"/data", err.Error()}}
	}
	return leaves(nil, v)
}

func leaves(list []Failure, e *jsonschema.ValidationError) []Failure {
	at := "/data"
	for _, token := range e.InstanceLocation {
		at += "/" + schema.EscapePointer(token)
	}
	switch k := e.ErrorKind.(type) {
	case *kind.AnyOf:
		return append(list, Failure{at, alternatives(e)})
	case *kind.Required:
		for _, name := range k.Missing {
			list = append(list, Failure{at + "/" + schema.EscapePointer(name), "is required"})
		}
		return list
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			list = append(list, Failure{at + "/" + schema.EscapePointer(name), "is not a member that the schema knows"})
		}
		return list
	}
	if len(e.Causes) == 0 {
		return append(list, Failure{at, wording(e)})
	}
	for _, cause := range e.Causes {
		list = leaves(list, cause)
	}
	return list
}

// alternatives says what would satisfy one of the branches of an anyOf.
func alternatives(e *jsonschema.ValidationError) string {
	var formats, members, all []string
	for _, branch := range e.Causes {
		switch k := branch.ErrorKind.(type) {
		case *kind.Format:
			formats = append(formats, k.Want)
		case *kind.Required:
			members = append(members, quoteAll(k.Missing, " and "))
		case *kind.FalseSchema:
			if at := branch.InstanceLocation; len(at) > 0 {
				members = append(members, "no "+quote(at[len(at)-1]))
			}
		}
		var lines []string
		for _, f := range leaves(nil, branch) {
			lines = append(lines, f.String())
		}
		all = append(all, strings.Join(lines, " and "))
	}
	switch len(e.Causes) {
	case len(formats):
		format, _ := e.Causes[0].ErrorKind.(*kind.Format)
		return show(format.Got) + " is not a valid " + strings.Join(formats, " or ")
	case len(members):
		return "must have " + strings.Join(members, " or ")
	}
	return "fits none of the alternatives: " + strings.Join(all, "; or ")
}

func quoteAll(names []string, between string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = quote(name)
	}
	return strings.Join(quoted, between)
}

// show writes a value as JSON does, safe for a terminal and cut short.
func show(v any) string {
	switch v := v.(type) {
	case string:
		return quote(v)
	case *big.Rat:
		return v.RatString()
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	case json.Number:
		if len(v) > 32 {
			return string(v[:32]) + "…"
		}
		return string(v)
	case nil:
		return "null"
	}
	return fmt.Sprint(v)
}

// utcPattern is how the contract says that a time must be in UTC.
const utcPattern = "Z$"

func wording(e *jsonschema.ValidationError) string {
	switch k := e.ErrorKind.(type) {
	case *kind.Type:
		return fmt.Sprintf("must be %s, not %s", strings.Join(k.Want, " or "), k.Got)
	case *kind.Enum:
		want := make([]string, len(k.Want))
		for i, v := range k.Want {
			want[i] = show(v)
		}
		return fmt.Sprintf("%s is not one of %s", show(k.Got), strings.Join(want, ", "))
	case *kind.Const:
		return fmt.Sprintf("%s is not %s", show(k.Got), show(k.Want))
	case *kind.Format:
		return fmt.Sprintf("%s is not a valid %s", show(k.Got), k.Want)
	case *kind.Pattern:
		if k.Want == utcPattern {
			return quote(k.Got) + " is not in UTC: it must end in Z"
		}
		return fmt.Sprintf("%s does not match %s", quote(k.Got), k.Want)
	case *kind.FalseSchema:
		return "is not allowed here"
	}
	return measure(e)
}

func measure(e *jsonschema.ValidationError) string {
	switch k := e.ErrorKind.(type) {
	case *kind.MinLength:
		return fmt.Sprintf("is %s long, at least %d needed", plural(k.Got, "character"), k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("is %s long, at most %d allowed", plural(k.Got, "character"), k.Want)
	case *kind.MinItems:
		return fmt.Sprintf("has %s, at least %d needed", plural(k.Got, "item"), k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("has %s, at most %d allowed", plural(k.Got, "item"), k.Want)
	case *kind.MinProperties:
		return fmt.Sprintf("has %s, at least %d needed", plural(k.Got, "member"), k.Want)
	case *kind.MaxProperties:
		return fmt.Sprintf("has %s, at most %d allowed", plural(k.Got, "member"), k.Want)
	case *kind.UniqueItems:
		return fmt.Sprintf("items %d and %d are equal", k.Duplicates[0], k.Duplicates[1])
	case *kind.Minimum:
		return fmt.Sprintf("%s is less than %s", show(k.Got), show(k.Want))
	case *kind.Maximum:
		return fmt.Sprintf("%s is more than %s", show(k.Got), show(k.Want))
	}
	return e.ErrorKind.LocalizedString(message.NewPrinter(language.English))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
