package console

import (
	"context"
	"errors"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// begin is where the claim begins: at from, or at an offset of the group that
// retention has overtaken. The protocol client takes such a group for one that has
// no offset, and at the partition's end it would skip all that is left.
func (c *claim) begin(ctx context.Context, from int64) (int64, error) {
	if from >= 0 {
		return from, nil
	}
	deadline := time.Now().Add(c.group.client.Timeout())
	for {
		offset, err := c.committed(ctx)
		if err == nil && offset < 0 {
			return from, nil
		}
		var starts map[kafka.TopicPartition]int64
		if err == nil {
			starts, err = c.group.client.Offsets(ctx, map[kafka.TopicPartition]int64{c.tp: kafka.Earliest}, c.group.opts.Isolation)
		}
		switch {
		case err == nil && offset < starts[c.tp]:
			return offset, nil
		case err == nil:
			return from, nil // its log lost its end, or is another one
		case !retriable(err) && !kafka.Retriable(err), time.Now().After(deadline):
			return 0, err
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// committed asks for the group's offset, -1 without one.
func (c *claim) committed(ctx context.Context) (int64, error) {
	wire, group := c.group.client.Wire(), c.group.opts.Group.ID
	found := make(chan int64, 1)
	err := c.group.client.Do(ctx, func() error {
		coordinator, err := wire.Coordinator(group)
		if err != nil {
			return err
		}
		res, err := coordinator.FetchOffset(sarama.NewOffsetFetchRequest(wire.Config().Version, group, map[string][]int32{c.tp.Topic: {c.tp.Partition}}))
		if err == nil && res.Err != sarama.ErrNoError {
			err = res.Err
		}
		if err != nil {
			return errors.Join(err, wire.RefreshCoordinator(group))
		}
		block := res.GetBlock(c.tp.Topic, c.tp.Partition)
		switch {
		case block == nil:
			return sarama.ErrIncompleteResponse
		case block.Err != sarama.ErrNoError:
			return block.Err
		}
		found <- block.Offset
		return nil
	})
	if err != nil {
		return 0, err
	}
	return <-found, nil
}
