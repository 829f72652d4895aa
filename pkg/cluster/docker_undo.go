package cluster

import (
	"context"
	"fmt"
	"slices"

	"github.com/multi-tenant/manage-kafka/internal/docker"
)

// Undo takes back what the last Up made: with nothing there before, all of it;
// otherwise what is new. Named volumes go only when this Up made them.
func (r *dockerRuntime) Undo(ctx context.Context, opts UpOptions) error {
	if opts.Keep {
		report(opts.Progress).note("left as it is, by --keep")
		return nil
	}
	if r.before == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	if err := r.undo(ctx, opts); err != nil {
		return advise(fmt.Errorf("undoing the start: %w", fromEngine(err)), "once the engine answers, remove what is left with: %s", r.command("stop"))
	}
	return nil
}

func (r *dockerRuntime) undo(ctx context.Context, opts UpOptions) error {
	if len(r.before.containers) == 0 {
		report(opts.Progress).note("undoing the start")
	} else {
		report(opts.Progress).note("removing what this start made; what was there before stays")
	}
	now, err := r.inventory(ctx)
	if err != nil {
		return err
	}
	volumes := newer(now.volumes, r.before.volumes)
	if len(r.before.containers) == 0 {
		patience := undoPatience
		if slices.Contains(volumes, r.dataVolume()) {
			patience = 0 // what it writes goes anyway
		}
		if err := r.engine.Down(ctx, r.compose(), docker.DownOptions{Patience: patience}); err != nil {
			return err
		}
	} else if err := r.engine.RemoveContainers(ctx, newer(ids(now.containers), ids(r.before.containers))); err != nil {
		return err
	}
	if now, err = r.inventory(ctx); err != nil {
		return err
	}
	if err := r.engine.RemoveNetworks(ctx, newer(now.networks, r.before.networks)); err != nil {
		return err
	}
	if err := r.engine.RemoveVolumes(ctx, newer(now.volumes, r.before.volumes)); err != nil {
		return err
	}
	return r.forgetFile()
}

// forgetFile removes the compose file of a project that had nothing before.
func (r *dockerRuntime) forgetFile() error {
	if len(r.before.containers)+len(r.before.volumes) > 0 {
		return nil
	}
	return removeFile(r.file())
}
