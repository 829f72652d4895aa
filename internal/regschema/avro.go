package regschema

import (
	"errors"
	"fmt"

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
