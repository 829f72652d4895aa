package console

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// What ends a run of a producer, beside the errors of pkg/kafka.
var (
	// ErrFenced is another producer with the same transactional id, or a
	// transaction that outlived its timeout: the broker tells the same.
	ErrFenced = errors.New("fenced")
	// ErrSequence is a partition that no longer knows the producer's last
	// records, as after a leader election that lost some. Sending more would
	// risk a duplicate or hide the loss.
	ErrSequence = errors.New("sequence broken")
)

// deliver sends a batch until it is acknowledged, refused, or its time is up.
func (e *engine) deliver(b *batch) delivery {
	deadline := time.Now().Add(e.opts.patience)
	told := false
	for attempt := 0; ; attempt++ {
		d, err := e.attempt(b)
		if err == nil {
			return d
		}
		if e.kill.Err() != nil || !retriable(err) {
			return delivery{batch: b, err: e.explain(b, err)}
		}
		if time.Now().After(deadline) {
			return delivery{batch: b, err: e.explain(b, fmt.Errorf("no acknowledgement within %v: %w", e.opts.patience, err))}
		}
		if attempt >= 3 && !told {
			told = true
			e.opts.notice(fmt.Sprintf("%s/%d: %v; retrying for up to %v", b.part.topic.name, b.part.id, err, e.opts.patience))
		}
		if !e.pause(attempt) {
			return delivery{batch: b, err: e.kill.Err()}
		}
	}
}

// pause waits before another attempt; false when the run is to end.
func (e *engine) pause(attempt int) bool {
	return e.wait(min(50*time.Millisecond<<min(attempt, 6), time.Second))
}

// wait lets d go by; false when the run is to end.
func (e *engine) wait(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-e.kill.Done():
		return false
	}
}

func (e *engine) explain(b *batch, err error) error {
	if ctxErr := e.kill.Err(); ctxErr != nil {
		return ctxErr
	}
	return fmt.Errorf("%s/%d: %w", b.part.topic.name, b.part.id, err)
}

// attempt sends the batch once. The error may be retriable: the same batch
// under the same numbers is written once however often it is sent, where the
// producer is idempotent.
func (e *engine) attempt(b *batch) (delivery, error) {
	topic, id := b.part.topic.name, b.part.id
	b.attempts++
	if e.tx != nil {
		if err := e.tx.enlist(kafka.TopicPartition{Topic: topic, Partition: id}); err != nil {
			return delivery{}, err
		}
	}
	res, err := e.produce(b)
	if err != nil {
		return delivery{}, err
	}
	d := delivery{batch: b, base: -1}
	if e.opts.acks == sarama.NoResponse {
		return d, nil
	}
	block := res.GetBlock(topic, id)
	if block == nil {
		return delivery{}, errors.New("the broker's answer leaves the partition out")
	}
	switch code := block.Err; {
	case code == sarama.ErrNoError:
		d.base = block.Offset
		return d, nil
	case code == sarama.ErrDuplicateSequenceNumber:
		// An earlier attempt arrived and only its answer was lost.
		return d, nil
	case refusal(code):
		d.refused, d.bad = true, badRecords(b, block)
		return d, nil
	case code == sarama.ErrOutOfOrderSequenceNumber || code == sarama.ErrUnknownProducerID:
		return e.renumber(b, code)
	case code == sarama.ErrInvalidProducerEpoch || code == sarama.ErrProducerFenced || code == sarama.ErrInvalidTxnState:
		return delivery{}, fmt.Errorf("%w: %w", ErrFenced, kafka.Translate(code))
	default:
		detail := ""
		if block.ErrorMessage != nil {
			detail = *block.ErrorMessage
		}
		return delivery{}, kafka.NewBrokerError(int16(code), detail)
	}
}

// produce makes one request to the partition's leader and waits for its answer.
func (e *engine) produce(b *batch) (*sarama.ProduceResponse, error) {
	type answer struct {
		res *sarama.ProduceResponse
		err error
	}
	if !e.rest(b.part.leader) {
		return nil, e.kill.Err()
	}
	answers := make(chan answer, 1)
	topic, id := b.part.topic.name, b.part.id
	req := &sarama.ProduceRequest{
		Version: 10, RequiredAcks: e.opts.acks, Timeout: int32((e.client.Timeout() * 3 / 4).Milliseconds()),
	}
	if e.tx != nil {
		req.TransactionalID = &e.tx.name
	}
	req.AddBatch(topic, id, b.wire(e.opts.codec, e.tx != nil))
	type sending struct {
		leader  *sarama.Broker
		reached bool
	}
	sent := make(chan sending, 1)
	err := e.client.Do(e.kill, func() error {
		leader, err := e.conn.Leader(topic, id)
		if err != nil {
			sent <- sending{}
			return err
		}
		if e.opts.acks == sarama.NoResponse {
			answers <- answer{}
			err = leader.AsyncProduce(req, nil)
		} else {
			err = leader.AsyncProduce(req, func(res *sarama.ProduceResponse, err error) { answers <- answer{res, err} })
		}
		sent <- sending{leader, true}
		return err
	})
	var to sending
	select {
	case to = <-sent:
		b.sent = b.sent || to.reached
		b.part.leader = to.leader
	default:
		// Given up while it was on its way.
		b.sent = true
		return nil, err
	}
	if err == nil {
		select {
		case a := <-answers:
			if err = kafka.Translate(a.err); err == nil {
				e.hold(to.leader, a.res)
				e.followLeader(b, a.res)
				return a.res, nil
			}
		case <-e.kill.Done():
			return nil, e.kill.Err()
		}
	}
	e.reconnect(topic, to.leader)
	return nil, err
}

// followLeader asks for the partition's leader again where the answer says
// that it moved.
func (e *engine) followLeader(b *batch, res *sarama.ProduceResponse) {
	if res == nil {
		return
	}
	block := res.GetBlock(b.part.topic.name, b.part.id)
	if block == nil {
		return
	}
	switch block.Err {
	case sarama.ErrNotLeaderForPartition, sarama.ErrLeaderNotAvailable, sarama.ErrUnknownTopicOrPartition,
		sarama.ErrFencedLeaderEpoch, sarama.ErrUnknownLeaderEpoch, sarama.ErrKafkaStorageError, sarama.ErrReplicaNotAvailable:
		e.reconnect(b.part.topic.name, nil)
	}
}

// reconnect drops a broken connection, which the protocol library does not do
// by itself, and asks anew who leads. Its failure shows in the next attempt.
func (e *engine) reconnect(topic string, leader *sarama.Broker) {
	_ = e.client.Do(e.kill, func() error {
		if leader != nil {
			_ = leader.Close()
		}
		return e.conn.RefreshMetadata(topic)
	})
}

// renumber starts the partition's numbers anew under another producer id, as
// is safe while nothing of the batch can have been written.
func (e *engine) renumber(b *batch, code sarama.KError) (delivery, error) {
	if e.tx != nil || b.attempts > 1 {
		return delivery{}, fmt.Errorf("%w: %w", ErrSequence, kafka.Translate(code))
	}
	id, err := e.initProducer()
	if err != nil {
		return delivery{}, err
	}
	b.id, b.sequence = id, 0
	return e.attempt(b)
}

// retriable tells what another attempt may cure.
func retriable(err error) bool {
	if errors.Is(err, ErrFenced) || errors.Is(err, ErrSequence) {
		return false
	}
	if errors.Is(err, kafka.ErrUnreachable) || errors.Is(err, sarama.ErrShuttingDown) {
		return true
	}
	var be *kafka.BrokerError
	if !errors.As(err, &be) {
		return false
	}
	switch sarama.KError(be.Code) {
	case sarama.ErrInvalidMessage, sarama.ErrUnknownTopicOrPartition, sarama.ErrLeaderNotAvailable,
		sarama.ErrNotLeaderForPartition, sarama.ErrRequestTimedOut, sarama.ErrBrokerNotAvailable,
		sarama.ErrReplicaNotAvailable, sarama.ErrNetworkException, sarama.ErrNotEnoughReplicas,
		sarama.ErrNotEnoughReplicasAfterAppend, sarama.ErrKafkaStorageError, sarama.ErrFencedLeaderEpoch,
		sarama.ErrUnknownLeaderEpoch, sarama.ErrConcurrentTransactions, sarama.ErrOffsetsLoadInProgress,
		sarama.ErrConsumerCoordinatorNotAvailable, sarama.ErrNotCoordinatorForConsumer, sarama.ErrThrottlingQuotaExceeded:
		return true
	}
	return false
}

// refusal tells the codes by which a broker refuses a batch for its records.
func refusal(code sarama.KError) bool {
	switch code {
	case sarama.ErrMessageSizeTooLarge, sarama.ErrMessageSetSizeTooLarge, sarama.ErrInvalidRecord,
		sarama.ErrInvalidTimestamp, sarama.ErrUnsupportedForMessageFormat:
		return true
	}
	return false
}

// badRecords are those that the broker named (KIP-467), or the batch's only
// record, or none: then it is one of many.
func badRecords(b *batch, block *sarama.ProduceResponseBlock) []badRecord {
	cause := kafka.Translate(block.Err)
	var bad []badRecord
	seen := -1
	for _, r := range block.RecordErrors {
		i := int(r.BatchIndex)
		if i <= seen || i >= len(b.records) {
			bad = nil
			break
		}
		seen = i
		bad = append(bad, badRecord{index: i, cause: detailed(cause, r.BatchIndexErrorMessage)})
	}
	if len(bad) == 0 && len(b.records) == 1 {
		bad = []badRecord{{cause: detailed(cause, block.ErrorMessage)}}
	}
	return bad
}

func detailed(cause error, detail *string) error {
	if detail == nil || *detail == "" {
		return cause
	}
	return fmt.Errorf("%w: %s", cause, *detail)
}

// initProducer gets a producer id of its own from any broker.
func (e *engine) initProducer() (producerID, error) {
	var id producerID
	err := e.client.Do(e.kill, func() error {
		broker := e.conn.LeastLoadedBroker()
		if broker == nil {
			return sarama.ErrOutOfBrokers
		}
		if err := broker.Open(e.conn.Config()); err != nil && !errors.Is(err, sarama.ErrAlreadyConnected) {
			return err
		}
		res, err := broker.InitProducerID(&sarama.InitProducerIDRequest{Version: 4, ProducerID: -1, ProducerEpoch: -1})
		if err != nil {
			return err
		}
		if res.Err != sarama.ErrNoError {
			return res.Err
		}
		id = producerID{res.ProducerID, res.ProducerEpoch}
		return nil
	})
	return id, err
}

// start gets the producer id that batches are numbered under.
func (e *engine) start(ctx context.Context) error {
	if !e.opts.idempotent() {
		return nil
	}
	if e.tx != nil {
		return e.tx.begin(ctx, e)
	}
	deadline := time.Now().Add(e.client.Timeout())
	for attempt := 0; ; attempt++ {
		id, err := e.initProducer()
		if err == nil {
			e.id = id
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !retriable(err) || time.Now().After(deadline) || !e.pause(attempt) {
			return fmt.Errorf("getting a producer id: %w", err)
		}
	}
}
