package dlq_test

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

func asExit(err error, exit **exec.ExitError) bool { return errors.As(err, exit) }

func TestReplaySendsEachLetterOnce(t *testing.T) {
	b := newBench(t, realkafka.Shared(t), 6)
	const n = 5000
	b.fill(0, n, 200)
	t.Log(b.mustReplay())
	b.mustBeExact(n)
	if out := b.mustReplay(); !strings.Contains(out, "nothing pending") {
		t.Errorf("a second replay said:\n%s", out)
	}
	b.fill(n, 100, 200)
	b.mustReplay()
	b.mustBeExact(n + 100)
}

// Without transactions letters go in batches that their topic takes, however
// many of them there are.
func TestReplayWithoutTransactions(t *testing.T) {
	t.Parallel()
	b := newBench(t, realkafka.Shared(t), 2)
	const n = 600
	b.fill(0, n, 10_000) // 3 MB a partition, where a batch may have 1
	b.mustReplay("--at-least-once")
	b.mustBeExact(n)
}
