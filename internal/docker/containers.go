package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Container is one container of a project.
type Container struct {
	ID      string
	Name    string
	Service string
	Project string
	Image   string
	// State is created, running, paused, restarting, removing, exited or dead.
	State string
	// Health is starting, healthy, unhealthy, or empty without a health check.
	Health string
	// HealthText is what the last health check wrote.
	HealthText string
	ExitCode   int
	OOMKilled  bool
	Error      string // why it could not be started
	StartedAt  time.Time
	FinishedAt time.Time
	Restarts   int
	// Ports are the published ports.
	Ports  []Port
	Labels map[string]string
}

// Port is a published port of a container.
type Port struct {
	HostIP    string
	Published int
	Target    int
}

// Alive tells a container that runs, also a paused one.
func (c Container) Alive() bool {
	return c.State == "running" || c.State == "paused" || c.State == "restarting"
}

// ConfigFiles are the compose files that it was made from.
func (c Container) ConfigFiles() []string {
	return strings.Split(c.Labels["com.docker.compose.project.config_files"], ",")
}

// Containers lists the containers of a project, also those that ended, by service.
func (e *Engine) Containers(ctx context.Context, project string) ([]Container, error) {
	return e.containers(ctx, "--filter", projectFilter(project), "--filter", "label=com.docker.compose.oneoff=False")
}

// Publishing lists the containers that publish a port on this machine.
func (e *Engine) Publishing(ctx context.Context, port int) ([]Container, error) {
	return e.containers(ctx, "--filter", "publish="+strconv.Itoa(port))
}

// containers lists what a filter of the engine lets through. One may go between
// the list and the look at it; then both are repeated.
func (e *Engine) containers(ctx context.Context, filter ...string) ([]Container, error) {
	var err error
	for range 3 {
		var ids []string
		ids, err = e.names(ctx, append([]string{"ps", "--all", "--quiet", "--no-trunc"}, filter...)...)
		if err != nil || len(ids) == 0 {
			return nil, err
		}
		var found []Container
		if found, err = e.inspect(ctx, ids); err == nil {
			slices.SortFunc(found, func(a, b Container) int { return strings.Compare(a.Service+a.Name, b.Service+b.Name) })
			return found, nil
		}
		var failed *CommandError
		if !errors.As(err, &failed) || !strings.Contains(strings.ToLower(failed.Text), "no such") {
			return nil, err
		}
	}
	return nil, err
}

// inspected is what docker inspect tells of a container.
type inspected struct {
	ID           string `json:"Id"`
	Name         string
	RestartCount int
	State        struct {
		Status     string
		ExitCode   int
		OOMKilled  bool
		Error      string
		StartedAt  time.Time
		FinishedAt time.Time
		Health     *struct {
			Status string
			Log    []struct{ Output string }
		}
	}
	Config struct {
		Image  string
		Labels map[string]string
	}
	HostConfig struct {
		PortBindings map[string][]struct{ HostIP, HostPort string }
	}
}

func (e *Engine) inspect(ctx context.Context, ids []string) ([]Container, error) {
	out, err := e.output(ctx, append([]string{e.cli, "inspect", "--type", "container"}, ids...)...)
	if err != nil {
		return nil, err
	}
	var raw []inspected
	if err := json.Unmarshal([]byte(out), &raw); err != nil {
		return nil, fmt.Errorf("%s inspect: %w", programName(e.cli), err)
	}
	found := make([]Container, len(raw))
	for i, r := range raw {
		found[i] = r.container()
	}
	return found, nil
}

func (r inspected) container() Container {
	c := Container{
		ID: r.ID, Name: strings.TrimPrefix(r.Name, "/"), Image: r.Config.Image, Labels: r.Config.Labels,
		Service: r.Config.Labels["com.docker.compose.service"], Project: r.Config.Labels["com.docker.compose.project"],
		State: r.State.Status, ExitCode: r.State.ExitCode, OOMKilled: r.State.OOMKilled, Error: r.State.Error,
		StartedAt: r.State.StartedAt, FinishedAt: r.State.FinishedAt, Restarts: r.RestartCount,
	}
	// The engine keeps the last verdict on a container that does not run.
	if h := r.State.Health; h != nil && h.Status != "none" && c.State == "running" {
		c.Health = h.Status
		if n := len(h.Log); n > 0 {
			c.HealthText = strings.TrimSpace(h.Log[n-1].Output)
		}
	}
	for target, bindings := range r.HostConfig.PortBindings {
		number, _, _ := strings.Cut(target, "/")
		inside, err := strconv.Atoi(number)
		if err != nil {
			continue
		}
		for _, b := range bindings {
			if outside, err := strconv.Atoi(b.HostPort); err == nil {
				c.Ports = append(c.Ports, Port{HostIP: b.HostIP, Published: outside, Target: inside})
			}
		}
	}
	slices.SortFunc(c.Ports, func(a, b Port) int { return a.Target - b.Target })
	return c
}

// LogOptions selects lines of a container's log.
type LogOptions struct {
	Follow bool
	Since  time.Time // zero for all
	Tail   int       // negative for all
}

// Logs hands the lines of a container's log to each with the time at which each
// was written. Followed, it ends when the container does.
func (e *Engine) Logs(ctx context.Context, id string, opts LogOptions, each func(at time.Time, text string) error) error {
	argv := []string{e.cli, "logs", "--timestamps"}
	if opts.Follow {
		argv = append(argv, "--follow")
	}
	if !opts.Since.IsZero() {
		argv = append(argv, "--since", opts.Since.UTC().Format(time.RFC3339Nano))
	}
	if opts.Tail >= 0 {
		argv = append(argv, "--tail", strconv.Itoa(opts.Tail))
	}
	return e.lines(ctx, func(line []byte) error {
		stamp, text, _ := strings.Cut(string(line), " ")
		at, err := time.Parse(time.RFC3339Nano, stamp)
		if err != nil {
			return each(time.Time{}, string(line)) // the rest of a long line, or the engine's own word
		}
		return each(at, text)
	}, append(argv, id)...)
}
