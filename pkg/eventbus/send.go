package eventbus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/sync/semaphore"

	"github.com/multi-tenant/manage-kafka/internal/wire"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// ErrUncertain is what becomes of a record whose acknowledgement did not come in
// time: it may or may not have been written.
var ErrUncertain = errors.New("it may or may not have been written")

// errHeldBack is a record that was not sent because one before it in the same
// call and partition failed.
var errHeldBack = errors.New("not sent: an earlier one of its partition failed")

const (
	// batchBytes is when a batch is full; brokers take 1 MiB by default.
	batchBytes = 900 << 10
	// batchRecords bounds the records of a batch: small ones weigh more for what
	// is kept about them than for their bytes.
	batchRecords = 10_000
	// recordOverhead is about what a record takes in a batch beside its bytes.
	recordOverhead = 40
	// portionBytes is how much of a call waits for room at once.
	portionBytes = 4 << 20
)

// sender writes records with acks=all under a producer id (KIP-98), so that no
// retry writes one twice. A partition has one batch under way at a time, which
// keeps its order through any retry, and records that come meanwhile make up the
// next batch: nothing waits for company, and the more callers the larger the
// batches.
type sender struct {
	client *kafka.Client
	conn   wire.Conn
	// life ends what is under way.
	life     context.Context
	patience time.Duration
	codec    func(topic string) sarama.CompressionCodec
	capacity int64
	room     *semaphore.Weighted

	mu     sync.Mutex
	closed bool
	lanes  map[kafka.TopicPartition]*lane
	work   sync.WaitGroup

	links    links
	identity identity
}

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

// load is the parcels of one call.
type load struct {
	left   atomic.Int64
	done   chan struct{} // closed when all are settled
	failed atomic.Bool   // one of them failed
}

// settle says what became of a parcel.
func (p *parcel) settle(offset int64, err error) {
	p.offset, p.err = offset, err
	p.settled.Store(true)
	if err != nil {
		p.load.failed.Store(true)
	}
	if p.load.left.Add(-1) == 0 {
		close(p.load.done)
	}
}

// lane is one partition as the sender sees it.
type lane struct {
	tp kafka.TopicPartition

	mu    sync.Mutex
	queue []*parcel
	busy  bool // a goroutine is at it

	// Owned by that goroutine.
	producer producerID
	sequence int32
}

func newSender(life context.Context, client *kafka.Client, o ProduceOptions) *sender {
	return &sender{
		client: client, conn: client.Wire(), life: life, patience: o.Timeout, codec: o.codec,
		capacity: o.MaxBuffered, room: semaphore.NewWeighted(o.MaxBuffered),
		lanes: map[kafka.TopicPartition]*lane{},
	}
}

// send writes the parcels and returns when all are settled or ctx ends; those
// that are not settled by then may still be written.
func (s *sender) send(ctx context.Context, parcels []*parcel) {
	if len(parcels) == 0 {
		return
	}
	all := &load{done: make(chan struct{})}
	all.left.Store(int64(len(parcels)))
	expires := time.Now().Add(s.patience)
	for _, p := range parcels {
		p.size = recordOverhead + len(p.key) + len(p.value)
		for _, h := range p.headers {
			p.size += len(h.Name) + len(h.Value) + 2
		}
		p.load, p.expires = all, expires
	}
	for rest := parcels; len(rest) > 0; {
		n, size := portion(rest)
		if err := s.admit(ctx, rest[:n], size); err != nil {
			for _, p := range rest {
				p.settle(-1, err)
			}
			break
		}
		rest = rest[n:]
	}
	select {
	case <-all.done:
	case <-ctx.Done():
	}
}

// portion is how many of the parcels to take at once, and their size.
func portion(parcels []*parcel) (n int, size int64) {
	for n < len(parcels) && (n == 0 || size+int64(parcels[n].size) <= portionBytes) {
		size += int64(parcels[n].size)
		n++
	}
	return n, size
}

// admit waits for room and hands the parcels to their partitions.
func (s *sender) admit(ctx context.Context, parcels []*parcel, size int64) error {
	if err := s.room.Acquire(ctx, min(size, s.capacity)); err != nil {
		return err
	}
	if len(parcels) == 1 {
		return s.put(parcels[0].target(), parcels, size)
	}
	byPartition := map[kafka.TopicPartition][]*parcel{}
	var order []kafka.TopicPartition
	for _, p := range parcels {
		tp := p.target()
		if byPartition[tp] == nil {
			order = append(order, tp)
		}
		byPartition[tp] = append(byPartition[tp], p)
	}
	var failed error
	for _, tp := range order {
		group := byPartition[tp]
		if err := s.put(tp, group, sizeOfAll(group)); err != nil {
			failed = err
		}
	}
	return failed
}

func (p *parcel) target() kafka.TopicPartition {
	return kafka.TopicPartition{Topic: p.topic, Partition: p.partition}
}

func sizeOfAll(parcels []*parcel) int64 {
	var n int64
	for _, p := range parcels {
		n += int64(p.size)
	}
	return n
}

// put queues parcels of one partition and sees to it that somebody sends them.
func (s *sender) put(tp kafka.TopicPartition, parcels []*parcel, size int64) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		s.room.Release(min(size, s.capacity))
		return ErrClosed
	}
	l := s.lanes[tp]
	if l == nil {
		l = &lane{tp: tp, producer: noProducer}
		s.lanes[tp] = l
	}
	l.mu.Lock()
	l.queue = append(l.queue, parcels...)
	idle := !l.busy
	l.busy = true
	l.mu.Unlock()
	if idle {
		s.work.Go(func() { s.run(l) })
	}
	s.mu.Unlock()
	return nil
}

// run sends what the partition's queue holds until it is empty.
func (s *sender) run(l *lane) {
	for {
		batch := s.take(l)
		if batch == nil {
			return
		}
		s.deliver(l, batch)
		s.room.Release(min(sizeOfAll(batch), s.capacity))
	}
}

// take removes the next batch from the queue; nil when there is none, and the
// partition is idle from then on.
func (s *sender) take(l *lane) []*parcel {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, size := 0, 0
	for n < len(l.queue) && n < batchRecords && (n == 0 || size+l.queue[n].size <= batchBytes) {
		size += l.queue[n].size
		n++
	}
	if n == 0 {
		l.busy, l.queue = false, nil
		return nil
	}
	batch := l.queue[:n:n]
	l.queue = l.queue[n:]
	return batch
}

// holdBack settles the queued parcels of the calls that a failed batch belongs
// to, so that none overtakes one before it.
func (s *sender) holdBack(l *lane, cause error) {
	l.mu.Lock()
	var kept, held []*parcel
	for _, p := range l.queue {
		if p.load.failed.Load() {
			held = append(held, p)
		} else {
			kept = append(kept, p)
		}
	}
	l.queue = kept
	l.mu.Unlock()
	for _, p := range held {
		p.settle(-1, fmt.Errorf("%s: %w: %w", l.tp, errHeldBack, cause))
	}
	if len(held) > 0 {
		s.room.Release(min(sizeOfAll(held), s.capacity))
	}
}

// close takes no more records and waits for those under way, or for ctx.
func (s *sender) close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.work.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("records are still being sent: %w", ctx.Err())
	}
}
