package eventbus_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// deleteBefore deletes the records of partition 0 before an offset, as retention does.
func deleteBefore(t *testing.T, conn realkafka.Conn, topic string, offset int64) {
	t.Helper()
	admin := topics.New(open(t, conn))
	plan, err := admin.PlanDeleteRecords(t.Context(), topic, topics.Point{Offset: offset}, topics.DeleteRecordsOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.DeleteRecords(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
}

// numbers collects the values that a handler was given.
type numbers struct {
	mu   sync.Mutex
	seen map[int]int
}

func (n *numbers) add(r eventbus.Record) {
	i, err := strconv.Atoi(string(r.Key))
	if err != nil {
		i = -1
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.seen == nil {
		n.seen = map[int]int{}
	}
	n.seen[i]++
}

// has tells which of the numbers from from to to were not seen.
func (n *numbers) has(from, to int) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	var missing []error
	for i := from; i < to; i++ {
		if n.seen[i] == 0 {
			missing = append(missing, fmt.Errorf("%d is missing", i))
		}
	}
	return errors.Join(missing...)
}

// produceWide writes records whose keys are numbers; a fetch has but a few of them.
func produceWide(t *testing.T, conn realkafka.Conn, topic string, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		produce(t, conn, &sarama.ProducerMessage{Topic: topic, Key: sarama.StringEncoder(strconv.Itoa(i)), Value: sarama.ByteEncoder(make([]byte, 100<<10))})
	}
}

// A group that retention has overtaken goes on with the first record there is: what
// is left is not skipped, though a new group would begin at the end. It does so when
// it begins, and in the middle.
func TestGroupThatRetentionOvertook(t *testing.T) {
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	topic := topicWithLetters(t, conn, 1, 1)
	registry := prometheus.NewRegistry()
	b, err := eventbus.Connect(t.Context(), "svc", eventbus.Options{Brokers: []string{conn.Bootstrap}, AllowAnyGroup: true, Telemetry: eventbus.TelemetryOptions{Registerer: registry}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close(context.WithoutCancel(t.Context())) }()
	lost := func(want float64) error {
		families, err := registry.Gather()
		for _, f := range families {
			if f.GetName() == "eventbus_overtaken_records_total" && f.GetMetric()[0].GetCounter().GetValue() == want {
				return nil
			}
		}
		return fmt.Errorf("%v are not counted as lost: %w", want, err)
	}
	name := topic + "-group"

	var first numbers
	stop, err := b.SubscribeRecords(t.Context(), topic, func(_ context.Context, r eventbus.Record) error { first.add(r); return nil },
		eventbus.Subscription{Group: name, FromBeginning: true})
	if err != nil {
		t.Fatal(err)
	}
	produceWide(t, conn, topic, 0, 5)
	eventually(t, time.Minute, "the group begins", func() error { return first.has(0, 5) })
	if err := stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	produceWide(t, conn, topic, 5, 14)
	deleteBefore(t, conn, topic, 9)

	var then numbers
	free := make(chan struct{})
	if _, err := b.SubscribeRecords(t.Context(), topic, func(ctx context.Context, r eventbus.Record) error {
		then.add(r)
		select {
		case <-free:
		case <-ctx.Done():
		}
		return ctx.Err()
	}, eventbus.Subscription{Group: name, MaxInFlight: 3}); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "it goes on with what is left", func() error { return errors.Join(then.has(9, 12), lost(4)) })

	eventually(t, time.Minute, "it fetches no more", func() error { return want(group(t, b).Paused, 1) })
	produceWide(t, conn, topic, 14, 60) // but for what a fetch that is under way may get
	deleteBefore(t, conn, topic, 50)
	close(free)
	eventually(t, time.Minute, "it goes on once more", func() error { return then.has(50, 60) })
	eventually(t, time.Minute, "all is committed", func() error { return want(committed(t, conn, name, topic, 1), int64(60)) })
	then.mu.Lock()
	defer then.mu.Unlock()
	if len(then.seen) > 45 {
		t.Errorf("%d records were read: retention did not overtake it", len(then.seen))
	}
}
