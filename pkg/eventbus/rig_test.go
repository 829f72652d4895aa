package eventbus

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// rig is a subscription on a broker that is no more than what a test puts into
// it, to be used in a bubble of testing/synctest.
type rig struct {
	t       *testing.T
	sub     *subscription
	ctx     context.Context
	cancel  context.CancelFunc
	claimed sync.WaitGroup

	mu        sync.Mutex
	marked    map[kafka.TopicPartition]int64
	committed map[kafka.TopicPartition]int64
	dirty     map[kafka.TopicPartition]bool
	lost      int // commits that fail
	paused    map[kafka.TopicPartition]bool
	letters   []outgoing
	refuse    error // of the dead letter topic
	counts    map[string]int32
	note      string // that is committed
}

func newRig(t *testing.T, o Subscription) *rig {
	t.Helper()
	r := &rig{
		t: t, marked: map[kafka.TopicPartition]int64{}, committed: map[kafka.TopicPartition]int64{}, dirty: map[kafka.TopicPartition]bool{}, paused: map[kafka.TopicPartition]bool{},
		counts: map[string]int32{"orders": 1, "orders.dlq": 1},
	}
	r.ctx, r.cancel = context.WithCancel(t.Context())
	log := slog.New(slog.DiscardHandler)
	b := &Bus{service: "svc", life: r.ctx, obs: &observer{log: log}, opts: Options{Logger: log}}
	var err error
	if b.catalogue, err = events.NewCatalogue(); err != nil {
		t.Fatal(err)
	}
	o.Group = "svc-x-consumer"
	r.sub = b.newSubscription(r.ctx, "orders", o)
	r.sub.fetching, r.sub.send = r, r.write
	r.sub.committed = func(_ context.Context, _ string, partitions []int32) (map[int32]committedOffset, error) {
		all := map[int32]committedOffset{}
		for _, p := range partitions {
			all[p] = committedOffset{note: r.note}
		}
		return all, nil
	}
	r.sub.nextRecords = func(context.Context, map[kafka.TopicPartition]int64) map[kafka.TopicPartition]int64 { return nil }
	r.sub.sizes = func(_ context.Context, topic string) (int32, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if n, ok := r.counts[topic]; ok {
			return n, nil
		}
		return 0, kafka.ErrUnknownTopic
	}
	return r
}

// start begins with a handler of records.
func (r *rig) start(h RecordHandler) {
	r.sub.invoke = r.sub.recordInvoker(h)
	r.sub.start()
	_ = r.sub.Setup(r)
}

// claim has partition p of a topic until the returned function ends it.
func (r *rig) claim(topic string, p int32, list ...*sarama.ConsumerMessage) (end func()) {
	for _, m := range list {
		m.Topic, m.Partition = topic, p
	}
	c := &rigClaim{modelClaim{p: &modelPartition{id: p, log: list}, from: list[0].Offset, messages: make(chan *sarama.ConsumerMessage, 1000)}, topic}
	tp := kafka.TopicPartition{Topic: topic, Partition: p}
	done := make(chan struct{})
	stop := make(chan struct{})
	r.claimed.Go(func() {
		defer close(done)
		_ = r.sub.ConsumeClaim(r, c)
	})
	r.claimed.Go(func() {
		defer close(c.messages)
		poll := time.NewTicker(10 * time.Millisecond)
		defer poll.Stop()
		for _, m := range list {
			for r.isPaused(tp) {
				select {
				case <-poll.C:
				case <-stop:
					return
				}
			}
			select {
			case c.messages <- m:
			case <-stop:
				return
			}
		}
		<-stop
	})
	return func() {
		close(stop)
		<-done
	}
}

type rigClaim struct {
	modelClaim
	topic string
}

func (c *rigClaim) Topic() string { return c.topic }

// finish ends everything; the bubble sees whether a goroutine is left.
func (r *rig) finish() {
	_ = r.sub.Cleanup(r)
	r.claimed.Wait()
	r.sub.release()
	r.cancel()
	synctest.Wait()
}

// rest lets time go by.
func (r *rig) rest(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}

func (r *rig) isPaused(tp kafka.TopicPartition) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.paused[tp]
}

func (r *rig) write(_ context.Context, list []outgoing) []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	errs := make([]error, len(list))
	for i, o := range list {
		if r.refuse != nil {
			errs[i] = r.refuse
			continue
		}
		r.letters = append(r.letters, o)
	}
	return errs
}

func (r *rig) setRefuse(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse = err
}

// sent gives the letters that were written.
func (r *rig) sent() []outgoing {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.letters)
}

// at gives what is committed of partition 0 of orders.
func (r *rig) at() int64 { return r.atPartition(0) }

func (r *rig) atPartition(p int32) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.committed[kafka.TopicPartition{Topic: "orders", Partition: p}]
}

func (r *rig) expectAt(want int64) {
	r.t.Helper()
	if got := r.at(); got != want {
		r.t.Errorf("committed %d, want %d", got, want)
	}
}

func (r *rig) expectLetters(want int) {
	r.t.Helper()
	if got := len(r.sent()); got != want {
		r.t.Errorf("%d letters, want %d", got, want)
	}
}

// The rig is a sarama.ConsumerGroupSession and what a claim fetches through.
func (r *rig) Context() context.Context                    { return r.ctx }
func (r *rig) Claims() map[string][]int32                  { return nil }
func (r *rig) MemberID() string                            { return "" }
func (r *rig) GenerationID() int32                         { return 1 }
func (r *rig) MarkMessage(*sarama.ConsumerMessage, string) {}

func (r *rig) ResetOffset(topic string, p int32, offset int64, _ string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	tp := kafka.TopicPartition{Topic: topic, Partition: p}
	if offset <= r.marked[tp] {
		r.marked[tp], r.dirty[tp] = offset, true
	}
}

func (r *rig) MarkOffset(topic string, p int32, offset int64, _ string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	tp := kafka.TopicPartition{Topic: topic, Partition: p}
	if offset > r.marked[tp] {
		r.marked[tp], r.dirty[tp] = offset, true
	}
}

func (r *rig) Commit() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.dirty) > 0 && r.lost > 0 {
		r.lost--
		return
	}
	for tp := range r.dirty {
		r.committed[tp] = r.marked[tp]
	}
	clear(r.dirty)
}

func (r *rig) Pause(parts map[string][]int32)  { r.setPaused(parts, true) }
func (r *rig) Resume(parts map[string][]int32) { r.setPaused(parts, false) }

func (r *rig) setPaused(parts map[string][]int32, to bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for topic, ids := range parts {
		for _, id := range ids {
			r.paused[kafka.TopicPartition{Topic: topic, Partition: id}] = to
		}
	}
}

// records makes n records with offsets from 0 on, whose keys go round.
func records(n, keys int) []*sarama.ConsumerMessage {
	list := make([]*sarama.ConsumerMessage, n)
	for i := range list {
		list[i] = &sarama.ConsumerMessage{Offset: int64(i), Key: []byte("k" + strconv.Itoa(i%keys)), Value: fmt.Appendf(nil, "%d", i)}
	}
	return list
}
