package dlq_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// asGroup has kcat read a topic as a member of a group, from where the group is,
// and gives the values.
func (b *bench) asGroup(group, topic string) []string {
	b.t.Helper()
	c := peers.Kcat(b.t.Context(), b.t, b.conn, "-q", "-G", group, "-e", "-f", "%s\n", "-X", "auto.offset.reset=earliest", topic)
	out, err := c.Output()
	if err != nil {
		b.t.Fatalf("kcat -G %s: %v", group, err)
	}
	return strings.Fields(string(out))
}

// With a topic of its own no other group sees what only one group failed on.
func TestReplayToOneGroupOnItsRetryTopic(t *testing.T) {
	t.Parallel()
	b := newBench(t, realkafka.Shared(t), 2)
	retry := b.source + ".retry.billing"
	b.create(retry, 2)
	peers.KcatProduce(t, b.conn, b.source, []byte("before\n"))
	if got := b.asGroup("mail-"+b.source, b.source); len(got) != 1 {
		t.Fatalf("mail read %q before the replay", got)
	}
	b.fill(0, 20, 60)
	out := b.mustReplay("--for-group", "billing")
	if strings.Contains(out, "will see") {
		t.Errorf("warns of groups although the topic is one group's:\n%s", out)
	}
	if n := b.count(retry); n != 20 {
		t.Errorf("%s holds %d records, want 20\n%s", retry, n, out)
	}
	if got := b.asGroup("mail-"+b.source, b.source); len(got) != 0 {
		t.Errorf("a second group of kcat saw %q", got)
	}
	if got := peers.KafkaJSConsume(t, b.conn, b.source); len(got) != 1 {
		t.Errorf("kafkajs saw %d records on %s, want the one from before", len(got), b.source)
	}
	says(t, b.mustRun(0, "dlq", "runs", b.queue, "--ledger", b.ledger), `done +20 +20 `)
}

// Without one they go to the topic itself, stamped for the group; the warning
// names who else will see them.
func TestReplayToOneGroupOnTheTopic(t *testing.T) {
	t.Parallel()
	b := newBench(t, realkafka.Shared(t), 2)
	mail := "mail-" + b.source
	peers.KcatProduce(t, b.conn, b.source, []byte("before\n"))
	b.asGroup(mail, b.source)
	b.fill(0, 20, 60)
	out := b.mustReplay("--for-group", "billing")
	says(t, out, `^warning: `+regexp.QuoteMeta(b.source)+` has no topic `+regexp.QuoteMeta(b.source)+`\.retry\.billing: the letters go to \S+ itself, marked for the group; unless they run this module's library, these will see them again: .*`+regexp.QuoteMeta(mail))
	if got := b.asGroup(mail, b.source); len(got) != 20 {
		t.Errorf("the group that was warned of saw %d letters, want 20", len(got))
	}
	marked := 0
	err := b.client.ReadToEnd(t.Context(), map[kafka.TopicPartition]int64{{Topic: b.source, Partition: 0}: 0, {Topic: b.source, Partition: 1}: 0}, kafka.FetchOptions{}, func(f kafka.Fetched) error {
		for _, r := range f.Records {
			for _, h := range r.Headers {
				if h.Name == "dlq-replay-for-group" && string(h.Value) == "billing" {
					marked++
				}
			}
		}
		return nil
	})
	if err != nil || marked != 20 {
		t.Errorf("%d letters are marked for the group, want 20: %v", marked, err)
	}
}
