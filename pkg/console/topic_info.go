package console

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

const (
	// unknownBound is the bound of a record where the topic's settings may not
	// be read: the broker decides below it.
	unknownBound = 16 << 20
	// requestBound is what the protocol library sends in one request.
	requestBound = 100 << 20
)

// topicInfo is what a producer needs of a topic.
type topicInfo struct {
	name       string
	partitions []*partition
	maxBytes   int  // of a batch; unknownBound when limited is false
	limited    bool // maxBytes is the topic's own
	compacted  bool // every record needs a key

	sticky *partition // where records without a key go
	next   int
}

// lookupTopic asks for the topic's partitions and limits. The topic is never
// created by asking.
func lookupTopic(ctx context.Context, c *kafka.Client, name string) (*topicInfo, error) {
	meta, err := c.Metadata(ctx, []string{name})
	if err != nil {
		return nil, err
	}
	if len(meta.Topics) != 1 || len(meta.Topics[0].Partitions) == 0 && meta.Topics[0].Err == nil {
		return nil, fmt.Errorf("%s: %w", name, kafka.ErrUnknownTopic)
	}
	if err := meta.Topics[0].Err; err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	t := &topicInfo{name: name, maxBytes: unknownBound}
	for _, p := range meta.Topics[0].Partitions {
		t.partitions = append(t.partitions, &partition{topic: t, id: p.ID, producer: producerID{id: -1, epoch: -1}})
	}
	if err := t.configure(ctx, c); err != nil {
		return nil, err
	}
	return t, nil
}

// configure reads the settings that a record can break. Without the right to
// read them the broker is left to judge.
func (t *topicInfo) configure(ctx context.Context, c *kafka.Client) error {
	conn := c.Wire()
	var res *sarama.DescribeConfigsResponse
	err := c.Do(ctx, func() error {
		broker := conn.LeastLoadedBroker()
		if broker == nil {
			return sarama.ErrOutOfBrokers
		}
		if err := broker.Open(conn.Config()); err != nil && !errors.Is(err, sarama.ErrAlreadyConnected) {
			return err
		}
		var err error
		res, err = broker.DescribeConfigs(&sarama.DescribeConfigsRequest{Version: 2, Resources: []*sarama.ConfigResource{{
			Type: sarama.TopicResource, Name: t.name, ConfigNames: []string{"max.message.bytes", "cleanup.policy"},
		}}})
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: reading its settings: %w", t.name, err)
	}
	for _, r := range res.Resources {
		for _, entry := range r.Configs {
			switch entry.Name {
			case "max.message.bytes":
				if n, err := strconv.Atoi(entry.Value); err == nil && n > 0 {
					t.maxBytes, t.limited = min(n, requestBound), true
				}
			case "cleanup.policy":
				t.compacted = strings.Contains(entry.Value, "compact")
			}
		}
	}
	return nil
}

// lineBound is how long a line may be that holds one record.
func (t *topicInfo) lineBound(k Keyword) int {
	switch k {
	case JSON, JSONL:
		// A byte may be escaped as six, and there are the other members.
		return 6*t.maxBytes + 64<<10
	case Hex:
		return 2*t.maxBytes + 1<<10
	}
	return t.maxBytes
}
