package cmd

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

const (
	barCells   = 24
	barEvery   = 100 * time.Millisecond // on a terminal
	logEvery   = 5 * time.Second        // in a log
	barWaiting = 500 * time.Millisecond // what is done by then shows nothing
)

// progress shows how far long work is: a bar on a terminal, a line every few
// seconds in a log, nothing with -q.
type progress struct {
	print *printer
	what  string
	total int64 // bytes, or units where unit is set; 0 unknown
	unit  string
	note  func() string // more to say, where set

	mu      sync.Mutex
	bytes   int64
	events  int64
	started time.Time
	shown   time.Time
	drawn   bool
	ended   bool
}

func newProgress(p *printer, what string, total int64) *progress {
	now := time.Now()
	return &progress{print: p, what: what, total: total, started: now, shown: now}
}

// newLetterProgress counts letters, of a total that is 0 where it is not known.
func newLetterProgress(p *printer, what string, total int64) *progress {
	bar := newProgress(p, what, total)
	bar.unit = "letter"
	return bar
}

// reader is r, whose bytes count.
func (p *progress) reader(r io.Reader) io.Reader { return &countedReader{r, p} }

type countedReader struct {
	r io.Reader
	p *progress
}

func (c *countedReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.p.mu.Lock()
	c.p.bytes += int64(n)
	c.p.mu.Unlock()
	return n, err
}

// count adds events that are done.
func (p *progress) count(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events += n
	now := time.Now()
	every := logEvery
	if p.print.errTTY {
		every = barEvery
	}
	if p.print.quiet || p.ended || now.Sub(p.started) < barWaiting || now.Sub(p.shown) < every {
		return
	}
	p.shown = now
	line := p.line(now)
	if p.print.errTTY {
		p.drawn = true
		fmt.Fprintf(p.print.errOut, "\r%s\x1b[K", line)
		return
	}
	fmt.Fprintln(p.print.errOut, line)
}

func (p *progress) line(now time.Time) string {
	rate := float64(p.events) / now.Sub(p.started).Seconds()
	done, unit := p.bytes, "event"
	if p.unit != "" {
		done, unit = p.events, p.unit
	}
	line := fmt.Sprintf("%s, %.0f/s", plural(p.events, unit), rate)
	const century = 100 * 365 * 24 * 3600.0 // longer than that it stands still
	if left := float64(p.total-p.events) / rate; p.unit != "" && p.total > p.events && left < century {
		line += ", " + spanText(time.Duration(left*float64(time.Second))) + " left"
	}
	if p.note != nil {
		line += p.note()
	}
	if p.total > 0 {
		part := min(1, float64(done)/float64(p.total))
		line = fmt.Sprintf("%3.0f%%  %s", part*100, line)
		if p.print.errTTY {
			done := int(part * barCells)
			line = fmt.Sprintf("[%s%s] %s", strings.Repeat("#", done), strings.Repeat(".", barCells-done), line)
		}
	}
	return p.what + "  " + line
}

// countOf is count for work whose size is known only once it is under way.
func (p *progress) countOf(n, total int64) {
	p.mu.Lock()
	p.total = total
	p.mu.Unlock()
	p.count(n)
}

// end takes the bar away.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drawn && !p.ended {
		fmt.Fprint(p.print.errOut, "\r\x1b[K")
	}
	p.ended = true
}
