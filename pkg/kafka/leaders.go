package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

// Leader gives the id of the broker that leads the partition.
func (c *Client) Leader(ctx context.Context, tp TopicPartition) (int32, error) {
	leaders, failed, err := c.leadersOf(ctx, []TopicPartition{tp})
	if err != nil {
		return 0, err
	}
	if failed[tp] != nil {
		return 0, fmt.Errorf("%s: %w", tp, failed[tp])
	}
	return leaders[tp].ID, nil
}

// unknownTries is how often a topic that is not known is asked for before it
// counts as missing: a broker may hear of a new topic a moment after another
// has created it.
const unknownTries = 4

// leadersOf finds the partitions' leaders, in one request for those it does
// not remember. A partition that has none for the moment, as during an
// election, is waited for as long as a request may take.
func (c *Client) leadersOf(ctx context.Context, tps []TopicPartition) (map[TopicPartition]Broker, map[TopicPartition]error, error) {
	leaders := make(map[TopicPartition]Broker, len(tps))
	deadline := time.Now().Add(c.cfg.Timeout)
	wait := backoff{}
	for try := 1; ; try++ {
		missing := map[string][]TopicPartition{}
		c.mu.Lock()
		for _, tp := range tps {
			if b, ok := c.leaders[tp]; ok {
				leaders[tp] = b
			} else {
				missing[tp.Topic] = append(missing[tp.Topic], tp)
			}
		}
		c.mu.Unlock()
		if len(missing) == 0 {
			return leaders, nil, nil
		}
		meta, err := c.Metadata(ctx, slices.Sorted(maps.Keys(missing)))
		if err != nil {
			return nil, nil, err
		}
		failed := map[TopicPartition]error{}
		retry := false
		for _, topic := range meta.Topics {
			for _, tp := range missing[topic.Name] {
				if err := leaderError(topic, tp); err != nil {
					failed[tp] = err
					retry = retry || isRetriable(err) && (try < unknownTries || !errors.Is(err, ErrUnknownTopic))
				}
			}
		}
		if len(failed) > 0 && (!retry || time.Now().After(deadline)) {
			for _, tp := range tps {
				if failed[tp] == nil {
					c.mu.Lock()
					leaders[tp] = c.leaders[tp]
					c.mu.Unlock()
				}
			}
			return leaders, failed, nil
		}
		if len(failed) > 0 {
			if err := wait.sleep(ctx); err != nil {
				return nil, nil, err
			}
		}
	}
}

func leaderError(topic TopicMetadata, tp TopicPartition) error {
	if topic.Err != nil {
		return topic.Err
	}
	for _, p := range topic.Partitions {
		switch {
		case p.ID != tp.Partition:
		case p.Leader < 0:
			return brokerError(sarama.ErrLeaderNotAvailable, "")
		default:
			return nil
		}
	}
	return brokerError(sarama.ErrUnknownTopicOrPartition, "")
}

// forget makes the next look for these leaders ask the cluster.
func (c *Client) forget(tps []TopicPartition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, tp := range tps {
		delete(c.leaders, tp)
	}
}

// byLeader sorts the partitions of at by the address of their leader.
// Partitions without one are in failed, which is never nil.
func (c *Client) byLeader(ctx context.Context, at map[TopicPartition]int64) (sorted map[string][]TopicPartition, failed map[TopicPartition]error, err error) {
	tps := slices.SortedFunc(maps.Keys(at), comparePartitions)
	leaders, failed, err := c.leadersOf(ctx, tps)
	if err != nil {
		return nil, nil, err
	}
	if failed == nil {
		failed = map[TopicPartition]error{}
	}
	sorted = map[string][]TopicPartition{}
	for _, tp := range tps {
		if failed[tp] == nil {
			sorted[leaders[tp].Addr] = append(sorted[leaders[tp].Addr], tp)
		}
	}
	return sorted, failed, nil
}

func comparePartitions(a, b TopicPartition) int {
	if order := strings.Compare(a.Topic, b.Topic); order != 0 {
		return order
	}
	return int(a.Partition) - int(b.Partition)
}

// isRetriable tells an error that asking the cluster again may cure.
func isRetriable(err error) bool {
	var be *BrokerError
	if !errors.As(err, &be) {
		return errors.Is(err, ErrUnreachable)
	}
	switch sarama.KError(be.Code) {
	case sarama.ErrNotLeaderForPartition, sarama.ErrLeaderNotAvailable, sarama.ErrReplicaNotAvailable,
		sarama.ErrUnknownTopicOrPartition, sarama.ErrFencedLeaderEpoch, sarama.ErrUnknownLeaderEpoch,
		sarama.ErrOffsetNotAvailable, sarama.ErrKafkaStorageError, sarama.ErrRequestTimedOut,
		sarama.ErrNetworkException, sarama.ErrListenerNotFound, sarama.ErrBrokerNotAvailable:
		return true
	}
	return false
}

// backoff waits 50 ms, then twice as long each time, up to a second.
type backoff struct{ last time.Duration }

func (b *backoff) sleep(ctx context.Context) error {
	b.last = min(time.Second, max(50*time.Millisecond, 2*b.last))
	timer := time.NewTimer(b.last)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
