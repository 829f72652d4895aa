package dlq

import (
	"context"
	"sync"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Oldest is the pending letter of a queue that has stood there longest, and so
// the one that is deleted first.
type Oldest struct {
	Partition int32     `json:"partition"`
	Offset    int64     `json:"offset"`
	Timestamp time.Time `json:"timestamp"`
	// Expires is when the broker may delete it by age, zero for never or
	// unknown. It may do so earlier by size.
	Expires time.Time `json:"expires,omitzero"`
}

// How much is read to tell what is pending: a queue with fewer letters is
// counted letter by letter, because markers of transactions and offsets that
// compaction took are no letters.
const (
	mostCounted  = 500
	mostRead     = 4 << 20
	oldestAtOnce = 8
)

// pendingIn is what the pending letters of one partition are.
type pendingIn struct {
	count  int64
	exact  bool
	oldest *Oldest
	err    error
}

// lookPartition finds the first pending letter of a partition and, where few
// offsets are pending, how many letters that are.
func lookPartition(ctx context.Context, c *kafka.Client, topic string, s stretch, done *Resolved) pendingIn {
	found := pendingIn{count: s.end - s.start - done.Count(s.partition, s.start, s.end)}
	next := done.NextPending(s.partition, s.start)
	if found.count == 0 || next >= s.end {
		found.count, found.exact = 0, true
		return found
	}
	tp := kafka.TopicPartition{Topic: topic, Partition: s.partition}
	few, letters, size := found.count <= mostCounted, int64(0), 0
	// Alone in its request a partition gives its first batch whatever its size.
	opts := kafka.FetchOptions{MaxPartition: 1, MaxBytes: 1, MaxWait: 100 * time.Millisecond}
	if few {
		opts.MaxPartition, opts.MaxBytes = 1<<20, 1<<20
	}
	for next < s.end && (few || found.oldest == nil) && size < mostRead {
		got, err := c.Fetch(ctx, map[kafka.TopicPartition]int64{tp: next}, opts)
		if err == nil && len(got) > 0 {
			err = got[0].Err
		}
		if err != nil || len(got) == 0 || got[0].Next <= next {
			found.err = err
			return found
		}
		for i := range got[0].Records {
			r := &got[0].Records[i]
			size += len(r.Key) + len(r.Value)
			if r.Offset >= s.end || done.Has(s.partition, r.Offset) {
				continue
			}
			letters++
			if found.oldest == nil || r.Timestamp.Before(found.oldest.Timestamp) {
				found.oldest = &Oldest{Partition: s.partition, Offset: r.Offset, Timestamp: r.Timestamp.UTC()}
			}
		}
		next = done.NextPending(s.partition, got[0].Next)
		opts.MaxPartition, opts.MaxBytes = 1<<20, 1<<20 // past a gap there may be a long one
	}
	if next >= s.end && few || found.oldest == nil && next >= s.end {
		found.count, found.exact = letters, true
	}
	return found
}

// look does lookPartition for every partition of a queue.
func look(ctx context.Context, c *kafka.Client, topic string, parts []stretch, done *Resolved, slots chan struct{}) []pendingIn {
	all := make([]pendingIn, len(parts))
	var wg sync.WaitGroup
	for i, s := range parts {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			all[i] = lookPartition(ctx, c, topic, s, done)
		})
	}
	wg.Wait()
	return all
}
