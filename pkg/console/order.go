package console

import (
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

const (
	// window bounds how long a record waits for older ones of partitions that
	// had nothing new when last asked, and stalled of those that do not answer.
	window  = time.Second
	stalled = 10 * time.Second
)

// merger mixes the chunks of several partitions: as they come, or by
// timestamp. Its memory is bounded because a reader fetches no more of a
// partition that has two chunks here.
type merger struct {
	byTime bool
	follow bool
	passed []chunk
	lanes  map[kafka.TopicPartition]*lane
}

// lane holds the chunks of one partition that wait for those of others.
type lane struct {
	tp       kafka.TopicPartition
	chunks   []chunk
	at       int // in the first chunk
	arrived  time.Time
	caughtUp bool
	ended    bool
}

func newMerger(opts ConsumeOptions) *merger {
	return &merger{byTime: opts.Order == ByTime, follow: !opts.ExitAtEnd, lanes: map[kafka.TopicPartition]*lane{}}
}

// add takes a chunk in. One without records only tells the partition's state.
func (m *merger) add(c chunk) {
	if !m.byTime {
		m.passed = append(m.passed, c)
		return
	}
	l := m.lanes[c.tp]
	if l == nil {
		l = &lane{tp: c.tp}
		m.lanes[c.tp] = l
	}
	l.caughtUp, l.ended = c.caughtUp, c.ended
	if len(c.records) == 0 {
		c.release()
		return
	}
	if len(l.chunks) == 0 {
		l.arrived = time.Now()
	}
	l.chunks = append(l.chunks, c)
}

// release lets the chunk's reader fetch more of its partition.
func (c chunk) release() {
	if c.cursor != nil {
		c.cursor.queued.Add(-1)
		c.cursor.room.notify()
	}
}

// each hands on what may be written now, or, with all, everything.
func (m *merger) each(all bool, take func(chunk) error) error {
	for _, c := range m.passed {
		if err := take(c); err != nil {
			return err
		}
		c.release()
	}
	clear(m.passed)
	m.passed = m.passed[:0]
	now := time.Now()
	for {
		first, second := m.heads()
		if first == nil || !all && m.mustWait(first, now) {
			return nil
		}
		if err := m.advance(first, second, take, now); err != nil {
			return err
		}
	}
}

// advance hands on the records of a lane that come before another's first.
func (m *merger) advance(l, before *lane, take func(chunk) error, now time.Time) error {
	c := l.chunks[0]
	end := l.at + 1
	for end < len(c.records) && (before == nil || earlier(&c.records[end], before.head())) {
		end++
	}
	part := c
	part.records = c.records[l.at:end]
	if err := take(part); err != nil {
		return err
	}
	if l.at = end; end == len(c.records) {
		l.chunks[0] = chunk{}
		l.chunks, l.at, l.arrived = l.chunks[1:], 0, now
		c.release()
	}
	return nil
}

func (l *lane) head() *kafka.Record { return &l.chunks[0].records[l.at] }

// heads finds the two lanes whose next records are the earliest.
func (m *merger) heads() (first, second *lane) {
	for _, l := range m.lanes {
		switch {
		case len(l.chunks) == 0:
		case first == nil || earlier(l.head(), first.head()):
			first, second = l, first
		case second == nil || earlier(l.head(), second.head()):
			second = l
		}
	}
	return first, second
}

// mustWait tells whether a partition without a record here may still have one
// that comes before the lane's.
func (m *merger) mustWait(l *lane, now time.Time) bool {
	waited := now.Sub(l.arrived)
	for _, other := range m.lanes {
		if len(other.chunks) > 0 || other.ended {
			continue
		}
		if m.follow && (other.caughtUp && waited >= window || waited >= stalled) {
			continue
		}
		return true
	}
	return false
}

// earlier orders records by time; topic, partition and offset decide between equals.
func earlier(a, b *kafka.Record) bool {
	if c := a.Timestamp.Compare(b.Timestamp); c != 0 {
		return c < 0
	}
	if c := comparePartitions(kafka.TopicPartition{Topic: a.Topic, Partition: a.Partition}, kafka.TopicPartition{Topic: b.Topic, Partition: b.Partition}); c != 0 {
		return c < 0
	}
	return a.Offset < b.Offset
}
