package cluster

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/composefile"
	"github.com/multi-tenant/manage-kafka/internal/docker"
)

// checkPorts reports a [*PortError] for a port that is taken before anything
// is made, naming its holder.
func (r *dockerRuntime) checkPorts(ctx context.Context, stack *composefile.Stack, services []string) error {
	held := map[int]bool{}
	for _, c := range r.before.containers {
		for _, p := range c.Ports {
			held[p.Published] = held[p.Published] || c.Alive()
		}
	}
	for _, name := range services {
		for _, p := range stack.Services[name].Ports {
			if p.Published == 0 || held[p.Published] {
				continue
			}
			err := checkPort(p.Published, name)
			var taken *PortError
			if errors.As(err, &taken) {
				return r.nameHolder(ctx, taken)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// nameHolder adds the container that publishes a port, where it is one: its
// process is the engine's and says nothing.
func (r *dockerRuntime) nameHolder(ctx context.Context, taken *PortError) error {
	holders, err := r.engine.Publishing(ctx, taken.Port)
	if err == nil { // who holds it is an extra
		for _, c := range holders {
			if c.Alive() {
				taken.Container, taken.Project = c.Name, c.Project
			}
		}
	}
	return taken
}

var (
	portForm      = regexp.MustCompile(`:(\d+)(?:: bind: address already in use| failed: port is already allocated|: bind: An attempt was made)`)
	containerForm = regexp.MustCompile(`container ([\w.-]+) (?:is unhealthy|exited \((\d+)\)|has exited|is not running)`)
	otherIDForm   = regexp.MustCompile(`Invalid cluster\.id in: .*?Expected ([\w-]+), but read ([\w-]+)`)
)

// diskFull explains a full file system.
func diskFull(err error) error {
	return advise(fmt.Errorf("disk of the container engine is full: %w", err), "free space with: docker system df, docker system prune")
}

// explainUp tells what made compose fail. The context's end wins.
func (r *dockerRuntime) explainUp(ctx context.Context, err error, stack *composefile.Stack) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, docker.ErrUnavailable) {
		return fmt.Errorf("engine went away in the middle of the start: %w", fromEngine(err))
	}
	text := err.Error()
	var failed *docker.CommandError
	if errors.As(err, &failed) {
		text += "\n" + strings.Join(failed.Lines, "\n")
	}
	if m := portForm.FindStringSubmatch(text); m != nil {
		port, _ := strconv.Atoi(m[1]) // the form has digits alone
		pid, process := portHolder(port)
		return r.nameHolder(ctx, &PortError{Port: port, Service: serviceOfPort(stack, port), PID: pid, Process: process})
	}
	switch {
	case docker.DiskFullText(text):
		return diskFull(err)
	case strings.Contains(text, "Conflict. The container name"):
		return advise(fmt.Errorf("project %s: another start made the same containers at the same time: %w", r.project, ErrInUse), "wait for it, then repeat")
	case strings.Contains(text, "not healthy after"):
		return r.explainSlow(ctx, err)
	}
	if m := containerForm.FindStringSubmatch(text); m != nil {
		if c, ok := r.containerNamed(ctx, m[1]); ok {
			return r.explainContainer(ctx, c, errors.New(containerFate(c)))
		}
	}
	return err
}

func serviceOfPort(stack *composefile.Stack, port int) string {
	for name, svc := range stack.Services {
		if slices.ContainsFunc(svc.Ports, func(p composefile.Port) bool { return p.Published == port }) {
			return name
		}
	}
	return "stack"
}

func (r *dockerRuntime) containerNamed(ctx context.Context, name string) (docker.Container, bool) {
	containers, err := r.engine.Containers(ctx, r.project)
	if err != nil {
		return docker.Container{}, false
	}
	i := slices.IndexFunc(containers, func(c docker.Container) bool { return c.Name == name })
	if i < 0 {
		return docker.Container{}, false
	}
	return containers[i], true
}

// containerFate says what became of a container.
func containerFate(c docker.Container) string {
	switch {
	case c.OOMKilled:
		return fmt.Sprintf("container %s ran out of memory and was killed", c.Name)
	case c.Error != "":
		return fmt.Sprintf("container %s did not start: %s", c.Name, c.Error)
	case c.State == "running" && c.HealthText != "":
		return fmt.Sprintf("container %s is %s: %s", c.Name, c.Health, c.HealthText)
	case c.State == "running":
		return fmt.Sprintf("container %s is running and %s", c.Name, c.Health)
	}
	return fmt.Sprintf("container %s %s with code %d", c.Name, c.State, c.ExitCode)
}

// explainSlow tells which service was not healthy in time: the first that
// others wait for.
func (r *dockerRuntime) explainSlow(ctx context.Context, err error) error {
	containers, listErr := r.engine.Containers(ctx, r.project)
	if listErr != nil {
		return fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	slices.SortStableFunc(containers, func(a, b docker.Container) int { return rank(a.Service) - rank(b.Service) })
	for _, c := range containers {
		if containerState(c) != StateRunning {
			err = r.explainContainer(ctx, c, fmt.Errorf("%w: container %s is %s", ErrNotReady, c.Name, containerState(c)))
			break
		}
	}
	var advised *Advised
	if errors.As(err, &advised) {
		return err // what is known to go wrong
	}
	return advise(mark(ErrNotReady, err), "give it more time with --wait-timeout; to look at it as it is, start with --keep")
}

// explainContainer adds the last lines of a container's log, and reads in them
// what is known to go wrong.
func (r *dockerRuntime) explainContainer(ctx context.Context, c docker.Container, err error) error {
	se := &StartError{Service: c.Service, Err: err}
	var known error
	ask, cancel := context.WithTimeout(ctx, engineAnswer)
	defer cancel()
	// The log is an extra here: when it cannot be read, the error stands alone.
	_ = r.engine.Logs(ask, c.ID, docker.LogOptions{Tail: 200}, func(_ time.Time, text string) error {
		if m := otherIDForm.FindStringSubmatch(text); m != nil {
			known = r.otherCluster(m[1], m[2])
		} else if docker.DiskFullText(text) && known == nil {
			known = diskFull(errors.New(strings.TrimSpace(text)))
		}
		se.Log = append(se.Log, shorten(text))
		if len(se.Log) > logTail {
			se.Log = se.Log[1:]
		}
		return nil
	})
	if known != nil {
		se.Err = known
	}
	return se
}

// shorten cuts what no one reads on: brokers write lines of kilobytes.
func shorten(line string) string {
	const most = 300
	if r := []rune(line); len(r) > most {
		return string(r[:most]) + " …"
	}
	return line
}

// otherCluster is a volume that holds another cluster's data.
func (r *dockerRuntime) otherCluster(want, have string) error {
	return advise(fmt.Errorf("volume %s holds the data of cluster %s, this project is cluster %s: %w", r.dataVolume(), have, want, ErrConflict),
		"to use that data: %s; to remove it: %s", r.command("start --cluster-id "+have), r.command("stop --volumes"))
}

// Explain adds the state and the last log lines of the broker to a start that
// failed once the containers were healthy.
func (r *dockerRuntime) Explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	containers, listErr := r.engine.Containers(ctx, r.project)
	if listErr != nil {
		return err
	}
	for _, c := range containers {
		if c.Service == ServiceKafka {
			if docker.InContainer() && errors.Is(err, ErrNotReady) {
				err = advise(err, "this command runs in a container itself, where the published ports are not on its own loopback: join network %s_default and use kafka:19092, or run it on the machine", r.project)
			}
			return r.explainContainer(ctx, c, err)
		}
	}
	return err
}
