package dlq_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// edge is what one edge test works on: a topic and a producer.
type edge struct {
	c     *kafka.Client
	topic string
	p     *txn.Producer
}

func newEdge(t *testing.T, c *kafka.Client, o txn.Options, config map[string]string) edge {
	t.Helper()
	e := edge{c: c, topic: strings.ToLower(realkafka.Name(t))}
	specs := []topics.Spec{{Name: e.topic, Partitions: 2, Replication: 1, Config: config}}
	if _, err := topics.New(c).Create(t.Context(), specs, topics.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	// A broker that does not know yet that it leads a partition answers so that
	// a producer with other records under way is given up.
	at := map[kafka.TopicPartition]int64{{Topic: e.topic, Partition: 0}: kafka.Latest, {Topic: e.topic, Partition: 1}: kafka.Latest}
	known := func() (bool, error) {
		_, err := c.Offsets(t.Context(), at, kafka.ReadUncommitted)
		if kafka.Retriable(err) || errors.Is(err, kafka.ErrUnknownTopic) {
			return false, nil
		}
		return true, err
	}
	if err := waitUntil(t.Context(), known); err != nil {
		t.Fatal(err)
	}
	o.ID = e.topic
	e.p = e.acquire(t, o)
	return e
}

func (e edge) acquire(t *testing.T, o txn.Options) *txn.Producer {
	t.Helper()
	o.ID = e.topic
	p, err := txn.Acquire(t.Context(), e.c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func (e edge) records(values ...string) []kafka.Record {
	list := make([]kafka.Record, len(values))
	for i, v := range values {
		list[i] = kafka.Record{Topic: e.topic, Partition: int32(i % 2), Key: []byte(v), Value: []byte(v)}
	}
	return list
}

// keys reads what was committed.
func (e edge) keys(t *testing.T) map[string]int {
	t.Helper()
	seen := map[string]int{}
	tps := []kafka.TopicPartition{{Topic: e.topic, Partition: 0}, {Topic: e.topic, Partition: 1}}
	if err := readCommitted(t.Context(), e.c, tps, func(r kafka.Record) { seen[string(r.Key)]++ }); err != nil {
		t.Fatal(err)
	}
	return seen
}

// wantOnly fails unless exactly these keys are committed, each once.
func (e edge) wantOnly(t *testing.T, want ...string) {
	t.Helper()
	seen := e.keys(t)
	for _, k := range want {
		if seen[k] != 1 {
			t.Errorf("%s is there %d times", k, seen[k])
		}
	}
	if len(seen) != len(want) {
		t.Errorf("%d keys are there, want %d: %v", len(seen), len(want), seen)
	}
}

// testEdges holds what Commit promises about each way in which it can fail.
func testEdges(t *testing.T, c *kafka.Client) {
	t.Run("rejected", func(t *testing.T) {
		t.Parallel()
		for name, tc := range map[string]struct {
			config map[string]string
			spoil  func(*kafka.Record)
			code   string
		}{
			"too large": {map[string]string{"max.message.bytes": "2000"}, func(r *kafka.Record) { r.Value = make([]byte, 5000) }, "MESSAGE_TOO_LARGE"},
			"no key":    {map[string]string{"cleanup.policy": "compact"}, func(r *kafka.Record) { r.Key = nil }, "INVALID_RECORD"},
			"too old": {map[string]string{"message.timestamp.before.max.ms": "60000"}, func(r *kafka.Record) { r.Timestamp = time.Now().Add(-time.Hour) },
				"INVALID_TIMESTAMP"},
		} {
			t.Run(name, func(t *testing.T) {
				e := newEdge(t, c, txn.Options{}, tc.config)
				records := e.records("a", "b", "c", "d", "e", "f")
				tc.spoil(&records[3])
				_, err := e.p.Commit(t.Context(), txn.Write{Records: records})
				var rejected *txn.RejectedError
				var be *kafka.BrokerError
				if !errors.As(err, &rejected) || rejected.Index != 3 || !errors.As(err, &be) || be.Name != tc.code {
					t.Fatalf("got %v, want record 3 with %s", err, tc.code)
				}
				if _, err := e.p.Commit(t.Context(), txn.Write{Records: append(records[:3], records[4:]...)}); err != nil {
					t.Fatal(err)
				}
				e.wantOnly(t, "a", "b", "c", "e", "f")
			})
		}
	})
	t.Run("taken over", func(t *testing.T) {
		t.Parallel()
		e := newEdge(t, c, txn.Options{}, nil)
		_, err := e.p.Commit(t.Context(), txn.Write{Records: e.records("mine"), Before: func(context.Context) error {
			e.acquire(t, txn.Options{})
			return nil
		}})
		var lost *txn.LostError
		if !errors.As(err, &lost) || !lost.Fenced || lost.Unknown {
			t.Fatalf("got %v", err)
		}
		if _, again := e.p.Commit(t.Context(), txn.Write{Records: e.records("more")}); !errors.Is(again, err) {
			t.Errorf("a lost producer went on: %v", again)
		}
		e.wantOnly(t)
	})
	t.Run("open too long", func(t *testing.T) {
		t.Parallel()
		e := newEdge(t, c, txn.Options{Timeout: time.Second}, nil)
		reader := txn.NewReader(c)
		_, err := e.p.Commit(t.Context(), txn.Write{Records: e.records("late"), Before: func(ctx context.Context) error {
			return waitUntil(ctx, func() (bool, error) {
				state, err := reader.Describe(ctx, e.topic)
				return state.State == "CompleteAbort", err
			})
		}})
		var lost *txn.LostError
		if !errors.As(err, &lost) || !lost.Fenced {
			t.Fatalf("got %v", err)
		}
		if _, err := e.acquire(t, txn.Options{}).Commit(t.Context(), txn.Write{Records: e.records("now")}); err != nil {
			t.Fatal(err)
		}
		e.wantOnly(t, "now")
	})
	t.Run("interrupted", func(t *testing.T) {
		t.Parallel()
		e := newEdge(t, c, txn.Options{}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		_, err := e.p.Commit(ctx, txn.Write{Records: e.records("never"), Before: func(ctx context.Context) error {
			cancel()
			return ctx.Err()
		}})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
		state, err := txn.NewReader(c).Describe(t.Context(), e.topic)
		if err != nil || state.State == "Ongoing" {
			t.Errorf("the transaction was left %s, %v", state.State, err)
		}
		if _, err := e.p.Commit(t.Context(), txn.Write{Records: e.records("then")}); err != nil {
			t.Fatal(err)
		}
		e.wantOnly(t, "then")
	})
	t.Run("offsets", func(t *testing.T) {
		t.Parallel()
		e := newEdge(t, c, txn.Options{}, nil)
		w := txn.Write{Records: e.records("a"), Offsets: &txn.Offsets{Group: e.topic, At: map[kafka.TopicPartition]txn.Offset{
			{Topic: e.topic, Partition: 1}: {Offset: 7, Metadata: strings.Repeat("x", 5000)},
		}}}
		if _, err := e.p.Commit(t.Context(), w); !errors.Is(err, txn.ErrOffsetsRefused) {
			t.Fatalf("got %v", err)
		}
		w.Offsets.At = map[kafka.TopicPartition]txn.Offset{{Topic: e.topic, Partition: 1}: {Offset: 7, Metadata: "note"}}
		if _, err := e.p.Commit(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		w.Records = nil
		if _, err := e.p.Commit(t.Context(), w); err != nil {
			t.Fatalf("offsets alone: %v", err)
		}
		e.wantOnly(t, "a")
	})
	t.Run("no such topic", func(t *testing.T) {
		t.Parallel()
		e := newEdge(t, c, txn.Options{Patience: time.Second}, nil)
		for _, r := range []kafka.Record{{Topic: e.topic + ".none"}, {Topic: e.topic, Partition: 9}} {
			if _, err := e.p.Commit(t.Context(), txn.Write{Records: []kafka.Record{r}}); !errors.Is(err, kafka.ErrUnknownTopic) {
				t.Errorf("%s/%d: %v", r.Topic, r.Partition, err)
			}
		}
		if _, err := e.p.Commit(t.Context(), txn.Write{Records: e.records("x")}); err != nil {
			t.Fatal(err)
		}
		e.wantOnly(t, "x")
	})
	t.Run("many batches", func(t *testing.T) {
		t.Parallel()
		e := newEdge(t, c, txn.Options{}, map[string]string{"max.message.bytes": "2000"})
		var names []string
		for i := range 400 {
			names = append(names, fmt.Sprintf("%03d%s", i, strings.Repeat(".", 300)))
		}
		offsets, err := e.p.Commit(t.Context(), txn.Write{Records: e.records(names...)})
		if err != nil {
			t.Fatal(err)
		}
		for i := 2; i < len(offsets); i++ {
			if offsets[i] != offsets[i-2]+1 {
				t.Fatalf("record %d is at %d, the one before it at %d", i, offsets[i], offsets[i-2])
			}
		}
		e.wantOnly(t, names...)
	})
}

// waitUntil polls until it is so, or the context or five times the room is over.
func waitUntil(ctx context.Context, so func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := so()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// testLeaderLoss kills a broker under an engine that writes to all of them.
func testLeaderLoss(t *testing.T, cluster *realkafka.Cluster, direct *kafka.Client) {
	name := strings.ToLower(realkafka.Name(t))
	specs := []topics.Spec{
		{Name: name, Partitions: 3, Replication: 3, Config: map[string]string{"min.insync.replicas": "2"}},
		{Name: name + ".ledger", Partitions: 1, Replication: 3, Config: map[string]string{"min.insync.replicas": "2"}},
	}
	if _, err := topics.New(direct).Create(t.Context(), specs, topics.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	e := &engine{
		bootstrap: cluster.Bootstrap(), id: name, topic: name, ledger: name + ".ledger", parts: []int32{0, 1, 2},
		chunks: 1 << 20, size: 30, pad: 200, offsets: true, opts: txn.Options{Answer: 3 * time.Second}, enough: make(chan struct{}),
	}
	done := make(chan error, 1)
	go func() { done <- e.run(context.WithoutCancel(t.Context())) }()
	// more waits until so many more chunks are under way.
	more := func(chunks int) {
		e.mu.Lock()
		from := len(e.tried)
		e.mu.Unlock()
		if err := waitUntil(t.Context(), func() (bool, error) {
			e.mu.Lock()
			defer e.mu.Unlock()
			return len(e.tried) > from+chunks || len(done) > 0, nil
		}); err != nil {
			t.Errorf("no progress after %d chunks: %v", from, err)
		}
	}
	more(20)
	cluster.Kill(1)
	more(20)
	cluster.Start(1)
	more(20)
	close(e.enough)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	v := judge(t, direct, place{topic: name, ledger: e.ledger, parts: e.parts}, e)[e.id]
	t.Logf("%d letters, a broker killed and started again, %d producers given up: %+v", e.chunks*e.size, e.lost, v)
	if v.bad() {
		t.Errorf("lost %d, duplicated %d, torn %d", v.lost, v.duplicated, v.torn)
	}
}
