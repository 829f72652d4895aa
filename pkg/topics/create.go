package topics

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/request"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// CreateOptions changes what [Admin.Create] does.
type CreateOptions struct {
	// IfNotExists takes a topic that is there for done, however it differs.
	IfNotExists bool
	// DryRun has the broker check everything and makes nothing.
	DryRun bool
	// ForceConfig leaves the check of names and values of settings to the broker.
	ForceConfig bool
}

// Outcome is what became of one topic.
type Outcome string

// The outcomes of [Admin.Create].
const (
	Created     Outcome = "created"
	WouldCreate Outcome = "would create" // DryRun
	Exists      Outcome = "exists"       // as asked for, or with Differences
	Failed      Outcome = "failed"
)

// Creation is what Create did about one topic.
type Creation struct {
	Name        string       `json:"name"`
	Outcome     Outcome      `json:"outcome"`
	ID          string       `json:"id,omitempty"`
	Partitions  int32        `json:"partitions,omitempty"`
	Replication int16        `json:"replication,omitempty"`
	Differences []Difference `json:"differences,omitempty"`
	Error       string       `json:"error,omitempty"`
	// Err is nil for a topic that is as asked for.
	Err error `json:"-"`

	maxMessageBytes string // of a topic just made, where the broker told
}

// ExistsError is [ErrExists] with how the topic differs from what was asked for.
type ExistsError struct {
	Name        string
	Differences []Difference
}

func (e *ExistsError) Error() string {
	if len(e.Differences) == 0 {
		return e.Name + ": " + ErrExists.Error() + ", just as asked for"
	}
	return e.Name + ": " + ErrExists.Error() + " and differs: " + joinDifferences(e.Differences)
}

// Is matches [ErrExists].
func (e *ExistsError) Is(target error) bool { return target == ErrExists }

// Create makes the topics, all those of one kind in a single request: first
// those that are no dead letter queue, then the queues, whose record size
// follows their sources'. It returns one Creation per spec, in order, once the
// new topics have leaders, so that what follows can use them.
//
// The specs are checked first; when one is wrong on any cluster, nothing is
// sent and the slice is nil. Later errors are per topic: they stand in its Err
// and joined in the error, and the others are made all the same. Test for
// [ErrExists], [ErrTooFewBrokers], [ErrNotReady] and kafka.ErrNotPermitted.
func (a *Admin) Create(ctx context.Context, specs []Spec, opts CreateOptions) ([]Creation, error) {
	done, late, err := a.create(ctx, specs, opts)
	if late != nil {
		err = errors.Join(late, err)
	}
	return done, err
}

// create is Create; late tells of topics that were made and have no leaders, which
// is in no Creation.
func (a *Admin) create(ctx context.Context, specs []Spec, opts CreateOptions) (done []Creation, late, err error) {
	if err := CheckSpecs(specs, opts.ForceConfig); err != nil {
		return nil, nil, err
	}
	done = make([]Creation, len(specs))
	var first, queues []int
	for i, s := range specs {
		if s.DLQOf != "" {
			queues = append(queues, i)
		} else {
			first = append(first, i)
		}
	}
	if err := a.createSome(ctx, specs, first, done, opts); err != nil {
		return nil, nil, err
	}
	if len(queues) > 0 {
		sized, err := a.sizeQueues(ctx, specs, queues, done)
		if err != nil {
			return nil, nil, err
		}
		if err := a.createSome(ctx, sized, queues, done, opts); err != nil {
			return nil, nil, err
		}
	}
	late, err = a.finish(ctx, done)
	return done, late, err
}

// finish waits for the new topics and joins what went wrong.
func (a *Admin) finish(ctx context.Context, done []Creation) (late, err error) {
	var made []string
	for _, d := range done {
		if d.Outcome == Created {
			made = append(made, d.Name)
		}
	}
	if len(made) > 0 {
		late = a.awaitLeaders(ctx, made)
	}
	var failed []error
	for i := range done {
		if err := done[i].Err; err != nil {
			done[i].Error = err.Error()
			failed = append(failed, err)
		}
	}
	return late, errors.Join(failed...)
}

// createSome creates the topics at the indexes which, and writes what became
// of each to done. A controller of the ZooKeeper era goes on refusing the name
// of a topic that it deletes after the brokers have stopped telling clients
// about it; it is asked again until the deletion has ended.
func (a *Admin) createSome(ctx context.Context, specs []Spec, which []int, done []Creation, opts CreateOptions) error {
	rest := which
	return a.retry(ctx, func() (bool, error) {
		if len(rest) == 0 {
			return false, nil
		}
		var err error
		rest, err = a.createOnce(ctx, specs, rest, done, opts)
		return len(rest) > 0, err
	})
}

// createOnce asks once for the topics at the indexes which, and returns those
// of them that the controller has and no broker tells about.
func (a *Admin) createOnce(ctx context.Context, specs []Spec, which []int, done []Creation, opts CreateOptions) ([]int, error) {
	asked := make(map[string]*sarama.TopicDetail, len(which))
	for _, i := range which {
		asked[specs[i].Name] = specs[i].detail()
	}
	answers, err := a.sendCreate(ctx, asked, opts.DryRun)
	if err != nil {
		return nil, err
	}
	var taken []int
	for _, i := range which {
		done[i] = answers[specs[i].Name].creation(specs[i], opts.DryRun)
		if errors.Is(done[i].Err, ErrExists) {
			taken = append(taken, i)
		} else if done[i].Err != nil {
			done[i].Err = a.explainCreate(ctx, specs[i], done[i].Err)
		}
	}
	return a.compareTaken(ctx, specs, taken, done, opts)
}

// compareTaken says of topics that exist how they differ from their specs, and
// returns those that no broker tells about.
func (a *Admin) compareTaken(ctx context.Context, specs []Spec, taken []int, done []Creation, opts CreateOptions) ([]int, error) {
	if len(taken) == 0 {
		return nil, nil
	}
	names := make([]string, len(taken))
	for j, i := range taken {
		names[j] = specs[i].Name
	}
	states, err := a.states(ctx, names)
	if err != nil {
		return nil, err
	}
	var hidden []int
	for _, i := range taken {
		d := &done[i]
		have, ok := states[specs[i].Name]
		if !ok {
			d.Outcome, d.Err = Failed, fmt.Errorf("%s: %w, but no broker tells about it: it is being deleted, or was made just now", specs[i].Name, ErrExists)
			hidden = append(hidden, i)
			continue
		}
		d.Outcome, d.ID, d.Partitions, d.Replication = Exists, have.ID, have.Partitions, have.Replication
		d.Differences = have.differences(specs[i])
		d.Err = &ExistsError{Name: specs[i].Name, Differences: d.Differences}
		if opts.IfNotExists {
			d.Err = nil
		}
	}
	return hidden, nil
}

func (s Spec) detail() *sarama.TopicDetail {
	d := &sarama.TopicDetail{NumPartitions: s.Partitions, ReplicationFactor: s.Replication}
	if d.NumPartitions == 0 {
		d.NumPartitions = -1
	}
	if d.ReplicationFactor == 0 {
		d.ReplicationFactor = -1
	}
	if len(s.Config) > 0 {
		d.ConfigEntries = make(map[string]*string, len(s.Config))
		for name, value := range s.Config {
			d.ConfigEntries[name] = &value
		}
	}
	return d
}

// createAnswer is a broker's answer about one topic.
type createAnswer struct {
	err    *sarama.TopicError
	result *sarama.CreatableTopicResult
}

func (r createAnswer) creation(s Spec, dry bool) Creation {
	c := Creation{Name: s.Name, Outcome: Created, Partitions: s.Partitions, Replication: s.Replication}
	if dry {
		c.Outcome = WouldCreate
	}
	if r.result != nil {
		if r.result.NumPartitions > 0 {
			c.Partitions, c.Replication = r.result.NumPartitions, r.result.ReplicationFactor
		}
		if r.result.TopicID != (sarama.Uuid{}) {
			c.ID = r.result.TopicID.String()
		}
		if e := r.result.Configs[maxMessageBytes]; e != nil && e.Value != nil {
			c.maxMessageBytes = *e.Value
		}
	}
	if r.err == nil {
		c.Outcome, c.Err = Failed, fmt.Errorf("%s: the broker left it out of its answer", s.Name)
		return c
	}
	switch r.err.Err {
	case sarama.ErrNoError:
	case sarama.ErrTopicAlreadyExists:
		c.Outcome, c.Err = Exists, &ExistsError{Name: s.Name}
	default:
		c.Outcome, c.Err = Failed, brokerAnswer(r.err.Err, r.err.ErrMsg)
	}
	return c
}

// sendCreate asks the controller to create the topics, and asks again about
// those it put off.
func (a *Admin) sendCreate(ctx context.Context, asked map[string]*sarama.TopicDetail, dry bool) (map[string]createAnswer, error) {
	answers := make(map[string]createAnswer, len(asked))
	rest := asked
	err := a.retry(ctx, func() (bool, error) {
		req := sarama.NewCreateTopicsRequest(a.client.Wire().Config().Version, rest, a.client.Timeout(), dry)
		res, err := request.ToController(ctx, a.client, func(b *sarama.Broker) (*sarama.CreateTopicsResponse, error) { return b.CreateTopics(req) })
		if err != nil {
			return false, fmt.Errorf("creating topics: %w", err)
		}
		again := map[string]*sarama.TopicDetail{}
		for name, detail := range rest {
			answer := createAnswer{err: res.TopicErrors[name], result: res.TopicResults[name]}
			answers[name] = answer
			if answer.err != nil && retriable(answer.err.Err) {
				again[name] = detail
			}
		}
		rest = again
		return len(again) > 0, nil
	})
	return answers, err
}

// explainCreate turns a refusal into one of this package's errors, with what
// the cluster has.
func (a *Admin) explainCreate(ctx context.Context, s Spec, cause error) error {
	var be *kafka.BrokerError
	if !errors.As(cause, &be) {
		return cause
	}
	wrapped := fmt.Errorf("%s: %w", s.Name, cause)
	code := sarama.KError(be.Code)
	if code != sarama.ErrInvalidReplicationFactor && code != sarama.ErrInvalidTopic {
		return wrapped
	}
	all := []string{}
	if code == sarama.ErrInvalidTopic {
		all = nil
	}
	meta, err := a.client.Metadata(ctx, all)
	if err != nil {
		return wrapped
	}
	if code == sarama.ErrInvalidReplicationFactor && int(s.Replication) > len(meta.Brokers) {
		return fmt.Errorf("%s: %w: replication factor %d, and the cluster has %s", s.Name, ErrTooFewBrokers, s.Replication, count(len(meta.Brokers), "broker"))
	}
	i := slices.IndexFunc(meta.Topics, func(t kafka.TopicMetadata) bool { return Collides(t.Name, s.Name) })
	if i >= 0 {
		return fmt.Errorf("%s: the cluster has %s: %w", s.Name, meta.Topics[i].Name, ErrCollides)
	}
	return wrapped
}
