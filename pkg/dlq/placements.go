package dlq

import (
	"cmp"
	"context"
	"slices"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Placements lists where the letters of a run went, by partition and offset of the
// queue. Where they went is written with the run's next transaction; those of the last
// one before a run was killed are looked for on their targets, and At is -1 for those
// that are not there any more.
func Placements(ctx context.Context, c *kafka.Client, opts LedgerOptions, run string) ([]Placement, error) {
	opts.Detail = true
	l, err := OpenLedger(ctx, c, opts)
	if err != nil {
		return nil, err
	}
	if l.Run(run) == nil {
		return nil, errorf(ErrNotFound, "%s: the ledger knows no such run", run)
	}
	list := []Placement{}
	for _, q := range l.queues {
		went := q.sentBy(run)
		if err := l.locate(ctx, c, q.Queue, went); err != nil {
			return nil, err
		}
		for _, s := range went {
			list = append(list, Placement{s.part, s.offset, s.topic, s.to, s.toAt})
		}
	}
	slices.SortFunc(list, func(a, b Placement) int {
		return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
	})
	return list, nil
}
