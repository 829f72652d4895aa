package cmd

import (
	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/dlq"
)

func newDLQDiscardCommand(a *app) *cobra.Command {
	return newResolveCommand(a, dlq.Discarded, &cobra.Command{
		Use:   "discard DLQ",
		Short: "Give pending letters up, without sending them",
		Long: `Mark pending letters as discarded: they are neither listed nor replayed any more.
They stay in the queue until it deletes them by age; until then dlq undo brings
them back.

` + selectionHelp,
		Example: `  manage-kafka dlq discard orders.dlq --failure a91f --reason "test data"`,
	})
}

// newResolveCommand makes a command that resolves letters without sending them.
func newResolveCommand(a *app, action dlq.Action, cmd *cobra.Command) *cobra.Command {
	var flags runFlags
	cmd.Args, cmd.ValidArgsFunction = cobra.ExactArgs(1), a.completeQueue
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		opts, err := flags.options()
		if err != nil {
			return err
		}
		opts.Queue, opts.Action = args[0], action
		return runDLQ(cmd.Context(), a, &flags, opts)
	}
	flags.bind(a, cmd, true)
	return cmd
}
