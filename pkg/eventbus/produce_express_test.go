package eventbus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
)

// A lone caller sends from its own goroutine; what goes wrong there is cured as
// everywhere: each event is written once and in order.
func TestProduceByALoneCaller(t *testing.T) {
	t.Parallel()
	fault := func(err *kerr.Error) func(*kfake.Cluster) func() {
		return func(c *kfake.Cluster) func() {
			c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: err, Count: 1})
			return func() {}
		}
	}
	for name, test := range map[string]struct {
		arrange func(*kfake.Cluster) (release func())
		want    error // of the event that meets it
		lost    bool  // it is not written
	}{
		"connection breaks": {arrange: func(c *kfake.Cluster) func() {
			c.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
				return nil, errors.New("the connection breaks"), true
			})
			return func() {}
		}},
		"leader moved": {arrange: fault(kerr.NotLeaderForPartition)},
		"refused":      {arrange: fault(kerr.MessageTooLarge), want: eventbus.ErrTooLarge, lost: true},
		"answer held back": {arrange: func(c *kfake.Cluster) func() {
			held := make(chan struct{})
			c.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
				c.SleepControl(func() { <-held })
				return nil, nil, false
			})
			return func() { close(held) }
		}, want: eventbus.ErrUncertain},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster, bus := producing(t, eventbus.Options{})
			var want []string
			n := 0
			produce := func(ctx context.Context, failure error, lost bool) {
				t.Helper()
				e := activated(t, "a")
				e.ID = fmt.Sprintf("event-%d", n)
				n++
				if !lost {
					want = append(want, e.ID)
				}
				if err := bus.Produce(ctx, tenantTopic, e); !errors.Is(err, failure) {
					t.Fatalf("%s: %v, want %v", e.ID, err, failure)
				}
			}
			for range 3 { // from the second on the partition is known
				produce(t.Context(), nil, false)
			}
			release := test.arrange(cluster)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if errors.Is(test.want, eventbus.ErrUncertain) {
				time.AfterFunc(50*time.Millisecond, cancel)
			}
			produce(ctx, test.want, test.lost)
			release()
			for range 3 {
				produce(t.Context(), nil, false)
			}
			var got []string
			for _, r := range written(t, cluster) {
				got = append(got, kafkatest.Header(r, "event-id"))
			}
			if !slices.Equal(got, want) {
				t.Errorf("written %v, want %v", got, want)
			}
		})
	}
}
