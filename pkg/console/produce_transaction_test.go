package console_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func TestProduceTransactions(t *testing.T) {
	t.Parallel()
	text, _ := numbers(1000)
	for _, size := range []int64{0, 1, 300, 1000, 5000} {
		if size == 1 {
			text = text[:70]
		}
		cluster, c := broker(t, 3)
		cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn, kmsg.AddPartitionsToTxn}, Err: kerr.ConcurrentTransactions, Count: 2})
		want := int64(strings.Count(text, "\n"))
		res, err := console.Produce(t.Context(), c, console.ProduceOptions{Topic: "t", Sources: input(text), TransactionalID: "tx", TransactionSize: size})
		if err != nil || res.Acked != want || res.Sent != want {
			t.Fatalf("size %d: %+v, %v", size, res, err)
		}
		if got := len(readAll(t, c, "t", 3)); int64(got) != want {
			t.Errorf("size %d: %d records committed, want %d", size, got, want)
		}
		text, _ = numbers(1000)
	}
}

// A commit whose answer did not come may still be on its way: it must not find the
// next transaction.
func TestProduceCommitWithoutAnswer(t *testing.T) {
	t.Parallel()
	cluster, c := broker(t, 3)
	var ends, inits atomic.Int32
	epochs := make(chan int16, 10)
	cluster.ControlKey(int16(kmsg.InitProducerID), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		inits.Add(1)
		return nil, nil, false
	})
	cluster.ControlKey(int16(kmsg.EndTxn), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		epochs <- req.(*kmsg.EndTxnRequest).ProducerEpoch
		if ends.Add(1) == 1 {
			return nil, errors.New("the connection breaks"), true
		}
		return nil, nil, false
	})
	text, _ := numbers(250)
	res, err := console.Produce(t.Context(), c, console.ProduceOptions{Topic: "t", Sources: input(text), TransactionalID: "tx", TransactionSize: 100})
	if err != nil || res.Acked != 250 {
		t.Fatalf("%+v, %v", res, err)
	}
	if got := len(readAll(t, c, "t", 3)); got != 250 {
		t.Errorf("%d records committed, want 250", got)
	}
	close(epochs)
	var got []int16
	for e := range epochs {
		got = append(got, e)
	}
	if inits.Load() != 2 || len(got) != 4 || got[0] != got[1] || got[2] <= got[1] || got[3] != got[2] {
		t.Errorf("%d ids, epochs %v", inits.Load(), got)
	}
}

// A transaction that meets a bad record, or an interrupt, shows nothing.
func TestProduceTransactionAborts(t *testing.T) {
	t.Parallel()
	_, c := broker(t, 3)
	text := strings.Repeat("{\"value\":\"x\"}\n", 250)
	res, err := console.Produce(t.Context(), c, console.ProduceOptions{
		Topic: "t", Sources: input(text + "bad\n"), Format: format(t, "jsonl"), TransactionalID: "tx", TransactionSize: 100,
	})
	if !errors.Is(err, console.ErrRejected) || res.Acked != 200 || res.Sent != 250 {
		t.Fatalf("%+v, %v", res, err)
	}
	if got := len(readAll(t, c, "t", 3)); got != 200 {
		t.Errorf("%d records committed, want 200", got)
	}

	r, w := io.Pipe()
	ctx, cancel := cancelAfter(t, time.Hour)
	told := false
	go func() { _, _ = io.WriteString(w, strings.Repeat("x\n", 150)) }()
	res, err = console.Produce(ctx, c, console.ProduceOptions{
		Topic: "t", Sources: []console.Source{{Reader: r}}, TransactionalID: "tx", TransactionSize: 100,
		Waiting: func() {
			if told {
				cancel()
			}
			told = true
			go func() { _, _ = io.WriteString(w, "x\n") }()
		},
	})
	var cut *console.UnfinishedError
	if !errors.As(err, &cut) || !errors.Is(err, ctx.Err()) || res.Acked != 100 || cut.Resume.N != 101 || cut.Unsure != 0 {
		t.Fatalf("%+v, %v", res, err)
	}
	if got := len(readAll(t, c, "t", 3)); got != 300 {
		t.Errorf("%d records committed, want 300", got)
	}
}

// A newer producer with the same id ends this one.
func TestProduceFenced(t *testing.T) {
	t.Parallel()
	_, c := broker(t, 1)
	r, w := io.Pipe()
	go func() { _, _ = io.WriteString(w, "old\n") }()
	calls := 0
	res, err := console.Produce(t.Context(), c, console.ProduceOptions{
		Topic: "t", Sources: []console.Source{{Reader: r}}, TransactionalID: "tx",
		Waiting: func() {
			if calls++; calls > 1 {
				return
			}
			res, err := console.Produce(t.Context(), c, console.ProduceOptions{Topic: "t", Sources: input("new\n"), TransactionalID: "tx"})
			if err != nil || res.Acked != 1 {
				t.Errorf("the newer producer: %+v, %v", res, err)
			}
			go func() {
				_, _ = io.WriteString(w, "more\n")
				_ = w.Close()
			}()
		},
	})
	if !errors.Is(err, console.ErrFenced) || res.Acked != 0 {
		t.Errorf("%+v, %v", res, err)
	}
	if got := values(readAll(t, c, "t", 1)); len(got) != 1 || got[0] != "new" {
		t.Errorf("committed %q", got)
	}
}

// The size that is checked beforehand is the size on the wire.
func TestProduceSizes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		value   int
		key     bool
		headers int
	}{{0, false, 0}, {1, true, 0}, {63, false, 0}, {64, true, 3}, {8191, false, 1}, {8192, true, 200}, {1 << 20, false, 0}} {
		cluster, c := broker(t, 1)
		if err := cluster.CreateTopic("small", 1, map[string]string{"max.message.bytes": "1"}); err != nil {
			t.Fatal(err)
		}
		sizes := make(chan int, 1)
		cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
			sizes <- len(req.(*kmsg.ProduceRequest).Topics[0].Partitions[0].Records)
			return nil, nil, false
		})
		opts := console.ProduceOptions{Topic: "t", Sources: input(strings.Repeat("x", tt.value) + "\n")}
		if tt.key {
			opts.Key = []byte("some key")
		}
		for i := range tt.headers {
			opts.Headers = append(opts.Headers, kafka.Header{Name: fmt.Sprint("h", i), Value: []byte("value")})
		}
		if _, err := console.Produce(t.Context(), c, opts); err != nil {
			if tt.value == 1<<20 {
				continue // its point is the other check
			}
			t.Fatal(err)
		}
		opts.Topic, opts.Format, opts.Sources = "small", format(t, "jsonl"), input(`{"value":"`+strings.Repeat("x", tt.value)+"\"}\n")
		_, err := console.Produce(t.Context(), c, opts)
		if want := fmt.Sprintf("line 1: %d bytes with its headers", <-sizes); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", tt, err, want)
		}
	}
}

func TestProducePartitioners(t *testing.T) {
	t.Parallel()
	_, c := broker(t, 7)
	// The numbers were computed apart from this code, from the definitions.
	for partitioner, want := range map[console.Partitioner]string{
		console.Murmur2: "5 3 2", console.FNV1a: "6 1 4", console.CRC32: "4 5 4",
	} {
		var got []string
		for _, key := range []string{"a", "user-1", "東京"} {
			res, err := console.Produce(t.Context(), c, console.ProduceOptions{Topic: "t", Sources: input("x"), Key: []byte(key), Partitioner: partitioner})
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprint(res.Offsets[0].Partition))
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%s: %s, want %s", partitioner, text, want)
		}
	}
}

// Records without a key fill one partition's batch after the other's, and all
// partitions get some.
func TestProduceSticky(t *testing.T) {
	t.Parallel()
	_, c := broker(t, 3)
	line := strings.Repeat("x", 1000) + "\n"
	res, err := console.Produce(t.Context(), c, console.ProduceOptions{Topic: "t", Sources: input(strings.Repeat(line, 20_000))})
	if err != nil || res.Acked != 20_000 || len(res.Offsets) != 3 {
		t.Fatalf("%+v, %v", res, err)
	}
	for _, w := range res.Offsets {
		if w.Records < 2000 {
			t.Errorf("partition %d has %d of 20000 records", w.Partition, w.Records)
		}
	}
}

func TestProduceRate(t *testing.T) {
	t.Parallel()
	_, c := broker(t, 1)
	text, _ := numbers(100)
	start := time.Now()
	res, err := console.Produce(t.Context(), c, console.ProduceOptions{Topic: "t", Sources: input(text), Rate: console.Rate{PerSecond: 200}})
	if took := time.Since(start); err != nil || res.Acked != 100 || took < 350*time.Millisecond {
		t.Errorf("%+v, %v, took %v", res, err, took)
	}
}

func TestParseRate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]console.Rate{
		"500/s": {PerSecond: 500}, "30/m": {PerSecond: 0.5}, "7200/h": {PerSecond: 2}, "0.5/s": {PerSecond: 0.5},
		"5MB/s": {PerSecond: 5e6, Bytes: true}, "1.5MiB/s": {PerSecond: 1.5 * (1 << 20), Bytes: true}, "60kB/m": {PerSecond: 1000, Bytes: true},
		"1B/s": {PerSecond: 1, Bytes: true}, "1GB/h": {PerSecond: 1e9 / 3600, Bytes: true}, "2KiB/s": {PerSecond: 2048, Bytes: true}, "1GiB/s": {PerSecond: 1 << 30, Bytes: true},
	} {
		if got, err := console.ParseRate(text); err != nil || math.Abs(got.PerSecond-want.PerSecond) > 1e-9 || got.Bytes != want.Bytes {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "5", "/s", "5/", "5/d", "-5/s", "0/s", "0x5/s", "inf/s", "1e3/s", "5XB/s", "5 /s", "5M/s", "MB/s", "1..2/s", "5/s/s"} {
		if got, err := console.ParseRate(text); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

func FuzzParseRate(f *testing.F) {
	f.Add("5MB/s")
	f.Add("99999999999999999999999GiB/s")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := console.ParseRate(text); err == nil && (!(got.PerSecond > 0) || math.IsInf(got.PerSecond, 0)) {
			t.Fatalf("%q is %+v", text, got)
		}
	})
}

func TestProduceTemplate(t *testing.T) {
	t.Parallel()
	_, c := broker(t, 1)
	const text = `{"key":"{{letters 5}}","value":{"n":{{seq}},"id":"{{uuid}}","x":{{int 1 6}},"f":{{float 0 1}},"p":{{pick "a" "b" | json}},"b":{{bool}},"h":"{{hex 3}}","64":"{{base64 2}}"}}
`
	var runs []string
	for _, seed := range []uint64{7, 7, 8} {
		tmpl, err := console.ParseTemplate("user.tmpl", text, seed)
		if err != nil {
			t.Fatal(err)
		}
		res, err := console.Produce(t.Context(), c, console.ProduceOptions{Topic: "t", Format: format(t, "jsonl"), Template: tmpl, Count: 50})
		if err != nil || res.Acked != 50 {
			t.Fatalf("%+v, %v", res, err)
		}
		all := readAll(t, c, "t", 1)
		var run strings.Builder
		for _, r := range all[len(all)-50:] {
			fmt.Fprintf(&run, "%s=%s\n", r.Key, r.Value)
		}
		runs = append(runs, run.String())
	}
	if runs[0] != runs[1] || runs[0] == runs[2] || !strings.Contains(runs[0], `{"n":50,"id":"`) {
		t.Errorf("seed 7:\n%s\nagain:\n%s\nseed 8:\n%s", runs[0], runs[1], runs[2])
	}
	for _, bad := range []string{"{{", "{{nope}}", "{{int 5 1}}", "{{hex -1}}", "{{pick}}"} {
		tmpl, err := console.ParseTemplate("bad", bad, 1)
		if err == nil {
			_, err = console.Produce(t.Context(), c, console.ProduceOptions{Topic: "t", Template: tmpl, Count: 1})
		}
		if err == nil {
			t.Errorf("%s is fine", bad)
		}
	}
}

// A template that cannot be filled, or any other bytes, end in an error.
func FuzzTemplate(f *testing.F) {
	f.Add(`{{seq}} {{letters 3}} {{pick 1 2}} {{json "x"}}`, uint64(1))
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		if strings.Contains(text, "range") || strings.Contains(text, "template") || len(text) > 200 {
			t.Skip("may run long")
		}
		_, _ = console.ParseTemplate("fuzz", text, seed)
	})
}
