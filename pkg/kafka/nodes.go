package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/IBM/sarama"
)

// nodes are the brokers that metadata told of, each with a connection of its
// own that opens when it is first needed. The protocol library's own list
// fills only as it looks up topics one by one.
type nodes struct {
	mu         sync.Mutex
	byID       map[int32]*sarama.Broker
	controller int32
}

// learn takes the brokers and the controller from an answer.
func (n *nodes) learn(res *sarama.MetadataResponse) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.byID == nil {
		n.byID = map[int32]*sarama.Broker{}
	}
	n.controller = res.ControllerID
	for _, b := range res.Brokers {
		old := n.byID[b.ID()]
		if old != nil && old.Addr() == b.Addr() {
			continue
		}
		if old != nil {
			_ = old.Close()
		}
		n.byID[b.ID()] = b
	}
}

func (n *nodes) get(id int32) *sarama.Broker {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.byID[id]
}

func (n *nodes) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, b := range n.byID {
		// Not being connected is the only error, and most are not.
		_ = b.Close()
	}
	n.byID = nil
}

// node gives an open connection to the broker id.
func (c *Client) node(id int32) (*sarama.Broker, error) {
	b := c.nodes.get(id)
	if b == nil {
		// A broker that joined since the last answer.
		res, err := c.requestMetadata([]string{})
		if err != nil {
			return nil, err
		}
		c.nodes.learn(res)
		if b = c.nodes.get(id); b == nil {
			return nil, fmt.Errorf("broker %d: %w", id, sarama.ErrBrokerNotFound)
		}
	}
	if err := b.Open(c.conn.Config()); err != nil && !errors.Is(err, sarama.ErrAlreadyConnected) {
		return nil, err
	}
	return b, nil
}

// controllerNode gives an open connection to the controller, looked up anew.
func (c *Client) controllerNode() (*sarama.Broker, error) {
	res, err := c.requestMetadata([]string{})
	if err != nil {
		return nil, err
	}
	c.nodes.learn(res)
	if res.ControllerID < 0 {
		return nil, sarama.ErrControllerNotAvailable
	}
	return c.node(res.ControllerID)
}

// OffsetsIn is [Client.Offsets] for a caller that has just asked for meta: it
// takes the leaders from there and spares asking for them again.
func (c *Client) OffsetsIn(ctx context.Context, meta Metadata, at map[TopicPartition]int64, isolation Isolation) (map[TopicPartition]int64, error) {
	leaders := make(map[TopicPartition]int32, len(at))
	for _, t := range meta.Topics {
		for _, p := range t.Partitions {
			leaders[TopicPartition{Topic: t.Name, Partition: p.ID}] = p.Leader
		}
	}
	byNode := map[int32][]TopicPartition{}
	var failed error
	for tp := range at {
		id, ok := leaders[tp]
		switch {
		case !ok:
			failed = errors.Join(failed, fmt.Errorf("%s: %w", tp, ErrUnknownTopic))
		case id < 0:
			failed = errors.Join(failed, fmt.Errorf("%s: %w", tp, Translate(sarama.ErrLeaderNotAvailable)))
		default:
			byNode[id] = append(byNode[id], tp)
		}
	}
	byLeader := make(map[*sarama.Broker][]TopicPartition, len(byNode))
	for id, parts := range byNode {
		b, err := c.node(id)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("offsets of %d partitions: %w", len(parts), Translate(err)))
			continue
		}
		byLeader[b] = parts
	}
	found, err := c.offsetsByLeader(ctx, byLeader, at, isolation)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return found, errors.Join(failed, err)
}
