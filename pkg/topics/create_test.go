package topics_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
)

func newAdmin(t *testing.T) (*topics.Admin, *kafka.Client) {
	t.Helper()
	c := kafkatest.Open(t, kafkatest.Start(t))
	return topics.New(c), c
}

func topicCount(t *testing.T, c *kafka.Client) int {
	t.Helper()
	meta, err := c.Metadata(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return len(meta.Topics)
}

func TestCreateCatalogueTwice(t *testing.T) {
	t.Parallel()
	admin, c := newAdmin(t)
	for _, want := range []topics.Outcome{topics.Created, topics.Exists} {
		done, err := admin.Create(t.Context(), topics.Catalogue(), topics.CreateOptions{IfNotExists: true})
		if err != nil || len(done) != 12 {
			t.Fatalf("%d done, error %v", len(done), err)
		}
		for _, d := range done {
			if d.Outcome != want || d.Err != nil || d.ID == "" || d.Partitions != 3 || len(d.Differences) > 0 {
				t.Errorf("want %s, got %+v", want, d)
			}
		}
	}
	if n := topicCount(t, c); n != 12 {
		t.Errorf("%d topics", n)
	}
}

func TestCreateSaysHowATakenTopicDiffers(t *testing.T) {
	t.Parallel()
	admin, _ := newAdmin(t)
	first := topics.Spec{Name: "orders", Partitions: 3, Config: map[string]string{"retention.ms": "1000"}}
	if _, err := admin.Create(t.Context(), []topics.Spec{first}, topics.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err := admin.Create(t.Context(), []topics.Spec{first}, topics.CreateOptions{})
	var exists *topics.ExistsError
	if !errors.Is(err, topics.ErrExists) || !errors.As(err, &exists) || len(exists.Differences) != 0 {
		t.Fatalf("the same again: %v", err)
	}
	other := topics.Spec{Name: "orders", Partitions: 6, Config: map[string]string{"retention.ms": "2000"}}
	done, err := admin.Create(t.Context(), []topics.Spec{other, {Name: "invoices"}}, topics.CreateOptions{})
	want := "orders: topic already exists and differs: partitions is 3, not 6; retention.ms is 1000, not 2000"
	if err == nil || err.Error() != want {
		t.Fatalf("got error %v, want %s", err, want)
	}
	if done[1].Outcome != topics.Created {
		t.Errorf("the other topic: %+v", done[1])
	}
}

// A controller of the ZooKeeper era refuses a name for as long as it deletes
// the topic that had it, which no broker tells about any more.
func TestCreateWaitsForADeletion(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t)
	admin := topics.New(kafkatest.Open(t, kafkatest.Bootstrap(cluster)))
	refusals := 3
	cluster.ControlKey(int16(kmsg.CreateTopics), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if refusals == 0 {
			return nil, nil, false
		}
		refusals--
		resp := kreq.ResponseKind().(*kmsg.CreateTopicsResponse)
		for _, asked := range kreq.(*kmsg.CreateTopicsRequest).Topics {
			topic := kmsg.NewCreateTopicsResponseTopic()
			topic.Topic, topic.ErrorCode = asked.Topic, kerr.TopicAlreadyExists.Code
			resp.Topics = append(resp.Topics, topic)
		}
		return resp, nil, true
	})
	done, err := admin.Create(t.Context(), []topics.Spec{{Name: "orders"}}, topics.CreateOptions{})
	if err != nil || done[0].Outcome != topics.Created || refusals != 0 {
		t.Errorf("%+v, error %v, %d refusals left", done, err, refusals)
	}
}

func TestCreateChecksBeforeItSends(t *testing.T) {
	t.Parallel()
	admin, c := newAdmin(t)
	for _, specs := range [][]topics.Spec{
		{{Name: "good"}, {Name: "a b"}},
		{{Name: "good"}, {Name: "good"}},
		{{Name: "a.b"}, {Name: "a_b"}},
		{{Name: "good", Partitions: -1}},
		{{Name: "good", Replication: -2}},
		{{Name: "good", Config: map[string]string{"retention.mss": "1"}}},
	} {
		done, err := admin.Create(t.Context(), specs, topics.CreateOptions{})
		if err == nil || done != nil {
			t.Errorf("%+v: %+v, error %v", specs, done, err)
		}
	}
	if n := topicCount(t, c); n != 0 {
		t.Errorf("%d topics were made", n)
	}
}

func TestCreateExplainsARefusal(t *testing.T) {
	t.Parallel()
	admin, c := newAdmin(t)
	_, err := admin.Create(t.Context(), []topics.Spec{{Name: "orders", Replication: 3}}, topics.CreateOptions{})
	if !errors.Is(err, topics.ErrTooFewBrokers) || !strings.HasSuffix(err.Error(), "replication factor 3, and the cluster has 1 broker") {
		t.Errorf("replication 3: %v", err)
	}
	done, err := admin.Create(t.Context(), []topics.Spec{{Name: "a.b"}}, topics.CreateOptions{DryRun: true})
	if err != nil || done[0].Outcome != topics.WouldCreate {
		t.Errorf("dry run: %+v, error %v", done, err)
	}
	if n := topicCount(t, c); n != 0 {
		t.Fatalf("%d topics after a refusal and a dry run", n)
	}
	if _, err := admin.Create(t.Context(), []topics.Spec{{Name: "a.b"}}, topics.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err = admin.Create(t.Context(), []topics.Spec{{Name: "a_b"}}, topics.CreateOptions{})
	if !errors.Is(err, topics.ErrCollides) || !strings.Contains(err.Error(), "the cluster has a.b: names differ only in") {
		t.Errorf("colliding name: %v", err)
	}
}

func TestCreateSizesAQueueAfterItsSource(t *testing.T) {
	t.Parallel()
	admin, _ := newAdmin(t)
	source := topics.Spec{Name: "big", Partitions: 5, Config: map[string]string{"max.message.bytes": "5000000"}}
	if _, err := admin.Create(t.Context(), []topics.Spec{source}, topics.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	// The source's own spec does not say its size; the cluster does.
	if _, err := admin.Create(t.Context(), []topics.Spec{topics.DLQ(topics.Spec{Name: "big"})}, topics.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	want := topics.Spec{Name: "big.dlq", Partitions: 5, Config: map[string]string{"max.message.bytes": "5065536", "retention.ms": "2592000000"}}
	_, err := admin.Create(t.Context(), []topics.Spec{want}, topics.CreateOptions{})
	var exists *topics.ExistsError
	if !errors.As(err, &exists) || len(exists.Differences) != 0 {
		t.Errorf("the queue: %v", err)
	}
}
