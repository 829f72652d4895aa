package groups

import (
	"context"
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
	if len(share) > 0 {
		found, err := request.WithRaw(ctx, g.client, broker, func(r *request.Raw) (shares, error) { return askShares(r, share) })
		d.keepShares(share, found, err)
	}
	if len(streams) > 0 {
		found, err := request.WithRaw(ctx, g.client, broker, func(r *request.Raw) (*kmsg.StreamsGroupDescribeResponse, error) {
			return request.Ask[*kmsg.StreamsGroupDescribeResponse](r, &kmsg.StreamsGroupDescribeRequest{Groups: streams})
		})
		d.keepStreams(streams, found, err)
	}
}

// shares is what a coordinator answers about share groups.
type shares struct {
	groups  *kmsg.ShareGroupDescribeResponse
	offsets *kmsg.DescribeShareGroupOffsetsResponse
}

func askShares(r *request.Raw, names []string) (found shares, err error) {
	// Version 0 was an early one of Kafka 4.0 alone.
	found.groups, err = request.Ask[*kmsg.ShareGroupDescribeResponse](r, &kmsg.ShareGroupDescribeRequest{Version: 1, GroupIDs: names})
	if err != nil {
		return found, err
	}
	req := &kmsg.DescribeShareGroupOffsetsRequest{}
	for _, name := range names {
		req.Groups = append(req.Groups, kmsg.DescribeShareGroupOffsetsRequestGroup{GroupID: name})
	}
	found.offsets, err = request.Ask[*kmsg.DescribeShareGroupOffsetsResponse](r, req)
	return found, err
}

// told is what a broker says in an answer about one group, nil when all is well.
func told(code int16, message *string) error {
	text := ""
	if message != nil {
		text = *message
	}
	return kafka.NewBrokerError(code, text)
}

func (d *details) keepShares(names []string, answer shares, err error) {
	if err != nil {
		d.failAll(names, err)
		return
	}
	for _, group := range answer.groups.Groups {
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
	d.keepShareOffsets(answer.offsets)
}

// keepShareOffsets reads where a share group's state begins in each partition: all
// records before are acknowledged or given up, and some after it may be. Brokers from
// Kafka 4.2 tell the lag too (KIP-1226), which counts just what is not.
func (d *details) keepShareOffsets(res *kmsg.DescribeShareGroupOffsetsResponse) {
	for _, group := range res.Groups {
		found, failed := startsOf(group, res.Version)
		for _, err := range failed {
			d.fail(group.GroupID, err)
		}
		if found == nil {
			continue
		}
		starts, lags := map[kafka.TopicPartition]int64{}, map[kafka.TopicPartition]int64{}
		for tp, c := range found {
			starts[tp] = c.offset
			if c.lag != nil {
				lags[tp] = *c.lag
			}
		}
		d.mu.Lock()
		d.commits[group.GroupID], d.lags[group.GroupID] = starts, lags
		d.mu.Unlock()
	}
}

func (d *details) keepStreams(names []string, answer *kmsg.StreamsGroupDescribeResponse, err error) {
	if err != nil {
		d.failAll(names, err)
		return
	}
	for _, group := range answer.Groups {
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
}

func (d *details) failAll(names []string, err error) {
	for _, name := range names {
		d.fail(name, fmt.Errorf("describing: %w", err))
	}
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
