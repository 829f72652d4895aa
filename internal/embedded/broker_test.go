package embedded

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
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

// freePort finds a port that nothing listens on, below those that systems give to
// outgoing connections: a broker that starts again finds it free.
func freePort(t *testing.T) int {
	t.Helper()
	for range 1000 {
		port := 11000 + rand.IntN(4000)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
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
