package dlq_test

import (
	"context"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/test/product"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// right is one permission that a user is given or loses.
type right struct {
	kind    sarama.AclResourceType
	name    string
	pattern sarama.AclResourcePatternType
	ops     []sarama.AclOperation
}

// operatorRights are what the long help of dlq replay lists.
func (b *bench) operatorRights() map[string]right {
	all := func(kind sarama.AclResourceType, name string, ops ...sarama.AclOperation) right {
		return right{kind, name, sarama.AclPatternLiteral, ops}
	}
	r := map[string]right{
		"queue":  all(sarama.AclResourceTopic, b.queue, sarama.AclOperationRead, sarama.AclOperationDescribeConfigs),
		"ledger": all(sarama.AclResourceTopic, b.ledger, sarama.AclOperationRead, sarama.AclOperationWrite),
		"target": all(sarama.AclResourceTopic, b.source, sarama.AclOperationWrite, sarama.AclOperationRead, sarama.AclOperationDescribeConfigs),
		"txn":    all(sarama.AclResourceTransactionalID, "manage-kafka.dlq.", sarama.AclOperationWrite, sarama.AclOperationDescribe),
		"group":  all(sarama.AclResourceGroup, "manage-kafka.dlq.", sarama.AclOperationRead),
	}
	for _, name := range []string{"txn", "group"} {
		p := r[name]
		p.pattern = sarama.AclPatternPrefixed
		r[name] = p
	}
	return r
}

// sets gives alice exactly these rights.
func sets(t *testing.T, admin sarama.ClusterAdmin, rights map[string]right, without string) {
	t.Helper()
	everything := sarama.AclFilter{ResourceType: sarama.AclResourceAny, ResourcePatternTypeFilter: sarama.AclPatternAny, Operation: sarama.AclOperationAny, PermissionType: sarama.AclPermissionAny}
	if _, err := admin.DeleteACL(everything, false); err != nil {
		t.Fatal(err)
	}
	var acls []*sarama.ResourceAcls
	for name, r := range rights {
		if name == without {
			continue
		}
		list := &sarama.ResourceAcls{Resource: sarama.Resource{ResourceType: r.kind, ResourceName: r.name, ResourcePatternType: r.pattern}}
		for _, op := range r.ops {
			list.Acls = append(list.Acls, &sarama.Acl{Principal: "User:alice", Host: "*", Operation: op, PermissionType: sarama.AclPermissionAllow})
		}
		acls = append(acls, list)
	}
	if err := admin.CreateACLs(acls); err != nil {
		t.Fatal(err)
	}
	// The brokers learn of them one after the other.
	deadline := time.Now().Add(30 * time.Second)
	for {
		got, err := admin.ListAcls(everything)
		if err == nil && len(got) == len(acls) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the broker lists %d resources with rights, want %d: %v", len(got), len(acls), err)
		}
	}
}

func TestDeniedRightsAreNamed(t *testing.T) {
	t.Parallel()
	c := realkafka.Start(t, realkafka.Options{ACL: true, Listeners: []realkafka.Listener{realkafka.SASLPlaintext}})
	b := newBench(t, c, 1)
	b.fill(0, 10, 100)
	conf := sarama.NewConfig()
	conf.Version = sarama.V3_6_0_0
	admin, err := sarama.NewClusterAdmin(strings.Split(b.conn.Bootstrap, ","), conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close() })
	alice := c.Conn(realkafka.SASLPlaintext).As(realkafka.Alice(), realkafka.Plain)
	properties := filepath.Join(t.TempDir(), "client.properties")
	if err := alice.WriteProperties(properties); err != nil {
		t.Fatal(err)
	}
	replay := func(args ...string) (string, int) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		args = append([]string{"dlq", "replay", b.queue, "--ledger", b.ledger, "-y", "-b", alice.Bootstrap, "--command-config", properties}, args...)
		out, err := product.Command(ctx, t, args...).CombinedOutput()
		return string(out), exitCode(t, err)
	}
	q := regexp.QuoteMeta
	rights := b.operatorRights()
	for _, tt := range []struct {
		without string
		args    []string
		code    int
		want    string
		sent    int
	}{
		{"txn", nil, 9, `^error: need Write and Describe on TransactionalId manage-kafka\.dlq\.` + q(b.queue) + `\b`, 0},
		{"ledger", nil, 9, `^error: .*` + q(b.ledger), 0},
		{"queue", nil, 9, `^error: .*` + q(b.queue), 0},
		{"target", nil, 9, `^error: .*` + q(b.source), 0},
		{"txn", []string{"--at-least-once", "--limit", "1"}, 0, `replayed 1 letter`, 1},
		{"group", []string{"--limit", "4"}, 0, `^no READ on group manage-kafka\.dlq\.` + q(b.queue) + `: lag dashboards will not update \(the replay is not affected\)$`, 5},
		{"", nil, 0, `replayed 5 letters`, 10},
	} {
		sets(t, admin, rights, tt.without)
		out, code := replay(tt.args...)
		if code != tt.code {
			t.Errorf("without %q: exit %d, want %d\n%s", tt.without, code, tt.code, out)
		}
		says(t, out, tt.want)
		if tt.code == 9 {
			says(t, out, `^hint: replays need the rights that "manage-kafka dlq replay --help" lists`)
		}
		if n := b.count(b.source); n != tt.sent {
			t.Errorf("without %q: %d letters stand on the target, want %d", tt.without, n, tt.sent)
		}
	}
}

// What the cluster does to a run under way: each is told, and none loses a letter.
func TestRunMeetsAChangedCluster(t *testing.T) {
	t.Parallel()
	c := realkafka.Shared(t)
	conf := sarama.NewConfig()
	conf.Version = sarama.V3_6_0_0
	admin, err := sarama.NewClusterAdmin(strings.Split(c.Conn(realkafka.Plaintext).Bootstrap, ","), conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close() })
	// midway runs a slow replay and does something to the cluster once letters are sent.
	midway := func(t *testing.T, b *bench, rate string, what func() error) (string, int) {
		done := make(chan struct{})
		var out string
		var code int
		go func() {
			defer close(done)
			out, code = b.replay("--rate", rate)
		}()
		deadline := time.Now().Add(60 * time.Second)
		for b.count(b.source) < 5 {
			if time.Now().After(deadline) {
				t.Fatal("the replay sends nothing")
			}
		}
		if err := what(); err != nil {
			t.Error(err)
		}
		<-done
		return out, code
	}
	t.Run("oversize", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, c, 1)
		b.fill(0, 1, 5000)
		b.fill(1, 100, 100)
		size := "2000"
		if err := admin.AlterConfig(sarama.TopicResource, b.source, map[string]*string{"max.message.bytes": &size}, false); err != nil {
			t.Fatal(err)
		}
		out, code := b.replay("--order", "none")
		if code != 5 {
			t.Errorf("exit %d, want 5\n%s", code, out)
		}
		says(t, out, `^left 1 \(first 0@0\): too large or unfit: 5\d\d\d bytes, more than \S+ takes \(max\.message\.bytes is 2000\)$`)
		if n := b.count(b.source); n != 100 {
			t.Errorf("%d letters stand on the target, want 100", n)
		}
	})
	t.Run("rejected by the broker", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, c, 1)
		b.fill(0, 80, 100)
		b.fill(80, 1, 5000)
		out, code := midway(t, b, "20/s", func() error {
			size := "2000"
			return admin.AlterConfig(sarama.TopicResource, b.source, map[string]*string{"max.message.bytes": &size}, false)
		})
		if code != 5 {
			t.Errorf("exit %d, want 5\n%s", code, out)
		}
		says(t, out, `^0@\d+ rejected by the broker: .*; left pending$`)
		if n := b.count(b.source); n != 80 {
			t.Errorf("%d letters stand on the target, want 80", n)
		}
	})
	t.Run("target gone before", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, c, 1)
		b.fill(0, 5, 100)
		if err := admin.DeleteTopic(b.source); err != nil {
			t.Fatal(err)
		}
		out, code := b.replay()
		if code != 1 {
			t.Errorf("exit %d, want 1\n%s", code, out)
		}
		says(t, out, `^error: .*target `+regexp.QuoteMeta(b.source)+`: no such topic or partition$`)
	})
	t.Run("target deleted midway", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, c, 1)
		b.fill(0, 100, 100)
		out, code := midway(t, b, "20/s", func() error { return admin.DeleteTopic(b.source) })
		if code != 7 {
			t.Errorf("exit %d, want 7\n%s", code, out)
		}
		says(t, out, `^error: `+regexp.QuoteMeta(b.source)+` was deleted while the run was under way; its last transaction was aborted$`)
	})
	t.Run("expired midway", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, c, 1)
		b.fill(0, 12000, 300) // more than a run reads ahead
		out, code := midway(t, b, "2000/s", func() error { return admin.DeleteRecords(b.queue, map[int32]int64{0: 11990}) })
		if code != 5 {
			t.Errorf("exit %d, want 5\n%s", code, out)
		}
		says(t, out, `^warning: \d+ letters of `+regexp.QuoteMeta(b.queue)+`/0 expired before the replay \(retention\.ms is \S+\); lost: offsets .*\b11989$`)
		says(t, out, `^error: \d+ letters expired before the replay$`)
	})
}
