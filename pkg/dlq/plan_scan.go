package dlq

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
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
	resolved := &p.ledger.Queue(p.Queue, p.queue.id).Resolved
	match, err := p.opts.Selection.Matcher()
	if err != nil {
		return err
	}
	from, until := map[kafka.TopicPartition]int64{}, map[kafka.TopicPartition]int64{}
	for part := range p.bounds.end {
		tp := kafka.TopicPartition{Topic: p.Queue, Partition: int32(part)}
		first := resolved.NextPending(int32(part), p.bounds.start[part])
		if first < p.bounds.end[part] {
			from[tp], until[tp] = first, p.bounds.end[part]
		}
	}
	s := scanning{plan: p, match: match, failures: map[string]*PlanFailure{}, now: time.Now()}
	p.index.stays = map[int32]int64{}
	err = p.client.ReadUntil(ctx, from, until, p.opts.Timeout, kafka.FetchOptions{MaxPartition: 4 << 20, MaxBytes: 32 << 20}, func(f kafka.Fetched) error {
		for i := range f.Records {
			r := &f.Records[i]
			if resolved.Has(r.Partition, r.Offset) {
				continue
			}
			s.take(ctx, r)
		}
		return s.judgeAll(ctx)
	})
	var open *kafka.OpenTransactionError
	if errors.As(err, &open) {
		return errorf(ErrStuck, "%s cannot be read: %v", p.Queue, open)
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", p.Queue, err)
	}
	p.Failures = append(p.Failures, s.topFailures()...)
	return nil
}

// scanning is one scan.
type scanning struct {
	plan     *Plan
	match    *Matcher
	failures map[string]*PlanFailure
	now      time.Time
	chosen   []candidate // of the records at hand, to be judged together
}

// candidate is a selected letter that is not judged yet.
type candidate struct {
	record *kafka.Record
	letter *Letter
	entry  entry
	draft  *Outgoing // nil where nothing can be sent
}

// judgeAll decides on the letters that were taken and puts them in the index.
func (s *scanning) judgeAll(ctx context.Context) error {
	p := s.plan
	defer func() { s.chosen = s.chosen[:0] }()
	if p.opts.Action.sends() {
		var drafts []*Outgoing
		for i := range s.chosen {
			if c := &s.chosen[i]; s.sendable(c) {
				c.draft = p.draft(c.record, c.letter)
				drafts = append(drafts, c.draft)
			}
		}
		if err := p.fix(ctx, drafts); err != nil {
			return err
		}
	}
	for i := range s.chosen {
		c := &s.chosen[i]
		if c.draft != nil {
			if err := s.judge(ctx, c.record, c.letter, &c.entry, c.draft); err != nil {
				return err
			}
		}
		p.index.add(c.entry)
	}
	return nil
}

// sendable tells whether a letter has a target at all.
func (s *scanning) sendable(c *candidate) bool {
	p, l, e := s.plan, c.letter, &c.entry
	switch {
	case p.foreign(l):
		e.fate = p.index.reason(fmt.Sprintf("came from %s, not from %s; replay it with --to original, or name the topic", clip(l.Origin.Topic), p.source))
	case p.targetOf(l) == "":
		e.fate = p.index.reason("does not tell the topic that it came from; name one with --to")
	case p.opts.ForGroup == ForOriginalGroup && l.Group == "":
		e.fate = p.index.reason("does not tell the group that it failed in; name one with --for-group")
	default:
		return true
	}
	return false
}

func (s *scanning) take(ctx context.Context, r *kafka.Record) {
	p := s.plan
	p.Pending++
	l := letters.Read(*r)
	limit := p.opts.Selection.Limit
	if limit > 0 && p.Selected >= limit || !p.opts.Approved.names(r.Partition, r.Offset) || !s.match.Match(ctx, r, &l) {
		if first, ok := p.index.stays[r.Partition]; !ok || r.Offset < first {
			p.index.stays[r.Partition] = r.Offset
		}
		return
	}
	p.Selected++
	if p.oldest.IsZero() || r.Timestamp.Before(p.oldest) {
		p.oldest = r.Timestamp
	}
	s.count(&l)
	e := entry{offset: r.Offset, origin: r.Offset, part: r.Partition, size: uint32(recordSize(r))}
	at := laneKey{topic: p.Queue, partition: r.Partition, unknown: true}
	if l.Origin.Known() {
		at = laneKey{topic: l.Origin.Topic, partition: l.Origin.Partition}
		e.origin = l.Origin.Offset
		e.dup = xxhash.Sum64String(l.Group + "\x00" + strconv.Itoa(l.Attempts) + "\x00" + strconv.Itoa(l.ReplayCount))
	}
	e.lane = p.index.lane(at)
	s.chosen = append(s.chosen, candidate{record: r, letter: &l, entry: e})
}

// judge decides whether the letter can be sent. Its error ends the plan.
func (s *scanning) judge(ctx context.Context, r *kafka.Record, l *Letter, e *entry, out *Outgoing) error {
	p := s.plan
	refused := p.finish(ctx, out)
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if refused != nil {
		e.key = keyHash(p.targetOf(l), r.Key)
		e.fate = p.index.reason(refused.Error())
		return nil
	}
	e.key = keyHash(out.Record.Topic, out.Record.Key)
	t, err := p.addTarget(ctx, out.Record.Topic)
	if err != nil {
		return err
	}
	part, noPlace := t.partitionOf(out)
	why := t.unfit(&out.Record, s.now)
	switch {
	case noPlace != nil:
		e.fate = p.index.reason(noPlace.Error())
	case why != "":
		e.fate = p.index.reason("too large or unfit: " + why)
	case p.opts.MaxReplays > 0 && l.ReplayCount >= p.opts.MaxReplays:
		e.fate = fatePark
	default:
		t.letters++
		if len(p.Sample) < planSample {
			p.Sample = append(p.Sample, PlanLetter{Letter: letterName(r.Partition, r.Offset), Topic: t.name, To: part, Key: r.Key, Class: l.RootClass()})
		}
	}
	return nil
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

func (s *scanning) count(l *Letter) {
	if l.Group != "" && len(s.plan.groups) < maxGroups && !slices.Contains(s.plan.groups, l.Group) {
		s.plan.groups = append(s.plan.groups, l.Group)
	}
	id := l.Fingerprint()
	f := s.failures[id]
	if f == nil {
		if len(s.failures) >= maxFailures {
			return
		}
		f = &PlanFailure{ID: id, Class: l.RootClass(), Message: clip(l.Message)}
		s.failures[id] = f
	}
	f.Letters++
}

func (s *scanning) topFailures() []PlanFailure {
	var list []PlanFailure
	for f := range maps.Values(s.failures) {
		list = append(list, *f)
	}
	slices.SortFunc(list, func(a, b PlanFailure) int { return cmp.Or(cmp.Compare(b.Letters, a.Letters), cmp.Compare(a.ID, b.ID)) })
	return list[:min(len(list), planFailures)]
}
