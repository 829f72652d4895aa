package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/docker"
)

// Logs implements [Runtime]. Lines of several services come in the order in
// which they were written; followed ones as they come.
func (r *dockerRuntime) Logs(ctx context.Context, opts LogOptions) error {
	containers, err := r.containers(ctx)
	if err != nil {
		return err
	}
	if len(containers) == 0 {
		return fmt.Errorf("project %s: %w: it has no containers", r.project, ErrNotRunning)
	}
	for _, name := range opts.Services {
		if !slices.ContainsFunc(containers, func(c docker.Container) bool { return c.Service == name }) {
			return fmt.Errorf("%s: %w: project %s has no container of it", name, ErrNoService, r.project)
		}
	}
	if len(opts.Services) > 0 {
		containers = slices.DeleteFunc(containers, func(c docker.Container) bool { return !slices.Contains(opts.Services, c.Service) })
	}
	return r.merge(ctx, containers, opts)
}

// merge reads the logs of containers at once and hands their lines on, one at
// a time.
func (r *dockerRuntime) merge(ctx context.Context, containers []docker.Container, opts LogOptions) error {
	ctx, cancel := context.WithCancel(ctx)
	var readers sync.WaitGroup
	defer readers.Wait()
	defer cancel()
	streams := make([]chan LogLine, len(containers))
	failed := make([]error, len(containers))
	for i, c := range containers {
		streams[i] = make(chan LogLine, 16)
		readers.Go(func() {
			defer close(streams[i])
			failed[i] = r.read(ctx, c, opts, streams[i])
		})
	}
	var err error
	if opts.Follow {
		err = asTheyCome(streams, opts.Each)
	} else {
		err = byTime(streams, opts.Each)
	}
	if err != nil {
		return err
	}
	return fromEngine(errors.Join(failed...))
}

// read reads the log of one container until it ends or ctx does.
func (r *dockerRuntime) read(ctx context.Context, c docker.Container, opts LogOptions, to chan<- LogLine) error {
	return r.engine.Logs(ctx, c.ID, docker.LogOptions{Follow: opts.Follow, Since: opts.Since, Tail: opts.Tail}, func(at time.Time, text string) error {
		select {
		case to <- LogLine{Service: c.Service, Time: at, Text: text}:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// byTime hands on the lines of streams, each of which is in order, by time. A
// line without one follows the line before it.
func byTime(streams []chan LogLine, each func(LogLine) error) error {
	next := make([]*LogLine, len(streams))
	take := func(i int) {
		next[i] = nil
		if l, ok := <-streams[i]; ok {
			next[i] = &l
		}
	}
	for i := range streams {
		take(i)
	}
	for {
		first := -1
		for i, l := range next {
			if l != nil && (first < 0 || l.Time.Before(next[first].Time)) {
				first = i
			}
		}
		if first < 0 {
			return nil
		}
		if err := each(*next[first]); err != nil {
			return err
		}
		take(first)
	}
}

// asTheyCome hands on the lines of streams until all have ended.
func asTheyCome(streams []chan LogLine, each func(LogLine) error) error {
	all := make(chan LogLine)
	stop := make(chan struct{})
	var pumps sync.WaitGroup
	for _, stream := range streams {
		pumps.Go(func() {
			for {
				select {
				case l, ok := <-stream:
					if !ok {
						return
					}
					select {
					case all <- l:
					case <-stop:
						return
					}
				case <-stop:
					return
				}
			}
		})
	}
	go func() {
		pumps.Wait()
		close(all)
	}()
	for l := range all {
		if err := each(l); err != nil {
			close(stop)
			pumps.Wait()
			return err
		}
	}
	return nil
}
