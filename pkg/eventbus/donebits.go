package eventbus

import (
	"github.com/IBM/sarama"
	"github.com/cespare/xxhash/v2"

	"github.com/multi-tenant/manage-kafka/internal/letters"
)

// offsetRange is from up to, but without, to.
type offsetRange struct{ from, to int64 }

// doneBits are offsets that were done before, in ascending ranges.
type doneBits struct{ ranges []offsetRange }

// has tells whether the record at the offset was done; it is asked about
// ascending offsets.
func (d *doneBits) has(offset int64) bool {
	if d == nil {
		return false
	}
	for len(d.ranges) > 0 && d.ranges[0].to <= offset {
		d.ranges = d.ranges[1:]
	}
	return len(d.ranges) > 0 && d.ranges[0].from <= offset
}

func hashOf(key string) uint64 { return xxhash.Sum64String(key) }

// doneRanges tells what is done behind the committable offset.
func (t *tracker) doneRanges(yield func(offsetRange) bool) {
	var open offsetRange
	for n := t.base; n < t.next; n++ {
		s := t.at(n)
		switch {
		case s.msg != nil:
			if open.to > 0 && !yield(open) {
				return
			}
			open = offsetRange{}
		case open.to == 0:
			open = offsetRange{s.off, s.off + 1}
		default:
			open.to = s.off + 1
		}
	}
	if open.to > 0 {
		yield(open)
	}
}

// park sends the later records of a lane's key to the dead letter topic. It is
// false when no more keys can be parked.
func (c *claim) park(l *lane) bool {
	if len(c.parked) >= mostParked {
		return false
	}
	if c.parked == nil {
		c.parked = map[uint64]struct{}{}
	}
	c.parked[hashOf(l.key)] = struct{}{}
	l.parked = true
	return true
}

// replayed tells a record that an operator sent again: it is handled although
// its key is parked.
func replayed(m *sarama.ConsumerMessage) bool {
	for _, h := range m.Headers {
		if string(h.Key) == letters.HeaderReplayID {
			return true
		}
	}
	return false
}

// Release lets the records of a key be handled again that [ParkKey] keeps from
// it, from the next one on; those that are in the dead letter topic are replayed
// before. It is true when a partition of this member had the key parked: a
// service of several members releases a key in all of them.
func (b *Bus) Release(topic string, key []byte) bool {
	b.mu.Lock()
	subs := make([]*subscription, 0, len(b.subs))
	for s := range b.subs {
		if s.topic == topic {
			subs = append(subs, s)
		}
	}
	b.mu.Unlock()
	released := false
	for _, s := range subs {
		if s.releaseKey(string(key)) {
			released = true
		}
	}
	return released
}

func (s *subscription) releaseKey(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	released := false
	for c := range s.claims {
		if _, ok := c.parked[hashOf(key)]; !ok {
			continue
		}
		delete(c.parked, hashOf(key))
		if l := c.lanes[key]; l != nil {
			l.parked = false
		}
		released = true
	}
	return released
}
