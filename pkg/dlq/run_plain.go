package dlq

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// plainWriter writes letters and then the ledger's word on them, for clusters
// and rights that do not allow for transactions. It fences nobody, and a crash
// between the two sends letters again. What it sent when a write failed in the
// middle it knows, and does not send that again when the write is repeated.
type plainWriter struct {
	client   *kafka.Client
	ledger   string
	limit    func(topic string) int // bytes that a topic takes at once, 0: unknown
	producer sarama.SyncProducer
	sent     map[*kafka.Header]int64 // offsets of letters, known by their headers, which are a slice of their own
}

func newPlainWriter(ctx context.Context, c *kafka.Client, ledger string, limit func(topic string) int) (*plainWriter, error) {
	conn := c.Wire()
	conf := conn.ProducerConfig()
	conf.Producer.RequiredAcks, conf.Producer.Partitioner = sarama.WaitForAll, sarama.NewManualPartitioner
	conf.Producer.Return.Successes, conf.Producer.Return.Errors = true, true
	conf.Producer.MaxMessageBytes = int(sarama.MaxRequestSize) - 1<<10 // the plan has checked against the topic
	if conn.Config().Version.IsAtLeast(sarama.V0_11_0_0) {
		conf.Producer.Idempotent, conf.Net.MaxOpenRequests = true, 1
	}
	w := &plainWriter{client: c, ledger: ledger, limit: limit, sent: map[*kafka.Header]int64{}}
	made := make(chan sarama.SyncProducer, 1)
	err := c.Do(ctx, func() error {
		p, err := sarama.NewSyncProducer(c.Bootstrap(), conf)
		if err == nil {
			made <- p
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	w.producer = <-made
	return w, nil
}

// grace is how long what is under way may go on once a run is to end at once, and
// how long the ledger may take then: an interrupted command ends within a second.
const grace = 500 * time.Millisecond

// outlive is ctx with as much time more. The caller ends it.
func outlive(ctx context.Context, more time.Duration) (life context.Context, end func()) {
	life, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(more)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel(context.Cause(ctx))
		case <-life.Done():
		}
	})
	return life, func() {
		stop()
		cancel(context.Canceled)
	}
}

// Commit sends what is not the ledger's, then what is. Offsets are not written.
// When ctx ends, letters under way are waited for and what came of them goes to
// the ledger; no others are sent.
func (w *plainWriter) Commit(ctx context.Context, t txn.Write) ([]int64, error) {
	life, end := outlive(ctx, grace)
	defer end()
	if t.Before != nil {
		if err := t.Before(ctx); err != nil {
			return nil, err
		}
	}
	offsets := make([]int64, len(t.Records))
	for _, ledger := range []bool{false, true} {
		var some []outbound
		for i := range t.Records {
			rec := &t.Records[i]
			if (rec.Topic == w.ledger) != ledger {
				continue
			}
			if offset, ok := w.sentAt(rec); ok {
				offsets[i] = offset
				continue
			}
			some = append(some, outbound{i, rec, messageOf(rec)})
		}
		for group := range w.groups(some) {
			if ctx.Err() != nil && !ledger {
				return nil, context.Cause(ctx)
			}
			if err := w.send(life, group); err != nil {
				return nil, err
			}
		}
		for _, o := range some {
			offsets[o.at] = o.message.Offset
		}
	}
	clear(w.sent)
	return offsets, nil
}

// sentAt tells where a letter stands that a write brought out before it failed.
// A nil writer sent none.
func (w *plainWriter) sentAt(rec *kafka.Record) (offset int64, ok bool) {
	if w == nil || len(rec.Headers) == 0 {
		return 0, false
	}
	offset, ok = w.sent[&rec.Headers[0]]
	return offset, ok
}

// outbound is a record of a write on its way.
type outbound struct {
	at      int // in the write
	record  *kafka.Record
	message *sarama.ProducerMessage
}

// groups are the records in their order, cut so that none has more for a
// partition than its topic takes in one batch.
func (w *plainWriter) groups(all []outbound) iter.Seq[[]outbound] {
	return func(yield func([]outbound) bool) {
		begin := 0
		sizes := map[kafka.TopicPartition]int{}
		for i, o := range all {
			tp, size := kafka.TopicPartition{Topic: o.record.Topic, Partition: o.record.Partition}, recordSize(o.record)
			if limit := w.limit(tp.Topic); limit > 0 && sizes[tp] > 0 && sizes[tp]+size > limit {
				if !yield(all[begin:i]) {
					return
				}
				begin = i
				clear(sizes)
			}
			sizes[tp] += size
		}
		if begin < len(all) {
			yield(all[begin:])
		}
	}
}

// send writes records and keeps which of them were. A broker refuses a batch for
// one of its records, so those of one that was are sent each alone: the error
// then names the one.
func (w *plainWriter) send(ctx context.Context, group []outbound) error {
	messages := make([]*sarama.ProducerMessage, len(group))
	for i, o := range group {
		messages[i] = o.message
	}
	err := w.client.Do(ctx, func() error { return w.producer.SendMessages(messages) })
	var failed sarama.ProducerErrors
	if err != nil && !errors.As(err, &failed) {
		return err // nothing is known of any of them
	}
	causes := make(map[*sarama.ProducerMessage]error, len(failed))
	for _, f := range failed {
		causes[f.Msg] = f.Err
	}
	var unsent []int
	for i, o := range group {
		if causes[o.message] != nil {
			unsent = append(unsent, i)
		} else if len(o.record.Headers) > 0 {
			w.sent[&o.record.Headers[0]] = o.message.Offset
		}
	}
	if len(unsent) == 0 {
		return err
	}
	first := group[unsent[0]]
	cause := causes[first.message]
	told := kafka.Translate(cause)
	switch {
	case refused(cause) && len(group) == 1:
		return &txn.RejectedError{Index: first.at, Err: told}
	case refused(cause):
		for _, i := range unsent {
			group[i].message = messageOf(group[i].record)
			if err := w.send(ctx, group[i:i+1]); err != nil {
				return err
			}
		}
		return nil
	}
	err = fmt.Errorf("%d of %d records not sent: %w", len(unsent), len(group), told)
	if errors.Is(told, kafka.ErrUnknownTopic) || errors.Is(told, kafka.ErrNotPermitted) {
		return &txn.TopicError{Topic: first.record.Topic, Err: err}
	}
	return err
}

// refused tells an error that is about the bytes of a batch.
func refused(err error) bool {
	return errors.Is(err, sarama.ErrMessageSizeTooLarge) || errors.Is(err, sarama.ErrInvalidRecord) || errors.Is(err, sarama.ErrInvalidTimestamp)
}

func messageOf(r *kafka.Record) *sarama.ProducerMessage {
	m := &sarama.ProducerMessage{Topic: r.Topic, Partition: r.Partition, Timestamp: r.Timestamp, Offset: -1}
	if r.Key != nil {
		m.Key = sarama.ByteEncoder(r.Key)
	}
	if r.Value != nil {
		m.Value = sarama.ByteEncoder(r.Value)
	}
	for _, h := range r.Headers {
		m.Headers = append(m.Headers, sarama.RecordHeader{Key: []byte(h.Name), Value: h.Value})
	}
	return m
}

// keepSent has the ledger tell of letters that went out before their batch failed
// for good: the next run would send them again.
func (r *replayer) keepSent(ctx context.Context, b batch) {
	if r.plain == nil {
		return
	}
	var sent []*planned
	for i := range b.letters {
		if _, ok := r.plain.sentAt(&b.letters[i].record); ok && !b.letters[i].settled {
			sent = append(sent, &b.letters[i])
		}
	}
	if len(sent) == 0 {
		return
	}
	const soon = 5 * time.Second
	wait := soon
	if ctx.Err() != nil {
		wait = grace
	}
	life, end := context.WithTimeout(context.WithoutCancel(ctx), wait)
	defer end()
	b.last = false
	w, err := r.transaction(b, sent)
	if err == nil {
		var offsets []int64
		if offsets, err = r.producer.Commit(life, w.write); err == nil {
			_, err = r.committed(w, offsets)
		}
	}
	if err != nil {
		r.opts.Notice(fmt.Sprintf("%s went out, and the ledger could not be told: the next run sends them again: %v", lettersText(int64(len(sent))), err))
	}
}

// Held is not known of this producer.
func (w *plainWriter) Held() time.Duration { return 0 }

// Close ends the producer.
func (w *plainWriter) Close() { _ = w.producer.Close() }
