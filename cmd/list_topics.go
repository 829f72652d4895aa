package cmd

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func newListTopicsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list-topics [PATTERN...]",
		Short:   "List topics",
		GroupID: groupTopics,
		Example: "  manage-kafka list-topics",
		RunE:    func(cmd *cobra.Command, args []string) error { return runListTopics(cmd.Context(), a) },
	}
	a.outputFlag(cmd)
	return cmd
}

func runListTopics(ctx context.Context, a *app) error {
	c, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	meta, err := c.Metadata(ctx, nil)
	if err != nil {
		return err
	}
	return printRows(a.print, meta.Topics, []column[kafka.TopicMetadata]{
		{head: "NAME", cell: func(t kafka.TopicMetadata) string { return t.Name }},
		{head: "PARTITIONS", right: true, cell: func(t kafka.TopicMetadata) string { return strconv.Itoa(len(t.Partitions)) }},
	})
}
