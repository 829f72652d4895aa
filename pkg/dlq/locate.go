package dlq

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// longestTransaction is how long after a chunk was made its letters may be written:
// brokers let no transaction last longer (transaction.max.timeout.ms).
const longestTransaction = 15 * time.Minute

// lookup finds letters on their targets whose places the ledger does not tell: those
// of the transaction after which a run was killed. What a run sent names the run and
// the replay of the letter.
type lookup struct {
	client *kafka.Client
	queue  string
	// whole has targets read from their starts, as for letters that were sent with
	// the timestamps of their events.
	whole  bool
	wanted map[replayOf][]*sent
}

type replayOf struct{ topic, run, id string }

// locate notes in the letters where they went, as far as that is not known and they
// are there to be read. The letters are of one run.
func (l *Ledger) locate(ctx context.Context, c *kafka.Client, queue string, list []sent) error {
	s := &lookup{client: c, queue: queue, wanted: map[replayOf][]*sent{}}
	missing := map[string][]*sent{} // by target
	for i := range list {
		if list[i].toAt < 0 {
			missing[list[i].topic] = append(missing[list[i].topic], &list[i])
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if r := l.Run(list[0].run); r != nil {
		s.whole = r.Timestamp == TimestampOriginal
	}
	for _, topic := range slices.Sorted(maps.Keys(missing)) {
		err := s.search(ctx, topic, missing[topic])
		if err != nil && !errors.Is(err, kafka.ErrNotPermitted) && !errors.Is(err, kafka.ErrUnknownTopic) {
			return err
		}
	}
	return nil
}

// search looks for letters on one target.
func (s *lookup) search(ctx context.Context, topic string, list []*sent) error {
	if err := s.identify(ctx, list); err != nil {
		return err
	}
	parts, err := s.parts(ctx, topic, list)
	if err != nil {
		return err
	}
	for _, p := range parts {
		for at := p.start; at < p.end && len(s.wanted) > 0; at += segment {
			some := stretch{p.partition, at, min(at+segment, p.end)}
			if err := scanStretch(ctx, s.client, topic, some, s.take); err != nil {
				return err
			}
		}
	}
	clear(s.wanted)
	return nil
}

// identify reads letters from the queue, for the ids of their replays. Those that
// have expired are not looked for.
func (s *lookup) identify(ctx context.Context, list []*sent) error {
	parts, at := map[int32]*stretch{}, map[coordinate][]*sent{}
	for _, l := range list {
		p := parts[l.part]
		if p == nil {
			p = &stretch{l.part, l.offset, l.offset + 1}
			parts[l.part] = p
		}
		p.start, p.end = min(p.start, l.offset), max(p.end, l.offset+1)
		letter := coordinate{l.part, l.offset}
		at[letter] = append(at[letter], l)
	}
	for _, p := range parts {
		err := scanStretch(ctx, s.client, s.queue, *p, func(r *kafka.Record) {
			for _, l := range at[coordinate{r.Partition, r.Offset}] {
				key := replayOf{l.topic, l.run, letters.ReplayID(letters.Read(*r), r.Key, r.Value)}
				s.wanted[key] = append(s.wanted[key], l)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// parts are the stretches of a target that letters may stand in.
func (s *lookup) parts(ctx context.Context, topic string, list []*sent) ([]stretch, error) {
	meta, err := s.client.Metadata(ctx, []string{topic})
	if err != nil {
		return nil, err
	}
	found, failed, err := stretches(ctx, s.client.Offsets, meta.Topics)
	if err != nil {
		return nil, err
	}
	if err := failed[topic]; err != nil {
		return nil, err
	}
	if s.whole {
		return found[topic], nil
	}
	byTime := func(a, b *sent) int { return a.at.Compare(b.at) }
	first, last := slices.MinFunc(list, byTime).at.Add(-skew), slices.MaxFunc(list, byTime).at.Add(longestTransaction)
	from, until := map[kafka.TopicPartition]int64{}, map[kafka.TopicPartition]int64{}
	for _, p := range found[topic] {
		tp := kafka.TopicPartition{Topic: topic, Partition: p.partition}
		from[tp], until[tp] = max(0, first.UnixMilli()), max(0, last.UnixMilli())
	}
	if from, err = s.client.Offsets(ctx, from, kafka.ReadCommitted); err != nil {
		return nil, err
	}
	if until, err = s.client.Offsets(ctx, until, kafka.ReadCommitted); err != nil {
		return nil, err
	}
	var parts []stretch
	for _, p := range found[topic] {
		tp := kafka.TopicPartition{Topic: topic, Partition: p.partition}
		if from[tp] < 0 {
			continue // nothing is as late
		}
		p.start = max(p.start, from[tp])
		if until[tp] >= 0 {
			p.end = min(p.end, until[tp])
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// take sees whether a record is a letter that is looked for. Twins have one record.
func (s *lookup) take(r *kafka.Record) {
	key := replayOf{topic: r.Topic}
	for _, h := range r.Headers {
		switch h.Name {
		case letters.HeaderReplayRun:
			key.run = string(h.Value)
		case letters.HeaderReplayID:
			key.id = string(h.Value)
		}
	}
	for _, l := range s.wanted[key] {
		l.to, l.toAt = r.Partition, r.Offset
	}
	delete(s.wanted, key)
}

// seek looks for letters whose places the run does not tell any more: it tells them
// with its next transaction.
func (w *Watcher) seek(ctx context.Context) error {
	now := time.Now()
	if w.ledger == nil || now.Sub(w.sought) < silent {
		return nil
	}
	runs := w.state() == Running
	var list []sent
	var which []int32
	for i := range w.items {
		item := &w.items[i]
		age := now.Sub(time.UnixMilli(item.sent))
		if item.at < 0 && !(runs && age < silent) && (w.sought.IsZero() || age < longestTransaction) {
			which = append(which, int32(i))
			list = append(list, sent{part: item.part, offset: item.offset, run: w.run, at: time.UnixMilli(item.sent), topic: w.names.list[item.topic], to: -1, toAt: -1})
		}
	}
	if len(list) == 0 {
		return nil
	}
	w.sought = now
	if err := w.ledger.locate(ctx, w.client, w.queue.Name, list); err != nil {
		return err
	}
	for n := range list {
		w.place(which[n], &list[n])
	}
	return nil
}
