package eventbus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

const (
	// lettersAtOnce is how many dead letters are sent in one go.
	lettersAtOnce = 200
	// letterTimeout bounds one go at writing letters.
	letterTimeout = 20 * time.Second
	// A letter that cannot be written is tried again after this, doubled each
	// time, up to that.
	letterWait     = 200 * time.Millisecond
	longLetterWait = 10 * time.Second
	// oversizeWait is for letters that only another setting of the topic helps.
	oversizeWait = 30 * time.Second
)

// How much of what is known about a failure a letter leaves out, because the
// letter would be too large.
const (
	allOfIt = iota
	noStack
	noMessage
	tooLarge // even so
)

// dead is a record on its way to the dead letter topic.
type dead struct {
	lane   *lane
	record *sarama.ConsumerMessage
	letter letters.Letter
	class  string
	stack  string
	less   int
	fails  int
	// failing says that the claim counts it as one that cannot be written,
	// oversize that only the topic's settings are to blame.
	failing, oversize bool
}

// condemn sends a lane's head to the dead letter topic. The lane waits until
// that has acknowledged it.
func (s *subscription) condemn(l *lane, v verdict, reason string) {
	slot := l.claim.tracker.at(l.head)
	m := slot.msg
	d := &dead{lane: l, record: m, class: v.classOf()}
	d.letter = letters.Letter{
		Origin: letters.Origin{Topic: m.Topic, Partition: m.Partition, Offset: m.Offset, Timestamp: m.Timestamp},
		Group:  s.opts.Group, Class: d.class, Attempts: l.tries + l.held, Service: s.bus.service,
		AppVersion: s.bus.opts.AppVersion, Reason: reason, FailedAt: time.Now(), FirstFailedAt: l.firstFailed,
	}
	if l.tries+l.held == 0 {
		d.letter.FirstFailedAt = d.letter.FailedAt
	}
	d.letter.Message = v.err.Error()
	d.stack = stackOf(v.err)
	l.letter = d
	s.submit(d)
}

// condemnParked does that for a record whose key is parked.
func (s *subscription) condemnParked(l *lane) {
	s.condemn(l, verdict{err: errParked, class: ClassPredecessor}, letters.ReasonParked)
}

var errParked = errors.New("an earlier record of the key is parked")

// stackOf is where a panic happened, or all that an error wraps.
func stackOf(err error) string {
	var p *panicError
	if errors.As(err, &p) {
		return string(p.stack)
	}
	return fmt.Sprintf("%+v", err)
}

// submit queues a letter for writing.
func (s *subscription) submit(d *dead) {
	d.lane.state = laneWriting
	s.letters = append(s.letters, d)
	select {
	case s.lettersDue <- struct{}{}:
	default:
	}
}

// writeLetters is the life of the goroutine that writes dead letters.
func (s *subscription) writeLetters(ctx context.Context) {
	for {
		select {
		case <-s.lettersDue:
		case <-ctx.Done():
			return
		}
		for batch := s.nextLetters(); len(batch) > 0; batch = s.nextLetters() {
			s.lettersSent(batch, s.sendLetters(ctx, batch))
		}
	}
}

// nextLetters takes letters off the queue.
func (s *subscription) nextLetters() []*dead {
	s.mu.Lock()
	defer s.mu.Unlock()
	var batch []*dead
	for len(s.letters) > 0 && len(batch) < lettersAtOnce {
		d := s.letters[0]
		s.letters = s.letters[1:]
		if c := d.lane.claim; !c.stopped {
			c.running++
			batch = append(batch, d)
		}
	}
	if len(s.letters) == 0 {
		s.letters = nil
	}
	return batch
}

// sendLetters writes letters and returns an error for each, or nil.
func (s *subscription) sendLetters(ctx context.Context, batch []*dead) []error {
	ctx, cancel := context.WithTimeout(ctx, letterTimeout)
	defer cancel()
	errs := make([]error, len(batch))
	var out []outgoing
	var of []int
	for i, d := range batch {
		o, err := s.outgoing(ctx, d)
		if err != nil {
			errs[i] = err
			continue
		}
		out, of = append(out, o), append(of, i)
	}
	if len(out) > 0 {
		for i, err := range s.send(ctx, out) {
			errs[of[i]] = err
		}
	}
	return errs
}

// outgoing is the letter as it goes to Kafka.
func (s *subscription) outgoing(ctx context.Context, d *dead) (outgoing, error) {
	m := d.record
	o := outgoing{topic: s.deadLetters, key: m.Key, value: m.Value}
	var err error
	if o.partition, err = s.letterPartition(ctx, d); err != nil {
		return o, err
	}
	l := d.letter
	opts := s.bus.opts.Letters
	switch d.less {
	case allOfIt:
		if opts.Stack {
			l.Stack = d.stack
		}
	case noStack:
	default:
		l.Message = ""
	}
	o.headers = l.Append(recordOf(m).Headers, letters.AppendOptions{Stack: opts.Stack && l.Stack != "", Spring: opts.Spring})
	if opts.Format == Envelope && m.Value != nil {
		o.value = letters.WithError(m.Value, l)
	}
	return o, nil
}

// letterPartition is where a letter goes: its key's partition, which has the
// number of the record's own where the topics have as many.
func (s *subscription) letterPartition(ctx context.Context, d *dead) (int32, error) {
	n, err := s.sizes(ctx, s.deadLetters)
	if err != nil {
		return 0, err
	}
	if n < 1 {
		return 0, fmt.Errorf("%s: %w", s.deadLetters, kafka.ErrUnknownTopic)
	}
	m := d.record
	source, err := s.sizes(ctx, m.Topic)
	if err != nil {
		return 0, err
	}
	switch {
	case source == n:
		return m.Partition, nil
	case m.Key == nil:
		return m.Partition % n, nil
	}
	return kafka.PartitionFor(m.Key, n), nil
}

// lettersSent takes in which letters were acknowledged.
func (s *subscription) lettersSent(batch []*dead, errs []error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, d := range batch {
		l, c := d.lane, d.lane.claim
		c.running--
		if errs[i] != nil {
			if c.stopped {
				c.letGo()
				continue
			}
			s.letterFailed(d, errs[i])
			continue
		}
		if !c.closed {
			s.obs.deadLettered(c.source, d.record.Offset, d.class, d.letter.Attempts)
			l.advance()
			c.progressed(1)
		}
		d.recovered()
		if c.stopped {
			c.letGo()
			continue
		}
		s.next(l)
		s.wakeWorker()
		c.freed()
	}
}

// letterFailed keeps the lane waiting and the partition from fetching more.
func (s *subscription) letterFailed(d *dead, err error) {
	l, c := d.lane, d.lane.claim
	s.bus.forget(s.deadLetters)
	if isTooLarge(err) && d.less < tooLarge {
		if d.less == allOfIt && !s.bus.opts.Letters.Stack {
			d.less++
		}
		if d.less++; d.less < tooLarge {
			s.submit(d)
			return
		}
		s.obs.parked(c.source, d.record.Offset, "its dead letter is too large for "+s.deadLetters)
	}
	wait := min(letterWait<<min(d.fails, 10), longLetterWait)
	d.fails++
	if d.less == tooLarge {
		// Only a change of the topic's settings helps, so the others go on.
		wait = oversizeWait
		d.recovered()
		d.oversize = true
		c.oversizeLetters++
	} else if !d.failing {
		d.failing = true
		c.failingLetters++
		c.poke()
	}
	s.obs.letterFailed(c.source, d.record.Offset, err, wait)
	s.wait(l, wait)
}

// recovered takes a letter back that the claim counted as failing.
func (d *dead) recovered() {
	c := d.lane.claim
	if d.failing {
		d.failing = false
		c.failingLetters--
		c.poke()
	}
	if d.oversize {
		d.oversize = false
		c.oversizeLetters--
	}
}

// isTooLarge tells that a broker refuses a record for its size.
func isTooLarge(err error) bool {
	var be *kafka.BrokerError
	if !errors.As(err, &be) {
		return false
	}
	code := sarama.KError(be.Code)
	return code == sarama.ErrMessageSizeTooLarge || code == sarama.ErrMessageSetSizeTooLarge
}

// deadLetterTopic is where letters of a topic go. Those of a group's retry
// topic go where the topic's own go.
func deadLetterTopic(topic string) string { return events.DeadLetterTopic(topic) }
