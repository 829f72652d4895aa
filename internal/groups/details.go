package groups

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/request"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// batchSize is how many groups one request asks about.
const batchSize = 500

// Member is one live member of a group.
type Member struct {
	ID string `json:"id"`
	// InstanceID is the static membership name (KIP-345), empty without one.
	InstanceID string                 `json:"instance_id,omitempty"`
	ClientID   string                 `json:"client_id"`
	Host       string                 `json:"host"`
	Assigned   []kafka.TopicPartition `json:"assigned"`
}

// description is what a describe request told of a group.
type description struct {
	state    string
	assignor string
	members  []Member
}

// details is what the coordinators told of some groups, by name.
type details struct {
	mu          sync.Mutex
	descriptors map[string]description
	// commits are, of a share group, where it begins.
	commits map[string]map[kafka.TopicPartition]int64
	// lags are those that brokers tell, of share groups.
	lags   map[string]map[kafka.TopicPartition]int64
	errs   map[string]error
	bounds bounds
}

func (d *details) fail(name string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.errs[name] == nil {
		d.errs[name] = err
	}
}

// details asks the groups' coordinators for members and committed offsets,
// every coordinator at the same time.
func (g *Groups) details(ctx context.Context, groups []Group) *details {
	d := &details{
		descriptors: map[string]description{}, commits: map[string]map[kafka.TopicPartition]int64{},
		lags: map[string]map[kafka.TopicPartition]int64{}, errs: map[string]error{},
	}
	byBroker := map[int32][]Group{}
	for _, group := range groups {
		byBroker[group.Coordinator] = append(byBroker[group.Coordinator], group)
	}
	var wg sync.WaitGroup
	for broker, served := range byBroker {
		wg.Go(func() {
			for some := range slices.Chunk(served, batchSize) {
				g.describeClassic(ctx, broker, namesOf(some, Classic), d)
				g.describeConsumer(ctx, broker, namesOf(some, Consumer), d)
				g.describeNewer(ctx, broker, namesOf(some, Share), namesOf(some, Streams), d)
				g.fetchCommits(ctx, broker, namesOf(some, Classic, Consumer, Streams), d)
			}
		})
	}
	wg.Wait()
	g.nameTopics(ctx, d)
	return d
}

// idMark goes before the id of a topic whose name a broker left out. No topic
// can have such a name.
const idMark = "id:"

// nameTopics gives assignments that came with topic ids alone their names: the
// embedded broker answers so. Those that stay unknown keep the id.
func (g *Groups) nameTopics(ctx context.Context, d *details) {
	var nameless []*kafka.TopicPartition
	for _, found := range d.descriptors {
		for _, m := range found.members {
			for i := range m.Assigned {
				if strings.HasPrefix(m.Assigned[i].Topic, idMark) {
					nameless = append(nameless, &m.Assigned[i])
				}
			}
		}
	}
	if len(nameless) == 0 {
		return
	}
	meta, err := g.client.Metadata(ctx, nil)
	if err != nil {
		return
	}
	names := make(map[string]string, len(meta.Topics))
	for _, t := range meta.Topics {
		names[idMark+t.ID] = t.Name
	}
	for _, tp := range nameless {
		if name, ok := names[tp.Topic]; ok {
			tp.Topic = name
		}
	}
}

func namesOf(groups []Group, types ...Type) []string {
	var names []string
	for _, group := range groups {
		if slices.Contains(types, group.Type) {
			names = append(names, group.Name)
		}
	}
	return names
}

func (g *Groups) describeClassic(ctx context.Context, broker int32, names []string, d *details) {
	if len(names) == 0 {
		return
	}
	res, err := request.To(ctx, g.client, broker, func(b *sarama.Broker) (*sarama.DescribeGroupsResponse, error) {
		return b.DescribeGroups(&sarama.DescribeGroupsRequest{Version: 5, Groups: names})
	})
	if err != nil {
		for _, name := range names {
			d.fail(name, fmt.Errorf("describing: %w", err))
		}
		return
	}
	for _, group := range res.Groups {
		if err := kafka.NewBrokerError(int16(group.Err), ""); err != nil {
			d.fail(group.GroupId, fmt.Errorf("describing: %w", err))
			continue
		}
		found := description{state: group.State, assignor: group.Protocol}
		for id, m := range group.Members {
			found.members = append(found.members, classicMember(id, m, group.ProtocolType))
		}
		d.keep(group.GroupId, found)
	}
}

// classicMember reads a member and, where the group speaks the consumers'
// protocol, its assignment; other protocols keep bytes of their own there.
func classicMember(id string, m *sarama.GroupMemberDescription, protocol string) Member {
	member := Member{ID: id, ClientID: m.ClientId, Host: m.ClientHost, Assigned: []kafka.TopicPartition{}}
	if m.GroupInstanceId != nil {
		member.InstanceID = *m.GroupInstanceId
	}
	if protocol != "consumer" {
		return member
	}
	assignment, err := m.GetMemberAssignment()
	if err != nil || assignment == nil {
		return member
	}
	for topic, partitions := range assignment.Topics {
		member.assign(topic, partitions)
	}
	return member
}

func (g *Groups) describeConsumer(ctx context.Context, broker int32, names []string, d *details) {
	if len(names) == 0 {
		return
	}
	res, err := request.To(ctx, g.client, broker, func(b *sarama.Broker) (*sarama.ConsumerGroupDescribeResponse, error) {
		return b.ConsumerGroupDescribe(&sarama.ConsumerGroupDescribeRequest{Version: 1, GroupIDs: names})
	})
	if err != nil {
		for _, name := range names {
			d.fail(name, fmt.Errorf("describing: %w", err))
		}
		return
	}
	for _, group := range res.Groups {
		if group.ErrorCode != sarama.ErrNoError {
			message := ""
			if group.ErrorMessage != nil {
				message = *group.ErrorMessage
			}
			d.fail(group.GroupID, fmt.Errorf("describing: %w", kafka.NewBrokerError(int16(group.ErrorCode), message)))
			continue
		}
		found := description{state: group.GroupState, assignor: group.AssignorName}
		for _, m := range group.Members {
			found.members = append(found.members, consumerMember(m))
		}
		d.keep(group.GroupID, found)
	}
}

func consumerMember(m sarama.ConsumerGroupMemberDescription) Member {
	member := Member{ID: m.MemberID, ClientID: m.ClientID, Host: m.ClientHost, Assigned: []kafka.TopicPartition{}}
	if m.InstanceID != nil {
		member.InstanceID = *m.InstanceID
	}
	for _, t := range m.Assignment.TopicPartitions {
		name := t.TopicName
		if name == "" {
			name = idMark + t.TopicID.String()
		}
		member.assign(name, t.Partitions)
	}
	return member
}

// fetchCommits reads the committed offsets of many groups with one request, or
// of one after the other on a broker before 3.0.
func (g *Groups) fetchCommits(ctx context.Context, broker int32, names []string, d *details) {
	if len(names) == 0 {
		return
	}
	req := &sarama.OffsetFetchRequest{Version: 8}
	for _, name := range names {
		req.Groups = append(req.Groups, sarama.OffsetFetchRequestGroup{GroupId: name})
	}
	if !g.manyAtOnce() {
		for _, name := range names {
			g.fetchOne(ctx, broker, name, d)
		}
		return
	}
	res, err := request.To(ctx, g.client, broker, func(b *sarama.Broker) (*sarama.OffsetFetchResponse, error) { return b.FetchOffset(req) })
	if err != nil {
		for _, name := range names {
			d.fail(name, fmt.Errorf("reading its offsets: %w", err))
		}
		return
	}
	for _, group := range res.Groups {
		d.keepCommits(group.GroupId, group.Err, group.Blocks)
	}
}

// manyAtOnce tells whether the brokers know OffsetFetch 8 (KIP-709), which came with Kafka 3.0.
func (g *Groups) manyAtOnce() bool {
	return g.client.Wire().Config().Version.IsAtLeast(sarama.V3_0_0_0)
}

func (g *Groups) fetchOne(ctx context.Context, broker int32, name string, d *details) {
	req := sarama.NewOffsetFetchRequest(sarama.V2_5_0_0, name, nil)
	res, err := request.To(ctx, g.client, broker, func(b *sarama.Broker) (*sarama.OffsetFetchResponse, error) { return b.FetchOffset(req) })
	if err != nil {
		d.fail(name, fmt.Errorf("reading its offsets: %w", err))
		return
	}
	d.keepCommits(name, res.Err, res.Blocks)
}

func (d *details) keepCommits(name string, code sarama.KError, blocks map[string]map[int32]*sarama.OffsetFetchResponseBlock) {
	if err := kafka.NewBrokerError(int16(code), ""); err != nil {
		d.fail(name, fmt.Errorf("reading its offsets: %w", err))
		return
	}
	commits := map[kafka.TopicPartition]int64{}
	for topic, partitions := range blocks {
		for p, block := range partitions {
			// -1 is a partition that was asked for and has no commit.
			if block.Err == sarama.ErrNoError && block.Offset >= 0 {
				commits[kafka.TopicPartition{Topic: topic, Partition: p}] = block.Offset
			}
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.commits[name] = commits
}

// fill writes what is known of a group into its row.
func (d *details) fill(group *Group) {
	if err := d.errs[group.Name]; err != nil {
		group.Error = err.Error()
	}
	if found, ok := d.descriptors[group.Name]; ok {
		members := len(found.members)
		group.Members = &members
		if found.state != "" {
			group.State = found.state
		}
	}
	commits, ok := d.commits[group.Name]
	if !ok || len(commits) == 0 || group.Error != "" {
		return
	}
	var lag int64
	for _, tp := range slices.SortedFunc(maps.Keys(commits), comparePartitions) {
		n, err := d.lag(group.Name, group.Type, tp, commits[tp])
		if errors.Is(err, errNotTold) {
			return
		}
		if err != nil {
			group.Error = err.Error()
			return
		}
		lag += n
	}
	group.Lag = &lag
}

var errNotTold = errors.New("the broker does not tell the lag of a share group before Kafka 4.2")

// lag is how many records a group has not done yet in a partition. A share group's
// is the broker's own count, which knows what was acknowledged out of order.
func (d *details) lag(name string, kind Type, tp kafka.TopicPartition, commit int64) (int64, error) {
	if kind != Share || d.bounds.gone[tp] {
		return d.bounds.lag(tp, commit)
	}
	lag, ok := d.lags[name][tp]
	if !ok {
		return 0, errNotTold
	}
	return lag, nil
}
