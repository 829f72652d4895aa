package dlq

import (
	"context"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Pending counts the pending letters of queues by offsets and the ledger alone,
// without reading a letter: markers of transactions and what compaction took
// count too. ok is false on a cluster without a ledger, where every letter is
// pending and only the ledger was asked for. A queue that could not be looked
// at is missing.
func Pending(ctx context.Context, c *kafka.Client, queues []string, ledgerTopic string) (counts map[string]int64, ok bool, err error) {
	if len(queues) == 0 {
		return nil, false, nil
	}
	ledger, _, err := readLedger(ctx, c, ledgerTopic, "")
	if err != nil || ledger.Topic == "" {
		return nil, false, err
	}
	meta, err := c.Metadata(ctx, queues)
	if err != nil {
		return nil, false, err
	}
	parts, failed, err := stretches(ctx, atOnce(c, meta), meta.Topics)
	if err != nil {
		return nil, false, err
	}
	counts = make(map[string]int64, len(queues))
	for _, t := range meta.Topics {
		if t.Err != nil || failed[t.Name] != nil {
			continue
		}
		state, n := ledger.Queue(t.Name, t.ID), int64(0)
		for _, s := range parts[t.Name] {
			n += s.end - s.start - state.Resolved.Count(s.partition, s.start, s.end)
		}
		counts[t.Name] = n
	}
	return counts, true, nil
}
