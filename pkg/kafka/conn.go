package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// The requests that are spoken before a connection does any work.
const (
	keyMetadata         = 3
	keySASLHandshake    = 17
	keyAPIVersions      = 18
	keySASLAuthenticate = 36
)

// maxFrame bounds a broker's answer, in bytes; a longer one is no Kafka.
const maxFrame = 100 << 20

// brokerConn is a connection to a broker. It closes when the client's context
// ends. Until the broker has answered the first request that does work, its
// reads end with the connecting's deadline, and what goes wrong is told with
// its stage: the protocol library would wait three times as long and say less.
type brokerConn struct {
	net.Conn
	dialer   *dialer
	addr     string
	deadline time.Time
	release  func() bool
	once     sync.Once

	lastKey  atomic.Int32 // of the last request written
	answered atomic.Bool  // some bytes came
	ready    atomic.Bool  // the setup is over
}

func newBrokerConn(d *dialer, conn net.Conn, addr string, deadline time.Time) *brokerConn {
	c := &brokerConn{Conn: conn, dialer: d, addr: addr, deadline: deadline}
	c.lastKey.Store(keyAPIVersions)
	// The hold on the context is dropped on Close, so that a long-lived client
	// that reconnects often does not pile them up.
	c.release = context.AfterFunc(d.ctx, func() { _ = conn.Close() })
	return c
}

// Close may be called more than once.
func (c *brokerConn) Close() error {
	c.once.Do(func() { c.release() })
	return c.Conn.Close()
}

// Write sends one whole request, as the protocol library does.
func (c *brokerConn) Write(b []byte) (int, error) {
	if !c.ready.Load() && len(b) >= 6 {
		key := int32(binary.BigEndian.Uint16(b[4:]))
		c.lastKey.Store(key)
		c.dialer.stages.enter(c.addr, stageOf(key))
	}
	n, err := c.Conn.Write(b)
	if err != nil && !c.ready.Load() {
		return n, c.fail(err)
	}
	return n, err
}

func (c *brokerConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.ready.Load() {
		return n, err
	}
	if n >= 4 && !c.answered.Load() {
		if err := c.dialer.checkFrame(c.addr, b[:n]); err != nil {
			_ = c.Conn.Close()
			return 0, err
		}
	}
	if n > 0 {
		c.answered.Store(true)
		if !setupKey(c.lastKey.Load()) {
			c.ready.Store(true)
		}
	}
	if err != nil {
		return n, c.fail(err)
	}
	return n, nil
}

// SetReadDeadline keeps the setup inside its own deadline.
func (c *brokerConn) SetReadDeadline(t time.Time) error {
	if !c.ready.Load() && setupKey(c.lastKey.Load()) && (t.IsZero() || t.After(c.deadline)) {
		t = c.deadline
	}
	return c.Conn.SetReadDeadline(t)
}

// fail closes the connection and says what went wrong at which stage.
func (c *brokerConn) fail(err error) error {
	_ = c.Conn.Close()
	if c.dialer.ctx.Err() != nil {
		return err
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && !setupKey(c.lastKey.Load()) {
		return err
	}
	return c.dialer.failure(c.addr, stageOf(c.lastKey.Load()), err)
}

func setupKey(key int32) bool {
	return key == keyAPIVersions || key == keySASLHandshake || key == keySASLAuthenticate
}

func stageOf(key int32) Stage {
	switch key {
	case keyAPIVersions:
		return StageAPIVersions
	case keySASLHandshake, keySASLAuthenticate:
		return StageSASL
	}
	return StageMetadata
}
