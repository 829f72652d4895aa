package txn

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// requestTarget bounds the batches of one request, in bytes.
const requestTarget = 16 << 20

// sending is the records of one transaction on their way.
type sending struct {
	p          *Producer
	soft, hard context.Context
	records    []kafka.Record
	now        int64
	queues     map[kafka.TopicPartition][]*batch // what is not acknowledged yet, in order
	offsets    []int64
}

// newSending sorts the records of these indexes into batches, asking about topics it does not know.
func (p *Producer) newSending(soft, hard context.Context, records []kafka.Record, indexes []int, offsets []int64) (*sending, error) {
	s := &sending{
		p: p, soft: soft, hard: hard, records: records, now: time.Now().UnixMilli(),
		queues: map[kafka.TopicPartition][]*batch{}, offsets: offsets,
	}
	byPart := map[kafka.TopicPartition][]int{}
	topics := map[string]bool{}
	for _, i := range indexes {
		offsets[i] = -1
		tp := kafka.TopicPartition{Topic: records[i].Topic, Partition: records[i].Partition}
		byPart[tp] = append(byPart[tp], i)
		topics[tp.Topic] = true
	}
	if err := s.learn(slices.Sorted(maps.Keys(topics))); err != nil {
		return nil, err
	}
	for tp, own := range byPart {
		if _, ok := p.topics[tp.Topic].leaders[tp.Partition]; !ok {
			return nil, topicError(tp.Topic, fmt.Errorf("%s: %w", tp, kafka.ErrUnknownTopic))
		}
		s.queues[tp] = packed(tp, records, own, p.topics[tp.Topic].bound, s.now)
		if p.parts[tp] == nil {
			p.parts[tp] = &sequence{}
		}
	}
	return s, nil
}

// learn asks about new topics until a broker answers.
func (s *sending) learn(topics []string) error {
	start := time.Now()
	for attempt := 0; ; attempt++ {
		err := s.p.learn(s.soft, topics)
		if err == nil || s.soft.Err() != nil || !kafka.Retriable(err) {
			return err
		}
		patience := s.p.opts.Patience
		if errors.Is(err, kafka.ErrUnknownTopic) {
			patience = min(patience, unknownPatience)
		}
		if time.Since(start) > patience || !sleep(s.soft, min(time.Second, 50*time.Millisecond<<min(attempt, 5))) {
			return err
		}
	}
}

// run sends until everything is acknowledged. Its error leaves nothing under way.
func (s *sending) run() error {
	defer s.remember()
	start := time.Now()
	// What takes longer than the transaction may stay open is in vain.
	patience := min(s.p.opts.Patience, s.p.opts.Timeout)
	told := false
	for attempt := 0; len(s.queues) > 0; attempt++ {
		if err := s.p.over(); err != nil {
			return err
		}
		again, err := s.round()
		if err != nil {
			return err
		}
		if again == nil {
			attempt = -1
			continue
		}
		if s.soft.Err() != nil {
			return context.Cause(s.soft)
		}
		if time.Since(start) > patience {
			return s.p.lose(&LostError{Err: fmt.Errorf("not acknowledged within %v: %w", patience, again)})
		}
		if !told && time.Since(start) > patience/10 {
			told = true
			s.p.opts.Notice(fmt.Sprintf("%v; trying for up to %v", again, patience))
		}
		if !sleep(s.soft, min(time.Second, 20*time.Millisecond<<min(attempt, 6))) {
			return context.Cause(s.soft)
		}
		s.relocate()
	}
	return nil
}

// remember notes which partitions have batches whose fate is not known.
func (s *sending) remember() {
	for tp, queue := range s.queues {
		for _, b := range queue {
			// An acknowledged batch still queues behind one that is not.
			if b.unsure || b.acked {
				s.p.parts[tp].unsure = true
			}
		}
	}
}

// relocate asks anew who leads. A failure shows in the next round.
func (s *sending) relocate() {
	topics := map[string]bool{}
	for tp := range s.queues {
		topics[tp.Topic] = true
	}
	ctx, cancel := context.WithTimeout(s.soft, s.p.opts.Answer)
	defer cancel()
	_ = s.p.locate(ctx, slices.Sorted(maps.Keys(topics)))
}

// round sends every waiting batch once, to all leaders at the same time. again
// is why some of them have to wait; the error ends the sending.
func (s *sending) round() (again, err error) {
	leaders := map[string][]kafka.TopicPartition{}
	for tp := range s.queues {
		addr := s.p.topics[tp.Topic].leaders[tp.Partition]
		if addr == "" {
			again = fmt.Errorf("%s: %w", tp, kafka.NewBrokerError(int16(sarama.ErrLeaderNotAvailable), ""))
			continue
		}
		leaders[addr] = append(leaders[addr], tp)
	}
	var (
		mu   sync.Mutex
		wg   sync.WaitGroup
		errs []error
		got  = answers{}
	)
	for addr, parts := range leaders {
		wg.Go(func() {
			slices.SortFunc(parts, comparePartitions)
			some, wait, err := s.to(addr, parts)
			mu.Lock()
			defer mu.Unlock()
			maps.Copy(got, some)
			if wait != nil {
				again = wait
			}
			errs = append(errs, err)
		})
	}
	wg.Wait()
	for _, parts := range leaders {
		for _, tp := range parts {
			wait, err := s.take(tp, got)
			if wait != nil {
				again = wait
			}
			errs = append(errs, err)
		}
	}
	return again, firstLost(errs)
}

// firstLost picks the error that counts most.
func firstLost(errs []error) error {
	var first error
	for _, err := range errs {
		var lost *LostError
		if errors.As(err, &lost) {
			return err
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// take deals with the answers of one partition, in the order of its batches.
func (s *sending) take(tp kafka.TopicPartition, got answers) (again, err error) {
	seq := s.p.parts[tp]
	var rest []*batch
	broken := false // a batch before was not taken
	for _, b := range s.queues[tp] {
		a, sent := got[b]
		switch {
		case !sent:
		case a.err != nil:
			b.unsure = true
		case a.code == sarama.ErrNoError || a.code == sarama.ErrDuplicateSequenceNumber:
			s.acknowledge(b, a)
		case broken && a.code == sarama.ErrOutOfOrderSequenceNumber:
			// It was not taken because the one before was not.
		case refusal(a.code):
			left, reject := s.refused(b, a)
			if reject != nil && !broken {
				err = reject
			}
			broken = true
			rest = append(rest, left...)
			continue
		default:
			wait, fatal := s.trouble(b, a)
			broken = true
			if wait != nil {
				again = wait
			}
			if fatal != nil && err == nil {
				err = fatal
			}
		}
		if b.acked && len(rest) == 0 {
			seq.next, seq.known = plus(seq.next, len(b.indexes)), true
			continue
		}
		rest = append(rest, b)
	}
	if len(rest) == 0 {
		delete(s.queues, tp)
	} else {
		s.queues[tp] = rest
	}
	return again, err
}

func (s *sending) acknowledge(b *batch, a answer) {
	b.acked, b.unsure = true, false
	if a.code != sarama.ErrNoError || a.offset < 0 {
		return
	}
	for n, i := range b.indexes {
		s.offsets[i] = a.offset + int64(n)
	}
}

// refused finds the record for which the broker refused the batch: the one it
// named (KIP-467), the only one, or one of a half.
func (s *sending) refused(b *batch, a answer) (left []*batch, reject error) {
	b.unsure = false
	for _, r := range a.records {
		if n := int(r.BatchIndex); n >= 0 && n < len(b.indexes) {
			return []*batch{b}, &RejectedError{Index: b.indexes[n], Err: detailed(a.code, r.BatchIndexErrorMessage)}
		}
	}
	if len(b.indexes) == 1 {
		return []*batch{b}, &RejectedError{Index: b.indexes[0], Err: detailed(a.code, a.message)}
	}
	one, two := b.half()
	return []*batch{one, two}, nil
}

// trouble judges an answer that is neither success nor a refusal for the
// batch's records.
func (s *sending) trouble(b *batch, a answer) (again, fatal error) {
	err := fmt.Errorf("%s: %w", b.part, detailed(a.code, a.message))
	retry, mayHaveTaken := unplaced(a.code)
	switch {
	case retry:
		b.unsure = b.unsure || mayHaveTaken
		return err, nil
	case fences(a.code):
		return nil, s.p.lose(&LostError{Fenced: true, Err: err})
	case ends(a.code):
		return nil, s.p.lose(&LostError{Err: err})
	}
	return nil, topicError(b.part.Topic, err)
}
