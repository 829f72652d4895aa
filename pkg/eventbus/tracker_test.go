package eventbus

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

// naive is what the tracker stands for, without its speed.
type naive struct {
	offsets []int64
	done    map[int64]bool
}

func (n *naive) committable() int64 {
	for _, off := range n.offsets {
		if !n.done[off] {
			return off
		}
	}
	if len(n.offsets) == 0 {
		return -1
	}
	return n.offsets[len(n.offsets)-1] + 1
}

// FuzzTracker plays any history of records received and done against a set.
func FuzzTracker(f *testing.F) {
	f.Add([]byte{1, 0, 1, 0, 128, 129})
	f.Add([]byte{5, 9, 1, 130, 128, 7, 127, 255, 128})
	f.Fuzz(func(t *testing.T, history []byte) {
		tr := newTracker()
		model := naive{done: map[int64]bool{}}
		var open []int64 // numbers of records that are not done
		next, bytes := int64(0), int64(0)
		for _, b := range history {
			if b < 128 || len(open) == 0 {
				next += int64(b % 128 % 5)
				m := &sarama.ConsumerMessage{Offset: next}
				open = append(open, tr.add(m, int64(b)))
				bytes += int64(b)
				model.offsets = append(model.offsets, next)
				next++
			} else {
				i := int(b-128) % len(open)
				s := tr.at(open[i])
				model.done[s.off] = true
				bytes -= s.size
				tr.finish(open[i])
				open = append(open[:i], open[i+1:]...)
			}
			if got, want := tr.committable(), model.committable(); got != want {
				t.Fatalf("committable %d, want %d", got, want)
			}
			if tr.unfinished != len(open) || tr.bytes != bytes {
				t.Fatalf("%d records of %d bytes, want %d of %d", tr.unfinished, tr.bytes, len(open), bytes)
			}
			for r := range tr.doneRanges {
				for _, off := range model.offsets {
					if r.from <= off && off < r.to && !model.done[off] {
						t.Fatalf("%d is told to be done", off)
					}
				}
			}
		}
	})
}

// FuzzReadNote reads notes that anybody may have committed.
func FuzzReadNote(f *testing.F) {
	f.Add(int64(7), "mk2.AAAAAAAAAAAAAAAAAAAAAA.6.AAEC")
	f.Add(int64(7), "mk2...")
	f.Add(int64(0), "")
	f.Fuzz(func(t *testing.T, offset int64, text string) {
		if offset < 0 || offset > 1<<50 {
			return
		}
		said, ok := readNote(offset, text)
		if !ok && (said.done != nil || said.parked != nil) {
			t.Fatal("no note and yet something in it")
		}
		at := offset
		for _, r := range said.done {
			if r.from < at || r.to <= r.from {
				t.Fatalf("range %v after %d", r, at)
			}
			at = r.to
		}
	})
}

// received is a run of offsets with holes.
func received(n int) []int64 {
	rng := rand.New(rand.NewPCG(1, 1))
	list := make([]int64, n)
	off := int64(0)
	for i := range list {
		list[i] = off
		off += 1 + rng.Int64N(2)
	}
	return list
}

func BenchmarkTracker(b *testing.B) {
	list := received(100_000)
	b.ReportAllocs()
	for b.Loop() {
		trackAll(list)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(list)), "ns/record")
}

// trackAll takes the records in and out as 64 workers would, and asks for the
// committable offset now and then.
func trackAll(list []int64) int64 {
	tr := newTracker()
	burst := make([]sarama.ConsumerMessage, burst)
	var window [64]int64
	sum := int64(0)
	for i, off := range list {
		m := &burst[i%len(burst)]
		m.Offset = off
		n := tr.add(m, 300)
		slot := (i * 37) % 64
		if i >= 64 {
			tr.finish(window[slot])
		}
		window[slot] = n
		if i%1000 == 0 {
			sum += tr.committable()
		}
	}
	return sum
}

// The tracker's cost is held to a yardstick of the same run, which costs about
// 20 ns on a machine of 2026: a map of 100 keys, read and written.
func TestTrackerSpeed(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector slows both by different parts")
	}
	list := received(100_000)
	best, yard := time.Hour, time.Hour
	for range 15 {
		began := time.Now()
		trackAll(list)
		best = min(best, time.Since(began))
		began = time.Now()
		counts := map[int64]int64{}
		for _, off := range list {
			counts[off%100]++
		}
		yard = min(yard, time.Since(began))
	}
	each := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / float64(len(list)) }
	t.Logf("%.1f ns a record; the yardstick %.1f ns", each(best), each(yard))
	if best > 6*yard {
		t.Errorf("%.1f ns a record are more than 6 times the yardstick's %.1f", each(best), each(yard))
	}
}
