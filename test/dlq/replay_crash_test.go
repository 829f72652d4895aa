package dlq_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/test/product"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

func long() bool { return os.Getenv("MANAGE_KAFKA_TEST_LONG") != "" }

// crashing starts replays and ends them by kill -9 at random moments until one
// ends by itself. The moments reach from the start of the process to its end.
func (b *bench) crashing(rng *rand.Rand, kills int, args ...string) (killed int) {
	b.t.Helper()
	for {
		argv := append([]string{"dlq", "replay", b.queue, "--ledger", b.ledger, "-y"}, args...)
		if killed < kills {
			// The rate leaves letters for the runs after this one.
			argv = append(argv, "--rate", "150")
		}
		var out bytes.Buffer
		c := product.Command(b.t.Context(), b.t, b.args(argv...)...)
		c.Stdout, c.Stderr = &out, &out
		if err := c.Start(); err != nil {
			b.t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- c.Wait() }()
		wait := time.Duration(50+rng.IntN(700)) * time.Millisecond
		if killed >= kills {
			wait = 4 * time.Minute
		}
		select {
		case err := <-done:
			if code := exitCode(b.t, err); code != 0 {
				b.t.Fatalf("after %d kills: exit %d\n%s", killed, code, out.String())
			}
			return killed
		case <-time.After(wait):
			_ = c.Process.Signal(syscall.SIGKILL)
			<-done
			killed++
		}
	}
}

// The replay is killed again and again until a run ends by itself; a reader at
// read_committed finds each letter once and in order.
func TestKilledReplaysSendEachLetterOnce(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	n, kills := 4000, 20
	if long() {
		n, kills = 20000, 200
	}
	cluster := realkafka.Shared(t)
	total := 0
	for total < kills {
		b := newBench(t, cluster, 6)
		b.fill(0, n, 200)
		total += b.crashing(rng, min(kills-total, 100), "--assume-dead")
		b.mustBeExact(n)
		if t.Failed() {
			break
		}
		if out := b.mustReplay(); !strings.Contains(out, "nothing pending") {
			t.Errorf("the last replay left something:\n%s", out)
		}
	}
	t.Logf("%d kills", total)
}
