package dlq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// targetOf is the topic that a letter goes to; empty where none can be told.
func (p *Plan) targetOf(l *Letter) string {
	topic := p.opts.To
	switch topic {
	case ToOriginal:
		topic = l.Origin.Topic
	case "":
		topic = p.source
	}
	if group := p.groupOf(l); group != "" && topic != "" {
		if own := topic + ".retry." + group; p.retryTopics[own] {
			return own
		}
	}
	return topic
}

// foreign tells a letter that says it came from another topic than the one
// that letters of this queue go to. It may well be right, but what a header
// says is no reason to write to a topic that nobody named.
func (p *Plan) foreign(l *Letter) bool {
	if p.opts.To != "" || l.Origin.Topic == "" || l.Origin.Topic == p.source {
		return false
	}
	// A retry topic of the source belongs to it.
	return len(l.Origin.Topic) <= len(p.source)+1 || l.Origin.Topic[:len(p.source)+1] != p.source+"." &&
		l.Origin.Topic[:len(p.source)+1] != p.source+"-"
}

// findSource finds out where letters go that nobody named a topic for.
func (p *Plan) findSource(ctx context.Context) error {
	if p.opts.To != "" || !p.opts.Action.sends() {
		return nil
	}
	source, ok := letters.SourceOf(p.Queue)
	if !ok {
		return errorf(ErrInvalid, "the name of %s does not tell where its letters came from: name the topic with --to, or --to original for the one that each letter names", p.Queue)
	}
	p.source = source
	return nil
}

// target is a topic that letters go to.
type target struct {
	*topicFacts
	letters int64
	// byKey is nil where letters go to their original partition.
	byKey    *partitioner
	found    detected
	detected bool
}

// addTarget learns about a topic when the first letter goes there.
func (p *Plan) addTarget(ctx context.Context, name string) (*target, error) {
	if t := p.targets[name]; t != nil {
		return t, nil
	}
	if name == p.Queue || name == p.opts.Ledger {
		return nil, errorf(ErrInvalid, "letters of %s cannot go to %s", p.Queue, name)
	}
	found, err := facts(ctx, p.client, []string{name})
	if errors.Is(err, kafka.ErrUnknownTopic) {
		return nil, errorf(ErrNoTarget, "target %v", err)
	}
	if err != nil {
		return nil, err
	}
	t := &target{topicFacts: found[name]}
	if t.internal {
		return nil, errorf(ErrInvalid, "letters of %s cannot go to %s, which is no topic of applications", p.Queue, name)
	}
	if err := p.choosePartitioning(ctx, t); err != nil {
		return nil, err
	}
	p.targets[name] = t
	return t, nil
}

// choosePartitioning decides between the original partition, which keeps the
// order where it still owns its keys, and a choice by key.
func (p *Plan) choosePartitioning(ctx context.Context, t *target) error {
	named, err := partitionerNamed(p.opts.Partition)
	switch {
	case err != nil:
		return err
	case named != nil:
		t.byKey = named
		return nil
	case p.opts.Partition == partitionOriginal, p.opts.Partition == "" && t.partitions == p.queue.partitions:
		return nil
	}
	if t.found, err = detectPartitioner(ctx, p.client, t.topicFacts); err != nil {
		return err
	}
	t.detected, t.byKey = true, &t.found.partitioner
	if p.opts.Partition == "" && t.partitions != p.queue.partitions {
		p.warn("%s has %s and %s has %d: original partitions may no longer own their keys; choosing by key (%s)",
			p.Queue, partitionsText(p.queue.partitions), t.name, t.partitions, t.found)
	}
	return nil
}

func partitionsText(n int32) string {
	if n == 1 {
		return "1 partition"
	}
	return fmt.Sprintf("%d partitions", n)
}

// partitionOf is where a letter goes on its target.
func (t *target) partitionOf(out *Outgoing) (int32, error) {
	n := t.partitions
	if t.byKey != nil && out.Record.Key != nil {
		return t.byKey.pick(out.Record.Key, n), nil
	}
	from := out.Letter.Origin.Partition
	if out.Rekeyed && out.Record.Key != nil {
		return kafka.PartitionFor(out.Record.Key, n), nil
	}
	if from < 0 {
		if out.Record.Key != nil && t.partitions != 1 {
			return kafka.PartitionFor(out.Record.Key, n), nil
		}
		from = out.Source.Partition
	}
	if from >= n {
		if t.byKey == nil && out.Record.Key != nil {
			return 0, fmt.Errorf("%s has no partition %d, where it came from; choose one by its key with --partition-by key", t.name, from)
		}
		return from % n, nil
	}
	return from, nil
}

// unfit says why the target would refuse the record, nil where it would not.
func (t *target) unfit(r *kafka.Record, now time.Time) *measured {
	if t.compacted && r.Key == nil {
		return &measured{before: fmt.Sprintf("no key, and %s is compacted", t.name)}
	}
	if size := recordSize(r); size > t.maxBytes {
		return &measured{amount: int64(size), unit: byteCount, after: fmt.Sprintf(", more than %s takes (max.message.bytes is %d)", t.name, t.maxBytes)}
	}
	if !r.Timestamp.IsZero() {
		age := now.Sub(r.Timestamp)
		old := &measured{before: "its timestamp is ", amount: int64(age), unit: ageText}
		switch {
		case t.before > 0 && age > t.before:
			old.after = fmt.Sprintf(" old, more than %s takes (message.timestamp.before.max.ms)", t.name)
			return old
		case t.deletes && t.retention > 0 && age > t.retention:
			old.after = fmt.Sprintf(" old: %s would delete it at once (retention.ms)", t.name)
			return old
		}
	}
	return nil
}

// measured is a reason with an amount in it that is another for each letter.
type measured struct {
	before, after string
	amount        int64 // the largest
	unit          func(int64) string
}

func byteCount(n int64) string { return fmt.Sprintf("%d bytes", n) }

func ageText(n int64) string { return time.Duration(n).Round(time.Second).String() }

func (m *measured) text(letters int64) string {
	switch {
	case m.unit == nil:
		return m.before
	case letters > 1:
		return m.before + "up to " + m.unit(m.amount) + m.after
	}
	return m.before + m.unit(m.amount) + m.after
}

// originalTime is when the event happened, as far as the letter tells.
func originalTime(src *kafka.Record, l *Letter) time.Time {
	if !l.Origin.Timestamp.IsZero() {
		return l.Origin.Timestamp
	}
	return src.Timestamp
}
