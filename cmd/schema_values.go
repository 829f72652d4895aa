package cmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/registry"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// schemaFlags say with which schema values are written.
type schemaFlags struct {
	registry      string
	schemaSubject string
	schemaID      int
}

func (f *schemaFlags) bind(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVar(&f.registry, "schema-registry", "", "`URL` of the registry of --schema and --schema-id (default: SCHEMA_REGISTRY_URL, else that of the project's stack)")
	s.StringVar(&f.schemaSubject, "schema", "", "write values with the newest schema of this `subject`")
	s.IntVar(&f.schemaID, "schema-id", 0, "write values with the schema of this `id`")
}

// encodeValues fetches the schema that values are written with; nil without one.
func (a *app) encodeValues(ctx context.Context, f schemaFlags, givenURL bool) (func([]byte) ([]byte, error), error) {
	if f.schemaSubject == "" && f.schemaID == 0 {
		if givenURL {
			return nil, usagef("--schema-registry needs --schema or --schema-id")
		}
		return nil, nil
	}
	if f.schemaID < 0 {
		return nil, usagef("--schema-id %d: want a number from 1", f.schemaID)
	}
	if f.schemaSubject != "" && f.schemaID != 0 {
		return nil, usagef("--schema and --schema-id cannot be used together")
	}
	c, err := a.openRegistry(f.registry)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	encoder, err := c.NewEncoder(ctx, registry.SchemaChoice{Subject: f.schemaSubject, ID: f.schemaID})
	if err != nil {
		return nil, explainRegistry(c, err)
	}
	return encoder.Encode, nil
}

// shownFailures is how many values that cannot be decoded are told one by one.
const shownFailures = 3

// decoding turns values into JSON while they are read. Nil does nothing.
type decoding struct {
	app     *app
	client  *registry.Client
	decoder *registry.Decoder
	failed  int64
}

func (a *app) decodeValues(url string) (*decoding, error) {
	if url == "" {
		return nil, nil
	}
	c, err := a.openRegistry(url)
	if err != nil {
		return nil, err
	}
	return &decoding{app: a, client: c, decoder: registry.NewDecoder(c)}, nil
}

func (d *decoding) close() {
	if d != nil {
		d.client.Close()
	}
}

func (d *decoding) hook() func(context.Context, *kafka.Record) error {
	if d == nil {
		return nil
	}
	return d.decode
}

// decode leaves a value as it is that cannot be decoded, and one that is null.
func (d *decoding) decode(ctx context.Context, r *kafka.Record) error {
	if r.Value == nil {
		return nil
	}
	value, _, err := d.decoder.Decode(ctx, r.Value)
	switch {
	case err == nil:
		r.Value = value
	case !registry.OfValue(err):
		return explainRegistry(d.client, err)
	default:
		if d.failed++; d.failed <= shownFailures {
			d.app.print.warn("%s/%d@%d: %v; shown as it is", r.Topic, r.Partition, r.Offset, err)
		}
	}
	return nil
}

// result says at the end how many values could not be decoded.
func (d *decoding) result() error {
	if d == nil || d.failed == 0 {
		return nil
	}
	asIs := "it is"
	if d.failed > 1 {
		asIs = "they are"
	}
	return withHint(withCode(fmt.Errorf("%s could not be decoded and shown as %s", plural(d.failed, "value"), asIs), exitPartly),
		"read them without --schema-registry")
}
