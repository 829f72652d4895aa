package eventbus

import (
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Record is a Kafka record as a handler sees it. Its bytes are the handler's
// to read, not to change, and may be kept.
type Record struct {
	kafka.Record
	// Attempt counts the tries of this record by this consumer since it was
	// last received: 1 is the first.
	Attempt int
	// Group is the consumer group that received it.
	Group string
}

// Header returns the value of the first header of that name, nil without one.
func (r *Record) Header(name string) []byte {
	for i := range r.Headers {
		if r.Headers[i].Name == name {
			return r.Headers[i].Value
		}
	}
	return nil
}

// recordOf converts what the protocol client delivers.
func recordOf(m *sarama.ConsumerMessage) kafka.Record {
	r := kafka.Record{
		Topic: m.Topic, Partition: m.Partition, Offset: m.Offset, Timestamp: m.Timestamp, Key: m.Key, Value: m.Value,
	}
	if len(m.Headers) > 0 {
		r.Headers = make([]kafka.Header, len(m.Headers))
		for i, h := range m.Headers {
			r.Headers[i] = kafka.Header{Name: string(h.Key), Value: h.Value}
		}
	}
	return r
}

// sizeOf is what a record counts for in [Subscription.MaxBytes].
func sizeOf(m *sarama.ConsumerMessage) int {
	n := len(m.Key) + len(m.Value)
	for _, h := range m.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

// outgoing is a record on its way to one partition.
type outgoing struct {
	topic     string
	partition int32
	key       []byte // nil is null
	value     []byte // nil is null
	headers   []kafka.Header
	timestamp time.Time // zero: now
	sequence  string    // see Message.Sequence
}
