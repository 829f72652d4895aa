package dlq

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/request"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// topicFacts is what a run has to know of a topic.
type topicFacts struct {
	name       string
	id         string // empty on brokers before 2.8
	internal   bool   // of the cluster itself, or of a schema registry
	partitions int32
	maxBytes   int  // the largest record batch it takes
	told       bool // the settings are the topic's, not Kafka's defaults
	compacted  bool
	deletes    bool          // by age or size
	retention  time.Duration // 0: by age never
	bounded    bool          // deletes by size
	before     time.Duration // how old a timestamp may be; 0: any
	appendTime bool          // the broker stamps
}

// defaultMaxBytes is what Kafka takes where nothing else is set or told.
const defaultMaxBytes = 1048588

// facts asks about topics, all of which have to exist. Settings that may not
// be read count as Kafka's defaults.
func facts(ctx context.Context, c *kafka.Client, names []string) (map[string]*topicFacts, error) {
	meta, err := c.Metadata(ctx, names)
	if err != nil {
		return nil, err
	}
	found := make(map[string]*topicFacts, len(names))
	for _, t := range meta.Topics {
		if t.Err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, t.Err)
		}
		found[t.Name] = &topicFacts{name: t.Name, id: t.ID, internal: t.Internal, partitions: int32(len(t.Partitions)), maxBytes: defaultMaxBytes, deletes: true, retention: 7 * 24 * time.Hour}
	}
	for _, name := range names {
		if found[name] == nil {
			return nil, fmt.Errorf("%s: %w", name, kafka.ErrUnknownTopic)
		}
	}
	settings, err := describeConfigs(ctx, c, names)
	if err != nil && !errors.Is(err, kafka.ErrNotPermitted) {
		return nil, err
	}
	for name, values := range settings {
		if f := found[name]; f != nil {
			f.apply(values)
		}
	}
	return found, nil
}

func (f *topicFacts) apply(values map[string]string) {
	f.told = true
	if n, err := strconv.Atoi(values["max.message.bytes"]); err == nil && n > 0 {
		f.maxBytes = n
	}
	if policy, ok := values["cleanup.policy"]; ok {
		f.compacted, f.deletes = strings.Contains(policy, "compact"), strings.Contains(policy, "delete")
	}
	f.retention = duration(values["retention.ms"], f.retention)
	size, err := strconv.ParseInt(values["retention.bytes"], 10, 64)
	f.bounded = f.deletes && err == nil && size >= 0
	f.before = duration(values["message.timestamp.before.max.ms"], 0)
	f.appendTime = values["message.timestamp.type"] == "LogAppendTime"
}

// duration reads a setting in milliseconds; a negative or huge one is 0, no bound.
func duration(text string, otherwise time.Duration) time.Duration {
	ms, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return otherwise
	case ms < 0 || ms > int64(1<<62)/int64(time.Millisecond):
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}

func describeConfigs(ctx context.Context, c *kafka.Client, names []string) (map[string]map[string]string, error) {
	req := &sarama.DescribeConfigsRequest{Version: 1}
	for _, name := range names {
		req.Resources = append(req.Resources, &sarama.ConfigResource{Type: sarama.TopicResource, Name: name})
	}
	res, err := request.ToAny(ctx, c, func(b *sarama.Broker) (*sarama.DescribeConfigsResponse, error) { return b.DescribeConfigs(req) })
	if err != nil {
		return nil, fmt.Errorf("reading topic settings: %w", err)
	}
	all := map[string]map[string]string{}
	for _, r := range res.Resources {
		if r.ErrorCode != 0 {
			err = errors.Join(err, fmt.Errorf("%s: reading its settings: %w", r.Name, kafka.NewBrokerError(r.ErrorCode, r.ErrorMsg)))
			continue
		}
		values := make(map[string]string, len(r.Configs))
		for _, e := range r.Configs {
			values[e.Name] = e.Value
		}
		all[r.Name] = values
	}
	return all, err
}

// transactionState is what the cluster says of a transactional id.
type transactionState struct {
	open    bool
	started time.Time
}

// describeTransaction asks about a transactional id. Brokers before 3.0 and
// missing rights leave it unknown, which is no error: the ledger decides.
func describeTransaction(ctx context.Context, c *kafka.Client, id string) transactionState {
	conn := c.Wire()
	if !conn.Config().Version.IsAtLeast(sarama.V3_0_0_0) {
		return transactionState{}
	}
	answers := make(chan transactionState, 1)
	err := c.Do(ctx, func() error {
		b, err := conn.TransactionCoordinator(id)
		if err != nil {
			return err
		}
		res, err := b.DescribeTransactions(&sarama.DescribeTransactionsRequest{TransactionalIDs: []string{id}})
		if err != nil {
			_ = b.Close()
			return err
		}
		var state transactionState
		for _, s := range res.TransactionStates {
			if s.TransactionalID == id && s.ErrorCode == sarama.ErrNoError && s.TransactionState == "Ongoing" {
				state = transactionState{open: true, started: time.UnixMilli(s.TransactionStartTime)}
			}
		}
		answers <- state
		return nil
	})
	if err != nil {
		return transactionState{}
	}
	return <-answers
}
