package kafka_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/product"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// A broker that dies and comes back costs time and nothing else.
func TestProducerOutlivesBroker(t *testing.T) {
	t.Parallel() // it mostly waits, for a cluster of its own
	for _, partitions := range []int{1, 3} {
		t.Run(fmt.Sprint(partitions), func(t *testing.T) {
			const lines = 300_000
			c := realkafka.Start(t, realkafka.Options{})
			conn := c.Conn(realkafka.Plaintext)
			peers.CreateTopic(t, conn, "t", partitions, 1)
			p := product.Command(t.Context(), t, "producer", "-b", conn.Bootstrap, "t", "--rate", "60000/s", "--delivery-timeout", "90s")
			p.Stdin = bytes.NewReader(numbered(lines))
			var stderr bytes.Buffer
			p.Stderr = &stderr
			if err := p.Start(); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(time.Minute); len(peers.KcatConsume(t, conn, "t")) < 8*50_000; {
				if time.Now().After(deadline) {
					t.Fatalf("50,000 records do not arrive:\n%s", stderr.Bytes())
				}
			}
			c.Kill(0)
			c.Start(0)
			if err := p.Wait(); err != nil {
				t.Fatalf("%v\n%s", err, stderr.Bytes())
			}
			got := strings.Fields(string(peers.KcatConsume(t, conn, "t")))
			if partitions > 1 {
				slices.Sort(got)
			}
			want := strings.Fields(string(numbered(lines)))
			if !slices.Equal(got, want) {
				t.Errorf("%d records of %d; the same ones, in order: no", len(got), len(want))
			}
		})
	}
}

// A broker that stays away ends the run, which says where to go on.
func TestProducerGivesUp(t *testing.T) {
	t.Parallel() // it mostly waits, for a cluster of its own
	c := realkafka.Start(t, realkafka.Options{})
	conn := c.Conn(realkafka.Plaintext)
	peers.CreateTopic(t, conn, "t", 3, 1)
	p := product.Command(t.Context(), t, "producer", "-b", conn.Bootstrap, "t", "--delivery-timeout", "2s")
	in, err := p.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	p.Stderr = &stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write(numbered(1000)); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); len(peers.KcatConsume(t, conn, "t")) < 8*1000; {
		if time.Now().After(deadline) {
			t.Fatal("the records do not arrive")
		}
	}
	c.Kill(0)
	_, _ = in.Write(numbered(10))
	_ = p.Wait()
	if code := p.ProcessState.ExitCode(); code != 3 {
		t.Errorf("exit %d, want 3", code)
	}
	for _, want := range []string{"1000 records acknowledged", "hint: go on with line 1001"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("no %q in:\n%s", want, stderr.Bytes())
		}
	}
}

// What a real broker refuses within a batch is found, and the rest arrives.
func TestProducerRefusedByBroker(t *testing.T) {
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	var lines strings.Builder
	for i := range 1000 {
		at := ""
		if i == 500 || i == 700 {
			at = `,"timestamp":"2199-01-01T00:00:00.000Z"`
		}
		fmt.Fprintf(&lines, "{\"value\":\"%04d\"%s}\n", i, at)
	}
	for _, skip := range []bool{false, true} {
		topic := realkafka.Name(t)
		peers.CreateTopic(t, conn, topic, 1, 1, "message.timestamp.after.max.ms=60000")
		rejects := filepath.Join(t.TempDir(), "rejects.jsonl")
		args, count := []string{topic, "-f", "jsonl", "--keep-timestamp"}, 500
		if skip {
			args, count = append(args, "--on-error", "skip", "--rejects", rejects), 998
		}
		res, r := produce(t, conn, strings.NewReader(lines.String()), args...)
		got := strings.Fields(string(peers.KcatConsume(t, conn, topic)))
		if r.code != 5 || res.Acked != int64(count) || len(got) != count {
			t.Errorf("exit %d, %+v, %d records\n%s", r.code, res, len(got), r.stderr)
		}
		if !skip {
			if !strings.Contains(r.stderr, "line 501: ") {
				t.Errorf("the line is not named:\n%s", r.stderr)
			}
			continue
		}
		text, err := os.ReadFile(rejects)
		if err != nil || strings.Count(string(text), "\n") != 2 || !strings.Contains(string(text), `"line":701`) {
			t.Fatalf("rejects: %v\n%s", err, text)
		}
		// Without the timestamps that were the cause they are input again.
		res, r = produce(t, conn, bytes.NewReader(text), topic, "-f", "jsonl")
		if r.code != 0 || res.Acked != 2 {
			t.Errorf("the rejects: exit %d, %+v\n%s", r.code, res, r.stderr)
		}
	}
}

func TestProducerTransactions(t *testing.T) {
	forEachEra(t, func(t *testing.T, conn realkafka.Conn) {
		topic := realkafka.Name(t)
		peers.CreateTopic(t, conn, topic, 3, 1)
		res, r := produce(t, conn, bytes.NewReader(numbered(10_000)), topic, "--transactional-id", topic, "--tx-batch", "999")
		if r.code != 0 || res.Acked != 10_000 {
			t.Fatalf("exit %d, %+v\n%s", r.code, res, r.stderr)
		}
		bad := strings.Repeat("a:b\n", 2500) + "bad\n"
		res, r = produce(t, conn, strings.NewReader(bad), topic, "-K", ":", "--transactional-id", topic, "--tx-batch", "1000")
		if r.code != 5 || res.Acked != 2000 {
			t.Errorf("exit %d, %+v\n%s", r.code, res, r.stderr)
		}
		if got := strings.Count(string(peers.KcatConsume(t, conn, topic)), "\n"); got != 12_000 {
			t.Errorf("%d records committed, want 12,000", got)
		}
		fenced(t, conn, topic)
	})
}

// fenced starts a producer to a topic, takes its transactional id, which is the
// topic's name, over, and goes on.
func fenced(t *testing.T, conn realkafka.Conn, topic string) {
	t.Helper()
	p := product.Command(t.Context(), t, "producer", "-b", conn.Bootstrap, topic, "--transactional-id", topic, "--tx-batch", "1")
	in, err := p.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	p.Stderr = &stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(in, "old\n"); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); !strings.Contains(string(peers.KcatConsume(t, conn, topic)), "old"); {
		if time.Now().After(deadline) {
			t.Fatalf("the record does not arrive:\n%s", stderr.Bytes())
		}
	}
	if res, r := produce(t, conn, strings.NewReader("new\n"), topic, "--transactional-id", topic); r.code != 0 || res.Acked != 1 {
		t.Fatalf("exit %d, %+v\n%s", r.code, res, r.stderr)
	}
	_, _ = io.WriteString(in, "late\n")
	_ = p.Wait()
	if code := p.ProcessState.ExitCode(); code != 6 || !strings.Contains(stderr.String(), "fenced") {
		t.Errorf("exit %d, want 6:\n%s", code, stderr.Bytes())
	}
	if text := string(peers.KcatConsume(t, conn, topic)); strings.Contains(text, "late") || !strings.Contains(text, "new") {
		t.Error("the fenced producer wrote, or the new one did not")
	}
}
