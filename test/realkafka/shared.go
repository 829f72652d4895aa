package realkafka

import (
	"context"
	"sync"
	"testing"

	"github.com/multi-tenant/manage-kafka/test/tier"
)

// shared is the one broker of a test binary. It is a package variable because
// tests have no other thing in common.
var shared struct {
	sync.Mutex
	main    bool // Main runs, so somebody will close the broker
	cluster *Cluster
	err     error // why it could not start; every test says the same
}

// Main runs the tests of a binary and then ends the broker that [Shared] has
// started for them. TestMain calls it and returns.
func Main(m *testing.M) {
	shared.Lock()
	shared.main = true
	shared.Unlock()
	m.Run()
	shared.Lock()
	defer shared.Unlock()
	if c := shared.cluster; c != nil {
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
	tier.Real(t)
	shared.Lock()
	defer shared.Unlock()
	if !shared.main {
		t.Fatal("realkafka.Shared needs a TestMain that calls realkafka.Main")
	}
	if shared.cluster == nil && shared.err == nil {
		ctx := context.WithoutCancel(t.Context())
		shared.cluster, shared.err = start(ctx, Options{Listeners: AllListeners()})
	}
	endWithout(t, "starting the shared broker", shared.err)
	view := *shared.cluster
	view.t, view.shared = t, true
	return &view
}
