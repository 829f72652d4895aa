package dlq

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// pace holds the rate of a run. It waits between transactions, never in one.
type pace struct {
	opts  Options
	began time.Time
	next  time.Time
}

func newPace(o Options) pace {
	now := time.Now()
	return pace{opts: o, began: now, next: now}
}

// rate is the letters a second that are allowed now, 0 without a bound.
func (p *pace) rate() float64 {
	if p.opts.Rate <= 0 {
		return 0
	}
	step := int(time.Since(p.began) / p.opts.RampStep)
	if step < len(p.opts.Ramp) {
		return p.opts.Rate * p.opts.Ramp[step]
	}
	return p.opts.Rate
}

// most bounds the letters of one transaction. One alone puts the group no further
// behind than makes the run wait for it.
func (p *pace) most() int {
	most := maxChunkLetters
	if p.opts.MaxLag > 0 {
		most = int(min(int64(most)-1, p.opts.MaxLag)) + 1
	}
	if rate := p.rate(); rate > 0 {
		return int(min(float64(most), max(1, math.Floor(rate))))
	}
	return most
}

// waitTurn waits until n letters may go, and while readers are too far behind.
func (r *replayer) waitTurn(ctx context.Context, n int) error {
	for {
		wait := time.Until(r.pace.next)
		if wait <= 0 {
			break
		}
		if err := r.idle(ctx, wait); err != nil {
			return err
		}
	}
	if err := r.waitHeld(ctx); err != nil {
		return err
	}
	for r.opts.MaxLag > 0 {
		lag, err := r.lag(ctx)
		if err != nil {
			return err
		}
		if lag <= r.opts.MaxLag {
			break
		}
		r.tellLag(lag)
		if err := r.idle(ctx, time.Second); err != nil {
			return err
		}
	}
	if rate := r.pace.rate(); rate > 0 {
		from := r.pace.next
		if now := time.Now(); from.Before(now) {
			from = now
		}
		r.pace.next = from.Add(time.Duration(float64(n) / rate * float64(time.Second)))
	}
	return nil
}

// waitHeld waits until no quota holds the run back. It cannot show meanwhile that it
// lives: that is a write, too.
func (r *replayer) waitHeld(ctx context.Context) error {
	d := r.producer.Held()
	if d <= 0 {
		return nil
	}
	if d >= time.Second && time.Since(r.toldHeld) >= time.Minute {
		r.toldHeld = time.Now()
		r.opts.Notice(fmt.Sprintf("a quota of the cluster holds the replay back, now for %s", d.Round(time.Second)))
	}
	return r.sleep(ctx, d)
}

// sleep lets d go by, and ends early when the operator stops the run.
func (r *replayer) sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-r.opts.Stop:
		return errStopped
	case <-timer.C:
		return nil
	}
}

// idle waits, shows that the run lives, and ends early when the operator stops it.
func (r *replayer) idle(ctx context.Context, d time.Duration) error {
	if r.follower != nil {
		d = min(d, r.follower.opts.Every)
	}
	if err := r.sleep(ctx, min(d, max(0, heartbeat-time.Since(r.beat)))); err != nil {
		return err
	}
	if err := r.heartbeat(ctx); err != nil {
		return err
	}
	if r.follower != nil && r.result.Transactions > 0 {
		err := r.follower.look(ctx, r)
		r.tellProgress()
		return err
	}
	return nil
}

// tellLag says, now and then, what the run waits for.
func (r *replayer) tellLag(lag int64) {
	if time.Since(r.toldLag) < time.Minute {
		return
	}
	r.toldLag = time.Now()
	text := fmt.Sprintf("waiting for group %s, which is %d records behind, more than %d", r.opts.LagGroup, lag, r.opts.MaxLag)
	if !r.commits {
		text = fmt.Sprintf("waiting for group %s, which has committed nothing there, so that all %d records count; is it the right one?", r.opts.LagGroup, lag)
	}
	r.opts.Notice(text)
}

// lag is how far the group is behind on the targets, in records.
func (r *replayer) lag(ctx context.Context) (int64, error) {
	total := int64(0)
	r.commits = false
	for name, t := range r.plan.targets {
		if r.closed[name] != "" {
			continue
		}
		n, commits, err := groupLag(ctx, r.client, r.opts.LagGroup, name, t.partitions)
		if errors.Is(err, kafka.ErrUnknownTopic) && r.mayClose(name) {
			continue // the next transaction tells
		}
		if err != nil {
			return 0, err
		}
		r.commits = r.commits || commits
		total += n
	}
	return total, nil
}

// watermark follows where the first pending letter of each partition stands.
type watermark struct {
	pending map[int32][]int64 // planned letters, ascending
	stays   map[int32]int64   // the first letter that the run does not touch
	end     []int64
}

func newWatermark(p *Plan) watermark {
	w := watermark{pending: map[int32][]int64{}, stays: map[int32]int64{}, end: p.bounds.end}
	for part, first := range p.index.stays {
		w.stays[part] = first
	}
	for i := range p.index.lanes {
		for _, e := range p.index.lanes[i].entries {
			if e.fate <= fatePark {
				w.pending[e.part] = append(w.pending[e.part], e.offset)
			} else if first, ok := w.stays[e.part]; !ok || e.offset < first {
				w.stays[e.part] = e.offset
			}
		}
	}
	for _, list := range w.pending {
		slices.Sort(list)
	}
	return w
}

// first is the first letter of the partition that is pending once the letters
// of done are resolved, or its end.
func (w *watermark) first(part int32, resolved *Resolved, done func(int64) bool) int64 {
	list := w.pending[part]
	i := 0
	for i < len(list) && resolved.Has(part, list[i]) {
		i++
	}
	w.pending[part] = list[i:]
	at := w.end[part]
	for _, o := range list[i:] {
		if !done(o) {
			at = o
			break
		}
	}
	if first, ok := w.stays[part]; ok {
		at = min(at, first)
	}
	return at
}

// offsets are the watermark as it stands once a transaction is committed.
func (r *replayer) offsets(w *writing) *txn.Offsets {
	newest := note{ledgerIDText(r.ledger.TopicID), r.id, w.chunks[len(w.chunks)-1].Seq}
	at := map[kafka.TopicPartition]txn.Offset{}
	resolved := &r.state().Resolved
	going := map[int32][]int64{}
	for _, set := range w.sets {
		for _, m := range set.members {
			going[m.part] = append(going[m.part], m.offset)
		}
	}
	for part, list := range going {
		slices.Sort(list)
		if w.action == Reopened {
			// What else is pending was not read: at or before it is safe.
			first := min(list[0], resolved.NextPending(part, r.plan.bounds.start[part]))
			at[kafka.TopicPartition{Topic: r.plan.Queue, Partition: part}] = txn.Offset{Offset: first, Metadata: newest.String()}
		}
	}
	if w.action == Reopened {
		return &txn.Offsets{Group: watermarkGroup(r.plan.Queue), At: at}
	}
	for i := range r.plan.bounds.end {
		part := int32(i)
		if r.waters.pending[part] == nil && !r.opts.repairs {
			continue
		}
		list := going[part]
		offset := r.waters.first(part, resolved, func(o int64) bool {
			_, ok := slices.BinarySearch(list, o)
			return ok
		})
		at[kafka.TopicPartition{Topic: r.plan.Queue, Partition: part}] = txn.Offset{Offset: offset, Metadata: newest.String()}
	}
	return &txn.Offsets{Group: watermarkGroup(r.plan.Queue), At: at}
}
