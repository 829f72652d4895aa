package embedded

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// patience is the deadline of every wait in these tests.
const patience = 20 * time.Second

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// testBroker is a broker served in this process.
type testBroker struct {
	cfg  Config
	in   io.Closer
	done chan struct{}
	err  error
	free atomic.Uint64
	logs atomic.Pointer[string]
}

// serveFor runs a broker over dir until stop.
func serveFor(t *testing.T, dir string) *testBroker {
	t.Helper()
	b := tryServe(t, dir)
	select {
	case <-b.done:
		t.Fatalf("broker ended: %v", b.err)
	default:
	}
	return b
}

// tryServe returns once the broker is ready or has ended.
func tryServe(t *testing.T, dir string) *testBroker {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	b := &testBroker{cfg: Config{Dir: dir, Project: "test", Port: freePort(t)}, in: inW, done: make(chan struct{})}
	b.free.Store(1 << 40)
	b.logs.Store(new(string))
	go func() {
		defer close(b.done)
		defer outW.Close()
		b.err = serve(t.Context(), b.cfg, inR, &notices{w: outW}, func(string) (uint64, error) { return b.free.Load(), nil })
	}()
	ready := make(chan struct{})
	go func() {
		for scan := bufio.NewScanner(outR); scan.Scan(); {
			var n notice
			if json.Unmarshal(scan.Bytes(), &n) == nil && n.Ready {
				close(ready)
			}
			all := *b.logs.Load() + n.Log + "\n"
			b.logs.Store(&all)
		}
	}()
	select {
	case <-ready:
	case <-b.done:
	case <-time.After(patience):
		t.Fatal("broker is not ready in time")
	}
	t.Cleanup(func() { b.stop(t) })
	return b
}

func (b *testBroker) stop(t *testing.T) {
	t.Helper()
	_ = b.in.Close()
	b.wait(t)
}

func (b *testBroker) wait(t *testing.T) {
	t.Helper()
	select {
	case <-b.done:
	case <-time.After(patience):
		t.Fatal("broker does not end")
	}
}

// crashed is a copy of the project as it lies on disk now, which is what a
// killed broker leaves.
func (b *testBroker) crashed(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "crashed")
	if err := os.CopyFS(dir, os.DirFS(b.cfg.Dir)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (b *testBroker) client(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(b.cfg.Endpoint()), kgo.DefaultProduceTopic("t"), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.MetadataMinAge(10 * time.Millisecond), kgo.MaxVersions(kversion.V3_0_0()), // before topic ids replaced names
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func createTopic(t *testing.T, c *kgo.Client, name string) {
	t.Helper()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, 1, 1
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Topics = append(req.Topics, topic)
	res, err := req.RequestWith(t.Context(), c)
	if err != nil || res.Topics[0].ErrorCode != 0 {
		t.Fatalf("creating %s: %v %+v", name, err, res)
	}
}

func deleteRecords(t *testing.T, c *kgo.Client, before int64) {
	t.Helper()
	part := kmsg.NewDeleteRecordsRequestTopicPartition()
	part.Offset = before
	topic := kmsg.NewDeleteRecordsRequestTopic()
	topic.Topic, topic.Partitions = "t", append(topic.Partitions, part)
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.Topics = append(req.Topics, topic)
	res, err := req.RequestWith(t.Context(), c)
	if err != nil || res.Topics[0].Partitions[0].ErrorCode != 0 {
		t.Fatalf("deleting records: %v %+v", err, res)
	}
}

func produce(t *testing.T, c *kgo.Client, values ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, v := range values {
		if err := c.ProduceSync(ctx, kgo.StringRecord(v)).FirstErr(); err != nil {
			t.Fatalf("producing %s: %v", v, err)
		}
	}
}

// offsets are the first offset of topic t and the next one.
func offsets(t *testing.T, c *kgo.Client) (start, end int64) {
	t.Helper()
	at := func(when int64) int64 {
		part := kmsg.NewListOffsetsRequestTopicPartition()
		part.Timestamp = when
		topic := kmsg.NewListOffsetsRequestTopic()
		topic.Topic, topic.Partitions = "t", append(topic.Partitions, part)
		req := kmsg.NewPtrListOffsetsRequest()
		req.ReplicaID = -1
		req.Topics = append(req.Topics, topic)
		res, err := req.RequestWith(t.Context(), c)
		if err != nil || res.Topics[0].Partitions[0].ErrorCode != 0 {
			t.Fatalf("listing offsets: %v %+v", err, res)
		}
		return res.Topics[0].Partitions[0].Offset
	}
	return at(-2), at(-1)
}

// committed reads topic t as a reader of committed records does. It ends at a
// record of its own, which it leaves in the topic.
func (b *testBroker) committed(t *testing.T) string {
	t.Helper()
	end := "end-" + time.Now().Format(time.RFC3339Nano)
	produce(t, b.client(t), end)
	c := b.client(t, kgo.ConsumeTopics("t"), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var got []string
	for {
		fetches := c.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("reading, after %v: %v", got, err)
		}
		for r := range fetches.RecordsAll() {
			if string(r.Value) == end {
				return strings.Join(got, " ")
			}
			if !strings.HasPrefix(string(r.Value), "end-") {
				got = append(got, string(r.Value))
			}
		}
	}
}

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
