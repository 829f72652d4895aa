package topics

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
)

// MaxPartitions is the most partitions a topic is asked for here: far above
// what a broker bears, and below where a typing error fills its disk with
// directories.
const MaxPartitions = 100_000

// Spec says what a topic shall be.
type Spec struct {
	Name string `json:"name"`
	// Partitions from 1 to [MaxPartitions]; 0 is the broker's default, for a
	// dead letter queue as many as its source has.
	Partitions int32 `json:"partitions"`
	// Replication from 1; 0 or -1 is the broker's default.
	Replication int16 `json:"replication"`
	// Config holds settings under Kafka's names; see [Settings].
	Config map[string]string `json:"config,omitempty"`
	// DLQOf names the topic whose dead letter queue this is. Where Config has
	// no max.message.bytes, it becomes the source's and [DLQHeadroom].
	DLQOf string `json:"dlq_of,omitempty"`
}

// Check tells what is wrong with the spec on any cluster: [ErrInvalidName],
// [ErrInvalidCount] and [ErrInvalidConfig], each with the topic's name. With
// force the settings are left to the broker.
func (s Spec) Check(force bool) error {
	if err := CheckName(s.Name); err != nil {
		return err
	}
	var bad []error
	if s.Partitions < 0 || s.Partitions > MaxPartitions {
		bad = append(bad, fmt.Errorf("%s: %w: %d partitions; want 1 to %d", s.Name, ErrInvalidCount, s.Partitions, MaxPartitions))
	}
	if s.Replication < -1 {
		bad = append(bad, fmt.Errorf("%s: %w: replication factor %d; want 1 or more, or -1 for the broker's default", s.Name, ErrInvalidCount, s.Replication))
	}
	if !force {
		for _, err := range unjoin(CheckConfig(s.Config)) {
			bad = append(bad, fmt.Errorf("%s: %w", s.Name, err))
		}
	}
	return errors.Join(bad...)
}

// CheckSpecs tells what is wrong with specs for one cluster whatever it is:
// each by itself, see [Spec.Check], and two that name the same topic or
// collide ([ErrInvalidName]).
func CheckSpecs(specs []Spec, force bool) error {
	var bad []error
	for i, s := range specs {
		if err := s.Check(force); err != nil {
			bad = append(bad, err)
		}
		for _, other := range specs[:i] {
			switch {
			case other.Name == s.Name:
				bad = append(bad, fmt.Errorf("%s: %w: named twice", s.Name, ErrInvalidName))
			case Collides(other.Name, s.Name):
				bad = append(bad, fmt.Errorf("%s: %w: a cluster cannot hold it beside %s, from which it differs only in '.' and '_'", s.Name, ErrInvalidName, other.Name))
			}
		}
	}
	return errors.Join(bad...)
}

// The settings of a dead letter queue.
const (
	// DLQHeadroom is how many bytes larger than its source's a queue's records may be.
	DLQHeadroom = 64 << 10
	// DLQRetentionMS is how long a letter is kept: 30 days.
	DLQRetentionMS = 30 * 24 * 3600 * 1000

	defaultMaxMessageBytes = 1048588 // of Kafka 4.3, where nothing else is known
	maxMessageBytes        = "max.message.bytes"
	minInsync              = "min.insync.replicas"
)

// DLQ is the spec of source's dead letter queue: as many partitions and
// replicas, letters kept for 30 days and never compacted away.
func DLQ(source Spec) Spec {
	config := map[string]string{
		"cleanup.policy": "delete",
		"retention.ms":   strconv.Itoa(DLQRetentionMS),
	}
	if v, ok := source.Config[minInsync]; ok {
		config[minInsync] = v
	}
	if n, ok := parseInteger(source.Config[maxMessageBytes], 32); ok {
		config[maxMessageBytes] = dlqBytes(n)
	}
	return Spec{
		Name: source.Name + DLQSuffix, Partitions: source.Partitions, Replication: source.Replication,
		Config: config, DLQOf: source.Name,
	}
}

// dlqBytes is the max.message.bytes of the queue of a topic with this one.
func dlqBytes(source int64) string {
	return strconv.FormatInt(min(source+DLQHeadroom, 1<<31-1), 10)
}

// withConfig gives a copy of s with one setting more.
func (s Spec) withConfig(name, value string) Spec {
	config := maps.Clone(s.Config)
	if config == nil {
		config = map[string]string{}
	}
	config[name] = value
	s.Config = config
	return s
}

// CataloguePartitions is how many partitions each topic of the catalogue has.
const CataloguePartitions = 3

// Domains lists the domains of the product's events, in the order its
// documents name them.
func Domains() []string {
	return []string{"tenant", "user", "billing", "notification", "file", "analytics"}
}

// Catalogue lists the topics that the product stands on: <domain>.events for
// each of [Domains], which keep their records for ever because they are the
// event-sourcing log, and their dead letter queues.
func Catalogue() []Spec {
	var specs []Spec
	for _, domain := range Domains() {
		source := Spec{
			Name: domain + ".events", Partitions: CataloguePartitions,
			Config: map[string]string{"cleanup.policy": "delete", "retention.ms": "-1"},
		}
		specs = append(specs, source, DLQ(source))
	}
	return specs
}
