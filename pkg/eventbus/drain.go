package eventbus

import "time"

// lastGrace is how long handlers get to return once their contexts ended.
const lastGrace = 2 * time.Second

// drain ends the claim: calls that run may finish within the time there is for
// it, nothing else is begun, and what is done is committed.
func (c *claim) drain() {
	s := c.sub
	began := time.Now()
	limit := s.opts.DrainTimeout
	grace := min(lastGrace, limit/4)
	s.mu.Lock()
	c.stopped = true
	c.over.Store(true)
	if c.running == 0 {
		close(c.quiet)
	}
	s.mu.Unlock()
	timer := time.NewTimer(limit - grace)
	defer timer.Stop()
	drained := true
	select {
	case <-c.quiet:
	case <-timer.C:
		drained = false
	case <-s.hurried:
		drained = false
	}
	if !drained {
		c.cancel(ErrRevoked)
		timer.Reset(grace)
		select {
		case <-c.quiet:
		case <-timer.C:
		}
	}
	s.mu.Lock()
	c.closed = true
	delete(s.claims, c)
	c.mark()
	committed := c.marked
	s.mu.Unlock()
	c.session.Commit()
	s.obs.revoked(c.source, committed, drained, time.Since(began))
}

// mark hands the offset that may be committed to the session; it is committed
// with the next commit.
func (c *claim) mark() bool {
	offset := c.tracker.committable()
	if offset < 0 {
		offset = c.start
	}
	if offset < 0 {
		return false
	}
	note := c.notes()
	switch {
	case offset > c.marked:
		c.session.MarkOffset(c.source.topic, c.source.partition, offset, note)
	case note != c.noted:
		c.session.ResetOffset(c.source.topic, c.source.partition, offset, note)
	default:
		return false
	}
	c.marked, c.noted = offset, note
	return true
}

// beganBefore corrects where the claim began: its first record was fetched
// before the partition's end was looked at.
func (c *claim) beganBefore(offset int64) {
	c.start = -1
	if c.tracker.position < 0 && c.marked > offset {
		c.session.ResetOffset(c.source.topic, c.source.partition, offset, "")
		c.marked = offset
	}
}
