package txn

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

const (
	// inFlight is how many Produce requests are under way to one broker, which
	// remembers as many batches of a partition to tell a repetition (KIP-98).
	inFlight = 5
	// idleLimit is how long a connection may have rested and still be trusted
	// with a request: brokers close idle ones, and a request sent into a closed
	// connection counts as one without an answer.
	idleLimit = 20 * time.Second
)

// linkKey names a connection. What coordinates has one of its own: on that of the
// records it would wait for their quota, and the transaction with it.
type linkKey struct {
	addr         string
	coordinating bool
}

// link is one of the Producer's connections to a broker.
type link struct {
	broker *sarama.Broker
	conf   *sarama.Config
	dialer interface {
		Dial(network, addr string) (net.Conn, error)
	}

	mu   sync.Mutex
	conn net.Conn
	used time.Time
}

// link gives a connection, not necessarily open.
func (p *Producer) link(key linkKey) (*link, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead != nil {
		return nil, p.dead
	}
	if p.closed {
		return nil, errClosed
	}
	l := p.links[key]
	if l == nil {
		conf := p.wire.ProducerConfig()
		l = &link{broker: sarama.NewBroker(key.addr), conf: conf, dialer: conf.Net.Proxy.Dialer}
		conf.Net.Proxy.Dialer = l
		conf.Net.MaxOpenRequests = inFlight
		conf.Net.ReadTimeout, conf.Net.WriteTimeout = p.opts.Answer, p.opts.Answer
		p.links[key] = l
	}
	return l, nil
}

// Dial implements the proxy.Dialer that sarama takes.
func (l *link) Dial(network, addr string) (net.Conn, error) {
	conn, err := l.dialer.Dial(network, addr)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn = conn
	return conn, err
}

// cut ends the connection below the protocol library, which holds a lock while
// it waits for an answer.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		_ = l.conn.Close()
	}
}

// drop closes the connection; the next request opens a new one.
func (l *link) drop() {
	l.cut()
	_ = l.broker.Close() // that it is closed already is no news
}

// open connects. An error means that nothing was sent.
func (l *link) open() error {
	l.mu.Lock()
	rested := !l.used.IsZero() && time.Since(l.used) > idleLimit
	l.used = time.Now()
	l.mu.Unlock()
	if rested {
		l.drop()
	}
	if err := l.broker.Open(l.conf); err != nil && !errors.Is(err, sarama.ErrAlreadyConnected) {
		return err
	}
	up, err := l.broker.Connected()
	if err == nil && !up {
		err = sarama.ErrNotConnected
	}
	return err
}

// hangUp ends all connections.
func (p *Producer) hangUp() {
	p.mu.Lock()
	links := p.links
	p.links = map[linkKey]*link{}
	p.mu.Unlock()
	for _, l := range links {
		l.drop()
	}
}

// ask puts one question to a broker. sent tells that it may have reached the broker
// although err says that no answer came.
func ask[T any](hard context.Context, p *Producer, key linkKey, question func(*sarama.Broker) (T, error)) (answer T, sent bool, err error) {
	l, err := p.link(key)
	if err != nil {
		return answer, false, err
	}
	stop := context.AfterFunc(hard, l.cut)
	defer stop()
	type outcome struct {
		answer T
		sent   bool
	}
	out := make(chan outcome, 1)
	err = p.client.Do(hard, func() error {
		if err := l.open(); err != nil {
			out <- outcome{}
			return err
		}
		answer, err := question(l.broker)
		if err != nil {
			l.drop()
		}
		out <- outcome{answer, true}
		return err
	})
	select {
	case o := <-out:
		return o.answer, o.sent, err
	default:
		// Given up while it was on its way.
		return answer, true, err
	}
}
