//go:build unix

package bench_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
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
	"github.com/multi-tenant/manage-kafka/test/tier"
)

// bench runs consumers against filled topics.
type bench struct {
	t     *testing.T
	conn  realkafka.Conn
	pairs int
	runs  int
}

// fill makes a topic of n records of 300 bytes and 100 keys.
func (b *bench) fill(partitions int32, n int) string {
	b.t.Helper()
	return b.fillBy(partitions, n, func(key []byte) int32 { return kafka.PartitionFor(key, partitions) })
}

// fillBy does so with a partition for each key.
func (b *bench) fillBy(partitions int32, n int, partition func(key []byte) int32) string {
	b.t.Helper()
	topic := realkafka.Name(b.t)
	conf := sarama.NewConfig()
	conf.Version = sarama.V3_6_0_0
	admin, err := sarama.NewClusterAdmin(strings.Split(b.conn.Bootstrap, ","), conf)
	if err != nil {
		b.t.Fatal(err)
	}
	defer admin.Close()
	for _, name := range []string{topic, topic + ".dlq"} {
		if err := admin.CreateTopic(name, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1}, false); err != nil {
			b.t.Fatal(err)
		}
	}
	conf.Producer.Partitioner = sarama.NewManualPartitioner
	conf.Producer.Flush.Bytes, conf.Producer.Flush.Frequency = 512<<10, 20*time.Millisecond
	conf.Producer.MaxMessageBytes = 900 << 10
	conf.Producer.Return.Successes = true
	p, err := sarama.NewSyncProducer(strings.Split(b.conn.Bootstrap, ","), conf)
	if err != nil {
		b.t.Fatal(err)
	}
	defer p.Close()
	keys := make([]sarama.ByteEncoder, 100)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "key-%d", i)
	}
	value := sarama.ByteEncoder(make([]byte, 300))
	for done := 0; done < n; {
		batch := make([]*sarama.ProducerMessage, min(20_000, n-done))
		for i := range batch {
			key := keys[(done+i)*7919%100]
			batch[i] = &sarama.ProducerMessage{Topic: topic, Key: key, Value: value, Partition: partition(key)}
		}
		if err := p.SendMessages(batch); err != nil {
			b.t.Fatal(err)
		}
		done += len(batch)
	}
	return topic
}

// command makes the command of a consumer.
type command func(ctx context.Context, j job) *exec.Cmd

func self(as string) command {
	return func(ctx context.Context, j job) *exec.Cmd {
		cmd := exec.CommandContext(ctx, os.Args[0], j.args()...)
		cmd.Env = append(os.Environ(), asConsumer+"="+as)
		return cmd
	}
}

// run times one consumer as a new group.
func (b *bench) run(name string, c command, j job) result {
	b.t.Helper()
	b.runs++
	j.brokers, j.workers = strings.Split(b.conn.Bootstrap, ","), 64
	if j.group == "" {
		j.group = fmt.Sprintf("%s-%s-%d", j.topic, name, b.runs)
	}
	ctx, cancel := context.WithTimeout(b.t.Context(), 5*time.Minute)
	defer cancel()
	cmd := c(ctx, j)
	cmd.Stderr = os.Stderr
	began := time.Now()
	out, err := cmd.Output()
	whole := time.Since(began)
	if err != nil {
		b.t.Fatalf("%s: %v\n%s", name, err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var r result
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &r); err != nil {
		b.t.Fatalf("%s: %v in %q", name, err, out)
	}
	r.Process, r.ProcessCPU = whole, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()
	b.t.Logf("%-10s %8d records of %v: %9.0f records/s, CPU %7.2f µs a record; the whole process %6.0f/s, %7.2f µs",
		name, r.Records, j.takes, r.rate(), r.each(), r.whole(), r.wholeEach())
	return r
}

// ratios are those of pairs that ran in turn: the bus to its peer. Those of whole
// processes say something only where both had as many records. own and peer are
// the rates themselves, in records a second.
type ratios struct{ rate, whole, cpu, wholeCPU, own, peer float64 }

// against runs the bus and a peer in turn and gives the median ratios.
func (b *bench) against(name string, bus, peer command, own, theirs job) ratios {
	b.t.Helper()
	var all []ratios
	for range b.pairs {
		p := b.run(name, peer, theirs)
		o := b.run("bus", bus, own)
		all = append(all, ratios{
			o.rate() / p.rate(), o.whole() / p.whole(), o.each() / p.each(), o.wholeEach() / p.wholeEach(), o.rate(), p.rate(),
		})
	}
	median := func(of func(ratios) float64) float64 {
		slices.SortFunc(all, func(x, y ratios) int { return cmp.Compare(of(x), of(y)) })
		return of(all[b.pairs/2])
	}
	r := ratios{
		median(func(r ratios) float64 { return r.rate }), median(func(r ratios) float64 { return r.whole }),
		median(func(r ratios) float64 { return r.cpu }), median(func(r ratios) float64 { return r.wholeCPU }),
		median(func(r ratios) float64 { return r.own }), median(func(r ratios) float64 { return r.peer }),
	}
	b.t.Logf("=> bus to %s, %d of %v: %.2f times the rate at %.3f times the CPU", name, own.count, own.takes, r.rate, r.cpu)
	if own.count == theirs.count {
		b.t.Logf("=> whole processes: %.2f times the rate at %.3f times the CPU", r.whole, r.wholeCPU)
	}
	return r
}

// hold fails where a ratio is not what the issue asks for; the short form, which
// shares the machine with all other tests, allows half as much again.
func (b *bench) hold(what string, got, least float64) {
	b.t.Helper()
	if !tier.IsLong() {
		least /= 1.5
	}
	if got < least {
		b.t.Errorf("%s: %.3f, want at least %.3f", what, got, least)
	}
}

func TestConsumersSpeed(t *testing.T) {
	b := &bench{t: t, conn: realkafka.Shared(t).Conn(realkafka.Plaintext), pairs: 1}
	scale := 1
	if tier.IsLong() {
		b.pairs, scale = 5, 5
	}
	six, one := b.fill(6, 300_000*scale), b.fill(1, 40_000*scale)
	parallel, watermill := parallelConsumer(t), watermillProgram(t)
	const ms = time.Millisecond
	scaled := func(topic string, count int, takes time.Duration) job {
		return job{topic: topic, count: int64(count * scale), takes: takes}
	}

	few := b.pairs
	b.pairs = max(b.pairs, 3) // they are short
	r := b.against("raw", self("bus"), self("raw"), scaled(six, 300_000, 0), scaled(six, 300_000, 0))
	b.pairs = few
	b.hold("raw's CPU to the bus's, without work", 1/r.cpu, 1/1.25)

	// So many records are what Parallel Consumer takes 130 to 180 µs of CPU each for,
	// start and warming up included; README.md says what becomes of longer runs.
	some := func(count int64, takes time.Duration) job { return job{topic: six, count: count, takes: takes} }
	lengths := []int64{20_000}
	if tier.IsLong() {
		lengths = append(lengths, 30_000)
	}
	for _, n := range lengths {
		r = b.against("parallel", self("bus"), parallel, some(n, ms), some(n, ms))
		b.hold("rate to Parallel Consumer's at 1 ms", r.whole, 3)
		b.hold("Parallel Consumer's CPU to the bus's at 1 ms", 1/r.wholeCPU, 10)
		b.hold("Parallel Consumer's CPU to the bus's at 1 ms, from the first record", 1/r.cpu, 10)
		if n == lengths[0] {
			b.hold("rate to Parallel Consumer's at 1 ms, from the first record", r.rate, 3)
		}
	}
	if tier.IsLong() {
		r = b.against("parallel", self("bus"), parallel, some(100_000, ms), some(100_000, ms))
		most := b.run("sleepers", self("sleepers"), some(100_000, ms)).rate()
		b.t.Logf("=> bus to 64 sleepers: %.2f times the rate", r.own/most)
		// Missed: the JVM warms up to more than a third of what 64 workers can do at all.
		b.hold("rate to Parallel Consumer's at 1 ms over 100,000 records", r.rate, 3)
		b.hold("rate to what 64 workers of 1 ms can do", r.own/64_000, 0.75)
		b.hold("rate to three times Parallel Consumer's, or to that of sleepers where it is less", r.own/min(3*r.peer, most), 0.87)
	}

	r = b.against("watermill", self("bus"), watermill, scaled(one, 40_000, ms), scaled(one, 1000, ms))
	b.hold("rate to watermill's at 1 ms on one partition", r.rate, 30)

	r = b.against("watermill", self("bus"), watermill, scaled(six, 100_000, ms), scaled(six, 4000, ms))
	b.hold("rate to watermill's at 1 ms on six partitions", r.rate, 5)

	if tier.IsLong() {
		r = b.against("parallel", self("bus"), parallel, some(20_000, 5*ms), some(20_000, 5*ms))
		b.hold("rate to Parallel Consumer's at 5 ms, whole processes", r.whole, 1.2)
		b.hold("rate to Parallel Consumer's at 5 ms, from the first record", r.rate, 1.2)
		b.hold("rate to what 64 workers of 5 ms can do", r.own/12_800, 0.9)
	}
}

// A partition that has all the work is handled as fast beside others that have none as
// alone. It stood still between two fetches, for as long as these wait for the others.
func TestHotPartitionSpeed(t *testing.T) {
	b := &bench{t: t, conn: realkafka.Shared(t).Conn(realkafka.Plaintext), pairs: 3}
	n := 60_000
	if tier.IsLong() {
		b.pairs, n = 5, 150_000
	}
	first := func([]byte) int32 { return 0 }
	j := job{count: int64(n), takes: time.Millisecond}
	among, alone := j, j
	among.topic, alone.topic = b.fillBy(6, n, first), b.fillBy(1, n, first)
	r := b.against("alone", self("bus"), self("bus"), among, alone)
	b.hold("rate of a hot partition to that of one alone", r.rate, 0.9)
}

// One record of a hundred fails for good: the wall time is near its floor, which
// is what the failures of the worst key wait for, one after the other.
func TestPoisonSpeed(t *testing.T) {
	b := &bench{t: t, conn: realkafka.Shared(t).Conn(realkafka.Plaintext)}
	n := 4000
	if tier.IsLong() {
		n = 100_000
	}
	topic := b.fill(6, n)
	worst := b.worstKey(topic, 1)
	j := job{topic: topic, count: int64(n), takes: time.Millisecond, poison: 1}
	r := b.run("bus", self("bus"), j)
	floor := max(time.Duration(worst)*1400*time.Millisecond, time.Duration(n)*time.Millisecond/64)
	t.Logf("=> 1 %% poison: %v, %.3f times the floor of %v (%d failures of one key)", r.Wall, r.Wall.Seconds()/floor.Seconds(), floor, worst)
	b.hold("floor to wall", floor.Seconds()/r.Wall.Seconds(), 1/1.2)
}

// worstKey counts the records of the key that has most that fail.
func (b *bench) worstKey(topic string, poison int64) int {
	b.t.Helper()
	c, err := kafka.Open(b.t.Context(), kafka.Config{Bootstrap: []string{b.conn.Bootstrap}})
	if err != nil {
		b.t.Fatal(err)
	}
	defer c.Close()
	from := map[kafka.TopicPartition]int64{}
	for p := range int32(6) {
		from[kafka.TopicPartition{Topic: topic, Partition: p}] = 0
	}
	failures := map[string]int{}
	if err := c.ReadToEnd(b.t.Context(), from, kafka.FetchOptions{}, func(f kafka.Fetched) error {
		for _, r := range f.Records {
			if r.Offset*7919%100 < poison {
				failures[string(r.Key)]++
			}
		}
		return nil
	}); err != nil {
		b.t.Fatal(err)
	}
	worst := 0
	for _, n := range failures {
		worst = max(worst, n)
	}
	return worst
}

// parallelConsumer compiles the program around Confluent's Parallel Consumer.
func parallelConsumer(t *testing.T) command {
	t.Helper()
	path := peers.Program(t, "java/ParallelConsumerBench.java", peers.Library{Coordinates: "io.confluent.parallelconsumer:parallel-consumer-core:0.5.3.3"})
	tool := realkafka.JavaTool{ClassPath: path, JVM: []string{"-Xmx1g", "-XX:TieredStopAtLevel=4", "-XX:+UseG1GC", "-XX:-UseSerialGC"}}
	return func(ctx context.Context, j job) *exec.Cmd {
		return tool.Command(ctx, t, "ParallelConsumerBench", j.args()...)
	}
}

// watermillProgram builds the program around watermill-kafka, which is a module
// of its own.
func watermillProgram(t *testing.T) command {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "watermill")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".")
	cmd.Dir = "watermill"
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	return func(ctx context.Context, j job) *exec.Cmd {
		return exec.CommandContext(ctx, binary, j.args()...)
	}
}
