//go:build unix

package app_test

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/eventbus/app"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// The first signal lets handlers finish, the second one does not. SIGUSR1 stands
// for SIGTERM, so that no other test is hit.
func TestSignals(t *testing.T) {
	kill := func() {
		if err := syscall.Kill(os.Getpid(), syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
	}
	a := connect(t, app.Options{Addr: "off", Signals: []os.Signal{syscall.SIGUSR1}})
	result := running(t.Context(), a)
	kafkatest.Until(t, "it runs", func() bool { return a.Running() })
	kill()
	if err := ended(t, result); err != nil {
		t.Errorf("after one signal: %v", err)
	}

	a = connect(t, app.Options{Addr: "off", Signals: []os.Signal{syscall.SIGUSR1}})
	inside := make(chan struct{})
	canceled := make(chan error, 1)
	a.Subscribe(topic, func(ctx context.Context, _ events.Event, _ eventbus.Record) error {
		close(inside)
		<-ctx.Done()
		canceled <- context.Cause(ctx)
		return ctx.Err()
	}, eventbus.Subscription{Group: group, FromBeginning: true})
	if err := a.Bus().Produce(t.Context(), topic, activated(t)); err != nil {
		t.Fatal(err)
	}
	result = running(t.Context(), a)
	<-inside
	kill()
	kafkatest.Until(t, "it stops", func() bool { return !a.Running() })
	kill()
	_ = ended(t, result) // may tell of the handler that was cut short
	if err := <-canceled; !errors.Is(err, eventbus.ErrRevoked) {
		t.Errorf("the handler's context ended for %v", err)
	}
}
