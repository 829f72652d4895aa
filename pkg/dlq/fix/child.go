package fix

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

const (
	// aheadLetters and aheadBytes bound one of the two batches that are on
	// their way to the process.
	aheadLetters = 256
	aheadBytes   = 2 << 20
	// silence is how long the process may take over one letter before it is
	// ended: a program is asked to end after [LetterTime], but a function of the
	// language, such as sorting, does not listen.
	silence = LetterTime + 1500*time.Millisecond
	// beginning is what a process gets to start.
	beginning = 10 * time.Second
	// mostDeaths is how many letters in a row may cost a process, or all of
	// their time.
	mostDeaths = 5
	// maxSaid bounds what is kept of the process's standard error.
	maxSaid = 8 << 10
)

// child is a process that runs programs.
type child struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	said bytes.Buffer
	hung atomic.Bool
}

// start starts the process and tells it the programs.
func (f *Fixer) start() (*child, error) {
	body, err := json.Marshal(hello{Spec: f.spec, Memory: f.options.Memory})
	if err != nil {
		return nil, err
	}
	c := &child{cmd: f.options.Worker()}
	env := c.cmd.Env
	if env == nil {
		env = c.cmd.Environ()
	}
	c.cmd.Env = append(env, "GOGC=200", "GOMEMLIMIT="+strconv.FormatInt(f.options.Memory/4*3, 10))
	c.cmd.Stderr = &limited{into: &c.said}
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReaderSize(out, 64<<10)
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the process of the jq programs: %w", err)
	}
	if err := c.greet(body); err != nil {
		c.kill()
		return nil, fmt.Errorf("starting the process of the jq programs: %w: %s", err, strings.TrimSpace(c.said.String()))
	}
	return c, nil
}

// greet sends the first frame and waits for the process to be ready.
func (c *child) greet(body []byte) error {
	late := time.AfterFunc(beginning, func() { _ = c.cmd.Process.Kill() })
	defer late.Stop()
	w := bufio.NewWriter(c.in)
	if err := writeFrame(w, body); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := readFrame(c.out)
	return err
}

// limited keeps the beginning of what is written.
type limited struct{ into *bytes.Buffer }

func (l *limited) Write(b []byte) (int, error) {
	l.into.Write(b[:min(len(b), maxSaid-min(maxSaid, l.into.Len()))])
	return len(b), nil
}

// end lets the process end by itself, which it does when its input ends.
func (c *child) end() {
	_ = c.in.Close()
	hurry := time.AfterFunc(silence, func() { _ = c.cmd.Process.Kill() })
	defer hurry.Stop()
	_ = c.cmd.Wait() // how it ends says nothing: all was answered
}

func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.in.Close()
	_ = c.cmd.Wait()
}

// why says what the end of a process has to do with the letter it was at.
func (c *child) why() string {
	switch said := c.said.String(); {
	case c.hung.Load():
		return errTime.Error()
	case strings.Contains(said, tooMuch), strings.Contains(said, "fatal error:"), strings.Contains(said, "SIGSEGV"), strings.Contains(said, "pthread_create"), strings.Contains(said, "out of memory"):
		// Go's own ends where the operating system refuses memory, or at the
		// depth of a recursion.
		return "the program took too much memory"
	}
	return "the program ended its process"
}

// runPrograms has the programs run over all letters. It starts a process where
// there is none, and another after each letter that cost one.
func (f *Fixer) runPrograms(ctx context.Context, results []Result) error {
	frames := make([][]byte, len(results))
	for i := range results {
		frames[i] = f.frame(&results[i].Record)
	}
	for next := 0; next < len(frames); {
		if f.child == nil {
			c, err := f.start()
			if err != nil {
				return err
			}
			f.child = c
		}
		answered, err := f.child.exchange(ctx, frames[next:], func(i int, d *done) { f.take(&results[next+i], d) })
		next += answered
		if answered > 0 {
			f.deaths = 0
		}
		if err == nil {
			break
		}
		c := f.child
		f.child = nil
		c.kill()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, errFrame) || next >= len(frames) {
			return err
		}
		results[next].Refused = &Refusal{Reason: "jq: " + c.why()}
		next++
		if f.deaths++; f.deaths >= mostDeaths {
			return fmt.Errorf("%w after %d letters in a row: %s", ErrGivenUp, f.deaths, c.why())
		}
	}
	return nil
}

// frame is a letter as the process gets it.
func (f *Fixer) frame(r *kafka.Record) []byte {
	j := job{value: r.Value}
	var headers [][2][]byte
	if f.spec.usesLetter() {
		j.key = r.Key
		for _, h := range r.Headers {
			headers = append(headers, [2][]byte{[]byte(h.Name), h.Value})
		}
	}
	return appendJob(make([]byte, 0, len(r.Value)+16), &j, headers)
}

// take puts an answer into the letter's result.
func (f *Fixer) take(r *Result, d *done) {
	switch d.status {
	case skipped:
		r.Skipped = true
		return
	case refused:
		r.Refused = &d.why
		return
	case changed:
		r.Record.Value, r.ValueChanged = d.value, true
	}
	if d.keySet {
		r.KeyChanged = !bytes.Equal(r.Record.Key, d.key) || (r.Record.Key == nil) != (d.key == nil)
		r.Record.Key = d.key
	}
}

// exchange sends letters and takes answers, two batches ahead. It returns how
// many were answered; an error is the process's end at the one after.
func (c *child) exchange(ctx context.Context, frames [][]byte, take func(int, *done)) (answered int, err error) {
	batches := cut(frames)
	slots := make(chan struct{}, 2)
	stop, written := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(written)
		c.write(batches, slots, stop)
	}()
	overdue := time.AfterFunc(silence, func() {
		c.hung.Store(true)
		_ = c.cmd.Process.Kill()
	})
	ended := context.AfterFunc(ctx, func() { _ = c.cmd.Process.Kill() })
	defer func() {
		overdue.Stop()
		ended()
		close(stop)
		if err != nil {
			_ = c.cmd.Process.Kill() // ends a write that waits
		}
		<-written
	}()
	for _, batch := range batches {
		for range batch {
			frame, err := readFrame(c.out)
			if err != nil {
				return answered, fmt.Errorf("the process of the jq programs: %w", err)
			}
			overdue.Reset(silence)
			d, err := readDone(frame)
			if err != nil {
				return answered, err
			}
			take(answered, &d)
			answered++
		}
		<-slots
	}
	return answered, nil
}

// write sends batches while slots are free. A failure shows where answers are
// read, which end too.
func (c *child) write(batches [][][]byte, slots chan<- struct{}, stop <-chan struct{}) {
	w := bufio.NewWriterSize(c.in, 64<<10)
	for _, batch := range batches {
		select {
		case slots <- struct{}{}:
		case <-stop:
			return
		}
		for _, frame := range batch {
			if writeFrame(w, frame) != nil {
				return
			}
		}
		if w.Flush() != nil {
			return
		}
	}
}

// cut makes batches of frames, each with one at least.
func cut(frames [][]byte) [][][]byte {
	var batches [][][]byte
	for len(frames) > 0 {
		n, size := 1, len(frames[0])
		for n < len(frames) && n < aheadLetters && size+len(frames[n]) <= aheadBytes {
			size += len(frames[n])
			n++
		}
		batches = append(batches, frames[:n])
		frames = frames[n:]
	}
	return batches
}
