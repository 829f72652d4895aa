package kafka

import (
	"cmp"
	"context"
	"errors"
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
	var failed error
	for _, addr := range c.addresses() {
		meta, err := c.askMetadata(ctx, addr, topics)
		if err == nil || !errors.Is(err, ErrUnreachable) || ctx.Err() != nil {
			return meta, err
		}
		// Another broker may be alive.
		if failed == nil {
			failed = err
		}
	}
	return Metadata{}, failed
}

// addresses lists where to ask about the cluster: the bootstrap address that
// answered, the brokers it told of, the other bootstrap addresses.
func (c *Client) addresses() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	addrs := slices.Clone(c.bootstrap[:1])
	for _, b := range c.brokers {
		addrs = append(addrs, b.Addr)
	}
	addrs = append(addrs, c.bootstrap[1:]...)
	seen := map[string]bool{}
	return slices.DeleteFunc(addrs, func(addr string) bool {
		known := seen[addr]
		seen[addr] = true
		return known
	})
}

func (c *Client) askMetadata(ctx context.Context, addr string, topics []string) (Metadata, error) {
	req := sarama.NewMetadataRequest(c.conf.Version, topics)
	if topics != nil && len(topics) == 0 {
		// The library writes an empty list as "all topics"; a name no topic
		// can have asks for the brokers alone.
		req.Topics = []string{""}
	}
	res, err := ask(ctx, c.link(addr, forAsking), 0, func(b *sarama.Broker) (*sarama.MetadataResponse, error) { return b.GetMetadata(req) })
	if err != nil {
		return Metadata{}, err
	}
	meta := readMetadata(res)
	c.remember(meta)
	return meta, nil
}

// remember keeps where the brokers are and what they lead.
func (c *Client) remember(meta Metadata) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(meta.Brokers) > 0 {
		c.brokers = meta.Brokers
	}
	byID := make(map[int32]Broker, len(c.brokers))
	for _, b := range c.brokers {
		byID[b.ID] = b
	}
	for _, t := range meta.Topics {
		for _, p := range t.Partitions {
			tp := TopicPartition{Topic: t.Name, Partition: p.ID}
			if b, ok := byID[p.Leader]; ok {
				c.leaders[tp] = b
			} else {
				delete(c.leaders, tp)
			}
		}
	}
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

// isInfrastructure tells the topics in which a schema registry keeps its
// schemas, Apicurio's and Confluent's: nobody's records are in them.
func isInfrastructure(topic string) bool {
	return slices.Contains([]string{"kafkasql-journal", "kafkasql-snapshots", "registry-events", "_schemas"}, topic)
}

func readTopic(t *sarama.TopicMetadata) TopicMetadata {
	topic := TopicMetadata{Name: t.Name, Internal: t.IsInternal || isInfrastructure(t.Name), Err: NewBrokerError(int16(t.Err), "")}
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
