package eventbus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Each of these tests is named after what happened in another library.

var errBad = errors.New("bad")

// takes is a handler that does nothing for a while.
func takes(d time.Duration) RecordHandler {
	return func(ctx context.Context, _ Record) error {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// One record was in flight whatever the number of keys.
func TestWatermill374OneInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{})
		began := time.Now()
		r.start(takes(time.Second))
		end := r.claim("orders", 0, records(64, 64)...)
		r.rest(3 * time.Second)
		r.expectAt(64)
		end()
		r.finish()
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("64 handlers of a second each took %v", took)
		}
	})
}

// The breaker dead-lettered healthy records while a dependency was down.
func TestWatermillBreakerDeadLettersHealthyRecords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{})
		began := time.Now()
		var calls atomic.Int32
		attempts := map[int64]int{}
		var mu sync.Mutex
		r.start(func(_ context.Context, rec Record) error {
			calls.Add(1)
			if time.Since(began) < 30*time.Second {
				return fmt.Errorf("asking the database: %w", kafka.ErrUnreachable)
			}
			mu.Lock()
			defer mu.Unlock()
			attempts[rec.Offset] = rec.Attempt
			return nil
		})
		end := r.claim("orders", 0, records(500, 100)...)
		r.rest(10 * time.Second)
		if got := r.sub.state(); got.Breaker == "closed" || got.Paused != 1 {
			t.Errorf("while the dependency is down: %+v", got)
		}
		// A call of each worker before it opens, and a probe now and then.
		if n := calls.Load(); n > 64+5+10 {
			t.Errorf("%d calls although the dependency is down", n)
		}
		r.rest(60 * time.Second)
		r.expectAt(500)
		r.expectLetters(0)
		for offset, n := range attempts {
			if n > 1 {
				t.Errorf("offset %d burned %d tries", offset, n-1)
			}
		}
		if got := r.sub.state(); got.Breaker != "closed" || got.Paused != 0 {
			t.Errorf("after it is back: %+v", got)
		}
		end()
		r.finish()
	})
}

// Exhausted retries were logged and the next success committed past them.
func TestDaprSilentLoss(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{})
		r.setRefuse(kafka.NewBrokerError(int16(sarama.ErrTopicAuthorizationFailed), ""))
		r.start(func(_ context.Context, rec Record) error {
			if rec.Offset == 3 {
				return errBad
			}
			return nil
		})
		end := r.claim("orders", 0, records(10, 10)...)
		r.rest(30 * time.Second)
		r.expectAt(3)
		if got := r.sub.state(); got.LettersFailing != 1 || got.Paused != 1 {
			t.Errorf("while letters cannot be written: %+v", got)
		}
		r.setRefuse(nil)
		r.rest(40 * time.Second)
		r.expectAt(10)
		r.expectLetters(1)
		if got := r.sub.state(); got.LettersFailing != 0 || got.Paused != 0 {
			t.Errorf("afterwards: %+v", got)
		}
		end()
		r.finish()
	})
}

// Records were lost and handled out of their order where several were under way.
func TestCloudEvents643LossAnd642Order(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{Concurrency: 8})
		var mu sync.Mutex
		got := map[string][]int64{}
		r.start(func(ctx context.Context, rec Record) error {
			if rec.Offset%7 == 0 && rec.Attempt < 3 {
				return errBad
			}
			if err := takes(time.Duration(rec.Offset*37%11)*time.Millisecond)(ctx, rec); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			got[string(rec.Key)] = append(got[string(rec.Key)], rec.Offset)
			return nil
		})
		list := records(300, 9)
		end := r.claim("orders", 0, list...)
		r.rest(90 * time.Second)
		n := 0
		for key, offsets := range got {
			n += len(offsets)
			if !slices.IsSorted(offsets) {
				t.Errorf("%s: %v", key, offsets)
			}
		}
		if n != len(list) {
			t.Errorf("%d of %d records", n, len(list))
		}
		r.expectAt(300)
		end()
		r.finish()
	})
}

// A dead letter topic with fewer partitions made letters fail for ever.
func TestSpring1700FewerPartitions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{Retries: []time.Duration{}})
		r.counts["orders"], r.counts["orders.dlq"] = 12, 5
		r.start(func(context.Context, Record) error { return errBad })
		list := records(50, 50)
		for _, m := range list[40:] {
			m.Key = nil
		}
		end := r.claim("orders", 11, list...)
		r.rest(5 * time.Second)
		for _, o := range r.sent() {
			want := int32(11 % 5)
			if o.key != nil {
				want = kafka.PartitionFor(o.key, 5)
			}
			if o.partition != want {
				t.Errorf("letter of key %q in partition %d, want %d", o.key, o.partition, want)
			}
		}
		r.expectLetters(50)
		end()
		r.finish()
	})
}

// Letters went to the record's partition number although another one has its
// key there.
func TestSpring1706SamePartition(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{Retries: []time.Duration{}})
		r.counts["orders"], r.counts["orders.dlq"] = 12, 12
		r.start(func(context.Context, Record) error { return errBad })
		end := r.claim("orders", 7, records(20, 20)...)
		r.rest(5 * time.Second)
		for _, o := range r.sent() {
			if o.partition != 7 {
				t.Errorf("letter in partition %d, want 7", o.partition)
			}
		}
		r.expectLetters(20)
		end()
		r.finish()
	})
}

// A bad event was tried for ever.
func TestNestJS14664BadEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{})
		var at []time.Duration
		began := time.Now()
		r.start(func(context.Context, Record) error {
			at = append(at, time.Since(began))
			return errBad
		})
		end := r.claim("orders", 0, records(1, 1)...)
		r.rest(time.Hour)
		for i := len(at) - 1; i > 0; i-- {
			at[i] = (at[i] - at[i-1]).Round(10 * time.Millisecond)
		}
		if want := []time.Duration{200e6, 400e6, 800e6}; len(at) != 4 || !slices.Equal(at[1:], want) {
			t.Errorf("tries after %v, want one and then %v", at, want)
		}
		r.expectLetters(1)
		r.expectAt(1)
		if l := letters.Read(kafka.Record{Topic: "orders.dlq", Headers: r.sent()[0].headers}); l.Attempts != 4 || l.Message != "bad" || l.Origin.Offset != 0 {
			t.Errorf("letter %+v", l)
		}
		end()
		r.finish()
	})
}

// A partition stayed paused after it came back in a rebalance.
func TestParallelConsumer857PausedAfterRebalance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{MaxInFlight: 10, Concurrency: 1})
		r.start(takes(100 * time.Millisecond))
		list := records(200, 200)
		end := r.claim("orders", 0, list...)
		r.rest(time.Second)
		if !r.isPaused(kafka.TopicPartition{Topic: "orders"}) {
			t.Error("the partition is not paused although it is full")
		}
		end()
		if r.isPaused(kafka.TopicPartition{Topic: "orders"}) {
			t.Error("the partition is paused after it was given up")
		}
		end = r.claim("orders", 0, list[r.at():]...)
		r.rest(time.Minute)
		r.expectAt(200)
		end()
		r.finish()
	})
}

// A slow record kept its partition from being given up, and the group from
// coming to rest.
func TestParallelConsumer637EndlessRebalance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{DrainTimeout: 10 * time.Second})
		r.start(takes(time.Hour))
		end := r.claim("orders", 0, records(500, 100)...)
		r.rest(time.Second)
		began := time.Now()
		end()
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("giving the partition up took %v", took)
		}
		r.expectAt(0)
		r.finish()
	})
}

// One topic's backlog starved the others.
func TestParallelConsumer184Starvation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{Concurrency: 4})
		var last atomic.Int64
		began := time.Now()
		r.start(func(ctx context.Context, rec Record) error {
			if rec.Partition == 1 {
				last.Store(int64(time.Since(began)))
			}
			return takes(10*time.Millisecond)(ctx, rec)
		})
		endBig := r.claim("orders", 0, records(20_000, 1000)...)
		r.rest(time.Second)
		endSmall := r.claim("orders", 1, records(10, 10)...)
		r.rest(2 * time.Minute)
		if waited := time.Duration(last.Load()); waited > 10*time.Second {
			t.Errorf("10 records waited %v behind another partition's 20,000", waited)
		}
		endBig()
		endSmall()
		r.finish()
	})
}

// Work that was done when the consumer was closed was not committed, or work
// that was not done was.
func TestParallelConsumer826LossOnClose(t *testing.T) {
	t.Parallel()
	for i := range 20 {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, Subscription{Concurrency: 5})
			var mu sync.Mutex
			done := map[int64]bool{}
			r.start(func(ctx context.Context, rec Record) error {
				if err := takes(time.Duration(rec.Offset*31%17)*time.Millisecond)(ctx, rec); err != nil {
					return err
				}
				mu.Lock()
				defer mu.Unlock()
				done[rec.Offset] = true
				return nil
			})
			end := r.claim("orders", 0, records(300, 20)...)
			r.rest(time.Duration(13*i) * time.Millisecond)
			end()
			r.finish()
			first := int64(0)
			for done[first] {
				first++
			}
			if got := r.at(); got != first {
				t.Errorf("committed %d, the first record that is not done is %d", got, first)
			}
		})
	}
}

// The queue of records to be tried again had no bound.
func TestParallelConsumer832UnboundedRetryQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{MaxInFlight: 50, Retries: []time.Duration{time.Minute, time.Minute}})
		r.start(func(context.Context, Record) error { return errBad })
		end := r.claim("orders", 0, records(5000, 5000)...)
		r.rest(30 * time.Second)
		if got := r.sub.state(); got.InFlight > 50 || got.Waiting > 50 || got.Paused != 1 {
			t.Errorf("while all fail: %+v", got)
		}
		end()
		r.finish()
	})
}

// What was done was not committed when the partition went away.
func TestParallelConsumer365NoCommitOnRevoke(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{})
		r.start(takes(time.Millisecond))
		end := r.claim("orders", 0, records(100, 100)...)
		r.rest(100 * time.Millisecond) // less than between two commits
		r.expectAt(0)
		end()
		r.expectAt(100)
		r.finish()
	})
}

// A handler that never returns held its partition for ever.
func TestStuckHandlerIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{HandlerTimeout: 5 * time.Second})
		block := make(chan struct{})
		var canceled atomic.Bool
		r.start(func(ctx context.Context, rec Record) error {
			if rec.Offset == 2 {
				<-ctx.Done()
				canceled.Store(errors.Is(context.Cause(ctx), ErrStuck))
				<-block
			}
			return nil
		})
		end := r.claim("orders", 0, records(20, 10)...)
		r.rest(3 * time.Second)
		if got := r.sub.state(); got.Stuck != 0 || got.OldestInFlight < 2*time.Second {
			t.Errorf("before its timeout: %+v", got)
		}
		r.rest(4 * time.Second)
		if got := r.sub.state(); got.Stuck != 1 || !canceled.Load() {
			t.Errorf("after its timeout: %+v, canceled %v", got, canceled.Load())
		}
		r.expectAt(2)
		r.rest(10 * time.Second)
		if got := r.sub.state(); got.Abandoned != 1 || got.Stuck != 0 {
			t.Errorf("after it was given up: %+v", got)
		}
		r.expectAt(20)
		r.expectLetters(1)
		if l := letters.Read(kafka.Record{Headers: r.sent()[0].headers}); l.Class != ClassStuck {
			t.Errorf("class %s", l.Class)
		}
		close(block)
		end()
		r.finish()
		if got := r.sub.state(); got.Abandoned != 0 {
			t.Errorf("after it returned: %+v", got)
		}
	})
}

// Where members are to take over, the subscription ends.
func TestStuckHandlerLeavesGroup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{HandlerTimeout: 5 * time.Second, OnStuck: LeaveGroup, DrainTimeout: time.Second})
		block := make(chan struct{})
		r.start(func(context.Context, Record) error { <-block; return nil })
		end := r.claim("orders", 0, records(3, 1)...)
		select {
		case <-r.sub.stopped:
		case <-time.After(time.Minute):
			t.Error("the subscription does not end")
		}
		end()
		r.expectAt(0)
		if err := r.sub.endErr; !errors.Is(err, ErrStuck) {
			t.Errorf("it ended with %v", err)
		}
		r.finish()
		close(block)
		synctest.Wait()
	})
}

// A letter that is too large was tried for ever.
func TestLetterTooLarge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{Retries: []time.Duration{}})
		r.sub.bus.opts.Letters.Stack = true
		var tried []int
		var room atomic.Int64
		r.sub.send = func(ctx context.Context, list []outgoing) []error {
			n := 0
			for _, h := range list[0].headers {
				n += len(h.Name) + len(h.Value)
			}
			tried = append(tried, n)
			if int64(n) > room.Load() {
				return []error{kafka.NewBrokerError(int16(sarama.ErrMessageSizeTooLarge), "")}
			}
			return r.write(ctx, list)
		}
		r.start(func(_ context.Context, rec Record) error {
			if rec.Offset == 0 {
				return errors.New("a message of some length that says what is wrong")
			}
			return nil
		})
		end := r.claim("orders", 0, records(20, 2)...)
		r.rest(2 * time.Second)
		if len(tried) != 3 || tried[0] <= tried[1] || tried[1] <= tried[2] {
			t.Errorf("letters of %v bytes of headers were tried, want three, each smaller", tried)
		}
		r.expectAt(0)
		if got := r.sub.state(); got.LettersFailing != 1 || got.Paused != 0 || got.InFlight != 10 {
			t.Errorf("its key waits and no other: %+v", got)
		}
		room.Store(10_000) // an operator raised the bound
		r.rest(time.Minute)
		r.expectAt(20)
		r.expectLetters(1)
		end()
		r.finish()
	})
}

// Later events of a key that failed for good follow it, until it is released.
func TestParkKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{OnExhausted: ParkKey, Retries: []time.Duration{}})
		r.sub.bus.subs = map[*subscription]struct{}{r.sub: {}}
		var mu sync.Mutex
		var got []int64
		r.start(func(_ context.Context, rec Record) error {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, rec.Offset)
			if rec.Offset == 0 {
				return errBad
			}
			return nil
		})
		list := records(6, 2)
		end := r.claim("orders", 0, list...)
		r.rest(2 * time.Second)
		r.expectAt(6)
		var text string
		for _, o := range r.sent() {
			l := letters.Read(kafka.Record{Headers: o.headers})
			text += fmt.Sprintf("%s:%s:%s ", o.value, l.Reason, l.Class)
		}
		if want := "0::*errors.errorString 2:predecessor-parked:eventbus.Predecessor 4:predecessor-parked:eventbus.Predecessor "; text != want {
			t.Errorf("letters %q, want %q", text, want)
		}
		end()
		if !slices.Equal(got, []int64{0, 1, 3, 5}) {
			t.Errorf("handled %v", got)
		}
		r.finish()
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{OnExhausted: ParkKey})
		r.sub.bus.subs = map[*subscription]struct{}{r.sub: {}}
		c := &claim{sub: r.sub, tracker: newTracker()}
		c.park(&lane{key: "k0"})
		r.note = c.notes()
		r.start(func(context.Context, Record) error { return nil })
		end := r.claim("orders", 0, records(2, 1)...)
		r.rest(2 * time.Second)
		r.expectLetters(2) // the former owner parked it
		if !r.sub.bus.Release("orders", []byte("k0")) || r.sub.bus.Release("orders", []byte("k0")) {
			t.Error("the key is released once")
		}
		end()
		r.note = ""
		end = r.claim("orders", 0, records(3, 1)[2])
		r.rest(2 * time.Second)
		r.expectLetters(2)
		r.expectAt(3)
		end()
		r.finish()
	})
}

// A subscription that must not pass a record ends before it.
func TestHalt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{OnExhausted: Halt, Retries: []time.Duration{time.Second}})
		r.start(func(_ context.Context, rec Record) error {
			if rec.Offset == 4 {
				return errBad
			}
			return nil
		})
		end := r.claim("orders", 0, records(10, 10)...)
		<-r.sub.stopped
		end()
		r.expectAt(4)
		r.expectLetters(0)
		if err := r.sub.endErr; !errors.Is(err, ErrHalted) || !errors.Is(err, errBad) {
			t.Errorf("it ended with %v", err)
		}
		r.finish()
	})
}

// A batch that fails for good is taken apart.
func TestBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{Ordering: ByPartition, BatchSize: 10, OnTombstone: DeliverTombstone})
		var sizes []int
		r.sub.invokeBatch = r.sub.batchInvoker(func(_ context.Context, batch []Delivery) error {
			sizes = append(sizes, len(batch))
			for _, d := range batch {
				if d.Record.Offset == 13 {
					return errBad
				}
			}
			return nil
		})
		list := records(40, 1)
		for _, m := range list {
			m.Value = nil
		}
		r.start(nil)
		end := r.claim("orders", 0, list...)
		r.rest(time.Minute)
		r.expectAt(40)
		r.expectLetters(1)
		if m := slices.Max(sizes); m != 10 {
			t.Errorf("the largest batch has %d records: %v", m, sizes)
		}
		end()
		r.finish()
	})
}

// Letters that are replayed for one group are nothing to another.
func TestReplayForOneGroup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{})
		var got []int64
		r.start(func(_ context.Context, rec Record) error { got = append(got, rec.Offset); return nil })
		list := records(4, 1)
		for i, group := range []string{"", "svc-x-consumer", "svc-y-consumer", ""} {
			if group != "" {
				list[i].Headers = []*sarama.RecordHeader{{Key: []byte("dlq-replay-for-group"), Value: []byte(group)}}
			}
		}
		end := r.claim("orders", 0, list...)
		r.rest(2 * time.Second)
		r.expectAt(4)
		if !slices.Equal(got, []int64{0, 1, 3}) {
			t.Errorf("handled %v", got)
		}
		end()
		r.finish()
	})
}

// No goroutine and no record is left after many claims.
func TestManyClaims(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{Concurrency: 3})
		r.start(takes(time.Millisecond))
		var ends []func()
		for p := range int32(20) {
			ends = append(ends, r.claim("orders", p, records(50, 7)...))
		}
		r.rest(5 * time.Second)
		for p, end := range ends {
			end()
			if got := r.atPartition(int32(p)); got != 50 {
				t.Errorf("partition %d: committed %d", p, got)
			}
		}
		if got := r.sub.state(); got.Assigned != 0 || got.InFlight != 0 {
			t.Error(strconv.Quote(fmt.Sprintf("%+v", got)))
		}
		r.finish()
	})
}

// What runs when a partition goes away may finish, and is committed.
func TestDrainLetsHandlersFinish(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{DrainTimeout: 10 * time.Second, Concurrency: 4})
		r.start(takes(3 * time.Second))
		end := r.claim("orders", 0, records(8, 8)...)
		r.rest(time.Second)
		began := time.Now()
		end()
		if took := time.Since(began); took < time.Second || took > 3*time.Second {
			t.Errorf("giving the partition up took %v, the handlers 2s", took)
		}
		r.expectAt(4) // nothing else is begun
		r.finish()
	})
}

// A partition that comes while the breaker is open, with nothing in hand to
// probe with, is fetched from all the same; it once stayed paused for ever.
func TestBreakerOpenWithNothingInHand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{})
		began := time.Now()
		r.start(func(context.Context, Record) error {
			if time.Since(began) < 10*time.Second {
				return Unavailable(errBad)
			}
			return nil
		})
		list := records(20, 20)
		end := r.claim("orders", 0, list...)
		r.rest(3 * time.Second)
		if got := r.sub.state(); got.Breaker != "open" {
			t.Errorf("breaker is %s", got.Breaker)
		}
		end()
		r.expectAt(0)
		end = r.claim("orders", 0, list...)
		r.rest(time.Minute)
		r.expectAt(20)
		r.expectLetters(0)
		end()
		r.finish()
	})
}
