// Package realkafka runs Apache Kafka for tests: real brokers, as JVMs on
// 127.0.0.1, from jars that Maven fetches once into the test cache.
//
// [Start] gives a test its own cluster, with the doors ([Listener]), users and
// number of brokers it asks for, and lets it kill, stop, pause and restart
// brokers. [Shared] gives all tests of a binary one broker, for tests that
// only need a Kafka; such a binary's TestMain calls [Main].
//
// On Linux every JVM dies with the test binary, however that ends. Elsewhere it
// dies with the test's clean-up.
package realkafka

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/test/tier"
)

// Options say what cluster a test needs. The zero value is one broker of the
// current release with the plaintext door only.
type Options struct {
	Version    string            // Current or ZooKeeper; "" is Current
	Brokers    int               // 1 or 3; 0 is 1
	Listeners  []Listener        // beside Plaintext
	Users      []User            // beside Admin; nil is Alice
	ACL        bool              // authorize by ACLs; super users are Admin and the clients of Plaintext
	Properties map[string]string // more settings of every broker; they win over the harness's own
	JVM        []string          // more JVM arguments, such as -Xmx1g
	TokenTTL   time.Duration     // how long OAUTHBEARER tokens are good; 0 is an hour

	lasting bool // compile what runs often for speed, at the price of a slower start
}

// startTimeout is five times what a broker takes on a machine with two busy
// cores.
const startTimeout = 3 * time.Minute

// Cluster is a running Kafka. Its methods end the test when they fail, so they
// belong to the test's own goroutine unless they say otherwise.
type Cluster struct {
	Dir    string       // data, logs and keys of all brokers; removed at the end
	PKI    *PKI         // nil without a TLS listener
	Tokens *TokenServer // nil without OAuth

	t         testing.TB
	opts      Options
	users     []User
	kit       kit
	id        string
	zookeeper bool
	shared    bool
	nodes     []*node
	zk        *process
	zkPort    int
	release   func() // removes Dir
}

// Start runs a cluster until the test ends and returns once every broker
// serves. A test that failed shows the end of each broker's log. Its brokers are
// made to start soon, not to be fast, unless the test's name holds Speed.
func Start(t testing.TB, opts Options) *Cluster {
	t.Helper()
	tier.Real(t)
	opts.lasting = strings.Contains(t.Name(), "Speed")
	c, err := start(t.Context(), opts)
	endWithout(t, "starting Kafka", err)
	c.t = t
	t.Cleanup(func() {
		c.close()
		if t.Failed() {
			for i := range c.nodes {
				t.Logf("end of the log of broker %d:\n%s", i, c.logTail(i))
			}
		}
		c.release()
	})
	return c
}

// Version returns the release that runs.
func (c *Cluster) Version() string { return c.opts.Version }

// Brokers returns how many brokers the cluster has, running or not. They are
// counted from 0 here; broker i has the node id i+1.
func (c *Cluster) Brokers() int { return len(c.nodes) }

// ClusterID returns the id that clients see, "" on a ZooKeeper-era cluster,
// which makes up its own.
func (c *Cluster) ClusterID() string { return c.id }

// Bootstrap returns the addresses of the plaintext door, comma separated.
func (c *Cluster) Bootstrap() string { return c.BootstrapFor(Plaintext) }

// BootstrapFor returns the addresses of a door, comma separated.
func (c *Cluster) BootstrapFor(l Listener) string {
	var addrs []string
	for i := range c.nodes {
		addrs = append(addrs, c.Addr(i, l))
	}
	return strings.Join(addrs, ",")
}

// Addr returns host:port of one broker's door.
func (c *Cluster) Addr(i int, l Listener) string {
	port, ok := c.nodes[i].ports[l]
	if !ok {
		c.t.Helper()
		c.t.Fatalf("the cluster was started without the listener %s", l)
	}
	return loopback(port)
}

// Conn returns how a client gets through a door with everything right: as the
// first user with SCRAM-SHA-512 where the door asks for a password.
func (c *Cluster) Conn(l Listener) Conn {
	conn := Conn{Bootstrap: c.BootstrapFor(l), Protocol: l.protocol()}
	if l.tls() {
		conn.CA, conn.TrustStore = c.PKI.CA, c.PKI.TrustStore
	}
	switch {
	case l == MTLS:
		conn.Client = c.PKI.Client
	case l == OAuth:
		conn.Mechanism, conn.TokenURL = OAuthBearer, c.Tokens.TokenURL()
	case l.sasl():
		conn = conn.As(c.users[0], SCRAM512)
	}
	return conn
}

// PID returns the process id of broker i, 0 when it does not run.
func (c *Cluster) PID(i int) int {
	if p := c.nodes[i].proc; p != nil && p.alive() {
		return p.proc.Pid
	}
	return 0
}

// LogTail returns the last lines of broker i's log.
func (c *Cluster) LogTail(i int) string { return c.logTail(i) }

func (c *Cluster) logTail(i int) string {
	log, err := os.ReadFile(c.nodes[i].log())
	if err != nil {
		return err.Error()
	}
	return string(lastLines(log, 60))
}

// Kill ends broker i with SIGKILL and waits until it is gone. Its data stays.
func (c *Cluster) Kill(i int) {
	c.t.Helper()
	c.own()
	c.nodes[i].proc.kill()
}

// Stop ends broker i as an operator does, with SIGTERM and a controlled
// shutdown, and waits until it is gone.
func (c *Cluster) Stop(i int) {
	c.t.Helper()
	c.own()
	if err := c.stopNode(i); err != nil {
		c.t.Fatal(err)
	}
}

// Start runs broker i again, on its ports and data, and returns once it serves.
func (c *Cluster) Start(i int) {
	c.t.Helper()
	c.own()
	if c.PID(i) != 0 {
		c.t.Fatalf("broker %d runs already", i)
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), startTimeout)
	defer cancel()
	if err := c.startNode(ctx, c.nodes[i]); err != nil {
		c.t.Fatal(err)
	}
}

// Pause freezes broker i with SIGSTOP: it keeps its connections and answers
// nothing, until [Cluster.Continue].
func (c *Cluster) Pause(i int) {
	c.t.Helper()
	c.own()
	if err := pause(c.nodes[i].proc.proc); err != nil {
		c.t.Fatalf("pausing broker %d: %v", i, err)
	}
}

// Continue undoes [Cluster.Pause].
func (c *Cluster) Continue(i int) {
	c.t.Helper()
	if err := resume(c.nodes[i].proc.proc); err != nil {
		c.t.Fatalf("continuing broker %d: %v", i, err)
	}
}

// own ends a test that would harm a broker which other tests use.
func (c *Cluster) own() {
	c.t.Helper()
	if c.shared {
		c.t.Fatal("the shared broker must go on for the other tests: use realkafka.Start")
	}
}
