package eventbus

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/sony/gobreaker/v2"
)

// breaker tells when what the handlers depend on is down. The subscription
// that owns it locks; only held is read without.
type breaker struct {
	opts BreakerOptions
	two  *gobreaker.TwoStepCircuitBreaker[struct{}]
	was  gobreaker.State
	// until is when an open breaker lets probes through.
	until time.Time
	// streak numbers the runs of failures without a success between, failing
	// says that one is under way.
	streak  int64
	failing bool
	changed func(state string)
}

// errProbeEnded is a probe that said nothing about the dependency.
var errProbeEnded = errors.New("probe ended early")

func newBreaker(name string, opts BreakerOptions, changed func(state string)) *breaker {
	if opts.Counts == nil {
		opts.Counts = infrastructure
	}
	b := &breaker{opts: opts, changed: changed, streak: 1}
	b.two = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name: name, MaxRequests: uint32(min(int64(opts.Probes), math.MaxUint32)), Timeout: opts.Pause,
		ReadyToTrip: func(c gobreaker.Counts) bool { return int64(c.ConsecutiveFailures) >= int64(opts.Failures) },
		IsExcluded:  func(err error) bool { return errors.Is(err, errProbeEnded) },
	})
	return b
}

// counts tells the errors that speak of the dependency.
func (b *breaker) counts(err error) bool {
	return !b.opts.Off && !isPermanent(err) && !errors.Is(err, context.Canceled) && !errors.Is(err, ErrStuck) && b.asked(err)
}

// asked is what Counts says, or the default where that panics: the locks that are
// held have to be given back.
func (b *breaker) asked(err error) (counts bool) {
	defer func() {
		if p := recover(); p != nil {
			counts = infrastructure(err)
		}
	}()
	return b.opts.Counts(err)
}

// look notes a change of state and returns the state.
func (b *breaker) look() gobreaker.State {
	state := b.two.State()
	if state != b.was {
		b.was = state
		if state == gobreaker.StateOpen {
			// The breaker itself looks whether its expiry is before now.
			b.until = time.Now().Add(b.opts.Pause + time.Millisecond)
		}
		b.changed(state.String())
	}
	return state
}

// failed counts the failure of a record, once for each streak.
func (b *breaker) failed(err error) {
	if done, refused := b.two.Allow(); refused == nil {
		b.failing = true
		done(err)
	}
	b.look()
}

// succeeded ends a streak.
func (b *breaker) succeeded() {
	if !b.failing {
		return
	}
	if b.two.State() == gobreaker.StateClosed {
		b.failing = false
		b.streak++
		if done, refused := b.two.Allow(); refused == nil {
			done(nil)
		}
	}
}

// probe lets one record through a half-open breaker; done is nil when it may
// not pass.
func (b *breaker) probe() (done func(error)) {
	done, err := b.two.Allow()
	if err != nil {
		return nil
	}
	return done
}

// probed takes in how a probe ended: nil where the dependency answered.
func (b *breaker) probed(done func(error), err error) {
	done(err)
	if b.look() == gobreaker.StateClosed {
		b.failing = false
		b.streak++
	}
}
