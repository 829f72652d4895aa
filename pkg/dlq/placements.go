package dlq

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Placements lists where the letters of a run went, by partition and offset of
// the queue. Those of a transaction after which the run was killed are missing:
// where letters went is known only afterwards, and is written with the next.
func Placements(ctx context.Context, c *kafka.Client, opts LedgerOptions, run string) ([]Placement, error) {
	opts.Detail = true
	l, err := OpenLedger(ctx, c, opts)
	if err != nil {
		return nil, err
	}
	if l.Run(run) == nil {
		return nil, fmt.Errorf("%s: %w", run, errUnknownRun)
	}
	list := []Placement{}
	for _, q := range l.queues {
		some, err := q.placements(run)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	slices.SortFunc(list, func(a, b Placement) int {
		return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
	})
	return list, nil
}

// placements joins the letters of a run's chunks with where they went.
func (q *QueueState) placements(run string) ([]Placement, error) {
	bySeq := map[int64]*chunk{}
	for i := range q.chunks {
		if q.chunks[i].key.run == run {
			bySeq[q.chunks[i].key.seq] = &q.chunks[i]
		}
	}
	var list []Placement
	for _, told := range bySeq {
		for _, out := range told.record.Out {
			c := bySeq[out.Seq]
			if c == nil {
				continue
			}
			for _, part := range out.Parts {
				places, err := decodePlaces(part.Places)
				if err != nil {
					return nil, errorf(ErrConflict, "chunk %d of run %s: %v", out.Seq, run, err)
				}
				i := 0
				for _, s := range c.spans[part.Partition] {
					for o := s.first; o <= s.last && i < len(places); o++ {
						list = append(list, Placement{part.Partition, o, c.record.To, places[i].partition, places[i].offset})
						i++
					}
				}
			}
		}
	}
	return list, nil
}
