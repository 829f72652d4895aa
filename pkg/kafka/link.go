package kafka

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// linkUse keeps requests that wait at the broker off the connection of those
// that do not: a connection serves one request of ours at a time.
type linkUse int

const (
	forAsking linkUse = iota
	forFetching
)

type linkKey struct {
	addr string
	use  linkUse
}

// link is one connection to one broker, which is made when it is first needed
// and made anew after it broke.
type link struct {
	client *Client
	broker *sarama.Broker
	conf   *sarama.Config

	mu      sync.Mutex
	conn    net.Conn
	callers int
	free    time.Time // the broker takes no request before (KIP-219)

	// turn is taken for a request. The protocol library has a lock for that, but
	// who waits there cannot be called away, and it waits for free under it.
	turn chan struct{}

	// opening makes the calls that open and close the connection take turns:
	// until sarama's Open has returned, others take the broker for connected,
	// and find it is not.
	opening sync.Mutex
	opened  int // counts the connections
}

func (c *Client) link(addr string, use linkUse) *link {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := linkKey{addr, use}
	l := c.links[key]
	if l == nil {
		l = &link{client: c, broker: sarama.NewBroker(addr), turn: make(chan struct{}, 1)}
		conf := *c.conf
		conf.Net.Proxy.Dialer = l
		l.conf = &conf
		c.links[key] = l
	}
	return l
}

// Dial implements the proxy.Dialer that sarama takes.
func (l *link) Dial(network, addr string) (net.Conn, error) {
	conn, err := l.client.dialer.Dial(network, addr)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn = conn
	return conn, err
}

// open connects where there is no connection, or begins to; requests wait for
// it. The number tells [link.drop] which connection is meant.
func (l *link) open() (int, error) {
	l.opening.Lock()
	defer l.opening.Unlock()
	switch err := l.broker.Open(l.conf); {
	case err == nil:
		l.opened++
	case !errors.Is(err, sarama.ErrAlreadyConnected):
		return 0, err
	}
	return l.opened, nil
}

// drop closes a connection that broke, so that it is opened anew, unless
// another call has done so. That it is closed already is no news.
func (l *link) drop(opened int) {
	l.opening.Lock()
	defer l.opening.Unlock()
	if l.opened == opened {
		_ = l.broker.Close()
	}
}

func (l *link) enter() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.callers++
}

// leave ends a caller's part in the connection. One who had waited in vain hangs up,
// so that nobody else waits behind the request; but not on others who wait as well,
// unless it had waited for so long that the connection must be broken.
func (l *link) leave(vain, long bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.callers--
	if vain && (long || l.callers == 0) && l.conn != nil {
		_ = l.conn.Close()
	}
}

// hold notes what an answer says about a quota: how long the broker takes no
// request on this connection.
func (l *link) hold(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free = time.Now().Add(d)
}

// held is how long the broker still takes no request.
func (l *link) held() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(0, time.Until(l.free))
}

// await returns with the turn taken and the broker free.
func (l *link) await(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if d := l.held(); d > 0 {
		select {
		case <-time.After(d):
		case <-ctx.Done():
			<-l.turn
			return ctx.Err()
		}
	}
	return nil
}

// bound ends ctx with errNoAnswer after limit, not counting the time in which
// the broker takes no request.
func (l *link) bound(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= limit {
		return context.WithCancel(ctx) // that comes first
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var timer *time.Timer
	timer = time.AfterFunc(math.MaxInt64, func() {
		if d := l.held(); d > 0 {
			timer.Reset(d + limit)
			return
		}
		cancel(errNoAnswer)
	})
	timer.Reset(limit)
	return ctx, func() {
		timer.Stop()
		cancel(nil)
	}
}

// throttle is how long the broker that gave the answer takes no request.
func throttle(answer any) time.Duration {
	switch a := answer.(type) {
	case *sarama.FetchResponse:
		return a.ThrottleTime
	case *sarama.MetadataResponse:
		return time.Duration(a.ThrottleTimeMs) * time.Millisecond
	case *sarama.OffsetResponse:
		return time.Duration(a.ThrottleTimeMs) * time.Millisecond
	}
	return 0
}

// errNoAnswer is the end of the time that a request may take.
var errNoAnswer = errors.New("no answer in time")

// ask sends one request over the link, and once more when the connection turns
// out to be broken: a broker closes idle ones. Only requests that may be
// repeated come here. It takes at most wait longer than the client's timeout,
// beside the time that a quota makes the broker hold it back.
func ask[T any](ctx context.Context, l *link, wait time.Duration, request func(*sarama.Broker) (T, error)) (T, error) {
	limit := l.client.cfg.Timeout + wait
	bounded, cancel := l.bound(ctx, limit)
	defer cancel()
	answer, err := askOnce(bounded, l, request)
	if err != nil && bounded.Err() == nil && brokeLater(err) {
		answer, err = askOnce(bounded, l, request)
	}
	switch {
	case err == nil || bounded.Err() == nil:
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		err = ctx.Err() // both at once
	case ctx.Err() == nil && l.client.ctx.Err() == nil:
		err = &ConnectError{Addr: l.broker.Addr(), Stage: StageMetadata, Err: fmt.Errorf("no answer in %s", short(limit))}
	}
	return answer, err
}

func askOnce[T any](ctx context.Context, l *link, request func(*sarama.Broker) (T, error)) (T, error) {
	answers := make(chan T, 1)
	l.enter()
	err := l.client.Do(ctx, func() error {
		opened, err := l.open()
		if err != nil {
			return err
		}
		if err := l.await(ctx); err != nil {
			return err
		}
		defer func() { <-l.turn }()
		answer, err := request(l.broker)
		if err != nil {
			l.drop(opened) // it is not reopened by itself
			return err
		}
		l.hold(throttle(answer))
		answers <- answer
		return nil
	})
	l.leave(err != nil && ctx.Err() != nil, errors.Is(context.Cause(ctx), errNoAnswer))
	if err != nil {
		var none T
		return none, err
	}
	return <-answers, nil
}

// brokeLater tells a connection that had worked from one that never came about.
func brokeLater(err error) bool {
	var ce *ConnectError
	return errors.Is(err, ErrUnreachable) && !errors.As(err, &ce)
}

// closeLinks ends every connection. The dialer's context has ended, so none of
// them waits.
func (c *Client) closeLinks() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.links {
		if err := l.broker.Close(); err != nil {
			continue // it was never open, or broke before
		}
	}
}
