package eventbus

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// Handler does a service's work for one event. nil means done; an error means
// the event is tried again, see [Subscription.Retries], and then becomes a
// dead letter. [Permanent], [Unavailable] and [ErrSkip] say otherwise. A panic, also
// one of the error's own methods, is an error of [ClassPanic], and so is an end of the
// goroutine, as by testing.T.FailNow.
//
// The context ends at the handler's timeout and when the partition has to be
// given up. It carries the event's correlation, which Produce takes over. An
// event of a type that the catalogue does not know arrives like any other,
// with its raw data.
type Handler func(ctx context.Context, e events.Event, r Record) error

// RecordHandler is a Handler for topics that hold anything but events.
type RecordHandler func(ctx context.Context, r Record) error

// Delivery is one event of a batch.
type Delivery struct {
	Event  events.Event
	Record Record
}

// BatchHandler does the work for consecutive events of one partition at once:
// all of it or, with an error, nothing. A batch that failed for good is handled
// again one by one, so that only what is bad becomes a dead letter.
type BatchHandler func(ctx context.Context, batch []Delivery) error

// Middleware wraps a Handler.
type Middleware func(Handler) Handler

// Ordering says which records wait for each other.
type Ordering int

const (
	// ByKey handles records of one key in their order and different keys at
	// once. Records without a key have no order.
	ByKey Ordering = iota
	// ByPartition handles the records of a partition one after the other.
	ByPartition
	// Unordered handles any records at once.
	Unordered
)

// Exhausted says what becomes of a record that failed for good.
type Exhausted int

const (
	// DeadLetter writes it to the dead letter topic and goes on.
	DeadLetter Exhausted = iota
	// ParkKey does that, and sends later records of its key there as well, in
	// their order and untried, until [Bus.Release].
	ParkKey
	// Halt ends the subscription before the record; see [Subscription.Ended].
	Halt
)

// Stuck says what becomes of a handler that outlives [Subscription.HandlerTimeout]
// although its context ended.
type Stuck int

const (
	// Cancel gives the call up: its record becomes a dead letter, and its
	// key goes on. The call's result no longer counts, but its goroutine, and
	// whatever it still does, lasts until it returns.
	Cancel Stuck = iota
	// LeaveGroup ends the subscription, so that other members get the
	// partitions; see [Subscription.Ended].
	LeaveGroup
)

// UnknownMajor says what becomes of an event whose type is known but not its
// major version.
type UnknownMajor int

const (
	// DeadLetterUnknownMajor makes it a dead letter at once.
	DeadLetterUnknownMajor UnknownMajor = iota
	// HaltUnknownMajor ends the subscription before it.
	HaltUnknownMajor
)

// Tombstone says what becomes of a record with a null value.
type Tombstone int

const (
	// DeadLetterTombstone makes it a dead letter at once.
	DeadLetterTombstone Tombstone = iota
	// DeliverTombstone hands it to the handler, with an empty Event.
	DeliverTombstone
)

// Rebalance says how members of a group share partitions out.
type Rebalance int

const (
	// RebalanceEither offers cooperative-sticky and range, so that a member
	// fits into groups of either kind, as a rolling change from one to the other
	// needs. Every rebalance stops all members of the group for a moment.
	RebalanceEither Rebalance = iota
	// RebalanceCooperative offers cooperative-sticky alone (KIP-429): a
	// rebalance touches only the partitions that move. All members must offer it.
	RebalanceCooperative
)

// Subscription says how to consume. Its zero value, but for Group, is what the
// services' contract asks for.
type Subscription struct {
	// Group is the consumer group: <service>-<purpose>-consumer.
	Group string
	// FromBeginning starts at the log's start instead of its end in partitions
	// where the group has no committed offset, and only there. A group that retention
	// has overtaken goes on at the log's start either way. So does one in partitions
	// that the topic gets after the group came to it, in a topic that is made again
	// while it is subscribed, and in its own retry topic: it finds them within half a
	// minute.
	FromBeginning bool
	// Ordering is ByKey by default.
	Ordering Ordering
	// Concurrency is how many handlers run at once; default 64.
	Concurrency int
	// Retries are the waits before each further try; default 200, 400 and
	// 800 ms. An empty, non-nil slice means one try only.
	Retries []time.Duration
	// Jitter adds up to this part of each wait at random; default 0.
	Jitter float64
	// HandlerTimeout bounds one call of the handler; default 60 s.
	HandlerTimeout time.Duration
	// OnStuck, OnExhausted, OnUnknownMajor and OnTombstone say what becomes of
	// what cannot be handled.
	OnStuck        Stuck
	OnExhausted    Exhausted
	OnUnknownMajor UnknownMajor
	OnTombstone    Tombstone
	// MaxInFlight and MaxBytes bound the records of a partition that wait, run
	// or are being retried; default 10,000 and 64 MiB, or the partition's share of
	// [Options.MaxBytes] where that is less.
	MaxInFlight int
	MaxBytes    int64
	// MaxSpan bounds how far behind the newest record received the committed
	// offset may be, in records of a partition; default 100,000. So many may
	// be handled twice after a crash.
	MaxSpan int
	// DoneBits keeps in the committed offset's metadata which of the records
	// after it are done, so that fewer are handled twice after a crash.
	DoneBits bool
	// DrainTimeout is how long running handlers may go on when a partition is
	// taken away or the subscription stops; default 30 s, at most half of the
	// group's rebalance timeout (60 s).
	DrainTimeout time.Duration
	// BatchSize bounds a batch of [Bus.SubscribeBatch]; default 100.
	BatchSize int
	// Rebalance is RebalanceEither by default.
	Rebalance Rebalance
	// InstanceID makes the membership static (KIP-345): a member that comes
	// back under it within the session timeout keeps its partitions.
	InstanceID string
	// SessionTimeout is how long the group waits for a sign of life before it
	// gives a member's partitions to others; default 30 s. Brokers take 6 s to
	// 30 min, unless they are set otherwise.
	SessionTimeout time.Duration
	// Breaker says when handlers are held back because what they depend on is
	// down.
	Breaker BreakerOptions
	// Middleware wraps the handler, the first one outermost.
	Middleware []Middleware
	// Ended, when set, is called once if the subscription ends by itself:
	// [ErrHalted], [ErrStuck], or an error of the cluster that trying again
	// does not cure. It is not called where stop or Close came first, and may call
	// them.
	Ended func(error)
}

// BreakerOptions say when a dependency counts as down. While it does, fetching
// pauses and no handler is called, no try counts and nothing is dead-lettered.
type BreakerOptions struct {
	// Off leaves the breaker out.
	Off bool
	// Failures is how many records have to fail in a row, none succeeding
	// between, for the breaker to open; default 5.
	Failures int
	// Pause is how long it stays open before it lets Probes records through to
	// see; default 5 s and 1.
	Pause  time.Duration
	Probes int
	// Counts tells the errors that speak of a dependency rather than of the
	// event. The default takes [Unavailable], timeouts and errors of
	// connections. Permanent errors, and those of calls whose context ended or
	// whose time was up, never count. The subscription waits for Counts, which
	// should only look at the error; where it panics, the default is asked.
	Counts func(error) bool
}

var (
	groupPattern   = regexp.MustCompile(`^[a-z0-9-]+-consumer$`)
	servicePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
)

func serviceName(s string) bool { return servicePattern.MatchString(s) }

// checkGroup holds a group's name to the rule <service>-<purpose>-consumer.
func (b *Bus) checkGroup(group string) error {
	switch {
	case group == "":
		return fmt.Errorf("no group given: want %s-<purpose>-consumer: %w", b.service, ErrGroupName)
	case b.opts.AllowAnyGroup:
		return nil
	case !groupPattern.MatchString(group) || !strings.HasPrefix(group, b.service+"-"):
		return fmt.Errorf("group %q: want %s-<purpose>-consumer in lower case letters, digits and dashes: %w", group, b.service, ErrGroupName)
	}
	return nil
}

// withDefaults fills in what was left out.
func (o Subscription) withDefaults() Subscription {
	o.Concurrency = or(o.Concurrency, 64)
	if o.Retries == nil {
		o.Retries = []time.Duration{200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond}
	}
	o.HandlerTimeout = or(o.HandlerTimeout, time.Minute)
	o.MaxInFlight = or(o.MaxInFlight, 10_000)
	o.MaxBytes = or(o.MaxBytes, 64<<20)
	o.MaxSpan = max(or(o.MaxSpan, 100_000), o.MaxInFlight)
	o.DrainTimeout = min(or(o.DrainTimeout, 30*time.Second), rebalanceTimeout/2)
	o.BatchSize = or(o.BatchSize, 100)
	o.SessionTimeout = or(o.SessionTimeout, 30*time.Second)
	o.Breaker.Failures = or(o.Breaker.Failures, 5)
	o.Breaker.Pause = or(o.Breaker.Pause, 5*time.Second)
	o.Breaker.Probes = or(o.Breaker.Probes, 1)
	return o
}

// or is v, or the default where v is not set.
func or[T int | int64 | time.Duration](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}

// rebalanceTimeout is how long a group waits for a member to let go of
// partitions; Java's default for max.poll.interval.ms is five times this.
const rebalanceTimeout = time.Minute
