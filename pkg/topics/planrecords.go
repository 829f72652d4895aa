package topics

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// PlanDeleteRecords tells what [Admin.DeleteRecords] would delete of the topic
// before a point, by partition, and deletes nothing. A partition that begins
// there already loses nothing, which its Note says; the Note also tells of a
// point that was beyond the end, and of an open transaction whose records
// would go. A partition that no broker tells of has an Err, which does not keep
// the others.
//
// Test the error for [ErrNotFound], [ErrInvalidName], [ErrInternal] and [ErrCompacted].
func (a *Admin) PlanDeleteRecords(ctx context.Context, topic string, before Point, opts DeleteRecordsOptions) ([]RecordDeletion, error) {
	if err := CheckName(topic); err != nil {
		return nil, err
	}
	if strings.HasPrefix(topic, "__") {
		return nil, fmt.Errorf("%s: %w", topic, ErrInternal)
	}
	meta, err := a.client.Metadata(ctx, []string{topic})
	if err != nil {
		return nil, err
	}
	plan, err := a.planRows(ctx, meta, topic, opts.Partitions)
	if err != nil {
		return nil, err
	}
	if err := a.checkPolicy(ctx, topic); err != nil {
		return nil, err
	}
	if err := a.planOffsets(ctx, meta, plan, before); err != nil {
		return nil, err
	}
	return plan, nil
}

// planRows gives a row for each partition that is meant, in their order.
func (a *Admin) planRows(ctx context.Context, meta kafka.Metadata, topic string, partitions []int32) ([]RecordDeletion, error) {
	i := slices.IndexFunc(meta.Topics, func(t kafka.TopicMetadata) bool { return t.Name == topic })
	if i < 0 || isUnknown(meta.Topics[i].Err) {
		return nil, a.notFound(ctx, topic, nil)
	}
	t := meta.Topics[i]
	switch {
	case t.Err != nil && len(t.Partitions) == 0:
		return nil, fmt.Errorf("%s: %w", topic, t.Err)
	case t.Internal:
		return nil, fmt.Errorf("%s: %w", topic, ErrInternal)
	}
	for _, p := range partitions {
		if !slices.ContainsFunc(t.Partitions, func(have kafka.Partition) bool { return have.ID == p }) {
			return nil, fmt.Errorf("%s: no partition %d, it has %d, from 0", topic, p, len(t.Partitions))
		}
	}
	var rows []RecordDeletion
	for _, p := range t.Partitions {
		if len(partitions) == 0 || slices.Contains(partitions, p.ID) {
			rows = append(rows, RecordDeletion{Topic: topic, Partition: p.ID, DryRun: true, topicID: t.ID})
		}
	}
	return rows, nil
}

// checkPolicy refuses what every broker would: Kafka answers POLICY_VIOLATION.
// An empty policy is for the broker to judge, as is a topic whose settings may
// not be read.
func (a *Admin) checkPolicy(ctx context.Context, topic string) error {
	configs, err := a.configs(ctx, []string{topic})
	if err != nil {
		return ctx.Err()
	}
	policy := configs[topic]["cleanup.policy"].Value
	if strings.Contains(policy, "compact") && !strings.Contains(policy, "delete") {
		return fmt.Errorf("%s: %w: it is %s", topic, ErrCompacted, policy)
	}
	return nil
}

// planOffsets finds what goes. Where partitions end is asked before what
// depends on it: a record that arrives in between must not go because it came
// before the answer.
func (a *Admin) planOffsets(ctx context.Context, meta kafka.Metadata, plan []RecordDeletion, before Point) error {
	ends, err := a.offsetsOf(ctx, meta, plan, kafka.Latest, kafka.ReadUncommitted)
	if err != nil {
		return err
	}
	starts, err := a.offsetsOf(ctx, meta, plan, kafka.Earliest, kafka.ReadUncommitted)
	if err != nil {
		return err
	}
	stable, err := a.offsetsOf(ctx, meta, plan, kafka.Latest, kafka.ReadCommitted)
	if err != nil {
		return err
	}
	var first map[int32]int64
	if !before.End && !before.Time.IsZero() {
		if first, err = a.offsetsOf(ctx, meta, plan, max(0, before.Time.UnixMilli()), kafka.ReadUncommitted); err != nil {
			return err
		}
	}
	for i := range plan {
		d := &plan[i]
		if d.Err != nil {
			continue
		}
		start, end := starts[d.Partition], ends[d.Partition]
		d.Start, d.End = &start, &end
		to, beyond := end, false
		if at, byTime := first[d.Partition]; byTime && at >= 0 {
			to = min(at, end)
		} else if !byTime && !before.End {
			to, beyond = min(before.Offset, end), before.Offset > end
		}
		newStart := max(start, to)
		deleted := newStart - start
		d.NewStart, d.Deleted = &newStart, &deleted
		d.Note = noteOf(start, newStart, end, beyond, stable[d.Partition])
	}
	return nil
}

func noteOf(start, newStart, end int64, beyond bool, stable int64) string {
	var notes []string
	if start >= end {
		notes = append(notes, "empty")
	} else if newStart == start {
		notes = append(notes, "already there")
	}
	if beyond {
		notes = append(notes, "clamped to the end")
	}
	if newStart > start && stable < newStart {
		notes = append(notes, fmt.Sprintf("takes records of a transaction that is open at offset %d", stable))
	}
	return strings.Join(notes, "; ")
}

// offsetsOf asks for an offset of each partition that has not failed yet. Those
// that fail get their Err; only a context that ended is an error of the whole.
func (a *Admin) offsetsOf(ctx context.Context, meta kafka.Metadata, plan []RecordDeletion, at int64, isolation kafka.Isolation) (map[int32]int64, error) {
	want := map[kafka.TopicPartition]int64{}
	for _, d := range plan {
		if d.Err == nil {
			want[d.tp()] = at
		}
	}
	found, err := a.client.OffsetsIn(ctx, meta, want, isolation)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	offsets := make(map[int32]int64, len(found))
	causes := kafka.PartitionErrors(err)
	for i := range plan {
		if offset, ok := found[plan[i].tp()]; ok {
			offsets[plan[i].Partition] = offset
		} else if plan[i].Err == nil {
			plan[i].fail(fmt.Errorf("%s: finding its offsets: %w", plan[i].tp(), cmp.Or(causes[plan[i].tp()], err)))
		}
	}
	return offsets, nil
}
