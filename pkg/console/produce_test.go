package console_test

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// input is one source of standard input.
func input(text string) []console.Source {
	return []console.Source{{Reader: strings.NewReader(text)}}
}

// readAll reads a topic's records to their end, partition by partition.
func readAll(t *testing.T, c *kafka.Client, topic string, partitions int32) []kafka.Record {
	t.Helper()
	var all []kafka.Record
	for p := range partitions {
		tp := kafka.TopicPartition{Topic: topic, Partition: p}
		at := map[kafka.TopicPartition]int64{tp: kafka.Latest}
		ends, err := c.Offsets(t.Context(), at, kafka.ReadCommitted)
		if err != nil {
			t.Fatal(err)
		}
		for next := int64(0); next < ends[tp]; {
			got, err := c.Fetch(t.Context(), map[kafka.TopicPartition]int64{tp: next}, kafka.FetchOptions{})
			if err != nil || len(got) != 1 || got[0].Err != nil {
				t.Fatalf("fetching %v: %+v, %v", tp, got, err)
			}
			all = append(all, got[0].Records...)
			next = got[0].Next
		}
	}
	return all
}

// broker starts a broker with a topic t and opens a client that outlives the
// contexts of its test.
func broker(t *testing.T, partitions int32, opts ...kfake.Opt) *kafka.Client {
	t.Helper()
	return kafkatest.Open(t, kafkatest.Start(t, append(opts, kfake.SeedTopics(partitions, "t"))...))
}

func TestProduceLines(t *testing.T) {
	t.Parallel()
	c := broker(t, 1)
	res, err := console.Produce(t.Context(), c, console.ProduceOptions{Topic: "t", Sources: input("one\r\n\ntwo")})
	if err != nil {
		t.Fatal(err)
	}
	if res.Sent != 3 || res.Acked != 3 || res.Bytes != 6 {
		t.Errorf("result %+v", res)
	}
	var got []string
	for _, r := range readAll(t, c, "t", 1) {
		if r.Key != nil || r.Value == nil {
			t.Errorf("offset %d: key %v, value %v", r.Offset, r.Key, r.Value)
		}
		got = append(got, string(r.Value))
	}
	if want := "one||two"; strings.Join(got, "|") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestProduceUnknownTopic(t *testing.T) {
	t.Parallel()
	c := broker(t, 1)
	_, err := console.Produce(t.Context(), c, console.ProduceOptions{Topic: "other", Sources: input("x")})
	if err == nil || !strings.Contains(err.Error(), "other") {
		t.Fatalf("error %v", err)
	}
}
