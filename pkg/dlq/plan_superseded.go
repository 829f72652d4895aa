package dlq

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// findSuperseded finds the letters whose key has a newer record on the topic
// that they came from: sent again they would bring an older state back. A
// record that a replay put there is none.
func (p *Plan) findSuperseded(ctx context.Context) error {
	if p.opts.Superseded == SupersededAllow || !p.opts.Action.sends() {
		return nil
	}
	for name, t := range p.targets {
		newest, err := p.newestOf(ctx, t)
		if err != nil {
			return fmt.Errorf("looking for newer records on %s: %w", name, err)
		}
		why := "superseded: its key has a newer record on " + name
		for i := range p.index.lanes {
			lane := &p.index.lanes[i]
			if lane.topic != name {
				continue
			}
			for j := range lane.entries {
				e := &lane.entries[j]
				if at, ok := newest[e.key]; ok && e.key != 0 && e.fate == fateGo && at > e.origin {
					e.fate, e.newer = p.index.reason(why), true
				}
			}
		}
	}
	return nil
}

// newestOf gives the offset of the newest record of each planned key.
func (p *Plan) newestOf(ctx context.Context, t *target) (map[uint64]int64, error) {
	newest := map[uint64]int64{}
	first := map[int32]int64{}
	for i := range p.index.lanes {
		lane := &p.index.lanes[i]
		if lane.topic != t.name || lane.unknown || lane.partition >= t.partitions {
			continue
		}
		for _, e := range lane.entries {
			if e.key == 0 || e.fate != fateGo {
				continue
			}
			newest[e.key] = -1
			if at, ok := first[lane.partition]; !ok || e.origin < at {
				first[lane.partition] = e.origin
			}
		}
	}
	b, err := readBounds(ctx, p.client, t.name, t.partitions)
	if err != nil {
		return nil, err
	}
	from, until := map[kafka.TopicPartition]int64{}, map[kafka.TopicPartition]int64{}
	for part, at := range first {
		tp := kafka.TopicPartition{Topic: t.name, Partition: part}
		if at = max(at, b.start[part]); at < b.end[part] {
			from[tp], until[tp] = at, b.end[part]
		}
	}
	err = p.client.ReadUntil(ctx, from, until, readerPatience, kafka.FetchOptions{MaxPartition: 4 << 20}, func(f kafka.Fetched) error {
		for i := range f.Records {
			r := &f.Records[i]
			key := keyHash(t.name, r.Key)
			if at, ok := newest[key]; ok && r.Offset > at && !replayed(r) {
				newest[key] = r.Offset
			}
		}
		return nil
	})
	var open *kafka.OpenTransactionError
	if errors.As(err, &open) {
		err = nil
	}
	return newest, err
}

// replayed tells a record that a replay wrote.
func replayed(r *kafka.Record) bool {
	return slices.ContainsFunc(r.Headers, func(h kafka.Header) bool { return h.Name == letters.HeaderReplayRun })
}
