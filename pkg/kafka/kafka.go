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

// requestTimeout is the default of request.timeout.ms, Java's own: how long
// the protocol client of [Client.Wire] waits for an answer, some of which the
// broker holds back on purpose.
const requestTimeout = 30 * time.Second

// Config says how to reach a cluster.
type Config struct {
	// Bootstrap lists host:port addresses to start from; the port defaults to 9092.
	Bootstrap []string
	// Properties are client settings under Kafka's own names, such as
	// security.protocol; [LookupProperty] tells which have an effect. Secrets
	// are already resolved to their values. bootstrap.servers counts where
	// Bootstrap is empty, client.id where ClientID is.
	Properties map[string]string
	// ClusterID, when set, is the only cluster Open accepts; another one is [ErrClusterMismatch].
	ClusterID string
	// ClientID names this client in the broker's logs and quotas; default manage-kafka.
	ClientID string
	// Timeout bounds connecting and each later request; default
	// socket.connection.setup.timeout.ms, else [DefaultTimeout].
	Timeout time.Duration
	// Notice, when set, is told once which stage of connecting hangs after 3 s.
	// It may be called from another goroutine while Open runs, never after.
	Notice func(text string)
	// Warn, when set, is told about files with secrets that others can read.
	// It may be called from another goroutine.
	Warn func(text string)
}

// Client is a connection to one cluster. Its methods may be called at once
// from several goroutines. The one who opened it closes it.
type Client struct {
	ctx            context.Context
	cancel         context.CancelFunc
	cfg            Config
	dialer         *dialer
	conf           *sarama.Config
	conn           sarama.Client
	id             string
	bootstrap      []string // the address that answered first
	requestTimeout time.Duration
	closed         sync.Once

	gate  sync.Mutex // of what begins and who waits for its end
	shut  bool
	calls sync.WaitGroup

	mu      sync.Mutex
	links   map[linkKey]*link
	leaders map[TopicPartition]Broker
	brokers []Broker
}

// Open connects to the cluster that cfg names and learns its brokers. The
// context bounds the Client's whole life, not only the connecting.
//
// It reports [ErrConfig] for a property that is unknown, malformed or
// contradicts another, a [*ConnectError] when no address answers as Kafka does
// (which is [ErrNotPermitted] where a login failed and [ErrUnreachable]
// otherwise), [ErrClusterMismatch] when the cluster is not the pinned one, and
// the context's error when that was canceled first.
func Open(ctx context.Context, cfg Config) (*Client, error) {
	sec, err := readSecurity(cfg.Properties, cfg.Warn)
	if err != nil {
		return nil, err
	}
	if len(cfg.Bootstrap) == 0 && cfg.Properties[propBootstrap] != "" {
		cfg.Bootstrap = []string{cfg.Properties[propBootstrap]}
	}
	addrs, err := ParseAddresses(cfg.Bootstrap)
	if err != nil {
		return nil, err
	}
	cfg.Bootstrap = addrs
	cfg.ClientID = firstOf(cfg.ClientID, sec.clientID, "manage-kafka")
	if cfg.Timeout <= 0 {
		cfg.Timeout = sec.connectTimeout
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	ctx, cancel := context.WithCancel(ctx)
	c := &Client{
		ctx: ctx, cancel: cancel, cfg: cfg, requestTimeout: sec.requestTimeout,
		links: map[linkKey]*link{}, leaders: map[TopicPartition]Broker{},
	}
	if c.requestTimeout == 0 {
		c.requestTimeout = requestTimeout
	}
	c.dialer = newDialer(ctx, cfg, sec)
	if err := c.connect(addrs); err != nil {
		cancel()
		c.shutGate()
		c.calls.Wait()
		c.closeLinks()
		return nil, err
	}
	return c, nil
}

// ClusterID is the cluster's own id, empty on brokers that have none.
func (c *Client) ClusterID() string { return c.id }

// Bootstrap lists the addresses the Client was opened with.
func (c *Client) Bootstrap() []string { return c.cfg.Bootstrap }

// Release is the newest Kafka release whose requests the cluster knows, such
// as 3.9.0, as far as this client knows them.
func (c *Client) Release() string { return c.conf.Version.String() }

// Timeout is the bound of connecting and of one request to a broker.
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
		c.shutGate()
		err = c.conn.Close()
		if errors.Is(err, sarama.ErrClosedClient) {
			err = nil
		}
		c.calls.Wait()
		c.closeLinks()
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
	if err := c.over(); err != nil {
		return err
	}
	done := make(chan error, 1)
	if !c.begin(func() { done <- f() }) {
		return c.over()
	}
	select {
	case err := <-done:
		return c.cause(ctx, err)
	case <-ctx.Done():
		return ctx.Err()
	case <-c.ctx.Done():
		return c.over()
	}
}

// begin runs a call that Close waits for; false once that may have looked.
func (c *Client) begin(f func()) bool {
	c.gate.Lock()
	defer c.gate.Unlock()
	if !c.shut {
		c.calls.Go(f)
	}
	return !c.shut
}

// shutGate ends the time in which calls begin.
func (c *Client) shutGate() {
	c.gate.Lock()
	defer c.gate.Unlock()
	c.shut = true
}

// over is nil while the Client lives, and then why its context ended: whoever
// canceled it may have said that a deadline passed.
func (c *Client) over() error {
	if c.ctx.Err() == nil {
		return nil
	}
	return context.Cause(c.ctx)
}

// cause lets a context that ended win over the error of a connection that it closed.
func (c *Client) cause(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := c.over(); err != nil {
		return err
	}
	return Translate(err)
}
