package topics

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/request"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Difference is one way in which a topic is not what was asked for.
type Difference struct {
	Field string `json:"field"` // partitions, replication, or the name of a setting
	Have  string `json:"have"`
	Want  string `json:"want"`
	// Deleted tells that a setting is taken off the topic, so that the broker's default counts.
	Deleted bool `json:"deleted,omitempty"`
}

// String is the difference as a change: "retention.ms: 1000 → 2000".
func (d Difference) String() string {
	want := quoteEmpty(d.Want)
	if d.Deleted {
		want = "the broker's default"
	}
	return d.Field + ": " + quoteEmpty(d.Have) + " → " + want
}

func joinDifferences(list []Difference) string {
	texts := make([]string, len(list))
	for i, d := range list {
		texts[i] = fmt.Sprintf("%s is %s, not %s", d.Field, quoteEmpty(d.Have), quoteEmpty(d.Want))
	}
	return strings.Join(texts, "; ")
}

func quoteEmpty(s string) string {
	if s == "" {
		return `""`
	}
	return s
}

// state is a topic as the cluster has it.
type state struct {
	ID          string
	Partitions  int32
	Replication int16
	Config      map[string]Entry
}

// differences compares the topic with what spec asks for; what spec leaves
// open cannot differ.
func (s state) differences(spec Spec) []Difference {
	var list []Difference
	if spec.Partitions > 0 && spec.Partitions != s.Partitions {
		list = append(list, Difference{Field: "partitions", Have: strconv.Itoa(int(s.Partitions)), Want: strconv.Itoa(int(spec.Partitions))})
	}
	if spec.Replication > 0 && spec.Replication != s.Replication {
		list = append(list, Difference{Field: "replication", Have: strconv.Itoa(int(s.Replication)), Want: strconv.Itoa(int(spec.Replication))})
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Config)) {
		if have := s.Config[name].Value; !sameValue(name, have, spec.Config[name]) {
			list = append(list, Difference{Field: name, Have: have, Want: spec.Config[name]})
		}
	}
	return list
}

// states reads topics; those that do not exist are missing from the map.
func (a *Admin) states(ctx context.Context, names []string) (map[string]state, error) {
	if len(names) == 0 {
		return map[string]state{}, nil
	}
	meta, err := a.client.Metadata(ctx, names)
	if err != nil {
		return nil, err
	}
	found := make(map[string]state, len(names))
	var there []string
	for _, t := range meta.Topics {
		switch {
		case errors.Is(t.Err, kafka.ErrUnknownTopic):
		case t.Err != nil && len(t.Partitions) == 0:
			return nil, fmt.Errorf("%s: %w", t.Name, t.Err)
		default:
			found[t.Name] = state{ID: t.ID, Partitions: int32(len(t.Partitions)), Replication: replication(t)}
			there = append(there, t.Name)
		}
	}
	configs, err := a.configs(ctx, there)
	if err != nil {
		return nil, err
	}
	for name, entries := range configs {
		s := found[name]
		s.Config = entries
		found[name] = s
	}
	return found, nil
}

// replication is the number of replicas of the first partition.
func replication(t kafka.TopicMetadata) int16 {
	if len(t.Partitions) == 0 {
		return 0
	}
	return int16(len(t.Partitions[0].Replicas))
}

// Source tells where the value of a setting comes from.
type Source string

// The sources, the strongest first.
const (
	SourceTopic          Source = "topic"           // set on the topic itself
	SourceBroker         Source = "broker"          // set on one broker while it runs
	SourceClusterDefault Source = "cluster default" // set for all brokers while they run
	SourceBrokerFile     Source = "broker file"     // the broker's own server.properties
	SourceDefault        Source = "default"         // Kafka's
	SourceUnknown        Source = "unknown"
)

func sourceOf(e *sarama.ConfigEntry) Source {
	switch e.Source {
	case sarama.SourceTopic:
		return SourceTopic
	case sarama.SourceDynamicBroker:
		return SourceBroker
	case sarama.SourceDynamicDefaultBroker:
		return SourceClusterDefault
	case sarama.SourceStaticBroker:
		return SourceBrokerFile
	case sarama.SourceDefault:
		return SourceDefault
	}
	if e.Default {
		return SourceDefault
	}
	return SourceUnknown
}

// Entry is one setting of a topic as a broker tells it. Value is empty when
// the broker holds it back as Sensitive.
type Entry struct {
	Name      string `json:"name"`
	Value     string `json:"value"`
	Source    Source `json:"source"`
	Sensitive bool   `json:"sensitive,omitempty"`
	ReadOnly  bool   `json:"read_only,omitempty"`
}

// configs reads all settings of the topics, in one request for each hundred.
func (a *Admin) configs(ctx context.Context, names []string) (map[string]map[string]Entry, error) {
	all := make(map[string]map[string]Entry, len(names))
	for some := range slices.Chunk(names, 100) {
		req := &sarama.DescribeConfigsRequest{Version: 4}
		for _, name := range some {
			req.Resources = append(req.Resources, &sarama.ConfigResource{Type: sarama.TopicResource, Name: name})
		}
		res, err := request.ToAny(ctx, a.client, func(b *sarama.Broker) (*sarama.DescribeConfigsResponse, error) { return b.DescribeConfigs(req) })
		if err != nil {
			return nil, fmt.Errorf("reading topic settings: %w", err)
		}
		for _, r := range res.Resources {
			if r.ErrorCode != 0 {
				return nil, fmt.Errorf("%s: reading its settings: %w", r.Name, kafka.NewBrokerError(r.ErrorCode, r.ErrorMsg))
			}
			entries := make(map[string]Entry, len(r.Configs))
			for _, e := range r.Configs {
				entries[e.Name] = Entry{Name: e.Name, Value: e.Value, Source: sourceOf(e), Sensitive: e.Sensitive, ReadOnly: e.ReadOnly}
			}
			all[r.Name] = entries
		}
	}
	return all, nil
}
