package console_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func cancelAfter(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	timer := time.AfterFunc(d, cancel)
	t.Cleanup(func() { timer.Stop() })
	return ctx, cancel
}

// holding matches produce requests with this text in their records.
func holding(text string) func(kmsg.Request) bool {
	return func(req kmsg.Request) bool {
		for _, topic := range req.(*kmsg.ProduceRequest).Topics {
			for _, p := range topic.Partitions {
				if bytes.Contains(p.Records, []byte(text)) {
					return true
				}
			}
		}
		return false
	}
}

// Retries neither lose, nor duplicate, nor reorder.
func TestProduceRetries(t *testing.T) {
	t.Parallel()
	text, want := numbers(20_000)
	for name, faults := range map[string][]kfake.Fault{
		"leader moved": {{Err: kerr.NotLeaderForPartition, Count: 5}},
		// The record is written, its answer says it may not be.
		"answer lost":         {{Err: kerr.RequestTimedOut, Count: 1}, {Err: kerr.NotEnoughReplicasAfterAppend, Count: 2}},
		"not enough replicas": {{Err: kerr.NotEnoughReplicas, Count: 3}},
		"numbers forgotten":   {{Err: kerr.OutOfOrderSequenceNumber, Count: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster, c := broker(t, 1)
			for i := range faults {
				faults[i].Keys = []kmsg.Key{kmsg.Produce}
			}
			handle := cluster.Fault(faults...)
			res, err := console.Produce(t.Context(), c, console.ProduceOptions{Topic: "t", Sources: input(text)})
			if err != nil || res.Acked != int64(len(want)) {
				t.Fatalf("%+v, %v", res, err)
			}
			if got := values(readAll(t, c, "t", 1)); !slices.Equal(got, want) {
				t.Errorf("%d records, want %d, in order", len(got), len(want))
			}
			if handle.Hits() == 0 {
				t.Error("nothing failed")
			}
		})
	}
}

// A partition that lost what it had acknowledged is not written to.
func TestProduceSequenceBroken(t *testing.T) {
	t.Parallel()
	cluster, c := broker(t, 1)
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotLeaderForPartition, Count: 1},
		kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.OutOfOrderSequenceNumber, Count: -1})
	res, err := console.Produce(t.Context(), c, console.ProduceOptions{Topic: "t", Sources: input("x\n")})
	var cut *console.UnfinishedError
	if !errors.Is(err, console.ErrSequence) || !errors.As(err, &cut) || cut.Unsure != 1 || cut.Resume.N != 1 || res.Acked != 0 {
		t.Fatalf("%+v, %v", res, err)
	}
}

func TestProduceGivesUp(t *testing.T) {
	t.Parallel()
	cluster, c := broker(t, 1)
	text, _ := numbers(1000)
	tp := kafka.TopicPartition{Topic: "t"}
	arrived := func(n int64) {
		for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
			ends, err := c.Offsets(t.Context(), map[kafka.TopicPartition]int64{tp: kafka.Latest}, kafka.ReadCommitted)
			if err != nil || ends[tp] >= n {
				return
			}
		}
	}
	// A partition's next record arrives once the one before is acknowledged.
	lines := &phases{parts: []string{text[:500*7], text[500*7 : 501*7], text[501*7:]}, after: []func(){
		func() { arrived(500) },
		func() { arrived(501); cluster.Close() },
	}}
	res, err := console.Produce(t.Context(), c, console.ProduceOptions{
		Topic: "t", Sources: []console.Source{{Name: "lines.txt", Reader: lines}}, DeliveryTimeout: time.Second,
	})
	var cut *console.UnfinishedError
	if !errors.As(err, &cut) || !errors.Is(err, kafka.ErrUnreachable) {
		t.Fatalf("error %v", err)
	}
	want := console.Place{Source: "lines.txt", Unit: "line", N: res.Acked + 1}
	if res.Acked != 500 && res.Acked != 501 || cut.Acked != res.Acked || cut.Resume != want {
		t.Errorf("acknowledged %d, resume at %v, want %v", res.Acked, cut.Resume, want)
	}
}

// phases gives its parts one by one, and between them what is to happen.
type phases struct {
	parts []string
	after []func()
	given int
}

func (p *phases) Read(b []byte) (int, error) {
	if p.given == len(p.parts) {
		return 0, io.EOF
	}
	if p.given > 0 {
		p.after[p.given-1]()
	}
	p.given++
	return copy(b, p.parts[p.given-1]), nil
}

// What stands before a record that is not accepted is acknowledged, and
// nothing after it is sent.
func TestProduceStops(t *testing.T) {
	t.Parallel()
	good, want := numbers(5000)
	for _, tt := range []struct {
		name, line, format, cause string
		opts                      console.ProduceOptions
	}{
		{name: "no JSON", format: "jsonl", line: `{"value":`, cause: "line 5001: invalid JSON"},
		{name: "no UTF-8", format: "jsonl", line: "{\"value\":\"\xff\"}", cause: "line 5001: invalid JSON at byte 10: invalid UTF-8"},
		{name: "no key", format: "raw", line: "x", opts: console.ProduceOptions{KeySeparator: []byte("0")}, cause: `line 5001: no key separator "0"`},
		{name: "long line", format: "raw", line: strings.Repeat("x", 11<<20), cause: "line 5001: longer than 1048588 bytes"},
		{name: "large record", format: "raw", line: strings.Repeat("x", 1048588-60), cause: "line 5001: 1048600 bytes with its headers, more than t takes in one record (max.message.bytes is 1048588)"},
		{name: "no such partition", format: "jsonl", line: `{"value":"x","partition":2}`, opts: console.ProduceOptions{KeepPartition: true}, cause: "line 5001: partition 2: t has 2, from 0"},
		{name: "no partition", format: "jsonl", line: `{"value":"x"}`, opts: console.ProduceOptions{Partitioner: console.Manual}, cause: "line 5001: names no partition"},
		{name: "no topic", format: "jsonl", line: `{"value":"x","topic":"u"}`, opts: console.ProduceOptions{TopicFromRecord: true}, cause: `line 5001: topic "u": no such topic or partition`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, c := broker(t, 2)
			text := good
			if tt.format == "jsonl" {
				text = `{"value":"` + strings.Join(want, "\",\"partition\":1}\n{\"value\":\"") + "\",\"partition\":1}\n"
			}
			tt.opts.Topic, tt.opts.Format = "t", format(t, tt.format)
			tt.opts.Sources = input(text + tt.line + "\n" + text)
			res, err := console.Produce(t.Context(), c, tt.opts)
			var bad *console.RecordError
			if !errors.As(err, &bad) || !errors.Is(err, console.ErrRejected) || !strings.HasPrefix(err.Error(), tt.cause) {
				t.Fatalf("error %v, want %s", err, tt.cause)
			}
			got := readAll(t, c, "t", 2)
			if res.Acked != 5000 || res.Failed != 1 || bad.Place.N != 5001 || len(got) != 5000 {
				t.Errorf("%+v, %d in the topic", res, len(got))
			}
		})
	}
}

func TestProduceStopsOnCompactedTopic(t *testing.T) {
	t.Parallel()
	cluster, c := broker(t, 1)
	compact := "compact"
	if err := cluster.CreateTopic("c", 1, map[string]string{"cleanup.policy": compact}); err != nil {
		t.Fatal(err)
	}
	_, err := console.Produce(t.Context(), c, console.ProduceOptions{Topic: "c", Sources: input("x\n")})
	if err == nil || err.Error() != "line 1: no key, and c is compacted: every record needs one" {
		t.Errorf("error %v", err)
	}
}

// What only the broker knows to refuse is found within its batch.
func TestProduceRefusedByBroker(t *testing.T) {
	t.Parallel()
	text, want := numbers(3000)
	for _, skip := range []bool{false, true} {
		cluster, c := broker(t, 1)
		cluster.Fault(
			kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.InvalidRecord, Count: -1, When: holding("002000")},
			kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.MessageTooLarge, Count: -1, When: holding("002500")})
		opts := console.ProduceOptions{Topic: "t", Sources: input(text), Headers: []kafka.Header{{Name: "h", Value: []byte("x")}}}
		var rejects bytes.Buffer
		if skip {
			opts.Rejects = &rejects
		}
		res, err := console.Produce(t.Context(), c, opts)
		got := values(readAll(t, c, "t", 1))
		if !skip {
			if err == nil || !strings.HasPrefix(err.Error(), "line 2001: ") || !slices.Equal(got, want[:2000]) || res.Acked != 2000 {
				t.Errorf("%d records, %+v, %v", len(got), res, err)
			}
			continue
		}
		left := slices.Delete(slices.Clone(want), 2500, 2501)
		left = slices.Delete(left, 2000, 2001)
		if err != nil || !slices.Equal(got, left) || res.Failed != 2 || res.Acked != 2998 {
			t.Errorf("%d records, %+v, %v", len(got), res, err)
		}
		lines := strings.Split(strings.TrimSuffix(rejects.String(), "\n"), "\n")
		slices.Sort(lines)
		if len(lines) != 2 || !strings.Contains(lines[0], `"value":"002000","headers":[],"line":2001,"error":"record refused`) {
			t.Errorf("rejects %q", lines)
		}
	}
}

// Rejects are input again once their cause is gone.
func TestProduceRejects(t *testing.T) {
	t.Parallel()
	_, c := broker(t, 2)
	var rejects bytes.Buffer
	opts := console.ProduceOptions{Topic: "t", Format: format(t, "jsonl"), Rejects: &rejects, KeepPartition: true}
	opts.Sources = input(`{"value":"a","partition":0}
{"value":"b","partition":5,"headers":[{"key":"h","value":null}]}
{"vaule":"c","partition":0}
` + strings.Repeat("x", 10<<20) + "\n" + `{"value":"d","partition":1}`)
	res, err := console.Produce(t.Context(), c, opts)
	if err != nil || res.Acked != 2 || res.Failed != 3 {
		t.Fatalf("%+v, %v", res, err)
	}
	mended := strings.NewReplacer(`"partition":5`, `"partition":1`, `\"vaule\"`, `\"value\"`).Replace(rejects.String())
	var again bytes.Buffer
	opts.Sources, opts.Rejects = input(mended), &again
	res, err = console.Produce(t.Context(), c, opts)
	if err != nil || res.Acked != 2 || res.Failed != 1 {
		t.Fatalf("%+v, %v: %s", res, err, mended)
	}
	if !strings.Contains(again.String(), `"error":"input: only the start of a line that was too long`) || again.Len() > 20<<10 {
		t.Errorf("%d bytes: %.300s", again.Len(), again.String())
	}
	got := readAll(t, c, "t", 2)
	if text := values(got); !slices.Equal(text, []string{"a", "c", "d", "b"}) || len(got[3].Headers) != 1 {
		t.Errorf("got %+v", text)
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "r.jsonl", Err: syscall.ENOSPC}
}

func TestProduceRejectsFullDisk(t *testing.T) {
	t.Parallel()
	_, c := broker(t, 1)
	res, err := console.Produce(t.Context(), c, console.ProduceOptions{
		Topic: "t", Format: format(t, "jsonl"), Rejects: full{}, Sources: input("{\"value\":\"a\"}\nbad\n{\"value\":\"b\"}\n"),
	})
	var cut *console.UnfinishedError
	if !errors.As(err, &cut) || !errors.Is(err, syscall.ENOSPC) || res.Acked != 1 || cut.Resume.N != 2 || res.Failed != 0 {
		t.Errorf("%+v, %v", res, err)
	}
}

// Neither a run that is interrupted nor its client waits for a broker that a
// quota makes take no request for long, and what was not sent is not unsure.
func TestProduceInterruptedUnderAQuota(t *testing.T) {
	t.Parallel()
	cluster, c := broker(t, 1)
	cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		res := req.ResponseKind().(*kmsg.ProduceResponse)
		for _, topic := range req.(*kmsg.ProduceRequest).Topics {
			done := kmsg.NewProduceResponseTopic()
			done.Topic = topic.Topic
			done.Partitions = append(done.Partitions, kmsg.NewProduceResponseTopicPartition())
			res.Topics = append(res.Topics, done)
		}
		res.ThrottleMillis = int32(time.Minute.Milliseconds())
		return res, nil, true
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	in, typed := io.Pipe()
	first := make(chan struct{})
	go func() {
		defer typed.Close()
		if _, err := io.WriteString(typed, "one\n"); err != nil {
			return
		}
		<-first
		if _, err := io.WriteString(typed, "two\n"); err != nil {
			return
		}
		time.AfterFunc(200*time.Millisecond, cancel)
	}()
	delivered := func(console.Delivered) { close(first) }
	began := time.Now()
	res, err := console.Produce(ctx, c, console.ProduceOptions{Topic: "t", Sources: []console.Source{{Reader: in}}, Delivered: delivered})
	var unfinished *console.UnfinishedError
	if !errors.As(err, &unfinished) || res.Acked != 1 || unfinished.Unsure != 0 || unfinished.Resume.N != 2 {
		t.Errorf("%+v, %v; want the second line left", res, err)
	}
	closed := make(chan error, 1)
	go func() { closed <- c.Close() }()
	select {
	case <-closed:
	case <-time.After(30 * time.Second):
		t.Errorf("the client does not close, %v after the run began", time.Since(began))
	}
}
