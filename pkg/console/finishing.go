package console

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// finish sends what is left, ends the transaction, and says what was done.
func (p *producing) finish(ctx context.Context) (ProduceResult, error) {
	if p.tx == nil {
		p.flush()
	} else if p.over() || ctx.Err() != nil || !p.commit(ctx) {
		p.abort()
	}
	p.kill()
	p.flush() // only collects what the kill ended
	p.engine.flying.Wait()

	res := p.settled
	if p.tx == nil {
		res = p.totals()
	}
	res.Sent, res.Failed = p.sent, p.failed
	res.Seconds = time.Since(p.started).Seconds()
	if res.Offsets == nil {
		res.Offsets = []Written{}
	}
	return res, p.verdict(ctx, res)
}

// verdict is the error of the run, nil when all of the input was taken care of.
func (p *producing) verdict(ctx context.Context, res ProduceResult) error {
	next := p.position + 1
	if p.refused != nil {
		next = p.refusedAt
	}
	if p.unwritten > 0 {
		next = min(next, p.unwritten)
	}
	first, unsure := p.engine.left(next)
	if p.tx != nil {
		first, unsure = p.txStart, 0
		if p.undecided {
			unsure = p.inTx
		}
	}
	cause := p.failure
	switch {
	case cause != nil:
	case p.refused != nil:
		return p.refused
	case p.inputErr != nil:
		cause = p.inputErr
	case ctx.Err() != nil && !(p.ended && p.engine.idle() && p.inTx == 0):
		cause = ctx.Err()
	default:
		return nil
	}
	return &UnfinishedError{Acked: res.Acked, Unsure: unsure, Resume: p.locate(first), Err: cause}
}

// flush waits until everything that may be sent is acknowledged. The run's
// patience, or its end, bounds it.
func (p *producing) flush() {
	for {
		p.engine.push(0)
		if p.engine.inFlight == 0 {
			return
		}
		p.settle(<-p.engine.done)
	}
}

// commit makes the open transaction's records visible. It returns false when
// the transaction is still open, or nobody knows.
func (p *producing) commit(ctx context.Context) bool {
	p.flush()
	if p.over() || ctx.Err() != nil {
		return false
	}
	if err := p.tx.end(p.engine.kill, true); err != nil {
		p.failure, p.undecided = err, true
		return false
	}
	p.settled = p.totals()
	p.inTx, p.txStart = 0, p.position+1
	return true
}

// renew makes the next transaction one that no end of an earlier one can meet.
func (p *producing) renew() bool {
	if p.tx.vague {
		p.failure = p.tx.begin(p.engine.kill, p.engine)
	}
	return p.failure == nil
}

// abort drops the open transaction.
func (p *producing) abort() {
	p.engine.halted = true
	p.flush()
	if p.undecided {
		return
	}
	if err := p.tx.end(p.engine.kill, false); err != nil && p.failure == nil && p.refused == nil {
		p.failure = err
	}
}

// totals is what the broker acknowledged so far.
func (p *producing) totals() ProduceResult {
	e := p.engine
	res := ProduceResult{Acked: e.acked, Bytes: e.payload, Offsets: make([]Written, 0, len(e.ends))}
	for _, w := range e.ends {
		res.Offsets = append(res.Offsets, *w)
	}
	slices.SortFunc(res.Offsets, func(a, b Written) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return res
}
