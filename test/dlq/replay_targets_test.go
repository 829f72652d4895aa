package dlq_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/test/product"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// fillFrom writes n letters that say that they came from a topic, one key each,
// and between them as many of each further topic.
func (b *bench) fillFrom(topic string, n int, further ...string) {
	b.t.Helper()
	p, err := txn.Acquire(b.t.Context(), b.client, txn.Options{ID: b.queue + "-filler"})
	if err != nil {
		b.t.Fatal(err)
	}
	var w txn.Write
	for i := range n {
		for _, topic := range append([]string{topic}, further...) {
			w.Records = append(w.Records, kafka.Record{
				Topic: b.queue, Key: fmt.Appendf(nil, "%s-%d", topic, i), Value: []byte(topic),
				Headers: []kafka.Header{
					{Name: "dlq-original-topic", Value: []byte(topic)}, {Name: "dlq-original-partition", Value: []byte("0")},
					{Name: "dlq-original-offset", Value: fmt.Append(nil, i)},
				},
			})
		}
	}
	if _, err := p.Commit(b.t.Context(), w); err != nil {
		b.t.Fatal(err)
	}
	p.Close()
	// A commit is confirmed before readers see it; taking the id anew waits for that.
	again, err := txn.Acquire(b.t.Context(), b.client, txn.Options{ID: b.queue + "-filler"})
	if err != nil {
		b.t.Fatal(err)
	}
	again.Close()
}

// Topics that only letters name keep nobody but these letters: one that is not
// there, on brokers that would make it for whoever asks, one that is deleted and
// one that is made anew under the run.
func TestTopicsThatOnlyLettersName(t *testing.T) {
	t.Parallel()
	c := realkafka.Start(t, realkafka.Options{Properties: map[string]string{"auto.create.topics.enable": "true"}})
	for _, mode := range []string{"--order=key", "--at-least-once"} {
		t.Run(mode, func(t *testing.T) {
			b := newBench(t, c, 1)
			missing, deleted, remade, other := b.source+"-missing", b.source+"-deleted", b.source+"-remade", b.source+"-z"
			b.create(deleted, 1)
			b.create(remade, 1)
			b.create(other, 1)
			b.fillFrom(missing, 10)
			b.fillFrom(deleted, 300)
			b.fillFrom(remade, 300)
			b.fillFrom(other, 300)
			s := b.start("--to", "original", "--rate", "100/s", mode)
			if !await(t, time.Minute, func() bool { return b.count(deleted) > 0 }) {
				t.Fatal("nothing is sent")
			}
			b.remove(deleted)
			b.recreate(remade, 1, nil)
			out, code := s.wait(t)
			if code != 5 {
				t.Errorf("exit %d, want 5\n%s", code, out)
			}
			q := regexp.QuoteMeta
			says(t, out, `^left 10 \(first 0@\d+\): topic `+q(missing)+` does not exist; create it, or name another with --to$`)
			says(t, out, `^`+q(deleted)+` was deleted: \d+ letters of this run went there before and are gone with it$`)
			says(t, out, `^left \d+ \(first 0@\d+\): `+q(deleted)+` was deleted while the run was under way; a new plan tells `)
			says(t, out, `^left \d+ \(first 0@\d+\): `+q(remade)+` was deleted and made anew while the run was under way; a new plan tells `)
			says(t, out, `^error: \d+ of 910 letters are left$`)
			if strings.Count(out, "\n") > 40 {
				t.Errorf("a line for each letter:\n%s", out)
			}
			if n := b.count(other); n != 300 {
				t.Errorf("%d letters on %s, want all 300", n, other)
			}
			for _, gone := range []string{missing, deleted} {
				if _, err := b.client.Offsets(t.Context(), map[kafka.TopicPartition]int64{{Topic: gone, Partition: 0}: kafka.Latest}, kafka.ReadCommitted); err == nil {
					t.Errorf("%s was made", gone)
				}
			}
			// The ones that stay go with the next run, once there is a place for them.
			b.create(missing, 1)
			b.create(deleted, 1)
			if out, code = b.replay("--to", "original"); code != 0 {
				t.Errorf("exit %d, want 0\n%s", code, out)
			}
			if n := b.count(missing); n != 10 {
				t.Errorf("%d letters on %s, want 10", n, missing)
			}
		})
	}
}

// A topic that the user may not write to is told before anything is sent, or,
// where the right goes meanwhile, when it is met.
func TestTopicsThatMayNotBeWritten(t *testing.T) {
	t.Parallel()
	c := realkafka.Start(t, realkafka.Options{ACL: true, Listeners: []realkafka.Listener{realkafka.SASLPlaintext}})
	b := newBench(t, c, 1)
	admin := b.admin()
	defer admin.Close()
	rights := b.operatorRights()
	for _, name := range []string{"readable", "hidden", "taken", "z", "late"} {
		topic := b.source + "-" + name
		b.create(topic, 1)
		if name != "late" {
			b.fillFrom(topic, 100)
		}
		switch name {
		case "readable":
			rights[name] = right{sarama.AclResourceTopic, topic, sarama.AclPatternLiteral, []sarama.AclOperation{sarama.AclOperationRead}}
		case "taken", "z", "late":
			rights[name] = right{sarama.AclResourceTopic, topic, sarama.AclPatternLiteral, []sarama.AclOperation{sarama.AclOperationWrite, sarama.AclOperationRead}}
		}
	}
	b.fillFrom(b.source, 100)
	sets(t, admin, rights, "")
	alice := c.Conn(realkafka.SASLPlaintext).As(realkafka.Alice(), realkafka.Plain)
	properties := t.TempDir() + "/client.properties"
	if err := alice.WriteProperties(properties); err != nil {
		t.Fatal(err)
	}
	as := func(args ...string) []string {
		return append([]string{"dlq", "replay", b.queue, "--ledger", b.ledger, "--to", "original", "-b", alice.Bootstrap, "--command-config", properties}, args...)
	}
	q := regexp.QuoteMeta
	hidden := ` 100 \(first 0@\d+\): ` + q(b.source) + `-hidden: .*not permitted.*; ask for the rights on ` + q(b.source) + `-hidden, or name another topic with --to$`
	out, err := product.Command(t.Context(), t, as("--dry-run")...).CombinedOutput()
	if code := exitCode(t, err); code != 0 {
		t.Errorf("exit %d, want 0\n%s", code, out)
	}
	says(t, string(out), `^stay      `+hidden)
	says(t, string(out), `^warning: you have no right to write to `+q(b.source)+`-readable: a run of yours would leave the letters that go there$`)

	// denied runs a slow replay and takes the right to write to a topic once a letter is there.
	denied := func(topic string, args ...string) (string, int) {
		s := &started{cmd: product.Command(t.Context(), t, as(append(args, "-y", "--rate", "25/s")...)...), out: &lockedBuffer{}, done: make(chan error, 1)}
		s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
		if err := s.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		go func() { s.done <- s.cmd.Wait() }()
		if !await(t, time.Minute, func() bool { return b.count(topic) > 0 }) {
			t.Fatal("nothing is sent")
		}
		if _, err := admin.DeleteACL(sarama.AclFilter{
			ResourceType: sarama.AclResourceTopic, ResourcePatternTypeFilter: sarama.AclPatternLiteral, ResourceName: &topic,
			Operation: sarama.AclOperationWrite, PermissionType: sarama.AclPermissionAllow,
		}, false); err != nil {
			t.Fatal(err)
		}
		return s.wait(t)
	}
	got, code := denied(b.source + "-taken")
	if code != 5 {
		t.Errorf("exit %d, want 5\n%s", code, got)
	}
	says(t, got, `^left`+hidden)
	says(t, got, `^left 100 \(first 0@\d+\): no right to write to `+q(b.source)+`-readable; ask for it, or name another topic with --to$`)
	says(t, got, `^left \d+ \(first 0@\d+\): no right to write to `+q(b.source)+`-taken; ask for it, or name another topic with --to$`)
	if n := b.count(b.source + "-z"); n != 100 {
		t.Errorf("%d letters on %s-z, want all 100\n%s", n, b.source, got)
	}
	if n := b.count(b.source + "-readable"); n != 0 {
		t.Errorf("%d letters where none may go", n)
	}

	// Without transactions the others are sent once too, though they were on their
	// way beside those that are refused.
	b.fillFrom(b.source+"-late", 100, b.source+"-z")
	got, code = denied(b.source+"-late", "--at-least-once")
	if code != 5 {
		t.Errorf("exit %d, want 5\n%s", code, got)
	}
	says(t, got, `^left \d+ \(first 0@\d+\): no right to write to `+q(b.source)+`-late; `)
	for topic, want := range map[string]int{b.source + "-z": 200, b.source: 100, b.source + "-readable": 0} {
		if n := b.count(topic); n != want {
			t.Errorf("%d letters on %s, want %d\n%s", n, topic, want, got)
		}
	}
}
