// Package kafkatest gives a test a broker of its own.
package kafkatest

import (
	"io"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// Start runs an in-memory broker on loopback for the length of the test and
// returns its bootstrap list. The broker is lax: what it cannot prove (see
// CONTRIBUTING.md) belongs to a test on a real one.
func Start(t testing.TB, opts ...kfake.Opt) string {
	t.Helper()
	return Bootstrap(Cluster(t, opts...))
}

// Bootstrap is a broker's bootstrap list.
func Bootstrap(c *kfake.Cluster) string { return strings.Join(c.ListenAddrs(), ",") }

// Cluster is Start for a test that makes the broker fail.
func Cluster(t testing.TB, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	opts = append([]kfake.Opt{kfake.NumBrokers(1), kfake.WithLogger(kfake.BasicLogger(io.Discard, kfake.LogLevelNone))}, opts...)
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatalf("starting the broker: %v", err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}

// Open connects to a broker for the length of the test.
func Open(t testing.TB, bootstrap string) *kafka.Client {
	t.Helper()
	c, err := kafka.Open(t.Context(), kafka.Config{Bootstrap: []string{bootstrap}})
	if err != nil {
		t.Fatalf("opening %s: %v", bootstrap, err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
