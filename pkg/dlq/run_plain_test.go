package dlq

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Without transactions a run that ends in the middle of a batch has sent some of
// its letters: the ledger tells of them, and the next run sends the others.
func TestWithoutTransactionsNothingIsSentAgain(t *testing.T) {
	t.Parallel()
	const n = 60
	for name, test := range map[string]struct {
		// met is called for each request that writes to orders/1, and says whether
		// it is refused; end ends the run.
		met  func(end context.CancelFunc) (refuse bool)
		want error
	}{
		"a partition takes nothing":      {func(context.CancelFunc) bool { return true }, ErrStuck},
		"interrupted when they are sent": {func(end context.CancelFunc) bool { end(); return false }, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := kafkatest.Cluster(t, kfake.NumBrokers(2), kfake.SeedTopics(2, "orders"), kfake.SeedTopics(1, "orders.dlq"))
			brokers := kafkatest.Bootstrap(cluster)
			cl, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...), kgo.DefaultProduceTopic("orders.dlq"))
			if err != nil {
				t.Fatal(err)
			}
			defer cl.Close()
			for i := range int64(n) {
				r := &kgo.Record{Value: fmt.Append(nil, i)}
				l := letters.Letter{Origin: letters.Origin{Topic: "orders", Partition: int32(i % 2), Offset: i / 2}, Class: "E"}
				for _, h := range l.Append(nil, letters.AppendOptions{}) {
					r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Name, Value: h.Value})
				}
				if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
			makeLedger(t, cl)
			// orders/1 has a leader of its own, so requests to it hold nothing else.
			for topic, partitions := range map[string]int32{"orders.dlq": 1, DefaultLedger: 1, "orders": 2} {
				for p := range partitions {
					if err := cluster.MoveTopicPartition(topic, p, p); err != nil {
						t.Fatal(err)
					}
				}
			}
			ctx, end := context.WithCancel(t.Context())
			defer end()
			var failing atomic.Bool
			failing.Store(true)
			cluster.ControlKey(int16(kmsg.Produce), func(in kmsg.Request) (kmsg.Response, error, bool) {
				cluster.KeepControl()
				req := in.(*kmsg.ProduceRequest)
				if !failing.Load() || len(req.Topics) != 1 || len(req.Topics[0].Partitions) != 1 || req.Topics[0].Partitions[0].Partition != 1 || !test.met(end) {
					return nil, nil, false
				}
				res := req.ResponseKind().(*kmsg.ProduceResponse)
				topic := kmsg.NewProduceResponseTopic()
				topic.Topic, topic.TopicID = req.Topics[0].Topic, req.Topics[0].TopicID
				part := kmsg.NewProduceResponseTopicPartition()
				part.Partition, part.ErrorCode = 1, kerr.NotEnoughReplicas.Code
				topic.Partitions = append(topic.Partitions, part)
				res.Topics = append(res.Topics, topic)
				return res, nil, true
			})
			c := kafkatest.Open(t, brokers)
			run := func(ctx context.Context, takeover bool) (*Result, error) {
				t.Helper()
				plan, err := Prepare(t.Context(), c, Options{Queue: "orders.dlq", AtLeastOnce: true, Patience: 500 * time.Millisecond, Takeover: takeover})
				if err != nil {
					t.Fatal(err)
				}
				return plan.Run(ctx)
			}
			res, err := run(ctx, false)
			if !errors.Is(err, test.want) {
				t.Fatalf("the run ended with %v, want %v", err, test.want)
			}
			sent := kafkatest.Read(t, c, "orders")
			if len(sent) == 0 || res.Done != int64(len(sent)) {
				t.Errorf("%d letters went out, the run tells of %d", len(sent), res.Done)
			}
			failing.Store(false)
			if res, err = run(t.Context(), true); err != nil || res.Done != n-int64(len(sent)) {
				t.Errorf("the next run is %+v, %v", res, err)
			}
			times := map[string]int{}
			for _, r := range kafkatest.Read(t, c, "orders") {
				times[string(r.Value)]++
			}
			for i := range n {
				if got := times[fmt.Sprint(i)]; got != 1 {
					t.Errorf("letter %d stands %d times on the target", i, got)
				}
			}
		})
	}
}

// Groups hold no more for a partition than its topic takes, in the order that the
// records have.
func TestPlainGroups(t *testing.T) {
	t.Parallel()
	record := func(topic string, size int) outbound {
		return outbound{record: &kafka.Record{Topic: topic, Value: make([]byte, size)}}
	}
	all := []outbound{record("a", 400), record("b", 400), record("a", 300), record("a", 400), record("c", 5000), record("c", 5000), record("a", 2000), record("b", 1)}
	w := &plainWriter{limit: func(topic string) int { return map[string]int{"a": 1000, "b": 1000}[topic] }}
	var got []int
	for group := range w.groups(all) {
		got = append(got, len(group))
	}
	if fmt.Sprint(got) != "[3 3 2]" {
		t.Errorf("groups of %d", got)
	}
}
