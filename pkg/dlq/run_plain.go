package dlq

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// plainWriter writes letters and then the ledger's word on them, for clusters
// and rights that do not allow for transactions. It fences nobody, and a crash
// between the two sends letters again.
type plainWriter struct {
	client   *kafka.Client
	ledger   string
	producer sarama.SyncProducer
}

func newPlainWriter(ctx context.Context, c *kafka.Client, ledger string) (*plainWriter, error) {
	conn := c.Wire()
	conf := conn.ProducerConfig()
	conf.Producer.RequiredAcks, conf.Producer.Partitioner = sarama.WaitForAll, sarama.NewManualPartitioner
	conf.Producer.Return.Successes, conf.Producer.Return.Errors = true, true
	conf.Producer.MaxMessageBytes = int(sarama.MaxRequestSize) - 1<<10 // the plan has checked against the topic
	if conn.Config().Version.IsAtLeast(sarama.V0_11_0_0) {
		conf.Producer.Idempotent, conf.Net.MaxOpenRequests = true, 1
	}
	w := &plainWriter{client: c, ledger: ledger}
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

// Commit sends what is not the ledger's, then what is. Offsets are not written.
func (w *plainWriter) Commit(ctx context.Context, t txn.Write) ([]int64, error) {
	if t.Before != nil {
		if err := t.Before(ctx); err != nil {
			return nil, err
		}
	}
	offsets := make([]int64, len(t.Records))
	for _, ledger := range []bool{false, true} {
		var some []*sarama.ProducerMessage
		var at []int
		for i := range t.Records {
			if (t.Records[i].Topic == w.ledger) == ledger {
				some, at = append(some, messageOf(&t.Records[i])), append(at, i)
			}
		}
		if err := w.send(ctx, some, at); err != nil {
			return nil, err
		}
		for j, m := range some {
			offsets[at[j]] = m.Offset
		}
	}
	return offsets, nil
}

func (w *plainWriter) send(ctx context.Context, some []*sarama.ProducerMessage, at []int) error {
	if len(some) == 0 {
		return nil
	}
	err := w.client.Do(ctx, func() error { return w.producer.SendMessages(some) })
	var failed sarama.ProducerErrors
	if !errors.As(err, &failed) || len(failed) == 0 {
		return err
	}
	first := failed[0]
	cause := kafka.Translate(first.Err)
	for _, refused := range []sarama.KError{sarama.ErrMessageSizeTooLarge, sarama.ErrInvalidRecord, sarama.ErrInvalidTimestamp} {
		if errors.Is(first.Err, refused) {
			return &txn.RejectedError{Index: at[max(0, slices.Index(some, first.Msg))], Err: cause}
		}
	}
	return fmt.Errorf("%d of %d records not sent: %w", len(failed), len(some), cause)
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

// Close ends the producer.
func (w *plainWriter) Close() { _ = w.producer.Close() }
