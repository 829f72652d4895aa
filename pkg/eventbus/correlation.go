package eventbus

import (
	"context"

	"github.com/multi-tenant/manage-kafka/pkg/events"
)

type parentKey struct{}

// WithParent returns a context under which Produce makes every event a child
// of parent: caused by it and in its correlation. A handler's context is one
// already, for the event that it handles.
func WithParent(ctx context.Context, parent events.Event) context.Context {
	return context.WithValue(ctx, parentKey{}, &parent)
}

// Parent returns the event that a handler's context, or one of [WithParent],
// belongs to.
func Parent(ctx context.Context) (events.Event, bool) {
	parent, ok := ctx.Value(parentKey{}).(*events.Event)
	if !ok {
		return events.Event{}, false
	}
	return *parent, true
}

// CorrelationID is the id that joins all events that came of one another,
// under the event that ctx belongs to; "" without one.
func CorrelationID(ctx context.Context) string {
	parent, ok := ctx.Value(parentKey{}).(*events.Event)
	if !ok {
		return ""
	}
	if parent.CorrelationID != "" {
		return parent.CorrelationID
	}
	return parent.ID
}

// ChildOf returns the event as Produce sends it under ctx: caused by the event that
// ctx belongs to and in its correlation, as far as it does not say otherwise.
func ChildOf(ctx context.Context, e events.Event) events.Event {
	parent, ok := ctx.Value(parentKey{}).(*events.Event)
	if !ok || parent.ID == e.ID || parent.ID == "" {
		return e
	}
	if e.CausationID == "" {
		e.CausationID = parent.ID
	}
	if e.CorrelationID == "" {
		e.CorrelationID = CorrelationID(ctx)
	}
	return e
}
