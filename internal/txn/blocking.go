package txn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/request"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Blocking is an open transaction in one partition: readers of committed
// records stop at its first record.
type Blocking struct {
	kafka.TopicPartition
	ProducerID int64 `json:"producer_id"`
	Epoch      int16 `json:"producer_epoch"`
	// StartOffset is the transaction's first record in the partition.
	StartOffset int64 `json:"start_offset"`
	// Waiting is how many offsets of the partition readers cannot get to.
	Waiting int64 `json:"waiting"`
	// LastWrite is when the producer last wrote to the partition, by the
	// timestamp of its last record; nil where that has none.
	LastWrite    *time.Time `json:"last_write,omitempty"`
	QuietSeconds *float64   `json:"quiet_seconds,omitempty"`
	// Transaction is what a coordinator knows of the producer, nil where none does.
	Transaction *Transaction `json:"transaction,omitempty"`
	// Hanging says that no coordinator will ever end it: only [Reader.Abort] does.
	Hanging bool `json:"hanging"`

	coordinatorEpoch int32
}

// FindOptions say where to look for open transactions.
type FindOptions struct {
	// Topics are names; nil is every topic of the cluster.
	Topics []string
	// Quiet leaves out producers that wrote more recently.
	Quiet time.Duration
	// Hanging leaves out what a coordinator still looks after.
	Hanging bool
}

// FindBlocking finds the open transactions that readers of committed records
// wait for, by topic and partition (KIP-664). Where the last stable offset is
// the high watermark there is none, so only the other partitions' leaders are
// asked for producers. A transaction is hanging when no coordinator knows its
// producer, or the one that does has no open transaction with this partition;
// it is looked at twice, because it may end between two questions.
//
// Partitions that could not be asked are joined in the error, by name; the
// others are valid even then.
func (r *Reader) FindBlocking(ctx context.Context, o FindOptions) ([]Blocking, error) {
	meta, err := r.client.Metadata(ctx, o.Topics)
	if err != nil {
		return nil, err
	}
	at := map[kafka.TopicPartition]int64{}
	var failed []error
	for _, t := range meta.Topics {
		if t.Err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", t.Name, t.Err))
		}
		for _, p := range t.Partitions {
			at[kafka.TopicPartition{Topic: t.Name, Partition: p.ID}] = kafka.Latest
		}
	}
	stable, err := r.client.OffsetsIn(ctx, meta, at, kafka.ReadCommitted)
	failed = append(failed, err)
	ends, err := r.client.OffsetsIn(ctx, meta, at, kafka.ReadUncommitted)
	failed = append(failed, err)
	var stuck []kafka.TopicPartition
	for tp, end := range ends {
		if lso, ok := stable[tp]; ok && lso < end {
			stuck = append(stuck, tp)
		}
	}
	open, err := r.Producers(ctx, stuck)
	failed = append(failed, err)
	now := time.Now()
	open = slices.DeleteFunc(open, func(b Blocking) bool { return b.LastWrite != nil && now.Sub(*b.LastWrite) < o.Quiet })
	for i := range open {
		open[i].Waiting = max(0, ends[open[i].TopicPartition]-open[i].StartOffset)
	}
	if err := r.judge(ctx, open); err != nil {
		return nil, err
	}
	if o.Hanging {
		open = slices.DeleteFunc(open, func(b Blocking) bool { return !b.Hanging })
	}
	return open, errors.Join(failed...)
}

// judge finds out which coordinator looks after each of the transactions.
func (r *Reader) judge(ctx context.Context, open []Blocking) error {
	if len(open) == 0 {
		return ctx.Err()
	}
	producers := map[int64]bool{}
	for _, b := range open {
		producers[b.ProducerID] = true
	}
	known, err := r.list(ctx, slices.Sorted(maps.Keys(producers)))
	if err != nil {
		return err
	}
	if err := r.fill(ctx, known); err != nil {
		return err
	}
	byProducer := map[int64]Transaction{}
	for _, t := range known {
		byProducer[t.ProducerID] = t
	}
	var doubtful []kafka.TopicPartition
	for i := range open {
		b := &open[i]
		t, ok := byProducer[b.ProducerID]
		if ok {
			b.Transaction = &t
		}
		if ok && (t.Error != "" || t.Open() && slices.Contains(t.Partitions, b.TopicPartition)) {
			continue
		}
		b.Hanging = true
		doubtful = append(doubtful, b.TopicPartition)
	}
	if len(doubtful) == 0 {
		return nil
	}
	// What ended meanwhile is no longer open, or starts elsewhere.
	again, err := r.Producers(ctx, doubtful)
	if err != nil {
		return err
	}
	for i := range open {
		open[i].Hanging = open[i].Hanging && slices.ContainsFunc(again, open[i].same)
	}
	return nil
}

func (b *Blocking) same(other Blocking) bool {
	return b.TopicPartition == other.TopicPartition && b.ProducerID == other.ProducerID && b.StartOffset == other.StartOffset
}

// Producers lists the open transactions of the partitions as their leaders see
// them, by partition and start, without asking coordinators: Transaction,
// Hanging and Waiting are not set. Partitions that could not be asked are joined in the error.
func (r *Reader) Producers(ctx context.Context, tps []kafka.TopicPartition) ([]Blocking, error) {
	byLeader := map[int32]map[string][]int32{}
	var failed []error
	for _, tp := range tps {
		leader, err := r.client.Leader(ctx, tp)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		if byLeader[leader] == nil {
			byLeader[leader] = map[string][]int32{}
		}
		if !slices.Contains(byLeader[leader][tp.Topic], tp.Partition) {
			byLeader[leader][tp.Topic] = append(byLeader[leader][tp.Topic], tp.Partition)
		}
	}
	var (
		mu   sync.Mutex
		wg   sync.WaitGroup
		open []Blocking
	)
	for leader, parts := range byLeader {
		wg.Go(func() {
			found, err := r.producersOf(ctx, leader, parts)
			mu.Lock()
			defer mu.Unlock()
			open = append(open, found...)
			failed = append(failed, err)
		})
	}
	wg.Wait()
	slices.SortFunc(open, func(a, b Blocking) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.StartOffset, b.StartOffset))
	})
	return open, errors.Join(failed...)
}

func (r *Reader) producersOf(ctx context.Context, leader int32, parts map[string][]int32) ([]Blocking, error) {
	req := &sarama.DescribeProducersRequest{}
	for topic, ids := range parts {
		req.Topics = append(req.Topics, sarama.DescribeProducersRequestTopic{Name: topic, PartitionIndexes: ids})
	}
	res, err := request.To(ctx, r.client, leader, func(b *sarama.Broker) (*sarama.DescribeProducersResponse, error) {
		return b.DescribeProducers(req)
	})
	if err != nil {
		return nil, fmt.Errorf("producers at broker %d: %w", leader, tooOld(err))
	}
	now := time.Now()
	var open []Blocking
	var failed []error
	for _, t := range res.Topics {
		for _, p := range t.Partitions {
			tp := kafka.TopicPartition{Topic: t.Name, Partition: p.PartitionIndex}
			if p.ErrorCode != sarama.ErrNoError {
				failed = append(failed, fmt.Errorf("producers of %s: %w", tp, detailed(p.ErrorCode, p.ErrorMessage)))
			}
			for _, s := range p.ActiveProducers {
				if s.CurrentTxnStartOffset < 0 {
					continue
				}
				b := Blocking{
					TopicPartition: tp, ProducerID: s.ProducerID, Epoch: int16(s.ProducerEpoch), StartOffset: s.CurrentTxnStartOffset,
					coordinatorEpoch: s.CoordinatorEpoch,
				}
				if s.LastTimestamp >= 0 {
					last := time.UnixMilli(s.LastTimestamp).UTC()
					quiet := max(0, now.Sub(last).Round(100*time.Millisecond).Seconds())
					b.LastWrite, b.QuietSeconds = &last, &quiet
				}
				open = append(open, b)
			}
		}
	}
	return open, errors.Join(failed...)
}
