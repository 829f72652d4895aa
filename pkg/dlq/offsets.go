package dlq

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// committed is what a group committed for one partition.
type committed struct {
	offset int64 // -1 nothing
	note   string
}

// committedOffsets reads what a group committed for a topic. A coordinator that
// moves, or that is only being made on a new cluster, is waited for as long as
// a request may take.
func committedOffsets(ctx context.Context, c *kafka.Client, group, topic string, partitions int32) (map[int32]committed, error) {
	for deadline := time.Now().Add(c.Timeout()); ; {
		found, again, err := askCommitted(ctx, c, group, topic, partitions)
		if err == nil || !again || time.Now().After(deadline) {
			return found, err
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

func askCommitted(ctx context.Context, c *kafka.Client, group, topic string, partitions int32) (found map[int32]committed, again bool, err error) {
	conn := c.Wire()
	answers := make(chan map[int32]committed, 1)
	moved := make(chan bool, 1)
	err = c.Do(ctx, func() error {
		b, err := conn.Coordinator(group)
		if err != nil {
			moved <- waitsForCoordinator(err)
			return err
		}
		req := &sarama.OffsetFetchRequest{Version: 1, ConsumerGroup: group}
		for p := range partitions {
			req.AddPartition(topic, p)
		}
		res, err := b.FetchOffset(req)
		if err != nil {
			_ = b.Close()
			_ = conn.RefreshCoordinator(group)
			moved <- true
			return err
		}
		at := map[int32]committed{}
		for p, block := range res.Blocks[topic] {
			if block.Err != sarama.ErrNoError {
				if waitsForCoordinator(block.Err) {
					_ = conn.RefreshCoordinator(group)
					moved <- true
				}
				return block.Err
			}
			at[p] = committed{block.Offset, block.Metadata}
		}
		answers <- at
		return nil
	})
	if err != nil {
		select {
		case again = <-moved:
		default:
		}
		return nil, again && ctx.Err() == nil, err
	}
	return <-answers, false, nil
}

// waitsForCoordinator tells a coordinator that is not there for the moment.
func waitsForCoordinator(err error) bool {
	switch err {
	case sarama.ErrConsumerCoordinatorNotAvailable, sarama.ErrNotCoordinatorForConsumer, sarama.ErrOffsetsLoadInProgress:
		return true
	}
	return false
}

// committedNotes reads the notes that a group has with its offsets of a topic.
func committedNotes(ctx context.Context, c *kafka.Client, group, topic string, partitions int32) (map[int32]string, error) {
	at, err := committedOffsets(ctx, c, group, topic, partitions)
	if err != nil {
		return nil, err
	}
	notes := map[int32]string{}
	for p, one := range at {
		if one.offset >= 0 {
			notes[p] = one.note
		}
	}
	return notes, nil
}

// groupLag is how many records of a topic the group has not committed yet; a
// partition without a commit counts in full. commits tells whether there is one.
func groupLag(ctx context.Context, c *kafka.Client, group, topic string, partitions int32) (lag int64, commits bool, err error) {
	b, err := readBounds(ctx, c, topic, partitions)
	if err != nil {
		return 0, false, err
	}
	at, err := committedOffsets(ctx, c, group, topic, partitions)
	if err != nil {
		return 0, false, fmt.Errorf("lag of group %s: %w", group, err)
	}
	for p := range partitions {
		from := b.start[p]
		if one, ok := at[p]; ok {
			from, commits = max(from, one.offset), true
		}
		lag += max(0, b.high[p]-from)
	}
	return lag, commits, nil
}
