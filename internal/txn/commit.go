package txn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/IBM/sarama"

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
// [*RejectedError] names a record and a [*TopicError] a topic, a [*HeldError] is
// about a quota, [ErrOffsetsRefused]
// is about the offsets, [kafka.ErrNotPermitted] and [kafka.ErrUnknownTopic] name
// what is missing. When ctx ends, answers under way are waited for up to a
// second, so that the transaction can be aborted; the error then is ctx's, or a
// LostError with it.
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
	if err := p.rest(ctx); err != nil {
		return nil, err
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
		err = p.end(hard, hard, true)
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
	offsets := make([]int64, len(w.Records))
	waves := p.waves(w.Records)
	for i, part := range waves {
		s, err := p.newSending(ctx, hard, w.Records, part, offsets)
		if err == nil {
			err = s.explain(p.enlist(ctx, hard, s.byTopic()))
		}
		if err != nil {
			return nil, err
		}
		if i < len(waves)-1 || w.Offsets == nil {
			if err := s.run(); err != nil {
				return nil, err
			}
			continue
		}
		// The offsets go beside the records: once the transaction is open,
		// neither waits for the other.
		committed := make(chan error, 1)
		go func() { committed <- p.commitOffsets(ctx, hard, w.Offsets) }()
		err = s.run()
		return offsets, errors.Join(err, <-committed)
	}
	if len(waves) == 0 {
		return nil, p.commitOffsets(ctx, hard, w.Offsets)
	}
	return offsets, nil
}

// waves are the indexes of the records that go out together: all of them.
// Uncured sends a topic after the other, as an application does that waits for
// the first one's acknowledgements.
func (p *Producer) waves(records []kafka.Record) [][]int {
	var waves [][]int
	wave := map[string]int{}
	for i := range records {
		name := ""
		if p.opts.Uncured {
			name = records[i].Topic
		}
		n, ok := wave[name]
		if !ok {
			n = len(waves)
			wave[name] = n
			waves = append(waves, nil)
		}
		waves[n] = append(waves[n], i)
	}
	return waves
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
	if no.code == sarama.ErrTransactionalIDAuthorizationFailed {
		return fmt.Errorf("transactional id %s: %w", s.p.opts.ID, no.err)
	}
	if errors.Is(no.err, kafka.ErrNotPermitted) {
		return topicError(no.topic, fmt.Errorf("writing to %s: %w", cmp.Or(no.topic, strings.Join(slices.Sorted(maps.Keys(s.byTopic())), ", ")), no.err))
	}
	return topicError(no.topic, no)
}
