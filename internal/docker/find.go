package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// oldestCompose is the first version with every flag that is used: up --wait
// that fails on unhealthy services, --pull, and JSON lines from ps.
const oldestCompose = "2.20"

// jsonProgress is the first version whose --progress takes json.
const jsonProgress = "2.29"

// DefaultPatience is how long an engine may take to answer a question.
const DefaultPatience = 10 * time.Second

// FindOptions is what [Find] needs. The zero value works.
type FindOptions struct {
	// Dir is where commands run; it must exist when they do. Empty is here.
	Dir string
	// Environ is the environment of the commands, without COMPOSE_* variables.
	Environ []string
	// Patience bounds the wait for the engine's answer; default [DefaultPatience].
	Patience time.Duration
}

// Engine runs commands of one container engine. Its methods may be called at
// once from several goroutines.
type Engine struct {
	cli     string   // docker or podman
	compose []string // the compose command: docker compose, podman compose, docker-compose
	version string   // of compose
	json    bool     // compose takes --progress json
	server  string   // of the engine
	host    string   // where the engine listens
	dir     string
	env     []string
}

// Version is compose's version, such as 2.40.3.
func (e *Engine) Version() string { return e.version }

// ServerVersion is the engine's version.
func (e *Engine) ServerVersion() string { return e.server }

// Name is what a person calls the engine: Docker or Podman.
func (e *Engine) Name() string {
	if programName(e.cli) == "podman" {
		return "Podman"
	}
	return "Docker"
}

// programName is a program's name without directory and ending.
func programName(path string) string { return strings.TrimSuffix(filepath.Base(path), ".exe") }

// Find finds the engine and the compose command to use: docker with its plugin,
// else the docker-compose program of version 2, else podman where it hands
// compose on to docker-compose. It reports an [*UnavailableError] with the
// reason, and the context's error.
func Find(ctx context.Context, opts FindOptions) (*Engine, error) {
	e := &Engine{dir: opts.Dir, env: cleanEnv(opts.Environ)}
	cli, err := findCLI()
	if err != nil {
		return nil, err
	}
	e.cli = cli
	if opts.Patience <= 0 {
		opts.Patience = DefaultPatience
	}
	if err := e.ask(ctx, opts.Patience); err != nil {
		return nil, err
	}
	if err := e.findHost(ctx); err != nil {
		return nil, err
	}
	return e, e.findCompose(ctx)
}

func findCLI() (string, error) {
	for _, name := range []string{"docker", "podman"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", &UnavailableError{Reason: ReasonMissing, Text: "docker is not installed: no docker or podman command in PATH",
		Hint: "install Docker with its compose plugin"}
}

// cleanEnv drops what would change the meaning of compose's commands behind
// the caller's back.
func cleanEnv(env []string) []string {
	clean := make([]string, 0, len(env))
	for _, kv := range env {
		if !strings.HasPrefix(kv, "COMPOSE_") && !strings.HasPrefix(kv, "DOCKER_DEFAULT_PLATFORM=") {
			clean = append(clean, kv)
		}
	}
	return clean
}

// ask asks the engine for its version.
func (e *Engine) ask(ctx context.Context, patience time.Duration) error {
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, err := e.output(wait, e.cli, "version", "--format", "{{.Server.Version}}")
	if err == nil && strings.TrimSpace(out) != "" {
		e.server = strings.TrimSpace(out)
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return e.explain(err, patience)
}

// explain makes an [*UnavailableError] of what the client said.
func (e *Engine) explain(err error, patience time.Duration) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return &UnavailableError{Reason: ReasonSilent, Text: fmt.Sprintf("%s engine does not answer within %v", e.Name(), patience),
			Hint: "see whether the engine is starting or hangs: " + programName(e.cli) + " version"}
	}
	var failed *CommandError
	said := ""
	if errors.As(err, &failed) {
		said = strings.Join(failed.Lines, "\n")
	}
	switch {
	case strings.Contains(said, "permission denied"):
		return &UnavailableError{Reason: ReasonPermission, Text: "no permission to use the " + e.Name() + " engine: " + failed.Text,
			Hint: "add this user to the group that owns the socket (on Linux: sudo usermod -aG docker $USER, then log in again)"}
	case engineGone(said), err == nil:
		text := e.Name() + " engine is not running"
		if failed != nil && failed.Text != "" {
			text += ": " + failed.Text
		}
		return &UnavailableError{Reason: ReasonStopped, Text: text, Hint: "start it (Docker Desktop, or: sudo systemctl start docker)"}
	}
	return &UnavailableError{Reason: ReasonOther, Text: e.Name() + " engine cannot be used: " + err.Error(), Hint: "see what it says: " + programName(e.cli) + " version"}
}

// findHost finds where the engine listens. One on another machine publishes
// its ports there, out of reach of this one's loopback addresses.
func (e *Engine) findHost(ctx context.Context) error {
	source := "DOCKER_HOST"
	for _, kv := range e.env {
		if value, ok := strings.CutPrefix(kv, "DOCKER_HOST="); ok {
			e.host = value
		}
	}
	if e.host == "" && e.Name() == "Docker" {
		wait, cancel := context.WithTimeout(ctx, DefaultPatience)
		defer cancel()
		out, err := e.output(wait, e.cli, "context", "inspect", "--format", "{{.Name}} {{.Endpoints.docker.Host}}")
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil { // a client without contexts has its engine here
			name, host, _ := strings.Cut(strings.TrimSpace(out), " ")
			source, e.host = "context "+name, host
		}
	}
	if machine := remoteHost(e.host); machine != "" {
		undo := "docker context use default"
		if source == "DOCKER_HOST" {
			undo = "unset DOCKER_HOST"
		}
		return &UnavailableError{Reason: ReasonRemote,
			Text: fmt.Sprintf("engine runs on another machine, %s (%s): its ports would be published on the loopback address there, where nothing here reaches them", machine, source),
			Hint: "run this command on that machine, or use the engine here: " + undo}
	}
	return nil
}

// remoteHost is the machine in an engine's address, empty when it is this one.
func remoteHost(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "unix" || u.Scheme == "npipe" || u.Scheme == "fd" || u.Hostname() == "" {
		return ""
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme != "ssh" && (strings.EqualFold(u.Hostname(), "localhost") || ip != nil && ip.IsLoopback()) {
		return ""
	}
	return u.Hostname()
}

// InContainer tells whether this process itself runs in a container, where
// loopback is not the machine's own.
func InContainer() bool {
	for _, mark := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(mark); err == nil {
			return true
		}
	}
	return false
}

// versionForm finds a version in what a compose command says of itself.
var versionForm = regexp.MustCompile(`\bv?(\d+)\.(\d+)(?:\.(\d+))?`)

// atLeast compares the first two numbers of versions.
func atLeast(version, oldest string) bool {
	have, want := versionForm.FindStringSubmatch(version), versionForm.FindStringSubmatch(oldest)
	if have == nil || want == nil {
		return false
	}
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 0 // too long for a version
		}
		return n
	}
	if a, b := number(have[1]), number(want[1]); a != b {
		return a > b
	}
	return number(have[2]) >= number(want[2])
}
