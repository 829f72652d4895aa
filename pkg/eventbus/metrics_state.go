package eventbus

import "github.com/prometheus/client_golang/prometheus"

// busState is what gauges show, as it is at a scrape.
type busState struct {
	produceBreaker string
	groups         []GroupState
}

// stateCollector reads gauges off the subscriptions when they are asked for, so
// that consuming pays nothing for them.
type stateCollector struct {
	states func() busState
	gauges []stateGauge

	produceBreaker *prometheus.Desc
}

type stateGauge struct {
	desc  *prometheus.Desc
	value func(GroupState) float64
}

func newStateCollector(states func() busState) *stateCollector {
	c := &stateCollector{states: states}
	c.produceBreaker = prometheus.NewDesc("eventbus_produce_breaker_state", "The breaker of producing: 0 closed, 1 half-open, 2 open.", nil, nil)
	gauge := func(name, help string, value func(GroupState) float64) {
		c.gauges = append(c.gauges, stateGauge{prometheus.NewDesc(name, help, []string{"topic", "group"}, nil), value})
	}
	gauge("eventbus_inflight", "Records that wait, run or are being retried.", func(g GroupState) float64 { return float64(g.InFlight) })
	gauge("eventbus_lane_waiting", "Keys that wait for a retry or a dead letter.", func(g GroupState) float64 { return float64(g.Waiting) })
	gauge("eventbus_consumer_lag", "Records of this member's partitions that were written and are not done.", func(g GroupState) float64 { return float64(g.Lag) })
	gauge("eventbus_breaker_state", "The breaker of handlers: 0 closed, 1 half-open, 2 open.", func(g GroupState) float64 { return breakerValue(g.Breaker) })
	gauge("eventbus_assigned_partitions", "Partitions that this member has.", func(g GroupState) float64 { return float64(g.Assigned) })
	gauge("eventbus_paused_partitions", "Partitions that are not fetched from for the moment.", func(g GroupState) float64 { return float64(g.Paused) })
	gauge("eventbus_oldest_inflight_seconds", "For how long the longest running handler has been running.", func(g GroupState) float64 { return g.OldestInFlight.Seconds() })
	gauge("eventbus_stuck_handlers", "Handlers that run beyond their timeout.", func(g GroupState) float64 { return float64(g.Stuck) })
	gauge("eventbus_abandoned_handlers", "Handlers that were given up and have not returned.", func(g GroupState) float64 { return float64(g.Abandoned) })
	gauge("eventbus_dlq_waiting_keys", "Keys that wait because their dead letter cannot be written.", func(g GroupState) float64 { return float64(g.LettersFailing) })
	return c
}

// Describe implements prometheus.Collector.
func (c *stateCollector) Describe(out chan<- *prometheus.Desc) {
	out <- c.produceBreaker
	for _, g := range c.gauges {
		out <- g.desc
	}
}

// Collect implements prometheus.Collector.
func (c *stateCollector) Collect(out chan<- prometheus.Metric) {
	state := c.states()
	out <- prometheus.MustNewConstMetric(c.produceBreaker, prometheus.GaugeValue, breakerValue(state.produceBreaker))
	// Subscriptions of one group to one topic share their labels.
	type labels struct{ topic, group string }
	values := map[labels][]float64{}
	var order []labels
	for _, s := range state.groups {
		at := labels{s.Topic, s.Group}
		if values[at] == nil {
			values[at] = make([]float64, len(c.gauges))
			order = append(order, at)
		}
		for i, g := range c.gauges {
			values[at][i] += g.value(s)
		}
	}
	for _, at := range order {
		for i, g := range c.gauges {
			out <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, values[at][i], at.topic, at.group)
		}
	}
}

func breakerValue(state string) float64 {
	switch state {
	case "half-open":
		return 1
	case "open":
		return 2
	}
	return 0
}
