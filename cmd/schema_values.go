package cmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/registry"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// schemaFlags say with which schemas keys and values are written.
type schemaFlags struct {
	registry      string
	schemaSubject string
	schemaID      int
	keySubject    string
}

func (f *schemaFlags) bind(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVar(&f.registry, "schema-registry", "", "`URL` of the registry of --schema, --schema-id and --key-schema (default: SCHEMA_REGISTRY_URL, else that of the project's stack)")
	s.StringVar(&f.schemaSubject, "schema", "", "write values with the newest schema of this `subject`")
	s.IntVar(&f.schemaID, "schema-id", 0, "write values with the schema of this `id`")
	s.StringVar(&f.keySubject, "key-schema", "", "write keys with the newest schema of this `subject`")
	meant(s, "key-schema")
}

// encoders are what keys and values are written with, nil for those that stay as
// they are.
type encoders struct {
	key, value func([]byte) ([]byte, error)
}

// encoders fetches the schemas that the flags name.
func (a *app) encoders(ctx context.Context, f schemaFlags, givenURL bool) (encoders, error) {
	var e encoders
	switch {
	case f.schemaSubject == "" && f.schemaID == 0 && f.keySubject == "":
		if givenURL {
			return e, usagef("--schema-registry needs --schema, --schema-id or --key-schema")
		}
		return e, nil
	case f.schemaID < 0:
		return e, usagef("--schema-id %d: want a number from 1", f.schemaID)
	case f.schemaSubject != "" && f.schemaID != 0:
		return e, usagef("--schema and --schema-id cannot be used together")
	}
	c, err := a.openRegistry(f.registry)
	if err != nil {
		return e, err
	}
	defer c.Close()
	if f.schemaSubject != "" || f.schemaID != 0 {
		encoder, err := c.NewEncoder(ctx, registry.SchemaChoice{Subject: f.schemaSubject, ID: f.schemaID})
		if err != nil {
			return e, explainRegistry(c, err)
		}
		e.value = encoder.Encode
	}
	if f.keySubject != "" {
		encoder, err := c.NewEncoder(ctx, registry.SchemaChoice{Subject: f.keySubject})
		if err != nil {
			return e, explainRegistry(c, err)
		}
		e.key = encoder.Encode
	}
	return e, nil
}

// shownFailures is how many keys and values that cannot be decoded are told one by one.
const shownFailures = 3

// decoding turns values, keys or both into JSON while they are read. Nil does nothing.
type decoding struct {
	app     *app
	client  *registry.Client
	decoder *registry.Decoder
	keys    bool
	values  bool
	failed  map[string]int64 // of "key" and "value"
}

// decoding reads --schema-registry and --decode.
func (a *app) decoding(url string, parts []string) (*decoding, error) {
	if url == "" && len(parts) == 0 {
		return nil, nil
	}
	d := &decoding{app: a, values: len(parts) == 0, failed: map[string]int64{}}
	for _, part := range parts {
		switch part {
		case "key":
			d.keys = true
		case "value":
			d.values = true
		default:
			return nil, usagef("--decode %q: want key, value or key,value", part)
		}
	}
	c, err := a.openRegistry(url)
	if err != nil {
		return nil, err
	}
	d.client, d.decoder = c, registry.NewDecoder(c)
	return d, nil
}

// noteFrames tells a person, once, of values that decoding would make readable.
func (a *app) noteFrames() func(context.Context, *kafka.Record) error {
	told := false
	return func(_ context.Context, r *kafka.Record) error {
		if _, _, err := registry.ReadFrame(r.Value); err == nil && !told {
			told = true
			a.print.status("values carry a schema's id in front; --decode value shows them as JSON")
		}
		return nil
	}
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

func (d *decoding) decode(ctx context.Context, r *kafka.Record) error {
	if d.keys {
		if err := d.part(ctx, r, "key", &r.Key); err != nil {
			return err
		}
	}
	if d.values {
		return d.part(ctx, r, "value", &r.Value)
	}
	return nil
}

// part leaves a key or value as it is that cannot be decoded, and one that is null.
func (d *decoding) part(ctx context.Context, r *kafka.Record, name string, bytes *[]byte) error {
	if *bytes == nil {
		return nil
	}
	text, _, err := d.decoder.Decode(ctx, *bytes)
	switch {
	case err == nil:
		*bytes = text
	case !registry.OfValue(err):
		return explainRegistry(d.client, err)
	default:
		if d.failed[name]++; d.failed[name] <= shownFailures {
			why := err.Error()
			if name == "key" {
				why = "key: " + strings.TrimPrefix(why, "value has ")
			}
			d.app.print.warn("%s/%d@%d: %s; shown as it is", r.Topic, r.Partition, r.Offset, why)
		}
	}
	return nil
}

// result says at the end how many keys and values could not be decoded.
func (d *decoding) result() error {
	if d == nil || len(d.failed) == 0 {
		return nil
	}
	var failed []string
	for _, name := range []string{"key", "value"} {
		if n := d.failed[name]; n > 0 {
			failed = append(failed, plural(n, name))
		}
	}
	asIs, hint := "they are", "read them without --schema-registry"
	if d.failed["key"]+d.failed["value"] == 1 {
		asIs = "it is"
	}
	if d.keys {
		hint = "leave those out of --decode that carry no schema's id"
	}
	return withHint(withCode(fmt.Errorf("%s could not be decoded and shown as %s", strings.Join(failed, " and "), asIs), exitPartly), "%s", hint)
}
