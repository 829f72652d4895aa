package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Project is a compose project: its name, and the file that defines it, which
// may be empty where the containers tell enough.
type Project struct {
	Name string
	File string
}

// Progress is one thing that compose did.
type Progress struct {
	// Kind is Container, Network, Volume, Image, or empty for a layer of an image.
	Kind string
	// Name is its name, for an image of a pull that of its service.
	Name string
	// Status is compose's own word, such as Started, Healthy or Pulling.
	Status string
}

// UpOptions is how to bring a project up.
type UpOptions struct {
	// Services are the ones to start with what they depend on; none means all.
	Services []string
	// WaitTimeout bounds the wait for every container to be healthy.
	WaitTimeout time.Duration
	// Progress, when set, is told each step, by one goroutine at a time.
	Progress func(Progress)
}

// Up creates and starts containers and returns once each is healthy. It pulls
// nothing. What it made stays when it fails; the error is a [*CommandError].
func (e *Engine) Up(ctx context.Context, p Project, opts UpOptions) error {
	args := []string{"up", "--detach", "--wait", "--pull", "never"}
	if opts.WaitTimeout > 0 {
		args = append(args, "--wait-timeout", seconds(opts.WaitTimeout))
	}
	return e.run(ctx, p, opts.Progress, append(args, opts.Services...)...)
}

// Pull fetches the images of services.
func (e *Engine) Pull(ctx context.Context, p Project, services []string, progress func(Progress)) error {
	return e.run(ctx, p, progress, append([]string{"pull"}, services...)...)
}

// DownOptions is how to take a project down.
type DownOptions struct {
	// Volumes removes the project's named volumes too.
	Volumes bool
	// Patience is how long a container may take to end before it is killed;
	// negative takes each service's own.
	Patience time.Duration
	Progress func(Progress)
}

// Down stops and removes a project's containers and networks. A project that
// does not exist is no error.
func (e *Engine) Down(ctx context.Context, p Project, opts DownOptions) error {
	args := []string{"down", "--remove-orphans"}
	if opts.Patience >= 0 {
		args = append(args, "--timeout", seconds(opts.Patience))
	}
	if opts.Volumes {
		args = append(args, "--volumes")
	}
	return e.run(ctx, p, opts.Progress, args...)
}

// Unpause lets the paused containers of services go on.
func (e *Engine) Unpause(ctx context.Context, p Project, services []string) error {
	return e.run(ctx, p, nil, append([]string{"unpause"}, services...)...)
}

// seconds rounds up: a limit of 300 ms must not become one of none.
func seconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }

// run runs a compose command and follows its progress.
func (e *Engine) run(ctx context.Context, p Project, progress func(Progress), args ...string) error {
	argv := append([]string{}, e.compose...)
	if e.json {
		argv = append(argv, "--progress", "json")
	}
	argv = append(argv, "-p", p.Name)
	if p.File != "" {
		argv = append(argv, "-f", p.File)
	}
	argv = append(argv, args...)
	cmd := e.command(ctx, argv...)
	cmd.Stdout = io.Discard // ids of what was made
	r, w := io.Pipe()
	cmd.Stderr = w
	if err := cmd.Start(); err != nil {
		return commandError(ctx, argv, err, nil, "")
	}
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		_ = w.Close() // of a pipe, never fails
		ended <- err
	}()
	var said messages
	// Reading a pipe fails only when it is closed here.
	_ = eachLine(r, func(line []byte) error {
		if step, ok := said.read(line); ok && progress != nil {
			progress(step)
		}
		return nil
	})
	if err := <-ended; err != nil {
		return commandError(ctx, argv, err, said.tail.last(), said.failure())
	}
	return nil
}

// messages reads what compose says on stderr, as JSON lines or plain.
type messages struct {
	tail   lineTail
	failed string   // the last line of all: why the command failed
	errors []string // of single containers and images
}

// message is a line of compose's progress, or of its failure.
type message struct {
	ID       string `json:"id"`
	ParentID string `json:"parent_id"`
	Text     string `json:"text"`
	Status   string `json:"status"`
	Error    bool   `json:"error"`
	Message  string `json:"message"`
}

func (m *messages) read(line []byte) (Progress, bool) {
	var msg message
	if len(line) == 0 || line[0] != '{' || json.Unmarshal(line, &msg) != nil {
		m.tail.add(string(line))
		return Progress{}, false
	}
	if msg.Error {
		m.failed = msg.Message
		m.tail.add(msg.Message)
		return Progress{}, false
	}
	if msg.ID == "" || msg.ParentID != "" {
		return Progress{}, false
	}
	status := msg.Status
	if kind, name, ok := strings.Cut(msg.ID, " "); ok {
		if strings.HasPrefix(status, "Error") {
			m.errors = append(m.errors, name+": "+status)
		}
		return Progress{Kind: kind, Name: strings.Trim(name, `"`), Status: status}, true
	}
	if msg.Text == "Error" && status != "" {
		m.errors = append(m.errors, msg.ID+": "+status)
	}
	if msg.Text == "Pulling" || msg.Text == "Pulled" || msg.Text == "Error" {
		return Progress{Kind: "Image", Name: msg.ID, Status: msg.Text}, true
	}
	return Progress{}, false
}

// failure is why the command failed, in the words of its last line where it has one.
func (m *messages) failure() string {
	if m.failed != "" {
		return essence([]string{m.failed})
	}
	if len(m.errors) > 0 {
		return m.errors[0]
	}
	return ""
}

// Volumes lists the volumes of a project.
func (e *Engine) Volumes(ctx context.Context, project string) ([]string, error) {
	return e.names(ctx, "volume", "ls", "--filter", projectFilter(project), "--format", "{{.Name}}")
}

// Networks lists the networks of a project.
func (e *Engine) Networks(ctx context.Context, project string) ([]string, error) {
	return e.names(ctx, "network", "ls", "--filter", projectFilter(project), "--format", "{{.Name}}")
}

// RemoveVolumes removes volumes by name.
func (e *Engine) RemoveVolumes(ctx context.Context, names []string) error {
	return e.each(ctx, names, "volume", "rm")
}

// RemoveNetworks removes networks by name.
func (e *Engine) RemoveNetworks(ctx context.Context, names []string) error {
	return e.each(ctx, names, "network", "rm")
}

// Restart restarts containers by id.
func (e *Engine) Restart(ctx context.Context, ids []string) error {
	return e.each(ctx, ids, "restart")
}

// RemoveContainers kills and removes containers by id.
func (e *Engine) RemoveContainers(ctx context.Context, ids []string) error {
	return e.each(ctx, ids, "rm", "--force")
}

// each runs a command of the engine on things by name, unless there are none.
func (e *Engine) each(ctx context.Context, names []string, command ...string) error {
	if len(names) == 0 {
		return nil
	}
	argv := append([]string{e.cli}, command...)
	_, err := e.output(ctx, append(argv, names...)...)
	return err
}

// VolumeLabels gives the labels of a volume. ok is false when there is none of
// that name.
func (e *Engine) VolumeLabels(ctx context.Context, name string) (labels map[string]string, ok bool, err error) {
	out, err := e.output(ctx, e.cli, "volume", "inspect", "--format", "{{json .Labels}}", name)
	var failed *CommandError
	if errors.As(err, &failed) && strings.Contains(strings.ToLower(failed.Text), "no such volume") {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if err := json.Unmarshal([]byte(out), &labels); err != nil {
		return nil, false, fmt.Errorf("labels of volume %s: %w", name, err)
	}
	return labels, true, nil
}

// MissingImages gives those of the images that the engine does not have.
func (e *Engine) MissingImages(ctx context.Context, images []string) ([]string, error) {
	var missing []string
	for _, image := range images {
		_, err := e.output(ctx, e.cli, "image", "inspect", "--format", "{{.Id}}", image)
		var failed *CommandError
		switch {
		case err == nil:
		case errors.As(err, &failed) && strings.Contains(strings.ToLower(failed.Text), "no such image"):
			missing = append(missing, image)
		default:
			return nil, err
		}
	}
	return missing, nil
}

func projectFilter(project string) string { return "label=com.docker.compose.project=" + project }

// names runs a command of the engine that answers with a name a line.
func (e *Engine) names(ctx context.Context, args ...string) ([]string, error) {
	out, err := e.output(ctx, append([]string{e.cli}, args...)...)
	if err != nil {
		return nil, err
	}
	return strings.Fields(out), nil
}
