package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/composefile"
	"github.com/multi-tenant/manage-kafka/internal/docker"
)

const (
	// dockerWait is how long a stack of containers may take to be healthy.
	dockerWait = 5 * time.Minute
	// engineAnswer bounds one question to the engine about a stack.
	engineAnswer = 5 * time.Second
	// reviveWait is how long a container may stay unhealthy before it is
	// restarted: three rounds of its health check.
	reviveWait = 20 * time.Second
	// undoPatience is how long a container may take to end when a start is undone
	// or its data goes with it.
	undoPatience = 5 * time.Second
)

// dockerRuntime runs the services in containers, by the user's own docker compose.
type dockerRuntime struct {
	dir     string
	project string
	// engine is nil until it was found.
	engine *docker.Engine
	// before is what existed when Up began, for its undoing.
	before *inventory
	// show gets the log of a stack in the foreground.
	show func(LogLine)
}

func newDocker(dir string, opts Options) *dockerRuntime {
	return &dockerRuntime{dir: dir, project: opts.Project}
}

// Name implements [Runtime].
func (r *dockerRuntime) Name() string { return RuntimeDocker }

// Check implements [Runtime]. What a compose file cannot be is told by Up,
// which reads it.
func (r *dockerRuntime) Check(s State) error { return checkHost(s.Advertise) }

// WhyDown implements [Runtime]. Containers that ended tell it by themselves.
func (r *dockerRuntime) WhyDown() string { return "" }

// Notes implements [Runtime].
func (r *dockerRuntime) Notes() []string {
	return []string{"containers reach it as kafka:19092 on network " + r.project + "_default"}
}

// command is a command line of this tool for this project.
func (r *dockerRuntime) command(line string) string {
	if r.project != DefaultProject {
		line += " --project " + r.project
	}
	return "manage-kafka " + line
}

// Volumes implements [Runtime].
func (r *dockerRuntime) Volumes() []string {
	names := []string{r.dataVolume()}
	// An override may have brought more. Without the file there is nothing but ours.
	if text, err := os.ReadFile(r.file()); err == nil {
		if found, err := composefile.VolumesIn(text); err == nil {
			names = found
		}
	}
	for i, name := range names {
		names[i] = "volume " + name
	}
	return names
}

// dataVolume is the volume of Kafka's data.
func (r *dockerRuntime) dataVolume() string { return r.project + "_kafka-data" }

func (r *dockerRuntime) file() string { return composeFile(r.dir) }

// composeFile is the merged compose file of the project in dir. It is there
// from before the first container until the last volume is gone.
func composeFile(dir string) string { return filepath.Join(dir, "compose.yaml") }

func (r *dockerRuntime) compose() docker.Project {
	return docker.Project{Name: r.project, File: r.file()}
}

// find finds the engine, once.
func (r *dockerRuntime) find(ctx context.Context, patience time.Duration) error {
	if r.engine != nil {
		return nil
	}
	engine, err := findEngine(ctx, patience)
	if err != nil {
		return err
	}
	r.engine = engine
	return nil
}

func findEngine(ctx context.Context, patience time.Duration) (*docker.Engine, error) {
	engine, err := docker.Find(ctx, docker.FindOptions{Environ: os.Environ(), Patience: patience})
	return engine, fromEngine(err)
}

// fromEngine makes an engine that is not there this package's [ErrNoEngine].
func fromEngine(err error) error {
	var why *docker.UnavailableError
	switch {
	case errors.As(err, &why):
		return advise(mark(ErrNoEngine, why), "%s", why.Hint)
	case errors.Is(err, docker.ErrUnavailable):
		return advise(mark(ErrNoEngine, err), "see what the engine says: docker version")
	}
	return err
}

// Services implements [Runtime].
func (r *dockerRuntime) Services(ctx context.Context, s State) ([]Service, error) {
	ask, cancel := context.WithTimeout(ctx, engineAnswer)
	defer cancel()
	containers, err := r.containers(ask)
	if err != nil {
		if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			return nil, mark(ErrNoEngine, fmt.Errorf("container engine does not answer within %v", engineAnswer))
		}
		return nil, err
	}
	services := make([]Service, 0, len(containers))
	for _, c := range containers {
		services = append(services, describeContainer(c))
	}
	slices.SortStableFunc(services, func(a, b Service) int { return rank(a.Name) - rank(b.Name) })
	return services, nil
}

// rank puts the services of every stack first, in their own order.
func rank(service string) int {
	if i := slices.Index(Services(), service); i >= 0 {
		return i
	}
	return len(Services())
}

func (r *dockerRuntime) containers(ctx context.Context) ([]docker.Container, error) {
	if err := r.find(ctx, engineAnswer); err != nil {
		return nil, err
	}
	containers, err := r.engine.Containers(ctx, r.project)
	return containers, fromEngine(err)
}

// The labels by which the compose files tell what the engine does not know.
const (
	labelPath = "manage-kafka.path" // of an HTTP service's address
	labelPort = "manage-kafka.port" // for other containers, where it differs from the published one's
)

func describeContainer(c docker.Container) Service {
	s := Service{Name: c.Service, State: containerState(c), Container: c.Name, Image: c.Image, Restarts: c.Restarts}
	if s.State == StateExited && c.ExitCode != 0 {
		s.ExitCode = c.ExitCode
	}
	if !c.Alive() {
		return s
	}
	since := c.StartedAt
	s.Since = &since
	scheme, path := "http://", c.Labels[labelPath]
	if c.Service == ServiceKafka {
		scheme = ""
	}
	if len(c.Ports) == 0 {
		return s
	}
	port := c.Ports[0]
	inside := c.Labels[labelPort]
	if inside == "" {
		inside = fmt.Sprint(port.Target)
	}
	host := port.HostIP
	if host == "" || host == "0.0.0.0" || host == "::" {
		s.Listens, host = "every address", "127.0.0.1"
	}
	s.Endpoint = scheme + net.JoinHostPort(host, fmt.Sprint(port.Published)) + path
	s.ContainerEndpoint = scheme + c.Service + ":" + inside + path
	return s
}

// containerState is the state of a service in words of every runtime.
func containerState(c docker.Container) string {
	switch {
	case c.State == "running" && c.Health == "starting":
		return StateStarting
	case c.State == "running" && c.Health == "unhealthy":
		return "unhealthy"
	case c.State == "removing":
		return StateStopping
	}
	return c.State
}

// whyDown is why the broker ended by itself, empty when it did not.
func (r *dockerRuntime) whyDown(services []Service) string {
	i := slices.IndexFunc(services, func(s Service) bool { return s.Name == ServiceKafka })
	switch {
	case i < 0:
		return ""
	case services[i].ExitCode == 137:
		return "kafka was killed (exit code 137)"
	case services[i].ExitCode != 0:
		return fmt.Sprintf("kafka ended with exit code %d", services[i].ExitCode)
	}
	return "kafka is " + services[i].State
}

// inventory is what a project has in the engine.
type inventory struct {
	containers []docker.Container
	volumes    []string
	networks   []string
}

func (r *dockerRuntime) inventory(ctx context.Context) (*inventory, error) {
	var have inventory
	var err error
	if have.containers, err = r.engine.Containers(ctx, r.project); err != nil {
		return nil, fromEngine(err)
	}
	if have.volumes, err = r.engine.Volumes(ctx, r.project); err != nil {
		return nil, fromEngine(err)
	}
	if have.networks, err = r.engine.Networks(ctx, r.project); err != nil {
		return nil, fromEngine(err)
	}
	return &have, nil
}

// checkOwn refuses containers of the project's name that this project's file
// did not make: they are another stack, which happens to have the name.
func (r *dockerRuntime) checkOwn(containers []docker.Container) error {
	for _, c := range containers {
		files := c.ConfigFiles()
		if len(files) != 1 || files[0] != r.file() {
			return advise(fmt.Errorf("project %s: container %s was made by another compose project of that name, from %s: %w",
				r.project, c.Name, strings.Join(files, ", "), ErrConflict),
				"take another name with --project, or remove that project: docker compose -p %s down", r.project)
		}
	}
	return nil
}

// newer gives what is in now and not in before.
func newer(now, before []string) []string {
	old := map[string]bool{}
	for _, name := range before {
		old[name] = true
	}
	fresh := map[string]bool{}
	for _, name := range now {
		if !old[name] {
			fresh[name] = true
		}
	}
	return slices.Sorted(maps.Keys(fresh))
}
