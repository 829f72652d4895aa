package dlq

import (
	"context"
	"fmt"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Trace is the way of one letter.
type Trace struct {
	Shown
	// Steps are what runs did with it, in the order of the ledger.
	Steps []TraceStep `json:"steps"`
	// Outcome is what became of it after it was last sent, empty where it was
	// not or is pending again. Again is where it stands now if it is dead again,
	// as 3@1204, and Failure what failed then.
	Outcome Outcome       `json:"outcome,omitempty"`
	Why     string        `json:"why,omitempty"`
	Again   *AgainFailure `json:"again,omitempty"`
	// Note is as in [Listing].
	Note string `json:"note,omitempty"`
}

// TraceStep is one chunk of the ledger that names a letter.
type TraceStep struct {
	At     time.Time `json:"at"`
	Run    string    `json:"run"`
	Op     string    `json:"operator"`
	Action Action    `json:"action"`
	// Topic, Partition and Offset are where it was sent, empty and -1 where it
	// was not, or the ledger does not tell.
	Topic     string `json:"to_topic,omitempty"`
	Partition int32  `json:"to_partition"`
	Offset    int64  `json:"to_offset"`
	Fix       string `json:"fix,omitempty"` // hash of what changed it
}

// TraceLetter tells the way of a letter that is named by partition and offset.
// A letter that is not there is [ErrNotFound].
func TraceLetter(ctx context.Context, c *kafka.Client, queue, letter string, opts WatchOptions) (*Trace, error) {
	list, note, err := Show(ctx, c, queue, ShowOptions{Letters: []string{letter}, Ledger: opts.Ledger})
	if err != nil {
		return nil, err
	}
	t := &Trace{Shown: list[0], Steps: []TraceStep{}, Note: note}
	ledger, err := OpenLedger(ctx, c, LedgerOptions{Topic: opts.Ledger, Queue: queue, Detail: true})
	if isNoLedger(err) {
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	topic, err := oneQueue(ctx, c, queue)
	if err != nil {
		return nil, err
	}
	state := ledger.Queue(queue, topic.ID)
	last := t.walk(state, t.Record.Partition, t.Record.Offset)
	if last != nil && last.toAt < 0 {
		if err := t.find(ctx, c, ledger, last); err != nil {
			return nil, err
		}
	}
	if last == nil {
		if t.State != StatePending && len(t.Steps) == 0 {
			t.Note = "the ledger was merged since and does not tell who did it"
		}
		return t, nil
	}
	w := newWatcher(c, topic, opts)
	w.run = last.run
	if run := ledger.Run(last.run); run != nil {
		w.begin(run)
	}
	if err := w.expect(ctx, []sent{*last}); err != nil {
		return nil, err
	}
	r, err := w.Look(ctx)
	if err != nil {
		return nil, err
	}
	t.conclude(&r)
	return t, nil
}

// find looks on its target for a letter whose place the ledger does not tell.
func (t *Trace) find(ctx context.Context, c *kafka.Client, ledger *Ledger, last *sent) error {
	list := []sent{*last}
	if err := ledger.locate(ctx, c, t.Queue, list); err != nil {
		return err
	}
	*last = list[0]
	step := &t.Steps[len(t.Steps)-1]
	step.Partition, step.Offset = last.to, last.toAt
	return nil
}

// walk collects the steps and gives how the letter was last sent, nil where it
// is pending again or was never sent.
func (t *Trace) walk(q *QueueState, part int32, offset int64) *sent {
	var last *sent
	places := map[string]map[placeKey][]place{}
	for i := range q.chunks {
		c := &q.chunks[i]
		nth, named := 0, false
		for _, s := range c.spans[part] {
			if offset >= s.first && offset <= s.last {
				nth, named = nth+int(offset-s.first), true
				break
			}
			nth += int(s.count())
		}
		if !named {
			continue
		}
		step := TraceStep{At: c.record.At, Run: c.key.run, Op: c.record.Op, Action: c.record.Action, Partition: -1, Offset: -1, Fix: c.record.Fix}
		last = nil
		if c.record.Action.sends() {
			if places[c.key.run] == nil {
				places[c.key.run] = q.places(c.key.run)
			}
			step.Topic = c.record.To
			if told := places[c.key.run][placeKey{c.record.Seq, part}]; nth < len(told) {
				step.Partition, step.Offset = told[nth].partition, told[nth].offset
			}
			last = &sent{part: part, offset: offset, run: c.key.run, seq: c.record.Seq, action: c.record.Action, op: c.record.Op, at: c.record.At, topic: step.Topic, to: step.Partition, toAt: step.Offset}
		}
		t.Steps = append(t.Steps, step)
	}
	return last
}

// conclude takes the outcome of a report about this letter alone.
func (t *Trace) conclude(r *Report) {
	switch {
	case r.DeadAgain > 0:
		t.Outcome = DeadAgain
		if len(r.Failures) > 0 {
			t.Again = &r.Failures[0]
		}
	case r.Passed > 0:
		t.Outcome = Passed
	case r.Unverifiable > 0:
		t.Outcome = Unverifiable
		if len(r.Reasons) > 0 {
			t.Why = r.Reasons[0].Text
		}
	case r.Settling > 0:
		t.Outcome, t.Why = NotReached, fmt.Sprintf("committed less than %.0f s ago", r.Settle)
	case len(r.Waiting) > 0:
		w := r.Waiting[0]
		t.Outcome, t.Why = NotReached, fmt.Sprintf("group %s has committed %d, the letter stands at %d", w.Group, w.Committed, w.Want-1)
		if w.Committed < 0 {
			t.Why = fmt.Sprintf("group %s has committed nothing on %s/%d", w.Group, w.Topic, w.Partition)
		}
	}
}
