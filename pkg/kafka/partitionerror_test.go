package kafka_test

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// What fails for some partitions is told by partition, and the others have their answer.
func TestPartitionErrors(t *testing.T) {
	t.Parallel()
	c := kafkatest.Open(t, kafkatest.Start(t, kfake.SeedTopics(2, "orders")))
	there, gone, nowhere := kafka.TopicPartition{Topic: "orders"}, kafka.TopicPartition{Topic: "orders", Partition: 9}, kafka.TopicPartition{Topic: "nothing"}
	got, err := c.Offsets(t.Context(), map[kafka.TopicPartition]int64{there: kafka.Latest, gone: kafka.Latest, nowhere: kafka.Latest}, kafka.ReadUncommitted)
	found := kafka.PartitionErrors(err)
	if len(found) != 2 || !errors.Is(found[gone], kafka.ErrUnknownTopic) || !errors.Is(found[nowhere], kafka.ErrUnknownTopic) || !errors.Is(err, kafka.ErrUnknownTopic) {
		t.Errorf("%v: by partition %v", err, found)
	}
	if end, ok := got[there]; !ok || end != 0 {
		t.Errorf("the others: %v", got)
	}
	if want := "nothing/0, orders/9: " + kafka.ErrUnknownTopic.Error(); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
