package postgres

import (
	"context"
	"sync"
	"testing"

	"github.com/multi-tenant/manage-kafka/test/tier"
)

// shared is the one server of a test binary. It is a package variable because
// tests have no other thing in common.
var shared struct {
	sync.Mutex
	main   bool // Main runs, so somebody will end the server
	server *Server
	err    error // why it could not start; every test says the same
}

// Main runs the tests of a binary and then ends the server that [Shared] has
// started for them. TestMain calls it and returns.
func Main(m *testing.M) {
	shared.Lock()
	shared.main = true
	shared.Unlock()
	m.Run()
	shared.Lock()
	defer shared.Unlock()
	if s := shared.server; s != nil {
		s.run.kill()
		s.remove()
	}
}

// Shared returns the server that all tests of the binary use, and starts it for
// the first. It cannot be killed. Tests keep apart by databases of their own,
// see [Server.Database].
func Shared(t testing.TB) *Server {
	t.Helper()
	tier.Real(t)
	shared.Lock()
	defer shared.Unlock()
	if !shared.main {
		t.Fatal("postgres.Shared needs a TestMain that calls postgres.Main")
	}
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = start(context.WithoutCancel(t.Context()), Options{})
	}
	endWithout(t, shared.err)
	view := *shared.server
	view.t, view.shared = t, true
	return &view
}
