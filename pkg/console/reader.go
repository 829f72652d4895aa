package console

import (
	"context"
	"fmt"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// tell makes every partition known to a merger, which waits for all of them.
func (l *leaderSource) tell(ctx context.Context) error {
	for _, c := range l.cursors {
		if c.told || l.opts.Order != ByTime {
			continue
		}
		c.queued.Add(1)
		select {
		case l.out <- chunk{tp: c.tp, ended: c.ended, cursor: c}:
			c.told = true
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// fetchOptions bound an answer so that memory stays flat: it holds up to three
// of them for each broker.
func (l *leaderSource) fetchOptions() kafka.FetchOptions {
	opts := kafka.FetchOptions{Isolation: l.opts.Isolation, MaxWait: 500 * time.Millisecond, MaxPartition: 1 << 20, MaxBytes: 4 << 20}
	if !l.follow {
		opts.MaxWait = 100 * time.Millisecond
	}
	if l.opts.maxWait > 0 {
		opts.MaxWait = l.opts.maxWait
	}
	if l.opts.Order == ByTime {
		opts.MaxPartition = int32(min(1<<20, max(16<<10, 16<<20/max(1, len(l.cursors)))))
	}
	return opts
}

// read fetches the given partitions of one leader until they ended or are in trouble.
func (l *leaderSource) read(ctx context.Context, cursors []*cursor, opts kafka.FetchOptions) []trouble {
	index := map[kafka.TopicPartition]*cursor{}
	for _, c := range cursors {
		index[c.tp] = c
	}
	for {
		room := l.room.wait()
		from, open := l.wanted(cursors)
		if !open {
			return nil
		}
		if len(from) == 0 {
			select {
			case <-room:
				continue
			case <-ctx.Done():
				return nil
			}
		}
		got, err := l.client.Fetch(ctx, from, opts)
		if err != nil {
			return []trouble{{cursors[0], err}}
		}
		nothing := true
		for _, f := range got {
			nothing = nothing && f.Err == nil && f.Next == from[f.TopicPartition]
		}
		var troubles []trouble
		for i := range got {
			c := index[got[i].TopicPartition]
			if err := l.deliver(ctx, c, &got[i], nothing); err != nil {
				troubles = append(troubles, trouble{c, err})
			}
		}
		if len(troubles) > 0 {
			return troubles
		}
	}
}

// wanted lists where to fetch next, of partitions that may be fetched now;
// open is false when all have ended.
func (l *leaderSource) wanted(cursors []*cursor) (from map[kafka.TopicPartition]int64, open bool) {
	from = make(map[kafka.TopicPartition]int64, len(cursors))
	for _, c := range cursors {
		if c.ended {
			continue
		}
		open = true
		if c.queued.Load() < 2 {
			from[c.tp] = c.next
		}
	}
	return from, open
}

// deliver sends on what a partition answered. nothing tells that no partition
// of the same answer had anything.
func (l *leaderSource) deliver(ctx context.Context, c *cursor, f *kafka.Fetched, nothing bool) error {
	if f.Err != nil {
		return fmt.Errorf("%s: %w", c.tp, f.Err)
	}
	if !c.lost.IsZero() {
		c.lost = time.Time{}
		l.opts.Notice(fmt.Sprintf("%s: reading again", c.tp))
	}
	stable := f.LastStable
	if l.opts.Isolation == kafka.ReadUncommitted || stable < 0 {
		stable = f.HighWatermark
	}
	end := c.end.Load()
	records, reached := c.trim(f.Records, end)
	ended := reached || f.Next >= end
	// Compaction and removed transaction markers leave offsets below the end
	// that no record will ever have. An empty part of an answer says that only
	// when no other partition used the room up, and the log reaches that far.
	if nothing && end != noEnd && stable >= end {
		ended = true
	}
	caughtUp := f.Next >= stable
	passed := l.opts.Group != nil && f.Next > c.next
	if len(records) > 0 || ended || passed || l.opts.Order == ByTime && caughtUp != c.caughtUp {
		out := chunk{tp: c.tp, records: records, ended: ended, caughtUp: caughtUp, cursor: c}
		if !reached {
			out.next = f.Next
		}
		c.queued.Add(1)
		select {
		case l.out <- out:
		case <-ctx.Done():
			c.queued.Add(-1)
			return ctx.Err()
		}
	}
	c.next, c.ended, c.caughtUp = f.Next, ended, caughtUp
	return nil
}
