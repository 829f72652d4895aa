package dlq_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/test/faultproxy"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
	"github.com/multi-tenant/manage-kafka/test/tier"
)

// scenario is a fault of the first EndTxn of chunk 1, or of an own abort of
// chunk 2, and the moment at which it arrives late. See the package
// documentation of internal/txn for what is at stake.
type scenario struct {
	name string
	what string
	// naive says that the producer without the cure must be seen to fail.
	naive bool
	// arrange puts the faults to work for one try.
	arrange func(s *stage)
}

// stage is one try of a scenario: who plays it, and what is done to them.
type stage struct {
	proxy  *faultproxy.Proxy
	random *rand.Rand
	naive  bool              // the producer repeats what had no answer
	held   *faultproxy.Fault // what arrives late

	id            string        // the transactional id
	client        func() string // the client id
	topic, ledger string
	silence       time.Duration // how long an answer is waited for in the scenarios of silence
	// letters tells a Produce with letters of chunk 2, record one with its
	// ledger record, lastLetters one with the last letters of its n-th try.
	letters, record func(faultproxy.Frame) bool
	lastLetters     func(try int) func(faultproxy.Frame) bool
	kill            func()
	impatient       func() // wait for answers no longer than silence
	rejected        func() // have the first try of chunk 2 aborted for a letter that the broker refuses
	ownAbort        func() // have it aborted by the application
}

func (s *stage) ends(commit bool) func(faultproxy.Frame) bool {
	return func(f faultproxy.Frame) bool {
		r, ok := f.Request().(*kmsg.EndTxnRequest)
		return ok && r.TransactionalID == s.id && r.Commit == commit
	}
}

func (s *stage) adds(topic string) func(faultproxy.Frame) bool {
	return func(f faultproxy.Frame) bool {
		r, ok := f.Request().(*kmsg.AddPartitionsToTxnRequest)
		if !ok || r.TransactionalID != s.id {
			return false
		}
		for _, t := range r.Topics {
			if t.Topic == topic {
				return true
			}
		}
		return false
	}
}

// has tells a frame with these bytes in it.
func has(f faultproxy.Frame, text string) bool { return bytes.Contains(f.Raw(), []byte(text)) }

// first faults the EndTxn that commits chunk 1: the barrier's comes before.
func (s *stage) first(r faultproxy.Rule) {
	r.Key, r.Nth, r.Match = faultproxy.EndTxn, 2, s.ends(true)
	if r.Answer {
		// Answers do not tell whose they are; the connection does.
		r.Match, r.Client = nil, s.client()
	}
	s.held = s.proxy.Add(r)
}

// own faults the EndTxn by which chunk 2 is aborted.
func (s *stage) own() {
	s.ownAbort()
	s.held = s.proxy.Add(faultproxy.Rule{Key: faultproxy.EndTxn, Match: s.ends(false), Do: faultproxy.Hold})
}

// at delivers what is held when the n-th such request comes by.
func (s *stage) at(key int16, n int, match func(faultproxy.Frame) bool, then ...func()) {
	s.proxy.Add(faultproxy.Rule{Key: key, Nth: n, Hook: func(faultproxy.Frame) {
		s.held.Deliver()
		for _, f := range then {
			f()
		}
	}, Match: func(f faultproxy.Frame) bool { return s.held.WasHit() && match(f) }})
}

// afterLetters delivers when chunk 2's letters are written and its ledger
// record is not.
func (s *stage) afterLetters(try int, then ...func()) {
	if !s.naive {
		s.at(faultproxy.Produce, 1, s.record, then...)
		return
	}
	wrote := s.proxy.Add(faultproxy.Rule{Key: faultproxy.Produce, Match: s.lastLetters(try)})
	s.at(faultproxy.AddPartitionsToTxn, 1, func(f faultproxy.Frame) bool { return wrote.WasHit() && s.adds(s.ledger)(f) }, then...)
}

func scenarios() []scenario {
	hold := faultproxy.Rule{Do: faultproxy.Hold}
	between := func(s *stage) { s.at(faultproxy.Produce, 2, s.letters) }
	return []scenario{
		{"A", "held, delivered between chunk 2's letter batches", true, func(s *stage) { s.first(hold); between(s) }},
		{"B", "held, after chunk 2's letters, the run lives", false, func(s *stage) { s.first(hold); s.afterLetters(1) }},
		{"C", "as B, killed there", true, func(s *stage) { s.first(hold); s.afterLetters(1, s.kill) }},
		{"D", "as B, own abort there", true, func(s *stage) {
			s.rejected()
			s.first(hold)
			s.at(faultproxy.EndTxn, 1, s.ends(false))
		}},
		{"E", "after the ledger record", false, func(s *stage) {
			s.first(hold)
			wrote := s.proxy.Add(faultproxy.Rule{Key: faultproxy.Produce, Match: s.record})
			s.at(faultproxy.EndTxn, 1, func(f faultproxy.Frame) bool { return wrote.WasHit() && s.ends(true)(f) })
		}},
		{"F", "before chunk 2's first request", false, func(s *stage) { s.first(hold); s.at(faultproxy.AddPartitionsToTxn, 1, s.adds(s.topic)) }},
		{"G", "between AddPartitions and Produce", false, func(s *stage) { s.first(hold); s.at(faultproxy.Produce, 1, s.letters) }},
		{"H", "held for up to 80 ms", false, func(s *stage) {
			s.first(faultproxy.Rule{Do: faultproxy.Hold, For: 1 + time.Duration(s.random.Int64N(int64(80*time.Millisecond)))})
		}},
		{"I", "as A, after silence instead of a cut", true, func(s *stage) {
			s.impatient()
			s.first(faultproxy.Rule{Do: faultproxy.Hold, Silent: true})
			between(s)
		}},
		{"J", "done, the answer lost by a cut", false, func(s *stage) { s.first(faultproxy.Rule{Do: faultproxy.Drop, Answer: true}) }},
		{"K", "done, the answer lost in silence", false, func(s *stage) {
			s.impatient()
			s.first(faultproxy.Rule{Do: faultproxy.Drop, Answer: true, Silent: true})
		}},
		{"L", "done, the answer later than it is waited for", false, func(s *stage) {
			s.impatient()
			s.first(faultproxy.Rule{Do: faultproxy.Delay, Answer: true, For: 2 * s.silence})
		}},
		{"M", "cut and delivered at once, against the retry", false, func(s *stage) { s.first(faultproxy.Rule{Do: faultproxy.Hold, For: 1}) }},
		{"N", "own abort held, after the letters of the next try", true, func(s *stage) { s.own(); s.afterLetters(2) }},
		{"O", "own abort held, between the letters of the next try", false, func(s *stage) { s.own(); between(s) }},
	}
}

func TestFaults(t *testing.T) {
	cluster := realkafka.Start(t, realkafka.Options{Brokers: 3})
	direct := openReal(t, cluster.Bootstrap())
	seed := rand.Uint64()
	if n, err := strconv.ParseUint(os.Getenv("MANAGE_KAFKA_TEST_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("seed %d", seed)
	t.Run("scenarios", func(t *testing.T) { testScenarios(t, direct, cluster.Conn(realkafka.Plaintext), seed) })
	t.Run("replay", func(t *testing.T) { testReplayScenarios(t, cluster, direct, seed) })
	t.Run("replay schedules", func(t *testing.T) { testReplaySchedules(t, cluster, direct, seed) })
	t.Run("schedules", func(t *testing.T) { testSchedules(t, direct, cluster.Bootstrap(), seed) })
	t.Run("edges", func(t *testing.T) { testEdges(t, direct) })
	t.Run("far", func(t *testing.T) { testFar(t, direct, cluster.Bootstrap()) })
	t.Run("leaders", func(t *testing.T) { testLeaderLoss(t, cluster, direct) })
}

// testScenarios plays every scenario with the cure, and those that break a
// naive client without it too. The long form plays all of them both ways.
func testScenarios(t *testing.T, direct *kafka.Client, conn realkafka.Conn, seed uint64) {
	tries := 5
	if tier.IsLong() {
		tries = 50
	}
	for i, sc := range scenarios() {
		for _, cured := range []bool{false, true} {
			if !cured && !sc.naive && !tier.IsLong() {
				continue
			}
			name := sc.name + "/cured"
			if !cured {
				name = sc.name + "/naive"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				playScenario(t, direct, conn, sc, cured, tries, rand.New(rand.NewPCG(seed, uint64(i))))
			})
		}
	}
}

// playScenario runs the tries one after the other on topics of their own.
func playScenario(t *testing.T, direct *kafka.Client, conn realkafka.Conn, sc scenario, cured bool, tries int, random *rand.Rand) {
	proxy := faultproxy.Start(t, conn.Bootstrap, faultproxy.Options{})
	where := newPlace(t, direct, strings.ToLower(realkafka.Name(t)), 1)
	var engines []*engine
	hits, late := 0, map[string]int{}
	// A busy machine may keep a try from getting where the fault waits for it: that
	// one counts for what it sent, and another one follows.
	played := 0
	for ; hits < tries && played < 2*tries; played++ {
		try := played
		e := &engine{
			bootstrap: proxy.Bootstrap(), id: fmt.Sprintf("%s.%d", where.topic, try), topic: where.topic, ledger: where.ledger,
			parts: where.parts[:1], chunks: 3, size: 12, pad: 300,
			opts: txn.Options{Timeout: 10 * time.Second, Patience: 10 * time.Second, Answer: 3 * time.Second, Uncured: !cured},
		}
		proxy.Clear()
		s := e.stage(proxy, random)
		sc.arrange(s)
		if err := e.run(t.Context()); err != nil {
			t.Errorf("try %d: %v", try, err)
		}
		if s.held.WasHit() {
			hits++
		}
		if s.held.Do == faultproxy.Hold {
			late[outcome(s.held.Deliver())]++
		}
		engines = append(engines, e)
	}
	bad, lost, dup, torn := 0, 0, 0, 0
	verdicts := judge(t, direct, where, engines...)
	if sc.name == "A" || sc.name == "N" {
		t.Run("kcat", func(t *testing.T) {
			seen := map[string]int{}
			for line := range strings.Lines(string(peers.KcatConsume(t, conn, where.topic, "-f", "%k\n"))) {
				seen[strings.TrimSpace(line)]++
			}
			if got := tally(seen, recorded(t, direct, where), engines); !maps.Equal(got, verdicts) {
				t.Errorf("kcat finds %v, our reader %v", got, verdicts)
			}
		})
	}
	for _, v := range verdicts {
		if v.bad() {
			bad++
		}
		lost, dup, torn = lost+v.lost, dup+v.duplicated, torn+v.torn
	}
	t.Logf("%s, %s: %d tries, %d hit, late answers %v: bad %d, lost %d, duplicated %d, torn %d", sc.name, sc.what, played, hits, late, bad, lost, dup, torn)
	switch {
	case hits < tries:
		t.Errorf("the fault hit only %d of %d tries, want %d", hits, played, tries)
	case cured && bad > 0:
		t.Errorf("%d of %d tries lost %d, duplicated %d and tore %d letters", bad, played, lost, dup, torn)
	case !cured && sc.naive && bad == 0:
		t.Errorf("without the cure nothing went wrong: the scenario shows nothing")
	}
}

// outcome is what the broker said to a request that came late.
func outcome(f *faultproxy.Frame) string {
	if f == nil {
		return "none"
	}
	if r, ok := f.Response().(*kmsg.EndTxnResponse); ok {
		return fmt.Sprint(r.ErrorCode)
	}
	return "other"
}
