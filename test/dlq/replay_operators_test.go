//go:build unix

package dlq_test

import (
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

var busyText = regexp.MustCompile(`error: \S+\.dlq is being replayed by \S+@\S+ \(run [0-9A-Z]{26}, \d+/\d+, last commit \d+s ago\)`)

func TestASecondOperatorIsRefusedAndMayTakeOver(t *testing.T) {
	b := newBench(t, realkafka.Shared(t), 6)
	const n = 3000
	b.fill(0, n, 100)
	first := b.start("--rate", "300")
	b.awaitSent(200)
	out, code := b.replay()
	if code != 6 || !busyText.MatchString(out) || !strings.Contains(out, "--takeover") {
		t.Fatalf("the second operator: exit %d, want 6\n%s", code, out)
	}
	out, code = b.replay("--takeover")
	if code != 0 {
		t.Fatalf("the take-over: exit %d\n%s", code, out)
	}
	lost, code := first.wait(t)
	if code != 6 || !strings.Contains(lost, " took over at ") || !strings.Contains(lost, "are committed") {
		t.Errorf("the one taken over: exit %d, want 6\n%s", code, lost)
	}
	b.mustBeExact(n)
	if out := b.mustReplay(); !strings.Contains(out, "nothing pending") {
		t.Errorf("afterwards a replay said:\n%s", out)
	}
	if out, _ := b.run("dlq", "runs", b.queue, "--ledger", b.ledger); !strings.Contains(out, "fenced") {
		t.Errorf("runs shows nobody fenced:\n%s", out)
	}
}

// A process that is stopped for longer than its transaction lives finds it
// aborted, sees in the ledger that nobody took over, and goes on.
func TestAStoppedReplayGoesOn(t *testing.T) {
	b := newBench(t, realkafka.Shared(t), 6)
	const n = 3000
	b.fill(0, n, 100)
	s := b.start("--rate", "400", "--transaction-timeout", "2s")
	b.awaitSent(200)
	signal(t, s, syscall.SIGSTOP)
	// The broker looks for expired transactions every so often; until it has,
	// the process could just go on.
	<-time.After(14 * time.Second)
	signal(t, s, syscall.SIGCONT)
	if out, code := s.wait(t); code != 0 {
		t.Errorf("exit %d\n%s", code, out)
	}
	b.mustBeExact(n)
}

// One that wakes up after another took over stops cleanly.
func TestAStoppedReplayThatWasTakenOver(t *testing.T) {
	b := newBench(t, realkafka.Shared(t), 6)
	const n = 3000
	b.fill(0, n, 100)
	s := b.start("--rate", "400")
	b.awaitSent(200)
	signal(t, s, syscall.SIGSTOP)
	if out, code := b.replay("--takeover"); code != 0 {
		t.Fatalf("the take-over: exit %d\n%s", code, out)
	}
	signal(t, s, syscall.SIGCONT)
	if out, code := s.wait(t); code != 6 || !strings.Contains(out, " took over at ") {
		t.Errorf("exit %d, want 6\n%s", code, out)
	}
	b.mustBeExact(n)
}

// The first Ctrl-C ends the run after its transaction, with what it did.
func TestAnInterruptedReplayStopsCleanly(t *testing.T) {
	b := newBench(t, realkafka.Shared(t), 6)
	const n = 3000
	b.fill(0, n, 100)
	s := b.start("--rate", "300")
	b.awaitSent(200)
	signal(t, s, syscall.SIGINT)
	out, code := s.wait(t)
	if code != 130 || !regexp.MustCompile(`error: interrupted at \S+ of 3,000; what was committed stays`).MatchString(out) {
		t.Errorf("exit %d, want 130\n%s", code, out)
	}
	b.mustReplay() // at once: the ledger says that the run ended
	b.mustBeExact(n)
}

func TestReplayOutlivesItsBroker(t *testing.T) {
	cluster := realkafka.Start(t, realkafka.Options{})
	b := newBench(t, cluster, 6)
	const n = 3000
	b.fill(0, n, 100)
	s := b.start("--rate", "300")
	b.awaitSent(200)
	cluster.Kill(0)
	cluster.Start(0)
	out, code := s.wait(t)
	t.Logf("exit %d\n%s", code, out)
	if code == 3 {
		b.mustReplay()
	} else if code != 0 {
		t.Errorf("exit %d", code)
	}
	b.mustBeExact(n)
}
