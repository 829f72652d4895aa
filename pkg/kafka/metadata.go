package kafka

import (
	"cmp"
	"context"
	"slices"

	"github.com/IBM/sarama"
)

// Broker is one node of a cluster, at its advertised address.
type Broker struct {
	ID   int32  `json:"id"`
	Addr string `json:"addr"`
	Rack string `json:"rack,omitempty"`
}

// Partition is what metadata tells of one partition. Leader is -1 when it has none.
type Partition struct {
	ID          int32   `json:"id"`
	Leader      int32   `json:"leader"`
	LeaderEpoch int32   `json:"leader_epoch"`
	Replicas    []int32 `json:"replicas"`
	ISR         []int32 `json:"isr"`
	Offline     []int32 `json:"offline,omitempty"`
}

// TopicMetadata is what metadata tells of one topic. ID is the topic's id
// (KIP-516), empty on brokers before 2.8; it changes when a topic is recreated.
// Err is nil, or a [*BrokerError] for this topic alone, such as [ErrUnknownTopic].
type TopicMetadata struct {
	Name       string
	ID         string
	Internal   bool
	Partitions []Partition // by id
	Err        error
}

// Metadata is one answer of the cluster about itself.
type Metadata struct {
	ClusterID  string
	Controller int32
	Brokers    []Broker        // by id
	Topics     []TopicMetadata // by name
}

// Metadata asks the cluster about the named topics in one request: nil asks
// for all topics, an empty list for none. A topic that does not exist is in
// the answer with its Err; it is never created by asking.
func (c *Client) Metadata(ctx context.Context, topics []string) (Metadata, error) {
	var meta Metadata
	err := c.Do(ctx, func() error {
		res, err := c.requestMetadata(topics)
		if err != nil {
			return err
		}
		c.nodes.learn(res)
		meta = readMetadata(res)
		return nil
	})
	if err != nil {
		return Metadata{}, err
	}
	return meta, nil
}

func (c *Client) requestMetadata(topics []string) (*sarama.MetadataResponse, error) {
	broker := c.conn.LeastLoadedBroker()
	if broker == nil {
		return nil, sarama.ErrOutOfBrokers
	}
	if err := broker.Open(c.conn.Config()); err != nil && err != sarama.ErrAlreadyConnected {
		return nil, err
	}
	req := sarama.NewMetadataRequest(c.conn.Config().Version, topics)
	if topics != nil && len(topics) == 0 {
		// The library writes an empty list as "all topics"; a name no topic
		// can have asks for the brokers alone.
		req.Topics = []string{""}
	}
	res, err := broker.GetMetadata(req)
	if err != nil {
		// A broken connection is not reopened by itself.
		_ = broker.Close()
	}
	return res, err
}

func readMetadata(res *sarama.MetadataResponse) Metadata {
	meta := Metadata{Controller: res.ControllerID}
	if res.ClusterID != nil {
		meta.ClusterID = *res.ClusterID
	}
	for _, b := range res.Brokers {
		meta.Brokers = append(meta.Brokers, Broker{ID: b.ID(), Addr: b.Addr(), Rack: b.Rack()})
	}
	slices.SortFunc(meta.Brokers, func(a, b Broker) int { return cmp.Compare(a.ID, b.ID) })
	for _, t := range res.Topics {
		if t.Name == "" {
			continue
		}
		meta.Topics = append(meta.Topics, readTopic(t))
	}
	slices.SortFunc(meta.Topics, func(a, b TopicMetadata) int { return cmp.Compare(a.Name, b.Name) })
	return meta
}

func readTopic(t *sarama.TopicMetadata) TopicMetadata {
	topic := TopicMetadata{Name: t.Name, Internal: t.IsInternal, Err: NewBrokerError(int16(t.Err), "")}
	if t.Uuid != (sarama.Uuid{}) {
		topic.ID = t.Uuid.String()
	}
	for _, p := range t.Partitions {
		topic.Partitions = append(topic.Partitions, Partition{
			ID: p.ID, Leader: p.Leader, LeaderEpoch: p.LeaderEpoch,
			Replicas: p.Replicas, ISR: p.Isr, Offline: p.OfflineReplicas,
		})
	}
	slices.SortFunc(topic.Partitions, func(a, b Partition) int { return cmp.Compare(a.ID, b.ID) })
	return topic
}
