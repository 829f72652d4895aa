package eventbus

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// otherType stands for types that the catalogue does not know: whoever writes
// to a topic must not be able to make up labels.
const otherType = "other"

// metrics are a Bus's Prometheus metrics. Their labels are topics, groups,
// partitions, types of the catalogue, classes of errors, and results; never an
// id of a tenant, a user or an event.
type metrics struct {
	produced       *prometheus.CounterVec
	produceTime    *prometheus.HistogramVec
	consumed       *prometheus.CounterVec
	handlerTime    *prometheus.HistogramVec
	retries        *prometheus.CounterVec
	letters        *prometheus.CounterVec
	letterFailures *prometheus.CounterVec
	stuck          *prometheus.CounterVec
	rebalances     *prometheus.CounterVec
	overtaken      *prometheus.CounterVec
	invalid        *prometheus.CounterVec
	committed      *prometheus.GaugeVec

	registerer prometheus.Registerer
	all        []prometheus.Collector
	types      map[string]bool
}

// newMetrics registers the metrics of a Bus; states is asked at each scrape.
func newMetrics(r prometheus.Registerer, catalogue *events.Catalogue, states func() busState) (*metrics, error) {
	m := &metrics{registerer: r, types: map[string]bool{}}
	for _, t := range catalogue.Types() {
		m.types[t.Name] = true
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		m.all = append(m.all, v)
		return v
	}
	histogram := func(name, help string, from float64, labels ...string) *prometheus.HistogramVec {
		v := prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(from, 2.5, 14),
		}, labels)
		m.all = append(m.all, v)
		return v
	}
	m.produced = counter("eventbus_produced_total", "Events given to Produce, by result: ok, invalid, refused, failed, uncertain, canceled.", "topic", "type", "result")
	m.produceTime = histogram("eventbus_produce_duration_seconds", "Time of a call of Produce or ProduceBatch.", 0.0002, "topic")
	m.consumed = counter("eventbus_consumed_total", "Tries of events, by result: ok, retry, held, dlq, skipped, abandoned.", "topic", "group", "type", "result")
	m.handlerTime = histogram("eventbus_handler_duration_seconds", "Time of a call of a handler.", 0.0001, "topic", "group")
	m.retries = counter("eventbus_retries_total", "Tries that failed and are made again.", "topic", "group")
	m.letters = counter("eventbus_dlq_total", "Dead letters written, by the class of the error.", "topic", "group", "reason")
	m.letterFailures = counter("eventbus_dlq_failures_total", "Dead letters that could not be written at a try.", "topic", "group")
	m.stuck = counter("eventbus_stuck_handlers_total", "Handlers that were found running beyond their timeout.", "topic", "group")
	m.rebalances = counter("eventbus_rebalances_total", "Partitions that came or went.", "topic", "group", "change")
	m.overtaken = counter("eventbus_overtaken_records_total", "Offsets that were deleted from the log, as by retention, before the group came to them.", "topic", "group")
	m.invalid = counter("eventbus_schema_invalid_total", "Events that broke their contract when they were to be sent.", "type")
	m.committed = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "eventbus_committed_offset", Help: "The offset that a group has committed of a partition."}, []string{"topic", "group", "partition"})
	m.all = append(m.all, m.committed, newStateCollector(states))
	for i, c := range m.all {
		if err := r.Register(c); err != nil {
			for _, done := range m.all[:i] {
				r.Unregister(done)
			}
			return nil, fmt.Errorf("registering metrics (each Bus of a process needs a Registerer of its own): %w", err)
		}
	}
	return m, nil
}

// close takes the metrics off the registry.
func (m *metrics) close() {
	if m == nil {
		return
	}
	for _, c := range m.all {
		m.registerer.Unregister(c)
	}
}

func (m *metrics) typeLabel(name string) string {
	if m.types[name] {
		return name
	}
	return otherType
}

func (m *metrics) handled(s source, kind string, n int, how outcome, took time.Duration) {
	m.consumed.WithLabelValues(s.topic, s.group, m.typeLabel(kind), how.String()).Add(float64(n))
	if took >= 0 {
		m.handlerTime.WithLabelValues(s.topic, s.group).Observe(took.Seconds())
	}
}

func (m *metrics) commit(s source, offset int64) {
	m.committed.WithLabelValues(s.topic, s.group, strconv.Itoa(int(s.partition))).Set(float64(offset))
}

func (m *metrics) revoked(s source) {
	m.rebalances.WithLabelValues(s.topic, s.group, "revoked").Inc()
	m.committed.DeleteLabelValues(s.topic, s.group, strconv.Itoa(int(s.partition)))
}

// String is the label result of a try.
func (o outcome) String() string {
	switch o {
	case outcomeDone:
		return "ok"
	case outcomeSkipped:
		return "skipped"
	case outcomeRetry:
		return "retry"
	case outcomeHeld:
		return "held"
	case outcomeLetter:
		return "dlq"
	case outcomeAbandoned:
		return "abandoned"
	}
	return "unknown"
}

// produceResult is the label result of an event that was to be sent.
func produceResult(err error) string {
	switch {
	case err == nil:
		return "ok"
	case invalidEvent(err):
		return "invalid"
	case errors.Is(err, ErrBreakerOpen), errors.Is(err, ErrTooLarge), errors.Is(err, ErrHeldBack), errors.Is(err, kafka.ErrNotPermitted), errors.Is(err, kafka.ErrUnknownTopic):
		return "refused"
	case errors.Is(err, ErrUncertain):
		return "uncertain"
	}
	return "failed"
}

// invalidEvent tells errors of the event itself.
func invalidEvent(err error) bool {
	return errors.Is(err, events.ErrInvalid) || errors.Is(err, events.ErrUnknownType) ||
		errors.Is(err, events.ErrUnknownMajor) || errors.Is(err, ErrWrongTopic)
}
