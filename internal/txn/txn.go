// Package txn writes transactions of Kafka (KIP-98): records and group offsets
// that become visible together or never, and nothing a second time, also where
// requests and answers are lost or come late.
//
// Start with [Acquire], write one transaction with each [Producer.Commit], and
// read what else the cluster knows about transactions with a [Reader].
//
// # A request without an answer
//
// Up to Kafka's own protocol for transactions of version 2 a broker cannot tell
// a late EndTxn from a current one: both carry the producer's id and epoch. A
// client that repeats an EndTxn after a broken connection, as most do, may see
// the first one arrive inside its next transaction. A late commit then makes
// half a transaction visible, which is sent again: duplicates. A late abort
// hides records whose commit was confirmed: a loss that nobody is told of.
//
// So this package counts a transactional request that was sent and whose answer
// did not come as trouble, whatever it was: AddPartitionsToTxn, Produce,
// AddOffsetsToTxn, TxnOffsetCommit, EndTxn, and that of its own abort. It is
// never repeated under the same epoch, and nothing else is sent under that
// epoch: the Producer is lost ([LostError]). The caller acquires a new one, for
// which the broker first ends the open transaction and then raises the epoch:
// whatever still arrives late is refused. Then the caller reads what it keeps
// about committed transactions, and goes on from there.
//
// Answers are different. A broker that says NOT_LEADER or
// CONCURRENT_TRANSACTIONS has dealt with the request and holds nothing of it
// back, so the same request may go out again. Two answers do not say that
// nothing was done: REQUEST_TIMED_OUT, which therefore counts as trouble, and a
// batch that was appended before the leader moved, which is resent under the
// same sequence numbers until it is known to be there; where the transaction
// is aborted before that is known, the Producer is lost too, because a later
// batch would reuse those numbers and could be taken for a repetition.
//
// Requests go over connections of the Producer's own, one to each broker, so
// that it knows of each whether its answer came. That is why there is no
// counting of broken connections here, as a wrapper around another client's
// producer would need: such a count only guesses which request was hit.
//
// # A late InitProducerId
//
// InitProducerId has no answer to lose: repeating it raises the epoch once
// more. But a late one raises it under a Producer that is already at work,
// which then finds itself fenced ([LostError] with Fenced), though nobody else
// holds the id. A young Fenced after network trouble is no proof of another
// holder: what the caller keeps about the newest run tells.
package txn

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/wire"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Defaults of [Options].
const (
	DefaultTimeout  = 15 * time.Second
	DefaultPatience = 35 * time.Second
)

// interruptGrace is how long answers that are under way are waited for after
// the caller's context ended, so that the transaction can be aborted.
const interruptGrace = 700 * time.Millisecond

// Options of a [Producer]. ID is needed; the rest may stay zero.
type Options struct {
	// ID is the transactional.id. The last one to acquire it holds it.
	ID string
	// Timeout is how long the broker lets a transaction stay open; default
	// [DefaultTimeout].
	Timeout time.Duration
	// Patience is how long one step is repeated while brokers come back,
	// leaders are elected and earlier transactions are ended; default
	// [DefaultPatience].
	Patience time.Duration
	// Answer is how long one answer is waited for before it counts as lost;
	// default half of Timeout, and no more than the client's request timeout.
	Answer time.Duration
	// Compression is none (default), gzip, snappy, lz4 or zstd.
	Compression string
	// Notice, when set, is told when a step has to be repeated for long. It is
	// called by the goroutine that called Acquire or Commit, or by one it waits for.
	Notice func(text string)
	// Uncured repeats a request whose answer did not come under the same epoch,
	// as other clients do. It loses and duplicates records; it is for tests
	// that show so.
	Uncured bool
}

func (o Options) withDefaults(requestTimeout time.Duration) Options {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Patience <= 0 {
		o.Patience = DefaultPatience
	}
	if o.Answer <= 0 {
		o.Answer = min(o.Timeout/2, requestTimeout)
	}
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	return o
}

// Producer holds a transactional id. Its methods are called by one goroutine,
// but Close by any once. Whoever acquired it closes it.
type Producer struct {
	client *kafka.Client
	wire   wire.Conn
	opts   Options
	codec  sarama.CompressionCodec

	id    int64
	epoch int16

	coordinator string            // its address, "" unknown
	groups      map[string]string // the addresses of the groups' coordinators
	topics      map[string]*topic
	parts       map[kafka.TopicPartition]*sequence
	began       bool // the coordinator may have an open transaction

	mu     sync.Mutex
	dead   error     // a *LostError
	free   time.Time // a quota holds the client back until then
	links  map[linkKey]*link
	closed bool
}

// Acquire takes the transactional id over. When it succeeds, every earlier
// transaction of the id has ended, with its markers written, and whoever held
// the id before is fenced: nothing of theirs can be committed any more.
//
// It reports [kafka.ErrNotPermitted] without the right to write to the
// transactional id, and the last failure when the id cannot be had within the
// patience, such as CONCURRENT_TRANSACTIONS while a partition of an earlier
// transaction is offline.
func Acquire(ctx context.Context, c *kafka.Client, o Options) (*Producer, error) {
	if o.ID == "" {
		return nil, errors.New("no transactional id")
	}
	codec, err := codecOf(o.Compression)
	if err != nil {
		return nil, err
	}
	conn := c.Wire()
	p := &Producer{
		client: c, wire: conn, opts: o.withDefaults(conn.Config().Net.ReadTimeout), codec: codec, id: -1, epoch: -1,
		groups: map[string]string{}, topics: map[string]*topic{}, parts: map[kafka.TopicPartition]*sequence{}, links: map[linkKey]*link{},
	}
	hard, stop := p.interruptible(ctx)
	defer stop()
	if err := p.init(ctx, hard); err != nil {
		p.Close()
		return nil, fmt.Errorf("transactional id %s: %w", o.ID, err)
	}
	return p, nil
}

func codecOf(name string) (sarama.CompressionCodec, error) {
	var codec sarama.CompressionCodec
	if name == "" {
		return codec, nil
	}
	if err := codec.UnmarshalText([]byte(name)); err != nil {
		return codec, fmt.Errorf("compression %q: want none, gzip, snappy, lz4 or zstd", name)
	}
	return codec, nil
}

// interruptible gives a context that outlives ctx by [interruptGrace].
func (p *Producer) interruptible(ctx context.Context) (hard context.Context, stop func()) {
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var timer *time.Timer
	var mu sync.Mutex
	unhook := context.AfterFunc(ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		timer = time.AfterFunc(interruptGrace, cancel)
	})
	return hard, func() {
		unhook()
		mu.Lock()
		defer mu.Unlock()
		if timer != nil {
			timer.Stop()
		}
		cancel()
	}
}

// ID and Epoch are the producer id and epoch that brokers know this Producer by.
func (p *Producer) ID() (id int64, epoch int16) { return p.id, p.epoch }

// Close ends the Producer's connections. No transaction is open between two
// calls of Commit, so there is none to abort, unless the Producer is lost:
// then the broker ends it when the id is acquired anew, else after its timeout.
func (p *Producer) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.hangUp()
}

// lose makes the Producer unusable: nothing may be sent under its epoch again.
func (p *Producer) lose(err *LostError) error {
	p.mu.Lock()
	if p.dead == nil {
		p.dead = err
	}
	p.mu.Unlock()
	p.hangUp()
	return err
}

// over is why the Producer is of no more use, nil while it is.
func (p *Producer) over() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead == nil && p.closed {
		return errClosed
	}
	return p.dead
}
