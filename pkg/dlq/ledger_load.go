package dlq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// LedgerOptions say what to read of the ledger. The zero value reads all of
// the default ledger, as one who only looks.
type LedgerOptions struct {
	// Topic is the ledger's name; default [DefaultLedger].
	Topic string
	// Queue keeps only what is about queues of this name.
	Queue string
	// Detail keeps every chunk, for those who ask what became of one letter.
	Detail bool
	// Patience is how long somebody else's open transaction is waited for;
	// default 2 s. Without Insist the ledger is then given as far as it could
	// be read, with its Open set; with it that is [ErrStuck].
	Patience time.Duration
	Insist   bool
}

// readerPatience is how long one who only looks waits for open transactions.
const readerPatience = 2 * time.Second

func (o LedgerOptions) withDefaults() LedgerOptions {
	if o.Topic == "" {
		o.Topic = DefaultLedger
	}
	if o.Patience <= 0 {
		o.Patience = readerPatience
	}
	return o
}

// OpenLedger reads the ledger, every record that is committed up to its
// present high watermark. No topic of that name is [ErrNoLedger]; one that is
// no ledger, or holds what this release does not know, is [ErrConflict].
func OpenLedger(ctx context.Context, c *kafka.Client, opts LedgerOptions) (*Ledger, error) {
	opts = opts.withDefaults()
	meta, err := c.Metadata(ctx, []string{opts.Topic})
	if err != nil {
		return nil, err
	}
	l := &Ledger{Topic: opts.Topic, only: opts.Queue, detail: opts.Detail}
	if len(meta.Topics) != 1 {
		return nil, fmt.Errorf("%s: the cluster left it out of its answer", opts.Topic)
	}
	switch t := meta.Topics[0]; {
	case errors.Is(t.Err, kafka.ErrUnknownTopic):
		return nil, errorf(ErrNoLedger, "the cluster has no ledger (topic %s)", opts.Topic)
	case t.Err != nil:
		return nil, fmt.Errorf("%s: %w", opts.Topic, t.Err)
	case len(t.Partitions) != 1:
		return nil, errorf(ErrConflict, "%s is no ledger: it has %d partitions, a ledger has one", opts.Topic, len(t.Partitions))
	}
	l.TopicID = meta.Topics[0].ID
	if err := l.advance(ctx, c, opts); err != nil || opts.Insist {
		return l, err
	}
	// One who only looks holds nothing that keeps a merge from deleting chunks
	// while they are read; the snapshot that restates them then lies behind the
	// end that was known.
	for range 3 {
		end := l.End
		if err := l.advance(ctx, c, opts); err != nil || l.Open != nil || l.End == end {
			return l, err
		}
	}
	return l, nil
}

// advance reads on to the high watermark that the ledger has now.
func (l *Ledger) advance(ctx context.Context, c *kafka.Client, opts LedgerOptions) error {
	opts = opts.withDefaults()
	tp := kafka.TopicPartition{Topic: l.Topic}
	ends, err := c.Offsets(ctx, map[kafka.TopicPartition]int64{tp: kafka.Latest}, kafka.ReadUncommitted)
	if err != nil {
		return err
	}
	from := l.End
	if from == 0 {
		starts, err := c.Offsets(ctx, map[kafka.TopicPartition]int64{tp: kafka.Earliest}, kafka.ReadUncommitted)
		if err != nil {
			return err
		}
		from = starts[tp]
	}
	if from > ends[tp] {
		return errorf(ErrConflict, "%s ends at %d and was read to %d: it was truncated or made anew", l.Topic, ends[tp], from)
	}
	l.Open = nil
	next := from
	err = c.ReadUntil(ctx, map[kafka.TopicPartition]int64{tp: from}, ends, opts.Patience,
		kafka.FetchOptions{MaxPartition: 8 << 20, MaxWait: 100 * time.Millisecond}, func(f kafka.Fetched) error {
			for i := range f.Records {
				if err := l.take(f.Records[i]); err != nil {
					return err
				}
			}
			next = f.Next
			return nil
		})
	l.sweep()
	var open *kafka.OpenTransactionError
	switch {
	case errors.As(err, &open) && opts.Insist:
		return errorf(ErrStuck, "the ledger cannot be read to its end: %v", open)
	case errors.As(err, &open):
		l.Open, l.End = open, next
		return nil
	case err != nil:
		return fmt.Errorf("reading the ledger: %w", err)
	}
	l.End = ends[tp]
	return nil
}
