package topics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/request"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Point is where, in every partition, a deletion of records stops: the record
// there and all behind it stay. The zero value is offset 0, before which there
// is nothing.
type Point struct {
	// Offset is the first offset to keep. What lies beyond a partition's end
	// is its end.
	Offset int64
	// Time, unless it is zero, counts in place of Offset: the first record at
	// or after it stays, in milliseconds, and all of a partition goes that has
	// none. Records behind that one stay whatever their time is.
	Time time.Time
	// End counts in place of both: all that there is now goes.
	End bool
}

// DeleteRecordsOptions says which partitions are meant.
type DeleteRecordsOptions struct {
	// Partitions are their numbers; none is all of the topic.
	Partitions []int32
}

// RecordDeletion is what becomes, or became, of one partition. The offsets are
// nil where no broker told them.
type RecordDeletion struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	// Start is where the partition began before, NewStart where it begins after.
	Start    *int64 `json:"start,omitempty"`
	NewStart *int64 `json:"new_start,omitempty"`
	// Deleted counts offsets: what compaction had removed and the markers of
	// transactions count as records.
	Deleted *int64 `json:"deleted,omitempty"`
	// End is the high watermark when the deletion was planned.
	End *int64 `json:"end,omitempty"`
	// DryRun tells a plan, by which nothing has been deleted yet.
	DryRun bool   `json:"dry_run,omitempty"`
	Note   string `json:"note,omitempty"`
	Error  string `json:"error,omitempty"`
	Err    error  `json:"-"`

	topicID string // empty on brokers before 2.8
}

func (d RecordDeletion) tp() kafka.TopicPartition {
	return kafka.TopicPartition{Topic: d.Topic, Partition: d.Partition}
}

func (d *RecordDeletion) fail(err error) {
	d.Err, d.Error = err, err.Error()
	d.NewStart, d.Deleted = nil, nil
}

// DeleteRecords deletes what [Admin.PlanDeleteRecords] told, which nothing
// brings back, and returns the rows as they became: NewStart is the low
// watermark that the leader answered with, once every replica that is in sync
// has followed. It asks all leaders at the same time and follows one that has
// moved, for as long as one request may take. Partitions of the plan that have
// an Err or lose nothing are left alone; those that failed have an Err and keep
// no other, and deleting them again is safe.
//
// The error joins those of the partitions, the plan's too. Test it for
// [ErrCompacted], [ErrRecreated], [kafka.ErrNotPermitted] and [kafka.ErrUnreachable].
func (a *Admin) DeleteRecords(ctx context.Context, plan []RecordDeletion) ([]RecordDeletion, error) {
	done := slices.Clone(plan)
	left := map[int]int64{}
	for i := range done {
		d := &done[i]
		d.DryRun = false
		if d.Err == nil && d.Deleted != nil && *d.Deleted > 0 {
			left[i] = *d.NewStart
		}
	}
	err := a.retry(ctx, func() (bool, error) {
		if len(left) > 0 {
			a.deleteOnce(ctx, done, left)
		}
		return len(left) > 0, nil
	})
	var failed []error
	for _, d := range done {
		if d.Err != nil {
			failed = append(failed, d.Err)
		}
	}
	return done, errors.Join(append(failed, err)...)
}

// deleteOnce sends what is left to the leaders as they are now, and takes out
// of left what need not be asked again.
func (a *Admin) deleteOnce(ctx context.Context, done []RecordDeletion, left map[int]int64) {
	byLeader := a.leadersOf(ctx, done, left)
	requests := make(map[int32]*sarama.DeleteRecordsRequest, len(byLeader))
	for leader, which := range byLeader {
		requests[leader] = deletionRequest(done, left, which, a.client.Timeout())
	}
	var (
		mu sync.Mutex // of left; each row belongs to one leader
		wg sync.WaitGroup
	)
	for leader, req := range requests {
		wg.Go(func() {
			res, err := request.To(ctx, a.client, leader, func(b *sarama.Broker) (*sarama.DeleteRecordsResponse, error) { return b.DeleteRecords(req) })
			mu.Lock()
			defer mu.Unlock()
			for _, i := range byLeader[leader] {
				if settle(&done[i], res, err, a.client.Timeout()) {
					delete(left, i)
				}
			}
		})
	}
	wg.Wait()
}

func deletionRequest(done []RecordDeletion, left map[int]int64, which []int, timeout time.Duration) *sarama.DeleteRecordsRequest {
	req := &sarama.DeleteRecordsRequest{Version: 2, Timeout: timeout, Topics: map[string]*sarama.DeleteRecordsRequestTopic{}}
	for _, i := range which {
		t := req.Topics[done[i].Topic]
		if t == nil {
			t = &sarama.DeleteRecordsRequestTopic{PartitionOffsets: map[int32]int64{}}
			req.Topics[done[i].Topic] = t
		}
		t.PartitionOffsets[done[i].Partition] = left[i]
	}
	return req
}

// leadersOf sorts what is left by the leaders that the cluster tells of now. A
// row without one fails; it stays in left where that may change.
func (a *Admin) leadersOf(ctx context.Context, done []RecordDeletion, left map[int]int64) map[int32][]int {
	names := map[string]bool{}
	for i := range left {
		names[done[i].Topic] = true
	}
	meta, err := a.client.Metadata(ctx, slices.Sorted(maps.Keys(names)))
	leaders := map[kafka.TopicPartition]int32{}
	found := make(map[string]kafka.TopicMetadata, len(meta.Topics))
	for _, t := range meta.Topics {
		found[t.Name] = t
		for _, p := range t.Partitions {
			leaders[kafka.TopicPartition{Topic: t.Name, Partition: p.ID}] = p.Leader
		}
	}
	byLeader := map[int32][]int{}
	for i := range left {
		d := &done[i]
		t := found[d.Topic]
		leader, ok := leaders[d.tp()]
		switch {
		case err != nil, !ok && t.Err != nil && !isUnknown(t.Err):
			d.fail(fmt.Errorf("%s: deleting records: %w", d.tp(), cmp.Or(err, t.Err)))
			delete(left, i)
		case !ok:
			d.fail(&NotFoundError{Name: d.Topic})
			delete(left, i)
		case d.topicID != "" && t.ID != "" && t.ID != d.topicID:
			d.fail(fmt.Errorf("%s: %w", d.tp(), ErrRecreated))
			delete(left, i)
		case leader < 0:
			d.fail(fmt.Errorf("%s: deleting records: %w", d.tp(), brokerAnswer(sarama.ErrLeaderNotAvailable, nil)))
		default:
			byLeader[leader] = append(byLeader[leader], i)
		}
	}
	return byLeader
}

// settle puts the answer of a leader into the row. It is false when another
// leader may have to be asked.
func settle(d *RecordDeletion, res *sarama.DeleteRecordsResponse, err error, timeout time.Duration) bool {
	var answer *sarama.DeleteRecordsResponsePartition
	if err == nil && res.Topics[d.Topic] != nil {
		answer = res.Topics[d.Topic].Partitions[d.Partition]
	}
	switch {
	case err != nil:
	case answer == nil:
		err = errors.New("the broker left it out of its answer")
	case answer.Err == sarama.ErrNoError:
		newStart, deleted := answer.LowWatermark, max(0, answer.LowWatermark-*d.Start)
		d.NewStart, d.Deleted, d.Err, d.Error = &newStart, &deleted, nil, ""
		return true
	case answer.Err == sarama.ErrPolicyViolation:
		err = fmt.Errorf("%w: %w", ErrCompacted, brokerAnswer(answer.Err, nil))
	case answer.Err == sarama.ErrRequestTimedOut:
		// The leader deletes first and then waits for the others.
		d.fail(fmt.Errorf("%s: its leader has deleted the records, a replica has not followed in %v: %w", d.tp(), timeout, brokerAnswer(answer.Err, nil)))
		return true
	default:
		err = brokerAnswer(answer.Err, nil)
	}
	d.fail(fmt.Errorf("%s: deleting records: %w", d.tp(), err))
	return !kafka.Retriable(err) || isUnknown(err)
}
