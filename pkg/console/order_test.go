package console_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/console"
)

// The answer must be exact with timestamps in any order, so it is compared to
// one that sorts everything.
func TestTailAndTimeOrderAreExact(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	const partitions = 4
	bootstrap := kafkatest.Start(t, kfake.SeedTopics(partitions, "a"))
	c := kafkatest.Open(t, bootstrap)
	base := time.UnixMilli(1_700_000_000_000)
	var all []*kgo.Record
	for i := range 600 {
		r := value("a", int32(rnd.IntN(partitions)*rnd.IntN(2)), fmt.Sprintf("%04d", i))
		// Partitions are uneven, times nearly in order, some far off, many equal.
		r.Timestamp = base.Add(time.Duration(i/7+rnd.IntN(20)) * time.Millisecond)
		if rnd.IntN(50) == 0 {
			r.Timestamp = base.Add(time.Duration(rnd.IntN(200)) * time.Millisecond)
		}
		all = append(all, r)
	}
	for chunk := range slices.Chunk(all, 37) {
		produce(t, bootstrap, chunk...)
	}
	slices.SortFunc(all, func(a, b *kgo.Record) int {
		if n := a.Timestamp.Compare(b.Timestamp); n != 0 {
			return n
		}
		if a.Partition != b.Partition {
			return int(a.Partition - b.Partition)
		}
		return int(a.Offset - b.Offset)
	})
	for _, n := range []int{1, 2, 7, 100, 599, 600, 1000} {
		want := lines(all[max(0, len(all)-n):])
		if got, _ := read(t, c, console.ConsumeOptions{Topics: []string{"a"}, Tail: n}); got != want {
			t.Errorf("--tail %d:\n%s\nwant\n%s", n, got, want)
		}
	}
	var odd []*kgo.Record
	for _, r := range all {
		if (r.Value[3]-'0')%2 == 1 {
			odd = append(odd, r)
		}
	}
	var filter console.Filter
	if err := filter.Grep("v:[13579]$"); err != nil {
		t.Fatal(err)
	}
	if got, _ := read(t, c, console.ConsumeOptions{Topics: []string{"a"}, Tail: 50, Filter: &filter}); got != lines(odd[len(odd)-50:]) {
		t.Errorf("--tail 50 of the odd ones:\n%s", got)
	}
	t.Run("time order", func(t *testing.T) {
		got, _ := read(t, c, console.ConsumeOptions{Topics: []string{"a"}, ExitAtEnd: true, Order: console.ByTime})
		if want := mergeByTime(all, partitions); got != lines(want) {
			t.Errorf("merged:\n%s\nwant\n%s", got, lines(want))
		}
	})
}

// mergeByTime takes the earliest of the partitions' next records, again and again.
func mergeByTime(all []*kgo.Record, partitions int) []*kgo.Record {
	lanes := make([][]*kgo.Record, partitions)
	for _, r := range all {
		lanes[r.Partition] = append(lanes[r.Partition], r)
	}
	for _, lane := range lanes {
		slices.SortFunc(lane, func(a, b *kgo.Record) int { return int(a.Offset - b.Offset) })
	}
	var merged []*kgo.Record
	for len(merged) < len(all) {
		best := -1
		for p, lane := range lanes {
			if len(lane) > 0 && (best < 0 || lane[0].Timestamp.Before(lanes[best][0].Timestamp)) {
				best = p
			}
		}
		merged = append(merged, lanes[best][0])
		lanes[best] = lanes[best][1:]
	}
	return merged
}

func TestConsumeBetweenTimes(t *testing.T) {
	t.Parallel()
	bootstrap := kafkatest.Start(t, kfake.SeedTopics(1, "a"))
	c := kafkatest.Open(t, bootstrap)
	base := time.Now().Add(-time.Hour).Truncate(time.Second)
	for i := range 10 {
		r := value("a", 0, fmt.Sprint(i))
		r.Timestamp = base.Add(time.Duration(i) * time.Minute)
		produce(t, bootstrap, r)
	}
	at := func(minutes float64) console.Edge {
		return console.Edge{Anchor: console.AtTime, Time: base.Add(time.Duration(minutes * float64(time.Minute)))}
	}
	for _, tt := range []struct {
		r    console.Range
		want string
	}{
		{console.Range{From: at(7)}, "7\n8\n9\n"},
		{console.Range{From: at(6.5), To: console.Edge{Anchor: console.FromEnd}}, "7\n8\n9\n"},
		{console.Range{From: at(2), To: at(4)}, "2\n3\n"},
		{console.Range{From: at(-5), To: at(0.5)}, "0\n"},
		{console.Range{From: at(2.2), To: at(2.8)}, ""},
		{console.Range{From: at(8), To: at(30)}, "8\n9\n"},
		{console.Range{From: at(20), To: at(30)}, ""},
	} {
		if got, _ := read(t, c, console.ConsumeOptions{Topics: []string{"a"}, Range: tt.r, ExitAtEnd: tt.r.To.Anchor == console.Unset}); got != tt.want {
			t.Errorf("%v to %v: %q, want %q", tt.r.From.Time.Sub(base), tt.r.To.Time.Sub(base), got, tt.want)
		}
	}
	// An end that is yet to come is waited for.
	soon := console.Range{From: at(8), To: console.Edge{Anchor: console.AtTime, Time: time.Now().Add(300 * time.Millisecond)}}
	if got, _ := read(t, c, console.ConsumeOptions{Topics: []string{"a"}, Range: soon}); got != "8\n9\n" || time.Now().Before(soon.To.Time) {
		t.Errorf("until soon: %q", got)
	}
}
