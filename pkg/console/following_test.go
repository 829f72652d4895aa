package console_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

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
