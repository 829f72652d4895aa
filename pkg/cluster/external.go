package cluster

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/multi-tenant/manage-kafka/internal/request"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// External is the health of a cluster that is no stack of ours, by Kafka's
// protocol alone.
type External struct {
	Status    Health   `json:"status"`
	Details   Details  `json:"details"`
	Error     string   `json:"error,omitempty"`
	ClusterID string   `json:"cluster_id"`
	Bootstrap []string `json:"bootstrap"`
	// Release is the highest Kafka release that both sides speak, such as 3.9.0.
	Release string `json:"release"`
	// Controller is the active controller's node id, -1 when the cluster has none.
	// In KRaft it need not be one of the brokers; those that do not tell (before
	// Kafka 3.0, or not permitted) name any broker instead.
	Controller int32          `json:"controller"`
	Brokers    []kafka.Broker `json:"brokers"`
	// UnderReplicated is how many partitions have replicas that are not in sync.
	UnderReplicated int `json:"under_replicated"`
}

// Probe asks the cluster behind client for its health with a metadata request and
// one about its quorum (KIP-595). It is down never: who cannot reach it has no client.
func Probe(ctx context.Context, client *kafka.Client) (External, error) {
	meta, err := client.Metadata(ctx, nil)
	if err != nil {
		return External{}, err
	}
	x := External{
		Status: HealthUp, Details: Details{TopicCount: countTopics(meta)}, ClusterID: meta.ClusterID,
		Bootstrap: client.Bootstrap(), Release: client.Release(), Controller: meta.Controller, Brokers: meta.Brokers,
	}
	if x.Controller >= 0 {
		if leader, ok := quorumLeader(ctx, client, meta); ok {
			x.Controller = leader
		}
	}
	for _, t := range meta.Topics {
		for _, p := range t.Partitions {
			if len(p.ISR) < len(p.Replicas) {
				x.UnderReplicated++
			}
		}
	}
	if n := leaderless(meta); n > 0 {
		x.Status, x.Error = HealthDegraded, fmt.Sprintf("%d partitions have no leader", n)
	}
	if meta.Controller < 0 {
		x.Status, x.Error = HealthDegraded, "no controller"
	}
	return x, ctx.Err()
}

// quorumLeader asks which node leads the controllers: in metadata, brokers in KRaft
// name any broker as the controller.
func quorumLeader(ctx context.Context, client *kafka.Client, meta kafka.Metadata) (leader int32, ok bool) {
	if len(meta.Brokers) == 0 {
		return 0, false
	}
	req := &kmsg.DescribeQuorumRequest{Topics: []kmsg.DescribeQuorumRequestTopic{{
		Topic: "__cluster_metadata", Partitions: []kmsg.DescribeQuorumRequestTopicPartition{{}},
	}}}
	res, err := request.WithRaw(ctx, client, meta.Brokers[0].ID, func(r *request.Raw) (*kmsg.DescribeQuorumResponse, error) {
		return request.Ask[*kmsg.DescribeQuorumResponse](r, req)
	})
	if err != nil || res.ErrorCode != 0 || len(res.Topics) != 1 || len(res.Topics[0].Partitions) != 1 {
		return 0, false
	}
	p := res.Topics[0].Partitions[0]
	return p.LeaderID, p.ErrorCode == 0 && p.LeaderID >= 0
}
