package dlq_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/dlq"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/test/product"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// list gives the queue as "dlq list" tells it.
func (b *bench) list() dlq.Queue {
	b.t.Helper()
	out, _, _ := b.timed("dlq", "list", b.queue, "--ledger", b.ledger, "-o", "json")
	var queues []dlq.Queue
	if err := json.Unmarshal(out, &queues); err != nil || len(queues) != 1 {
		b.t.Fatalf("%v: %s", err, out)
	}
	return queues[0]
}

// failures gives what "dlq failures" groups.
func (b *bench) failures(args ...string) dlq.Failures {
	b.t.Helper()
	out, _, _ := b.timed(append([]string{"dlq", "failures", b.queue, "--ledger", b.ledger, "-o", "json"}, args...)...)
	var found dlq.Failures
	if err := json.Unmarshal(out, &found); err != nil {
		b.t.Fatalf("%v: %s", err, out)
	}
	return found
}

// Offsets are no letters: each transaction leaves a mark in each partition, and
// aborted ones leave records that nobody sees. What is listed are the letters.
func TestReadCountsLettersNotOffsets(t *testing.T) {
	b := newBench(t, realkafka.Shared(t), 3)
	const n = 30
	b.fill(0, n, 100)
	p, err := txn.Acquire(t.Context(), b.client, txn.Options{ID: b.queue + "-aborter"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	aborted := errors.New("aborted on purpose")
	records := []kafka.Record{b.letter(1000, 100), b.letter(1001, 100)}
	if _, err := p.Commit(t.Context(), txn.Write{Records: records, Before: func(context.Context) error { return aborted }}); !errors.Is(err, aborted) {
		t.Fatalf("commit: %v", err)
	}
	if q := b.list(); q.Pending != n || !q.Exact || q.Resolved != 0 || q.Oldest == nil || q.Oldest.Offset != 0 {
		t.Errorf("listed %+v", q)
	}
	if f := b.failures(); f.Letters != n || len(f.Failures) != 1 {
		t.Errorf("grouped %+v", f)
	}

	b.mustReplay("--limit", "7")
	if q := b.list(); q.Pending != n-7 || !q.Exact || q.Resolved != 7 || q.LastRun == nil || q.LastRun.Done != 7 {
		t.Errorf("after 7 are replayed, listed %+v", q)
	}
	if f := b.failures(); f.Letters != n-7 || f.Pending != n-7 {
		t.Errorf("after 7 are replayed, grouped %+v", f)
	}
	if f := b.failures("--all"); f.Letters != n || f.Pending != n-7 {
		t.Errorf("with all, grouped %+v", f)
	}
	b.mustReplay()
	if q := b.list(); q.Pending != 0 || !q.Exact || q.Resolved != n || q.Oldest != nil {
		t.Errorf("after all are replayed, listed %+v", q)
	}
	if out, code := b.run("dlq", "check", b.queue, "--ledger", b.ledger); code != 0 || !strings.HasPrefix(out, "DLQ OK - ") {
		t.Errorf("check: %d %s", code, out)
	}
}

// Somebody else's open transaction in a queue must not make those wait who only
// look; its letters are not there yet.
func TestReadDoesNotWaitForOpenTransactions(t *testing.T) {
	b := newBench(t, realkafka.Shared(t), 1)
	b.fill(0, 10, 100)
	p, err := txn.Acquire(t.Context(), b.client, txn.Options{ID: b.queue + "-slow"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	_, err = p.Commit(t.Context(), txn.Write{Records: []kafka.Record{b.letter(10, 100)}, Before: func(context.Context) error {
		start := time.Now()
		if q, f := b.list(), b.failures(); q.Pending != 10 || q.KeptBack != 1 || f.Letters != 10 {
			t.Errorf("beside an open transaction, listed %+v and grouped %d", q, f.Letters)
		}
		out, err := product.Command(t.Context(), t, b.args("dlq", "list", b.queue, "--ledger", b.ledger)...).CombinedOutput()
		if want := "warning: " + b.queue + ": an open transaction keeps back 1 offset;"; err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%v, no %q in\n%s", err, want, out)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("it took %s", took)
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	// The partition has the marker a moment after the commit is answered.
	var q dlq.Queue
	if err := waitUntil(t.Context(), func() (bool, error) {
		q = b.list()
		return q.Pending == 11 && q.KeptBack == 0, nil
	}); err != nil {
		t.Errorf("after the commit, listed %+v", q)
	}
}

// The watermark is what tells a lost ledger, and Kafka forgets it in a week. A
// check, or an export, commits it again, note and all; nothing else of the group changes.
func TestCheckKeepsTheWatermark(t *testing.T) {
	b := newBench(t, realkafka.Shared(t), 2)
	b.fill(0, 10, 100)
	group := "manage-kafka.dlq." + b.queue
	committed := func() (last int64, notes map[string]string) {
		end, err := b.client.Offsets(t.Context(), b.offsetsPartitions(), kafka.ReadUncommitted)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range end {
			last += n
		}
		return last, b.notes(group)
	}
	if out, code := b.run("dlq", "check", b.queue, "--ledger", b.ledger, "--max-pending", "10"); code != 0 {
		t.Fatalf("check: %d %s", code, out)
	}
	if _, notes := committed(); len(notes) != 0 {
		t.Errorf("without a run, notes are %v", notes)
	}
	b.mustReplay()
	before, want := committed()
	if len(want) != 2 {
		t.Fatalf("notes after a replay are %v", want)
	}
	for _, command := range []string{"check", "export"} {
		if out, code := b.run("dlq", command, b.queue, "--ledger", b.ledger); code != 0 {
			t.Fatalf("%s: %d %s", command, code, out)
		}
		after, got := committed()
		if !maps.Equal(got, want) {
			t.Errorf("%s: notes are %v, were %v", command, got, want)
		}
		if after <= before {
			t.Errorf("%s: nothing was committed", command)
		}
		before = after
	}
	if out := b.mustReplay(); !strings.Contains(out, "nothing pending") {
		t.Errorf("replayed again: %s", out)
	}
}

// offsetsPartitions asks for the ends of the topic that keeps group offsets.
func (b *bench) offsetsPartitions() map[kafka.TopicPartition]int64 {
	b.t.Helper()
	meta, err := b.client.Metadata(b.t.Context(), []string{"__consumer_offsets"})
	if err != nil || len(meta.Topics) != 1 {
		b.t.Fatalf("%+v, %v", meta, err)
	}
	at := map[kafka.TopicPartition]int64{}
	for _, p := range meta.Topics[0].Partitions {
		at[kafka.TopicPartition{Topic: "__consumer_offsets", Partition: p.ID}] = kafka.Latest
	}
	return at
}

// notes are the offsets and the notes with them that a group committed, by partition.
func (b *bench) notes(group string) map[string]string {
	b.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(b.conn.Bootstrap, ",")...))
	if err != nil {
		b.t.Fatal(err)
	}
	defer cl.Close()
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group = group
	topic := kmsg.NewOffsetFetchRequestTopic()
	topic.Topic = b.queue
	for p := range b.partitions {
		topic.Partitions = append(topic.Partitions, p)
	}
	req.Topics = append(req.Topics, topic)
	var res *kmsg.OffsetFetchResponse
	// The first that asks for a group has the brokers make the topic of all groups.
	if !await(b.t, time.Minute, func() bool {
		res, err = req.RequestWith(b.t.Context(), cl)
		return err == nil && res.ErrorCode == 0
	}) {
		b.t.Fatalf("offsets of %s: %v, %+v", group, err, res)
	}
	found := map[string]string{}
	for _, t := range res.Topics {
		for _, p := range t.Partitions {
			if p.Offset >= 0 {
				found[strconv.Itoa(int(p.Partition))] = fmt.Sprintf("%d %s", p.Offset, *p.Metadata)
			}
		}
	}
	return found
}
