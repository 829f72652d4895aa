package eventbus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// ErrUncertain is a record whose acknowledgement did not come in time: it may
// or may not have been written. Sending the event again makes a duplicate at
// worst, by whose id consumers know it.
var ErrUncertain = errors.New("it may or may not have been written")

// ErrTooLarge is a record that the broker or the topic takes none of its size.
var ErrTooLarge = errors.New("record is too large")

// shipment is one batch on its way.
type shipment struct {
	parcels []*parcel
	// unsure says that a broker may have written it already, its answer lost.
	unsure bool
	// underWay is what a courier has taken along and not been asked for yet.
	underWay *cargo
}

// answer is what a broker said to a batch.
type answer struct {
	base    int64         // offset of the first record; -1: not known
	refusal error         // why it takes none of the batch, for the records' sake
	bad     map[int]error // the records that it blames, where it says so
}

// deliver sends a batch until it is acknowledged, refused, or its time is up,
// and settles its parcels.
func (s *sender) deliver(l *outbound, batch *shipment) {
	ctx, cancel := context.WithDeadline(s.life, batch.parcels[0].expires)
	defer cancel()
	todo := []*shipment{batch}
	for len(todo) > 0 {
		next := todo[0]
		if next.holdBack(l); len(next.parcels) == 0 {
			todo = todo[1:]
			continue
		}
		a, err := s.persist(ctx, l, next)
		if err != nil {
			if next.unsure {
				// Its numbers are in doubt: used again they could make the next
				// batch pass for this one.
				l.producer = noProducer()
				err = fmt.Errorf("%w: %w", ErrUncertain, err)
			}
			var rest []*parcel
			for _, sh := range todo {
				rest = append(rest, sh.parcels...)
			}
			s.giveUp(l, rest, fmt.Errorf("%s: %w", l.tp, err))
			return
		}
		todo = todo[1:]
		if a.refusal != nil {
			todo = append(s.refuse(l, next, a), todo...)
			continue
		}
		l.sequence = nextSequence(l.sequence, len(next.parcels))
		for i, p := range next.parcels {
			offset := int64(-1)
			if a.base >= 0 {
				offset = a.base + int64(i)
			}
			p.settle(offset, nil)
		}
	}
}

// holdBack settles the parcels whose sequence is kept back, unless they are on their
// way already.
func (sh *shipment) holdBack(l *outbound) {
	if sh.underWay != nil || !slices.ContainsFunc(sh.parcels, func(p *parcel) bool { return p.load.holds(p.sequence) }) {
		return
	}
	sh.parcels = slices.DeleteFunc(slices.Clone(sh.parcels), func(p *parcel) bool {
		held := p.load.holds(p.sequence)
		if held {
			p.settle(-1, fmt.Errorf("%s: %w", l.tp, ErrHeldBack))
		}
		return held
	})
}

// refuse settles the records that the broker blames and gives back the others;
// where it blames none of many, halving the batch finds them.
func (s *sender) refuse(l *outbound, sh *shipment, a answer) []*shipment {
	if len(sh.parcels) == 1 && len(a.bad) == 0 {
		a.bad = map[int]error{0: a.refusal}
	}
	if len(a.bad) == 0 {
		mid := len(sh.parcels) / 2
		return []*shipment{{parcels: sh.parcels[:mid:mid]}, {parcels: sh.parcels[mid:]}}
	}
	var good []*parcel
	for i, p := range sh.parcels {
		if err := a.bad[i]; err != nil {
			p.load.hold(p.sequence)
			p.settle(-1, fmt.Errorf("%s: %w", l.tp, err))
		} else {
			good = append(good, p)
		}
	}
	if len(good) == 0 {
		return nil
	}
	return []*shipment{{parcels: good}}
}

// persist tries until the broker answers for good.
func (s *sender) persist(ctx context.Context, l *outbound, sh *shipment) (answer, error) {
	renumbered := false
	for attempt := 0; ; attempt++ {
		a, err := s.attempt(ctx, l, sh)
		if err == nil {
			return a, nil
		}
		if lostSequence(err) && !sh.unsure && !renumbered {
			// The partition has forgotten the producer, as after its records'
			// retention; nothing of the batch can have been written.
			l.producer, renumbered = noProducer(), true
			continue
		}
		if s.life.Err() != nil {
			return a, ErrClosed
		}
		if ctx.Err() == nil && !curable(err, attempt) {
			return a, err
		}
		if ctx.Err() != nil || !pause(ctx, attempt) {
			return a, fmt.Errorf("no acknowledgement within %v: %w", s.patience, err)
		}
	}
}

// pause waits before another attempt; false when there is no time for one.
func pause(ctx context.Context, attempt int) bool {
	t := time.NewTimer(min(50*time.Millisecond<<min(attempt, 6), time.Second))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// attempt sends the batch once. After an error that may be cured the same batch
// under the same numbers is written once however often it is sent.
func (s *sender) attempt(ctx context.Context, l *outbound, sh *shipment) (answer, error) {
	if l.producer.id < 0 {
		id, generation, err := s.identity.take(ctx, s, l.tp, l.generation)
		if err != nil {
			return answer{}, fmt.Errorf("getting a producer id: %w", err)
		}
		l.producer, l.generation, l.sequence = id, generation, 0
	}
	res, err := s.exchange(ctx, l, sh)
	if err != nil {
		return answer{}, err
	}
	block := res.GetBlock(l.tp.Topic, l.tp.Partition)
	if block == nil {
		sh.unsure = true
		return answer{}, errors.New("the broker's answer leaves the partition out")
	}
	switch code := block.Err; code {
	case sarama.ErrNoError:
		return answer{base: block.Offset}, nil
	case sarama.ErrDuplicateSequenceNumber:
		// An earlier attempt arrived and only its answer was lost.
		return answer{base: -1}, nil
	case sarama.ErrMessageSizeTooLarge, sarama.ErrMessageSetSizeTooLarge, sarama.ErrInvalidRecord,
		sarama.ErrInvalidTimestamp, sarama.ErrUnsupportedForMessageFormat:
		return refusalOf(block, len(sh.parcels)), nil
	case sarama.ErrRequestTimedOut, sarama.ErrNotEnoughReplicasAfterAppend:
		sh.unsure = true // the leader has it, the others may not
		return answer{}, kafka.Translate(code)
	default:
		s.links.suspect(ctx, s, l.tp.Topic, code)
		detail := ""
		if block.ErrorMessage != nil {
			detail = *block.ErrorMessage
		}
		return answer{}, kafka.NewBrokerError(int16(code), detail)
	}
}

// refusalOf reads which records a broker refuses (KIP-467).
func refusalOf(block *sarama.ProduceResponseBlock, n int) answer {
	cause := kafka.Translate(block.Err)
	if block.Err == sarama.ErrMessageSizeTooLarge || block.Err == sarama.ErrMessageSetSizeTooLarge {
		cause = fmt.Errorf("%w: %w", ErrTooLarge, cause)
	}
	if block.ErrorMessage != nil && *block.ErrorMessage != "" {
		cause = fmt.Errorf("%w: %s", cause, *block.ErrorMessage)
	}
	a := answer{refusal: cause, bad: map[int]error{}}
	for _, r := range block.RecordErrors {
		if r.BatchIndex < 0 || int(r.BatchIndex) >= n {
			continue
		}
		a.bad[int(r.BatchIndex)] = cause
		if r.BatchIndexErrorMessage != nil && *r.BatchIndexErrorMessage != "" {
			a.bad[int(r.BatchIndex)] = fmt.Errorf("%w: %s", kafka.Translate(block.Err), *r.BatchIndexErrorMessage)
		}
	}
	return a
}

// exchange takes the batch to the partition's leader and waits for its answer.
func (s *sender) exchange(ctx context.Context, l *outbound, sh *shipment) (*sarama.ProduceResponse, error) {
	load := sh.underWay
	sh.underWay = nil
	if load == nil {
		use, err := s.lead(ctx, l)
		if err != nil {
			s.links.broken(ctx, s, l.tp.Topic, nil)
			return nil, err
		}
		load = s.load(l, sh, use)
		use.state.courier.dispatch(s, load)
	}
	use := load.use
	r, taken := use.state.courier.receive(ctx, load)
	if r.err == nil {
		l.proven = use
		return r.res, nil
	}
	sh.unsure = sh.unsure || taken
	l.met, l.proven = false, nil
	if ctx.Err() == nil {
		s.links.broken(ctx, s, l.tp.Topic, use)
	}
	return nil, kafka.Translate(r.err)
}

// load makes a batch ready for a courier.
func (s *sender) load(l *outbound, sh *shipment, use *linkUse) *cargo {
	size := 0
	for _, p := range sh.parcels {
		size += p.size
	}
	return &cargo{
		topic: l.tp.Topic, partition: l.tp.Partition, batch: l.encode(sh.parcels, s.codec(l.tp.Topic)),
		size: size, use: use, reply: make(chan reply, 1),
	}
}

// lead finds the partition's leader. The first time, and after a failure, that
// may take long, so it ends with ctx; else the protocol client knows.
func (s *sender) lead(ctx context.Context, l *outbound) (*linkUse, error) {
	if l.met {
		use, err := s.links.leader(s, l.tp)
		return use, kafka.Translate(err)
	}
	found := make(chan *linkUse, 1)
	if err := s.client.Do(ctx, func() error {
		use, err := s.links.leader(s, l.tp)
		if err == nil {
			found <- use
		}
		return err
	}); err != nil {
		return nil, err
	}
	l.met = true
	return <-found, nil
}

// lostSequence tells the answers of a partition that does not know the
// producer's last records.
func lostSequence(err error) bool {
	var be *kafka.BrokerError
	if !errors.As(err, &be) {
		return false
	}
	switch sarama.KError(be.Code) {
	case sarama.ErrOutOfOrderSequenceNumber, sarama.ErrUnknownProducerID, sarama.ErrInvalidProducerEpoch, sarama.ErrInvalidProducerIDMapping:
		return true
	}
	return false
}

// unknownTries is how often a topic that is not known is asked for: a broker may
// hear of a new one a moment after another has created it.
const unknownTries = 5

// curable tells an error that another attempt may cure.
func curable(err error, attempt int) bool {
	if errors.Is(err, kafka.ErrUnknownTopic) && attempt >= unknownTries {
		return false
	}
	return kafka.Retriable(err) || retriableAnswer(err)
}

// retriableAnswer tells those answers to a produce request that kafka.Retriable
// does not know.
func retriableAnswer(err error) bool {
	if errors.Is(err, sarama.ErrShuttingDown) {
		return true
	}
	var be *kafka.BrokerError
	if !errors.As(err, &be) {
		return false
	}
	switch sarama.KError(be.Code) {
	case sarama.ErrInvalidMessage, sarama.ErrNotEnoughReplicas, sarama.ErrNotEnoughReplicasAfterAppend, sarama.ErrOffsetsLoadInProgress,
		sarama.ErrThrottlingQuotaExceeded, sarama.ErrConsumerCoordinatorNotAvailable, sarama.ErrNotCoordinatorForConsumer:
		return true
	}
	return false
}
