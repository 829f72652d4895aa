package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/docker"
)

// autoPatience is how long an engine may take to answer when a runtime is chosen.
const autoPatience = time.Second

// settle reads again, under the lock, what another start may have recorded
// since, and chooses the runtime of a project that has none. Where the choice
// fell by what happened to run, it says so: the project keeps it.
func (s *Stack) settle(ctx context.Context, progress func(Event)) error {
	state, err := ReadState(s.project)
	switch {
	case err == nil:
		if state.Runtime != s.state.Runtime && !s.auto {
			return fmt.Errorf("project %s was started on the %s runtime meanwhile: %w", s.project, state.Runtime, ErrConflict)
		}
		changed := state.Runtime != s.state.Runtime
		s.state, s.recorded, s.auto = state, true, false
		if changed {
			s.runtime, err = newRuntime(state.Runtime, s.dir, s.opts)
		}
		return err
	case !errors.Is(err, ErrNoState):
		return err
	case !s.auto:
		return nil
	}
	rep := report(progress)
	engine, err := findEngine(ctx, autoPatience)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil:
		runtime := newDocker(s.dir, s.opts)
		runtime.engine = engine
		s.runtime, s.state.Runtime = runtime, RuntimeDocker
		rep.note(fmt.Sprintf("runtime docker, chosen because %s %s answers", engine.Name(), engine.ServerVersion()))
	default:
		var why *docker.UnavailableError
		if !errors.As(err, &why) {
			return err
		}
		s.runtime, s.state.Runtime = newEmbedded(s.dir, s.opts), RuntimeEmbedded
		rep.note("runtime embedded, chosen because " + why.Text)
	}
	if os.Getenv("CI") == "true" {
		rep.warn(fmt.Sprintf("no runtime is named and CI=true: another machine may choose another; name it with --runtime %s or MANAGE_KAFKA_RUNTIME", s.state.Runtime))
	}
	s.auto = false
	return nil
}

// explainEngine adds the way out to an engine that cannot be used.
func (s *Stack) explainEngine(err error) error {
	if !errors.Is(err, ErrNoEngine) {
		return err
	}
	advice := ""
	var advised *Advised
	if errors.As(err, &advised) {
		advice = advised.Advice + "; "
	}
	if s.recorded {
		return advise(fmt.Errorf("project %s runs on docker: %w", s.project, err),
			"%sor work without it in another project: manage-kafka start --runtime embedded --project %s-embedded", advice, s.project)
	}
	return advise(err, "%sor start without it: %s", advice, s.commandLine("start --runtime embedded"))
}

// commandLine is a command line of this tool for this project.
func (s *Stack) commandLine(line string) string {
	if s.project != DefaultProject {
		line += " --project " + s.project
	}
	return "manage-kafka " + line
}

// isLoopback tells an address of this machine alone.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
