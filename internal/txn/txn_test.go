package txn

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func open(t *testing.T, topics ...string) *kafka.Client {
	t.Helper()
	return kafkatest.Open(t, kafkatest.Start(t, kfake.SeedTopics(3, topics...)))
}

func acquire(t *testing.T, c *kafka.Client, o Options) *Producer {
	t.Helper()
	p, err := Acquire(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// values reads what a consumer of committed records sees of a topic.
func values(t *testing.T, c *kafka.Client, topic string, partitions int32) []string {
	t.Helper()
	from := map[kafka.TopicPartition]int64{}
	for p := range partitions {
		from[kafka.TopicPartition{Topic: topic, Partition: p}] = 0
	}
	var got []string
	err := c.ReadToEnd(t.Context(), from, kafka.FetchOptions{}, func(f kafka.Fetched) error {
		for _, r := range f.Records {
			got = append(got, fmt.Sprintf("%d@%d=%s", r.Partition, r.Offset, r.Value))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func record(topic string, partition int32, value string) kafka.Record {
	return kafka.Record{Topic: topic, Partition: partition, Value: []byte(value)}
}

func TestCommitTellsOffsets(t *testing.T) {
	t.Parallel()
	c := open(t, "orders")
	p := acquire(t, c, Options{ID: "a"})
	for n := range 3 {
		offsets, err := p.Commit(t.Context(), Write{Records: []kafka.Record{
			record("orders", 0, fmt.Sprint("x", n)), record("orders", 1, fmt.Sprint("y", n)), record("orders", 0, fmt.Sprint("z", n)),
		}})
		if err != nil {
			t.Fatal(err)
		}
		if offsets[0] < 0 || offsets[1] < 0 || offsets[2] != offsets[0]+1 {
			t.Errorf("offsets %v", offsets)
		}
		for _, want := range []string{fmt.Sprintf("0@%d=x%d", offsets[0], n), fmt.Sprintf("1@%d=y%d", offsets[1], n)} {
			if got := strings.Join(values(t, c, "orders", 3), " "); !strings.Contains(got, want) {
				t.Errorf("%s is not in %s", want, got)
			}
		}
	}
}

func TestBeforeAborts(t *testing.T) {
	t.Parallel()
	c := open(t, "orders")
	p := acquire(t, c, Options{ID: "a"})
	no := errors.New("no")
	_, err := p.Commit(t.Context(), Write{
		Records: []kafka.Record{record("orders", 0, "never")},
		Before:  func(context.Context) error { return no },
	})
	if !errors.Is(err, no) {
		t.Fatalf("got %v", err)
	}
	if _, err := p.Commit(t.Context(), Write{Records: []kafka.Record{record("orders", 0, "now")}}); err != nil {
		t.Fatal(err)
	}
	if got := values(t, c, "orders", 3); len(got) != 1 || !strings.HasSuffix(got[0], "=now") {
		t.Errorf("got %v", got)
	}
}

func TestOffsets(t *testing.T) {
	t.Parallel()
	c := open(t, "orders")
	p := acquire(t, c, Options{ID: "a"})
	tp := kafka.TopicPartition{Topic: "orders", Partition: 2}
	_, err := p.Commit(t.Context(), Write{
		Records: []kafka.Record{record("orders", 0, "x")},
		Offsets: &Offsets{Group: "g", At: map[kafka.TopicPartition]Offset{tp: {Offset: 7, Metadata: "note"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A connection that has rested is made anew: the broker may have closed it,
// and a request into it would count as one without an answer.
func TestARestedConnectionIsNotTrusted(t *testing.T) {
	t.Parallel()
	c := open(t, "orders")
	p := acquire(t, c, Options{ID: "a"})
	w := Write{Records: []kafka.Record{record("orders", 0, "x")}}
	if _, err := p.Commit(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	for _, l := range p.links {
		l.cut()
		l.used = l.used.Add(-2 * idleLimit)
	}
	if _, err := p.Commit(t.Context(), w); err != nil {
		t.Errorf("after a rest: %v", err)
	}
	for _, l := range p.links {
		l.cut()
	}
	var lost *LostError
	if _, err := p.Commit(t.Context(), w); !errors.As(err, &lost) {
		t.Errorf("in use: %v", err)
	}
	if got := values(t, c, "orders", 3); len(got) != 2 {
		t.Errorf("got %v", got)
	}
}

func TestCompression(t *testing.T) {
	t.Parallel()
	c := open(t, "orders")
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		p := acquire(t, c, Options{ID: codec, Compression: codec})
		if _, err := p.Commit(t.Context(), Write{Records: []kafka.Record{record("orders", 1, codec)}}); err != nil {
			t.Errorf("%s: %v", codec, err)
		}
	}
	if got := values(t, c, "orders", 3); len(got) != 5 {
		t.Errorf("got %v", got)
	}
}

// A record's bytes, nulls and headers arrive as they were given.
func TestBytesArriveAsGiven(t *testing.T) {
	t.Parallel()
	c := open(t, "orders")
	p := acquire(t, c, Options{ID: "a"})
	at := time.UnixMilli(1795406037334)
	want := []kafka.Record{
		{Topic: "orders", Key: nil, Value: nil, Timestamp: at},
		{Topic: "orders", Key: []byte{}, Value: []byte{}, Timestamp: at.Add(-time.Hour), Headers: []kafka.Header{{Name: "n", Value: nil}, {Name: "n", Value: []byte{}}, {Name: "\xff", Value: []byte{0, 1}}}},
		{Topic: "orders", Key: []byte{0}, Value: []byte("v"), Timestamp: at.Add(time.Hour)},
	}
	if _, err := p.Commit(t.Context(), Write{Records: want}); err != nil {
		t.Fatal(err)
	}
	var got []kafka.Record
	err := c.ReadToEnd(t.Context(), map[kafka.TopicPartition]int64{{Topic: "orders"}: 0}, kafka.FetchOptions{}, func(f kafka.Fetched) error {
		got = append(got, f.Records...)
		return nil
	})
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d records, %v", len(got), err)
	}
	for i, w := range want {
		g := got[i]
		if (g.Key == nil) != (w.Key == nil) || string(g.Key) != string(w.Key) || (g.Value == nil) != (w.Value == nil) || string(g.Value) != string(w.Value) || !g.Timestamp.Equal(w.Timestamp) {
			t.Errorf("record %d: got %+v, want %+v", i, g, w)
		}
		if len(g.Headers) != len(w.Headers) {
			t.Fatalf("record %d has %d headers", i, len(g.Headers))
		}
		for j, h := range w.Headers {
			if g.Headers[j].Name != h.Name || (g.Headers[j].Value == nil) != (h.Value == nil) || string(g.Headers[j].Value) != string(h.Value) {
				t.Errorf("record %d, header %d: %+v, want %+v", i, j, g.Headers[j], h)
			}
		}
	}
}
