// Package eventbus_test holds pkg/eventbus against real Apache Kafka.
package eventbus_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// asConsumer makes the test binary a service that consumes; see chaosConsumer.
const asConsumer = "EVENTBUS_TEST_AS_CONSUMER"

func TestMain(m *testing.M) {
	if os.Getenv(asConsumer) != "" {
		os.Exit(chaosConsumer())
	}
	realkafka.Main(m)
}

// connect gives a bus on a cluster for the length of the test.
func connect(t *testing.T, conn realkafka.Conn) *eventbus.Bus {
	t.Helper()
	b, err := eventbus.Connect(t.Context(), "svc", eventbus.Options{
		Brokers: []string{conn.Bootstrap}, Properties: conn.Properties(), AllowAnyGroup: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
		defer cancel()
		if err := b.Close(ctx); err != nil {
			t.Errorf("closing the bus: %v", err)
		}
	})
	return b
}

// topicWithLetters makes a topic and its dead letter topic.
func topicWithLetters(t *testing.T, conn realkafka.Conn, partitions, replicas int) string {
	t.Helper()
	topic := realkafka.Name(t)
	createTopics(t, conn, partitions, replicas, topic, topic+".dlq")
	return topic
}

// open gives a client for the length of the test.
func open(t *testing.T, conn realkafka.Conn) *kafka.Client {
	t.Helper()
	c, err := kafka.Open(t.Context(), kafka.Config{Bootstrap: []string{conn.Bootstrap}, Properties: conn.Properties()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// produce writes records of one topic and waits for the acknowledgements.
func produce(t *testing.T, conn realkafka.Conn, records ...*sarama.ProducerMessage) {
	t.Helper()
	conf := sarama.NewConfig()
	conf.Version = sarama.V3_6_0_0
	conf.Producer.RequiredAcks = sarama.WaitForAll
	conf.Producer.Return.Successes = true
	conf.Producer.Partitioner = sarama.NewMurmur2Partitioner
	conf.Producer.MaxMessageBytes = 10 << 20
	p, err := sarama.NewSyncProducer([]string{conn.Bootstrap}, conf)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.SendMessages(records); err != nil {
		t.Fatal(err)
	}
}

// eventually polls until f is nil.
func eventually(t *testing.T, limit time.Duration, what string, f func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var err error
	for time.Now().Before(deadline) {
		if err = f(); err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("%s: %v", what, t.Context().Err())
		}
	}
	t.Fatalf("%s: after %v: %v", what, limit, err)
}

// wait lets d go by, as long as the test runs.
func wait(t *testing.T, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	}
}

// want says how got differs.
func want[T comparable](got, want T) error {
	if got != want {
		return fmt.Errorf("%v, want %v", got, want)
	}
	return nil
}

// createTopics makes topics without starting a JVM for each.
func createTopics(t *testing.T, conn realkafka.Conn, partitions, replicas int, names ...string) {
	t.Helper()
	conf := sarama.NewConfig()
	conf.Version = sarama.V3_6_0_0
	admin, err := sarama.NewClusterAdmin(strings.Split(conn.Bootstrap, ","), conf)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	for _, name := range names {
		if err := admin.CreateTopic(name, &sarama.TopicDetail{NumPartitions: int32(partitions), ReplicationFactor: int16(replicas)}, false); err != nil {
			t.Fatal(err)
		}
	}
}

// deleteTopic deletes a topic and waits until no broker takes records for it: one
// that has not heard of it yet acknowledges what is gone a moment later.
func deleteTopic(t *testing.T, conn realkafka.Conn, name string) {
	t.Helper()
	conf := sarama.NewConfig()
	conf.Version = sarama.V3_6_0_0
	client, err := sarama.NewClient(strings.Split(conn.Bootstrap, ","), conf)
	if err != nil {
		t.Fatal(err)
	}
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close() // and the client
	if err := admin.DeleteTopic(name); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "every broker has heard that "+name+" is deleted", func() error {
		for _, broker := range client.Brokers() {
			if err := broker.Open(conf); err != nil && !errors.Is(err, sarama.ErrAlreadyConnected) {
				return err
			}
			answer, err := broker.GetMetadata(sarama.NewMetadataRequest(conf.Version, []string{name}))
			if err != nil {
				return err
			}
			if len(answer.Topics) != 1 || !errors.Is(answer.Topics[0].Err, sarama.ErrUnknownTopicOrPartition) {
				return fmt.Errorf("%s knows it", broker.Addr())
			}
		}
		return nil
	})
}
