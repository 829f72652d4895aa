package console

import (
	"bytes"
	"container/heap"
	"context"
	"slices"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// tail writes the last records of all partitions together, in time order.
//
// It is exact although timestamps may be out of order within a partition.
// First it reads backwards from the ends until it holds enough wanted records.
// The oldest of them sets a time that no record of the answer is before; the
// brokers tell where each partition's first record from that time on lies, and
// what lies between there and what was read is read too.
func tail(ctx context.Context, c *kafka.Client, s *sink, opts ConsumeOptions) error {
	opts.ExitAtEnd, opts.Order = true, ByPartition
	l, err := newLeaderSource(ctx, c, opts, s.in)
	if err != nil {
		return err
	}
	t := &tailer{sink: s, opts: opts, best: records{}}
	var spans []*span
	for _, cur := range l.cursors {
		if !cur.ended {
			spans = append(spans, &span{tp: cur.tp, start: cur.next, read: cur.end.Load(), cursor: cur})
		}
	}
	step := int64(opts.Tail/max(1, len(spans)) + 16)
	for t.best.Len() < opts.Tail && t.extend(spans, func(sp *span) int64 { return sp.read - step }) {
		if err := t.readSpans(ctx, l, spans); err != nil {
			return err
		}
		step *= 4
	}
	if t.best.Len() == opts.Tail && opts.Tail > 0 {
		if err := t.readLate(ctx, c, l, spans); err != nil {
			return err
		}
	}
	slices.SortFunc(t.best, func(a, b *kafka.Record) int {
		if earlier(a, b) {
			return -1
		}
		return 1
	})
	for _, r := range t.best {
		// The filter was asked already, and counts nothing twice.
		s.open.text = s.printer.Append(s.open.text, r)
		s.open.records++
		if len(s.open.text) >= bufferSize {
			if err := s.flush(ctx); err != nil {
				return err
			}
		}
	}
	return s.flushAll(ctx)
}

// span is what of a partition is read: from read to its end, and next to be
// read, from next to read.
type span struct {
	tp                kafka.TopicPartition
	start, next, read int64
	cursor            *cursor // holds the range's times
}

type tailer struct {
	sink *sink
	opts ConsumeOptions
	best records
}

// extend sets what is read next, and tells whether there is anything.
func (t *tailer) extend(spans []*span, from func(*span) int64) bool {
	more := false
	for _, sp := range spans {
		sp.next = min(sp.read, max(sp.start, from(sp)))
		more = more || sp.next < sp.read
	}
	return more
}

// readSpans reads every span's next part and keeps the best records.
func (t *tailer) readSpans(ctx context.Context, l *leaderSource, spans []*span) error {
	part := &leaderSource{client: l.client, opts: l.opts, out: l.out, topics: l.topics, missing: l.missing}
	for _, sp := range spans {
		if sp.next == sp.read {
			continue
		}
		c := &cursor{tp: sp.tp, next: sp.next, from: sp.next, since: sp.cursor.since, until: sp.cursor.until, room: &part.room}
		c.end.Store(sp.read)
		part.cursors = append(part.cursors, c)
		sp.read = sp.next
	}
	inner, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- part.run(inner) }()
	var failed error // of Decode
	take := func(c chunk) {
		if failed == nil {
			if failed = t.keep(ctx, c); failed != nil {
				stop()
			}
		}
	}
	for {
		select {
		case c := <-t.sink.in:
			take(c)
			c.release()
			continue
		case err := <-done:
			for len(t.sink.in) > 0 {
				take(<-t.sink.in)
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if failed != nil {
				return failed
			}
			return err
		}
	}
}

// readLate reads what may be later than the oldest record held although it
// lies before what was read.
func (t *tailer) readLate(ctx context.Context, c *kafka.Client, l *leaderSource, spans []*span) error {
	oldest := t.best[0].Timestamp
	first := map[kafka.TopicPartition]int64{}
	if ms := kafka.Milliseconds(oldest); ms >= 0 && len(spans) > 0 {
		at := map[kafka.TopicPartition]int64{}
		for _, sp := range spans {
			at[sp.tp] = ms
		}
		var err error
		if first, err = c.Offsets(ctx, at, t.opts.Isolation); err != nil {
			return err
		}
	}
	more := t.extend(spans, func(sp *span) int64 {
		if offset, ok := first[sp.tp]; ok && offset < 0 {
			return sp.read
		} else if ok {
			return offset
		}
		return sp.start // records without timestamps: look at all
	})
	if !more {
		return nil
	}
	return t.readSpans(ctx, l, spans)
}

// keep holds the wanted records of a chunk that are among the latest.
func (t *tailer) keep(ctx context.Context, c chunk) error {
	for i := range c.records {
		r := &c.records[i]
		t.sink.summary.Read++
		full := t.best.Len() == t.opts.Tail
		if full && earlier(r, t.best[0]) {
			continue
		}
		if t.opts.Decode != nil {
			if err := t.opts.Decode(ctx, r); err != nil {
				return err
			}
		}
		if !t.opts.Filter.Match(ctx, r) {
			continue
		}
		if full {
			heap.Pop(&t.best)
		}
		heap.Push(&t.best, cloneRecord(r))
	}
	return nil
}

// cloneRecord copies a record out of the answer it came in, which is much larger.
func cloneRecord(r *kafka.Record) *kafka.Record {
	c := *r
	c.Key, c.Value = bytes.Clone(r.Key), bytes.Clone(r.Value)
	c.Headers = slices.Clone(r.Headers)
	for i := range c.Headers {
		c.Headers[i].Value = bytes.Clone(c.Headers[i].Value)
	}
	return &c
}

// records is a heap with the earliest record first.
type records []*kafka.Record

func (h records) Len() int           { return len(h) }
func (h records) Less(i, j int) bool { return earlier(h[i], h[j]) }
func (h records) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *records) Push(x any)        { *h = append(*h, x.(*kafka.Record)) }
func (h *records) Pop() any {
	last := len(*h) - 1
	r := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return r
}
