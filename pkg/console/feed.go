package console

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Feed is an input whose records another part of a program makes, in place of
// bytes that a format is read from.
type Feed struct {
	// Name is how messages call it: a file's name, or "" for standard input.
	Name string
	// Unit is what it counts: "line" or "record".
	Unit string
	// Run makes the records and hands them to send, some at a time; it is
	// called once, on a goroutine of its own. Send returns when they are taken
	// and their memory may be used again, or with an error when no more are
	// wanted, which Run returns. An error of its own ends the input like a
	// read that fails. Its context ends when the run does; a Run that hangs
	// all the same is left behind, like a read that blocks.
	Run func(ctx context.Context, send func([]FeedRecord) error) error
}

// FeedRecord is one record of a [Feed].
type FeedRecord struct {
	// N numbers it in the unit of its Feed, from 1, ascending, gaps allowed.
	N          int64
	Topic      string // "": that of the options
	Key, Value []byte // nil is Kafka's null
	Headers    []kafka.Header
	// Err, when set, says why it is not to be sent: it is rejected with this
	// cause, Value being the text that it was made from.
	Err error
}

// Delivered is a record that the broker acknowledged.
type Delivered struct {
	Topic     string
	Partition int32
	Offset    int64 // -1 unknown
	// Header gives the value of its first header of a name, nil without one.
	Header func(name string) []byte
}

// Rejected is a record that was not sent, or not accepted.
type Rejected struct {
	Place Place
	Value []byte // what it holds, or the text that it was to be made from
	Err   error
}

var errNoMore = errors.New("no more records are wanted")

// feedPump runs a Feed and hands its records over, a run at a time.
type feedPump struct {
	runs   chan []FeedRecord
	taken  chan struct{}
	done   chan struct{}
	cancel context.CancelFunc
	once   sync.Once
	err    error // of Run, once runs is closed
}

func startFeed(ctx context.Context, f *Feed) *feedPump {
	ctx, cancel := context.WithCancel(ctx)
	p := &feedPump{runs: make(chan []FeedRecord), taken: make(chan struct{}), done: make(chan struct{}), cancel: cancel}
	go func() {
		defer close(p.runs)
		p.err = f.Run(ctx, p.send)
	}()
	return p
}

func (p *feedPump) send(records []FeedRecord) error {
	select {
	case p.runs <- records:
	case <-p.done:
		return errNoMore
	}
	select {
	case <-p.taken:
		return nil
	case <-p.done:
		return errNoMore
	}
}

// stop ends the feed. Nothing that it handed over is valid any more.
func (p *feedPump) stop() {
	p.once.Do(func() {
		p.cancel()
		close(p.done)
	})
}

// fedRecords reads the runs of a feed.
type fedRecords struct {
	unit  string
	run   []FeedRecord
	at    int
	names map[string][]byte
	topic []byte
	n     int64
	bad   []byte
}

// maxNames bounds the header names that are kept.
const maxNames = 64

// give takes the next run in, once next is starved.
func (f *fedRecords) give(run []FeedRecord) { f.run, f.at = run, 0 }

// feed is for readers of bytes.
func (f *fedRecords) feed([]byte, bool) {}

func (f *fedRecords) next(rec *inRecord) (inputStatus, error) {
	if f.at == len(f.run) {
		return recordStarved, nil
	}
	r := &f.run[f.at]
	f.at++
	f.n = r.N
	if r.Err != nil {
		f.bad = r.Value
		return recordBad, r.Err
	}
	rec.reset()
	rec.key, rec.value = r.Key, r.Value
	if r.Topic != "" {
		f.topic = append(f.topic[:0], r.Topic...)
		rec.topic = f.topic
	}
	for _, h := range r.Headers {
		rec.headers = append(rec.headers, rawHeader{name: f.name(h.Name), value: h.Value})
	}
	return recordReady, nil
}

// name gives a header's name as bytes, mostly those of the record before.
func (f *fedRecords) name(s string) []byte {
	b, ok := f.names[s]
	if !ok {
		b = []byte(s)
		if len(f.names) < maxNames {
			f.names[s] = b
		}
	}
	return b
}

func (f *fedRecords) place() Place { return Place{Unit: f.unit, N: f.n} }

func (f *fedRecords) text() ([]byte, bool) { return f.bad, true }

// awaitFeed is await for records that need no reading.
func (p *producing) awaitFeed(ctx context.Context) bool {
	if p.fedRun {
		p.fedRun = false
		select {
		case p.feeder.taken <- struct{}{}:
		case <-ctx.Done():
			return false
		}
	}
	linger := time.NewTimer(pauseLinger)
	defer linger.Stop()
	paused := false
	for !p.over() {
		select {
		case run, ok := <-p.feeder.runs:
			return p.takeFeed(ctx, run, ok)
		case <-linger.C:
			paused = true
			p.engine.push(0)
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

func (p *producing) takeFeed(ctx context.Context, run []FeedRecord, ok bool) bool {
	if !ok {
		if ctx.Err() != nil {
			return false
		}
		if err := p.feeder.err; err != nil && !errors.Is(err, errNoMore) {
			p.inputErr = fmt.Errorf("reading the input: %w", err)
			if p.opts.Feed.Name != "" {
				p.inputErr = fmt.Errorf("%s: %w", p.opts.Feed.Name, err)
			}
			return false
		}
		p.ended = true
		return false
	}
	p.fedRun = true
	p.clock.refresh()
	p.fed.give(run)
	return true
}

// tellDelivered reports each record of a batch that was acknowledged.
func (p *producing) tellDelivered(b *batch, base int64) {
	if p.opts.Delivered == nil {
		return
	}
	for i := range b.records {
		r := &b.records[i]
		d := Delivered{Topic: b.part.topic.name, Partition: b.part.id, Offset: -1}
		if base >= 0 {
			d.Offset = base + int64(i)
		}
		d.Header = func(name string) []byte {
			for _, h := range r.Headers {
				if string(h.Key) == name {
					return h.Value
				}
			}
			return nil
		}
		p.opts.Delivered(d)
	}
}
