package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/embedded"
)

// embeddedRuntime runs Kafka in a background process of this program.
type embeddedRuntime struct {
	dir     string
	project string
	version string
	self    []string

	// A stack in the foreground: its supervisor runs in this process.
	foreground sync.WaitGroup
	ended      chan struct{}
	endErr     error
}

func newEmbedded(dir string, opts Options) *embeddedRuntime {
	return &embeddedRuntime{dir: dir, project: opts.Project, version: opts.Version, self: opts.Self}
}

// Name implements [Runtime].
func (r *embeddedRuntime) Name() string { return RuntimeEmbedded }

// Check implements [Runtime].
func (r *embeddedRuntime) Check(s State) error {
	if len(s.Overlays) > 0 {
		return errorf(ErrInvalid, "overlay %q: the embedded runtime has no overlays; they need the docker runtime", s.Overlays[0])
	}
	return checkHost(s.Advertise)
}

// Notes implements [Runtime].
func (r *embeddedRuntime) Notes() []string {
	return []string{
		"for development and CI: not safe against power loss and no ground for dlq guarantees",
		"data lies in " + embedded.DataDir(r.dir) + "; wipe it with: " + r.command("stop --volumes"),
	}
}

// command is a command line of this tool for this project.
func (r *embeddedRuntime) command(line string) string {
	if r.project != DefaultProject {
		line += " --project " + r.project
	}
	return "manage-kafka " + line
}

// WhyDown implements [Runtime].
func (r *embeddedRuntime) WhyDown() string {
	if last, ok := embedded.ReadLastExit(r.dir); ok {
		return fmt.Sprintf("stack ended by itself at %s: %s", last.At.Local().Format(time.RFC3339), last.Reason)
	}
	return ""
}

// Volumes implements [Runtime].
func (r *embeddedRuntime) Volumes() []string { return []string{embedded.DataDir(r.dir)} }

func (r *embeddedRuntime) config(s State) embedded.Config {
	return embedded.Config{
		Dir: r.dir, Project: r.project, Port: basePort + s.PortOffset,
		RegistryPort: registryPort + s.PortOffset, Advertise: s.Advertise, Version: r.version,
	}
}

// Services implements [Runtime].
func (r *embeddedRuntime) Services(ctx context.Context, s State) ([]Service, error) {
	kafka := Service{Name: ServiceKafka, State: StateExited, DataDir: embedded.DataDir(r.dir)}
	remote, rep, err := embedded.Dial(ctx, r.dir)
	switch {
	case errors.Is(err, embedded.ErrNotRunning):
		if !embedded.HasData(r.dir) {
			return nil, nil
		}
		registry := Service{Name: ServiceRegistry, State: StateExited, DataDir: embedded.RegistryDir(r.dir)}
		return []Service{kafka, registry}, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		// It lives, and does not answer.
		kafka.State = "unresponsive"
		if remote != nil {
			kafka.PID = remote.PID()
		}
		return []Service{kafka}, nil
	}
	kafka.State = string(rep.State)
	kafka.Endpoint = s.kafkaEndpoint()
	if rep.Port != 0 {
		kafka.Endpoint = embedded.Config{Port: rep.Port}.Endpoint()
	}
	if rep.Advertised != kafka.Endpoint {
		kafka.ContainerEndpoint = rep.Advertised
	}
	if rep.ListenHost != "127.0.0.1" {
		kafka.Listens = rep.ListenHost
	}
	kafka.PID, kafka.Since, kafka.Restarts, kafka.Version = rep.Broker, &rep.Since, rep.Restarts, rep.Version
	if kafka.PID == 0 {
		kafka.PID = rep.Supervisor
	}
	services := []Service{kafka}
	if url := (embedded.Config{RegistryPort: rep.Registry}).RegistryURL(); url != "" {
		registry := kafka
		if registry.State == StateRunning && !answers(ctx, url) {
			registry.State = "unresponsive"
		}
		registry.Name, registry.Endpoint, registry.DataDir = ServiceRegistry, url, embedded.RegistryDir(r.dir)
		registry.ContainerEndpoint, registry.Listens = "", ""
		services = append(services, registry)
	}
	return services, nil
}

// answers tells whether an HTTP server says yes.
func answers(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// Background runs this program as a background process of the embedded
// runtime: role and dir are what [Options.Self] got added. It returns when ctx
// ends, when a stop arrives, or with the reason why the broker ended by itself.
func Background(ctx context.Context, role, dir string, self []string, in io.Reader, out io.Writer) error {
	cfg, err := readConfig(dir)
	if err != nil {
		return err
	}
	switch role {
	case roleSupervise:
		return translate(embedded.Supervise(ctx, cfg, embedded.SuperviseOptions{Command: brokerCommand(self, dir)}))
	case roleServe:
		return translate(embedded.Serve(ctx, cfg, in, out))
	}
	return errorf(ErrInvalid, "role %q is not known", role)
}

const (
	roleSupervise = "supervise"
	roleServe     = "serve"
)

func brokerCommand(self []string, dir string) func() *exec.Cmd {
	return func() *exec.Cmd {
		cmd := exec.Command(self[0], append(self[1:len(self):len(self)], roleServe, dir)...)
		cmd.Dir, cmd.Env = dir, backgroundEnv()
		return cmd
	}
}

func configFile(dir string) string { return filepath.Join(dir, "embedded.json") }
