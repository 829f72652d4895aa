package kafka_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Some that stand in for a broker lead a partition by a node that they do not
// list, or leave a topic out. Asking has an end then, and pauses before it.
func TestLeaderThatNobodyLists(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*kmsg.MetadataResponse){
		"node not listed": func(res *kmsg.MetadataResponse) {
			for i := range res.Topics {
				res.Topics[i].Partitions[0].Leader = 7
			}
		},
		"topic left out": func(res *kmsg.MetadataResponse) { res.Topics = nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := kafkatest.Cluster(t, kfake.SeedTopics(1, "orders"))
			c, err := kafka.Open(t.Context(), kafka.Config{Bootstrap: []string{kafkatest.Bootstrap(cluster)}, Timeout: time.Second})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			var asked atomic.Int32
			cluster.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
				cluster.KeepControl()
				asked.Add(1)
				res := req.ResponseKind().(*kmsg.MetadataResponse)
				broker := kmsg.NewMetadataResponseBroker()
				broker.Host, broker.Port = "127.0.0.1", 1
				res.Brokers = append(res.Brokers, broker)
				topic, name := kmsg.NewMetadataResponseTopic(), "orders"
				topic.Topic = &name
				topic.Partitions = append(topic.Partitions, kmsg.NewMetadataResponseTopicPartition())
				res.Topics = append(res.Topics, topic)
				change(res)
				return res, nil, true
			})
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			tp := kafka.TopicPartition{Topic: "orders"}
			if _, err := c.Leader(ctx, tp); err == nil || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("leader: %v, want why there is none", err)
			}
			if n := asked.Load(); n > 20 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}
