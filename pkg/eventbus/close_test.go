package eventbus

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// A bus that is closed leaves no goroutine of its own or of the protocol client.
// It runs beside no other test.
func TestCloseLeavesNothing(t *testing.T) {
	brokers := kafkatest.Start(t, kfake.SeedTopics(2, "tenant.events", "tenant.events.dlq", "orders", "orders.dlq"))
	for range 3 {
		b, err := Connect(t.Context(), "svc", Options{Brokers: []string{brokers}})
		if err != nil {
			t.Fatal(err)
		}
		put(t, b, "tenant.events", outgoing{key: []byte("a"), value: eventBytes(t, "1")}, outgoing{key: []byte("b"), value: []byte("bad")})
		var got seen
		o := Subscription{Group: "svc-x-consumer", FromBeginning: true}
		if _, err := b.Subscribe(t.Context(), "tenant.events", func(context.Context, events.Event, Record) error {
			got.add("1")
			return nil
		}, o); err != nil {
			t.Fatal(err)
		}
		o.Group = "svc-y-consumer"
		stop, err := b.SubscribeRecords(t.Context(), "orders", func(context.Context, Record) error { return nil }, o)
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "an event", func() error { return got.has("1") })
		if err := stop(t.Context()); err != nil {
			t.Error(err)
		}
		if err := b.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := b.SubscribeRecords(t.Context(), "orders", func(context.Context, Record) error { return nil }, o); !errors.Is(err, ErrClosed) {
			t.Errorf("subscribing on a closed bus: %v", err)
		}
		if _, err := b.TopicID(t.Context(), "orders"); !errors.Is(err, ErrClosed) {
			t.Errorf("asking a closed bus: %v", err)
		}
		if h := b.Health(t.Context()); h.Status != StatusDown || !strings.Contains(h.Error, ErrClosed.Error()) {
			t.Errorf("health of a closed bus: %+v", h)
		}
		if err := b.Close(t.Context()); err != nil {
			t.Errorf("closing again: %v", err)
		}
	}
	eventually(t, "no goroutine is left", func() error {
		buf := make([]byte, 1<<20)
		for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if strings.Contains(stack, "testing.") {
				continue // this test and those that wait for it
			}
			if strings.Contains(stack, "/pkg/eventbus.") || strings.Contains(stack, "IBM/sarama.") {
				return fmt.Errorf("left:\n%s", stack)
			}
		}
		return nil
	})
}

// What is called when a subscription ends may stop it and close the bus: that waited
// for its own return.
func TestCloseWhenASubscriptionEnds(t *testing.T) {
	t.Parallel()
	b := connect(t, 1, "orders", "orders.dlq")
	put(t, b, "orders", outgoing{value: []byte("bad")})
	stops := make(chan func(context.Context) error, 1)
	closed := make(chan error, 1)
	stop, err := b.SubscribeRecords(t.Context(), "orders", func(context.Context, Record) error { return Permanent(errBad) }, Subscription{
		Group: "svc-x-consumer", FromBeginning: true, OnExhausted: Halt,
		Ended: func(error) {
			stop := <-stops
			closed <- errors.Join(stop(t.Context()), b.Close(t.Context()))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	stops <- stop
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("Close does not return")
	}
}

// A subscription that has been given its last moment is not given another one: a
// service whose brokers did not answer took twice as long to end.
func TestStopAgainDoesNotWait(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t, kfake.SeedTopics(1, "orders", "orders.dlq"))
	b := connectTo(t, kafkatest.Bootstrap(cluster), Options{})
	stop, err := b.SubscribeRecords(t.Context(), "orders", func(context.Context, Record) error { return nil }, Subscription{Group: "svc-x-consumer"})
	if err != nil {
		t.Fatal(err)
	}
	awaitPartition(t, b)
	answer := make(chan struct{})
	cluster.Control(func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		<-answer
		return nil, nil, false
	})
	defer close(answer)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	took := func() time.Duration {
		began := time.Now()
		if err := stop(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("stopping while nobody answers: %v", err)
		}
		return time.Since(began)
	}
	if first, second := took(), took(); second > first/4 {
		t.Errorf("it took %v, and %v again", first, second)
	}
}
