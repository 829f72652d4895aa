package kafka_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func TestMurmur2MatchesJava(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
		"a-little-bit-longer-string": -1486304829, "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107, "": 275646681, "0": 971027396, "1": -1993445489, "123": -267702483,
	} {
		if got := kafka.Murmur2([]byte(key)); got != want {
			t.Errorf("Murmur2(%q) = %d, want %d", key, got, want)
		}
	}
}

func TestOpenReadsAnEmptyTopic(t *testing.T) {
	t.Parallel()
	c := kafkatest.Open(t, kafkatest.Start(t, kfake.SeedTopics(3, "orders")))
	meta, err := c.Metadata(t.Context(), []string{"orders", "nothing"})
	if err != nil {
		t.Fatal(err)
	}
	if len(meta.Topics) != 2 || meta.Topics[0].Err == nil || len(meta.Topics[1].Partitions) != 3 || meta.Topics[1].ID == "" {
		t.Fatalf("metadata: %+v", meta.Topics)
	}
	tp := kafka.TopicPartition{Topic: "orders", Partition: 2}
	ends, err := c.Offsets(t.Context(), map[kafka.TopicPartition]int64{tp: kafka.Latest}, kafka.ReadCommitted)
	if err != nil || ends[tp] != 0 {
		t.Fatalf("ends %v, error %v", ends, err)
	}
	got, err := c.Fetch(t.Context(), map[kafka.TopicPartition]int64{tp: 0}, kafka.FetchOptions{MaxWait: 1})
	if err != nil || len(got) != 1 || got[0].Err != nil || len(got[0].Records) != 0 {
		t.Fatalf("fetched %+v, error %v", got, err)
	}
}
