package dlq_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
	"github.com/multi-tenant/manage-kafka/test/faultproxy"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
	"github.com/multi-tenant/manage-kafka/test/tier"
)

// testSchedules breaks requests and answers of transactions at random, with
// kills and own aborts between, on replicated topics. A seed names a schedule;
// what it hits depends on the machine too.
func testSchedules(t *testing.T, direct *kafka.Client, bootstrap string, seed uint64) {
	runs, lanes := 20, 5
	if tier.IsLong() {
		runs, lanes = 500, 10
	}
	var (
		mu                                     sync.Mutex
		bad, lost, dup, torn, hit, kills, gone int
	)
	t.Run("all", func(t *testing.T) {
		for lane := range lanes {
			t.Run(fmt.Sprint(lane), func(t *testing.T) {
				t.Parallel()
				where := place{topic: strings.ToLower(realkafka.Name(t)), parts: []int32{0, 1, 2}}
				where.ledger = where.topic + ".ledger"
				specs := []topics.Spec{
					{Name: where.topic, Partitions: 3, Replication: 3, Config: map[string]string{"max.message.bytes": "2000"}},
					{Name: where.ledger, Partitions: 1, Replication: 3},
				}
				if _, err := topics.New(direct).Create(t.Context(), specs, topics.CreateOptions{}); err != nil {
					t.Fatal(err)
				}
				var engines []*engine
				told := map[string]string{}
				for run := lane; run < runs; run += lanes {
					e, schedule, err := playSchedule(t, bootstrap, where, seed+uint64(run))
					told[e.id] = schedule.String()
					if err != nil {
						t.Errorf("%v: %v", schedule, err)
					}
					engines = append(engines, e)
					mu.Lock()
					hit, kills, gone = hit+schedule.Hits(), kills+e.kills, gone+e.lost
					mu.Unlock()
				}
				for id, v := range judge(t, direct, where, engines...) {
					mu.Lock()
					lost, dup, torn = lost+v.lost, dup+v.duplicated, torn+v.torn
					mu.Unlock()
					if v.bad() {
						mu.Lock()
						bad++
						mu.Unlock()
						t.Errorf("%s: lost %d, duplicated %d, torn %d", told[id], v.lost, v.duplicated, v.torn)
					}
				}
			})
		}
	})
	t.Logf("%d schedules from seed %d, %d faults hit, %d kills, %d producers given up: bad %d, lost %d, duplicated %d, torn %d",
		runs, seed, hit, kills, gone, bad, lost, dup, torn)
	if hit < 2*runs {
		t.Errorf("only %d faults hit", hit)
	}
}

// playSchedule runs one engine through the faults of one seed.
func playSchedule(t *testing.T, bootstrap string, where place, seed uint64) (*engine, faultproxy.Schedule, error) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	proxy := faultproxy.Start(t, bootstrap, faultproxy.Options{})
	e := &engine{
		bootstrap: proxy.Bootstrap(), id: fmt.Sprintf("%s.%d", where.topic, seed), topic: where.topic, ledger: where.ledger,
		parts: where.parts, chunks: 6, size: 18, pad: 250, offsets: random.IntN(2) == 0,
		opts:  txn.Options{Timeout: 10 * time.Second, Patience: 20 * time.Second, Answer: 300 * time.Millisecond},
		abort: random.IntN(12), oversize: random.IntN(12),
	}
	schedule := proxy.Schedule(seed, faultproxy.Plan{Faults: 10, Within: 16})
	for range random.IntN(3) {
		key := []int16{faultproxy.Produce, faultproxy.EndTxn, faultproxy.AddPartitionsToTxn, faultproxy.InitProducerID}[random.IntN(4)]
		proxy.Add(faultproxy.Rule{Key: key, Nth: 1 + random.IntN(10), Hook: func(f faultproxy.Frame) {
			if f.Client == e.client() {
				e.kill(proxy)
			}
		}})
	}
	err := e.run(t.Context())
	for _, f := range schedule.Faults {
		f.Release()
	}
	return e, schedule, err
}

// farRate is the rate, in letters a second, that a round trip of 30 ms must
// leave room for. Transactions of 5,000 letters reach four times as much.
const farRate = 8000

// testFar writes without delay and through a line with 30 ms of round trip.
func testFar(t *testing.T, direct *kafka.Client, bootstrap string) {
	topic := strings.ToLower(realkafka.Name(t))
	specs := []topics.Spec{{Name: topic, Partitions: 6, Replication: 1}, {Name: topic + ".ledger", Partitions: 1, Replication: 1}}
	if _, err := topics.New(direct).Create(t.Context(), specs, topics.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	proxy := faultproxy.Start(t, bootstrap, faultproxy.Options{RTT: 30 * time.Millisecond})
	near := rates(t, direct, topic, "without delay")
	far := rates(t, openReal(t, proxy.Bootstrap()), topic, "30 ms away")
	if far < farRate {
		t.Errorf("%.0f letters/s at 30 ms of round trip, want %d (%.0f without)", far, farRate, near)
	}
}

// rates writes transactions of letters of 1 KB, each with a ledger record, every
// sixth with offsets, and gives the best rate in letters a second.
func rates(t *testing.T, c *kafka.Client, topic, where string) (best float64) {
	t.Helper()
	p, err := txn.Acquire(t.Context(), c, txn.Options{ID: topic})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, n := range []int{500, 2000, 5000} {
		w := txn.Write{Records: []kafka.Record{{Topic: topic + ".ledger", Key: []byte("k"), Value: []byte("v")}}}
		for i := range n {
			w.Records = append(w.Records, kafka.Record{Topic: topic, Partition: int32(i % 6), Key: fmt.Append(nil, i), Value: make([]byte, 1000)})
		}
		var quickest, all time.Duration
		const times = 12
		for i := range times {
			w.Offsets = nil
			if i%6 == 5 {
				w.Offsets = &txn.Offsets{Group: topic, At: map[kafka.TopicPartition]txn.Offset{{Topic: topic}: {Offset: int64(i)}}}
			}
			start := time.Now()
			if _, err := p.Commit(t.Context(), w); err != nil {
				t.Fatal(err)
			}
			took := time.Since(start)
			if all += took; quickest == 0 || took < quickest {
				quickest = took
			}
		}
		rate := float64(n) / quickest.Seconds()
		t.Logf("%s, %d letters a transaction: %.0f letters/s, at best %.0f (%v)", where, n, float64(n*times)/all.Seconds(), rate, quickest.Round(time.Millisecond))
		best = max(best, rate)
	}
	return best
}
