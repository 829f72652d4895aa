package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
)

const (
	// probeTopic exists for as long as a start looks whether records come back.
	probeTopic = "__manage_kafka_ready"
	// probeWait bounds that look.
	probeWait = 30 * time.Second
)

// roundTrip sends a record to a topic of its own and reads it back: a broker
// that answers for its metadata may still be unable to store anything.
func roundTrip(ctx context.Context, client *kafka.Client, progress func(Event)) (err error) {
	done := report(progress).begin("records", "a record was sent and read back")
	ctx, cancel := context.WithTimeout(ctx, probeWait)
	defer cancel()
	admin := topics.New(client)
	spec := topics.Spec{Name: probeTopic, Partitions: 1, Replication: 1}
	if _, err := admin.Create(ctx, []topics.Spec{spec}, topics.CreateOptions{IfNotExists: true}); err != nil {
		return fmt.Errorf("creating a topic to send a record to: %w", err)
	}
	defer func() {
		// Also of a start that was interrupted.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
		defer cancel()
		if _, deleteErr := admin.Delete(ctx, []string{probeTopic}); deleteErr != nil && err == nil {
			err = fmt.Errorf("removing the topic of the check: %w", deleteErr)
		}
	}()
	value := rand.Text()
	offset, err := sendProbe(ctx, client, value)
	if err != nil {
		return fmt.Errorf("sending a record: %w", err)
	}
	if err := readProbe(ctx, client, offset, value); err != nil {
		return fmt.Errorf("reading a record back: %w", err)
	}
	done()
	return nil
}

func sendProbe(ctx context.Context, client *kafka.Client, value string) (offset int64, err error) {
	tp := kafka.TopicPartition{Topic: probeTopic}
	for {
		id, err := client.Leader(ctx, tp)
		if err != nil {
			return 0, err
		}
		var res *sarama.ProduceResponse
		err = client.Do(ctx, func() error {
			broker, err := client.Wire().Node(id)
			if err != nil {
				return err
			}
			res, err = broker.Produce(probeRequest(value))
			return err
		})
		if err != nil {
			return 0, err
		}
		block := res.GetBlock(probeTopic, 0)
		switch {
		case block == nil:
			return 0, errors.New("the broker answered for another topic")
		case block.Err == sarama.ErrNoError:
			return block.Offset, nil
		case !passes(block.Err):
			return 0, kafka.NewBrokerError(int16(block.Err), "")
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("%w: %w", ctx.Err(), kafka.NewBrokerError(int16(block.Err), ""))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// passes tells an error of a topic that is only just made.
func passes(err sarama.KError) bool {
	return err == sarama.ErrNotLeaderForPartition || err == sarama.ErrUnknownTopicOrPartition ||
		err == sarama.ErrLeaderNotAvailable || err == sarama.ErrNotEnoughReplicas
}

// probeRequest is a produce request (version 3, the oldest with record batches
// that Kafka 4 takes) that waits for every replica in sync.
func probeRequest(value string) *sarama.ProduceRequest {
	req := &sarama.ProduceRequest{RequiredAcks: sarama.WaitForAll, Timeout: int32(askTimeout.Milliseconds()), Version: 3}
	now := time.Now()
	req.AddBatch(probeTopic, 0, &sarama.RecordBatch{
		Version: 2, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, FirstTimestamp: now, MaxTimestamp: now,
		Records: []*sarama.Record{{Value: []byte(value)}},
	})
	return req
}

func readProbe(ctx context.Context, client *kafka.Client, offset int64, value string) error {
	tp := kafka.TopicPartition{Topic: probeTopic}
	for {
		got, err := client.Fetch(ctx, map[kafka.TopicPartition]int64{tp: offset}, kafka.FetchOptions{})
		if err != nil {
			return err
		}
		if got[0].Err != nil {
			return got[0].Err
		}
		for _, r := range got[0].Records {
			if r.Offset != offset || string(r.Value) != value {
				return fmt.Errorf("offset %d holds another record than was sent", r.Offset)
			}
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}
