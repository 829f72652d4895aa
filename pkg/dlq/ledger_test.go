package dlq

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func TestLedgerKeys(t *testing.T) {
	t.Parallel()
	for _, k := range []ledgerKey{
		{kind: kindRun, queue: "orders.dlq", topicID: "bpXiAAAA", run: "01JC"},
		{kind: kindChunk, queue: "orders.dlq", topicID: noTopicID, run: "01JC", seq: 17},
		{kind: kindChunk, queue: "a_b-c", topicID: "x", run: "r", seq: 1234567},
		{kind: kindSnap, queue: "orders.dlq", topicID: "x", seq: 3},
	} {
		if got, err := parseLedgerKey([]byte(k.String())); err != nil || got != k {
			t.Errorf("%s read as %+v, %v", k, got, err)
		}
	}
	for _, bad := range []string{"", "x", "v1", "v1|", "v1|run|a|b", "v1|run|a|b|c|d", "v1|chunk|a|b|c|-1", "v1|chunk|a|b|c|17", "v1|oops|a|b|c", "v01|run|a|b|c", "v2|anything at all"} {
		if _, err := parseLedgerKey([]byte(bad)); !errors.Is(err, ErrConflict) {
			t.Errorf("%q: %v, want a conflict", bad, err)
		}
	}
}

func TestSpansSurviveTheirCodec(t *testing.T) {
	t.Parallel()
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(uint64(seed), 1))
	for range 200 {
		var offsets []int64
		at := rng.Int64N(1 << rng.IntN(40))
		for range rng.IntN(300) {
			at += 1 + rng.Int64N(1+rng.Int64N(5))
			offsets = append(offsets, at)
		}
		spans := spansOf(offsets)
		got, err := decodeSpans(encodeSpans(spans))
		if err != nil || !slices.Equal(got, spans) {
			t.Fatalf("%v read as %v, %v", spans, got, err)
		}
		places := make([]place, len(offsets))
		for i, o := range offsets {
			places[i] = place{int32(rng.IntN(6)), o}
			if rng.IntN(20) == 0 {
				places[i].offset = -1
			}
		}
		if got, err := decodePlaces(encodePlaces(places)); err != nil || !slices.Equal(got, places) {
			t.Fatalf("%v read as %v, %v", places, got, err)
		}
	}
}

// naive is the same set kept letter by letter.
type naive map[int64]bool

func TestResolvedIsASetOfLetters(t *testing.T) {
	t.Parallel()
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(uint64(seed), 2))
	const size = 400
	for range 100 {
		var r Resolved
		want := naive{}
		for range 60 {
			var offsets []int64
			step := 1 + rng.Int64N(20)
			for at := rng.Int64N(size); at < size && len(offsets) < 1+rng.IntN(80); at += 1 + rng.Int64N(step) {
				offsets = append(offsets, at)
			}
			if len(offsets) == 0 {
				continue
			}
			drop := rng.IntN(3) == 0
			for _, o := range offsets {
				want[o] = !drop
			}
			if drop {
				r.remove(3, spansOf(offsets))
			} else {
				r.add(3, spansOf(offsets))
			}
			compare(t, &r, want, size)
			from, to := rng.Int64N(size), rng.Int64N(size)
			n := int64(0)
			for o := from; o < to; o++ {
				if want[o] {
					n++
				}
			}
			if got := r.Count(3, from, to); got != n {
				t.Fatalf("Count(%d, %d) = %d, want %d in %v", from, to, got, n, r.parts[3])
			}
		}
	}
}

func compare(t *testing.T, r *Resolved, want naive, size int64) {
	t.Helper()
	pending := size
	for o := size - 1; o >= 0; o-- {
		if r.Has(3, o) != want[o] {
			t.Fatalf("Has(%d) = %v in %v", o, r.Has(3, o), r.parts[3])
		}
		if !want[o] {
			pending = o
		}
		if got := r.NextPending(3, o); got != pending && pending < size {
			t.Fatalf("NextPending(%d) = %d, want %d in %v", o, got, pending, r.parts[3])
		}
	}
	spans := r.parts[3]
	for i := 1; i < len(spans); i++ {
		if spans[i].first <= spans[i-1].last+1 {
			t.Fatalf("spans touch: %v", spans)
		}
	}
}

func chunkOf(t testing.TB, queue, run string, seq int64, action Action, offsets map[int32][]int64) kafka.Record {
	t.Helper()
	rec := chunkRecord{T: kindChunk, Action: action, Run: run, Seq: seq, At: time.Unix(1795406037, 0).UTC()}
	for p, list := range offsets {
		rec.N += int64(len(list))
		rec.Parts = append(rec.Parts, chunkPart{Partition: p, Ranges: encodeSpans(spansOf(list)), Probe: &[3]int64{list[0], 5, 7}})
	}
	value, err := encodeLedger(rec)
	if err != nil {
		t.Fatal(err)
	}
	return kafka.Record{Key: []byte(ledgerKey{kindChunk, queue, "id", run, seq}.String()), Value: value}
}

func takeAll(t testing.TB, l *Ledger, records ...kafka.Record) {
	t.Helper()
	for _, r := range records {
		if err := l.take(r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheLastChunkThatNamesALetterCounts(t *testing.T) {
	t.Parallel()
	l := &Ledger{Topic: "ledger"}
	takeAll(t, l,
		chunkOf(t, "q", "a", 1, Replayed, map[int32][]int64{0: {3, 7, 9}}),
		chunkOf(t, "q", "b", 1, Reopened, map[int32][]int64{0: {3}}),
		chunkOf(t, "q", "c", 1, Parked, map[int32][]int64{0: {3, 4}, 1: {0}}),
		chunkOf(t, "other", "d", 1, Replayed, map[int32][]int64{0: {5}}),
		chunkOf(t, "q", "e", 1, Replayed, map[int32][]int64{0: {4}}),
	)
	q := l.Queue("q", "id")
	for offset, want := range map[int64]bool{3: true, 4: true, 5: false, 7: true, 8: false, 9: true} {
		if q.Resolved.Has(0, offset) != want {
			t.Errorf("resolved 0@%d: %v", offset, !want)
		}
	}
	if !q.Parked.Has(0, 3) || q.Parked.Has(0, 4) || !q.Parked.Has(1, 0) {
		t.Errorf("parked %v", q.Parked.parts)
	}
	if n := l.Former("q", "newer"); n != 5 {
		t.Errorf("%d letters of former topics, want 5", n)
	}
	if got := l.Queue("q", "newer").Resolved.Count(0, 0, 100); got != 0 {
		t.Errorf("%d letters resolved under another topic id", got)
	}
}

func TestDamagedLedgersAreRefused(t *testing.T) {
	t.Parallel()
	good := chunkOf(t, "q", "a", 1, Replayed, map[int32][]int64{0: {3, 7}})
	for name, bad := range map[string]kafka.Record{
		"no key":         {Value: []byte("{}")},
		"newer":          {Key: []byte("v2|chunk|q|id|a|000001"), Value: []byte("{}")},
		"no JSON":        {Key: good.Key, Value: []byte("{")},
		"other kind":     {Key: good.Key, Value: []byte(`{"t":"run"}`)},
		"other run":      {Key: good.Key, Value: []byte(`{"t":"chunk","run":"b","seq":1,"act":"replay"}`)},
		"unknown action": {Key: good.Key, Value: []byte(`{"t":"chunk","run":"a","seq":1,"act":"explode"}`)},
		"wrong count":    {Key: good.Key, Value: []byte(`{"t":"chunk","run":"a","seq":1,"act":"replay","n":3,"p":[{"p":0,"r":"AwADAA"}]}`)},
		"broken ranges":  {Key: good.Key, Value: []byte(`{"t":"chunk","run":"a","seq":1,"act":"replay","n":3,"p":[{"p":0,"r":"////////////"}]}`)},
	} {
		if err := (&Ledger{Topic: "ledger"}).take(bad); !errors.Is(err, ErrConflict) {
			t.Errorf("%s: %v, want a conflict", name, err)
		}
	}
}

// One million letters with a hole between each two, the most there can be for
// their ranges.
func TestLoadingAMillionLetters(t *testing.T) {
	t.Parallel()
	const parts, perChunk, total = 6, 2000, 1_000_000
	var records []kafka.Record
	seq := int64(0)
	for at := int64(0); at < total/parts; at += perChunk / parts {
		offsets := map[int32][]int64{}
		for p := range int32(parts) {
			for i := at; i < at+perChunk/parts; i++ {
				offsets[p] = append(offsets[p], 2*i)
			}
		}
		seq++
		// What is discarded is kept as such, too.
		action := []Action{Replayed, Discarded}[seq%2]
		records = append(records, chunkOf(t, "q", "a", seq, action, offsets))
	}
	began := time.Now()
	l := &Ledger{Topic: "ledger"}
	takeAll(t, l, records...)
	took := time.Since(began)
	n := int64(0)
	for p := range int32(parts) {
		n += l.Queue("q", "id").Resolved.Count(p, 0, maxOffset)
	}
	t.Logf("%d letters in %d chunks folded in %s", n, len(records), took)
	if n < total-perChunk || took > time.Minute {
		t.Errorf("%d letters in %s", n, took)
	}
}

func FuzzLedgerRecord(f *testing.F) {
	f.Add([]byte("v1|chunk|q|id|a|000001"), []byte(`{"t":"chunk","run":"a","seq":1,"act":"replay","n":2,"p":[{"p":0,"r":"AwADAA"}]}`))
	f.Add([]byte("v1|run|q|id|a"), []byte(`{"t":"run","st":"running"}`))
	f.Add([]byte("v1|snap|q|id|000"), []byte(`{"t":"snap","p":[{"p":0,"r":"AwADAA","act":"park"}]}`))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		l := &Ledger{Topic: "ledger", detail: true}
		if err := l.take(kafka.Record{Key: key, Value: value}); err != nil {
			if !errors.Is(err, ErrConflict) {
				t.Fatalf("%v is no conflict", err)
			}
			return
		}
		for _, q := range l.Queues() {
			for _, p := range q.Resolved.Partitions() {
				spans := q.Resolved.parts[p]
				if got, err := decodeSpans(encodeSpans(spans)); err != nil || !slices.Equal(got, spans) {
					t.Fatal(fmt.Errorf("%v read as %v: %w", spans, got, err))
				}
			}
		}
	})
}

func FuzzPlaces(f *testing.F) {
	f.Add(encodePlaces([]place{{0, 5}, {3, 1}, {2, -1}}))
	f.Fuzz(func(t *testing.T, text string) {
		places, err := decodePlaces(text)
		if err != nil {
			return
		}
		if got, err := decodePlaces(encodePlaces(places)); err != nil || !slices.Equal(got, places) {
			t.Fatalf("%v read as %v, %v", places, got, err)
		}
	})
}
