package dlq

import (
	"context"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// countGroups counts the pending letters by the topic that they came from and
// the group that failed, joined by a zero byte.
func (r *queueReading) countGroups(ctx context.Context) (map[string]int64, error) {
	var workers []map[string]int64
	err := scanQueue(ctx, r.client, r.topic.Name, r.pendingParts(), nil, func() func(*kafka.Record) {
		counts := map[string]int64{}
		workers = append(workers, counts)
		return func(rec *kafka.Record) {
			if r.state.Resolved.Has(rec.Partition, rec.Offset) {
				return
			}
			l := letters.Read(*rec)
			tally(counts, l.Origin.Topic+"\x00"+l.Group, 1)
		}
	})
	sum := map[string]int64{}
	for _, counts := range workers {
		for name, n := range counts {
			tally(sum, name, n)
		}
	}
	return sum, err
}
