package cluster

import (
	"context"
	"fmt"

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
	// Controller is the controller's broker id, -1 when the cluster has none.
	Controller int32          `json:"controller"`
	Brokers    []kafka.Broker `json:"brokers"`
}

// Probe asks the cluster behind client for its health with one metadata
// request. It is down never: who cannot reach it has no client.
func Probe(ctx context.Context, client *kafka.Client) (External, error) {
	meta, err := client.Metadata(ctx, nil)
	if err != nil {
		return External{}, err
	}
	x := External{
		Status: HealthUp, Details: Details{TopicCount: countTopics(meta)}, ClusterID: meta.ClusterID,
		Bootstrap: client.Bootstrap(), Release: client.Release(), Controller: meta.Controller, Brokers: meta.Brokers,
	}
	if n := leaderless(meta); n > 0 {
		x.Status, x.Error = HealthDegraded, fmt.Sprintf("%d partitions have no leader", n)
	}
	if meta.Controller < 0 {
		x.Status, x.Error = HealthDegraded, "no controller"
	}
	return x, nil
}
