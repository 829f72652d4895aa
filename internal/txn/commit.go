package txn

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Write is one transaction.
type Write struct {
	// Records are sent to the partitions that they name, in this order within
	// each. A zero Timestamp is now. They must not change during Commit.
	Records []kafka.Record
	// Offsets, when not nil, are committed with the records.
	Offsets *Offsets
	// Before, when set, is called when everything was acknowledged and only the
	// commit is left. Its error aborts the transaction and is what Commit returns.
	Before func(ctx context.Context) error
}

// Commit writes one transaction and returns the offset of each record, -1
// where the broker did not tell. On nil everything of it is committed.
//
// A [*LostError] ends this Producer. After any other error the transaction was
// aborted, the broker has confirmed that, and the Producer goes on: a
// [*RejectedError] names a record, [ErrOffsetsRefused] is about the offsets,
// [kafka.ErrNotPermitted] and [kafka.ErrUnknownTopic] name what is missing. When
// ctx ends, answers under way are waited for up to a second, so that the
// transaction can be aborted; the error then is ctx's, or a LostError with it.
func (p *Producer) Commit(ctx context.Context, w Write) ([]int64, error) {
	if err := p.over(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if len(w.Records) == 0 && w.Offsets == nil {
		return nil, p.before(ctx, w)
	}
	hard, stop := p.interruptible(ctx)
	defer stop()
	offsets, err := p.write(ctx, hard, w)
	if err == nil {
		err = p.before(ctx, w)
	}
	if err == nil {
		// From here on a canceled context does not keep the commit from being
		// confirmed: what was sent cannot be taken back.
		err = p.end(ctx, hard, true)
		if err == nil {
			return offsets, nil
		}
	}
	return nil, p.settle(ctx, hard, err)
}

func (p *Producer) before(ctx context.Context, w Write) error {
	if w.Before == nil {
		return nil
	}
	return w.Before(ctx)
}

// settle aborts what an error left open, unless the Producer is lost.
func (p *Producer) settle(ctx, hard context.Context, err error) error {
	if lost := p.over(); lost != nil {
		return lost
	}
	for tp, s := range p.parts {
		if s.unsure {
			return p.lose(&LostError{Err: fmt.Errorf("%s: a batch may have been written: %w", tp, err)})
		}
	}
	if p.began {
		// The caller may be gone already; the abort still goes out.
		if lost := p.end(hard, hard, false); lost != nil {
			if over := p.over(); over != nil {
				return over
			}
			return p.lose(&LostError{Err: lost})
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// write opens the transaction and sends everything into it.
func (p *Producer) write(ctx, hard context.Context, w Write) ([]int64, error) {
	s, err := p.newSending(ctx, hard, w.Records)
	if err != nil {
		return nil, err
	}
	if len(w.Records) > 0 {
		if err := p.enlist(ctx, hard, s.byTopic()); err != nil {
			return nil, s.explain(err)
		}
	}
	committed := make(chan error, 1)
	if w.Offsets != nil {
		go func() { committed <- p.commitOffsets(ctx, hard, w.Offsets) }()
	} else {
		committed <- nil
	}
	err = s.run()
	return s.offsets, errors.Join(err, <-committed)
}

// byTopic lists the partitions to write to.
func (s *sending) byTopic() map[string][]int32 {
	parts := map[string][]int32{}
	for _, tp := range slices.SortedFunc(maps.Keys(s.queues), comparePartitions) {
		parts[tp.Topic] = append(parts[tp.Topic], tp.Partition)
	}
	return parts
}

// explain names what a refused request was about.
func (s *sending) explain(err error) error {
	var no *refused
	if !errors.As(err, &no) {
		return err
	}
	if errors.Is(no.err, kafka.ErrNotPermitted) {
		return fmt.Errorf("writing to %v in transactional id %s: %w", slices.Sorted(maps.Keys(s.byTopic())), s.p.opts.ID, no.err)
	}
	return no
}

func nowMillis() int64 { return time.Now().UnixMilli() }
