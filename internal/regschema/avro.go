package regschema

import (
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
