package cmd

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/groups"
)

func newGroupsListCommand(a *app) *cobra.Command {
	var opts groups.ListOptions
	cmd := &cobra.Command{
		Use:   "list [PATTERN...]",
		Short: "List consumer groups",
		Long: `List consumer groups by name, all or those that match a name or glob (*, ?, [a-z]).

TYPE is classic, consumer, share or streams. LAG is the number of records not
committed yet, over all partitions with a commit; of a share group those that are
not acknowledged, which brokers tell from Kafka 4.2. A dash is unknown. A pattern
that matches nothing is exit 8.`,
		Example: `  manage-kafka groups list
  manage-kafka groups list 'billing-*' -o json
  manage-kafka groups list -o name`,
		ValidArgsFunction: a.completeGroups,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Patterns = args
			opts.Names = a.print.format == formatName
			return runGroupsList(cmd.Context(), a, opts)
		},
	}
	a.outputFlag(cmd)
	return cmd
}

func runGroupsList(ctx context.Context, a *app, opts groups.ListOptions) error {
	if err := groups.CheckPatterns(opts.Patterns); err != nil {
		return usagef("%v", err)
	}
	c, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	list, err := groups.New(c).List(ctx, opts)
	if err != nil {
		return err
	}
	if len(list.Groups) > 0 || len(list.Missed) == 0 {
		if err := printRows(a.print, list.Groups, groupColumns()); err != nil {
			return err
		}
	}
	for _, group := range list.Groups {
		if group.Error != "" {
			a.print.warn("%s: %s", group.Name, group.Error)
		}
	}
	if len(list.Missed) > 0 {
		return noMatch("consumer group", list.Missed)
	}
	return nil
}

func groupColumns() []column[groups.Group] {
	type group = groups.Group
	return []column[group]{
		{head: "NAME", cell: func(g group) string { return g.Name }},
		{head: "TYPE", cell: func(g group) string { return string(g.Type) }},
		{head: "STATE", cell: func(g group) string { return dash(g.State) }},
		{head: "MEMBERS", right: true, cell: func(g group) string {
			if g.Members == nil {
				return "-"
			}
			return strconv.Itoa(*g.Members)
		}},
		{
			head: "LAG", right: true, cell: func(g group) string { return number(g.Lag) },
			style: func(g group) (style, bool) { return styleWarn, g.Lag != nil && *g.Lag > 0 },
		},
	}
}
