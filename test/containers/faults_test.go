package containers_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func (p *project) override(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, "compose.override.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestRefused are starts that fail before anything is made.
func TestRefused(t *testing.T) {
	p := newProject(t)
	refuse := func(code int, words []string, args ...string) {
		t.Helper()
		r := p.want(t, code, "", p.startArgs(args...)...)
		holds(t, r.err, words...)
		p.nothingLeft(t)
	}

	p.override(t, "services:\n  kafka:\n    mem_limit: 2g\n   ports: x\n")
	refuse(2, []string{filepath.Join(p.dir, "compose.override.yaml") + ":4: "})
	p.override(t, "services:\n  kafka:\n    ports: 9092\n")
	refuse(2, []string{filepath.Join(p.dir, "compose.override.yaml") + ":3: "})
	p.override(t, "services:\n  kafka:\n    privileged: true\n")
	refuse(2, []string{"compose.override.yaml:3: services.kafka.privileged", "--allow-unsafe-override"})
	p.override(t, "services:\n  kafka:\n    image: example.invalid/kafka:0.0.1\n")
	refuse(1, []string{"image example.invalid/kafka:0.0.1 is not on this machine", "docker pull example.invalid/kafka:0.0.1"})
	if err := os.Remove(filepath.Join(p.dir, "compose.override.yaml")); err != nil {
		t.Fatal(err)
	}
	refuse(2, []string{`service "kafak" is not known`}, "--only", "kafak")
	refuse(2, []string{"kafka cannot be excluded"}, "--exclude", "kafka")
	refuse(2, []string{`overlay "nothing" is not known`, "registry-confluent"}, "--with", "nothing")
	refuse(1, []string{"image confluentinc/cp-schema-registry:"}, "--with", "registry-confluent")

	// A port that a process has, and one that another project's container has.
	l, err := net.Listen("tcp", p.broker())
	if err != nil {
		t.Fatal(err)
	}
	refuse(1, []string{"kafka: port " + strconv.Itoa(9092+p.offset) + " is taken by ", fmt.Sprintf("(pid %d)", os.Getpid()), "--port-offset"})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	holder := p.name + "-holder"
	docker(t, "run", "-d", "--rm", "--name", holder, "--label", "com.docker.compose.project=other",
		"-p", fmt.Sprintf("127.0.0.1:%d:8080", 8080+p.offset), "ghcr.io/kafbat/kafka-ui:v1.5.0")
	t.Cleanup(func() { _, _ = tryDockerLater("rm", "-f", holder) })
	refuse(1, []string{"kafka-ui: port " + strconv.Itoa(8080+p.offset) + " is taken by container " + holder + " of compose project other"})
}

// TestWrongAdvertisedListener holds that a broker that is healthy inside and
// sends clients elsewhere is told from one that does not answer.
func TestWrongAdvertisedListener(t *testing.T) {
	p := newProject(t)
	p.override(t, "services:\n  kafka:\n    environment:\n      KAFKA_ADVERTISED_LISTENERS: INTERNAL://kafka:19092,HOST://127.0.0.1:1\n")
	r := p.want(t, 3, "", p.startArgs("--only", "kafka")...)
	holds(t, r.err, "kafka-1 is healthy", "kafka answers at "+p.broker()+" and sends clients to an address where it does not",
		"127.0.0.1:1: connection refused", "KAFKA_ADVERTISED_LISTENERS", "undoing the start")
	p.nothingLeft(t)
}

// TestInterrupted holds that Ctrl-C in the middle of a start undoes it, and
// that --keep does not.
func TestInterrupted(t *testing.T) {
	p := newProject(t)
	for _, keep := range []bool{false, true} {
		args := p.startArgs("--only", "kafka")
		if keep {
			args = append(args, "--keep")
		}
		r := p.begin(t, args...)
		r.until(t, "kafka-1 is started")
		began := time.Now()
		if err := r.cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		if code := r.end(t, time.Minute); code != 130 {
			t.Errorf("exit %d, want 130: %s", code, r.said())
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("undone after %v: %s", took, r.said())
		}
		holds(t, r.said(), "interrupted")
		if !keep {
			p.nothingLeft(t)
			continue
		}
		if p.left("container") == "" {
			t.Error("--keep left nothing")
		}
	}
	p.ok(t, "", "stop", "--volumes", "-y")
	p.nothingLeft(t)
}

// TestKilledStart holds that a start that was killed can be finished or removed.
func TestKilledStart(t *testing.T) {
	p := newProject(t)
	r := p.begin(t, p.startArgs("--only", "kafka")...)
	r.until(t, "kafka-1 is started")
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	r.end(t, time.Minute)
	if s := p.run(t, "", "status"); s.code != 0 && s.code != 4 {
		t.Errorf("status: exit %d: %s", s.code, s.err)
	}
	p.ok(t, "", p.startArgs("--only", "kafka")...)
	p.status(t)
	p.ok(t, "", "stop", "--volumes", "-y")
	p.nothingLeft(t)
}

// TestEngineStops holds that an engine that goes away in the middle of a start
// is named as what it is, and that what it left can be removed.
func TestEngineStops(t *testing.T) {
	p := newProject(t)
	proxy := newProxy(t)
	p.env = []string{"DOCKER_HOST=unix://" + proxy.path}
	// No runtime is named: the engine answers, so it is docker.
	r := p.begin(t, "start", "--port-offset", strconv.Itoa(p.offset), "--pull", "never", "--only", "kafka")
	r.until(t, "runtime docker, chosen because Docker ")
	r.until(t, "kafka-1 is started")
	proxy.close()
	if code := r.end(t, 30*time.Second); code != 3 {
		t.Errorf("exit %d, want 3: %s", code, r.said())
	}
	holds(t, r.said(), "engine went away in the middle of the start", "undoing the start", "hint: ", "stop")
	p.env = nil
	p.ok(t, "", "stop", "--volumes", "-y")
	p.nothingLeft(t)
}

// proxy stands between the program and the engine, to be taken away: what
// others do on the engine goes on.
type proxy struct {
	path  string
	l     net.Listener
	mu    sync.Mutex
	conns []net.Conn
	done  bool
	ended sync.WaitGroup
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	dir, err := os.MkdirTemp("", "mk") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{path: filepath.Join(dir, "docker.sock")}
	if p.l, err = net.Listen("unix", p.path); err != nil {
		t.Fatal(err)
	}
	p.ended.Go(p.serve)
	t.Cleanup(func() {
		p.close()
		p.ended.Wait()
		_ = os.RemoveAll(dir)
	})
	return p
}

func (p *proxy) serve() {
	for {
		front, err := p.l.Accept()
		if err != nil {
			return
		}
		back, err := net.Dial("unix", strings.TrimPrefix(engineHost(), "unix://"))
		if err != nil || !p.keep(front, back) {
			_ = front.Close()
			continue
		}
		for _, pair := range [][2]net.Conn{{front, back}, {back, front}} {
			p.ended.Go(func() {
				_, _ = io.Copy(pair[0], pair[1])
				if half, ok := pair[0].(*net.UnixConn); ok {
					_ = half.CloseWrite()
				}
			})
		}
	}
}

func engineHost() string {
	if host := os.Getenv("DOCKER_HOST"); host != "" {
		return host
	}
	return "unix:///var/run/docker.sock"
}

func (p *proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, conns...)
	return !p.done
}

// close ends the proxy and every connection through it.
func (p *proxy) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = true
	_ = p.l.Close()
	for _, c := range p.conns {
		_ = c.Close()
	}
}
