package eventbus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
	"github.com/multi-tenant/manage-kafka/test/tier"
)

// numbered makes records whose keys go round and whose values are numbers.
func numbered(topic string, from, to, keys int) []*sarama.ProducerMessage {
	var list []*sarama.ProducerMessage
	for i := from; i < to; i++ {
		list = append(list, &sarama.ProducerMessage{
			Topic: topic, Key: sarama.StringEncoder(fmt.Sprintf("k%d", i%keys)), Value: sarama.StringEncoder(fmt.Sprintf("%d", i)),
		})
	}
	return list
}

// committed adds up what a group has committed of a topic's partitions.
func committed(t *testing.T, conn realkafka.Conn, group, topic string, partitions int) int64 {
	t.Helper()
	conf := sarama.NewConfig()
	conf.Version = sarama.V3_6_0_0
	admin, err := sarama.NewClusterAdmin(strings.Split(conn.Bootstrap, ","), conf)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	all := map[string][]int32{topic: {}}
	for p := range partitions {
		all[topic] = append(all[topic], int32(p))
	}
	res, err := admin.ListConsumerGroupOffsets(group, all)
	if err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	for p := range partitions {
		if b := res.GetBlock(topic, int32(p)); b != nil && b.Offset > 0 {
			sum += b.Offset
		}
	}
	return sum
}

// lettersOf reads all dead letters of a topic.
func lettersOf(t *testing.T, c *kafka.Client, topic string) []kafka.Record {
	t.Helper()
	return kafkatest.Read(t, c, topic+".dlq")
}

// group is what Health says of a bus's only subscription.
func group(t *testing.T, b *eventbus.Bus) eventbus.GroupState {
	t.Helper()
	h := b.Health(t.Context())
	if len(h.Details.Groups) != 1 {
		t.Fatalf("health %+v", h)
	}
	return h.Details.Groups[0]
}

var errBad = errors.New("cannot be handled")

// The dead letter topic is gone: its key waits, the partition pauses, health
// says so, and all goes on when it is there again.
func TestDeadLetterTopicDeleted(t *testing.T) {
	t.Parallel() // it mostly waits
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	topic := topicWithLetters(t, conn, 2, 1)
	deleteTopic(t, conn, topic+".dlq")
	unavailableLetters(t, conn, connect(t, conn), topic, func() { createTopics(t, conn, 3, 1, topic+".dlq") })
}

// The service may not write to the dead letter topic until an operator lets it.
func TestDeadLetterTopicDenied(t *testing.T) {
	cluster := realkafka.Start(t, realkafka.Options{ACL: true, Listeners: []realkafka.Listener{realkafka.SASLPlaintext}})
	admin := cluster.Conn(realkafka.Plaintext)
	topic := topicWithLetters(t, admin, 2, 1)
	allow := func(args ...string) {
		peers.Tool(t, admin, peers.ACLs, append([]string{"--add", "--allow-principal", "User:" + realkafka.Alice().Name}, args...)...)
	}
	allow("--operation", "Read", "--operation", "Describe", "--topic", topic)
	allow("--operation", "Describe", "--topic", topic+".dlq")
	allow("--operation", "Read", "--group", "*")
	b := connect(t, cluster.Conn(realkafka.SASLPlaintext).As(realkafka.Alice(), realkafka.Plain))
	unavailableLetters(t, admin, b, topic, func() { allow("--operation", "Write", "--topic", topic+".dlq") })
}

func unavailableLetters(t *testing.T, conn realkafka.Conn, b *eventbus.Bus, topic string, repair func()) {
	t.Helper()
	name := topic + "-group"
	produce(t, conn, numbered(topic, 0, 200, 20)...)
	var handled atomic.Int64
	var bad sync.Map
	if _, err := b.SubscribeRecords(t.Context(), topic, func(_ context.Context, r eventbus.Record) error {
		if string(r.Key) == "k7" {
			bad.Store(string(r.Value), true)
			return errBad
		}
		handled.Add(1)
		return nil
	}, eventbus.Subscription{Group: name, FromBeginning: true, Retries: []time.Duration{10 * time.Millisecond}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "other keys go on and the key waits", func() error {
		g := group(t, b)
		return errors.Join(want(handled.Load(), 190), want(g.LettersFailing, 1), want(g.Paused, 1))
	})
	if h := b.Health(t.Context()); h.Status != eventbus.StatusDown || !strings.Contains(h.Error, "dead letters") {
		t.Errorf("health %+v", h)
	}
	tried := 0
	bad.Range(func(any, any) bool { tried++; return true })
	if tried != 1 {
		t.Errorf("%d records of the key were tried, want only the first", tried)
	}
	if at := committed(t, conn, name, topic, 2); at >= 200 {
		t.Errorf("committed %d: past the letter", at)
	}
	produce(t, conn, numbered(topic, 200, 240, 20)...)
	repair()
	eventually(t, 3*time.Minute, "all goes on", func() error {
		return errors.Join(want(handled.Load(), 228), want(committed(t, conn, name, topic, 2), 240), want(b.Health(t.Context()).Status, eventbus.StatusUp))
	})
	all := lettersOf(t, open(t, conn), topic)
	var values []string
	for _, r := range all {
		values = append(values, string(r.Value))
	}
	if len(values) != 12 || !slices.Equal(values[:3], []string{"7", "27", "47"}) {
		t.Errorf("letters %v, want 12 in their order", values)
	}
}

// What the handlers depend on is down for a while: nothing becomes a letter, no
// try counts, and all is handled when it is back.
func TestDependencyDown(t *testing.T) {
	down := 8 * time.Second
	if tier.IsLong() {
		down = 30 * time.Second
	}
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	topic := topicWithLetters(t, conn, 3, 1)
	produce(t, conn, numbered(topic, 0, 3000, 100)...)
	b := connect(t, conn)
	var handled, calls atomic.Int64
	var worst atomic.Int64
	var back atomic.Bool
	time.AfterFunc(down, func() { back.Store(true) })
	if _, err := b.SubscribeRecords(t.Context(), topic, func(_ context.Context, r eventbus.Record) error {
		calls.Add(1)
		if !back.Load() {
			return fmt.Errorf("asking the database: %w", kafka.ErrUnreachable)
		}
		if n := int64(r.Attempt); n > worst.Load() {
			worst.Store(n)
		}
		handled.Add(1)
		return nil
	}, eventbus.Subscription{Group: topic + "-group", FromBeginning: true, Breaker: eventbus.BreakerOptions{Pause: time.Second}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "the breaker opens and fetching pauses", func() error {
		g := group(t, b)
		if g.Breaker == "closed" || g.Paused != 3 {
			return fmt.Errorf("%+v", g)
		}
		return nil
	})
	eventually(t, time.Minute, "all is handled", func() error { return want(handled.Load(), 3000) })
	eventually(t, 10*time.Second, "all is committed", func() error { return want(committed(t, conn, topic+"-group", topic, 3), 3000) })
	if n := len(lettersOf(t, open(t, conn), topic)); n != 0 {
		t.Errorf("%d dead letters", n)
	}
	t.Logf("down for %v: %d calls failed, %d tries counted, 0 letters", down, calls.Load()-handled.Load(), worst.Load()-1)
	if worst.Load() > 1 {
		t.Errorf("a record burned %d tries", worst.Load()-1)
	}
	if failed := calls.Load() - handled.Load(); failed > 64+5+int64(down/time.Second)*2 {
		t.Errorf("%d calls although the dependency is down", failed)
	}
}

// What is no event goes to the dead letter topic at once, and a large one passes.
func TestWhatIsNoEvent(t *testing.T) {
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	topic := topicWithLetters(t, conn, 1, 1)
	event := func(id, kind, version string, size int) []byte {
		e, err := events.New(kind, "svc", map[string]any{"id": id, "pad": strings.Repeat("x", size)}, events.Options{ID: id, DataVersion: version})
		if err != nil {
			t.Fatal(err)
		}
		return e.Encode()
	}
	key := sarama.StringEncoder("k")
	large := event("large", "tenant.created", "", 900<<10)
	values := [][]byte{[]byte("\xff\xfe{"), nil, event("future", "tenant.created", "9.1", 1), event("unknown", "tenant.renamed", "", 1), large}
	for _, v := range values {
		m := &sarama.ProducerMessage{Topic: topic, Key: key}
		if v != nil {
			m.Value = sarama.ByteEncoder(v)
		}
		produce(t, conn, m)
	}
	b := connect(t, conn)
	var mu sync.Mutex
	var got []string
	router := &eventbus.Router{}
	router.On("tenant.created", func(_ context.Context, e events.Event, r eventbus.Record) error {
		if !bytes.Equal(r.Value, large) {
			t.Errorf("the large event came changed")
		}
		return nil
	})
	if _, err := b.Subscribe(t.Context(), topic, func(ctx context.Context, e events.Event, r eventbus.Record) error {
		mu.Lock()
		got = append(got, e.ID)
		mu.Unlock()
		return router.Handle(ctx, e, r)
	}, eventbus.Subscription{Group: topic + "-group", FromBeginning: true}); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "all is passed", func() error { return want(committed(t, conn, topic+"-group", topic, 1), 5) })
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(got, []string{"unknown", "large"}) {
		t.Errorf("handlers saw %q", got)
	}
	if n := router.Skipped()["tenant.renamed"]; n != 1 {
		t.Errorf("skipped %v", router.Skipped())
	}
	var classes []string
	for i, r := range lettersOf(t, open(t, conn), topic) {
		classes = append(classes, kafkatest.Header(r, "dlq-error-class"))
		if !bytes.Equal(r.Value, values[i]) || (r.Value == nil) != (values[i] == nil) || string(r.Key) != "k" {
			t.Errorf("letter %d: key or value changed", i)
		}
	}
	if want := []string{eventbus.ClassUndecodable, eventbus.ClassTombstone, eventbus.ClassUnknownMajor}; !slices.Equal(classes, want) {
		t.Errorf("letters of %q, want %q", classes, want)
	}
}

// A handler that never returns is said by health; where the subscription is to
// leave, another member gets its partition.
func TestStuckHandlerLeavesPartition(t *testing.T) {
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	topic := topicWithLetters(t, conn, 1, 1)
	produce(t, conn, numbered(topic, 0, 10, 1)...)
	stuck, healthy := connect(t, conn), connect(t, conn)
	block := make(chan struct{})
	defer close(block)
	ended := make(chan error, 1)
	o := eventbus.Subscription{Group: topic + "-group", FromBeginning: true, HandlerTimeout: 2 * time.Second, DrainTimeout: time.Second, OnStuck: eventbus.LeaveGroup}
	o.Ended = func(err error) { ended <- err }
	if _, err := stuck.SubscribeRecords(t.Context(), topic, func(_ context.Context, r eventbus.Record) error {
		if r.Offset == 4 {
			<-block
		}
		return nil
	}, o); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "health says that a handler is stuck", func() error {
		if h := stuck.Health(t.Context()); h.Status != eventbus.StatusDown || !strings.Contains(h.Error, "stuck") {
			return fmt.Errorf("%+v", h)
		}
		return nil
	})
	var handled atomic.Int64
	o.Ended = nil
	if _, err := healthy.SubscribeRecords(t.Context(), topic, func(_ context.Context, r eventbus.Record) error {
		if r.Offset >= 4 {
			handled.Add(1)
		}
		return nil
	}, o); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "the other member goes on", func() error { return want(handled.Load(), 6) })
	if err := <-ended; !errors.Is(err, eventbus.ErrStuck) {
		t.Errorf("it ended with %v", err)
	}
}

// A member that joins takes partitions from another; those that stay are not
// interrupted, where all members rebalance cooperatively.
func TestCooperativeRebalance(t *testing.T) {
	t.Parallel() // it mostly waits
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	topic := topicWithLetters(t, conn, 4, 1)
	o := eventbus.Subscription{Group: topic + "-group", FromBeginning: true, Rebalance: eventbus.RebalanceCooperative}
	first, second := connect(t, conn), connect(t, conn)
	var mu sync.Mutex
	times := map[string]int{}
	var cut atomic.Int64
	handler := func(ctx context.Context, r eventbus.Record) error {
		timer := time.NewTimer(20 * time.Millisecond)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			cut.Add(1)
			return ctx.Err()
		}
		mu.Lock()
		defer mu.Unlock()
		times[string(r.Value)]++
		return nil
	}
	if _, err := first.SubscribeRecords(t.Context(), topic, handler, o); err != nil {
		t.Fatal(err)
	}
	produce(t, conn, numbered(topic, 0, 4000, 40)...)
	eventually(t, time.Minute, "the first member has all partitions", func() error { return want(group(t, first).Assigned, 4) })
	if _, err := second.SubscribeRecords(t.Context(), topic, handler, o); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "both have two", func() error {
		return errors.Join(want(group(t, first).Assigned, 2), want(group(t, second).Assigned, 2))
	})
	eventually(t, 2*time.Minute, "all is committed", func() error { return want(committed(t, conn, topic+"-group", topic, 4), 4000) })
	mu.Lock()
	defer mu.Unlock()
	again := 0
	for _, n := range times {
		again += n - 1
	}
	if len(times) != 4000 || cut.Load() > 0 || again > 0 {
		t.Errorf("%d records handled, %d twice, %d handlers cut off", len(times), again, cut.Load())
	}
}

// Only a group without a committed offset starts where FromBeginning says, and
// aborted records are nobody's.
func TestFromBeginningAndCommittedData(t *testing.T) {
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	topic := topicWithLetters(t, conn, 1, 1)
	peers.WriteAborted(t, conn, topic, 3, 5)
	b := connect(t, conn)
	var handled atomic.Int64
	count := func(context.Context, eventbus.Record) error { handled.Add(1); return nil }
	late := eventbus.Subscription{Group: topic + "-late-group"}
	if _, err := b.SubscribeRecords(t.Context(), topic, count, late); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "the late group has the partition", func() error { return want(group(t, b).Assigned, 1) })
	early := connect(t, conn)
	var seen atomic.Int64
	o := eventbus.Subscription{Group: topic + "-early-group", FromBeginning: true}
	stop, err := early.SubscribeRecords(t.Context(), topic, func(context.Context, eventbus.Record) error { seen.Add(1); return nil }, o)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "the early group reads what is committed", func() error { return want(seen.Load(), 3) })
	if err := stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	produce(t, conn, numbered(topic, 0, 2, 1)...)
	if _, err := early.SubscribeRecords(t.Context(), topic, func(context.Context, eventbus.Record) error { seen.Add(1); return nil }, o); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "it goes on where it was", func() error { return want(seen.Load(), 5) })
	eventually(t, time.Minute, "the late group reads what came later", func() error { return want(handled.Load(), 2) })
}

// Letters that are replayed to a group's retry topic reach that group alone.
func TestRetryTopic(t *testing.T) {
	conn := realkafka.Shared(t).Conn(realkafka.Plaintext)
	topic := topicWithLetters(t, conn, 1, 1)
	mine, other := topic+"-mine", topic+"-other"
	createTopics(t, conn, 1, 1, eventbus.RetryTopic(topic, mine))
	var got sync.Map
	for _, name := range []string{mine, other} {
		if _, err := connect(t, conn).SubscribeRecords(t.Context(), topic, func(_ context.Context, r eventbus.Record) error {
			got.Store(name+" "+string(r.Value), true)
			return errBad
		}, eventbus.Subscription{Group: name, FromBeginning: true, Retries: []time.Duration{}}); err != nil {
			t.Fatal(err)
		}
	}
	retry := numbered(eventbus.RetryTopic(topic, mine), 0, 1, 1)
	retry[0].Headers = []sarama.RecordHeader{{Key: []byte("dlq-replay-id"), Value: []byte("abc")}, {Key: []byte("dlq-replay-count"), Value: []byte("2")}}
	produce(t, conn, retry...)
	produce(t, conn, numbered(topic, 1, 2, 1)...)
	has := func(what string) error {
		if _, ok := got.Load(what); !ok {
			return errors.New("not seen: " + what)
		}
		return nil
	}
	eventually(t, time.Minute, "records", func() error { return errors.Join(has(mine+" 0"), has(mine+" 1"), has(other+" 1")) })
	c := open(t, conn)
	eventually(t, time.Minute, "letters", func() error { return want(len(lettersOf(t, c, topic)), 3) })
	for _, r := range lettersOf(t, c, topic) {
		if string(r.Value) == "0" && (kafkatest.Header(r, "dlq-original-topic") != eventbus.RetryTopic(topic, mine) || kafkatest.Header(r, "dlq-replay-count") != "2") {
			t.Errorf("letter %+v", r.Headers)
		}
	}
	if has(other+" 0") == nil {
		t.Error("the other group got what was replayed for one")
	}
}
