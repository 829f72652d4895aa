package dlq

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// queueOn makes a queue on an in-memory broker and returns what opens it.
func queueOn(t *testing.T, queue string, partitions int, records ...*kgo.Record) *kafka.Client {
	t.Helper()
	brokers := kafkatest.Start(t, kfake.SeedTopics(int32(partitions), queue))
	cl, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic(queue))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	return kafkatest.Open(t, brokers)
}

// letterOf is a letter that failed at a time, in the words of our own headers.
func letterOf(partition int32, at time.Time, group, message string) *kgo.Record {
	r := &kgo.Record{Partition: partition, Timestamp: at, Value: []byte(`{}`)}
	for _, h := range (letters.Letter{
		Origin: letters.Origin{Topic: "orders", Partition: partition, Offset: 1}, Group: group, Class: "E", Message: message, FailedAt: at,
	}).Append(nil, letters.AppendOptions{}) {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Name, Value: h.Value})
	}
	return r
}

func TestListFindsTheOldestByTime(t *testing.T) {
	t.Parallel()
	now := time.Now().Truncate(time.Millisecond)
	c := queueOn(t, "orders-dlt", 3, letterOf(0, now, "a", "x"), letterOf(2, now.Add(-time.Hour), "a", "x"), letterOf(2, now.Add(-3*time.Hour), "a", "x"))
	list, err := List(t.Context(), c, ListOptions{})
	if err != nil || len(list.Queues) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	q := list.Queues[0]
	if q.Name != "orders-dlt" || q.Source != "orders" || q.Partitions != 3 || q.Pending != 3 || !q.Exact || q.Error != "" {
		t.Errorf("listed %+v", q)
	}
	if q.Oldest == nil || q.Oldest.Partition != 2 || q.Oldest.Offset != 1 || !q.Oldest.Timestamp.Equal(now.Add(-3*time.Hour)) {
		t.Errorf("the oldest is %+v", q.Oldest)
	}
	if q.RetentionMs == nil || q.Oldest.Expires.Sub(q.Oldest.Timestamp).Milliseconds() != *q.RetentionMs {
		t.Errorf("expires at %s", q.Oldest.Expires)
	}
}

// A queue of one large partition is cut into pieces that workers read at the
// same time; each letter counts once, resolved ones only where they are asked for.
func TestGroupingCutsAPartition(t *testing.T) {
	t.Parallel()
	const n = 2*segment + 5000
	at := time.UnixMilli(1795406037334)
	records := make([]*kgo.Record, n)
	for i := range records {
		records[i] = letterOf(0, at.Add(time.Duration(i)*time.Millisecond), []string{"a", "b"}[i%2], fmt.Sprintf("bad %s %d", []string{"card", "mail"}[i%2], i))
	}
	c := queueOn(t, "orders.dlq", 1, records...)
	r, err := openReading(t.Context(), c, "orders.dlq", "")
	if err != nil {
		t.Fatal(err)
	}
	r.state.Resolved.add(0, []span{{0, 9}, {segment - 1, segment}})
	for _, tc := range []struct {
		all              bool
		letters, pending int64
	}{{false, n - 12, n - 12}, {true, n, n - 12}} {
		sum, err := r.group(t.Context(), FailuresOptions{All: tc.all})
		if err != nil {
			t.Fatal(err)
		}
		if sum.letters != tc.letters || sum.pending != tc.pending || len(sum.groups) != 2 || sum.other != 0 {
			t.Errorf("all %v: %d letters, %d pending, %d groups", tc.all, sum.letters, sum.pending, len(sum.groups))
		}
		for key, g := range sum.groups {
			f := g.failure(key, time.Hour)
			if f.Count != tc.letters/2 || len(f.Groups) != 1 || !f.Last.After(f.First) || !strings.HasPrefix(f.Sample, "bad ") {
				t.Errorf("all %v: %+v", tc.all, f)
			}
		}
	}
	// The newest letter of a failure is its sample, whichever worker read it.
	found, err := FindFailures(t.Context(), c, "orders.dlq", FailuresOptions{Selection: Selection{Groups: []string{"b"}}})
	if err != nil || len(found.Failures) != 1 {
		t.Fatalf("%+v, %v", found, err)
	}
	if f := found.Failures[0]; f.Letter != letterName(0, n-1) || f.Sample != fmt.Sprintf("bad mail %d", n-1) || !f.First.Equal(at.Add(time.Millisecond)) {
		t.Errorf("the sample is %s %q since %s", f.Letter, f.Sample, f.First)
	}
	list, _, err := Show(t.Context(), c, "orders.dlq", ShowOptions{Selection: Selection{Groups: []string{"a"}, Limit: 3}})
	if err != nil || len(list) != 3 || list[0].ID != letterName(0, n-2) || list[2].ID != letterName(0, n-6) {
		t.Errorf("the newest three are %+v, %v", list, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.group(ctx, FailuresOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestShowTellsWhatTheLedgerSays(t *testing.T) {
	t.Parallel()
	c := queueOn(t, "orders.dlq", 1, letterOf(0, time.Now(), "a", "x"), letterOf(0, time.Now(), "a", "y"), letterOf(0, time.Now(), "a", "z"), letterOf(0, time.Now(), "a", "u"))
	r, err := openReading(t.Context(), c, "orders.dlq", "")
	if err != nil {
		t.Fatal(err)
	}
	r.state.mark(Replayed, 0, []span{{0, 0}})
	r.state.mark(Parked, 0, []span{{1, 1}})
	r.state.mark(Discarded, 0, []span{{2, 2}})
	list, err := r.named(t.Context(), []string{"0@0", "0@1", "0@2", "0@3"})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{StateReplayed, StateParked, StateDiscarded, StatePending} {
		if list[i].State != want || list[i].Failed != list[i].Letter.Fingerprint() {
			t.Errorf("%s is %s, want %s", list[i].ID, list[i].State, want)
		}
	}
	for _, name := range []string{"0@4", "1@0"} {
		if _, err := r.named(t.Context(), []string{name}); !errors.Is(err, ErrNothingMatched) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadWhatIsNotThere(t *testing.T) {
	t.Parallel()
	c := queueOn(t, "orders.dlq", 1)
	if _, err := FindFailures(t.Context(), c, "no.dlq", FailuresOptions{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("no queue: %v", err)
	}
	if _, err := FindFailures(t.Context(), c, "orders.dlq", FailuresOptions{Selection: Selection{Groups: []string{"g"}}}); !errors.Is(err, ErrNothingMatched) {
		t.Errorf("no letter: %v", err)
	}
	if found, err := FindFailures(t.Context(), c, "orders.dlq", FailuresOptions{}); err != nil || found.Failures == nil {
		t.Errorf("an empty queue: %+v, %v", found, err)
	}
	if counts, ok, err := Pending(t.Context(), c, []string{"orders.dlq"}, ""); ok || err != nil {
		t.Errorf("without a ledger: %v %v %v", counts, ok, err)
	}
	if list, err := List(t.Context(), c, ListOptions{Queues: []string{"x*", "orders.dlq"}}); err != nil || len(list.Queues) != 1 || len(list.Missed) != 1 {
		t.Errorf("listed %+v, %v", list, err)
	}
	if _, err := List(t.Context(), c, ListOptions{Queues: []string{"["}}); !errors.Is(err, ErrInvalid) {
		t.Errorf("a broken glob: %v", err)
	}
}

func TestHold(t *testing.T) {
	t.Parallel()
	now := time.Unix(1795406037, 0)
	old := &Oldest{Timestamp: now.Add(-2 * time.Hour), Expires: now.Add(time.Hour)}
	for name, tc := range map[string]struct {
		opts CheckOptions
		q    Queue
		want Verdict
	}{
		"nothing pending":   {CheckOptions{}, Queue{}, VerdictOK},
		"some pending":      {CheckOptions{}, Queue{Pending: 1, Oldest: old}, VerdictCritical},
		"not bounded":       {CheckOptions{MaxPending: -1}, Queue{Pending: 1, Oldest: old}, VerdictOK},
		"few enough":        {CheckOptions{MaxPending: 1}, Queue{Pending: 1, Oldest: old}, VerdictOK},
		"too old":           {CheckOptions{MaxPending: -1, MaxAge: time.Hour}, Queue{Pending: 1, Oldest: old}, VerdictCritical},
		"old enough":        {CheckOptions{MaxPending: -1, MaxAge: 2 * time.Hour}, Queue{Pending: 1, Oldest: old}, VerdictOK},
		"expires too soon":  {CheckOptions{MaxPending: -1, MinExpiry: 2 * time.Hour}, Queue{Pending: 1, Oldest: old}, VerdictCritical},
		"never expires":     {CheckOptions{MaxPending: -1, MinExpiry: 2 * time.Hour}, Queue{Pending: 1, Oldest: &Oldest{Timestamp: now}}, VerdictOK},
		"unknown":           {CheckOptions{}, Queue{Error: "no leader"}, VerdictUnknown},
		"unknown, yet many": {CheckOptions{}, Queue{Error: "no leader", Pending: 1}, VerdictCritical},
	} {
		tc.opts.Now = now
		got := tc.opts.hold(tc.q)
		if got.Verdict != tc.want || (got.Verdict == VerdictOK) != (len(got.Reasons) == 0) {
			t.Errorf("%s: %s %q", name, got.Verdict, got.Reasons)
		}
	}
}

func TestMetricEscapesLabels(t *testing.T) {
	t.Parallel()
	m := metric{name: "dlq_up", help: "x"}
	m.add(1.5, "dlq", "a\"b\\c\nd\xff")
	if want := `dlq_up{dlq="a\"b\\c\nd` + "\uFFFD" + `"} 1.5`; m.lines[0] != want {
		t.Errorf("%s, want %s", m.lines[0], want)
	}
}

// Retention does not wait for readers: what expires between the look at a
// queue's bounds and the reading is passed over, and the rest is read.
func TestLettersThatExpireMeanwhile(t *testing.T) {
	t.Parallel()
	const n = 100
	records := make([]*kgo.Record, n)
	for i := range records {
		records[i] = letterOf(0, time.UnixMilli(1795406037334), "a", "x")
	}
	c := queueOn(t, "orders.dlq", 1, records...)
	r, err := openReading(t.Context(), c, "orders.dlq", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ start, want int64 }{{40, n - 40}, {n, 0}} {
		deleteBefore(t, c, "orders.dlq", tc.start)
		sum, err := r.group(t.Context(), FailuresOptions{})
		if err != nil || sum.letters != tc.want {
			t.Errorf("from %d on: %d letters, %v", tc.start, sum.letters, err)
		}
	}
}

// deleteBefore deletes the records of partition 0 before an offset.
func deleteBefore(t *testing.T, c *kafka.Client, topic string, offset int64) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Bootstrap()...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.TimeoutMillis = 5000
	req.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: topic, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Offset: offset}}}}
	res, err := req.RequestWith(t.Context(), cl)
	if err != nil || res.Topics[0].Partitions[0].ErrorCode != 0 {
		t.Fatalf("%+v, %v", res, err)
	}
}

// A partition without leader is said at once, beside the queues that answer.
func TestListDoesNotWaitForALeader(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t, kfake.SeedTopics(1, "lost.dlq", "well.dlq"))
	c := kafkatest.Open(t, kafkatest.Bootstrap(cluster))
	cluster.ControlKey(int16(kmsg.ListOffsets), func(in kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		req := in.(*kmsg.ListOffsetsRequest)
		res := req.ResponseKind().(*kmsg.ListOffsetsResponse)
		for _, topic := range req.Topics {
			part := kmsg.NewListOffsetsResponseTopicPartition()
			part.Offset = 0
			if topic.Topic == "lost.dlq" {
				part.ErrorCode = 5 // LEADER_NOT_AVAILABLE
			}
			res.Topics = append(res.Topics, kmsg.ListOffsetsResponseTopic{Topic: topic.Topic, Partitions: []kmsg.ListOffsetsResponseTopicPartition{part}})
		}
		return res, nil, true
	})
	start := time.Now()
	list, err := List(t.Context(), c, ListOptions{})
	if err != nil || len(list.Queues) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	if list.Queues[0].Error == "" || list.Queues[1].Error != "" {
		t.Errorf("listed %+v", list.Queues)
	}
	if took := time.Since(start); took > kafka.DefaultTimeout/2 {
		t.Errorf("it took %s", took)
	}
}
