package txn

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// refused is the coordinator's answer that it will not do a step, for a reason
// that repeating does not cure. The Producer goes on.
type refused struct {
	code  sarama.KError
	doing string
	err   error
	topic string // that it is about, where one is
}

func (r *refused) Error() string { return r.doing + ": " + r.err.Error() }
func (r *refused) Unwrap() error { return r.err }

// step puts one question to a coordinator, until it is done or refused, or the
// Producer is lost. unknownPatience bounds how long an unknown topic is waited
// for: brokers hear of a new one a moment after another has created it.
type step struct {
	doing string
	// commits: a lost answer leaves open whether the transaction was committed.
	commits bool
	find    func(hard context.Context) (addr string, err error)
	forget  func()
	ask     func(*sarama.Broker) (sarama.KError, error)
}

const unknownPatience = 3 * time.Second

// run repeats the step as its answers allow. soft is the caller's context:
// when it ends, nothing is repeated any more.
func (p *Producer) run(soft, hard context.Context, s step) error {
	start := time.Now()
	told, unclear := false, false
	for attempt := 0; ; attempt++ {
		if err := p.over(); err != nil {
			return err // a request beside this one went without an answer
		}
		code, addr, sent, err := p.put(hard, s)
		pause := min(time.Second, 50*time.Millisecond<<min(attempt, 5))
		switch again, mayHaveDone := waits(code); {
		case err != nil && sent && !p.opts.Uncured:
			return p.lose(&LostError{Unknown: s.commits, Err: fmt.Errorf("%s: no answer from %s: %w", s.doing, addr, err)})
		case err != nil && (sent || retriable(err) || isTimeout(err) && hard.Err() == nil):
			s.forget()
			unclear = unclear || sent
		case err != nil:
			return p.lose(&LostError{Unknown: s.commits && unclear, Err: fmt.Errorf("%s: %w", s.doing, err)})
		case code == sarama.ErrNoError:
			return nil
		case again:
			unclear = unclear || mayHaveDone
			if mayHaveDone {
				s.forget()
			}
			if code == sarama.ErrConcurrentTransactions {
				// The markers of the transaction before are being written,
				// which takes some milliseconds.
				pause = min(100*time.Millisecond, time.Duration(2+attempt*attempt)*time.Millisecond)
			}
		case code == sarama.ErrUnknownTopicOrPartition && time.Since(start) < min(unknownPatience, p.opts.Patience):
		case fences(code):
			return p.lose(&LostError{Fenced: true, Unknown: s.commits && unclear, Err: stepError(s, code)})
		case ends(code):
			return p.lose(&LostError{Unknown: s.commits, Err: stepError(s, code)})
		default:
			if unclear {
				return p.lose(&LostError{Unknown: s.commits, Err: stepError(s, code)})
			}
			return &refused{code: code, doing: s.doing, err: kafka.NewBrokerError(int16(code), "")}
		}
		if err == nil {
			err = kafka.NewBrokerError(int16(code), "")
		}
		if time.Since(start) > p.opts.Patience {
			return p.lose(&LostError{Unknown: s.commits && unclear, Err: fmt.Errorf("%s: not done within %v: %w", s.doing, p.opts.Patience, err)})
		}
		if !told && time.Since(start) > p.opts.Patience/10 {
			told = true
			p.opts.Notice(fmt.Sprintf("%s: %v; trying for up to %v", s.doing, err, p.opts.Patience))
		}
		if !sleep(soft, pause) {
			return p.lose(&LostError{Unknown: s.commits && unclear, Err: fmt.Errorf("%s: %w", s.doing, context.Cause(soft))})
		}
	}
}

func stepError(s step, code sarama.KError) error {
	return fmt.Errorf("%s: %w", s.doing, kafka.NewBrokerError(int16(code), ""))
}

// put asks once.
func (p *Producer) put(hard context.Context, s step) (code sarama.KError, addr string, sent bool, err error) {
	if addr, err = s.find(hard); err != nil {
		return 0, addr, false, err
	}
	code, sent, err = ask(hard, p, linkKey{addr: addr, coordinating: true}, s.ask)
	return code, addr, sent, err
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// retriable tells an error before anything was sent that may pass.
func retriable(err error) bool {
	var be *kafka.BrokerError
	if errors.As(err, &be) {
		again, _ := waits(sarama.KError(be.Code))
		return again || kafka.Retriable(err)
	}
	return kafka.Retriable(err) || errors.Is(err, sarama.ErrShuttingDown) || errors.Is(err, sarama.ErrNotConnected)
}

// findCoordinator gives the address of the transaction coordinator. Asking who
// it is changes nothing, so it goes over the client's own connections.
func (p *Producer) findCoordinator(hard context.Context) (string, error) {
	if p.coordinator != "" {
		return p.coordinator, nil
	}
	addr, err := p.lookup(hard, func() (*sarama.Broker, error) {
		if err := p.wire.RefreshTransactionCoordinator(p.opts.ID); err != nil {
			return nil, err
		}
		return p.wire.TransactionCoordinator(p.opts.ID)
	})
	p.coordinator = addr
	return addr, err
}

// lookup waits for the answer no longer than for any other: the shared
// connections have more patience with a silent broker.
func (p *Producer) lookup(ctx context.Context, find func() (*sarama.Broker, error)) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, p.opts.Answer)
	defer cancel()
	found := make(chan string, 1)
	err := p.client.Do(ctx, func() error {
		b, err := find()
		if err == nil {
			found <- b.Addr()
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return <-found, nil
}

// coordinated is a step at the transaction coordinator.
func (p *Producer) coordinated(doing string, ask func(*sarama.Broker) (sarama.KError, error)) step {
	return step{doing: doing, find: p.findCoordinator, forget: func() { p.coordinator = "" }, ask: ask}
}

// init gets the producer id and its epoch. It may be repeated: the answer that
// comes last counts.
func (p *Producer) init(soft, hard context.Context) error {
	s := p.coordinated("taking it over", func(b *sarama.Broker) (sarama.KError, error) {
		res, err := b.InitProducerID(&sarama.InitProducerIDRequest{
			Version: 4, TransactionalID: &p.opts.ID, TransactionTimeout: p.opts.Timeout, ProducerID: -1, ProducerEpoch: -1,
		})
		if err != nil {
			return 0, err
		}
		if res.Err == sarama.ErrNoError {
			p.id, p.epoch = res.ProducerID, res.ProducerEpoch
		}
		return res.Err, nil
	})
	start := time.Now()
	told := false
	for attempt := 0; ; attempt++ {
		code, _, _, err := p.put(hard, s)
		pause := min(time.Second, 50*time.Millisecond<<min(attempt, 5))
		again, moved := waits(code)
		switch {
		case err != nil:
			if !retriable(err) && !errors.Is(err, kafka.ErrUnreachable) && !isTimeout(err) {
				return err
			}
			s.forget()
		case code == sarama.ErrNoError:
			return nil
		case !again && !fences(code):
			// Fenced means that another InitProducerId overtook this one.
			return kafka.NewBrokerError(int16(code), "")
		case moved:
			s.forget()
		case code == sarama.ErrConcurrentTransactions:
			pause = min(100*time.Millisecond, time.Duration(2+attempt*attempt)*time.Millisecond)
		}
		if err == nil {
			err = kafka.NewBrokerError(int16(code), "")
		}
		if time.Since(start) > p.opts.Patience {
			return fmt.Errorf("not had within %v: %w", p.opts.Patience, err)
		}
		if !told && time.Since(start) > p.opts.Patience/10 {
			told = true
			p.opts.Notice(fmt.Sprintf("taking over transactional id %s: %v; trying for up to %v", p.opts.ID, err, p.opts.Patience))
		}
		if !sleep(soft, pause) {
			return context.Cause(soft)
		}
	}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// enlist makes the partitions part of the transaction, all in one request,
// which opens it.
func (p *Producer) enlist(soft, hard context.Context, byTopic map[string][]int32) error {
	p.began = true
	topic := ""
	err := p.run(soft, hard, p.coordinated("adding partitions to the transaction", func(b *sarama.Broker) (sarama.KError, error) {
		res, err := b.AddPartitionsToTxn(&sarama.AddPartitionsToTxnRequest{
			Version: 3, TransactionalID: p.opts.ID, ProducerID: p.id, ProducerEpoch: p.epoch, TopicPartitions: byTopic,
		})
		if err != nil {
			return 0, err
		}
		var code sarama.KError
		topic, code, err = worstOf(res.Errors, byTopic)
		return code, err
	}))
	var no *refused
	if errors.As(err, &no) {
		p.began = false // partitions are added together or not at all
		no.topic = topic
	}
	return err
}

// worstOf is the code that says most about a request that is done as a whole
// or not at all, with the topic that it is told of: partitions beside the refused
// one are told so.
func worstOf(got map[string][]*sarama.PartitionError, want map[string][]int32) (topic string, worst sarama.KError, err error) {
	worst = sarama.ErrNoError
	n := 0
	for _, name := range slices.Sorted(maps.Keys(got)) {
		for _, part := range got[name] {
			n++
			if part.Err != sarama.ErrNoError && (worst == sarama.ErrNoError || worst == codeNotAttempted) {
				topic, worst = name, part.Err
			}
		}
	}
	for _, parts := range want {
		n -= len(parts)
	}
	if n != 0 && worst == sarama.ErrNoError {
		return "", 0, errors.New("the coordinator's answer leaves a partition out")
	}
	return topic, worst, nil
}

// codeNotAttempted is the answer for the partitions beside the refused one.
const codeNotAttempted sarama.KError = 55

// end commits or aborts the open transaction.
func (p *Producer) end(soft, hard context.Context, commit bool) error {
	s := p.coordinated("aborting", func(b *sarama.Broker) (sarama.KError, error) {
		res, err := b.EndTxn(&sarama.EndTxnRequest{
			Version: 3, TransactionalID: p.opts.ID, ProducerID: p.id, ProducerEpoch: p.epoch, TransactionResult: commit,
		})
		if err != nil {
			return 0, err
		}
		return res.Err, nil
	})
	if commit {
		s.doing, s.commits = "committing", true
	}
	err := p.run(soft, hard, s)
	if err == nil {
		p.began = false
	}
	return err
}
