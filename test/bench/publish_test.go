//go:build unix

package bench_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
	"github.com/multi-tenant/manage-kafka/test/tier"
)

// publishSlice is how many events one call sends.
const publishSlice = 1000

// A call of ProduceBatch against one of watermill's Publish with as many messages
// of the same size.
func TestPublishSpeed(t *testing.T) {
	b := &bench{t: t, conn: realkafka.Shared(t).Conn(realkafka.Plaintext), pairs: 3}
	scale := int64(1)
	if tier.IsLong() {
		b.pairs, scale = 5, 5
	}
	topic := realkafka.Name(t)
	peers.CreateTopic(t, b.conn, topic, 6, 1)
	list, err := publishEvents()
	if err != nil {
		t.Fatal(err)
	}
	bytes := time.Duration(len(list[0].Encode())) * time.Microsecond
	r := b.against("watermill", self("publish"), watermillProgram(t),
		job{topic: topic, group: "publish", count: 40 * publishSlice * scale, takes: bytes},
		job{topic: topic, group: "publish", count: 2 * publishSlice * scale, takes: bytes})
	b.hold("events/s of ProduceBatch to watermill's Publish", r.rate, 30)
	b.hold("CPU of watermill's Publish to ProduceBatch's", 1/r.cpu, 1)
}

func publishEvents() ([]events.Event, error) {
	list := make([]events.Event, publishSlice)
	for i := range list {
		var err error
		list[i], err = events.New("tenant.activated", "tenant-service",
			map[string]any{"id": fmt.Sprintf("tenant-%d", i%100), "activatedAt": "2026-11-25T09:00:00Z"}, events.Options{})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// publishBus sends events in slices; the first one is not counted.
func publishBus(ctx context.Context, j job) error {
	bus, err := eventbus.Connect(ctx, "bench-service", eventbus.Options{Brokers: j.brokers, Produce: eventbus.ProduceOptions{AllowAnyTopic: true}})
	if err != nil {
		return err
	}
	list, err := publishEvents()
	if err != nil {
		return err
	}
	if err := bus.ProduceBatch(ctx, j.topic, list...); err != nil {
		return err
	}
	began, used := time.Now(), cpu()
	for range j.count / publishSlice {
		if err := bus.ProduceBatch(ctx, j.topic, list...); err != nil {
			return err
		}
	}
	r := result{Records: j.count, Wall: time.Since(began), CPU: cpu() - used}
	if err := bus.Close(ctx); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}
