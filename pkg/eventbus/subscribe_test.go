package eventbus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// connect gives a bus on a broker of its own that has the topics.
func connect(t *testing.T, partitions int32, topics ...string) *Bus {
	t.Helper()
	return connectTo(t, kafkatest.Start(t, kfake.SeedTopics(partitions, topics...)), Options{})
}

func connectTo(t *testing.T, brokers string, o Options) *Bus {
	t.Helper()
	o.Brokers = []string{brokers}
	b, err := Connect(t.Context(), "svc", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
		defer cancel()
		if err := b.Close(ctx); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	return b
}

// put writes values to partition 0 under one key each.
func put(t *testing.T, b *Bus, topic string, records ...outgoing) {
	t.Helper()
	for i := range records {
		records[i].topic = topic
	}
	if err := errors.Join(b.send(t.Context(), records)...); err != nil {
		t.Fatal(err)
	}
}

func eventBytes(t *testing.T, id string) []byte {
	t.Helper()
	e, err := events.New("tenant.created", "svc", map[string]any{"id": id}, events.Options{ID: id, CorrelationID: "corr-" + id})
	if err != nil {
		t.Fatal(err)
	}
	return e.Encode()
}

// awaitPartition waits until the one subscription of the bus has its one partition.
func awaitPartition(t *testing.T, b *Bus) {
	t.Helper()
	awaitPartitions(t, b, 1)
}

func awaitPartitions(t *testing.T, b *Bus, n int) {
	t.Helper()
	eventually(t, "the group has its partitions", func() error {
		if g := b.states().groups[0]; g.Assigned != n {
			return fmt.Errorf("%+v", g)
		}
		return nil
	})
}

// eventually polls until f is nil.
func eventually(t *testing.T, what string, f func() error) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	var err error
	for time.Now().Before(deadline) {
		if err = f(); err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("%s: %v", what, t.Context().Err())
		}
	}
	t.Fatalf("%s: %v", what, err)
}

// seen collects what handlers were given.
type seen struct {
	mu   sync.Mutex
	list []string
}

func (s *seen) add(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, text)
}

func (s *seen) has(want ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := strings.Join(s.list, " "); got != strings.Join(want, " ") {
		return fmt.Errorf("seen %q, want %q", got, want)
	}
	return nil
}

func TestSubscribe(t *testing.T) {
	t.Parallel()
	b := connect(t, 1, "tenant.events", "tenant.events.dlq")
	for i := range 5 {
		put(t, b, "tenant.events", outgoing{key: []byte("a"), value: eventBytes(t, strconv.Itoa(i))})
	}
	var got, letterSeen seen
	handler := func(ctx context.Context, e events.Event, r Record) error {
		got.add(fmt.Sprintf("%s/%d", e.ID, r.Attempt))
		if want := "corr-" + e.ID; CorrelationID(ctx) != want {
			t.Errorf("correlation %q, want %q", CorrelationID(ctx), want)
		}
		switch {
		case e.ID == "1" && r.Attempt < 3:
			return errors.New("not yet")
		case e.ID == "2":
			return fmt.Errorf("handling: %w", Permanent(errors.New("bad data")))
		case e.ID == "3":
			return ErrSkip
		}
		return nil
	}
	o := Subscription{Group: "svc-x-consumer", FromBeginning: true, Retries: []time.Duration{time.Millisecond, time.Millisecond}}
	stop, err := b.Subscribe(t.Context(), "tenant.events", handler, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.ConsumeDLQ(t.Context(), "tenant.events", func(_ context.Context, l Letter) error {
		letterSeen.add(fmt.Sprintf("%s|%s|%s|%d|%s/%d@%d|%s", l.Event.ID, l.Error, l.Class, l.Attempts, l.Origin.Topic, l.Origin.Partition, l.Origin.Offset, l.Group))
		return nil
	}, Subscription{FromBeginning: true}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "events", func() error { return got.has("0/1", "1/1", "1/2", "1/3", "2/1", "3/1", "4/1") })
	eventually(t, "letter", func() error {
		return letterSeen.has("2|handling: bad data|*errors.errorString|1|tenant.events/0@2|svc-x-consumer")
	})
	if err := stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	// What is committed is not handled again.
	put(t, b, "tenant.events", outgoing{key: []byte("a"), value: eventBytes(t, "5")})
	var again seen
	if _, err := b.Subscribe(t.Context(), "tenant.events", func(_ context.Context, e events.Event, _ Record) error {
		again.add(e.ID)
		return nil
	}, o); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the rest", func() error { return again.has("5") })
}

func TestLettersAtOnce(t *testing.T) {
	t.Parallel()
	b := connect(t, 1, "tenant.events", "tenant.events.dlq")
	future := strings.Replace(string(eventBytes(t, "2")), `"dataVersion":"1.0"`, `"dataVersion":"7.0"`, 1)
	put(t, b, "tenant.events",
		outgoing{key: []byte("a"), value: []byte("{nonsense")},
		outgoing{key: []byte("a"), value: nil},
		outgoing{key: []byte("a"), value: []byte(future)},
		outgoing{key: []byte("a"), value: []byte(strings.Replace(string(eventBytes(t, "3")), "tenant.created", "tenant.renamed", 1))},
	)
	var got, written seen
	if _, err := b.Subscribe(t.Context(), "tenant.events", func(_ context.Context, e events.Event, _ Record) error {
		got.add(e.Type)
		return nil
	}, Subscription{Group: "svc-x-consumer", FromBeginning: true}); err != nil {
		t.Fatal(err)
	}
	var fingerprints sync.Map
	if _, err := b.SubscribeRecords(t.Context(), "tenant.events.dlq", func(_ context.Context, r Record) error {
		l := letters.Read(r.Record)
		written.add(fmt.Sprintf("%s:%d:%s", l.Class, l.Attempts, r.Value))
		fingerprints.Store(l.Fingerprint(), true)
		return nil
	}, Subscription{Group: "svc-y-consumer", FromBeginning: true}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an unknown type reaches the handler", func() error { return got.has("tenant.renamed") })
	eventually(t, "letters", func() error {
		return written.has("eventbus.Undecodable:1:{nonsense", "eventbus.Tombstone:1:", "eventbus.UnknownMajor:1:"+future)
	})
	n := 0
	fingerprints.Range(func(any, any) bool { n++; return true })
	if n != 3 {
		t.Errorf("%d fingerprints, want 3", n)
	}
}

func TestGroupNames(t *testing.T) {
	t.Parallel()
	b := &Bus{service: "svc"}
	for name, want := range map[string]error{
		"svc-x-consumer": nil, "": ErrGroupName, "other-x-consumer": ErrGroupName, "svc-X-consumer": ErrGroupName, "svc-x": ErrGroupName,
	} {
		if err := b.checkGroup(name); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", name, err, want)
		}
	}
	b.opts.AllowAnyGroup = true
	if err := b.checkGroup("anything"); err != nil {
		t.Error(err)
	}
}

func TestRouter(t *testing.T) {
	t.Parallel()
	b := connect(t, 1, "tenant.events", "tenant.events.dlq")
	renamed := strings.Replace(string(eventBytes(t, "1")), "tenant.created", "tenant.renamed", 1)
	put(t, b, "tenant.events",
		outgoing{key: []byte("a"), value: eventBytes(t, "0")}, outgoing{key: []byte("a"), value: []byte(renamed)},
		outgoing{key: []byte("a"), value: eventBytes(t, "2")})
	var got seen
	router := &Router{}
	router.On("tenant.created", func(_ context.Context, e events.Event, _ Record) error {
		got.add(e.ID)
		return nil
	})
	if _, err := b.Subscribe(t.Context(), "tenant.events", router.Handle, Subscription{Group: "svc-x-consumer", FromBeginning: true}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "events", func() error { return got.has("0", "2") })
	if n := router.Skipped()["tenant.renamed"]; n != 1 {
		t.Errorf("skipped %v", router.Skipped())
	}
}

// A group that starts at the end keeps its place although nothing came.
func TestPlaceIsKept(t *testing.T) {
	t.Parallel()
	b := connect(t, 1, "tenant.events", "tenant.events.dlq")
	put(t, b, "tenant.events", outgoing{key: []byte("a"), value: eventBytes(t, "old")})
	var got seen
	handler := func(_ context.Context, e events.Event, _ Record) error {
		got.add(e.ID)
		return nil
	}
	o := Subscription{Group: "svc-x-consumer"}
	stop, err := b.Subscribe(t.Context(), "tenant.events", handler, o)
	if err != nil {
		t.Fatal(err)
	}
	awaitPartition(t, b)
	if err := stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	put(t, b, "tenant.events", outgoing{key: []byte("a"), value: eventBytes(t, "between")})
	if _, err := b.Subscribe(t.Context(), "tenant.events", handler, o); err != nil {
		t.Fatal(err)
	}
	eventually(t, "what came between", func() error { return got.has("between") })
}
