package eventbus

import (
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// TelemetryOptions say where metrics and traces go. This package knows
// OpenTelemetry's API alone; a service that wants its traces brings the SDK.
type TelemetryOptions struct {
	// Registerer gets the Prometheus metrics, whose names begin with eventbus_.
	// nil: none are kept. Each Bus needs one of its own, such as a new
	// prometheus.Registry or a prometheus.WrapRegistererWith.
	Registerer prometheus.Registerer
	// TracerProvider makes the spans, such as otel.GetTracerProvider(); nil makes
	// none, at no cost. The trace context of a caller goes into the headers of what
	// it produces all the same.
	TracerProvider trace.TracerProvider
	// ParentSpans makes the span of a handler a child of the producer's span
	// instead of linking to it, which is the convention's default: a trace then
	// holds everything that an event caused.
	ParentSpans bool
	// MeterProvider gets OpenTelemetry's metrics of messaging clients; nil: none.
	MeterProvider metric.MeterProvider
}
