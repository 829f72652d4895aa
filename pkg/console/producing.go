package console

import (
	"context"
	"fmt"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

const (
	// lastReads is how long what was read is still decoded once ctx ended, and
	// lastAnswers how long, from then on, acknowledgements are awaited.
	lastReads   = 150 * time.Millisecond
	lastAnswers = 650 * time.Millisecond
	// pauseLinger is how long input must pause before batches go as they are.
	pauseLinger = 5 * time.Millisecond
	// checkEvery is how many records pass between looks at the context and at
	// what was acknowledged, and pushEvery between looks for old batches.
	checkEvery = 64
	pushEvery  = 4096
)

// producing is one run of Produce, owned by one goroutine.
type producing struct {
	client   *kafka.Client
	opts     ProduceOptions
	extra    []rawHeader
	reader   recordReader
	pump     *blockPump // nil for a template and a feed
	feeder   *feedPump  // nil without one
	fed      *fedRecords
	fedRun   bool  // a run of the feed is being read
	current  block // what the reader was fed
	rejects  *rejectWriter
	throttle *throttle
	topics   map[string]*topicInfo
	main     *topicInfo // of opts.Topic; nil without one
	engine   *engine
	tx       *transaction
	kill     context.CancelFunc

	clock    clock
	started  time.Time
	stopBy   time.Time // of decoding, once ctx ended
	sources  []int64   // position before the first record of each source
	position int64     // of the last record: it counts through all sources
	sent     int64
	failed   int64         // rejected
	ended    bool          // all input was read
	inTx     int64         // records in the open transaction
	txStart  int64         // its first position
	turn     int64         // records that went by turns
	settled  ProduceResult // of the committed transactions
	// undecided says that a commit was asked for and not answered.
	undecided bool

	refused   *RecordError // the record that ends the run
	refusedAt int64        // its position
	inputErr  error        // of reading, or of writing rejects
	unwritten int64        // first position whose reject was not written; 0 none
	failure   error        // of sending
}

func newProducing(ctx context.Context, c *kafka.Client, opts ProduceOptions) (*producing, error) {
	engineOpts, err := opts.engine()
	if err != nil {
		return nil, err
	}
	p := &producing{client: c, opts: opts, throttle: newThrottle(opts.Rate), topics: map[string]*topicInfo{}, txStart: 1, sources: []int64{0}}
	for _, h := range opts.Headers {
		p.extra = append(p.extra, rawHeader{name: []byte(h.Name), value: h.Value})
	}
	if opts.Rejects != nil || opts.Rejected != nil {
		p.rejects = &rejectWriter{out: opts.Rejects, each: opts.Rejected}
	}
	bound := &topicInfo{maxBytes: unknownBound}
	if opts.Topic != "" {
		if p.main, err = lookupTopic(ctx, c, opts.Topic); err != nil {
			return nil, err
		}
		p.topics[opts.Topic] = p.main
		if !opts.TopicFromRecord {
			bound = p.main
		}
		if n := len(p.main.partitions); opts.Partition != nil && int(*opts.Partition) >= n {
			return nil, fmt.Errorf("%s: no partition %d, it has %d, from 0", opts.Topic, *opts.Partition, n)
		}
	}
	if opts.Feed != nil {
		p.opts.TopicFromRecord = true
		p.fed = &fedRecords{unit: opts.Feed.Unit, names: map[string][]byte{}}
		p.reader = p.fed
	} else if p.reader, err = newRecordReader(opts, bound); err != nil {
		return nil, err
	}
	kill, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p.kill = cancel
	engineOpts.rejected = p.refusedByBroker
	p.engine = newEngine(kill, c, engineOpts)
	if opts.TransactionalID != "" {
		p.tx = &transaction{name: opts.TransactionalID}
		p.engine.tx = p.tx
	}
	if err := p.engine.start(ctx); err != nil {
		cancel()
		return nil, err
	}
	return p, nil
}

// newRecordReader makes the reader that the options ask for. Bound is a topic
// as large as records may be.
func newRecordReader(opts ProduceOptions, bound *topicInfo) (recordReader, error) {
	keyword := Raw
	if opts.Format != nil {
		keyword = opts.Format.Keyword
	}
	var decode func([]byte, *inRecord) error
	blank := false
	switch keyword {
	case None:
		return newPartRecords(opts, bound)
	case JSON, JSONL:
		decode, blank = (&envelopeDecoder{}).decode, true
	default:
		decode = (&rawDecoder{keySep: opts.KeySeparator, hex: keyword == Hex}).decode
	}
	max := bound.lineBound(keyword)
	if opts.Template != nil {
		return &templateRecords{template: opts.Template, count: opts.Count, decode: decode, bound: max}, nil
	}
	return &lineRecords{lines: newLineReader(opts.Delimiter, max), decode: decode, skipBlank: blank, bound: bound.maxBytes}, nil
}

func (p *producing) run(ctx context.Context) (ProduceResult, error) {
	defer p.kill()
	// What is under way gets a moment when ctx ends, and no more.
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lastReads+lastAnswers, p.kill) })()
	p.started = time.Now()
	switch {
	case p.opts.Feed != nil:
		p.feeder = startFeed(ctx, p.opts.Feed)
		defer p.feeder.stop()
	case p.opts.Template == nil:
		p.pump = startPump(p.opts.Sources)
		defer p.pump.stop()
	}
	p.read(ctx)
	return p.finish(ctx)
}

// over tells whether something ends the run.
func (p *producing) over() bool { return p.refused != nil || p.inputErr != nil || p.failure != nil }

// read takes records in until the input, the run or ctx ends.
func (p *producing) read(ctx context.Context) {
	var rec inRecord
	for n := 0; !p.over(); n++ {
		if n%checkEvery == 0 && !p.check(ctx, n) {
			return
		}
		status, err := p.reader.next(&rec)
		switch status {
		case recordStarved:
			if p.feeder != nil && p.awaitFeed(ctx) {
				continue
			}
			if p.pump == nil || !p.await(ctx) {
				return
			}
			continue
		case recordsEnd:
			if p.ended = err == nil; !p.ended {
				p.refuse(p.here(), err)
			}
			return
		}
		p.position = p.here()
		if status == recordBad {
			p.unreadable(err)
			continue
		}
		if !p.accept(ctx, &rec) {
			return
		}
	}
}

// here is the position of the reader's last record.
func (p *producing) here() int64 { return p.sources[len(p.sources)-1] + p.reader.place().N }

// place is the last record's, as a person finds it.
func (p *producing) place() Place { return p.locate(p.position) }

// check takes in what was acknowledged meanwhile, and tells whether to go on.
func (p *producing) check(ctx context.Context, n int) bool {
	p.settleReady()
	if n%pushEvery == 0 {
		p.clock.refresh()
		p.engine.push(lingerMax)
	}
	return ctx.Err() == nil || p.mayLinger()
}

// mayLinger allows for a moment to decode what was read before ctx ended.
func (p *producing) mayLinger() bool {
	if p.stopBy.IsZero() {
		p.stopBy = time.Now().Add(lastReads)
	}
	return p.throttle == nil && time.Now().Before(p.stopBy)
}

// settleReady takes in deliveries without waiting for one.
func (p *producing) settleReady() {
	for {
		select {
		case d := <-p.engine.done:
			p.settle(d)
		default:
			return
		}
	}
}

func (p *producing) settle(d delivery) {
	if d.err == nil && !d.refused {
		p.tellDelivered(d.batch, d.base)
	}
	err := p.engine.settle(d)
	if err == nil {
		return
	}
	p.engine.halted = true
	if p.failure == nil {
		p.failure = err
		// The other batches get a moment: mostly they fail like this one.
		time.AfterFunc(lastAnswers, p.kill)
	}
}

// await gives the reader its next block. While there is none everything that
// was read goes out. It returns false when there will be no more.
func (p *producing) await(ctx context.Context) bool {
	if p.current.full != nil {
		p.pump.recycle(p.current)
		p.current.full = nil
	}
	select {
	case b, ok := <-p.pump.out:
		return p.feed(b, ok)
	default:
	}
	linger := time.NewTimer(pauseLinger)
	defer linger.Stop()
	paused := false
	for !p.over() {
		select {
		case b, ok := <-p.pump.out:
			return p.feed(b, ok)
		case <-linger.C:
			paused = true
			p.engine.push(0)
			if p.opts.Waiting != nil {
				p.opts.Waiting()
			}
		case d := <-p.engine.done:
			p.settle(d)
			if paused {
				p.engine.push(0)
			}
		case <-ctx.Done():
			return false
		}
	}
	return false
}

func (p *producing) feed(b block, ok bool) bool {
	if !ok {
		p.ended = true
		return false
	}
	if p.current.end {
		p.sources = append(p.sources, p.position)
	}
	p.current = b
	if b.err != nil {
		p.inputErr = fmt.Errorf("reading the input: %w", b.err)
	}
	p.clock.refresh()
	p.reader.feed(b.data, b.end)
	return true
}

// waitFor lets time pass, or with d 0 the engine make room, while
// acknowledgements come in. It returns false when the run is to end first.
func (p *producing) waitFor(ctx context.Context, d time.Duration) bool {
	p.engine.push(0)
	var timer <-chan time.Time
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		timer = t.C
	}
	cancelled := ctx.Done()
	for !p.over() && (d > 0 || p.engine.full()) {
		select {
		case <-timer:
			p.clock.refresh()
			return d > 0
		case d := <-p.engine.done:
			p.settle(d)
			p.engine.push(0)
		case <-cancelled:
			if d > 0 || !p.mayLinger() {
				return false
			}
			cancelled = nil
			late := time.NewTimer(time.Until(p.stopBy))
			defer late.Stop()
			timer = late.C
		}
	}
	return !p.over()
}
