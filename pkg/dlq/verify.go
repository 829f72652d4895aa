package dlq

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Verification is a run's letters as the target has them, held against the
// ledger.
type Verification struct {
	Run    string   `json:"run"`
	Queue  string   `json:"dlq"`
	Topics []string `json:"topics"`
	// Sent are the records that the ledger says the run sent; a duplicate that
	// was resolved beside a letter is no record of its own. Found are those that
	// stand on their target, once each.
	Sent  int64 `json:"sent"`
	Found int64 `json:"found"`
	// Missing are not there, Duplicated are there more than once, Foreign are
	// records at a place that the ledger names which are none of the run's, or
	// records of the run that the ledger does not name.
	Missing    int64 `json:"missing"`
	Duplicated int64 `json:"duplicated"`
	Foreign    int64 `json:"foreign"`
	// Expired are no longer on the target because of its retention or
	// compaction: nothing can be said of them.
	Expired int64 `json:"expired"`
	// First names the first letters of Missing, Duplicated and Foreign.
	First []string `json:"first"`
}

// OK tells whether the target has what the ledger says.
func (v *Verification) OK() bool { return v.Missing+v.Duplicated+v.Foreign == 0 }

// firstNamed bounds Verification.First.
const firstNamed = 20

// VerifyRun reads the targets of a run, at read_committed, from its first
// record to their present ends, and compares. A run that the ledger does not
// know is [ErrNotFound].
func VerifyRun(ctx context.Context, c *kafka.Client, run string, opts LedgerOptions) (*Verification, error) {
	opts.Detail = true
	ledger, err := OpenLedger(ctx, c, opts)
	if err != nil {
		return nil, err
	}
	found := ledger.Run(run)
	if found == nil {
		return nil, errorf(ErrNotFound, "%s: the ledger knows no such run", run)
	}
	if err := ledger.merged(found); err != nil {
		return nil, err
	}
	check := &verifying{run: run, at: map[kafka.TopicPartition]map[int64]string{}, unknown: map[string]int64{}, seen: map[string]int64{}, v: &Verification{Run: run, Queue: found.Queue, Topics: []string{}, First: []string{}}}
	list := ledger.Queue(found.Queue, found.TopicID).sentBy(run)
	if err := ledger.locate(ctx, c, found.Queue, list); err != nil {
		return nil, err
	}
	for i := range list {
		check.name(&list[i])
	}
	if err := check.read(ctx, c); err != nil {
		return nil, err
	}
	check.conclude()
	return check.v, nil
}

// verifying is one verification under way.
type verifying struct {
	run     string
	v       *Verification
	topics  map[string]bool
	at      map[kafka.TopicPartition]map[int64]string // letters by where the ledger says they are
	unknown map[string]int64                          // how many letters of a topic the ledger tells no place of
	seen    map[string]int64                          // replay ids of the run on the targets
	found   int64
	extra   map[string]int64 // records of the run at other places, by topic
	// compacted topics lose records of which nothing is wrong.
	compacted map[string]bool
	gone      map[string]bool // topics that are not there any more
}

// name takes what the ledger says of a letter. Twins share a place.
func (c *verifying) name(l *sent) {
	if c.topics == nil {
		c.topics, c.extra = map[string]bool{}, map[string]int64{}
	}
	c.topics[l.topic] = true
	if l.toAt < 0 {
		c.unknown[l.topic]++
		return
	}
	tp := kafka.TopicPartition{Topic: l.topic, Partition: l.to}
	if c.at[tp] == nil {
		c.at[tp] = map[int64]string{}
	}
	if _, twin := c.at[tp][l.toAt]; !twin {
		c.at[tp][l.toAt] = letterName(l.part, l.offset)
	}
}

// read looks at every record from the first that the run may have written on.
func (c *verifying) read(ctx context.Context, client *kafka.Client) error {
	c.v.Topics = slices.Sorted(maps.Keys(c.topics))
	meta, err := client.Metadata(ctx, c.v.Topics)
	if err != nil {
		return err
	}
	c.gone = map[string]bool{}
	var there []string
	for _, t := range meta.Topics {
		switch {
		case errors.Is(t.Err, kafka.ErrUnknownTopic):
			c.gone[t.Name] = true
			continue
		case t.Err != nil:
			// What may not be seen is not missing.
			return fmt.Errorf("%s: %w", t.Name, t.Err)
		}
		there = append(there, t.Name)
	}
	found, failed, err := stretches(ctx, client.Offsets, meta.Topics)
	if err != nil {
		return err
	}
	c.compacted = map[string]bool{}
	known := map[string]*topicFacts{}
	if len(there) > 0 {
		if known, err = facts(ctx, client, there); err != nil {
			return err
		}
	}
	for name, t := range known {
		c.compacted[name] = t.compacted
	}
	for _, topic := range there {
		if err := failed[topic]; err != nil {
			return fmt.Errorf("%s: %w", topic, err)
		}
		for _, s := range found[topic] {
			if err := c.readPartition(ctx, client, topic, s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *verifying) readPartition(ctx context.Context, client *kafka.Client, topic string, s stretch) error {
	tp := kafka.TopicPartition{Topic: topic, Partition: s.partition}
	places := c.at[tp]
	from := s.end
	if c.unknown[topic] > 0 {
		from = s.start
	}
	for at, letter := range places {
		if at < s.start {
			c.v.Expired++
			delete(places, at)
			continue
		}
		if at >= s.end {
			c.wrong(&c.v.Missing, letter+" is not on "+tp.String())
			delete(places, at)
			continue
		}
		from = min(from, at)
	}
	s.start = max(s.start, from)
	if s.start >= s.end {
		return nil
	}
	return scanStretch(ctx, client, topic, s, func(r *kafka.Record) { c.record(tp, places, r) })
}

// record holds one record of a target against what the ledger says.
func (c *verifying) record(tp kafka.TopicPartition, places map[int64]string, r *kafka.Record) {
	id, ours := "", false
	for _, h := range r.Headers {
		switch h.Name {
		case letters.HeaderReplayRun:
			ours = string(h.Value) == c.run
		case letters.HeaderReplayID:
			id = string(h.Value)
		}
	}
	letter, named := places[r.Offset]
	switch {
	case named && !ours:
		c.wrong(&c.v.Foreign, fmt.Sprintf("%s@%d is not letter %s of this run", tp, r.Offset, letter))
	case named, ours:
		if id != "" {
			c.seen[id]++
		}
		if c.seen[id] > 1 {
			c.wrong(&c.v.Duplicated, fmt.Sprintf("%s@%d is there a second time", tp, r.Offset))
		} else if named {
			c.found++
		} else {
			c.extra[tp.Topic]++
		}
	}
	if named {
		delete(places, r.Offset)
	}
}

// conclude counts what was not met. Where the ledger tells no place of some
// letters, as after a crash, as many records of the run stand for them.
func (c *verifying) conclude() {
	v := c.v
	for _, tp := range slices.SortedFunc(maps.Keys(c.at), func(a, b kafka.TopicPartition) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	}) {
		if c.compacted[tp.Topic] {
			v.Expired += int64(len(c.at[tp]))
			continue
		}
		for at, letter := range c.at[tp] {
			text := fmt.Sprintf("%s is not at %s@%d", letter, tp, at)
			if c.gone[tp.Topic] {
				text = fmt.Sprintf("%s is gone with %s, which does not exist any more", letter, tp.Topic)
			}
			c.wrong(&v.Missing, text)
		}
	}
	for _, topic := range v.Topics {
		n := c.unknown[topic]
		extra := c.extra[topic]
		c.found += min(n, extra)
		if n > extra {
			v.Missing += n - extra
		}
		if extra > n {
			v.Foreign += extra - n
		}
	}
	v.Found = c.found
	v.Sent = v.Found + v.Missing + v.Expired
}

func (c *verifying) wrong(count *int64, text string) {
	if *count++; len(c.v.First) < firstNamed {
		c.v.First = append(c.v.First, text)
	}
}

func isNoLedger(err error) bool { return errors.Is(err, ErrNoLedger) }
