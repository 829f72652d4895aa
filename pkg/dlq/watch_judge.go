package dlq

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// skew is how far clocks may be apart where only time tells an old letter from
// a new one.
const skew = time.Minute

// readQueue reads what came to the queue since the last look.
func (w *Watcher) readQueue(ctx context.Context) error {
	found, failed, err := stretches(ctx, w.client.Offsets, []kafka.TopicMetadata{w.queue})
	if err == nil {
		err = failed[w.queue.Name]
	}
	if err != nil {
		return fmt.Errorf("%s: %w", w.queue.Name, err)
	}
	var todo []stretch
	for _, s := range found[w.queue.Name] {
		next, ok := w.next[s.partition]
		if !ok {
			next = w.from[s.partition]
		}
		w.next[s.partition] = max(next, s.end)
		if s.start = max(s.start, next); s.start < s.end {
			todo = append(todo, s)
		}
	}
	var mu sync.Mutex
	return scanQueue(ctx, w.client, w.queue.Name, todo, nil, func() func(*kafka.Record) {
		return func(r *kafka.Record) {
			l := letters.Read(*r)
			mu.Lock()
			defer mu.Unlock()
			w.take(r, &l)
		}
	})
}

// take sees whether a letter is one of those under watch come back.
func (w *Watcher) take(r *kafka.Record, l *Letter) {
	if _, own := w.bySource[coordinate2{r.Partition, r.Offset}]; own {
		return
	}
	i, ok := w.match(r, l)
	if !ok {
		return
	}
	item := &w.items[i]
	if item.twinOf > 0 {
		item = &w.items[item.twinOf-1]
	}
	if item.dead {
		return
	}
	id := l.Fingerprint()
	item.dead, item.same = true, id == string(item.failure[:])
	f := w.again[id]
	if f == nil {
		_, shown := shownAs(r, l, w.opts.Mask)
		f = &AgainFailure{ID: id, Class: shown.RootClass(), Message: clip(shown.Message), Same: item.same, Letter: letterName(r.Partition, r.Offset), Was: letterName(item.part, item.offset)}
		w.again[id] = f
	}
	f.Letters++
	f.Same = f.Same && item.same
}

func (w *Watcher) match(r *kafka.Record, l *Letter) (int32, bool) {
	for _, from := range []letters.Origin{l.Hop, l.Origin} {
		if topic, ok := w.names.index[from.Topic]; ok && from.Known() {
			if i, ok := w.byTarget[targetPlace{topic, from.Partition, from.Offset}]; ok {
				return i, true
			}
		}
	}
	if l.ReplayID != "" {
		if i, ok := w.byReplay[l.ReplayID]; ok && (w.run == "" || l.ReplayRun == "" || l.ReplayRun == w.run) {
			return i, true
		}
	}
	// What follows tells a letter by its content, which letters that were there
	// before the run have as well.
	if id := eventID(r.Value); id != "" {
		if i, ok := w.byEvent[id]; ok && w.after(r, i) {
			return i, true
		}
		return 0, false
	}
	if !l.Hop.Known() && !l.Origin.Known() && l.ReplayID == "" {
		w.strange = append(w.strange, r.Timestamp.UnixMilli())
	}
	return 0, false
}

// after tells whether a record was written after a letter was sent.
func (w *Watcher) after(r *kafka.Record, i int32) bool {
	if w.items[i].part == r.Partition && r.Offset < w.items[i].offset {
		return false
	}
	return r.Timestamp.UnixMilli() >= w.items[i].sent-skew.Milliseconds()
}

// judge gives every letter its outcome.
func (w *Watcher) judge(commits map[string]map[kafka.TopicPartition]int64, now time.Time) Report {
	r := Report{Run: w.run, Queue: w.queue.Name, Replayed: int64(len(w.items)) - w.twins, Settle: w.opts.Settle.Seconds(), Failures: []AgainFailure{}, Waiting: []Waiting{}, Reasons: []Reason{}}
	waiting := map[Waiting]*Waiting{}
	for i := range w.items {
		item := &w.items[i]
		if item.twinOf > 0 {
			continue
		}
		if item.dead {
			r.DeadAgain++
			if item.same {
				r.SameError++
			}
			continue
		}
		if item.at < 0 {
			r.doubt(item, "the ledger does not tell where it went")
			continue
		}
		if group := w.hidden(item); group != "" {
			r.doubt(item, "no right to see how far group "+group+" is (Describe on it)")
			continue
		}
		tp := kafka.TopicPartition{Topic: w.names.list[item.topic], Partition: item.to}
		behind, any := w.behind(item, tp, commits)
		switch {
		case len(behind) > 0:
			r.NotReached++
			for _, b := range behind {
				key := Waiting{Group: b.Group, Topic: tp.Topic, Partition: tp.Partition}
				if waiting[key] == nil {
					waiting[key] = &Waiting{Group: b.Group, Topic: tp.Topic, Partition: tp.Partition, Committed: b.Committed}
				}
				waiting[key].Letters++
				waiting[key].Want = max(waiting[key].Want, item.at+1)
			}
			item.reached = 0
		case !any:
			r.doubt(item, "no consumer group commits on "+tp.String())
		case w.settling(item, now):
			r.NotReached++
			r.Settling++
		case w.strangeSince(item.sent):
			r.doubt(item, "a letter came that does not tell what it is")
		default:
			r.Passed++
		}
	}
	for _, f := range w.again {
		r.Failures = append(r.Failures, *f)
	}
	for _, x := range waiting {
		r.Waiting = append(r.Waiting, *x)
	}
	sortReport(&r)
	return r
}

func (r *Report) doubt(item *watched, why string) {
	r.Unverifiable++
	for i := range r.Reasons {
		if r.Reasons[i].Text == why {
			r.Reasons[i].Letters++
			return
		}
	}
	r.Reasons = append(r.Reasons, Reason{Text: why, Letters: 1, First: letterName(item.part, item.offset)})
}

// hidden is a group that has to pass the letter and that nobody here may ask.
func (w *Watcher) hidden(item *watched) string {
	for _, group := range w.opts.Groups {
		if w.unseen[group] {
			return group
		}
	}
	if w.opts.Groups == nil && item.group >= 0 && w.unseen[w.names.list[item.group]] {
		return w.names.list[item.group]
	}
	return ""
}

// behind lists the groups that have not committed the letter; any tells
// whether a group was there to ask at all.
func (w *Watcher) behind(item *watched, tp kafka.TopicPartition, commits map[string]map[kafka.TopicPartition]int64) (behind []Waiting, any bool) {
	ask := func(group string, at int64, committed bool) {
		any = true
		switch {
		case !committed:
			behind = append(behind, Waiting{Group: group, Committed: -1})
		case at <= item.at:
			behind = append(behind, Waiting{Group: group, Committed: at})
		}
	}
	switch {
	case w.opts.Groups != nil:
		for _, group := range w.opts.Groups {
			at, ok := commits[group][tp]
			ask(group, at, ok)
		}
	case item.group >= 0:
		group := w.names.list[item.group]
		at, ok := commits[group][tp]
		ask(group, at, ok)
	default:
		for group, offsets := range commits {
			if at, ok := offsets[tp]; ok {
				ask(group, at, true)
			}
		}
	}
	return behind, any
}

// settling tells whether the letter was committed too short a time ago. One
// who looks once has only the time at which it was sent.
func (w *Watcher) settling(item *watched, now time.Time) bool {
	if item.reached == 0 {
		item.reached = now.UnixMilli()
		if !w.live {
			item.reached = item.sent
		}
	}
	return now.UnixMilli()-item.reached < w.opts.Settle.Milliseconds()
}

// strangeSince tells whether a letter came after that time that cannot be told
// from those under watch.
func (w *Watcher) strangeSince(sent int64) bool {
	for _, at := range w.strange {
		if at >= sent {
			return true
		}
	}
	return false
}
