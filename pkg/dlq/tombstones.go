package dlq

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// tombstones are the keys that an undo deletes from compacted targets: those
// whose newest record is one that the undone run sent.
type tombstones struct {
	byKey    map[targetKey]*tombstone
	byLetter map[coordinate]*tombstone
	next     map[kafka.TopicPartition]int64 // how far the targets were read
}

type targetKey struct {
	kafka.TopicPartition
	key string
}

// tombstone deletes a key. It goes with the letter whose replay is the newest
// record of it.
type tombstone struct {
	targetKey
	letter coordinate
	newer  bool // somebody else wrote the key since
}

// errNewer aborts a transaction with a tombstone for a key that has a newer
// record; without it the transaction is written again.
var errNewer = errors.New("a key has a newer record")

// planTombstones finds what an undo deletes. It reads the targets from the first
// record of the run on.
func (p *Plan) planTombstones(ctx context.Context) error {
	state := p.ledger.Queue(p.Queue, p.queue.id)
	owned := state.owned(p.opts.Undo)
	sent := map[kafka.TopicPartition]map[int64]coordinate{}
	topics := map[string]bool{}
	unknown := int64(0)
	list := state.sentBy(p.opts.Undo)
	if err := p.ledger.locate(ctx, p.client, p.Queue, list); err != nil {
		return err
	}
	for _, l := range list {
		topics[l.topic] = true
		switch {
		case !owned.Has(l.part, l.offset) || l.offset < p.bounds.start[l.part] || l.offset >= p.bounds.end[l.part]:
		case l.toAt < 0:
			unknown++
		default:
			tp := kafka.TopicPartition{Topic: l.topic, Partition: l.to}
			if sent[tp] == nil {
				sent[tp] = map[int64]coordinate{}
			}
			sent[tp][l.toAt] = coordinate{l.part, l.offset}
		}
	}
	if len(topics) == 0 {
		return errorf(ErrInvalid, "run %s sent no letters: there is nothing to delete", p.opts.Undo)
	}
	if err := p.mustCompact(ctx, slices.Sorted(maps.Keys(topics))); err != nil {
		return err
	}
	if unknown > 0 {
		p.warn("where %d letters went is not known, and they were not found: their keys stay", unknown)
	}
	t := &tombstones{byKey: map[targetKey]*tombstone{}, byLetter: map[coordinate]*tombstone{}, next: map[kafka.TopicPartition]int64{}}
	for _, tp := range slices.SortedFunc(maps.Keys(sent), compareTargets) {
		if err := t.read(ctx, p, tp, sent[tp]); err != nil {
			return fmt.Errorf("reading %s: %w", tp, err)
		}
	}
	newer := 0
	for _, s := range t.byKey {
		if s.newer {
			newer++
			continue
		}
		t.byLetter[s.letter] = s
	}
	if newer > 0 {
		p.warn("keys that have a newer record on their target stay: %d", newer)
	}
	p.tombstones, p.Tombstones = t, int64(len(t.byLetter))
	return nil
}

func compareTargets(a, b kafka.TopicPartition) int {
	if a.Topic != b.Topic {
		if a.Topic < b.Topic {
			return -1
		}
		return 1
	}
	return int(a.Partition - b.Partition)
}

// mustCompact refuses where a tombstone would only be one more record.
func (p *Plan) mustCompact(ctx context.Context, topics []string) error {
	found, err := facts(ctx, p.client, topics)
	if err != nil {
		return err
	}
	for _, name := range topics {
		f := found[name]
		switch {
		case !f.told:
			return errorf(ErrInvalid, "whether %s is compacted cannot be told: --tombstone needs the right to DescribeConfigs", name)
		case !f.compacted:
			return errorf(ErrInvalid, "%s is not compacted (cleanup.policy): a tombstone there would delete nothing", name)
		}
		p.targets[name] = &target{topicFacts: f}
	}
	return nil
}

// read finds the newest committed record of each key that the run wrote to one
// partition.
func (t *tombstones) read(ctx context.Context, p *Plan, tp kafka.TopicPartition, sent map[int64]coordinate) error {
	b, err := readBounds(ctx, p.client, tp.Topic, p.targets[tp.Topic].partitions)
	if err != nil {
		return err
	}
	s := stretch{tp.Partition, max(slices.Min(slices.Collect(maps.Keys(sent))), b.start[tp.Partition]), b.end[tp.Partition]}
	t.next[tp] = s.end
	if s.start >= s.end {
		return nil
	}
	return scanStretch(ctx, p.client, tp.Topic, s, func(r *kafka.Record) {
		key := targetKey{tp, string(r.Key)}
		if from, ours := sent[r.Offset]; ours && sentIn(r, p.opts.Undo) {
			t.byKey[key] = &tombstone{targetKey: key, letter: from}
		} else if s := t.byKey[key]; s != nil {
			s.newer = true
		}
	})
}

// sentIn tells whether a record was sent by a run.
func sentIn(r *kafka.Record, run string) bool {
	for _, h := range r.Headers {
		if h.Name == letters.HeaderReplayRun && string(h.Value) == run {
			return true
		}
	}
	return false
}

// advance reads what came to the targets since, committed or not: whatever it
// is, it may be newer state than that which is undone.
func (t *tombstones) advance(ctx context.Context, c *kafka.Client, run string) error {
	if t == nil || len(t.next) == 0 {
		return nil
	}
	return c.ReadToEnd(ctx, maps.Clone(t.next), kafka.FetchOptions{Isolation: kafka.ReadUncommitted}, func(f kafka.Fetched) error {
		for i := range f.Records {
			r := &f.Records[i]
			if s := t.byKey[targetKey{f.TopicPartition, string(r.Key)}]; s != nil && !sentIn(r, run) {
				s.newer = true
			}
		}
		t.next[f.TopicPartition] = max(t.next[f.TopicPartition], f.Next)
		return nil
	})
}

// tombstones adds those of the letters to a transaction that reopens them.
func (r *replayer) tombstones(w *writing, todo []*planned) {
	if r.plan.tombstones == nil || w.action != Reopened {
		return
	}
	for _, l := range todo {
		s := r.plan.tombstones.byLetter[coordinate{l.part, l.offset}]
		if s == nil || s.newer {
			continue
		}
		w.tombstones = append(w.tombstones, s)
		w.write.Records = append(w.write.Records, kafka.Record{
			Topic: s.Topic, Partition: s.Partition, Key: []byte(s.key), Headers: []kafka.Header{{Name: letters.HeaderReplayRun, Value: []byte(r.id)}},
		})
	}
}

// stillNewest looks, with everything acknowledged and only the commit left, at
// what was written before the tombstones of a transaction.
func (r *replayer) stillNewest(ctx context.Context, w *writing) error {
	if len(w.tombstones) == 0 {
		return nil
	}
	if err := r.plan.tombstones.advance(ctx, r.client, r.id); err != nil {
		return err
	}
	if slices.ContainsFunc(w.tombstones, func(s *tombstone) bool { return s.newer }) {
		return errNewer
	}
	return nil
}
