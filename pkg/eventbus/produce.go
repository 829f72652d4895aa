package eventbus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// ErrWrongTopic is an event that was to go to another topic than its type's: its
// consumers would never see it.
var ErrWrongTopic = errors.New("the type goes to another topic")

// EventError says what became of one event of a [Bus.ProduceBatch] that was not
// acknowledged. errors.Is and errors.As find its cause.
type EventError struct {
	Index int    // in the call
	ID    string // of the event
	Err   error
}

// Error names the event before the cause.
func (e *EventError) Error() string { return fmt.Sprintf("event %d (%q): %v", e.Index, e.ID, e.Err) }

// Unwrap gives the cause.
func (e *EventError) Unwrap() error { return e.Err }

// EventErrors finds every [*EventError] in an error of [Bus.ProduceBatch], by
// index, also where others wrap it.
func EventErrors(err error) map[int]*EventError {
	found := map[int]*EventError{}
	var walk func(error)
	walk = func(err error) {
		switch e := err.(type) { //nolint:errorlint // each link is looked at
		case *EventError:
			found[e.Index] = e
		case interface{ Unwrap() []error }:
			for _, one := range e.Unwrap() {
				walk(one)
			}
		case interface{ Unwrap() error }:
			walk(e.Unwrap())
		}
	}
	walk(err)
	return found
}

// Produce checks an event against its type's contract and sends it, under the
// key that the type gives it, to the partition that Java and kafkajs clients
// choose for that key. It returns nil once all in-sync replicas have the event
// (acks=all); no retry of this package writes it twice.
//
// Under a handler's context, or one of [WithParent], the event becomes a child of
// the event that is handled, as far as its causationId and correlationId are not
// set. The trace context (W3C) goes into the headers.
//
// The errors to test for are those of events.Validator.Check for an event that
// breaks the contract, [ErrWrongTopic], kafka.ErrUnknownTopic, [ErrTooLarge],
// kafka.ErrNotPermitted, [ErrBreakerOpen], [ErrClosed], and [ErrUncertain] when the
// answer did not come in time or ctx ended first. The error of ctx without
// [ErrUncertain] says that it ended before the event was sent.
func (b *Bus) Produce(ctx context.Context, topic string, event events.Event) error {
	errs := b.produce(ctx, topic, []Message{{Event: event}})
	if errs == nil {
		return nil
	}
	return fmt.Errorf("producing to %s: %w", topic, errs[0])
}

// ProduceBatch sends events as [Bus.Produce] does, in as few requests as they fit
// in, and waits for all. Events of one key are written in the order of the call.
// An event that is invalid or refused does not keep the others from being sent;
// but where the cluster fails, what follows in the same partition is not sent. The
// error joins an [*EventError] for each event that is not acknowledged, see
// [EventErrors]; nil means that all are.
func (b *Bus) ProduceBatch(ctx context.Context, topic string, list ...events.Event) error {
	messages := make([]Message, len(list))
	for i, e := range list {
		messages[i].Event = e
	}
	return b.ProduceMessages(ctx, topic, messages...)
}

// Message is an event with headers beside those that the contract gives it.
type Message struct {
	Event events.Event
	// Headers come after the contract's. A traceparent stands for that of the
	// call's context. A nil value is sent as an empty one, since kafkajs cannot
	// send null on.
	Headers []kafka.Header
	// Sequence, where it is not empty, names events of one key whose order matters
	// more than that each is sent: when one of them is invalid or refused, those of
	// the same call that come after it and are of the same sequence are not sent, and
	// get [ErrHeldBack].
	Sequence string
}

// ErrHeldBack is an event that was not sent because an earlier one of its sequence
// could not be: see [Message].
var ErrHeldBack = errors.New("an earlier event of its sequence was not sent")

// ProduceMessages is [Bus.ProduceBatch] for events with headers of their own.
func (b *Bus) ProduceMessages(ctx context.Context, topic string, list ...Message) error {
	errs := b.produce(ctx, topic, list)
	if errs == nil {
		return nil
	}
	var all []error
	for i, err := range errs {
		if err != nil {
			all = append(all, &EventError{Index: i, ID: list[i].Event.ID, Err: err})
		}
	}
	return errors.Join(all...)
}

// produce sends events of one topic. It returns nil when all are acknowledged,
// else an error for each that is not.
func (b *Bus) produce(ctx context.Context, topic string, list []Message) []error {
	if len(list) == 0 {
		return nil
	}
	ctx, finish := b.obs.producing(ctx, topic, list)
	began := time.Now()
	errs := make([]error, len(list))
	records := b.prepareAll(ctx, topic, list, errs)
	holdBack(list, errs)
	index := make([]int, 0, len(list)) // of records in list
	for i := range list {
		if errs[i] == nil {
			records[len(index)] = records[i]
			index = append(index, i)
		}
	}
	records = records[:len(index)]
	refused := ctx.Err() // a call that is over before it begins tells nothing of the cluster
	if refused == nil {
		if err := b.breaker.do(func() error { return b.ship(ctx, topic, records, index, errs) }); errors.Is(err, ErrBreakerOpen) {
			refused = ErrBreakerOpen
		}
	}
	if refused != nil {
		for _, i := range index {
			errs[i] = refused
		}
	}
	failed := false
	for i := range errs {
		failed = failed || errs[i] != nil
	}
	finish(time.Since(began), errs)
	if !failed {
		return nil
	}
	return errs
}

// holdBack keeps back what follows an event of its sequence that is not sent.
func holdBack(list []Message, errs []error) {
	var held map[string]bool
	for i := range list {
		switch sequence := list[i].Sequence; {
		case sequence == "":
		case held[sequence]:
			errs[i] = ErrHeldBack
		case errs[i] != nil:
			if held == nil {
				held = map[string]bool{}
			}
			held[sequence] = true
		}
	}
}

// ship sends what is valid, notes in errs what fails, and returns the error that
// the breaker is to judge the call by.
func (b *Bus) ship(ctx context.Context, topic string, records []outgoing, index []int, errs []error) error {
	if len(records) == 0 {
		return nil
	}
	n, err := b.partitions(ctx, topic)
	if err != nil {
		if b.life.Err() != nil {
			err = ErrClosed
		}
		for _, i := range index {
			errs[i] = err
		}
		return err
	}
	for i := range records {
		records[i].partition = kafka.PartitionFor(records[i].key, n)
	}
	parcels := parcelsOf(records)
	b.sender.send(ctx, parcels)
	var worst error
	for i, p := range parcels {
		err := p.result(ctx)
		errs[index[i]] = err
		if err == nil {
			b.lastProduce.Store(time.Now().UnixNano())
		} else if worst == nil || clusterFailure(err) {
			worst = err
		}
	}
	if errors.Is(worst, kafka.ErrUnknownTopic) {
		b.forget(topic)
	}
	return worst
}

// prepareShare is how many events are worth a goroutine of their own.
const prepareShare = 128

// prepareAll prepares each event, or notes in errs what is wrong with it. Checking a
// slice takes as long as sending it, so the processors share it.
func (b *Bus) prepareAll(ctx context.Context, topic string, list []Message, errs []error) []outgoing {
	records := make([]outgoing, len(list))
	prepare := func(from, to int) {
		for i := from; i < to; i++ {
			records[i], errs[i] = b.prepare(ctx, topic, &list[i])
		}
	}
	shares := min(runtime.GOMAXPROCS(0), len(list)/prepareShare)
	if shares < 2 {
		prepare(0, len(list))
		return records
	}
	var work sync.WaitGroup
	for i := range shares {
		work.Go(func() { prepare(i*len(list)/shares, (i+1)*len(list)/shares) })
	}
	work.Wait()
	return records
}

// prepare checks an event and makes the record that it goes out as, but for the
// partition.
func (b *Bus) prepare(ctx context.Context, topic string, m *Message) (outgoing, error) {
	e := ChildOf(ctx, m.Event)
	var r events.Record
	raw := e.Encode()
	if err := b.contract(topic).Record(raw, &r); err != nil {
		// What is wrong with the event's own members tells more than what is
		// wrong with their text.
		return outgoing{}, cmp.Or(e.Validate(), err)
	}
	if r.Topic != topic {
		return outgoing{}, fmt.Errorf("%s: %w: %s", e.Type, ErrWrongTopic, r.Topic)
	}
	out := outgoing{topic: topic, key: r.Key, value: raw, sequence: m.Sequence, headers: make([]kafka.Header, 0, len(r.Headers)+2+len(m.Headers))}
	for _, h := range r.Headers {
		out.headers = append(out.headers, kafka.Header{Name: h.Name, Value: h.Value})
	}
	traced := false
	for _, h := range m.Headers {
		if h.Value == nil {
			h.Value = []byte{}
		}
		traced = traced || strings.EqualFold(h.Name, events.HeaderTraceparent)
		out.headers = append(out.headers, h)
	}
	if !traced {
		out.headers = injectTrace(ctx, out.headers)
	}
	return out, nil
}

// contracts are the validators of what is sent.
type contracts struct {
	known *events.Validator

	mu      sync.Mutex
	anyType map[string]*events.Validator // by topic
}

// contract is the validator of events that go to a topic.
func (b *Bus) contract(topic string) *events.Validator {
	if !b.opts.Produce.AllowAnyTopic {
		return b.contracts.known
	}
	b.contracts.mu.Lock()
	defer b.contracts.mu.Unlock()
	v := b.contracts.anyType[topic]
	if v == nil {
		v = b.catalogue.Validator(events.ValidatorOptions{Topic: topic})
		b.contracts.anyType[topic] = v
	}
	return v
}
