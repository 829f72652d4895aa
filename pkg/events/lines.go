package events

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
)

// ErrLineTooLong is in the chain of an error about a line beyond the limit.
var ErrLineTooLong = errors.New("line is too long")

// MaxLine is the longest line of a file of events, in bytes, unless told
// otherwise.
const MaxLine = 16 << 20

// LineOptions say how a file of events is read; the zero value is good.
type LineOptions struct {
	// MaxLine bounds one line, in bytes; 0 stands for MaxLine.
	MaxLine int
	// Workers check at the same time; 0 stands for the number of processors.
	Workers int
	// Complete, when set, is given each line and returns the envelope to check:
	// see Completion.
	Complete func(line []byte) ([]byte, error)
	// Index, when set, is filled anew for a second reading.
	Index *Index
}

// A Line is one line of a file with its verdict.
type Line struct {
	// Number counts all lines of the file from 1, empty ones too.
	Number int64
	// Text is the line as read, without its end.
	Text []byte
	// Record is what goes to Kafka when Err is nil.
	Record Record
	// Err is as Validator.Record gives it.
	Err error
}

// block is how much of the file is checked at a time.
const block = 256 << 10

// A batch is a run of whole lines on its way through a worker.
type batch struct {
	data    []byte
	first   int64
	lines   []Line
	next    int64
	ready   chan struct{}
	run     *indexedRun // when it is read again
	entries []byte      // for the index
}

// CheckLines reads events, one a line, from r, checks them on several
// processors and calls each with a run of lines at a time, in the order of the
// file. The lines and all they hold are only valid during that call. Empty lines are
// passed over, and so is a byte order mark at the beginning. Memory does not
// grow with the file. It returns when all is read, when each returns an error,
// when ctx ends, or with an error that names the first line longer than allowed
// (ErrLineTooLong); lines before that one have been delivered. It does not
// return while a Read of r hangs: who cancels ctx closes r as well.
func (v *Validator) CheckLines(ctx context.Context, r io.Reader, o LineOptions, each func([]Line) error) error {
	if o.Index != nil {
		o.Index.prepare()
	}
	return v.lines(ctx, r, nil, o, each)
}

// lines is CheckLines, with known for RecallLines.
func (v *Validator) lines(ctx context.Context, r io.Reader, known *Index, o LineOptions, each func([]Line) error) error {
	workers := o.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := &pipeline{validator: v, options: o, known: known, contentType: []byte(ContentType), queue: make(chan *batch, workers), order: make(chan *batch, workers), free: make(chan *batch, 3*workers+2)}
	var group sync.WaitGroup
	group.Go(func() { p.read(ctx, r) })
	for range workers {
		group.Go(p.check)
	}
	err := p.deliver(ctx, each)
	cancel()
	for range p.order {
		// what the reader had already handed on
	}
	group.Wait()
	if err == nil {
		err = p.err
	}
	return err
}

type pipeline struct {
	validator   *Validator
	options     LineOptions
	known       *Index // nil without one
	contentType []byte
	queue       chan *batch
	order       chan *batch
	free        chan *batch
	// err is why reading ended early; it is set before order is closed.
	err error
}

func (p *pipeline) batch() *batch {
	select {
	case b := <-p.free:
		b.data, b.run = b.data[:0], nil
		return b
	default:
		return &batch{ready: make(chan struct{}, 1)}
	}
}

// read cuts the file into batches of whole lines.
func (p *pipeline) read(ctx context.Context, r io.Reader) {
	defer close(p.order)
	defer close(p.queue)
	limit := p.options.MaxLine
	if limit <= 0 {
		limit = MaxLine
	}
	in := bufio.NewReaderSize(r, block)
	if bom, err := in.Peek(3); err == nil && string(bom) == "\xef\xbb\xbf" {
		if _, err := in.Discard(3); err != nil {
			p.err = err
			return
		}
	}
	number := int64(1)
	if p.known != nil {
		var ok bool
		if number, ok = p.reread(ctx, in); !ok || !p.known.full {
			return
		}
	}
	for p.err == nil {
		b := p.batch()
		b.first = number
		end := p.fill(in, b, limit)
		number = b.next
		if len(b.data) > 0 && !p.hand(ctx, b) || end {
			return
		}
	}
}

// hand gives a batch to the workers and to whom they deliver.
func (p *pipeline) hand(ctx context.Context, b *batch) bool {
	select {
	case p.order <- b:
		p.queue <- b
		return true
	case <-ctx.Done():
		p.err = ctx.Err()
		return false
	}
}

// fill reads lines until the batch is full; true means that there are no more.
func (p *pipeline) fill(in *bufio.Reader, b *batch, limit int) bool {
	b.next = b.first
	start := 0
	for {
		piece, err := in.ReadSlice('\n')
		b.data = append(b.data, piece...)
		// the line's end does not count
		if line := bytes.TrimSuffix(b.data[start:], []byte{'\n'}); len(line) > limit && len(bytes.TrimSuffix(line, []byte{'\r'})) > limit {
			p.err = fmt.Errorf("line %d: %w: more than %d bytes", b.next, ErrLineTooLong, limit)
			b.data = b.data[:start]
			return true
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				p.err = fmt.Errorf("line %d: %w", b.next, err)
				b.data = b.data[:start]
			}
			return true
		}
		b.next++
		// Lines of a slow writer do not wait for others.
		if start = len(b.data); start >= block || in.Buffered() == 0 {
			return false
		}
	}
}

// check is a worker.
func (p *pipeline) check() {
	var before places
	for b := range p.queue {
		lines := b.lines[:0]
		number := b.first
		b.entries = b.entries[:0]
		var known []byte
		if b.run != nil {
			known = b.run.entries
		}
		for rest := b.data; len(rest) > 0; number++ {
			var text []byte
			text, rest, _ = bytes.Cut(rest, []byte{'\n'})
			text = bytes.TrimSuffix(text, []byte{'\r'})
			if len(bytes.TrimSpace(text)) == 0 {
				continue
			}
			if len(lines) < cap(lines) {
				lines = lines[:len(lines)+1]
			} else {
				lines = append(lines, Line{})
			}
			l := &lines[len(lines)-1]
			l.Number, l.Text, l.Err = number, text, nil
			if b.run != nil {
				var ok bool
				if known, ok = p.known.recall(known, l, p.contentType); ok {
					continue
				}
			}
			p.line(l)
			if p.options.Index != nil {
				b.entries = p.options.Index.note(b.entries, l, &before)
			}
		}
		b.lines = lines
		b.ready <- struct{}{}
	}
}

// line checks one.
func (p *pipeline) line(l *Line) {
	raw := l.Text
	if p.options.Complete != nil {
		if raw, l.Err = p.options.Complete(l.Text); l.Err != nil {
			return
		}
	}
	l.Err = p.validator.Record(raw, &l.Record)
}

// deliver hands the batches on in their order.
func (p *pipeline) deliver(ctx context.Context, each func([]Line) error) error {
	for b := range p.order {
		select {
		case <-b.ready:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := each(b.lines); err != nil {
			return err
		}
		if p.options.Index != nil {
			p.options.Index.keep(b)
		}
		select {
		case p.free <- b:
		default:
		}
	}
	return nil
}
