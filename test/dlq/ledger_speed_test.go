package dlq_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/dlq"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
	"github.com/multi-tenant/manage-kafka/test/tier"
)

// A ledger of a million resolved letters is loaded within two seconds, each of
// them with a pending one beside it, which is the worst for ranges. The default
// form has a tenth of them; the bounds leave five times the room, what was
// measured is in the log.
func TestLedgerSpeed(t *testing.T) {
	resolved, bound := 100_000, 2*time.Second
	if tier.IsLong() {
		resolved, bound = 1_000_000, 10*time.Second
	}
	b := newBench(t, realkafka.Shared(t), 6)
	b.fill(0, 2*resolved, 0)
	start := time.Now()
	if out, code := b.run("dlq", "discard", b.queue, "--ledger", b.ledger, "-y", "--jq-select", "(.n / 6 | floor) % 2 == 0"); code != 0 {
		t.Fatalf("discarding: exit %d\n%s", code, out)
	}
	t.Logf("every other of %d letters discarded in %.1f s", 2*resolved, time.Since(start).Seconds())

	for range 3 {
		start = time.Now()
		ledger, err := dlq.OpenLedger(t.Context(), b.client, dlq.LedgerOptions{Topic: b.ledger})
		took := time.Since(start)
		if err != nil {
			t.Fatal(err)
		}
		n := int64(0)
		for _, q := range ledger.Queues() {
			for _, p := range q.Resolved.Partitions() {
				n += q.Resolved.Count(p, 0, 1<<40)
			}
		}
		t.Logf("ledger of %d resolved letters loaded in %.3f s", n, took.Seconds())
		if n != int64(resolved) {
			t.Errorf("the ledger has %d letters, want %d", n, resolved)
		}
		if took > bound {
			t.Errorf("loading took %s", took)
		}
	}

	out, took, memory := b.timed("dlq", "list", b.queue, "--ledger", b.ledger, "-o", "json")
	var queues []dlq.Queue
	if err := json.Unmarshal(out, &queues); err != nil || len(queues) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	t.Logf("dlq list beside it: %.2f s, %d MB, %d pending", took.Seconds(), memory>>20, queues[0].Pending)
	// Each transaction left a mark in each partition, which offsets count.
	if got := queues[0].Pending; got < int64(resolved) || got > int64(resolved+resolved/100) {
		t.Errorf("%d pending, want %d", got, resolved)
	}
	if took > bound {
		t.Errorf("dlq list took %s", took)
	}
}
