package dlq_test

import (
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
	"github.com/multi-tenant/manage-kafka/test/product"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// The keys of a compacted target that a run wrote last are deleted with the
// letters pending again; those that somebody wrote since are not.
func TestUndoDeletesFromACompactedTarget(t *testing.T) {
	t.Parallel()
	b := newBench(t, realkafka.Shared(t), 1)
	state := b.source + "-state"
	spec := topics.Spec{Name: state, Partitions: 1, Replication: 1, Config: map[string]string{"cleanup.policy": "compact"}}
	if _, err := topics.New(b.client).Create(t.Context(), []topics.Spec{spec}, topics.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	b.fill(0, 20, 100)
	run := lineOf(t, b.mustReplay("--to", state), `^run (\S+): replayed 20 letters`)
	// One key has newer state.
	newer := product.Command(t.Context(), t, b.args("producer", state, "-q", "--key-separator", ":")...)
	newer.Stdin = strings.NewReader("key-0-0:live\n")
	if out, err := newer.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out := b.mustRun(0, "dlq", "undo", b.queue, run, "--ledger", b.ledger, "--tombstone", "-y")
	says(t, out, `^deleted 6 keys by a tombstone each$`)
	says(t, out, `keys that have a newer record on their target stay: 1$`)
	last := map[string]string{}
	tp := kafka.TopicPartition{Topic: state}
	err := b.client.ReadToEnd(t.Context(), map[kafka.TopicPartition]int64{tp: 0}, kafka.FetchOptions{Isolation: kafka.ReadCommitted}, func(f kafka.Fetched) error {
		for _, r := range f.Records {
			last[string(r.Key)] = string(r.Value)
		}
		return nil
	})
	if err != nil || len(last) != 7 || last["key-0-0"] != "live" {
		t.Errorf("the target has %q, %v", last, err)
	}
	for key, value := range last {
		if key != "key-0-0" && value != "" {
			t.Errorf("%s is %q", key, value)
		}
	}
	says(t, b.mustRun(0, "dlq", "list", b.queue, "--ledger", b.ledger, "-o", "json"), `"pending": 20,?$`)
	if out, code := b.run("dlq", "undo", b.queue, run, "--ledger", b.ledger, "--tombstone", "-y"); code != 0 {
		t.Errorf("once more: exit %d\n%s", code, out)
	}
}
