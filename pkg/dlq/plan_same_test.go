package dlq

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Workers read the queue in any order; what a plan shows of it is the same.
func TestAPlanShowsTheSameHoweverItIsRead(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 5))
	var records []*kafka.Record
	for i := range 60 {
		l := letters.Letter{Class: "E", Message: fmt.Sprintf("%s after %d ms", []string{"timeout", "deadlock"}[i%2], 100+i)}
		records = append(records, &kafka.Record{Partition: int32(i % 3), Offset: int64(i / 3), Value: fmt.Append(nil, i), Headers: l.Append(nil, letters.AppendOptions{})})
	}
	type shown struct {
		Sample   []PlanLetter
		Failures []PlanFailure
		Behind   []Reason
		Changes  []Change
	}
	read := func(order []int, sampleSeed uint64) shown {
		p := &Plan{}
		s := &scanning{plan: p}
		for range 2 {
			s.workers = append(s.workers, &scanWorker{scanning: s, failures: map[string]*seenFailure{}})
		}
		changes := &Fixing{}
		changes.Sample(4, sampleSeed)
		at := p.index.lane(laneKey{topic: "orders"})
		for n, i := range order {
			r := records[i]
			l := letters.Read(*r)
			s.workers[n%2].count(r, &l)
			s.show(r, &l, "orders", r.Partition)
			d := &Outgoing{Source: r, Record: *r}
			changes.sample(d, *r)
			changes.sample(d, *r) // again, when the run does it
			p.index.add(entry{offset: r.Offset, origin: r.Offset, part: r.Partition, dup: uint64(i), lane: at, fate: p.index.reason([]string{"a", "c", "b"}[r.Partition])})
		}
		p.index.arrange(Options{})
		return shown{p.Sample, s.topFailures(), p.index.reasons(), changes.Samples()}
	}
	first := read(rng.Perm(len(records)), 1)
	for i, want := range []string{"0@0", "0@1", "0@2", "0@3", "0@4"} {
		if len(first.Sample) != 5 || first.Sample[i].Letter != want {
			t.Errorf("the sample is %+v", first.Sample)
		}
	}
	if len(first.Failures) != 2 || first.Failures[0].Letters != 30 || len(first.Changes) != 4 || len(first.Behind) != 3 {
		t.Fatalf("%d failures, %d changes, reasons %+v", len(first.Failures), len(first.Changes), first.Behind)
	}
	for range 50 {
		if again := read(rng.Perm(len(records)), 1); !reflect.DeepEqual(again, first) {
			t.Fatalf("shown\n%+v\n%+v\n%+v\nand then\n%+v\n%+v\n%+v", first.Sample, first.Failures, first.Behind, again.Sample, again.Failures, again.Behind)
		}
	}
	if other := read(rng.Perm(len(records)), 2); reflect.DeepEqual(other.Changes, first.Changes) {
		t.Error("another seed shows the same changes")
	}
}

// Letters that are too large each by another size are one reason, not one each.
func TestReasonsThatDifferInAnAmountAreOne(t *testing.T) {
	t.Parallel()
	to := &target{topicFacts: &topicFacts{name: "orders", maxBytes: 200, deletes: true, retention: time.Hour, compacted: true}}
	now := time.Now()
	var x index
	at := x.lane(laneKey{topic: "orders"})
	fit := kafka.Record{Key: []byte("k")}
	for i, r := range []kafka.Record{
		{Key: []byte("k"), Value: make([]byte, 300)}, fit, {Key: []byte("k"), Value: make([]byte, 500)}, {Value: []byte("1")}, {Key: []byte("k"), Value: make([]byte, 400)},
		{Key: []byte("k"), Timestamp: now.Add(-3 * time.Hour)},
	} {
		e := entry{offset: int64(i), origin: int64(i), dup: uint64(i), lane: at}
		if why := to.unfit(&r, now); why != nil {
			e.fate = x.measured(why)
		}
		x.add(e)
	}
	x.arrange(Options{Order: OrderNone, Action: Replayed})
	want := []Reason{
		{"up to 598 bytes, more than orders takes (max.message.bytes is 200)", 3, "0@0"},
		{"no key, and orders is compacted", 1, "0@3"},
		{"its timestamp is 3h0m0s old: orders would delete it at once (retention.ms)", 1, "0@5"},
	}
	if got := x.reasons(); !reflect.DeepEqual(got, want) {
		t.Errorf("reasons %+v", got)
	}
}
