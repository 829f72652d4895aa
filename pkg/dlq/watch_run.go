package dlq

import (
	"context"
	"errors"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// WatchRun prepares a Watcher of the letters that a run has sent, and goes on to
// send. A run that the ledger does not know is [ErrNotFound].
func WatchRun(ctx context.Context, c *kafka.Client, run string, opts WatchOptions) (*Watcher, *Run, error) {
	ledger, err := OpenLedger(ctx, c, LedgerOptions{Topic: opts.Ledger, Detail: true})
	if err != nil {
		return nil, nil, err
	}
	found := ledger.Run(run)
	if found == nil {
		return nil, nil, errorf(ErrNotFound, "%s: the ledger knows no such run", run)
	}
	topic, err := oneQueue(ctx, c, found.Queue)
	if errors.Is(err, ErrNotFound) {
		return nil, found, errorf(ErrRemade, "%s was deleted since run %s", found.Queue, run)
	}
	if err != nil {
		return nil, found, err
	}
	if ledgerID(topic.ID) != found.TopicID {
		return nil, found, errorf(ErrRemade, "%s was made anew since run %s", found.Queue, run)
	}
	if err := ledger.merged(found); err != nil {
		return nil, found, err
	}
	w := newWatcher(c, topic, opts)
	w.run, w.ledger = run, ledger
	w.begin(found)
	return w, found, nil
}

// begin has the queue read from where it ended when the run was planned: what
// stood there before is none of its letters come back, whatever it says of where
// it came from, as where the topic was made anew since.
func (w *Watcher) begin(r *Run) {
	for part, end := range r.ends {
		w.next[int32(part)] = end
	}
}

// refresh takes the letters that the run has sent since.
func (w *Watcher) refresh(ctx context.Context) error {
	if w.ledger == nil {
		return nil
	}
	before := w.ledger.End
	if err := w.ledger.advance(ctx, w.client, LedgerOptions{Topic: w.opts.Ledger}); err != nil {
		return err
	}
	if !w.moved.IsZero() && w.ledger.End == before {
		return nil
	}
	w.moved = time.Now()
	return w.expect(ctx, w.ledger.Queue(w.queue.Name, w.queue.ID).sentBy(w.run))
}

// silent is how long a run that says it is running may write nothing before it
// is taken for dead.
const silent = 15 * time.Second

// state is how the run stands, empty where no ledger tells.
func (w *Watcher) state() RunState {
	if w.ledger == nil {
		return ""
	}
	r := w.ledger.Run(w.run)
	switch {
	case r == nil:
		return ""
	case r.State == Running && time.Since(w.moved) > silent:
		return Stopped
	}
	return r.State
}

// merged tells of a run whose chunks a merge of the ledger took, so that its
// letters are resolved and nobody knows any more which they were.
func (l *Ledger) merged(r *Run) error {
	if r.Done == 0 || !r.Action.sends() {
		return nil
	}
	q := l.queues[queueKey{r.Queue, r.TopicID}]
	for i := range q.chunks {
		if q.chunks[i].key.run == r.ID {
			return nil
		}
	}
	return errorf(ErrNotFound, "%s: the ledger was merged since and does not tell its letters any more", r.ID)
}
