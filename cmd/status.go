package cmd

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/cluster"
)

func newStatusCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Show the health of the local stack",
		GroupID: groupStack,
		Long: `Show the health of the local stack of a project, asked from Kafka itself.

Exit codes: 0 up, 4 degraded or starting, 3 down.`,
		Example: `  manage-kafka status
  manage-kafka status -o json
  eval "$(manage-kafka status -o env)"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runStatus(cmd.Context(), a) },
	}
	a.stackOutputFlags(cmd)
	return cmd
}

func runStatus(ctx context.Context, a *app) error {
	stack, err := a.openStack("")
	if err != nil {
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
		a.print.status("project %s is up on the %s runtime, with %d topics", st.Project, st.Runtime, st.Details.TopicCount)
		a.sayNotes(st)
		return nil
	case cluster.HealthDown:
		return withHint(withCode(errors.New(st.Project+": "+st.Error), exitUnreachable), "start it with: %s", a.stackLine("start"))
	}
	return withHint(withCode(errors.New(st.Project+" is "+string(st.Status)+": "+st.Error), exitTimeout), "see its log with: %s", a.stackLine("logs"))
}
