package topics

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/request"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Change says what to change about one topic.
type Change struct {
	// Set gives settings their values.
	Set map[string]string
	// Delete takes settings off the topic, so that the broker's default counts.
	Delete []string
	// Partitions is how many there shall be; 0 leaves them.
	Partitions int32
}

// AlterOptions changes what [Admin.Alter] does.
type AlterOptions struct {
	// DryRun has the broker check everything and changes nothing.
	DryRun bool
	// ForceConfig leaves the check of names and values of settings to the broker.
	ForceConfig bool
}

// Alteration is what Alter did, or would do, about one topic.
type Alteration struct {
	Name string `json:"name"`
	// Changes are the differences that were made.
	Changes []Difference `json:"changes"`
	DryRun  bool         `json:"dry_run,omitempty"`
	// KeysMove tells that partitions were added to a topic that has records:
	// later records of a key may go to another partition than earlier ones.
	KeysMove bool `json:"keys_move,omitempty"`
}

// Check tells what is wrong with the change on any cluster.
func (c Change) Check(force bool) error {
	var bad []error
	if c.Partitions < 0 || c.Partitions > MaxPartitions {
		bad = append(bad, fmt.Errorf("%w: %d partitions; want 1 to %d", ErrInvalidCount, c.Partitions, MaxPartitions))
	}
	for _, name := range c.Delete {
		if _, both := c.Set[name]; both {
			bad = append(bad, fmt.Errorf("%w: %s is both set and deleted", ErrInvalidConfig, name))
		}
		if _, known := findSetting(name); !known && !force && !brokerDecides(name) {
			bad = append(bad, unknownSetting(name))
		}
	}
	if !force {
		if err := CheckConfig(c.Set); err != nil {
			bad = append(bad, err)
		}
	}
	return errors.Join(bad...)
}

// Alter changes one topic and says what became different; nothing when it was
// so already. The broker checks the whole change before any part is made.
// Test for [ErrNotFound], [ErrShrink] and [ErrInvalidConfig].
//
// Settings are changed before partitions. When the second fails, the
// Alteration says what was made and the error what was not.
func (a *Admin) Alter(ctx context.Context, name string, change Change, opts AlterOptions) (Alteration, error) {
	done := Alteration{Name: name, Changes: []Difference{}, DryRun: opts.DryRun}
	if err := CheckName(name); err != nil {
		return done, err
	}
	if err := change.Check(opts.ForceConfig); err != nil {
		return done, fmt.Errorf("%s: %w", name, err)
	}
	states, err := a.states(ctx, []string{name})
	if err != nil {
		return done, err
	}
	have, ok := states[name]
	if !ok {
		return done, a.notFound(ctx, name, nil)
	}
	if change.Partitions > 0 && change.Partitions < have.Partitions {
		return done, fmt.Errorf("%s: has %d partitions, not %d: %w", name, have.Partitions, change.Partitions, ErrShrink)
	}
	settings := have.settingChanges(change)
	grow := change.Partitions > have.Partitions
	if err := a.checkAlter(ctx, name, have, settings, grow, change.Partitions); err != nil {
		return done, err
	}
	if opts.DryRun {
		done.Changes = append(done.Changes, settings...)
		if grow {
			done.Changes = append(done.Changes, grown(have, change))
			done.KeysMove, err = a.holdsRecords(ctx, name)
		}
		return done, err
	}
	if len(settings) > 0 {
		if err := a.alterConfig(ctx, name, have, settings, false); err != nil {
			return done, err
		}
		done.Changes = append(done.Changes, settings...)
	}
	if grow {
		if done.KeysMove, err = a.holdsRecords(ctx, name); err != nil {
			return done, err
		}
		if err := a.grow(ctx, name, change.Partitions, false); err != nil {
			return done, err
		}
		done.Changes = append(done.Changes, grown(have, change))
	}
	return done, nil
}

func grown(have state, change Change) Difference {
	return Difference{Field: "partitions", Have: strconv.Itoa(int(have.Partitions)), Want: strconv.Itoa(int(change.Partitions))}
}

// settingChanges lists what the change does to the topic's own settings.
func (s state) settingChanges(change Change) []Difference {
	var list []Difference
	for _, name := range slices.Sorted(maps.Keys(change.Set)) {
		have := s.Config[name]
		// A value that only a default gives is not the topic's own yet.
		if have.Source != SourceTopic || !sameValue(name, have.Value, change.Set[name]) {
			list = append(list, Difference{Field: name, Have: have.Value, Want: change.Set[name]})
		}
	}
	for _, name := range slices.Sorted(slices.Values(change.Delete)) {
		if have := s.Config[name]; have.Source == SourceTopic {
			list = append(list, Difference{Field: name, Have: have.Value, Deleted: true})
		}
	}
	return list
}

// checkAlter has the broker check both parts without making either.
func (a *Admin) checkAlter(ctx context.Context, name string, have state, settings []Difference, grow bool, partitions int32) error {
	if len(settings) > 0 {
		if err := a.alterConfig(ctx, name, have, settings, true); err != nil {
			return err
		}
	}
	if grow {
		return a.grow(ctx, name, partitions, true)
	}
	return nil
}

func (a *Admin) holdsRecords(ctx context.Context, name string) (bool, error) {
	meta, err := a.client.Metadata(ctx, []string{name})
	if err != nil {
		return false, err
	}
	b, err := a.bounds(ctx, meta)
	if err != nil {
		return false, err
	}
	for _, end := range b.end {
		if end > 0 {
			return true, nil
		}
	}
	// Unknown counts as yes: the warning is what it is for.
	return b.err != nil, nil
}

// grow raises the number of partitions.
func (a *Admin) grow(ctx context.Context, name string, partitions int32, dry bool) error {
	var refused error
	err := a.retry(ctx, func() (bool, error) {
		req := &sarama.CreatePartitionsRequest{
			Version: 3, Timeout: a.client.Timeout(), ValidateOnly: dry,
			TopicPartitions: map[string]*sarama.TopicPartition{name: {Count: partitions}},
		}
		res, err := request.ToController(ctx, a.client, func(b *sarama.Broker) (*sarama.CreatePartitionsResponse, error) { return b.CreatePartitions(req) })
		if err != nil {
			return false, err
		}
		answer := res.TopicPartitionErrors[name]
		if answer == nil {
			return false, errors.New("the broker left it out of its answer")
		}
		refused = brokerAnswer(answer.Err, answer.ErrMsg)
		return retriable(answer.Err), nil
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return fmt.Errorf("%s: adding partitions: %w", name, err)
	}
	return nil
}

// alterConfig changes settings one by one, or, on a broker before 2.3 that
// only knows all or nothing, writes the topic's own settings anew.
func (a *Admin) alterConfig(ctx context.Context, name string, have state, changes []Difference, dry bool) error {
	entries := make(map[string]sarama.IncrementalAlterConfigsEntry, len(changes))
	for _, d := range changes {
		if d.Deleted {
			entries[d.Field] = sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationDelete}
			continue
		}
		entries[d.Field] = sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &d.Want}
	}
	req := &sarama.IncrementalAlterConfigsRequest{
		Version: 1, ValidateOnly: dry,
		Resources: []*sarama.IncrementalAlterConfigsResource{{Type: sarama.TopicResource, Name: name, ConfigEntries: entries}},
	}
	res, err := request.ToAny(ctx, a.client, func(b *sarama.Broker) (*sarama.IncrementalAlterConfigsResponse, error) {
		return b.IncrementalAlterConfigs(req)
	})
	if errors.Is(err, sarama.ErrUnsupportedVersion) || isUnsupported(err) {
		return a.rewriteConfig(ctx, name, have, changes, dry)
	}
	if err != nil {
		return fmt.Errorf("%s: changing settings: %w", name, err)
	}
	return configAnswer(name, res.Resources)
}

func (a *Admin) rewriteConfig(ctx context.Context, name string, have state, changes []Difference, dry bool) error {
	own := map[string]*string{}
	for _, e := range have.Config {
		if e.Source == SourceTopic {
			own[e.Name] = &e.Value
		}
	}
	for _, d := range changes {
		own[d.Field] = &d.Want
		if d.Deleted {
			delete(own, d.Field)
		}
	}
	req := &sarama.AlterConfigsRequest{
		Version: 2, ValidateOnly: dry,
		Resources: []*sarama.AlterConfigsResource{{Type: sarama.TopicResource, Name: name, ConfigEntries: own}},
	}
	res, err := request.ToAny(ctx, a.client, func(b *sarama.Broker) (*sarama.AlterConfigsResponse, error) { return b.AlterConfigs(req) })
	if err != nil {
		return fmt.Errorf("%s: changing settings: %w", name, err)
	}
	return configAnswer(name, res.Resources)
}

func configAnswer(name string, resources []*sarama.AlterConfigsResourceResponse) error {
	for _, r := range resources {
		if r.ErrorCode != 0 {
			return fmt.Errorf("%s: changing settings: %w", name, kafka.NewBrokerError(r.ErrorCode, r.ErrorMsg))
		}
	}
	return nil
}

// isUnsupported tells a request that the broker's version does not have.
func isUnsupported(err error) bool {
	var be *kafka.BrokerError
	return errors.As(err, &be) && sarama.KError(be.Code) == sarama.ErrUnsupportedVersion
}
