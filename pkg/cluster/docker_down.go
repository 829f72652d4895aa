package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/docker"
)

// Down implements [Runtime].
func (r *dockerRuntime) Down(ctx context.Context, opts DownOptions) error {
	if err := r.find(ctx, 0); err != nil {
		return err
	}
	have, err := r.inventory(ctx)
	if err != nil {
		return err
	}
	if err := r.checkOwn(have.containers); err != nil {
		return err
	}
	if len(have.containers)+len(have.networks) > 0 {
		if err := r.takeDown(ctx, opts, have); err != nil {
			return err
		}
	}
	if !opts.Volumes {
		return nil
	}
	return r.removeVolumes(ctx, opts)
}

// takeDown stops and removes containers and networks.
func (r *dockerRuntime) takeDown(ctx context.Context, opts DownOptions, have *inventory) error {
	if err := r.haveFile(ctx); err != nil {
		return err
	}
	patience := time.Duration(-1)
	switch {
	case opts.WaitTimeout > 0:
		patience = opts.WaitTimeout
	case opts.Volumes || opts.dataGoes:
		// What it writes at its end goes anyway; a container that is still setting
		// itself up hears no signal and would have all of its own time.
		patience = undoPatience
	}
	text := counted(len(have.containers), "container", "stopped and removed", "stopped and removed")
	done := report(opts.Progress).begin("stop", text)
	// A paused container does not hear that it should end.
	var paused []string
	for _, c := range have.containers {
		if c.State == "paused" {
			paused = append(paused, c.Service)
		}
	}
	if len(paused) > 0 {
		if err := r.engine.Unpause(ctx, r.compose(), paused); err != nil {
			return fromEngine(err)
		}
	}
	if err := r.engine.Down(ctx, r.compose(), docker.DownOptions{Patience: patience}); err != nil {
		return fromEngine(err)
	}
	left, err := r.inventory(ctx)
	if err != nil {
		return err
	}
	// Compose answers well for a network that something else is attached to.
	if len(left.containers)+len(left.networks) > 0 {
		return advise(fmt.Errorf("project %s: still there: %s", r.project, strings.Join(left.names(), ", ")), "end what is attached to it, then repeat")
	}
	done()
	return nil
}

// counted says of one thing or of several what is so.
func counted(n int, thing, one, many string) string {
	if n == 1 {
		return "1 " + thing + " " + one
	}
	return fmt.Sprintf("%d %ss %s", n, thing, many)
}

func (i *inventory) names() []string {
	var names []string
	for _, c := range i.containers {
		names = append(names, "container "+c.Name)
	}
	for _, n := range i.networks {
		names = append(names, "network "+n)
	}
	return names
}

// removeVolumes removes every volume of the project.
func (r *dockerRuntime) removeVolumes(ctx context.Context, opts DownOptions) error {
	volumes, err := r.engine.Volumes(ctx, r.project)
	if err != nil {
		return fromEngine(err)
	}
	if len(volumes) > 0 {
		done := report(opts.Progress).begin("volumes", "removed volume "+strings.Join(volumes, ", "))
		if err := r.engine.RemoveVolumes(ctx, volumes); err != nil {
			return fromEngine(err)
		}
		done()
	}
	return removeFile(r.file())
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// haveFile writes the compose file when it is gone: compose would otherwise
// look for one in the working directory and above, and find somebody else's.
func (r *dockerRuntime) haveFile(ctx context.Context) error {
	if exists(r.file()) {
		return nil
	}
	stack, err := r.load(ctx, State{Project: r.project}, UpOptions{})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return err
	}
	return replaceFile(r.file(), stack.YAML)
}

// Wait implements [Runtime]: it shows the logs until ctx or the stack ends, and
// then stops the stack.
func (r *dockerRuntime) Wait(ctx context.Context) error {
	err := r.Logs(ctx, LogOptions{Follow: true, Since: time.Now(), Tail: -1, Each: func(l LogLine) error {
		if r.show != nil {
			r.show(l)
		}
		return nil
	}})
	if ctx.Err() == nil && err == nil {
		err = errors.New("every container ended")
	}
	if ctx.Err() != nil {
		err = nil
	}
	down, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return errors.Join(err, r.Down(down, DownOptions{}))
}
