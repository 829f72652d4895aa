package eventbustest

import (
	"errors"
	"testing"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Write writes records as they are, whether or not they are events: what a service
// of another kind, or a broken one, may have sent. Each goes to the partition of its
// key, or to the first without one.
func (b *Broker) Write(topic string, list ...kafka.Record) {
	b.t.Helper()
	write(b.t, b.client, topic, list)
}

func write(t testing.TB, c *kafka.Client, topic string, list []kafka.Record) {
	t.Helper()
	n := int32(partitionCount(t, c, topic))
	conf := c.Wire().ProducerConfig()
	conf.Producer.Return.Successes = true
	conf.Producer.RequiredAcks = sarama.WaitForAll
	conf.Producer.Partitioner = sarama.NewManualPartitioner
	err := c.Do(t.Context(), func() error {
		producer, err := sarama.NewSyncProducer(c.Bootstrap(), conf)
		if err != nil {
			return err
		}
		messages := make([]*sarama.ProducerMessage, len(list))
		for i, r := range list {
			messages[i] = message(topic, n, r)
		}
		return errors.Join(producer.SendMessages(messages), producer.Close())
	})
	if err != nil {
		t.Fatalf("writing to %s: %v", topic, err)
	}
}

// message is a record as the protocol client takes it, for a topic of n
// partitions.
func message(topic string, n int32, r kafka.Record) *sarama.ProducerMessage {
	m := &sarama.ProducerMessage{Topic: topic, Timestamp: r.Timestamp}
	if r.Key != nil {
		m.Key, m.Partition = sarama.ByteEncoder(r.Key), kafka.PartitionFor(r.Key, n)
	}
	if r.Value != nil {
		m.Value = sarama.ByteEncoder(r.Value)
	}
	for _, h := range r.Headers {
		m.Headers = append(m.Headers, sarama.RecordHeader{Key: []byte(h.Name), Value: h.Value})
	}
	return m
}
