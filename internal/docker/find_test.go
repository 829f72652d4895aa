//go:build unix

package docker_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/docker"
)

// good answers as docker 27 with compose 2.40 does.
const good = `
case "$*" in
"version --format {{.Server.Version}}") echo 27.5.1 ;;
"context inspect"*) echo "default unix:///var/run/docker.sock" ;;
"compose version --short") echo 2.40.3 ;;
*) echo "unexpected: $*" >&2; exit 99 ;;
esac
`

// programs writes shell scripts under names and makes them all that is in PATH.
func programs(t *testing.T, scripts map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\nPATH=/usr/bin:/bin\n"+text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
}

// TestFind holds what each kind of machine is told. The words of the programs
// are those of real ones.
func TestFind(t *testing.T) {
	noServer := func(words string) string {
		return "case \"$1\" in version) echo '" + words + "' >&2; exit 1 ;; esac"
	}
	compose := func(answer string) string {
		return strings.Replace(good, `"compose version --short") echo 2.40.3 ;;`, `"compose version --short") `+answer+` ;;`, 1)
	}
	for _, test := range []struct {
		name    string
		scripts map[string]string
		env     string
		reason  docker.Reason
		text    string
		hint    string
	}{
		{"docker", map[string]string{"docker": good}, "", "", "Docker 27.5.1 2.40.3", ""},
		{"v before the version", map[string]string{"docker": compose("echo v2.20.2")}, "", "", "Docker 27.5.1 2.20.2", ""},
		{"version with a build", map[string]string{"docker": compose("echo 2.39.1-desktop.1")}, "", "", "Docker 27.5.1 2.39.1", ""},
		{"docker-compose 2 alone", map[string]string{"docker": compose("echo \"docker: 'compose' is not a docker command.\" >&2; exit 1"),
			"docker-compose": "echo 2.29.7"}, "", "", "Docker 27.5.1 2.29.7", ""},
		{"podman that hands on", map[string]string{"podman": "echo '>>>> Executing external compose provider \"/usr/lib/docker-compose\". <<<<' >&2\n" + good}, "", "",
			"Podman 27.5.1 2.40.3", ""},
		{"loopback over TCP", map[string]string{"docker": good}, "DOCKER_HOST=tcp://127.0.0.1:2375", "", "Docker 27.5.1 2.40.3", ""},

		{"nothing", nil, "", docker.ReasonMissing, "docker is not installed", "install Docker"},
		{"stopped", map[string]string{"docker": noServer("Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?")}, "",
			docker.ReasonStopped, "Docker engine is not running", "start it"},
		{"stopped, newer words", map[string]string{"docker": noServer("failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is correct")}, "",
			docker.ReasonStopped, "Docker engine is not running", "start it"},
		{"no permission", map[string]string{"docker": noServer("permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: dial unix /var/run/docker.sock: connect: permission denied")}, "",
			docker.ReasonPermission, "no permission to use the Docker engine", "usermod -aG docker"},
		{"silent", map[string]string{"docker": "exec sleep 60"}, "", docker.ReasonSilent, "does not answer within 300ms", "docker version"},
		{"broken", map[string]string{"docker": "echo 'unknown flag: --format' >&2; exit 125"}, "", docker.ReasonOther, "unknown flag: --format", "docker version"},
		{"no plugin", map[string]string{"docker": compose("echo \"docker: 'compose' is not a docker command.\" >&2; exit 1")}, "",
			docker.ReasonNoCompose, "docker compose is missing", "version 2.20 or newer"},
		{"old plugin", map[string]string{"docker": compose("echo 2.17.3")}, "", docker.ReasonOldCompose, "docker compose is version 2.17.3, older than 2.20", "version 2.20 or newer"},
		{"docker-compose 1", map[string]string{"docker": compose("exit 1"), "docker-compose": "echo 1.29.2"}, "",
			docker.ReasonOldCompose, "docker-compose is version 1.29.2, the Python program", "version 2.20 or newer"},
		{"podman-compose", map[string]string{"podman": "case \"$1\" in compose) echo '>>>> Executing external compose provider \"/usr/bin/podman-compose\". <<<<' >&2; echo 1.0.3; exit ;; esac\n" + good}, "",
			docker.ReasonOldCompose, "podman compose is podman-compose, the Python program", "version 2.20 or newer"},
		{"remote by variable", map[string]string{"docker": good}, "DOCKER_HOST=tcp://192.0.2.7:2376", docker.ReasonRemote, "another machine, 192.0.2.7 (DOCKER_HOST)", "unset DOCKER_HOST"},
		{"remote by context", map[string]string{"docker": strings.Replace(good, "default unix:///var/run/docker.sock", "build ssh://me@build.example", 1)}, "",
			docker.ReasonRemote, "another machine, build.example (context build)", "docker context use default"},
	} {
		t.Run(test.name, func(t *testing.T) {
			programs(t, test.scripts)
			opts := docker.FindOptions{Environ: []string{"COMPOSE_FILE=/etc/passwd"}}
			if test.env != "" {
				opts.Environ = append(opts.Environ, test.env)
			}
			if test.reason == docker.ReasonSilent {
				opts.Patience = 300 * time.Millisecond
			}
			began := time.Now()
			e, err := docker.Find(t.Context(), opts)
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
			if test.reason == "" {
				if err != nil {
					t.Fatal(err)
				}
				if got := e.Name() + " " + e.ServerVersion() + " " + e.Version(); got != test.text {
					t.Errorf("found %s, want %s", got, test.text)
				}
				return
			}
			var why *docker.UnavailableError
			if !errors.As(err, &why) || !errors.Is(err, docker.ErrUnavailable) {
				t.Fatalf("got %v, want an UnavailableError", err)
			}
			if why.Reason != test.reason || !strings.Contains(why.Text, test.text) || !strings.Contains(why.Hint, test.hint) {
				t.Errorf("got %q, %q, %q\nwant %q, %q, %q", why.Reason, why.Text, why.Hint, test.reason, test.text, test.hint)
			}
		})
	}
}

func TestFindCanceled(t *testing.T) {
	programs(t, map[string]string{"docker": "exec sleep 60"})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	began := time.Now()
	if _, err := docker.Find(ctx, docker.FindOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("ended after %v", took)
	}
}

// find finds an engine whose other commands are answered by a script.
func find(t *testing.T, script string) *docker.Engine {
	t.Helper()
	programs(t, map[string]string{"docker": "case \"$1 $2\" in\n" + script + "\nesac\n" + good})
	e, err := docker.Find(t.Context(), docker.FindOptions{Environ: os.Environ()})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestUp holds how compose's answers are read.
func TestUp(t *testing.T) {
	e := find(t, `"compose --progress")
		[ "$*" = "compose --progress json -p shop -f f.yaml up --detach --wait --pull never --wait-timeout 2 kafka" ] || { echo "got $*" >&2; exit 1; }
		echo '{"id":"Network shop_default","status":"Created"}' >&2
		echo '{"id":"Container shop-kafka-1","status":"Started"}' >&2
		echo 'time="2026" level=warning msg="a warning"' >&2
		echo '{"id":"abc","parent_id":"kafka","text":"Downloading"}' >&2
		echo '{"error":true,"message":"dependency failed to start: container shop-kafka-1 exited (1)"}' >&2
		exit 1 ;;`)
	var steps []string
	err := e.Up(t.Context(), docker.Project{Name: "shop", File: "f.yaml"}, docker.UpOptions{
		Services: []string{"kafka"}, WaitTimeout: 1500 * time.Millisecond,
		Progress: func(p docker.Progress) { steps = append(steps, p.Kind+" "+p.Name+" "+p.Status) },
	})
	var failed *docker.CommandError
	if !errors.As(err, &failed) || failed.Code != 1 || failed.Text != "dependency failed to start: container shop-kafka-1 exited (1)" {
		t.Errorf("got %v", err)
	}
	if got := strings.Join(steps, ", "); got != "Network shop_default Created, Container shop-kafka-1 Started" {
		t.Errorf("steps: %s", got)
	}
	if errors.Is(err, docker.ErrUnavailable) {
		t.Error("a container that failed is taken for an engine that is gone")
	}
}

// TestEngineGone holds that an engine that goes away is told by any command.
func TestEngineGone(t *testing.T) {
	e := find(t, `"ps --all") echo "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?" >&2; exit 1 ;;`)
	if _, err := e.Containers(t.Context(), "shop"); !errors.Is(err, docker.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

// TestLogs holds that lines come with their times, whatever they hold: bytes
// that are no text, and lines longer than what is held at once.
func TestLogs(t *testing.T) {
	e := find(t, `"logs --timestamps")
		printf '2026-11-23T15:48:06.123456789Z one\n'
		printf '2026-11-23T15:48:07Z \377\033[31m\r\n'
		printf '2026-11-23T15:48:08Z '
		head -c 1000000 /dev/zero | tr '\0' x
		printf '\nno time\n'
		exit ;;`)
	var texts []string
	var long int
	err := e.Logs(t.Context(), "id", docker.LogOptions{Tail: -1}, func(at time.Time, text string) error {
		if strings.Contains(text, "xxxx") {
			long += len(text)
			return nil
		}
		texts = append(texts, at.UTC().Format("05.000")+" "+text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(texts, "|"), "06.123 one|07.000 \xff\x1b[31m|00.000 no time"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if long != 1000000 {
		t.Errorf("%d bytes of the long line, want 1000000", long)
	}
	stop := errors.New("enough")
	if err := e.Logs(t.Context(), "id", docker.LogOptions{}, func(time.Time, string) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v, want the error of each", err)
	}
}

// TestContainers holds what is read of docker inspect.
func TestContainers(t *testing.T) {
	e := find(t, `"ps --all") echo abc; exit ;;
	"inspect --type") cat <<'JSON'
[{"Id":"abc","Name":"/shop-kafka-1","RestartCount":2,
"State":{"Status":"running","ExitCode":0,"StartedAt":"2026-11-23T15:48:06Z","Health":{"Status":"unhealthy","Log":[{"Output":"first"},{"Output":" last\n"}]}},
"Config":{"Image":"apache/kafka:4.3.1","Labels":{"com.docker.compose.service":"kafka","com.docker.compose.project":"shop","com.docker.compose.project.config_files":"/x/compose.yaml"}},
"HostConfig":{"PortBindings":{"9092/tcp":[{"HostIp":"127.0.0.1","HostPort":"9192"}]}}}]
JSON
	exit ;;`)
	list, err := e.Containers(t.Context(), "shop")
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	c := list[0]
	if c.Name != "shop-kafka-1" || c.Service != "kafka" || c.Health != "unhealthy" || c.HealthText != "last" || c.Restarts != 2 || !c.Alive() {
		t.Errorf("got %+v", c)
	}
	if len(c.Ports) != 1 || c.Ports[0] != (docker.Port{HostIP: "127.0.0.1", Published: 9192, Target: 9092}) {
		t.Errorf("ports %+v", c.Ports)
	}
	if files := c.ConfigFiles(); len(files) != 1 || files[0] != "/x/compose.yaml" {
		t.Errorf("config files %q", files)
	}
}
