package realkafka

import (
	"context"
	"sync"
	"testing"

	"github.com/multi-tenant/manage-kafka/test/tier"
)

// shared are the brokers of a test binary, one of each release. It is a package
// variable because tests have no other thing in common.
var shared struct {
	sync.Mutex
	main   bool // Main runs, so somebody will close the brokers
	begun  map[string]bool
	ready  map[string]*Cluster
	failed map[string]error // why one could not start; every test says the same
}

// Main runs the tests of a binary and then ends the brokers that [Shared] and
// [SharedZooKeeper] have started for them. TestMain calls it and returns.
func Main(m *testing.M) {
	shared.Lock()
	shared.main = true
	shared.begun, shared.ready, shared.failed = map[string]bool{}, map[string]*Cluster{}, map[string]error{}
	shared.Unlock()
	m.Run()
	shared.Lock()
	defer shared.Unlock()
	for _, c := range shared.ready {
		c.close()
		c.release()
	}
}

// Shared returns the broker that all tests of the binary use, and starts it for
// the first: one node of the current release with [AllListeners] and no
// authorizer. It cannot be killed, stopped or paused. Tests keep apart by topic
// and group names of their own, see [Name].
func Shared(t testing.TB) *Cluster {
	t.Helper()
	return sharedOf(t, Options{Version: Current, Listeners: AllListeners(), Properties: patient()})
}

// SharedZooKeeper is Shared with a broker of ZooKeeper's last release, which has
// the doors [SASLPlaintext] and [SSL] beside [Plaintext].
func SharedZooKeeper(t testing.TB) *Cluster {
	t.Helper()
	return sharedOf(t, Options{Version: ZooKeeper, Listeners: []Listener{SASLPlaintext, SSL}, Properties: patient()})
}

// patient are settings of a broker that nobody kills: on a machine too busy for
// its heartbeats it is not taken for dead.
func patient() map[string]string {
	return map[string]string{"broker.session.timeout.ms": "60000", "zookeeper.session.timeout.ms": "60000"}
}

func sharedOf(t testing.TB, opts Options) *Cluster {
	t.Helper()
	tier.Real(t)
	shared.Lock()
	defer shared.Unlock()
	if !shared.main {
		t.Fatal("realkafka.Shared needs a TestMain that calls realkafka.Main")
	}
	if !shared.begun[opts.Version] {
		shared.begun[opts.Version] = true
		opts.lasting = true
		c, err := start(context.WithoutCancel(t.Context()), opts)
		if err != nil {
			shared.failed[opts.Version] = err
		} else {
			shared.ready[opts.Version] = c
		}
	}
	endWithout(t, "starting the shared broker", shared.failed[opts.Version])
	view := *shared.ready[opts.Version]
	view.t, view.shared = t, true
	return &view
}
