package cmd

import (
	"context"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
)

// Whoever interrupts a change of several topics is told which were changed.
func TestAlterTopicInterrupted(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t, kfake.SeedTopics(1, "first", "second", "third"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cluster.ControlKey(int16(kmsg.IncrementalAlterConfigs), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if r, ok := req.(*kmsg.IncrementalAlterConfigsRequest); ok && r.Resources[0].ResourceName == "second" {
			cancel()
		}
		return nil, nil, false
	})
	code, _, stderr := runLine(ctx, "alter-topic", "first", "second", "third", "-c", "retention.ms=1", "-b", kafkatest.Bootstrap(cluster))
	if code != exitInterrupted {
		t.Errorf("exit %d", code)
	}
	for _, line := range []string{"\nchanged topic first: ", "\nerror: interrupted: 1 of 3 topics are done, second may be"} {
		if !strings.Contains(stderr, line) {
			t.Errorf("%q is not in\n%s", line, stderr)
		}
	}
}
