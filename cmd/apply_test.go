package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
)

// What keeps a plan from being made keeps its exit code and its hint.
func TestApplyKeepsTheCause(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "topics.yaml")
	if err := os.WriteFile(file, []byte("topics:\n  - name: orders\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		fault kfake.Fault
		code  int
		says  string
	}{
		"not permitted": {kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.TopicAuthorizationFailed, Count: -1}, exitNotPermitted, "error: orders: not permitted on this topic\n"},
		"not ready":     {kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "orders", Err: kerr.LeaderNotAvailable, Count: -1}, exitTimeout, "error: orders: created, but partitions have no leader yet after 1s\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := kafkatest.Cluster(t)
			made := false
			c.fault.When = func(req kmsg.Request) bool {
				made = made || req.Key() == int16(kmsg.CreateTopics)
				return made
			}
			created := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Observe: true, Count: -1, When: c.fault.When})
			defer created.Remove()
			cluster.Fault(c.fault)
			code, _, errOut := runLine(t.Context(), "apply", "-f", file, "-X", "socket.connection.setup.timeout.ms=1000", "-b", kafkatest.Bootstrap(cluster))
			if code != c.code || !strings.HasSuffix(errOut, c.says) {
				t.Errorf("exit code %d, %q; want %d, %q", code, errOut, c.code, c.says)
			}
		})
	}
}
