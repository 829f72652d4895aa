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
		for name, parts := range missing {
			i := slices.IndexFunc(meta.Topics, func(t TopicMetadata) bool { return t.Name == name })
			for _, tp := range parts {
				var err error = brokerError(sarama.ErrUnknownTopicOrPartition, "")
				if i >= 0 {
					leaders[tp], err = c.leaderIn(meta.Topics[i], tp)
				}
				if err != nil {
					failed[tp] = err
					retry = retry || isRetriable(err) && (try < unknownTries || !errors.Is(err, ErrUnknownTopic))
				}
			}
		}
		if len(failed) > 0 && (!retry || time.Now().After(deadline)) {
			return leaders, failed, nil
		}
		if len(failed) > 0 {
			if err := wait.sleep(ctx); err != nil {
				return nil, nil, err
			}
		}
	}
}

// leaderIn is the partition's leader by an answer that was just remembered.
func (c *Client) leaderIn(topic TopicMetadata, tp TopicPartition) (Broker, error) {
	if topic.Err != nil {
		return Broker{}, topic.Err
	}
	if !slices.ContainsFunc(topic.Partitions, func(p Partition) bool { return p.ID == tp.Partition }) {
		return Broker{}, brokerError(sarama.ErrUnknownTopicOrPartition, "")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if b, ok := c.leaders[tp]; ok {
		return b, nil
	}
	// It has none, or one that is not among the brokers of the answer.
	return Broker{}, brokerError(sarama.ErrLeaderNotAvailable, "")
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
