package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/multi-tenant/manage-kafka/internal/regschema"
)

// ErrSchemaChoice is a request that names no schema, or two.
var ErrSchemaChoice = errors.New("name a subject or a schema id, not both")

// SchemaChoice names the schema that values are written with: a subject's
// newest version or the one named, or an id.
type SchemaChoice struct {
	Subject string
	Version int // 0 for the newest
	ID      int
}

// Encoder writes framed values of one schema. Many goroutines can use it at once.
type Encoder struct {
	id     int
	schema *regschema.Compiled
}

// NewEncoder fetches the schema. It reports [ErrSchemaChoice] and [ErrNotFound].
func (c *Client) NewEncoder(ctx context.Context, choice SchemaChoice) (*Encoder, error) {
	if (choice.Subject == "") == (choice.ID == 0) {
		return nil, ErrSchemaChoice
	}
	id := choice.ID
	if id == 0 {
		version := choice.Version
		if version == 0 {
			version = Latest
		}
		s, err := c.Version(ctx, choice.Subject, version)
		if err != nil {
			return nil, err
		}
		id = s.ID
	}
	schema, err := c.compile(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("schema %d: %w", id, err)
	}
	return &Encoder{id: id, schema: schema}, nil
}

// ID is the schema's id.
func (e *Encoder) ID() int { return e.id }

// Encode holds a JSON value against the schema and frames it: a JSON Schema's
// value byte for byte, one of Avro or Protobuf (the schema's first message) in
// their binary form. It reports [regschema.ErrValue] with every failure.
func (e *Encoder) Encode(value []byte) ([]byte, error) {
	payload, err := e.schema.Encode(value)
	if err != nil {
		return nil, fmt.Errorf("schema %d: %w", e.id, err)
	}
	out := AppendFrame(make([]byte, 0, frameSize+1+len(payload)), e.id)
	if e.schema.Type() == regschema.Protobuf {
		out = AppendIndexes(out, nil)
	}
	return append(out, payload...), nil
}
