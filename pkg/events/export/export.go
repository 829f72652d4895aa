// Package export writes the event contract in the forms that other tools and
// languages read: JSON Schema, AsyncAPI, TypeScript, Go and Markdown. The same
// catalogue always gives the same bytes.
package export

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/multi-tenant/manage-kafka/internal/schema"
	"github.com/multi-tenant/manage-kafka/internal/strictjson"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// A Format is a form of the contract.
type Format string

// The formats, by the names they have on the command line.
const (
	JSONSchema Format = "jsonschema"
	AsyncAPI   Format = "asyncapi"
	TypeScript Format = "typescript"
	Go         Format = "go"
	Markdown   Format = "markdown"
)

// Formats lists all formats.
func Formats() []Format { return []Format{JSONSchema, AsyncAPI, TypeScript, Go, Markdown} }

// Options are what a format may need to know; the zero value is good.
type Options struct {
	// Package is the name of the Go package; it defaults to "payload".
	Package string
	// Version is the contract's own version in AsyncAPI; it defaults to "1.0.0".
	Version string
}

// Write returns the types of a catalogue in one text. The error names a type
// whose schema cannot be read, or the format when it is none.
func Write(c *events.Catalogue, f Format, o Options) ([]byte, error) {
	contracts, err := read(c)
	if err != nil {
		return nil, err
	}
	switch f {
	case JSONSchema:
		return bundle(contracts)
	case AsyncAPI:
		return asyncAPI(c, contracts, o)
	case TypeScript:
		return typeScript(contracts), nil
	case Go:
		return goTypes(contracts, o)
	case Markdown:
		return markdown(c, contracts)
	}
	return nil, fmt.Errorf("unknown format %q: use one of %v", f, Formats())
}

// contract is one major version of one type.
type contract struct {
	events.Type
	major int
	// newest is set for the version that events.Type describes.
	newest bool
	raw    json.RawMessage
	model  *schema.Schema
}

// name tells the versions of a type apart: the newest has the type's own name.
func (k contract) name() string {
	if k.newest {
		return k.Name
	}
	return fmt.Sprintf("%s.v%d", k.Name, k.major)
}

func read(c *events.Catalogue) ([]contract, error) {
	var list []contract
	for _, t := range c.Types() {
		majors := c.Majors(t.Name)
		for i, major := range majors {
			raw, err := c.Schema(t.Name, major)
			if err != nil {
				return nil, err
			}
			model, err := schema.Parse(raw)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.Name, err)
			}
			whole, err := c.Bundle(t.Name, major)
			if err != nil {
				return nil, err
			}
			list = append(list, contract{t, major, i == len(majors)-1, whole, model})
		}
	}
	return list, nil
}

// domains lists the domains in the order in which they first come.
func domains(contracts []contract) []string {
	var list []string
	seen := map[string]bool{}
	for _, k := range contracts {
		if !seen[k.Domain()] {
			seen[k.Domain()] = true
			list = append(list, k.Domain())
		}
	}
	return list
}

func of(contracts []contract, domain string) []contract {
	var list []contract
	for _, k := range contracts {
		if k.Domain() == domain {
			list = append(list, k)
		}
	}
	return list
}

// indented writes a document as JSON for people to read.
func indented(doc any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(doc); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// decoded is a schema without its dialect, which the document around it sets,
// and without its id.
func decoded(k contract) (map[string]any, error) {
	doc, err := strictjson.Decode(k.raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.Name, err)
	}
	object, ok := doc.(map[string]any)
	if !ok {
		object = map[string]any{"allOf": []any{doc}}
	}
	delete(object, "$schema")
	delete(object, "$id")
	return object, nil
}

// envelope is the schema of the members around the data.
func envelope() map[string]any {
	id := map[string]any{"type": "string", "minLength": 1, "maxLength": 128}
	describe := func(text string) map[string]any {
		return map[string]any{"type": "string", "minLength": 1, "maxLength": 128, "description": text}
	}
	return map[string]any{
		"description": "The members that every event has. Optional ones are left out, never null.",
		"type":        "object",
		"required":    []string{"id", "type", "source", "time", "dataVersion", "dataContentType", "data"},
		"properties": map[string]any{
			"id":              describe("Identifies the event."),
			"type":            id,
			"source":          map[string]any{"type": "string", "minLength": 1, "maxLength": 1024, "description": "The service that made the event."},
			"time":            map[string]any{"type": "string", "format": "date-time"},
			"dataVersion":     map[string]any{"type": "string", "pattern": "^(0|[1-9][0-9]{0,5})\\.(0|[1-9][0-9]{0,5})$"},
			"dataContentType": describe("application/json or another JSON media type."),
			"tenantId":        id,
			"correlationId":   describe("The same for all events that one cause set off."),
			"causationId":     describe("The id of the event that caused this one."),
			"userId":          describe("Who set it off."),
			"data":            map[string]any{},
		},
	}
}
