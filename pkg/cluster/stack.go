package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/embedded"
)

// undoTimeout bounds the clean-up of a start that failed or was interrupted.
const undoTimeout = 30 * time.Second

// Options is what [Open] needs. The zero value works but for Self.
type Options struct {
	// Project names the stack; default [DefaultProject].
	Project string
	// Runtime is the wanted runtime, or empty for the recorded one or [RuntimeAuto].
	Runtime string
	// Version names this program's build.
	Version string
	// Self is the command line of this program's background processes, to
	// which a role and the project's directory are added: see [Background].
	Self []string
}

// Stack is one project's local stack. It is used by one goroutine.
type Stack struct {
	project string
	dir     string
	version string
	runtime Runtime
	state   State
	// recorded tells whether state was read from disk.
	recorded bool
	// auto tells that Up chooses the runtime.
	auto bool
	opts Options
}

// Open finds the runtime of a project: the recorded one, else the wanted one.
// Nothing is started, and nothing written to disk.
//
// It reports [ErrInvalid] for a bad name, and [ErrConflict] when the wanted
// runtime is not the recorded one.
func Open(opts Options) (*Stack, error) {
	if opts.Project == "" {
		opts.Project = DefaultProject
	}
	dir, err := Dir(opts.Project)
	if err != nil {
		return nil, err
	}
	s := &Stack{project: opts.Project, dir: dir, version: opts.Version, opts: opts}
	s.state, err = ReadState(opts.Project)
	switch {
	case err == nil:
		s.recorded = true
	case errors.Is(err, ErrNoState):
		s.state = State{Project: opts.Project}
	default:
		return nil, err
	}
	name, err := s.chooseRuntime(opts.Runtime)
	if err != nil {
		return nil, err
	}
	s.state.Runtime = name
	s.runtime, err = newRuntime(name, dir, opts)
	return s, err
}

func (s *Stack) chooseRuntime(wanted string) (string, error) {
	switch wanted {
	case "", RuntimeAuto, RuntimeEmbedded, RuntimeDocker:
	default:
		return "", errorf(ErrInvalid, "runtime %q: want embedded, docker or auto", wanted)
	}
	chosen := wanted != "" && wanted != RuntimeAuto
	switch {
	case s.recorded && chosen && wanted != s.state.Runtime:
		return "", advise(errorf(ErrConflict, "project %s uses the %s runtime, not %s", s.project, s.state.Runtime, wanted),
			"name another project with --project, or remove this one's data and choice first: %s", s.commandLine("stop --volumes"))
	case s.recorded:
		return s.state.Runtime, nil
	case chosen:
		return wanted, nil
	}
	s.auto = true // until Up has asked for an engine
	return RuntimeEmbedded, nil
}

func newRuntime(name, dir string, opts Options) (Runtime, error) {
	switch name {
	case RuntimeEmbedded:
		return newEmbedded(dir, opts), nil
	case RuntimeDocker:
		return newDocker(dir, opts), nil
	}
	return nil, errorf(ErrInvalid, "runtime %s is not available in this build", name)
}

// Project is the stack's name.
func (s *Stack) Project() string { return s.project }

// Runtime is the name of the runtime that carries the stack.
func (s *Stack) Runtime() string { return s.runtime.Name() }

// Dir is the directory of the stack's files. It need not exist.
func (s *Stack) Dir() string { return s.dir }

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
	if runs(services) {
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
	return errorf(ErrConflict, "project %s runs already, %s", s.project, differs)
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
	if err := checkState(state); err != nil {
		return state, err
	}
	return state, s.runtime.Check(state)
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

// Wait returns when a stack that was started in the foreground ends: nil when
// ctx ended it or it was stopped.
func (s *Stack) Wait(ctx context.Context) error {
	err := s.runtime.Wait(ctx)
	return errors.Join(err, s.forgetEndpoints())
}

// Down stops the stack; with opts.Volumes its data and its record go too.
// wasRunning tells whether there was anything to stop.
func (s *Stack) Down(ctx context.Context, opts DownOptions) (wasRunning bool, err error) {
	services, err := s.runtime.Services(ctx, s.state)
	if err != nil {
		return false, s.explainEngine(err)
	}
	wasRunning = runs(services)
	if _, err := os.Stat(s.dir); err != nil {
		return wasRunning, nil // never started: nothing to stop or remove
	}
	if !opts.Volumes {
		if err := s.runtime.Down(ctx, opts); err != nil {
			return wasRunning, err
		}
		return wasRunning, s.forgetEndpoints()
	}
	if wasRunning {
		// A start may hold the lock and wait for the very stack that stops here.
		if err := s.runtime.Down(ctx, DownOptions{WaitTimeout: opts.WaitTimeout, Progress: opts.Progress}); err != nil {
			return true, err
		}
	}
	unlock, err := s.lock(ctx, opts.Progress)
	if err != nil {
		return wasRunning, err
	}
	defer unlock(false)
	if err := s.runtime.Down(ctx, opts); err != nil {
		return wasRunning, err
	}
	if err := os.Remove(stateFile(s.dir)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return wasRunning, err
	}
	return wasRunning, nil
}

// Volumes lists, for a person, what Down with Volumes removes.
func (s *Stack) Volumes() []string { return s.runtime.Volumes() }

// forgetEndpoints keeps clients from connecting to a stack that was stopped.
func (s *Stack) forgetEndpoints() error {
	state, err := ReadState(s.project)
	if errors.Is(err, ErrNoState) || err == nil && len(state.Endpoints) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	state.Endpoints = nil
	return writeState(s.dir, state)
}

// Logs hands log lines to opts.Each. It reports [ErrInvalid] for a service
// that no runtime has, and [ErrNoService] for one that this one does not run.
func (s *Stack) Logs(ctx context.Context, opts LogOptions) error {
	for _, name := range opts.Services {
		// An overlay or an override may bring services of its own.
		if !slices.Contains(Services(), name) && s.runtime.Name() != RuntimeDocker {
			return errorf(ErrInvalid, "service %q is not known", name)
		}
	}
	return s.runtime.Logs(ctx, opts)
}
