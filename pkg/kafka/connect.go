package kafka

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/IBM/sarama"
)

// addresses checks the bootstrap list and gives every entry a port.
func addresses(list []string) ([]string, error) {
	var addrs []string
	for _, item := range list {
		for addr := range strings.SplitSeq(item, ",") {
			addr = strings.TrimSpace(addr)
			if addr == "" {
				continue
			}
			host, port, err := net.SplitHostPort(addr)
			if err != nil {
				host, port = strings.Trim(addr, "[]"), "9092"
			}
			if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" {
				return nil, fmt.Errorf("bootstrap address %q: want host:port: %w", addr, ErrConfig)
			}
			addrs = append(addrs, net.JoinHostPort(host, port))
		}
	}
	if len(addrs) == 0 {
		return nil, fmt.Errorf("no bootstrap address given: %w", ErrConfig)
	}
	return addrs, nil
}

// saramaConfig is the base of every connection.
func (c *Client) saramaConfig() *sarama.Config {
	conf := sarama.NewConfig()
	conf.ClientID = c.cfg.ClientID
	conf.Version = sarama.MaxVersion
	conf.Metadata.Full = false
	conf.Metadata.AllowAutoTopicCreation = false
	conf.Net.DialTimeout = c.cfg.Timeout
	conf.Net.ReadTimeout = c.cfg.Timeout
	conf.Net.WriteTimeout = c.cfg.Timeout
	conf.Net.Proxy.Enable = true
	conf.Net.Proxy.Dialer = boundDialer{ctx: c.ctx, timeout: c.cfg.Timeout}
	conf.Consumer.IsolationLevel = sarama.ReadCommitted
	return conf
}

// connect learns the cluster from the first address that answers.
func (c *Client) connect(addrs []string) error {
	conf := c.saramaConfig()
	conn, err := sarama.NewClient(addrs, conf)
	if err != nil {
		if c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		return &ConnectError{Addr: strings.Join(addrs, ","), Stage: StageTCP, Err: err}
	}
	c.conn = conn
	meta, err := c.Metadata(c.ctx, []string{})
	if err != nil {
		_ = conn.Close()
		return err
	}
	c.id = meta.ClusterID
	if want := c.cfg.ClusterID; want != "" && want != c.id {
		_ = conn.Close()
		return fmt.Errorf("%s: cluster id is %s, want %s: %w", strings.Join(addrs, ","), c.id, want, ErrClusterMismatch)
	}
	return nil
}
