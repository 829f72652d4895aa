//go:build unix

package cmd

import (
	"bytes"
	"os/exec"
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/cluster"
)

// A shell evaluates -o env, and a project's file names addresses.
func TestEnvRunsNothing(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"127.0.0.1:9092", "kafka:9092,[fe80::1%eth0]:9092", "kafka:9092,$(echo>&2;exit):9092", "a`exit`b;exit|&<>:9092", "$HOME:9092", "it's:9092"} {
		var out bytes.Buffer
		a := newApp(nil, &out, nil)
		a.shell = shellPosix
		if err := a.printEnv(map[string]string{cluster.ServiceKafka: addr}); err != nil {
			t.Fatal(err)
		}
		if addr == "127.0.0.1:9092" && out.String() != "export KAFKA_BROKERS=127.0.0.1:9092\n" {
			t.Errorf("%q", out.String())
		}
		got, err := exec.Command("sh", "-c", out.String()+`printf %s "$KAFKA_BROKERS"`).CombinedOutput()
		if err != nil || string(got) != addr {
			t.Errorf("%s: %q gives %q, %v", addr, out.String(), got, err)
		}
	}
}
