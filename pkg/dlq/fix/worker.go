package fix

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// hello is the first frame to the process: what it is to do and may use.
type hello struct {
	Spec   spec  `json:"spec"`
	Memory int64 `json:"memory"`
}

// memoryEvery is how often the process looks at its memory.
const memoryEvery = 5 * time.Millisecond

// overhead is what the runtime and its threads take beside what programs use.
const overhead = 256 << 20

// slow is a letter after which the memory that it left behind is given back, so
// that it is not counted as the next letter's.
const slow = 50 * time.Millisecond

// tooMuch is what the process says before it ends itself.
const tooMuch = "too much memory"

// Serve runs programs for another process of the same binary until in ends: it
// is the whole of a process whose command [Options].Worker makes. It ends that
// process, wherever a program is, when in ends or its memory is used up.
func Serve(ctx context.Context, in io.Reader, out, errOut io.Writer) error {
	r := bufio.NewReaderSize(in, 64<<10)
	first, err := readFrame(r)
	if err != nil {
		return fmt.Errorf("reading the programs: %w", err)
	}
	var h hello
	if err := json.Unmarshal(first, &h); err != nil {
		return err
	}
	var p programs
	if err := h.Spec.compile(&p); err != nil {
		return err
	}
	if h.Memory > 0 {
		debug.SetMemoryLimit(h.Memory / 4 * 3)
		limitMemory(h.Memory*2 + overhead)
		go watchMemory(ctx, h.Memory, errOut)
	}
	// The reading goroutine sees the parent's end also while a program runs, so
	// it never waits for one: the parent bounds what it sends ahead.
	jobs := newQueue()
	go func() {
		for {
			frame, err := readFrame(r)
			if err != nil {
				if !jobs.close() {
					end() // in the middle of a letter that nobody waits for
				}
				return
			}
			jobs.put(frame)
		}
	}()
	w := bufio.NewWriterSize(out, 64<<10)
	if err := writeFrame(w, nil); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return p.serve(ctx, jobs, w, h.Spec.MaxValue)
}

// serve answers jobs in their order, each before it begins the next: the first
// without an answer is the one that the process ended at.
func (p *programs) serve(ctx context.Context, jobs *queue, w *bufio.Writer, maxValue int) error {
	var answer []byte
	for {
		frame, ok := jobs.take()
		if !ok {
			return nil
		}
		j, err := readJob(frame)
		if err != nil {
			return err
		}
		began := time.Now()
		d := p.run(ctx, &j, maxValue)
		if time.Since(began) > slow {
			debug.FreeOSMemory()
		}
		answer = appendDone(answer[:0], &d)
		if err := writeFrame(w, answer); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
}

// watchMemory ends the process that uses more than it may. A single allocation
// larger than that is refused by the operating system, where it can.
func watchMemory(ctx context.Context, most int64, errOut io.Writer) {
	tick := time.NewTicker(memoryEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if usedMemory() <= most {
			continue
		}
		runtime.GC() // garbage is not used
		if usedMemory() > most {
			fmt.Fprintln(errOut, tooMuch)
			end()
		}
	}
}

func usedMemory() int64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64() + sample[1].Value.Uint64())
}

// end ends this process at once.
func end() {
	p, err := os.FindProcess(os.Getpid())
	if err != nil {
		return
	}
	if err := p.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return
	}
}
