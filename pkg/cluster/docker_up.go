package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/composefile"
	"github.com/multi-tenant/manage-kafka/internal/docker"
)

// The values of [UpOptions.Pull].
const (
	PullMissing = "missing"
	PullAlways  = "always"
	PullNever   = "never"
)

// Up implements [Runtime].
func (r *dockerRuntime) Up(ctx context.Context, s State, opts UpOptions) error {
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
	r.before, r.show = have, opts.Log
	stack, err := r.load(ctx, s, opts)
	if err != nil {
		return err
	}
	services, err := selectServices(stack, opts)
	if err != nil {
		return err
	}
	if opts.Override != "" {
		report(opts.Progress).note("merging " + opts.Override)
	}
	for _, accepted := range stack.Accepted {
		report(opts.Progress).warn("accepted by --allow-unsafe-override: " + accepted)
	}
	if err := r.checkPorts(ctx, stack, services); err != nil {
		return err
	}
	if err := replaceFile(r.file(), stack.YAML); err != nil {
		return err
	}
	if err := r.images(ctx, stack, services, opts); err != nil {
		return errors.Join(err, r.forgetFile())
	}
	if err = r.start(ctx, services, opts); err == nil {
		return nil
	}
	err = r.explainUp(ctx, err, stack)
	return errors.Join(err, r.Undo(ctx, opts))
}

// selectServices gives the services to start. Nothing works without Kafka.
func selectServices(stack *composefile.Stack, opts UpOptions) ([]string, error) {
	services, err := stack.Select(opts.Only, opts.Exclude)
	if err == nil && !slices.Contains(services, ServiceKafka) {
		err = errors.New("the stack does not work without kafka")
	}
	if err != nil {
		return nil, mark(ErrInvalid, err)
	}
	return services, nil
}

// images sees to it that the images of services are there.
func (r *dockerRuntime) images(ctx context.Context, stack *composefile.Stack, services []string, opts UpOptions) error {
	wanted := map[string][]string{} // image to services
	for _, name := range services {
		if svc := stack.Services[name]; !svc.Builds {
			wanted[svc.Image] = append(wanted[svc.Image], name)
		}
	}
	images := slices.Sorted(maps.Keys(wanted))
	done := report(opts.Progress).begin("images", counted(len(images), "image", "is there", "are there"))
	missing, err := r.engine.MissingImages(ctx, images)
	if err != nil {
		return fromEngine(err)
	}
	if opts.Pull == PullNever && len(missing) > 0 {
		return advise(fmt.Errorf("image %s is not on this machine and --pull never forbids to fetch it", strings.Join(missing, ", ")),
			"fetch it with: docker pull %s", missing[0])
	}
	if opts.Pull == PullAlways {
		missing = images
	}
	var pull []string
	for _, image := range missing {
		report(opts.Progress).note("pulling " + image)
		pull = append(pull, wanted[image]...)
	}
	if len(pull) > 0 {
		err := r.engine.Pull(ctx, r.compose(), pull, func(p docker.Progress) {
			if p.Status == "Pulled" {
				report(opts.Progress).note("pulled " + stack.Services[p.Name].Image)
			}
		})
		if err != nil {
			return r.explainPull(err)
		}
	}
	done()
	return nil
}

func (r *dockerRuntime) explainPull(err error) error {
	switch {
	case errors.Is(err, docker.ErrUnavailable):
		return fromEngine(err)
	case docker.IsDiskFull(err):
		return diskFull(err)
	}
	return advise(fmt.Errorf("fetching images: %w", err), "check the network and the image's name; images that are here already need --pull missing or never")
}

// start creates and starts containers and waits until they are healthy.
func (r *dockerRuntime) start(ctx context.Context, services []string, opts UpOptions) error {
	limit := opts.WaitTimeout
	if limit <= 0 {
		limit = dockerWait
	}
	if err := r.revive(ctx, services, opts); err != nil {
		return err
	}
	done := report(opts.Progress).begin("containers", counted(len(services), "container", "is healthy", "are healthy"))
	err := r.engine.Up(ctx, r.compose(), docker.UpOptions{Services: services, WaitTimeout: limit, Progress: r.follow(opts)})
	if err == nil {
		done()
	}
	return err
}

// revive brings containers back that run and do no good: paused ones go on,
// and those that stay unhealthy are restarted. Compose gives both up at once.
func (r *dockerRuntime) revive(ctx context.Context, services []string, opts UpOptions) error {
	var paused []string
	for _, c := range r.before.containers {
		if c.State == "paused" && slices.Contains(services, c.Service) {
			paused = append(paused, c.Service)
		}
	}
	if len(paused) > 0 {
		report(opts.Progress).note("unpausing " + strings.Join(paused, ", "))
		if err := r.engine.Unpause(ctx, r.compose(), paused); err != nil {
			return err
		}
	}
	for end := time.Now().Add(reviveWait); ; {
		containers, err := r.engine.Containers(ctx, r.project)
		if err != nil {
			return err
		}
		sick := slices.DeleteFunc(containers, func(c docker.Container) bool {
			return c.Health != "unhealthy" || !slices.Contains(services, c.Service)
		})
		switch {
		case len(sick) == 0:
			return nil
		case time.Now().After(end):
			for _, c := range sick {
				report(opts.Progress).note("restarting " + c.Service + ", which stays unhealthy")
			}
			return r.engine.Restart(ctx, ids(sick))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// follow says which containers started and which are healthy.
func (r *dockerRuntime) follow(opts UpOptions) func(docker.Progress) {
	seen := map[string]bool{}
	return func(p docker.Progress) {
		if p.Kind != "Container" || p.Status != "Started" && p.Status != "Healthy" || seen[p.Name+p.Status] {
			return
		}
		seen[p.Name+p.Status] = true
		report(opts.Progress).note(strings.TrimPrefix(p.Name, r.project+"-") + " is " + strings.ToLower(p.Status))
	}
}

func ids(containers []docker.Container) []string {
	list := make([]string, len(containers))
	for i, c := range containers {
		list[i] = c.ID
	}
	return list
}
