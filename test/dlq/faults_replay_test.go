package dlq_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/dlq"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
	"github.com/multi-tenant/manage-kafka/test/faultproxy"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
	"github.com/multi-tenant/manage-kafka/test/tier"
)

// replayed is the product's own replay as the one who plays a scenario. The
// tries share a queue: each replays letters of its own.
type replayed struct {
	bench  *bench
	proxy  *faultproxy.Proxy
	opts   dlq.Options
	from   int // the first letter of the try
	refuse bool

	mu    sync.Mutex
	lives int
	end   context.CancelCauseFunc
}

const (
	replayChunk   = 12
	replayLetters = 3 * replayChunk
	replayTimeout = 2 * time.Second // an answer is waited for half as long
)

// newReplayed makes topics for it: a target that takes small batches, so that
// a transaction has several.
func newReplayed(t *testing.T, cluster *realkafka.Cluster, direct *kafka.Client, partitions int32, replication int16) *replayed {
	t.Helper()
	name := strings.ToLower(realkafka.Name(t))
	b := &bench{t: t, conn: cluster.Conn(realkafka.Plaintext), client: direct, source: name, queue: name + ".dlq", ledger: name + "-ledger", partitions: partitions}
	specs := []topics.Spec{
		{Name: b.source, Partitions: partitions, Replication: replication, Config: map[string]string{"max.message.bytes": "2000"}},
		{Name: b.queue, Partitions: partitions, Replication: replication},
		{Name: b.ledger, Partitions: 1, Replication: replication, Config: map[string]string{"cleanup.policy": "compact"}},
	}
	if _, err := topics.New(direct).Create(t.Context(), specs, topics.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return &replayed{bench: b, opts: dlq.Options{
		Queue: b.queue, Ledger: b.ledger, FirstChunk: replayChunk, Order: dlq.OrderNone, Timeout: replayTimeout, Takeover: true, MaxReplays: -1,
	}}
}

func (r *replayed) client() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprintf("%s.%d", r.bench.queue, r.lives)
}

// stage has the replay play a scenario with the letters from from on.
func (r *replayed) stage(proxy *faultproxy.Proxy, random *rand.Rand, from int) *stage {
	r.proxy, r.from, r.refuse = proxy, from, false
	letter := func(first int) func(faultproxy.Frame) bool {
		return func(f faultproxy.Frame) bool {
			for i := first; i < from+2*replayChunk; i++ {
				if has(f, fmt.Sprintf(`{"n":%d,`, i)) {
					return true
				}
			}
			return false
		}
	}
	return &stage{
		proxy: proxy, random: random, id: "manage-kafka.dlq." + r.bench.queue, client: r.client, topic: r.bench.source, ledger: r.bench.ledger,
		silence: replayTimeout / 2, letters: letter(from + replayChunk),
		record: func(f faultproxy.Frame) bool {
			return has(f, "v1|chunk|"+r.bench.queue+"|") && has(f, "|000002")
		},
		kill:      r.kill,
		impatient: func() {},
		rejected:  func() { r.refuse = true },
		ownAbort:  func() { r.refuse = true },
	}
}

func (r *replayed) kill() {
	life := r.client()
	r.mu.Lock()
	r.lives++
	end := r.end
	r.mu.Unlock()
	r.proxy.Kill(life)
	end(errKilled)
}

// run replays what is pending until a run ends by itself.
func (r *replayed) run(ctx context.Context, bootstrap string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	for {
		life := r.client()
		err := r.process(ctx, bootstrap, life)
		if r.client() == life {
			return err
		}
	}
}

func (r *replayed) process(ctx context.Context, bootstrap, life string) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	r.mu.Lock()
	r.end = end
	r.mu.Unlock()
	c, err := kafka.Open(ctx, kafka.Config{Bootstrap: []string{bootstrap}, ClientID: life})
	if err != nil {
		return err
	}
	defer c.Close()
	opts := r.opts
	opts.BeforeChunk = r.beforeChunk
	plan, err := dlq.Prepare(ctx, c, opts)
	if err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	_, err = plan.Run(ctx)
	if r.refuse && errors.Is(err, dlq.ErrPartly) {
		return nil
	}
	return err
}

// large is the letter that the broker refuses in the scenarios of an own abort.
func (r *replayed) large() int { return r.from + replayChunk + replayChunk/2 }

// beforeChunk lowers what the target takes when the plan has passed its checks,
// so that the broker refuses a letter of chunk 2.
func (r *replayed) beforeChunk(ctx context.Context, chunk dlq.ChunkInfo) error {
	if !r.refuse || chunk.Seq != 2 {
		return nil
	}
	return r.limit(ctx, "1200")
}

// limit sets how large a batch the target takes, and waits until it does so.
func (r *replayed) limit(ctx context.Context, bytes string) error {
	b := r.bench
	if _, err := topics.New(b.client).Alter(ctx, b.source, topics.Change{Set: map[string]string{"max.message.bytes": bytes}}, topics.AlterOptions{}); err != nil {
		return err
	}
	p, err := txn.Acquire(ctx, b.client, txn.Options{ID: b.source + "-probe"})
	if err != nil {
		return err
	}
	defer p.Close()
	probe := txn.Write{
		Records: []kafka.Record{{Topic: b.source, Key: []byte("probe"), Value: make([]byte, 1500)}},
		Before:  func(context.Context) error { return errOwnAbort },
	}
	return waitUntil(ctx, func() (bool, error) {
		_, err := p.Commit(ctx, probe)
		var rejected *txn.RejectedError
		if tooLarge := errors.As(err, &rejected); tooLarge || errors.Is(err, errOwnAbort) {
			return tooLarge == (bytes != "2000"), nil
		}
		return false, err
	})
}

// fill writes the letters of one try; one of them is large where it is to be refused.
// It waits until a reader of committed records gets them: the answer to EndTxn comes
// before the partitions have their markers, and a replay that is planned in between
// finds nothing pending.
func (r *replayed) fill(t *testing.T, n int) {
	t.Helper()
	p, err := txn.Acquire(t.Context(), r.bench.client, txn.Options{ID: r.bench.queue + "-filler"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var w txn.Write
	for i := r.from; i < r.from+n; i++ {
		size := 250
		if r.refuse && i == r.large() {
			size = 1300
		}
		w.Records = append(w.Records, r.bench.letter(i, size))
	}
	if _, err := p.Commit(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	at := map[kafka.TopicPartition]int64{}
	for p := range r.bench.partitions {
		at[kafka.TopicPartition{Topic: r.bench.queue, Partition: p}] = kafka.Latest
	}
	if err := waitUntil(t.Context(), func() (bool, error) {
		stable, err := r.bench.client.Offsets(t.Context(), at, kafka.ReadCommitted)
		if err != nil {
			return false, err
		}
		ends, err := r.bench.client.Offsets(t.Context(), at, kafka.ReadUncommitted)
		return maps.Equal(stable, ends), err
	}); err != nil {
		t.Fatal(err)
	}
}

// pending is how many letters a plan made now would find.
func (r *replayed) pending(t *testing.T) int64 {
	t.Helper()
	plan, err := dlq.Prepare(t.Context(), r.bench.client, r.opts)
	if err != nil {
		t.Fatal(err)
	}
	return plan.Pending
}

// count is how often each letter is on the target, for a reader of committed records.
func (r *replayed) count(t *testing.T) map[int]int {
	t.Helper()
	var tps []kafka.TopicPartition
	for p := range r.bench.partitions {
		tps = append(tps, kafka.TopicPartition{Topic: r.bench.source, Partition: p})
	}
	seen := map[int]int{}
	if err := readCommitted(t.Context(), r.bench.client, tps, func(rec kafka.Record) {
		var i int
		if _, err := fmt.Sscanf(string(rec.Value), `{"n":%d,`, &i); err == nil {
			seen[i]++
		}
	}); err != nil {
		t.Fatal(err)
	}
	return seen
}

func verdictOf(seen map[int]int, n int) (v verdict) {
	for i := range n {
		if seen[i] == 0 {
			v.lost++
		} else {
			v.duplicated += seen[i] - 1
		}
	}
	return v
}

// testReplayScenarios plays the scenarios with the product's own replay.
func testReplayScenarios(t *testing.T, cluster *realkafka.Cluster, direct *kafka.Client, seed uint64) {
	tries := 5
	if tier.IsLong() {
		tries = 50
	}
	for i, sc := range scenarios() {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			proxy := faultproxy.Start(t, cluster.Bootstrap(), faultproxy.Options{})
			r := newReplayed(t, cluster, direct, 1, 1)
			hits, late := 0, map[string]int{}
			// A busy machine may keep a try from getting where the fault waits for it:
			// that one counts for what it sent, and another one follows.
			played := 0
			for ; hits < tries && played < 2*tries; played++ {
				try := played
				proxy.Clear()
				s := r.stage(proxy, random, try*replayLetters)
				sc.arrange(s)
				r.fill(t, replayLetters)
				if err := r.run(t.Context(), proxy.Bootstrap()); err != nil {
					t.Errorf("try %d: %v", try, err)
				}
				if s.held.WasHit() {
					hits++
				}
				if s.held.Do == faultproxy.Hold {
					late[outcome(s.held.Deliver())]++
				}
				if r.refuse {
					// The letter that was refused goes with the next run.
					if err := r.limit(t.Context(), "2000"); err != nil {
						t.Fatal(err)
					}
					proxy.Clear()
					if err := r.run(t.Context(), proxy.Bootstrap()); err != nil {
						t.Errorf("try %d: %v", try, err)
					}
				}
			}
			v := verdictOf(r.count(t), played*replayLetters)
			t.Logf("%s, %s: %d tries, %d hit, %d kills, late answers %v: lost %d, duplicated %d", sc.name, sc.what, played, hits, r.lives, late, v.lost, v.duplicated)
			if hits < tries {
				t.Errorf("the fault hit only %d of %d tries, want %d", hits, played, tries)
			}
			if n := r.pending(t); n != 0 {
				t.Errorf("the runs left %d letters pending", n)
			}
			if v.bad() {
				t.Errorf("lost %d and duplicated %d letters", v.lost, v.duplicated)
			}
		})
	}
}

// testReplaySchedules breaks the product's own replay at random, on replicated
// topics, with kills between.
func testReplaySchedules(t *testing.T, cluster *realkafka.Cluster, direct *kafka.Client, seed uint64) {
	runs, lanes := 6, 3
	if tier.IsLong() {
		runs, lanes = 100, 10
	}
	const letters = 2 * replayLetters
	for lane := range lanes {
		t.Run(fmt.Sprint(lane), func(t *testing.T) {
			t.Parallel()
			r := newReplayed(t, cluster, direct, 3, 3)
			r.from = 0
			hits := 0
			var told []string
			for run := lane; run < runs; run += lanes {
				seed := seed + uint64(run)
				random := rand.New(rand.NewPCG(seed, 2))
				proxy := faultproxy.Start(t, cluster.Bootstrap(), faultproxy.Options{})
				r.proxy = proxy
				r.fill(t, letters)
				r.from += letters
				schedule := proxy.Schedule(seed, faultproxy.Plan{Faults: 8, Within: 10})
				for range random.IntN(2) {
					key := []int16{faultproxy.Produce, faultproxy.EndTxn, faultproxy.AddPartitionsToTxn}[random.IntN(3)]
					proxy.Add(faultproxy.Rule{Key: key, Nth: 1 + random.IntN(6), Hook: func(f faultproxy.Frame) {
						if f.Client == r.client() {
							r.kill()
						}
					}})
				}
				if err := r.run(t.Context(), proxy.Bootstrap()); err != nil {
					t.Errorf("%v: %v", schedule, err)
				}
				hits += schedule.Hits()
				told = append(told, schedule.String())
			}
			v := verdictOf(r.count(t), r.from)
			if n := r.pending(t); n != 0 {
				t.Errorf("the runs left %d letters pending", n)
			}
			t.Logf("%d schedules from seed %d, %d faults hit, %d kills: lost %d, duplicated %d", len(told), seed+uint64(lane), hits, r.lives, v.lost, v.duplicated)
			if v.bad() {
				t.Errorf("lost %d and duplicated %d letters in\n%s", v.lost, v.duplicated, strings.Join(told, "\n"))
			}
		})
	}
}
