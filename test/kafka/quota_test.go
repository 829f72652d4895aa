package kafka_test

import (
	"bytes"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

// A broker answers a fetch that a quota does not allow yet with no partition at
// all, and takes no request for a while (KIP-219).
func TestReadToEndUnderAQuota(t *testing.T) {
	t.Parallel() // the broker counts over ten seconds
	cluster := realkafka.Shared(t)
	topic := realkafka.Name(t)
	peers.CreateTopic(t, cluster.Conn(realkafka.Plaintext), topic, 1, 1)
	admin, err := kgo.NewClient(kgo.SeedBrokers(cluster.Bootstrap()), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(admin.Close)
	const records = 33
	value := bytes.Repeat([]byte("v"), 100_000)
	for range records {
		if err := admin.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: value}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	limit := kmsg.NewAlterClientQuotasRequestEntry()
	entity := kmsg.NewAlterClientQuotasRequestEntryEntity()
	entity.Type, entity.Name = "client-id", &topic
	limit.Entity = append(limit.Entity, entity)
	limit.Ops = append(limit.Ops, kmsg.AlterClientQuotasRequestEntryOp{Key: "consumer_byte_rate", Value: 300_000})
	req := kmsg.NewPtrAlterClientQuotasRequest()
	req.Entries = append(req.Entries, limit)
	if res, err := req.RequestWith(t.Context(), admin); err != nil || res.Entries[0].ErrorCode != 0 {
		t.Fatalf("setting the quota: %+v, %v", res, err)
	}

	c := open(t, kafka.Config{Bootstrap: []string{cluster.Bootstrap()}, ClientID: topic})
	got := 0
	err = c.ReadToEnd(t.Context(), map[kafka.TopicPartition]int64{{Topic: topic}: 0}, kafka.FetchOptions{}, func(f kafka.Fetched) error {
		got += len(f.Records)
		return nil
	})
	if err != nil || got != records {
		t.Errorf("read %d records of %d, error %v", got, records, err)
	}
}
