package eventbus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
	"github.com/multi-tenant/manage-kafka/test/tier"
)

// What a caller of Produce waits for, against sarama's SyncProducer with the same
// guarantees; and how much more many callers, or one with a slice, get through. A
// loop over SendMessage is what watermill-kafka's Publish is at best; test/bench
// holds ProduceBatch against Publish itself. Pairs take turns, and medians of the
// turns are compared.
func TestProduceSpeed(t *testing.T) {
	cluster := realkafka.Shared(t)
	conn := cluster.Conn(realkafka.Plaintext)
	topic := realkafka.Name(t)
	peers.CreateTopic(t, conn, topic, 6, 1)
	bus, err := eventbus.Connect(t.Context(), "bench-service", eventbus.Options{
		Brokers: []string{conn.Bootstrap}, Properties: conn.Properties(), Produce: eventbus.ProduceOptions{AllowAnyTopic: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = bus.Close(context.WithoutCancel(t.Context())) }()
	conf := open(t, conn).Wire().ProducerConfig()
	conf.Producer.RequiredAcks, conf.Producer.Idempotent, conf.Net.MaxOpenRequests = sarama.WaitForAll, true, 1
	conf.Producer.Return.Successes, conf.Producer.Return.Errors = true, true
	conf.Producer.Partitioner = sarama.NewMurmur2Partitioner
	raw, err := sarama.NewSyncProducer([]string{conn.Bootstrap}, conf)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()

	const keys, size = 100, 1000
	list := make([]events.Event, size)
	for i := range list {
		list[i] = tenantCreated(t, fmt.Sprintf("event-%d", i), fmt.Sprintf("tenant-%d", i%keys))
	}
	t.Logf("an event is %d bytes", len(list[0].Encode()))
	turns, calls := 5, 300
	if tier.IsLong() {
		turns, calls = 15, 1000
	}
	one := func(i int) error { return bus.Produce(t.Context(), topic, list[i%size]) }
	sync1 := func(i int) error {
		e := list[i%size]
		_, _, err := raw.SendMessage(&sarama.ProducerMessage{Topic: topic, Key: sarama.StringEncoder(fmt.Sprintf("tenant-%d", i%keys)), Value: sarama.ByteEncoder(e.Encode())})
		return err
	}
	for i := range 50 { // both have met every partition
		if err := errors.Join(one(i), sync1(i)); err != nil {
			t.Fatal(err)
		}
	}
	var latencies, syncLatencies, callers, batches []time.Duration
	for range turns {
		latencies = append(latencies, median(t, calls, one))
		syncLatencies = append(syncLatencies, median(t, calls, sync1))
		callers = append(callers, many(t, 64, 64*calls/4, one))
		began := time.Now()
		if err := bus.ProduceBatch(t.Context(), topic, list...); err != nil {
			t.Fatal(err)
		}
		batches = append(batches, time.Since(began)/size)
	}
	p50, syncP50, each64, each1000 := middle(latencies), middle(syncLatencies), middle(callers), middle(batches)
	t.Logf("one caller waits %v, SyncProducer's %v: %.2f times (want at most 1.1)", p50, syncP50, float64(p50)/float64(syncP50))
	t.Logf("64 callers: %.0f events/s, %.1f times one (want at least 10)", 1/each64.Seconds(), float64(p50)/float64(each64))
	t.Logf("ProduceBatch of %d: %.0f events/s, %.1f times a loop over SendMessage (want at least 30)", size, 1/each1000.Seconds(), float64(syncP50)/float64(each1000))
	// A short run on a machine that does other things as well is held to half of it.
	slack := 2.0
	if tier.IsLong() {
		slack = 1
	}
	if got := float64(p50) / float64(syncP50); got > 1.1*slack {
		t.Errorf("one caller waits %.2f times as long as SyncProducer's", got)
	}
	if got := float64(p50) / float64(each64); got < 10/slack {
		t.Errorf("64 callers get through %.1f times what one does", got)
	}
	if got := float64(syncP50) / float64(each1000); got < 30/slack {
		t.Errorf("ProduceBatch gets through %.1f times what a loop does", got)
	}
}

// median is what half of the calls take at most.
func median(t *testing.T, n int, call func(int) error) time.Duration {
	t.Helper()
	took := make([]time.Duration, n)
	for i := range took {
		began := time.Now()
		if err := call(i); err != nil {
			t.Fatal(err)
		}
		took[i] = time.Since(began)
	}
	return middle(took)
}

// many is the time an event takes when callers share n of them.
func many(t *testing.T, callers, n int, call func(int) error) time.Duration {
	t.Helper()
	began := time.Now()
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := c; i < n; i += callers {
				if err := call(i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	return time.Since(began) / time.Duration(n)
}

func middle(list []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

// An event larger than the topic takes is refused and nothing waits for it; one of
// nearly a mebibyte passes.
func TestProduceTooLarge(t *testing.T) {
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	topic := realkafka.Name(t)
	peers.CreateTopic(t, conn, topic, 1, 1)
	bus := service(t, "bench-service", conn.Bootstrap, func(o *eventbus.Options) { o.Produce.AllowAnyTopic = true })
	list := make([]eventbus.Message, 30)
	for i := range list {
		list[i].Event = tenantCreated(t, fmt.Sprintf("event-%d", i), "tenant-1")
	}
	list[3].Headers = []kafka.Header{{Name: "padding", Value: make([]byte, 900<<10)}}
	list[17].Headers = []kafka.Header{{Name: "padding", Value: make([]byte, 2<<20)}}
	err := bus.ProduceMessages(t.Context(), topic, list...)
	found := eventbus.EventErrors(err)
	if len(found) != 1 || !errors.Is(found[17], eventbus.ErrTooLarge) {
		t.Errorf("errors %v", err)
	}
	if got := len(peers.Dump(t, conn, topic, peers.Committed)); got != len(list)-1 {
		t.Errorf("%d records, want %d", got, len(list)-1)
	}
}
