package eventbus

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

// TestPartitionsShareTheBudget: what a Bus holds does not grow with its partitions. A
// service that had fallen behind held 64 MiB of each, and as much again unread.
func TestPartitionsShareTheBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{Concurrency: 4})
		size := int64(sizeOf(records(1, 1)[0]))
		r.sub.bus.budget.total, r.sub.bus.budget.least = 40*size, 2*size
		proceed, all := make(chan struct{}), make(chan struct{})
		committed := r.sub.committed
		r.sub.committed = func(ctx context.Context, topic string, partitions []int32) (map[int32]committedOffset, error) {
			<-all // claims of one session
			return committed(ctx, topic, partitions)
		}
		r.start(func(context.Context, Record) error {
			<-proceed
			return nil
		})
		var ends []func()
		for p := range int32(4) {
			ends = append(ends, r.claim("orders", p, records(50, 50)...))
		}
		synctest.Wait()
		close(all)
		r.rest(10 * time.Second)
		if g := r.sub.state(); g.InFlight > 40 || g.InFlight < 30 || g.Paused != 4 {
			t.Errorf("of four partitions: %+v", g)
		}
		close(proceed)
		r.rest(10 * time.Second)
		for p := range int32(4) {
			if got := r.atPartition(p); got != 50 {
				t.Errorf("partition %d: committed %d", p, got)
			}
		}
		for _, end := range ends {
			end()
		}
		r.finish()
	})
	b := budget{total: 100, least: 7}
	for claims, want := range map[int64]int64{0: 100, 1: 100, 4: 25, 50: 7} {
		b.claims.Store(claims)
		if got := b.share(); got != want {
			t.Errorf("of %d: %d, want %d", claims, got, want)
		}
	}
	if got := (&budget{}).share(); got != math.MaxInt64 {
		t.Errorf("without a bound: %d", got)
	}
}
