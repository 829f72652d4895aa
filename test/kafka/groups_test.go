package kafka_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/groups"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// member starts Kafka's own console consumer in a group, with the protocol that
// a properties file names.
func member(t *testing.T, conn realkafka.Conn, class, topic, group string, properties ...string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "consumer.properties")
	if err := os.WriteFile(file, []byte(strings.Join(append(properties, "auto.commit.interval.ms=100"), "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--bootstrap-server", conn.Bootstrap, "--topic", topic, "--group", group, "--command-config", file}
	if !strings.Contains(class, "Share") {
		args = append(args, "--from-beginning")
	}
	c := realkafka.JavaTool{}.Command(t.Context(), t, class, args...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait() // it was killed
	})
}

// until repeats a look at a group until it is as wanted.
func until(t *testing.T, conn realkafka.Conn, group string, wanted func(groups.Description) bool) groups.Description {
	t.Helper()
	var list []groups.Description
	for deadline := time.Now().Add(time.Minute); ; {
		var all []groups.Group
		answer(t, conn, 0, &all, "groups", "list")
		for _, g := range all {
			if g.Name != group {
				continue
			}
			answer(t, conn, 0, &list, "groups", "describe", group)
			if wanted(list[0]) {
				return list[0]
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("group %s: %+v", group, list)
		}
	}
}

// TestGroupsWithLiveMembers looks at groups of all protocols while Kafka's own
// consumers and kcat are in them.
func TestGroupsWithLiveMembers(t *testing.T) {
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	topic := realkafka.Name(t)
	answer(t, conn, 0, nil, "create-topic", topic, "-p", "2")
	peers.KcatProduce(t, conn, topic, numbered(1000))
	const console, share = "org.apache.kafka.tools.consumer.ConsoleConsumer", "org.apache.kafka.tools.consumer.ConsoleShareConsumer"
	member(t, conn, console, topic, topic+"-classic", "group.protocol=classic")
	member(t, conn, console, topic, topic+"-consumer", "group.protocol=consumer")
	member(t, conn, share, topic, topic+"-share")
	for _, kind := range []groups.Type{groups.Classic, groups.Consumer} {
		d := until(t, conn, topic+"-"+string(kind), func(d groups.Description) bool {
			return d.State == "Stable" && d.Lag != nil && *d.Lag == 0 && len(d.Partitions) == 2 && d.Partitions[0].Member != ""
		})
		if d.Type != kind || *d.Members != 1 || !d.Live() || len(d.MemberOf[0].Assigned) != 2 || d.MemberOf[0].Assigned[0].Topic != topic {
			t.Errorf("%s: %+v", kind, d)
		}
		var sum int64
		for _, p := range d.Partitions {
			sum += *p.Current
		}
		if sum != 1000 || *d.Partitions[0].LagSeconds != 0 {
			t.Errorf("%s has committed %d records", kind, sum)
		}
	}
	until(t, conn, topic+"-share", func(d groups.Description) bool { return d.Type == groups.Share && d.State == "Stable" && d.Live() })
	answer(t, conn, 1, nil, "groups", "describe", topic+"-nobody")
	answer(t, conn, 8, nil, "groups", "list", topic+"-nobody")
}

// TestGroupsOnZooKeeper describes a classic group on a broker that tells no types.
func TestGroupsOnZooKeeper(t *testing.T) {
	conn := realkafka.SharedZooKeeper(t).Conn(realkafka.Plaintext)
	topic := realkafka.Name(t)
	answer(t, conn, 0, nil, "create-topic", topic, "-p", "2")
	peers.KcatProduce(t, conn, topic, numbered(100))
	member(t, conn, "org.apache.kafka.tools.consumer.ConsoleConsumer", topic, topic+"-group", "group.protocol=classic")
	d := until(t, conn, topic+"-group", func(d groups.Description) bool { return d.Lag != nil && *d.Lag == 0 && len(d.Partitions) == 2 })
	if d.Type != groups.Classic || *d.Members != 1 || d.Partitions[1].Member == "" {
		t.Errorf("%+v", d)
	}
}
