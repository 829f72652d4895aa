package dlq

import (
	"context"
	"errors"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// KeepWatermarks commits the watermarks of queues again as they are. Kafka
// forgets the offsets of a group without members after offsets.retention.minutes,
// seven days by default, and with them what tells a ledger that was lost; so
// whoever looks at a queue every now and then keeps them. A queue without a
// watermark has none afterwards, and one that a run works on is left to it.
//
// A missing right on the group is no error: replays say it.
func KeepWatermarks(ctx context.Context, c *kafka.Client, queues []Queue) error {
	var failed []error
	for _, q := range queues {
		if q.LastRun == nil || q.LastRun.State == Running || q.Error != "" {
			continue
		}
		if err := keepWatermark(ctx, c, q); err != nil && !errors.Is(err, kafka.ErrNotPermitted) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func keepWatermark(ctx context.Context, c *kafka.Client, q Queue) error {
	conn, group := c.Wire(), watermarkGroup(q.Name)
	return c.Do(ctx, func() error {
		b, err := conn.Coordinator(group)
		if err != nil {
			return err
		}
		ask := &sarama.OffsetFetchRequest{Version: 1, ConsumerGroup: group}
		for p := range int32(q.Partitions) {
			ask.AddPartition(q.Name, p)
		}
		have, err := b.FetchOffset(ask)
		if err != nil {
			_ = b.Close()
			return err
		}
		// Version 2 is what every broker from 2.1 on takes. Without a generation
		// it is refused where the group has members, which ours never has.
		again := &sarama.OffsetCommitRequest{Version: 2, ConsumerGroup: group, ConsumerGroupGeneration: sarama.GroupGenerationUndefined, RetentionTime: -1}
		found := false
		for p, block := range have.Blocks[q.Name] {
			if block.Err != sarama.ErrNoError {
				return block.Err
			}
			if block.Offset >= 0 {
				found = true
				again.AddBlock(q.Name, p, block.Offset, sarama.ReceiveTime, block.Metadata)
			}
		}
		if !found {
			return nil
		}
		res, err := b.CommitOffset(again)
		if err != nil {
			_ = b.Close()
			return err
		}
		for _, code := range res.Errors[q.Name] {
			if code != sarama.ErrNoError {
				return code
			}
		}
		return nil
	})
}
