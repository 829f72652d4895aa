package kafka

import (
	"context"
	"net"
	"sync"
	"time"
)

// boundDialer makes connections that close when its context ends: it is what
// makes a context mean something over a protocol library that takes none.
type boundDialer struct {
	ctx     context.Context
	timeout time.Duration
}

// Dial implements the proxy.Dialer that sarama takes.
func (d boundDialer) Dial(network, addr string) (net.Conn, error) {
	nd := net.Dialer{Timeout: d.timeout, KeepAlive: 30 * time.Second}
	conn, err := nd.DialContext(d.ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return bindConn(d.ctx, conn), nil
}

// boundConn drops its hold on the context when it is closed, so that a
// long-lived client that reconnects often does not pile them up.
type boundConn struct {
	net.Conn
	release func() bool
	once    sync.Once
}

func bindConn(ctx context.Context, conn net.Conn) net.Conn {
	return &boundConn{Conn: conn, release: context.AfterFunc(ctx, func() { _ = conn.Close() })}
}

func (c *boundConn) Close() error {
	c.once.Do(func() { c.release() })
	return c.Conn.Close()
}
