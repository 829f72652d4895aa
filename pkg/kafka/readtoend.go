package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

// ReadToEnd reads the partitions of from, each from its offset to the end it
// has now: the last stable offset when reading committed, else the high
// watermark. A partition ends as soon as a fetch starts at or past its end,
// also where compaction, control records or aborted transactions leave nothing
// to return; no timeout is involved.
//
// handle is called from this goroutine for every answer that holds records,
// in order within a partition, and with Err nil; its error ends the reading.
// Nothing is handed on that lies at or past the end, or before the offset.
//
// Leaders that move and connections that break are retried for as long as the
// client's timeout without progress. What cannot be read is an error that names
// partition and offset, such as one that wraps the [*BrokerError]
// OFFSET_OUT_OF_RANGE where records were deleted meanwhile; the other
// partitions are read to their end first.
func (c *Client) ReadToEnd(ctx context.Context, from map[TopicPartition]int64, opts FetchOptions, handle func(Fetched) error) error {
	if opts.MaxWait <= 0 {
		// What is asked for is there already; the wait only bounds an answer
		// that an empty batch leaves nothing to fill with.
		opts.MaxWait = 100 * time.Millisecond
	}
	at := make(map[TopicPartition]int64, len(from))
	for tp := range from {
		at[tp] = Latest
	}
	ends, err := c.Offsets(ctx, at, opts.Isolation)
	if err != nil {
		return err
	}
	r := reading{client: c, opts: opts, handle: handle}
	return r.run(ctx, from, ends)
}

// run reads each partition from its offset to its end.
func (r *reading) run(ctx context.Context, from, ends map[TopicPartition]int64) error {
	r.open, r.failed, r.started = map[TopicPartition]*partReading{}, map[TopicPartition]error{}, time.Now()
	for tp, offset := range from {
		if offset < ends[tp] {
			r.open[tp] = &partReading{next: offset, end: ends[tp]}
		}
	}
	wait := backoff{}
	for len(r.open) > 0 {
		retry, err := r.round(ctx)
		if err != nil {
			return err
		}
		if !retry {
			wait = backoff{}
			continue
		}
		if err := wait.sleep(ctx); err != nil {
			return err
		}
	}
	return joinFailures(r.failed)
}

// reading is one ReadToEnd.
type reading struct {
	client *Client
	opts   FetchOptions
	handle func(Fetched) error
	open   map[TopicPartition]*partReading
	failed map[TopicPartition]error

	// patience is how long open transactions may hold the end back; 0: the
	// ends are such that none can.
	patience time.Duration
	started  time.Time
	handling time.Duration // spent in handle
	asked    time.Duration // by the clock, when the round began
}

// clock is how long the reading takes, without what is done with the records.
func (r *reading) clock() time.Duration { return time.Since(r.started) - r.handling }

type partReading struct {
	next, end int64
	vain      time.Duration // by the clock, when it was first asked in vain since it last came on; 0 never
	idle      bool          // its last answer held nothing
}

// givenUp tells whether a partition that was asked in vain has been for longer
// than the client's timeout.
func (r *reading) givenUp(p *partReading) bool {
	if p.vain == 0 {
		p.vain = max(1, r.asked)
	}
	return r.clock()-p.vain >= r.client.cfg.Timeout
}

// round fetches once from every open partition. A partition whose last answer
// held nothing is fetched alone: among others it may only have had no room.
// retry tells that something has to be waited for.
func (r *reading) round(ctx context.Context) (retry bool, err error) {
	from := map[TopicPartition]int64{}
	for tp, p := range r.open {
		if p.idle {
			from = map[TopicPartition]int64{tp: p.next}
			break
		}
		from[tp] = p.next
	}
	alone := len(from) == 1
	r.asked = r.clock()
	got, err := r.client.Fetch(ctx, from, r.opts)
	if err != nil {
		return false, err
	}
	for i := range got {
		again, err := r.take(&got[i], alone)
		if err != nil {
			return false, err
		}
		retry = retry || again
	}
	return retry, nil
}

// take deals with what one partition answered.
func (r *reading) take(f *Fetched, alone bool) (retry bool, err error) {
	tp := f.TopicPartition
	p := r.open[tp]
	if f.Err != nil {
		if isRetriable(f.Err) && !errors.Is(f.Err, ErrUnknownTopic) && !r.givenUp(p) {
			return true, nil
		}
		r.give(tp, fmt.Errorf("offset %d: %w%s", p.next, f.Err, outOfRange(f)))
		return false, nil
	}
	for i := range f.Records {
		if f.Records[i].Offset >= p.end {
			f.Records = f.Records[:i]
			break
		}
	}
	if len(f.Records) > 0 {
		began := time.Now()
		if err := r.handle(*f); err != nil {
			return false, err
		}
		r.handling += time.Since(began)
	}
	stable := f.LastStable
	if r.opts.Isolation == ReadUncommitted {
		stable = f.HighWatermark
	}
	switch {
	case f.Next >= p.end:
		delete(r.open, tp)
	case f.Next > p.next:
		p.next, p.vain, p.idle = f.Next, 0, false
	case stable >= p.end && alone:
		// The log reaches past the end and holds nothing more before it.
		delete(r.open, tp)
	case stable >= p.end:
		p.idle = true
	case r.patience > 0 && f.HighWatermark >= p.end:
		// A transaction that is open holds the rest back. The broker has
		// waited for its end already, as long as a fetch may.
		if time.Since(r.started) > r.patience {
			r.give(tp, &OpenTransactionError{TopicPartition: tp, Stable: f.LastStable, End: p.end})
		}
	case r.givenUp(p):
		r.give(tp, fmt.Errorf("offset %d: partition now ends at %d, before the %d it had", p.next, stable, p.end))
	default:
		return true, nil // a new leader has not caught up yet
	}
	return false, nil
}

func (r *reading) give(tp TopicPartition, err error) {
	r.failed[tp] = err
	delete(r.open, tp)
}

// outOfRange adds what the log has to an offset that it has not.
func outOfRange(f *Fetched) string {
	if !isCode(f.Err, sarama.ErrOffsetOutOfRange) || f.LogStart < 0 || f.HighWatermark < 0 {
		return ""
	}
	return fmt.Sprintf(" (it holds %d to %d)", f.LogStart, f.HighWatermark)
}
