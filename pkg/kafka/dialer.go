package kafka

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// stagger is how long one address may take before the next is tried beside it
// (RFC 8305).
const stagger = 250 * time.Millisecond

// avoidFor is how long an address that failed while connecting is not tried
// again: the protocol library picks among the bootstrap addresses by chance.
const avoidFor = 5 * time.Second

// dialer makes every connection of a client: it resolves, dials and shakes
// hands for TLS itself, so that each stage has a name, a bound and a context.
// The connections close when the client's context ends, which is what makes a
// context mean something over a protocol library that takes none.
type dialer struct {
	ctx      context.Context
	security security
	timeout  time.Duration
	clientID string
	stages   *stages

	mu        sync.Mutex
	bootstrap map[string]bool
	answered  string              // the bootstrap address that answered
	spare     map[string]net.Conn // made while connecting, for the first who dials
	avoid     map[string]avoided
}

type avoided struct {
	err   error
	until time.Time
}

func newDialer(ctx context.Context, cfg Config, sec security) *dialer {
	d := &dialer{
		ctx: ctx, security: sec, timeout: cfg.Timeout, clientID: cfg.ClientID, stages: newStages(cfg.Notice),
		bootstrap: map[string]bool{}, spare: map[string]net.Conn{}, avoid: map[string]avoided{},
	}
	for _, addr := range cfg.Bootstrap {
		d.bootstrap[addr] = true
	}
	return d
}

// Dial implements the proxy.Dialer that sarama takes.
func (d *dialer) Dial(_, addr string) (net.Conn, error) {
	d.mu.Lock()
	spare, bad, answered, known := d.spare[addr], d.avoid[addr], d.answered, d.bootstrap[addr]
	delete(d.spare, addr)
	d.mu.Unlock()
	if spare != nil {
		return spare, nil
	}
	if bad.err != nil && time.Now().Before(bad.until) {
		return nil, bad.err
	}
	conn, err := d.connect(d.ctx, addr)
	if err != nil {
		if d.ctx.Err() != nil {
			return nil, d.ctx.Err()
		}
		if answered != "" && !known {
			return nil, advertisedFailure(answered, addr, err)
		}
		return nil, err
	}
	return conn, nil
}

// connect makes one connection up to the TLS handshake.
func (d *dialer) connect(ctx context.Context, addr string) (*brokerConn, error) {
	deadline := time.Now().Add(d.timeout)
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, mark(ErrConfig, fmt.Errorf("address %q: want host:port", addr))
	}
	d.stages.enter(addr, StageDNS)
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, d.failure(addr, StageDNS, err)
	}
	d.stages.enter(addr, StageTCP)
	targets := make([]string, len(ips))
	for i, ip := range ips {
		targets[i] = net.JoinHostPort(unmap(ip), port)
	}
	raw, errs := race(ctx, targets, func(ctx context.Context, target string) (net.Conn, error) {
		nd := net.Dialer{KeepAlive: 30 * time.Second}
		return nd.DialContext(ctx, "tcp", target)
	}, func(c net.Conn) { _ = c.Close() })
	if raw == nil {
		return nil, d.failure(addr, StageTCP, worst(errs))
	}
	conn := raw
	if d.security.tls != nil {
		d.stages.enter(addr, StageTLS)
		if conn, err = handshake(ctx, raw, d.security.tls, host); err != nil {
			_ = raw.Close()
			return nil, d.failure(addr, StageTLS, err)
		}
	}
	return newBrokerConn(d, conn, addr, deadline), nil
}

func handshake(ctx context.Context, raw net.Conn, conf *tls.Config, host string) (net.Conn, error) {
	conf = conf.Clone()
	conf.ServerName = host
	conn := tls.Client(raw, conf)
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return conn, nil
}

func unmap(ip netip.Addr) string { return ip.Unmap().String() }

// found notes the address that answered, and keeps its connection for the first
// Dial. Before a login a broker answers only one question for versions, and
// the protocol library has one of its own: there the connection is done.
func (d *dialer) found(p probed) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answered = p.addr
	if d.security.authenticated() {
		_ = p.conn.Close()
		return
	}
	d.spare[p.addr] = p.conn
}

// dropSpare closes the connections nobody took.
func (d *dialer) dropSpare() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for addr, conn := range d.spare {
		_ = conn.Close()
		delete(d.spare, addr)
	}
}

func (d *dialer) shun(addr string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.avoid[addr] = avoided{err: err, until: time.Now().Add(avoidFor)}
}

// race tries the items in order, the next one as soon as one failed or took
// longer than [stagger], and returns the first success, else every item's
// error. Later successes are handed to discard. It returns when all have ended.
func race[T any](ctx context.Context, items []string, try func(context.Context, string) (T, error), discard func(T)) (winner T, errs []error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		index int
		value T
		err   error
	}
	results := make(chan result, len(items))
	errs = make([]error, len(items))
	next, running, won := 0, 0, false
	start := func() {
		index := next
		next++
		running++
		go func() {
			value, err := try(ctx, items[index])
			results <- result{index, value, err}
		}()
	}
	start()
	timer := time.NewTimer(stagger)
	defer timer.Stop()
	for running > 0 {
		select {
		case <-timer.C:
			if !won && next < len(items) && ctx.Err() == nil {
				start()
				timer.Reset(stagger)
			}
		case r := <-results:
			running--
			switch {
			case r.err == nil && !won:
				winner, won = r.value, true
				cancel()
			case r.err == nil:
				discard(r.value)
			default:
				errs[r.index] = r.err
				if !won && next < len(items) && ctx.Err() == nil {
					start()
					timer.Reset(stagger)
				}
			}
		}
	}
	if won {
		return winner, nil
	}
	return winner, errs
}

// worst picks the error that says most about a host with several addresses:
// one that is not a mere "no route" of an address family this machine lacks.
func worst(errs []error) error {
	var last error
	for _, err := range errs {
		if err != nil && (last == nil || isNoRoute(last)) {
			last = err
		}
	}
	return last
}
