package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/IBM/sarama"
)

// Isolation says which records a read sees.
type Isolation int8

// The isolation levels of Kafka's protocol. The zero value is the safe one.
const (
	ReadCommitted   Isolation = 0
	ReadUncommitted Isolation = 1
)

func (i Isolation) wire() sarama.IsolationLevel {
	if i == ReadUncommitted {
		return sarama.ReadUncommitted
	}
	return sarama.ReadCommitted
}

// Timestamps with a meaning of their own in [Client.Offsets].
const (
	Latest   int64 = -1 // the end: high watermark, or last stable offset when reading committed
	Earliest int64 = -2 // the log's start
)

// Offsets finds, for every partition of at, the first offset whose timestamp
// is at or after the given one in milliseconds, or [Latest] or [Earliest]. A
// partition without such a record is -1. It asks every leader once, all at the
// same time. Partitions that failed are missing from the map and joined, by
// name, in the error; the others are valid even then.
func (c *Client) Offsets(ctx context.Context, at map[TopicPartition]int64, isolation Isolation) (map[TopicPartition]int64, error) {
	byLeader, failed := c.byLeader(ctx, at)
	found, err := c.offsetsByLeader(ctx, byLeader, at, isolation)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return found, errors.Join(failed, err)
}

// offsetsByLeader asks every leader once, all at the same time.
func (c *Client) offsetsByLeader(ctx context.Context, byLeader map[*sarama.Broker][]TopicPartition, at map[TopicPartition]int64, isolation Isolation) (map[TopicPartition]int64, error) {
	var (
		mu     sync.Mutex
		wg     sync.WaitGroup
		failed error
		found  = make(map[TopicPartition]int64, len(at))
	)
	for leader, parts := range byLeader {
		wg.Go(func() {
			res, err := c.listOffsets(ctx, leader, at, parts, isolation)
			mu.Lock()
			defer mu.Unlock()
			for tp, offset := range res {
				found[tp] = offset
			}
			if err != nil {
				failed = errors.Join(failed, err)
			}
		})
	}
	wg.Wait()
	return found, failed
}

// byLeader sorts partitions by the broker that leads them.
func (c *Client) byLeader(ctx context.Context, at map[TopicPartition]int64) (map[*sarama.Broker][]TopicPartition, error) {
	byLeader := map[*sarama.Broker][]TopicPartition{}
	var failed error
	err := c.Do(ctx, func() error {
		for tp := range at {
			leader, err := c.conn.Leader(tp.Topic, tp.Partition)
			if err != nil {
				failed = errors.Join(failed, fmt.Errorf("%s: %w", tp, Translate(err)))
				continue
			}
			byLeader[leader] = append(byLeader[leader], tp)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return byLeader, failed
}

func (c *Client) listOffsets(ctx context.Context, leader *sarama.Broker, at map[TopicPartition]int64, parts []TopicPartition, isolation Isolation) (map[TopicPartition]int64, error) {
	req := sarama.NewOffsetRequest(c.conn.Config().Version)
	req.IsolationLevel = isolation.wire()
	for _, tp := range parts {
		req.AddBlock(tp.Topic, tp.Partition, at[tp], 1)
	}
	var res *sarama.OffsetResponse
	err := c.Do(ctx, func() error {
		r, err := leader.GetAvailableOffsets(req)
		if err != nil {
			_ = leader.Close()
			return err
		}
		res = r
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("offsets from %s: %w", leader.Addr(), err)
	}
	found := make(map[TopicPartition]int64, len(parts))
	var failed error
	for _, tp := range parts {
		block := res.GetBlock(tp.Topic, tp.Partition)
		switch {
		case block == nil:
			failed = errors.Join(failed, fmt.Errorf("%s: broker %s left it out of its answer", tp, leader.Addr()))
		case block.Err != sarama.ErrNoError:
			failed = errors.Join(failed, fmt.Errorf("%s: %w", tp, Translate(block.Err)))
		default:
			found[tp] = block.Offset
		}
	}
	return found, failed
}
