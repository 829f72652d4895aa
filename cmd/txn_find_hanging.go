package cmd

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

type findHangingOptions struct {
	txn.FindOptions
	all bool
}

func newTxnFindHangingCommand(a *app) *cobra.Command {
	var opts findHangingOptions
	cmd := &cobra.Command{
		Use:   "find-hanging [TOPIC...]",
		Short: "Find transactions that nobody will end",
		Long: `Find transactions that keep readers of committed records waiting and that no
coordinator looks after any more: they never end by themselves. Without TOPIC
every partition of the cluster is looked at.

QUIET is how long ago the producer last wrote to the partition, WAITING how many
offsets readers cannot get to. --all shows the transactions that a coordinator
will end too. Finding none is exit 0.`,
		Example: `  manage-kafka txn find-hanging
  manage-kafka txn find-hanging orders --all
  manage-kafka txn abort $(manage-kafka txn find-hanging -o name)`,
		ValidArgsFunction: a.completeTopics,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Topics, opts.Hanging = args, !opts.all
			return runTxnFindHanging(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().BoolVar(&opts.all, "all", false, "also transactions that a coordinator looks after")
	cmd.Flags().DurationVar(&opts.Quiet, "older-than", time.Minute, "only producers that last wrote longer ago than this")
	a.outputFlag(cmd)
	return cmd
}

func runTxnFindHanging(ctx context.Context, a *app, opts findHangingOptions) error {
	if opts.Quiet < 0 {
		return usagef("--older-than %s: want a duration of 0 or above", opts.Quiet)
	}
	if len(opts.Topics) == 0 {
		opts.Topics = nil
	}
	c, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	found, err := txn.NewReader(c).FindBlocking(ctx, opts.FindOptions)
	if err != nil && len(found) == 0 {
		if errors.Is(err, kafka.ErrUnknownTopic) {
			return withHint(err, "see the topics there are with: manage-kafka list-topics")
		}
		return err
	}
	if err := printRows(a.print, found, blockingColumns()); err != nil {
		return err
	}
	hanging := 0
	for _, b := range found {
		if b.Hanging {
			hanging++
		}
	}
	switch {
	case hanging > 0 && a.print.format == formatTable:
		for _, b := range found {
			if b.Hanging {
				a.print.status("end it with: manage-kafka txn abort %s", blockingName(b))
			}
		}
	case len(found) == 0:
		a.print.status("no transaction hangs")
	}
	return err
}

func blockingColumns() []column[txn.Blocking] {
	type open = txn.Blocking
	return []column[open]{
		{head: "TRANSACTION", cell: blockingName},
		{head: "PRODUCER", right: true, cell: func(b open) string { return strconv.FormatInt(b.ProducerID, 10) }},
		{head: "EPOCH", right: true, cell: func(b open) string { return strconv.Itoa(int(b.Epoch)) }},
		{head: "QUIET", right: true, cell: func(b open) string { return behindText(b.QuietSeconds) }},
		{head: "WAITING", right: true, cell: func(b open) string { return number(&b.Waiting) }},
		{head: "TRANSACTIONAL ID", cell: func(b open) string {
			if b.Transaction == nil {
				return "-"
			}
			return b.Transaction.ID
		}},
		{
			head: "VERDICT", cell: verdictOf,
			style: func(b open) (style, bool) { return styleError, b.Hanging },
		},
	}
}

func verdictOf(b txn.Blocking) string {
	switch {
	case b.Hanging && b.Transaction == nil:
		return "hanging: no coordinator knows its producer"
	case b.Hanging:
		return "hanging: its coordinator has " + b.Transaction.State
	case b.Transaction != nil && b.Transaction.TimeoutSeconds != nil && b.Transaction.OpenSeconds != nil:
		left := *b.Transaction.TimeoutSeconds - *b.Transaction.OpenSeconds
		if left > 0 {
			return "ends within " + (time.Duration(left+1) * time.Second).String()
		}
		return "past its timeout, " + b.Transaction.State
	case b.Transaction != nil:
		return b.Transaction.State
	}
	return "ended meanwhile"
}
