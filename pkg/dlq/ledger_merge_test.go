package dlq

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
)

// A run whose ledger has grown merges it once it is done; that this fails is no
// failure of the run. What is resolved stays so.
func TestARunMergesALedgerThatHasGrown(t *testing.T) {
	t.Parallel()
	const letters = 12
	cluster := kafkatest.Cluster(t, kfake.SeedTopics(1, "orders", "orders.dlq"))
	brokers := kafkatest.Bootstrap(cluster)
	cl, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...), kgo.DefaultProduceTopic("orders.dlq"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for range letters {
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Value: []byte("{}")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	makeLedger(t, cl)
	c := kafkatest.Open(t, brokers)
	var said []string
	run := func(opts Options) *Result {
		t.Helper()
		said = nil
		opts.Queue, opts.Selection.Limit, opts.Notice = "orders.dlq", 1, func(text string) { said = append(said, text) }
		plan, err := Prepare(t.Context(), c, opts)
		if err != nil {
			t.Fatal(err)
		}
		res, err := plan.Run(t.Context())
		if err != nil || res.State != Done || res.Done != 1 {
			t.Fatalf("the run is %+v, %v", res, err)
		}
		return res
	}
	state := func() (*Ledger, *QueueState) {
		t.Helper()
		l, err := OpenLedger(t.Context(), c, LedgerOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range l.Queues() {
			if q.Queue == "orders.dlq" {
				return l, q
			}
		}
		t.Fatal("the ledger does not know the queue")
		return nil, nil
	}

	for range 4 {
		if run(Options{mergeAt: 5}); slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, "merged") }) {
			t.Fatalf("merged what is younger than the audit: %q", said)
		}
	}
	_, before := state()
	if len(before.keys) < 4 {
		t.Fatalf("%d chunks", len(before.keys))
	}

	// The transaction after the one that ends the run is refused.
	armed, seen := false, 0
	cluster.ControlKey(int16(kmsg.AddPartitionsToTxn), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if !armed {
			return nil, nil, false
		}
		if seen++; seen == 1 {
			return nil, nil, false
		}
		res := req.ResponseKind().(*kmsg.AddPartitionsToTxnResponse)
		for _, topic := range req.(*kmsg.AddPartitionsToTxnRequest).Topics {
			answer := kmsg.NewAddPartitionsToTxnResponseTopic()
			answer.Topic = topic.Topic
			for _, part := range topic.Partitions {
				p := kmsg.NewAddPartitionsToTxnResponseTopicPartition()
				p.Partition, p.ErrorCode = part, kerr.TopicAuthorizationFailed.Code
				answer.Partitions = append(answer.Partitions, p)
			}
			res.Topics = append(res.Topics, answer)
		}
		return res, nil, true
	})
	sendsThenFails := Options{mergeAt: 5, KeepAudit: time.Nanosecond}
	sendsThenFails.Progress = func(Progress) { armed = true }
	run(sendsThenFails)
	armed = false
	if !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, "could not be merged: ") }) {
		t.Errorf("a merge that failed is not told: %q", said)
	}

	first := run(Options{})
	last := run(Options{mergeAt: 5, KeepAudit: time.Nanosecond})
	if !slices.ContainsFunc(said, func(s string) bool { return strings.HasPrefix(s, "merged ") }) {
		t.Errorf("not merged: %q", said)
	}
	l, after := state()
	resolved := after.Resolved.Count(0, 0, letters)
	if slices.ContainsFunc(after.keys, func(k datedKey) bool { return k.run != last.Run }) || resolved != 7 || l.Run(last.Run).State != Done {
		t.Errorf("the merged ledger has %d chunks, %d letters, and the run is %s", len(after.keys), resolved, l.Run(last.Run).State)
	}
	for range letters - 7 {
		run(Options{})
	}
	if plan, err := Prepare(t.Context(), c, Options{Queue: "orders.dlq"}); err != nil || plan.Pending != 0 {
		t.Errorf("pending %d, %v", plan.Pending, err)
	}
	if _, _, err := WatchRun(t.Context(), c, first.Run, WatchOptions{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("letters of a merged run are told: %v", err)
	}
	if _, _, err := WatchRun(t.Context(), c, last.Run, WatchOptions{}); err != nil {
		t.Errorf("those of the run that merged are not: %v", err)
	}
}
