package console_test

import (
	"errors"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/console"
)

func TestFollowFindsNewTopics(t *testing.T) {
	t.Parallel()
	bootstrap, cluster := startCluster(t, kfake.NumBrokers(1))
	c := kafkatest.Open(t, bootstrap)
	f := follow(t, c, console.ConsumeOptions{Pattern: regexp.MustCompile(`a\d`)})
	want := ""
	for _, topic := range []string{"a1", "xa1", "a2", "a10"} {
		if err := cluster.CreateTopic(topic, 1, nil); err != nil {
			t.Fatal(err)
		}
		// Written before anyone follows it: a new topic is read from its start.
		produce(t, bootstrap, value(topic, 0, topic))
		if topic == "a1" || topic == "a2" {
			want += topic + "\n"
		}
		f.await(t, want)
	}
	if err := f.end(t); f.sum.Written != 2 {
		t.Errorf("%v, %+v", err, f.sum)
	}
}

func TestFollowFindsNewPartitions(t *testing.T) {
	t.Parallel()
	bootstrap := kafkatest.Start(t, kfake.SeedTopics(1, "a"))
	c := kafkatest.Open(t, bootstrap)
	produce(t, bootstrap, value("a", 0, "before"))
	f := follow(t, c, console.ConsumeOptions{Topics: []string{"a"}})
	admin := newProducer(t, bootstrap)
	defer admin.Close()
	req := kmsg.NewPtrCreatePartitionsRequest()
	topic := kmsg.NewCreatePartitionsRequestTopic()
	topic.Topic, topic.Count = "a", 3
	req.Topics = append(req.Topics, topic)
	if _, err := req.RequestWith(t.Context(), admin); err != nil {
		t.Fatal(err)
	}
	produce(t, bootstrap, value("a", 2, "after"))
	f.await(t, "after\n")
	_ = f.end(t)
}

func TestFollowEndsWhenItsTopicIsDeleted(t *testing.T) {
	t.Parallel()
	bootstrap, cluster := startCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(1, "a"))
	c := kafkatest.Open(t, bootstrap)
	f := follow(t, c, console.ConsumeOptions{Topics: []string{"a"}, Range: rangeOf(t, "start")})
	produce(t, bootstrap, value("a", 0, "x"))
	f.await(t, "x\n")
	if err := cluster.DeleteTopic("a"); err != nil {
		t.Fatal(err)
	}
	if err := f.wait(t, deadline); !errors.Is(err, console.ErrDeleted) || !strings.HasPrefix(err.Error(), "a: ") {
		t.Errorf("%v, want ErrDeleted", err)
	}
}

func TestFollowReadsARecreatedTopic(t *testing.T) {
	t.Parallel()
	bootstrap, cluster := startCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(1, "a", "b"))
	c := kafkatest.Open(t, bootstrap)
	f := follow(t, c, console.ConsumeOptions{Topics: []string{"a", "b"}, Range: rangeOf(t, "start")})
	produce(t, bootstrap, value("a", 0, "old"), value("a", 0, "older"))
	f.await(t, "old\nolder\n")
	if err := cluster.DeleteTopic("a"); err != nil {
		t.Fatal(err)
	}
	if err := cluster.CreateTopic("a", 1, nil); err != nil {
		t.Fatal(err)
	}
	produce(t, bootstrap, value("a", 0, "new"))
	f.await(t, "old\nolder\nnew\n")
	produce(t, bootstrap, value("b", 0, "other"))
	f.await(t, "old\nolder\nnew\nother\n")
	_ = f.end(t)
}

func TestFollowPassesDeletedRecords(t *testing.T) {
	t.Parallel()
	bootstrap, cluster := startCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(1, "a"))
	c := kafkatest.Open(t, bootstrap)
	produce(t, bootstrap, series("a", 0, 0, 10)...)
	if err := cluster.DeleteRecords("a", 0, 4); err != nil {
		t.Fatal(err)
	}
	f := follow(t, c, console.ConsumeOptions{Topics: []string{"a"}, Range: rangeOf(t, "2")})
	f.notices.await(t, "a/0: offset 2 is no longer there: reading from 4, where the log starts\n")
	f.await(t, lines(series("a", 0, 4, 6)))
	_ = f.end(t)
}

// Retention deletes what a slow reader has not come to yet.
func TestReadingGoesOnAfterRetentionOvertakesIt(t *testing.T) {
	t.Parallel()
	bootstrap, cluster := startCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(1, "a"))
	c := kafkatest.Open(t, bootstrap)
	produce(t, bootstrap, series("a", 0, 0, 10)...)
	var fetches atomic.Int32
	cluster.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if fetches.Add(1) == 1 {
			cluster.SleepControl(func() {
				if err := cluster.DeleteRecords("a", 0, 6); err != nil {
					t.Error(err)
				}
			})
		}
		return nil, nil, false
	})
	f := follow(t, c, console.ConsumeOptions{Topics: []string{"a"}, Range: rangeOf(t, "start")})
	f.notices.await(t, "a/0: offsets 0 to 5 were deleted before they were read\n")
	f.await(t, lines(series("a", 0, 6, 4)))
	_ = f.end(t)
}

func TestCompactedTopicsEndAtOnce(t *testing.T) {
	t.Parallel()
	bootstrap, cluster := startCluster(t, kfake.NumBrokers(1))
	c := kafkatest.Open(t, bootstrap)
	settings := map[string]string{"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.0001", "segment.bytes": "1048576"}
	if err := cluster.CreateTopic("a", 1, settings); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		produce(t, bootstrap, &kgo.Record{Topic: "a", Key: []byte("same"), Value: []byte{byte('a' + i%26)}})
	}
	cluster.Compact()
	got, sum := read(t, c, console.ConsumeOptions{Topics: []string{"a"}, ExitAtEnd: true})
	if !strings.HasSuffix(got, "x\n") || sum.Read > 50 {
		t.Errorf("read %d records, %q", sum.Read, got)
	}
	if got, _ := read(t, c, console.ConsumeOptions{Topics: []string{"a"}, Tail: 1}); got != "x\n" {
		t.Errorf("the last record: %q", got)
	}
}
