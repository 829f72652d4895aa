package groups

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/request"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// commitsAtOnce bounds the partitions of one OffsetCommit, whose records have to fit
// into one batch.
const commitsAtOnce = 1000

// commit is a committed offset with what was written beside it: consumers keep what
// they have done after the offset there.
type commit struct {
	offset   int64
	metadata string
	lag      *int64 // of a share group, where the broker tells
}

// committed reads all that a group has committed.
func (g *Groups) committed(ctx context.Context, broker int32, name string) (map[kafka.TopicPartition]commit, error) {
	req := sarama.NewOffsetFetchRequest(sarama.V2_5_0_0, name, nil)
	res, err := request.To(ctx, g.client, broker, func(b *sarama.Broker) (*sarama.OffsetFetchResponse, error) { return b.FetchOffset(req) })
	if err == nil {
		err = kafka.NewBrokerError(int16(res.Err), "")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: reading its offsets: %w", name, err)
	}
	found := map[kafka.TopicPartition]commit{}
	for topic, partitions := range res.Blocks {
		for p, block := range partitions {
			tp := kafka.TopicPartition{Topic: topic, Partition: p}
			if err := kafka.NewBrokerError(int16(block.Err), ""); err != nil {
				return nil, fmt.Errorf("%s: reading its offset of %s: %w", name, tp, err)
			}
			if block.Offset >= 0 {
				found[tp] = commit{offset: block.Offset, metadata: block.Metadata}
			}
		}
	}
	return found, nil
}

// coordinatorOf asks which broker will serve a group.
func (g *Groups) coordinatorOf(ctx context.Context, name string) (int32, error) {
	ids := make(chan int32, 1)
	err := g.client.Do(ctx, func() error {
		b, err := g.client.Wire().Coordinator(name)
		if err == nil {
			ids <- b.ID()
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("%s: finding its coordinator: %w", name, err)
	}
	return <-ids, nil
}

// Reset does what a plan says, and notes in its moves what the broker did not take.
// A group that got members since the plan is [ErrLive] and keeps its offsets.
func (g *Groups) Reset(ctx context.Context, plan *Reset) error {
	var set, forget []*Move
	for i := range plan.Moves {
		switch m := &plan.Moves[i]; {
		case !m.Changes():
		case m.New == nil:
			forget = append(forget, m)
		default:
			set = append(set, m)
		}
	}
	write, remove := g.commit, g.forget
	if plan.share {
		write, remove = g.alterShare, g.forgetShare
	}
	for some := range slices.Chunk(set, commitsAtOnce) {
		if err := write(ctx, plan, some); err != nil {
			return err
		}
	}
	if len(forget) == 0 {
		return nil
	}
	return remove(ctx, plan, forget)
}

// commit writes offsets without being a member, which brokers let through only
// where there is none.
func (g *Groups) commit(ctx context.Context, plan *Reset, moves []*Move) error {
	req := &sarama.OffsetCommitRequest{Version: 2, ConsumerGroup: plan.Group, ConsumerGroupGeneration: sarama.GroupGenerationUndefined, RetentionTime: -1}
	for _, m := range moves {
		req.AddBlock(m.Topic, m.Partition, *m.New, sarama.ReceiveTime, plan.metadataFor(m))
	}
	res, err := request.To(ctx, g.client, plan.coordinator, func(b *sarama.Broker) (*sarama.OffsetCommitResponse, error) { return b.CommitOffset(req) })
	if err != nil {
		return fmt.Errorf("%s: committing: %w", plan.Group, err)
	}
	for _, m := range moves {
		code, ok := res.Errors[m.Topic][m.Partition]
		switch {
		case !ok:
			m.fail(errors.New("the broker left it out of its answer"))
		case code == sarama.ErrUnknownMemberId || code == sarama.ErrRebalanceInProgress || code == sarama.ErrNonEmptyGroup:
			return &LiveError{Name: plan.Group}
		case code != sarama.ErrNoError:
			m.fail(kafka.NewBrokerError(int16(code), ""))
		}
	}
	return nil
}

// metadataFor is what is written beside an offset: what was saved with just that one,
// and nothing otherwise, since what a consumer keeps there belongs to its offset.
func (r *Reset) metadataFor(m *Move) string {
	if c, ok := r.beside[m.tp()]; ok && m.New != nil && c.offset == *m.New {
		return c.metadata
	}
	return ""
}

// forget takes committed offsets away (KIP-496).
func (g *Groups) forget(ctx context.Context, plan *Reset, moves []*Move) error {
	req := &sarama.DeleteOffsetsRequest{Group: plan.Group}
	for _, m := range moves {
		req.AddPartition(m.Topic, m.Partition)
	}
	res, err := request.To(ctx, g.client, plan.coordinator, func(b *sarama.Broker) (*sarama.DeleteOffsetsResponse, error) { return b.DeleteOffsets(req) })
	if err == nil && res.ErrorCode == sarama.ErrNonEmptyGroup {
		return &LiveError{Name: plan.Group}
	}
	if err == nil {
		err = kafka.NewBrokerError(int16(res.ErrorCode), "")
	}
	if err != nil {
		return fmt.Errorf("%s: taking offsets away: %w", plan.Group, err)
	}
	for _, m := range moves {
		switch code := res.Errors[m.Topic][m.Partition]; code {
		case sarama.ErrNoError:
		case sarama.ErrGroupSubscribedToTopic:
			m.fail(fmt.Errorf("%w that read this topic", ErrLive))
		default:
			m.fail(kafka.NewBrokerError(int16(code), ""))
		}
	}
	return nil
}
