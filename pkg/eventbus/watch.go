package eventbus

import (
	"fmt"
	"time"
)

// watchHandlers looks for calls that run too long and returns when to look
// again.
func (s *subscription) watchHandlers() time.Duration {
	limit := s.opts.HandlerTimeout
	grace := min(limit, 10*time.Second)
	now := s.clock()
	for i := 0; i < len(s.workers); i++ {
		w := s.workers[i]
		mark := w.began.Load()
		if mark <= 0 {
			continue
		}
		took := time.Duration(now - mark>>1)
		switch warned := mark&1 == 1; {
		case took <= limit:
		case !warned:
			if w.began.CompareAndSwap(mark, mark|1) {
				w.call.cancel(ErrStuck)
				s.obs.stuck(w.lane.claim.source, s.stuckOffset(w), took, false)
			}
		case took <= limit+grace || s.closing:
		case s.opts.OnStuck == LeaveGroup:
			s.end(fmt.Errorf("%s: offset %d: %w", w.lane.claim.tp(), s.stuckOffset(w), ErrStuck))
		case w.began.CompareAndSwap(mark, abandoned):
			s.abandon(w, took)
			i--
		}
	}
	return min(max(limit/8, time.Millisecond), time.Second)
}

// stuckOffset is a guess: the call may just have ended.
func (s *subscription) stuckOffset(w *worker) int64 {
	return w.lane.claim.tracker.at(w.lane.head).off
}

// abandon gives a call up: the worker's goroutine is on its own from now on,
// and its record fails for good.
func (s *subscription) abandon(w *worker, took time.Duration) {
	l, c := w.lane, w.lane.claim
	for i := range s.workers {
		if s.workers[i] == w {
			s.workers = append(s.workers[:i], s.workers[i+1:]...)
			break
		}
	}
	s.active--
	s.abandoned++
	s.exits.Done()
	done, n := w.at, 1
	if s.invokeBatch != nil {
		done, n = 0, len(w.run)
	}
	if !c.closed {
		for range done {
			l.advance()
		}
		c.progressed(done)
	}
	c.running--
	v := verdict{err: fmt.Errorf("%w: no return after %v", ErrStuck, took.Round(time.Millisecond)), class: ClassStuck, letter: true}
	s.settleProbe(w, v)
	s.settled++
	if c.stopped {
		c.letGo()
		return
	}
	offset := c.tracker.at(l.head).off
	s.obs.stuck(c.source, offset, took, true)
	s.obs.handled(c.source, "", 1, outcomeAbandoned, took)
	l.firstFailed = time.Now().Add(-took)
	s.failed(l, v, n)
	c.freed()
	s.wakeWorker()
}

// lateReturn notes that a call that was given up returned after all.
func (s *subscription) lateReturn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.abandoned--
}

// Everything that is said of a subscription is said by state.
func (s *subscription) state() GroupState {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := GroupState{
		Group: s.opts.Group, Topic: s.topic, State: s.phase, Assigned: len(s.claims), Abandoned: s.abandoned,
		Breaker: s.breaker.was.String(),
	}
	if s.lastErr != nil {
		g.Error = s.lastErr.Error()
	}
	now := s.clock()
	for _, w := range s.workers {
		if mark := w.began.Load(); mark > 0 {
			took := time.Duration(now - mark>>1)
			g.OldestInFlight = max(g.OldestInFlight, took)
			if took > s.opts.HandlerTimeout {
				g.Stuck++
			}
		}
	}
	for c := range s.claims {
		if c.paused {
			g.Paused++
		}
		g.InFlight += c.tracker.unfinished
		g.LettersFailing += c.failingLetters + c.oversizeLetters
		if at := c.tracker.committable(); at >= 0 {
			g.Lag += max(0, c.behind()-at)
		}
	}
	for _, l := range s.timers {
		if !l.claim.stopped {
			g.Waiting++
		}
	}
	return g
}
