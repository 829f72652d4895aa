package dlq

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// preflight learns what the run stands on and refuses where that does not fit
// together. It only reads.
func (p *Plan) preflight(ctx context.Context) error {
	if err := p.findTopics(ctx); err != nil {
		return err
	}
	ledger, err := p.openLedger(ctx)
	if err != nil {
		return err
	}
	p.ledger, p.LedgerID, p.TopicID = ledger, ledger.TopicID, p.queue.id
	if ledger.Open == nil {
		if err := p.tripwire(ctx); err != nil {
			return err
		}
	}
	if p.bounds, err = readBounds(ctx, p.client, p.Queue, p.queue.partitions); err != nil {
		return err
	}
	p.snapshot()
	if p.queue.bounded {
		p.warn("%s deletes letters by size (retention.bytes), however young they are", p.Queue)
	}
	if p.queue.compacted && p.queue.told {
		p.warn("%s is compacted: of the letters of one key it keeps the newest only", p.Queue)
	}
	state := ledger.Queue(p.Queue, p.queue.id)
	if !p.opts.repairs {
		if err := checkProbes(ctx, p.client, state, p.bounds); err != nil {
			return err
		}
	}
	if n := ledger.Former(p.Queue, p.queue.id); n > 0 {
		p.warn("%s was made anew: %d letters that the ledger names for its former topic do not count", p.Queue, n)
	}
	return p.lookFirst(ctx)
}

// openLedger reads the ledger. What a transaction of this queue's own id keeps
// back is no news: it is that of a run which lives, as is found out next, or it
// is aborted when the run begins. Anybody else's is waited for.
func (p *Plan) openLedger(ctx context.Context) (*Ledger, error) {
	const soon = 300 * time.Millisecond
	opts := LedgerOptions{Topic: p.opts.Ledger, Queue: p.Queue, Detail: p.opts.Action == Reopened, Patience: soon}
	l, err := OpenLedger(ctx, p.client, opts)
	if err != nil || l.Open == nil || describeTransaction(ctx, p.client, transactionalID(p.Queue)).open {
		return l, err
	}
	p.opts.Notice(fmt.Sprintf("waiting for a transaction of another queue, open since offset %d of %s, before reading the ledger", l.Open.Stable, l.Topic))
	opts.Patience, opts.Insist = 2*p.opts.Timeout+15*time.Second, true
	return l, l.advance(ctx, p.client, opts)
}

// findTopics finds the queue and the ledger.
func (p *Plan) findTopics(ctx context.Context) error {
	found, err := facts(ctx, p.client, []string{p.Queue})
	if errors.Is(err, kafka.ErrUnknownTopic) {
		return errorf(kafka.ErrUnknownTopic, "%s: there is no such topic", p.Queue)
	}
	if err != nil {
		return err
	}
	p.queue = found[p.Queue]
	found, err = facts(ctx, p.client, []string{p.opts.Ledger})
	if errors.Is(err, kafka.ErrUnknownTopic) {
		return p.noLedger(ctx)
	}
	if err != nil {
		return err
	}
	ledger := found[p.opts.Ledger]
	if ledger.told && ledger.deletes {
		return errorf(ErrConflict, "%s deletes records by age (cleanup.policy is not compact): what it forgets would be replayed again", ledger.name)
	}
	return nil
}

// NeedQueue tells whether a queue is there, before anybody is asked about it;
// [ErrNotFound] where it is not.
func NeedQueue(ctx context.Context, c *kafka.Client, queue string) error {
	_, err := oneQueue(ctx, c, queue)
	return err
}

// noLedger tells a cluster that never had a ledger from one that lost it.
func (p *Plan) noLedger(ctx context.Context) error {
	if p.opts.repairs {
		return errorf(ErrNoLedger, "the cluster has no ledger (topic %s)", p.opts.Ledger)
	}
	notes, err := committedNotes(ctx, p.client, watermarkGroup(p.Queue), p.Queue, p.queue.partitions)
	if err != nil && !errors.Is(err, kafka.ErrNotPermitted) {
		return err
	}
	for part, note := range notes {
		if note != "" {
			return errorf(ErrConflict, "the ledger %s is gone, and the watermark of %s/%d says that letters were replayed (%s): a replay would send them again", p.opts.Ledger, p.Queue, part, note)
		}
	}
	return errorf(ErrNoLedger, "the cluster has no ledger (topic %s)", p.opts.Ledger)
}

// snapshot fixes where each partition ends for this run: letters that fail
// again meanwhile are letters of the next.
func (p *Plan) snapshot() {
	for part := range p.bounds.end {
		end := &p.bounds.end[part]
		if p.opts.Approved != nil {
			*end = min(*end, p.opts.Approved.Ends[int32(part)])
		} else if *end < p.bounds.high[part] {
			p.warn("%s/%d is read to %d only: a transaction open since then keeps back what was written up to %d", p.Queue, part, *end, p.bounds.high[part])
		}
	}
}

// note is what the watermark's offsets carry, to tell a ledger that was lost
// or rolled back from one that is empty.
type note struct {
	ledger string
	run    string
	seq    int64
}

func (n note) String() string { return fmt.Sprintf("%s/%s/%d", n.ledger, n.run, n.seq) }

func parseNote(text string) (note, bool) {
	parts := strings.Split(text, "/")
	if len(parts) != 3 {
		return note{}, false
	}
	seq, err := strconv.ParseInt(parts[2], 10, 64)
	return note{parts[0], parts[1], seq}, err == nil
}

func ledgerIDText(id string) string {
	if id == "" {
		return noTopicID
	}
	return id
}

// tripwire holds the watermark, which lives in another topic, against the
// ledger: one that knows less was lost or rolled back.
func (p *Plan) tripwire(ctx context.Context) error {
	if p.opts.repairs {
		return nil
	}
	notes, err := committedNotes(ctx, p.client, watermarkGroup(p.Queue), p.Queue, p.queue.partitions)
	if errors.Is(err, kafka.ErrNotPermitted) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the watermark of %s: %w", p.Queue, err)
	}
	for part, text := range notes {
		n, ok := parseNote(text)
		if !ok {
			continue // an operator moved the group
		}
		if id := ledgerIDText(p.ledger.TopicID); n.ledger != id {
			return errorf(ErrConflict, "the watermark of %s/%d was written with ledger %s, now it is %s: the ledger was made anew; a replay would duplicate", p.Queue, part, n.ledger, id)
		}
		known := "none"
		if r := p.ledger.Run(n.run); r != nil {
			if r.Seq >= n.seq {
				continue
			}
			known = strconv.FormatInt(r.Seq, 10)
		}
		return errorf(ErrConflict, "the ledger is older than the group watermark (seq %d > %s): a replay would duplicate", n.seq, known)
	}
	return nil
}

// watchTime is how long the ledger is watched for a run of which nothing else
// can be told; a run writes to it every heartbeat at least.
const (
	heartbeat = 5 * time.Second
	watchTime = 12 * time.Second
	watchStep = 300 * time.Millisecond
)

// lookFirst refuses where another run lives, before anything fences it.
func (p *Plan) lookFirst(ctx context.Context) error {
	newest := p.ledger.newest(p.Queue)
	open := describeTransaction(ctx, p.client, transactionalID(p.Queue)).open
	running := newest != nil && newest.State == Running
	p.previous = nil
	if running {
		p.previous = newest
	}
	if p.opts.Takeover || p.opts.ReadOnly || !running && !open {
		return nil
	}
	if running {
		switch lifeOf(newest) {
		case dead:
			return nil
		case alive:
			return busy(p.Queue, newest)
		}
	}
	if p.opts.AssumeDead {
		return nil
	}
	return p.watch(ctx, newest)
}

// watch looks whether somebody writes to the ledger about this queue.
func (p *Plan) watch(ctx context.Context, newest *Run) error {
	if newest != nil {
		p.opts.Notice(fmt.Sprintf("run %s (%s@%s) did not end; watching the ledger for %s to see whether it lives", newest.ID, newest.Op, newest.Host, watchTime))
	}
	seen := int64(-1)
	if newest != nil {
		seen = newest.at
	}
	for until := time.Now().Add(watchTime); time.Now().Before(until); {
		if err := pause(ctx, watchStep); err != nil {
			return err
		}
		if err := p.ledger.advance(ctx, p.client, LedgerOptions{Topic: p.opts.Ledger, Patience: time.Millisecond}); err != nil {
			return err
		}
		now := p.ledger.newest(p.Queue)
		if now == nil || now.at == seen {
			continue
		}
		if now.State != Running {
			p.previous = nil
			return nil
		}
		return busy(p.Queue, now)
	}
	return nil
}

// newest is the run on queues of this name whose record is the newest.
func (l *Ledger) newest(queue string) *Run {
	var newest *Run
	for _, q := range l.queues {
		if r := q.latest(); q.Queue == queue && r != nil && (newest == nil || r.at > newest.at) {
			newest = r
		}
	}
	if newest == nil {
		return nil
	}
	found := *newest
	return &found
}

// BusyError is [ErrBusy] with the run that works on the queue.
type BusyError struct {
	Queue string
	Run   Run
}

func (e *BusyError) Error() string {
	r := e.Run
	return fmt.Sprintf("%s is being replayed by %s@%s (run %s, %d/%d, last commit %s ago)",
		e.Queue, r.Op, r.Host, r.ID, r.Done, r.Plan, max(0, time.Since(r.Heartbeat)).Round(time.Second))
}

// Is matches [ErrBusy].
func (e *BusyError) Is(target error) bool { return target == ErrBusy }

func busy(queue string, r *Run) error { return &BusyError{Queue: queue, Run: *r} }

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
