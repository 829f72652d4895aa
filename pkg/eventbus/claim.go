package eventbus

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

const (
	// burst is how many records a claim takes in at once.
	burst = 512
	// patience is how long a claim may keep the protocol client waiting for
	// room before it stops fetching. The client reads for all partitions of a
	// broker in turn, so others wait meanwhile.
	patience = 100 * time.Millisecond
)

// claim is one partition while this member of the group has it. Its goroutine
// takes records in; what is below is under the subscription's lock.
type claim struct {
	sub     *subscription
	source  source
	arrival arrival // the group's, at the topic as it is now
	session sarama.ConsumerGroupSession
	behind  func() int64 // the partition's end

	ctx    context.Context
	cancel context.CancelCauseFunc
	poked  chan struct{}

	// The goroutine's own: what was fetched and has no room yet, since when
	// the client has been waiting, and whether fetching is paused.
	backlog []*sarama.ConsumerMessage
	blocked time.Time
	room    *time.Timer
	heavy   bool // the last record that did not fit was one too large

	over atomic.Bool // stopped, for workers that do not hold the lock

	tracker tracker
	lanes   map[string]*lane
	free    *lane
	whole   *lane               // of all records, ByPartition
	parked  map[uint64]struct{} // hashes of keys whose records go to the dead letter topic
	before  *doneBits           // what an earlier owner had done

	calls          []callContext // by worker
	running        int           // calls and letters under way
	hungry         bool          // the goroutine waits for room
	paused         bool
	failingLetters int // that cannot be written for now
	// oversizeLetters are too large for their topic.
	oversizeLetters int
	stopped         bool          // no call is begun any more
	closed          bool          // nothing counts any more
	quiet           chan struct{} // closed when stopped and nothing is running
	marked          int64
	// start is where a claim began that had no committed offset and that skips
	// what is older, -1 for others: until its first record comes, this is what
	// it commits, so that its next owner does not skip more.
	start int64
	noted string // the metadata that was marked
}

func newClaim(s *subscription, session sarama.ConsumerGroupSession, sc sarama.ConsumerGroupClaim) *claim {
	c := &claim{
		sub: s, session: session, behind: sc.HighWaterMarkOffset,
		source:  source{group: s.opts.Group, topic: sc.Topic(), partition: sc.Partition()},
		poked:   make(chan struct{}, 1),
		quiet:   make(chan struct{}),
		tracker: newTracker(), lanes: map[string]*lane{}, marked: max(-1, sc.InitialOffset()),
		room: time.NewTimer(time.Hour),
	}
	c.arrival = s.arrivalAt(sc.Topic())
	c.start = -1
	if sc.InitialOffset() == sarama.OffsetNewest {
		c.start = sc.HighWaterMarkOffset()
	}
	c.ctx, c.cancel = context.WithCancelCause(s.base)
	return c
}

// ConsumeClaim implements sarama.ConsumerGroupHandler: it has one partition
// until the group takes it away.
func (s *subscription) ConsumeClaim(session sarama.ConsumerGroupSession, sc sarama.ConsumerGroupClaim) error {
	c := newClaim(s, session, sc)
	defer c.cancel(nil)
	defer c.room.Stop()
	s.bus.budget.claims.Add(1)
	defer s.bus.budget.claims.Add(-1)
	// A pause of an earlier claim may have outlived it.
	s.fetching.Resume(c.partition())
	gone := session.Context().Done()
	if !c.begin(sc.InitialOffset(), gone, sc.Messages()) {
		return nil
	}
	s.mu.Lock()
	s.claims[c] = struct{}{}
	s.mu.Unlock()
	s.obs.assigned(c.source, sc.InitialOffset())
	c.receive(gone, sc.Messages())
	c.drain()
	s.fetching.Resume(c.partition())
	return nil
}

func (c *claim) partition() map[string][]int32 {
	return map[string][]int32{c.source.topic: {c.source.partition}}
}

// receive takes records in until the claim ends.
func (c *claim) receive(gone <-chan struct{}, messages <-chan *sarama.ConsumerMessage) {
	taken := make([]*sarama.ConsumerMessage, 0, burst)
	c.refill() // what came meanwhile; and the breaker may be open
	for {
		select {
		case m, ok := <-messages:
			if !ok {
				return
			}
			taken = append(taken[:0], m)
			left := c.maxBytes()/8 - int64(sizeOf(m))
			for more := true; more && len(taken) < burst && left > 0; {
				select {
				case m, ok := <-messages:
					if !ok {
						return
					}
					taken = append(taken, m)
					left -= int64(sizeOf(m))
				default:
					more = false
				}
			}
			if !c.takeIn(taken, gone) {
				return
			}
			if len(messages) == 0 {
				c.blocked = time.Time{}
			}
			if c.sub.holding.Load() {
				c.adjust()
			}
		case <-c.poked:
			c.refill()
		case <-gone:
			return
		}
	}
}

// takeIn admits what has room and keeps the rest; false when the claim ended.
func (c *claim) takeIn(list []*sarama.ConsumerMessage, gone <-chan struct{}) bool {
	for len(c.backlog) == 0 {
		if list = list[c.admit(list):]; len(list) == 0 {
			return true
		}
		if c.blocked.IsZero() {
			c.blocked = time.Now()
		}
		left := patience - time.Since(c.blocked)
		if left <= 0 || c.heavy { // the client would take in as much again meanwhile
			break
		}
		c.room.Reset(left)
		select {
		case <-c.poked:
		case <-c.room.C:
		case <-gone:
			return false
		}
	}
	c.backlog = append(c.backlog, list...)
	c.adjust()
	return true
}

// refill admits what waited for room, and lets fetching go on where it may.
func (c *claim) refill() {
	if len(c.backlog) > 0 {
		n := c.admit(c.backlog)
		c.backlog = c.backlog[n:]
		if len(c.backlog) == 0 {
			c.backlog = nil
		}
	}
	c.adjust()
}

// admit queues records as far as there is room and returns how many.
func (c *claim) admit(list []*sarama.ConsumerMessage) int {
	s := c.sub
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, m := range list {
		if m.Offset < c.tracker.position {
			continue // fetched twice
		}
		size := int64(sizeOf(m))
		if !c.fits(m.Offset, size) {
			c.hungry = true
			s.wakeWorker()
			return i
		}
		if c.start > m.Offset {
			c.beganBefore(m.Offset)
		}
		n := c.tracker.add(m, size)
		if c.before.has(m.Offset) {
			c.tracker.finish(n)
			c.progressed(1)
			s.obs.skipped(c.source, m.Offset, "done before")
			continue
		}
		l := c.laneFor(m)
		l.append(n)
		if l.state == laneEmpty {
			l.state = laneReady
			s.ready.push(l)
		}
	}
	c.hungry = false
	s.wakeWorker()
	return len(list)
}

// adjust stops fetching or lets it go on. The goroutine calls it.
func (c *claim) adjust() {
	s := c.sub
	s.mu.Lock()
	why := c.pauseReason()
	was := c.paused
	c.paused = why != ""
	s.mu.Unlock()
	switch {
	case why != "" && !was:
		s.fetching.Pause(c.partition())
		s.obs.paused(c.source, why)
	case why == "" && was:
		s.fetching.Resume(c.partition())
		s.obs.resumed(c.source)
	}
}

// pauseReason says why nothing more should be fetched, "" when it should.
func (c *claim) pauseReason() string {
	t, o := &c.tracker, &c.sub.opts
	switch {
	case c.sub.holding.Load() && t.unfinished > 0:
		// Without a record in hand there would be none to probe with.
		return "breaker open"
	case c.failingLetters > 0:
		return "dead letters cannot be written"
	case len(c.backlog) > 0:
		return "full"
	case c.paused && t.unfinished > o.lowWater():
		return "full"
	}
	return ""
}

// lowWater is where fetching goes on. The protocol client comes back to a
// partition only after a while, so there should be work left for that long.
func (o *Subscription) lowWater() int { return o.MaxInFlight - o.MaxInFlight/4 }

// freed wakes the claim's goroutine when what has ended makes room that it
// waits for, or may end a pause.
func (c *claim) freed() {
	if c.hungry && c.roomy() || c.paused && c.tracker.unfinished <= c.sub.opts.lowWater() {
		c.poke()
	}
}

// poke gets the claim's goroutine to look for room and at its pause.
func (c *claim) poke() {
	select {
	case c.poked <- struct{}{}:
	default:
	}
}

// progressed notes that n more records are done.
func (c *claim) progressed(n int) {
	s := c.sub
	s.fresh += n
	if s.fresh >= commitRecords && !s.commitDue {
		s.commitDue = true
		select {
		case s.commitNow <- struct{}{}:
		default:
		}
	}
}

// callOf gives the context of a worker's calls.
func (c *claim) callOf(id int) callContext {
	for len(c.calls) <= id {
		c.calls = append(c.calls, callContext{})
	}
	if c.calls[id].Context == nil {
		return c.newCall(id)
	}
	return c.calls[id]
}

// newCall makes a worker's context anew.
func (c *claim) newCall(id int) callContext {
	ctx, cancel := context.WithCancelCause(c.ctx)
	c.calls[id] = callContext{ctx, cancel}
	return c.calls[id]
}

// letGo notes that a call or a letter ended on a claim that is stopped.
func (c *claim) letGo() {
	if c.running == 0 && !c.closed {
		close(c.quiet)
	}
}

// tp names the claim's partition.
func (c *claim) tp() kafka.TopicPartition {
	return kafka.TopicPartition{Topic: c.source.topic, Partition: c.source.partition}
}
