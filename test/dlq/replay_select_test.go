package dlq_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// sent lists the letters on the target, in the order of its one partition.
func (b *bench) sent() []int {
	b.t.Helper()
	var list []int
	for _, m := range peers.KcatRead(b.t, b.conn, b.source, "-X", "isolation.level=read_committed") {
		i := -1
		if _, err := fmt.Sscanf(*m.Payload, `{"n":%d,`, &i); err != nil {
			b.t.Fatalf("%q: %v", *m.Payload, err)
		}
		list = append(list, i)
	}
	return list
}

func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

func without(list []int, less ...int) []int {
	return slices.DeleteFunc(slices.Clone(list), func(i int) bool { return slices.Contains(less, i) })
}

var runName = regexp.MustCompile(`run ([0-9A-Z]{26})`)

func (b *bench) wants(doing string, want []int) {
	b.t.Helper()
	if got := b.sent(); !slices.Equal(got, want) {
		b.t.Fatalf("%s: the target holds %v, want %v", doing, got, want)
	}
}

func TestSomeThenTheRestThenNothing(t *testing.T) {
	b := newBench(t, realkafka.Shared(t), 1)
	const n = 30
	b.fill(0, n, 100)
	first := b.mustReplay("--offset", "3,7,9")
	want := []int{3, 7, 9}
	b.wants("3, 7 and 9", want)
	b.mustReplay()
	want = append(want, without(upTo(n), want...)...)
	b.wants("the rest", want)
	if out := b.mustReplay(); !strings.Contains(out, "nothing pending") {
		t.Errorf("a third replay said:\n%s", out)
	}
	b.wants("again", want)
	if out, code := b.replay("--offset", "3"); code != 8 {
		t.Errorf("a replay of a resolved letter: exit %d, want 8\n%s", code, out)
	}
	// Compaction must not bring back what only the first chunk named.
	b.compact()
	if out := b.mustReplay(); !strings.Contains(out, "nothing pending") {
		t.Errorf("after compaction a replay said:\n%s", out)
	}
	run := runName.FindStringSubmatch(first)
	out, code := b.run("dlq", "undo", b.queue, run[1], "--ledger", b.ledger, "-y")
	if code != 0 || !strings.Contains(out, "0@3 ") || !strings.Contains(out, "0@9 ") || strings.Contains(out, "0@4 ") {
		t.Fatalf("undo: exit %d\n%s", code, out)
	}
	b.compact()
	b.mustReplay()
	want = append(want, 3, 7, 9)
	b.wants("what was undone", want)
	b.compact()
	if out := b.mustReplay(); !strings.Contains(out, "nothing pending") {
		t.Errorf("in the end a replay said:\n%s", out)
	}
}

// compact has the broker compact the ledger now, whatever it thinks of it, and
// returns once no key stands in it twice.
func (b *bench) compact() {
	b.t.Helper()
	b.alter(b.ledger, map[string]string{"segment.ms": "100", "min.cleanable.dirty.ratio": "0.01", "delete.retention.ms": "100"})
	// Only what stands before the newest segment is compacted.
	p, err := txn.Acquire(b.t.Context(), b.client, txn.Options{ID: b.queue + "-other"})
	if err != nil {
		b.t.Fatal(err)
	}
	defer p.Close()
	for round := 0; !await(b.t, time.Second, b.compacted); round++ {
		other := kafka.Record{Topic: b.ledger, Key: []byte("v1|run|other.dlq|-|TICK"), Value: []byte(`{"t":"run","st":"done"}`)}
		if _, err := p.Commit(b.t.Context(), txn.Write{Records: []kafka.Record{other}}); err != nil {
			b.t.Fatal(err)
		}
		if round > 60 {
			b.t.Fatal("the ledger is not compacted")
		}
	}
}

// compacted tells whether kcat finds no key about our queue twice in the ledger.
func (b *bench) compacted() bool {
	b.t.Helper()
	seen := map[string]bool{}
	for key := range strings.Lines(string(peers.KcatConsume(b.t, b.conn, b.ledger, "-f", "%k\n"))) {
		if strings.Contains(key, b.queue) && seen[key] {
			return false
		}
		seen[key] = true
	}
	return true
}

func (b *bench) alter(topic string, config map[string]string) {
	b.t.Helper()
	if _, err := topics.New(b.client).Alter(b.t.Context(), topic, topics.Change{Set: config}, topics.AlterOptions{}); err != nil {
		b.t.Fatal(err)
	}
}

// await polls until the condition holds, and tells whether it came to that.
func await(t testing.TB, limit time.Duration, holds func() bool) bool {
	t.Helper()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); {
		if holds() {
			return true
		}
		<-ticker.C
	}
	return holds()
}
