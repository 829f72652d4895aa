package eventbustest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func (c *check) everyType() {
	catalogue, err := events.NewCatalogue()
	if err != nil {
		c.Fatal(err)
	}
	sent := map[string]events.Event{}
	for i, kind := range events.Types() {
		e, err := catalogue.Example(kind.Name, uint64(i))
		if err != nil {
			c.Fatal(err)
		}
		sent[e.ID] = e
		c.produce(e)
	}
	var seen log
	c.subscribe(c.bus, func(_ context.Context, e events.Event, r eventbus.Record) error {
		seen.add("%s", e.ID)
		want := sent[e.ID]
		if !bytes.Equal(r.Value, want.Encode()) || e.Type != want.Type || string(r.Header("event-id")) != e.ID || r.Group != c.group || r.Attempt != 1 {
			c.Errorf("%s arrives as %s with the headers %v", want.Type, r.Value, r.Headers)
		}
		if r.Partition != kafka.PartitionFor(r.Key, Partitions) {
			c.Errorf("key %q is in partition %d", r.Key, r.Partition)
		}
		return nil
	})
	c.done()
	got := seen.all()
	slices.Sort(got)
	if len(got) != len(sent) || len(slices.Compact(got)) != len(sent) {
		c.Errorf("%d events handled, want each of %d once", len(got), len(sent))
	}
}

func (c *check) retries() {
	failing, after, other := c.event("a"), c.event("a"), c.event("b")
	c.produce(failing, after, other)
	var seen log
	c.subscribe(c.bus, func(_ context.Context, e events.Event, r eventbus.Record) error {
		switch e.ID {
		case failing.ID:
			seen.add("failing %d", r.Attempt)
			if r.Attempt < 3 {
				return errors.New("not yet")
			}
		case after.ID:
			seen.add("after %d", r.Attempt)
		case other.ID:
			seen.add("other %d", r.Attempt)
		}
		return nil
	}, func(o *eventbus.Subscription) { o.Retries = []time.Duration{time.Second, time.Second} })
	c.done()
	got := seen.all()
	key := slices.DeleteFunc(slices.Clone(got), func(s string) bool { return s == "other 1" })
	if want := []string{"failing 1", "failing 2", "failing 3", "after 1"}; !slices.Equal(key, want) {
		c.Errorf("the key saw %v, want %v", key, want)
	}
	if slices.Index(got, "other 1") > slices.Index(got, "failing 2") {
		c.Errorf("another key waited for the retry: %v", got)
	}
	if l := c.letters(); len(l) != 0 {
		c.Errorf("%d letters", len(l))
	}
}

func (c *check) deadLetter() {
	bad, after := c.event("a"), c.event("a")
	bad.CorrelationID = "corr-1"
	value := bad.Encode()
	c.write(c.topic,
		kafka.Record{Key: []byte("a"), Value: value, Headers: []kafka.Header{{Name: "x-foreign", Value: []byte("kept")}}},
		kafka.Record{Key: []byte("a"), Value: after.Encode()})
	var seen log
	began := time.Now().Add(-time.Minute)
	c.subscribe(c.bus, func(_ context.Context, e events.Event, r eventbus.Record) error {
		seen.add("%s %d", e.ID, r.Attempt)
		if e.ID == bad.ID {
			return fmt.Errorf("billing: %w", &conformanceError{"no such tenant"})
		}
		return nil
	})
	c.done()
	want := []string{bad.ID + " 1", bad.ID + " 2", bad.ID + " 3", bad.ID + " 4", after.ID + " 1"}
	if got := seen.all(); !slices.Equal(got, want) {
		c.Errorf("handled %v, want %v", got, want)
	}
	letters := c.letters()
	if len(letters) != 1 {
		c.Fatalf("%d letters, want 1", len(letters))
	}
	l := letters[0]
	if string(l.Record.Key) != "a" || l.Record.Partition != kafka.PartitionFor([]byte("a"), Partitions) || !bytes.Equal(l.Record.Value, value) ||
		l.Record.Timestamp.Before(began) || string(l.Record.Header("x-foreign")) != "kept" {
		c.Errorf("the letter's record is %+v", l.Record)
	}
	if l.Event.ID != bad.ID || l.Attempts != 4 || l.Group != c.group || l.Class != "*eventbustest.conformanceError" || !strings.Contains(l.Error, "no such tenant") ||
		l.Origin.Topic != c.topic || l.Origin.Partition != l.Record.Partition || l.Origin.Offset != 0 || l.Failure == "" {
		c.Errorf("the letter is %+v", l)
	}
	for _, h := range l.Record.Headers {
		if h.Value == nil {
			c.Errorf("header %s of the letter is null", h.Name)
		}
	}
}

type conformanceError struct{ text string }

func (e *conformanceError) Error() string { return e.text }

func (c *check) permanent() {
	bad := c.event("a")
	c.produce(bad)
	var seen log
	c.subscribe(c.bus, func(_ context.Context, e events.Event, _ eventbus.Record) error {
		seen.add("%s", e.ID)
		return eventbus.Permanent(errors.New("never"))
	})
	c.done()
	if got := seen.all(); len(got) != 1 {
		c.Errorf("tried %d times", len(got))
	}
	if l := c.letters(); len(l) != 1 || l[0].Attempts != 1 {
		c.Errorf("letters %+v", l)
	}
}

func (c *check) noEvents() {
	major := strings.Replace(string(c.event("a").Encode()), `"dataVersion":"1.0"`, `"dataVersion":"9.0"`, 1)
	c.write(c.topic,
		kafka.Record{Key: []byte("a"), Value: []byte("{no json")},
		kafka.Record{Key: []byte("a")},
		kafka.Record{Key: []byte("a"), Value: []byte{}},
		kafka.Record{Key: []byte("a"), Value: []byte(major)},
		kafka.Record{Value: []byte("no key")},
		kafka.Record{Key: []byte("a"), Value: c.event("a").Encode()})
	var seen log
	c.subscribe(c.bus, func(_ context.Context, e events.Event, _ eventbus.Record) error {
		seen.add("%s", e.ID)
		return nil
	})
	c.done()
	if got := seen.all(); len(got) != 1 {
		c.Errorf("%d events handled, want 1", len(got))
	}
	classes := map[string]int{}
	for _, l := range c.letters() {
		classes[l.Class]++
		if l.Failure == "" {
			c.Errorf("a letter of class %s has no fingerprint", l.Class)
		}
	}
	if len(classes) != 3 || classes[eventbus.ClassUndecodable] != 3 || classes[eventbus.ClassTombstone] != 1 || classes[eventbus.ClassUnknownMajor] != 1 {
		c.Errorf("classes of letters: %v", classes)
	}
}

func (c *check) unknownType() {
	e := c.event("a")
	e.Type = "order.placed"
	c.produce(e)
	var seen log
	c.subscribe(c.bus, func(_ context.Context, got events.Event, _ eventbus.Record) error {
		seen.add("%s %s", got.Type, got.Data)
		return nil
	})
	c.done()
	if got := seen.all(); len(got) != 1 || got[0] != "order.placed "+string(e.Data) {
		c.Errorf("handled %v", got)
	}
}

func (c *check) large() {
	e := c.event("a")
	e.Type = "order.placed"
	e.Data = []byte(`{"text":"` + strings.Repeat("x", 900<<10) + `"}`)
	c.produce(e)
	var seen log
	c.subscribe(c.bus, func(_ context.Context, got events.Event, _ eventbus.Record) error {
		seen.add("%d", len(got.Data))
		return nil
	})
	c.done()
	if got := seen.all(); len(got) != 1 || got[0] != fmt.Sprint(len(e.Data)) {
		c.Errorf("handled %v", got)
	}
	// One that the topic does not take is refused, not tried for ever.
	e.Data = []byte(`{"text":"` + strings.Repeat("x", 3<<20) + `"}`)
	if err := c.bus.Produce(c.Context(), c.topic, e); err != nil && !errors.Is(err, eventbus.ErrTooLarge) {
		c.Errorf("an event of 3 MiB: %v", err)
	}
}

func (c *check) oneHandlerAKey() {
	const keys, each = 10, 60
	for i := range each {
		list := make([]events.Event, keys)
		for k := range list {
			list[k] = c.event(fmt.Sprintf("tenant-%d", k))
			list[k].UserID = fmt.Sprintf("%04d", i)
		}
		c.produce(list...)
	}
	var mu sync.Mutex
	busy, last, most := map[string]bool{}, map[string]string{}, 0
	c.subscribe(c.bus, func(ctx context.Context, e events.Event, r eventbus.Record) error {
		key := string(r.Key)
		mu.Lock()
		if busy[key] {
			c.Errorf("key %s is handled twice at once", key)
		}
		busy[key] = true
		most = max(most, len(busy))
		if e.UserID < last[key] {
			c.Errorf("key %s: %s after %s", key, e.UserID, last[key])
		}
		last[key] = e.UserID
		mu.Unlock()
		pause(ctx, time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		delete(busy, key)
		if r.Attempt == 1 && e.UserID[3] == '7' {
			return errors.New("again")
		}
		return nil
	})
	c.done()
	if most < 2 {
		c.Errorf("%d keys were handled at once", most)
	}
	for k := range keys {
		if got := last[fmt.Sprintf("tenant-%d", k)]; got != fmt.Sprintf("%04d", each-1) {
			c.Errorf("key %d ends with %s", k, got)
		}
	}
}

// pause is a handler's work.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
