package txn

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// topic is what the Producer knows of a topic.
type topic struct {
	bound   int              // of a batch, in bytes
	leaders map[int32]string // the address of each partition's leader
}

// learn asks about the topics that are not known yet: their bounds in one
// request, their leaders in another.
func (p *Producer) learn(ctx context.Context, names []string) error {
	var fresh []string
	for _, name := range names {
		if p.topics[name] == nil {
			fresh = append(fresh, name)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	if err := p.locate(ctx, fresh); err != nil {
		return err
	}
	bounds := p.bounds(ctx, fresh)
	for _, name := range fresh {
		p.topics[name].bound = batchTarget
		if b := bounds[name]; b > 0 {
			p.topics[name].bound = min(b, batchTarget)
		}
	}
	return nil
}

// locate asks who leads the topics' partitions.
func (p *Producer) locate(ctx context.Context, names []string) error {
	meta, err := p.client.Metadata(ctx, names)
	if err != nil {
		return err
	}
	addrs := map[int32]string{}
	for _, b := range meta.Brokers {
		addrs[b.ID] = b.Addr
	}
	for _, t := range meta.Topics {
		if t.Err != nil {
			return topicError(t.Name, fmt.Errorf("%s: %w", t.Name, t.Err))
		}
		known := p.topics[t.Name]
		if known == nil {
			known = &topic{}
			p.topics[t.Name] = known
		}
		known.leaders = map[int32]string{}
		for _, part := range t.Partitions {
			known.leaders[part.ID] = addrs[part.Leader]
		}
	}
	for _, name := range names {
		if p.topics[name] == nil {
			return topicError(name, fmt.Errorf("%s: %w", name, kafka.ErrUnknownTopic))
		}
	}
	return nil
}

// bounds reads max.message.bytes of the topics. Where that fails, or is not
// allowed, the broker is left to judge.
func (p *Producer) bounds(ctx context.Context, names []string) map[string]int {
	req := &sarama.DescribeConfigsRequest{Version: 2}
	for _, name := range names {
		req.Resources = append(req.Resources, &sarama.ConfigResource{
			Type: sarama.TopicResource, Name: name, ConfigNames: []string{"max.message.bytes"},
		})
	}
	ctx, cancel := context.WithTimeout(ctx, p.opts.Answer)
	defer cancel()
	answers := make(chan *sarama.DescribeConfigsResponse, 1)
	err := p.client.Do(ctx, func() error {
		broker := p.wire.LeastLoadedBroker()
		if broker == nil {
			return sarama.ErrOutOfBrokers
		}
		if err := broker.Open(p.wire.Config()); err != nil && !errors.Is(err, sarama.ErrAlreadyConnected) {
			return err
		}
		res, err := broker.DescribeConfigs(req)
		if err != nil {
			_ = broker.Close()
			return err
		}
		answers <- res
		return nil
	})
	bounds := map[string]int{}
	if err != nil {
		return bounds
	}
	for _, r := range (<-answers).Resources {
		for _, entry := range r.Configs {
			if n, err := strconv.Atoi(entry.Value); entry.Name == "max.message.bytes" && err == nil {
				bounds[r.Name] = n
			}
		}
	}
	return bounds
}

func comparePartitions(a, b kafka.TopicPartition) int {
	if order := strings.Compare(a.Topic, b.Topic); order != 0 {
		return order
	}
	return int(a.Partition) - int(b.Partition)
}
