package dlq

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// What is written to the target after the plan, and even while the transaction
// is open, is newer state: it is not deleted.
func TestNewerRecordsAreNotDeleted(t *testing.T) {
	t.Parallel()
	policy := "compact"
	cluster := kafkatest.Cluster(t, kfake.SeedTopics(1, "state.dlq"))
	brokers := kafkatest.Bootstrap(cluster)
	cl, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	makeLedger(t, cl)
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = "state", 1, 1
	topic.Configs = append(topic.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: "cleanup.policy", Value: &policy})
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Topics = append(req.Topics, topic)
	if _, err := req.RequestWith(t.Context(), cl); err != nil {
		t.Fatal(err)
	}
	write := func(topic, key, value string) error {
		return cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Key: []byte(key), Value: []byte(value)}).FirstErr()
	}
	for _, key := range []string{"a", "b", "c"} {
		if err := write("state.dlq", key, "1"); err != nil {
			t.Fatal(err)
		}
	}
	c := kafkatest.Open(t, brokers)
	plan, err := Prepare(t.Context(), c, Options{Queue: "state.dlq"})
	if err != nil {
		t.Fatal(err)
	}
	res, err := plan.Run(t.Context())
	if err != nil || res.Done != 3 {
		t.Fatalf("%+v, %v", res, err)
	}

	undo, err := Prepare(t.Context(), c, Options{Queue: "state.dlq", Action: Reopened, Undo: res.Run, Tombstone: true})
	if err != nil || undo.Tombstones != 3 || undo.Letters != 3 {
		t.Fatalf("%+v, %v", undo, err)
	}
	if err := write("state", "a", "after the plan"); err != nil {
		t.Fatal(err)
	}
	late := make(chan error, 1)
	var done atomic.Bool
	cluster.ControlKey(int16(kmsg.AddPartitionsToTxn), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		for _, topic := range req.(*kmsg.AddPartitionsToTxnRequest).Topics {
			if topic.Topic == "state" && done.CompareAndSwap(false, true) {
				cluster.SleepControl(func() { late <- write("state", "b", "while it was open") })
			}
		}
		return nil, nil, false
	})
	res, err = undo.Run(t.Context())
	if err != nil || res.Done != 3 || res.Tombstones != 1 {
		t.Fatalf("%+v, %v", res, err)
	}
	if err := <-late; err != nil {
		t.Fatal(err)
	}
	last := map[string]string{}
	tp := kafka.TopicPartition{Topic: "state"}
	err = c.ReadToEnd(t.Context(), map[kafka.TopicPartition]int64{tp: 0}, kafka.FetchOptions{Isolation: kafka.ReadCommitted}, func(f kafka.Fetched) error {
		for _, r := range f.Records {
			last[string(r.Key)] = string(r.Value)
		}
		return nil
	})
	if err != nil || last["a"] != "after the plan" || last["b"] != "while it was open" || last["c"] != "" {
		t.Errorf("the target has %q, %v", last, err)
	}
	if plan, err := Prepare(t.Context(), c, Options{Queue: "state.dlq"}); err != nil || plan.Pending != 3 {
		t.Errorf("pending %d, %v", plan.Pending, err)
	}
}
