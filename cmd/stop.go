package cmd

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/cluster"
)

func newStopCommand(a *app) *cobra.Command {
	var o cluster.DownOptions
	cmd := &cobra.Command{
		Use:     "stop",
		Short:   "Stop the local stack",
		GroupID: groupStack,
		Long: `Stop the local stack of a project and wait for its end. The data is kept, unless
--volumes is given. A stack that does not run is no error.`,
		Example: `  manage-kafka stop
  manage-kafka stop --volumes --yes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := onlyLocal(cmd); err != nil {
				return err
			}
			return runStop(cmd.Context(), a, o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.Volumes, "volumes", false, "remove the data too: topics, records, offsets and schemas")
	f.DurationVar(&o.WaitTimeout, "wait-timeout", 0, "how long the stack may take to end before it is killed (default 25s)")
	return cmd
}

func runStop(ctx context.Context, a *app, o cluster.DownOptions) error {
	stack, err := a.openStack("")
	if err != nil {
		return err
	}
	if err := stack.Adopt(ctx); err != nil {
		return err
	}
	if o.Volumes && !stack.HasData() {
		a.print.status("project %s has no data here", stack.Project())
		return nil
	}
	if o.Volumes {
		what := "this removes all topics, records, offsets and schemas of project " + stack.Project() + ": " + strings.Join(stack.Volumes(), ", ")
		if err := a.confirmDestructive(ctx, what); err != nil {
			return err
		}
	}
	o.Progress = a.showProgress
	wasRunning, err := stack.Down(ctx, o)
	if err != nil {
		return a.explainStack(err)
	}
	switch {
	case !wasRunning && o.Volumes:
		a.print.status("project %s was not running; its data is removed", stack.Project())
	case !wasRunning:
		a.print.status("project %s is not running", stack.Project())
	case o.Volumes:
		a.print.status("project %s is stopped and its data removed", stack.Project())
	default:
		a.print.status("project %s is stopped; its data is kept", stack.Project())
	}
	return nil
}
