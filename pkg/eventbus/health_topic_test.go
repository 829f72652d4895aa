package eventbus

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

// TestHealthWithoutTopic: a subscription whose topic was deleted can do nothing, and
// Health said that all was well.
func TestHealthWithoutTopic(t *testing.T) {
	t.Parallel()
	b := connect(t, 1, "orders", "orders.dlq")
	b.lookEvery = 100 * time.Millisecond
	var got numbers
	if _, err := b.SubscribeRecords(t.Context(), "orders", got.handle, Subscription{Group: "svc-x-consumer"}); err != nil {
		t.Fatal(err)
	}
	awaitPartition(t, b)
	if h := b.Health(t.Context()); h.Status != StatusUp {
		t.Errorf("at first: %+v", h)
	}
	admin := clusterAdmin(t, b)
	if err := admin.DeleteTopic("orders"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "health says what is missing", func() error {
		h := b.Health(t.Context())
		if h.Status != StatusDown || !strings.Contains(h.Error, "group svc-x-consumer, topic orders: cannot join: orders: ") {
			return fmt.Errorf("%+v", h)
		}
		return nil
	})
	if err := admin.CreateTopic("orders", &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, false); err != nil {
		t.Fatal(err)
	}
	b.forget("orders")
	putNumbers(t, b, "orders", "", 0, 10, 0)
	eventually(t, "it goes on", func() error {
		h := b.Health(t.Context())
		if h.Status != StatusUp {
			return fmt.Errorf("%+v", h)
		}
		return got.has("", 0, 10)
	})
}
