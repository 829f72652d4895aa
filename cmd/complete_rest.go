package cmd

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/multi-tenant/manage-kafka/pkg/dlq"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// completeRest completes what no command completed itself: flags by what they
// take, as their help calls it. A shell offers files where nothing is said, so
// that is left to flags and commands that take files.
func (a *app) completeRest(cmd *cobra.Command) {
	files := []string{"file", "directory", "DIR", "command"}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		_, done := cmd.GetFlagCompletionFunc(f.Name)
		what, _ := pflag.UnquoteUsage(f)
		if done || slices.Contains(files, what) || f.Value.Type() == "bool" {
			return
		}
		complete := cobra.NoFileCompletions
		switch {
		case what == "topic":
			complete = a.completeTopics
		case what == "group":
			complete = a.completeGroups
		case f.Name == "context", f.Name == "confirm":
			complete = a.completeContexts
		}
		// The only error is a flag that is completed already.
		_ = cmd.RegisterFlagCompletionFunc(f.Name, complete)
	})
	if cmd.ValidArgsFunction == nil && len(cmd.ValidArgs) == 0 && !cmd.HasSubCommands() && !strings.Contains(cmd.Use, "FILE") && !strings.Contains(cmd.Use, "PLAN") {
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	for _, sub := range cmd.Commands() {
		a.completeRest(sub)
	}
}

// completeContexts completes the names of contexts.
func (a *app) completeContexts(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	a.print.quiet, a.print.errOut = true, io.Discard
	files, err := a.settings()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names := slices.DeleteFunc(files.Names(), func(name string) bool { return !strings.HasPrefix(name, typed) })
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeRuns completes the first argument with the runs of the ledger, the newest first.
func (a *app) completeRuns(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeNames(cmd.Context(), "runs", args, typed, func(ctx context.Context, c *kafka.Client) ([]string, error) {
		l, err := dlq.OpenLedger(ctx, c, dlq.LedgerOptions{Topic: a.ledger(c)})
		if err != nil {
			return nil, err
		}
		var ids []string
		for _, r := range l.Runs("") {
			ids = append(ids, r.ID)
		}
		return ids, nil
	})
}
