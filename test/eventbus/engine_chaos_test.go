//go:build unix

package eventbus_test

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/test/realkafka"
	"github.com/multi-tenant/manage-kafka/test/tier"
)

// chaos is a group of consuming processes that things happen to.
type chaos struct {
	t       *testing.T
	dir     string
	env     []string
	members []*member
	started int
	crashes int
	// longestStop is what it took a member to go that was asked to.
	longestStop time.Duration
}

type member struct {
	cmd   *exec.Cmd
	stdin io.Closer
}

// add starts another member.
func (c *chaos) add() {
	c.t.Helper()
	self, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	c.started++
	cmd := exec.CommandContext(c.t.Context(), self)
	cmd.Env = append(os.Environ(), c.env...)
	cmd.Env = append(cmd.Env, "LEDGER="+filepath.Join(c.dir, fmt.Sprintf("ledger-%03d", c.started)))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.members = append(c.members, &member{cmd, stdin})
}

// kill ends a member with SIGKILL.
func (c *chaos) kill(i int) {
	m := c.members[i]
	_ = m.cmd.Process.Kill()
	_ = m.cmd.Wait()
	c.crashes++
	c.members = slices.Delete(c.members, i, i+1)
}

// stop asks a member to go, as a deployment does.
func (c *chaos) stop(i int) {
	m := c.members[i]
	_ = m.stdin.Close()
	began := time.Now()
	if err := m.cmd.Wait(); err != nil && c.t.Context().Err() == nil {
		c.t.Errorf("a member that was asked to go, %v later: %v", time.Since(began), err)
	}
	c.longestStop = max(c.longestStop, time.Since(began))
	c.members = slices.Delete(c.members, i, i+1)
}

// freeze stops a member's clock for a while.
func (c *chaos) freeze(i int, d time.Duration) {
	m := c.members[i]
	_ = m.cmd.Process.Signal(syscall.SIGSTOP)
	wait(c.t, d)
	_ = m.cmd.Process.Signal(syscall.SIGCONT)
	c.crashes++ // it may have lost its membership
}

// line is what a member wrote about a record.
type line struct {
	done      bool
	partition int
	offset    int64
	key       string
	at        int64
	value     string
}

func (c *chaos) ledger() []line {
	c.t.Helper()
	var all []line
	files, err := filepath.Glob(filepath.Join(c.dir, "ledger-*"))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			c.t.Fatal(err)
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			parts := strings.Fields(lines.Text())
			if len(parts) != 6 {
				continue // a crash cut it off: it does not count as done
			}
			p, _ := strconv.Atoi(parts[1])
			off, _ := strconv.ParseInt(parts[2], 10, 64)
			at, _ := strconv.ParseInt(parts[4], 10, 64)
			all = append(all, line{parts[0] == "done", p, off, parts[3], at, parts[5]})
		}
		_ = f.Close()
	}
	return all
}

// flood writes (key, seq) at a rate until it is told to stop, and returns what
// was acknowledged: value to partition and offset.
type flood struct {
	producer sarama.AsyncProducer
	mu       sync.Mutex
	acked    map[string]line
	failed   int
	stop     chan struct{}
	done     sync.WaitGroup
	sent     atomic.Int64
}

func startFlood(t *testing.T, conn realkafka.Conn, topic string, perSecond int) *flood {
	t.Helper()
	conf := sarama.NewConfig()
	conf.Version = sarama.V3_6_0_0
	conf.Producer.RequiredAcks, conf.Producer.Idempotent = sarama.WaitForAll, true
	conf.Net.MaxOpenRequests = 1
	conf.Producer.Retry.Max, conf.Producer.Retry.Backoff = 100, 200*time.Millisecond
	conf.Producer.Return.Successes = true
	conf.Producer.Partitioner = sarama.NewMurmur2Partitioner
	p, err := sarama.NewAsyncProducer(strings.Split(conn.Bootstrap, ","), conf)
	if err != nil {
		t.Fatal(err)
	}
	f := &flood{producer: p, acked: map[string]line{}, stop: make(chan struct{})}
	f.done.Go(func() {
		for m := range p.Successes() {
			value, _ := m.Value.Encode()
			key, _ := m.Key.Encode()
			f.mu.Lock()
			f.acked[string(value)] = line{partition: int(m.Partition), offset: m.Offset, key: string(key)}
			f.mu.Unlock()
		}
	})
	f.done.Go(func() {
		for range p.Errors() {
			f.mu.Lock()
			f.failed++
			f.mu.Unlock()
		}
	})
	f.done.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		seq := make([]int, 100)
		for {
			select {
			case <-tick.C:
			case <-f.stop:
				p.AsyncClose()
				return
			}
			for range perSecond / 100 {
				k := rand.IntN(len(seq))
				seq[k]++
				p.Input() <- &sarama.ProducerMessage{
					Topic: topic, Key: sarama.StringEncoder(fmt.Sprintf("key-%d", k)), Value: sarama.StringEncoder(fmt.Sprintf("%d:%d", k, seq[k])),
				}
				f.sent.Add(1)
			}
		}
	})
	return f
}

// end stops the flood and waits for what is under way.
func (f *flood) end() {
	close(f.stop)
	f.done.Wait()
}

// TestChaos has a group of processes work through a topic while members are
// killed, frozen, sent away and added, and a broker dies and comes back: every
// record ends as done or as a dead letter, and those of a key in their order.
func TestChaos(t *testing.T) {
	length, rate := time.Minute, 1500
	if tier.IsLong() {
		length = 5 * time.Minute
	}
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d, %v", seed, length)
	cluster := realkafka.Start(t, realkafka.Options{Brokers: 3, Properties: map[string]string{
		"min.insync.replicas": "2", "offsets.topic.replication.factor": "3", "offsets.topic.num.partitions": "3",
	}})
	conn := cluster.Conn(realkafka.Plaintext)
	topic := topicWithLetters(t, conn, 6, 3)
	c := &chaos{t: t, dir: t.TempDir(), env: []string{
		asConsumer + "=1", "BROKERS=" + conn.Bootstrap, "TOPIC=" + topic, "GROUP=" + topic + "-group", "DONEBITS=" + strconv.FormatUint(seed%2, 10),
	}}
	f := startFlood(t, conn, topic, rate)
	for range 3 {
		c.add()
	}
	end := time.Now().Add(length)
	broker, brokerBack := time.Now().Add(length/4), time.Now().Add(length/2)
	victim := rng.IntN(3)
	down := false
	for time.Now().Before(end) {
		wait(t, time.Duration(1500+rng.IntN(3000))*time.Millisecond)
		switch now := time.Now(); {
		case !down && now.After(broker) && now.Before(brokerBack):
			t.Logf("broker %d is killed", victim)
			cluster.Kill(victim)
			down = true
		case down && now.After(brokerBack):
			t.Logf("broker %d comes back", victim)
			cluster.Start(victim)
			down = false
		}
		i := rng.IntN(len(c.members))
		switch rng.IntN(4) {
		case 0:
			c.kill(i)
			c.add()
		case 1:
			c.freeze(i, time.Duration(1000+rng.IntN(8000))*time.Millisecond)
		case 2:
			c.stop(i)
			c.add()
		case 3:
			if len(c.members) < 4 {
				c.add()
			} else {
				c.kill(i)
			}
		}
	}
	if down {
		cluster.Start(victim)
	}
	f.end()
	c.finish(conn, topic, f)
}

// finish waits until all is done and holds the ledgers to the promises.
func (c *chaos) finish(conn realkafka.Conn, topic string, f *flood) {
	t := c.t
	t.Helper()
	var lost []string
	letters := map[string]bool{}
	reader := open(t, conn)
	eventually(t, 3*time.Minute, "every record is done or a letter", func() error {
		letters = map[string]bool{}
		for _, r := range lettersOf(t, reader, topic) {
			letters[string(r.Value)] = true
		}
		done := map[string]bool{}
		for _, l := range c.ledger() {
			if l.done {
				done[l.value] = true
			}
		}
		lost = lost[:0]
		for value := range f.acked {
			if !done[value] && !letters[value] {
				lost = append(lost, value)
			}
		}
		if len(lost) > 0 {
			wait(t, time.Second)
			byPartition := map[int]int{}
			for _, value := range lost {
				byPartition[f.acked[value].partition]++
			}
			return fmt.Errorf("%d records are not, such as %s at offset %d; by partition %v", len(lost), lost[0], f.acked[lost[0]].offset, byPartition)
		}
		return nil
	})
	for len(c.members) > 0 {
		c.stop(0)
	}
	lines := c.ledger()
	duplicates, processed := 0, map[int64]bool{}
	for _, l := range lines {
		if id := l.offset<<8 | int64(l.partition); l.done {
			if processed[id] {
				duplicates++
			}
			processed[id] = true
		}
	}
	t.Logf("sent=%d acknowledged=%d processed=%d dead-lettered=%d duplicates=%d crashes=%d lost=%d",
		f.sent.Load(), len(f.acked), len(processed), len(letters), duplicates, c.crashes, len(lost))
	t.Logf("a member that was asked to go was gone within %v", c.longestStop.Round(time.Millisecond))
	if bound := c.crashes * 6 * chaosSpan; duplicates > bound {
		t.Errorf("%d duplicates, more than %d", duplicates, bound)
	}
	checkOrder(t, lines)
}

// checkOrder holds the first ends of each key's records to the order of their
// offsets: the end of a record is its success, or the last failure before it
// became a letter.
func checkOrder(t *testing.T, lines []line) {
	t.Helper()
	type end struct {
		line
		success bool
	}
	first := map[[2]int64]end{}
	for _, l := range lines {
		id := [2]int64{int64(l.partition), l.offset}
		was, seen := first[id]
		switch {
		case !seen, l.done && !was.success, l.done == was.success && l.done && l.at < was.at, !l.done && !was.success && l.at > was.at:
			first[id] = end{l, l.done}
		}
	}
	byKey := map[string][]end{}
	for _, e := range first {
		byKey[e.key] = append(byKey[e.key], e)
	}
	wrong := 0
	for key, list := range byKey {
		slices.SortFunc(list, func(a, b end) int { return cmp.Compare(a.offset, b.offset) })
		for i := 1; i < len(list); i++ {
			// A letter's record may be tried again by another owner later.
			if a, b := list[i-1], list[i]; a.success && b.success && a.at >= b.at {
				if wrong++; wrong < 5 {
					t.Errorf("%s: %s was done after %s", key, a.value, b.value)
				}
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d records out of order", wrong)
	}
	t.Logf("%d keys in order", len(byKey))
}
