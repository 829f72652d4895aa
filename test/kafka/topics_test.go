package kafka_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/topics"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/product"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
	"github.com/multi-tenant/manage-kafka/test/tier"
)

// answer runs the product on a cluster, checks its exit code and reads its
// JSON into v, which may be nil. It gives stderr.
func answer(t *testing.T, conn realkafka.Conn, code int, v any, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if v != nil {
		args = append(args, "-o", "json")
	}
	got := run(t, product.Command(ctx, t, append([]string{"-b", conn.Bootstrap}, args...)...))
	if got.code != code {
		t.Fatalf("%s: exit code %d, want %d\n%s", strings.Join(args, " "), got.code, code, got.stderr)
	}
	if v != nil && code == 0 {
		if err := json.Unmarshal([]byte(got.stdout), v); err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, got.stdout)
		}
	}
	return got.stderr
}

// forEachEra runs a test on the current release and on ZooKeeper's last.
func forEachEra(t *testing.T, test func(t *testing.T, conn realkafka.Conn)) {
	t.Run("current", func(t *testing.T) { test(t, realkafka.Shared(t).Conn(realkafka.Plaintext)) })
	t.Run("zookeeper", func(t *testing.T) {
		test(t, realkafka.SharedZooKeeper(t).Conn(realkafka.Plaintext))
	})
}

func TestTopicsLive(t *testing.T) {
	forEachEra(t, func(t *testing.T, conn realkafka.Conn) {
		topic := realkafka.Name(t)
		var made []topics.Creation
		answer(t, conn, 0, &made, "create-topic", topic, "-p", "2", "-c", "cleanup.policy=compact,delete", "-c", "max.message.bytes=2000000", "--with-dlq")
		if len(made) != 2 || made[0].Outcome != topics.Created || made[0].Partitions != 2 || made[0].Replication != 1 || made[0].ID == "" {
			t.Fatalf("%+v", made)
		}
		told := peers.Tool(t, conn, "org.apache.kafka.tools.TopicCommand", "--describe", "--topic", topic+".dlq")
		if !strings.Contains(told, "max.message.bytes=2065536") || !strings.Contains(told, "PartitionCount: 2") {
			t.Errorf("Kafka's own tool says of the queue:\n%s", told)
		}
		answer(t, conn, 7, nil, "create-topic", topic, "-p", "3")
		answer(t, conn, 1, nil, "create-topic", topic+"-wide", "-r", "3")
		// The name with the queue's dot as an underscore would collide in metrics.
		answer(t, conn, 7, nil, "create-topic", topic+"_dlq")

		var brokers []topics.BrokerDescription
		answer(t, conn, 0, &brokers, "describe-broker")
		own := topics.Entry{Name: "auto.create.topics.enable", Value: "false", Source: topics.SourceBrokerFile, ReadOnly: true}
		if len(brokers) != 1 || !slices.Contains(brokers[0].Config, own) || slices.ContainsFunc(brokers[0].Config, func(e topics.Entry) bool { return e.Source == topics.SourceDefault }) {
			t.Errorf("the broker has %+v", brokers)
		}

		peers.KcatProduce(t, conn, topic, []byte("a:1\nb:2\na:3\n"), "-K", ":")
		var list []topics.Topic
		answer(t, conn, 0, &list, "list-topics", topic)
		if len(list) != 1 || *list[0].Records != 3 || *list[0].DLQPending != 0 || list[0].SizeBytes == nil || *list[0].SizeBytes == 0 {
			t.Errorf("%+v", list)
		}
		var changed []topics.Alteration
		stderr := answer(t, conn, 0, &changed, "alter-topic", topic, "-p", "4", "-c", "retention.ms=5000", "-d", "max.message.bytes")
		if len(changed) != 1 || len(changed[0].Changes) != 3 || !changed[0].KeysMove || !strings.Contains(stderr, "warning: ") {
			t.Errorf("%+v\n%s", changed, stderr)
		}
		answer(t, conn, 7, nil, "alter-topic", topic, "-p", "1")
		var described []topics.Description
		answer(t, conn, 0, &described, "describe-topic", topic)
		if d := described[0]; len(d.Partitions) != 4 || d.ID != made[0].ID || !slices.ContainsFunc(d.Config, func(e topics.Entry) bool {
			return e.Name == "retention.ms" && e.Value == "5000" && e.Source == topics.SourceTopic
		}) {
			t.Errorf("%+v", d)
		}
		if n := len(peers.KcatList(t, conn).Topics); n < 2 {
			t.Errorf("kcat sees %d topics", n)
		}
		answer(t, conn, 2, nil, "delete-topic", topic)
		answer(t, conn, 0, nil, "delete-topic", topic, topic+".dlq", "--yes")
		answer(t, conn, 8, nil, "list-topics", topic)
		// The name is free at once, also where deleting many partitions goes on
		// after the brokers have forgotten the topic.
		for range 3 {
			answer(t, conn, 0, nil, "create-topic", topic, "-p", "60")
			answer(t, conn, 0, nil, "delete-topic", topic, "-y")
		}
	})
}

func TestApplyLive(t *testing.T) {
	forEachEra(t, func(t *testing.T, conn realkafka.Conn) {
		name := realkafka.Name(t)
		file := filepath.Join(t.TempDir(), "topics.yaml")
		write := func(format string, args ...any) {
			t.Helper()
			if err := os.WriteFile(file, fmt.Appendf(nil, format, args...), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		apply := func(code int, want ...topics.Verb) {
			t.Helper()
			var steps []topics.Step
			answer(t, conn, code, &steps, "apply", "-f", file)
			var verbs []topics.Verb
			for _, s := range steps {
				verbs = append(verbs, s.Verb)
			}
			if code == 0 && !slices.Equal(verbs, want) {
				t.Errorf("steps %v, want %v", verbs, want)
			}
		}
		write("topics:\n- {name: %s, partitions: 2, dlq: true, config: {retention.ms: 1000}}\n", name)
		apply(0, topics.VerbCreate, topics.VerbCreate)
		apply(0, topics.VerbNone, topics.VerbNone)
		write("topics:\n- {name: %s, partitions: 3, config: {retention.ms: 2000}}\n", name)
		apply(0, topics.VerbAlter)
		apply(0, topics.VerbNone)
		write("topics:\n- {name: %s-new}\n- {name: %s, partitions: 1}\n", name, name)
		apply(7)
		answer(t, conn, 8, nil, "list-topics", name+"-new")
		answer(t, conn, 0, nil, "delete-topic", name, name+".dlq", "-y")
	})
}

// TestListSpeed times whole processes, the product's and kcat's, in turn; the
// median of the ratios tells the work from the machine's other load.
func TestListSpeed(t *testing.T) {
	want := 2.6
	if tier.IsLong() {
		want = 2
	}
	conn := realkafka.Start(t, realkafka.Options{}).Conn(realkafka.Plaintext)
	args := []string{"create-topic", "-q", "-p", "3"}
	for i := range 1000 {
		args = append(args, fmt.Sprintf("topic-%04d", i))
	}
	answer(t, conn, 0, nil, args...)
	awaitLogs(t, conn, 1000)
	// The test binary starts slower than the product: it holds the peers too.
	binary := filepath.Join(t.TempDir(), "manage-kafka")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "../..") // as make build does
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the product: %v\n%s", err, out)
	}
	clock := func(c *exec.Cmd) time.Duration {
		t.Helper()
		c.Stdout = io.Discard
		began := time.Now()
		if err := c.Run(); err != nil {
			t.Fatalf("%v: %v", c.Args, err)
		}
		return time.Since(began)
	}
	kcl, noKcl := exec.LookPath("kcl") // it is not to be had as a package
	kclConfig := filepath.Join(t.TempDir(), "kcl.toml")
	if err := os.WriteFile(kclConfig, fmt.Appendf(nil, "seed_brokers = [%q]\n", conn.Bootstrap), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{"table": {"list-topics"}, "names": {"list-topics", "-o", "name"}} {
		var ratios, kclRatios []float64
		for range 25 {
			ours := clock(exec.CommandContext(t.Context(), binary, append([]string{"-b", conn.Bootstrap}, args...)...))
			ratios = append(ratios, float64(ours)/float64(clock(peers.Kcat(t.Context(), t, conn, "-L"))))
			if noKcl == nil {
				theirs := clock(exec.CommandContext(t.Context(), kcl, "topic", "list", "--config-path", kclConfig))
				kclRatios = append(kclRatios, float64(ours)/float64(theirs))
			}
		}
		if slices.Sort(kclRatios); noKcl == nil {
			t.Logf("%s: %.2f times kcl topic list, median", name, kclRatios[len(kclRatios)/2])
		}
		slices.Sort(ratios)
		median := ratios[len(ratios)/2]
		t.Logf("%s: %.2f times kcat -L, median of pairs (%.2f to %.2f)", name, median, ratios[0], ratios[len(ratios)-1])
		// Twice is the goal, which the long form holds; the clock of a machine
		// that others use is off by 30 % and more.
		if median > want {
			t.Errorf("%s takes %.2f times as long as kcat -L", name, median)
		}
	}
}

// awaitLogs waits until the broker has made the logs of n topics, which keeps
// it busy for seconds after it has told clients of them.
func awaitLogs(t *testing.T, conn realkafka.Conn, n int) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; {
		var list []topics.Topic
		answer(t, conn, 0, &list, "list-topics")
		waiting := slices.IndexFunc(list, func(topic topics.Topic) bool { return topic.Records == nil })
		if len(list) == n && waiting < 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d topics, the first without a count is at %d", len(list), waiting)
		}
	}
}
