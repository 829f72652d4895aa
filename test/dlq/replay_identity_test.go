package dlq_test

import (
	"strings"
	"testing"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// recreate deletes a topic and makes it anew.
func (b *bench) recreate(topic string, partitions int32, config map[string]string) {
	b.t.Helper()
	b.remove(topic)
	if _, err := topics.New(b.client).Create(b.t.Context(), []topics.Spec{{Name: topic, Partitions: partitions, Replication: 1, Config: config}}, topics.CreateOptions{}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) remove(topic string) {
	b.t.Helper()
	if _, err := topics.New(b.client).Delete(b.t.Context(), []string{topic}); err != nil {
		b.t.Fatal(err)
	}
}

// says runs a command and wants an exit code and words.
func (b *bench) says(code int, words string, args ...string) string {
	b.t.Helper()
	out, got := b.run(append(args, "--ledger", b.ledger)...)
	if got != code || !strings.Contains(out, words) {
		b.t.Fatalf("%v: exit %d, want %d and %q\n%s", args, got, code, words, out)
	}
	return out
}

func TestARecreatedQueueHasOtherLetters(t *testing.T) {
	b := newBench(t, realkafka.Shared(t), 2)
	b.fill(0, 20, 100)
	b.mustReplay()
	b.recreate(b.queue, 2, nil)
	b.fill(20, 20, 100)
	b.says(0, "was made anew: 20 letters that the ledger names for its former topic do not count", "dlq", "replay", b.queue, "-y")
	b.mustBeExact(40)
	b.says(0, "nothing pending", "dlq", "replay", b.queue, "-y")
}

// One that is deleted and made anew under a run is seen before the commit.
func TestATargetRecreatedUnderARun(t *testing.T) {
	b := newBench(t, realkafka.Shared(t), 2)
	b.fill(0, 2000, 100)
	s := b.start("--rate", "200")
	b.awaitSent(200)
	b.recreate(b.source, 2, nil)
	out, code := s.wait(t)
	if code != 7 || !strings.Contains(out, "deleted") {
		t.Errorf("exit %d, want 7\n%s", code, out)
	}
}

func TestALostLedgerIsRefusedAndRebuilt(t *testing.T) {
	b := newBench(t, realkafka.Shared(t), 3)
	const n = 300
	b.fill(0, n, 100)
	b.mustReplay()
	b.remove(b.ledger)
	b.says(7, "is gone, and the watermark of", "dlq", "replay", b.queue, "-y")
	b.says(0, "created ledger", "dlq", "ledger", "init")
	b.says(7, "the ledger was made anew; a replay would duplicate", "dlq", "replay", b.queue, "-y")
	b.fill(n, 30, 100)
	b.says(0, "marked as replayed 300 letters", "dlq", "ledger", "rebuild", b.queue, "--from", b.source, "-y")
	b.mustReplay()
	b.mustBeExact(n + 30)
	b.says(0, "nothing pending", "dlq", "replay", b.queue, "-y")
}

// A ledger that lost its newest records, as after an unclean election, knows
// less than the watermark.
func TestALedgerRolledBackIsRefused(t *testing.T) {
	b := newBench(t, realkafka.Shared(t), 1)
	b.fill(0, 10, 100)
	b.mustReplay("--offset", "0-4")
	// The records of the run are taken away, the topic stays the same.
	b.alter(b.ledger, map[string]string{"cleanup.policy": "delete"})
	b.truncate(b.ledger)
	b.alter(b.ledger, map[string]string{"cleanup.policy": "compact"})
	b.says(7, "the ledger is older than the group watermark (seq 1 > none)", "dlq", "replay", b.queue, "-y")
	b.says(0, "the ledger knows nothing of", "dlq", "ledger", "reset", b.queue, "-y")
	b.mustReplay()
	if got := len(b.sent()); got != 15 {
		t.Errorf("%d letters sent after a reset, want the 5 and all 10", got)
	}
}

// A queue whose log was cut and written anew has the same topic id.
func TestAnotherLetterInTheSamePlaceIsRefused(t *testing.T) {
	b := newBench(t, realkafka.Shared(t), 1)
	b.fill(0, 10, 100)
	b.mustReplay()
	b.forge()
	b.says(7, "is not the letter that the ledger recorded there", "dlq", "replay", b.queue, "-y")
}

func TestAMergedLedgerKnowsTheSame(t *testing.T) {
	b := newBench(t, realkafka.Shared(t), 3)
	const n = 600
	b.fill(0, n, 100)
	b.mustReplay("--partition", "0", "--offset", "0-99", "--rate", "25/s")
	b.says(0, "parked 20 letters", "dlq", "park", b.queue, "--partition", "1", "--offset", "10-29", "-y")
	b.says(0, "nothing to merge", "dlq", "ledger", "gc", b.queue)
	b.says(0, "merged ", "dlq", "ledger", "gc", b.queue, "--keep-audit", "0s")
	b.compact()
	b.mustReplay()
	b.says(0, "merged ", "dlq", "ledger", "gc", b.queue, "--keep-audit", "0s")
	b.says(0, "nothing pending", "dlq", "replay", b.queue, "-y")
	parked := func(i int) bool { return i%3 == 1 && i/3 >= 10 && i/3 <= 29 }
	v := b.judge(n, func(i int) bool { return !parked(i) })
	v.disordered = 0 // the first hundred went before
	if v != (account{}) {
		t.Errorf("after merging: %s", v)
	}
}

// truncate deletes every record of a topic of one partition.
func (b *bench) truncate(topic string) {
	b.t.Helper()
	admin, err := sarama.NewClusterAdmin(strings.Split(b.conn.Bootstrap, ","), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	defer admin.Close()
	if err := admin.DeleteRecords(topic, map[int32]int64{0: -1}); err != nil {
		b.t.Fatal(err)
	}
}

// forge writes a chunk into the ledger that names other letters than those in
// the queue, as if the queue had been another when it was written.
func (b *bench) forge() {
	b.t.Helper()
	id := ""
	meta, err := b.client.Metadata(b.t.Context(), []string{b.queue})
	if err == nil {
		id = meta.Topics[0].ID
	}
	b.write(kafka.Record{
		Topic: b.ledger, Key: []byte("v1|chunk|" + b.queue + "|" + id + "|FORGED|000001"),
		Value: []byte(`{"t":"chunk","act":"replay","run":"FORGED","seq":1,"n":1,"p":[{"p":0,"r":"BQA","probe":[5,1,1],"le":0}]}`),
	})
}

// write writes one record, in a transaction of its own.
func (b *bench) write(rec kafka.Record) {
	b.t.Helper()
	p, err := txn.Acquire(b.t.Context(), b.client, txn.Options{ID: b.queue + "-forger"})
	if err != nil {
		b.t.Fatal(err)
	}
	defer p.Close()
	if _, err := p.Commit(b.t.Context(), txn.Write{Records: []kafka.Record{rec}}); err != nil {
		b.t.Fatal(err)
	}
}
