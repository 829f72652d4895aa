package dlq

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/groups"
	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// FollowOptions say how a run looks, between its transactions, what becomes of
// the letters that it has sent so far.
type FollowOptions struct {
	// Every is the time between two looks; default 2 s.
	Every time.Duration
	// Settle is how long after its commit a letter has passed; default [DefaultSettle].
	Settle time.Duration
	// Stop ends the run with an *[AgainError] once a larger share than MaxAgain,
	// from 0 to 1, of the letters that consumers have dealt with is dead again.
	// One letter alone does not, unless MaxAgain is 0.
	Stop     bool
	MaxAgain float64
}

func (o *FollowOptions) tooMany(again, dealt int64) bool {
	return float64(again) > o.MaxAgain*float64(dealt) && (again > 1 || o.MaxAgain == 0)
}

// AgainError is a run that stopped because too many of its letters came back.
// errors.Is finds [ErrPartly] in it: what was not sent stays pending.
type AgainError struct {
	Queue string
	// Again of Dealt letters that consumers have dealt with are dead again.
	Again, Dealt int64
	Sent, Total  int64
	Failure      AgainFailure // the most frequent
}

// Error names the failure.
func (e *AgainError) Error() string {
	f := &e.Failure
	return fmt.Sprintf("%d of %d letters that were dealt with are dead again (failure %s: %s: %s); stopped at %d of %d",
		e.Again, e.Dealt, f.ID, f.Class, f.Message, e.Sent, e.Total)
}

// Unwrap makes it [ErrPartly].
func (e *AgainError) Unwrap() error { return ErrPartly }

// follower counts what became of the letters of a run under way. It keeps less
// of a letter than a [Watcher]: where it went, and the id of its event where no
// header can tell it.
type follower struct {
	client *kafka.Client
	queue  string
	run    string
	opts   FollowOptions
	mask   func(*kafka.Record) *kafka.Record
	notice func(string)

	looked   time.Time
	lanes    map[kafka.TopicPartition]*followed
	groups   names
	events   map[string]struct{}
	back     map[string]struct{} // letters that are dead again, by what tells them
	failures map[string]*AgainFailure
	next     []int64 // how far the queue was read
	unread   bool    // the offsets of a group cannot be read
}

// followed is what was sent to one partition, by offset.
type followed struct {
	at     []int64
	group  []int32 // -1 unknown
	dead   []int64 // offsets of letters that came back
	levels map[int32][]level
}

// level is a group's commit as it was seen at a time.
type level struct {
	seen   time.Time
	offset int64
}

const followEvery = 2 * time.Second

func newFollower(p *Plan, run string) *follower {
	if p.opts.Follow == nil || !p.opts.Action.sends() {
		return nil
	}
	f := &follower{
		client: p.client, queue: p.Queue, run: run, opts: *p.opts.Follow, mask: p.opts.Mask, notice: p.opts.Notice, looked: time.Now(),
		lanes: map[kafka.TopicPartition]*followed{}, events: map[string]struct{}{}, back: map[string]struct{}{},
		failures: map[string]*AgainFailure{}, next: slices.Clone(p.bounds.end),
	}
	if f.opts.Every <= 0 {
		f.opts.Every = followEvery
	}
	if f.opts.Settle <= 0 {
		f.opts.Settle = DefaultSettle
	}
	return f
}

// sent takes letters that were committed.
func (f *follower) sent(todo []*planned, offsets []int64) {
	if f == nil {
		return
	}
	for i, l := range todo {
		tp := kafka.TopicPartition{Topic: l.record.Topic, Partition: l.record.Partition}
		lane := f.lanes[tp]
		if lane == nil {
			lane = &followed{levels: map[int32][]level{}}
			f.lanes[tp] = lane
		}
		if l.event != "" {
			f.events[l.event] = struct{}{}
		}
		if offsets[i] < 0 {
			continue
		}
		group := int32(-1)
		if l.group != "" {
			group = f.groups.number(l.group)
		}
		lane.at, lane.group = append(lane.at, offsets[i]), append(lane.group, group)
	}
}

// look looks when it is time to; now and then nothing is lost by not knowing.
func (f *follower) look(ctx context.Context, r *replayer) error {
	if f == nil || time.Since(f.looked) < f.opts.Every || len(f.lanes) == 0 {
		return nil
	}
	err := f.read(ctx)
	f.looked = time.Now()
	if err != nil {
		return ctx.Err() // another look will tell
	}
	return f.judge(r)
}

func (f *follower) read(ctx context.Context) error {
	if err := f.readCommits(ctx); err != nil {
		return err
	}
	ends := map[kafka.TopicPartition]int64{}
	for part := range f.next {
		ends[kafka.TopicPartition{Topic: f.queue, Partition: int32(part)}] = kafka.Latest
	}
	ends, err := f.client.Offsets(ctx, ends, kafka.ReadCommitted)
	if err != nil {
		return err
	}
	for part := range f.next {
		s := stretch{int32(part), f.next[part], ends[kafka.TopicPartition{Topic: f.queue, Partition: int32(part)}]}
		if s.start >= s.end {
			continue
		}
		if err := scanStretch(ctx, f.client, f.queue, s, f.take); err != nil {
			return err
		}
		f.next[part] = s.end
	}
	return nil
}

func (f *follower) readCommits(ctx context.Context) error {
	if len(f.groups.list) == 0 || f.unread {
		return nil
	}
	commits, err := groups.New(f.client).Commits(ctx, f.groups.list)
	if err != nil {
		if f.unread = errors.Is(err, kafka.ErrNotPermitted); f.unread {
			f.notice(fmt.Sprintf("how far the consumers are cannot be told: %v", err))
			return nil
		}
		return err
	}
	now := time.Now()
	for group, at := range commits {
		number, ok := f.groups.index[group]
		if !ok {
			continue
		}
		for tp, offset := range at {
			if lane := f.lanes[tp]; lane != nil {
				lane.levels[number] = append(lane.levels[number], level{now, offset})
			}
		}
	}
	return nil
}

// take sees whether a letter that came to the queue is one of the run's.
func (f *follower) take(r *kafka.Record) {
	l := letters.Read(*r)
	name, lane, at := "", (*followed)(nil), int64(-1)
	for _, from := range []letters.Origin{l.Hop, l.Origin} {
		if f.holds(from) {
			lane, at = f.lanes[kafka.TopicPartition{Topic: from.Topic, Partition: from.Partition}], from.Offset
			name = fmt.Sprintf("%s/%d@%d", from.Topic, from.Partition, from.Offset)
			break
		}
	}
	if name == "" && l.ReplayRun == f.run {
		name = "id " + l.ReplayID
	}
	if name == "" && len(f.events) > 0 {
		if id := eventID(r.Value); id != "" {
			if _, ok := f.events[id]; ok {
				name = "event " + id
			}
		}
	}
	if name == "" {
		return
	}
	if _, twice := f.back[name]; twice {
		return
	}
	f.back[name] = struct{}{}
	if lane != nil {
		lane.dead = append(lane.dead, at)
	}
	id := l.Fingerprint()
	if f.failures[id] == nil {
		_, shown := shownAs(r, &l, f.mask)
		f.failures[id] = &AgainFailure{ID: id, Class: shown.RootClass(), Message: clip(shown.Message), Letter: letterName(r.Partition, r.Offset)}
	}
	f.failures[id].Letters++
}

// holds tells whether a letter of the run went to that place.
func (f *follower) holds(at letters.Origin) bool {
	lane := f.lanes[kafka.TopicPartition{Topic: at.Topic, Partition: at.Partition}]
	if lane == nil || !at.Known() {
		return false
	}
	_, ok := slices.BinarySearch(lane.at, at.Offset)
	return ok
}

// judge counts, and stops the run where too many came back.
func (f *follower) judge(r *replayer) error {
	now, again := time.Now(), int64(len(f.back))
	passed, dealt := int64(0), int64(0)
	for _, lane := range f.lanes {
		p, d := lane.count(now.Add(-f.opts.Settle))
		passed, dealt = passed+p, dealt+d
	}
	dealt = max(dealt, again)
	if len(f.groups.list) == 0 || f.unread {
		passed = -1
	}
	r.passed, r.again, r.followed = passed, again, true
	if r.said || !f.opts.Stop || !f.opts.tooMany(again, dealt) {
		return nil
	}
	stop := &AgainError{Queue: f.queue, Again: again, Dealt: dealt, Sent: r.result.Done, Total: r.result.Planned}
	for _, failure := range f.failures {
		if failure.Letters > stop.Failure.Letters || failure.Letters == stop.Failure.Letters && failure.ID < stop.Failure.ID {
			stop.Failure = *failure
		}
	}
	return &hookError{stop}
}

// count gives the letters that have passed, and those that a consumer has dealt
// with: committed, or standing before one that came back.
func (l *followed) count(before time.Time) (passed, dealt int64) {
	slices.Sort(l.dead)
	beyond := int64(-1)
	if len(l.dead) > 0 {
		beyond = l.dead[len(l.dead)-1]
	}
	settled, reached := map[int32]int64{}, map[int32]int64{}
	for group, levels := range l.levels {
		i := sort.Search(len(levels), func(i int) bool { return levels[i].seen.After(before) })
		if i > 0 {
			settled[group] = levels[i-1].offset
			l.levels[group] = levels[i-1:]
		}
		reached[group] = levels[len(levels)-1].offset
	}
	for i, at := range l.at {
		group := l.group[i]
		if at <= beyond || group >= 0 && at < reached[group] {
			dealt++
		}
		if group >= 0 && at < settled[group] {
			if _, dead := slices.BinarySearch(l.dead, at); !dead {
				passed++
			}
		}
	}
	return passed, dealt
}
