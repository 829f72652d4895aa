package dlq_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// Replaying takes two readings, transactions and a ledger; copying with kcat
// one of each and no promise. What runs beside the test makes each slower by
// chance: the median of several pairs counts.
func TestReplaySpeed(t *testing.T) {
	n, pairs, least := 50_000, 3, 0.3
	if long() {
		n, pairs, least = 100_000, 5, 0.6
	}
	cluster := realkafka.Shared(t)
	binary := warmUp(t, cluster)
	var ratios []float64
	for range pairs {
		b := newBench(t, cluster, 6)
		b.fill(0, n, 1000)
		replayed := b.timeReplay(binary)
		b.mustBeExact(n)
		copied := b.timeCopy()
		ratio := copied.Seconds() / replayed.Seconds()
		t.Logf("%d letters of 1 KB: replay %.0f/s, kcat -C | kcat -P %.0f/s, ratio %.2f", n, float64(n)/replayed.Seconds(), float64(n)/copied.Seconds(), ratio)
		ratios = append(ratios, ratio)
	}
	atLeast(t, ratios, least)
}

// Tools that replay dead letters send one, wait until the leader has it, and
// send the next: acks=local is what kaf and most of them ask for, and makes them
// faster than a client that waits for all replicas. The loop here does that and
// nothing else, in Go with the client that kaf has.
func TestReplaySpeedAgainstOneByOne(t *testing.T) {
	n, pairs, least := 20_000, 1, 2.0
	if long() {
		n, pairs, least = 100_000, 3, 5.0
	}
	cluster := realkafka.Shared(t)
	binary := warmUp(t, cluster)
	ratios := map[string][]float64{}
	for range pairs {
		b := newBench(t, cluster, 6)
		b.fill(0, n, 1000)
		replayed := b.timeReplay(binary)
		b.mustBeExact(n)
		against := func(name string, single time.Duration) {
			ratio := single.Seconds() / replayed.Seconds()
			t.Logf("%d letters of 1 KB: replay %.0f/s, %s %.0f/s, ratio %.1f", n, float64(n)/replayed.Seconds(), name, float64(n)/single.Seconds(), ratio)
			ratios[name] = append(ratios[name], ratio)
		}
		against("one SendMessage each with acks=local", b.timeOneByOne())
		// The tools themselves, where they are on the path: they are not to be had
		// as packages.
		if kaf, err := exec.LookPath("kaf"); err == nil {
			against("kaf produce", b.timePipe("kaf", func(topic string) *exec.Cmd {
				return exec.CommandContext(t.Context(), kaf, "produce", topic, "-b", b.conn.Bootstrap)
			}))
		}
		if kafkactl, err := exec.LookPath("kafkactl"); err == nil {
			against("kafkactl produce", b.timePipe("kafkactl", func(topic string) *exec.Cmd {
				c := exec.CommandContext(t.Context(), kafkactl, "produce", topic, "-s", "-S", "\t")
				c.Env = append(os.Environ(), "BROKERS="+b.conn.Bootstrap)
				return c
			}))
		}
	}
	for name, of := range ratios {
		t.Log(name)
		atLeast(t, of, least)
	}
}

// atLeast fails the test where the median of the ratios is less.
func atLeast(t *testing.T, ratios []float64, least float64) {
	t.Helper()
	slices.Sort(ratios)
	if median := ratios[len(ratios)/2]; median < least {
		t.Errorf("ratio %.2f, want %.2f", median, least)
	} else {
		t.Logf("ratio %.2f, at least %.2f", median, least)
	}
}

// warmUp builds the product and lets it and kcat work once: the first replay of
// a cluster waits for topics that the brokers make, and the first megabytes for
// their compiler.
func warmUp(t *testing.T, cluster *realkafka.Cluster) (binary string) {
	t.Helper()
	binary = build(t)
	b := newBench(t, cluster, 6)
	b.fill(0, 20_000, 1000)
	b.timeReplay(binary)
	b.timeCopy()
	return binary
}

func (b *bench) timeOneByOne() time.Duration {
	b.t.Helper()
	other := b.source + "-single"
	b.create(other, b.partitions)
	conf := sarama.NewConfig()
	conf.Producer.RequiredAcks = sarama.WaitForLocal
	conf.Producer.Return.Successes = true
	conf.Producer.Partitioner = sarama.NewManualPartitioner
	began := time.Now()
	producer, err := sarama.NewSyncProducer(strings.Split(b.conn.Bootstrap, ","), conf)
	if err != nil {
		b.t.Fatal(err)
	}
	defer producer.Close()
	from := map[kafka.TopicPartition]int64{}
	for part := range b.partitions {
		from[kafka.TopicPartition{Topic: b.queue, Partition: part}] = 0
	}
	err = b.client.ReadToEnd(b.t.Context(), from, kafka.FetchOptions{Isolation: kafka.ReadCommitted}, func(f kafka.Fetched) error {
		for i := range f.Records {
			r := &f.Records[i]
			if _, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: other, Partition: r.Partition, Key: sarama.ByteEncoder(r.Key), Value: sarama.ByteEncoder(r.Value)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return time.Since(began)
}

func (b *bench) timeReplay(binary string) time.Duration {
	b.t.Helper()
	began := time.Now()
	c := exec.CommandContext(b.t.Context(), binary, b.args("dlq", "replay", b.queue, "--ledger", b.ledger, "-y")...)
	if out, err := c.CombinedOutput(); err != nil {
		b.t.Fatalf("%v\n%s", err, out)
	}
	return time.Since(began)
}

func (b *bench) timeCopy() time.Duration {
	b.t.Helper()
	return b.timePipe("copy", func(topic string) *exec.Cmd {
		return peers.Kcat(b.t.Context(), b.t, b.conn, "-P", "-t", topic, "-K", "\t")
	})
}

// timePipe reads the queue with kcat, and writes what comes to a topic of that
// name with another program.
func (b *bench) timePipe(name string, writer func(topic string) *exec.Cmd) time.Duration {
	b.t.Helper()
	other := b.source + "-" + name
	b.create(other, b.partitions)
	began := time.Now()
	read := peers.Kcat(b.t.Context(), b.t, b.conn, "-C", "-t", b.queue, "-e", "-q", "-o", "beginning", "-K", "\t")
	write := writer(other)
	pipe, err := read.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	write.Stdin = pipe
	if err := write.Start(); err != nil {
		b.t.Fatal(err)
	}
	if err := read.Run(); err != nil {
		b.t.Fatal(err)
	}
	if err := write.Wait(); err != nil {
		b.t.Fatal(err)
	}
	return time.Since(began)
}

// build makes the product as it is released: the test binary is slower.
func build(t testing.TB) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "manage-kafka")
	c := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", name, "github.com/multi-tenant/manage-kafka")
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	return name
}
