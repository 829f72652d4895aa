package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/dlq"
)

func newDLQUndoCommand(a *app) *cobra.Command {
	var flags runFlags
	cmd := &cobra.Command{
		Use:   "undo [DLQ] RUN",
		Short: "Make the letters of a run pending again",
		Long: `Make the letters that a run replayed, discarded or parked pending again, but for
those that a later run dealt with. What was sent cannot be taken back: the answer
lists where each letter went. The ledger tells the queue of the run; with DLQ it has
to be that one.

With --tombstone, on a target that is compacted, it also deletes each key whose
newest record is still the one that the run sent, in the transaction that makes
its letter pending. Keys with a newer record stay; what the key had before the
replay does not come back. Another target is refused (2).`,
		Example: `  manage-kafka dlq runs orders.dlq
  manage-kafka dlq undo 01JC3V5Z8Q2M7T9K4R6W0XABCD`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: a.completeQueue,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts, err := flags.options()
			if err != nil {
				return err
			}
			opts.Undo, opts.Action = args[len(args)-1], dlq.Reopened
			if len(args) > 1 {
				opts.Queue = args[0]
			} else if opts.Queue, err = a.queueOfRun(cmd.Context(), opts.Undo); err != nil {
				return err
			}
			return runUndo(cmd.Context(), a, &flags, opts)
		},
	}
	flags.bind(a, cmd, false)
	cmd.Flags().BoolVar(&flags.opts.Tombstone, "tombstone", false, "on a compacted target delete the keys whose newest record the run sent")
	return cmd
}

func runUndo(ctx context.Context, a *app, flags *runFlags, opts dlq.Options) error {
	if err := runDLQ(ctx, a, flags, opts); errors.Is(err, dlq.ErrNotFound) {
		return explainRunName(err)
	} else if err != nil {
		return err
	}
	return a.showPlacements(ctx, opts)
}

// queueOfRun is the queue that a run worked on, by the ledger.
func (a *app) queueOfRun(ctx context.Context, run string) (string, error) {
	c, ledger, err := a.openDLQ(ctx)
	if err != nil {
		return "", err
	}
	defer c.Close()
	l, err := dlq.OpenLedger(ctx, c, dlq.LedgerOptions{Topic: ledger})
	if err != nil {
		return "", explainRun(err)
	}
	r := l.Run(run)
	if r == nil {
		return "", unknownRun(fmt.Errorf("%s: the ledger knows no such run", run))
	}
	return r.Queue, nil
}

// showPlacements lists where the letters of a run went.
func (a *app) showPlacements(ctx context.Context, opts dlq.Options) error {
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if opts.Ledger == "" {
		opts.Ledger = a.ledger(c)
	}
	placed, err := dlq.Placements(ctx, c, dlq.LedgerOptions{Topic: opts.Ledger, Queue: opts.Queue}, opts.Undo)
	if err != nil {
		return explainRunName(err)
	}
	if a.print.format != formatTable || len(placed) == 0 {
		return nil
	}
	return printRows(a.print, placed, []column[dlq.Placement]{
		{head: "LETTER", cell: func(p dlq.Placement) string { return fmt.Sprintf("%d@%d", p.Partition, p.Offset) }},
		{head: "WENT TO", cell: func(p dlq.Placement) string {
			if p.At < 0 {
				return p.Topic
			}
			return fmt.Sprintf("%s/%d", p.Topic, p.To)
		}},
		{head: "OFFSET", right: true, cell: func(p dlq.Placement) string {
			if p.At < 0 {
				return "-"
			}
			return fmt.Sprint(p.At)
		}},
	})
}
