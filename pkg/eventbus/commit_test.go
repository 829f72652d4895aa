package eventbus

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// TestCommitThatFails: a commit that failed, as when the coordinator moves, was made up
// for with the next record only; a topic that was quiet then kept its lag, and all since
// was handled twice after a crash.
func TestCommitThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{})
		r.lost = 3
		r.start(func(context.Context, Record) error { return nil })
		end := r.claim("orders", 0, records(20, 20)...)
		r.rest(10 * time.Second)
		r.expectAt(20)
		end()
		r.finish()
	})
}

// TestCommitThatIsForgotten: what a broker forgets of a group is committed once more, in
// partitions that have new records and in those that have none.
func TestCommitThatIsForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Subscription{})
		r.start(func(context.Context, Record) error { return nil })
		end := r.claim("orders", 0, records(20, 20)...)
		r.rest(10 * time.Second)
		r.expectAt(20)
		r.mu.Lock()
		delete(r.committed, kafka.TopicPartition{Topic: "orders"})
		r.mu.Unlock()
		r.rest(commitAgain + 2*time.Second)
		r.expectAt(20)
		end()
		r.finish()
	})
}
