package dlq_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/test/product"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// What a user may not see has not failed, is not missing and is not waited for.
func TestOutcomesThatMayNotBeSeen(t *testing.T) {
	t.Parallel()
	c := realkafka.Start(t, realkafka.Options{ACL: true, Listeners: []realkafka.Listener{realkafka.SASLPlaintext}})
	b := newBench(t, c, 1)
	b.fill(0, 10, 100)
	startService(b, "billing", func(kafka.Record) *failure { return nil })
	b.mustReplay("--limit", "9")
	run := b.newest()
	b.says(0, "9 passed", "dlq", "watch", run, "--until-done", "--settle", "1s")
	admin := b.admin()
	defer admin.Close()
	rights := b.operatorRights()
	target := rights["target"]
	target.ops = []sarama.AclOperation{sarama.AclOperationWrite}
	rights["target"] = target
	rights["outcome"] = right{sarama.AclResourceGroup, "billing", sarama.AclPatternLiteral, []sarama.AclOperation{sarama.AclOperationDescribe}}
	sets(t, admin, rights, "outcome")
	door := c.Conn(realkafka.SASLPlaintext).As(realkafka.Alice(), realkafka.Plain)
	properties := t.TempDir() + "/client.properties"
	if err := door.WriteProperties(properties); err != nil {
		t.Fatal(err)
	}
	alice := func(args ...string) (string, int) {
		t.Helper()
		out, err := product.Command(t.Context(), t, append(args, "--ledger", b.ledger, "--command-config", properties, "-b", door.Bootstrap)...).CombinedOutput()
		return string(out), exitCode(t, err)
	}
	q := regexp.QuoteMeta
	hidden := `no right to see how far group billing is \(Describe on it\)`
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"dlq", "watch", run, "--until-done"}, 5, `^unverifiable: 9 letters: ` + hidden + `, such as 0@0$`},
		{[]string{"dlq", "trace", b.queue, "0@0"}, 0, `^  unverifiable: ` + hidden + `$`},
		{[]string{"dlq", "verify", run}, 9, `^error: .*` + q(b.source) + `\b.*not permitted`},
		{[]string{"dlq", "replay", b.queue, "-y", "--canary", "1"}, 5, `^error: canary: the outcome of 1 of 1 letters is not known after .* \(` + hidden + `\); stopped, no further letter was sent$`},
	} {
		out, code := alice(tt.args...)
		if code != tt.code {
			t.Errorf("%v: exit %d, want %d\n%s", tt.args, code, tt.code, out)
		}
		says(t, out, tt.want)
	}
	// With the rights it is as the others see it.
	target.ops = append(target.ops, sarama.AclOperationRead)
	rights["target"] = target
	sets(t, admin, rights, "")
	var out string
	if !await(t, 20*time.Second, func() bool {
		out, _ = alice("dlq", "watch", run, "--once", "--settle", "1s")
		return regexp.MustCompile(`9 replayed: 9 passed`).MatchString(out)
	}) {
		t.Errorf("with the right on the group:\n%s", out)
	}
	out, code := alice("dlq", "verify", run)
	if code != 0 {
		t.Errorf("verify: exit %d, want 0\n%s", code, out)
	}
	says(t, out, `^run `+run+`: 9 of 9 letters once on `+q(b.source)+`$`)
}

// Letters that went to a topic which was deleted since are missing, and it is said why.
func TestVerifyOfATargetThatIsGone(t *testing.T) {
	t.Parallel()
	b := newBench(t, realkafka.Shared(t), 1)
	b.fill(0, 3, 100)
	b.mustReplay()
	run := b.newest()
	b.remove(b.source)
	out := b.says(7, "0 of 3 letters once on "+b.source+", 3 missing", "dlq", "verify", run)
	says(t, out, `^  0@1 is gone with `+regexp.QuoteMeta(b.source)+`, which does not exist any more$`)
}

// newest is the newest run on the queue.
func (b *bench) newest() string {
	b.t.Helper()
	return lineOf(b.t, b.says(0, "", "dlq", "runs", b.queue, "-o", "name"), `^([0-9A-Z]{26})$`)
}
