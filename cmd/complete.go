package cmd

import (
	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/topics"
)

// completeValues completes a flag with a fixed list.
func completeValues(cmd *cobra.Command, flag string, values ...string) {
	// The only error is a flag that does not exist, which every help test would show.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// completeSettings completes --config and --delete-config with the names of
// topic settings and, after the =, with the values that there are to choose from.
func completeSettings(cmd *cobra.Command) {
	_ = cmd.RegisterFlagCompletionFunc("config", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var list []string
		for _, s := range topics.Settings() {
			list = append(list, s.Name+"=")
			for _, v := range s.Choices() {
				list = append(list, s.Name+"="+v)
			}
		}
		return list, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	})
	if cmd.Flags().Lookup("delete-config") != nil {
		completeValues(cmd, "delete-config", topics.SettingNames()...)
	}
}

// completeTopics completes arguments with the names of topics.
func (a *app) completeTopics(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// completeGroups completes arguments with the names of consumer groups.
func (a *app) completeGroups(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveNoFileComp
}
