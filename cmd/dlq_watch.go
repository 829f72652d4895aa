package cmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
	"github.com/multi-tenant/manage-kafka/pkg/dlq"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

type watchFlags struct {
	once      bool
	untilDone bool
	settle    time.Duration
	groups    []string
}

func newDLQWatchCommand(a *app) *cobra.Command {
	var flags watchFlags
	cmd := &cobra.Command{
		Use:   "watch [RUN]",
		Short: "Tell whether replayed letters passed",
		Long: `Tell what became of the letters of a run, the newest where none is named:
  passed         their group has committed past where they went, --settle ago
  dead again     they stand in the queue again, with the same error or another
  not reached    their group is not there yet
  unverifiable   nobody can tell: no group commits there, or the ledger does not
                 know where they went
A new letter is one of the run come back when its origin is where one of them
went, else by the id of its replay, else by its event's id.

It looks again every second until Ctrl-C; with --until-done until every letter has
its outcome, with --once not at all. All passed is exit 0, dead again or
unverifiable 5, not reached 4. A run that resends letters for retries on topics of
their own needs a --settle that is longer than those take.`,
		Example: `  manage-kafka dlq watch --until-done
  manage-kafka dlq watch 01JCABCDEFGHJKMNPQRSTVWXYZ --once -o json`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			if flags.once && flags.untilDone {
				return usageOf(cmd, errors.New("--once and --until-done cannot be used together"))
			}
			run := ""
			if len(args) > 0 {
				run = args[0]
			}
			return runDLQWatch(cmd.Context(), a, run, flags)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&flags.once, "once", false, "look once")
	f.BoolVar(&flags.untilDone, "until-done", false, "end when every letter has its outcome")
	f.DurationVar(&flags.settle, "settle", dlq.DefaultSettle, "how long after its commit a letter has passed")
	f.StringSliceVar(&flags.groups, "group", nil, "`group` that has to pass the letters (repeatable; default the one each letter failed in)")
	meant(f, "settle", "group")
	a.outputFlag(cmd)
	return cmd
}

func runDLQWatch(ctx context.Context, a *app, run string, flags watchFlags) error {
	c, ledger, err := a.openDLQ(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if run == "" {
		if run, err = newestRun(ctx, c, ledger); err != nil {
			return err
		}
	}
	shown := ""
	mask, err := a.valueMask(c)
	if err != nil {
		return err
	}
	opts := dlq.WatchOptions{Ledger: ledger, Settle: flags.settle, Groups: flags.groups, Mask: mask.Record}
	opts.Report = func(r dlq.Report) {
		if text := outcomeText(&r); text != shown {
			shown = text
			a.print.status("%s", text)
		}
	}
	w, _, err := dlq.WatchRun(ctx, c, run, opts)
	if err != nil {
		return explainRunName(err)
	}
	var r dlq.Report
	if flags.once {
		r, err = w.Look(ctx)
	} else {
		r, err = a.keepWatching(ctx, w, flags.untilDone)
	}
	if err != nil && (ctx.Err() == nil || r.Replayed == 0) {
		return err
	}
	if r.Note != "" {
		a.print.warn("%s", r.Note)
	}
	err = printValue(a.print, r, func() error {
		_, err := fmt.Fprint(a.out, terminal.Lines("run "+r.Run+": "+outcomeText(&r)+"\n"+explainReport(&r)))
		return err
	})
	if err != nil {
		return err
	}
	return outcomeError(&r)
}

// keepWatching looks until done or, where it may not end before, until ctx does.
func (a *app) keepWatching(ctx context.Context, w *dlq.Watcher, untilDone bool) (dlq.Report, error) {
	r, err := w.Wait(ctx)
	for err == nil && !untilDone {
		select {
		case <-ctx.Done():
			return r, ctx.Err()
		case <-time.After(time.Second):
		}
		r, err = w.Wait(ctx)
	}
	return r, err
}

// newestRun is the run that the ledger heard of last.
func newestRun(ctx context.Context, c *kafka.Client, ledger string) (string, error) {
	l, err := dlq.OpenLedger(ctx, c, dlq.LedgerOptions{Topic: ledger})
	if err != nil {
		return "", explainRun(err)
	}
	runs := l.Runs("")
	if len(runs) == 0 {
		return "", withHint(withCode(errors.New("the ledger knows no run"), exitNoMatch), "start one with: manage-kafka dlq replay DLQ")
	}
	return runs[0].ID, nil
}

// explainRunName gives an error about a named run its exit code and hint.
func explainRunName(err error) error {
	if errors.Is(err, dlq.ErrNotFound) {
		return unknownRun(err)
	}
	return explainDLQ(err)
}

func unknownRun(err error) error {
	return withHint(withCode(err, exitNoMatch), "see the runs there are with: manage-kafka dlq runs")
}
