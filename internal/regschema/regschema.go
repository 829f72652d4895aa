// Package regschema works with schemas as schema registries hold them: a type,
// a text, and references to other texts. It says whether a schema is one, when
// two are the same, and whether one can follow another, and compiles a schema
// to read what was written with it. Nothing is ever loaded from a file or a
// network: what a schema refers to must be among its imports.
package regschema

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

// A Type is a schema language, in the registries' spelling.
type Type string

// The types. A registry that names none means AVRO.
const (
	JSON     Type = "JSON"
	Avro     Type = "AVRO"
	Protobuf Type = "PROTOBUF"
)

// Types lists all types.
func Types() []Type { return []Type{JSON, Protobuf, Avro} }

// MaxText is the longest schema text, in bytes, that is read.
const MaxText = 1 << 20

// What callers branch on. Each is wrapped with its cause.
var (
	// ErrType is a schema type that does not exist.
	ErrType = errors.New("unknown schema type")
	// ErrInvalid is a text that is no schema of its type.
	ErrInvalid = errors.New("invalid schema")
	// ErrCannotJudge is a change about which no verdict is possible here.
	ErrCannotJudge = errors.New("compatibility cannot be judged")
)

// A Reference says under which name a schema uses another one, and where that
// lies in the registry.
type Reference struct {
	Name    string `json:"name"`
	Subject string `json:"subject"`
	Version int    `json:"version"`
}

// An Import is a schema text under the name by which another one refers to it.
type Import struct {
	Name string
	Text string
}

// A Source is a schema with all that it refers to.
type Source struct {
	Type Type
	Text string
	// Imports has every schema that is referred to, directly or not, each
	// before those that refer to it.
	Imports []Import
}

// ParseType reads the type that a registry names; "" is AVRO. It reports [ErrType].
func ParseType(s string) (Type, error) {
	if s == "" {
		return Avro, nil
	}
	if t := Type(s); slices.Contains(Types(), t) {
		return t, nil
	}
	return "", fmt.Errorf("%w %q: use one of %v", ErrType, s, Types())
}

// Check reports [ErrInvalid] when the source is no schema of its type.
func Check(ctx context.Context, s Source) error {
	_, err := Compile(ctx, s)
	return err
}

// Compile prepares a schema for reading values. It reports [ErrInvalid].
func Compile(ctx context.Context, s Source) (*Compiled, error) {
	if len(s.Text) > MaxText {
		return nil, fmt.Errorf("%w: %d bytes, %d are allowed", ErrInvalid, len(s.Text), MaxText)
	}
	c := &Compiled{source: s}
	var err error
	switch s.Type {
	case JSON:
		c.json, err = compileJSON(s)
	case Avro:
		if c.avro, err = compileAvro(s); err == nil {
			root := c.avro.Root()
			c.bytes = root.Type == "bytes" && root.LogicalType == ""
		}
	case Protobuf:
		c.proto, err = compileProto(ctx, s)
	default:
		return nil, fmt.Errorf("%w %q", ErrType, s.Type)
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return c, nil
}

// Canonical is the form in which texts of a type are compared: JSON without
// white space between its parts, everything else as it is. With sorted, the
// members of objects are in order, so that their order does not count either.
func Canonical(t Type, text string, sorted bool) string {
	if t == Protobuf || strictjson.Check([]byte(text)) != nil {
		return text
	}
	if !sorted {
		var b bytes.Buffer
		if json.Compact(&b, []byte(text)) == nil {
			return b.String()
		}
		return text
	}
	v, err := strictjson.Decode([]byte(text))
	if err != nil {
		return text
	}
	body, err := json.Marshal(v) // maps come out in order, numbers with their digits
	if err != nil {
		return text
	}
	return string(body)
}
