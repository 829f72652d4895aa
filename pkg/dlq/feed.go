package dlq

import (
	"cmp"
	"context"
	"slices"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// planned is a letter that is ready to be sent or resolved.
type planned struct {
	part     int32
	offset   int64
	key      uint64
	lane     int
	source   *kafka.Record // as it stands in the queue
	sum      uint64        // of its bytes there
	record   kafka.Record  // what is sent; without topic where nothing is
	group    string        // that it failed in, where somebody asks
	event    string        // its id, where no header tells the letter
	edited   bool
	twins    []coordinate // the same letter again: resolved with it
	rejected string       // why it cannot be sent after all
	gone     bool         // it is not in the queue any more
	settled  bool         // it is committed, resolved or left behind
	ours     bool         // this run resolved it
}

type coordinate struct {
	part   int32
	offset int64
}

func (c coordinate) compare(d coordinate) int {
	return cmp.Or(cmp.Compare(c.part, d.part), cmp.Compare(c.offset, d.offset))
}

// batch is what one transaction takes, at most.
type batch struct {
	action  Action
	letters []planned
	last    bool // nothing follows it
}

// feed prepares batches while others are committed.
type feed struct {
	plan   *Plan
	source *source
	run    string
	sizing sizing
	// cursors are where each lane goes on, for the action under way.
	cursors []int
	turn    int
	room    int   // bytes left in the batch under way
	left    int64 // letters that no batch has yet
	follows bool
}

func newFeed(p *Plan, run string) *feed {
	f := &feed{plan: p, source: newSource(p.client, p.Queue, p.opts.Patience), run: run, cursors: make([]int, len(p.index.lanes))}
	f.sizing.now.Store(firstChunk)
	f.left = p.Letters + p.Park
	f.follows = p.opts.Follow != nil
	return f
}

// feedResult is a batch or the end of the feed by an error.
type feedResult struct {
	batch batch
	err   error
}

// run sends batches until there are no more or ctx ends, and closes the channel.
func (f *feed) serve(ctx context.Context, out chan<- feedResult) {
	defer close(out)
	send := func(r feedResult) bool {
		select {
		case out <- r:
			return r.err == nil
		case <-ctx.Done():
			return false
		}
	}
	for _, step := range f.plan.steps() {
		clear(f.cursors)
		f.turn = 0
		for {
			b, err := f.next(ctx, step)
			if err != nil {
				send(feedResult{err: err})
				return
			}
			if len(b.letters) == 0 {
				break
			}
			if !send(feedResult{batch: b}) {
				return
			}
		}
	}
}

// step is one action on the letters of one fate.
type step struct {
	action Action
	fate   fate
}

// steps are what a plan does, one after the other.
func (p *Plan) steps() []step {
	steps := []step{{p.opts.Action, fateGo}}
	if p.Park > 0 {
		steps = append(steps, step{Parked, fatePark})
	}
	return steps
}

// next prepares one batch. The lanes take turns, so that a transaction spreads
// over the partitions.
func (f *feed) next(ctx context.Context, s step) (batch, error) {
	b := batch{action: s.action, letters: f.pick(s.fate, int(f.sizing.now.Load()))}
	if len(b.letters) == 0 {
		return b, nil
	}
	f.left -= int64(len(b.letters))
	b.last = f.left <= 0
	wanted := map[int32][]int64{}
	for i := range b.letters {
		wanted[b.letters[i].part] = append(wanted[b.letters[i].part], b.letters[i].offset)
	}
	for _, offsets := range wanted {
		slices.Sort(offsets)
	}
	find, err := f.source.get(ctx, wanted)
	if err != nil {
		return b, err
	}
	drafts, of := make([]*Outgoing, 0, len(b.letters)), make([]*planned, 0, len(b.letters))
	for i := range b.letters {
		l := &b.letters[i]
		r := find(l.part, l.offset)
		if r == nil {
			l.gone = true
			continue
		}
		l.source, l.sum = r, sumOf(r)
		if s.action.sends() {
			letter := letters.Read(*r)
			drafts, of = append(drafts, f.plan.draft(r, &letter)), append(of, l)
			if f.follows {
				f.follow(l, &letter)
			}
		}
	}
	if err := f.plan.fix(ctx, drafts); err != nil {
		return b, err
	}
	for i, out := range drafts {
		f.prepare(ctx, of[i], out)
	}
	return b, ctx.Err()
}

// follow keeps what tells later that a letter came back.
func (f *feed) follow(l *planned, letter *Letter) {
	if l.group = f.plan.groupOf(letter); l.group == "" {
		l.group = letter.Group
	}
	if f.plan.opts.Follow.Stop && (letter.Format == letters.Node || letter.Format == letters.Bare) {
		l.event = eventID(l.source.Value)
	}
}

func (f *feed) prepare(ctx context.Context, l *planned, out *Outgoing) {
	p := f.plan
	err := p.finish(ctx, out)
	if err != nil {
		l.rejected = err.Error()
		return
	}
	t := p.targets[out.Record.Topic]
	if t == nil {
		l.rejected = "would go to " + clip(out.Record.Topic) + ", which the plan does not name"
		return
	}
	if out.Record.Partition, err = t.partitionOf(out); err != nil {
		l.rejected = err.Error()
		return
	}
	out.Record.Headers = append(out.Record.Headers, kafka.Header{Name: letters.HeaderReplayRun, Value: []byte(f.run)})
	l.record, l.edited = out.Record, out.Edited
}

// pick takes up to n letters of a fate from the lanes, each in its order, with
// the twins that follow them.
func (f *feed) pick(want fate, n int) []planned {
	lanes := f.plan.index.lanes
	var chosen []planned
	f.room = maxChunkBytes
	block := max(1, n/max(1, len(lanes)))
	for idle := 0; idle < len(lanes) && len(chosen) < n && f.room > 0; {
		took := f.pickLane(f.turn%len(lanes), want, min(block, n-len(chosen)), &chosen)
		f.turn++
		if took == 0 {
			idle++
		} else {
			idle = 0
		}
	}
	return chosen
}

func (f *feed) pickLane(at int, want fate, n int, chosen *[]planned) (took int) {
	entries := f.plan.index.lanes[at].entries
	i := f.cursors[at]
	for ; i < len(entries); i++ {
		e := &entries[i]
		switch {
		case e.fate == want:
			if took == n || f.room <= 0 && took > 0 {
				f.cursors[at] = i
				return took
			}
			f.room -= int(e.size)
			*chosen = append(*chosen, planned{part: e.part, offset: e.offset, key: e.key, lane: at})
			took++
		case e.fate == fateTwin && want == fateGo && took > 0:
			last := &(*chosen)[len(*chosen)-1]
			last.twins = append(last.twins, coordinate{e.part, e.offset})
		}
	}
	f.cursors[at] = i
	return took
}
