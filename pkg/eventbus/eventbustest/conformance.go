package eventbustest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Target is a cluster to hold the bus to its promises on.
type Target struct {
	// Options reach the cluster; Brokers has to be given. Middleware, telemetry
	// and a catalogue of the service's own may be under test as well.
	Options eventbus.Options
	// Replication of the topics that the suite makes; default 1. Their names
	// begin with "conformance.", and they are deleted at the end.
	Replication int16
}

// Conformance holds the bus to what the package comment of pkg/eventbus promises,
// on a real cluster or a broker of [Start]. It makes topics and consumer groups of
// its own and takes about half a minute on Kafka.
func Conformance(t *testing.T, target Target) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(*check)
	}{
		{"every type arrives as it was sent", (*check).everyType},
		{"a failed event is tried again and holds its key alone", (*check).retries},
		{"what fails for good becomes a letter", (*check).deadLetter},
		{"a permanent error is not tried again", (*check).permanent},
		{"what is no event becomes a letter at once", (*check).noEvents},
		{"an unknown type is delivered", (*check).unknownType},
		{"a large event passes", (*check).large},
		{"the beginning counts only without an offset", (*check).fromBeginning},
		{"keys keep their order through rebalances", (*check).order},
		{"one handler a key at a time", (*check).oneHandlerAKey},
		{"an event that a handler produces is a child", (*check).children},
		{"a letter replayed for another group is skipped", (*check).forGroup},
		{"letters are read in both forms", (*check).letterForms},
		{"stopping lets handlers finish and commits", (*check).drain},
		{"health tells of the subscription", (*check).health},
		{"records of open and aborted transactions are not seen", (*check).readCommitted},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(newCheck(t, target))
		})
	}
}

// check is one check of the suite, with a topic and a group of its own.
type check struct {
	*testing.T
	target Target
	client *kafka.Client
	topic  string
	group  string
	bus    *eventbus.Bus
}

const service = "conformance"

func newCheck(t *testing.T, target Target) *check {
	t.Helper()
	client, err := kafka.Open(t.Context(), kafka.Config{
		Bootstrap: target.Options.Brokers, Properties: target.Options.Properties, ClusterID: target.Options.ClusterID, ClientID: service,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	id := fmt.Sprintf("%08x", rand.Uint32())
	c := &check{T: t, target: target, client: client, topic: "conformance." + id + ".events", group: service + "-" + id + "-consumer"}
	c.makeTopics(c.topic, events.DeadLetterTopic(c.topic))
	c.bus = c.connect()
	return c
}

// connect gives another Bus on the cluster.
func (c *check) connect(edit ...func(*eventbus.Options)) *eventbus.Bus {
	c.Helper()
	o := c.target.Options
	o.Produce.AllowAnyTopic = true
	for _, f := range edit {
		f(&o)
	}
	return connect(c.T, service, o)
}

func (c *check) makeTopics(names ...string) {
	c.Helper()
	conn := c.client.Wire()
	details := map[string]*sarama.TopicDetail{}
	for _, name := range names {
		details[name] = &sarama.TopicDetail{NumPartitions: Partitions, ReplicationFactor: max(c.target.Replication, 1)}
	}
	onController := func(ctx context.Context, ask func(*sarama.Broker) error) error {
		return c.client.Do(ctx, func() error {
			controller, err := conn.ControllerNode()
			if err != nil {
				return err
			}
			return ask(controller)
		})
	}
	err := onController(c.Context(), func(b *sarama.Broker) error {
		res, err := b.CreateTopics(&sarama.CreateTopicsRequest{Version: 2, TopicDetails: details, Timeout: 10 * time.Second})
		if err != nil {
			return err
		}
		for name, e := range res.TopicErrors {
			if e.Err != sarama.ErrNoError {
				return fmt.Errorf("%s: %w", name, e)
			}
		}
		return nil
	})
	if err != nil {
		c.Fatalf("making topics: %v", err)
	}
	c.Cleanup(func() {
		// What stays is litter on a cluster for tests.
		_ = onController(context.WithoutCancel(c.Context()), func(b *sarama.Broker) error {
			_, err := b.DeleteTopics(&sarama.DeleteTopicsRequest{Version: 1, Topics: names, Timeout: 10 * time.Second})
			return err
		})
	})
	Await(c.T, "topics "+strings.Join(names, ", "), func() bool {
		meta, err := c.client.Metadata(c.Context(), names)
		if err != nil {
			return false
		}
		for _, m := range meta.Topics {
			if m.Err != nil || len(m.Partitions) != Partitions {
				return false
			}
			for _, p := range m.Partitions {
				if p.Leader < 0 {
					return false
				}
			}
		}
		return len(meta.Topics) == len(names)
	})
}

// event makes a valid event of one tenant, which is its key.
func (c *check) event(tenant string) events.Event {
	c.Helper()
	e, err := events.New("tenant.activated", service, map[string]string{"id": tenant, "activatedAt": "2026-11-25T09:00:00Z"}, events.Options{})
	if err != nil {
		c.Fatal(err)
	}
	return e
}

func (c *check) produce(list ...events.Event) {
	c.Helper()
	if err := c.bus.ProduceBatch(c.Context(), c.topic, list...); err != nil {
		c.Fatal(err)
	}
}

// write writes records as they are, to the partitions of their keys.
func (c *check) write(topic string, list ...kafka.Record) {
	c.Helper()
	write(c.T, c.client, topic, list)
}

// subscribe consumes from the beginning with quick retries.
func (c *check) subscribe(bus *eventbus.Bus, h eventbus.Handler, edit ...func(*eventbus.Subscription)) (stop func()) {
	c.Helper()
	o := eventbus.Subscription{Group: c.group, FromBeginning: true, Retries: []time.Duration{20 * time.Millisecond, 40 * time.Millisecond, 80 * time.Millisecond}}
	for _, f := range edit {
		f(&o)
	}
	end, err := bus.Subscribe(c.Context(), c.topic, h, o)
	if err != nil {
		c.Fatal(err)
	}
	return func() {
		c.Helper()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), patience)
		defer cancel()
		if err := end(ctx); err != nil {
			c.Errorf("stopping: %v", err)
		}
	}
}

func (c *check) letters() []eventbus.Letter {
	c.Helper()
	var list []eventbus.Letter
	for _, r := range records(c.T, c.client, events.DeadLetterTopic(c.topic)) {
		list = append(list, eventbus.ReadLetter(r))
	}
	return list
}

func (c *check) done() {
	c.Helper()
	awaitDone(c.T, c.client, c.group, c.topic)
}

// log is what handlers note, in order.
type log struct {
	mu    sync.Mutex
	lines []string
}

func (l *log) add(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

func (l *log) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.lines...)
}
