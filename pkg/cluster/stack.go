package cluster

import (
	"context"
	"errors"
	"os"
	"slices"
)

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
	if exists(composeFile(s.dir)) {
		return RuntimeDocker, nil // of a start that was killed, or could not be undone
	}
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
	if _, err := os.Stat(s.dir); err != nil && len(services) == 0 {
		return false, nil // never started: nothing to stop or remove
	}
	if !opts.Volumes {
		if err := s.runtime.Down(ctx, opts); err != nil {
			return wasRunning, err
		}
		return wasRunning, s.forgetEndpoints()
	}
	if wasRunning {
		// A start may hold the lock and wait for the very stack that stops here.
		if err := s.runtime.Down(ctx, DownOptions{WaitTimeout: opts.WaitTimeout, Progress: opts.Progress, dataGoes: true}); err != nil {
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
