package dlq

import (
	"context"
	"fmt"
	"time"
)

// mergeAt is how many chunks the ledger may hold of a queue before the end of a
// run merges those of which nobody needs to know more than their letters;
// mergeLeast of them are worth it.
const (
	mergeAt    = 2000
	mergeLeast = 200
	mergeTime  = 30 * time.Second
)

// merge restates what the ledger says of the queue, and deletes the chunks
// written before that time, in one transaction with how the run stands. The
// caller holds the queue. Without such chunks nothing is written.
func (r *replayer) merge(ctx context.Context, before time.Time, state RunState) (*Merge, error) {
	m := &Merge{Queue: r.plan.Queue, Run: r.id}
	w := &writing{}
	named := map[ledgerKey]bool{} // a ledger that was read on names chunks twice
	for _, q := range r.ledger.Queues() {
		if q.Queue != r.plan.Queue {
			continue
		}
		for _, key := range q.keys {
			switch {
			case named[key.ledgerKey]:
			case key.at.After(before):
				m.Kept++
			default:
				m.Chunks++
				w.tombstone(r.opts.Ledger, key.ledgerKey)
			}
			named[key.ledgerKey] = true
		}
	}
	if m.Chunks == 0 {
		return m, nil
	}
	parts := r.state().snapshot(r.plan.bounds)
	m.Snapshot = len(parts)
	return m, r.restate(ctx, w, parts, state)
}

// mergeGrown merges a ledger that has grown but for what this run wrote, after the run is done and says so
// there, and while it still holds the queue. What goes wrong is no failure of
// the run: the next one tries again.
func (r *replayer) mergeGrown(ctx context.Context) {
	before := time.Now().Add(-r.opts.KeepAudit)
	if before.After(r.began) {
		before = r.began.Add(-time.Millisecond) // whoever looks at this run needs its own
	}
	all, old := 0, 0
	for _, q := range r.ledger.Queues() {
		if q.Queue != r.plan.Queue {
			continue
		}
		for _, key := range q.keys {
			if all++; !key.at.After(before) {
				old++
			}
		}
	}
	if r.opts.AtLeastOnce || all <= r.opts.mergeAt || old < min(mergeLeast, r.opts.mergeAt) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, mergeTime)
	defer cancel()
	m, err := r.merge(ctx, before, Done)
	if err != nil {
		r.opts.Notice(fmt.Sprintf("the ledger has grown to %d records of %s, and could not be merged: %v", all, r.plan.Queue, err))
		return
	}
	r.opts.Notice(fmt.Sprintf("merged %d ledger records of %s that are older than the audit is kept, kept %d", m.Chunks, m.Queue, m.Kept))
}
