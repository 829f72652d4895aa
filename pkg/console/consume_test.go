package console_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// deadline is for what takes a fraction of it.
const deadline = 15 * time.Second

// output collects what is written and lets a test wait for it.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func (o *output) await(t *testing.T, want string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(deadline)
	for o.String() != want {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("output %q, want %q", o.String(), want)
		}
	}
}

// produce writes records in order with another client than ours.
func produce(t *testing.T, bootstrap string, records ...*kgo.Record) {
	t.Helper()
	client := newProducer(t, bootstrap)
	defer client.Close()
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func newProducer(t *testing.T, bootstrap string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(strings.Split(bootstrap, ",")...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.MetadataMinAge(10*time.Millisecond))...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func value(topic string, partition int32, text string) *kgo.Record {
	return &kgo.Record{Topic: topic, Partition: partition, Value: []byte(text)}
}

// series lists n records of a partition with the values p/0, p/1 …
func series(topic string, partition int32, from, n int) []*kgo.Record {
	var list []*kgo.Record
	for i := range n {
		list = append(list, value(topic, partition, fmt.Sprintf("%d/%d", partition, from+i)))
	}
	return list
}

func lines(list []*kgo.Record) string {
	var b strings.Builder
	for _, r := range list {
		b.Write(append(r.Value, '\n'))
	}
	return b.String()
}

// read consumes to the end that the options give.
func read(t *testing.T, c *kafka.Client, opts console.ConsumeOptions) (string, console.Summary) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	var out output
	sum, err := console.Consume(ctx, c, &out, console.NewPrinter(console.PrintOptions{}), opts)
	if err != nil {
		t.Fatalf("%v after %q", err, out.String())
	}
	if n := int64(strings.Count(out.String(), "\n")); sum.Written != n {
		t.Fatalf("%d written, summary says %d", n, sum.Written)
	}
	return out.String(), sum
}

// following is a Consume that runs until the test ends it.
type following struct {
	output
	cancel  context.CancelFunc
	notices output
	done    chan error
	sum     console.Summary
}

func follow(t *testing.T, c *kafka.Client, opts console.ConsumeOptions) *following {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	f := &following{cancel: cancel, done: make(chan error, 1)}
	opts.Notice = func(text string) { _, _ = f.notices.Write([]byte(text + "\n")) }
	opts.Refresh = 20 * time.Millisecond
	go func() {
		var err error
		f.sum, err = console.Consume(ctx, c, f, console.NewPrinter(console.PrintOptions{}), opts)
		f.done <- err
	}()
	t.Cleanup(cancel)
	return f
}

// end interrupts and returns the error; it must come within a second, of which
// the deadline leaves five.
func (f *following) end(t *testing.T) error {
	t.Helper()
	f.cancel()
	return f.wait(t, 5*time.Second)
}

func (f *following) wait(t *testing.T, limit time.Duration) error {
	t.Helper()
	select {
	case err := <-f.done:
		return err
	case <-time.After(limit):
		t.Fatalf("still running after %v; notices: %s", limit, f.notices.String())
		return nil
	}
}

func TestConsumeToTheEnd(t *testing.T) {
	t.Parallel()
	bootstrap := kafkatest.Start(t, kfake.SeedTopics(2, "a"), kfake.SeedTopics(1, "b", "empty"))
	c := kafkatest.Open(t, bootstrap)
	for p := range int32(2) {
		produce(t, bootstrap, series("a", p, 0, 5)...)
	}
	produce(t, bootstrap, series("b", 0, 0, 3)...)
	for _, tt := range []struct {
		name string
		opts console.ConsumeOptions
		want string
	}{
		{"empty", console.ConsumeOptions{Topics: []string{"empty"}}, ""},
		{"all", console.ConsumeOptions{Topics: []string{"b"}}, "0/0\n0/1\n0/2\n"},
		{"partition", console.ConsumeOptions{Topics: []string{"a"}, Partitions: []int32{1}}, "1/0\n1/1\n1/2\n1/3\n1/4\n"},
		{"max", console.ConsumeOptions{Topics: []string{"a"}, Partitions: []int32{1}, Max: 2}, "1/0\n1/1\n"},
		{"last", console.ConsumeOptions{Topics: []string{"b"}, Range: rangeOf(t, "-1")}, "0/2\n"},
		{"more than there is", console.ConsumeOptions{Topics: []string{"b"}, Range: rangeOf(t, "-100")}, "0/0\n0/1\n0/2\n"},
		{"from an offset", console.ConsumeOptions{Topics: []string{"b"}, Range: rangeOf(t, "1")}, "0/1\n0/2\n"},
		{"after the start", console.ConsumeOptions{Topics: []string{"b"}, Range: rangeOf(t, "+2")}, "0/2\n"},
		{"span", console.ConsumeOptions{Topics: []string{"b"}, Range: rangeOf(t, "1:2")}, "0/1\n"},
		{"empty span", console.ConsumeOptions{Topics: []string{"b"}, Range: rangeOf(t, "1:1")}, ""},
		{"all but the last", console.ConsumeOptions{Topics: []string{"b"}, Range: rangeOf(t, "start:-1")}, "0/0\n0/1\n"},
		{"past the end", console.ConsumeOptions{Topics: []string{"b"}, Range: rangeOf(t, "7")}, ""},
		{"from the end", console.ConsumeOptions{Topics: []string{"b"}, Range: rangeOf(t, "end")}, ""},
		{"future", console.ConsumeOptions{Topics: []string{"b"}, Range: console.Range{From: console.Edge{Anchor: console.AtTime, Time: time.Now().Add(time.Hour)}}}, ""},
		{"tail", console.ConsumeOptions{Topics: []string{"b"}, Tail: 2}, "0/1\n0/2\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.opts.ExitAtEnd = true
			if got, _ := read(t, c, tt.opts); got != tt.want {
				t.Errorf("read %q, want %q", got, tt.want)
			}
		})
	}
	got, sum := read(t, c, console.ConsumeOptions{Pattern: regexp.MustCompile("a|b"), ExitAtEnd: true})
	if sum.Read != 13 || len(strings.Fields(got)) != 13 {
		t.Errorf("the pattern reads %q", got)
	}
}

func rangeOf(t *testing.T, text string) console.Range {
	t.Helper()
	r, err := console.ParseRange(text, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestConsumeEndsAtOnceAfterAbortedTransactions(t *testing.T) {
	t.Parallel()
	bootstrap := kafkatest.Start(t, kfake.SeedTopics(1, "a"))
	c := kafkatest.Open(t, bootstrap)
	client := newProducer(t, bootstrap, kgo.TransactionalID("tx"))
	defer client.Close()
	transact := func(end kgo.TransactionEndTry, records ...*kgo.Record) {
		t.Helper()
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := client.EndTransaction(t.Context(), end); err != nil {
			t.Fatal(err)
		}
	}
	transact(kgo.TryCommit, series("a", 0, 0, 3)...)
	transact(kgo.TryAbort, series("a", 0, 100, 3)...)
	opts := console.ConsumeOptions{Topics: []string{"a"}, ExitAtEnd: true}
	if got, _ := read(t, c, opts); got != "0/0\n0/1\n0/2\n" {
		t.Errorf("committed records: %q", got)
	}
	opts.Isolation = kafka.ReadUncommitted
	if got, _ := read(t, c, opts); got != "0/0\n0/1\n0/2\n0/100\n0/101\n0/102\n" {
		t.Errorf("all records: %q", got)
	}
	opts = console.ConsumeOptions{Topics: []string{"a"}, Tail: 2}
	if got, _ := read(t, c, opts); got != "0/1\n0/2\n" {
		t.Errorf("the last two committed ones: %q", got)
	}
	// An open transaction is not waited for.
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := client.ProduceSync(t.Context(), series("a", 0, 200, 2)...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if got, _ := read(t, c, console.ConsumeOptions{Topics: []string{"a"}, ExitAtEnd: true}); got != "0/0\n0/1\n0/2\n" {
		t.Errorf("with an open transaction: %q", got)
	}
}

// The answer must be exact with timestamps in any order, so it is compared to
// one that sorts everything.
func TestTailAndTimeOrderAreExact(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	const partitions = 4
	bootstrap := kafkatest.Start(t, kfake.SeedTopics(partitions, "a"))
	c := kafkatest.Open(t, bootstrap)
	base := time.UnixMilli(1_700_000_000_000)
	var all []*kgo.Record
	for i := range 600 {
		r := value("a", int32(rnd.IntN(partitions)*rnd.IntN(2)), fmt.Sprintf("%04d", i))
		// Partitions are uneven, times nearly in order, some far off, many equal.
		r.Timestamp = base.Add(time.Duration(i/7+rnd.IntN(20)) * time.Millisecond)
		if rnd.IntN(50) == 0 {
			r.Timestamp = base.Add(time.Duration(rnd.IntN(200)) * time.Millisecond)
		}
		all = append(all, r)
	}
	for chunk := range slices.Chunk(all, 37) {
		produce(t, bootstrap, chunk...)
	}
	slices.SortFunc(all, func(a, b *kgo.Record) int {
		if n := a.Timestamp.Compare(b.Timestamp); n != 0 {
			return n
		}
		if a.Partition != b.Partition {
			return int(a.Partition - b.Partition)
		}
		return int(a.Offset - b.Offset)
	})
	for _, n := range []int{1, 2, 7, 100, 599, 600, 1000} {
		want := lines(all[max(0, len(all)-n):])
		if got, _ := read(t, c, console.ConsumeOptions{Topics: []string{"a"}, Tail: n}); got != want {
			t.Errorf("--tail %d:\n%s\nwant\n%s", n, got, want)
		}
	}
	var odd []*kgo.Record
	for _, r := range all {
		if (r.Value[3]-'0')%2 == 1 {
			odd = append(odd, r)
		}
	}
	var filter console.Filter
	if err := filter.Grep("v:[13579]$"); err != nil {
		t.Fatal(err)
	}
	if got, _ := read(t, c, console.ConsumeOptions{Topics: []string{"a"}, Tail: 50, Filter: &filter}); got != lines(odd[len(odd)-50:]) {
		t.Errorf("--tail 50 of the odd ones:\n%s", got)
	}
	t.Run("time order", func(t *testing.T) {
		got, _ := read(t, c, console.ConsumeOptions{Topics: []string{"a"}, ExitAtEnd: true, Order: console.ByTime})
		if want := mergeByTime(all, partitions); got != lines(want) {
			t.Errorf("merged:\n%s\nwant\n%s", got, lines(want))
		}
	})
}

// mergeByTime takes the earliest of the partitions' next records, again and again.
func mergeByTime(all []*kgo.Record, partitions int) []*kgo.Record {
	lanes := make([][]*kgo.Record, partitions)
	for _, r := range all {
		lanes[r.Partition] = append(lanes[r.Partition], r)
	}
	for _, lane := range lanes {
		slices.SortFunc(lane, func(a, b *kgo.Record) int { return int(a.Offset - b.Offset) })
	}
	var merged []*kgo.Record
	for len(merged) < len(all) {
		best := -1
		for p, lane := range lanes {
			if len(lane) > 0 && (best < 0 || lane[0].Timestamp.Before(lanes[best][0].Timestamp)) {
				best = p
			}
		}
		merged = append(merged, lanes[best][0])
		lanes[best] = lanes[best][1:]
	}
	return merged
}

func TestConsumeBetweenTimes(t *testing.T) {
	t.Parallel()
	bootstrap := kafkatest.Start(t, kfake.SeedTopics(1, "a"))
	c := kafkatest.Open(t, bootstrap)
	base := time.Now().Add(-time.Hour).Truncate(time.Second)
	for i := range 10 {
		r := value("a", 0, fmt.Sprint(i))
		r.Timestamp = base.Add(time.Duration(i) * time.Minute)
		produce(t, bootstrap, r)
	}
	at := func(minutes float64) console.Edge {
		return console.Edge{Anchor: console.AtTime, Time: base.Add(time.Duration(minutes * float64(time.Minute)))}
	}
	for _, tt := range []struct {
		r    console.Range
		want string
	}{
		{console.Range{From: at(7)}, "7\n8\n9\n"},
		{console.Range{From: at(6.5), To: console.Edge{Anchor: console.FromEnd}}, "7\n8\n9\n"},
		{console.Range{From: at(2), To: at(4)}, "2\n3\n"},
		{console.Range{From: at(-5), To: at(0.5)}, "0\n"},
		{console.Range{From: at(2.2), To: at(2.8)}, ""},
		{console.Range{From: at(8), To: at(30)}, "8\n9\n"},
		{console.Range{From: at(20), To: at(30)}, ""},
	} {
		if got, _ := read(t, c, console.ConsumeOptions{Topics: []string{"a"}, Range: tt.r, ExitAtEnd: tt.r.To.Anchor == console.Unset}); got != tt.want {
			t.Errorf("%v to %v: %q, want %q", tt.r.From.Time.Sub(base), tt.r.To.Time.Sub(base), got, tt.want)
		}
	}
	// An end that is yet to come is waited for.
	soon := console.Range{From: at(8), To: console.Edge{Anchor: console.AtTime, Time: time.Now().Add(300 * time.Millisecond)}}
	if got, _ := read(t, c, console.ConsumeOptions{Topics: []string{"a"}, Range: soon}); got != "8\n9\n" || time.Now().Before(soon.To.Time) {
		t.Errorf("until soon: %q", got)
	}
}

func TestConsumeRefuses(t *testing.T) {
	t.Parallel()
	c := kafkatest.Open(t, kafkatest.Start(t, kfake.SeedTopics(2, "a")))
	for _, tt := range []struct {
		opts console.ConsumeOptions
		want error
	}{
		{console.ConsumeOptions{Topics: []string{"a", "b"}}, kafka.ErrUnknownTopic},
		{console.ConsumeOptions{Topics: []string{"a"}, Partitions: []int32{0, 2}}, console.ErrNoPartition},
		{console.ConsumeOptions{Pattern: regexp.MustCompile("x"), ExitAtEnd: true}, console.ErrNoTopics},
	} {
		if _, err := console.Consume(t.Context(), c, &output{}, console.NewPrinter(console.PrintOptions{}), tt.opts); !errors.Is(err, tt.want) {
			t.Errorf("%v, want %v", err, tt.want)
		}
	}
}

func TestFollowUntilInterrupted(t *testing.T) {
	t.Parallel()
	bootstrap := kafkatest.Start(t, kfake.SeedTopics(1, "a"))
	c := kafkatest.Open(t, bootstrap)
	produce(t, bootstrap, series("a", 0, 0, 3)...)
	f := follow(t, c, console.ConsumeOptions{Topics: []string{"a"}, Range: rangeOf(t, "1")})
	f.await(t, "0/1\n0/2\n")
	produce(t, bootstrap, series("a", 0, 3, 2)...)
	f.await(t, "0/1\n0/2\n0/3\n0/4\n")
	if err := f.end(t); !errors.Is(err, context.Canceled) || f.sum.Written != 4 || f.sum.Uncertain {
		t.Errorf("%v, %+v", err, f.sum)
	}
}

func TestFollowWaitsForAnOffset(t *testing.T) {
	t.Parallel()
	bootstrap := kafkatest.Start(t, kfake.SeedTopics(1, "a"))
	c := kafkatest.Open(t, bootstrap)
	produce(t, bootstrap, series("a", 0, 0, 2)...)
	f := follow(t, c, console.ConsumeOptions{Topics: []string{"a"}, Range: rangeOf(t, "4:6")})
	f.notices.await(t, "a/0: offset 4 is past the end, 2: waiting for it\n")
	produce(t, bootstrap, series("a", 0, 2, 5)...)
	if err := f.wait(t, deadline); err != nil || f.String() != "0/4\n0/5\n" {
		t.Errorf("%q, %v", f.String(), err)
	}
}

// stuck takes nothing until it is let go.
type stuck chan struct{}

func (s stuck) Write(b []byte) (int, error) { <-s; return len(b), nil }

func TestInterruptLeavesAStuckOutput(t *testing.T) {
	t.Parallel()
	bootstrap := kafkatest.Start(t, kfake.SeedTopics(1, "a"))
	c := kafkatest.Open(t, bootstrap)
	produce(t, bootstrap, series("a", 0, 0, 3)...)
	out := make(stuck)
	defer close(out)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	time.AfterFunc(200*time.Millisecond, cancel)
	done := make(chan error, 1)
	var sum console.Summary
	go func() {
		var err error
		sum, err = console.Consume(ctx, c, out, console.NewPrinter(console.PrintOptions{}), console.ConsumeOptions{Topics: []string{"a"}, ExitAtEnd: true})
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) || !sum.Uncertain || sum.Written != 0 {
			t.Errorf("%v, %+v", err, sum)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("an output that takes nothing holds the interrupt up")
	}
}

type broken struct{ after int }

func (b *broken) Write(p []byte) (int, error) {
	if b.after--; b.after < 0 {
		return 0, syscall.EPIPE
	}
	return len(p), nil
}

func TestClosedOutputEndsReading(t *testing.T) {
	t.Parallel()
	bootstrap := kafkatest.Start(t, kfake.SeedTopics(1, "a"))
	c := kafkatest.Open(t, bootstrap)
	big := bytes.Repeat([]byte("x"), 100<<10)
	for range 10 {
		produce(t, bootstrap, value("a", 0, string(big)))
	}
	_, err := console.Consume(t.Context(), c, &broken{after: 1}, console.NewPrinter(console.PrintOptions{}), console.ConsumeOptions{Topics: []string{"a"}, Range: rangeOf(t, "start")})
	if !errors.Is(err, syscall.EPIPE) {
		t.Errorf("%v, want EPIPE", err)
	}
}

func TestFollowThroughLeaderChanges(t *testing.T) {
	t.Parallel()
	bootstrap, cluster := startCluster(t, kfake.NumBrokers(3), kfake.SeedTopics(3, "a"))
	c := kafkatest.Open(t, bootstrap)
	f := follow(t, c, console.ConsumeOptions{Topics: []string{"a"}, Partitions: []int32{0}, Range: rangeOf(t, "start")})
	want := ""
	for i := range 9 {
		if err := cluster.MoveTopicPartition("a", 0, int32(i%3)); err != nil {
			t.Fatal(err)
		}
		list := series("a", 0, i*10, 10)
		produce(t, bootstrap, list...)
		want += lines(list)
		f.await(t, want)
	}
	if err := f.end(t); !errors.Is(err, context.Canceled) || f.sum.Written != 90 {
		t.Errorf("%v, %+v", err, f.sum)
	}
}

func startCluster(t *testing.T, opts ...kfake.Opt) (string, *kfake.Cluster) {
	t.Helper()
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return strings.Join(cluster.ListenAddrs(), ","), cluster
}
