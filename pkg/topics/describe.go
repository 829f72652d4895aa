package topics

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/multi-tenant/manage-kafka/internal/spelling"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// DescribeOptions says how much to tell.
type DescribeOptions struct {
	// AllConfig tells every setting, not only those that differ from Kafka's defaults.
	AllConfig bool
}

// Description is everything about one topic.
type Description struct {
	Name        string `json:"name"`
	ID          string `json:"id,omitempty"`
	Internal    bool   `json:"internal,omitempty"`
	Replication int16  `json:"replication"`
	// Records is the sum over the partitions, nil when one is unknown.
	Records    *int64            `json:"records,omitempty"`
	SizeBytes  *int64            `json:"size_bytes,omitempty"`
	Partitions []PartitionDetail `json:"partitions"`
	// Config is by name: the settings that are not Kafka's defaults, or all.
	Config []Entry `json:"config"`
}

// PartitionDetail is one partition. The offsets are nil when no leader told
// them; SizeBytes is over all replicas.
type PartitionDetail struct {
	ID        int32   `json:"id"`
	Leader    int32   `json:"leader"` // -1: none
	Replicas  []int32 `json:"replicas"`
	ISR       []int32 `json:"isr"`
	Offline   []int32 `json:"offline,omitempty"`
	Start     *int64  `json:"start,omitempty"`
	End       *int64  `json:"end,omitempty"`
	Records   *int64  `json:"records,omitempty"`
	SizeBytes *int64  `json:"size_bytes,omitempty"`
}

// Describe tells everything about the topics that patterns (names and globs)
// select, by name. A plain name that the cluster does not have is
// [ErrNotFound]; missed lists the globs that selected nothing.
func (a *Admin) Describe(ctx context.Context, patterns []string, opts DescribeOptions) (list []Description, missed []string, err error) {
	meta, missed, err := a.Select(ctx, patterns)
	if err != nil {
		return nil, nil, err
	}
	if len(meta.Topics) == 0 {
		return nil, missed, nil
	}
	names := make([]string, len(meta.Topics))
	for i, t := range meta.Topics {
		names[i] = t.Name
	}
	configs, err := a.configs(ctx, names)
	if err != nil {
		return nil, nil, err
	}
	offsets, err := a.bounds(ctx, meta)
	if err != nil {
		return nil, nil, err
	}
	sizes := a.sizes(ctx, meta, names)
	for _, t := range meta.Topics {
		d := describe(t, offsets, sizes)
		d.Config = chosenEntries(configs[t.Name], opts.AllConfig)
		list = append(list, d)
	}
	return list, missed, ctx.Err()
}

// Select asks the cluster about the topics that patterns select: names and
// globs, which leave internal topics alone. A plain name that the cluster does
// not have is [ErrNotFound]; missed lists the globs that selected nothing.
func (a *Admin) Select(ctx context.Context, patterns []string) (meta kafka.Metadata, missed []string, err error) {
	m, err := newMatcher(patterns, false)
	if err != nil {
		return meta, nil, err
	}
	meta, err = a.client.Metadata(ctx, m.names())
	if err != nil {
		return meta, nil, err
	}
	all := meta.Topics
	meta.Topics = m.choose(meta)
	for _, t := range meta.Topics {
		if t.Err != nil && len(t.Partitions) == 0 {
			return meta, nil, fmt.Errorf("%s: %w", t.Name, t.Err)
		}
	}
	for _, p := range m.missed() {
		if !IsPattern(p) {
			return meta, nil, a.notFound(ctx, p, all)
		}
		missed = append(missed, p)
	}
	return meta, missed, nil
}

// notFound is [ErrNotFound] with the nearest names there are.
func (a *Admin) notFound(ctx context.Context, name string, known []kafka.TopicMetadata) error {
	if len(known) < 2 {
		if meta, err := a.client.Metadata(ctx, nil); err == nil {
			known = meta.Topics
		}
	}
	var names []string
	for _, t := range known {
		if t.Err == nil {
			names = append(names, t.Name)
		}
	}
	return &NotFoundError{Name: name, Near: spelling.Nearest(name, names)}
}

// NotFoundError is [ErrNotFound] with the names that may have been meant.
type NotFoundError struct {
	Name string
	Near []string
}

func (e *NotFoundError) Error() string { return e.Name + ": " + ErrNotFound.Error() }

// Is matches [ErrNotFound].
func (e *NotFoundError) Is(target error) bool { return target == ErrNotFound }

func describe(t kafka.TopicMetadata, offsets bounds, sizes map[kafka.TopicPartition]int64) Description {
	d := Description{Name: t.Name, ID: t.ID, Internal: t.Internal, Replication: replication(t)}
	for _, p := range t.Partitions {
		tp := kafka.TopicPartition{Topic: t.Name, Partition: p.ID}
		row := PartitionDetail{ID: p.ID, Leader: p.Leader, Replicas: p.Replicas, ISR: p.ISR, Offline: p.Offline}
		start, okStart := offsets.start[tp]
		end, okEnd := offsets.end[tp]
		if okStart && okEnd {
			records := max(0, end-start)
			row.Start, row.End, row.Records = &start, &end, &records
		}
		if n, ok := sizes[tp]; ok {
			row.SizeBytes = &n
		}
		d.Partitions = append(d.Partitions, row)
	}
	if sum, err := offsets.records(t); err == nil {
		d.Records = &sum
	}
	d.SizeBytes = sumSizes(sizes, Topic{Name: t.Name, Partitions: len(t.Partitions)})
	return d
}

// chosenEntries gives a topic's settings by name, without Kafka's own defaults unless all are wanted.
func chosenEntries(entries map[string]Entry, all bool) []Entry {
	list := []Entry{}
	for _, e := range slices.SortedFunc(maps.Values(entries), func(a, b Entry) int { return cmp.Compare(a.Name, b.Name) }) {
		if all || e.Source != SourceDefault {
			list = append(list, e)
		}
	}
	return list
}
