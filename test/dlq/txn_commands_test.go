package dlq_test

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/request"
	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
	"github.com/multi-tenant/manage-kafka/test/tier"
)

// hang writes a record into a transaction that no coordinator has heard of, as
// a producer does whose records arrive after their transaction has ended
// (KAFKA-9144). Brokers of today refuse that unless they are told not to look.
func hang(t *testing.T, c *kafka.Client, topic string) (producer int64) {
	t.Helper()
	id := topic + "-lost"
	p, err := txn.Acquire(t.Context(), c, txn.Options{ID: id})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	producer, epoch := p.ID()
	leader, err := c.Leader(t.Context(), kafka.TopicPartition{Topic: topic})
	if err != nil {
		t.Fatal(err)
	}
	req := &sarama.ProduceRequest{Version: 7, RequiredAcks: sarama.WaitForAll, Timeout: 5000, TransactionalID: &id}
	req.AddBatch(topic, 0, &sarama.RecordBatch{
		Version: 2, PartitionLeaderEpoch: -1, FirstTimestamp: time.Now(), MaxTimestamp: time.Now(), ProducerID: producer, ProducerEpoch: epoch, IsTransactional: true,
		Records: []*sarama.Record{{Value: []byte("lost")}},
	})
	// A broker takes a setting over some time after it was made.
	until(t, "a broker that does not look", func() bool {
		res, err := request.To(t.Context(), c, leader, func(b *sarama.Broker) (*sarama.ProduceResponse, error) { return b.Produce(req) })
		if err != nil {
			t.Fatal(err)
		}
		code := res.GetBlock(topic, 0).Err
		if code != sarama.ErrNoError && code != sarama.ErrInvalidTxnState {
			t.Fatal(code)
		}
		return code == sarama.ErrNoError
	})
	return producer
}

// verify has the broker look, or not, whether a transaction knows a partition.
func verify(t *testing.T, c *realkafka.Cluster, on bool) {
	t.Helper()
	peers.Tool(t, c.Conn(realkafka.Plaintext), peers.Configs, "--entity-type", "brokers", "--entity-name", "1", "--alter",
		"--add-config", fmt.Sprintf("transaction.partition.verification.enable=%v", on))
}

func TestAHangingTransactionIsFoundAndEnded(t *testing.T) {
	cluster := realkafka.Shared(t)
	b := newBench(t, cluster, 1)
	verify(t, cluster, false)
	producer := hang(t, b.client, b.source)
	verify(t, cluster, true)
	peers.KcatProduce(t, b.conn, b.source, []byte("after\n"))
	if got := peers.KcatConsume(t, b.conn, b.source); len(got) != 0 {
		t.Fatalf("readers of committed records get past it: %q", got)
	}

	name := b.source + "/0@0"
	out, code := b.run("txn", "find-hanging", "--older-than", "0s")
	want := fmt.Sprintf(`(?m)^%s +%d +0 +[0-9.]+s +2 +%s +hanging: its coordinator has Empty$`, regexp.QuoteMeta(name), producer, regexp.QuoteMeta(b.source+"-lost"))
	if code != 0 || !regexp.MustCompile(want).MatchString(out) || !strings.Contains(out, "end it with: manage-kafka txn abort "+name) {
		t.Errorf("find-hanging: exit %d, want %s\n%s", code, want, out)
	}
	// A consumer group that waits for it says who keeps it.
	group := realkafka.Name(t)
	peers.Tool(t, b.conn, peers.Groups, "--group", group, "--topic", b.source, "--reset-offsets", "--to-earliest", "--execute")
	if out, code := b.run("groups", "describe", group); code != 0 || !strings.Contains(out, fmt.Sprintf("blocked by producer %d, open and quiet for ", producer)) {
		t.Errorf("groups describe: exit %d\n%s", code, out)
	}

	if out, code := b.run("txn", "abort", name); code != 2 || !strings.Contains(out, "not asking without a terminal") {
		t.Errorf("abort without a yes: exit %d\n%s", code, out)
	}
	if out, code := b.run("txn", "abort", name, "-y"); code != 0 || !strings.Contains(out, "aborted "+name) {
		t.Fatalf("abort: exit %d\n%s", code, out)
	}
	if got := peers.KcatConsume(t, b.conn, b.source); !bytes.Equal(got, []byte("after\n")) {
		t.Errorf("readers of committed records get %q", got)
	}
	if out, code := b.run("txn", "find-hanging", "--older-than", "0s", b.source); code != 0 || !strings.Contains(out, "no transaction hangs") {
		t.Errorf("find-hanging afterwards: exit %d\n%s", code, out)
	}
	if out, code := b.run("txn", "abort", name, "-y"); code != 8 {
		t.Errorf("abort again: exit %d\n%s", code, out)
	}
}

// Transactions and markers go through logins and TLS as everything else does:
// each connection of the producer logs in for itself.
func TestTransactionsThroughDoors(t *testing.T) {
	cluster := realkafka.Shared(t)
	b := newBench(t, cluster, 1)
	for i, door := range []realkafka.Listener{realkafka.SASLPlaintext, realkafka.SASLSSL, realkafka.MTLS} {
		conn := cluster.Conn(door)
		c, err := kafka.Open(t.Context(), kafka.Config{Bootstrap: []string{conn.Bootstrap}, Properties: conn.Properties()})
		if err != nil {
			t.Fatalf("%s: %v", door, err)
		}
		defer c.Close()
		p, err := txn.Acquire(t.Context(), c, txn.Options{ID: b.source})
		if err != nil {
			t.Fatalf("%s: %v", door, err)
		}
		defer p.Close()
		offsets, err := p.Commit(t.Context(), txn.Write{
			Records: []kafka.Record{{Topic: b.queue, Value: []byte(door)}},
			Offsets: &txn.Offsets{Group: b.queue, At: map[kafka.TopicPartition]txn.Offset{{Topic: b.queue}: {Offset: int64(i)}}},
		})
		if err != nil || offsets[0] != int64(2*i) {
			t.Errorf("%s: %v, %v", door, offsets, err)
		}
		verify(t, cluster, false)
		hang(t, b.client, b.source)
		verify(t, cluster, true)
		r := txn.NewReader(c)
		open, err := r.FindBlocking(t.Context(), txn.FindOptions{Topics: []string{b.source}, Hanging: true})
		if err != nil || len(open) != 1 {
			t.Fatalf("%s: %+v, %v", door, open, err)
		}
		if err := r.Abort(t.Context(), open[0]); err != nil {
			t.Errorf("%s: %v", door, err)
		}
		if err := r.Abort(t.Context(), open[0]); !errors.Is(err, txn.ErrNotFound) {
			t.Errorf("%s, again: %v", door, err)
		}
	}
}

// The oldest brokers that we are tested with keep the same promises; their
// protocol has no answer in which a broker names the record that it refuses.
func TestTransactionsOnZooKeeper(t *testing.T) {
	tier.Long(t)
	cluster := realkafka.Start(t, realkafka.Options{Version: realkafka.ZooKeeper})
	c := openReal(t, cluster.Bootstrap())
	testEdges(t, c)
}
