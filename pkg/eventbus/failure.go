package eventbus

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/sony/gobreaker/v2"
)

func isCanceled(err error) bool { return errors.Is(err, context.Canceled) }

// failed decides what becomes of a lane whose next call, for n records, failed.
func (s *subscription) failed(l *lane, v verdict, n int) {
	now := time.Now()
	if l.tries+l.held == 0 {
		l.firstFailed = now
	}
	l.lastFailed = now
	if !v.letter && !v.halt && s.breaker.counts(v.err) {
		if !s.holding.Load() && l.streak != s.breaker.streak {
			l.streak, l.spent = s.breaker.streak, 0
			s.breaker.failed(v.err)
		}
		if s.holding.Load() {
			// The try does not count. The next probe is another lane's, because
			// this one's record may be what is wrong.
			l.state = laneReady
			s.ready.push(l)
			return
		}
	}
	switch {
	case v.halt:
		s.halt(l, v)
	case v.letter:
		l.tries++
		s.exhausted(l, v, n)
	case isUnavailable(v.err):
		l.held++
		s.retry(l, v, s.waitBefore(l.held))
	case l.tries >= len(s.opts.Retries):
		l.tries++
		s.exhausted(l, v, n)
	default:
		l.tries++
		l.spent++
		s.retry(l, v, s.waitBefore(l.tries))
	}
}

func (s *subscription) retry(l *lane, v verdict, wait time.Duration) {
	s.obs.retrying(l.claim.source, l.claim.tracker.at(l.head).off, l.tries+l.held, wait, v.classOf())
	s.wait(l, wait)
}

// waitBefore is how long to wait after the nth failure.
func (s *subscription) waitBefore(n int) time.Duration {
	list := s.opts.Retries
	if len(list) == 0 {
		return time.Second
	}
	wait := list[min(n, len(list))-1]
	if s.opts.Jitter > 0 {
		wait += time.Duration(rand.Float64() * s.opts.Jitter * float64(wait)) //nolint:gosec // no secret
	}
	return wait
}

// exhausted ends the tries of a lane's head.
func (s *subscription) exhausted(l *lane, v verdict, n int) {
	c := l.claim
	switch {
	case l.splits(n):
		l.state = laneReady
		s.ready.pushFront(l)
		s.wakeWorker()
	case s.opts.OnExhausted == Halt:
		s.halt(l, v)
	default:
		if s.opts.OnExhausted == ParkKey && l.keyed {
			if !c.park(l) {
				s.halt(l, verdict{err: fmt.Errorf("%d keys of the partition are parked, no more can be: %w", mostParked, v.err)})
				return
			}
			s.obs.parked(c.source, c.tracker.at(l.head).off, "event failed for good")
		}
		s.condemn(l, v, "")
	}
}

// halt ends the subscription before a lane's head.
func (s *subscription) halt(l *lane, v verdict) {
	l.state = laneWaiting
	offset := l.claim.tracker.at(l.head).off
	s.end(fmt.Errorf("%s: offset %d: %w: %w", l.claim.tp(), offset, ErrHalted, v.err))
}

// breakerChanged follows the breaker, under the lock.
func (s *subscription) breakerChanged(state string) {
	open := state != gobreaker.StateClosed.String()
	s.holding.Store(open)
	s.obs.breaker(s.opts.Group, s.topic, state)
	if state == gobreaker.StateOpen.String() {
		// What failed on the way here failed for the dependency.
		for _, l := range s.timers {
			if l.streak == s.breaker.streak && l.letter == nil {
				l.tries -= l.spent
				l.spent = 0
			}
		}
	}
	for c := range s.claims {
		c.poke()
	}
	if open {
		s.nudge()
		return
	}
	s.pace = max(s.pace, 20*quick)
	s.wakeWorker()
}
