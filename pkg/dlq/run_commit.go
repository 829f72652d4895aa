package dlq

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// commit brings the letters of a batch to their end: each is committed, or
// found resolved, or left behind with a reason.
func (r *replayer) commit(ctx context.Context, b batch) (ChunkInfo, error) {
	info, err := r.settle(ctx, b)
	if err != nil {
		r.keepSent(ctx, b)
	}
	return info, err
}

func (r *replayer) settle(ctx context.Context, b batch) (ChunkInfo, error) {
	began, wait := time.Now(), 100*time.Millisecond
	for {
		todo := r.outstanding(b)
		if len(todo) == 0 {
			return ChunkInfo{}, nil
		}
		// Most of what came to the targets is read with no transaction open.
		if err := r.plan.tombstones.advance(ctx, r.client, r.id); err != nil {
			return ChunkInfo{}, err
		}
		w, err := r.transaction(b, todo)
		if err != nil {
			return ChunkInfo{}, err
		}
		offsets, err := r.producer.Commit(ctx, w.write)
		if err == nil {
			return r.committed(w, offsets)
		}
		var rejected *txn.RejectedError
		var lost *txn.LostError
		var held *txn.HeldError
		switch {
		case errors.As(err, &lost):
			err = r.recover(ctx, lost, w)
		case errors.Is(err, errNewer):
			err = nil
		case ctx.Err() != nil:
			return ChunkInfo{}, err
		case r.closes(ctx, err):
			err = nil
		case errors.As(err, &rejected) && rejected.Index < len(todo):
			r.reject(todo[rejected.Index], "rejected by the broker: "+rejected.Err.Error())
			err = nil
		case errors.As(err, &held):
			if err = r.waitHeld(ctx); err == nil && len(b.letters) > 1 {
				err = r.commitHalf(ctx, b)
			}
		case errors.As(err, &rejected) && len(todo) > 1:
			// The ledger record is too large: fewer letters have a shorter one.
			err = r.commitHalf(ctx, b)
		case errors.Is(err, txn.ErrOffsetsRefused) && !r.quiet:
			r.quiet = true
			r.opts.Notice(fmt.Sprintf("no READ on group %s: lag dashboards will not update (the replay is not affected)", watermarkGroup(r.plan.Queue)))
			err = nil
		case errors.Is(err, kafka.ErrUnknownTopic):
			err = errors.Join(r.identity.check(ctx, r.client), err)
		case retriable(err) && time.Since(began) < r.opts.Patience:
			if r.stopped() {
				return ChunkInfo{}, errors.Join(errStopped, r.stuck(err, began))
			}
			err = pause(ctx, wait)
			wait = min(2*wait, 2*time.Second)
		case retriable(err):
			err = r.stuck(err, began)
		}
		if err != nil {
			return ChunkInfo{}, err
		}
	}
}

// commitHalf commits the first half of a batch that cannot be committed as a whole.
func (r *replayer) commitHalf(ctx context.Context, b batch) error {
	b.letters, b.last = b.letters[:len(b.letters)/2], false
	_, err := r.commit(ctx, b)
	return err
}

// retriable tells what may pass: the transaction was aborted, and the same
// one may be tried again.
func retriable(err error) bool {
	var be *kafka.BrokerError
	if errors.Is(err, ErrConflict) || errors.Is(err, kafka.ErrNotPermitted) || errors.Is(err, kafka.ErrUnknownTopic) {
		return false
	}
	return kafka.Retriable(err) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &be) && (be.Name == "NOT_ENOUGH_REPLICAS" ||
		be.Name == "CONCURRENT_TRANSACTIONS" || be.Name == "COORDINATOR_NOT_AVAILABLE" || be.Name == "COORDINATOR_LOAD_IN_PROGRESS" || be.Name == "NOT_COORDINATOR")
}

func (r *replayer) stuck(err error, since time.Time) error {
	return errorf(ErrStuck, "%v (%s); stopped cleanly at %d, the same command resumes", err, time.Since(since).Round(time.Second), r.result.Done)
}

// outstanding are the letters of a batch that still are to be committed.
func (r *replayer) outstanding(b batch) []*planned {
	state := r.state()
	todo := make([]*planned, 0, len(b.letters))
	for i := range b.letters {
		l := &b.letters[i]
		_, sent := r.plain.sentAt(&l.record)
		switch {
		case l.settled:
		case sent: // and only the ledger's word on it is missing
			todo = append(todo, l)
		case state.Resolved.Has(l.part, l.offset) != (r.plan.Action == Reopened):
			l.settled = true
			if !l.ours {
				r.result.Already++
			}
		case l.gone:
			l.settled = true
			r.expired(l)
		case l.rejected != "":
			r.reject(l, l.rejected)
		case r.closed[l.record.Topic] != "":
			r.hold(l)
			r.leave(l, r.closed[l.record.Topic])
		case l.key != 0 && r.held[l.key] && b.action.sends():
			r.leave(l, "held: an earlier letter of the same key stays")
		default:
			todo = append(todo, l)
		}
	}
	return todo
}

func (r *replayer) state() *QueueState { return r.ledger.Queue(r.plan.Queue, r.plan.queue.id) }

// reject leaves a letter behind, and with it those of its key that follow.
func (r *replayer) reject(l *planned, why string) {
	r.hold(l)
	r.opts.Notice(fmt.Sprintf("%s %s; left pending", letterName(l.part, l.offset), why))
	r.leave(l, why)
}

// hold has the letters of its key that follow stay too.
func (r *replayer) hold(l *planned) {
	if l.key != 0 && r.opts.Order == OrderKey {
		r.held[l.key] = true
	}
}

func (r *replayer) leave(l *planned, why string) {
	l.settled = true
	reason := r.behind[why]
	if reason == nil {
		if len(r.behind) >= maxReasons {
			why = otherReasons
			reason = r.behind[why]
		}
		if reason == nil {
			reason = &Reason{Text: why}
			r.behind[why] = reason
		}
	}
	if reason.Letters++; reason.First == "" {
		reason.First = letterName(l.part, l.offset)
	}
}

// expired keeps which letters retention took between the plan and the run.
func (r *replayer) expired(l *planned) {
	if r.lost == nil {
		r.lost = map[int32][]int64{}
	}
	r.lost[l.part] = append(r.lost[l.part], l.offset)
	r.result.expired++
}

// tellExpired says it by partition.
func (r *replayer) tellExpired() {
	const named = 10 // ranges of a partition
	keep := "retention"
	if d := r.plan.retention(); d > 0 {
		keep = "retention.ms is " + d.String()
	}
	for _, part := range slices.Sorted(maps.Keys(r.lost)) {
		offsets := r.lost[part]
		slices.Sort(offsets)
		var texts []string
		spans := spansOf(offsets)
		for _, s := range spans[:min(len(spans), named)] {
			texts = append(texts, OffsetRange{s.first, s.last}.String())
		}
		if len(spans) > named {
			texts = append(texts, fmt.Sprintf("and %d more ranges", len(spans)-named))
		}
		r.result.Expired = append(r.result.Expired, fmt.Sprintf("%d letters of %s/%d expired before the replay (%s); lost: offsets %s",
			len(offsets), r.plan.Queue, part, keep, strings.Join(texts, ", ")))
	}
}

// writing is one transaction and what has to be known of it afterwards.
type writing struct {
	write  txn.Write
	action Action
	todo   []*planned
	chunks []*chunkRecord
	sets   []chunkSet
	runAt  int // index of the run record, -1 without
	marks  bool
	ends   bool // its run record ends the run

	tombstones []*tombstone // that its last records are
}

// transaction puts letters, the chunks that name them and, where it is time,
// run record and watermark into one transaction.
func (r *replayer) transaction(b batch, todo []*planned) (*writing, error) {
	w := &writing{action: b.action, todo: todo, runAt: -1}
	if b.action.sends() {
		for _, l := range todo {
			w.write.Records = append(w.write.Records, l.record)
		}
	}
	now := time.Now()
	n := int64(0)
	for _, set := range chunkSets(b.action, todo) {
		c := r.chunk(set, now)
		c.Seq = r.seq + int64(len(w.chunks)) + 1
		n += c.N
		if len(w.chunks) == 0 {
			c.Out = r.out
		}
		w.chunks, w.sets = append(w.chunks, c), append(w.sets, set)
		if err := w.ledger(r.opts.Ledger, ledgerKey{kindChunk, r.plan.Queue, r.topicID(), r.id, c.Seq}, c); err != nil {
			return nil, err
		}
	}
	w.ends = b.last
	if due := now.Sub(r.beat) >= heartbeat; due || b.last {
		state := Running
		if b.last {
			state = Done
		}
		rec := r.runRecord(state, now)
		rec.Seq, rec.Done = r.seq+int64(len(w.chunks)), r.ledgerDone()+n
		w.runAt = len(w.write.Records)
		if err := w.ledger(r.opts.Ledger, r.runKey(), rec); err != nil {
			return nil, err
		}
	}
	if !r.quiet && (b.last || now.Sub(r.marked) >= heartbeat) {
		w.marks = true
		w.write.Offsets = r.offsets(w)
	}
	r.tombstones(w, todo)
	w.write.Before = func(ctx context.Context) error {
		if err := r.identity.check(ctx, r.client); err != nil {
			return err
		}
		return r.stillNewest(ctx, w)
	}
	return w, nil
}

// committed takes a transaction that the broker confirmed into account.
func (r *replayer) committed(w *writing, offsets []int64) (ChunkInfo, error) {
	now := time.Now()
	sent := 0
	if w.action.sends() {
		sent = len(w.todo)
	}
	r.result.Tombstones += int64(len(w.tombstones))
	for i := sent; i < len(w.write.Records)-len(w.tombstones); i++ {
		rec := w.write.Records[i]
		rec.Offset = offsets[i]
		// Folded as one who reads it would: there is one way to read a ledger.
		if err := r.ledger.take(rec); err != nil {
			return ChunkInfo{}, err
		}
	}
	r.out = nil
	info := ChunkInfo{Run: r.id, Letters: len(w.todo), Total: r.result.Planned}
	for i, c := range w.chunks {
		r.seq, info.Seq = c.Seq, c.Seq
		if out := outOf(c, w.sets[i], offsets, w.action); out != nil {
			r.out = append(r.out, *out)
		}
	}
	for i, l := range w.todo {
		l.settled, l.ours = true, true
		r.result.Done++
		r.result.Twins += int64(len(l.twins))
		if w.action == Parked {
			r.result.Parked++
		}
		if w.action.sends() {
			r.sentTo[l.record.Topic]++
			info.Targets = append(info.Targets, Placement{l.part, l.offset, l.record.Topic, l.record.Partition, offsets[i]})
		}
	}
	if w.marks {
		r.marked = now
	}
	if w.runAt >= 0 {
		r.beat, r.mineAt = now, max(r.mineAt, offsets[w.runAt])
		r.said = w.ends
	}
	if w.action.sends() {
		r.follower.sent(w.todo, offsets)
	}
	r.result.Transactions++
	info.Done = r.result.Done
	return info, nil
}
