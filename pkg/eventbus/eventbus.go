// Package eventbus is the library by which services exchange the events of
// pkg/events over Kafka: produce, subscribe with retries and dead letters, and
// read dead letters.
//
//	bus, err := eventbus.Connect(ctx, "notification-service", eventbus.Options{Brokers: []string{"kafka:9092"}})
//	stop, err := bus.Subscribe(ctx, "tenant.events", handler, eventbus.Subscription{Group: "notification-service-tenant-consumer"})
//	err = bus.Close(ctx) // drains
//
// # What it promises
//
// TestModel, which lives through 10,000 histories by chance, and TestChaos on
// three real brokers hold all of it; the tests in brackets hold one promise each.
//
//   - At least once: no offset is committed past unfinished work, so a record
//     is handled, skipped on purpose, or in the dead letter topic before the
//     group moves past it (TestParallelConsumer826LossOnClose).
//   - Order by key: of the records of one key in one partition, no two are
//     handled at once, and each ends, by success or by a dead letter, before the
//     next begins, also across retries (TestCloudEvents643LossAnd642Order). A call
//     that was given up is the exception, see [Cancel].
//   - Nothing waits for another key's retries: a record that failed waits on a
//     timer, not in a worker (TestWatermill374OneInFlight, TestPoisonSpeed).
//   - Nothing is dropped when a dead letter cannot be written: its key waits,
//     its partition pauses, and Health says so until the letter is written
//     (TestDaprSilentLoss, TestDeadLetterTopicDeleted, TestDeadLetterTopicDenied).
//   - A dependency that is down costs no tries and makes no dead letters, as far
//     as its errors tell, see [BreakerOptions] (TestDependencyDown).
//   - A group that retention has overtaken skips nothing that is left: it goes on
//     at the log's start (TestGroupThatRetentionOvertook). Nor does it skip what is
//     written to partitions that the topic gets, or to a topic that is deleted and
//     made again, while it is subscribed (TestTopicThatGrows, TestTopicMadeAgain).
//   - Only committed data is read, read_committed (TestFromBeginningAndCommittedData).
//   - Duplicates come only of a crash, a lost membership or a handler that
//     outlives its deadline: at most [Subscription.MaxSpan] offsets of a
//     partition, fewer with [Subscription.DoneBits] (FuzzTracker).
//
// Not promised: order between keys, order after a topic's partition count
// changed, and order past a dead letter unless [ParkKey] is chosen. A topic that
// was made again is noticed within half a minute, on brokers since 2.8, and then
// read from its start: what was handled of it before is handled twice. After a
// rebalance the former owner of a partition may still be finishing a record that
// the new one handles too; effects happen once only where the handler makes sure
// of it, as the inbox of pkg/eventbus/pgbus does.
package eventbus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// What callers branch on.
var (
	// ErrClosed is a call on a Bus after Close.
	ErrClosed = errors.New("bus is closed")
	// ErrGroupName is a consumer group's name that breaks the naming rule.
	ErrGroupName = errors.New("group name breaks the rule")
	// ErrHalted is a subscription that ended because it may not pass a record:
	// see [Halt].
	ErrHalted = errors.New("subscription halted")
	// ErrStuck is a handler that ran for longer than its timeout. It is the
	// cause of the handler's context then.
	ErrStuck = errors.New("handler exceeds its timeout")
	// ErrRevoked is the cause of a handler's context when its partition went
	// to another member, or the bus closed, and the time to finish is over.
	ErrRevoked = errors.New("partition was given up")
)

// Options say how a service takes part; only Brokers has to be given.
type Options struct {
	// Brokers lists host:port addresses to start from.
	Brokers []string
	// Properties are client settings under Kafka's own names, such as
	// security.protocol; see pkg/kafka.
	Properties map[string]string
	// ClusterID, when set, is the only cluster that Connect accepts.
	ClusterID string
	// Timeout bounds connecting and each later request; default 10 s.
	Timeout time.Duration
	// Catalogue knows the types of events; default: the built-in ones.
	Catalogue *events.Catalogue
	// AppVersion is the service's version, as dead letters name it.
	AppVersion string
	// AllowAnyGroup lifts the rule for names of consumer groups.
	AllowAnyGroup bool
	// MaxBytes bounds the records of all subscriptions that wait, run or are being
	// retried; default 128 MiB. Each partition that the service has gets an equal
	// share, at least 1 MiB and no more than Subscription.MaxBytes. What was fetched
	// and waits for room comes on top, some MiB a partition.
	MaxBytes int64
	// Produce says how events are sent.
	Produce ProduceOptions
	// Letters says how dead letters are written.
	Letters LetterOptions
	// Telemetry says where metrics and traces go.
	Telemetry TelemetryOptions
	// Logger gets what operators need to know, never a key or a payload.
	// Default: nothing is logged.
	Logger *slog.Logger
}

// Bus is a service's connection to the events of a cluster. Its methods may be
// called at once from several goroutines. The one who connected it closes it.
type Bus struct {
	service   string
	opts      Options
	client    *kafka.Client
	catalogue *events.Catalogue
	obs       *observer
	// life ends when Close is done; what the bus does on its own account
	// happens under it.
	life        context.Context
	cancel      context.CancelCauseFunc
	topics      topicSizes
	sender      *sender
	breaker     *produceBreaker
	budget      budget
	contracts   contracts
	lookEvery   time.Duration // for new partitions, see sizesFor
	lastProduce atomic.Int64  // Unix nanoseconds of an acknowledgement; 0: none yet

	mu     sync.Mutex
	closed bool
	subs   map[*subscription]struct{}
}

// Connect reaches the cluster on behalf of the named service, which its groups
// and letters are named after. The context bounds the connecting, not the life
// of the Bus, which ends with Close.
//
// The errors are those of kafka.Open: kafka.ErrConfig, kafka.ErrUnreachable,
// kafka.ErrNotPermitted, kafka.ErrClusterMismatch.
func Connect(ctx context.Context, service string, opts Options) (*Bus, error) {
	if !serviceName(service) {
		return nil, fmt.Errorf("service %q: want lower case letters, digits and dashes", service)
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	catalogue := opts.Catalogue
	if catalogue == nil {
		var err error
		if catalogue, err = events.NewCatalogue(); err != nil {
			return nil, err
		}
	}
	life, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	client, err := kafka.Open(life, kafka.Config{
		Bootstrap: opts.Brokers, Properties: opts.Properties, ClusterID: opts.ClusterID,
		ClientID: service, Timeout: opts.Timeout,
	})
	if !stop() || err != nil {
		cancel(nil)
		if err == nil {
			err = client.Close()
		}
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, err
	}
	b := &Bus{
		service: service, opts: opts, client: client, catalogue: catalogue,
		life: life, cancel: cancel, lookEvery: sizesFor / 2, subs: map[*subscription]struct{}{},
	}
	b.budget.total, b.budget.least = or(opts.MaxBytes, 128<<20), leastShare
	if err := b.prepareToSend(); err != nil {
		cancel(nil)
		return nil, errors.Join(err, client.Close())
	}
	return b, nil
}

// Service is the name the Bus was connected under.
func (b *Bus) Service() string { return b.service }

// Close stops every subscription: running handlers may finish, within the
// subscription's DrainTimeout and ctx, offsets are committed, the groups left.
// Then it waits for what is being sent, and ends all connections. It returns
// the errors of what could not be finished; the Bus is closed all the same.
// Only the first call does anything. A handler that calls it is waited for like the
// others, until its context ends.
func (b *Bus) Close(ctx context.Context) error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	subs := make([]*subscription, 0, len(b.subs))
	for s := range b.subs {
		subs = append(subs, s)
	}
	b.mu.Unlock()
	errs := make([]error, len(subs))
	var wg sync.WaitGroup
	for i, s := range subs {
		wg.Go(func() { errs[i] = s.stop(ctx) })
	}
	wg.Wait()
	errs = append(errs, b.sender.close(ctx))
	b.cancel(ErrClosed) // which is what later calls report
	b.sender.wait()
	b.obs.close()
	return errors.Join(append(errs, b.client.Close())...)
}

// add takes a subscription in, unless the Bus is closed.
func (b *Bus) add(s *subscription) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return ErrClosed
	}
	b.subs[s] = struct{}{}
	return nil
}

// remove forgets a subscription that ended.
func (b *Bus) remove(s *subscription) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.subs, s)
}
