package console

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// newLeaderSource finds the partitions and where to begin and end in each.
func newLeaderSource(ctx context.Context, c *kafka.Client, opts ConsumeOptions, out chan<- chunk) (*leaderSource, error) {
	l := &leaderSource{client: c, opts: opts, out: out, topics: map[string]string{}, missing: map[string]time.Time{}}
	l.follow = !opts.ExitAtEnd && isOpen(opts.Range.To)
	topics, err := findTopics(ctx, c, opts)
	if err != nil {
		return nil, err
	}
	if len(topics) == 0 && !l.follow {
		return nil, fmt.Errorf("%s: %w", opts.Pattern, ErrNoTopics)
	}
	var parts []kafka.TopicPartition
	for _, t := range topics {
		chosen, err := choosePartitions(t, opts.Partitions)
		if err != nil {
			return nil, err
		}
		parts = append(parts, chosen...)
		l.topics[t.Name] = t.ID
	}
	if l.cursors, err = l.place(ctx, parts, opts.Range); err != nil {
		return nil, err
	}
	return l, nil
}

// isOpen tells edges that are no offset of each partition when reading begins.
func isOpen(to Edge) bool {
	return to.Anchor == Unset || to.Anchor == AtTime && to.Time.After(time.Now())
}

// findTopics asks for the named topics and those the pattern matches, by name.
func findTopics(ctx context.Context, c *kafka.Client, opts ConsumeOptions) ([]kafka.TopicMetadata, error) {
	names := slices.Compact(slices.Sorted(slices.Values(opts.Topics)))
	if opts.Pattern != nil {
		names = nil
	}
	meta, err := c.Metadata(ctx, names)
	if err != nil {
		return nil, err
	}
	var found []kafka.TopicMetadata
	for _, t := range meta.Topics {
		named := slices.Contains(opts.Topics, t.Name)
		if !named && (opts.Pattern == nil || t.Internal || t.Err != nil || !matchWhole(opts, t.Name)) {
			continue
		}
		if t.Err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, t.Err)
		}
		found = append(found, t)
	}
	for _, name := range opts.Topics {
		if !slices.ContainsFunc(found, func(t kafka.TopicMetadata) bool { return t.Name == name }) {
			return nil, fmt.Errorf("%s: %w", name, kafka.ErrUnknownTopic)
		}
	}
	return found, nil
}

func matchWhole(opts ConsumeOptions, name string) bool {
	at := opts.Pattern.FindStringIndex(name)
	return at != nil && at[0] == 0 && at[1] == len(name)
}

func choosePartitions(t kafka.TopicMetadata, wanted []int32) ([]kafka.TopicPartition, error) {
	var parts []kafka.TopicPartition
	for _, p := range t.Partitions {
		if len(wanted) == 0 || slices.Contains(wanted, p.ID) {
			parts = append(parts, kafka.TopicPartition{Topic: t.Name, Partition: p.ID})
		}
	}
	for _, id := range wanted {
		if !slices.ContainsFunc(parts, func(tp kafka.TopicPartition) bool { return tp.Partition == id }) {
			return nil, fmt.Errorf("%s: partition %d: %w (there are %d, from 0 on)", t.Name, id, ErrNoPartition, len(t.Partitions))
		}
	}
	return parts, nil
}

// place makes a cursor for every partition, at the range's offsets.
func (l *leaderSource) place(ctx context.Context, parts []kafka.TopicPartition, r Range) ([]*cursor, error) {
	ask := func(at int64) (map[kafka.TopicPartition]int64, error) {
		want := make(map[kafka.TopicPartition]int64, len(parts))
		for _, tp := range parts {
			want[tp] = at
		}
		return l.client.Offsets(ctx, want, l.opts.Isolation)
	}
	starts, err := ask(kafka.Earliest)
	if err != nil {
		return nil, err
	}
	// The end is asked for after the start: retention may delete in between.
	ends, err := ask(kafka.Latest)
	if err != nil {
		return nil, err
	}
	at := func(e Edge, open int64) (map[kafka.TopicPartition]int64, error) {
		found := map[kafka.TopicPartition]int64{}
		if e.Anchor == AtTime {
			if found, err = ask(max(0, e.Time.UnixMilli())); err != nil {
				return nil, err
			}
		}
		for _, tp := range parts {
			switch e.Anchor {
			case Unset:
				found[tp] = open
			case FromStart:
				found[tp] = starts[tp] + e.N
			case FromEnd:
				found[tp] = max(starts[tp], ends[tp]-e.N)
			case At:
				found[tp] = e.N
			case AtTime:
				if found[tp] < 0 { // no record that late
					found[tp] = noEnd
				}
			}
		}
		return found, nil
	}
	first, err := at(r.From, -1)
	if err != nil {
		return nil, err
	}
	last, err := at(r.To, noEnd)
	if err != nil {
		return nil, err
	}
	cursors := make([]*cursor, 0, len(parts))
	for _, tp := range parts {
		cursors = append(cursors, l.cursorAt(tp, starts[tp], ends[tp], first[tp], last[tp], r))
	}
	slices.SortFunc(cursors, func(a, b *cursor) int { return comparePartitions(a.tp, b.tp) })
	l.tellPast(cursors, starts, ends, r)
	return cursors, nil
}

// tellPast says of partitions that end before the offset which is asked for what
// they hold. Where all of them do, it is the answer.
func (l *leaderSource) tellPast(cursors []*cursor, starts, ends map[kafka.TopicPartition]int64, r Range) {
	const named = 5
	if !l.opts.ExitAtEnd || r.From.Anchor != At && (r.From.Anchor != FromStart || r.From.N == 0) {
		return
	}
	var holds []string
	first := int64(0)
	for _, c := range cursors {
		if c.from <= ends[c.tp] {
			continue
		}
		first = c.from
		text := fmt.Sprintf("%s holds %d to %d", c.tp, starts[c.tp], ends[c.tp]-1)
		if starts[c.tp] == ends[c.tp] {
			text = fmt.Sprintf("%s holds nothing, and its next offset is %d", c.tp, ends[c.tp])
		}
		holds = append(holds, text)
	}
	if len(holds) == 0 {
		return
	}
	text := strings.Join(holds[:min(len(holds), named)], ", ")
	if more := len(holds) - named; more > 0 {
		text += fmt.Sprintf(", and so on for %d more", more)
	}
	text = fmt.Sprintf("offset %d is past the end: %s", first, text)
	if len(holds) == len(cursors) {
		l.past = text
	} else {
		l.opts.Notice(text)
	}
}

func comparePartitions(a, b kafka.TopicPartition) int {
	if c := strings.Compare(a.Topic, b.Topic); c != 0 {
		return c
	}
	return int(a.Partition) - int(b.Partition)
}

// cursorAt sets the bounds of one partition whose log reaches from start to end.
func (l *leaderSource) cursorAt(tp kafka.TopicPartition, start, end, first, last int64, r Range) *cursor {
	c := &cursor{tp: tp, from: first, room: &l.room}
	switch {
	case r.From.Anchor == Unset:
		c.from = end
	case r.From.Anchor == AtTime:
		c.since = r.From.Time
	case first < start && r.From.Anchor == At:
		l.opts.Notice(fmt.Sprintf("%s: offset %d is no longer there: reading from %d, where the log starts", tp, first, start))
	case first > end && r.From.Anchor == At && !l.opts.ExitAtEnd:
		l.opts.Notice(fmt.Sprintf("%s: offset %d is past the end, %d: waiting for it", tp, first, end))
	}
	if c.from == noEnd { // no record that late yet
		c.from = start
		c.next = end
	} else {
		c.next = min(max(c.from, start), end)
	}
	if l.opts.ExitAtEnd || r.To.Anchor == AtTime && !l.follow {
		last = min(last, end)
	}
	if r.To.Anchor == AtTime {
		c.until = r.To.Time
		if l.follow {
			last = noEnd // the time is yet to come
		}
	}
	c.end.Store(last)
	c.ended = c.next >= last || c.from >= last
	return c
}
