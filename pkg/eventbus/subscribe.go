package eventbus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// subscription is one membership of a consumer group. It implements
// sarama.ConsumerGroupHandler.
type subscription struct {
	bus   *Bus
	opts  Subscription
	topic string
	// deadLetters is the topic that letters go to.
	deadLetters string
	obs         *observer
	timed       bool
	epoch       time.Time

	// invoke calls the handler for one record, invokeBatch, where it is set,
	// for several.
	invoke      func(w *worker, m *sarama.ConsumerMessage) verdict
	invokeBatch batchFunc

	send     func(ctx context.Context, records []outgoing) []error
	sizes    func(ctx context.Context, topic string) (int32, error)
	fetching fetching
	// committed gives what the group has committed for partitions of a topic.
	committed func(ctx context.Context, topic string, partitions []int32) (map[int32]committedOffset, error)
	// nextRecords tells where there may be a record to handle from offsets on.
	nextRecords func(ctx context.Context, from map[kafka.TopicPartition]int64) map[kafka.TopicPartition]int64

	base   context.Context // of handlers
	cancel context.CancelCauseFunc
	nudged chan struct{}

	stopping                      sync.Once
	stopped                       chan struct{} // closed when it is to end
	hurried                       chan struct{} // closed when nothing may take any longer
	lastMoment                    time.Time     // that stop waits then; set before hurried is closed
	hurry                         sync.Once
	finished                      chan struct{} // closed when it has ended
	background, committing, exits sync.WaitGroup

	stopCommits context.CancelFunc
	commitNow   chan struct{}
	lettersDue  chan struct{}

	holding atomic.Bool // the breaker is not closed

	mu sync.Mutex
	scheduler
	claims    map[*claim]struct{}
	arrivals  map[string]arrival // by topic
	breaker   *breaker
	letters   []*dead
	seen      int64 // settled, when the clock last looked
	fresh     int   // records done since the last commit
	commitDue bool
	abandoned int
	phase     string
	lastErr   error
	endErr    error
	closing   bool
}

// fetching is what a claim asks of the protocol client: the model test has one
// of its own.
type fetching interface {
	Pause(partitions map[string][]int32)
	Resume(partitions map[string][]int32)
}

// The phases of a subscription, as GroupState shows them.
const (
	phaseJoining  = "joining"
	phaseRunning  = "running"
	phaseStopping = "stopping"
	phaseEnded    = "ended"
)

// Subscribe handles the events of a topic as a member of a consumer group,
// beside the group's own retry topic, <topic>.retry.<group>, where there is
// one. It returns once the group is being joined; whether it is shows in
// Health. Handlers get the values of ctx.
//
// The subscription lasts until stop is called, ctx ends, or the Bus closes:
// then running handlers may finish within DrainTimeout, and stop's context,
// offsets are committed and the group is left. stop may be called more than
// once and waits for the end each time.
//
// It reports [ErrGroupName], [ErrClosed], kafka.ErrUnknownTopic, and
// kafka.ErrNotPermitted.
func (b *Bus) Subscribe(ctx context.Context, topic string, h Handler, o Subscription) (stop func(context.Context) error, err error) {
	if h == nil || slices.ContainsFunc(o.Middleware, func(m Middleware) bool { return m == nil }) {
		return nil, errNoHandler
	}
	return b.subscribe(ctx, topic, o, func(s *subscription) { s.invoke = s.eventInvoker(s.wrapped(h)) })
}

// SubscribeRecords is [Bus.Subscribe] for a topic that holds anything: nothing
// is decoded, records with a null value are handed over too, and Middleware is
// left out.
func (b *Bus) SubscribeRecords(ctx context.Context, topic string, h RecordHandler, o Subscription) (stop func(context.Context) error, err error) {
	if h == nil {
		return nil, errNoHandler
	}
	return b.subscribe(ctx, topic, o, func(s *subscription) { s.invoke = s.recordInvoker(h) })
}

// SubscribeBatch is [Bus.Subscribe] for a handler of up to BatchSize events of
// one partition at once; Ordering is ByPartition and Middleware is left out.
func (b *Bus) SubscribeBatch(ctx context.Context, topic string, h BatchHandler, o Subscription) (stop func(context.Context) error, err error) {
	if h == nil {
		return nil, errNoHandler
	}
	o.Ordering = ByPartition
	return b.subscribe(ctx, topic, o, func(s *subscription) { s.invokeBatch = s.batchInvoker(h) })
}

// ConsumeDLQ handles the dead letters of a topic, whichever library wrote them.
// A letter that fails for good halts the subscription: letters of letters are
// not written. The default of Group is <service>-<topic>-dlq-consumer, dots of
// the topic made dashes.
func (b *Bus) ConsumeDLQ(ctx context.Context, topic string, h LetterHandler, o Subscription) (stop func(context.Context) error, err error) {
	if h == nil {
		return nil, errNoHandler
	}
	if o.Group == "" {
		o.Group = b.service + "-" + strings.ReplaceAll(topic, ".", "-") + "-dlq-consumer"
	}
	if !isDeadLetterTopic(topic) {
		topic = events.DeadLetterTopic(topic)
	}
	return b.subscribe(ctx, topic, o, func(s *subscription) { s.invoke = s.letterInvoker(h) })
}

// errNoHandler is a mistake that would make a dead letter of every record.
var errNoHandler = errors.New("the handler, or one of the middleware, is nil")

// wrapped puts the middleware around a handler.
func (s *subscription) wrapped(h Handler) Handler {
	for i := len(s.opts.Middleware) - 1; i >= 0; i-- {
		h = s.opts.Middleware[i](h)
	}
	if traced := s.obs.traced(); traced != nil {
		h = traced(h)
	}
	return h
}

func (b *Bus) subscribe(ctx context.Context, topic string, o Subscription, handler func(*subscription)) (func(context.Context) error, error) {
	if err := b.checkGroup(o.Group); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if o.OnExhausted == ParkKey && o.Ordering != ByKey {
		return nil, errors.New("parking keys needs an order by key")
	}
	if isDeadLetterTopic(topic) {
		o.OnExhausted = Halt
	}
	found, err := b.look(ctx, topic, o.Group)
	if err != nil {
		return nil, err
	}
	s := b.newSubscription(ctx, topic, o)
	s.arrive(found)
	handler(s)
	member, err := s.join(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.add(s); err != nil {
		s.cancel(nil)
		return nil, errors.Join(err, member.Close())
	}
	s.fetching = member
	s.start()
	go s.run(ctx, member)
	return s.stop, nil
}

func (b *Bus) newSubscription(ctx context.Context, topic string, o Subscription) *subscription {
	s := &subscription{
		bus: b, opts: o.withDefaults(), topic: topic, deadLetters: deadLetterTopic(topic), obs: b.obs, timed: b.obs.timed(),
		epoch: time.Now(), send: b.send, sizes: b.partitions, nextRecords: b.nextRecords,
		nudged: make(chan struct{}, 1), stopped: make(chan struct{}), hurried: make(chan struct{}), finished: make(chan struct{}),
		commitNow: make(chan struct{}, 1), lettersDue: make(chan struct{}, 1),
		claims: map[*claim]struct{}{}, arrivals: map[string]arrival{}, phase: phaseJoining,
	}
	s.committed = func(ctx context.Context, topic string, partitions []int32) (map[int32]committedOffset, error) {
		return b.committed(ctx, s.opts.Group, topic, partitions)
	}
	s.pace = 20 * quick
	s.base, s.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	s.breaker = newBreaker(o.Group+" "+topic, s.opts.Breaker, s.breakerChanged)
	return s
}

// start begins what runs beside the claims.
func (s *subscription) start() {
	s.background.Go(func() { s.tick(s.base) })
	s.background.Go(func() { s.writeLetters(s.base) })
	s.background.Go(func() { s.passMarkers(s.base) })
}

// release ends the workers and what runs beside the claims, which have ended.
func (s *subscription) release() {
	s.mu.Lock()
	s.closing = true
	for _, w := range s.idle {
		s.active++
		w.wake <- struct{}{}
	}
	s.idle = nil
	s.mu.Unlock()
	s.cancel(ErrRevoked)
	s.background.Wait()
	s.giveUpWorkers()
	s.exits.Wait()
}

// giveUpWorkers no longer waits for calls whose claims did not.
func (s *subscription) giveUpWorkers() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.workers {
		for mark := w.began.Load(); mark > 0; mark = w.began.Load() {
			if w.began.CompareAndSwap(mark, abandoned) {
				s.abandoned++
				s.exits.Done()
				break
			}
		}
	}
}

// end ends the subscription by itself.
func (s *subscription) end(err error) {
	if s.endErr == nil && s.phase != phaseStopping && s.phase != phaseEnded {
		s.endErr, s.lastErr = err, err
	}
	s.stopping.Do(func() { close(s.stopped) })
}

// stop ends the subscription and waits for it, no longer than ctx.
func (s *subscription) stop(ctx context.Context) error {
	s.mu.Lock()
	if s.phase != phaseEnded {
		s.phase = phaseStopping
	}
	s.mu.Unlock()
	s.stopping.Do(func() { close(s.stopped) })
	cut := context.AfterFunc(ctx, func() {
		s.hurry.Do(func() {
			s.lastMoment = time.Now().Add(2 * lastGrace)
			close(s.hurried)
		})
	})
	defer cut()
	select {
	case <-s.finished:
		return nil
	case <-ctx.Done():
	}
	<-s.hurried
	// Handlers' contexts have ended; they get a moment to return, once.
	timer := time.NewTimer(time.Until(s.lastMoment))
	defer timer.Stop()
	select {
	case <-s.finished:
		return nil
	case <-timer.C:
		return fmt.Errorf("group %s: %w", s.opts.Group, context.Cause(ctx))
	}
}

// joined notes that the group has this member.
func (s *subscription) joined() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == phaseJoining {
		s.phase, s.lastErr = phaseRunning, nil
	}
}
