package eventbus_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/eventbus"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// lines is a log that may be written to and read at once.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// telemetryRun produces four events to a handler that fails one for good and
// another once, and gives what was observed.
type telemetryRun struct {
	registry *prometheus.Registry
	spans    []sdktrace.ReadOnlySpan
	metrics  metricdata.ResourceMetrics
	log      string
}

const (
	telemetryGroup = "tenant-service-audit-consumer"
	secret         = "s3cret-tenant-name"
)

func observe(t *testing.T, parent bool) telemetryRun {
	t.Helper()
	cluster := kafkatest.Cluster(t, kfake.SeedTopics(1, tenantTopic, tenantTopic+".dlq"))
	run := telemetryRun{registry: prometheus.NewRegistry()}
	recorder := tracetest.NewSpanRecorder()
	reader := metric.NewManualReader()
	log := &lines{}
	bus, err := eventbus.Connect(t.Context(), "tenant-service", eventbus.Options{
		Brokers: cluster.ListenAddrs(),
		Logger:  slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Telemetry: eventbus.TelemetryOptions{
			Registerer: run.registry, ParentSpans: parent,
			TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)),
			MeterProvider:  metric.NewMeterProvider(metric.WithReader(reader)),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := eventbus.Connect(t.Context(), "tenant-service", eventbus.Options{
		Brokers: cluster.ListenAddrs(), Telemetry: eventbus.TelemetryOptions{Registerer: run.registry},
	}); err == nil || !strings.Contains(err.Error(), "Registerer of its own") {
		t.Errorf("a second Bus on one registry: %v", err)
	}
	var mu sync.Mutex
	failed := map[string]int{}
	handler := func(ctx context.Context, e events.Event, r eventbus.Record) error {
		if !trace.SpanContextFromContext(ctx).IsValid() {
			t.Error("the handler's context has no span")
		}
		mu.Lock()
		defer mu.Unlock()
		failed[e.CorrelationID]++
		switch {
		case e.CorrelationID == "bad":
			return eventbus.Permanent(errors.New("no room for " + secret))
		case e.CorrelationID == "flaky" && failed["flaky"] == 1:
			return errors.New("not yet")
		}
		return nil
	}
	stop, err := bus.Subscribe(t.Context(), tenantTopic, handler, eventbus.Subscription{
		Group: telemetryGroup, FromBeginning: true, Retries: []time.Duration{time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	list := []events.Event{activated(t, secret), activated(t, "b"), activated(t, "c"), activated(t, "d")}
	list[1].CorrelationID, list[2].CorrelationID = "bad", "flaky"
	list[3].Data = json.RawMessage(`{}`)
	if err := bus.Produce(t.Context(), tenantTopic, list[0]); err != nil {
		t.Fatal(err)
	}
	if err := bus.ProduceBatch(t.Context(), tenantTopic, list[1:]...); len(eventbus.EventErrors(err)) != 1 {
		t.Fatalf("error %v", err)
	}
	kafkatest.Until(t, "all is handled", func() bool {
		return value(t, run.registry, "eventbus_consumed_total", "result", "ok") >= 2 && value(t, run.registry, "eventbus_dlq_total") >= 1
	})
	if got := value(t, run.registry, "eventbus_assigned_partitions", "group", telemetryGroup); got != 1 {
		t.Errorf("%v partitions assigned", got)
	}
	if err := stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := reader.Collect(t.Context(), &run.metrics); err != nil {
		t.Fatal(err)
	}
	expectMetrics(t, run.registry)
	if err := bus.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if families, err := run.registry.Gather(); err != nil || len(families) != 0 {
		t.Errorf("after Close %d metrics are left, %v", len(families), err)
	}
	run.spans, run.log = recorder.Ended(), log.String()
	return run
}

// value adds up the samples of a metric whose labels hold the pairs given.
func value(t *testing.T, r *prometheus.Registry, name string, pairs ...string) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			fits := true
			for i := 0; i < len(pairs); i += 2 {
				fits = fits && slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool {
					return l.GetName() == pairs[i] && l.GetValue() == pairs[i+1]
				})
			}
			if fits {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}

func expectMetrics(t *testing.T, r *prometheus.Registry) {
	t.Helper()
	for _, tc := range []struct {
		name  string
		pairs []string
		want  float64
	}{
		{"eventbus_produced_total", []string{"topic", tenantTopic, "type", "tenant.activated", "result", "ok"}, 3},
		{"eventbus_produced_total", []string{"result", "invalid"}, 1},
		{"eventbus_schema_invalid_total", []string{"type", "tenant.activated"}, 1},
		{"eventbus_produce_duration_seconds", []string{"topic", tenantTopic}, 2},
		{"eventbus_consumed_total", []string{"group", telemetryGroup, "type", "tenant.activated", "result", "ok"}, 2},
		{"eventbus_consumed_total", []string{"result", "retry"}, 1},
		{"eventbus_consumed_total", []string{"result", "dlq"}, 1},
		{"eventbus_handler_duration_seconds", []string{"topic", tenantTopic, "group", telemetryGroup}, 4},
		{"eventbus_retries_total", []string{"group", telemetryGroup}, 1},
		{"eventbus_dlq_total", []string{"topic", tenantTopic, "group", telemetryGroup, "reason", "*errors.errorString"}, 1},
		{"eventbus_rebalances_total", []string{"change", "assigned"}, 1},
		{"eventbus_rebalances_total", []string{"change", "revoked"}, 1},
		{"eventbus_produce_breaker_state", nil, 0},
	} {
		if got := value(t, r, tc.name, tc.pairs...); got != tc.want {
			t.Errorf("%s%v is %v, want %v", tc.name, tc.pairs, got, tc.want)
		}
	}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if !slices.Contains([]string{"topic", "group", "type", "result", "reason", "change", "partition"}, l.GetName()) {
					t.Errorf("%s has the label %s", f.GetName(), l.GetName())
				}
				if strings.Contains(l.GetValue(), secret) {
					t.Errorf("%s shows a tenant", f.GetName())
				}
			}
		}
	}
}

func TestTelemetry(t *testing.T) {
	t.Parallel()
	run := observe(t, false)
	var sends, processes []sdktrace.ReadOnlySpan
	for _, s := range run.spans {
		switch s.Name() {
		case "send " + tenantTopic:
			sends = append(sends, s)
		case "process " + tenantTopic:
			processes = append(processes, s)
		default:
			t.Errorf("span %s", s.Name())
		}
	}
	if len(sends) != 2 || len(processes) != 4 {
		t.Fatalf("%d spans that send, %d that process, want 2 and 4", len(sends), len(processes))
	}
	attr := func(s sdktrace.ReadOnlySpan, name attribute.Key) string {
		for _, a := range s.Attributes() {
			if a.Key == name {
				return a.Value.String()
			}
		}
		return ""
	}
	for _, s := range processes {
		if s.SpanKind() != trace.SpanKindConsumer || s.Parent().IsValid() || len(s.Links()) != 1 || !slices.ContainsFunc(sends, func(p sdktrace.ReadOnlySpan) bool {
			return p.SpanContext().SpanID() == s.Links()[0].SpanContext.SpanID()
		}) {
			t.Errorf("span %v does not link to the one that sent", s.SpanContext().SpanID())
		}
		if attr(s, "messaging.consumer.group.name") != telemetryGroup || attr(s, "messaging.destination.name") != tenantTopic ||
			attr(s, "messaging.destination.partition.id") != "0" || attr(s, "messaging.message.id") == "" || attr(s, "messaging.system") != "kafka" {
			t.Errorf("attributes %v", s.Attributes())
		}
		failed := s.Status().Code == codes.Error && attr(s, "error.type") == "*errors.errorString"
		if attr(s, "messaging.message.conversation_id") == "bad" && !failed {
			t.Errorf("the failed one has the status %+v", s.Status())
		}
		if strings.Contains(s.Status().Description, secret) {
			t.Error("a span shows the text of an error")
		}
	}
	if sends[0].SpanKind() != trace.SpanKindProducer || attr(sends[1], "messaging.batch.message_count") != "3" || sends[1].Status().Code != codes.Error {
		t.Errorf("spans that send: %v, %+v", sends[1].Attributes(), sends[1].Status())
	}
	var names []string
	for _, scope := range run.metrics.ScopeMetrics {
		for _, m := range scope.Metrics {
			names = append(names, m.Name)
		}
	}
	slices.Sort(names)
	if want := []string{"messaging.client.consumed.messages", "messaging.client.operation.duration", "messaging.client.sent.messages", "messaging.process.duration"}; !slices.Equal(names, want) {
		t.Errorf("metrics %v", names)
	}
	if strings.Contains(run.log, secret) || strings.Contains(run.log, "activatedAt\\\"") || !strings.Contains(run.log, "dead letter") {
		t.Errorf("the log holds a key or a payload, or no word of the dead letter:\n%s", run.log)
	}
}

func TestTelemetryWithParentSpans(t *testing.T) {
	t.Parallel()
	run := observe(t, true)
	traces := map[trace.TraceID]int{}
	for _, s := range run.spans {
		traces[s.SpanContext().TraceID()]++
		if s.SpanKind() == trace.SpanKindConsumer && !s.Parent().IsValid() {
			t.Error("a handler's span has no parent")
		}
	}
	if len(traces) != 2 {
		t.Errorf("%d traces, want one a call of Produce", len(traces))
	}
}
