package cmd

import (
	"context"
	"path"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/txn"
)

func newTxnListCommand(a *app) *cobra.Command {
	var open bool
	cmd := &cobra.Command{
		Use:   "list [PATTERN...]",
		Short: "List transactional ids",
		Long: `List transactional ids with their state, all or those that match a name or glob
(*, ?, [a-z]). OPEN is how long the transaction under way has been open, and
PARTITIONS how many partitions it writes to.

A pattern that matches nothing is exit 8.`,
		Example: `  manage-kafka txn list
  manage-kafka txn list 'billing-*' --open -o json`,
		ValidArgsFunction: a.completeTransactions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runTxnList(cmd.Context(), a, args, open)
		},
	}
	cmd.Flags().BoolVar(&open, "open", false, "only ids with a transaction under way")
	a.outputFlag(cmd)
	return cmd
}

func runTxnList(ctx context.Context, a *app, patterns []string, open bool) error {
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil {
			return usagef("malformed pattern %q", p)
		}
	}
	c, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	list, err := txn.NewReader(c).List(ctx, patterns, open)
	if err != nil {
		return err
	}
	if len(list.Transactions) > 0 || len(list.Missed) == 0 {
		if err := printRows(a.print, list.Transactions, transactionColumns()); err != nil {
			return err
		}
	}
	for _, t := range list.Transactions {
		if t.Error != "" {
			a.print.warn("%s: %s", t.ID, t.Error)
		}
	}
	if len(list.Missed) > 0 {
		return noMatch("transactional id", list.Missed)
	}
	return nil
}

func transactionColumns() []column[txn.Transaction] {
	type tx = txn.Transaction
	return []column[tx]{
		{head: "TRANSACTIONAL ID", cell: func(t tx) string { return t.ID }},
		{
			head: "STATE", cell: func(t tx) string { return t.State },
			style: func(t tx) (style, bool) { return styleWarn, t.Open() },
		},
		{head: "PRODUCER", right: true, cell: func(t tx) string { return strconv.FormatInt(t.ProducerID, 10) }},
		{head: "COORDINATOR", right: true, cell: func(t tx) string { return strconv.Itoa(int(t.Coordinator)) }},
		{head: "OPEN", right: true, cell: func(t tx) string { return behindText(t.OpenSeconds) }},
		{head: "PARTITIONS", right: true, cell: func(t tx) string {
			if t.OpenSeconds == nil {
				return "-"
			}
			return strconv.Itoa(len(t.Partitions))
		}},
	}
}
