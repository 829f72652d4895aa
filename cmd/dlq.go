package cmd

import "github.com/spf13/cobra"

func newDLQCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "dlq",
		Short:   "Work on dead letter queues",
		GroupID: groupGroups,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.dlqChangeCommands()...)
	return cmd
}
