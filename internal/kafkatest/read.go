package kafkatest

import (
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Read returns what stands in a topic, by partition and in order.
func Read(t testing.TB, c *kafka.Client, topic string) []kafka.Record {
	t.Helper()
	meta, err := c.Metadata(t.Context(), []string{topic})
	if err != nil {
		t.Fatal(err)
	}
	from := map[kafka.TopicPartition]int64{}
	for _, p := range meta.Topics[0].Partitions {
		from[kafka.TopicPartition{Topic: topic, Partition: p.ID}] = 0
	}
	var all []kafka.Record
	if err := c.ReadToEnd(t.Context(), from, kafka.FetchOptions{}, func(f kafka.Fetched) error {
		all = append(all, f.Records...)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// Header is the text of a record's first header of a name, "" without one.
func Header(r kafka.Record, name string) string {
	for _, h := range r.Headers {
		if h.Name == name {
			return string(h.Value)
		}
	}
	return ""
}
