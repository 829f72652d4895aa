package regschema

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/avro"

	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

func compileAvro(s Source) (*avro.Schema, error) {
	var cache avro.SchemaCache
	for _, i := range s.Imports {
		if err := strictjson.Check([]byte(i.Text)); err != nil {
			return nil, fmt.Errorf("reference %q: %w", i.Name, err)
		}
		if _, err := cache.Parse(i.Text); err != nil {
			return nil, fmt.Errorf("reference %q: %w", i.Name, err)
		}
	}
	// The parser recurses; this bounds how deep.
	if err := strictjson.Check([]byte(s.Text)); err != nil {
		return nil, err
	}
	return cache.Parse(s.Text)
}

// nothingLost refuses members that no field of the schema is named after, which the
// library passes over: a misspelt field with a default would be lost. An object
// with one member may be a union's value under its branch's name.
func nothingLost(doc, read any, at string) error {
	switch doc := doc.(type) {
	case []any:
		list, _ := read.([]any)
		for i := range min(len(doc), len(list)) {
			if err := nothingLost(doc[i], list[i], fmt.Sprintf("%s/%d", at, i)); err != nil {
				return err
			}
		}
	case map[string]any:
		fields, isRecord := read.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(doc)) {
			inner, isObject := doc[name].(map[string]any)
			value, known := fields[name]
			switch {
			case known:
				if err := nothingLost(doc[name], value, at+"/"+name); err != nil {
					return err
				}
			case len(doc) == 1 && isRecord && isObject:
				return nothingLost(inner, read, at)
			case len(doc) == 1 && !isRecord:
				return nothingLost(doc[name], read, at)
			default:
				return fmt.Errorf("%s: no field of the schema has this name", at+"/"+name)
			}
		}
	}
	return nil
}

// explainAvro names the field at which a value ends or goes wrong; the library
// says that its type is not supported then.
func explainAvro(err error) error {
	const longest = 200 // of a name, which comes with the schema
	var e *avro.SemanticError
	if !errors.As(err, &e) || e.Err == nil || e.GoType != nil || e.Field == "" {
		return err
	}
	return fmt.Errorf("field %.*s: %w", longest, e.Field, e.Err)
}
