package eventbus

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// letterWriter is the idempotent producer of dead letters, made when the first
// one has to be written.
type letterWriter struct {
	mu       sync.Mutex
	producer sarama.SyncProducer
	closed   bool
}

func (w *letterWriter) open(b *Bus) (sarama.SyncProducer, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, ErrClosed
	}
	if w.producer != nil {
		return w.producer, nil
	}
	conf := b.client.Wire().ProducerConfig()
	conf.Producer.RequiredAcks = sarama.WaitForAll
	conf.Producer.Idempotent = true
	conf.Net.MaxOpenRequests = 1
	conf.Producer.Retry.Max = 3
	conf.Producer.Return.Successes, conf.Producer.Return.Errors = true, true
	conf.Producer.Partitioner = sarama.NewManualPartitioner
	conf.Producer.MaxMessageBytes = maxRequest
	var err error
	w.producer, err = sarama.NewSyncProducer(b.client.Bootstrap(), conf)
	return w.producer, err
}

// maxRequest leaves the judgement of sizes to the broker.
const maxRequest = 100 << 20

func (w *letterWriter) close(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.producer == nil {
		return nil
	}
	err := w.producer.Close()
	w.producer = nil
	return err
}

// send writes records to the partitions they name, as an idempotent producer
// with acks=all, and returns an error for each, nil where it is acknowledged.
// Errors are those of pkg/kafka. When ctx ends first, records without an answer
// have its error and may be written all the same.
func (b *Bus) send(ctx context.Context, records []outgoing) []error {
	errs := make([]error, len(records))
	fail := func(err error) []error {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	var producer sarama.SyncProducer
	result := make(chan []error, 1)
	err := b.client.Do(ctx, func() error {
		var err error
		if producer, err = b.letter.open(b); err != nil {
			return err
		}
		result <- b.sendAll(producer, records)
		return nil
	})
	if err != nil {
		return fail(err)
	}
	return <-result
}

func (b *Bus) sendAll(producer sarama.SyncProducer, records []outgoing) []error {
	errs := make([]error, len(records))
	messages := make([]*sarama.ProducerMessage, len(records))
	for i, r := range records {
		m := &sarama.ProducerMessage{Topic: r.topic, Partition: r.partition, Timestamp: r.timestamp, Metadata: i}
		if r.key != nil {
			m.Key = sarama.ByteEncoder(r.key)
		}
		if r.value != nil {
			m.Value = sarama.ByteEncoder(r.value)
		}
		for _, h := range r.headers {
			m.Headers = append(m.Headers, sarama.RecordHeader{Key: []byte(h.Name), Value: h.Value})
		}
		messages[i] = m
	}
	err := producer.SendMessages(messages)
	var failed sarama.ProducerErrors
	switch {
	case err == nil:
	case errors.As(err, &failed):
		for _, f := range failed {
			i, _ := f.Msg.Metadata.(int)
			errs[i] = fmt.Errorf("%s/%d: %w", records[i].topic, records[i].partition, kafka.Translate(f.Err))
		}
	default:
		for i := range errs {
			errs[i] = kafka.Translate(err)
		}
	}
	return errs
}
