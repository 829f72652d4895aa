package console_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// input is one source of standard input.
func input(text string) []console.Source {
	return []console.Source{{Reader: strings.NewReader(text)}}
}

func format(t *testing.T, text string) *console.Format {
	t.Helper()
	f, err := console.ParseFormat(text, console.Input)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// readAll reads a topic's records to their end, partition by partition.
func readAll(t *testing.T, c *kafka.Client, topic string, partitions int32) []kafka.Record {
	t.Helper()
	var all []kafka.Record
	for p := range partitions {
		tp := kafka.TopicPartition{Topic: topic, Partition: p}
		at := map[kafka.TopicPartition]int64{tp: kafka.Latest}
		ends, err := c.Offsets(t.Context(), at, kafka.ReadCommitted)
		if err != nil {
			t.Fatal(err)
		}
		for next := int64(0); next < ends[tp]; {
			got, err := c.Fetch(t.Context(), map[kafka.TopicPartition]int64{tp: next}, kafka.FetchOptions{})
			if err != nil || len(got) != 1 || got[0].Err != nil {
				t.Fatalf("fetching %v: %+v, %v", tp, got, err)
			}
			all = append(all, got[0].Records...)
			next = got[0].Next
		}
	}
	return all
}

func values(records []kafka.Record) []string {
	var list []string
	for _, r := range records {
		list = append(list, string(r.Value))
	}
	return list
}

// numbers is lines 0 to n-1.
func numbers(n int) (text string, list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("%06d", i))
	}
	return strings.Join(list, "\n") + "\n", list
}

// broker starts a broker with a topic t.
func broker(t *testing.T, partitions int32, opts ...kfake.Opt) (*kfake.Cluster, *kafka.Client) {
	t.Helper()
	cluster := kafkatest.Cluster(t, append(opts, kfake.SeedTopics(partitions, "t"))...)
	return cluster, kafkatest.Open(t, kafkatest.Bootstrap(cluster))
}

func TestProduceLines(t *testing.T) {
	t.Parallel()
	_, c := broker(t, 1)
	res, err := console.Produce(t.Context(), c, console.ProduceOptions{Topic: "t", Sources: input("one\r\n\ntwo")})
	if err != nil {
		t.Fatal(err)
	}
	if res.Sent != 3 || res.Acked != 3 || res.Bytes != 6 || len(res.Offsets) != 1 || res.Offsets[0] != (console.Written{Topic: "t", Records: 3, Last: 2}) {
		t.Errorf("result %+v", res)
	}
	got := readAll(t, c, "t", 1)
	for _, r := range got {
		if r.Key != nil || r.Value == nil || time.Since(r.Timestamp).Abs() > time.Minute {
			t.Errorf("offset %d: key %v, value %v, at %v", r.Offset, r.Key, r.Value, r.Timestamp)
		}
	}
	if want := []string{"one", "", "two"}; !slices.Equal(values(got), want) {
		t.Errorf("got %q, want %q", values(got), want)
	}
}

func TestProduceUnknownTopic(t *testing.T) {
	t.Parallel()
	_, c := broker(t, 1)
	_, err := console.Produce(t.Context(), c, console.ProduceOptions{Topic: "other", Sources: input("x")})
	if !errors.Is(err, kafka.ErrUnknownTopic) || !strings.Contains(err.Error(), "other") {
		t.Fatalf("error %v", err)
	}
	meta, err := c.Metadata(t.Context(), nil)
	if err != nil || len(meta.Topics) != 1 {
		t.Fatalf("topics %+v, %v", meta.Topics, err)
	}
}

// Every byte, null, empty value, duplicate and order survives.
func TestProduceEnvelopes(t *testing.T) {
	t.Parallel()
	_, c := broker(t, 3)
	at := time.UnixMilli(1795425121123)
	want := []kafka.Record{
		{Topic: "t", Partition: 0, Timestamp: at, Key: []byte{}, Value: nil},
		{Topic: "t", Partition: 0, Offset: 1, Timestamp: at.Add(-time.Hour), Value: []byte{}, Headers: []kafka.Header{
			{Name: "b", Value: []byte("1")}, {Name: "a"}, {Name: "b", Value: []byte{}}, {Name: "", Value: []byte{0xff}}}},
		{Topic: "t", Partition: 2, Timestamp: time.UnixMilli(0), Key: []byte("\xff\x00"), Value: []byte("\u2028\x1b")},
		{Topic: "t", Partition: 2, Offset: 1, Key: []byte("k"), Value: []byte("no timestamp")},
	}
	var lines strings.Builder
	for i := range want {
		lines.Write(console.AppendEnvelope(nil, &want[i]))
		lines.WriteByte('\n')
	}
	for _, compression := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		res, err := console.Produce(t.Context(), c, console.ProduceOptions{
			Topic: "t", Sources: input(lines.String()), Format: format(t, "jsonl"), KeepTimestamp: true, KeepPartition: true, Compression: compression,
		})
		if err != nil || res.Acked != int64(len(want)) {
			t.Fatalf("%s: %+v, %v", compression, res, err)
		}
		got := readAll(t, c, "t", 3)
		got = slices.DeleteFunc(got, func(r kafka.Record) bool { return r.Offset < res.Offsets[min(int(r.Partition), 1)].First })
		for i, r := range got {
			r.Offset -= res.Offsets[min(int(r.Partition), 1)].First
			if a, b := console.AppendEnvelope(nil, &r), console.AppendEnvelope(nil, &want[i]); string(a) != string(b) {
				t.Errorf("%s:\n got %s\nwant %s", compression, a, b)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d records, want %d", compression, len(got), len(want))
		}
	}
}

// endless gives lines for ever and counts none.
type endless struct{ n int }

func (e *endless) Read(p []byte) (int, error) {
	e.n++
	return copy(p, fmt.Sprintf("%064d\n", e.n)), nil
}

// slowBroker answers each produce request late, so that some are under way.
func TestProduceInterrupted(t *testing.T) {
	t.Parallel()
	for _, partitions := range []int32{1, 6} {
		_, c := broker(t, partitions)
		ctx, cancel := cancelAfter(t, 200*time.Millisecond)
		start := time.Now()
		res, err := console.Produce(ctx, c, console.ProduceOptions{Topic: "t", Sources: []console.Source{{Reader: &endless{}}}})
		cancel()
		if took := time.Since(start); took > 6*time.Second {
			t.Errorf("took %v", took)
		}
		var cut *console.UnfinishedError
		if !errors.As(err, &cut) || !errors.Is(err, ctx.Err()) || cut.Acked != res.Acked || cut.Unsure != 0 || cut.Resume.N != res.Acked+1 {
			t.Fatalf("error %+v, result %+v", err, res)
		}
		if got := len(readAll(t, c, "t", partitions)); int64(got) != res.Acked || got == 0 {
			t.Errorf("%d partitions: %d records in the topic, %d acknowledged", partitions, got, res.Acked)
		}
	}
}

// An input that blocks does not hold up the end, and what it gave is sent at once.
func TestProduceInterruptedWhileReading(t *testing.T) {
	t.Parallel()
	_, c := broker(t, 2)
	r, w := io.Pipe()
	ctx, cancel := cancelAfter(t, time.Hour)
	waiting := make(chan struct{}, 100)
	type outcome struct {
		res console.ProduceResult
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		res, err := console.Produce(ctx, c, console.ProduceOptions{
			Topic: "t", Sources: []console.Source{{Reader: r}}, Waiting: func() { waiting <- struct{}{} },
		})
		done <- outcome{res, err}
	}()
	if _, err := io.WriteString(w, "one\ntwo\nhalf a li"); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		<-waiting
		if len(readAll(t, c, "t", 2)) == 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the lines did not arrive while more was awaited")
		}
		waiting <- struct{}{}
	}
	cancel()
	got := <-done
	if !errors.Is(got.err, ctx.Err()) || got.res.Acked != 2 {
		t.Errorf("result %+v, error %v", got.res, got.err)
	}
	_ = w.Close()
}
