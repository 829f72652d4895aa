package eventbus_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.opentelemetry.io/otel/trace"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

const (
	tenantTopic = "tenant.events"
	partitions  = 3
)

// producing gives a broker with the tenants' topic, and a Bus on it.
func producing(t *testing.T, opts eventbus.Options) (*kfake.Cluster, *eventbus.Bus) {
	t.Helper()
	cluster := kafkatest.Cluster(t, kfake.SeedTopics(partitions, tenantTopic))
	opts.Brokers = cluster.ListenAddrs()
	bus, err := eventbus.Connect(t.Context(), "tenant-service", opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
		defer cancel()
		if err := bus.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("closing the bus: %v", err)
		}
	})
	return cluster, bus
}

// activated makes a valid event of one tenant.
func activated(t testing.TB, tenant string) events.Event {
	t.Helper()
	e, err := events.New("tenant.activated", "tenant-service", map[string]string{"id": tenant, "activatedAt": "2026-11-25T09:00:00Z"}, events.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// written reads all records of the tenants' topic, by partition and in order.
func written(t *testing.T, cluster *kfake.Cluster) []kafka.Record {
	t.Helper()
	return kafkatest.Read(t, kafkatest.Open(t, kafkatest.Bootstrap(cluster)), tenantTopic)
}

func TestProduce(t *testing.T) {
	t.Parallel()
	cluster, bus := producing(t, eventbus.Options{})
	e := activated(t, "tenant-id-1")
	e.TenantID, e.CorrelationID = "tenant-id-1", "corr-1"
	before := time.Now().Add(-time.Second)
	if err := bus.Produce(t.Context(), tenantTopic, e); err != nil {
		t.Fatal(err)
	}
	all := written(t, cluster)
	if len(all) != 1 {
		t.Fatalf("%d records, want 1", len(all))
	}
	r := all[0]
	if string(r.Key) != "tenant-id-1" || r.Partition != kafka.PartitionFor(r.Key, partitions) || r.Timestamp.Before(before) {
		t.Errorf("key %q, partition %d, time %v", r.Key, r.Partition, r.Timestamp)
	}
	if !bytes.Equal(r.Value, e.Encode()) {
		t.Errorf("value %s, want %s", r.Value, e.Encode())
	}
	for name, want := range map[string]string{
		"event-id": e.ID, "event-type": "tenant.activated", "event-version": "1.0", "tenant-id": "tenant-id-1",
		"correlation-id": "corr-1", "content-type": "application/json",
	} {
		if got := kafkatest.Header(r, name); got != want {
			t.Errorf("header %s is %q, want %q", name, got, want)
		}
	}
	for _, h := range r.Headers {
		if h.Value == nil {
			t.Errorf("header %s is null, which kafkajs cannot send on", h.Name)
		}
	}
	h := bus.Health(t.Context())
	if h.Status != eventbus.StatusUp || h.Details.LastProduceAt == nil || h.Details.Brokers != 1 || h.Details.TopicCount != 1 || h.Details.Breaker != "closed" {
		t.Errorf("health %+v", h)
	}
	text, err := json.Marshal(h)
	if err != nil || !strings.HasPrefix(string(text), `{"status":"up","details":{"topicCount":1,`) {
		t.Errorf("health is written as %s, %v", text, err)
	}
}

func TestProduceRefusesWhatBreaksTheContract(t *testing.T) {
	t.Parallel()
	cluster, bus := producing(t, eventbus.Options{})
	good := activated(t, "tenant-id-1")
	noData, wrongTopic, unknown, unknownMajor := good, events.Event{}, good, good
	noData.Data = json.RawMessage(`{"id":7}`)
	unknown.Type = "tenant.vanished"
	unknownMajor.DataVersion = "9.0"
	catalogue, err := events.NewCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	if wrongTopic, err = catalogue.Example("user.deleted", 1); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		event events.Event
		want  error
	}{
		"data": {noData, events.ErrInvalid}, "type": {unknown, events.ErrUnknownType},
		"major": {unknownMajor, events.ErrUnknownMajor}, "topic": {wrongTopic, eventbus.ErrWrongTopic},
	} {
		if err := bus.Produce(t.Context(), tenantTopic, tc.event); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	if err := bus.Produce(t.Context(), "missing.events", good); !errors.Is(err, eventbus.ErrWrongTopic) {
		t.Errorf("another topic: %v", err)
	}
	if all := written(t, cluster); len(all) != 0 {
		t.Errorf("%d records were written", len(all))
	}
}

func TestProduceAnyTopic(t *testing.T) {
	t.Parallel()
	cluster, bus := producing(t, eventbus.Options{Produce: eventbus.ProduceOptions{AllowAnyTopic: true}})
	e := activated(t, "tenant-id-1")
	e.Type, e.TenantID = "order.placed", "tenant-id-7"
	if err := bus.Produce(t.Context(), tenantTopic, e); err != nil {
		t.Fatal(err)
	}
	if all := written(t, cluster); len(all) != 1 || string(all[0].Key) != "tenant-id-7" {
		t.Errorf("records %+v", all)
	}
	if err := bus.Produce(t.Context(), "missing.events", e); !errors.Is(err, kafka.ErrUnknownTopic) {
		t.Errorf("a topic that does not exist: %v", err)
	}
}

func TestProduceBatchTellsEachEvent(t *testing.T) {
	t.Parallel()
	cluster, bus := producing(t, eventbus.Options{})
	list := make([]events.Event, 100)
	for i := range list {
		list[i] = activated(t, fmt.Sprintf("tenant-%d", i))
		if i%10 == 3 {
			list[i].Data = json.RawMessage(`{}`)
		}
	}
	err := bus.ProduceBatch(t.Context(), tenantTopic, list...)
	found := eventbus.EventErrors(err)
	if len(found) != 10 || !errors.Is(err, events.ErrInvalid) {
		t.Fatalf("%d errors, want 10: %v", len(found), err)
	}
	for i, e := range found {
		if i%10 != 3 || e.ID != list[i].ID || !errors.Is(e, events.ErrInvalid) {
			t.Errorf("event %d: %v", i, e)
		}
	}
	if all := written(t, cluster); len(all) != 90 {
		t.Errorf("%d records, want 90", len(all))
	}
	// A service that says more about it still finds every event.
	wrapped := errors.Join(errors.New("and more"), fmt.Errorf("telling of tenants: %w", err))
	if again := eventbus.EventErrors(fmt.Errorf("suspending: %w", wrapped)); !maps.Equal(again, found) {
		t.Errorf("in an error that others wrap: %d errors, want 10", len(again))
	}
	if none := eventbus.EventErrors(nil); len(none) != 0 {
		t.Errorf("no error: %v", none)
	}
	if err := bus.ProduceBatch(t.Context(), tenantTopic); err != nil {
		t.Errorf("no events: %v", err)
	}
}

func TestProduceUnderAParent(t *testing.T) {
	t.Parallel()
	cluster, bus := producing(t, eventbus.Options{})
	parent := activated(t, "tenant-id-1")
	parent.CorrelationID = "corr-7"
	ctx := eventbus.WithParent(t.Context(), parent)
	ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled,
	}))
	own := activated(t, "tenant-id-1")
	own.CausationID, own.CorrelationID = "mine", "mine too"
	if err := bus.ProduceBatch(ctx, tenantTopic, activated(t, "tenant-id-1"), own); err != nil {
		t.Fatal(err)
	}
	all := written(t, cluster)
	if len(all) != 2 {
		t.Fatalf("%d records, want 2", len(all))
	}
	for i, want := range []events.Event{{CausationID: parent.ID, CorrelationID: "corr-7"}, own} {
		got, err := events.Parse(all[i].Value)
		if err != nil || got.CausationID != want.CausationID || got.CorrelationID != want.CorrelationID {
			t.Errorf("event %d is caused by %q in %q, want %q in %q (%v)", i, got.CausationID, got.CorrelationID, want.CausationID, want.CorrelationID, err)
		}
		if h := kafkatest.Header(all[i], "correlation-id"); h != want.CorrelationID {
			t.Errorf("header correlation-id is %q", h)
		}
		if h := kafkatest.Header(all[i], "traceparent"); h != "00-01000000000000000000000000000000-0200000000000000-01" {
			t.Errorf("header traceparent is %q", h)
		}
	}
}

// Retries neither lose, nor duplicate, nor reorder.
func TestProduceRetries(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string][]kfake.Fault{
		"leader moved":        {{Err: kerr.NotLeaderForPartition, Count: 5}},
		"answer lost":         {{Err: kerr.RequestTimedOut, Count: 1}, {Err: kerr.NotEnoughReplicasAfterAppend, Count: 2}},
		"not enough replicas": {{Err: kerr.NotEnoughReplicas, Count: 3}},
		"numbers forgotten":   {{Err: kerr.OutOfOrderSequenceNumber, Count: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster, bus := producing(t, eventbus.Options{})
			for i := range faults {
				faults[i].Keys = []kmsg.Key{kmsg.Produce}
			}
			hits := cluster.Fault(faults...)
			inOrder(t, cluster, bus)
			if hits.Hits() == 0 {
				t.Error("nothing failed")
			}
		})
	}
}

// inOrder has several callers produce, each its own keys in order, and checks
// that each is there once and in order.
func inOrder(t *testing.T, cluster *kfake.Cluster, bus *eventbus.Bus) {
	t.Helper()
	const callers, rounds, size = 8, 20, 7
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for round := range rounds {
				list := make([]events.Event, size)
				for i := range list {
					list[i] = activated(t, fmt.Sprintf("tenant-%d", caller))
					list[i].ID = fmt.Sprintf("%d-%05d", caller, round*size+i)
				}
				if err := bus.ProduceBatch(t.Context(), tenantTopic, list...); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	next := map[string]int{}
	all := written(t, cluster)
	for _, r := range all {
		key := strings.TrimPrefix(string(r.Key), "tenant-")
		if got, want := kafkatest.Header(r, "event-id"), fmt.Sprintf("%s-%05d", key, next[key]); got != want {
			t.Fatalf("caller %s: event %s, want %s", key, got, want)
		}
		next[key]++
	}
	if len(all) != callers*rounds*size {
		t.Errorf("%d records, want %d", len(all), callers*rounds*size)
	}
}

// A connection that breaks while many batches are under way is made anew once.
func TestProduceOutlivesBrokenConnections(t *testing.T) {
	t.Parallel()
	cluster, bus := producing(t, eventbus.Options{})
	seen := 0
	cluster.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		seen++
		if seen%10 == 5 {
			return nil, errors.New("the connection breaks"), true
		}
		return nil, nil, false
	})
	inOrder(t, cluster, bus)
}

// An event that waits for its answer longer than its caller may be written.
func TestProduceThatIsNotAnsweredIsUncertain(t *testing.T) {
	t.Parallel()
	cluster, bus := producing(t, eventbus.Options{Produce: eventbus.ProduceOptions{Timeout: 300 * time.Millisecond}})
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut, Count: -1})
	if err := bus.Produce(t.Context(), tenantTopic, activated(t, "a")); !errors.Is(err, eventbus.ErrUncertain) {
		t.Errorf("after the bus's patience: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := bus.Produce(ctx, tenantTopic, activated(t, "a"))
	if !errors.Is(err, eventbus.ErrUncertain) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after the caller's: %v", err)
	}
}

// Once a batch is given up, its numbers are not used again: the next one would
// pass for it and be dropped.
func TestProduceAfterGivingUp(t *testing.T) {
	t.Parallel()
	cluster, bus := producing(t, eventbus.Options{Produce: eventbus.ProduceOptions{Timeout: 300 * time.Millisecond}})
	// kfake writes the batch and then says that it timed out.
	fault := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicasAfterAppend, Count: -1})
	first, second := activated(t, "a"), activated(t, "a")
	if err := bus.Produce(t.Context(), tenantTopic, first); !errors.Is(err, eventbus.ErrUncertain) {
		t.Fatalf("error %v", err)
	}
	fault.Remove()
	if err := bus.Produce(t.Context(), tenantTopic, second); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, r := range written(t, cluster) {
		ids = append(ids, kafkatest.Header(r, "event-id"))
	}
	if len(ids) == 0 || ids[len(ids)-1] != second.ID {
		t.Errorf("events %v, want %s last", ids, second.ID)
	}
}

// What follows a failed event of the same call and partition is not sent before
// the caller knows.
func TestProduceBatchHoldsBackWhatFollows(t *testing.T) {
	t.Parallel()
	cluster, bus := producing(t, eventbus.Options{Produce: eventbus.ProduceOptions{Timeout: 500 * time.Millisecond}})
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: -1, When: holding("tenant-name-first")})
	padding := strings.Repeat("x", 100)
	list := make([]events.Event, 12_000) // more than one batch
	for i := range list {
		list[i] = activated(t, "one-tenant")
		list[i].UserID = padding
	}
	list[0].CorrelationID = "tenant-name-first"
	err := bus.ProduceBatch(t.Context(), tenantTopic, list...)
	if found := eventbus.EventErrors(err); len(found) != len(list) {
		t.Errorf("%d errors, want one for each of %d", len(found), len(list))
	}
	if all := written(t, cluster); len(all) != 0 {
		t.Errorf("%d events overtook the first one", len(all))
	}
}

// holding matches produce requests with this text in their records.
func holding(text string) func(kmsg.Request) bool {
	return func(req kmsg.Request) bool {
		produce, ok := req.(*kmsg.ProduceRequest)
		if !ok {
			return false
		}
		for _, topic := range produce.Topics {
			for _, p := range topic.Partitions {
				if bytes.Contains(p.Records, []byte(text)) {
					return true
				}
			}
		}
		return false
	}
}

// An event of a sequence is refused: those before it are written, those after it are
// not, and another sequence is not touched.
func TestProduceKeepsASequence(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*events.Event){
		"refused by the broker": func(e *events.Event) { e.CorrelationID = "too-large" },
		"invalid":               func(e *events.Event) { e.Data = []byte(`{}`) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster, bus := producing(t, eventbus.Options{})
			cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.MessageTooLarge, Count: -1, When: holding("too-large"),
				Partitions: []int32{kafka.PartitionFor([]byte("one"), partitions)}}) // a request may have both tenants' batches
			list := make([]eventbus.Message, 40)
			for i := range list {
				tenant := []string{"one", "two"}[i%2]
				list[i] = eventbus.Message{Event: activated(t, tenant), Sequence: tenant}
			}
			spoil(&list[14].Event)
			found := eventbus.EventErrors(bus.ProduceMessages(t.Context(), tenantTopic, list...))
			for i := range list {
				err := error(nil)
				if e := found[i]; e != nil {
					err = e
				}
				if held := i > 14 && i%2 == 0; errors.Is(err, eventbus.ErrHeldBack) != held || (err != nil) != (held || i == 14) {
					t.Errorf("event %d: %v", i, err)
				}
			}
			if all := written(t, cluster); len(all) != 27 {
				t.Errorf("%d records, want 7 of one and 20 of two", len(all))
			}
		})
	}
}

// The broker refuses one of many events; the others are written in order.
func TestProduceBatchFindsWhatIsRefused(t *testing.T) {
	t.Parallel()
	cluster, bus := producing(t, eventbus.Options{})
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.MessageTooLarge, Count: -1, When: holding("too-large")})
	list := make([]events.Event, 50)
	for i := range list {
		list[i] = activated(t, "one-tenant")
	}
	list[7].CorrelationID, list[31].CorrelationID = "too-large", "too-large"
	err := bus.ProduceBatch(t.Context(), tenantTopic, list...)
	found := eventbus.EventErrors(err)
	if len(found) != 2 || !errors.Is(found[7], eventbus.ErrTooLarge) || !errors.Is(found[31], eventbus.ErrTooLarge) {
		t.Fatalf("errors %v", err)
	}
	all := written(t, cluster)
	if len(all) != 48 {
		t.Fatalf("%d records, want 48", len(all))
	}
	next := 0
	for _, r := range all {
		for next == 7 || next == 31 {
			next++
		}
		if got := kafkatest.Header(r, "event-id"); got != list[next].ID {
			t.Errorf("event %s, want number %d", got, next)
		}
		next++
	}
	if h := bus.Health(t.Context()); h.Details.Breaker != "closed" {
		t.Errorf("the breaker is %s after refused events", h.Details.Breaker)
	}
}

func TestProduceBreaker(t *testing.T) {
	t.Parallel()
	cluster, bus := producing(t, eventbus.Options{Produce: eventbus.ProduceOptions{
		Timeout: 100 * time.Millisecond, Breaker: eventbus.ProduceBreaker{Failures: 3, Pause: 200 * time.Millisecond},
	}})
	fault := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: -1})
	bad := activated(t, "a")
	bad.Data = json.RawMessage(`{}`)
	for range 10 {
		if err := bus.Produce(t.Context(), tenantTopic, bad); !errors.Is(err, events.ErrInvalid) {
			t.Fatalf("an invalid event: %v", err)
		}
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for range 10 {
		if err := bus.Produce(canceled, tenantTopic, activated(t, "a")); !errors.Is(err, context.Canceled) {
			t.Fatalf("a canceled call: %v", err)
		}
	}
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for range 10 {
		err := bus.Produce(late, tenantTopic, activated(t, "a"))
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, eventbus.ErrUncertain) || errors.Is(err, eventbus.ErrBreakerOpen) {
			t.Fatalf("a call whose time is over: %v", err)
		}
	}
	for range 3 {
		if err := bus.Produce(t.Context(), tenantTopic, activated(t, "a")); err == nil || errors.Is(err, eventbus.ErrBreakerOpen) {
			t.Fatalf("before the breaker opens: %v", err)
		}
	}
	if err := bus.ProduceBatch(t.Context(), tenantTopic, activated(t, "a"), bad); !errors.Is(err, eventbus.ErrBreakerOpen) || !errors.Is(err, events.ErrInvalid) {
		t.Fatalf("while the breaker is open: %v", err)
	}
	if h := bus.Health(t.Context()); h.Details.Breaker != "open" || h.Status != eventbus.StatusUp {
		t.Errorf("health %+v", h)
	}
	fault.Remove()
	deadline := time.Now().Add(10 * time.Second)
	for {
		err := bus.Produce(t.Context(), tenantTopic, activated(t, "a"))
		if err == nil {
			break
		}
		if !errors.Is(err, eventbus.ErrBreakerOpen) || time.Now().After(deadline) {
			t.Fatalf("after the cluster is back: %v", err)
		}
	}
	if h := bus.Health(t.Context()); h.Details.Breaker != "closed" {
		t.Errorf("the breaker is %s after a success", h.Details.Breaker)
	}
}

func TestHealthOfAClusterThatIsAway(t *testing.T) {
	t.Parallel()
	cluster, bus := producing(t, eventbus.Options{Timeout: 2 * time.Second})
	cluster.Close()
	began := time.Now()
	h := bus.Health(t.Context())
	if h.Status != eventbus.StatusDown || h.Error == "" || h.Details.TopicCount != 0 {
		t.Errorf("health %+v", h)
	}
	if took := time.Since(began); took > 25*time.Second {
		t.Errorf("Health took %v", took)
	}
}

func TestProduceOnAClosedBus(t *testing.T) {
	t.Parallel()
	_, bus := producing(t, eventbus.Options{})
	if err := bus.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := bus.Produce(t.Context(), tenantTopic, activated(t, "a")); !errors.Is(err, eventbus.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
