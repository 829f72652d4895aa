package txn

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// answer is what became of one batch that was sent.
type answer struct {
	code    sarama.KError
	offset  int64
	records []sarama.ProduceResponseRecordError
	message *string
	err     error // no answer came
}

type answers map[*batch]answer

// to sends the waiting batches of the partitions to their leader and waits for
// all answers. again says that nothing was sent; the error that the Producer is
// lost, because an answer did not come, or a [*HeldError] where not all was sent.
func (s *sending) to(addr string, parts []kafka.TopicPartition) (got answers, again, lost error) {
	// Connecting comes first: a connection that does not come about is no
	// request without an answer.
	_, _, err := ask(s.hard, s.p, linkKey{addr: addr}, func(*sarama.Broker) (struct{}, error) { return struct{}{}, nil })
	if err != nil {
		if s.p.over() != nil || s.hard.Err() != nil {
			return nil, nil, s.p.lose(&LostError{Err: err})
		}
		return nil, fmt.Errorf("%s: %w", parts[0], err), nil
	}
	l, err := s.p.link(linkKey{addr: addr})
	if err != nil {
		return nil, nil, err
	}
	defer context.AfterFunc(s.hard, l.cut)()
	pipe := &pipe{s: s, broker: l.broker, got: answers{}, failed: map[kafka.TopicPartition]bool{}}
	err = pipe.send(parts)
	pipe.under.Wait()
	var held *HeldError
	if errors.As(err, &held) && pipe.err == nil {
		return pipe.got, nil, held
	}
	if err == nil {
		err = pipe.err
	}
	if err == nil {
		return pipe.got, nil, nil
	}
	l.drop()
	err = fmt.Errorf("%s: no answer from %s: %w", parts[0], addr, kafka.Translate(err))
	if s.p.opts.Uncured {
		return pipe.got, err, nil
	}
	return pipe.got, nil, s.p.lose(&LostError{Err: err})
}

// pipe keeps several requests under way to one broker, which answers in order.
type pipe struct {
	s      *sending
	broker *sarama.Broker
	under  sync.WaitGroup

	mu     sync.Mutex
	got    answers
	failed map[kafka.TopicPartition]bool // no further batch of these
	err    error
}

// send writes the requests: the first batches of all partitions together, then
// the second ones, and so on.
func (p *pipe) send(parts []kafka.TopicPartition) error {
	next := map[kafka.TopicPartition]int32{}
	for _, tp := range parts {
		next[tp] = p.s.p.parts[tp].next
	}
	for depth, more := 0, true; more; depth++ {
		more = false
		var load []*batch
		size := 0
		for _, tp := range parts {
			queue := p.s.queues[tp]
			if depth >= len(queue) || p.hasFailed(tp) || depth > 0 && !p.s.p.parts[tp].known {
				continue
			}
			more = true
			b := queue[depth]
			sequence := next[tp]
			next[tp] = plus(sequence, len(b.indexes))
			if b.acked {
				continue
			}
			b.encode(p.s.p, p.s.records, p.s.now, sequence)
			if size > 0 && size+b.size > requestTarget {
				if err := p.produce(load); err != nil {
					return err
				}
				load, size = nil, 0
			}
			load, size = append(load, b), size+b.size
		}
		if len(load) > 0 {
			if err := p.produce(load); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *pipe) hasFailed(tp kafka.TopicPartition) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err != nil || p.failed[tp]
}

// produce sends one request. Its answer comes to took, later.
func (p *pipe) produce(load []*batch) error {
	producer := p.s.p
	// The library would wait for it, whoever calls it away.
	if d := producer.Held(); d > mostHeld {
		return &HeldError{For: d}
	}
	req := &sarama.ProduceRequest{
		Version: 10, RequiredAcks: sarama.WaitForAll, TransactionalID: &producer.opts.ID,
		Timeout: int32((producer.opts.Answer * 3 / 4).Milliseconds()),
	}
	for _, b := range load {
		req.AddBatch(b.part.Topic, b.part.Partition, b.encoded)
	}
	p.under.Add(1)
	err := p.broker.AsyncProduce(req, func(res *sarama.ProduceResponse, err error) {
		defer p.under.Done()
		if err == nil {
			producer.hold(res.ThrottleTime)
		}
		p.took(load, res, err)
	})
	if err != nil {
		p.under.Done()
		p.took(load, nil, err)
	}
	return err
}

func (p *pipe) took(load []*batch, res *sarama.ProduceResponse, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range load {
		a := answer{err: err}
		if err == nil {
			a = answerOf(res.GetBlock(b.part.Topic, b.part.Partition))
		}
		if a.err != nil && p.err == nil {
			p.err = a.err
		}
		if a.err != nil || a.code != sarama.ErrNoError {
			p.failed[b.part] = true
		}
		p.got[b] = a
	}
}

func answerOf(block *sarama.ProduceResponseBlock) answer {
	if block == nil {
		return answer{err: fmt.Errorf("the broker's answer leaves a partition out")}
	}
	return answer{code: block.Err, offset: block.Offset, records: block.RecordErrors, message: block.ErrorMessage}
}
