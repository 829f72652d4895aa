package cmd

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/topics"
)

func newListTopicsCommand(a *app) *cobra.Command {
	var opts topics.ListOptions
	var namesOnly bool
	cmd := &cobra.Command{
		Use:     "list-topics [PATTERN...]",
		Short:   "List topics",
		GroupID: groupTopics,
		Long: `List topics by name, all or those that match a name or glob (*, ?, [a-z]).

RECORDS is end minus start offset over all partitions; what compaction removed
and transaction markers count. SIZE is on disk over all replicas, where brokers
tell. DLQ is the number of letters in NAME.dlq. A dash is unknown.

A pattern that matches nothing is exit 8. Names alone (-o name, --brief) take a
single request, however many topics there are.`,
		Example: `  manage-kafka list-topics
  manage-kafka list-topics '*.events'
  manage-kafka list-topics -o name
  manage-kafka list-topics --brief --internal`,
		ValidArgsFunction: a.completeTopics,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Patterns = args
			full := !namesOnly && a.print.format != formatName
			opts.Records, opts.Sizes = full, full
			return runListTopics(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().BoolVar(&opts.Internal, "internal", false, "also list the cluster's own topics")
	cmd.Flags().BoolVar(&namesOnly, "brief", false, "only what one request tells: names, partitions and replication")
	a.outputFlag(cmd)
	return cmd
}

func runListTopics(ctx context.Context, a *app, opts topics.ListOptions) error {
	if err := topics.CheckPatterns(opts.Patterns); err != nil {
		return explainTopics(err)
	}
	c, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	list, missed, err := topics.New(c).List(ctx, opts)
	if err != nil {
		return explainTopics(err)
	}
	if len(list) > 0 || len(missed) == 0 {
		if err := printRows(a.print, list, topicColumns(opts)); err != nil {
			return err
		}
	}
	for _, t := range list {
		if t.Error != "" {
			a.print.warn("%s: %s", t.Name, t.Error)
		}
	}
	if len(missed) > 0 {
		return noMatch("topic", missed)
	}
	return nil
}

func topicColumns(opts topics.ListOptions) []column[topics.Topic] {
	cols := []column[topics.Topic]{
		{head: "NAME", cell: func(t topics.Topic) string { return t.Name }},
		{head: "PARTITIONS", right: true, cell: func(t topics.Topic) string { return strconv.Itoa(t.Partitions) }},
		{head: "REPLICATION", right: true, cell: func(t topics.Topic) string { return strconv.Itoa(int(t.Replication)) }},
	}
	if opts.Records {
		cols = append(cols, column[topics.Topic]{head: "RECORDS", right: true, cell: func(t topics.Topic) string { return number(t.Records) }})
	}
	if opts.Sizes {
		cols = append(cols, column[topics.Topic]{head: "SIZE", right: true, cell: func(t topics.Topic) string { return bytesText(t.SizeBytes) }})
	}
	if opts.Records {
		cols = append(cols, column[topics.Topic]{
			head: "DLQ", right: true,
			cell: func(t topics.Topic) string { return number(t.DLQPending) },
			style: func(t topics.Topic) (style, bool) {
				return styleWarn, t.DLQPending != nil && *t.DLQPending > 0
			},
		})
	}
	return cols
}
