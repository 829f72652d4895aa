package eventbus

import (
	"math"
	"sync/atomic"
)

// budget is how many bytes of records the partitions of a Bus may hold together. Each
// has an equal share, whatever the others hold, so that none waits for another.
type budget struct {
	total  int64 // 0: no bound
	least  int64 // that each may hold
	claims atomic.Int64
}

// leastShare is what a partition may hold however many there are: a busy one among many
// would stand still between two fetches.
const leastShare = 1 << 20

// share is what one partition may hold.
func (b *budget) share() int64 {
	if b.total <= 0 {
		return math.MaxInt64
	}
	return max(b.least, b.total/max(1, b.claims.Load()))
}

// maxBytes is how many bytes of unfinished records the claim may hold; one record is
// admitted whatever its size.
func (c *claim) maxBytes() int64 { return min(c.sub.opts.MaxBytes, c.sub.bus.budget.share()) }

// fits tells whether a record may be admitted.
func (c *claim) fits(offset, size int64) bool {
	t, o := &c.tracker, &c.sub.opts
	if t.unfinished == 0 {
		return true
	}
	c.heavy = t.bytes+size > c.maxBytes()
	return t.unfinished < o.MaxInFlight && !c.heavy && t.span(offset) < int64(o.MaxSpan)
}

// roomy tells whether it is worth waking the claim's goroutine to admit more.
func (c *claim) roomy() bool {
	t, o := &c.tracker, &c.sub.opts
	if t.unfinished == 0 {
		return true
	}
	slack, most := min(burst, o.MaxInFlight/4), c.maxBytes()
	return t.unfinished < o.MaxInFlight-slack && t.bytes < most-most/16 && t.span(t.position) < int64(o.MaxSpan)
}
