package dlq_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// Replaying takes two readings, transactions and a ledger; copying with kcat
// one of each and no promise.
func TestReplaySpeed(t *testing.T) {
	n, least := 20_000, 0.1
	if long() {
		n, least = 100_000, 0.6
	}
	cluster := realkafka.Shared(t)
	b := newBench(t, cluster, 6)
	b.fill(0, n, 1000)
	binary := build(t)

	replay := func() time.Duration {
		began := time.Now()
		c := exec.CommandContext(t.Context(), binary, b.args("dlq", "replay", b.queue, "--ledger", b.ledger, "-y")...)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return time.Since(began)
	}()
	b.mustBeExact(n)

	other := b.source + "-copy"
	b.create(other, 6)
	began := time.Now()
	read := peers.Kcat(t.Context(), t, b.conn, "-C", "-t", b.queue, "-e", "-q", "-o", "beginning", "-K", "\t")
	write := peers.Kcat(t.Context(), t, b.conn, "-P", "-t", other, "-K", "\t")
	pipe, err := read.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	write.Stdin = pipe
	if err := write.Start(); err != nil {
		t.Fatal(err)
	}
	if err := read.Run(); err != nil {
		t.Fatal(err)
	}
	if err := write.Wait(); err != nil {
		t.Fatal(err)
	}
	copied := time.Since(began)
	ratio := copied.Seconds() / replay.Seconds()
	t.Logf("%d letters of 1 KB: replay %.0f/s, kcat -C | kcat -P %.0f/s, ratio %.2f", n, float64(n)/replay.Seconds(), float64(n)/copied.Seconds(), ratio)
	if ratio < least {
		t.Errorf("ratio %.2f, want %.2f", ratio, least)
	}
}

// build makes the product as it is released: the test binary is slower.
func build(t testing.TB) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "manage-kafka")
	c := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", name, "github.com/multi-tenant/manage-kafka")
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	return name
}
