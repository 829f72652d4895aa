package dlq

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Bounds of what is kept: whoever writes letters must not fill the memory.
const (
	mostFailures = 10_000
	mostNames    = 50  // of groups, topics or formats of one failure
	longSample   = 500 // bytes of a sample
)

// grouping is what one worker found, and in the end what all did.
type grouping struct {
	groups  map[string]*failureGroup // by what a fingerprint is made of
	letters int64
	pending int64
	other   int64
}

type failureGroup struct {
	class, message string
	newest         kafka.Record // its place and timestamp alone
	sample         string
	count, pending int64
	first, last    time.Time
	oldest         time.Time // when the first pending letter was stored
	groups, topics map[string]int64
	formats        map[string]int64
	replayed       int64
	mostReplays    int
}

// group reads the letters that opts means and groups them.
func (r *queueReading) group(ctx context.Context, opts FailuresOptions) (*grouping, error) {
	parts := r.pendingParts()
	if opts.All {
		parts = r.parts
	}
	var workers []*grouping
	err := scanQueue(ctx, r.client, r.topic.Name, opts.Selection.narrow(parts), opts.Progress, func() func(*kafka.Record) {
		match, _ := opts.Selection.matcher() // checked before
		g := &grouping{groups: map[string]*failureGroup{}}
		workers = append(workers, g)
		var buf []byte
		return func(rec *kafka.Record) {
			done := r.state.Resolved.Has(rec.Partition, rec.Offset)
			if done && !opts.All {
				return
			}
			l := letters.Read(*rec)
			if match.Match(ctx, rec, &l) {
				buf = l.AppendFailure(buf[:0])
				_, shown := shownAs(rec, &l, opts.Mask)
				g.add(buf, rec, shown, done)
			}
		}
	})
	sum := &grouping{groups: map[string]*failureGroup{}}
	for _, g := range workers {
		sum.merge(g)
	}
	return sum, err
}

func (g *grouping) add(key []byte, rec *kafka.Record, l *Letter, done bool) {
	g.letters++
	if !done {
		g.pending++
	}
	f := g.groups[string(key)] // no copy for a look-up
	if f == nil {
		if len(g.groups) >= mostFailures {
			g.other++
			return
		}
		f = &failureGroup{
			class: l.RootClass(), message: shownMessage(l),
			groups: map[string]int64{}, topics: map[string]int64{}, formats: map[string]int64{},
		}
		g.groups[string(key)] = f
	}
	f.add(rec, l, done)
}

// shownMessage is the message without what varies; where no error is told, what is
// known instead.
func shownMessage(l *Letter) string {
	if tellsNothing(l) {
		return strings.TrimSpace(l.Reason + " " + l.Shape)
	}
	return letters.Normalise(l.Message)
}

// plannedMessage is the message of one letter as it is; where no error is told,
// what is known instead.
func plannedMessage(l *Letter) string {
	if tellsNothing(l) {
		return shownMessage(l)
	}
	return l.Message
}

func tellsNothing(l *Letter) bool {
	return l.Class == "" && l.Cause == "" && l.Message == "" && l.Stack == ""
}

func (f *failureGroup) add(rec *kafka.Record, l *Letter, done bool) {
	at := l.Failed()
	if f.count == 0 || at.Before(f.first) {
		f.first = at
	}
	if f.count == 0 || newer(at, rec, f.last, &f.newest) {
		f.last = at
		f.newest = kafka.Record{Partition: rec.Partition, Offset: rec.Offset}
		f.sample = l.Message
	}
	f.count++
	if !done {
		if f.pending == 0 || rec.Timestamp.Before(f.oldest) {
			f.oldest = rec.Timestamp
		}
		f.pending++
	}
	tally(f.groups, l.Group, 1)
	tally(f.topics, l.Origin.Topic, 1)
	tally(f.formats, string(l.Format), 1)
	if l.ReplayCount > 0 {
		f.replayed++
		f.mostReplays = max(f.mostReplays, l.ReplayCount)
	}
}

// newer orders letters by time and, where that is the same, by place.
func newer(at time.Time, rec *kafka.Record, last time.Time, newest *kafka.Record) bool {
	return cmp.Or(at.Compare(last), cmp.Compare(rec.Partition, newest.Partition), cmp.Compare(rec.Offset, newest.Offset)) > 0
}

// tally counts a name; those beyond the bound count as one.
func tally(names map[string]int64, name string, n int64) {
	if _, known := names[name]; !known && len(names) >= mostNames {
		name = "…"
	}
	names[name] += n
}

func (g *grouping) merge(o *grouping) {
	g.letters += o.letters
	g.pending += o.pending
	g.other += o.other
	for key, f := range o.groups {
		have := g.groups[key]
		switch {
		case have != nil:
			have.merge(f)
		case len(g.groups) < mostFailures:
			g.groups[key] = f
		default:
			g.other += f.count
		}
	}
}

func (f *failureGroup) merge(o *failureGroup) {
	if o.first.Before(f.first) {
		f.first = o.first
	}
	if newer(o.last, &o.newest, f.last, &f.newest) {
		f.last, f.newest, f.sample = o.last, o.newest, o.sample
	}
	if o.pending > 0 && (f.pending == 0 || o.oldest.Before(f.oldest)) {
		f.oldest = o.oldest
	}
	f.count += o.count
	f.pending += o.pending
	f.replayed += o.replayed
	f.mostReplays = max(f.mostReplays, o.mostReplays)
	for _, pair := range [][2]map[string]int64{{f.groups, o.groups}, {f.topics, o.topics}, {f.formats, o.formats}} {
		for name, n := range pair[1] {
			tally(pair[0], name, n)
		}
	}
}

// failure is the group as it is told.
func (f *failureGroup) failure(key string, keep time.Duration) Failure {
	out := Failure{
		ID: letters.FingerprintOf([]byte(key)), Class: f.class, Message: f.message, Sample: f.sample,
		Letter: letterName(f.newest.Partition, f.newest.Offset), Count: f.count, Pending: f.pending, First: f.first.UTC(), Last: f.last.UTC(),
		Groups: tallies(f.groups), Topics: tallies(f.topics), Formats: tallies(f.formats),
		Replayed: f.replayed, MostReplays: f.mostReplays,
	}
	if f.count > 1 {
		out.PerHour = float64(f.count) / max(f.last.Sub(f.first), time.Minute).Hours()
	}
	if len(out.Sample) > longSample {
		out.Sample = strings.ToValidUTF8(out.Sample[:longSample], "") + "…"
	}
	if keep > 0 && f.pending > 0 {
		out.Expires = f.oldest.Add(keep).UTC()
	}
	return out
}

func tallies(names map[string]int64) []Tally {
	list := make([]Tally, 0, len(names))
	for _, name := range slices.Sorted(maps.Keys(names)) {
		list = append(list, Tally{name, names[name]})
	}
	slices.SortStableFunc(list, func(a, b Tally) int { return cmp.Compare(b.Count, a.Count) })
	return list
}
