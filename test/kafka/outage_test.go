package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

func open(t *testing.T, conf kafka.Config) *kafka.Client {
	t.Helper()
	c, err := kafka.Open(t.Context(), conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestAdvertisedListenerThatLeadsNowhere(t *testing.T) {
	cluster := realkafka.Start(t, realkafka.Options{Listeners: []realkafka.Listener{realkafka.Misadvertised}})
	topic := realkafka.Name(t)
	peers.CreateTopic(t, cluster.Conn(realkafka.Plaintext), topic, 1, 1)
	c := open(t, config(cluster.Conn(realkafka.Misadvertised)))
	tp := kafka.TopicPartition{Topic: topic}
	got, err := c.Fetch(t.Context(), map[kafka.TopicPartition]int64{tp: 0}, kafka.FetchOptions{})
	if err != nil || len(got) != 1 {
		t.Fatalf("fetched %v, error %v", got, err)
	}
	text := fmt.Sprint(got[0].Err)
	if !errors.Is(got[0].Err, kafka.ErrUnreachable) || !strings.Contains(text, "127.0.0.1:1: connection refused") ||
		!strings.Contains(text, cluster.BootstrapFor(realkafka.Misadvertised)) {
		t.Errorf("error %s, want one that names both addresses", text)
	}

	// A broker that hangs holds nobody up for longer than the timeout, and
	// whoever gives up is let go at once.
	hung := open(t, kafka.Config{Bootstrap: []string{cluster.Bootstrap()}, Timeout: 2 * time.Second})
	if _, err := hung.Leader(t.Context(), tp); err != nil {
		t.Fatal(err)
	}
	cluster.Pause(0)
	began := time.Now()
	if _, err := hung.Metadata(t.Context(), nil); !errors.Is(err, kafka.ErrUnreachable) || time.Since(began) > 20*time.Second {
		t.Errorf("a hung broker: error %v after %s", err, time.Since(began))
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	began = time.Now()
	if _, err := hung.Fetch(ctx, map[kafka.TopicPartition]int64{tp: 0}, kafka.FetchOptions{}); !errors.Is(err, context.Canceled) || time.Since(began) > 5*time.Second {
		t.Errorf("a fetch that was given up: error %v after %s", err, time.Since(began))
	}
	cluster.Continue(0)
	if _, err := hung.Metadata(t.Context(), nil); err != nil {
		t.Errorf("the broker goes on: %v", err)
	}
}

func TestReadToEndOutlivesItsLeader(t *testing.T) {
	t.Parallel() // it mostly waits, for a cluster of its own
	cluster := realkafka.Start(t, realkafka.Options{Brokers: 3})
	topic := realkafka.Name(t)
	conn := cluster.Conn(realkafka.Plaintext)
	peers.CreateTopic(t, conn, topic, 3, 3)
	const records = 3000
	var lines strings.Builder
	for i := range records {
		fmt.Fprintf(&lines, "record %d\n", i)
	}
	produce := peers.Kcat(t.Context(), t, conn, "-P", "-t", topic, "-X", "acks=all")
	produce.Stdin = strings.NewReader(lines.String())
	if out, err := produce.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c := open(t, kafka.Config{Bootstrap: []string{conn.Bootstrap}, Timeout: 30 * time.Second})
	from := map[kafka.TopicPartition]int64{}
	for p := range int32(3) {
		from[kafka.TopicPartition{Topic: topic, Partition: p}] = 0
	}
	seen := map[string]int{}
	killed := false
	err := c.ReadToEnd(t.Context(), from, kafka.FetchOptions{MaxPartition: 4 << 10}, func(f kafka.Fetched) error {
		for _, r := range f.Records {
			seen[string(r.Value)]++
		}
		if !killed {
			killed = true
			cluster.Kill(0)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) != records {
		t.Errorf("read %d of %d records", len(seen), records)
	}
	for value, n := range seen {
		if n != 1 {
			t.Errorf("read %q %d times", value, n)
		}
	}
	// One broker of three is gone; the rest answers, also to a newcomer whose
	// list begins with the dead one.
	open(t, kafka.Config{Bootstrap: []string{conn.Bootstrap}})
	oneBrokerIsMissed(t, cluster, topic)
}

// oneBrokerIsMissed looks at a cluster of three whose first broker was killed: the
// listing tells of replicas that are behind, and the status of the quorum's leader,
// which is always the same one.
func oneBrokerIsMissed(t *testing.T, cluster *realkafka.Cluster, topic string) {
	conn := cluster.Conn(realkafka.Plaintext)
	var list []topics.Topic
	for deadline := time.Now().Add(time.Minute); len(list) == 0 || list[0].UnderReplicated < 3; {
		if time.Now().After(deadline) {
			t.Fatalf("one of three replicas is gone, the listing has %+v", list)
		}
		answer(t, conn, 0, &list, "list-topics", topic)
	}
	if stderr := answer(t, conn, 0, nil, "list-topics", topic); !strings.HasSuffix(stderr, "warning: 3 partitions with replicas that are not in sync: "+topic+" 3\n") {
		t.Errorf("the listing says\n%s", stderr)
	}
	var first, next clusterStatus
	answer(t, conn, 0, &first, "status")
	for range 3 {
		stderr := answer(t, conn, 0, &next, "status")
		if next.Controller != first.Controller || next.Controller == 1 || next.UnderReplicated < 3 ||
			!strings.Contains(stderr, "replicas that are not in sync; list-topics --internal names the topics\n") {
			t.Errorf("the first status has %+v, a later one %+v and\n%s", first, next, stderr)
		}
	}
}

// clusterStatus is a part of what status tells of a cluster.
type clusterStatus struct {
	Controller      int32 `json:"controller"`
	UnderReplicated int   `json:"under_replicated"`
}

func TestZooKeeperEraIsNegotiated(t *testing.T) {
	cluster := realkafka.SharedZooKeeper(t)
	topic := realkafka.Name(t)
	peers.CreateTopic(t, cluster.Conn(realkafka.Plaintext), topic, 1, 1)
	for name, conf := range map[string]kafka.Config{
		"plaintext": config(cluster.Conn(realkafka.Plaintext)),
		"scram":     config(cluster.Conn(realkafka.SASLPlaintext).As(realkafka.Alice(), realkafka.SCRAM256)),
		"ssl":       config(cluster.Conn(realkafka.SSL)),
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t, conf)
			if c.Release() != "3.9.0" {
				t.Errorf("release %s, want 3.9.0", c.Release())
			}
			tp := kafka.TopicPartition{Topic: topic}
			if err := c.ReadToEnd(t.Context(), map[kafka.TopicPartition]int64{tp: 0}, kafka.FetchOptions{}, func(kafka.Fetched) error { return nil }); err != nil {
				t.Error(err)
			}
		})
	}
}
