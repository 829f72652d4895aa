package regschema

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/twmb/avro"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

// ErrValue is a value that does not fit its schema.
var ErrValue = errors.New("value does not fit its schema")

// A Compiled schema reads values. Many goroutines can use it at once.
type Compiled struct {
	source Source
	json   *jsonschema.Schema
	avro   *avro.Schema
	bytes  bool // an Avro schema that is bytes and nothing else
	proto  protoreflect.FileDescriptor
}

// Type is the schema's type.
func (c *Compiled) Type() Type { return c.source.Type }

// Decode gives the value as JSON. A JSON value comes back byte for byte, not
// held against the schema. Avro unions come without their branch's name, and
// Protobuf in its own JSON form with the members' original names. indexes
// choose the Protobuf message; the other types have none. It reports [ErrValue].
func (c *Compiled) Decode(payload []byte, indexes []int) ([]byte, error) {
	var out []byte
	var err error
	switch c.source.Type {
	case JSON:
		return payload, nil
	case Avro:
		out, err = c.decodeAvro(payload)
	case Protobuf:
		out, err = c.decodeProto(payload, indexes)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrValue, err)
	}
	return out, nil
}

// Encode turns a JSON value into the schema's own form, the opposite of Decode:
// a JSON Schema's value is held against the schema and stays as it is, Protobuf
// is that of the schema's first message. It reports [ErrValue].
func (c *Compiled) Encode(value []byte) ([]byte, error) {
	if c.source.Type == JSON {
		return value, c.Validate(value)
	}
	doc, err := strictjson.Decode(value)
	var out []byte
	switch {
	case err != nil:
	case c.source.Type == Avro:
		var v any
		if err = c.avro.DecodeJSON(value, &v); err == nil {
			err = nothingLost(doc, v, "")
		}
		if err == nil {
			out, err = c.encodeAvro(v)
		}
	case c.source.Type == Protobuf:
		var desc protoreflect.MessageDescriptor
		if desc, err = findMessage(c.proto, []int{0}); err == nil {
			m := dynamicpb.NewMessage(desc)
			if err = protojson.Unmarshal(value, m); err == nil {
				out, err = proto.MarshalOptions{Deterministic: true}.Marshal(m)
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrValue, err)
	}
	return out, nil
}

func (c *Compiled) encodeAvro(v any) ([]byte, error) {
	if b, ok := v.([]byte); ok && c.bytes {
		return b, nil
	}
	return c.avro.Encode(v)
}

func (c *Compiled) decodeAvro(payload []byte) ([]byte, error) {
	if c.bytes { // which Confluent's serializers write without Avro's length in front
		return c.avro.EncodeJSON(payload)
	}
	var v any
	rest, err := c.avro.Decode(payload, &v)
	if err != nil {
		return nil, explainAvro(err)
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%d bytes are left after the value", len(rest))
	}
	return c.avro.EncodeJSON(v)
}

func (c *Compiled) decodeProto(payload []byte, indexes []int) ([]byte, error) {
	desc, err := findMessage(c.proto, indexes)
	if err != nil {
		return nil, err
	}
	m := dynamicpb.NewMessage(desc)
	if err := proto.Unmarshal(payload, m); err != nil {
		return nil, err
	}
	out, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		return nil, err
	}
	// protojson varies its white space on purpose; the answer must not.
	return []byte(Canonical(JSON, string(out), false)), nil
}

// Validate holds a JSON value against a JSON Schema. It reports [ErrValue]
// with every failure, a line each, and an error for other types of schema.
func (c *Compiled) Validate(value []byte) error {
	if c.json == nil {
		return fmt.Errorf("values of a %s schema cannot be checked as JSON", c.source.Type)
	}
	if err := strictjson.Check(value); err != nil {
		return fmt.Errorf("%w: %w", ErrValue, err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrValue, err)
	}
	err = c.json.Validate(doc)
	var invalid *jsonschema.ValidationError
	if errors.As(err, &invalid) {
		return fmt.Errorf("%w: %s", ErrValue, strings.Join(failures(invalid, message.NewPrinter(language.English)), "\n"))
	}
	return err
}

// failures lists the causes at the ends of the tree, each with its pointer.
func failures(e *jsonschema.ValidationError, english *message.Printer) []string {
	if len(e.Causes) == 0 {
		return []string{"/" + strings.Join(e.InstanceLocation, "/") + ": " + e.ErrorKind.LocalizedString(english)}
	}
	var list []string
	for _, c := range e.Causes {
		list = append(list, failures(c, english)...)
	}
	return list
}
