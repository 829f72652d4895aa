package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// run is one run of an App.
type run struct {
	app   *App
	life  context.Context
	fail  context.CancelCauseFunc
	stops []func(context.Context) error
	cut   context.CancelFunc // of the context that subscriptions are made under

	server    *server
	endWorks  context.CancelFunc
	workGroup sync.WaitGroup
	workErrs  []error
}

func (r *run) start() error {
	a := r.app
	// Subscriptions outlive life, which only cuts their making short.
	joining, cut := context.WithCancel(context.WithoutCancel(r.life))
	r.cut = cut
	defer context.AfterFunc(r.life, cut)()
	var err error
	if r.server, err = a.serve(func(err error) { r.fail(fmt.Errorf("serving %s: %w", a.opts.Addr, err)) }); err != nil {
		return err
	}
	// Work goes on while handlers finish, so it does not end with life.
	var working context.Context
	working, r.endWorks = context.WithCancel(context.WithoutCancel(r.life))
	r.workErrs = make([]error, len(a.works))
	for i, w := range a.works {
		r.workGroup.Go(func() {
			err := w.run(working)
			if working.Err() != nil && errors.Is(err, working.Err()) {
				return
			}
			if working.Err() == nil {
				r.fail(fmt.Errorf("%s ended: %w", w.name, orEnd(err)))
				return
			}
			if err != nil {
				r.workErrs[i] = fmt.Errorf("%s: %w", w.name, err)
			}
		})
	}
	for _, s := range a.starts {
		stop, err := s.begin(joining, func(err error) { r.fail(fmt.Errorf("subscription to %s ended: %w", s.topic, err)) })
		if err != nil {
			return fmt.Errorf("subscribing to %s: %w", s.topic, err)
		}
		r.stops = append(r.stops, stop)
	}
	return nil
}

var errEndedEarly = errors.New("nothing was left to do")

func orEnd(err error) error {
	if err == nil {
		return errEndedEarly
	}
	return err
}

// stop ends everything in the reverse order, within the timeout.
func (r *run) stop(ctx context.Context, signals <-chan os.Signal) error {
	a := r.app
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.opts.StopTimeout)
	defer cancel()
	ctx, hurry := context.WithCancelCause(ctx)
	defer hurry(nil)
	watching := make(chan struct{})
	defer close(watching)
	go func() {
		select {
		case <-signals:
			hurry(ErrHurried)
		case <-watching:
		}
	}()
	errs := make([]error, len(r.stops))
	var stopping sync.WaitGroup
	for i, stop := range r.stops {
		stopping.Go(func() { errs[i] = stop(ctx) })
	}
	stopping.Wait()
	if r.endWorks != nil {
		r.endWorks()
		errs = append(errs, waitFor(ctx, &r.workGroup))
		errs = append(errs, r.workErrs...)
	}
	errs = append(errs, a.bus.Close(ctx), r.server.close(ctx))
	r.cut()
	return errors.Join(errs...)
}

// lastGrace is how long background work gets to return when there is no time left.
const lastGrace = time.Second

// waitFor waits for background work that was told to end, no longer than ctx and a
// moment.
func waitFor(ctx context.Context, group *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	timer := time.NewTimer(lastGrace)
	defer timer.Stop()
	select {
	case <-done:
		return nil
	case <-timer.C:
		return fmt.Errorf("background work goes on: %w", context.Cause(ctx))
	}
}
