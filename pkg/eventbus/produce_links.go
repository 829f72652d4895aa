package eventbus

import (
	"context"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// refreshEvery bounds how often one topic's leaders are asked for anew.
const refreshEvery = 100 * time.Millisecond

// links keeps the connections to brokers alive, which the protocol library
// does not do by itself: one that broke stays broken until it is closed.
type links struct {
	mu     sync.Mutex
	states map[*sarama.Broker]*linkState
	asked  map[string]time.Time // by topic
}

// linkState counts how often a broker's connection was given up, so that of
// many batches that fail with one connection only the first closes it, and none
// closes its successor.
type linkState struct {
	courier *courier

	mu         sync.Mutex
	generation int
}

// linkUse is a connection as one batch found it.
type linkUse struct {
	broker     *sarama.Broker
	state      *linkState
	generation int
}

// same says whether two batches found the same connection.
func (u *linkUse) same(other *linkUse) bool {
	return u.broker == other.broker && u.generation == other.generation
}

// leader gives an open connection to the broker that leads a partition.
func (k *links) leader(s *sender, tp kafka.TopicPartition) (*linkUse, error) {
	broker, err := s.conn.Leader(tp.Topic, tp.Partition)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	state := k.states[broker]
	if state == nil {
		state = &linkState{courier: newCourier()}
		k.states[broker] = state
	}
	k.mu.Unlock()
	state.mu.Lock()
	defer state.mu.Unlock()
	return &linkUse{broker: broker, state: state, generation: state.generation}, nil
}

// giveUp closes the connection, unless somebody has done so since.
func (u *linkUse) giveUp() {
	u.state.mu.Lock()
	defer u.state.mu.Unlock()
	if u.state.generation == u.generation {
		u.state.generation++
		_ = u.broker.Close() // one that is closed already is as good
	}
}

// broken gives up the connection that a batch failed on, nil where there was
// none, and asks anew who leads. Its failure shows in the next attempt.
func (k *links) broken(ctx context.Context, s *sender, topic string, use *linkUse) {
	_ = s.client.Do(ctx, func() error {
		if use != nil {
			use.giveUp()
		}
		return k.refresh(s, topic)
	})
}

// suspect asks anew who leads where a broker's answer says that it does not.
func (k *links) suspect(ctx context.Context, s *sender, topic string, code sarama.KError) {
	switch code {
	case sarama.ErrNotLeaderForPartition, sarama.ErrLeaderNotAvailable, sarama.ErrUnknownTopicOrPartition,
		sarama.ErrFencedLeaderEpoch, sarama.ErrUnknownLeaderEpoch, sarama.ErrKafkaStorageError, sarama.ErrReplicaNotAvailable:
		k.broken(ctx, s, topic, nil)
	}
}

// refresh asks for a topic's leaders, not more often than makes sense: many
// partitions lose their leader at once.
func (k *links) refresh(s *sender, topic string) error {
	k.mu.Lock()
	now := time.Now()
	if now.Sub(k.asked[topic]) < refreshEvery {
		k.mu.Unlock()
		return nil
	}
	k.asked[topic] = now
	k.mu.Unlock()
	return s.conn.RefreshMetadata(topic)
}

// identity hands out producer ids. Partitions share one, which is asked for with
// the first batch, until one of them has to number its records anew.
type identity struct {
	mu         sync.Mutex
	id         producerID
	generation int // counts the ids so far
}

// take gives the producer id of a generation later than the one that a partition
// has used, and asks for it where there is none.
func (i *identity) take(ctx context.Context, s *sender, tp kafka.TopicPartition, after int) (producerID, int, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.generation > after {
		return i.id, i.generation, nil
	}
	got := make(chan producerID, 1)
	err := s.client.Do(ctx, func() error {
		// Any broker numbers producers; the leader has to be there anyway.
		use, err := s.links.leader(s, tp)
		if err != nil {
			return err
		}
		res, err := use.broker.InitProducerID(&sarama.InitProducerIDRequest{Version: 4, ProducerID: -1, ProducerEpoch: -1})
		if err != nil {
			use.giveUp()
			return err
		}
		if res.Err != sarama.ErrNoError {
			return res.Err
		}
		got <- producerID{res.ProducerID, res.ProducerEpoch}
		return nil
	})
	if err != nil {
		return noProducer(), after, err
	}
	i.id = <-got
	i.generation++
	return i.id, i.generation, nil
}
