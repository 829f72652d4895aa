// Package kafka makes every connection of this module to a Kafka cluster.
//
// Start with [Open], which takes a [Config] and returns a [Client], and
// [Client.Close]. Everything else a caller needs of a cluster that is not
// topic administration, producing or consuming hangs on the Client: metadata,
// offsets, and fetching.
//
// # Cancellation
//
// The protocol library below ignores contexts. Here the context given to Open
// bounds the Client's life: when it is done, every connection is closed and
// every call returns the context's error. The context given to a method bounds
// that call alone.
package kafka

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/wire"
)

// DefaultTimeout bounds connecting where [Config.Timeout] is zero.
const DefaultTimeout = 10 * time.Second

// Config says how to reach a cluster.
type Config struct {
	// Bootstrap lists host:port addresses to start from; the port defaults to 9092.
	Bootstrap []string
	// Properties are client settings under Kafka's own names, such as
	// security.protocol. Secrets are already resolved to their values.
	Properties map[string]string
	// ClusterID, when set, is the only cluster Open accepts; another one is [ErrClusterMismatch].
	ClusterID string
	// ClientID names this client in the broker's logs and quotas; default manage-kafka.
	ClientID string
	// Timeout bounds connecting and each later request; default [DefaultTimeout].
	Timeout time.Duration
	// Notice, when set, is told once which stage of connecting hangs after 3 s.
	// It may be called from another goroutine while Open runs, never after.
	Notice func(text string)
}

// Client is a connection to one cluster. Its methods may be called at once
// from several goroutines. The one who opened it closes it.
type Client struct {
	ctx    context.Context
	cancel context.CancelFunc
	conn   sarama.Client
	cfg    Config
	id     string
	nodes  nodes
	calls  sync.WaitGroup
	closed sync.Once
}

// Open connects to the cluster that cfg names and learns its brokers. The
// context bounds the Client's whole life, not only the connecting.
//
// It reports a [*ConnectError] when no address answers as Kafka does,
// [ErrClusterMismatch] when the cluster is not the pinned one, and the
// context's error when that ended first.
func Open(ctx context.Context, cfg Config) (*Client, error) {
	if cfg.ClientID == "" {
		cfg.ClientID = "manage-kafka"
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	addrs, err := addresses(cfg.Bootstrap)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	c := &Client{ctx: ctx, cancel: cancel, cfg: cfg}
	if err := c.connect(addrs); err != nil {
		cancel()
		return nil, err
	}
	return c, nil
}

// ClusterID is the cluster's own id, empty on brokers that have none.
func (c *Client) ClusterID() string { return c.id }

// Bootstrap lists the addresses the Client was opened with.
func (c *Client) Bootstrap() []string { return c.cfg.Bootstrap }

// Timeout is the bound of one request to a broker.
func (c *Client) Timeout() time.Duration { return c.cfg.Timeout }

// Wire hands the packages of this module the protocol client. Its type cannot
// be named elsewhere and is no part of the API.
func (c *Client) Wire() wire.Conn {
	return wire.Conn{Client: c.conn, Node: c.node, ControllerNode: c.controllerNode}
}

// Close ends every connection and waits for the calls under way. Only the
// first call does anything.
func (c *Client) Close() error {
	var err error
	c.closed.Do(func() {
		c.cancel()
		err = c.conn.Close()
		if errors.Is(err, sarama.ErrClosedClient) {
			err = nil
		}
		c.nodes.close()
		c.calls.Wait()
	})
	return err
}

// Do runs f, which talks to the cluster through [Client.Wire], and returns
// its translated error. When ctx or the Client's own context ends first, Do
// returns that context's error at once; f then ends by itself, at the latest
// when the Client closes, and must not touch anything its caller reads.
func (c *Client) Do(ctx context.Context, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	done := make(chan error, 1)
	c.calls.Go(func() { done <- f() })
	select {
	case err := <-done:
		return c.cause(ctx, err)
	case <-ctx.Done():
		return ctx.Err()
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
}

// cause lets a context that ended win over the error of a connection that it closed.
func (c *Client) cause(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if c.ctx.Err() != nil {
		return c.ctx.Err()
	}
	return Translate(err)
}
