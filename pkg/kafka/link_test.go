package kafka_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

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

// A caller whose context ends leaves the connection to the others who wait on it.
func TestCanceledCallLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t, kfake.SeedTopics(1, "orders"))
	c := kafkatest.Open(t, kafkatest.Bootstrap(cluster))
	answer := make(chan struct{})
	cluster.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		<-answer
		return nil, nil, false
	})
	var all sync.WaitGroup
	const patient = 4
	for range patient {
		all.Go(func() {
			if _, err := c.Metadata(t.Context(), []string{"orders"}); err != nil {
				t.Errorf("a call that waits: %v", err)
			}
		})
	}
	// A call that finds its connection broken is made once more, so it takes two.
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := c.Metadata(ctx, []string{"orders"})
			ended <- err
		}()
		kafkatest.Until(t, "all calls wait", func() bool { return kafka.CallersForTest(c) == patient+1 })
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the call that is canceled: %v", err)
		}
	}
	close(answer)
	all.Wait()
}

// A call may begin while the client closes.
func TestCloseDuringCalls(t *testing.T) {
	t.Parallel()
	bootstrap := kafkatest.Start(t, kfake.SeedTopics(1, "orders"))
	for range 20 {
		c := kafkatest.Open(t, bootstrap)
		var all sync.WaitGroup
		begun := make(chan struct{}, 8)
		for range cap(begun) {
			all.Go(func() {
				for {
					_, err := c.Metadata(t.Context(), nil)
					select {
					case begun <- struct{}{}:
					default:
					}
					if err == nil {
						continue
					}
					if !errors.Is(err, context.Canceled) {
						t.Errorf("on a client that closes: %v", err)
					}
					return
				}
			})
		}
		<-begun
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		all.Wait()
	}
}
