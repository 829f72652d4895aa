package eventbus

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// Router is a [Handler] that calls another one by the event's type. Events of
// types that nobody registered for are skipped and counted, so that a new type
// in a topic troubles no older consumer.
//
//	router := &eventbus.Router{}
//	router.On("tenant.created", h.created)
//	stop, err := bus.Subscribe(ctx, "tenant.events", router.Handle, subscription)
//
// The zero value is ready. On is called before Handle, which may run many times
// at once.
type Router struct {
	handlers map[string]Handler

	mu      sync.Mutex
	skipped map[string]int64
}

// manyTypes bounds how many types that nobody registered for are told apart.
const manyTypes = 100

// On registers a handler for a type, in place of the one that it may have.
func (r *Router) On(kind string, h Handler) *Router {
	if r.handlers == nil {
		r.handlers = map[string]Handler{}
	}
	r.handlers[kind] = h
	return r
}

// Handle is the Handler.
func (r *Router) Handle(ctx context.Context, e events.Event, rec Record) error {
	if h := r.handlers[e.Type]; h != nil {
		return h(ctx, e, rec)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.skipped == nil {
		r.skipped = map[string]int64{}
	}
	kind := e.Type
	if _, known := r.skipped[kind]; !known && len(r.skipped) >= manyTypes {
		kind = ""
	}
	r.skipped[kind]++
	return fmt.Errorf("nobody handles %q: %w", e.Type, ErrSkip)
}

// Skipped counts the events that nobody registered for, by type; those of too
// many types are counted together under "".
func (r *Router) Skipped() map[string]int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.skipped)
}
