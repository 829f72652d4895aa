package kafka_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/groups"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// member starts Kafka's own console consumer in a group, with the protocol that
// a properties file names. leave has it leave the group and end.
func member(t *testing.T, conn realkafka.Conn, class, topic, group string, properties ...string) (leave func()) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "consumer.properties")
	if err := os.WriteFile(file, []byte(strings.Join(append(properties, "auto.commit.interval.ms=100"), "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--bootstrap-server", conn.Bootstrap, "--topic", topic, "--group", group, "--command-config", file}
	if !strings.Contains(class, "Share") {
		args = append(args, "--from-beginning")
	}
	return running(t, realkafka.JavaTool{}.Command(t.Context(), t, class, args...))
}

// running starts a command that is killed with the test, unless end has ended it.
func running(t *testing.T, c *exec.Cmd) (end func()) {
	t.Helper()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := sync.OnceFunc(func() { _ = c.Wait() }) // it was killed
	t.Cleanup(func() {
		_ = c.Process.Kill()
		ended()
	})
	return func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		ended()
	}
}

// fromBeginning has a share group begin with the first record, which is a setting
// of the group and not of its members (KIP-932).
func fromBeginning(t *testing.T, conn realkafka.Conn, group string) {
	t.Helper()
	conf := sarama.NewConfig()
	conf.Version = sarama.V3_6_0_0
	admin, err := sarama.NewClusterAdmin(strings.Split(conn.Bootstrap, ","), conf)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	const groupResource = sarama.ConfigResourceType(32)
	earliest := "earliest"
	if err := admin.IncrementalAlterConfig(groupResource, group, map[string]sarama.IncrementalAlterConfigsEntry{
		"share.auto.offset.reset": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &earliest},
	}, false); err != nil {
		t.Fatal(err)
	}
}

// reached sums where a group is in its partitions.
func reached(d groups.Description) (sum int64) {
	for _, p := range d.Partitions {
		if p.Current != nil {
			sum += *p.Current
		}
	}
	return sum
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
			text, _ := json.Marshal(list)
			t.Fatalf("group %s: %s", group, text)
		}
	}
}

// TestGroupsWithLiveMembers looks at groups of all protocols while Kafka's own
// consumers and kcat are in them.
func TestGroupsWithLiveMembers(t *testing.T) {
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	topic := realkafka.Name(t)
	answer(t, conn, 0, nil, "create-topic", topic, "-p", "2")
	// kcat may put all records without a key into one partition.
	peers.KcatProduce(t, conn, topic, numbered(600), "-p", "0")
	peers.KcatProduce(t, conn, topic, numbered(400), "-p", "1")
	const console, consoleShare = "org.apache.kafka.tools.consumer.ConsoleConsumer", "org.apache.kafka.tools.consumer.ConsoleShareConsumer"
	member(t, conn, console, topic, topic+"-classic", "group.protocol=classic")
	member(t, conn, console, topic, topic+"-consumer", "group.protocol=consumer")
	share := topic + "-share"
	fromBeginning(t, conn, share)
	leave := member(t, conn, consoleShare, topic, share)
	for _, kind := range []groups.Type{groups.Classic, groups.Consumer} {
		d := until(t, conn, topic+"-"+string(kind), func(d groups.Description) bool {
			return d.State == "Stable" && d.Lag != nil && *d.Lag == 0 && len(d.Partitions) == 2 && d.Partitions[0].Member != ""
		})
		if d.Type != kind || *d.Members != 1 || !d.Live() || len(d.MemberOf[0].Assigned) != 2 || d.MemberOf[0].Assigned[0].Topic != topic {
			t.Errorf("%s: %+v", kind, d)
		}
		if reached(d) != 1000 || *d.Partitions[0].LagSeconds != 0 {
			t.Errorf("%s has committed %d records", kind, reached(d))
		}
	}
	d := until(t, conn, share, func(d groups.Description) bool {
		return d.Lag != nil && *d.Lag == 0 && len(d.Partitions) == 2 && d.Partitions[0].Current != nil && d.Partitions[1].Current != nil
	})
	if d.Type != groups.Share || d.State != "Stable" || d.Assignor != "simple" || *d.Members != 1 || d.Partitions[1].Member != d.MemberOf[0].ID || len(d.MemberOf[0].Assigned) != 2 || d.Error != "" {
		t.Errorf("share: %+v", d)
	}
	throughDoors(t, share, *d.Members)
	leave()
	peers.KcatProduce(t, conn, topic, numbered(4), "-p", "0")
	peers.KcatProduce(t, conn, topic, numbered(3), "-p", "1")
	until(t, conn, share, func(d groups.Description) bool { return d.State == "Empty" && !d.Live() && *d.Lag == 7 })
	resetShare(t, conn, topic, share)
	answer(t, conn, 1, nil, "groups", "describe", topic+"-nobody")
	answer(t, conn, 8, nil, "groups", "list", topic+"-nobody")
}

// resetShare moves a share group that stands 7 records before the ends of its topic's
// two partitions, and brings it back.
func resetShare(t *testing.T, conn realkafka.Conn, topic, share string) {
	t.Helper()
	at := func(lag, where int64) {
		t.Helper()
		until(t, conn, share, func(d groups.Description) bool { return d.Lag != nil && *d.Lag == lag && reached(d) == where })
	}
	// Wherever its state began, all is to be delivered again.
	plan, _ := moves(t, conn, 0, share, "--to", "start")
	done, _ := moves(t, conn, 0, share, "--to", "start", "--execute")
	a, _ := json.Marshal(plan)
	b, _ := json.Marshal(done)
	if string(a) != string(b) || len(done) != 2 || *done[0].New != 0 || *done[0].Lag+*done[1].Lag != 1007 {
		t.Errorf("planned %s, done %s", a, b)
	}
	at(1007, 0)
	if _, stderr := moves(t, conn, 0, share, "--to", "start", "--execute"); !strings.Contains(stderr, "nothing to change") {
		t.Errorf("once more:\n%s", stderr)
	}
	one, _ := moves(t, conn, 0, share, "--topic", topic, "-p", "1", "--to", "end", "--execute")
	at(1007-*one[0].New, *one[0].New)
	moves(t, conn, 0, share, "--to", "end", "--execute")
	moves(t, conn, 0, share, "--to", "-3", "--execute")
	three := int64(0) // of each partition, however the records were spread
	for _, m := range done {
		three += min(3, *m.Lag)
	}
	at(three, 1007-three)
	undo := filepath.Join(t.TempDir(), "undo.json")
	moves(t, conn, 0, share, "--to", "@-1h", "--execute", "--undo-file", undo)
	at(1007, 0)
	moves(t, conn, 0, share, "--to", "file:"+undo, "--execute")
	at(three, 1007-three)
	moves(t, conn, 0, topic+"-after", "--to", "group:"+share, "--create", "--execute")
	until(t, conn, topic+"-after", func(d groups.Description) bool { return d.Type == groups.Classic && reached(d) == 1007-three })

	// What a deletion keeps makes the group anew.
	stderr := answer(t, conn, 0, nil, "groups", "delete", share, "--yes")
	file := regexp.MustCompile(`--to (file:\S+) --create`).FindStringSubmatch(stderr)
	if file == nil {
		t.Fatalf("no file is named:\n%s", stderr)
	}
	moves(t, conn, 0, share, "--to", file[1], "--create", "--execute")
	at(three, 1007-three)
}

// throughDoors describes a group over every kind of connection: what tells of the
// newer groups writes to it beside the protocol library.
func throughDoors(t *testing.T, group string, members int) {
	t.Helper()
	for _, door := range []realkafka.Listener{realkafka.SASLPlaintext, realkafka.SASLSSL, realkafka.MTLS} {
		conn := realkafka.Shared(t).Conn(door)
		c, err := kafka.Open(t.Context(), kafka.Config{Bootstrap: []string{conn.Bootstrap}, Properties: conn.Properties()})
		if err != nil {
			t.Fatalf("%s: %v", door, err)
		}
		defer c.Close()
		list, _, err := groups.New(c).Describe(t.Context(), []string{group})
		if err != nil || len(list) != 1 || list[0].Members == nil || *list[0].Members != members || list[0].Error != "" {
			t.Errorf("%s: %+v, %v", door, list, err)
		}
	}
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

// TestStreamsGroup looks at a group of Kafka Streams, which has tasks where others
// have partitions.
func TestStreamsGroup(t *testing.T) {
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	topic := realkafka.Name(t)
	answer(t, conn, 0, nil, "create-topic", topic, topic+"-out", "-p", "2")
	for _, partition := range []string{"0", "1"} {
		peers.KcatProduce(t, conn, topic, numbered(500), "-p", partition)
	}
	path := peers.Program(t, "java/PassOn.java", peers.Library{Coordinates: "org.apache.kafka:kafka-streams:" + realkafka.Current, Alone: true})
	tool := realkafka.JavaTool{ClassPath: path}
	running(t, tool.Command(t.Context(), t, "PassOn", conn.Bootstrap, topic+"-app", topic, topic+"-out", t.TempDir()))
	d := until(t, conn, topic+"-app", func(d groups.Description) bool {
		return d.State == "Stable" && d.Lag != nil && *d.Lag == 0 && len(d.Partitions) == 2 && reached(d) == 1000
	})
	if d.Type != groups.Streams || *d.Members != 1 || d.Error != "" || len(d.MemberOf[0].Assigned) != 2 || d.MemberOf[0].Assigned[1].Topic != topic || d.Partitions[1].Member != d.MemberOf[0].ID {
		t.Errorf("%+v", d)
	}
}
