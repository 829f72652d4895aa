package dlq

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// order gives the queue's offsets of the letters that go, as a feed picks them
// in batches of n, and how many twins came with them.
func order(x *index, n int) (offsets []int64, twins int) {
	p := &Plan{index: *x}
	f := newFeed(p, "run")
	for {
		got := f.pick(fateGo, n)
		if len(got) == 0 {
			return offsets, twins
		}
		for _, l := range got {
			offsets = append(offsets, l.offset)
			twins += len(l.twins)
		}
	}
}

func TestLettersGoInTheOrderOfTheirOrigin(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 3))
	for range 50 {
		var x index
		lanes := 1 + rng.IntN(4)
		n := rng.IntN(300)
		byOffset := map[int64]entry{}
		for i := range n {
			at := int32(rng.IntN(lanes))
			e := entry{offset: int64(i), origin: rng.Int64N(int64(n)*10 + 1), part: 0, key: 1 + uint64(rng.IntN(5)), dup: uint64(i)}
			e.lane = x.lane(laneKey{topic: "orders", partition: at})
			byOffset[e.offset] = e
			x.add(e)
		}
		x.arrange(Options{Order: OrderKey, Action: Replayed})
		got, _ := order(&x, 1+rng.IntN(40))
		if len(got) != n {
			t.Fatalf("%d of %d letters picked", len(got), n)
		}
		last := map[uint32]int64{}
		for _, o := range got {
			e := byOffset[o]
			if prev, ok := last[e.lane]; ok && e.origin < prev {
				t.Fatalf("lane %d: origin %d after %d", e.lane, e.origin, prev)
			}
			last[e.lane] = e.origin
		}
	}
}

func TestALetterThatStaysHoldsItsKey(t *testing.T) {
	t.Parallel()
	var x index
	large := x.reason("too large")
	at := x.lane(laneKey{topic: "orders"})
	for i, e := range []entry{{key: 1}, {key: 2, fate: large}, {key: 1}, {key: 2}, {key: 0, fate: large}, {key: 0}, {key: 3, fate: fatePark}, {key: 3}} {
		e.offset, e.origin, e.lane, e.dup = int64(i), int64(i), at, uint64(i)
		x.add(e)
	}
	free := index{lanes: slices.Clone(x.lanes), why: slices.Clone(x.why)}
	free.lanes[0].entries = slices.Clone(x.lanes[0].entries)
	x.arrange(Options{Order: OrderKey, Action: Replayed})
	if got, _ := order(&x, 10); !slices.Equal(got, []int64{0, 2, 5}) {
		t.Errorf("by key go %v", got)
	}
	reasons := x.reasons()
	if len(reasons) != 2 || reasons[0].Letters != 2 || reasons[1].Letters != 2 {
		t.Errorf("reasons %+v", reasons)
	}
	free.arrange(Options{Order: OrderNone, Action: Replayed})
	if got, _ := order(&free, 10); !slices.Equal(got, []int64{0, 2, 3, 5, 7}) {
		t.Errorf("without order go %v", got)
	}
}

func TestTwinsFollowTheirLetter(t *testing.T) {
	t.Parallel()
	var x index
	at := x.lane(laneKey{topic: "orders"})
	for i, origin := range []int64{5, 5, 3, 5, 4, 3} {
		x.add(entry{offset: int64(i), origin: origin, lane: at, key: 1, dup: 9})
	}
	x.arrange(Options{Order: OrderKey, Action: Replayed})
	for _, n := range []int{1, 2, 10} {
		if got, twins := order(&x, n); !slices.Equal(got, []int64{2, 4, 0}) || twins != 3 {
			t.Errorf("in batches of %d: %v with %d twins", n, got, twins)
		}
	}
}

func TestSupersededLatestKeepsTheNewest(t *testing.T) {
	t.Parallel()
	var x index
	at := x.lane(laneKey{topic: "orders"})
	for i, key := range []uint64{1, 2, 1, 1, 3} {
		x.add(entry{offset: int64(i), origin: int64(i), lane: at, key: key, dup: uint64(i)})
	}
	ordered := index{lanes: slices.Clone(x.lanes), why: slices.Clone(x.why)}
	ordered.lanes[0].entries = slices.Clone(x.lanes[0].entries)
	x.arrange(Options{Order: OrderNone, Superseded: SupersededLatest, Action: Replayed})
	if got, _ := order(&x, 10); !slices.Equal(got, []int64{1, 3, 4}) {
		t.Errorf("the newest of each key are %v", got)
	}
	ordered.arrange(Options{Order: OrderKey, Superseded: SupersededLatest, Action: Replayed})
	if got, _ := order(&ordered, 10); !slices.Equal(got, []int64{1, 3, 4}) {
		t.Errorf("with order kept the newest of each key are %v", got)
	}
}

func TestTheWatermarkIsTheFirstPendingLetter(t *testing.T) {
	t.Parallel()
	w := watermark{pending: map[int32][]int64{0: {3, 5, 9}}, stays: map[int32]int64{1: 4}, end: []int64{12, 20}}
	var done Resolved
	none := func(int64) bool { return false }
	if got := w.first(0, &done, none); got != 3 {
		t.Errorf("nothing done: %d", got)
	}
	if got := w.first(0, &done, func(o int64) bool { return o == 3 }); got != 5 {
		t.Errorf("3 under way: %d", got)
	}
	done.add(0, []span{{3, 3}, {5, 5}})
	if got := w.first(0, &done, none); got != 9 {
		t.Errorf("3 and 5 done: %d", got)
	}
	if got := w.first(0, &done, func(o int64) bool { return o == 9 }); got != 12 {
		t.Errorf("the last under way: %d, want the end", got)
	}
	if got := w.first(1, &done, none); got != 4 {
		t.Errorf("a letter that nobody touches: %d", got)
	}
}

func TestRunIDsSortByTime(t *testing.T) {
	t.Parallel()
	at := time.Unix(1795406037, 0)
	a, b := newRunID(at), newRunID(at.Add(time.Millisecond))
	if len(a) != 26 || a >= b || newRunID(at) == a {
		t.Errorf("%s, %s", a, b)
	}
}
