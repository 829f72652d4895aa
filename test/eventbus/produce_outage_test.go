package eventbus_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// A broker is killed under many producers, comes back, and another one stops: every
// event is written once and in the order of its key.
func TestProduceOutlivesABroker(t *testing.T) {
	cluster := realkafka.Start(t, realkafka.Options{Brokers: 3})
	conn := cluster.Conn(realkafka.Plaintext)
	topic := realkafka.Name(t)
	peers.CreateTopic(t, conn, topic, 6, 3, "min.insync.replicas=2")
	bus := service(t, "outage-service", conn.Bootstrap, func(o *eventbus.Options) {
		o.Produce = eventbus.ProduceOptions{AllowAnyTopic: true, Timeout: 3 * time.Minute}
	})
	const callers, size = 12, 20
	var stop atomic.Bool
	var acknowledged atomic.Int64
	var working sync.WaitGroup
	sent := make([]int, callers)
	for c := range callers {
		working.Go(func() {
			for !stop.Load() {
				list := make([]events.Event, size)
				for i := range list {
					list[i] = tenantCreated(t, fmt.Sprintf("%d-%08d", c, sent[c]+i), fmt.Sprintf("tenant-%d", c))
				}
				if err := bus.ProduceBatch(t.Context(), topic, list...); err != nil {
					t.Error(err)
					return
				}
				sent[c] += size
				acknowledged.Add(size)
			}
		})
	}
	more := func(what string) {
		t.Helper()
		before, began := acknowledged.Load(), time.Now()
		waitFor(t, "events "+what, func() bool { return acknowledged.Load() > before+20*callers*size || t.Failed() })
		t.Logf("%s: %d events in %v", what, acknowledged.Load()-before, time.Since(began).Round(time.Millisecond))
	}
	more("before")
	cluster.Kill(0)
	more("without broker 0")
	cluster.Start(0)
	more("with broker 0 again")
	cluster.Stop(1)
	more("without broker 1")
	stop.Store(true)
	working.Wait()
	cluster.Start(1)

	next := make([]int, callers)
	for _, r := range peers.Dump(t, conn, topic, peers.Committed) {
		e, err := events.Parse(r.Value)
		if err != nil {
			t.Fatal(err)
		}
		var caller, n int
		if _, err := fmt.Sscanf(strings.ReplaceAll(e.ID, "-", " "), "%d %d", &caller, &n); err != nil {
			t.Fatal(err)
		}
		if n != next[caller] {
			t.Fatalf("caller %d: event %d where %d is due", caller, n, next[caller])
		}
		next[caller]++
	}
	t.Logf("%d events acknowledged", acknowledged.Load())
	for c := range callers {
		if next[c] != sent[c] {
			t.Errorf("caller %d: %d events written, %d acknowledged", c, next[c], sent[c])
		}
	}
}
