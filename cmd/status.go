package cmd

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/cluster"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func newStatusCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Show the health of the local stack or of a cluster",
		GroupID: groupStack,
		Long: `Show the health of the local stack of a project, asked from Kafka itself. With
--bootstrap-server or --context it is that of any other cluster.

Exit codes: 0 up, 4 degraded or starting, 3 down.`,
		Example: `  manage-kafka status
  manage-kafka status -b kafka-1:9092
  manage-kafka status -o json
  eval "$(manage-kafka status -o env)"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runStatus(cmd.Context(), a) },
	}
	a.stackOutputFlags(cmd)
	return cmd
}

func runStatus(ctx context.Context, a *app) error {
	if len(a.flags.bootstrap) > 0 || a.flags.context != "" {
		return runExternalStatus(ctx, a)
	}
	stack, err := a.openStack("")
	if err != nil {
		return err
	}
	if err := stack.Adopt(ctx); err != nil {
		return err
	}
	st, err := stack.Status(ctx)
	if err != nil {
		return a.explainStack(err)
	}
	if a.print.format != formatEnv || st.Status != cluster.HealthDown {
		if err := a.printStatus(st); err != nil {
			return err
		}
	}
	switch st.Status {
	case cluster.HealthUp:
		a.print.status("project %s is up on the %s runtime, with %s", st.Project, st.Runtime, plural(int64(st.Details.TopicCount), "topic"))
		a.sayNotes(st)
		return nil
	case cluster.HealthDown:
		if brokers := os.Getenv("KAFKA_BROKERS"); brokers != "" {
			a.print.status("this is the local stack; the cluster of KAFKA_BROKERS: manage-kafka status -b %s", shellWord(brokers))
		}
		return withHint(withCode(errors.New(st.Project+": "+st.Error), exitUnreachable), "start it with: %s", a.stackLine("start"))
	}
	return withHint(withCode(errors.New(st.Project+" is "+string(st.Status)+": "+st.Error), exitTimeout), "see its log with: %s", a.stackLine("logs"))
}

// runExternalStatus is the health of a cluster that is no stack of ours.
func runExternalStatus(ctx context.Context, a *app) error {
	if err := a.checkShell(); err != nil {
		return err
	}
	c, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	x, err := cluster.Probe(ctx, c)
	if err != nil {
		return a.explainConnect(err)
	}
	if err := a.printExternal(x); err != nil {
		return err
	}
	if x.UnderReplicated > 0 {
		a.print.warn("%s with replicas that are not in sync; list-topics --internal names the topics", plural(int64(x.UnderReplicated), "partition"))
	}
	if !slices.ContainsFunc(x.Brokers, func(b kafka.Broker) bool { return b.ID == x.Controller }) {
		a.print.status("the controller is node %d, which is no broker", x.Controller)
	}
	name := "cluster " + dash(x.ClusterID)
	if x.Status != cluster.HealthUp {
		return withCode(errors.New(name+" is "+string(x.Status)+": "+x.Error), exitTimeout)
	}
	a.print.status("%s is up, with %s (Kafka %s or newer) and %s", name, plural(int64(len(x.Brokers)), "broker"), x.Release, plural(int64(x.Details.TopicCount), "topic"))
	return nil
}

func (a *app) printExternal(x cluster.External) error {
	if a.print.format == formatEnv {
		return a.printEnv(map[string]string{cluster.ServiceKafka: joinList(x.Bootstrap)})
	}
	cols := []column[kafka.Broker]{
		{head: "BROKER", right: true, cell: func(b kafka.Broker) string { return strconv.Itoa(int(b.ID)) }},
		{head: "ADDRESS", cell: func(b kafka.Broker) string { return b.Addr }},
		{head: "RACK", cell: func(b kafka.Broker) string { return dash(b.Rack) }},
		{head: "CONTROLLER", cell: func(b kafka.Broker) string {
			if b.ID == x.Controller {
				return "yes"
			}
			return "-"
		}},
	}
	if a.print.format == formatName {
		return printRows(a.print, x.Brokers, cols)
	}
	return printValue(a.print, x, func() error { return printRows(a.print, x.Brokers, cols) })
}
