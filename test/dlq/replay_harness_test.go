package dlq_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/product"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// bench is a queue, its source and a ledger on a real cluster.
type bench struct {
	t          testing.TB
	conn       realkafka.Conn
	client     *kafka.Client
	source     string
	queue      string
	ledger     string
	partitions int32
}

// newBench makes the topics. They have names of their own, so that tests may
// share a cluster.
func newBench(t testing.TB, c *realkafka.Cluster, partitions int32) *bench {
	t.Helper()
	conn := c.Conn(realkafka.Plaintext)
	client, err := kafka.Open(t.Context(), kafka.Config{Bootstrap: strings.Split(conn.Bootstrap, ",")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	name := realkafka.Name(t)
	b := &bench{t: t, conn: conn, client: client, source: name, queue: name + ".dlq", ledger: name + "-ledger", partitions: partitions}
	b.create(b.source, partitions)
	b.create(b.queue, partitions)
	if out, code := b.run("dlq", "ledger", "init", "--ledger", b.ledger); code != 0 {
		t.Fatalf("ledger init: exit %d\n%s", code, out)
	}
	return b
}

func (b *bench) create(topic string, partitions int32) {
	b.t.Helper()
	replication := int16(min(3, len(strings.Split(b.conn.Bootstrap, ","))))
	if _, err := topics.New(b.client).Create(b.t.Context(), []topics.Spec{{Name: topic, Partitions: partitions, Replication: replication}}, topics.CreateOptions{}); err != nil {
		b.t.Fatal(err)
	}
}

// args are a command line with the cluster and, where the command takes one,
// the ledger.
func (b *bench) args(args ...string) []string {
	return append(args, "-b", b.conn.Bootstrap)
}

// run runs the product to its end and returns what it said on both streams.
func (b *bench) run(args ...string) (string, int) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 4*time.Minute)
	defer cancel()
	out, err := product.Command(ctx, b.t, b.args(args...)...).CombinedOutput()
	return string(out), exitCode(b.t, err)
}

// replay runs "dlq replay" on the queue.
func (b *bench) replay(args ...string) (string, int) {
	b.t.Helper()
	return b.run(append([]string{"dlq", "replay", b.queue, "--ledger", b.ledger, "-y"}, args...)...)
}

func (b *bench) mustReplay(args ...string) string {
	b.t.Helper()
	out, code := b.replay(args...)
	if code != 0 {
		b.t.Fatalf("replay %v: exit %d\n%s", args, code, out)
	}
	return out
}

func exitCode(t testing.TB, err error) int {
	t.Helper()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case asExit(err, &exit):
		return exit.ExitCode()
	}
	t.Fatal(err)
	return -1
}

// fill writes n letters, each with the headers of our own library: letter i is
// the event that stood at offset i/partitions of partition i%partitions.
func (b *bench) fill(from, n, size int) {
	b.t.Helper()
	p, err := txn.Acquire(b.t.Context(), b.client, txn.Options{ID: b.queue + "-filler"})
	if err != nil {
		b.t.Fatal(err)
	}
	defer p.Close()
	const atOnce = 2000
	for at := from; at < from+n; at += atOnce {
		var w txn.Write
		for i := at; i < min(at+atOnce, from+n); i++ {
			w.Records = append(w.Records, b.letter(i, size))
		}
		if _, err := p.Commit(b.t.Context(), w); err != nil {
			b.t.Fatal(err)
		}
	}
	// A commit is confirmed before readers see it; taking the id anew waits for that.
	again, err := txn.Acquire(b.t.Context(), b.client, txn.Options{ID: b.queue + "-filler"})
	if err != nil {
		b.t.Fatal(err)
	}
	again.Close()
}

// letter makes letter i. There are 7 keys a partition.
func (b *bench) letter(i, size int) kafka.Record {
	part := int32(i) % b.partitions
	nth := i / int(b.partitions)
	value := fmt.Sprintf(`{"n":%d,"pad":"`, i)
	value += strings.Repeat("x", max(0, size-len(value)-2)) + `"}`
	l := letters.Letter{
		Origin: letters.Origin{Topic: b.source, Partition: part, Offset: int64(nth), Timestamp: time.Unix(1795406037, 0)},
		Group:  "billing", Class: "*errors.errorString", Message: "no such invoice " + strconv.Itoa(i), Attempts: 4, FailedAt: time.Unix(1795406040, 0),
	}
	return kafka.Record{
		Topic: b.queue, Partition: part, Key: fmt.Appendf(nil, "key-%d-%d", part, nth%7), Value: []byte(value),
		Headers: l.Append([]kafka.Header{{Name: "trace", Value: []byte("t-" + strconv.Itoa(i))}}, letters.AppendOptions{}),
	}
}

// account is what kcat, reading committed records, finds on the target.
type account struct {
	missing, duplicated, unknown, disordered int
}

func (v account) String() string {
	return fmt.Sprintf("missing=%d duplicated=%d unknown=%d disordered=%d", v.missing, v.duplicated, v.unknown, v.disordered)
}

// judge reads the target with kcat and holds it against letters 0 to n-1.
func (b *bench) judge(n int, want func(i int) bool) account {
	b.t.Helper()
	out := peers.KcatConsume(b.t, b.conn, b.source, "-X", "isolation.level=read_committed", "-f", "%p %k %S %s\n")
	seen := make([]int, n)
	last, lastOfKey := map[string]int{}, map[string]int{}
	var v account
	for line := range strings.Lines(string(out)) {
		var part, key, i = "", "", -1
		fields := strings.SplitN(line, " ", 4)
		if len(fields) == 4 {
			part, key = fields[0], fields[1]
			if _, err := fmt.Sscanf(fields[3], `{"n":%d,`, &i); err != nil {
				i = -1
			}
		}
		if i < 0 || i >= n || want != nil && !want(i) {
			v.unknown++
			continue
		}
		seen[i]++
		if prev, ok := last[part]; ok && prev >= i {
			v.disordered++
		} else if prev, ok := lastOfKey[key]; ok && prev >= i {
			v.disordered++
		}
		last[part], lastOfKey[key] = i, i
		if strconv.Itoa(i%int(b.partitions)) != part {
			v.unknown++
		}
	}
	for i, times := range seen {
		switch {
		case times == 0 && (want == nil || want(i)):
			v.missing++
		case times > 1:
			v.duplicated += times - 1
		}
	}
	return v
}

func (b *bench) mustBeExact(n int) {
	b.t.Helper()
	v := b.judge(n, nil)
	b.t.Logf("%d letters on %s: %s", n, b.source, v)
	if v != (account{}) {
		b.t.Errorf("not exactly once and in order: %s", v)
	}
}

// lockedBuffer is written by one goroutine while another reads it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// started is a replay that runs beside the test.
type started struct {
	cmd  *exec.Cmd
	out  *lockedBuffer
	done chan error
}

func (b *bench) start(args ...string) *started {
	b.t.Helper()
	argv := append([]string{"dlq", "replay", b.queue, "--ledger", b.ledger, "-y"}, args...)
	s := &started{cmd: product.Command(b.t.Context(), b.t, b.args(argv...)...), out: &lockedBuffer{}, done: make(chan error, 1)}
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	if err := s.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	go func() { s.done <- s.cmd.Wait() }()
	return s
}

// wait gives the exit code and what was said.
func (s *started) wait(t testing.TB) (string, int) {
	t.Helper()
	select {
	case err := <-s.done:
		return s.out.String(), exitCode(t, err)
	case <-time.After(4 * time.Minute):
		_ = s.cmd.Process.Kill()
		t.Fatalf("the replay does not end:\n%s", s.out.String())
		return "", -1
	}
}

// awaitSent waits until at least n letters are on the target.
func (b *bench) awaitSent(n int) {
	b.t.Helper()
	arrived := func() bool {
		at := map[kafka.TopicPartition]int64{}
		for p := range b.partitions {
			at[kafka.TopicPartition{Topic: b.source, Partition: p}] = kafka.Latest
		}
		ends, err := b.client.Offsets(b.t.Context(), at, kafka.ReadCommitted)
		if err != nil {
			b.t.Fatal(err)
		}
		sum := int64(0)
		for _, end := range ends {
			sum += end
		}
		return sum >= int64(n)
	}
	if !await(b.t, time.Minute, arrived) {
		b.t.Fatalf("fewer than %d letters came", n)
	}
}

func signal(t testing.TB, s *started, sig os.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}
