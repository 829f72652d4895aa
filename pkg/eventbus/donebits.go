package eventbus

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"github.com/cespare/xxhash/v2"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// A committed offset may carry a note to the partition's next owner: which of
// the records behind it are done, and which keys are parked. It is noteMark
// and, in base64, the number of parked keys, their hashes, and ranges of done
// offsets, each as its distance from the end of the one before and its length.
const (
	noteMark = "mk1."
	// noteBytes keeps a note within the broker's offset.metadata.max.bytes.
	noteBytes = 3000
	// mostParked is how many keys of a partition can be parked at once.
	mostParked = 300
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

// notes is the note to commit with the offset.
func (c *claim) notes() string {
	o := &c.sub.opts
	if !o.DoneBits && o.OnExhausted != ParkKey {
		return ""
	}
	raw := binary.AppendUvarint(nil, uint64(len(c.parked)))
	hashes := make([]uint64, 0, len(c.parked))
	for h := range c.parked {
		hashes = append(hashes, h)
	}
	slices.Sort(hashes)
	for _, h := range hashes {
		raw = binary.BigEndian.AppendUint64(raw, h)
	}
	at := c.tracker.committable()
	if o.DoneBits {
		for r := range c.tracker.doneRanges {
			raw = binary.AppendUvarint(raw, uint64(r.from-at))
			raw = binary.AppendUvarint(raw, uint64(r.to-r.from))
			if at = r.to; len(raw) > noteBytes-2*binary.MaxVarintLen64 {
				break
			}
		}
	}
	if len(raw) == 1 && len(c.parked) == 0 {
		return ""
	}
	return noteMark + base64.RawURLEncoding.EncodeToString(raw)
}

// readNote reads the note that was committed with an offset. Anything but a
// note of ours is none.
func readNote(offset int64, note string) (done []offsetRange, parked []uint64, ok bool) {
	text, ours := strings.CutPrefix(note, noteMark)
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if !ours || err != nil {
		return nil, nil, false
	}
	count, n := binary.Uvarint(raw)
	if n <= 0 || count > uint64(len(raw)/8) {
		return nil, nil, false
	}
	raw = raw[n:]
	if uint64(len(raw)) < 8*count {
		return nil, nil, false
	}
	for range count {
		parked = append(parked, binary.BigEndian.Uint64(raw))
		raw = raw[8:]
	}
	for len(raw) > 0 {
		gap, n := binary.Uvarint(raw)
		length, k := binary.Uvarint(raw[max(n, 0):])
		const most = 1 << 40
		if n <= 0 || k <= 0 || gap > most || length == 0 || length > most {
			return nil, nil, false
		}
		raw = raw[n+k:]
		from := offset + int64(gap)
		offset = from + int64(length)
		done = append(done, offsetRange{from, offset})
	}
	return done, parked, true
}

// restore takes up the note that the partition's last owner left. It asks until
// there is an answer, or the claim ends: then it is false. What is fetched meanwhile
// is kept; after a first failure no more is.
func (c *claim) restore(gone <-chan struct{}, messages <-chan *sarama.ConsumerMessage) bool {
	s := c.sub
	if !s.opts.DoneBits && s.opts.OnExhausted != ParkKey {
		return true
	}
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		offset, note, err := s.committedNote(c.ctx, c.tp())
		if err == nil {
			c.takeUp(offset, note)
			return true
		}
		s.obs.groupError(s.opts.Group, c.source.topic, fmt.Errorf("%s: reading the group's note: %w", c.tp(), err))
		if !c.paused {
			c.paused = true
			s.fetching.Pause(c.partition())
		}
		if !c.keepFor(wait, gone, messages) {
			return false
		}
	}
}

// keepFor keeps what comes for some time; false when the claim ended.
func (c *claim) keepFor(wait time.Duration, gone <-chan struct{}, messages <-chan *sarama.ConsumerMessage) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case m, ok := <-messages:
			if !ok {
				return false
			}
			c.backlog = append(c.backlog, m)
		case <-timer.C:
			return true
		case <-gone:
			return false
		}
	}
}

// takeUp goes on with what the last owner's note says.
func (c *claim) takeUp(offset int64, note string) {
	done, parked, ok := readNote(offset, note)
	if !ok {
		return
	}
	if c.sub.opts.DoneBits {
		c.before = &doneBits{ranges: done}
	}
	c.parked = map[uint64]struct{}{}
	for _, h := range parked {
		c.parked[h] = struct{}{}
	}
}

// committedNote asks the coordinator for a partition's committed offset.
func (b *Bus) committedNote(ctx context.Context, group string, tp kafka.TopicPartition) (offset int64, note string, err error) {
	wire := b.client.Wire()
	type answer struct {
		offset int64
		note   string
	}
	answers := make(chan answer, 1)
	err = b.client.Do(ctx, func() error {
		coordinator, err := wire.Coordinator(group)
		if err != nil {
			return err
		}
		req := sarama.NewOffsetFetchRequest(wire.Config().Version, group, map[string][]int32{tp.Topic: {tp.Partition}})
		res, err := coordinator.FetchOffset(req)
		if err != nil {
			_ = wire.RefreshCoordinator(group)
			return err
		}
		block := res.GetBlock(tp.Topic, tp.Partition)
		switch {
		case block == nil:
			return sarama.ErrIncompleteResponse
		case res.Err != sarama.ErrNoError:
			return res.Err
		case block.Err != sarama.ErrNoError:
			return block.Err
		}
		answers <- answer{block.Offset, block.Metadata}
		return nil
	})
	if err != nil {
		return 0, "", err
	}
	a := <-answers
	return a.offset, a.note, nil
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
