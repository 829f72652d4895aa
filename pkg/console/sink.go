package console

import (
	"context"
	"errors"
	"io"
	"time"
)

const (
	bufferSize = 256 << 10
	// flushEvery bounds how long a record waits while others keep coming.
	flushEvery = 50 * time.Millisecond
	// giveUp bounds how long an interrupted run waits for a stuck output.
	giveUp = 500 * time.Millisecond
)

// errEnough ends a run that has written all it was asked for.
var errEnough = errors.New("enough")

// sink filters, prints and writes the records of one run. Only its writer
// goroutine touches the output: printing overlaps with writing, and an output
// that takes nothing can be left behind when the run is interrupted.
type sink struct {
	in      chan chunk
	printer *Printer
	opts    ConsumeOptions
	summary Summary

	open    page // being filled
	flushed time.Time

	pages   chan page
	results chan result
	spare   []byte
	writing int64 // records of the page being written
	busy    bool  // a page is being written
}

// page is text on its way to the output.
type page struct {
	text    []byte
	records int64
	written []func() // told when the text is
}

type result struct {
	page
	err error
}

func newSink(out io.Writer, p *Printer, opts ConsumeOptions) *sink {
	s := &sink{
		in: make(chan chunk, 2), printer: p, opts: opts, flushed: time.Now(),
		pages: make(chan page), results: make(chan result, 1),
	}
	go func() {
		defer close(s.results)
		for b := range s.pages {
			var err error
			if len(b.text) > 0 {
				_, err = out.Write(b.text)
			}
			s.results <- result{page: b, err: err}
		}
	}()
	return s
}

// drain runs a source and writes what it delivers, until one has enough. The
// source is stopped after what came from it is written, so that it can commit
// that.
func (s *sink) drain(ctx context.Context, src source) error {
	inner, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	done := make(chan error, 1)
	go func() { done <- src.run(inner) }()
	err := s.loop(ctx, done)
	if err == nil {
		return s.flushAll(ctx)
	}
	if werr := s.flushAll(ctx); werr != nil && errors.Is(err, errEnough) {
		err = werr
	}
	stop()
	for {
		select {
		case <-s.in: // not wanted any more
			continue
		case serr := <-done:
			if errors.Is(err, errEnough) {
				return ignoreCanceled(serr)
			}
			return err
		}
	}
}

func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// loop returns nil when the source ended by itself and without an error; the
// source is still to be stopped otherwise.
func (s *sink) loop(ctx context.Context, done chan error) error {
	m := newMerger(s.opts)
	var idle <-chan time.Time
	restart := func() {}
	if s.opts.IdleTimeout > 0 {
		timer := time.NewTimer(s.opts.IdleTimeout)
		defer timer.Stop()
		idle = timer.C
		restart = func() { timer.Reset(s.opts.IdleTimeout) }
	}
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		before := s.accepted()
		var err error
		select {
		case c := <-s.in:
			err = s.takeAll(ctx, m, c)
		case <-tick.C:
			err = m.each(false, func(c chunk) error { return s.take(ctx, c) })
		case r := <-s.results:
			err = s.settle(r)
		case <-idle:
			return errEnough
		case <-ctx.Done():
			return ctx.Err()
		case err := <-done:
			if err == nil {
				err = s.rest(ctx, m)
			}
			if err != nil {
				done <- nil // its end was taken here; drain waits for one
			}
			return err
		}
		if err == nil {
			err = s.flush(ctx)
		}
		if err != nil {
			return err
		}
		if s.accepted() > before {
			restart()
		}
	}
}

// rest takes what was still on its way when the source ended.
func (s *sink) rest(ctx context.Context, m *merger) error {
	for {
		select {
		case c := <-s.in:
			m.add(c)
			continue
		default:
		}
		return m.each(true, func(c chunk) error { return s.take(ctx, c) })
	}
}

// takeAll takes a chunk and those that wait behind it, without a flush between.
func (s *sink) takeAll(ctx context.Context, m *merger, c chunk) error {
	for {
		m.add(c)
		if err := m.each(false, func(c chunk) error { return s.take(ctx, c) }); err != nil {
			return err
		}
		select {
		case c = <-s.in:
		default:
			return nil
		}
	}
}

// take prints the wanted records of a chunk.
func (s *sink) take(ctx context.Context, c chunk) error {
	for i := range c.records {
		r := &c.records[i]
		s.summary.Read++
		if s.opts.Decode != nil {
			if err := s.opts.Decode(ctx, r); err != nil {
				s.acknowledge(c, i)
				return err
			}
		}
		if s.opts.Filter.Match(ctx, r) {
			s.open.text = s.printer.Append(s.open.text, r)
			s.open.records++
			if s.opts.Max > 0 && s.accepted() == s.opts.Max {
				s.acknowledge(c, i+1)
				return errEnough
			}
		}
		if len(s.open.text) >= bufferSize || i%256 == 255 {
			if err := ctx.Err(); err != nil {
				s.acknowledge(c, i+1)
				return err
			}
			if len(s.open.text) >= bufferSize || time.Since(s.flushed) > flushEvery {
				if err := s.flush(ctx); err != nil {
					s.acknowledge(c, i+1)
					return err
				}
			}
		}
	}
	s.acknowledge(c, len(c.records))
	return nil
}

// acknowledge tells the chunk's source that n of its records were taken, once
// what is printed so far is written.
func (s *sink) acknowledge(c chunk, n int) {
	if c.written != nil {
		s.open.written = append(s.open.written, func() { c.written(n) })
	}
}

// accepted counts the records that are written or will be.
func (s *sink) accepted() int64 { return s.summary.Written + s.writing + s.open.records }

// flush hands the open page to the writer, once that has written the one before.
func (s *sink) flush(ctx context.Context) error {
	if len(s.open.text) == 0 && len(s.open.written) == 0 {
		return nil
	}
	if s.busy {
		select {
		case r := <-s.results:
			if err := s.settle(r); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.busy, s.writing, s.flushed = true, s.open.records, time.Now()
	s.pages <- s.open
	s.open = page{text: s.spare[:0]}
	s.spare = nil
	return nil
}

// settle notes what became of a page.
func (s *sink) settle(r result) error {
	s.busy, s.writing = false, 0
	if r.err != nil {
		return r.err
	}
	s.summary.Written += r.records
	for _, f := range r.written {
		f()
	}
	// A record much larger than the others does not keep its memory.
	if cap(r.text) <= 4*bufferSize {
		s.spare = r.text
	}
	return nil
}

// flushAll writes all that is printed and waits for it: without bound, but
// not longer than giveUp after ctx ended.
func (s *sink) flushAll(ctx context.Context) error {
	late, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(giveUp, stop)
		context.AfterFunc(late, func() { timer.Stop() })
	})()
	if err := s.flush(late); err != nil {
		s.summary.Uncertain = late.Err() != nil
		return err
	}
	if !s.busy {
		return nil
	}
	select {
	case r := <-s.results:
		return s.settle(r)
	case <-late.Done():
		s.summary.Uncertain = true
		return late.Err()
	}
}

// close ends the writer. One that is stuck in a write cannot be waited for: it
// ends with the write, and touches nothing after it.
func (s *sink) close() {
	close(s.pages)
	if !s.busy {
		<-s.results
	}
}
