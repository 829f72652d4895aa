package txn

import (
	"context"
	"fmt"
	"time"
)

// mostHeld is how long a transaction waits for a quota in its middle: readers of its
// topics wait with it.
const mostHeld = time.Second

// HeldError is a quota of the cluster that holds the client back for longer than a
// transaction may stay open. The transaction was aborted and the Producer goes on: a
// smaller one may pass.
type HeldError struct {
	For time.Duration
}

// Error says for how long.
func (e *HeldError) Error() string {
	return fmt.Sprintf("a quota of the cluster holds this client back for %s", e.For.Round(time.Second))
}

// hold notes for how long a quota holds this client back: the broker reads no
// further request on the connection meanwhile (KIP-219).
func (p *Producer) hold(d time.Duration) {
	if d <= 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(d); until.After(p.free) {
		p.free = until
	}
}

// Held is how long a quota of the cluster holds this client back, 0 for not at all.
// The next Commit waits for that with no transaction open. It may be called at any
// time.
func (p *Producer) Held() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(0, time.Until(p.free))
}

// rest waits until no quota holds the client back. Within a transaction the wait could
// outlive it, and the protocol library's own cannot be called away.
func (p *Producer) rest(ctx context.Context) error {
	if d := p.Held(); d > 0 && !sleep(ctx, d) {
		return context.Cause(ctx)
	}
	return nil
}
