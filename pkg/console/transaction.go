package console

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

const (
	// transactionTimeout is the longest that brokers allow by default
	// (transaction.max.timeout.ms): a transaction may wait for a person.
	transactionTimeout = 15 * time.Minute
	// transactionTimeoutLow is for brokers that allow less.
	transactionTimeoutLow = time.Minute
)

// transaction sends records under a transactional id: they become visible
// together, at commit, or never (KIP-98). begin, commit and abort are called
// by one goroutine while nothing is under way; enlist by those that deliver.
type transaction struct {
	name string
	e    *engine

	mu       sync.Mutex
	enlisted map[kafka.TopicPartition]bool

	// vague tells that an end was asked for and no answer came: the question may
	// reach the coordinator at any time, and would end what is open by then.
	vague bool
}

// begin takes the transactional id over: an open transaction of an earlier
// run is aborted, and a run still alive is fenced.
func (t *transaction) begin(ctx context.Context, e *engine) error {
	t.e, t.enlisted, t.vague = e, map[kafka.TopicPartition]bool{}, false
	timeout := transactionTimeout
	req := &sarama.InitProducerIDRequest{TransactionalID: &t.name, ProducerID: -1, ProducerEpoch: -1}
	return t.ask(ctx, "taking over", func(b *sarama.Broker) (sarama.KError, error) {
		req.Version, req.TransactionTimeout = 4, timeout
		res, err := b.InitProducerID(req)
		if err != nil {
			return 0, err
		}
		if res.Err == sarama.ErrInvalidTransactionTimeout && timeout != transactionTimeoutLow {
			timeout = transactionTimeoutLow
			return sarama.ErrConcurrentTransactions, nil
		}
		if res.Err == sarama.ErrNoError {
			e.id = producerID{res.ProducerID, res.ProducerEpoch}
		}
		return res.Err, nil
	})
}

// enlist makes the partition part of the open transaction, which the first
// one opens.
func (t *transaction) enlist(tp kafka.TopicPartition) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.enlisted[tp] {
		return nil
	}
	id := t.e.id
	err := t.ask(t.e.kill, "adding "+tp.String(), func(b *sarama.Broker) (sarama.KError, error) {
		res, err := b.AddPartitionsToTxn(&sarama.AddPartitionsToTxnRequest{
			Version: 2, TransactionalID: t.name, ProducerID: id.id, ProducerEpoch: id.epoch,
			TopicPartitions: map[string][]int32{tp.Topic: {tp.Partition}},
		})
		if err != nil {
			return 0, err
		}
		for _, p := range res.Errors[tp.Topic] {
			if p.Partition == tp.Partition {
				return p.Err, nil
			}
		}
		return 0, errors.New("the coordinator's answer leaves the partition out")
	})
	if err == nil {
		t.enlisted[tp] = true
	}
	return err
}

// open tells whether there is something to commit or abort.
func (t *transaction) open() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.enlisted) > 0
}

// end commits or aborts the open transaction.
func (t *transaction) end(ctx context.Context, commit bool) error {
	if !t.open() {
		return nil
	}
	doing := "aborting"
	if commit {
		doing = "committing"
	}
	id := t.e.id
	err := t.ask(ctx, doing, func(b *sarama.Broker) (sarama.KError, error) {
		res, err := b.EndTxn(&sarama.EndTxnRequest{
			Version: 2, TransactionalID: t.name, ProducerID: id.id, ProducerEpoch: id.epoch, TransactionResult: commit,
		})
		if err != nil {
			t.vague = true
			return 0, err
		}
		return res.Err, nil
	})
	if err == nil {
		clear(t.enlisted)
	}
	return err
}

// ask puts a question to the coordinator until it has an answer or the run's
// patience ends.
func (t *transaction) ask(ctx context.Context, doing string, question func(*sarama.Broker) (sarama.KError, error)) error {
	deadline := time.Now().Add(t.e.opts.patience)
	for attempt := 0; ; attempt++ {
		err := t.askOnce(ctx, question)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !retriable(err) || time.Now().After(deadline) || !t.e.pause(attempt) {
			return fmt.Errorf("transactional id %s: %s: %w", t.name, doing, err)
		}
	}
}

func (t *transaction) askOnce(ctx context.Context, question func(*sarama.Broker) (sarama.KError, error)) error {
	conn := t.e.conn
	return t.e.client.Do(ctx, func() error {
		b, err := conn.TransactionCoordinator(t.name)
		if err != nil {
			return err
		}
		code, err := question(b)
		if err != nil {
			_ = b.Close()
			_ = conn.RefreshTransactionCoordinator(t.name)
			return err
		}
		switch code {
		case sarama.ErrNoError:
			return nil
		case sarama.ErrNotCoordinatorForConsumer, sarama.ErrConsumerCoordinatorNotAvailable:
			_ = conn.RefreshTransactionCoordinator(t.name)
			return code
		case sarama.ErrInvalidProducerEpoch, sarama.ErrProducerFenced, sarama.ErrInvalidTxnState, sarama.ErrInvalidProducerIDMapping:
			return fmt.Errorf("%w: %w", ErrFenced, kafka.Translate(code))
		}
		return code
	})
}
