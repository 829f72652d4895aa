package eventbus

import (
	"context"
	"runtime"
	"sync"

	"github.com/IBM/sarama"
)

const (
	// requestBytes is how much one request carries at most, but for one batch.
	requestBytes = 8 << 20
	// pipelineBytes is how much has to wait for a request to be made while
	// another is under way; less makes do with being part of the next.
	pipelineBytes = 512 << 10
	// pipelineDepth bounds the requests under way over one connection.
	pipelineDepth = 4
	// gatherRounds bounds how often a request is put off for more to come in.
	gatherRounds = 20
)

// courier takes the batches of many partitions to the broker that leads them, all
// that wait in one request: what a request costs, here and at the broker, is
// shared by all who call at the same time.
type courier struct {
	mu       sync.Mutex
	changed  sync.Cond
	pending  []*cargo
	bytes    int
	inFlight int
	running  bool
}

// cargo is a batch on a courier.
type cargo struct {
	topic     string
	partition int32
	batch     *sarama.RecordBatch
	size      int
	use       *linkUse
	reply     chan reply // takes one without waiting
}

// reply is what became of a request.
type reply struct {
	res *sarama.ProduceResponse
	err error
}

func newCourier() *courier {
	c := &courier{}
	c.changed.L = &c.mu
	return c
}

// carry takes a batch along and waits for the answer. When ctx ends first, taken
// says whether the batch may have been sent.
func (c *courier) carry(ctx context.Context, s *sender, load *cargo) (r reply, taken bool) {
	c.mu.Lock()
	c.pending = append(c.pending, load)
	c.bytes += load.size
	switch {
	case c.running:
		c.changed.Signal()
		c.mu.Unlock()
	case c.inFlight > 0:
		c.running = true
		s.work.Go(func() { c.run(s) })
		c.mu.Unlock()
	default:
		// Nobody is at it and nothing is under way, as for a lone caller: the
		// request is made right here, without waking another goroutine.
		c.running = true
		c.mu.Unlock()
		if s.sending.Load() > 1 {
			c.gather()
		}
		c.round(s)
		c.mu.Lock()
		if c.running = len(c.pending) > 0; c.running {
			s.work.Go(func() { c.run(s) })
		}
		c.mu.Unlock()
	}
	select {
	case r = <-load.reply:
		return r, true
	case <-ctx.Done():
		return reply{err: ctx.Err()}, !c.takeBack(load)
	}
}

// takeBack removes a batch that was not sent yet.
func (c *courier) takeBack(load *cargo) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, p := range c.pending {
		if p == load {
			c.pending = append(c.pending[:i:i], c.pending[i+1:]...)
			c.bytes -= load.size
			return true
		}
	}
	return false
}

// run makes requests until nothing waits.
func (c *courier) run(s *sender) {
	for {
		c.await()
		c.gather()
		if !c.round(s) {
			return
		}
	}
}

// round makes one request; false when nothing waited.
func (c *courier) round(s *sender) bool {
	loads := c.next()
	if loads == nil {
		return false
	}
	c.request(s, loads)
	return true
}

// gather lets those get in who are about to call, as all do that a request has
// just been answered to: it yields as long as more come.
func (c *courier) gather() {
	before := -1
	for range gatherRounds {
		runtime.Gosched()
		c.mu.Lock()
		now := c.bytes
		c.mu.Unlock()
		if now == before {
			return
		}
		before = now
	}
}

// await returns when a request is worth its cost.
func (c *courier) await() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.inFlight > 0 && (c.bytes < pipelineBytes || c.inFlight >= pipelineDepth) {
		c.changed.Wait()
	}
}

// next gives what the next request carries; nil when nothing waits, and the courier
// rests from then on.
func (c *courier) next() []*cargo {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, size := 0, 0
	for n < len(c.pending) && (n == 0 || size+c.pending[n].size <= requestBytes) && c.pending[n].use.same(c.pending[0].use) {
		size += c.pending[n].size
		n++
	}
	if n == 0 {
		c.running = false
		return nil
	}
	loads := c.pending[:n:n]
	c.pending = c.pending[n:]
	c.bytes -= size
	c.inFlight++
	return loads
}

// request sends batches to their broker; the answer goes to those who wait.
func (c *courier) request(s *sender, loads []*cargo) {
	req := &sarama.ProduceRequest{
		Version: 10, RequiredAcks: sarama.WaitForAll, Timeout: int32((s.client.Timeout() * 3 / 4).Milliseconds()),
	}
	for _, l := range loads {
		req.AddBatch(l.topic, l.partition, l.batch)
	}
	answer := func(res *sarama.ProduceResponse, err error) {
		for _, l := range loads {
			l.reply <- reply{res, err}
		}
		c.mu.Lock()
		c.inFlight--
		c.changed.Signal()
		c.mu.Unlock()
	}
	if err := loads[0].use.broker.AsyncProduce(req, answer); err != nil {
		answer(nil, err)
	}
}
