//go:build unix

package cluster_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/cluster"
)

// fakeDocker answers as docker does with one container that did not come up:
// UP is what compose says, STATE and LOG are the container's.
const fakeDocker = `#!/bin/sh
PATH=/usr/bin:/bin
cd "$(dirname "$0")"
echo "$*" >>calls
case "$*" in
"version --format"*) echo 27.5.1 ;;
"context inspect"*) echo "default unix:///var/run/docker.sock" ;;
"compose version --short") echo 2.40.3 ;;
"compose "*" up "*) touch made; cat up >&2; exit 1 ;;
"compose "*" down "*) rm -f made ;;
"ps "*) [ ! -e made ] || echo abc ;;
"inspect "*) cat state ;;
"logs "*) cat log ;;
"volume ls"*) [ ! -e made ] || echo shop_kafka-data ;;
"network ls"*) ;;
"volume inspect"*) echo "Error response from daemon: get shop_kafka-data: no such volume" >&2; exit 1 ;;
"volume rm"*) ;;
"image inspect"*) echo sha256:1 ;;
*) echo "unexpected: $*" >&2; exit 99 ;;
esac
`

// container is docker inspect's answer.
func container(state string) string {
	return `[{"Id":"abc","Name":"/shop-kafka-1","State":{` + state + `},"Config":{"Image":"apache/kafka:4.3.1",
"Labels":{"com.docker.compose.service":"kafka","com.docker.compose.project":"shop","com.docker.compose.project.config_files":"` +
		filepath.Join(os.Getenv("XDG_STATE_HOME"), "manage-kafka", "shop", "compose.yaml") + `"}},"HostConfig":{}}]`
}

// TestFailedUp holds what a start that compose gave up tells, and that it is
// undone: by the words that compose and the engine say.
func TestFailedUp(t *testing.T) {
	for _, test := range []struct {
		name, up, state, log string
		kind                 error
		text, advice         string
		lines                int // of the log that are shown
	}{
		{"exited", `{"error":true,"message":"container shop-kafka-1 exited (1)"}`, `"Status":"exited","ExitCode":1`,
			strings.Repeat("2026-11-23T15:48:06Z line\n", 40), nil, "kafka: container shop-kafka-1 exited with code 1", "", 10},
		{"dependency", `{"error":true,"message":"dependency failed to start: container shop-kafka-1 is unhealthy"}`,
			`"Status":"running","Health":{"Status":"unhealthy","Log":[{"Output":"nobody home"}]}`, "", nil,
			"kafka: container shop-kafka-1 is unhealthy: nobody home", "", 0},
		{"out of memory", `{"error":true,"message":"container shop-kafka-1 exited (137)"}`, `"Status":"exited","ExitCode":137,"OOMKilled":true`,
			"", nil, "ran out of memory and was killed", "", 0},
		{"slow", `{"error":true,"message":"application not healthy after 8s"}`, `"Status":"running","Health":{"Status":"starting"}`,
			"2026-11-23T15:48:06Z starting\n", cluster.ErrNotReady, "container shop-kafka-1 is starting", "--wait-timeout", 1},
		{"other data", `{"error":true,"message":"container shop-kafka-1 exited (1)"}`, `"Status":"exited","ExitCode":1`,
			"2026-11-23T15:48:06Z java.lang.RuntimeException: Invalid cluster.id in: /var/lib/kafka/data/kraft/meta.properties. Expected AAA, but read BBB\n", cluster.ErrConflict,
			"volume shop_kafka-data holds the data of cluster BBB, this project is cluster AAA", "start --cluster-id BBB --project shop", 1},
		{"full disk of the engine", `{"error":true,"message":"Error response from daemon: mkdir /var/lib/docker/x: no space left on device"}`, `"Status":"created"`, "", nil,
			"disk of the container engine is full", "docker system prune", 0},
		{"full disk in the container", `{"error":true,"message":"container shop-kafka-1 exited (1)"}`, `"Status":"exited","ExitCode":1`,
			"2026-11-23T15:48:06Z java.io.IOException: No space left on device\n", nil, "disk of the container engine is full", "docker system df", 1},
		{"name taken", `{"error":true,"message":"Error response from daemon: Conflict. The container name \"/shop-kafka-1\" is already in use by container \"x\""}`,
			`"Status":"created"`, "", cluster.ErrInUse, "another start", "wait for it", 0},
		{"port taken meanwhile", `{"error":true,"message":"Error response from daemon: driver failed: Bind for 127.0.0.1:23592 failed: port is already allocated"}`,
			`"Status":"created"`, "", cluster.ErrPortTaken, "kafka: port 23592 is taken by", "", 0},
		{"engine gone", "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?", `"Status":"created"`, "", cluster.ErrNoEngine,
			"engine went away in the middle of the start", "--runtime embedded", 0},
		{"something else", `{"error":true,"message":"something else"}`, `"Status":"created"`, "", nil, "something else", "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("PATH", dir)
			t.Setenv("XDG_STATE_HOME", t.TempDir())
			for name, text := range map[string]string{"docker": fakeDocker, "up": test.up + "\n", "state": container(test.state), "log": test.log} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			stack, err := cluster.Open(cluster.Options{Project: "shop", Runtime: cluster.RuntimeDocker})
			if err != nil {
				t.Fatal(err)
			}
			offset := 14500 // below the ports that systems give to outgoing connections, and no other test's
			_, _, err = stack.Up(t.Context(), cluster.UpOptions{PortOffset: &offset, Only: []string{"kafka"}})
			if err == nil || !strings.Contains(err.Error(), test.text) || test.kind != nil && !errors.Is(err, test.kind) {
				t.Errorf("got %v, want %q and %v", err, test.text, test.kind)
			}
			var advised *cluster.Advised
			if got := errors.As(err, &advised); got != (test.advice != "") || got && !strings.Contains(advised.Advice, test.advice) {
				t.Errorf("advice %+v, want %q", advised, test.advice)
			}
			var failed *cluster.StartError
			if errors.As(err, &failed) && len(failed.Log) != test.lines || failed == nil && test.lines > 0 {
				t.Errorf("log shown: %+v, want %d lines", failed, test.lines)
			}
			calls, err := os.ReadFile(filepath.Join(dir, "calls"))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(calls), " down --remove-orphans --timeout 0\n") {
				t.Errorf("not undone:\n%s", calls)
			}
			if _, err := os.Stat(filepath.Join(stack.Dir(), "compose.yaml")); err == nil {
				t.Error("the compose file of a start that was undone is left")
			}
		})
	}
}
