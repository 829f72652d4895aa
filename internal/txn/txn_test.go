package txn

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func open(t *testing.T, topics ...string) *kafka.Client {
	t.Helper()
	return kafkatest.Open(t, kafkatest.Start(t, kfake.SeedTopics(3, topics...)))
}

func acquire(t *testing.T, c *kafka.Client, o Options) *Producer {
	t.Helper()
	p, err := Acquire(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// values reads what a consumer of committed records sees of a topic.
func values(t *testing.T, c *kafka.Client, topic string, partitions int32) []string {
	t.Helper()
	from := map[kafka.TopicPartition]int64{}
	for p := range partitions {
		from[kafka.TopicPartition{Topic: topic, Partition: p}] = 0
	}
	var got []string
	err := c.ReadToEnd(t.Context(), from, kafka.FetchOptions{}, func(f kafka.Fetched) error {
		for _, r := range f.Records {
			got = append(got, fmt.Sprintf("%d@%d=%s", r.Partition, r.Offset, r.Value))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func record(topic string, partition int32, value string) kafka.Record {
	return kafka.Record{Topic: topic, Partition: partition, Value: []byte(value)}
}

func TestCommitTellsOffsets(t *testing.T) {
	t.Parallel()
	c := open(t, "orders")
	p := acquire(t, c, Options{ID: "a"})
	for n := range 3 {
		offsets, err := p.Commit(t.Context(), Write{Records: []kafka.Record{
			record("orders", 0, fmt.Sprint("x", n)), record("orders", 1, fmt.Sprint("y", n)), record("orders", 0, fmt.Sprint("z", n)),
		}})
		if err != nil {
			t.Fatal(err)
		}
		if offsets[0] < 0 || offsets[1] < 0 || offsets[2] != offsets[0]+1 {
			t.Errorf("offsets %v", offsets)
		}
		for _, want := range []string{fmt.Sprintf("0@%d=x%d", offsets[0], n), fmt.Sprintf("1@%d=y%d", offsets[1], n)} {
			if got := strings.Join(values(t, c, "orders", 3), " "); !strings.Contains(got, want) {
				t.Errorf("%s is not in %s", want, got)
			}
		}
	}
}

func TestBeforeAborts(t *testing.T) {
	t.Parallel()
	c := open(t, "orders")
	p := acquire(t, c, Options{ID: "a"})
	no := errors.New("no")
	_, err := p.Commit(t.Context(), Write{
		Records: []kafka.Record{record("orders", 0, "never")},
		Before:  func(context.Context) error { return no },
	})
	if !errors.Is(err, no) {
		t.Fatalf("got %v", err)
	}
	if _, err := p.Commit(t.Context(), Write{Records: []kafka.Record{record("orders", 0, "now")}}); err != nil {
		t.Fatal(err)
	}
	if got := values(t, c, "orders", 3); len(got) != 1 || !strings.HasSuffix(got[0], "=now") {
		t.Errorf("got %v", got)
	}
}

func TestOffsets(t *testing.T) {
	t.Parallel()
	c := open(t, "orders")
	p := acquire(t, c, Options{ID: "a"})
	tp := kafka.TopicPartition{Topic: "orders", Partition: 2}
	_, err := p.Commit(t.Context(), Write{
		Records: []kafka.Record{record("orders", 0, "x")},
		Offsets: &Offsets{Group: "g", At: map[kafka.TopicPartition]Offset{tp: {Offset: 7, Metadata: "note"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
}
