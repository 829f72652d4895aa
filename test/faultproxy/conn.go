package faultproxy

import (
	"encoding/binary"
	"net"
	"sync"
	"time"
)

// conn is one client's connection to one broker.
type conn struct {
	proxy    *Proxy
	addr     string // the broker's own
	client   net.Conn
	broker   net.Conn
	clientID string // guarded by proxy.mu

	mu       sync.Mutex
	changed  *sync.Cond
	inFlight []Frame // requests without their answer yet
	silent   bool    // nothing goes on, in either direction
	over     bool

	there, back *line
}

// line carries bytes one way with a delay, in order.
type line struct {
	to    net.Conn
	delay time.Duration
	queue chan parcel
	end   chan struct{}
}

type parcel struct {
	raw []byte
	due time.Time
}

func (l *line) send(raw []byte) {
	select {
	case l.queue <- parcel{raw, time.Now().Add(l.delay)}:
	case <-l.end:
	}
}

func (l *line) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case p := <-l.queue:
			if wait := time.Until(p.due); wait > 0 {
				timer.Reset(wait)
				select {
				case <-timer.C:
				case <-l.end:
					return
				}
			}
			if _, err := l.to.Write(p.raw); err != nil {
				return
			}
		case <-l.end:
			return
		}
	}
}

// serve carries one client's connection until either side ends it.
func (p *Proxy) serve(client net.Conn, addr string) {
	broker, err := net.Dial("tcp", addr)
	if err != nil {
		_ = client.Close()
		return
	}
	end := make(chan struct{})
	c := &conn{proxy: p, addr: addr, client: client, broker: broker}
	c.changed = sync.NewCond(&c.mu)
	c.there = &line{to: broker, delay: p.opts.RTT / 2, queue: make(chan parcel, 64), end: end}
	c.back = &line{to: client, delay: p.opts.RTT / 2, queue: make(chan parcel, 64), end: end}
	p.mu.Lock()
	closed := p.closed
	if !closed {
		p.conns[c] = true
	}
	p.mu.Unlock()
	if closed {
		c.close()
		return
	}
	var wg sync.WaitGroup
	wg.Go(c.there.run)
	wg.Go(c.back.run)
	wg.Go(c.answers)
	c.requests()
	c.close()
	close(end)
	wg.Wait()
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
}

func (c *conn) close() {
	_ = c.client.Close()
	_ = c.broker.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	c.changed.Broadcast()
}

// sever cuts the connection, or makes it silent. It tells whether anything more is to be read.
func (c *conn) sever(silent bool) {
	if !silent {
		c.close()
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.silent = true
	c.changed.Broadcast()
}

func (c *conn) isSilent() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.silent
}

// requests carries the client's requests to the broker.
func (c *conn) requests() {
	for {
		raw, err := readRaw(c.client)
		if err != nil {
			return
		}
		if c.isSilent() {
			continue
		}
		f, err := parseRequest(raw)
		if err != nil || !c.admit(f) {
			return
		}
		fault := c.proxy.decide(f)
		if fault != nil && !c.apply(fault, f) {
			continue
		}
		c.mu.Lock()
		c.inFlight = append(c.inFlight, f)
		c.mu.Unlock()
		c.there.send(f.raw)
	}
}

// admit learns who the client is, and turns away one that was killed.
func (c *conn) admit(f Frame) bool {
	c.proxy.mu.Lock()
	defer c.proxy.mu.Unlock()
	c.clientID = f.Client
	return !c.proxy.killed[f.Client]
}

// answers carries the broker's answers to the client.
func (c *conn) answers() {
	defer c.close()
	for {
		raw, err := readRaw(c.broker)
		if err != nil {
			// A silent connection stays open towards the client.
			c.mu.Lock()
			for c.silent && !c.over {
				c.changed.Wait()
			}
			c.mu.Unlock()
			return
		}
		request, ok := c.answered(raw)
		if !ok || c.isSilent() {
			continue
		}
		f, err := parseAnswer(raw, request)
		if err == nil {
			f, err = c.proxy.rewrite(f)
		}
		if err != nil {
			c.proxy.t.Logf("fault proxy: %v", err)
			return
		}
		fault := c.proxy.decide(f)
		if fault != nil && !c.apply(fault, f) {
			continue
		}
		c.back.send(f.raw)
	}
}

// answered finds the request that the answer belongs to. Requests before it
// that never get one, such as Produce without acknowledgement, are forgotten.
func (c *conn) answered(raw []byte) (Frame, bool) {
	correlation := int32(binary.BigEndian.Uint32(raw[4:]))
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.changed.Broadcast()
	for i, f := range c.inFlight {
		if f.correlation == correlation {
			c.inFlight = append([]Frame(nil), c.inFlight[i+1:]...)
			return f, true
		}
	}
	return Frame{}, false
}

// apply does what the rule says. It tells whether the frame goes on.
func (c *conn) apply(fault *Fault, f Frame) bool {
	if fault.Hook != nil {
		if !f.Answer {
			c.settle()
		}
		fault.Hook(f)
	}
	hit := func() { fault.hitOnce.Do(func() { close(fault.hit) }) }
	switch fault.Do {
	case Pass:
		hit()
		return true
	case Delay:
		hit()
		timer := time.NewTimer(fault.For)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.proxy.done:
		}
		return true
	case Hold:
		first := false
		fault.hitOnce.Do(func() { first = true })
		if first {
			c.proxy.wg.Go(func() { fault.hold(f, c.addr) })
			close(fault.hit)
		}
		c.sever(fault.Silent)
		return false
	}
	hit()
	c.sever(fault.Silent)
	return false
}

// settle waits until everything before on this connection has been answered.
func (c *conn) settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.inFlight) > 0 && !c.over {
		c.changed.Wait()
	}
}
