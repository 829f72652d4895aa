package embedded_test

import (
	"testing"

	"github.com/multi-tenant/manage-kafka/internal/embedded"
)

// No name of the loopback interface opens the port to the network.
func TestListenHost(t *testing.T) {
	t.Parallel()
	for advertise, want := range map[string]string{
		"": "127.0.0.1", "localhost": "127.0.0.1", "Localhost": "127.0.0.1", "LOCALHOST": "127.0.0.1", "127.0.0.2": "127.0.0.1", "::1": "127.0.0.1",
		"192.0.2.1": "0.0.0.0", "kafka.example": "0.0.0.0",
	} {
		if got := (embedded.Config{Advertise: advertise}).ListenHost(); got != want {
			t.Errorf("%q listens on %s, want %s", advertise, got, want)
		}
	}
}
