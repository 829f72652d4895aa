package txn

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// control is a cluster whose answers a test replaces.
type control struct {
	cluster *kfake.Cluster
	client  *kafka.Client
}

func controlled(t *testing.T) control {
	t.Helper()
	cluster := kafkatest.Cluster(t, kfake.SeedTopics(2, "orders"))
	return control{cluster, kafkatest.Open(t, kafkatest.Bootstrap(cluster))}
}

// answer replaces the first times answers to requests of the key.
func (c control) answer(key int16, times int, change func(kmsg.Request) kmsg.Response) *atomic.Int32 {
	var seen atomic.Int32
	c.cluster.ControlKey(key, func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.cluster.KeepControl()
		if int(seen.Add(1)) > times {
			return nil, nil, false
		}
		return change(req), nil, true
	})
	return &seen
}

// produced answers every partition of a Produce with the code.
func produced(code func(partition int32) int16) func(kmsg.Request) kmsg.Response {
	return func(r kmsg.Request) kmsg.Response {
		req := r.(*kmsg.ProduceRequest)
		res := req.ResponseKind().(*kmsg.ProduceResponse)
		for _, t := range req.Topics {
			topic := kmsg.NewProduceResponseTopic()
			topic.Topic, topic.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				part := kmsg.NewProduceResponseTopicPartition()
				part.Partition, part.ErrorCode, part.BaseOffset = p.Partition, code(p.Partition), -1
				topic.Partitions = append(topic.Partitions, part)
			}
			res.Topics = append(res.Topics, topic)
		}
		return res
	}
}

func always(code int16) func(int32) int16 { return func(int32) int16 { return code } }

func added(code int16) func(kmsg.Request) kmsg.Response {
	return func(r kmsg.Request) kmsg.Response {
		req := r.(*kmsg.AddPartitionsToTxnRequest)
		res := req.ResponseKind().(*kmsg.AddPartitionsToTxnResponse)
		for _, t := range req.Topics {
			topic := kmsg.NewAddPartitionsToTxnResponseTopic()
			topic.Topic = t.Topic
			for _, p := range t.Partitions {
				part := kmsg.NewAddPartitionsToTxnResponseTopicPartition()
				part.Partition, part.ErrorCode = p, code
				topic.Partitions = append(topic.Partitions, part)
			}
			res.Topics = append(res.Topics, topic)
		}
		return res
	}
}

func ended(code int16) func(kmsg.Request) kmsg.Response {
	return func(r kmsg.Request) kmsg.Response {
		res := r.ResponseKind().(*kmsg.EndTxnResponse)
		res.ErrorCode = code
		return res
	}
}

const (
	produce, initProducerID, addPartitions, addOffsets, endTxn = int16(0), int16(22), int16(24), int16(25), int16(26)

	notLeader, timedOut, tooLarge, notCoordinator, afterAppend = int16(6), int16(7), int16(10), int16(16), int16(20)
	noTopicRight, noGroupRight, oldEpoch, badState, concurrent = int16(29), int16(30), int16(47), int16(48), int16(51)
	noIDRight, outOfOrder, fenced, abortable                   = int16(53), int16(45), int16(90), int16(120)
)

// What each answer means, in the words of Commit's errors.
func TestAnswers(t *testing.T) {
	t.Parallel()
	var clean = func(t *testing.T, err error) {
		var lost *LostError
		if err == nil || errors.As(err, &lost) {
			t.Errorf("got %v, want a clean abort", err)
		}
	}
	lostAs := func(isFenced, isUnknown bool) func(*testing.T, error) {
		return func(t *testing.T, err error) {
			t.Helper()
			var lost *LostError
			if !errors.As(err, &lost) || lost.Fenced != isFenced || lost.Unknown != isUnknown {
				t.Errorf("got %#v, want a lost producer, fenced %v, unknown %v", err, isFenced, isUnknown)
			}
		}
	}
	fine := func(t *testing.T, err error) {
		if err != nil {
			t.Error(err)
		}
	}
	notPermitted := func(t *testing.T, err error) {
		clean(t, err)
		if !errors.Is(err, kafka.ErrNotPermitted) {
			t.Errorf("got %v, want ErrNotPermitted", err)
		}
	}
	for name, tc := range map[string]struct {
		key    int16
		times  int
		change func(kmsg.Request) kmsg.Response
		want   func(*testing.T, error)
	}{
		"leader moved once":               {produce, 1, produced(always(notLeader)), fine},
		"leader moved for good":           {produce, 1 << 20, produced(always(notLeader)), lostAs(false, false)},
		"appended, not replicated, once":  {produce, 1, produced(always(afterAppend)), fine},
		"produce timed out":               {produce, 1, produced(always(timedOut)), lostAs(false, false)},
		"produce out of order":            {produce, 1, produced(always(outOfOrder)), lostAs(false, false)},
		"produce by an old epoch":         {produce, 1, produced(always(oldEpoch)), lostAs(true, false)},
		"produce outside the transaction": {produce, 1, produced(always(badState)), lostAs(false, false)},
		"produce asks for an abort":       {produce, 1, produced(always(abortable)), clean},
		"produce not permitted":           {produce, 1, produced(always(noTopicRight)), notPermitted},
		"refused beside an unsure batch": {produce, 1, produced(func(p int32) int16 {
			return []int16{afterAppend, tooLarge}[p]
		}), lostAs(false, false)},
		"markers under way":              {addPartitions, 5, added(concurrent), fine},
		"coordinator moved":              {addPartitions, 2, added(notCoordinator), fine},
		"adding not permitted":           {addPartitions, 1, added(noTopicRight), notPermitted},
		"id not permitted":               {addPartitions, 1, added(noIDRight), notPermitted},
		"adding fenced":                  {addPartitions, 1, added(fenced), lostAs(true, false)},
		"commit at a moved coordinator":  {endTxn, 2, ended(notCoordinator), fine},
		"commit never at a coordinator":  {endTxn, 1 << 20, ended(notCoordinator), lostAs(false, true)},
		"commit while markers are":       {endTxn, 3, ended(concurrent), fine},
		"commit fenced":                  {endTxn, 1, ended(fenced), lostAs(true, false)},
		"commit of nothing":              {endTxn, 1, ended(badState), lostAs(false, true)},
		"moved, then fenced":             {endTxn, 2, movedThenFenced(), lostAs(true, true)},
		"commit asks for an abort first": {endTxn, 1, ended(abortable), clean},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := controlled(t)
			p := acquire(t, c.client, Options{ID: "a", Patience: 700 * time.Millisecond})
			c.answer(tc.key, tc.times, tc.change)
			w := Write{Records: []kafka.Record{record("orders", 0, "x"), record("orders", 1, "y")}}
			_, err := p.Commit(t.Context(), w)
			tc.want(t, err)
			var lost *LostError
			if errors.As(err, &lost) {
				if _, again := p.Commit(t.Context(), w); again == nil {
					t.Error("a lost producer commits")
				}
				return
			}
			seen := len(values(t, c.client, "orders", 2))
			if err == nil && seen != 2 || err != nil && seen != 0 {
				t.Errorf("%v, but %d records are seen", err, seen)
			}
			if _, err := p.Commit(t.Context(), w); err != nil {
				t.Errorf("the producer does not go on: %v", err)
			}
			if now := len(values(t, c.client, "orders", 2)); now != seen+2 {
				t.Errorf("%d records after the next commit, want %d", now, seen+2)
			}
		})
	}
}

func movedThenFenced() func(kmsg.Request) kmsg.Response {
	var n atomic.Int32
	return func(r kmsg.Request) kmsg.Response {
		return ended([]int16{notCoordinator, fenced}[n.Add(1)-1])(r)
	}
}

func TestOffsetsRefused(t *testing.T) {
	t.Parallel()
	c := controlled(t)
	p := acquire(t, c.client, Options{ID: "a"})
	c.answer(addOffsets, 1, func(r kmsg.Request) kmsg.Response {
		res := r.ResponseKind().(*kmsg.AddOffsetsToTxnResponse)
		res.ErrorCode = noGroupRight
		return res
	})
	w := Write{
		Records: []kafka.Record{record("orders", 0, "x")},
		Offsets: &Offsets{Group: "g", At: map[kafka.TopicPartition]Offset{{Topic: "orders"}: {Offset: 1}}},
	}
	_, err := p.Commit(t.Context(), w)
	if !errors.Is(err, ErrOffsetsRefused) || !errors.Is(err, kafka.ErrNotPermitted) {
		t.Errorf("got %v", err)
	}
	w.Offsets = nil
	if _, err := p.Commit(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if got := values(t, c.client, "orders", 2); len(got) != 1 {
		t.Errorf("got %v", got)
	}
}

func TestAcquire(t *testing.T) {
	t.Parallel()
	answer := func(code int16) func(kmsg.Request) kmsg.Response {
		return func(r kmsg.Request) kmsg.Response {
			res := r.ResponseKind().(*kmsg.InitProducerIDResponse)
			res.ErrorCode = code
			return res
		}
	}
	t.Run("waits for markers", func(t *testing.T) {
		t.Parallel()
		c := controlled(t)
		seen := c.answer(initProducerID, 4, answer(concurrent))
		acquire(t, c.client, Options{ID: "a"})
		if n := seen.Load(); n != 5 {
			t.Errorf("asked %d times", n)
		}
	})
	t.Run("not permitted", func(t *testing.T) {
		t.Parallel()
		c := controlled(t)
		c.answer(initProducerID, 1, answer(noIDRight))
		if _, err := Acquire(t.Context(), c.client, Options{ID: "a"}); !errors.Is(err, kafka.ErrNotPermitted) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("patience", func(t *testing.T) {
		t.Parallel()
		c := controlled(t)
		c.answer(initProducerID, 1<<20, answer(concurrent))
		told := make(chan string, 9)
		_, err := Acquire(t.Context(), c.client, Options{ID: "a", Patience: 300 * time.Millisecond, Notice: func(text string) { told <- text }})
		var be *kafka.BrokerError
		if !errors.As(err, &be) || be.Name != "CONCURRENT_TRANSACTIONS" || len(told) != 1 {
			t.Errorf("got %v after %d notices", err, len(told))
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		t.Parallel()
		c := controlled(t)
		c.answer(initProducerID, 1<<20, answer(concurrent))
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		if _, err := Acquire(ctx, c.client, Options{ID: "a"}); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 5*time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
	t.Run("wrong options", func(t *testing.T) {
		t.Parallel()
		c := controlled(t)
		for _, o := range []Options{{}, {ID: "a", Compression: "rar"}} {
			if _, err := Acquire(t.Context(), c.client, o); err == nil {
				t.Errorf("%+v is taken", o)
			}
		}
	})
}
