package eventbus

import (
	"time"

	"github.com/IBM/sarama"
)

// laneState is what a lane is waiting for.
type laneState int8

const (
	laneEmpty   laneState = iota // no record
	laneReady                    // a worker
	laneRunning                  // its worker
	laneWaiting                  // its timer
	laneWriting                  // a dead letter's acknowledgement
)

// lane is the queue of the records of one claim that have to be handled one
// after the other: those of one key, or of the whole partition, or one record
// alone. The records are chained through the tracker's slots. Only its first
// record is ever tried, so what there is to know about tries is kept here.
type lane struct {
	claim *claim
	key   string
	keyed bool // claim.lanes has it under key
	state laneState
	// parked lanes send their records to the dead letter topic untried.
	parked bool

	head, tail int64 // numbers of records; head -1: none

	tries       int // failed tries of the head that count
	held        int // further ones that do not
	firstFailed time.Time
	lastFailed  time.Time
	single      int   // so many records are not handled in a batch
	letter      *dead // the head's dead letter, while it cannot be written
	streak      int64 // the breaker's streak that the last of them belongs to
	spent       int   // tries of that streak

	due  time.Time
	slot int   // in the timers' heap; -1: not there
	next *lane // in the queue of those that are ready
}

// idleLanes is how many empty lanes a claim keeps for their keys to come again.
const idleLanes = 1024

// laneFor gives the lane of a record, which may be new.
func (c *claim) laneFor(m *sarama.ConsumerMessage) *lane {
	switch c.sub.opts.Ordering {
	case ByPartition:
		if c.whole == nil {
			c.whole = &lane{claim: c, head: -1, slot: -1}
		}
		return c.whole
	case ByKey:
		if m.Key == nil {
			break
		}
		if l := c.lanes[string(m.Key)]; l != nil {
			return l
		}
		l := c.newLane()
		l.key, l.keyed = string(m.Key), true
		if len(c.parked) > 0 {
			_, l.parked = c.parked[hashOf(l.key)]
		}
		c.lanes[l.key] = l
		return l
	case Unordered:
	}
	return c.newLane()
}

func (c *claim) newLane() *lane {
	if l := c.free; l != nil {
		c.free, l.next = l.next, nil
		return l
	}
	return &lane{claim: c, head: -1, slot: -1}
}

// append queues the record numbered n.
func (l *lane) append(n int64) {
	if l.head < 0 {
		l.head = n
	} else {
		l.claim.tracker.at(l.tail).next = n
	}
	l.tail = n
}

// advance takes the head off, which is done.
func (l *lane) advance() {
	c, n := l.claim, l.head
	l.head = c.tracker.at(n).next
	c.tracker.finish(n)
	l.tries, l.held, l.letter, l.streak, l.spent = 0, 0, nil, 0, 0
	if l.single > 0 {
		l.single--
	}
}

// emptied lets go of a lane without records.
func (l *lane) emptied() {
	c := l.claim
	l.state = laneEmpty
	switch {
	case l == c.whole:
		return
	case l.keyed && len(c.lanes) <= idleLanes:
		return
	case l.keyed:
		delete(c.lanes, l.key)
	}
	l.key, l.keyed, l.parked, l.single = "", false, false, 0
	l.next, c.free = c.free, l
}

// laneQueue is a first-in, first-out queue of lanes that are ready.
type laneQueue struct {
	first, last *lane
	n           int
}

func (q *laneQueue) push(l *lane) {
	l.next = nil
	if q.first == nil {
		q.first = l
	} else {
		q.last.next = l
	}
	q.last = l
	q.n++
}

// pushFront puts a lane before all others.
func (q *laneQueue) pushFront(l *lane) {
	l.next = q.first
	q.first = l
	if q.last == nil {
		q.last = l
	}
	q.n++
}

func (q *laneQueue) pop() *lane {
	l := q.first
	if l == nil {
		return nil
	}
	q.first = l.next
	if q.first == nil {
		q.last = nil
	}
	l.next = nil
	q.n--
	return l
}

// laneTimers is a heap of lanes by when they are due, for container/heap.
type laneTimers []*lane

func (h laneTimers) Len() int           { return len(h) }
func (h laneTimers) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h laneTimers) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].slot, h[j].slot = i, j
}

func (h *laneTimers) Push(x any) {
	l, _ := x.(*lane)
	l.slot = len(*h)
	*h = append(*h, l)
}

func (h *laneTimers) Pop() any {
	old := *h
	l := old[len(old)-1]
	old[len(old)-1] = nil
	l.slot = -1
	*h = old[:len(old)-1]
	return l
}
