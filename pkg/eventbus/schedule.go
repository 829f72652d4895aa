package eventbus

import (
	"container/heap"
	"context"
	"time"
)

// scheduler is what the claims of a subscription share: the lanes that are
// ready or due later, and the workers. All of it is under mu.
type scheduler struct {
	ready  laneQueue
	timers laneTimers

	workers []*worker // started and not given up
	idle    []*worker // the one that was last to fall idle is woken first
	started int       // names workers
	active  int       // not idle

	// pace is how long a record took of late. Handlers that take next to no
	// time are best run by one worker; the clock sees to it that others are
	// woken when that one is held up.
	pace     time.Duration
	settled  int64 // counts runs, for the clock to see progress
	watching bool  // the clock looks for progress
}

// quick is the pace below which waking another worker costs more than it gives.
const quick = 50 * time.Microsecond

// wakeWorker gets another worker to look for ready lanes, if it is worth it.
func (s *subscription) wakeWorker() {
	if s.ready.n == 0 || s.closing {
		return
	}
	if s.pace < quick && s.active > 0 && time.Duration(s.ready.n)*s.pace < 2*quick*time.Duration(s.active) {
		if !s.watching {
			s.watching = true
			s.nudge()
		}
		return
	}
	if n := len(s.idle); n > 0 {
		w := s.idle[n-1]
		s.idle = s.idle[:n-1]
		s.active++
		w.wake <- struct{}{}
		return
	}
	if len(s.workers) < s.opts.Concurrency {
		s.startWorker()
	}
}

func (s *subscription) startWorker() {
	w := &worker{id: s.started, wake: make(chan struct{}, 1)}
	s.started++
	s.active++
	s.workers = append(s.workers, w)
	s.exits.Add(1)
	go s.work(w)
}

// take waits for a lane that is ready and takes records off its front; false
// ends the worker.
func (s *subscription) take(w *worker) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.closing {
			s.active--
			return false
		}
		if l := s.pick(w); l != nil {
			s.begin(w, l)
			s.wakeWorker()
			return true
		}
		s.idle = append(s.idle, w)
		s.active--
		s.mu.Unlock()
		<-w.wake
		s.mu.Lock()
		w.left = 0
	}
}

// pick takes the next lane that a worker may run, nil when there is none.
func (s *subscription) pick(w *worker) *lane {
	for s.ready.n > 0 {
		if s.ready.first.claim.stopped {
			s.ready.pop().state = laneEmpty
			continue
		}
		if l := s.ready.first; l.parked && !replayed(l.claim.tracker.at(l.head).msg) {
			s.condemnParked(s.ready.pop())
			continue
		}
		if !s.holding.Load() {
			return s.ready.pop()
		}
		if w.probe = s.breaker.probe(); w.probe == nil {
			return nil
		}
		return s.ready.pop()
	}
	return nil
}

// begin makes the front of l the worker's run.
func (s *subscription) begin(w *worker, l *lane) {
	c := l.claim
	limit := longestRun
	if s.invokeBatch != nil {
		limit = s.opts.BatchSize
	}
	if w.probe != nil || l.single > 0 || l.tries > 0 || l.held > 0 {
		limit = 1
		if s.invokeBatch != nil && l.single == 0 {
			limit = s.opts.BatchSize
		}
	}
	w.lane, w.tries = l, l.tries+l.held
	w.run = w.run[:0]
	for n := l.head; n >= 0 && len(w.run) < limit; {
		slot := c.tracker.at(n)
		w.run = append(w.run, slot.msg)
		n = slot.next
	}
	w.call = c.callOf(w.id)
	// A worker that goes from run to run has just looked at the clock.
	if w.taken = w.left; w.taken == 0 {
		w.taken = s.clock()
	}
	w.quick = s.pace < quick/10 && !s.timed
	l.state = laneRunning
	c.running++
}

// settle takes in how a run went: the first done records of it are done, and
// the next one failed if failed says so. The others wait for another turn.
func (s *subscription) settle(w *worker, done int, failed verdict, now int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, c := w.lane, w.lane.claim
	w.lane, w.left = nil, now
	if done > 0 {
		each := time.Duration(now-w.taken) / time.Duration(done)
		s.pace += (each - s.pace) / 8
	}
	s.settled++
	if !c.closed {
		for range done {
			l.advance()
		}
		c.progressed(done)
		if done > 0 {
			s.breaker.succeeded()
		}
	}
	s.settleProbe(w, failed)
	c.running--
	switch {
	case c.stopped:
		c.letGo()
	case failed.err != nil:
		n := 1
		if s.invokeBatch != nil {
			n = len(w.run) - done
		}
		s.failed(l, failed, n)
	default:
		s.next(l)
	}
	c.freed()
}

// next makes a lane that nobody holds ready again, if it has records.
func (s *subscription) next(l *lane) {
	if l.head < 0 {
		l.emptied()
		return
	}
	l.state = laneReady
	s.ready.push(l)
}

// settleProbe tells the breaker how its probe went.
func (s *subscription) settleProbe(w *worker, failed verdict) {
	if w.probe == nil {
		return
	}
	done := w.probe
	w.probe = nil
	var err error
	switch {
	case failed.err == nil:
	case s.breaker.counts(failed.err):
		err = failed.err
	case isCanceled(failed.err):
		err = errProbeEnded
	}
	s.breaker.probed(done, err)
}

// wait puts a lane on its timer.
func (s *subscription) wait(l *lane, d time.Duration) {
	l.state = laneWaiting
	l.due = time.Now().Add(d)
	heap.Push(&s.timers, l)
	if l.slot == 0 {
		s.nudge()
	}
}

// wakeDue makes the lanes ready whose time has come and returns when the next
// one is due.
func (s *subscription) wakeDue(now time.Time) (next time.Time) {
	for len(s.timers) > 0 {
		l := s.timers[0]
		if l.claim.stopped {
			heap.Pop(&s.timers)
			l.state = laneEmpty
			continue
		}
		if l.due.After(now) {
			return l.due
		}
		heap.Pop(&s.timers)
		if l.letter != nil {
			s.submit(l.letter)
			continue
		}
		// Its records have waited longest.
		l.state = laneReady
		s.ready.pushFront(l)
		s.wakeWorker()
	}
	return time.Time{}
}

// clock reads the subscription's own clock, in nanoseconds.
func (s *subscription) clock() int64 { return int64(time.Since(s.epoch)) }

// nudge gets the clock's goroutine to look again.
func (s *subscription) nudge() {
	select {
	case s.nudged <- struct{}{}:
	default:
	}
}

// tick is the life of the clock's goroutine: it wakes lanes that are due, looks
// after handlers that run too long and after the breaker.
func (s *subscription) tick(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-s.nudged:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		timer.Reset(s.lookAround())
	}
}

// lookAround does what is due and returns for how long nothing else will be.
func (s *subscription) lookAround() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	wait := time.Hour
	if next := s.wakeDue(now); !next.IsZero() {
		wait = min(wait, next.Sub(now))
	}
	if s.watching {
		if s.watchProgress() {
			wait = min(wait, time.Millisecond)
		}
	}
	if s.holding.Load() {
		wait = min(wait, s.lookAtBreaker(now))
	}
	wait = min(wait, s.watchHandlers())
	return max(wait, 100*time.Microsecond)
}

// watchProgress wakes workers when the quick ones are not quick any more. It is
// false when there is nothing to watch.
func (s *subscription) watchProgress() bool {
	if s.ready.n == 0 {
		s.watching = false
		return false
	}
	if s.settled == s.seen {
		s.pace = max(s.pace, 20*quick)
		s.wakeWorker()
	}
	s.seen = s.settled
	return true
}

// lookAtBreaker lets lanes go on when the breaker closes, and probes when it is
// half open. It returns when to look again.
func (s *subscription) lookAtBreaker(now time.Time) time.Duration {
	s.breaker.look()
	if !s.holding.Load() {
		return time.Hour
	}
	if wait := s.breaker.until.Sub(now); wait > 0 {
		return wait
	}
	s.pace = max(s.pace, 20*quick)
	s.wakeWorker()
	return time.Hour
}
