package console_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// feedOf hands n records over, some at a time, in memory that is used again.
func feedOf(n int, change func(r *console.FeedRecord)) *console.Feed {
	return &console.Feed{Name: "made", Unit: "line", Run: func(ctx context.Context, send func([]console.FeedRecord) error) error {
		run := make([]console.FeedRecord, 7)
		buf := make([][]byte, len(run))
		for at := 0; at < n; at += len(run) {
			some := run[:min(len(run), n-at)]
			for i := range some {
				buf[i] = fmt.Appendf(buf[i][:0], "%06d", at+i)
				some[i] = console.FeedRecord{N: int64(at + i + 1), Topic: "t", Key: buf[i], Value: buf[i], Headers: []kafka.Header{{Name: "n", Value: buf[i]}, {Name: "empty", Value: nil}}}
				if change != nil {
					change(&some[i])
				}
			}
			if err := send(some); err != nil {
				return err
			}
		}
		return ctx.Err()
	}}
}

// Records of a feed arrive as they are, and each is reported with its place.
func TestFeed(t *testing.T) {
	t.Parallel()
	const n = 20_000
	cluster, c := broker(t, 3)
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotLeaderForPartition, Count: 2})
	told := map[string]int64{}
	last := map[int32]int64{0: -1, 1: -1, 2: -1}
	res, err := console.Produce(t.Context(), c, console.ProduceOptions{Feed: feedOf(n, nil), Delivered: func(d console.Delivered) {
		if d.Topic != "t" || d.Offset != last[d.Partition]+1 || d.Header("none") != nil {
			t.Errorf("%+v after offset %d", d, last[d.Partition])
		}
		last[d.Partition] = d.Offset
		told[string(d.Header("n"))] = d.Offset
	}})
	if err != nil || res.Acked != n || len(told) != n {
		t.Fatalf("%+v, %v, %d were told", res, err, len(told))
	}
	all := readAll(t, c, "t", 3)
	for _, r := range all {
		if string(r.Key) != string(r.Value) || len(r.Headers) != 2 || string(r.Headers[0].Value) != string(r.Value) || r.Headers[1].Value != nil {
			t.Fatalf("%+v", r)
		}
		if offset, ok := told[string(r.Value)]; !ok || offset != r.Offset {
			t.Fatalf("%s is at %d, was told to be at %d", r.Value, r.Offset, offset)
		}
	}
	if len(all) != n {
		t.Errorf("%d records are there, want %d", len(all), n)
	}
}

// A record that is not to be sent, or has no topic to go to, ends the run with
// everything before it acknowledged, or is handed out.
func TestFeedRejects(t *testing.T) {
	t.Parallel()
	cause := errors.New("is not valid")
	spoil := func(r *console.FeedRecord) {
		switch r.N {
		case 5001:
			r.Err = cause
		case 6001:
			r.Topic = "nope"
		}
	}
	_, c := broker(t, 1)
	res, err := console.Produce(t.Context(), c, console.ProduceOptions{Feed: feedOf(10_000, spoil)})
	var refused *console.RecordError
	if !errors.As(err, &refused) || !errors.Is(err, cause) || refused.Place != (console.Place{Source: "made", Unit: "line", N: 5001}) || res.Acked != 5000 {
		t.Errorf("%+v, %v", res, err)
	}
	_, want := numbers(5000)
	if got := values(readAll(t, c, "t", 1)); !slices.Equal(got, want) {
		t.Errorf("%d records are there, want 5000", len(got))
	}

	_, c = broker(t, 1)
	var out []string
	res, err = console.Produce(t.Context(), c, console.ProduceOptions{Feed: feedOf(10_000, spoil), Rejected: func(r console.Rejected) error {
		out = append(out, fmt.Sprintf("%v %s %v", r.Place, r.Value, r.Err))
		return nil
	}})
	want = []string{`made: line 5001 005000 is not valid`, `made: line 6001 006000 topic "nope": no such topic or partition`}
	if err != nil || res.Acked != 9998 || res.Failed != 2 || !slices.Equal(out, want) {
		t.Errorf("%+v, %v, %q", res, err, out)
	}

	full := errors.New("no space")
	_, c = broker(t, 1)
	_, err = console.Produce(t.Context(), c, console.ProduceOptions{Feed: feedOf(10_000, spoil), Rejected: func(console.Rejected) error { return full }})
	var cut *console.UnfinishedError
	if !errors.As(err, &cut) || !errors.Is(err, full) || cut.Resume.N != 5001 {
		t.Errorf("%v", err)
	}
}

// A feed that fails ends the run like a read that does.
func TestFeedFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	_, c := broker(t, 1)
	feed := feedOf(100, nil)
	make100 := feed.Run
	feed.Run = func(ctx context.Context, send func([]console.FeedRecord) error) error {
		return errors.Join(make100(ctx, send), broken)
	}
	res, err := console.Produce(t.Context(), c, console.ProduceOptions{Feed: feed})
	var cut *console.UnfinishedError
	if !errors.As(err, &cut) || !errors.Is(err, broken) || res.Acked != 100 || cut.Resume.N != 101 || !strings.HasPrefix(err.Error(), "made: broken: ") {
		t.Errorf("%+v, %v", res, err)
	}
}

// An interrupt ends a run whose feed hangs, and tells the feed.
func TestFeedInterrupted(t *testing.T) {
	t.Parallel()
	_, c := broker(t, 1)
	ctx, interrupt := context.WithCancel(t.Context())
	told := make(chan struct{})
	feed := &console.Feed{Unit: "line", Run: func(ctx context.Context, send func([]console.FeedRecord) error) error {
		if err := send([]console.FeedRecord{{N: 1, Topic: "t", Value: []byte("one")}}); err != nil {
			return err
		}
		interrupt()
		<-ctx.Done()
		close(told)
		return ctx.Err()
	}}
	began := time.Now()
	res, err := console.Produce(ctx, c, console.ProduceOptions{Feed: feed})
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
	// Either the run had all of its records acknowledged already, or it says so.
	if res.Acked != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("%+v, %v", res, err)
	}
	select {
	case <-told:
	case <-time.After(10 * time.Second):
		t.Error("the feed was not told")
	}
}
