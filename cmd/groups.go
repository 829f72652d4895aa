package cmd

import "github.com/spf13/cobra"

func newGroupsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "groups",
		Short:   "List, describe, reset and delete consumer groups",
		GroupID: groupGroups,
		Long: `Show consumer groups of all four types: classic, consumer (KIP-848), share and
streams; set where they go on, and delete them.`,
		Example: `  manage-kafka groups list
  manage-kafka groups describe billing-service-invoices-consumer`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newGroupsListCommand(a), newGroupsDescribeCommand(a), newGroupsResetCommand(a), newGroupsDeleteCommand(a))
	return cmd
}
