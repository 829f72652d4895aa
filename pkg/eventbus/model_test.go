package eventbus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// The model is a broker with one topic, as little of it as a claim sees. It
// stands on a clock of its own (testing/synctest), so that hours of retries and
// rebalances pass in moments, and fails the test where a promise is broken.
type model struct {
	t     testing.TB
	seed  uint64
	rng   *rand.Rand
	opts  Subscription
	sub   *subscription
	parts []*modelPartition
	ctx   context.Context
	stop  context.CancelFunc

	mu       sync.Mutex
	sendDown bool
	sends    int
	late     int // calls that went on after their claim ended
	claims   map[string]*claim
}

type modelPartition struct {
	id        int32
	log       []*sarama.ConsumerMessage
	markers   int64 // after the records, which nobody is handed
	plans     map[int64]*plan
	committed int64
	note      string
	marked    int64
	markNote  string
	epoch     int
	running   map[string]int64
	parked    map[string]bool
	finished  map[int64]string
	started   int64
	handled   int
	paused    bool
	before    doneBits
}

// plan is how the handler fares with one record.
type plan struct {
	took      time.Duration
	failures  int // then it succeeds; -1 never
	permanent bool
	panics    bool
	deaf      bool // takes no notice of its context
	tries     int
	epoch     int
	since     int // tries in that epoch
}

func (m *model) failf(format string, args ...any) {
	m.t.Errorf("seed %d: %s", m.seed, fmt.Sprintf(format, args...))
}

// Context, Claims and the others make the model a sarama.ConsumerGroupSession.
func (m *model) Context() context.Context                    { return m.ctx }
func (m *model) Claims() map[string][]int32                  { return nil }
func (m *model) MemberID() string                            { return "" }
func (m *model) GenerationID() int32                         { return 1 }
func (m *model) MarkMessage(*sarama.ConsumerMessage, string) {}

func (m *model) MarkOffset(_ string, id int32, offset int64, note string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.parts[id]
	for _, r := range p.log {
		if r.Offset < offset && p.finished[r.Offset] == "" {
			m.failf("partition %d: offset %d is marked, %d is not done", id, offset, r.Offset)
		}
	}
	m.checkNote(p, offset, note)
	if offset > p.marked {
		p.marked, p.markNote = offset, note
	}
}

func (m *model) ResetOffset(_ string, id int32, offset int64, note string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.parts[id]; offset == p.marked {
		m.checkNote(p, offset, note)
		p.markNote = note
	} else {
		m.failf("partition %d: reset from %d to %d", id, p.marked, offset)
	}
}

// checkNote holds a note to what is true. The lock is held.
func (m *model) checkNote(p *modelPartition, offset int64, note string) {
	said, ok := readNote(offset, note)
	if !ok && note != "" {
		m.failf("partition %d: note %q cannot be read", p.id, note)
	}
	for _, r := range p.log {
		for _, d := range said.done {
			if d.from <= r.Offset && r.Offset < d.to && p.finished[r.Offset] == "" {
				m.failf("partition %d: %d is noted and not done", p.id, r.Offset)
			}
		}
	}
}

// lastNote is what a new owner of the partition finds.
func (m *model) lastNote(_ context.Context, _ string, partitions []int32) (map[int32]committedOffset, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rng.IntN(8) == 0 {
		return nil, kafka.ErrUnreachable
	}
	all := map[int32]committedOffset{}
	for _, id := range partitions {
		all[id] = committedOffset{m.parts[id].committed, m.parts[id].note}
	}
	return all, nil
}

func (p *modelPartition) end() int64 { return p.log[len(p.log)-1].Offset + 1 + p.markers }

func (m *model) nextRecords(_ context.Context, from map[kafka.TopicPartition]int64) map[kafka.TopicPartition]int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := map[kafka.TopicPartition]int64{}
	for tp, at := range from {
		p := m.parts[tp.Partition]
		switch {
		case m.rng.IntN(4) == 0: // no answer
		case at <= p.log[len(p.log)-1].Offset:
			next[tp] = at
		default: // one batch at a time
			next[tp] = at + 1
		}
	}
	return next
}

func (m *model) Commit() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.parts {
		p.committed, p.note = p.marked, p.markNote
	}
}

// Pause and Resume make it what a claim fetches through.
func (m *model) Pause(parts map[string][]int32)  { m.setPaused(parts, true) }
func (m *model) Resume(parts map[string][]int32) { m.setPaused(parts, false) }

func (m *model) setPaused(parts map[string][]int32, to bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, ids := range parts {
		for _, id := range ids {
			m.parts[id].paused = to
		}
	}
}

// modelClaim is a claim of one partition from an offset on.
type modelClaim struct {
	p        *modelPartition
	from     int64
	messages chan *sarama.ConsumerMessage
}

func (c *modelClaim) Topic() string                            { return "orders" }
func (c *modelClaim) Partition() int32                         { return c.p.id }
func (c *modelClaim) InitialOffset() int64                     { return c.from }
func (c *modelClaim) HighWaterMarkOffset() int64               { return c.p.end() }
func (c *modelClaim) Messages() <-chan *sarama.ConsumerMessage { return c.messages }

// newModel makes a topic and options by chance.
func newModel(t testing.TB, seed uint64) *model {
	m := &model{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 0)), claims: map[string]*claim{}}
	r := m.rng
	m.opts = Subscription{
		Group: "svc-x-consumer", Concurrency: 1 + r.IntN(8), MaxInFlight: 1 + r.IntN(40), MaxSpan: 1 + r.IntN(150),
		MaxBytes: int64(50 + r.IntN(5000)), HandlerTimeout: 2 * time.Second, DrainTimeout: 5 * time.Second,
		Ordering: Ordering(r.IntN(3)), OnExhausted: Exhausted(r.IntN(2)), DoneBits: r.IntN(2) == 0,
		Breaker:   BreakerOptions{Failures: 1 + r.IntN(4), Pause: time.Second, Off: r.IntN(4) == 0},
		BatchSize: 1 + r.IntN(6),
	}
	if m.opts.Ordering != ByKey {
		m.opts.OnExhausted = DeadLetter
	}
	for i := range 1 + r.IntN(3) {
		p := &modelPartition{id: int32(i), markers: int64(max(0, r.IntN(6)-3)), plans: map[int64]*plan{}, finished: map[int64]string{}, running: map[string]int64{}, parked: map[string]bool{}}
		offset := int64(r.IntN(3))
		for range 1 + r.IntN(60) {
			var key []byte
			if k := r.IntN(7); k > 0 {
				key = []byte("k" + strconv.Itoa(k))
			}
			p.log = append(p.log, &sarama.ConsumerMessage{
				Topic: "orders", Partition: p.id, Offset: offset, Key: key, Value: make([]byte, r.IntN(30)), Timestamp: time.Now(),
			})
			p.plans[offset] = m.newPlan()
			offset += 1 + int64(r.IntN(2)*r.IntN(4))
		}
		m.parts = append(m.parts, p)
	}
	return m
}

func (m *model) newPlan() *plan {
	r := m.rng
	pl := &plan{took: time.Duration(r.IntN(30)) * time.Millisecond}
	switch n := r.IntN(100); {
	case n < 70:
	case n < 85:
		pl.failures = 1 + r.IntN(3)
	case n < 90:
		pl.failures = -1
	case n < 94:
		pl.failures, pl.permanent = -1, true
	case n < 97:
		pl.failures, pl.panics = 1, true
	case n < 98:
		pl.took = time.Duration(r.IntN(4)) * time.Second
	case n < 99:
		pl.took, pl.deaf = time.Duration(r.IntN(8))*time.Second, true
	}
	return pl
}

var errModelNet = Unavailable(errors.New("connection refused"))

func keyOf(r *Record) string {
	if r.Key == nil {
		return fmt.Sprintf("null@%d", r.Offset)
	}
	return string(r.Key)
}

// lane is what records wait for each other by.
func (m *model) lane(r *Record) string {
	switch m.opts.Ordering {
	case ByPartition:
		return "all"
	case Unordered:
		return fmt.Sprintf("@%d", r.Offset)
	case ByKey:
	}
	return keyOf(r)
}

// handle is the handler under test.
func (m *model) handle(ctx context.Context, r Record) error {
	p := m.parts[r.Partition]
	lane := m.lane(&r)
	m.mu.Lock()
	epoch, pl := p.epoch, p.plans[r.Offset]
	if other, busy := p.running[lane]; busy {
		m.failf("partition %d: %d and %d of one key at once; plan of the first: %+v, epoch %d, batches %v", p.id, other, r.Offset, *p.plans[other], epoch, m.sub.invokeBatch != nil)
	}
	if p.parked[lane] && p.finished[r.Offset] == "" && m.opts.OnExhausted == ParkKey {
		m.failf("partition %d: %d of a parked key is handled", p.id, r.Offset)
	}
	for _, before := range p.log {
		b := Record{}
		b.Key, b.Offset = before.Key, before.Offset
		if before.Offset < r.Offset && before.Offset >= p.started && m.lane(&b) == lane && p.finished[before.Offset] == "" {
			m.failf("partition %d: %d is handled before %d of its key is done", p.id, r.Offset, before.Offset)
		}
	}
	for _, d := range p.before.ranges {
		if m.opts.DoneBits && d.from <= r.Offset && r.Offset < d.to {
			m.failf("partition %d: %d was noted as done and is handled again", p.id, r.Offset)
		}
	}
	p.running[lane] = r.Offset
	pl.tries++
	p.handled++
	try := pl.tries
	if pl.epoch != epoch {
		pl.epoch, pl.since = epoch, 0
	}
	if pl.since++; pl.permanent && pl.since > 1 && m.sub.invokeBatch == nil {
		m.failf("partition %d: %d is tried again although it failed for good", p.id, r.Offset)
	}
	m.mu.Unlock()
	m.checkBounds(p)
	err := m.wait(ctx, pl)
	m.mu.Lock()
	defer m.mu.Unlock()
	if p.epoch != epoch || context.Cause(ctx) != nil && errors.Is(context.Cause(ctx), ErrRevoked) {
		m.late++ // another claim has the partition
		return errors.Join(err, context.Cause(ctx))
	}
	if p.running[lane] == r.Offset {
		delete(p.running, lane)
	}
	switch {
	case p.finished[r.Offset] != "" && pl.deaf:
		return nil // given up meanwhile
	case err != nil:
		return err
	case pl.permanent:
		return Permanent(errors.New("bad"))
	case pl.failures < 0 || try <= pl.failures:
		if pl.panics {
			panic("model")
		}
		if m.rng.IntN(4) == 0 && pl.failures > 0 {
			return errModelNet
		}
		return errors.New("failed")
	}
	p.finished[r.Offset] = "done"
	return nil
}

func (m *model) wait(ctx context.Context, pl *plan) error {
	timer := time.NewTimer(pl.took)
	defer timer.Stop()
	if pl.deaf {
		<-timer.C
		return nil
	}
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// checkBounds holds a claim to its bounds.
func (m *model) checkBounds(p *modelPartition) {
	m.sub.mu.Lock()
	defer m.sub.mu.Unlock()
	for c := range m.sub.claims {
		if c.source.partition == p.id && c.tracker.unfinished > m.sub.opts.MaxInFlight {
			m.failf("partition %d: %d in flight", p.id, c.tracker.unfinished)
		}
		if c.source.partition == p.id && c.tracker.unfinished > 1 && c.tracker.bytes > m.sub.opts.MaxBytes {
			m.failf("partition %d: %d bytes in flight", p.id, c.tracker.bytes)
		}
	}
}

// write is where letters go.
func (m *model) write(ctx context.Context, list []outgoing) []error {
	m.mu.Lock()
	defer m.mu.Unlock()
	errs := make([]error, len(list))
	for i, o := range list {
		if m.sendDown {
			errs[i] = kafka.ErrUnreachable
			continue
		}
		header := func(name string) string {
			for _, h := range o.headers {
				if h.Name == name {
					return string(h.Value)
				}
			}
			return ""
		}
		id, _ := strconv.Atoi(header("dlq-original-partition"))
		offset, _ := strconv.ParseInt(header("dlq-original-offset"), 10, 64)
		p := m.parts[id]
		r := Record{}
		r.Key, r.Offset = o.key, offset
		if o.partition != p.id || o.topic != "orders.dlq" || !strings.HasPrefix(header("dlq-group"), "svc-") {
			m.failf("letter of %d/%d went to %s/%d", id, offset, o.topic, o.partition)
		}
		p.finished[offset] = "letter"
		delete(p.running, m.lane(&r))
		if m.opts.OnExhausted == ParkKey && o.key != nil {
			p.parked[m.lane(&r)] = true
		}
		m.sends++
	}
	return errs
}

func (m *model) sizes(_ context.Context, topic string) (int32, error) {
	if strings.Contains(topic, ".retry.") {
		return 0, kafka.ErrUnknownTopic
	}
	return int32(len(m.parts)), nil
}

// claimOnce has a partition for a while.
func (m *model) claimOnce(p *modelPartition, life time.Duration) {
	m.mu.Lock()
	from := p.committed
	p.epoch++
	p.started, p.marked = from, from
	p.running, p.parked = map[string]int64{}, map[string]bool{}
	p.markNote = p.note
	noted, _ := readNote(p.committed, p.note)
	p.before = doneBits{ranges: noted.done}
	for _, r := range p.log {
		if slices.Contains(noted.parked, hashOf(string(r.Key))) && r.Key != nil {
			p.parked[string(r.Key)] = true
		}
	}
	c := &modelClaim{p: p, from: from, messages: make(chan *sarama.ConsumerMessage, 4)}
	m.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := m.sub.ConsumeClaim(m, c); err != nil {
			m.failf("claim: %v", err)
		}
	}()
	end := time.NewTimer(life)
	defer end.Stop()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	next := 0
	for next < len(p.log) && p.log[next].Offset < from {
		next++
	}
feeding:
	for {
		var out chan *sarama.ConsumerMessage
		var r *sarama.ConsumerMessage
		m.mu.Lock()
		if next < len(p.log) && !p.paused {
			out, r = c.messages, p.log[next]
		}
		all := len(p.finished) == len(p.log)
		m.mu.Unlock()
		if all && m.committedAll(p) {
			break
		}
		select {
		case out <- r:
			next++
		case <-poll.C:
		case <-end.C:
			if life > time.Minute {
				m.describe()
				m.failf("partition %d does not get on: %d of %d done, committed %d", p.id, len(p.finished), len(p.log), p.committed)
			}
			break feeding
		}
	}
	close(c.messages)
	began := time.Now()
	<-done
	if took := time.Since(began); took > m.opts.DrainTimeout {
		m.failf("partition %d: draining took %v", p.id, took)
	}
}

func (m *model) committedAll(p *modelPartition) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return p.committed == p.end()
}

// run lives through rebalances until all is done.
func (m *model) run() {
	defer synctest.Wait()
	m.ctx, m.stop = context.WithCancel(m.t.Context())
	defer m.stop()
	log := slog.New(slog.DiscardHandler)
	b := &Bus{service: "svc", life: m.ctx, obs: &observer{log: log}, opts: Options{Logger: log}}
	b.catalogue, _ = events.NewCatalogue()
	b.budget.total, b.budget.least = int64(m.rng.IntN(3)*m.rng.IntN(2000)), 50
	m.sub = b.newSubscription(m.ctx, "orders", m.opts)
	m.opts = m.sub.opts
	if m.rng.IntN(4) == 0 {
		m.sub.opts.Ordering, m.opts.Ordering = ByPartition, ByPartition
		m.sub.opts.OnExhausted, m.opts.OnExhausted = DeadLetter, DeadLetter
		m.sub.invokeBatch = m.sub.recordBatches(m)
		for _, p := range m.parts {
			for _, pl := range p.plans {
				pl.deaf = false // a batch that is given up is handled again beside its own ghost
			}
		}
	}
	m.sub.invoke = m.sub.recordInvoker(m.handle)
	m.sub.fetching, m.sub.send, m.sub.sizes, m.sub.committed = m, m.write, m.sizes, m.lastNote
	m.sub.nextRecords = m.nextRecords
	m.sub.start()
	if err := m.sub.Setup(m); err != nil {
		m.failf("setup: %v", err)
	}
	lives := make([][]time.Duration, len(m.parts))
	for i := range lives {
		for range m.rng.IntN(4) {
			lives[i] = append(lives[i], time.Duration(m.rng.IntN(4000))*time.Millisecond)
		}
	}
	var claims, outage sync.WaitGroup
	downAt, downFor := time.Duration(m.rng.IntN(3000))*time.Millisecond, time.Duration(m.rng.IntN(3))*time.Second
	outage.Go(func() {
		m.rest(downAt)
		m.setDown(true)
		m.rest(downFor)
		m.setDown(false)
	})
	for i, p := range m.parts {
		claims.Go(func() {
			for n := 0; !m.committedAll(p); n++ {
				life := 10 * time.Minute
				if n < len(lives[i]) {
					life = lives[i][n]
				}
				if n > len(lives[i])+3 {
					m.failf("partition %d does not end: %d of %d done, committed %d", p.id, len(p.finished), len(p.log), p.committed)
					return
				}
				m.claimOnce(p, life)
			}
		})
	}
	claims.Wait()
	outage.Wait()
	if err := m.sub.Cleanup(m); err != nil {
		m.failf("cleanup: %v", err)
	}
	m.sub.release()
	// Deaf handlers return in the end.
	m.rest(20 * time.Second)
	if g := m.sub.state(); g.Abandoned != 0 || g.InFlight != 0 || g.Assigned != 0 {
		m.failf("left: %+v", g)
	}
	for _, p := range m.parts {
		if p.paused {
			m.failf("partition %d is left paused", p.id)
		}
	}
}

// rest lets time go by.
func (m *model) rest(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}

func (m *model) setDown(down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sendDown = down
}

// recordBatches handles a batch as its records one after the other.
func (s *subscription) recordBatches(m *model) batchFunc {
	return func(w *worker, run []*sarama.ConsumerMessage) (verdict, int) {
		n := 1 + len(run)/2
		for i, r := range run[:n] {
			if err := m.handle(w.call.Context, s.record(r, 0)); err != nil {
				if i == 0 {
					return judge(err, ""), 1
				}
				return verdict{}, i
			}
		}
		return verdict{}, n
	}
}

// TestModel lives through many small histories by chance: latencies, failures,
// revocations, outages of the dead letter topic, handlers that hang.
func TestModel(t *testing.T) {
	t.Parallel()
	runs, first := 10_000, uint64(1)
	if raceEnabled {
		runs = 300
	}
	if testing.Short() {
		runs = 500
	}
	if text := os.Getenv("EVENTBUS_MODEL_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		runs, first = 1, n
	} else {
		first = rand.Uint64N(1 << 40)
	}
	t.Logf("%d runs from seed %d on", runs, first)
	var handled, letters, late int
	for i := range runs {
		synctest.Test(t, func(t *testing.T) {
			m := newModel(t, first+uint64(i))
			m.run()
			for _, p := range m.parts {
				handled += p.handled
			}
			letters, late = letters+m.sends, late+m.late
		})
		if t.Failed() {
			t.Fatalf("again with EVENTBUS_MODEL_SEED=%d", first+uint64(i))
		}
	}
	t.Logf("%d calls, %d letters, %d calls cut off by a revocation", handled, letters, late)
	if runs > 100 && slices.Contains([]int{handled, letters, late}, 0) {
		t.Error("something never happened")
	}
}

// describe shows what the engine is at when it does not get on.
func (m *model) describe() {
	s := m.sub
	s.mu.Lock()
	defer s.mu.Unlock()
	m.t.Logf("options %+v", s.opts)
	m.t.Logf("ready %d timers %d workers %d idle %d active %d letters %d holding %v breaker %v failing %v watching %v pace %v",
		s.ready.n, len(s.timers), len(s.workers), len(s.idle), s.active, len(s.letters), s.holding.Load(), s.breaker.was, s.breaker.failing, s.watching, s.pace)
	for c := range s.claims {
		m.t.Logf("claim %d: unfinished %d bytes %d base %d next %d position %d committable %d backlog %d hungry %v paused %v running %d failing %d/%d span %d poked %d", c.source.partition,
			c.tracker.unfinished, c.tracker.bytes, c.tracker.base, c.tracker.next, c.tracker.position, c.tracker.committable(), len(c.backlog), c.hungry, c.paused,
			c.running, c.failingLetters, c.oversizeLetters, c.tracker.span(c.tracker.position), len(c.poked))
		for _, l := range c.lanes {
			m.t.Logf("  lane %q state %d head %d tries %d held %d", l.key, l.state, l.head, l.tries, l.held)
		}
	}
}
