package dlq_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// Replaying takes two readings, transactions and a ledger; copying with kcat
// one of each and no promise. What runs beside the test makes each slower by
// chance: the median of several pairs counts.
func TestReplaySpeed(t *testing.T) {
	n, pairs, least := 50_000, 3, 0.3
	if long() {
		n, pairs, least = 100_000, 5, 0.6
	}
	cluster := realkafka.Shared(t)
	binary := build(t)
	// The first replay of a cluster has to wait for topics that the brokers make.
	warm := newBench(t, cluster, 6)
	warm.fill(0, 60, 1000)
	warm.timeReplay(binary)
	var ratios []float64
	for range pairs {
		b := newBench(t, cluster, 6)
		b.fill(0, n, 1000)
		replayed := b.timeReplay(binary)
		b.mustBeExact(n)
		copied := b.timeCopy()
		ratio := copied.Seconds() / replayed.Seconds()
		t.Logf("%d letters of 1 KB: replay %.0f/s, kcat -C | kcat -P %.0f/s, ratio %.2f", n, float64(n)/replayed.Seconds(), float64(n)/copied.Seconds(), ratio)
		ratios = append(ratios, ratio)
	}
	slices.Sort(ratios)
	if median := ratios[len(ratios)/2]; median < least {
		t.Errorf("ratio %.2f, want %.2f", median, least)
	} else {
		t.Logf("ratio %.2f, at least %.2f", median, least)
	}
}

func (b *bench) timeReplay(binary string) time.Duration {
	b.t.Helper()
	began := time.Now()
	c := exec.CommandContext(b.t.Context(), binary, b.args("dlq", "replay", b.queue, "--ledger", b.ledger, "-y")...)
	if out, err := c.CombinedOutput(); err != nil {
		b.t.Fatalf("%v\n%s", err, out)
	}
	return time.Since(began)
}

func (b *bench) timeCopy() time.Duration {
	b.t.Helper()
	other := b.source + "-copy"
	b.create(other, b.partitions)
	began := time.Now()
	read := peers.Kcat(b.t.Context(), b.t, b.conn, "-C", "-t", b.queue, "-e", "-q", "-o", "beginning", "-K", "\t")
	write := peers.Kcat(b.t.Context(), b.t, b.conn, "-P", "-t", other, "-K", "\t")
	pipe, err := read.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	write.Stdin = pipe
	if err := write.Start(); err != nil {
		b.t.Fatal(err)
	}
	if err := read.Run(); err != nil {
		b.t.Fatal(err)
	}
	if err := write.Wait(); err != nil {
		b.t.Fatal(err)
	}
	return time.Since(began)
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
