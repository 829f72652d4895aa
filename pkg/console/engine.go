package console

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/wire"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

const (
	// bufferBudget bounds the memory of records that wait or are under way.
	bufferBudget = 12 << 20
	// lingerMax is how long a record waits for company while input goes on
	// without a pause. At a pause nothing waits.
	lingerMax = 50 * time.Millisecond
	// keptBatches bounds the memory kept for reuse.
	keptBatches = 8
)

// engine sends records in batches, one batch of a partition at a time, so
// that their order holds through any retry. One goroutine owns it, the one
// that calls its methods; each batch under way has a goroutine of its own,
// which reports on done.
//
// Producers go through add, settle and dispatch only: a faster way to encode
// and send batches replaces deliver.
type engine struct {
	client *kafka.Client
	conn   wire.Conn
	opts   engineOptions
	tx     *transaction // nil: none

	// kill ends what is under way.
	kill   context.Context
	done   chan delivery
	flying sync.WaitGroup

	id       producerID
	active   []*partition // with records that wait, in the order they came
	inFlight int
	buffered int
	free     []*batch
	stopLine int64 // records from this line on are not sent
	halted   bool  // nothing more is sent

	acked   int64
	payload int64
	ends    map[*partition]*Written

	quotas sync.Mutex
	held   map[*sarama.Broker]time.Time // it takes no request before (KIP-219)
}

type engineOptions struct {
	acks     sarama.RequiredAcks
	codec    sarama.CompressionCodec
	patience time.Duration // how long one batch is retried
	notice   func(string)
	// rejected is told of each record that the broker refuses, with its cause.
	rejected func(b *batch, i int, cause error)
}

func (o engineOptions) idempotent() bool { return o.acks == sarama.WaitForAll }

// partition is one partition of a topic as the engine sees it.
type partition struct {
	topic *topicInfo
	id    int32

	open   *batch   // takes records
	queue  []*batch // full, in order
	busy   bool     // a batch is under way
	listed bool     // in active

	producer producerID
	sequence int32
	leader   *sarama.Broker // its last batch went there
}

// producerID tells a broker who numbered a batch (KIP-98); -1 is nobody.
type producerID struct {
	id    int64
	epoch int16
}

// delivery is how a batch fared.
type delivery struct {
	batch *batch
	base  int64 // offset of its first record; -1 unknown
	// refused says that the broker took nothing of the batch because of its
	// records; bad numbers them where it told.
	refused bool
	bad     []badRecord
	err     error
}

type badRecord struct {
	index int
	cause error
}

func newEngine(kill context.Context, c *kafka.Client, opts engineOptions) *engine {
	return &engine{
		client: c, conn: c.Wire(), opts: opts, kill: kill, done: make(chan delivery, 64),
		id: producerID{id: -1, epoch: -1}, stopLine: math.MaxInt64, ends: map[*partition]*Written{},
		held: map[*sarama.Broker]time.Time{},
	}
}

// full tells whether a record must wait for deliveries.
func (e *engine) full() bool { return e.buffered >= bufferBudget }

// add puts a copy of the record into its partition's batch.
func (e *engine) add(p *partition, rec *inRecord, extra []rawHeader, timestamp, line int64) {
	size := inBatch(contentSize(rec, extra))
	if p.open != nil && !p.open.fits(size, timestamp, min(batchTarget, p.topic.maxBytes)) {
		e.seal(p)
		e.dispatch(p)
	}
	if p.open == nil {
		p.open = e.newBatch(p)
		if !p.listed {
			p.listed = true
			e.active = append(e.active, p)
		}
	}
	before := p.open.weight()
	p.open.add(rec, extra, timestamp, line, size)
	e.buffered += p.open.weight() - before
}

func (e *engine) newBatch(p *partition) *batch {
	if n := len(e.free); n > 0 {
		b := e.free[n-1]
		e.free = e.free[:n-1]
		b.part = p
		return b
	}
	return &batch{part: p}
}

// seal closes the partition's open batch.
func (e *engine) seal(p *partition) {
	if p.open != nil {
		p.queue = append(p.queue, p.open)
		p.open = nil
	}
}

// push sends what waited for at least age and whose partition is free.
func (e *engine) push(age time.Duration) {
	var now time.Time
	kept := e.active[:0]
	for _, p := range e.active {
		if !p.busy && len(p.queue) == 0 && p.open != nil {
			if now.IsZero() && age > 0 {
				now = time.Now()
			}
			if age == 0 || now.Sub(p.open.born) >= age {
				e.seal(p)
			}
		}
		e.dispatch(p)
		if p.open != nil || len(p.queue) > 0 {
			kept = append(kept, p)
		} else {
			p.listed = false
		}
	}
	clear(e.active[len(kept):])
	e.active = kept
}

// dispatch sends the partition's next full batch, if it may go.
func (e *engine) dispatch(p *partition) {
	for !p.busy && len(p.queue) > 0 && !e.halted {
		b := p.queue[0]
		p.queue = p.queue[:copy(p.queue, p.queue[1:])]
		if cut := b.before(e.stopLine); cut != b {
			e.buffered -= b.weight() - cut.weight()
			if b = cut; len(b.records) == 0 {
				e.buffered -= b.weight()
				continue
			}
		}
		if p.producer.id < 0 || e.tx != nil && p.producer != e.id {
			p.producer, p.sequence = e.id, 0
		}
		b.id, b.sequence = p.producer, p.sequence
		p.busy = true
		e.inFlight++
		e.flying.Go(func() { e.done <- e.deliver(b) })
	}
}

// stopAt keeps records of line and later lines from being sent, as far as
// they are not under way.
func (e *engine) stopAt(line int64) { e.stopLine = min(e.stopLine, line) }

// settle takes in how a batch fared and sends the next of its partition. The
// error ends the run.
func (e *engine) settle(d delivery) error {
	b := d.batch
	p := b.part
	p.busy = false
	e.inFlight--
	if d.err != nil {
		// It stays counted among what was not acknowledged.
		p.queue = append([]*batch{b}, p.queue...)
		e.list(p)
		return d.err
	}
	if d.refused {
		e.refuse(d)
		e.dispatch(p)
		return nil
	}
	e.acked += int64(len(b.records))
	e.payload += b.payload
	e.buffered -= b.weight()
	p.producer, p.sequence = b.id, nextSequence(b.sequence, len(b.records))
	e.note(p, d.base, len(b.records))
	if !b.split && len(e.free) < keptBatches {
		b.reset()
		e.free = append(e.free, b)
	}
	e.dispatch(p)
	return nil
}

func (e *engine) list(p *partition) {
	if !p.listed {
		p.listed = true
		e.active = append(e.active, p)
	}
}

// refuse drops the records that the broker named and queues the others again;
// where it named none, halving the batch finds them.
func (e *engine) refuse(d delivery) {
	b, p := d.batch, d.batch.part
	e.buffered -= b.weight()
	var again []*batch
	if len(d.bad) == 0 {
		left, right := b.half()
		again = []*batch{left, right}
	} else {
		drop := make([]int, len(d.bad))
		for i, bad := range d.bad {
			drop[i] = bad.index
			e.opts.rejected(b, bad.index, bad.cause)
		}
		again = []*batch{b.without(drop)}
	}
	var queue []*batch
	for _, r := range again {
		if len(r.records) > 0 {
			queue = append(queue, r)
			e.buffered += r.weight()
		}
	}
	p.queue = append(queue, p.queue...)
	e.list(p)
}

// note remembers the offsets that a partition's records got.
func (e *engine) note(p *partition, base int64, n int) {
	w := e.ends[p]
	if w == nil {
		w = &Written{Topic: p.topic.name, Partition: p.id, First: base}
		e.ends[p] = w
	}
	w.Records += int64(n)
	w.Last = -1
	if base >= 0 {
		w.Last = base + int64(n) - 1
	}
}

// idle tells whether nothing waits and nothing is under way.
func (e *engine) idle() bool {
	if e.inFlight > 0 {
		return false
	}
	for _, p := range e.active {
		if p.open != nil || len(p.queue) > 0 {
			return false
		}
	}
	return true
}

// left looks at what was not acknowledged once nothing is under way: the
// first line of it, and how many of its records may have been written all the
// same, their answer lost.
func (e *engine) left(next int64) (first, unsure int64) {
	first = next
	look := func(b *batch) {
		if b == nil || len(b.lines) == 0 {
			return
		}
		first = min(first, b.lines[0])
		if b.sent {
			unsure += int64(len(b.lines))
		}
	}
	for _, p := range e.active {
		for _, b := range p.queue {
			look(b)
		}
		look(p.open)
	}
	return first, unsure
}

// nextSequence counts records, from 0 again after the largest (KIP-98).
func nextSequence(sequence int32, n int) int32 {
	return int32((int64(sequence) + int64(n)) & math.MaxInt32)
}
