package eventbus_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// makeAgain deletes a topic and makes it again as soon as the cluster lets it.
func makeAgain(t *testing.T, conn realkafka.Conn, topic string, partitions int32) {
	t.Helper()
	conf := sarama.NewConfig()
	conf.Version = sarama.V3_6_0_0
	admin, err := sarama.NewClusterAdmin([]string{conn.Bootstrap}, conf)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if err := admin.DeleteTopic(topic); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "the topic is made again", func() error {
		return admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1}, false)
	})
}

// A topic that is deleted and made again under two members of a group is read from its
// start, and the old topic's offsets count no more, whether they are in the new one's
// log or not. Kafka forgets what the group had committed, but for what it commits since.
func TestTopicMadeAgain(t *testing.T) {
	t.Parallel() // it mostly waits
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	topic := topicWithLetters(t, conn, 4, 1)
	var got numbers
	o := eventbus.Subscription{Group: topic + "-group"}
	write := func(from, to int) {
		t.Helper()
		var list []*sarama.ProducerMessage
		for i := from; i < to; i++ {
			list = append(list, &sarama.ProducerMessage{Topic: topic, Key: sarama.StringEncoder(strconv.Itoa(i)), Value: sarama.StringEncoder("v")})
		}
		produce(t, conn, list...)
	}
	var buses []*eventbus.Bus
	for range 2 {
		b := connect(t, conn)
		buses = append(buses, b)
		if _, err := b.SubscribeRecords(t.Context(), topic, func(_ context.Context, r eventbus.Record) error { got.add(r); return nil }, o); err != nil {
			t.Fatal(err)
		}
	}
	shared := func() error {
		var errs []error
		for i, b := range buses {
			if g := group(t, b); g.Assigned != 2 {
				errs = append(errs, fmt.Errorf("member %d: %+v", i, g))
			}
		}
		return errors.Join(errs...)
	}
	eventually(t, time.Minute, "each has half", shared)
	write(0, 100)
	eventually(t, time.Minute, "the old topic", func() error { return got.has(0, 100) })
	makeAgain(t, conn, topic, 4)
	write(1000, 1400)
	eventually(t, 3*time.Minute, "the new topic", func() error { return got.has(1000, 1400) })
	eventually(t, time.Minute, "each has half again", shared)
	eventually(t, time.Minute, "all is committed", func() error { return want(committed(t, conn, o.Group, topic, 4), int64(400)) })
}
