package dlq

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// source reads planned letters again, in the order of the plan. Letters of a
// partition are mostly wanted in the order in which they stand there, so that
// what a fetch brings beyond the wanted is kept for the next call.
type source struct {
	client   *kafka.Client
	queue    string
	patience time.Duration
	windows  map[int32]*window
}

// window is a stretch of one partition, read from from up to next.
type window struct {
	from, next int64
	records    []kafka.Record
}

// farAhead is how many offsets are rather skipped than read.
const farAhead = 5000

func newSource(c *kafka.Client, queue string, patience time.Duration) *source {
	return &source{client: c, queue: queue, patience: patience, windows: map[int32]*window{}}
}

// get reads the letters at the wanted offsets, which ascend in each partition.
// One that is not there any more is missing from the answer's end.
func (s *source) get(ctx context.Context, wanted map[int32][]int64) (found func(part int32, offset int64) *kafka.Record, err error) {
	deadline := time.Now().Add(s.patience)
	for part, offsets := range wanted {
		s.aim(part, offsets[0])
	}
	for {
		from := map[kafka.TopicPartition]int64{}
		for part, offsets := range wanted {
			w := s.windows[part]
			if next, ok := w.lacks(offsets); ok {
				w.skip(next)
				from[kafka.TopicPartition{Topic: s.queue, Partition: part}] = w.next
			}
		}
		if len(from) == 0 {
			return s.find, nil
		}
		got, err := s.client.Fetch(ctx, from, kafka.FetchOptions{MaxPartition: 2 << 20, MaxBytes: 16 << 20, MaxWait: 100 * time.Millisecond})
		if err != nil {
			return nil, err
		}
		moved := false
		for i := range got {
			came, err := s.keep(ctx, &got[i], deadline)
			if err != nil {
				return nil, err
			}
			moved = moved || came
		}
		if !moved {
			if time.Now().After(deadline) {
				return nil, errorf(ErrStuck, "%s does not give its letters: %v stay unread", s.queue, slices.Collect(maps.Keys(from)))
			}
			if err := pause(ctx, 50*time.Millisecond); err != nil {
				return nil, err
			}
		}
	}
}

// aim makes a window begin at or before the offset, and lets go of what lies
// before it.
func (s *source) aim(part int32, offset int64) {
	w := s.windows[part]
	if w == nil || offset < w.from || offset > w.next+farAhead {
		s.windows[part] = &window{from: offset, next: offset}
		return
	}
	i := sort.Search(len(w.records), func(i int) bool { return w.records[i].Offset >= offset })
	w.records = slices.Clone(w.records[i:])
	w.from = offset
}

// lacks gives the first wanted offset that was not read yet.
func (w *window) lacks(offsets []int64) (int64, bool) {
	i := sort.Search(len(offsets), func(i int) bool { return offsets[i] >= w.next })
	if i == len(offsets) {
		return 0, false
	}
	return offsets[i], true
}

// skip leaves out a long stretch that nobody wants. The records before it stay
// in reach.
func (w *window) skip(next int64) {
	if next > w.next+farAhead {
		w.next = next
	}
}

func (s *source) keep(ctx context.Context, f *kafka.Fetched, deadline time.Time) (moved bool, err error) {
	w := s.windows[f.Partition]
	var broker *kafka.BrokerError
	if f.Err != nil {
		switch {
		case errors.As(f.Err, &broker) && broker.Name == "OFFSET_OUT_OF_RANGE":
			return s.expired(ctx, f)
		case kafka.Retriable(f.Err) && time.Now().Before(deadline):
			return false, nil
		}
		return false, fmt.Errorf("reading %s: %w", f.TopicPartition, f.Err)
	}
	if len(f.Records) > 0 {
		w.records = append(w.records, f.Records...)
	}
	moved = f.Next > w.next
	w.next = max(w.next, f.Next)
	return moved, nil
}

// expired moves a window to where its partition begins now, where retention
// took what stood before; the run tells which letters those were.
func (s *source) expired(ctx context.Context, f *kafka.Fetched) (moved bool, err error) {
	starts, err := s.client.Offsets(ctx, map[kafka.TopicPartition]int64{f.TopicPartition: kafka.Earliest}, kafka.ReadUncommitted)
	if err != nil {
		return false, err
	}
	w := s.windows[f.Partition]
	if start := starts[f.TopicPartition]; start > w.next {
		w.next = start
		return true, nil
	}
	return false, errorf(ErrConflict, "%s: offset %d of the plan is not there any more: the queue was cut or made anew", f.TopicPartition, w.next)
}

func (s *source) find(part int32, offset int64) *kafka.Record {
	w := s.windows[part]
	i := sort.Search(len(w.records), func(i int) bool { return w.records[i].Offset >= offset })
	if i < len(w.records) && w.records[i].Offset == offset {
		return &w.records[i]
	}
	return nil
}
