package kafka_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/pkg/topics"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// foreign is a client that is not ours, which chooses partitions by hand.
func foreign(t *testing.T, conn realkafka.Conn, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(conn.Bootstrap), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// brokerRefuses asks the partition's leader to delete its records, past all checks of ours.
func brokerRefuses(t *testing.T, cl *kgo.Client, topic string) int16 {
	t.Helper()
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.TimeoutMillis = 10_000
	req.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: topic, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Partition: 0, Offset: -1}}}}
	res, err := req.RequestWith(t.Context(), cl)
	if err != nil {
		t.Fatal(err)
	}
	return res.Topics[0].Partitions[0].ErrorCode
}

func TestDeleteRecordsLive(t *testing.T) {
	forEachEra(t, func(t *testing.T, conn realkafka.Conn) {
		topic := realkafka.Name(t)
		peers.CreateTopic(t, conn, topic, 2, 1)
		old := time.Now().Add(-24 * time.Hour)
		cl := foreign(t, conn)
		send := func(cl *kgo.Client, topic string, partition int32, at time.Time, value string) {
			t.Helper()
			r := &kgo.Record{Topic: topic, Partition: partition, Timestamp: at, Key: []byte("k"), Value: []byte(value)}
			if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		for i, value := range []string{"a", "b", "c", "d"} {
			send(cl, topic, 0, old.Add(time.Duration(i)*time.Hour), value)
		}
		send(cl, topic, 1, old, "e")
		// What both readers see from the beginning, sorted: partitions come in any order.
		sees := func(want string) {
			t.Helper()
			for reader, text := range map[string]string{
				"kcat":     string(peers.KcatConsume(t, conn, topic)),
				"consumer": consumed(t, conn, topic, "--from-beginning", "--exit-at-end"),
			} {
				values := strings.Fields(text)
				slices.Sort(values)
				if got := strings.Join(values, " "); got != want {
					t.Errorf("%s sees %q, want %q", reader, got, want)
				}
			}
		}
		var rows []topics.RecordDeletion
		del := func(code int, args ...string) string {
			t.Helper()
			rows = nil
			return answer(t, conn, code, &rows, append([]string{"delete-records", topic}, args...)...)
		}
		check := func(partition, start, newStart, end int64, note string) {
			t.Helper()
			i := slices.IndexFunc(rows, func(d topics.RecordDeletion) bool { return int64(d.Partition) == partition })
			if i < 0 {
				t.Fatalf("no row of partition %d: %+v", partition, rows)
			}
			d := rows[i]
			if *d.Start != start || *d.NewStart != newStart || *d.Deleted != newStart-start || *d.End != end || d.Note != note {
				t.Errorf("partition %d: %d to %d, %d of %d, %q", partition, *d.Start, *d.NewStart, *d.Deleted, *d.End, d.Note)
			}
		}

		del(0, "--before", "2", "--dry-run")
		check(0, 0, 2, 4, "")
		check(1, 0, 1, 1, "clamped to the end")
		del(2, "--before", "2")
		sees("a b c d e")

		del(0, "--before", "1", "-p", "0", "--yes")
		check(0, 0, 1, 4, "")
		sees("b c d e")
		// b is of 23 hours ago; the time of c is the first at or after it.
		del(0, "--before", "@"+old.Add(90*time.Minute).UTC().Format(time.RFC3339Nano), "-y")
		check(0, 1, 2, 4, "")
		check(1, 0, 1, 1, "")
		sees("c d")
		del(0, "--before", "@21h30m", "-y")
		check(0, 2, 3, 4, "")
		if stderr := del(0, "--before", "1"); !strings.Contains(stderr, "nothing to delete") {
			t.Errorf("nothing to delete: %s", stderr)
		}
		check(0, 3, 3, 4, "already there")
		sees("d")

		// An open transaction is no obstacle, and commits what is left of it.
		tx := foreign(t, conn, kgo.TransactionalID(topic), kgo.TransactionTimeout(time.Minute))
		if err := tx.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		send(tx, topic, 0, time.Now(), "f")
		del(0, "--before", "end", "-y")
		check(0, 3, 5, 5, "takes records of a transaction that is open at offset 4")
		send(tx, topic, 0, time.Now(), "g")
		if err := tx.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
		send(cl, topic, 0, time.Now(), "h")
		sees("g h")
		del(0, "--before", "end", "-y")
		check(0, 5, 8, 8, "")
		sees("")

		compacted := topic + "-compacted"
		peers.CreateTopic(t, conn, compacted, 1, 1, "cleanup.policy=compact")
		send(cl, compacted, 0, time.Now(), "i")
		stderr := answer(t, conn, 1, nil, "delete-records", compacted, "--before", "end", "--yes")
		if !strings.Contains(stderr, "error: "+compacted+": brokers delete records only where cleanup.policy has delete: it is compact\nhint: a tombstone ") {
			t.Errorf("of a compacted topic it says\n%s", stderr)
		}
		if code := brokerRefuses(t, cl, compacted); code != 44 {
			t.Errorf("the broker answers %d for a compacted topic, want POLICY_VIOLATION (44)", code)
		}
		answer(t, conn, 0, nil, "alter-topic", compacted, "-c", "cleanup.policy=compact,delete")
		answer(t, conn, 0, nil, "delete-records", compacted, "--before", "end", "--yes")
		if got := consumed(t, conn, compacted, "--from-beginning", "--exit-at-end"); got != "" {
			t.Errorf("after the deletion there is %q", got)
		}
		answer(t, conn, 0, nil, "delete-topic", topic, compacted, "-y")
	})
}
