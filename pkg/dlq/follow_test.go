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
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/internal/letters"
)

// A run stops between two transactions once too many letters came back, says
// which failure that was, and has told how far it was before.
func TestARunStopsWhenLettersComeBack(t *testing.T) {
	t.Parallel()
	const n = 40
	brokers := kafkatest.Start(t, kfake.SeedTopics(1, "orders", "orders.dlq"))
	cl, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic("orders.dlq"), kgo.MaxVersions(kversion.V3_6_0()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	letter := func(partition int32, offset int64, message string) *kgo.Record {
		r := &kgo.Record{Partition: partition, Value: fmt.Appendf(nil, `{"n":%d}`, offset)}
		for _, h := range (letters.Letter{Origin: letters.Origin{Topic: "orders", Partition: partition, Offset: offset}, Group: "billing", Class: "E", Message: message}).Append(nil, letters.AppendOptions{}) {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Name, Value: h.Value})
		}
		return r
	}
	for i := range int64(n) {
		// Letters that came from elsewhere than where they go to now.
		if err := cl.ProduceSync(t.Context(), letter(0, 1_000_000+i, "down")).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	c := kafkatest.Open(t, brokers)
	makeLedger(t, cl)
	came := 0
	opts := Options{
		Queue: "orders.dlq", Rate: 10,
		Follow: &FollowOptions{Every: time.Millisecond, Settle: time.Millisecond, Stop: true, MaxAgain: 0.2},
		// The consumer: three of the first ten letters fail on another error.
		AfterChunk: func(ctx context.Context, info ChunkInfo) error {
			if came++; came > 1 {
				return nil
			}
			for _, p := range info.Targets[:3] {
				for range 2 { // one that crashed writes a letter twice
					if err := cl.ProduceSync(ctx, letter(p.To, p.At, "still down")).FirstErr(); err != nil {
						return err
					}
				}
			}
			return commitOffset(ctx, cl, "billing", "orders", info.Targets[len(info.Targets)-1].At+1)
		},
	}
	var last Progress
	plan, err := Prepare(t.Context(), c, opts)
	if err != nil {
		t.Fatal(err)
	}
	plan.OnProgress(func(p Progress) { last = p })
	res, err := plan.Run(t.Context())
	var again *AgainError
	if !errors.As(err, &again) || !errors.Is(err, ErrPartly) {
		t.Fatalf("the run ended with %v", err)
	}
	if again.Again != 3 || again.Dealt != 10 || again.Failure.Message != "still down" || again.Failure.Letters != 3 {
		t.Errorf("stopped for %+v", again)
	}
	if res.State != Stopped || res.Done < 10 || res.Done >= n {
		t.Errorf("the run is %s after %d letters", res.State, res.Done)
	}
	if last.Followed && (last.DeadAgain > 3 || last.Passed > 7) {
		t.Errorf("told %+v", last)
	}
	t.Log(err)
	// The letters that were not sent are pending, and those that came back.
	next, err := Prepare(t.Context(), c, Options{Queue: "orders.dlq"})
	if err != nil || next.Pending != n-res.Done+6 {
		t.Errorf("pending %d, %v", next.Pending, err)
	}
}

// makeLedger makes the ledger as the product does.
func makeLedger(t testing.TB, cl *kgo.Client) {
	t.Helper()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = DefaultLedger, 1, 1
	compact := kmsg.NewCreateTopicsRequestTopicConfig()
	compact.Name, compact.Value = "cleanup.policy", kmsg.StringPtr("compact")
	topic.Configs = append(topic.Configs, compact)
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Topics = append(req.Topics, topic)
	if res, err := req.RequestWith(t.Context(), cl); err != nil || res.Topics[0].ErrorCode != 0 {
		t.Fatalf("making the ledger: %v, %+v", err, res)
	}
}

// commitOffset commits for a group on partition 0 of a topic, as an admin does.
func commitOffset(ctx context.Context, cl *kgo.Client, group, topic string, offset int64) error {
	part := kmsg.NewOffsetCommitRequestTopicPartition()
	part.Offset = offset
	on := kmsg.NewOffsetCommitRequestTopic()
	on.Topic, on.Partitions = topic, append(on.Partitions, part)
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Generation, req.Topics = group, -1, append(req.Topics, on)
	res, err := req.RequestWith(ctx, cl)
	if err == nil && res.Topics[0].Partitions[0].ErrorCode != 0 {
		err = fmt.Errorf("commit: code %d", res.Topics[0].Partitions[0].ErrorCode)
	}
	return err
}

func TestFollowedCounts(t *testing.T) {
	t.Parallel()
	now := time.Now()
	l := followed{at: []int64{1, 3, 5, 7, 9}, group: []int32{0, 0, -1, 0, 0}, dead: []int64{3}, levels: map[int32][]level{
		0: {{now.Add(-time.Minute), 4}, {now, 8}},
	}}
	// 1 has settled, 3 came back; 7 was committed just now; of 5 no group is known.
	if passed, dealt := l.count(now.Add(-time.Second)); passed != 1 || dealt != 3 {
		t.Errorf("passed %d, dealt with %d", passed, dealt)
	}
	l.dead = []int64{7, 3}
	if passed, dealt := l.count(now.Add(-time.Second)); passed != 1 || dealt != 4 {
		t.Errorf("passed %d, dealt with %d", passed, dealt)
	}
	if passed, dealt := l.count(now); passed != 1 || dealt != 4 {
		t.Errorf("passed %d, dealt with %d", passed, dealt)
	}
	for _, test := range []struct {
		share        float64
		again, dealt int64
		want         bool
	}{
		{0, 0, 10, false}, {0, 1, 10, true}, {0.02, 1, 5, false}, {0.02, 2, 5, true}, {0.02, 2, 100, false}, {0.02, 3, 100, true},
	} {
		if got := (&FollowOptions{MaxAgain: test.share}).tooMany(test.again, test.dealt); got != test.want {
			t.Errorf("%+v: %t", test, got)
		}
	}
}
