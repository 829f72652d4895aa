package kafka_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// controlled is a broker whose answers a test may replace.
func controlled(t *testing.T, brokers int) (*kfake.Cluster, *kafka.Client) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(brokers), kfake.SeedTopics(2, "orders"), kfake.WithLogger(kfake.BasicLogger(io.Discard, kfake.LogLevelNone)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster, kafkatest.Open(t, cluster.ListenAddrs()[0])
}

func producer(t *testing.T, cluster *kfake.Cluster, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	p, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner())}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func send(t *testing.T, p *kgo.Client, partition int32, values ...string) {
	t.Helper()
	for _, v := range values {
		if err := p.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Partition: partition, Value: []byte(v)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// readAll reads both partitions of orders to their ends.
func readAll(t *testing.T, c *kafka.Client, opts kafka.FetchOptions) ([]string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var got []string
	err := c.ReadToEnd(ctx, map[kafka.TopicPartition]int64{{Topic: "orders", Partition: 0}: 0, {Topic: "orders", Partition: 1}: 0}, opts, func(f kafka.Fetched) error {
		for _, r := range f.Records {
			got = append(got, fmt.Sprintf("%d:%d=%s", r.Partition, r.Offset, r.Value))
		}
		return nil
	})
	slices.Sort(got)
	return got, err
}

func want(t *testing.T, got []string, err error, want ...string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
}

func TestReadToEndOfEmptyAndFilledPartitions(t *testing.T) {
	t.Parallel()
	cluster, c := controlled(t, 1)
	got, err := readAll(t, c, kafka.FetchOptions{})
	want(t, got, err)
	send(t, producer(t, cluster), 1, "a", "b", "c")
	got, err = readAll(t, c, kafka.FetchOptions{})
	want(t, got, err, "1:0=a", "1:1=b", "1:2=c")
}

func TestReadToEndPassesAbortedTransactions(t *testing.T) {
	t.Parallel()
	cluster, c := controlled(t, 1)
	p := producer(t, cluster, kgo.TransactionalID("tx"))
	for _, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
		if err := p.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		send(t, p, 0, "commit is "+fmt.Sprint(bool(end)))
		if err := p.EndTransaction(t.Context(), end); err != nil {
			t.Fatal(err)
		}
	}
	got, err := readAll(t, c, kafka.FetchOptions{})
	want(t, got, err, "0:0=commit is true")
	got, err = readAll(t, c, kafka.FetchOptions{Isolation: kafka.ReadUncommitted})
	want(t, got, err, "0:0=commit is true", "0:2=commit is false")
}

// emptyBatch is what compaction leaves of a producer's last batch.
func emptyBatch(first int64, lastDelta int32) []byte {
	batch := kmsg.RecordBatch{
		FirstOffset: first, PartitionLeaderEpoch: 0, Magic: 2, LastOffsetDelta: lastDelta, FirstTimestamp: -1, MaxTimestamp: -1,
		ProducerID: 1, FirstSequence: 0,
	}
	raw := batch.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[8:], uint32(len(raw)-12))
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	return raw
}

func TestReadToEndPassesBatchesThatCompactionEmptied(t *testing.T) {
	t.Parallel()
	cluster, c := controlled(t, 1)
	send(t, producer(t, cluster), 0, "a", "b", "c", "d", "e")
	var asked atomic.Int32
	cluster.ControlKey(int16(kmsg.Fetch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		part := kreq.(*kmsg.FetchRequest).Topics[0].Partitions[0]
		if part.Partition != 0 || part.FetchOffset < 2 {
			return nil, nil, false
		}
		asked.Add(1)
		res := kreq.ResponseKind().(*kmsg.FetchResponse)
		topic := kmsg.NewFetchResponseTopic()
		topic.Topic = "orders"
		answer := kmsg.NewFetchResponseTopicPartition()
		answer.HighWatermark, answer.LastStableOffset, answer.RecordBatches = 5, 5, []byte{}
		if part.FetchOffset < 5 {
			answer.RecordBatches = emptyBatch(2, 2)
		}
		topic.Partitions = append(topic.Partitions, answer)
		res.Topics = append(res.Topics, topic)
		return res, nil, true
	})
	fetched, err := c.Fetch(t.Context(), map[kafka.TopicPartition]int64{{Topic: "orders"}: 2}, kafka.FetchOptions{})
	if err != nil || len(fetched) != 1 || fetched[0].Err != nil || fetched[0].Next != 5 || len(fetched[0].Records) != 0 {
		t.Fatalf("an empty batch from 2 to 4: fetched %+v, error %v, want next 5", fetched, err)
	}
	_, err = c.Fetch(t.Context(), map[kafka.TopicPartition]int64{{Topic: "orders"}: 5}, kafka.FetchOptions{})
	if err != nil || asked.Load() != 2 {
		t.Errorf("asked %d times, error %v", asked.Load(), err)
	}
}

func TestReadToEndFollowsTheLeader(t *testing.T) {
	t.Parallel()
	cluster, c := controlled(t, 3)
	send(t, producer(t, cluster), 0, "a", "b")
	for tp, node := range map[int32]int32{0: 1, 1: 2} {
		if err := cluster.MoveTopicPartition("orders", tp, node); err != nil {
			t.Fatal(err)
		}
	}
	got, err := readAll(t, c, kafka.FetchOptions{})
	want(t, got, err, "0:0=a", "0:1=b")
	// The client still remembers the leaders of before.
	for tp, node := range map[int32]int32{0: 2, 1: 0} {
		if err := cluster.MoveTopicPartition("orders", tp, node); err != nil {
			t.Fatal(err)
		}
	}
	got, err = readAll(t, c, kafka.FetchOptions{})
	want(t, got, err, "0:0=a", "0:1=b")
}

func TestReadToEndOutlivesABrokenConnection(t *testing.T) {
	t.Parallel()
	cluster, c := controlled(t, 1)
	send(t, producer(t, cluster), 0, "a")
	var broken atomic.Int32
	cluster.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if broken.Add(1) <= 3 {
			return nil, errors.New("hang up"), true
		}
		return nil, nil, false
	})
	got, err := readAll(t, c, kafka.FetchOptions{})
	want(t, got, err, "0:0=a")
	if broken.Load() <= 3 {
		t.Errorf("the connection broke %d times, want 3", broken.Load())
	}
}

func TestReadToEndNamesTheOffsetThatIsGone(t *testing.T) {
	t.Parallel()
	cluster, c := controlled(t, 1)
	send(t, producer(t, cluster), 0, "a", "b", "c")
	send(t, producer(t, cluster), 1, "x")
	cluster.ControlKey(int16(kmsg.Fetch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		req := kreq.(*kmsg.FetchRequest)
		res := kreq.ResponseKind().(*kmsg.FetchResponse)
		for _, rt := range req.Topics {
			for _, rp := range rt.Partitions {
				if rp.Partition != 0 {
					return nil, nil, false
				}
				topic, part := kmsg.NewFetchResponseTopic(), kmsg.NewFetchResponseTopicPartition()
				topic.Topic = rt.Topic
				part.ErrorCode, part.RecordBatches = 1, []byte{}
				topic.Partitions = append(topic.Partitions, part)
				res.Topics = append(res.Topics, topic)
			}
		}
		return res, nil, true
	})
	err := c.ReadToEnd(t.Context(), map[kafka.TopicPartition]int64{{Topic: "orders"}: 1}, kafka.FetchOptions{}, func(kafka.Fetched) error { return nil })
	var be *kafka.BrokerError
	if !errors.As(err, &be) || be.Name != "OFFSET_OUT_OF_RANGE" || err.Error() != "orders/0: offset 1: offset is outside the partition's log" {
		t.Errorf("error %v", err)
	}
}

func TestReadToEndStopsForItsHandlerAndContext(t *testing.T) {
	t.Parallel()
	cluster, c := controlled(t, 1)
	send(t, producer(t, cluster), 0, "a")
	enough := errors.New("enough")
	from := map[kafka.TopicPartition]int64{{Topic: "orders"}: 0}
	if err := c.ReadToEnd(t.Context(), from, kafka.FetchOptions{}, func(kafka.Fetched) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("error %v, want the handler's", err)
	}
	cluster.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		cluster.SleepControl(func() { <-t.Context().Done() })
		return nil, nil, false
	})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	began := time.Now()
	err := c.ReadToEnd(ctx, from, kafka.FetchOptions{}, func(kafka.Fetched) error { return nil })
	if !errors.Is(err, context.Canceled) || time.Since(began) > 5*time.Second {
		t.Errorf("error %v after %s, want context.Canceled within a second", err, time.Since(began))
	}
}

func TestUnknownTopicIsNamedQuickly(t *testing.T) {
	t.Parallel()
	_, c := controlled(t, 1)
	tp := kafka.TopicPartition{Topic: "nothing"}
	began := time.Now()
	err := c.ReadToEnd(t.Context(), map[kafka.TopicPartition]int64{tp: 0}, kafka.FetchOptions{}, nil)
	if !errors.Is(err, kafka.ErrUnknownTopic) || err.Error() != "nothing/0: no such topic or partition" {
		t.Errorf("error %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}

// A partition is not given up for the time in which the reader was busy with
// another one's records.
func TestReadToEndRetriesAfterASlowHandler(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t, kfake.SeedTopics(2, "orders"))
	p := producer(t, cluster)
	send(t, p, 0, "a")
	send(t, p, 1, "b")
	const timeout = 2 * time.Second
	c, err := kafka.Open(t.Context(), kafka.Config{Bootstrap: cluster.ListenAddrs(), Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	moved := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Partitions: []int32{1}, Err: kerr.NotLeaderForPartition, Count: 2})
	var got []string
	from := map[kafka.TopicPartition]int64{{Topic: "orders", Partition: 0}: 0, {Topic: "orders", Partition: 1}: 0}
	err = c.ReadToEnd(t.Context(), from, kafka.FetchOptions{}, func(f kafka.Fetched) error {
		for _, r := range f.Records {
			got = append(got, string(r.Value))
		}
		if f.Partition == 0 {
			<-time.After(timeout + timeout/4)
		}
		return nil
	})
	want(t, got, err, "a", "b")
	if moved.Hits() != 2 {
		t.Errorf("the second partition failed %d times, want 2", moved.Hits())
	}
}
