package containers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/test/tier"
)

// project is one project of the program, with a state, a directory and ports
// of its own. Nothing of it outlives the test.
type project struct {
	name   string
	dir    string // working directory, where an override would lie
	state  string
	offset int
	env    []string
}

// needEngine leaves the test out where the container tier is not set up.
func needEngine(t *testing.T) {
	t.Helper()
	tier.Real(t)
	setup := filepath.Join("..", "setup", "docker.sh")
	if out, err := exec.CommandContext(t.Context(), setup, "status").CombinedOutput(); err != nil {
		t.Logf("%s status:\n%s", setup, out)
		tier.Missing(t, "a part of the container tier", "test/setup/docker.sh")
	}
}

func newProject(t *testing.T) *project {
	t.Helper()
	needEngine(t)
	p := &project{
		name: fmt.Sprintf("mk-test-%d-%s", os.Getpid(), strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-"))),
		dir:  t.TempDir(), state: t.TempDir(), offset: freeOffset(t),
	}
	t.Cleanup(func() {
		for _, list := range []string{"container", "network", "volume"} {
			args := map[string][]string{"container": {"rm", "-f"}, "network": {"network", "rm"}, "volume": {"volume", "rm", "-f"}}[list]
			if ids := strings.Fields(p.left(list)); len(ids) > 0 {
				if out, err := exec.Command("docker", append(args, ids...)...).CombinedOutput(); err != nil {
					t.Errorf("clean up: %v: %s", err, out)
				}
			}
		}
	})
	return p
}

// freeOffset finds an offset whose three ports nothing listens on, from 30000 to
// 32711: beside those of real brokers, and below those of outgoing connections.
func freeOffset(t *testing.T) int {
	t.Helper()
	for try := range 100 {
		offset := 21920 + (os.Getpid()*7+try*113)%1700
		free := true
		for _, port := range []int{9092, 8081, 8080} {
			l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port+offset))
			if err != nil {
				free = false
				break
			}
			_ = l.Close()
		}
		if free {
			return offset
		}
	}
	t.Fatal("no free ports")
	return 0
}

// left lists what the engine has of the project: containers, networks or volumes.
func (p *project) left(kind string) string {
	out, err := exec.Command("docker", kind, "ls", "-q", "--filter", "label=com.docker.compose.project="+p.name).CombinedOutput()
	if kind == "container" {
		out, err = exec.Command("docker", "ps", "-aq", "--filter", "label=com.docker.compose.project="+p.name).CombinedOutput()
	}
	if err != nil {
		return "docker: " + err.Error() + ": " + string(out)
	}
	return strings.TrimSpace(string(out))
}

// nothingLeft holds that the engine has nothing of the project.
func (p *project) nothingLeft(t *testing.T) {
	t.Helper()
	for _, kind := range []string{"container", "network", "volume"} {
		if left := p.left(kind); left != "" {
			t.Errorf("left behind: %s %s", kind, left)
		}
	}
}

// broker is the published address.
func (p *project) broker() string { return "127.0.0.1:" + strconv.Itoa(9092+p.offset) }

// result is what a run of the program answered.
type result struct {
	out, err string
	code     int
	took     time.Duration
}

// command prepares a run that is killed at the latest after five minutes.
func (p *project) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, path, append(args, "--project", p.name)...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+p.state, "XDG_CONFIG_HOME="+p.state)
	cmd.Env = append(cmd.Env, p.env...)
	return cmd
}

// run runs the program to its end.
func (p *project) run(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	cmd := p.command(t, args...)
	var out, errOut bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errOut
	began := time.Now()
	err := cmd.Run()
	r := result{out: out.String(), err: errOut.String(), code: cmd.ProcessState.ExitCode(), took: time.Since(began)}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("manage-kafka %s: %v", strings.Join(args, " "), err)
	}
	t.Logf("manage-kafka %s: exit %d after %v", strings.Join(args, " "), r.code, r.took.Round(10*time.Millisecond))
	return r
}

// ok runs the program and wants it to succeed.
func (p *project) ok(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	return p.want(t, 0, stdin, args...)
}

// want runs the program and wants an exit code, and words on stderr.
func (p *project) want(t *testing.T, code int, stdin string, args ...string) result {
	t.Helper()
	r := p.run(t, stdin, args...)
	if r.code != code {
		t.Fatalf("manage-kafka %s: exit %d, want %d\nstdout: %s\nstderr: %s", strings.Join(args, " "), r.code, code, r.out, r.err)
	}
	return r
}

// holds checks for words in a text.
func holds(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("lacks %q:\n%s", w, text)
		}
	}
}

// within checks how long something took.
func (r result) within(t *testing.T, limit time.Duration) {
	t.Helper()
	if r.took > limit {
		t.Errorf("took %v, more than %v", r.took, limit)
	}
}

// startArgs starts on docker with images that are here.
func (p *project) startArgs(more ...string) []string {
	return append([]string{"start", "--runtime", "docker", "--port-offset", strconv.Itoa(p.offset), "--pull", "never"}, more...)
}

// running is a run that is still under way.
type running struct {
	cmd  *exec.Cmd
	mu   sync.Mutex
	text bytes.Buffer
	done chan struct{}
}

func (r *running) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

func (r *running) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// begin starts a run in the background; both of its streams are gathered.
func (p *project) begin(t *testing.T, args ...string) *running {
	t.Helper()
	r := &running{cmd: p.command(t, args...), done: make(chan struct{})}
	r.cmd.Stdout, r.cmd.Stderr = r, r
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = r.cmd.Wait() // its exit code is looked at
		close(r.done)
	}()
	return r
}

// until waits for words on the run's streams.
func (r *running) until(t *testing.T, words string) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(r.said(), words) {
		select {
		case <-r.done:
			t.Fatalf("ended without saying %q: %s", words, r.said())
		case <-deadline:
			t.Fatalf("did not say %q: %s", words, r.said())
		case <-tick.C:
		}
	}
}

// end waits for the end of the run and gives its exit code.
func (r *running) end(t *testing.T, limit time.Duration) int {
	t.Helper()
	select {
	case <-r.done:
	case <-time.After(limit):
		_ = r.cmd.Process.Signal(syscall.SIGQUIT)
		<-r.done
		t.Fatalf("did not end within %v: %s", limit, r.said())
	}
	return r.cmd.ProcessState.ExitCode()
}
