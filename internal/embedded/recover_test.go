package embedded

import (
	"errors"
	"os"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestDeletedRecordsStayDeleted(t *testing.T) {
	t.Parallel()
	b := serveFor(t, t.TempDir())
	c := b.client(t)
	createTopic(t, c, "t")
	produce(t, c, "0", "1", "2", "3", "4")
	deleteRecords(t, c, 3)
	for name, dir := range map[string]string{"crash": b.crashed(t), "clean": ""} {
		if dir == "" {
			b.stop(t)
			dir = b.cfg.Dir
		}
		again := serveFor(t, dir)
		if start, end := offsets(t, again.client(t)); start != 3 || end != 5 {
			t.Errorf("%s: offsets %d to %d, want 3 to 5", name, start, end)
		}
		if got := again.committed(t); got != "3 4" {
			t.Errorf("%s: read %q, want 3 4", name, got)
		}
		again.stop(t)
	}
}

func TestOffsetsNeverGoBack(t *testing.T) {
	t.Parallel()
	b := serveFor(t, t.TempDir())
	c := b.client(t)
	createTopic(t, c, "t")
	produce(t, c, "0", "1", "2")
	deleteRecords(t, c, -1)
	dir := b.crashed(t)
	for range 3 { // a crash, then two clean ends, without a record written
		again := serveFor(t, dir)
		if start, end := offsets(t, again.client(t)); start != 3 || end != 3 {
			t.Fatalf("offsets %d to %d of an emptied partition, want 3 to 3", start, end)
		}
		again.stop(t)
	}
	again := serveFor(t, dir)
	if got := again.committed(t); got != "" {
		t.Errorf("read %q from an emptied partition", got)
	}
	if start, end := offsets(t, again.client(t)); start != 3 || end != 4 {
		t.Errorf("offsets %d to %d after one more record, want 3 to 4", start, end)
	}
}

func TestInterruptedTransactionStaysAborted(t *testing.T) {
	t.Parallel()
	b := serveFor(t, t.TempDir())
	c := b.client(t)
	createTopic(t, c, "t")
	txn := func(b *testBroker) *kgo.Client {
		c := b.client(t, kgo.TransactionalID("x"))
		if err := c.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		return c
	}
	produce(t, c, "before")
	produce(t, txn(b), "interrupted")
	b2 := serveFor(t, b.crashed(t))
	if got := b2.committed(t); got != "before" {
		t.Fatalf("after the crash: read %q, want before", got)
	}
	c2 := txn(b2)
	produce(t, c2, "good")
	if err := c2.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	b3 := serveFor(t, b2.crashed(t))
	if got := b3.committed(t); got != "before good" {
		t.Errorf("after the second crash: read %q, want before good", got)
	}
	b3.stop(t)
	b4 := serveFor(t, b3.cfg.Dir)
	if got := b4.committed(t); got != "before good" {
		t.Errorf("after a clean end: read %q, want before good", got)
	}
}

// TestRetryAfterCrash sends the same batch again, as a producer does that did
// not see the answer to it.
func TestRetryAfterCrash(t *testing.T) {
	t.Parallel()
	b := serveFor(t, t.TempDir())
	c := b.client(t)
	createTopic(t, c, "t")
	produce(t, c, "old")
	b.stop(t) // leaves the producers' sequences of this moment
	b = serveFor(t, b.cfg.Dir)
	pid := initProducer(t, b.client(t))
	first := produceRaw(t, b, pid, 0)
	second := produceRaw(t, b, pid, 1)
	again := serveFor(t, b.crashed(t))
	if got := produceRaw(t, again, pid, 1); got != second || second != first+1 {
		t.Errorf("retry got offset %d, want that of the first try, %d (after %d)", got, second, first)
	}
	if got := produceRaw(t, again, pid, 2); got != second+1 {
		t.Errorf("next batch got offset %d, want %d", got, second+1)
	}
}

func initProducer(t *testing.T, c *kgo.Client) (pid int64) {
	t.Helper()
	req := kmsg.NewPtrInitProducerIDRequest()
	req.ProducerID, req.ProducerEpoch = -1, -1
	res, err := req.RequestWith(t.Context(), c)
	if err != nil || res.ErrorCode != 0 {
		t.Fatalf("producer id: %v %+v", err, res)
	}
	return res.ProducerID
}

// produceRaw sends one record as the idempotent producer pid.
func produceRaw(t *testing.T, b *testBroker, pid int64, sequence int32) (offset int64) {
	t.Helper()
	rec := kmsg.Record{Value: []byte("v")}
	rec.Length = int32(len(rec.AppendTo(nil)) - 1)
	part := kmsg.NewProduceRequestTopicPartition()
	part.Records = encodeBatch(kmsg.RecordBatch{ProducerID: pid, FirstSequence: sequence, NumRecords: 1, Records: rec.AppendTo(nil)})
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic, topic.Partitions = "t", append(topic.Partitions, part)
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.Topics = -1, append(req.Topics, topic)
	c := b.client(t)
	res, err := c.Broker(0).Request(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	p := res.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
	if p.ErrorCode != 0 {
		t.Fatalf("sequence %d: error code %d", sequence, p.ErrorCode)
	}
	return p.BaseOffset
}

func TestTornFilesAreRepaired(t *testing.T) {
	t.Parallel()
	b := serveFor(t, t.TempDir())
	c := b.client(t)
	createTopic(t, c, "t")
	produce(t, c, "0", "1")
	dir := b.crashed(t)
	d := clusterFiles(brokerDir(dir))
	segs, err := segments(d.partition("t", 0))
	if err != nil || len(segs) != 1 {
		t.Fatalf("%d segments, %v", len(segs), err)
	}
	// Half a batch, half a log entry, a batch without index entry, a deleted topic.
	if err := appendFile(segs[0].data(), abortMarker(2, 0, 1, 1)[:40]); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(segs[0].path+".idx", indexEntrySize); err != nil {
		t.Fatal(err)
	}
	if err := appendFile(d.path("groups.log"), []byte{60, 0, 0, 0, 1, 2}); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(d.partition("gone", 0), 0o700); err != nil {
		t.Fatal(err)
	}
	again := serveFor(t, dir)
	if got := again.committed(t); got != "0 1" {
		t.Errorf("read %q, want 0 1", got)
	}
	if _, err := os.Stat(d.partition("gone", 0)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("files of a deleted topic are left: %v", err)
	}
	commitOffset(t, again.client(t), 2)
	b3 := serveFor(t, again.crashed(t))
	if got := fetchOffset(t, b3.client(t)); got != 2 {
		t.Errorf("committed offset is %d after a crash, want 2", got)
	}
}

func commitOffset(t *testing.T, c *kgo.Client, offset int64) {
	t.Helper()
	part := kmsg.NewOffsetCommitRequestTopicPartition()
	part.Offset = offset
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Topic, topic.Partitions = "t", append(topic.Partitions, part)
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Topics = "g", append(req.Topics, topic)
	res, err := req.RequestWith(t.Context(), c)
	if err != nil || res.Topics[0].Partitions[0].ErrorCode != 0 {
		t.Fatalf("committing: %v %+v", err, res)
	}
}

func fetchOffset(t *testing.T, c *kgo.Client) int64 {
	t.Helper()
	topic := kmsg.NewOffsetFetchRequestTopic()
	topic.Topic, topic.Partitions = "t", []int32{0}
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group, req.Topics = "g", append(req.Topics, topic)
	res, err := req.RequestWith(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Topics) > 0 {
		return res.Topics[0].Partitions[0].Offset
	}
	return res.Groups[0].Topics[0].Partitions[0].Offset
}
