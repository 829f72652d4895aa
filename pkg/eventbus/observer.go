package eventbus

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// outcome is how one call of a handler, or a record without one, ended.
type outcome int

const (
	outcomeDone      outcome = iota // handled
	outcomeSkipped                  // ErrSkip, or meant for another group
	outcomeRetry                    // failed, to be tried again
	outcomeHeld                     // failed for a dependency, the try does not count
	outcomeLetter                   // failed for good, the dead letter is written
	outcomeAbandoned                // did not return in time
)

// source names a subscription's partition towards the observer.
type source struct {
	group     string
	topic     string
	partition int32
}

func (s source) attrs() slog.Attr {
	return slog.Group("source", "group", s.group, "topic", s.topic, "partition", s.partition)
}

// observer hears of everything the engine does. Its methods may be called from
// any goroutine, some under the engine's lock: they are quick and never block.
type observer struct {
	log     *slog.Logger
	metrics *metrics // nil: none
	meters  *meters
	tracing *tracing // nil: none
}

func newObserver(life context.Context, opts Options, catalogue *events.Catalogue, states func() busState) (*observer, error) {
	o := &observer{log: opts.Logger}
	t := opts.Telemetry
	if t.TracerProvider != nil {
		o.tracing = &tracing{tracer: t.TracerProvider.Tracer(scope), parent: t.ParentSpans}
	}
	if t.MeterProvider != nil {
		var err error
		if o.meters, err = newMeters(life, t.MeterProvider); err != nil {
			return nil, err
		}
	}
	if t.Registerer != nil {
		var err error
		if o.metrics, err = newMetrics(t.Registerer, catalogue, states); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// timed says whether handled needs to know how long handlers took; without it,
// the engine spares the clock.
func (o *observer) timed() bool { return o.metrics != nil || o.meters != nil }

// notCalled is the time of a record that no handler was called for. A call may take no
// time at all by the clock, which ticks slowly on some systems.
const notCalled = time.Duration(-1)

// handled tells of one call of a handler, or of n records that a batch handler
// took at once; kind is the event's type, "" where there is no event.
func (o *observer) handled(s source, kind string, n int, how outcome, took time.Duration) {
	if o.metrics != nil {
		o.metrics.handled(s, kind, n, how, took)
	}
	o.meters.handled(s, n, how, took)
}

// skipped tells of a record that no handler saw.
func (o *observer) skipped(s source, offset int64, why string) {
	if o.metrics != nil {
		o.metrics.handled(s, "", 1, outcomeSkipped, notCalled)
	}
	o.log.Debug("record skipped", s.attrs(), "offset", offset, "why", why)
}

// retrying tells of a failed try; attempt counts from 1.
func (o *observer) retrying(s source, offset int64, attempt int, wait time.Duration, class string) {
	if o.metrics != nil {
		o.metrics.retries.WithLabelValues(s.topic, s.group).Inc()
	}
	o.log.Info("event failed, trying again", s.attrs(), "offset", offset, "attempt", attempt, "wait", wait, "class", class)
}

// deadLettered tells of a letter that is written.
func (o *observer) deadLettered(s source, offset int64, class string, attempts int) {
	if o.metrics != nil {
		o.metrics.letters.WithLabelValues(s.topic, s.group, class).Inc()
	}
	o.log.Warn("event became a dead letter", s.attrs(), "offset", offset, "attempts", attempts, "class", class)
}

// letterFailed tells of a letter that could not be written for now.
func (o *observer) letterFailed(s source, offset int64, err error, wait time.Duration) {
	if o.metrics != nil {
		o.metrics.letterFailures.WithLabelValues(s.topic, s.group).Inc()
	}
	o.log.Error("dead letter cannot be written; its key waits", s.attrs(), "offset", offset, "err", err, "wait", wait)
}

// parked tells of a key whose later records go to the dead letter topic untried.
func (o *observer) parked(s source, offset int64, why string) {
	o.log.Error("key is parked", s.attrs(), "offset", offset, "why", why)
}

// stuck tells of a handler that runs beyond its timeout, and whether its call
// is given up.
func (o *observer) stuck(s source, offset int64, since time.Duration, abandoned bool) {
	if o.metrics != nil {
		o.metrics.stuck.WithLabelValues(s.topic, s.group).Inc()
	}
	o.log.Error("handler is stuck", s.attrs(), "offset", offset, "since", since, "abandoned", abandoned)
}

// paused and resumed tell of a partition that is not fetched from for a while.
func (o *observer) paused(s source, why string) {
	o.log.Debug("partition paused", s.attrs(), "why", why)
}

func (o *observer) resumed(s source) { o.log.Debug("partition resumed", s.attrs()) }

// assigned and revoked tell of a partition that comes and goes; drained is
// false when handlers were cut off.
func (o *observer) assigned(s source, offset int64) {
	if o.metrics != nil {
		o.metrics.rebalances.WithLabelValues(s.topic, s.group, "assigned").Inc()
	}
	o.log.Info("partition assigned", s.attrs(), "offset", offset)
}

// overtaken hears of a group whose committed offset is not in the log any more.
func (o *observer) overtaken(s source, committed, start int64) {
	lost := max(0, start-committed)
	if o.metrics != nil {
		o.metrics.overtaken.WithLabelValues(s.topic, s.group).Add(float64(lost))
	}
	o.log.Error("the committed offset is not in the log any more, the group goes on at its start", s.attrs(), "committed", committed, "start", start, "lost", lost)
}

// remade hears of a topic that was deleted and made again.
func (o *observer) remade(group, topic, was, is string) {
	o.log.Warn("the topic was made again, the group begins at its start", "group", group, "topic", topic, "was", was, "is", is)
}

func (o *observer) revoked(s source, committed int64, drained bool, took time.Duration) {
	if o.metrics != nil {
		o.metrics.revoked(s)
	}
	o.log.Info("partition revoked", s.attrs(), "committed", committed, "drained", drained, "took", took)
}

// committed tells of offsets handed to the coordinator.
func (o *observer) committed(s source, offset int64) {
	if o.metrics != nil {
		o.metrics.commit(s, offset)
	}
}

// breaker tells of a breaker's state: closed, half-open, open.
func (o *observer) breaker(group, topic, state string) {
	o.log.Warn("breaker is "+state, "group", group, "topic", topic)
}

// ended tells of a subscription that ended by itself.
func (o *observer) ended(group, topic string, err error) {
	o.log.Error("subscription ended", "group", group, "topic", topic, "err", err)
}

// groupError tells of an error of the membership or of fetching, which is
// tried again.
func (o *observer) groupError(group, topic string, err error) {
	o.log.Warn("consumer group", "group", group, "topic", topic, "err", err)
}

// traced gives a middleware that observes each call, nil for none; it stands
// outside all others.
func (o *observer) traced() Middleware {
	if o.tracing == nil {
		return nil
	}
	return o.tracing.middleware
}

// producing begins a call of Produce or ProduceBatch; the context it gives is the
// one to send under. finish takes the errors of the events, nil for those that are
// acknowledged.
func (o *observer) producing(ctx context.Context, topic string, list []Message) (_ context.Context, finish func(took time.Duration, errs []error)) {
	if o.tracing == nil {
		return ctx, func(took time.Duration, errs []error) { o.sent(ctx, topic, list, took, errs) }
	}
	ctx, span := o.tracing.sending(ctx, topic, list)
	return ctx, func(took time.Duration, errs []error) {
		o.sent(ctx, topic, list, took, errs)
		endSpan(span, errors.Join(errs...))
		span.End()
	}
}

// sent tells of a call of Produce or ProduceBatch that ended.
func (o *observer) sent(ctx context.Context, topic string, list []Message, took time.Duration, errs []error) {
	failed := 0
	for i, err := range errs {
		if err != nil {
			failed++
			o.log.Warn("event is not produced", "topic", topic, "type", list[i].Event.Type, "event", list[i].Event.ID, "result", produceResult(err))
		}
		if o.metrics != nil {
			o.metrics.produced.WithLabelValues(topic, o.metrics.typeLabel(list[i].Event.Type), produceResult(err)).Inc()
		}
		if o.metrics != nil && invalidEvent(err) {
			o.metrics.invalid.WithLabelValues(o.metrics.typeLabel(list[i].Event.Type)).Inc()
		}
	}
	if o.metrics != nil {
		o.metrics.produceTime.WithLabelValues(topic).Observe(took.Seconds())
	}
	o.meters.sent(ctx, topic, len(list), failed, took)
}

// close takes the metrics off their registry.
func (o *observer) close() { o.metrics.close() }
