package dlq

import (
	"context"
	"sync"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// ListOptions say which queues to list. The zero value lists every topic that
// is a dead letter queue by its name.
type ListOptions struct {
	// Queues are names of topics, or globs over the names of queues.
	Queues []string
	// Ledger is the ledger topic; default [DefaultLedger].
	Ledger string
}

// Listing is an answer of [List].
type Listing struct {
	Queues []Queue  // by name
	Missed []string // of ListOptions.Queues: what selected nothing
	// Note says that the ledger could not be read to its end, and why.
	Note string
}

// Queue is what is known of a dead letter queue without reading its letters.
type Queue struct {
	Name string `json:"name"`
	// Source is the topic that the name tells of, empty for another name.
	Source     string `json:"source,omitempty"`
	TopicID    string `json:"topic_id,omitempty"`
	Partitions int    `json:"partitions"`
	// Pending are the letters that nobody replayed, discarded or parked. Up to
	// 500 a partition they are counted; beyond, offsets are, and markers of
	// transactions among them (Exact is false then).
	Pending int64 `json:"pending"`
	Exact   bool  `json:"exact"`
	// Resolved are those that still stand in the queue and need nothing more,
	// Parked and Discarded the ones of them that were not sent.
	Resolved  int64 `json:"resolved"`
	Parked    int64 `json:"parked"`
	Discarded int64 `json:"discarded"`
	// Former are letters that the ledger names for an earlier topic of this name.
	Former int64 `json:"former,omitempty"`
	// KeptBack are offsets behind an open transaction: no reader of committed records
	// sees what stands there before it ends, and none of the other counts has it.
	KeptBack int64 `json:"kept_back,omitempty"`
	// RetentionMs is how long the queue keeps a letter: 0 for ever, nil unknown.
	RetentionMs *int64 `json:"retention_ms,omitempty"`
	// RetentionBytes is how much a partition keeps, whatever the age of its letters;
	// 0 without a bound, or unknown.
	RetentionBytes int64 `json:"retention_bytes,omitempty"`
	// Compacted queues lose letters: of one key only the newest is kept.
	Compacted bool    `json:"compacted,omitempty"`
	Oldest    *Oldest `json:"oldest,omitempty"`
	LastRun   *Run    `json:"last_run,omitempty"`
	// Error is why the cluster told nothing, or too little, about the queue.
	Error string `json:"error,omitempty"`
}

// List tells about dead letter queues: from offsets and the ledger, and of each
// partition the first pending letter. It takes no longer for a million letters
// than for a thousand.
func List(ctx context.Context, c *kafka.Client, opts ListOptions) (Listing, error) {
	list := Listing{Queues: []Queue{}}
	found, missed, err := findQueues(ctx, c, opts.Queues)
	if err != nil {
		return list, err
	}
	list.Missed = missed
	if len(found.Topics) == 0 {
		return list, nil
	}
	ledger, note, err := readLedger(ctx, c, opts.Ledger, only(opts.Queues))
	if err != nil {
		return list, err
	}
	list.Note = note
	list.Queues, err = describe(ctx, c, found, ledger)
	return list, err
}

// only is the single queue that was asked for, which spares folding the
// others' letters.
func only(queues []string) string {
	if len(queues) == 1 && !isGlob(queues[0]) {
		return queues[0]
	}
	return ""
}

// describe tells about queues that are there.
func describe(ctx context.Context, c *kafka.Client, found kafka.Metadata, ledger *Ledger) ([]Queue, error) {
	names := make([]string, len(found.Topics))
	for i, t := range found.Topics {
		names[i] = t.Name
	}
	parts, failed, err := stretches(ctx, atOnce(c, found), found.Topics)
	if err != nil {
		return nil, err
	}
	kept, err := keptBack(ctx, c, found, parts)
	if err != nil {
		return nil, err
	}
	keep, err := retentions(ctx, c, names)
	if err != nil {
		return nil, err
	}
	list := make([]Queue, len(found.Topics))
	slots := make(chan struct{}, oldestAtOnce)
	var wg sync.WaitGroup
	for i, t := range found.Topics {
		state := ledger.Queue(t.Name, t.ID)
		q := &list[i]
		*q = Queue{Name: t.Name, TopicID: t.ID, Partitions: len(t.Partitions), Exact: true, Former: ledger.Former(t.Name, t.ID), KeptBack: kept[t.Name], LastRun: state.latest()}
		q.Source, _ = SourceOf(t.Name)
		for _, e := range []error{t.Err, failed[t.Name]} {
			if e != nil && q.Error == "" {
				q.Error = e.Error()
			}
		}
		k := keep[t.Name]
		if k.known {
			ms := k.age.Milliseconds()
			q.RetentionMs = &ms
		}
		q.Compacted, q.RetentionBytes = k.compacts, k.bytes
		wg.Go(func() {
			q.fill(look(ctx, c, t.Name, parts[t.Name], &state.Resolved, slots), parts[t.Name], state, k.age)
		})
	}
	wg.Wait()
	return list, ctx.Err()
}

// fill sums up what was found in the partitions.
func (q *Queue) fill(all []pendingIn, parts []stretch, state *QueueState, keep time.Duration) {
	for i, p := range all {
		q.Pending += p.count
		q.Exact = q.Exact && p.exact
		if p.err != nil && q.Error == "" {
			q.Error = p.err.Error()
		}
		if p.oldest != nil && (q.Oldest == nil || p.oldest.Timestamp.Before(q.Oldest.Timestamp)) {
			q.Oldest = p.oldest
		}
		s := parts[i]
		q.Resolved += state.Resolved.Count(s.partition, s.start, s.end)
		q.Parked += state.Parked.Count(s.partition, s.start, s.end)
		q.Discarded += state.Discarded.Count(s.partition, s.start, s.end)
	}
	if q.Oldest != nil && keep > 0 {
		q.Oldest.Expires = q.Oldest.Timestamp.Add(keep)
	}
}
