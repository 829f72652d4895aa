package kafka_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/groups"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// moves runs groups reset and gives what it shows.
func moves(t *testing.T, conn realkafka.Conn, code int, args ...string) (list []groups.Move, stderr string) {
	t.Helper()
	var v any = &list
	if code != 0 {
		v = nil
	}
	stderr = answer(t, conn, code, v, append([]string{"groups", "reset"}, args...)...)
	return list, stderr
}

// TestGroupsReset moves groups of both protocols that Kafka's own consumer made, and
// asks that consumer where it goes on.
func TestGroupsReset(t *testing.T) {
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	for _, protocol := range []string{"classic", "consumer"} {
		t.Run(protocol, func(t *testing.T) {
			topic := realkafka.Name(t)
			group := topic + "-group"
			answer(t, conn, 0, nil, "create-topic", topic, "-p", "2")
			peers.KcatProduce(t, conn, topic, numbered(1000))
			leave := member(t, conn, "org.apache.kafka.tools.consumer.ConsoleConsumer", topic, group, "group.protocol="+protocol)
			until(t, conn, group, func(d groups.Description) bool { return d.Lag != nil && *d.Lag == 0 && reached(d) == 1000 })

			_, stderr := moves(t, conn, 6, group, "--to", "start", "--execute")
			if !strings.Contains(stderr, "error: "+group+": the group has members: ") || !strings.Contains(stderr, " on 127.0.0.1") {
				t.Errorf("with a member:\n%s", stderr)
			}
			_, stderr = moves(t, conn, 6, group, "--to", "none", "--execute")
			if !strings.Contains(stderr, "error: "+group+": no offset was taken away: the group has members that read this topic\n") {
				t.Errorf("with a member that reads the topic:\n%s", stderr)
			}
			leave()
			until(t, conn, group, func(d groups.Description) bool { return !d.Live() })

			undo := filepath.Join(t.TempDir(), "undo.json")
			plan, _ := moves(t, conn, 0, group, "--to", "start")
			done, _ := moves(t, conn, 0, group, "--to", "start", "--execute", "--undo-file", undo)
			a, _ := json.Marshal(plan)
			b, _ := json.Marshal(done)
			if string(a) != string(b) || len(done) != 2 || *done[0].New != 0 || *done[0].Current+*done[1].Current != 1000 {
				t.Errorf("planned %s, done %s", a, b)
			}
			until(t, conn, group, func(d groups.Description) bool { return *d.Lag == 1000 && reached(d) == 0 })
			leave = member(t, conn, "org.apache.kafka.tools.consumer.ConsoleConsumer", topic, group, "group.protocol="+protocol)
			until(t, conn, group, func(d groups.Description) bool { return d.Live() && *d.Lag == 0 })
			leave()
			until(t, conn, group, func(d groups.Description) bool { return !d.Live() })

			back, _ := moves(t, conn, 0, group, "--to", "-10", "--execute")
			until(t, conn, group, func(d groups.Description) bool { return reached(d) == *back[0].New+*back[1].New && *d.Lag >= 10 })
			moves(t, conn, 0, group, "--to", "@"+time.Now().Add(time.Hour).UTC().Format(time.RFC3339), "--execute")
			until(t, conn, group, func(d groups.Description) bool { return reached(d) == 1000 })
			one, _ := moves(t, conn, 0, group, "--topic", topic, "-p", "1", "--to", "5", "--execute")
			if len(one) != 1 || one[0].Partition != 1 {
				t.Errorf("moved in %+v, want partition 1", one)
			}
			until(t, conn, group, func(d groups.Description) bool { return *d.Partitions[1].Current == *one[0].New })
			moves(t, conn, 0, group, "--to", "file:"+undo, "--execute")
			until(t, conn, group, func(d groups.Description) bool { return *d.Lag == 0 })

			moves(t, conn, 0, group+"-go", "--to", "group:"+group, "--create", "--execute")
			until(t, conn, group+"-go", func(d groups.Description) bool { return *d.Lag == 0 && reached(d) == 1000 })

			// A file that remembers no commit takes the commit away.
			fresh := filepath.Join(t.TempDir(), "fresh.json")
			moves(t, conn, 0, group+"-fresh", "--topic", topic, "--to", "end", "--create", "--execute", "--undo-file", fresh)
			until(t, conn, group+"-fresh", func(d groups.Description) bool { return reached(d) == 1000 })
			moves(t, conn, 0, group+"-fresh", "--topic", topic, "--to", "file:"+fresh, "--execute")

			answer(t, conn, 0, nil, "groups", "delete", group, group+"-go", "--yes")
			answer(t, conn, 1, nil, "groups", "describe", group)
		})
	}
}

// TestGroupsResetOnZooKeeper does the same with the oldest brokers that are tested.
func TestGroupsResetOnZooKeeper(t *testing.T) {
	conn := realkafka.SharedZooKeeper(t).Conn(realkafka.Plaintext)
	topic := realkafka.Name(t)
	answer(t, conn, 0, nil, "create-topic", topic, "-p", "2")
	peers.KcatProduce(t, conn, topic, numbered(100))
	undo := filepath.Join(t.TempDir(), "undo.json")
	moves(t, conn, 0, topic+"-group", "--topic", topic, "--to", "end", "--create", "--execute", "--undo-file", undo)
	until(t, conn, topic+"-group", func(d groups.Description) bool { return *d.Lag == 0 && reached(d) == 100 })
	moves(t, conn, 0, topic+"-group", "--to", "start", "--execute")
	until(t, conn, topic+"-group", func(d groups.Description) bool { return *d.Lag == 100 })
	answer(t, conn, 0, nil, "groups", "delete", topic+"-group", "--yes")
}
