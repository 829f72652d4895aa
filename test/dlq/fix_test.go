package dlq_test

import (
	"fmt"
	"testing"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// put writes letters as they are given, on partition 0.
func (b *bench) put(list ...kafka.Record) {
	b.t.Helper()
	p, err := txn.Acquire(b.t.Context(), b.client, txn.Options{ID: b.queue + "-filler"})
	if err != nil {
		b.t.Fatal(err)
	}
	defer p.Close()
	for i := range list {
		list[i].Topic = b.queue
	}
	if _, err := p.Commit(b.t.Context(), txn.Write{Records: list}); err != nil {
		b.t.Fatal(err)
	}
}

// failed makes letter i of a failure.
func (b *bench) failed(i int, fail failure, value string) kafka.Record {
	l := letters.Letter{Origin: letters.Origin{Topic: b.source, Partition: 0, Offset: int64(1000 + i)}, Group: "billing", Class: fail.class, Message: fail.message, Attempts: 4}
	return kafka.Record{Key: fmt.Appendf(nil, "key-%d", i), Value: []byte(value), Headers: l.Append(nil, letters.AppendOptions{})}
}

// A program repairs one failure of a queue with two; what it leaves alone keeps
// its bytes, and what it cannot repair stays with the pointer to what is wrong.
func TestFixOneFailure(t *testing.T) {
	t.Parallel()
	b := newBench(t, realkafka.Shared(t), 1)
	amount, down := failure{"BadAmount", "amount is a string"}, failure{"*net.OpError", "dial tcp 10.0.0.7:5432: connection refused"}
	values := []string{
		`{"z":1.50,"id":9007199254740993,"amount":"12"}`,
		`{"id":9007199254740995,  "amount":7,"z":1e2}`,
		`{"amount":"x"}`,
		`{"amount":"9"}`,
	}
	for i, v := range values {
		fail := amount
		if i == 3 {
			fail = down
		}
		b.put(b.failed(i, fail, v))
	}
	out := b.mustRun(0, "dlq", "failures", b.queue, "--ledger", b.ledger, "--error-class", "BadAmount", "-o", "name")
	id := lineOf(t, out, `^([0-9a-f]{8})$`)
	out, code := b.replay("--failure", id, "--jq", ".amount |= tonumber", "--validate", "jq:.amount >= 0")
	if code != 5 {
		t.Fatalf("exit %d, want 5\n%s", code, out)
	}
	says(t, out, `^left 1 \(first 0@\d+\): jq: tonumber cannot be applied to "x": invalid number$`)
	want := values[0][:len(values[0])-5] + "12}\n" + values[1] + "\n"
	if got := string(peers.KcatConsume(t, b.conn, b.source, "-f", "%s\n")); got != want {
		t.Errorf("the target holds\n%swant\n%s", got, want)
	}
	// the other failure was not touched
	says(t, b.mustRun(0, "dlq", "list", b.queue, "--ledger", b.ledger, "-o", "json"), `"pending": 2,?$`)
	// an invalid result stays, with the JSON pointer
	out, code = b.replay("--validate", "event")
	if code != 5 {
		t.Fatalf("exit %d, want 5\n%s", code, out)
	}
	says(t, out, `^stay +2 \(first 0@\d+\): /data: is required \(and \d+ more\)$`)
}
