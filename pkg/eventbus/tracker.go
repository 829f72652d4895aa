package eventbus

import "github.com/IBM/sarama"

// tracker remembers which of a partition's received records are done, and so
// how far its offset may be committed. Records are numbered in the order they
// were received, because offsets have holes: compaction, aborted transactions
// and control records leave some out. Its owner locks.
type tracker struct {
	ring []slot // a power of two long; the record numbered n is at n modulo that
	// base is the number of the first record that is not done, next the number
	// that the next one received gets.
	base, next int64
	position   int64 // offset after the newest record received; -1: none yet
	unfinished int
	bytes      int64 // of unfinished records
}

// slot is one record received. msg is nil once it is done.
type slot struct {
	msg  *sarama.ConsumerMessage
	off  int64
	next int64 // number of the next record of its lane
	size int64
}

const smallestRing = 256

func newTracker() tracker { return tracker{position: -1} }

// at gives the slot of a record that is not yet passed by base.
func (t *tracker) at(n int64) *slot { return &t.ring[n&int64(len(t.ring)-1)] }

// add takes a record in and returns its number. Offsets ascend.
func (t *tracker) add(m *sarama.ConsumerMessage, size int64) int64 {
	if t.next-t.base == int64(len(t.ring)) {
		t.resize(max(smallestRing, 2*len(t.ring)))
	}
	n := t.next
	*t.at(n) = slot{msg: m, off: m.Offset, next: -1, size: size}
	t.next++
	t.position = m.Offset + 1
	t.unfinished++
	t.bytes += size
	return n
}

// finish says that the record is done.
func (t *tracker) finish(n int64) {
	s := t.at(n)
	s.msg = nil
	t.unfinished--
	t.bytes -= s.size
	if n != t.base {
		return
	}
	for t.base < t.next && t.at(t.base).msg == nil {
		t.base++
	}
	if t.base == t.next && len(t.ring) > 64*smallestRing {
		t.ring = nil
	}
}

// committable is the offset that may be committed: of the first record that is
// not done, or the one after the newest. It is -1 before the first record.
func (t *tracker) committable() int64 {
	if t.base < t.next {
		return t.at(t.base).off
	}
	return t.position
}

// span is how many offsets lie between what may be committed and off.
func (t *tracker) span(off int64) int64 {
	if t.unfinished == 0 {
		return 0
	}
	return off - t.committable()
}

func (t *tracker) resize(length int) {
	ring := make([]slot, length)
	for n := t.base; n < t.next; n++ {
		ring[n&int64(length-1)] = *t.at(n)
	}
	t.ring = ring
}
