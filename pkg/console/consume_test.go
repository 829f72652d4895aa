package console_test

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

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

// transact sends records in a transaction of the client and ends it.
func transact(t *testing.T, client *kgo.Client, end kgo.TransactionEndTry, records ...*kgo.Record) {
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

func TestConsumeEndsAtOnceAfterAbortedTransactions(t *testing.T) {
	t.Parallel()
	bootstrap := kafkatest.Start(t, kfake.SeedTopics(1, "a"))
	c := kafkatest.Open(t, bootstrap)
	client := newProducer(t, bootstrap, kgo.TransactionalID("tx"))
	defer client.Close()
	transact(t, client, kgo.TryCommit, series("a", 0, 0, 3)...)
	transact(t, client, kgo.TryAbort, series("a", 0, 100, 3)...)
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
