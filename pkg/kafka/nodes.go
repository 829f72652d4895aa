package kafka

import (
	"fmt"

	"github.com/IBM/sarama"
)

// node gives an open connection to the broker id, the one that questions of
// this package go over. It asks the cluster about a broker it does not know.
func (c *Client) node(id int32) (*sarama.Broker, error) {
	addr, ok := c.nodeAddr(id)
	if !ok {
		if _, err := c.Metadata(c.ctx, []string{}); err != nil {
			return nil, err
		}
		if addr, ok = c.nodeAddr(id); !ok {
			return nil, fmt.Errorf("broker %d: %w", id, sarama.ErrBrokerNotFound)
		}
	}
	l := c.link(addr, forAsking)
	if _, err := l.open(); err != nil {
		return nil, err
	}
	return l.broker, nil
}

func (c *Client) nodeAddr(id int32) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.brokers {
		if b.ID == id {
			return b.Addr, true
		}
	}
	return "", false
}

// controllerNode gives an open connection to the controller, looked up anew.
func (c *Client) controllerNode() (*sarama.Broker, error) {
	meta, err := c.Metadata(c.ctx, []string{})
	if err != nil {
		return nil, err
	}
	if meta.Controller < 0 {
		return nil, sarama.ErrControllerNotAvailable
	}
	return c.node(meta.Controller)
}
