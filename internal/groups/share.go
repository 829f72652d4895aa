package groups

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/internal/request"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// shareOffsets reads where the state of a share group begins in each partition
// (KIP-932). Brokers from Kafka 4.2 tell beside it how many records after that are
// still to be acknowledged (KIP-1226).
func (g *Groups) shareOffsets(ctx context.Context, broker int32, name string) (map[kafka.TopicPartition]commit, error) {
	res, err := request.WithRaw(ctx, g.client, broker, func(r *request.Raw) (*kmsg.DescribeShareGroupOffsetsResponse, error) {
		return request.Ask[*kmsg.DescribeShareGroupOffsetsResponse](r, &kmsg.DescribeShareGroupOffsetsRequest{Groups: []kmsg.DescribeShareGroupOffsetsRequestGroup{{GroupID: name}}})
	})
	if err != nil {
		return nil, fmt.Errorf("%s: reading its offsets: %w", name, err)
	}
	found := map[kafka.TopicPartition]commit{}
	for _, group := range res.Groups {
		var failed []error
		if found, failed = startsOf(group, res.Version); len(failed) > 0 {
			return nil, fmt.Errorf("%s: %w", name, failed[0])
		}
	}
	return found, nil
}

// startsOf reads an answer about one group: partitions of which nothing was read yet
// are missing, and failed says which could not be told.
func startsOf(group kmsg.DescribeShareGroupOffsetsResponseGroup, version int16) (starts map[kafka.TopicPartition]commit, failed []error) {
	if err := told(group.ErrorCode, group.ErrorMessage); err != nil {
		return nil, []error{fmt.Errorf("reading its offsets: %w", err)}
	}
	starts = map[kafka.TopicPartition]commit{}
	for _, t := range group.Topics {
		for _, p := range t.Partitions {
			tp := kafka.TopicPartition{Topic: t.Topic, Partition: p.Partition}
			if err := told(p.ErrorCode, p.ErrorMessage); err != nil {
				failed = append(failed, fmt.Errorf("reading its offset of %s: %w", tp, err))
				continue
			}
			if p.StartOffset < 0 {
				continue
			}
			c := commit{offset: p.StartOffset}
			if version >= 1 && p.Lag >= 0 {
				c.lag = &p.Lag
			}
			starts[tp] = c
		}
	}
	return starts, failed
}

// renews tells whether a share group that begins at the same offset as before begins
// anew there: unless all that follows is still to be acknowledged, it does.
func (m *Move) renews(before commit, known bool) bool {
	return known && m.New != nil && (before.lag == nil || *before.lag != *m.Lag)
}

// alterShare has the state of a share group begin elsewhere: what it knew of records
// from there on is forgotten.
func (g *Groups) alterShare(ctx context.Context, plan *Reset, moves []*Move) error {
	req := &kmsg.AlterShareGroupOffsetsRequest{GroupID: plan.Group}
	for _, m := range moves {
		if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != m.Topic {
			req.Topics = append(req.Topics, kmsg.AlterShareGroupOffsetsRequestTopic{Topic: m.Topic})
		}
		t := &req.Topics[len(req.Topics)-1]
		t.Partitions = append(t.Partitions, kmsg.AlterShareGroupOffsetsRequestTopicPartition{Partition: m.Partition, StartOffset: *m.New})
	}
	res, err := request.WithRaw(ctx, g.client, plan.coordinator, func(r *request.Raw) (*kmsg.AlterShareGroupOffsetsResponse, error) {
		return request.Ask[*kmsg.AlterShareGroupOffsetsResponse](r, req)
	})
	if err == nil {
		err = plan.shareError(res.ErrorCode, res.ErrorMessage)
	}
	if err != nil {
		return fmt.Errorf("%s: setting its offsets: %w", plan.Group, err)
	}
	answers := map[kafka.TopicPartition]error{}
	for _, t := range res.Topics {
		for _, p := range t.Partitions {
			answers[kafka.TopicPartition{Topic: t.Topic, Partition: p.Partition}] = told(p.ErrorCode, p.ErrorMessage)
		}
	}
	for _, m := range moves {
		err, ok := answers[m.tp()]
		if !ok {
			err = errors.New("the broker left it out of its answer")
		}
		if err != nil {
			m.fail(err)
		}
	}
	return nil
}

// forgetShare takes the state of a share group away, which goes by whole topics.
func (g *Groups) forgetShare(ctx context.Context, plan *Reset, moves []*Move) error {
	req := &kmsg.DeleteShareGroupOffsetsRequest{GroupID: plan.Group}
	asked := map[string]bool{}
	for _, m := range moves {
		if other, keeps := plan.keepsIn(m.Topic); keeps {
			m.fail(fmt.Errorf("only the offsets of a whole topic can be taken away from a share group, and %s keeps one", other))
		} else if !asked[m.Topic] {
			asked[m.Topic] = true
			req.Topics = append(req.Topics, kmsg.DeleteShareGroupOffsetsRequestTopic{Topic: m.Topic})
		}
	}
	if len(req.Topics) == 0 {
		return nil
	}
	res, err := request.WithRaw(ctx, g.client, plan.coordinator, func(r *request.Raw) (*kmsg.DeleteShareGroupOffsetsResponse, error) {
		return request.Ask[*kmsg.DeleteShareGroupOffsetsResponse](r, req)
	})
	if err == nil {
		err = plan.shareError(res.ErrorCode, res.ErrorMessage)
	}
	if err != nil {
		return fmt.Errorf("%s: taking offsets away: %w", plan.Group, err)
	}
	for _, t := range res.Topics {
		if err := told(t.ErrorCode, t.ErrorMessage); err != nil {
			for _, m := range moves {
				if m.Topic == t.Topic {
					m.fail(err)
				}
			}
		}
	}
	return nil
}

// keepsIn finds a partition of the topic for which the group has an offset that the
// plan does not take away.
func (r *Reset) keepsIn(topic string) (tp kafka.TopicPartition, keeps bool) {
	for tp := range r.before {
		at := slices.IndexFunc(r.Moves, func(m Move) bool { return m.tp() == tp })
		if tp.Topic == topic && (at < 0 || r.Moves[at].New != nil) {
			return tp, true
		}
	}
	return kafka.TopicPartition{}, false
}

// shareError is what a broker says of a request as a whole.
func (r *Reset) shareError(code int16, message *string) error {
	const nonEmptyGroup, groupIDNotFound = 68, 69
	switch code {
	case nonEmptyGroup:
		return &LiveError{Name: r.Group}
	case groupIDNotFound:
		return &NotFoundError{Name: r.Group}
	}
	return told(code, message)
}
