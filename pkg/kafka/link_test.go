package kafka_test

import (
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Calls that are the first to need a connection share it: none may take it for
// connected before it is, nor close it for the others.
func TestFirstCallsAtOnceShareAConnection(t *testing.T) {
	bootstrap := kafkatest.Start(t, kfake.SeedTopics(1, "orders"))
	for range 60 {
		c := kafkatest.Open(t, bootstrap)
		var all sync.WaitGroup
		for range 32 {
			all.Go(func() {
				got, err := c.Fetch(t.Context(), map[kafka.TopicPartition]int64{{Topic: "orders"}: 0}, kafka.FetchOptions{MaxWait: time.Millisecond})
				if err == nil {
					err = got[0].Err
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if t.Failed() {
			return
		}
	}
}
