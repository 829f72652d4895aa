package eventbus

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// meters are the metrics of messaging clients by OpenTelemetry's conventions;
// nil keeps none.
type meters struct {
	life       context.Context // measurements of handlers belong to no trace
	operations metric.Float64Histogram
	sentEvents metric.Int64Counter
	consumed   metric.Int64Counter
	process    metric.Float64Histogram
}

func newMeters(life context.Context, p metric.MeterProvider) (*meters, error) {
	meter := p.Meter(scope)
	m := meters{life: life}
	var errs [4]error
	m.operations, errs[0] = meter.Float64Histogram("messaging.client.operation.duration", metric.WithUnit("s"), metric.WithDescription("Time of a call that sends."))
	m.sentEvents, errs[1] = meter.Int64Counter("messaging.client.sent.messages", metric.WithUnit("{message}"), metric.WithDescription("Events that were to be sent."))
	m.consumed, errs[2] = meter.Int64Counter("messaging.client.consumed.messages", metric.WithUnit("{message}"), metric.WithDescription("Events that a handler was called with."))
	m.process, errs[3] = meter.Float64Histogram("messaging.process.duration", metric.WithUnit("s"), metric.WithDescription("Time of a call of a handler."))
	return &m, errors.Join(errs[:]...)
}

func (m *meters) handled(s source, n int, how outcome, took time.Duration) {
	if m == nil {
		return
	}
	attrs := append(operation("process", s.topic), attribute.String("messaging.consumer.group.name", s.group))
	if how != outcomeDone && how != outcomeSkipped {
		attrs = append(attrs, attribute.String("error.type", how.String()))
	}
	set := metric.WithAttributes(attrs...)
	m.consumed.Add(m.life, int64(n), set)
	if took >= 0 {
		m.process.Record(m.life, took.Seconds(), set)
	}
}

func (m *meters) sent(ctx context.Context, topic string, n, failed int, took time.Duration) {
	if m == nil {
		return
	}
	attrs := operation("send", topic)
	if failed > 0 {
		m.sentEvents.Add(ctx, int64(failed), metric.WithAttributes(append(attrs, attribute.String("error.type", "failed"))...))
	}
	if n > failed {
		m.sentEvents.Add(ctx, int64(n-failed), metric.WithAttributes(attrs...))
	}
	m.operations.Record(ctx, took.Seconds(), metric.WithAttributes(attrs...))
}
