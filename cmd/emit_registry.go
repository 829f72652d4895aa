package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/multi-tenant/manage-kafka/internal/registry"
	"github.com/multi-tenant/manage-kafka/internal/regschema"
	"github.com/multi-tenant/manage-kafka/internal/schemaset"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// usualRegistry is --registry without a URL.
const usualRegistry = "usual"

// registered holds data of events against what a schema registry has of their
// types, as readers of the registry will. One goroutine may use it at a time. Nil
// takes all.
type registered struct {
	client    *registry.Client
	catalogue *events.Catalogue
	encoders  map[string]*registry.Encoder // by subject
}

func (a *app) openRegistered(urls string, c *events.Catalogue) (*registered, error) {
	if urls == "" {
		return nil, nil
	}
	if urls == usualRegistry {
		urls = ""
	}
	client, err := a.openRegistry(urls)
	if err != nil {
		return nil, err
	}
	return &registered{client: client, catalogue: c, encoders: map[string]*registry.Encoder{}}, nil
}

func (r *registered) close() {
	if r != nil {
		r.client.Close()
	}
}

// check reports [events.ErrInvalid] for data that the registry's newest schema
// refuses. Any other error is about the registry, and so about every event.
func (r *registered) check(ctx context.Context, raw []byte) error {
	if r == nil {
		return nil
	}
	event, err := events.Parse(raw)
	if err != nil {
		return err
	}
	_, err = r.frame(ctx, &event)
	return err
}

// frame is the event's data with the id of its schema in front, as Confluent's
// serializers write it.
func (r *registered) frame(ctx context.Context, event *events.Event) ([]byte, error) {
	version, err := events.ParseVersion(event.DataVersion)
	if err != nil {
		return nil, err
	}
	subject := subjectOf(topicOf(r.catalogue, event.Type), schemaset.Schema{Type: event.Type, Major: version.Major})
	encoder := r.encoders[subject]
	if encoder == nil {
		encoder, err = r.client.NewEncoder(ctx, registry.SchemaChoice{Subject: subject})
		if errors.Is(err, registry.ErrNotFound) {
			return nil, withHint(withCode(fmt.Errorf("--registry: %s has no schema of %s (subject %s)", r.client.URL(), event.Type, subject), exitNoMatch),
				"register it with: manage-kafka events register %s", shellWord(event.Type))
		}
		if err != nil {
			return nil, explainRegistry(r.client, fmt.Errorf("--registry: %w", err))
		}
		r.encoders[subject] = encoder
	}
	framed, err := encoder.Encode(event.Data)
	if errors.Is(err, regschema.ErrValue) {
		return nil, &events.InvalidError{Failures: []events.Failure{{Pointer: "/data", Message: fmt.Sprintf("%v, which is the registry's of subject %s", err, subject)}}}
	}
	return framed, err
}

// checkRegistered gives a line that the registry's schema refuses its error. What
// it returns is about all lines.
func (e *emission) checkRegistered(ctx context.Context, l *events.Line) error {
	if e.registered == nil || l.Err != nil {
		return nil
	}
	err := e.registered.check(ctx, l.Record.Value)
	if errors.Is(err, events.ErrInvalid) {
		l.Err, err = err, nil
	}
	return err
}
