package dlq

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// probeOf is what the ledger keeps of a letter to know it again.
func probeOf(rec *kafka.Record) probe {
	crc := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	_, _ = crc.Write(rec.Key)
	_, _ = crc.Write([]byte{0})
	_, _ = crc.Write(rec.Value)
	for _, h := range rec.Headers {
		_, _ = crc.Write([]byte(h.Name))
		_, _ = crc.Write(h.Value)
	}
	return probe{offset: rec.Offset, timestamp: millis(rec.Timestamp), crc: crc.Sum32(), epoch: rec.LeaderEpoch}
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return -1
	}
	return t.UnixMilli()
}

// checkProbes holds the newest letter that the ledger names of each partition
// against what stands there. A letter that expired tells nothing; one that is
// another is [ErrConflict].
func checkProbes(ctx context.Context, c *kafka.Client, q *QueueState, b *bounds) error {
	for p, want := range q.probes {
		if int(p) >= len(b.start) || want.offset < b.start[p] {
			continue
		}
		other := func() error {
			return errorf(ErrConflict, "%s/%d@%d is not the letter that the ledger recorded there", q.Queue, p, want.offset)
		}
		if want.offset >= b.high[p] {
			return other()
		}
		rec, err := readOne(ctx, c, kafka.TopicPartition{Topic: q.Queue, Partition: p}, want.offset)
		if err != nil {
			return err
		}
		// Compaction may have taken it; then there is nothing to compare.
		if rec != nil && (millis(rec.Timestamp) != want.timestamp || probeOf(rec).crc != want.crc) {
			return other()
		}
	}
	return nil
}

// readOne reads the record at an offset, nil where none stands there any more.
func readOne(ctx context.Context, c *kafka.Client, tp kafka.TopicPartition, offset int64) (*kafka.Record, error) {
	var found *kafka.Record
	err := c.ReadUntil(ctx, map[kafka.TopicPartition]int64{tp: offset}, map[kafka.TopicPartition]int64{tp: offset + 1}, readerPatience,
		kafka.FetchOptions{MaxPartition: 1, MaxBytes: 1}, func(f kafka.Fetched) error {
			for i := range f.Records {
				if f.Records[i].Offset == offset {
					found = &f.Records[i]
				}
			}
			return nil
		})
	var open *kafka.OpenTransactionError
	if errors.As(err, &open) {
		return nil, errorf(ErrStuck, "%s: %v", tp, open)
	}
	return found, err
}

// bounds is where the partitions of a queue begin and end.
type bounds struct {
	start []int64
	high  []int64 // high watermark: where everything ends that is there
	end   []int64 // last stable offset: what a run may look at
}

func readBounds(ctx context.Context, c *kafka.Client, topic string, partitions int32) (*bounds, error) {
	first, last := map[kafka.TopicPartition]int64{}, map[kafka.TopicPartition]int64{}
	for p := range partitions {
		tp := kafka.TopicPartition{Topic: topic, Partition: p}
		first[tp], last[tp] = kafka.Earliest, kafka.Latest
	}
	start, err := c.Offsets(ctx, first, kafka.ReadUncommitted)
	if err != nil {
		return nil, err
	}
	stable, err := c.Offsets(ctx, last, kafka.ReadCommitted)
	if err != nil {
		return nil, err
	}
	high, err := c.Offsets(ctx, last, kafka.ReadUncommitted)
	if err != nil {
		return nil, err
	}
	b := &bounds{start: make([]int64, partitions), high: make([]int64, partitions), end: make([]int64, partitions)}
	for p := range partitions {
		tp := kafka.TopicPartition{Topic: topic, Partition: p}
		b.start[p], b.end[p], b.high[p] = start[tp], stable[tp], high[tp]
	}
	return b, nil
}

// identity is the topics that a run stands on, by name, with their ids.
type identity map[string]string

// check asks the cluster, in one request, whether the topics are still those.
// It is the last thing before a commit: produce and fetch go by name, so that
// only the id tells a topic that was made anew.
func (id identity) check(ctx context.Context, c *kafka.Client) error {
	names := make([]string, 0, len(id))
	for name := range id {
		names = append(names, name)
	}
	slices.Sort(names)
	meta, err := c.Metadata(ctx, names)
	if err != nil {
		return err
	}
	changed := &changedError{}
	for _, t := range meta.Topics {
		what := " was deleted"
		switch {
		case errors.Is(t.Err, kafka.ErrUnknownTopic):
		case t.Err != nil:
			return &txn.TopicError{Topic: t.Name, Err: fmt.Errorf("%s: %w", t.Name, t.Err)}
		case t.ID != id[t.Name]:
			what += " and made anew"
		default:
			continue
		}
		changed.topics, changed.what = append(changed.topics, t.Name), append(changed.what, t.Name+what)
	}
	if len(changed.topics) > 0 {
		return changed
	}
	return nil
}

// changedError is [ErrRemade]: topics that are not those any more.
type changedError struct {
	topics []string
	what   []string // of each
}

func (e *changedError) Error() string {
	return strings.Join(e.what, ", ") + " while the run was under way; its last transaction was aborted"
}

func (e *changedError) Unwrap() error { return ErrRemade }
