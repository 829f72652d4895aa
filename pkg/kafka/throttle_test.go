package kafka_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// throttled starts a broker with a topic that answers a fetch as one that a quota
// binds: nothing, and for how long it takes no request.
func throttled(t *testing.T, times int, hold time.Duration) (*kafka.Client, map[kafka.TopicPartition]int64) {
	t.Helper()
	cluster := kafkatest.Cluster(t, kfake.SeedTopics(1, "orders"))
	cluster.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if times--; times < 0 {
			return nil, nil, false
		}
		res := req.ResponseKind().(*kmsg.FetchResponse)
		res.ThrottleMillis = int32(hold.Milliseconds())
		return res, nil, true
	})
	c, err := kafka.Open(t.Context(), kafka.Config{Bootstrap: []string{kafkatest.Bootstrap(cluster)}, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, map[kafka.TopicPartition]int64{{Topic: "orders"}: 0}
}

// What a quota makes a broker hold back comes later; that it takes longer than a
// request may is no failure, neither for who asked nor for who waits behind.
func TestFetchWaitsForAQuota(t *testing.T) {
	t.Parallel()
	const hold = 1500 * time.Millisecond
	c, from := throttled(t, 1, hold)
	began := time.Now()
	errs := make(chan error, 2)
	for range cap(errs) {
		go func() {
			got, err := c.Fetch(t.Context(), from, kafka.FetchOptions{MaxWait: time.Millisecond})
			if err == nil {
				err = got[0].Err
			}
			errs <- err
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if took := time.Since(began); took < hold {
		t.Errorf("both fetches took %v, want no request within %v", took, hold)
	}
}

// Neither a call nor the client waits for a broker that takes no request for long.
func TestQuotaHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	c, from := throttled(t, 1, time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := c.Fetch(ctx, from, kafka.FetchOptions{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("fetching: %v, want the context's error", err)
	}
	closed := make(chan error, 1)
	go func() { closed <- c.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Error("the client does not close")
	}
}
