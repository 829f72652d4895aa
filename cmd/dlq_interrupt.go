package cmd

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
)

// interruption gives work two steps of being interrupted: while it is armed,
// the first Ctrl-C (or --timeout) only asks it to stop, and the second one
// ends it. Before that the first one ends it.
type interruption struct {
	ctx   context.Context // of the work
	stop  <-chan struct{} // closed by the first
	armed atomic.Bool
	end   context.CancelCauseFunc
	late  func() bool // the first was --timeout
	done  chan struct{}
}

// newInterruption starts to listen; the caller calls close.
func newInterruption(ctx context.Context) *interruption {
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	i := &interruption{ctx: work, stop: ctx.Done(), end: cancel, late: func() bool { return errors.Is(context.Cause(ctx), context.DeadlineExceeded) }, done: make(chan struct{})}
	// The handler of the process is one that goes on taking signals, so this
	// one can be asked for beside it.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		defer close(i.done)
		defer signal.Stop(signals)
		select {
		case <-work.Done():
			return
		case <-ctx.Done():
		}
		if i.armed.Load() {
			if !i.late() {
				<-signals // the first, which ended ctx too
			}
			select {
			case <-work.Done():
				return
			case <-signals:
			}
		}
		cancel(context.Cause(ctx))
	}()
	return i
}

// close ends the listening.
func (i *interruption) close() {
	i.end(context.Canceled)
	<-i.done
}
