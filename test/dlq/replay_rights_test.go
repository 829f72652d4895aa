package dlq_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/test/product"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// grant gives Alice rights; the plaintext door is a super user's.
func (b *bench) grant(kind sarama.AclResourceType, name string, ops ...sarama.AclOperation) {
	b.t.Helper()
	admin := b.admin()
	defer admin.Close()
	acls := &sarama.ResourceAcls{Resource: sarama.Resource{ResourceType: kind, ResourceName: name, ResourcePatternType: sarama.AclPatternLiteral}}
	if kind != sarama.AclResourceTopic {
		acls.ResourcePatternType = sarama.AclPatternPrefixed
	}
	for _, op := range ops {
		acls.Acls = append(acls.Acls, &sarama.Acl{Principal: "User:" + realkafka.Alice().Name, Host: "*", Operation: op, PermissionType: sarama.AclPermissionAllow})
	}
	if err := admin.CreateACLs([]*sarama.ResourceAcls{acls}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) admin() sarama.ClusterAdmin {
	b.t.Helper()
	conf := sarama.NewConfig()
	conf.Version = sarama.V2_8_0_0
	admin, err := sarama.NewClusterAdmin(strings.Split(b.conn.Bootstrap, ","), conf)
	if err != nil {
		b.t.Fatal(err)
	}
	return admin
}

// Each right that is missing is named, and nothing is sent until all are there.
func TestReplayNamesTheRightsItLacks(t *testing.T) {
	cluster := realkafka.Start(t, realkafka.Options{ACL: true, Listeners: []realkafka.Listener{realkafka.SASLPlaintext}})
	b := newBench(t, cluster, 2)
	b.fill(0, 20, 100)
	door := cluster.Conn(realkafka.SASLPlaintext).As(realkafka.Alice(), realkafka.Plain)
	properties := t.TempDir() + "/client.properties"
	if err := door.WriteProperties(properties); err != nil {
		t.Fatal(err)
	}
	alice := func() (string, int) {
		t.Helper()
		out, err := product.Command(t.Context(), t, "dlq", "replay", b.queue, "--ledger", b.ledger, "-y", "--command-config", properties, "-b", door.Bootstrap).CombinedOutput()
		return string(out), exitCode(t, err)
	}
	denied := func(words ...string) {
		t.Helper()
		// A new right reaches every part of the broker a moment later.
		var out string
		var code int
		fits := func() bool {
			out, code = alice()
			for _, w := range words {
				if !strings.Contains(out, w) {
					return false
				}
			}
			return code == 9
		}
		if !await(t, 20e9, fits) {
			t.Fatalf("exit %d, want 9 and %q\n%s", code, words, out)
		}
	}
	denied(b.queue, "not permitted on this topic")
	b.grant(sarama.AclResourceTopic, b.queue, sarama.AclOperationRead)
	denied(b.ledger, "not permitted on this topic")
	b.grant(sarama.AclResourceTopic, b.ledger, sarama.AclOperationRead)
	denied(b.source+":", "not permitted on this topic")
	b.grant(sarama.AclResourceTopic, b.source, sarama.AclOperationWrite)
	denied("need Write and Describe on TransactionalId manage-kafka.dlq."+b.queue, "--at-least-once")
	b.grant(sarama.AclResourceTransactionalID, "manage-kafka.dlq.", sarama.AclOperationWrite, sarama.AclOperationDescribe)
	denied(b.ledger, "writing to")
	if sent := b.judge(20, nil); sent.missing != 20 {
		t.Fatalf("letters went out without the rights: %s", sent)
	}
	b.grant(sarama.AclResourceTopic, b.ledger, sarama.AclOperationWrite)
	var out string
	var code int
	if !await(t, 20e9, func() bool { out, code = alice(); return code == 0 }) ||
		strings.Count(out, "no READ on group manage-kafka.dlq."+b.queue+": lag dashboards will not update") != 1 {
		t.Errorf("without the group's right: exit %d\n%s", code, out)
	}
	b.mustBeExact(20)
}

func TestReplayToATopicThatIsGone(t *testing.T) {
	b := newBench(t, realkafka.Shared(t), 1)
	b.fill(0, 10, 100)
	b.remove(b.source)
	b.says(1, "error: target "+b.source+": no such topic or partition", "dlq", "replay", b.queue, "-y")
}

// Letters that retention takes from under a run are told, and the rest is sent.
func TestLettersThatExpireUnderARun(t *testing.T) {
	b := newBench(t, realkafka.Shared(t), 2)
	const n = 30_000
	b.fill(0, n, 50)
	s := b.start("--rate", "3000")
	b.awaitSent(2000)
	admin := b.admin()
	defer admin.Close()
	if err := admin.DeleteRecords(b.queue, map[int32]int64{0: -1}); err != nil {
		t.Fatal(err)
	}
	out, code := s.wait(t)
	if code != 5 || !regexp.MustCompile(`warning: \d+ letters of `+regexp.QuoteMeta(b.queue)+`/0 expired before the replay \(.*\); lost: offsets \d+-`).MatchString(out) {
		t.Errorf("exit %d, want 5\n%s", code, out)
	}
	if v := b.judge(n, func(i int) bool { return true }); v.duplicated+v.disordered+v.unknown > 0 || v.missing == 0 || v.missing > n/2 {
		t.Errorf("%s", v)
	}
	b.says(0, "nothing pending", "dlq", "replay", b.queue, "-y")
}

// A run that did not end, of a machine of which nothing is known, is watched
// for a while and then passed.
func TestADeadRunOfAnotherMachineIsPassed(t *testing.T) {
	b := newBench(t, realkafka.Shared(t), 1)
	b.fill(0, 10, 100)
	meta, err := b.client.Metadata(t.Context(), []string{b.queue})
	if err != nil {
		t.Fatal(err)
	}
	b.write(kafka.Record{
		Topic: b.ledger, Key: []byte("v1|run|" + b.queue + "|" + meta.Topics[0].ID + "|01OTHER"),
		Value: []byte(`{"t":"run","st":"running","op":"op-a","host":"elsewhere","m":"another","pid":1,"ps":"1","plan":10,"seq":0,"done":0,"hb":"2026-11-23T09:12:01Z"}`),
	})
	out := b.says(0, "watching the ledger for 12s", "dlq", "replay", b.queue, "-y")
	if !strings.Contains(out, "run 01OTHER (op-a) ended uncleanly after 0 of 10; its last transaction was aborted. Resuming: 10 left") {
		t.Errorf("nothing about the dead run:\n%s", out)
	}
	b.mustBeExact(10)
}
