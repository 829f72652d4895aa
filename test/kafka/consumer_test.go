package kafka_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/product"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
	"github.com/multi-tenant/manage-kafka/test/tier"
)

// consumed runs the consumer to its end and returns what it shows. It must end
// by itself long before a human would give up.
func consumed(t *testing.T, conn realkafka.Conn, args ...string) string {
	t.Helper()
	began := time.Now()
	cmd := product.Command(t.Context(), t, append([]string{"consumer", "-b", conn.Bootstrap}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("consumer %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("consumer %s took %v", strings.Join(args, " "), took)
	}
	return string(out)
}

func TestConsumerEndsAtOnceAndCompletely(t *testing.T) {
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	topic := realkafka.Name(t)

	empty := topic + "-empty"
	peers.CreateTopic(t, conn, empty, 3, 1)
	if got := consumed(t, conn, empty, "--from-beginning", "--exit-at-end"); got != "" {
		t.Errorf("an empty topic shows %q", got)
	}

	aborted := topic + "-aborted"
	peers.CreateTopic(t, conn, aborted, 1, 1)
	peers.WriteAborted(t, conn, aborted, 5, 7)
	want := ""
	for i := range 5 {
		want += fmt.Sprintf("committed-%d\n", i)
	}
	if got := consumed(t, conn, aborted, "--from-beginning", "--exit-at-end"); got != want {
		t.Errorf("with aborted records at the end: %q", got)
	}
	if got := consumed(t, conn, aborted, "--tail", "2"); got != "committed-3\ncommitted-4\n" {
		t.Errorf("the last two: %q", got)
	}
	if got := consumed(t, conn, aborted, "-e", "--isolation-level", "read_uncommitted"); strings.Count(got, "\n") != 12 {
		t.Errorf("uncommitted records too: %q", got)
	}
	if got := consumed(t, conn, aborted, "-e", "-g", topic); got != want {
		t.Errorf("in a group: %q", got)
	}

	compacted := topic + "-compacted"
	peers.WriteCompacted(t, conn, compacted, 20, 30)
	got := consumed(t, conn, compacted, "-e", "-f", `%o %k %v\n`)
	if kcat := peers.KcatConsume(t, conn, compacted, "-f", `%o %k %s\n`); got != string(kcat) {
		t.Errorf("a compacted topic: %d lines, kcat has %d", strings.Count(got, "\n"), bytes.Count(kcat, []byte("\n")))
	}
}

func TestConsumerReadsWhatPeersWrite(t *testing.T) {
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	topic := realkafka.Name(t)
	peers.CreateTopic(t, conn, topic, 3, 1)
	records := random(t, 200, 3)
	peers.Write(t, conn, topic, records)
	peers.KafkaJSProduce(t, conn, topic, []peers.Record{
		{Value: []byte("kafkajs"), Key: []byte{0xff, 0}, Headers: []peers.Header{{Key: []byte("h"), Value: []byte{0xfe}}}}, {Key: []byte("tombstone")},
	})
	peers.KcatProduce(t, conn, topic, []byte("k:v\nk2:żółw\n"), "-K:", "-H", "h=x", "-z", "gzip")
	var got []peers.Digest
	for line := range strings.Lines(consumed(t, conn, topic, "-e", "-f", "jsonl")) {
		r := fromEnvelope(t, line)
		got = append(got, peers.Digest{Partition: r.Partition, Offset: r.Offset, SHA256: r.Digest()})
	}
	want := peers.Digests(t, conn, topic, peers.Committed)
	for _, list := range [][]peers.Digest{got, want} {
		slices.SortFunc(list, func(a, b peers.Digest) int {
			if a.Partition != b.Partition {
				return int(a.Partition - b.Partition)
			}
			return int(a.Offset - b.Offset)
		})
	}
	if len(want) != 204 || !slices.Equal(got, want) {
		t.Errorf("%d records, Java sees %d, and not the same", len(got), len(want))
	}
}

// fromEnvelope reads a line as somebody would who knows only its description.
func fromEnvelope(t *testing.T, line string) peers.Record {
	t.Helper()
	var e struct {
		Partition     int32
		Offset        int64
		Timestamp     time.Time
		Key, Value    *string
		KeyEncoding   string `json:"key_encoding"`
		ValueEncoding string `json:"value_encoding"`
		Headers       []struct {
			Key         string
			KeyEncoding string `json:"key_encoding"`
			Value       *string
			Encoding    string
		}
	}
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	text := func(s *string, encoding string) []byte {
		switch {
		case s == nil:
			return nil
		case encoding == "":
			return append([]byte{}, *s...)
		}
		b, err := base64.StdEncoding.DecodeString(*s)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		return b
	}
	r := peers.Record{Partition: e.Partition, Offset: e.Offset, Timestamp: e.Timestamp.UnixMilli(), Key: text(e.Key, e.KeyEncoding), Value: text(e.Value, e.ValueEncoding)}
	for _, h := range e.Headers {
		r.Headers = append(r.Headers, peers.Header{Key: text(&h.Key, h.KeyEncoding), Value: text(h.Value, h.Encoding)})
	}
	return r
}

// bigTopic holds n lines of about a kilobyte in three partitions.
func bigTopic(t *testing.T, conn realkafka.Conn, n int) string {
	t.Helper()
	topic := realkafka.Name(t)
	peers.CreateTopic(t, conn, topic, 3, 1)
	pad := strings.Repeat("x", 990)
	in, feed := io.Pipe()
	go func() {
		w := bufio.NewWriterSize(feed, 1<<20)
		for i := range n {
			fmt.Fprintf(w, "%07d %s\n", i, pad)
		}
		feed.CloseWithError(w.Flush())
	}()
	cmd := peers.Kcat(t.Context(), t, conn, "-P", "-t", topic)
	cmd.Stdin = in
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("kcat: %v\n%s", err, out)
	}
	return topic
}

func TestConsumerOfAStream(t *testing.T) {
	records := 500_000
	if tier.IsLong() {
		records = 5_000_000
	}
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	topic := bigTopic(t, conn, records)
	t.Run("memory", func(t *testing.T) { consumerMemory(t, conn, topic, records) })
	t.Run("interrupt", func(t *testing.T) { consumerInterrupt(t, conn, topic, records) })
	t.Run("head", func(t *testing.T) { consumerHead(t, conn, topic) })
}

// lineCounter counts lines and keeps nothing.
type lineCounter int

func (c *lineCounter) Write(b []byte) (int, error) {
	*c += lineCounter(bytes.Count(b, []byte("\n")))
	return len(b), nil
}

func consumerMemory(t *testing.T, conn realkafka.Conn, topic string, records int) {
	for _, format := range []string{"raw", "jsonl"} {
		cmd := product.Command(t.Context(), t, "consumer", "-b", conn.Bootstrap, topic, "-e", "-f", format)
		cmd.Env = slices.DeleteFunc(cmd.Env, func(v string) bool { return strings.HasPrefix(v, "GOMEMLIMIT=") || strings.HasPrefix(v, "GOGC=") })
		var count lineCounter
		cmd.Stdout = &count
		began := time.Now()
		rss, err := product.RunWatched(cmd)
		if err != nil {
			t.Fatal(err)
		}
		if int(count) != records {
			t.Errorf("%s: %d records of %d", format, count, records)
		}
		t.Logf("%s: %v wall, %v cpu, %d MB resident", format, time.Since(began).Round(10*time.Millisecond), cpu(cmd.ProcessState), rss>>20)
		if rss > 150<<20 {
			t.Errorf("%s: %d MB resident, more than 150", format, rss>>20)
		}
	}
	kcat := peers.Kcat(t.Context(), t, conn, "-C", "-t", topic, "-e", "-q", "-o", "beginning", "-X", "fetch.wait.max.ms=10")
	var count lineCounter
	kcat.Stdout = &count
	began := time.Now()
	rss, err := product.RunWatched(kcat)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("kcat: %v wall, %v cpu, %d MB resident", time.Since(began).Round(10*time.Millisecond), cpu(kcat.ProcessState), rss>>20)
}

func cpu(p *os.ProcessState) time.Duration {
	return (p.UserTime() + p.SystemTime()).Round(10 * time.Millisecond)
}

func consumerInterrupt(t *testing.T, conn realkafka.Conn, topic string, records int) {
	cmd := product.Command(t.Context(), t, "consumer", "-b", conn.Bootstrap, topic, "--from-beginning")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var count lineCounter
	if _, err := io.CopyN(&count, out, 20<<20); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := io.Copy(&count, out); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the interrupt took %v", took)
	}
	said := regexp.MustCompile(`^error: interrupted: wrote ([0-9,]+) records\n$`).FindStringSubmatch(stderr.String())
	if code := cmd.ProcessState.ExitCode(); code != 130 || said == nil {
		t.Fatalf("exit %d: %s", code, stderr.String())
	}
	if n, err := strconv.Atoi(strings.ReplaceAll(said[1], ",", "")); err != nil || n != int(count) || n == 0 || n == records {
		t.Errorf("says %s records, %d came of %d", said[1], count, records)
	}
}

// head reads the first line and hangs up.
func consumerHead(t *testing.T, conn realkafka.Conn, topic string) {
	for _, from := range []string{"start", "-1"} {
		cmd := product.Command(t.Context(), t, "consumer", "-b", conn.Bootstrap, topic, "-o", from)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || len(line) != 999 {
			t.Errorf("first line %q, %v", line, err)
		}
		_ = out.Close()
		waitQuietly(t, cmd, &stderr)
	}
}

func waitQuietly(t *testing.T, cmd *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil || stderr.Len() > 0 {
			t.Errorf("a closed pipe ends it with %v: %s", err, stderr.Bytes())
		}
	case <-time.After(10 * time.Second):
		t.Error("a closed pipe is not noticed")
		_ = cmd.Process.Kill()
		<-done
	}
}
