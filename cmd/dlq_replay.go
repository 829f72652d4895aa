package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/dlq"
)

type dlqRunOptions struct {
	dlq.Options
	dryRun bool
}

func newDLQReplayCommand(a *app) *cobra.Command {
	var opts dlqRunOptions
	cmd := &cobra.Command{
		Use:     "replay DLQ",
		Short:   "Send letters to their topic again, each exactly once",
		Example: `  manage-kafka dlq replay orders.dlq`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Queue = args[0]
			return runDLQ(cmd.Context(), a, opts)
		},
	}
	ledgerFlag(cmd, &opts.Ledger)
	f := cmd.Flags()
	f.StringVar(&opts.To, "to", "", "target `topic`")
	f.Int64Var(&opts.Limit, "limit", 0, "at most `N` letters")
	f.Float64Var(&opts.Rate, "rate", 0, "rate")
	f.BoolVar(&opts.Takeover, "takeover", false, "take over")
	f.BoolVar(&opts.AssumeDead, "assume-dead", false, "assume dead")
	f.BoolVar(&opts.dryRun, "dry-run", false, "show the plan and send nothing")
	a.outputFlag(cmd)
	return cmd
}

func runDLQ(ctx context.Context, a *app, opts dlqRunOptions) error {
	i := newInterruption(ctx)
	defer i.close()
	c, err := a.openForChange(i.ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	opts.Notice = func(text string) { a.print.status1(text) }
	opts.Stop = i.stop
	plan, err := dlq.Prepare(i.ctx, c, opts.Options)
	if err != nil {
		return explainRun(err)
	}
	if plan.Letters+plan.Park == 0 {
		a.print.status("nothing pending")
		return nil
	}
	if opts.dryRun {
		return printJSON(a.out, plan)
	}
	if err := a.confirmDestructive(ctx, fmt.Sprintf("this replays %s", plural(plan.Letters, "letter"))); err != nil {
		return err
	}
	i.armed.Store(true)
	res, err := plan.Run(i.ctx)
	i.armed.Store(false)
	if err := explainRun(err); err != nil {
		return err
	}
	a.print.status("run %s: %d of %d in %.1f s", res.Run, res.Done, res.Planned, res.Seconds)
	if res.State == dlq.Stopped {
		return withCode(errors.New("interrupted"), exitInterrupted)
	}
	return nil
}
