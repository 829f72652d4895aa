package cmd

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
)

func newDescribeTopicCommand(a *app) *cobra.Command {
	var opts topics.DescribeOptions
	cmd := &cobra.Command{
		Use:     "describe-topic NAME...",
		Short:   "Show a topic's partitions and settings",
		GroupID: groupTopics,
		Long: `Show topics: id, partitions with leader, replicas, in-sync replicas, offsets and
records, and the settings that differ from Kafka's defaults, with where each
comes from.

NAME may be a glob. A topic that does not exist is exit 1; a glob that matches
nothing is exit 8.`,
		Example: `  manage-kafka describe-topic orders
  manage-kafka describe-topic orders --all-config -o json
  manage-kafka describe-topic '*.dlq'`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeTopics,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runDescribeTopic(cmd.Context(), a, args, opts)
		},
	}
	cmd.Flags().BoolVar(&opts.AllConfig, "all-config", false, "show every setting, also Kafka's defaults")
	a.outputFlag(cmd)
	return cmd
}

func runDescribeTopic(ctx context.Context, a *app, patterns []string, opts topics.DescribeOptions) error {
	if err := topics.CheckPatterns(patterns); err != nil {
		return explainTopics(err)
	}
	c, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	list, missed, err := topics.New(c).Describe(ctx, patterns, opts)
	if err != nil {
		return explainTopics(err)
	}
	if err := a.showDescriptions(list); err != nil {
		return err
	}
	if len(missed) > 0 {
		return noMatch("topic", missed)
	}
	return nil
}

func (a *app) showDescriptions(list []topics.Description) error {
	if a.print.format != formatTable {
		return printRows(a.print, list, []column[topics.Description]{
			{head: "NAME", cell: func(d topics.Description) string { return d.Name }},
		})
	}
	for i, d := range list {
		if i > 0 {
			fmt.Fprintln(a.out)
		}
		if err := a.showDescription(d); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) showDescription(d topics.Description) error {
	id := d.ID
	if id == "" {
		id = "-"
	}
	_, err := fmt.Fprintf(a.out, "name         %s\nid           %s\npartitions   %d\nreplication  %d\nrecords      %s\nsize         %s\n\n",
		terminal.Escape(d.Name), terminal.Escape(id), len(d.Partitions), d.Replication, number(d.Records), bytesText(d.SizeBytes))
	if err != nil {
		return err
	}
	if err := printTable(a.print, d.Partitions, partitionColumns()); err != nil {
		return err
	}
	if len(d.Config) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(a.out); err != nil {
		return err
	}
	return printTable(a.print, d.Config, settingColumns())
}

func partitionColumns() []column[topics.PartitionDetail] {
	type detail = topics.PartitionDetail
	return []column[detail]{
		{head: "PARTITION", right: true, cell: func(p detail) string { return strconv.Itoa(int(p.ID)) }},
		{
			head: "LEADER", right: true,
			cell: func(p detail) string {
				if p.Leader < 0 {
					return "none"
				}
				return strconv.Itoa(int(p.Leader))
			},
			style: func(p detail) (style, bool) { return styleError, p.Leader < 0 },
		},
		{head: "REPLICAS", cell: func(p detail) string { return ids(p.Replicas) }},
		{
			head: "IN SYNC", cell: func(p detail) string { return ids(p.ISR) },
			style: func(p detail) (style, bool) { return styleWarn, len(p.ISR) < len(p.Replicas) },
		},
		{head: "START", right: true, cell: func(p detail) string { return number(p.Start) }},
		{head: "END", right: true, cell: func(p detail) string { return number(p.End) }},
		{head: "RECORDS", right: true, cell: func(p detail) string { return number(p.Records) }},
		{head: "SIZE", right: true, cell: func(p detail) string { return bytesText(p.SizeBytes) }},
	}
}
