package eventbus

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
)

const (
	// longestRun is how many records of one lane a worker takes at once.
	longestRun = 64
	// turn is how long a worker stays with a lane while others wait.
	turn = 2 * time.Millisecond
	// quickRun is how many handlers that take next to no time share one look
	// at the clock.
	quickRun = 16
)

// worker runs handlers, one at a time.
type worker struct {
	id    int
	wake  chan struct{}
	lane  *lane
	run   []*sarama.ConsumerMessage // what it took of the lane, in order
	probe func(error)               // set while it probes for the breaker

	call  callContext
	taken int64 // reading of the clock when the run began
	left  int64 // the same when its last run ended; 0: it has rested since
	tries int   // failed ones of the run's first record
	at    int   // the record of the run that is being handled
	quick bool  // handlers took next to no time of late

	// began is when the running call of the handler began, by the
	// subscription's clock, shifted left by one; the lowest bit says that its
	// context was canceled for it. 0: no call; abandoned: the call is given up.
	// Who changes it compares and swaps, so that a call ends exactly once.
	began atomic.Int64
}

const abandoned = -1

// callContext is the context of a worker's calls for one claim.
type callContext struct {
	context.Context
	cancel context.CancelCauseFunc
}

// verdict is what one call of a handler came to.
type verdict struct {
	err   error
	class string // of the error; "" is its Go type
	// letter says that trying again cannot help, halt that the record may not
	// be passed, skip that it needs no work.
	letter, halt, skip bool
	kind               string // the event's type
}

// work is the life of a worker's goroutine.
func (s *subscription) work(w *worker) {
	returns := false
	defer func() {
		if !returns {
			s.goOn(w)
		}
	}()
	run := s.runLane
	if s.invokeBatch != nil {
		run = s.runBatch
	}
	for s.take(w) {
		if !run(w) { // given up: who did that has taken over
			returns = true
			return
		}
	}
	returns = true
	s.exits.Done()
}

var errExit = errors.New("handler ended its goroutine")

// goOn has another goroutine be the worker when a handler has ended this one with
// runtime.Goexit, as testing.T.FailNow does: the call failed as if it had panicked.
func (s *subscription) goOn(w *worker) {
	began := w.began.Load()
	switch {
	case began == 0: // a panic that is no handler's ends the process
		return
	case began == abandoned:
		s.lateReturn()
		return
	case !s.returned(w, began&^1):
		return
	}
	done, n := w.at, 1
	if s.invokeBatch != nil {
		done, n = 0, len(w.run)
	}
	v := verdict{err: errExit, class: ClassPanic}
	end := s.clock()
	s.observe(w.lane.claim, v, n, time.Duration(end-began>>1))
	s.settle(w, done, v, end)
	go s.work(w)
}

// runLane handles what the worker took, one record after the other. It is
// false when a call was given up.
func (s *subscription) runLane(w *worker) bool {
	c := w.lane.claim
	now := w.taken
	done := 0
	var failed verdict
	for i, m := range w.run {
		if i > 0 && (c.over.Load() || s.holding.Load() || time.Duration(now-w.taken) > turn) {
			break
		}
		w.at = i
		v, ok := s.callOne(w, m, now)
		if !ok {
			return false
		}
		end := now
		if !w.quick || v.err != nil || i%quickRun == quickRun-1 || i == len(w.run)-1 {
			end = s.clock()
		}
		if s.timed || v.err != nil {
			s.observe(c, v, 1, time.Duration(end-now))
		}
		now = end
		if v.err != nil {
			failed = v
			break
		}
		done++
	}
	s.settle(w, done, failed, now)
	return true
}

// callOne calls the handler for one record. ok is false when the call was
// given up meanwhile.
func (s *subscription) callOne(w *worker, m *sarama.ConsumerMessage, now int64) (v verdict, ok bool) {
	mark := now<<1 | 2 // never 0
	w.began.Store(mark)
	v = s.guard(w, m)
	return v, s.returned(w, mark)
}

// returned ends a call; false when it was given up.
func (s *subscription) returned(w *worker, mark int64) bool {
	if w.began.CompareAndSwap(mark, 0) {
		return true
	}
	if w.began.CompareAndSwap(mark|1, 0) {
		// Its context is spent; the next call gets a new one.
		s.mu.Lock()
		w.call = w.lane.claim.newCall(w.id)
		s.mu.Unlock()
		return true
	}
	s.lateReturn()
	return false
}

// guard makes a panic of the handler an error.
func (s *subscription) guard(w *worker, m *sarama.ConsumerMessage) (v verdict) {
	defer func() {
		if p := recover(); p != nil {
			v = panicked(p)
		}
	}()
	return s.invoke(w, m)
}

func panicked(p any) verdict {
	return verdict{err: &panicError{value: p, stack: debug.Stack()}, class: ClassPanic}
}

// panicError is a panic of a handler.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("handler panicked: %v", e.value) }

// observe tells of a call that ended.
func (s *subscription) observe(c *claim, v verdict, n int, took time.Duration) {
	how := outcomeDone
	switch {
	case v.skip:
		how = outcomeSkipped
	case v.err == nil:
	case v.letter || v.halt:
		how = outcomeLetter
	case isUnavailable(v.err):
		how = outcomeHeld
	default:
		how = outcomeRetry
	}
	s.obs.handled(c.source, v.kind, n, how, took)
}

// classOf names an error in a dead letter: by the type of what it goes back to.
func (v verdict) classOf() string {
	if v.class != "" {
		return v.class
	}
	err := v.err
	for {
		switch wrapped := err.(type) { //nolint:errorlint // each link is looked at
		case interface{ Unwrap() error }:
			next := wrapped.Unwrap()
			if next == nil {
				return fmt.Sprintf("%T", err)
			}
			err = next
		case interface{ Unwrap() []error }:
			list := wrapped.Unwrap()
			if len(list) == 0 {
				return fmt.Sprintf("%T", err)
			}
			err = list[0]
		default:
			return fmt.Sprintf("%T", err)
		}
	}
}

// judge turns a handler's error into a verdict.
func judge(err error, kind string) verdict {
	switch {
	case err == nil:
		return verdict{kind: kind}
	case errors.Is(err, ErrSkip):
		return verdict{kind: kind, skip: true}
	}
	// An error that cannot say what it is, such as a nil pointer of a type whose
	// Error reads a field, has to panic here, where that is caught.
	_ = err.Error()
	return verdict{err: err, kind: kind, letter: isPermanent(err)}
}
