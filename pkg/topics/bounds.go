package topics

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// bounds are the start and end offsets of partitions, and why some are unknown.
type bounds struct {
	start, end map[kafka.TopicPartition]int64
	err        error
	causes     map[kafka.TopicPartition]error
}

// bounds finds where the partitions start and end, up to the high watermark.
// Only a context that ended is an error of the whole.
func (a *Admin) bounds(ctx context.Context, meta kafka.Metadata) (bounds, error) {
	first, last := map[kafka.TopicPartition]int64{}, map[kafka.TopicPartition]int64{}
	for _, t := range meta.Topics {
		for _, p := range t.Partitions {
			tp := kafka.TopicPartition{Topic: t.Name, Partition: p.ID}
			first[tp], last[tp] = kafka.Earliest, kafka.Latest
		}
	}
	var b bounds
	if len(first) == 0 {
		return b, nil
	}
	b.start, b.err = a.client.OffsetsIn(ctx, meta, first, kafka.ReadUncommitted)
	if b.err == nil || len(b.start) > 0 {
		var err error
		if b.end, err = a.client.OffsetsIn(ctx, meta, last, kafka.ReadUncommitted); err != nil {
			b.err = err
		}
	}
	b.causes = kafka.PartitionErrors(b.err)
	return b, ctx.Err()
}

// records sums the topic's partitions; the error says which are unknown.
func (b bounds) records(t kafka.TopicMetadata) (int64, error) {
	var sum int64
	var dark []int32
	cause := b.err
	for _, p := range t.Partitions {
		tp := kafka.TopicPartition{Topic: t.Name, Partition: p.ID}
		start, okStart := b.start[tp]
		end, okEnd := b.end[tp]
		if !okStart || !okEnd {
			dark = append(dark, p.ID)
			if err := b.causes[tp]; err != nil {
				cause = err
			}
			continue
		}
		sum += max(0, end-start)
	}
	if len(dark) > 0 {
		return 0, fmt.Errorf("no offsets of %s: %w", partitionsText(dark), cause)
	}
	return sum, nil
}

// partitionsText names partitions, runs of them as 3-7: a broker that is gone
// takes hundreds with it.
func partitionsText(list []int32) string {
	if len(list) == 1 {
		return "partition " + strconv.Itoa(int(list[0]))
	}
	list = slices.Sorted(slices.Values(list))
	const most = 10
	var runs []string
	named := 0
	for i := 0; i < len(list) && len(runs) < most; named = i {
		first := i
		for i++; i < len(list) && list[i] == list[i-1]+1; i++ {
		}
		run := strconv.Itoa(int(list[first]))
		if i-first > 1 {
			run += "-" + strconv.Itoa(int(list[i-1]))
		}
		runs = append(runs, run)
	}
	text := "partitions " + strings.Join(runs, ", ")
	if more := len(list) - named; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
