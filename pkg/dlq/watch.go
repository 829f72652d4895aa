package dlq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/groups"
	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// WatchOptions say how to tell what became of replayed letters.
type WatchOptions struct {
	Ledger string        // default [DefaultLedger]
	Settle time.Duration // default [DefaultSettle]
	// Every is the time between two looks; default a second.
	Every time.Duration
	// Groups are the groups that have to pass a letter; nil is the one that the
	// letter failed in or, where it names none, every group that commits on the
	// target's partition.
	Groups []string
	// Mask is as in [Options].
	Mask func(r *kafka.Record) *kafka.Record
	// Report is called after each look.
	Report func(Report)
}

// Watcher tells what became of replayed letters: it compares where they went
// with how far their groups are, and reads what comes to the queue after them.
//
// A new letter is one of them come back when it says that it came from where
// one of them went, else when it carries the id of its replay, else when its
// event has the same id. A Watcher is for one goroutine at a time.
type Watcher struct {
	client *kafka.Client
	queue  kafka.TopicMetadata
	opts   WatchOptions
	run    string
	ledger *Ledger   // of a run that may still go on, nil without
	moved  time.Time // when the ledger was last seen to grow
	sought time.Time // when targets were last searched for letters

	items    []watched
	twins    int64
	bySource map[coordinate2]int32
	byTarget map[targetPlace]int32
	byReplay map[string]int32
	byEvent  map[string]int32
	names    names // of topics and groups

	next    map[int32]int64 // how far the queue was read
	from    map[int32]int64 // where it is read from
	strange []int64         // when letters came that nobody can be told by, in milliseconds
	again   map[string]*AgainFailure
	unseen  map[string]bool // groups that this user may not look at
	live    bool            // letters were sent while this Watcher looks
}

// watched is one letter under watch.
type watched struct {
	part    int32
	to      int32
	offset  int64
	at      int64 // on the target; -1 unknown
	sent    int64 // milliseconds
	reached int64 // when it was first seen committed, milliseconds; 0 not yet
	topic   int32
	group   int32 // -1 unknown
	failure [8]byte
	edited  bool
	dead    bool
	same    bool
	twinOf  int32 // the item that has the same record on the target, counted from 1
}

type coordinate2 struct {
	part   int32
	offset int64
}

type targetPlace struct {
	topic, part int32
	offset      int64
}

// names gives strings small numbers.
type names struct {
	list  []string
	index map[string]int32
}

func (n *names) number(name string) int32 {
	if i, ok := n.index[name]; ok {
		return i
	}
	if n.index == nil {
		n.index = map[string]int32{}
	}
	i := int32(len(n.list))
	n.list, n.index[name] = append(n.list, name), i
	return i
}

func newWatcher(c *kafka.Client, queue kafka.TopicMetadata, opts WatchOptions) *Watcher {
	if opts.Settle <= 0 {
		opts.Settle = DefaultSettle
	}
	if opts.Every <= 0 {
		opts.Every = time.Second
	}
	return &Watcher{
		client: c, queue: queue, opts: opts, bySource: map[coordinate2]int32{}, byTarget: map[targetPlace]int32{}, byReplay: map[string]int32{},
		byEvent: map[string]int32{}, next: map[int32]int64{}, from: map[int32]int64{}, again: map[string]*AgainFailure{},
	}
}

// ledgerID is a topic's id as ledger keys have it.
func ledgerID(id string) string {
	if id == "" {
		return noTopicID
	}
	return id
}

// expect puts letters under watch. They are read from the queue once more, for
// the group that they failed in, the failure, and their ids.
func (w *Watcher) expect(ctx context.Context, list []sent) error {
	first := int32(len(w.items))
	parts := map[int32]*stretch{}
	for _, l := range list {
		at := coordinate2{l.part, l.offset}
		if i, known := w.bySource[at]; known {
			w.place(i, &l)
			continue
		}
		if i, twin := w.byTarget[targetPlace{w.names.number(l.topic), l.to, l.toAt}]; twin && l.toAt >= 0 {
			w.bySource[at] = i // the same letter again, resolved beside it
			continue
		}
		i := int32(len(w.items))
		item := watched{part: l.part, offset: l.offset, to: l.to, at: l.toAt, sent: l.at.UnixMilli(), topic: w.names.number(l.topic), group: -1, edited: l.action == Edited}
		w.items, w.bySource[at] = append(w.items, item), i
		w.place(i, &l)
		s := parts[l.part]
		if s == nil {
			s = &stretch{l.part, l.offset, l.offset + 1}
			parts[l.part] = s
		}
		s.start, s.end = min(s.start, l.offset), max(s.end, l.offset+1)
		if from, ok := w.from[l.part]; !ok || l.offset < from {
			w.from[l.part] = l.offset
		}
	}
	if len(parts) == 0 {
		return nil
	}
	starts, err := w.starts(ctx)
	if err != nil {
		return err
	}
	for _, s := range parts {
		if s.start = max(s.start, starts[s.partition]); s.start >= s.end {
			continue // expired since
		}
		err := scanStretch(ctx, w.client, w.queue.Name, *s, func(r *kafka.Record) {
			if i, ok := w.bySource[coordinate2{r.Partition, r.Offset}]; ok && i >= first {
				w.know(i, r)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// place takes where a letter went, which the ledger tells later than that it did.
func (w *Watcher) place(i int32, l *sent) {
	item := &w.items[i]
	if l.toAt < 0 || item.twinOf > 0 {
		return
	}
	item.to, item.at = l.to, l.toAt
	at := targetPlace{item.topic, l.to, l.toAt}
	first, known := w.byTarget[at]
	if !known {
		w.byTarget[at] = i
	} else if first != i {
		item.twinOf = first + 1
		w.twins++
		w.items[first].dead = w.items[first].dead || item.dead
	}
}

func (w *Watcher) starts(ctx context.Context) (map[int32]int64, error) {
	found, failed, err := stretches(ctx, w.client.Offsets, []kafka.TopicMetadata{w.queue})
	if err != nil {
		return nil, err
	}
	if err := failed[w.queue.Name]; err != nil {
		return nil, err
	}
	starts := map[int32]int64{}
	for _, s := range found[w.queue.Name] {
		starts[s.partition] = s.start
	}
	return starts, nil
}

// know takes what the letter itself tells.
func (w *Watcher) know(i int32, r *kafka.Record) {
	item := &w.items[i]
	l := letters.Read(*r)
	if item.group < 0 && l.Group != "" {
		item.group = w.names.number(l.Group)
	}
	copy(item.failure[:], l.Fingerprint())
	w.byReplay[letters.ReplayID(l, r.Key, r.Value)] = i
	if id := eventID(r.Value); id != "" {
		w.byEvent[id] = i
	}
}

// eventID is the id of the event that a value is, or of the one that it was
// made of; empty for a value that is none.
func eventID(value []byte) string {
	if clean, _, ok := letters.WithoutError(value); ok {
		value = clean
	}
	e, err := events.Parse(value)
	if err != nil {
		return ""
	}
	return e.ID
}

// Look looks once and tells what is known then.
func (w *Watcher) Look(ctx context.Context) (Report, error) {
	if err := w.refresh(ctx); err != nil {
		return Report{}, err
	}
	if err := w.seek(ctx); err != nil {
		return Report{}, err
	}
	if err := w.readQueue(ctx); err != nil {
		return Report{}, err
	}
	commits, note, err := w.commits(ctx)
	if err != nil {
		return Report{}, err
	}
	r := w.judge(commits, time.Now())
	r.Note, r.State = note, w.state()
	return r, nil
}

// commits are the offsets of the groups that matter.
func (w *Watcher) commits(ctx context.Context) (map[string]map[kafka.TopicPartition]int64, string, error) {
	var wanted []string
	known := map[string]bool{}
	add := func(name string) {
		if !known[name] {
			known[name] = true
			wanted = append(wanted, name)
		}
	}
	for _, name := range w.opts.Groups {
		add(name)
	}
	for i := range w.items {
		if w.opts.Groups != nil {
			break
		}
		if w.items[i].group < 0 {
			wanted = nil // all of them
			break
		}
		add(w.names.list[w.items[i].group])
	}
	commits, err := groups.New(w.client).Commits(ctx, wanted)
	w.unseen = nil
	switch {
	case ctx.Err() != nil:
		return nil, "", ctx.Err()
	case errors.Is(err, kafka.ErrNotPermitted):
		w.unseen = map[string]bool{}
		for _, group := range groups.Denied(err) {
			w.unseen[group] = true
		}
		return commits, fmt.Sprintf("not every group could be asked how far it is: %v", err), nil
	case commits == nil && err != nil:
		return nil, "", err
	}
	delete(commits, watermarkGroup(w.queue.Name))
	return commits, "", nil
}

// Wait looks until every letter has its outcome, or ctx ends, and gives the
// last report. The end of ctx is its error.
func (w *Watcher) Wait(ctx context.Context) (Report, error) {
	w.live = true
	var last Report
	for {
		r, err := w.Look(ctx)
		if err != nil {
			return last, err
		}
		last = r
		if w.opts.Report != nil {
			w.opts.Report(r)
		}
		if r.Settled() {
			return r, nil
		}
		t := time.NewTimer(w.opts.Every)
		select {
		case <-ctx.Done():
			t.Stop()
			return last, context.Cause(ctx)
		case <-t.C:
		}
	}
}
