package console

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// endNow makes the ends that the partitions have now final.
func (l *leaderSource) endNow(ctx context.Context) error {
	at := map[kafka.TopicPartition]int64{}
	for _, c := range l.cursors {
		at[c.tp] = kafka.Latest
	}
	ends, err := l.client.Offsets(ctx, at, l.opts.Isolation)
	if err != nil {
		return err
	}
	l.follow = false
	for _, c := range l.cursors {
		c.end.Store(ends[c.tp])
	}
	return nil
}

// refresh looks for topics and partitions that are new or gone. It runs while
// the readers do; they are stopped when it reports a change.
func (l *leaderSource) refresh(ctx context.Context) (changed bool, err error) {
	names := l.names()
	if l.opts.Pattern != nil {
		names = nil
	}
	meta, err := l.client.Metadata(ctx, names)
	if err != nil {
		return false, ctx.Err() // the readers notice a broker that is away
	}
	known := map[kafka.TopicPartition]bool{}
	for _, c := range l.cursors {
		known[c.tp] = true
	}
	seen := map[string]bool{}
	var added []kafka.TopicPartition
	for _, t := range meta.Topics {
		id, reading := l.topics[t.Name]
		if t.Err != nil && !errors.Is(t.Err, kafka.ErrUnknownTopic) {
			seen[t.Name] = true // it is there, only not to be described now
		}
		if t.Err != nil || !reading && (l.opts.Pattern == nil || t.Internal || !matchWhole(l.opts, t.Name)) {
			continue
		}
		seen[t.Name] = true
		if reading && id != t.ID {
			l.opts.Notice(fmt.Sprintf("%s: the topic was deleted and made again: reading it from its start", t.Name))
			l.forget(t.Name)
			for _, p := range t.Partitions {
				delete(known, kafka.TopicPartition{Topic: t.Name, Partition: p.ID})
			}
			changed = true
		}
		l.topics[t.Name] = t.ID
		for _, p := range t.Partitions {
			tp := kafka.TopicPartition{Topic: t.Name, Partition: p.ID}
			if !known[tp] && (len(l.opts.Partitions) == 0 || slices.Contains(l.opts.Partitions, p.ID)) {
				added = append(added, tp)
			}
		}
	}
	if err := l.checkMissing(seen); err != nil {
		return false, err
	}
	if len(added) == 0 {
		return changed, nil
	}
	cursors, err := l.place(ctx, added, Range{From: Edge{Anchor: FromStart}, To: l.opts.Range.To})
	if err != nil {
		return changed, ctx.Err() // no leader yet: the next look finds them again
	}
	l.cursors = append(slices.Clone(l.cursors), cursors...)
	return true, nil
}

// checkMissing ends the reading of topics that are not found for two seconds:
// a broker that starts may not know its topics yet.
func (l *leaderSource) checkMissing(seen map[string]bool) error {
	for _, name := range l.names() {
		since, before := l.missing[name]
		switch {
		case seen[name]:
			delete(l.missing, name)
			continue
		case !before:
			l.missing[name] = time.Now()
			continue
		case time.Since(since) < 2*time.Second:
			continue
		}
		l.forget(name)
		if !l.follow || len(l.topics) == 0 && l.opts.Pattern == nil {
			return fmt.Errorf("%s: %w", name, ErrDeleted)
		}
		l.opts.Notice(fmt.Sprintf("%s: the topic was deleted", name))
	}
	return nil
}

func (l *leaderSource) forget(topic string) {
	delete(l.topics, topic)
	delete(l.missing, topic)
	l.cursors = slices.DeleteFunc(slices.Clone(l.cursors), func(c *cursor) bool { return c.tp.Topic == topic })
}

// handle does what can be done about troubles, or returns the one that ends reading.
func (l *leaderSource) handle(ctx context.Context, troubles []trouble) error {
	var lost []trouble
	unknown := false
	for _, t := range troubles {
		var be *kafka.BrokerError
		switch {
		case errors.As(t.err, &be) && be.Name == "OFFSET_OUT_OF_RANGE":
			if err := l.reposition(ctx, t.cursor); err != nil && !kafka.Retriable(err) {
				return err
			}
			continue
		case !kafka.Retriable(t.err):
			return t.err
		case t.cursor.lost.IsZero():
			t.cursor.lost = time.Now()
			lost = append(lost, t)
		case time.Since(t.cursor.lost) > l.patience():
			return t.err
		}
		unknown = unknown || errors.Is(t.err, kafka.ErrUnknownTopic)
	}
	if len(lost) > 0 {
		others := ""
		switch n := len(lost) - 1; {
		case n == 1:
			others = " (and 1 more partition)"
		case n > 1:
			others = fmt.Sprintf(" (and %d more partitions)", n)
		}
		l.opts.Notice(fmt.Sprintf("%v%s: trying again", lost[0].err, others))
	}
	if unknown {
		_, err := l.refresh(ctx)
		return err
	}
	return nil
}

// patience is how long a broker may be away.
func (l *leaderSource) patience() time.Duration {
	if l.follow {
		return 5 * time.Minute
	}
	return 30 * time.Second
}

// reposition moves a cursor whose offset the log does not have any more, or not yet again.
func (l *leaderSource) reposition(ctx context.Context, c *cursor) error {
	bounds := [2]int64{}
	for i, at := range []int64{kafka.Earliest, kafka.Latest} {
		found, err := l.client.Offsets(ctx, map[kafka.TopicPartition]int64{c.tp: at}, l.opts.Isolation)
		if err != nil {
			return err
		}
		bounds[i] = found[c.tp]
	}
	switch start, end := bounds[0], bounds[1]; {
	case c.next < start:
		l.opts.Notice(fmt.Sprintf("%s: offsets %d to %d were deleted before they were read", c.tp, c.next, start-1))
		c.next = start
	case c.next > end:
		// A topic that was deleted and made again is read from its start instead.
		if changed, err := l.refresh(ctx); changed || err != nil {
			return err
		}
		l.opts.Notice(fmt.Sprintf("%s: the log was cut back from %d to %d: reading on from there", c.tp, c.next, end))
		c.next = end
	}
	c.ended = c.next >= c.end.Load()
	return nil
}
