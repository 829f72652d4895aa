package kafka_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/product"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
	"github.com/multi-tenant/manage-kafka/test/tier"
)

// ran is how a run of the product ended.
type ran struct {
	code   int
	stdout string
	stderr string
	rss    int64 // most memory it had, in bytes
}

func run(t *testing.T, c *exec.Cmd) ran {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	rss, err := product.RunWatched(c)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v", c.Args, err)
	}
	return ran{code: c.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String(), rss: rss}
}

// produce runs the producer and returns its summary.
func produce(t *testing.T, conn realkafka.Conn, input io.Reader, args ...string) (console.ProduceResult, ran) {
	t.Helper()
	c := product.Command(t.Context(), t, append([]string{"producer", "-b", conn.Bootstrap, "-o", "json"}, args...)...)
	c.Stdin = input
	r := run(t, c)
	var res console.ProduceResult
	if err := json.Unmarshal([]byte(r.stdout), &res); err != nil {
		t.Fatalf("producer %v: exit %d, %v\n%s\n%s", args, r.code, err, r.stdout, r.stderr)
	}
	return res, r
}

// numbered gives n lines, each its number.
func numbered(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "%07d\n", i)
	}
	return b.Bytes()
}

// random makes records of random bytes: null and empty keys, values and header
// values, header names that repeat, and large values among small ones.
func random(t *testing.T, n, large int) []peers.Record {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	some := func(most int) []byte {
		switch r.IntN(10) {
		case 0:
			return nil
		case 1:
			return []byte{}
		}
		b := make([]byte, r.IntN(most)+1)
		text := r.IntN(2) == 0
		for i := range b {
			if b[i] = byte(r.Uint32()); text {
				b[i] = b[i]%95 + ' '
			}
		}
		return b
	}
	records := make([]peers.Record, n)
	for i := range records {
		records[i] = peers.Record{Partition: r.Int32N(3), Timestamp: 1_700_000_000_000 + r.Int64N(1e9), Key: some(40), Value: some(2000)}
		if i%(n/large) == 0 {
			records[i].Value = make([]byte, 100_000+r.IntN(800_000))
			for j := range records[i].Value {
				records[i].Value[j] = byte(r.Uint32())
			}
		}
		for range r.IntN(4) {
			records[i].Headers = append(records[i].Headers, peers.Header{Key: []byte([]string{"a", "b", "é", ""}[r.IntN(4)]), Value: some(20)})
		}
	}
	return records
}

// What the consumer writes and the producer reads is the same topic again, to
// the bit, as Kafka's own client sees it.
func TestRoundTrip(t *testing.T) {
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	from, to := realkafka.Name(t), realkafka.Name(t)
	for _, topic := range []string{from, to} {
		peers.CreateTopic(t, conn, topic, 3, 1)
	}
	records := random(t, 100_000, 100)
	placed := peers.Write(t, conn, from, records)

	consumer := product.Command(t.Context(), t, "consumer", "-b", conn.Bootstrap, from, "-f", "jsonl", "--from-beginning", "--exit-at-end")
	pipe, err := consumer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var talk bytes.Buffer
	consumer.Stderr = &talk
	if err := consumer.Start(); err != nil {
		t.Fatal(err)
	}
	res, r := produce(t, conn, pipe, to, "-f", "jsonl", "--keep-timestamp", "--keep-partition")
	if err := consumer.Wait(); err != nil {
		t.Fatalf("consumer: %v\n%s", err, talk.Bytes())
	}
	if r.code != 0 || res.Acked != int64(len(records)) {
		t.Fatalf("exit %d, %+v\n%s", r.code, res, r.stderr)
	}
	want := map[string]string{}
	for i, p := range placed {
		want[fmt.Sprintf("%d/%d", p.Partition, p.Offset)] = records[i].Digest()
	}
	got := peers.Digests(t, conn, to, peers.Committed)
	differ := 0
	for _, d := range got {
		if want[fmt.Sprintf("%d/%d", d.Partition, d.Offset)] != d.SHA256 {
			differ++
		}
	}
	if len(got) != len(records) || differ > 0 {
		t.Errorf("%d records of %d, %d of them differ", len(got), len(records), differ)
	}
}

func TestPartitionsAreThoseOfPeers(t *testing.T) {
	const keys, partitions = 1000, 7
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	var records []peers.Record
	var lines bytes.Buffer
	for i := range keys {
		key := fmt.Sprintf("клавиша-%d", i)
		records = append(records, peers.Record{Partition: -1, Key: []byte(key), Value: []byte("v")})
		fmt.Fprintf(&lines, "%s:v\n", key)
	}
	where := func(send func(topic string)) map[string]int32 {
		topic := realkafka.Name(t)
		peers.CreateTopic(t, conn, topic, partitions, 1)
		send(topic)
		byKey := map[string]int32{}
		for _, r := range peers.Dump(t, conn, topic, peers.Committed) {
			byKey[string(r.Key)] = r.Partition
		}
		return byKey
	}
	for partitioner, others := range map[string]map[string]func(topic string){
		"murmur2": {
			"java":    func(topic string) { peers.Write(t, conn, topic, records) },
			"kafkajs": func(topic string) { peers.KafkaJSProduce(t, conn, topic, records) },
			"kcat": func(topic string) {
				peers.KcatProduce(t, conn, topic, lines.Bytes(), "-K", ":", "-X", "topic.partitioner=murmur2_random")
			},
		},
		"crc32": {"kcat": func(topic string) {
			peers.KcatProduce(t, conn, topic, lines.Bytes(), "-K", ":", "-X", "topic.partitioner=consistent_random")
		}},
		"fnv1a": {},
	} {
		ours := where(func(topic string) {
			if res, r := produce(t, conn, bytes.NewReader(lines.Bytes()), topic, "-K", ":", "--partitioner", partitioner); res.Acked != keys {
				t.Fatalf("%+v\n%s", res, r.stderr)
			}
		})
		if len(ours) != keys {
			t.Fatalf("%s: %d keys, want %d", partitioner, len(ours), keys)
		}
		for peer, send := range others {
			theirs := where(send)
			for key, p := range ours {
				if theirs[key] != p {
					t.Errorf("%s: %s goes to %d with us, to %d with %s", partitioner, key, p, theirs[key], peer)
					break
				}
			}
		}
	}
}

// An interrupt ends a run at once, and what it says was acknowledged is what
// is there.
func TestProducerInterrupted(t *testing.T) {
	lines := 500_000
	if tier.IsLong() {
		lines = 5_000_000
	}
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	topic := realkafka.Name(t)
	peers.CreateTopic(t, conn, topic, 3, 1)
	c := product.Command(t.Context(), t, "producer", "-b", conn.Bootstrap, topic)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	c.Stderr = &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	all := numbered(lines)
	if _, err := in.Write(all[:len(all)/2]); err != nil {
		t.Fatal(err)
	}
	// The rest follows while the signal is on its way; nobody may read it.
	wrote := make(chan struct{})
	go func() {
		defer close(wrote)
		_, _ = in.Write(all[len(all)/2:])
	}()
	signalled := time.Now()
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err = c.Wait()
	took := time.Since(signalled)
	<-wrote
	t.Logf("ended %v after the signal:\n%s", took, stderr.Bytes())
	if c.ProcessState.ExitCode() != 130 || took > 5*time.Second {
		t.Errorf("exit %d after %v, %v", c.ProcessState.ExitCode(), took, err)
	}
	var said int
	at := strings.Index(stderr.String(), "error: interrupted: ")
	if _, err := fmt.Sscanf(stderr.String()[max(at, 0):], "error: interrupted: %d records acknowledged", &said); err != nil {
		t.Fatalf("%v:\n%s", err, stderr.Bytes())
	}
	got := strings.Fields(string(peers.KcatConsume(t, conn, topic)))
	slices.Sort(got)
	if said == 0 || said == lines || len(got) != said || got[said-1] != fmt.Sprintf("%07d", said-1) {
		t.Errorf("%d records are there, %d were acknowledged; the last is %s", len(got), said, got[len(got)-1])
	}
}

// pattern gives n bytes of lines without keeping them.
type pattern struct {
	block []byte
	left  int64
}

func (p *pattern) Read(b []byte) (int, error) {
	if p.left <= 0 {
		return 0, io.EOF
	}
	n := copy(b, p.block)
	p.left -= int64(n)
	return n, nil
}

func TestProducerMemory(t *testing.T) {
	size := int64(500 << 20)
	if tier.IsLong() {
		size = 5 << 30
	}
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	line := strings.Repeat("0123456789", 35) + "\n"
	for _, args := range [][]string{{}, {"-z", "zstd"}, {"-K", "9"}} {
		topic := realkafka.Name(t)
		peers.CreateTopic(t, conn, topic, 6, 1, "retention.bytes=50000000")
		res, r := produce(t, conn, &pattern{block: []byte(strings.Repeat(line, 100)), left: size}, append([]string{topic}, args...)...)
		t.Logf("%v: %d records, %.1f s, at most %d MB resident", args, res.Acked, res.Seconds, r.rss>>20)
		if r.code != 0 || res.Acked == 0 || res.Acked != res.Sent {
			t.Errorf("%v: exit %d, %+v\n%s", args, r.code, res, r.stderr)
		}
		if r.rss > 150<<20 {
			t.Errorf("%v: %d MB resident, more than 150", args, r.rss>>20)
		}
	}
}

func TestProducerStopsAtABrokenLine(t *testing.T) {
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	topic := realkafka.Name(t)
	peers.CreateTopic(t, conn, topic, 3, 1)
	const good = 700_000
	line := `{"key":"k","value":"0123456789"}` + "\n"
	input := strings.NewReader(strings.Repeat(line, good) + `{"key":"k","value":` + "\n" + strings.Repeat(line, 100))
	res, r := produce(t, conn, input, topic, "-f", "jsonl")
	if r.code != 5 || res.Acked != good || !strings.Contains(r.stderr, "line 700001: invalid JSON") {
		t.Errorf("exit %d, %+v\n%s", r.code, res, r.stderr)
	}
	if got := bytes.Count(peers.KcatConsume(t, conn, topic), []byte("\n")); got != good {
		t.Errorf("another client counts %d records, want %d", got, good)
	}
}
