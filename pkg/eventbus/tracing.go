package eventbus

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// scope names this package to OpenTelemetry.
const scope = "github.com/multi-tenant/manage-kafka/pkg/eventbus"

// carrier reads and writes the W3C trace context in record headers.
type carrier struct{ headers []kafka.Header }

// Get returns the last header of the name: whoever added it last knew best.
func (c *carrier) Get(name string) string {
	for i := len(c.headers) - 1; i >= 0; i-- {
		if strings.EqualFold(c.headers[i].Name, name) {
			return string(c.headers[i].Value)
		}
	}
	return ""
}

// Set adds or replaces a header.
func (c *carrier) Set(name, value string) {
	for i := range c.headers {
		if strings.EqualFold(c.headers[i].Name, name) {
			c.headers[i].Value = []byte(value)
			return
		}
	}
	c.headers = append(c.headers, kafka.Header{Name: name, Value: []byte(value)})
}

// Keys lists the headers' names.
func (c *carrier) Keys() []string {
	names := make([]string, len(c.headers))
	for i, h := range c.headers {
		names[i] = h.Name
	}
	return names
}

// injectTrace adds the trace context of ctx to the headers (W3C Trace Context);
// without one they stay as they are.
func injectTrace(ctx context.Context, headers []kafka.Header) []kafka.Header {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return headers
	}
	c := &carrier{headers}
	propagation.TraceContext{}.Inject(ctx, c)
	return c.headers
}

// Traceparent is the W3C trace context of ctx in the form of its header, to keep with
// an event that is produced later; "" without one.
func Traceparent(ctx context.Context) string {
	c := &carrier{}
	propagation.TraceContext{}.Inject(ctx, c)
	return c.Get(events.HeaderTraceparent)
}

// extractTrace reads the trace context that a record was sent in; it is not valid
// where the record has none. Of ctx nothing is taken over.
func extractTrace(ctx context.Context, headers []kafka.Header) trace.SpanContext {
	none := trace.ContextWithSpanContext(ctx, trace.SpanContext{})
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(none, &carrier{headers}))
}

// tracing makes spans by the messaging conventions of OpenTelemetry.
type tracing struct {
	tracer trace.Tracer
	// parent makes the span of a handler a child of the producer's, instead of
	// linking to it.
	parent bool
}

// sending begins the span of a call of Produce.
func (t *tracing) sending(ctx context.Context, topic string, list []Message) (context.Context, trace.Span) {
	ctx, span := t.tracer.Start(ctx, "send "+topic, trace.WithSpanKind(trace.SpanKindProducer))
	if !span.IsRecording() {
		return ctx, span
	}
	attrs := append(make([]attribute.KeyValue, 0, 8), operation("send", topic)...)
	if len(list) == 1 {
		attrs = append(attrs, message(list[0].Event)...)
	} else {
		attrs = append(attrs, attribute.Int("messaging.batch.message_count", len(list)))
	}
	span.SetAttributes(attrs...)
	return ctx, span
}

// middleware gives every call of a handler its span.
func (t *tracing) middleware(next Handler) Handler {
	return func(ctx context.Context, e events.Event, r Record) error {
		attrs := append(make([]attribute.KeyValue, 0, 12), operation("process", r.Topic)...)
		attrs = append(attrs, message(e)...)
		attrs = append(attrs,
			attribute.String("messaging.destination.partition.id", strconv.Itoa(int(r.Partition))),
			attribute.Int64("messaging.kafka.offset", r.Offset),
			attribute.String("messaging.consumer.group.name", r.Group))
		if r.Key != nil {
			attrs = append(attrs, attribute.String("messaging.kafka.message.key", string(r.Key)))
		}
		options := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(attrs...)}
		if sent := extractTrace(ctx, r.Headers); sent.IsValid() {
			if t.parent {
				ctx = trace.ContextWithRemoteSpanContext(ctx, sent)
			} else {
				options = append(options, trace.WithLinks(trace.Link{SpanContext: sent}))
			}
		}
		ctx, span := t.tracer.Start(ctx, "process "+r.Topic, options...)
		defer span.End()
		err := next(ctx, e, r)
		endSpan(span, err)
		return err
	}
}

func operation(name, topic string) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("messaging.system", "kafka"),
		attribute.String("messaging.operation.name", name),
		attribute.String("messaging.operation.type", name),
		attribute.String("messaging.destination.name", topic),
	}
}

func message(e events.Event) []attribute.KeyValue {
	attrs := []attribute.KeyValue{attribute.String("messaging.message.id", e.ID)}
	if e.CorrelationID != "" {
		attrs = append(attrs, attribute.String("messaging.message.conversation_id", e.CorrelationID))
	}
	return attrs
}

// endSpan notes how the work ended. The error's text may hold personal data, so
// its class alone is told.
func endSpan(span trace.Span, err error) {
	if err == nil || errors.Is(err, ErrSkip) {
		return
	}
	class := verdict{err: err}.classOf()
	span.SetAttributes(attribute.String("error.type", class))
	span.SetStatus(codes.Error, class)
}
