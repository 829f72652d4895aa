package eventbus

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// sizesFor is how long partition counts are believed, by those who produce and, in two
// looks, by groups.
const sizesFor = time.Minute

// topicSizes remembers how many partitions topics have.
type topicSizes struct {
	mu    sync.Mutex
	known map[string]topicSize
}

type topicSize struct {
	partitions int32
	asked      time.Time
}

// partitions tells how many partitions a topic has. It reports
// kafka.ErrUnknownTopic for one that does not exist.
func (b *Bus) partitions(ctx context.Context, topic string) (int32, error) {
	b.topics.mu.Lock()
	known, ok := b.topics.known[topic]
	b.topics.mu.Unlock()
	if ok && time.Since(known.asked) < sizesFor {
		return known.partitions, nil
	}
	meta, err := b.client.Metadata(ctx, []string{topic})
	if err != nil {
		return 0, err
	}
	for _, t := range meta.Topics {
		if t.Name != topic {
			continue
		}
		if t.Err != nil {
			return 0, fmt.Errorf("%s: %w", topic, t.Err)
		}
		n := int32(len(t.Partitions))
		b.topics.mu.Lock()
		defer b.topics.mu.Unlock()
		if b.topics.known == nil {
			b.topics.known = map[string]topicSize{}
		}
		b.topics.known[topic] = topicSize{n, time.Now()}
		return n, nil
	}
	return 0, fmt.Errorf("%s: %w", topic, kafka.ErrUnknownTopic)
}

// forget drops what is known of a topic, after an error that it may explain.
func (b *Bus) forget(topic string) {
	b.topics.mu.Lock()
	defer b.topics.mu.Unlock()
	delete(b.topics.known, topic)
}
