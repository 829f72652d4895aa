// Package faultproxy stands between a Kafka client and its brokers and breaks
// chosen requests and answers, for tests of what a client makes of that.
//
// [Start] opens a door for every broker and returns a [Proxy]; clients connect
// to [Proxy.Bootstrap]. The proxy understands Kafka's framing and rewrites the
// addresses that brokers advertise, so that a client reaches all of them through
// it, also those it hears of later. A [Rule] given to [Proxy.Add] picks requests
// or answers by API key, client, content and occurrence, and says what happens
// to them: delivered late, thrown away, held back, with the connection cut or
// silent. [Proxy.Schedule] adds many rules at random from a seed.
//
//	proxy := faultproxy.Start(t, cluster.Bootstrap(), faultproxy.Options{RTT: 30 * time.Millisecond})
//	fault := proxy.Add(faultproxy.Rule{Key: faultproxy.EndTxn, Nth: 2, Do: faultproxy.Hold})
//	// … run a client against proxy.Bootstrap() …
//	fault.Release() // the second EndTxn arrives now, on a connection of its own
//
// A test of consumers uses it the same way: drop the answers to OffsetCommit,
// delay Heartbeat beyond the session timeout, cut the connection at the n-th
// Fetch, or [Proxy.Kill] a client by its id as kill -9 does. Clients that share a
// proxy are told apart by [Rule.Client], so one proxy can serve a whole group.
//
// It speaks plaintext and SASL over it, no TLS.
package faultproxy

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// The API keys that rules are mostly about; others are plain numbers from
// Kafka's protocol guide.
const (
	Produce            = int16(0)
	Fetch              = int16(1)
	ListOffsets        = int16(2)
	Metadata           = int16(3)
	OffsetCommit       = int16(8)
	FindCoordinator    = int16(10)
	JoinGroup          = int16(11)
	Heartbeat          = int16(12)
	InitProducerID     = int16(22)
	AddPartitionsToTxn = int16(24)
	AddOffsetsToTxn    = int16(25)
	EndTxn             = int16(26)
	TxnOffsetCommit    = int16(28)
	DescribeCluster    = int16(60)
)

// Options of a Proxy. The zero value adds no time.
type Options struct {
	// RTT is added to every round trip, half on the way there and half back.
	// Requests sent without waiting overlap as on a real line.
	RTT time.Duration
}

// Proxy is a running proxy. Its methods may be called at once from several goroutines.
type Proxy struct {
	opts  Options
	t     testing.TB
	first []string // the doors of the bootstrap addresses

	wg     sync.WaitGroup
	mu     sync.Mutex
	closed bool
	doors  map[string]net.Listener // by the broker's own address
	conns  map[*conn]bool
	killed map[string]bool // client ids
	rules  []*Fault
	counts map[int16]int
	done   chan struct{}
}

// Start opens the doors to the brokers of the bootstrap list, until the test ends.
func Start(t testing.TB, bootstrap string, o Options) *Proxy {
	t.Helper()
	p := &Proxy{
		opts: o, t: t, doors: map[string]net.Listener{}, conns: map[*conn]bool{},
		killed: map[string]bool{}, counts: map[int16]int{}, done: make(chan struct{}),
	}
	t.Cleanup(p.close)
	for addr := range strings.SplitSeq(bootstrap, ",") {
		door, err := p.door(addr)
		if err != nil {
			t.Fatalf("fault proxy: %v", err)
		}
		p.first = append(p.first, door)
	}
	return p
}

// Bootstrap is the list of addresses that clients connect to, comma separated.
func (p *Proxy) Bootstrap() string { return strings.Join(p.first, ",") }

// Count tells how many requests of the API key have passed or been broken.
func (p *Proxy) Count(key int16) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts[key]
}

// Kill cuts every connection of the client with this id and lets it make no
// more: to the brokers it is gone as after kill -9, whatever it still does.
func (p *Proxy) Kill(client string) {
	p.mu.Lock()
	p.killed[client] = true
	var cut []*conn
	for c := range p.conns {
		if c.clientID == client {
			cut = append(cut, c)
		}
	}
	p.mu.Unlock()
	for _, c := range cut {
		c.close()
	}
}

// door gives the address that leads to the broker at addr.
func (p *Proxy) door(addr string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return "", net.ErrClosed
	}
	if l := p.doors[addr]; l != nil {
		return l.Addr().String(), nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	p.doors[addr] = l
	p.wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.serve(client, addr) })
		}
	})
	return l.Addr().String(), nil
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	close(p.done)
	for _, l := range p.doors {
		_ = l.Close()
	}
	var open []*conn
	for c := range p.conns {
		open = append(open, c)
	}
	p.mu.Unlock()
	for _, c := range open {
		c.close()
	}
	p.wg.Wait()
}
