package eventbus

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// parcel is one record on its way, and what became of it.
type parcel struct {
	outgoing
	size    int
	expires time.Time
	load    *load

	// Valid once settled is set.
	offset  int64 // -1: not known
	err     error
	settled atomic.Bool
}

func (p *parcel) target() kafka.TopicPartition {
	return kafka.TopicPartition{Topic: p.topic, Partition: p.partition}
}

// settle says what became of a parcel, once.
func (p *parcel) settle(offset int64, err error) {
	p.offset, p.err = offset, err
	p.settled.Store(true)
	if p.load.left.Add(-1) == 0 {
		close(p.load.done)
	}
}

// result is what became of a parcel by the end of ctx.
func (p *parcel) result(ctx context.Context) error {
	if p.settled.Load() {
		return p.err
	}
	return fmt.Errorf("%w: %w", ErrUncertain, ctx.Err())
}

// load is the parcels of one call.
type load struct {
	left atomic.Int64
	done chan struct{} // closed when all are settled

	mu     sync.Mutex
	failed map[*outbound]error // partitions in which a batch failed
	held   map[string]struct{} // sequences of which an event was refused
}

// hold keeps back what is left of a sequence.
func (o *load) hold(sequence string) {
	if sequence == "" {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.held == nil {
		o.held = map[string]struct{}{}
	}
	o.held[sequence] = struct{}{}
}

// holds tells whether a sequence is kept back.
func (o *load) holds(sequence string) bool {
	if sequence == "" {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	_, held := o.held[sequence]
	return held
}

func (o *load) fail(l *outbound, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed == nil {
		o.failed = map[*outbound]error{}
	}
	o.failed[l] = err
}

func (o *load) failure(l *outbound) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.failed[l]
}
