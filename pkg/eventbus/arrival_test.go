package eventbus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
)

// numbers is which values a handler was given, how often.
type numbers struct {
	mu    sync.Mutex
	times map[string]int
}

func (s *numbers) handle(_ context.Context, r Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.times == nil {
		s.times = map[string]int{}
	}
	s.times[string(r.Value)]++
	return nil
}

func (s *numbers) count(value string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.times[value]
}

// has tells which of the numbers from from to to, after a prefix, were not seen.
func (s *numbers) has(prefix string, from, to int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := from; i < to; i++ {
		if v := prefix + strconv.Itoa(i); s.times[v] == 0 {
			return fmt.Errorf("%s is not handled", v)
		}
	}
	return nil
}

// putNumbers writes numbers after a prefix to the partitions of a topic in turn.
func putNumbers(t *testing.T, b *Bus, topic, prefix string, from, to int, partitions ...int32) {
	t.Helper()
	for i := from; i < to; i++ {
		put(t, b, topic, outgoing{partition: partitions[i%len(partitions)], value: []byte(prefix + strconv.Itoa(i))})
	}
}

func clusterAdmin(t *testing.T, b *Bus) sarama.ClusterAdmin {
	t.Helper()
	admin, err := sarama.NewClusterAdminFromClient(b.client.Wire().Client)
	if err != nil {
		t.Fatal(err)
	}
	return admin
}

// TestTopicMadeAgain: a group went on at its old offset, or at the end, in a topic that
// was deleted and made again while it read: what the new one had before that was lost
// to it. Nor may it commit the old offset for the new topic.
func TestTopicMadeAgain(t *testing.T) {
	t.Parallel()
	for _, o := range []Subscription{{}, {FromBeginning: true}, {DoneBits: true}} {
		t.Run(fmt.Sprintf("FromBeginning %t, DoneBits %t", o.FromBeginning, o.DoneBits), func(t *testing.T) {
			t.Parallel()
			b := connect(t, 2, "orders", "orders.dlq")
			b.lookEvery = 200 * time.Millisecond
			o.Group = "svc-x-consumer"
			var got numbers
			stop, err := b.SubscribeRecords(t.Context(), "orders", got.handle, o)
			if err != nil {
				t.Fatal(err)
			}
			awaitPartitions(t, b, 2)
			putNumbers(t, b, "orders", "old", 0, 50, 0, 1)
			eventually(t, "the old topic", func() error { return got.has("old", 0, 50) })
			admin := clusterAdmin(t, b)
			if err := admin.DeleteTopic("orders"); err != nil {
				t.Fatal(err)
			}
			if err := admin.CreateTopic("orders", &sarama.TopicDetail{NumPartitions: 2, ReplicationFactor: 1}, false); err != nil {
				t.Fatal(err)
			}
			b.forget("orders")
			putNumbers(t, b, "orders", "new", 0, 200, 0, 1)
			eventually(t, "the new topic", func() error { return got.has("new", 0, 200) })
			if err := stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			putNumbers(t, b, "orders", "later", 0, 10, 0, 1)
			var then numbers
			if _, err := b.SubscribeRecords(t.Context(), "orders", then.handle, o); err != nil {
				t.Fatal(err)
			}
			eventually(t, "what came while it was away", func() error { return then.has("later", 0, 10) })
			if then.count("new0") > 0 {
				t.Error("the group began once more")
			}
		})
	}
}

// TestRetryTopicThatIsNew: what is replayed for a group to a topic that it has not heard
// of yet is for it, though the group begins at the end elsewhere.
func TestRetryTopicThatIsNew(t *testing.T) {
	t.Parallel()
	b := connect(t, 1, "orders", "orders.dlq")
	b.lookEvery = 200 * time.Millisecond
	var got numbers
	if _, err := b.SubscribeRecords(t.Context(), "orders", got.handle, Subscription{Group: "svc-x-consumer"}); err != nil {
		t.Fatal(err)
	}
	awaitPartition(t, b)
	retry := RetryTopic("orders", "svc-x-consumer")
	if err := clusterAdmin(t, b).CreateTopic(retry, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, false); err != nil {
		t.Fatal(err)
	}
	putNumbers(t, b, retry, "", 0, 20, 0)
	eventually(t, "what was replayed", func() error { return got.has("", 0, 20) })
}

// TestMemberAfterTheTopicGrew: a member that came after the topic had got partitions, and
// before the others heard of them, began these at their ends.
func TestMemberAfterTheTopicGrew(t *testing.T) {
	t.Parallel()
	brokers := kafkatest.Start(t, kfake.SeedTopics(2, "orders", "orders.dlq"))
	first := connectTo(t, brokers, Options{})
	first.lookEvery = time.Hour
	var got numbers
	o := Subscription{Group: "svc-x-consumer"}
	stop, err := first.SubscribeRecords(t.Context(), "orders", got.handle, o)
	if err != nil {
		t.Fatal(err)
	}
	awaitPartitions(t, first, 2)
	putNumbers(t, first, "orders", "", 0, 10, 0, 1)
	eventually(t, "what came first", func() error { return got.has("", 0, 10) })
	if err := clusterAdmin(t, first).CreatePartitions("orders", 4, nil, false); err != nil {
		t.Fatal(err)
	}
	first.forget("orders")
	putNumbers(t, first, "orders", "", 10, 50, 0, 1, 2, 3)
	eventually(t, "what the first has of it", func() error {
		return errors.Join(got.has("", 12, 14), got.has("", 48, 50))
	})
	if err := stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := connectTo(t, brokers, Options{})
	if _, err := second.SubscribeRecords(t.Context(), "orders", got.handle, o); err != nil {
		t.Fatal(err)
	}
	eventually(t, "what is in the new partitions", func() error { return got.has("", 0, 50) })
	if n := got.count("0"); n != 1 {
		t.Errorf("what was done is handled %d times", n)
	}
}

// TestMemberThatHearsLate: a member that has not heard yet that its topic was made again
// takes over a partition from one that has. It must not take the new offsets for old ones.
func TestMemberThatHearsLate(t *testing.T) {
	t.Parallel()
	brokers := kafkatest.Start(t, kfake.SeedTopics(2, "orders", "orders.dlq"))
	late, early := connectTo(t, brokers, Options{}), connectTo(t, brokers, Options{})
	late.lookEvery, early.lookEvery = time.Hour, 100*time.Millisecond
	o := Subscription{Group: "svc-x-consumer"}
	var got numbers
	if _, err := late.SubscribeRecords(t.Context(), "orders", got.handle, o); err != nil {
		t.Fatal(err)
	}
	stop, err := early.SubscribeRecords(t.Context(), "orders", got.handle, o)
	if err != nil {
		t.Fatal(err)
	}
	awaitPartitions(t, late, 1)
	awaitPartitions(t, early, 1)
	putNumbers(t, early, "orders", "old", 0, 50, 0, 1)
	eventually(t, "the old topic", func() error { return got.has("old", 0, 50) })
	admin := clusterAdmin(t, early)
	if err := admin.DeleteTopic("orders"); err != nil {
		t.Fatal(err)
	}
	if err := admin.CreateTopic("orders", &sarama.TopicDetail{NumPartitions: 2, ReplicationFactor: 1}, false); err != nil {
		t.Fatal(err)
	}
	early.forget("orders")
	putNumbers(t, early, "orders", "new", 0, 200, 0, 1)
	eventually(t, "the new topic", func() error { return got.has("new", 0, 200) })
	if err := stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	awaitPartitions(t, late, 2)
	putNumbers(t, early, "orders", "later", 0, 20, 0, 1)
	eventually(t, "what comes then", func() error { return got.has("later", 0, 20) })
	for i := range 200 {
		if n := got.count("new" + strconv.Itoa(i)); n > 2 {
			t.Errorf("new%d is handled %d times", i, n)
		}
	}
}
