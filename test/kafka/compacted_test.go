package kafka_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// Compaction keeps an empty batch where it removed a producer's last records.
// A fetch that gets nothing but such a batch must come on all the same.
func TestReadToEndPassesWhatCompactionLeaves(t *testing.T) {
	cluster := realkafka.Start(t, realkafka.Options{Properties: map[string]string{"log.cleaner.backoff.ms": "100"}})
	topic := realkafka.Name(t)
	peers.CreateTopic(t, cluster.Conn(realkafka.Plaintext), topic, 1, 1,
		"cleanup.policy=compact", "min.cleanable.dirty.ratio=0.001", "segment.ms=100", "min.compaction.lag.ms=0")
	send := func(p *kgo.Client, key, value string) {
		t.Helper()
		if err := p.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Key: []byte(key), Value: []byte(value)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	newProducer := func() *kgo.Client {
		t.Helper()
		p, err := kgo.NewClient(kgo.SeedBrokers(cluster.Bootstrap()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Close)
		return p
	}
	first, second, ticker := newProducer(), newProducer(), newProducer()
	send(first, "key", "old")
	send(second, "key", "new")

	c := open(t, kafka.Config{Bootstrap: []string{cluster.Bootstrap()}})
	tp := kafka.TopicPartition{Topic: topic}
	var at0 kafka.Fetched
	deadline := time.Now().Add(2 * time.Minute)
	for ticks := 0; ; ticks++ {
		// A new record lets the broker begin a new segment; only older ones are compacted.
		send(ticker, fmt.Sprint("tick ", ticks), "")
		got, err := c.Fetch(t.Context(), map[kafka.TopicPartition]int64{tp: 0}, kafka.FetchOptions{MaxPartition: 1, MaxBytes: 1})
		if err != nil || len(got) != 1 || got[0].Err != nil {
			t.Fatalf("fetched %+v, error %v", got, err)
		}
		if at0 = got[0]; len(at0.Records) == 0 || at0.Records[0].Offset > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the broker has not compacted the topic")
		}
	}
	if len(at0.Records) != 0 || at0.Next != 1 {
		t.Errorf("at offset 0 there are %d records, next %d; want an empty batch and 1", len(at0.Records), at0.Next)
	}
	var keys []string
	err := c.ReadToEnd(t.Context(), map[kafka.TopicPartition]int64{tp: 0}, kafka.FetchOptions{MaxPartition: 1, MaxBytes: 1}, func(f kafka.Fetched) error {
		for _, r := range f.Records {
			keys = append(keys, fmt.Sprintf("%d:%s=%s", r.Offset, r.Key, r.Value))
		}
		return nil
	})
	if err != nil || len(keys) == 0 || keys[0] != "1:key=new" {
		t.Errorf("read %q, error %v", keys, err)
	}
}

// Brokers end a login after connections.max.reauth.ms (KIP-368); a client that
// works on has to log in again on the same connection.
func TestLoginIsRenewed(t *testing.T) {
	t.Parallel() // it mostly waits, for a cluster of its own
	cluster := realkafka.Start(t, realkafka.Options{
		Listeners:  []realkafka.Listener{realkafka.SASLPlaintext},
		Properties: map[string]string{"connections.max.reauth.ms": "1500"},
	})
	c := open(t, config(cluster.Conn(realkafka.SASLPlaintext).As(realkafka.Alice(), realkafka.SCRAM256)))
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); {
		if _, err := c.Metadata(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
}
