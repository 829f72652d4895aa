package groups

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// bounds are where partitions end and, where that is later than a commit, start.
type bounds struct {
	end  map[kafka.TopicPartition]int64
	gone map[kafka.TopicPartition]bool // partitions of topics that were deleted
	errs map[kafka.TopicPartition]error
}

// lag is how many records lie between a commit and the end. A partition that
// is gone has none.
func (b bounds) lag(tp kafka.TopicPartition, commit int64) (int64, error) {
	if b.gone[tp] {
		return 0, nil
	}
	end, ok := b.end[tp]
	if !ok {
		if err := b.errs[tp]; err != nil {
			return 0, fmt.Errorf("%s: %w", tp, err)
		}
		return 0, fmt.Errorf("%s: its end is unknown", tp)
	}
	return max(0, end-commit), nil
}

// ends finds the high watermarks of the union of the groups' partitions, with
// one Metadata request and one ListOffsets to every leader.
func (g *Groups) ends(ctx context.Context, commits map[string]map[kafka.TopicPartition]int64) (bounds, error) {
	b := bounds{gone: map[kafka.TopicPartition]bool{}}
	at := map[kafka.TopicPartition]int64{}
	topics := map[string]bool{}
	for _, group := range commits {
		for tp := range group {
			at[tp] = kafka.Latest
			topics[tp.Topic] = true
		}
	}
	if len(at) == 0 {
		return b, nil
	}
	names := make([]string, 0, len(topics))
	for name := range topics {
		names = append(names, name)
	}
	meta, err := g.client.Metadata(ctx, names)
	if err != nil {
		return b, err
	}
	known := map[kafka.TopicPartition]bool{}
	for _, t := range meta.Topics {
		for _, p := range t.Partitions {
			known[kafka.TopicPartition{Topic: t.Name, Partition: p.ID}] = true
		}
		if t.Err != nil && !errors.Is(t.Err, kafka.ErrUnknownTopic) {
			for tp := range at {
				known[tp] = known[tp] || tp.Topic == t.Name
			}
		}
	}
	for tp := range at {
		if !known[tp] {
			b.gone[tp] = true
			delete(at, tp)
		}
	}
	b.end, err = g.client.OffsetsIn(ctx, meta, at, kafka.ReadUncommitted)
	if ctx.Err() != nil {
		return b, ctx.Err()
	}
	b.errs = kafka.PartitionErrors(err)
	return b, nil
}

// behind finds, for each partition with a lag, how long ago the first record
// that is not committed yet was written: what "seconds behind" means to one who
// waits for it. A partition whose record cannot be read is missing.
func (g *Groups) behind(ctx context.Context, from map[kafka.TopicPartition]int64, now time.Time) map[kafka.TopicPartition]time.Duration {
	const atOnce = 8
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		slots = make(chan struct{}, atOnce)
		found = map[kafka.TopicPartition]time.Duration{}
	)
	for tp, offset := range from {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			// A partition alone in its request gets its first batch whatever
			// its size, and no more than that.
			got, err := g.client.Fetch(ctx, map[kafka.TopicPartition]int64{tp: offset}, kafka.FetchOptions{
				Isolation: kafka.ReadUncommitted, MaxWait: 100 * time.Millisecond, MaxPartition: 1, MaxBytes: 1,
			})
			if err != nil || len(got) == 0 || len(got[0].Records) == 0 {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			found[tp] = max(0, now.Sub(got[0].Records[0].Timestamp))
		})
	}
	wg.Wait()
	return found
}

func comparePartitions(a, b kafka.TopicPartition) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
}

func sorted(set map[kafka.TopicPartition]bool) []kafka.TopicPartition {
	list := make([]kafka.TopicPartition, 0, len(set))
	for tp := range set {
		list = append(list, tp)
	}
	slices.SortFunc(list, comparePartitions)
	return list
}
