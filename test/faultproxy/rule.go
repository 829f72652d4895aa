package faultproxy

import (
	"fmt"
	"net"
	"sync"
	"time"
)

// Action is what happens to a frame.
type Action int

// The actions.
const (
	// Pass lets the frame go on; with a Hook the test learns when.
	Pass Action = iota
	// Delay lets it go on, and all behind it, after For.
	Delay
	// Drop throws it away and cuts the connection, or leaves it silent. Of a
	// request: the broker never sees it. Of an answer: it is lost.
	Drop
	// Hold takes a request out of its connection, which is cut or left silent.
	// It reaches the broker over a connection of its own, after For, or when
	// [Fault.Release] says so where For is zero.
	Hold
)

// String names the action.
func (a Action) String() string { return [...]string{"pass", "delay", "drop", "hold"}[a] }

// Rule says which frames are broken, and how.
type Rule struct {
	Key    int16
	Answer bool             // answers instead of requests
	Client string           // the client.id; "" any
	Match  func(Frame) bool // what else must hold; nil nothing
	// Nth is the first occurrence that is hit, counted from when the rule was
	// added; 0 is 1. Times is how many are hit from there: 0 is 1, below 0 all.
	Nth, Times int

	Do     Action
	For    time.Duration
	Silent bool // leave the connection open without a further byte, instead of cutting it
	// Hook is called before the action, when everything sent before over the
	// same connection has been answered. The frame waits for it.
	Hook func(Frame)
}

// String says what the rule does, for a test's log.
func (r Rule) String() string {
	what := "request"
	if r.Answer {
		what = "answer"
	}
	text := fmt.Sprintf("%v %s %d of key %d", r.Do, what, max(1, r.Nth), r.Key)
	if r.For > 0 {
		text += fmt.Sprintf(" for %v", r.For)
	}
	if r.Silent {
		text += " silently"
	}
	return text
}

// Fault is a rule at work.
type Fault struct {
	Rule

	proxy    *Proxy
	seen     int
	released sync.Once
	release  chan struct{}
	hitOnce  sync.Once
	hit      chan struct{}
	late     chan struct{}
	answer   *Frame
}

// Add puts a rule to work. Of several rules that hit the same frame, the one
// that was added first does.
func (p *Proxy) Add(r Rule) *Fault {
	f := &Fault{Rule: r, proxy: p, release: make(chan struct{}), hit: make(chan struct{}), late: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = append(p.rules, f)
	return f
}

// Clear takes all rules away. Held requests stay held until they are released.
func (p *Proxy) Clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = nil
}

// Hit is closed when the rule has hit its first frame.
func (f *Fault) Hit() <-chan struct{} { return f.hit }

// WasHit tells whether the rule has hit a frame.
func (f *Fault) WasHit() bool {
	select {
	case <-f.hit:
		return true
	default:
		return false
	}
}

// Release lets what is held go to the broker.
func (f *Fault) Release() { f.released.Do(func() { close(f.release) }) }

// Deliver releases what is held and waits until the broker has answered it. It
// returns that answer, nil where there is none: nothing is held, the broker does
// not answer within 5 s, or the proxy ends.
func (f *Fault) Deliver() *Frame {
	f.Release()
	if !f.WasHit() {
		return nil
	}
	timer := time.NewTimer(5 * time.Second)
	defer timer.Stop()
	select {
	case <-f.late:
		return f.answer
	case <-timer.C:
	case <-f.proxy.done:
	}
	return nil
}

// decide finds the rule that hits the frame.
func (p *Proxy) decide(f Frame) *Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !f.Answer {
		p.counts[f.Key]++
	}
	for _, r := range p.rules {
		if r.Key != f.Key || r.Answer != f.Answer || r.Client != "" && r.Client != f.Client || r.Match != nil && !r.Match(f) {
			continue
		}
		r.seen++
		if from := max(1, r.Nth); r.seen < from || r.Times >= 0 && r.seen >= from+max(1, r.Times) {
			continue
		}
		return r
	}
	return nil
}

// hold delivers the request later over a connection of its own.
func (f *Fault) hold(frame Frame, upstream string) {
	defer close(f.late)
	if f.For > 0 {
		timer := time.NewTimer(f.For)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-f.release:
		case <-f.proxy.done:
			return
		}
	} else {
		select {
		case <-f.release:
		case <-f.proxy.done:
			return
		}
	}
	conn, err := net.Dial("tcp", upstream)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Write(frame.raw); err != nil {
		return
	}
	raw, err := readRaw(conn)
	if err != nil {
		return
	}
	if answer, err := parseAnswer(raw, frame); err == nil {
		f.answer = &answer
	}
}
