// Package eventbustest tests services that use pkg/eventbus: an in-memory broker
// for each test, waiting without sleeping, assertions on dead letters, and the
// suite that holds a bus to its promises on any cluster.
//
//	broker := eventbustest.Start(t)
//	bus := broker.Connect("notification-service")
//	bus.Subscribe(t.Context(), "tenant.events", handler, subscription)
//	broker.Connect("tenant-service").Produce(t.Context(), "tenant.events", event)
//	broker.AwaitDone("notification-service-tenant-consumer", "tenant.events")
//	broker.ExpectNoLetters("tenant.events")
//
// The broker is for tests alone: it is kfake, which trusts its surroundings. What
// depends on a broker's own promises, such as acknowledged records that outlive
// it, wants a test on Kafka, for which [Conformance] takes any cluster.
package eventbustest

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Partitions is how many each topic of a [Broker] has.
const Partitions = 3

// patience is how long a wait may take before the test fails.
const patience = 30 * time.Second

// Broker is a Kafka of one test's own. Its methods end the test when they fail, so
// they belong to the test's goroutine.
type Broker struct {
	// Addr is its bootstrap address on loopback.
	Addr string

	t       testing.TB
	client  *kafka.Client
	cluster *kfake.Cluster
}

// Start runs a broker until the test ends, with the topics of the built-in types,
// their dead letter topics, and others that are named.
func Start(t testing.TB, topics ...string) *Broker {
	t.Helper()
	seen := map[string]bool{}
	for _, kind := range events.Types() {
		if !seen[kind.Topic] {
			seen[kind.Topic] = true
			topics = append(topics, kind.Topic)
		}
	}
	all := make([]string, 0, 2*len(topics))
	for _, topic := range topics {
		all = append(all, topic)
		if !strings.HasSuffix(topic, events.DeadLetterSuffix) {
			all = append(all, events.DeadLetterTopic(topic))
		}
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(Partitions, all...),
		kfake.WithLogger(kfake.BasicLogger(io.Discard, kfake.LogLevelNone)))
	if err != nil {
		t.Fatalf("starting the broker: %v", err)
	}
	t.Cleanup(cluster.Close)
	b := &Broker{Addr: strings.Join(cluster.ListenAddrs(), ","), t: t, cluster: cluster}
	b.client, err = kafka.Open(t.Context(), kafka.Config{Bootstrap: []string{b.Addr}, ClientID: "eventbustest"})
	if err != nil {
		t.Fatalf("connecting to the broker: %v", err)
	}
	t.Cleanup(func() { _ = b.client.Close() })
	return b
}

// Connect gives a Bus on the broker that is closed when the test ends; a handler
// that does not return by then fails the test. edit changes the options, such as
// their Logger.
func (b *Broker) Connect(service string, edit ...func(*eventbus.Options)) *eventbus.Bus {
	b.t.Helper()
	o := eventbus.Options{Brokers: []string{b.Addr}}
	for _, f := range edit {
		f(&o)
	}
	return connect(b.t, service, o)
}

func connect(t testing.TB, service string, o eventbus.Options) *eventbus.Bus {
	t.Helper()
	bus, err := eventbus.Connect(t.Context(), service, o)
	if err != nil {
		t.Fatalf("connecting %s: %v", service, err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := bus.Close(ctx); err != nil {
			t.Errorf("closing the bus of %s: %v", service, err)
		}
	})
	return bus
}

// Stop ends the broker before the test does: clients find nobody.
func (b *Broker) Stop() { b.cluster.Close() }

// Records reads all that stands in a topic, by partition and in order.
func (b *Broker) Records(topic string) []kafka.Record {
	b.t.Helper()
	return records(b.t, b.client, topic)
}

func records(t testing.TB, c *kafka.Client, topic string) []kafka.Record {
	t.Helper()
	from := map[kafka.TopicPartition]int64{}
	for p := range int32(partitionCount(t, c, topic)) {
		from[kafka.TopicPartition{Topic: topic, Partition: p}] = 0
	}
	var all []kafka.Record
	err := c.ReadToEnd(t.Context(), from, kafka.FetchOptions{Isolation: kafka.ReadCommitted}, func(f kafka.Fetched) error {
		all = append(all, f.Records...)
		return nil
	})
	if err != nil {
		t.Fatalf("reading %s: %v", topic, err)
	}
	return all
}

func partitionCount(t testing.TB, c *kafka.Client, topic string) int {
	t.Helper()
	meta, err := c.Metadata(t.Context(), []string{topic})
	if err != nil {
		t.Fatalf("topic %s: %v", topic, err)
	}
	for _, m := range meta.Topics {
		if m.Name == topic && m.Err == nil {
			return len(m.Partitions)
		}
	}
	t.Fatalf("topic %s: %v", topic, kafka.ErrUnknownTopic)
	return 0
}

// Events reads the events of a topic; a record that is none fails the test.
func (b *Broker) Events(topic string) []events.Event {
	b.t.Helper()
	var list []events.Event
	for _, r := range b.Records(topic) {
		e, err := events.Parse(r.Value)
		if err != nil {
			b.t.Fatalf("%s/%d@%d: %v", topic, r.Partition, r.Offset, err)
		}
		list = append(list, e)
	}
	return list
}

// AwaitEvents waits until the topic holds n events or more, and gives them.
func (b *Broker) AwaitEvents(topic string, n int) []events.Event {
	b.t.Helper()
	var list []events.Event
	Await(b.t, "events in "+topic, func() bool {
		list = b.Events(topic)
		return len(list) >= n
	})
	return list
}

// AwaitDone waits until the group has committed everything that stands in the
// topic: each record is handled, skipped, or a dead letter by then.
func (b *Broker) AwaitDone(group, topic string) {
	b.t.Helper()
	awaitDone(b.t, b.client, group, topic)
}

// Await polls until ok holds; a test that waits for more than 30 s fails.
func Await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("waiting for %s: %v", what, t.Context().Err())
		case <-deadline:
			t.Fatalf("waiting for %s: not within %v", what, patience)
		}
	}
}
