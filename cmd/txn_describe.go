package cmd

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func newTxnDescribeCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "describe ID...",
		Short: "Show a transactional id and its open transaction",
		Long: `Show transactional ids: state, producer and epoch, timeout, and of a transaction
under way since when it is open and which partitions it writes to.

An id that the cluster does not have is exit 1.`,
		Example: `  manage-kafka txn describe billing-7
  manage-kafka txn describe billing-7 -o json`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeTransactions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runTxnDescribe(cmd.Context(), a, args)
		},
	}
	a.outputFlag(cmd)
	return cmd
}

func runTxnDescribe(ctx context.Context, a *app, ids []string) error {
	c, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	reader := txn.NewReader(c)
	var list []txn.Transaction
	for _, id := range ids {
		t, err := reader.Describe(ctx, id)
		if errors.Is(err, txn.ErrNotFound) {
			return withHint(fmt.Errorf("%s: no such transactional id", id), "see the ids there are with: manage-kafka txn list")
		}
		if err != nil {
			return err
		}
		list = append(list, t)
	}
	if a.print.format != formatTable {
		return printRows(a.print, list, transactionColumns())
	}
	for i, t := range list {
		if i > 0 {
			fmt.Fprintln(a.out)
		}
		if err := a.showTransaction(t); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) showTransaction(t txn.Transaction) error {
	epoch := "-"
	if t.Epoch != nil {
		epoch = strconv.Itoa(int(*t.Epoch))
	}
	since := ""
	if t.Started != nil {
		since = " since " + t.Started.Format("2006-01-02T15:04:05Z07:00")
	}
	_, err := fmt.Fprintf(a.out, "id           %s\nstate        %s\nproducer     %d\nepoch        %s\ncoordinator  %d\ntimeout      %s\nopen         %s\n",
		terminal.Escape(t.ID), terminal.Escape(t.State), t.ProducerID, epoch, t.Coordinator, behindText(t.TimeoutSeconds), behindText(t.OpenSeconds)+since)
	if err != nil || len(t.Partitions) == 0 {
		return err
	}
	fmt.Fprintln(a.out)
	return printTable(a.print, t.Partitions, []column[kafka.TopicPartition]{
		{head: "TOPIC", cell: func(tp kafka.TopicPartition) string { return tp.Topic }},
		{head: "PARTITION", right: true, cell: func(tp kafka.TopicPartition) string { return strconv.Itoa(int(tp.Partition)) }},
	})
}
