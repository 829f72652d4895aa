package cmd

import "github.com/spf13/cobra"

// completeValues completes a flag with a fixed list.
func completeValues(cmd *cobra.Command, flag string, values ...string) {
	// The only error is a flag that does not exist, which every help test would show.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}
