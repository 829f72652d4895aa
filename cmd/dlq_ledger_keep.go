package cmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/dlq"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func newDLQLedgerGCCommand(a *app) *cobra.Command {
	var flags runFlags
	keep := dlq.DefaultKeepAudit
	cmd := &cobra.Command{
		Use:   "gc DLQ",
		Short: "Merge what the ledger says of a queue into a snapshot",
		Long: `Restate in a snapshot which letters of a queue are resolved, and delete the records
of transactions that are older than --keep-audit: which run resolved those letters,
and where they went, is then no longer known. It works as a replay does, so it
waits for none and none passes it.`,
		Example: `  manage-kafka dlq ledger gc orders.dlq
  manage-kafka dlq ledger gc orders.dlq --keep-audit 720h`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeQueue,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts, err := flags.options()
			if err != nil {
				return err
			}
			if keep < 0 {
				return usageOf(cmd, fmt.Errorf("--keep-audit %s: want a duration, 0 for none", keep))
			}
			opts.Queue = args[0]
			return runLedgerGC(cmd.Context(), a, &flags, opts, keep)
		},
	}
	flags.bindHold(a, cmd)
	cmd.Flags().DurationVar(&keep, "keep-audit", keep, "keep the records of transactions younger than this `duration`")
	return cmd
}

func runLedgerGC(ctx context.Context, a *app, flags *runFlags, opts dlq.Options, keep time.Duration) error {
	c, opts, err := a.openForLedger(ctx, flags, opts)
	if err != nil {
		return err
	}
	defer c.Close()
	m, err := dlq.MergeLedger(ctx, c, opts, keep)
	if err != nil {
		return explainRun(err)
	}
	if m.Chunks == 0 {
		a.print.status("nothing to merge: %s are younger than --keep-audit", plural(int64(m.Kept), "record"))
	} else {
		a.print.status("merged %s into %s of a snapshot, kept %s", plural(int64(m.Chunks), "record"), grouped(int64(m.Snapshot)), grouped(int64(m.Kept)))
	}
	if a.print.format == formatTable {
		return nil
	}
	return printRows(a.print, []*dlq.Merge{m}, []column[*dlq.Merge]{{head: "DLQ", cell: func(m *dlq.Merge) string { return m.Queue }}})
}

// openForLedger opens the cluster for a command that works on the ledger itself.
func (a *app) openForLedger(ctx context.Context, flags *runFlags, opts dlq.Options) (*kafka.Client, dlq.Options, error) {
	c, err := a.openForChange(ctx)
	if err != nil {
		return nil, opts, err
	}
	if err := a.needReason(c, flags, opts); err != nil {
		_ = c.Close()
		return nil, opts, err
	}
	opts.Ledger = firstNonEmpty(opts.Ledger, a.ledger(c))
	opts.Version, opts.Notice = readVersion().Version, a.print.status1
	return c, opts, nil
}

func newDLQLedgerResetCommand(a *app) *cobra.Command {
	var flags runFlags
	cmd := &cobra.Command{
		Use:   "reset DLQ",
		Short: "Make the ledger forget a queue: all its letters are pending again",
		Long: `Make the ledger forget which letters of a queue were replayed, discarded or parked.
A replay then sends every letter that the queue holds, whatever was sent before. It
is for a queue whose content is not what the ledger knew (dlq replay says so with
exit 7); where the ledger was lost, "dlq ledger rebuild" knows more.`,
		Example:           `  manage-kafka dlq ledger reset orders.dlq --reason "restored from a backup"`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeQueue,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts, err := flags.options()
			if err != nil {
				return err
			}
			opts.Queue = args[0]
			return runLedgerReset(cmd.Context(), a, &flags, opts)
		},
	}
	flags.bindHold(a, cmd)
	return cmd
}

func runLedgerReset(ctx context.Context, a *app, flags *runFlags, opts dlq.Options) error {
	c, opts, err := a.openForLedger(ctx, flags, opts)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := dlq.NeedQueue(ctx, c, opts.Queue); err != nil {
		return explainDLQ(err)
	}
	if err := a.confirmDestructive(ctx, fmt.Sprintf("this makes every letter of %s pending again, also those that were sent: a replay sends them twice", opts.Queue)); err != nil {
		return err
	}
	run, err := dlq.ResetLedger(ctx, c, opts)
	if err != nil {
		return explainRun(err)
	}
	a.print.status("run %s: the ledger knows nothing of %s any more", run, opts.Queue)
	if a.print.format == formatTable {
		return nil
	}
	type answer struct {
		Queue string `json:"dlq"`
		Run   string `json:"run"`
	}
	return printRows(a.print, []answer{{opts.Queue, run}}, []column[answer]{{head: "DLQ", cell: func(r answer) string { return r.Queue }}})
}

func newDLQLedgerRebuildCommand(a *app) *cobra.Command {
	var flags runFlags
	var from string
	cmd := &cobra.Command{
		Use:   "rebuild DLQ --from TOPIC",
		Short: "Learn from a topic which letters of a queue were replayed to it",
		Long: `Read a topic for records that a replay wrote, and mark the letters of the queue that
they came from as replayed. It is for a ledger that was lost or rolled back; what
was discarded or parked is not to be found there. Where letters went to several
topics, run it for each.`,
		Example:           `  manage-kafka dlq ledger rebuild orders.dlq --from orders`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeQueue,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts, err := flags.options()
			if err != nil {
				return err
			}
			if from == "" {
				return usageOf(cmd, fmt.Errorf("--from: which topic did the letters go to?"))
			}
			opts.Queue = args[0]
			return runLedgerRebuild(cmd.Context(), a, &flags, opts, from)
		},
	}
	flags.bindHold(a, cmd)
	cmd.Flags().StringVar(&from, "from", "", "`topic` that letters were replayed to")
	return cmd
}

func runLedgerRebuild(ctx context.Context, a *app, flags *runFlags, opts dlq.Options, from string) error {
	i := newInterruption(ctx)
	defer i.close()
	c, opts, err := a.openForLedger(i.ctx, flags, opts)
	if err != nil {
		return err
	}
	defer c.Close()
	opts.Stop = i.stop
	if err := dlq.NeedQueue(i.ctx, c, opts.Queue); err != nil {
		return explainDLQ(err)
	}
	plan, err := dlq.RebuildPlan(i.ctx, c, opts, from)
	if errors.Is(err, dlq.ErrNoTarget) {
		return withHint(err, "see the topics there are with: manage-kafka list-topics; name the one that letters were replayed to with --from")
	}
	if err != nil {
		return explainRun(err)
	}
	if plan.Letters == 0 {
		return withHint(withCode(fmt.Errorf("no pending letter of %s stands on %s", opts.Queue, from), exitNoMatch),
			"where none was ever replayed: manage-kafka dlq ledger reset %s", opts.Queue)
	}
	if err := a.confirmDestructive(ctx, fmt.Sprintf("this marks %s of %s as replayed, of %s pending", plural(plan.Letters, "letter"), opts.Queue, grouped(plan.Pending))); err != nil {
		return err
	}
	return a.doPlan(i, plan, opts)
}
