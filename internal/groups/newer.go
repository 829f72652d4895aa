package groups

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/internal/request"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// describeNewer asks about share groups (KIP-932) and streams groups (KIP-1071),
// whose requests the protocol library does not have.
func (g *Groups) describeNewer(ctx context.Context, broker int32, share, streams []string, d *details) {
	if len(share) == 0 && len(streams) == 0 {
		return
	}
	err := request.WithRaw(ctx, g.client, broker, func(r *request.Raw) error {
		return errors.Join(describeShare(r, share, d), fetchShareOffsets(r, share, d), describeStreams(r, streams, d))
	})
	if err != nil {
		for _, name := range slices.Concat(share, streams) {
			d.fail(name, fmt.Errorf("describing: %w", err))
		}
	}
}

// told is what a broker says in an answer about one group, nil when all is well.
func told(code int16, message *string) error {
	text := ""
	if message != nil {
		text = *message
	}
	return kafka.NewBrokerError(code, text)
}

func describeShare(r *request.Raw, names []string, d *details) error {
	if len(names) == 0 {
		return nil
	}
	// Version 0 was an early one of Kafka 4.0 alone.
	res, err := request.Ask[*kmsg.ShareGroupDescribeResponse](r, &kmsg.ShareGroupDescribeRequest{Version: 1, GroupIDs: names})
	if err != nil {
		return err
	}
	for _, group := range res.Groups {
		if err := told(group.ErrorCode, group.ErrorMessage); err != nil {
			d.fail(group.GroupID, fmt.Errorf("describing: %w", err))
			continue
		}
		found := description{state: group.GroupState, assignor: group.Assignor}
		for _, m := range group.Members {
			member := Member{ID: m.MemberID, ClientID: m.ClientID, Host: m.ClientHost, Assigned: []kafka.TopicPartition{}}
			for _, t := range m.Assignment.TopicPartitions {
				name := t.Topic
				if name == "" {
					name = idMark + sarama.Uuid(t.TopicID).String()
				}
				member.assign(name, t.Partitions)
			}
			found.members = append(found.members, member)
		}
		d.keep(group.GroupID, found)
	}
	return nil
}

// fetchShareOffsets reads where a share group's state begins in each partition: all
// records before are acknowledged or given up, and some after it may be. Brokers from
// Kafka 4.2 tell the lag too (KIP-1226), which counts just what is not.
func fetchShareOffsets(r *request.Raw, names []string, d *details) error {
	if len(names) == 0 {
		return nil
	}
	req := &kmsg.DescribeShareGroupOffsetsRequest{}
	for _, name := range names {
		req.Groups = append(req.Groups, kmsg.DescribeShareGroupOffsetsRequestGroup{GroupID: name})
	}
	res, err := request.Ask[*kmsg.DescribeShareGroupOffsetsResponse](r, req)
	if err != nil {
		return err
	}
	for _, group := range res.Groups {
		if err := told(group.ErrorCode, group.ErrorMessage); err != nil {
			d.fail(group.GroupID, fmt.Errorf("reading its offsets: %w", err))
			continue
		}
		starts, lags := map[kafka.TopicPartition]int64{}, map[kafka.TopicPartition]int64{}
		for _, t := range group.Topics {
			for _, p := range t.Partitions {
				tp := kafka.TopicPartition{Topic: t.Topic, Partition: p.Partition}
				if err := told(p.ErrorCode, p.ErrorMessage); err != nil {
					d.fail(group.GroupID, fmt.Errorf("reading its offset of %s: %w", tp, err))
					continue
				}
				if p.StartOffset < 0 {
					continue // nothing was read of it yet
				}
				starts[tp] = p.StartOffset
				if res.Version >= 1 && p.Lag >= 0 {
					lags[tp] = p.Lag
				}
			}
		}
		d.mu.Lock()
		d.commits[group.GroupID], d.lags[group.GroupID] = starts, lags
		d.mu.Unlock()
	}
	return nil
}

func describeStreams(r *request.Raw, names []string, d *details) error {
	if len(names) == 0 {
		return nil
	}
	res, err := request.Ask[*kmsg.StreamsGroupDescribeResponse](r, &kmsg.StreamsGroupDescribeRequest{Groups: names})
	if err != nil {
		return err
	}
	for _, group := range res.Groups {
		if err := told(group.ErrorCode, group.ErrorMessage); err != nil {
			d.fail(group.Group, fmt.Errorf("describing: %w", err))
			continue
		}
		found := description{state: group.State}
		if group.AssignorName != nil {
			found.assignor = *group.AssignorName
		}
		sources := sourcesOf(group.Topology)
		for _, m := range group.Members {
			member := Member{ID: m.MemberID, ClientID: m.ClientID, Host: m.ClientHost, Assigned: []kafka.TopicPartition{}}
			if m.InstanceID != nil {
				member.InstanceID = *m.InstanceID
			}
			// A task reads its partition of every topic of its subtopology; those that
			// stand by read change logs only.
			for _, task := range m.Assignment.ActiveTasks {
				for _, topic := range sources[task.SubtopologyID] {
					member.assign(topic, task.Partitions)
				}
			}
			found.members = append(found.members, member)
		}
		d.keep(group.Group, found)
	}
	return nil
}

// sourcesOf gives the topics that each subtopology reads.
func sourcesOf(t *kmsg.StreamsGroupDescribeResponseGroupTopology) map[string][]string {
	sources := map[string][]string{}
	if t == nil {
		return sources
	}
	for _, sub := range t.Subtopologies {
		list := slices.Clone(sub.SourceTopics)
		for _, between := range sub.RepartitionSourceTopics {
			list = append(list, between.Topic)
		}
		sources[sub.SubtopologyID] = list
	}
	return sources
}

// assign adds partitions of a topic to what a member owns, in order.
func (m *Member) assign(topic string, partitions []int32) {
	for _, p := range partitions {
		m.Assigned = append(m.Assigned, kafka.TopicPartition{Topic: topic, Partition: p})
	}
	slices.SortFunc(m.Assigned, comparePartitions)
}

func (d *details) keep(name string, found description) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.descriptors[name] = found
}
