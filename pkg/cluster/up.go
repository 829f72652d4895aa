package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/embedded"
)

// undoTimeout bounds the clean-up of a start that failed or was interrupted.
const undoTimeout = 30 * time.Second

// Up starts the stack and returns its status once Kafka answers a client as
// it should, with the catalogue's topics made. already tells a stack that ran
// before, which is left as it is; nothing but its status is asked then.
//
// A start that fails undoes what it made; when that fails too, the error says
// both. It reports [ErrPortTaken], [ErrNotReady], [ErrInUse], [ErrInvalid],
// and [ErrConflict] when the stack runs in another way than opts ask for.
func (s *Stack) Up(ctx context.Context, opts UpOptions) (status Status, already bool, err error) {
	if _, err := s.wantedState(opts); err != nil {
		return Status{}, false, err // before anything is written
	}
	unlock, err := s.lock(ctx, opts.Progress)
	if err != nil {
		return Status{}, false, err
	}
	defer func() { unlock(err != nil && !s.recorded) }()
	if err := s.settle(ctx, opts.Progress); err != nil {
		return Status{}, false, err
	}
	state, err := s.wantedState(opts)
	if err != nil {
		return Status{}, false, err
	}
	services, err := s.runtime.Services(ctx, s.state)
	if err != nil {
		return Status{}, false, s.explainEngine(err)
	}
	if stateOf(services, ServiceKafka) == StateStopping {
		report(opts.Progress).note("project " + s.project + " is stopping; waiting for its end")
		if err := s.runtime.Down(ctx, DownOptions{WaitTimeout: opts.WaitTimeout}); err != nil {
			return Status{}, false, err
		}
		services = nil
	}
	// What a start left that was killed is finished as if it had just been asked for.
	if runs(services) && (s.recorded || s.runtime.Name() != RuntimeDocker) {
		if err := s.sameAsRunning(state); err != nil {
			return Status{}, true, err
		}
		if s.complete(ctx, services, state, opts) {
			status, err := s.joinRunning(ctx, opts)
			if err != nil || status.Status != HealthDown {
				return status, true, err
			}
		}
		// What died just now, or lacks a service, is started after all.
	}
	if err := s.runtime.Up(ctx, state, opts); err != nil {
		return Status{}, false, s.explainEngine(err)
	}
	status, err = s.finishUp(ctx, state, opts)
	if err != nil {
		if r, ok := s.runtime.(*dockerRuntime); ok {
			err = r.Explain(ctx, err)
		}
		return Status{}, false, errors.Join(err, s.undo(ctx, opts))
	}
	return status, false, nil
}

// joinRunning is a start of what runs already: nothing but waiting for one
// that is not ready yet.
func (s *Stack) joinRunning(ctx context.Context, opts UpOptions) (Status, error) {
	status, err := s.Status(ctx)
	if err != nil || status.Status == HealthDown {
		return status, err
	}
	s.noticeOlder(status.Services, opts.Progress)
	if status.Status != HealthStarting {
		return status, nil
	}
	client, err := s.awaitKafka(ctx, s.state, opts)
	if err != nil {
		return Status{}, err
	}
	status, err = s.Status(ctx)
	return status, errors.Join(err, client.Close())
}

// sameAsRunning reports [ErrConflict] when the stack that runs is not the wanted one.
func (s *Stack) sameAsRunning(wanted State) error {
	var differs string
	switch have := s.state; {
	case wanted.PortOffset != have.PortOffset:
		differs = fmt.Sprintf("with port offset %d, not %d", have.PortOffset, wanted.PortOffset)
	case wanted.Advertise != have.Advertise:
		differs = fmt.Sprintf("advertising %q, not %q", have.Advertise, wanted.Advertise)
	case !slices.Equal(wanted.Overlays, have.Overlays):
		differs = fmt.Sprintf("with overlays %v, not %v", have.Overlays, wanted.Overlays)
	default:
		return nil
	}
	stop := "manage-kafka stop"
	if s.project != DefaultProject {
		stop += " --project " + s.project
	}
	return advise(errorf(ErrConflict, "project %s runs already, %s", s.project, differs),
		"stop it first, its data is kept: %s; or name another project with --project", stop)
}

// noticeOlder says when what runs was started by another build than this one.
func (s *Stack) noticeOlder(services []Service, progress func(Event)) {
	for _, svc := range services {
		if svc.Version != "" && s.version != "" && svc.Version != s.version {
			report(progress).warn(fmt.Sprintf("%s still runs as manage-kafka %s, this is %s; stop and start to change that", svc.Name, svc.Version, s.version))
		}
	}
}

// runs tells whether anything of a stack is alive.
func runs(services []Service) bool {
	return slices.ContainsFunc(services, Service.alive)
}

// wantedState merges what was recorded with what opts ask for.
func (s *Stack) wantedState(opts UpOptions) (State, error) {
	state := s.state
	if opts.PortOffset != nil {
		state.PortOffset = *opts.PortOffset
	}
	if opts.Overlays != nil {
		state.Overlays = opts.Overlays
	}
	if opts.Advertise != nil {
		state.Advertise = *opts.Advertise
	}
	if opts.ClusterID != "" {
		state.ClusterID = opts.ClusterID
	}
	state.StartedAt = time.Now().UTC().Truncate(time.Second)
	if err := checkState(state); err != nil || s.auto {
		return state, err // another runtime may yet be chosen
	}
	if err := s.runtime.Check(state); err != nil || s.runtime.Name() == RuntimeDocker {
		return state, err
	}
	return state, opts.wantDocker()
}

// wantDocker refuses what only the docker runtime does: a start that passed it
// over would run other services, or another cluster, than was asked for.
func (o UpOptions) wantDocker() error {
	for _, option := range []struct {
		name  string
		given bool
	}{{"only", len(o.Only) > 0}, {"exclude", len(o.Exclude) > 0}, {"cluster-id", o.ClusterID != ""}} {
		if option.given {
			return errorf(ErrInvalid, "--%s: the embedded runtime does not have it; it needs the docker runtime", option.name)
		}
	}
	return nil
}

// lock keeps two starts of one project, and a start and a wipe, apart.
func (s *Stack) lock(ctx context.Context, progress func(Event)) (unlock func(forget bool), err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := embedded.LockStart(ctx, s.dir, func() {
		report(progress).note("another start or stop of project " + s.project + " is under way; waiting for it")
	})
	if err != nil {
		return nil, translate(err)
	}
	return func(forget bool) {
		if forget {
			s.forget()
		}
		// An unlock that fails leaves the lock to the end of this process, which is near.
		_ = lock.Unlock()
		if forget && runtime.GOOS == "windows" {
			// Windows keeps a file that is open, which also keeps that of whoever came
			// in between.
			_ = os.Remove(filepath.Join(s.dir, "start.lock"))
			_ = os.Remove(s.dir)
		}
	}, nil
}

// forget removes what a first start that failed has written, but for its logs:
// what is not empty stays. Others who wait for the lock notice that its file is gone.
func (s *Stack) forget() {
	for _, name := range []string{"embedded.json", "run.lock", "last-exit.json", "data/.lock", "data", "logs", "start.lock", ""} {
		_ = os.Remove(filepath.Join(s.dir, filepath.FromSlash(name)))
	}
}

// finishUp waits for Kafka, makes the topics and records the stack.
func (s *Stack) finishUp(ctx context.Context, state State, opts UpOptions) (Status, error) {
	client, err := s.awaitKafka(ctx, state, opts)
	if err != nil {
		return Status{}, err
	}
	defer client.Close()
	if err := roundTrip(ctx, client, opts.Progress); err != nil {
		return Status{}, err
	}
	if !opts.NoTopics {
		if err := makeTopics(ctx, client, opts.Progress); err != nil {
			return Status{}, err
		}
	}
	services, err := s.runtime.Services(ctx, state)
	if err != nil {
		return Status{}, err
	}
	s.state = state
	status, err := s.health(ctx, client, services)
	if err != nil {
		return Status{}, err
	}
	s.state.Endpoints = status.Endpoints()
	if err := writeState(s.dir, s.state); err != nil {
		return Status{}, err
	}
	s.recorded = true
	return status, nil
}

// undo takes back a start that got as far as running services. The data of a
// project that did not exist before goes too.
func (s *Stack) undo(ctx context.Context, opts UpOptions) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	if r, ok := s.runtime.(*dockerRuntime); ok {
		return r.Undo(ctx, opts)
	}
	report(opts.Progress).note("undoing the start")
	if err := s.runtime.Down(ctx, DownOptions{Volumes: !s.recorded, Progress: opts.Progress}); err != nil {
		return fmt.Errorf("undoing the start: %w", err)
	}
	return nil
}
