package txn

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Offsets are a group's offsets that a transaction commits. The group may have
// members or none; none of them is asked.
type Offsets struct {
	Group string
	At    map[kafka.TopicPartition]Offset
}

// Offset is where a group goes on reading, with a note of up to 4 KiB.
type Offset struct {
	Offset   int64
	Metadata string
}

// commitOffsets puts the offsets into the transaction (KIP-447).
func (p *Producer) commitOffsets(soft, hard context.Context, o *Offsets) error {
	p.began = true
	err := p.run(soft, hard, p.coordinated("adding group "+o.Group+" to the transaction", func(b *sarama.Broker) (sarama.KError, error) {
		res, err := b.AddOffsetsToTxn(&sarama.AddOffsetsToTxnRequest{
			Version: 3, TransactionalID: p.opts.ID, ProducerID: p.id, ProducerEpoch: p.epoch, GroupID: o.Group,
		})
		if err != nil {
			return 0, err
		}
		return res.Err, nil
	}))
	if err == nil {
		err = p.run(soft, hard, p.offsetStep(o))
	}
	var no *refused
	if errors.As(err, &no) && no.code != codeAbortable {
		return fmt.Errorf("%w: group %s: %w", ErrOffsetsRefused, o.Group, no.err)
	}
	return err
}

// offsetStep is the commit itself, at the group's coordinator.
func (p *Producer) offsetStep(o *Offsets) step {
	want := map[string][]int32{}
	req := &sarama.TxnOffsetCommitRequest{
		TransactionalID: p.opts.ID, GroupID: o.Group, ProducerID: p.id, ProducerEpoch: p.epoch, GenerationID: -1,
		Topics: map[string][]*sarama.PartitionOffsetMetadata{},
	}
	for tp, at := range o.At {
		note := at.Metadata
		want[tp.Topic] = append(want[tp.Topic], tp.Partition)
		req.Topics[tp.Topic] = append(req.Topics[tp.Topic], &sarama.PartitionOffsetMetadata{
			Partition: tp.Partition, Offset: at.Offset, LeaderEpoch: -1, Metadata: &note,
		})
	}
	return step{
		doing: "committing offsets of group " + o.Group,
		find: func(hard context.Context) (string, error) {
			if addr := p.groups[o.Group]; addr != "" {
				return addr, nil
			}
			addr, err := p.lookup(hard, func() (*sarama.Broker, error) {
				if err := p.wire.RefreshCoordinator(o.Group); err != nil {
					return nil, err
				}
				return p.wire.Coordinator(o.Group)
			})
			p.groups[o.Group] = addr
			return addr, err
		},
		forget: func() { delete(p.groups, o.Group) },
		ask: func(b *sarama.Broker) (sarama.KError, error) {
			req.Version = 3
			res, err := b.TxnOffsetCommit(req)
			if err != nil {
				return 0, err
			}
			_, code, err := worstOf(res.Topics, want)
			return code, err
		},
	}
}
