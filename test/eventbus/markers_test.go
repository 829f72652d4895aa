package eventbus_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// A topic that ends with transactions' markers and aborted records, as it does after
// every replay of letters, left a lag that never went away: one that Kafka's own
// consumers and kafkajs do not have. A transaction that is open is not passed.
func TestLagAfterTransactions(t *testing.T) {
	t.Parallel() // it mostly waits
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	topic := topicWithLetters(t, conn, 1, 1)
	b := connect(t, conn)
	var handled atomic.Int64
	o := eventbus.Subscription{Group: topic + "-group"}
	count := func(context.Context, eventbus.Record) error { handled.Add(1); return nil }
	stop, err := b.SubscribeRecords(t.Context(), topic, count, o)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "the group has the partition", func() error { return want(group(t, b).Assigned, 1) })

	conf := sarama.NewConfig()
	conf.Version = sarama.V3_6_0_0
	conf.Producer.Idempotent, conf.Net.MaxOpenRequests = true, 1
	conf.Producer.RequiredAcks, conf.Producer.Return.Successes = sarama.WaitForAll, true
	conf.Producer.Transaction.ID = topic
	p, err := sarama.NewSyncProducer([]string{conn.Bootstrap}, conf)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	transact := func(n int, end func() error) {
		t.Helper()
		if err := errors.Join(p.BeginTxn(), p.SendMessages(numbered(topic, 0, n, 1)), end()); err != nil {
			t.Fatal(err)
		}
	}
	c := open(t, conn)
	caughtUp := func(records int64) func() error {
		return func() error {
			tp := kafka.TopicPartition{Topic: topic}
			end, err := c.Offsets(t.Context(), map[kafka.TopicPartition]int64{tp: kafka.Latest}, kafka.ReadUncommitted)
			return errors.Join(err, want(handled.Load(), records), want(group(t, b).Lag, 0), want(committed(t, conn, o.Group, topic, 1), end[tp]))
		}
	}
	transact(3, p.CommitTxn)
	transact(5, p.AbortTxn)
	transact(5, p.AbortTxn)
	eventually(t, time.Minute, "it passes what nobody is handed", caughtUp(3))

	transact(2, func() error { return nil })
	produce(t, conn, numbered(topic, 0, 1, 1)...)
	if err := errors.Join(want(handled.Load(), 3), p.CommitTxn()); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "it handles what was open", caughtUp(6))

	// A member that finds nothing but a marker behind what is committed.
	if err := stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	transact(4, p.AbortTxn)
	if _, err := b.SubscribeRecords(t.Context(), topic, count, o); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "the next member passes it, too", caughtUp(6))
}
