package eventbustest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func (c *check) fromBeginning() {
	early, late, last := c.event("a"), c.event("a"), c.event("a")
	c.produce(early)
	var seen log
	handler := func(_ context.Context, e events.Event, _ eventbus.Record) error {
		seen.add("%s", e.ID)
		return nil
	}
	stop := c.subscribe(c.bus, handler, func(o *eventbus.Subscription) { o.FromBeginning = false })
	// Each partition begins at the end that it has when it is assigned.
	c.assigned(c.bus, Partitions)
	c.produce(late)
	Await(c.T, "the late event", func() bool { return slices.Contains(seen.all(), late.ID) })
	stop()
	stop = c.subscribe(c.bus, handler) // from the beginning, but there is an offset
	c.produce(last)
	Await(c.T, "the last event", func() bool { return slices.Contains(seen.all(), last.ID) })
	stop()
	if got := seen.all(); !slices.Equal(got, []string{late.ID, last.ID}) {
		c.Errorf("handled %v, want what came after the group", got)
	}
}

// assigned waits until the bus's subscription has so many partitions.
func (c *check) assigned(bus *eventbus.Bus, n int) {
	c.Helper()
	Await(c.T, "partitions", func() bool {
		groups := bus.Health(c.Context()).Details.Groups
		return len(groups) > 0 && groups[0].Assigned >= n
	})
}

func (c *check) order() {
	const keys, each = 20, 50
	var mu sync.Mutex
	last, next, handled := map[string]string{}, map[string]int{}, map[string]int{}
	handler := func(ctx context.Context, e events.Event, r eventbus.Record) error {
		pause(ctx, time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		handled[e.ID]++
		if key := string(r.Key); e.UserID > last[key] {
			// What is handled again after a rebalance may go back, not on.
			if want := fmt.Sprintf("%04d", next[key]); e.UserID != want {
				c.Errorf("key %s: %s instead of %s", key, e.UserID, want)
			}
			last[key] = e.UserID
			next[key]++
		}
		return nil
	}
	first := c.subscribe(c.bus, handler)
	c.assigned(c.bus, 1)
	var producing sync.WaitGroup
	producing.Go(func() {
		for i := range each {
			list := make([]events.Event, keys)
			for k := range list {
				list[k] = c.event(fmt.Sprintf("tenant-%d", k))
				list[k].UserID = fmt.Sprintf("%04d", i)
			}
			if err := c.bus.ProduceBatch(c.Context(), c.topic, list...); err != nil {
				c.Error(err)
			}
		}
	})
	other := c.connect()
	second := c.subscribe(other, handler)
	c.assigned(other, 1)
	first()
	producing.Wait()
	c.done()
	second()
	if len(handled) != keys*each {
		c.Errorf("%d events handled, want %d", len(handled), keys*each)
	}
	for k := range keys {
		if got := last[fmt.Sprintf("tenant-%d", k)]; got != fmt.Sprintf("%04d", each-1) {
			c.Errorf("key %d ends with %s", k, got)
		}
	}
}

func (c *check) children() {
	parent := c.event("a")
	parent.CorrelationID = "corr-1"
	child := c.event("a")
	c.produce(parent)
	found := make(chan events.Event, 1)
	c.subscribe(c.bus, func(ctx context.Context, e events.Event, _ eventbus.Record) error {
		switch e.ID {
		case parent.ID:
			return c.bus.Produce(ctx, c.topic, child)
		case child.ID:
			found <- e
		}
		return nil
	})
	select {
	case e := <-found:
		if e.CausationID != parent.ID || e.CorrelationID != "corr-1" {
			c.Errorf("the child is caused by %q in %q", e.CausationID, e.CorrelationID)
		}
	case <-time.After(patience):
		c.Fatal("the child does not arrive")
	}
}

func (c *check) forGroup() {
	mine, others := c.event("a"), c.event("a")
	c.write(c.topic,
		kafka.Record{Key: []byte("a"), Value: others.Encode(), Headers: []kafka.Header{{Name: "dlq-replay-for-group", Value: []byte("another-consumer")}}},
		kafka.Record{Key: []byte("a"), Value: mine.Encode(), Headers: []kafka.Header{{Name: "dlq-replay-for-group", Value: []byte(c.group)}}})
	var seen log
	c.subscribe(c.bus, func(_ context.Context, e events.Event, _ eventbus.Record) error {
		seen.add("%s", e.ID)
		return nil
	})
	c.done()
	if got := seen.all(); !slices.Equal(got, []string{mine.ID}) {
		c.Errorf("handled %v, want %s alone", got, mine.ID)
	}
}

func (c *check) letterForms() {
	plain, wrapped := c.event("a"), c.event("b")
	envelopes := c.connect(func(o *eventbus.Options) { o.Letters.Format = eventbus.Envelope })
	for _, form := range []struct {
		bus   *eventbus.Bus
		event events.Event
		group string
	}{{c.bus, plain, c.group}, {envelopes, wrapped, "conformance-envelope" + c.group[len(service):]}} {
		c.subscribe(form.bus, func(_ context.Context, e events.Event, _ eventbus.Record) error {
			if e.ID == form.event.ID {
				return eventbus.Permanent(errors.New("for the letter of " + form.event.ID))
			}
			return nil
		}, func(o *eventbus.Subscription) { o.Group = form.group })
	}
	c.produce(plain, wrapped)
	var seen log
	var tries atomic.Int32
	if _, err := c.bus.ConsumeDLQ(c.Context(), c.topic, func(_ context.Context, l eventbus.Letter) error {
		if tries.Add(1) == 1 {
			return errors.New("once more")
		}
		seen.add("%s|%s", l.Event.ID, l.Error)
		return nil
	}, eventbus.Subscription{FromBeginning: true, Retries: []time.Duration{time.Millisecond}}); err != nil {
		c.Fatal(err)
	}
	Await(c.T, "both letters", func() bool { return len(seen.all()) == 2 })
	got := seen.all()
	for _, e := range []events.Event{plain, wrapped} {
		if !slices.Contains(got, e.ID+"|for the letter of "+e.ID) {
			c.Errorf("letters %v", got)
		}
	}
}

func (c *check) drain() {
	var seen log
	inside, proceed := make(chan struct{}), make(chan struct{})
	list := make([]events.Event, 50)
	for i := range list {
		list[i] = c.event("a")
	}
	c.produce(list...)
	var calls atomic.Int32
	handler := func(ctx context.Context, e events.Event, _ eventbus.Record) error {
		if calls.Add(1) == 10 {
			close(inside)
			<-proceed
			if ctx.Err() != nil {
				c.Error("the context of a handler that may finish has ended")
			}
		}
		seen.add("%s", e.ID)
		return nil
	}
	stop := c.subscribe(c.bus, handler)
	<-inside
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		stop()
	}()
	Await(c.T, "the subscription to stop", func() bool {
		groups := c.bus.Health(c.Context()).Details.Groups
		return len(groups) == 1 && groups[0].State == "stopping"
	})
	close(proceed)
	<-stopped
	c.subscribe(c.bus, handler)
	c.done()
	if got := seen.all(); len(got) != len(list) || len(slices.Compact(slices.Sorted(slices.Values(got)))) != len(list) {
		c.Errorf("%d calls for %d events", len(got), len(list))
	}
}

func (c *check) health() {
	stop := c.subscribe(c.bus, func(context.Context, events.Event, eventbus.Record) error { return nil })
	c.produce(c.event("a"))
	c.done()
	Await(c.T, "all partitions", func() bool {
		h := c.bus.Health(c.Context())
		return h.Status == eventbus.StatusUp && h.Error == "" && h.Details.TopicCount > 0 && h.Details.Brokers > 0 && h.Details.LastProduceAt != nil &&
			len(h.Details.Groups) == 1 && h.Details.Groups[0].State == "running" && h.Details.Groups[0].Assigned == Partitions && h.Details.Groups[0].Group == c.group
	})
	stop()
	if h := c.bus.Health(c.Context()); h.Status != eventbus.StatusUp || len(h.Details.Groups) != 0 {
		c.Errorf("after stop: %+v", h)
	}
}

func (c *check) readCommitted() {
	conf := c.client.Wire().ProducerConfig()
	conf.Producer.Idempotent, conf.Net.MaxOpenRequests = true, 1
	conf.Producer.RequiredAcks = sarama.WaitForAll
	conf.Producer.Return.Successes, conf.Producer.Return.Errors = true, true
	conf.Producer.Partitioner = sarama.NewManualPartitioner
	conf.Producer.Transaction.ID = c.group
	aborted, committed := c.event("a"), c.event("a")
	err := c.client.Do(c.Context(), func() error {
		producer, err := sarama.NewSyncProducer(c.client.Bootstrap(), conf)
		if err != nil {
			return err
		}
		defer producer.Close()
		for _, step := range []struct {
			event events.Event
			end   func() error
		}{{aborted, producer.AbortTxn}, {committed, producer.CommitTxn}} {
			if err := producer.BeginTxn(); err != nil {
				return err
			}
			if _, _, err := producer.SendMessage(message(c.topic, Partitions, kafka.Record{Key: []byte("a"), Value: step.event.Encode()})); err != nil {
				return err
			}
			if err := step.end(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		c.Fatal(err)
	}
	var seen log
	c.subscribe(c.bus, func(_ context.Context, e events.Event, _ eventbus.Record) error {
		seen.add("%s", e.ID)
		return nil
	})
	Await(c.T, "the committed event", func() bool { return slices.Contains(seen.all(), committed.ID) })
	if slices.Contains(seen.all(), aborted.ID) {
		c.Error("the event of an aborted transaction was handled")
	}
}
