package eventbustest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/eventbus/eventbustest"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

func TestConformanceInMemory(t *testing.T) {
	t.Parallel()
	broker := eventbustest.Start(t)
	// The suite's checks run after this function returns from t.Run.
	t.Run("suite", func(t *testing.T) {
		eventbustest.Conformance(t, eventbustest.Target{Options: eventbus.Options{Brokers: []string{broker.Addr}}})
	})
}

func TestBroker(t *testing.T) {
	t.Parallel()
	broker := eventbustest.Start(t, "order.events")
	producer, consumer := broker.Connect("tenant-service"), broker.Connect("audit-service")
	bad, err := events.New("tenant.activated", "tenant-service", map[string]string{"id": "t1", "activatedAt": "2026-11-25T09:00:00Z"}, events.Options{})
	if err != nil {
		t.Fatal(err)
	}
	good := bad
	good.ID = "good"
	const topic, group = "tenant.events", "audit-service-tenant-consumer"
	if _, err := consumer.Subscribe(t.Context(), topic, func(_ context.Context, e events.Event, _ eventbus.Record) error {
		if e.ID == bad.ID {
			return eventbus.Permanent(errors.New("no room"))
		}
		return nil
	}, eventbus.Subscription{Group: group, FromBeginning: true}); err != nil {
		t.Fatal(err)
	}
	if err := producer.ProduceBatch(t.Context(), topic, bad, good); err != nil {
		t.Fatal(err)
	}
	if got := broker.AwaitEvents(topic, 2); len(got) != 2 {
		t.Errorf("%d events", len(got))
	}
	broker.AwaitDone(group, topic)
	broker.ExpectLetters(topic, eventbustest.Want{EventID: bad.ID, Key: "t1", Group: group, Error: "no room", Attempts: 1})
	broker.ExpectNoLetters("order.events")
	broker.Stop()
	if h := producer.Health(t.Context()); h.Status != eventbus.StatusDown {
		t.Errorf("health without a broker: %+v", h)
	}
}
