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

	// sending counts the parcels of the calls that are under way.
	sending atomic.Int64

	mu     sync.Mutex
	closed bool
	lanes  map[kafka.TopicPartition]*outbound
	work   sync.WaitGroup

	links    links
	identity identity
}

func newSender(life context.Context, client *kafka.Client, o ProduceOptions) *sender {
	return &sender{
		client: client, conn: client.Wire(), life: life, patience: o.Timeout, codec: o.codecOf,
		capacity: o.MaxBuffered, room: semaphore.NewWeighted(o.MaxBuffered),
		lanes: map[kafka.TopicPartition]*outbound{},
		links: links{states: map[*sarama.Broker]*linkState{}, asked: map[string]time.Time{}},
	}
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

// outbound is one partition as the sender sees it.
type outbound struct {
	tp kafka.TopicPartition

	mu    sync.Mutex
	queue []*parcel
	busy  bool // a goroutine is at it

	// Owned by that goroutine.
	producer   producerID
	generation int  // of the producer id, see identity
	met        bool // the leader has answered
	sequence   int32
}

// send writes the parcels and returns when all are settled or ctx ends; those
// that are not settled by then may still be written.
func (s *sender) send(ctx context.Context, parcels []*parcel) {
	if len(parcels) == 0 {
		return
	}
	s.sending.Add(int64(len(parcels)))
	defer s.sending.Add(-int64(len(parcels)))
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
		if err := s.room.Acquire(ctx, min(size, s.capacity)); err != nil {
			for _, p := range rest {
				p.settle(-1, err)
			}
			break
		}
		s.hand(rest[:n])
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

// hand gives the parcels to their partitions.
func (s *sender) hand(parcels []*parcel) {
	if len(parcels) == 1 {
		s.put(parcels[0].target(), parcels)
		return
	}
	byPartition := map[kafka.TopicPartition][]*parcel{}
	for _, p := range parcels {
		byPartition[p.target()] = append(byPartition[p.target()], p)
	}
	for tp, group := range byPartition {
		s.put(tp, group)
	}
}

// put queues parcels of one partition and sees to it that somebody sends them.
func (s *sender) put(tp kafka.TopicPartition, parcels []*parcel) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		s.drop(parcels, ErrClosed)
		return
	}
	l := s.lanes[tp]
	if l == nil {
		l = &outbound{tp: tp, producer: noProducer()}
		s.lanes[tp] = l
	}
	l.mu.Lock()
	if cause := parcels[0].load.failure(l); cause != nil {
		l.mu.Unlock()
		s.mu.Unlock()
		s.drop(parcels, heldBack(l, cause))
		return
	}
	l.queue = append(l.queue, parcels...)
	if !l.busy {
		l.busy = true
		s.work.Go(func() { s.run(l) })
	}
	l.mu.Unlock()
	s.mu.Unlock()
}

func heldBack(l *outbound, cause error) error {
	return fmt.Errorf("%s: %w: %w", l.tp, errHeldBack, cause)
}

// drop settles parcels that are not sent.
func (s *sender) drop(parcels []*parcel, err error) {
	if len(parcels) == 0 {
		return
	}
	for _, p := range parcels {
		p.settle(-1, err)
	}
	s.room.Release(min(sizeOfAll(parcels), s.capacity))
}

func sizeOfAll(parcels []*parcel) int64 {
	var n int64
	for _, p := range parcels {
		n += int64(p.size)
	}
	return n
}

// run sends what the partition's queue holds until it is empty.
func (s *sender) run(l *outbound) {
	for {
		batch := l.take()
		if batch == nil {
			return
		}
		s.deliver(l, batch)
		s.room.Release(min(sizeOfAll(batch), s.capacity))
	}
}

// take removes the next batch from the queue; nil when there is none, and the
// partition is idle from then on.
func (l *outbound) take() []*parcel {
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

// giveUp settles a batch that failed, and the queued parcels of the calls that
// it belongs to, so that none of a call overtakes one before it.
func (s *sender) giveUp(l *outbound, batch []*parcel, err error) {
	for _, p := range batch {
		if p.load.failure(l) == nil {
			p.load.fail(l, err)
		}
	}
	l.mu.Lock()
	var kept, held []*parcel
	for _, p := range l.queue {
		if p.load.failure(l) != nil {
			held = append(held, p)
		} else {
			kept = append(kept, p)
		}
	}
	l.queue = kept
	l.mu.Unlock()
	for _, p := range batch {
		p.settle(-1, err)
	}
	s.drop(held, heldBack(l, err))
}

// close takes no more records and waits for those under way, or for ctx; then
// the caller ends life and calls wait.
func (s *sender) close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !s.idle() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("records are still being sent: %w", ctx.Err())
		}
	}
	return nil
}

func (s *sender) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lanes {
		l.mu.Lock()
		busy := l.busy
		l.mu.Unlock()
		if busy {
			return false
		}
	}
	return true
}

// wait returns when nothing of the sender runs.
func (s *sender) wait() { s.work.Wait() }
