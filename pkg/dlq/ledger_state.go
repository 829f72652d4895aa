package dlq

import (
	"slices"
	"sort"
)

// Resolved is the letters of one queue that need nothing more: for each
// partition a set of offsets, kept as ranges. The zero value and nil hold
// nothing. It may be read by several goroutines at once.
type Resolved struct {
	parts map[int32][]span // ascending, without touching ones
}

// Has tells whether the letter is resolved.
func (r *Resolved) Has(partition int32, offset int64) bool {
	spans := r.of(partition)
	i := after(spans, offset)
	return i > 0 && spans[i-1].last >= offset
}

// Count is how many offsets from from on and before to are resolved.
func (r *Resolved) Count(partition int32, from, to int64) int64 {
	if to <= from {
		return 0
	}
	spans := r.of(partition)
	n := int64(0)
	for i := max(0, after(spans, from)-1); i < len(spans) && spans[i].first < to; i++ {
		first, last := max(spans[i].first, from), min(spans[i].last, to-1)
		n += max(0, last-first+1)
	}
	return n
}

// NextPending is the first offset from from on that is not resolved, also
// where the queue holds no record there.
func (r *Resolved) NextPending(partition int32, from int64) int64 {
	spans := r.of(partition)
	if i := after(spans, from); i > 0 && spans[i-1].last >= from {
		return spans[i-1].last + 1
	}
	return from
}

// Partitions lists the partitions with resolved letters, ascending.
func (r *Resolved) Partitions() []int32 {
	if r == nil {
		return nil
	}
	var list []int32
	for p, spans := range r.parts {
		if len(spans) > 0 {
			list = append(list, p)
		}
	}
	slices.Sort(list)
	return list
}

func (r *Resolved) of(partition int32) []span {
	if r == nil {
		return nil
	}
	return r.parts[partition]
}

// after is the index of the first span that begins behind the offset.
func after(spans []span, offset int64) int {
	return sort.Search(len(spans), func(i int) bool { return spans[i].first > offset })
}

func (r *Resolved) add(partition int32, more []span) {
	if len(more) == 0 {
		return
	}
	if r.parts == nil {
		r.parts = map[int32][]span{}
	}
	r.parts[partition] = union(r.parts[partition], more)
}

// remove looks only at the spans that lie where less does: a chunk mostly comes
// behind all that is there.
func (r *Resolved) remove(partition int32, less []span) {
	have := r.of(partition)
	if len(have) == 0 || len(less) == 0 {
		return
	}
	from := after(have, less[0].first)
	if from > 0 && have[from-1].last >= less[0].first {
		from--
	}
	to := after(have, less[len(less)-1].last)
	if from < to {
		r.parts[partition] = slices.Replace(have, from, to, without(have[from:to], less)...)
	}
}

// union merges two ascending lists. Chunks come nearly in the order of
// offsets, so what lies before the first new span stays where it is.
func union(have, more []span) []span {
	keep := max(0, after(have, more[0].first)-1)
	tail := slices.Clone(have[keep:])
	merged := have[:keep]
	for len(tail) > 0 || len(more) > 0 {
		var s span
		if len(more) == 0 || len(tail) > 0 && tail[0].first <= more[0].first {
			s, tail = tail[0], tail[1:]
		} else {
			s, more = more[0], more[1:]
		}
		if n := len(merged); n > 0 && merged[n-1].last+1 >= s.first {
			merged[n-1].last = max(merged[n-1].last, s.last)
		} else {
			merged = append(merged, s)
		}
	}
	return merged
}

// without takes the offsets of less out of have; both ascend.
func without(have, less []span) []span {
	var left []span
	for _, s := range have {
		for len(less) > 0 && less[0].last < s.first {
			less = less[1:]
		}
		for _, l := range less {
			if l.first > s.last {
				break
			}
			if l.first > s.first {
				left = append(left, span{s.first, l.first - 1})
			}
			s.first = l.last + 1
			if s.first > s.last {
				break
			}
		}
		if s.first <= s.last {
			left = append(left, s)
		}
	}
	return left
}
