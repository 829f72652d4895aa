// Package dlq_test holds dead-letter replay, and the transactions below it,
// against real Apache Kafka.
package dlq_test

import (
	"context"
	"os"
	"os/exec"
	"testing"

	"github.com/multi-tenant/manage-kafka/cmd"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// asProduct makes the test binary the product: it saves building a second one.
const asProduct = "MANAGE_KAFKA_TEST_AS_PRODUCT"

func TestMain(m *testing.M) {
	if os.Getenv(asProduct) != "" {
		os.Exit(cmd.Main())
	}
	realkafka.Main(m)
}

// product returns a command of the product, with a home of its own.
func product(ctx context.Context, t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	c := exec.CommandContext(ctx, self, args...)
	c.Env = append(os.Environ(), asProduct+"=1", "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_STATE_HOME="+home, "XDG_CACHE_HOME="+home)
	c.Dir = home
	return c
}
