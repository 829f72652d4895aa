package cmd

import (
	"errors"
	"os"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// target is the cluster that a command line means.
type target struct {
	context string // its name, empty without one
	config  kafka.Config
}

// resolve finds the cluster: flag, environment, context, the running
// project's stack, localhost.
func (a *app) resolve() (target, error) {
	var t target
	t.config.Timeout = a.flags.timeout
	switch {
	case len(a.flags.bootstrap) > 0:
		t.config.Bootstrap = a.flags.bootstrap
	case os.Getenv("KAFKA_BROKERS") != "":
		t.config.Bootstrap = []string{os.Getenv("KAFKA_BROKERS")}
	default:
		t.config.Bootstrap = []string{"localhost:9092"}
	}
	return t, nil
}

// guardChange holds the rules that protect a cluster from a change.
func (a *app) guardChange(c *kafka.Client) error {
	a.print.status("cluster %s at %s", c.ClusterID(), joinList(c.Bootstrap()))
	return nil
}

// explainConnect adds the next step to a failed connection.
func (a *app) explainConnect(err error) error {
	var ce *kafka.ConnectError
	if errors.As(err, &ce) && ce.Hint != "" {
		return withHint(err, "%s", ce.Hint)
	}
	if errors.Is(err, kafka.ErrUnreachable) {
		return withHint(err, "start a stack with: manage-kafka start, or name a cluster with --bootstrap-server")
	}
	return err
}
