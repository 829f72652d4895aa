package console

import (
	"errors"
	"fmt"
	"io"
)

// blockSize is what one read asks for. Larger reads gain nothing measurable.
const blockSize = 1 << 20

// Source is one input of a producer.
type Source struct {
	// Name is how messages call it: a file's name, or "" for standard input.
	Name   string
	Reader io.Reader
}

// block is a piece of an input as one read gave it.
type block struct {
	data []byte
	full []byte // the whole buffer, to be given back
	end  bool   // nothing follows in this source
	err  error  // what ended the source early
}

// blockPump reads the sources one after the other, ahead of who decodes them.
//
// A read that blocks, as on a terminal, cannot be interrupted. So the pump is
// the one goroutine that may outlive its owner: after stop it hands nothing
// on, touches nothing but its own buffers, and ends with its read.
type blockPump struct {
	out  chan block
	free chan []byte
	done chan struct{}
}

func startPump(sources []Source) *blockPump {
	p := &blockPump{out: make(chan block, 1), free: make(chan []byte, 3), done: make(chan struct{})}
	for range cap(p.free) {
		p.free <- nil
	}
	go p.run(sources)
	return p
}

func (p *blockPump) stop() { close(p.done) }

// recycle gives a block's buffer back. Its data is no longer valid.
func (p *blockPump) recycle(b block) { p.free <- b.full }

func (p *blockPump) run(sources []Source) {
	defer close(p.out)
	for _, s := range sources {
		if !p.source(s) {
			return
		}
	}
}

// source reads one source to its end and tells whether to go on.
func (p *blockPump) source(s Source) bool {
	for {
		var buf []byte
		select {
		case buf = <-p.free:
		case <-p.done:
			return false
		}
		if buf == nil {
			buf = make([]byte, blockSize)
		}
		n, err := readSome(s.Reader, buf)
		b := block{data: buf[:n], full: buf, end: err != nil}
		if err != nil && !errors.Is(err, io.EOF) {
			b.err = err
			if s.Name != "" {
				b.err = fmt.Errorf("%s: %w", s.Name, err)
			}
		}
		select {
		case p.out <- b:
		case <-p.done:
			return false
		}
		if b.err != nil {
			return false
		}
		if b.end {
			return true
		}
	}
}

// readSome reads at least one byte or an error. A reader that gives neither
// for long is broken.
func readSome(r io.Reader, buf []byte) (int, error) {
	for range 100 {
		n, err := r.Read(buf)
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}
