package console

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// noEnd is the end of a partition that is followed for ever.
const noEnd = int64(1<<63 - 1)

// cursor is how far a partition is read.
type cursor struct {
	tp    kafka.TopicPartition
	next  int64        // the offset to fetch from
	from  int64        // records below are not wanted
	end   atomic.Int64 // nor are those from here on
	since time.Time    // nor earlier ones, unless zero
	until time.Time    // the first record from then on ends the partition, unless zero

	ended    bool
	caughtUp bool
	lost     time.Time    // since when it cannot be read, zero if it can
	told     bool         // a merger knows of it
	queued   atomic.Int32 // chunks on their way to the sink
	room     *signal      // told when that gets less
}

// trim leaves the records that lie in the cursor's range; reached tells that
// one after the range was seen.
func (c *cursor) trim(records []kafka.Record, end int64) (in []kafka.Record, reached bool) {
	first := 0
	for first < len(records) && records[first].Offset < c.from {
		first++
	}
	records = records[first:]
	for i := range records {
		if records[i].Offset >= end || !c.until.IsZero() && !records[i].Timestamp.Before(c.until) {
			records, reached = records[:i], true
			break
		}
	}
	if c.since.IsZero() {
		return records, reached
	}
	kept := records[:0]
	for _, r := range records {
		if !r.Timestamp.Before(c.since) {
			kept = append(kept, r)
		}
	}
	return kept, reached
}

// signal wakes every goroutine that waits.
type signal struct {
	mu sync.Mutex
	ch chan struct{}
}

// wait returns a channel that the next notify closes.
func (s *signal) wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

func (s *signal) notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}
