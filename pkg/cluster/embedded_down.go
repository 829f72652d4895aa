package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/embedded"
)

const (
	// stopWait is how long a broker may take to end by itself, longer than
	// its supervisor waits before it kills it.
	stopWait = 25 * time.Second
	// termWait and killWait are what the two signals are given.
	termWait = 5 * time.Second
	killWait = 5 * time.Second
)

// Down implements [Runtime].
func (r *embeddedRuntime) Down(ctx context.Context, opts DownOptions) error {
	if err := r.stop(ctx, opts); err != nil {
		return err
	}
	if !opts.Volumes {
		return nil
	}
	done := report(opts.Progress).begin("volumes", "data removed from "+embedded.DataDir(r.dir))
	if err := embedded.Wipe(ctx, r.dir); err != nil {
		return translate(err)
	}
	done()
	return nil
}

// stop asks, then tells, then kills.
func (r *embeddedRuntime) stop(ctx context.Context, opts DownOptions) error {
	remote, _, err := embedded.Dial(ctx, r.dir)
	if errors.Is(err, embedded.ErrNotRunning) {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	rep := report(opts.Progress)
	done := rep.begin("stop", "broker stopped")
	patience := stopWait
	if opts.WaitTimeout > 0 {
		patience = opts.WaitTimeout
	}
	if err == nil {
		err = waitStop(ctx, remote, patience)
		if err == nil {
			done()
			return nil
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	rep.warn(fmt.Sprintf("broker did not end when asked to (%v)", err))
	for _, step := range []struct {
		name string
		kill bool
		wait time.Duration
	}{{"terminate", false, termWait}, {"kill", true, killWait}} {
		rep.note("sending " + step.name + " signal to process of project " + r.project)
		if err = embedded.Signal(ctx, r.dir, step.kill, step.wait); err == nil {
			done()
			return nil
		}
	}
	return fmt.Errorf("broker of project %s does not end: %w", r.project, translate(err))
}

func waitStop(ctx context.Context, remote *embedded.Remote, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return remote.Stop(ctx)
}

// translate turns the errors of the broker's package into this one's.
func translate(err error) error {
	switch {
	case errors.Is(err, embedded.ErrInUse):
		return &kindError{kind: ErrInUse, text: err.Error()}
	case errors.Is(err, embedded.ErrFormat):
		return &kindError{kind: ErrConflict, text: err.Error()}
	case errors.Is(err, embedded.ErrLowSpace):
		return advise(err, "free space on that disk, or keep stacks elsewhere with XDG_STATE_HOME; what is there stays")
	}
	return err
}
