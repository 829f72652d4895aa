// Package containers_test holds the compose files against a real Docker engine,
// on the images that test/setup/docker.sh pulls or builds.
package containers_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"

	"github.com/multi-tenant/manage-kafka/compose"
	"github.com/multi-tenant/manage-kafka/test/tier"
)

// stack is one compose project of a test, with ports of its own.
type stack struct {
	project  string
	file     string
	env      []string
	broker   string // host:port as published
	registry string // base URL of the Confluent API
}

// newStack prepares a project and sees to it that nothing of it outlives the
// test. Without an engine the test is left out, or fails when CI=true.
func newStack(t *testing.T) *stack {
	t.Helper()
	tier.Real(t)
	setup := filepath.Join("..", "setup", "docker.sh")
	if out, err := exec.CommandContext(t.Context(), setup, "status").CombinedOutput(); err != nil {
		t.Logf("%s status:\n%s", setup, out)
		tier.Missing(t, "a part of the container tier", "test/setup/docker.sh")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, compose.FS); err != nil {
		t.Fatal(err)
	}
	ports := freePorts(t, 3)
	s := &stack{
		project:  fmt.Sprintf("mk-test-%d-%s", os.Getpid(), strings.ToLower(t.Name())),
		file:     filepath.Join(dir, compose.Base),
		broker:   "127.0.0.1:" + ports[0],
		registry: "http://127.0.0.1:" + ports[1] + "/apis/ccompat/v7",
		env:      []string{"KAFKA_PORT=" + ports[0], "SCHEMA_REGISTRY_PORT=" + ports[1], "KAFKA_UI_PORT=" + ports[2]},
	}
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := s.command("logs", "--no-color", "--tail", "30").CombinedOutput()
			t.Logf("last lines of every container:\n%s", out)
		}
		if out, err := s.command("down", "--volumes", "--timeout", "5").CombinedOutput(); err != nil {
			t.Errorf("clean up: %v\n%s", err, out)
		}
	})
	return s
}

// freePorts finds ports that nothing listens on, in the range of freeOffset.
// Another process may take one before the engine does; the test then fails at up
// and names it.
func freePorts(t *testing.T, n int) []string {
	t.Helper()
	var ports []string
	for tries := 0; len(ports) < n; tries++ {
		if tries == 1000 {
			t.Fatal("no free ports")
		}
		port := strconv.Itoa(30000 + rand.IntN(2700))
		listener, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			continue // also one of ours
		}
		defer listener.Close()
		ports = append(ports, port)
	}
	return ports
}

// command is not bound to the test's context: clean-up runs when that has ended.
func (s *stack) command(args ...string) *exec.Cmd {
	cmd := exec.Command("docker", append([]string{"compose", "--progress", "plain", "-p", s.project, "-f", s.file}, args...)...)
	cmd.Env = append(os.Environ(), s.env...)
	return cmd
}

func (s *stack) compose(t *testing.T, args ...string) string {
	t.Helper()
	cmd := s.command(args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("docker compose %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

func (s *stack) up(t *testing.T, services ...string) {
	t.Helper()
	start := time.Now()
	s.compose(t, append([]string{"up", "--detach", "--wait", "--wait-timeout", "240", "--pull", "never"}, services...)...)
	t.Logf("up --wait took %v", time.Since(start).Round(100*time.Millisecond))
}

type container struct{ ID, Service, State, Health string }

func (s *stack) ps(t *testing.T) []container {
	t.Helper()
	var list []container
	for line := range strings.Lines(s.compose(t, "ps", "--all", "--format", "json")) {
		var c container
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatalf("ps: %v: %s", err, line)
		}
		list = append(list, c)
	}
	if len(list) != 3 {
		t.Fatalf("ps lists %d containers, want 3: %v", len(list), list)
	}
	return list
}

// onlyNamedVolumes holds that no container has an anonymous volume: each down
// and up would leave one behind.
func (s *stack) onlyNamedVolumes(t *testing.T) {
	t.Helper()
	for _, c := range s.ps(t) {
		names := docker(t, "inspect", "--format", `{{range .Mounts}}{{if eq .Type "volume"}}{{println .Name}}{{end}}{{end}}`, c.ID)
		for name := range strings.FieldsSeq(names) {
			if !strings.HasPrefix(name, s.project+"_") {
				t.Errorf("%s has the anonymous volume %s", c.Service, name)
			}
		}
	}
}

// healthCheck gives the command by which the compose file tests a service.
func (s *stack) healthCheck(t *testing.T, service string) []string {
	t.Helper()
	opts, err := cli.NewProjectOptions([]string{s.file}, cli.WithEnv(s.env))
	if err != nil {
		t.Fatal(err)
	}
	project, err := opts.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	test := project.Services[service].HealthCheck.Test
	if test[0] != "CMD" {
		t.Fatalf("health check of %s is %q", service, test)
	}
	return test[1:]
}

func tryDocker(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "docker", args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// tryDockerLater is for clean-up, when the test's context has ended.
func tryDockerLater(args ...string) (string, error) {
	out, err := exec.Command("docker", args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func docker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := tryDocker(t, args...)
	if err != nil {
		t.Fatalf("docker %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return out
}

func quote(t *testing.T, text string) string {
	t.Helper()
	quoted, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(quoted)
}
