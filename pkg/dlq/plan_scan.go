package dlq

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

const (
	planSample   = 5
	planFailures = 20
	maxFailures  = 10_000 // told apart while counting
)

// scan reads every pending letter of the snapshot once and keeps of those that
// are selected what puts them in order.
func (p *Plan) scan(ctx context.Context) error {
	s := &scanning{plan: p, resolved: &p.ledger.Queue(p.Queue, p.queue.id).Resolved, now: time.Now()}
	p.index.stays = map[int32]int64{}
	var parts []stretch
	for part, end := range p.bounds.end {
		if first := s.resolved.NextPending(int32(part), p.bounds.start[part]); first < end {
			parts = append(parts, stretch{int32(part), first, end})
		}
	}
	if err := s.read(ctx, parts); err != nil {
		return fmt.Errorf("reading %s: %w", p.Queue, err)
	}
	if s.err == nil {
		s.err = s.judgeWaiting(ctx)
	}
	if s.err != nil {
		return s.err
	}
	slices.Sort(p.groups)
	p.Failures = append(p.Failures, s.topFailures()...)
	return nil
}

// read goes through the letters on every core, but for a limit: that one takes
// the first letters, so they are read in their order.
func (s *scanning) read(ctx context.Context, parts []stretch) error {
	sel := &s.plan.opts.Selection
	var workers []*scanWorker
	worker := func() *scanWorker {
		match, _ := sel.matcher() // checked before
		w := &scanWorker{scanning: s, match: match, failures: map[string]*seenFailure{}}
		workers = append(workers, w)
		return w
	}
	defer func() { s.workers = workers }()
	if sel.Limit > 0 {
		w := worker()
		for _, part := range parts {
			if err := scanStretch(ctx, s.plan.client, s.plan.Queue, part, func(r *kafka.Record) { w.take(ctx, r) }); err != nil {
				return err
			}
		}
		return nil
	}
	return scanQueue(ctx, s.plan.client, s.plan.Queue, parts, nil, func() func(*kafka.Record) {
		w := worker()
		return func(r *kafka.Record) { w.take(ctx, r) }
	})
}

// scanning is one scan. What its workers share is behind mu.
type scanning struct {
	plan     *Plan
	resolved *Resolved
	now      time.Time
	workers  []*scanWorker

	mu      sync.Mutex
	err     error
	shown   []coordinate // of the plan's sample
	waiting []candidate  // selected letters that are to be fixed together
	size    int          // of them, in bytes
}

// scanWorker reads letters in one goroutine.
type scanWorker struct {
	*scanning
	match    *Matcher
	failures map[string]*seenFailure // by what makes a fingerprint
	buf      []byte
}

func (w *scanWorker) take(ctx context.Context, r *kafka.Record) {
	if w.resolved.Has(r.Partition, r.Offset) {
		return
	}
	p := w.plan
	l := letters.Read(*r)
	meant := p.opts.Approved.names(r.Partition, r.Offset) && w.match.Match(ctx, r, &l) &&
		(p.opts.filter == nil || p.opts.filter(r, &l))
	w.mu.Lock()
	defer w.mu.Unlock()
	p.Pending++
	if limit := p.opts.Selection.Limit; !meant || limit > 0 && p.Selected >= limit {
		if first, ok := p.index.stays[r.Partition]; !ok || r.Offset < first {
			p.index.stays[r.Partition] = r.Offset
		}
		return
	}
	p.Selected++
	if p.oldest.IsZero() || r.Timestamp.Before(p.oldest) {
		p.oldest = r.Timestamp
	}
	w.count(r, &l)
	if w.err == nil {
		w.err = w.enter(ctx, r, &l)
	}
}

// enter puts a selected letter into the index.
func (s *scanning) enter(ctx context.Context, r *kafka.Record, l *Letter) error {
	p := s.plan
	e := entry{offset: r.Offset, origin: r.Offset, part: r.Partition, size: uint32(recordSize(r))}
	at := laneKey{topic: p.Queue, partition: r.Partition, unknown: true}
	if l.Origin.Known() {
		at = laneKey{topic: l.Origin.Topic, partition: l.Origin.Partition}
		e.origin = l.Origin.Offset
		e.dup = xxhash.Sum64String(l.Group + "\x00" + strconv.Itoa(l.Attempts) + "\x00" + strconv.Itoa(l.ReplayCount))
	}
	e.lane = p.index.lane(at)
	if p.opts.Action.sends() {
		if why := p.homeless(l); why != "" {
			e.fate = p.index.reason(why)
		} else if p.opts.Fix != nil {
			return s.wait(ctx, candidate{p.draft(r, l), e})
		} else if err := s.judge(ctx, r, l, &e, nil); err != nil {
			return err
		}
	}
	p.index.add(e)
	return nil
}

// judge decides whether the letter can be sent. Its error ends the plan. out is
// what would be sent, where that is known.
func (s *scanning) judge(ctx context.Context, r *kafka.Record, l *Letter, e *entry, out *Outgoing) error {
	p := s.plan
	out, t, refused, err := s.draft(ctx, r, l, out)
	if err != nil {
		return err
	}
	if refused != nil {
		e.key = keyHash(p.targetOf(l), r.Key)
		e.fate = p.index.reason(refused.Error())
		return nil
	}
	e.key = keyHash(out.Record.Topic, out.Record.Key)
	part, noPlace := t.partitionOf(out)
	why := t.unfit(&out.Record, s.now)
	switch {
	case noPlace != nil:
		e.fate = p.index.reason(noPlace.Error())
	case why != nil:
		why.before = "too large or unfit: " + why.before
		e.fate = p.index.measured(why)
	case p.opts.Approved.leaves(r.Partition, r.Offset):
		p.index.left = p.index.reason("left pending by the plan; a plan made anew may take it")
		e.fate = p.index.left
	case p.opts.MaxReplays > 0 && l.ReplayCount >= p.opts.MaxReplays:
		e.fate = fatePark
	default:
		t.letters++
		s.show(r, l, t.name, part)
	}
	return nil
}

// show keeps the letters for the plan's sample that stand first in the queue,
// whichever are read first.
func (s *scanning) show(r *kafka.Record, l *Letter, topic string, part int32) {
	at, _ := slices.BinarySearchFunc(s.shown, coordinate{r.Partition, r.Offset}, coordinate.compare)
	if at >= planSample {
		return
	}
	p := s.plan
	shown, as := shownAs(r, l, p.opts.Mask)
	p.Sample = slices.Insert(p.Sample, at, PlanLetter{Letter: letterName(r.Partition, r.Offset), Topic: topic, To: part, Key: shown.Key, Class: as.RootClass()})
	s.shown = slices.Insert(s.shown, at, coordinate{r.Partition, r.Offset})
	p.Sample, s.shown = p.Sample[:min(len(p.Sample), planSample)], s.shown[:min(len(s.shown), planSample)]
}

// homeless says why a letter has nowhere to go, empty where it has.
func (p *Plan) homeless(l *Letter) string {
	switch {
	case p.foreign(l):
		return fmt.Sprintf("came from %s, not from %s; replay it with --to original, or name the topic", clip(l.Origin.Topic), p.source)
	case p.targetOf(l) == "":
		return "does not tell the topic that it came from; name one with --to"
	case p.opts.ForGroup == ForOriginalGroup && l.Group == "":
		return "does not tell the group that it failed in; name one with --for-group"
	}
	return ""
}

// moreHeaders is more than the headers of a replay take.
const moreHeaders = 1 << 10

// draft makes what would be sent, or only as much of it as decides, where that
// is plain. refused is why the letter cannot be sent.
func (s *scanning) draft(ctx context.Context, r *kafka.Record, l *Letter, fixed *Outgoing) (out *Outgoing, t *target, refused, err error) {
	p := s.plan
	if t, refused, err = p.targetFor(ctx, p.targetOf(l), p.opts.To == ToOriginal); refused != nil || err != nil {
		return nil, nil, refused, err
	}
	if fixed == nil && p.opts.Transform == nil && p.opts.Validate == nil && recordSize(r)+moreHeaders <= t.maxBytes {
		out = &Outgoing{Letter: l, Source: r, Record: kafka.Record{Topic: t.name, Key: r.Key}}
		if p.opts.Timestamp == TimestampOriginal {
			out.Record.Timestamp = originalTime(r, l)
		}
		return out, t, nil, nil
	}
	if out = fixed; out == nil {
		out = p.draft(r, l)
	}
	refused = p.finish(ctx, out)
	if ctx.Err() != nil {
		return nil, nil, nil, context.Cause(ctx)
	}
	if refused == nil && out.Record.Topic != t.name {
		t, refused, err = p.targetFor(ctx, out.Record.Topic, true)
	}
	return out, t, refused, err
}

// keyHash names a key on a topic; 0 is no key, whose letters have no order.
func keyHash(topic string, key []byte) uint64 {
	if key == nil {
		return 0
	}
	var d xxhash.Digest
	d.Reset()
	_, _ = d.WriteString(topic)
	_, _ = d.Write([]byte{0})
	_, _ = d.Write(key)
	return max(1, d.Sum64())
}

func (w *scanWorker) count(r *kafka.Record, l *Letter) {
	if p := w.plan; l.Group != "" && len(p.groups) < maxGroups && !slices.Contains(p.groups, l.Group) {
		p.groups = append(p.groups, l.Group)
	}
	w.buf = l.AppendFailure(w.buf[:0])
	f := w.failures[string(w.buf)] // no copy for a look-up
	if f == nil {
		if len(w.failures) >= maxFailures {
			return
		}
		f = &seenFailure{PlanFailure: PlanFailure{ID: letters.FingerprintOf(w.buf)}}
		w.failures[string(w.buf)] = f
	}
	if at := (coordinate{r.Partition, r.Offset}); f.Letters == 0 || at.compare(f.first) < 0 {
		_, shown := shownAs(r, l, w.plan.opts.Mask)
		f.first, f.Class, f.Message = at, shown.RootClass(), clip(plannedMessage(shown))
	}
	f.Letters++
}

// seenFailure is a failure as its first letter in the queue tells it, whichever
// is read first.
type seenFailure struct {
	PlanFailure
	first coordinate
}

func (s *scanning) topFailures() []PlanFailure {
	byID := map[string]*seenFailure{}
	for _, w := range s.workers {
		for _, f := range w.failures {
			if sum := byID[f.ID]; sum != nil {
				if f.first.compare(sum.first) < 0 {
					sum.first, sum.Class, sum.Message = f.first, f.Class, f.Message
				}
				sum.Letters += f.Letters
			} else {
				byID[f.ID] = f
			}
		}
	}
	var list []PlanFailure
	for _, f := range byID {
		list = append(list, f.PlanFailure)
	}
	slices.SortFunc(list, func(a, b PlanFailure) int { return cmp.Or(cmp.Compare(b.Letters, a.Letters), cmp.Compare(a.ID, b.ID)) })
	return list[:min(len(list), planFailures)]
}
