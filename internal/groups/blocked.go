package groups

import (
	"context"

	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Blocked is the open transaction that a group which reads committed records
// cannot get past.
type Blocked struct {
	ProducerID  int64 `json:"producer_id"`
	StartOffset int64 `json:"start_offset"`
	// QuietSeconds is how long ago the producer last wrote to the partition, nil unknown.
	QuietSeconds *float64 `json:"quiet_seconds,omitempty"`
}

// addBlocked finds the partitions where the group has read all that is stable
// and a transaction keeps the rest. What cannot be found out is left out: a
// broker before 3.0 does not tell.
func (g *Groups) addBlocked(ctx context.Context, list []Description) {
	rows := map[kafka.TopicPartition][]*Partition{}
	at := map[kafka.TopicPartition]int64{}
	for i := range list {
		if list[i].Type == Share {
			continue // these read what is not committed too, unless they are told not to
		}
		for j := range list[i].Partitions {
			p := &list[i].Partitions[j]
			if p.Lag == nil || *p.Lag == 0 {
				continue
			}
			tp := kafka.TopicPartition{Topic: p.Topic, Partition: p.Partition}
			rows[tp] = append(rows[tp], p)
			at[tp] = kafka.Latest
		}
	}
	if len(at) == 0 {
		return
	}
	stable, _ := g.client.Offsets(ctx, at, kafka.ReadCommitted)
	var stuck []kafka.TopicPartition
	for tp, parts := range rows {
		lso, ok := stable[tp]
		for _, p := range parts {
			if ok && *p.Current >= lso && lso < *p.End {
				stuck = append(stuck, tp)
				break
			}
		}
	}
	if len(stuck) == 0 {
		return
	}
	open, _ := txn.NewReader(g.client).Producers(ctx, stuck)
	for _, b := range open {
		for _, p := range rows[b.TopicPartition] {
			// The first that is open is the one that keeps readers.
			if p.Blocked == nil && *p.Current >= stable[b.TopicPartition] {
				p.Blocked = &Blocked{ProducerID: b.ProducerID, StartOffset: b.StartOffset, QuietSeconds: b.QuietSeconds}
			}
		}
	}
}
