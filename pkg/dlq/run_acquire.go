package dlq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func asError[T error](err error, to *T) bool { return errors.As(err, to) }

// lookAgain refuses where another run began since the plan was made.
func (r *replayer) lookAgain(ctx context.Context) error {
	before := r.ledger.newest(r.plan.Queue)
	if err := r.ledger.advance(ctx, r.client, LedgerOptions{Topic: r.opts.Ledger}); err != nil {
		return err
	}
	now := r.ledger.newest(r.plan.Queue)
	if now != nil {
		// What stands above it is of one who came later.
		r.mineAt = now.at
	}
	if now == nil || before != nil && before.at == now.at {
		return nil
	}
	return r.plan.lookFirst(ctx)
}

// acquire takes the queue over and learns what was committed. What follows
// stands on this order: after InitProducerId no earlier holder can commit; the
// barrier proves the rights and gives a record above which the ledger has to be
// read; the high watermark is captured after it.
func (r *replayer) acquire(ctx context.Context) error {
	id := transactionalID(r.plan.Queue)
	p, err := r.newProducer(ctx, id)
	switch {
	case err == nil:
	case errors.Is(err, kafka.ErrNotPermitted):
		return errorf(kafka.ErrNotPermitted, "need Write and Describe on TransactionalId %s: %v", id, err)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case retriable(err):
		return errorf(ErrStuck, "a previous transaction of %s cannot be ended: %v", id, err)
	default:
		return err
	}
	if r.producer != nil {
		r.producer.Close()
	}
	r.producer = p
	if err := r.barrier(ctx); err != nil {
		return err
	}
	if err := r.ledger.advance(ctx, r.client, LedgerOptions{Topic: r.opts.Ledger, Patience: 2*r.opts.Timeout + 15*time.Second, Insist: true}); err != nil {
		return err
	}
	if mine := r.ledger.Run(r.id); mine != nil {
		r.seq = max(r.seq, mine.Seq)
	}
	return r.plan.tripwire(ctx)
}

func (r *replayer) newProducer(ctx context.Context, id string) (committer, error) {
	if r.opts.AtLeastOnce {
		limit := func(topic string) int {
			if t := r.plan.targets[topic]; t != nil {
				return t.maxBytes
			}
			return 0
		}
		w, err := newPlainWriter(ctx, r.client, r.opts.Ledger, limit)
		r.plain = w
		if err != nil {
			return nil, err // and no interface around a nil pointer
		}
		return w, nil
	}
	p, err := txn.Acquire(ctx, r.client, txn.Options{ID: id, Timeout: r.opts.Timeout, Notice: r.opts.Notice})
	if err != nil {
		return nil, err // and no interface around a nil pointer
	}
	return p, nil
}

// barrier is the first transaction: the run record, and the end of the run
// that was taken over.
func (r *replayer) barrier(ctx context.Context) error {
	now := time.Now()
	w := &writing{}
	if prev := r.plan.previous; prev != nil && prev.ID != r.id && prev.TopicID == r.topicID() {
		state := Stopped
		if r.opts.Takeover {
			state = Fenced
		}
		key := ledgerKey{kind: kindRun, queue: prev.Queue, topicID: prev.TopicID, run: prev.ID}
		if err := w.ledger(r.opts.Ledger, key, prev.record(state)); err != nil {
			return err
		}
	}
	if err := w.ledger(r.opts.Ledger, r.runKey(), r.runRecord(Running, now)); err != nil {
		return err
	}
	w.write.Before = r.stillThose
	offsets, err := r.producer.Commit(ctx, w.write)
	if err != nil {
		return err
	}
	r.beat, r.mineAt = now, offsets[len(offsets)-1]
	return nil
}

// record is the run as the ledger keeps it, in another state.
func (r *Run) record(state RunState) runRecord {
	return runRecord{
		T: kindRun, State: state, Action: r.Action, Op: r.Op, Host: r.Host, Machine: r.machine, PID: r.PID, Process: r.process,
		Version: r.Version, Reason: r.Reason, Select: r.Selection, To: r.To, Cluster: r.Cluster, Stamps: r.Timestamp, Plan: r.Plan, Seq: r.Seq, Done: r.Done,
		Started: r.Started, Beat: r.Heartbeat, Ends: r.ends,
	}
}

// fenceGrace is how long one who was fenced waits for the barrier of the run
// that did it, before it believes that it fenced itself.
const fenceGrace = 2 * time.Second

// recover goes on after a producer was lost: with the ledger's word on what was
// committed, or not at all where another run has taken over.
func (r *replayer) recover(ctx context.Context, lost *txn.LostError, w *writing) error {
	began := time.Now()
	first := r.seq + 1
	for {
		err := r.reacquire(ctx, lost)
		if err == nil {
			r.tell(lost, w, first)
			return nil
		}
		again, ok := asLost(err)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !ok && !retriable(err) && !errors.Is(err, ErrStuck):
			return err
		case time.Since(began) > r.opts.Patience:
			return errorf(ErrStuck, "%v; stopped at %d, the same command resumes", err, r.result.Done)
		case ok:
			lost = again
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// reacquire reads the ledger first: whoever took over wrote there.
func (r *replayer) reacquire(ctx context.Context, lost *txn.LostError) error {
	for until := time.Now().Add(fenceGrace); ; {
		if err := r.ledger.advance(ctx, r.client, LedgerOptions{Topic: r.opts.Ledger}); err != nil {
			return err
		}
		if other := r.ledger.newest(r.plan.Queue); other != nil && other.ID != r.id && other.at > r.mineAt {
			return &TakenOverError{Queue: r.plan.Queue, By: *other, Done: r.result.Done}
		}
		if !lost.Fenced || time.Now().After(until) {
			break
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return r.acquire(ctx)
}

// tell says what the ledger said about a transaction whose end was not known.
func (r *replayer) tell(lost *txn.LostError, w *writing, first int64) {
	switch {
	case len(w.chunks) == 0:
	case lost.Unknown && r.seq >= first:
		r.opts.Notice(fmt.Sprintf("the broker did not confirm transaction %d; the ledger says: committed (%d). Continuing.", first, len(w.todo)))
	case lost.Unknown:
		r.opts.Notice(fmt.Sprintf("the broker did not confirm transaction %d; the ledger says: not committed; resending.", first))
	case lost.Fenced:
		r.opts.Notice(fmt.Sprintf("transaction %d expired or was fenced, and nobody took over; resumed at %d", first, r.result.Done))
	}
	if r.seq >= first {
		for _, l := range w.todo {
			if r.state().Resolved.Has(l.part, l.offset) != (r.plan.Action == Reopened) {
				l.ours = true
				r.result.Done++
				r.result.Twins += int64(len(l.twins))
			}
		}
	}
}

// TakenOverError is [ErrBusy] seen by the run that lost the queue.
type TakenOverError struct {
	Queue string
	By    Run
	Done  int64 // letters that the loser had committed
}

func (e *TakenOverError) Error() string {
	return fmt.Sprintf("stopped: %s@%s took over at %s (run %s). Your %d are committed, the current transaction was not sent",
		e.By.Op, e.By.Host, e.By.Started.Format(time.TimeOnly), e.By.ID, e.Done)
}

// Is matches [ErrBusy].
func (e *TakenOverError) Is(target error) bool { return target == ErrBusy }
