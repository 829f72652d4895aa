package registry

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/regschema"
)

const (
	// maxCached bounds the schemas that a decoder keeps.
	maxCached = 1000
	// absentFor is how long a schema that does not exist is not asked for again.
	absentFor = 30 * time.Second
	// maxReferences bounds what one schema refers to, directly or not.
	maxReferences = 256
)

// Decoder reads framed values. It asks the registry once for each schema, and
// many goroutines can use it at once.
type Decoder struct {
	client *Client

	mu    sync.Mutex
	cache map[int]*cached
}

// cached is a schema that is there or on its way.
type cached struct {
	done   chan struct{}
	schema *regschema.Compiled
	err    error
	until  time.Time // when an error is forgotten
}

// NewDecoder asks nothing yet.
func NewDecoder(c *Client) *Decoder { return &Decoder{client: c, cache: map[int]*cached{}} }

// Decode gives a framed value as JSON, and its schema's id as soon as the frame
// has one. A JSON Schema's payload comes back byte for byte; Avro and Protobuf
// are decoded. Errors of this one value are [ErrFrame], [ErrNotFound],
// [regschema.ErrValue] and [regschema.ErrInvalid]; see [OfValue].
func (d *Decoder) Decode(ctx context.Context, value []byte) (json []byte, id int, err error) {
	return d.read(ctx, value, (*regschema.Compiled).Decode)
}

// Check tells whether a framed value fits its schema: that it can be decoded
// and, where that is a JSON Schema, holds against it. Its errors are Decode's.
func (d *Decoder) Check(ctx context.Context, value []byte) error {
	_, _, err := d.read(ctx, value, func(c *regschema.Compiled, payload []byte, indexes []int) ([]byte, error) {
		if c.Type() == regschema.JSON {
			return nil, c.Validate(payload)
		}
		return c.Decode(payload, indexes)
	})
	return err
}

func (d *Decoder) read(ctx context.Context, value []byte, decode func(*regschema.Compiled, []byte, []int) ([]byte, error)) (json []byte, id int, err error) {
	id, payload, err := ReadFrame(value)
	if err != nil {
		return nil, 0, err
	}
	schema, err := d.schema(ctx, id)
	if err != nil {
		return nil, id, fmt.Errorf("schema %d: %w", id, err)
	}
	var indexes []int
	if schema.Type() == regschema.Protobuf {
		if indexes, payload, err = ReadIndexes(payload); err != nil {
			return nil, id, fmt.Errorf("schema %d: %w", id, err)
		}
	}
	json, err = decode(schema, payload, indexes)
	if err != nil {
		return nil, id, fmt.Errorf("schema %d: %w", id, err)
	}
	return json, id, nil
}

// OfValue tells an error of one value, after which others can be read, from
// one of the registry.
func OfValue(err error) bool {
	for _, e := range []error{ErrFrame, ErrNotFound, regschema.ErrValue, regschema.ErrInvalid, regschema.ErrType} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// schema gets a schema from the cache, from a request that is under way, or by
// one of its own.
func (d *Decoder) schema(ctx context.Context, id int) (*regschema.Compiled, error) {
	for {
		d.mu.Lock()
		c := d.cache[id]
		if c == nil || c.expired() {
			c = &cached{done: make(chan struct{})}
			d.keep(id, c)
			d.mu.Unlock()
			c.schema, c.err = d.client.compile(ctx, id)
			d.settle(id, c)
			return c.schema, c.err
		}
		d.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-c.done:
		}
		// Another caller's end says nothing about the schema.
		if c.err == nil || !errors.Is(c.err, context.Canceled) && !errors.Is(c.err, context.DeadlineExceeded) {
			return c.schema, c.err
		}
	}
}

// settle publishes what was found. Of errors only those are kept that the next
// record would meet as well.
func (d *Decoder) settle(id int, c *cached) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case c.err == nil:
	case OfValue(c.err):
		c.until = time.Now().Add(absentFor)
	default:
		if d.cache[id] == c {
			delete(d.cache, id)
		}
	}
	close(c.done)
}

func (c *cached) expired() bool {
	select {
	case <-c.done:
		return c.err != nil && time.Now().After(c.until)
	default:
		return false
	}
}

// keep makes room by dropping any other schema: few topics have so many.
func (d *Decoder) keep(id int, c *cached) {
	if len(d.cache) >= maxCached {
		for other := range d.cache {
			delete(d.cache, other)
			break
		}
	}
	d.cache[id] = c
}

// compile fetches a schema with all that it refers to.
func (c *Client) compile(ctx context.Context, id int) (*regschema.Compiled, error) {
	s, err := c.ByID(ctx, id)
	if err != nil {
		return nil, err
	}
	src, err := c.source(ctx, s)
	if err != nil {
		return nil, err
	}
	return regschema.Compile(ctx, src)
}

// source fetches what a schema refers to.
func (c *Client) source(ctx context.Context, s Schema) (regschema.Source, error) {
	t, err := regschema.ParseType(string(s.Type))
	if err != nil {
		return regschema.Source{}, err
	}
	src := regschema.Source{Type: t, Text: s.Text}
	err = c.collect(ctx, s.References, map[string]bool{}, &src.Imports)
	return src, err
}

func (c *Client) collect(ctx context.Context, refs []regschema.Reference, seen map[string]bool, into *[]regschema.Import) error {
	for _, r := range refs {
		if seen[r.Name] {
			continue
		}
		if len(seen) >= maxReferences {
			return fmt.Errorf("%w: more than %d references", regschema.ErrInvalid, maxReferences)
		}
		seen[r.Name] = true
		s, err := c.Version(ctx, r.Subject, r.Version)
		if err != nil {
			return fmt.Errorf("reference %q: %w", r.Name, err)
		}
		if err := c.collect(ctx, s.References, seen, into); err != nil {
			return err
		}
		*into = append(*into, regschema.Import{Name: r.Name, Text: s.Text})
	}
	return nil
}
