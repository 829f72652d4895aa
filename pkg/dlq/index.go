package dlq

import (
	"cmp"
	"fmt"
	"slices"
)

// fate is what a plan has in store for a letter.
type fate uint8

const (
	fateGo    fate = iota // sent or resolved
	fateTwin              // the same as the letter before it: resolved with that one
	fatePark              // replayed too often
	fateHeld              // an earlier letter of its key stays
	fateOther             // first of the reasons of index.why
)

// entry is what is kept of a selected letter between the two readings: enough
// to put it in order, and nothing of its content.
type entry struct {
	offset int64  // in the queue
	origin int64  // offset on the topic that it came from
	key    uint64 // hash of topic and key; 0 without key
	dup    uint64 // hash of group and attempt
	part   int32  // of the queue
	lane   uint32
	size   uint32 // about what it takes as a record
	fate   fate
	newer  bool // its key has a newer record on the target
}

// lane is one partition of one topic that letters came from, or of the queue
// where letters do not tell. Order is kept within a lane.
type lane struct {
	topic     string
	partition int32
	unknown   bool
	entries   []entry
}

// index is the selected letters of a plan.
type index struct {
	lanes  []lane
	byName map[laneKey]uint32
	why    []Reason
	byWhy  map[string]fate
	sizes  map[fate]*measured
	stays  map[int32]int64 // of each partition: the first pending letter that was not selected
	left   fate            // of letters that an approved plan leaves pending; 0 without any
}

type laneKey struct {
	topic     string
	partition int32
	unknown   bool
}

func (x *index) lane(key laneKey) uint32 {
	if x.byName == nil {
		x.byName = map[laneKey]uint32{}
	}
	i, ok := x.byName[key]
	if !ok {
		i = uint32(len(x.lanes))
		x.byName[key] = i
		x.lanes = append(x.lanes, lane{topic: key.topic, partition: key.partition, unknown: key.unknown})
	}
	return i
}

// maxReasons bounds the different reasons that are told apart, otherReasons is
// what the last one says of those that are not.
const (
	maxReasons   = 100
	otherReasons = "for other reasons"
)

// reason gives the fate that stands for a reason to stay.
func (x *index) reason(text string) fate {
	if x.byWhy == nil {
		x.byWhy = map[string]fate{}
	}
	f, ok := x.byWhy[text]
	if !ok {
		if len(x.why) == maxReasons-1 {
			text = otherReasons // and so are all that follow
		}
		if len(x.why) >= maxReasons {
			return fateOther + maxReasons - 1
		}
		f = fateOther + fate(len(x.why))
		x.byWhy[text] = f
		x.why = append(x.why, Reason{Text: text})
	}
	return f
}

// measured is reason for letters that differ in nothing but an amount.
func (x *index) measured(m *measured) fate {
	f := x.reason(m.before + "\x00" + m.after)
	if x.why[f-fateOther].Text == otherReasons {
		return f
	}
	if x.sizes == nil {
		x.sizes = map[fate]*measured{}
	}
	if most := x.sizes[f]; most == nil {
		x.sizes[f] = m
	} else {
		most.amount = max(most.amount, m.amount)
	}
	return f
}

func (x *index) add(e entry) {
	x.lanes[e.lane].entries = append(x.lanes[e.lane].entries, e)
}

// arrange puts every lane in the order of its origin, finds letters that stand
// there twice, and holds those back that would overtake one which stays.
func (x *index) arrange(opts Options) {
	slices.SortFunc(x.lanes, func(a, b lane) int {
		order := cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition))
		if order == 0 && a.unknown != b.unknown {
			return map[bool]int{true: -1, false: 1}[a.unknown]
		}
		return order
	})
	held := map[uint64]bool{}
	newest := map[uint64]*entry{}
	for i := range x.lanes {
		list := x.lanes[i].entries
		slices.SortFunc(list, func(a, b entry) int {
			return cmp.Or(cmp.Compare(a.origin, b.origin), cmp.Compare(a.dup, b.dup), cmp.Compare(a.part, b.part), cmp.Compare(a.offset, b.offset))
		})
		for j := range list {
			e := &list[j]
			if j > 0 && !x.lanes[i].unknown && list[j-1].origin == e.origin && list[j-1].dup == e.dup {
				if e.fate = list[j-1].fate; e.fate == fateGo {
					e.fate = fateTwin
				}
				continue
			}
			if opts.Superseded == SupersededLatest && e.key != 0 && e.fate == fateGo {
				if before := newest[e.key]; before != nil {
					before.fate, before.newer = x.reason("a newer letter of the same key is replayed (only-latest)"), true
				}
				newest[e.key] = e
			}
		}
	}
	if opts.Order != OrderKey || !opts.Action.sends() {
		return
	}
	for i := range x.lanes {
		list := x.lanes[i].entries
		for j := range list {
			e := &list[j]
			switch {
			case e.key == 0 || e.newer:
			case e.fate == fateGo && held[e.key]:
				e.fate = fateHeld
			case e.fate == fateTwin && held[e.key]:
				e.fate = fateHeld
			case x.left != 0 && e.fate == x.left && held[e.key]:
				e.fate = fateHeld // which says more
			case e.fate >= fatePark && e.fate != fateHeld:
				held[e.key] = true
			}
		}
	}
}

// counts are the letters to send or resolve, their twins, and those to park.
func (x *index) counts() (letters, twins, park int64) {
	for i := range x.lanes {
		for j := range x.lanes[i].entries {
			switch x.lanes[i].entries[j].fate {
			case fateGo:
				letters++
			case fateTwin:
				twins++
			case fatePark:
				park++
			}
		}
	}
	return letters, twins, park
}

// reasons lists why letters stay, with how many.
func (x *index) reasons() []Reason {
	held := Reason{Text: "held: an earlier letter of the same key stays"}
	for i := range x.lanes {
		for _, e := range x.lanes[i].entries {
			r := &held
			switch {
			case e.fate == fateGo || e.fate == fateTwin || e.fate == fatePark:
				continue
			case e.fate >= fateOther:
				r = &x.why[e.fate-fateOther]
			}
			if r.Letters++; r.First == "" {
				r.First = letterName(e.part, e.offset)
			}
		}
	}
	for f, m := range x.sizes {
		r := &x.why[f-fateOther]
		r.Text = m.text(r.Letters)
	}
	list := slices.DeleteFunc(append(slices.Clone(x.why), held), func(r Reason) bool { return r.Letters == 0 })
	sortReasons(list)
	return list
}

// leftBehind are the offsets, in their order, of selected letters that stay for
// another reason than a newer record.
func (x *index) leftBehind() map[int32][]int64 {
	left := map[int32][]int64{}
	for i := range x.lanes {
		for _, e := range x.lanes[i].entries {
			if e.fate > fatePark && !e.newer {
				left[e.part] = append(left[e.part], e.offset)
			}
		}
	}
	for _, offsets := range left {
		slices.Sort(offsets)
	}
	return left
}

// partitions lists what is taken from each partition of the queue.
func (x *index) partitions(b *bounds) []PlanPartition {
	byPart := make([]PlanPartition, len(b.end))
	for p := range byPart {
		byPart[p] = PlanPartition{Partition: int32(p), First: -1, Last: -1, End: b.end[p]}
	}
	for i := range x.lanes {
		for _, e := range x.lanes[i].entries {
			if e.fate > fatePark {
				continue
			}
			p := &byPart[e.part]
			if p.Letters++; p.First < 0 || e.offset < p.First {
				p.First = e.offset
			}
			p.Last = max(p.Last, e.offset)
		}
	}
	return slices.DeleteFunc(byPart, func(p PlanPartition) bool { return p.Letters == 0 })
}

// letterName writes a letter as a person names it: partition@offset.
func letterName(partition int32, offset int64) string { return fmt.Sprintf("%d@%d", partition, offset) }

// sortReasons puts those of most letters first, then those of the letter that
// stands first in the queue.
func sortReasons(list []Reason) {
	slices.SortFunc(list, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(b.Letters, a.Letters), compareLetters(a.First, b.First), cmp.Compare(a.Text, b.Text))
	})
}

// compareLetters orders names of letters by partition and offset.
func compareLetters(a, b string) int {
	partA, offsetA, _ := ParseLetter(a)
	partB, offsetB, _ := ParseLetter(b)
	return coordinate{partA, offsetA}.compare(coordinate{partB, offsetB})
}
