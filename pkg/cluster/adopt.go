package cluster

import (
	"context"

	"github.com/multi-tenant/manage-kafka/internal/embedded"
)

// Adopt takes the stack for one of the docker runtime when the container engine has
// containers that this project's start made, and the project's own files are gone. A
// project that has files is left as it is, and so is one whose engine does not answer
// within a second: there is no more reason to ask than that files can be lost.
func (s *Stack) Adopt(ctx context.Context) error {
	if s.HasData() || !s.auto {
		return nil
	}
	engine, err := findEngine(ctx, autoPatience)
	if err != nil {
		return ctx.Err()
	}
	ask, cancel := context.WithTimeout(ctx, autoPatience)
	defer cancel()
	r := newDocker(s.dir, s.opts)
	r.engine = engine
	containers, err := engine.Containers(ask, s.project)
	if err != nil || len(containers) == 0 || r.checkOwn(containers) != nil {
		return ctx.Err()
	}
	s.runtime, s.state.Runtime = r, RuntimeDocker
	return nil
}

// HasData tells whether the project has anything that Down with Volumes could remove,
// as far as its own files or [Stack.Adopt] tell.
func (s *Stack) HasData() bool {
	return s.recorded || s.runtime.Name() == RuntimeDocker || embedded.HasData(s.dir)
}
