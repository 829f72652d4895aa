package cmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
	"github.com/multi-tenant/manage-kafka/pkg/dlq"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func newDLQRunsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "runs [DLQ|RUN]",
		Short: "Show who did what to which letters, by the ledger",
		Long: `List the runs of the ledger, the newest first, of one queue or of all; with the
name of a run, everything about it and what became of its letters by now. The
operator is what they called themselves: a record, and no proof.`,
		Example: `  manage-kafka dlq runs orders.dlq
  manage-kafka dlq runs 01JC3V5Z8Q2M7T9K4R6W0XABCD`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeQueue,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runDLQRuns(cmd.Context(), a, strings.Join(args, ""))
		},
	}
	a.outputFlag(cmd)
	return cmd
}

func runDLQRuns(ctx context.Context, a *app, name string) error {
	c, ledger, err := a.openDLQ(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	l, err := dlq.OpenLedger(ctx, c, dlq.LedgerOptions{Topic: ledger})
	if err != nil {
		return explainRun(err)
	}
	if l.Open != nil {
		a.print.status("as of offset %d of the ledger: a run is in a transaction", l.Open.Stable)
	}
	if run := l.Run(name); run != nil {
		return a.showRun(*run, a.outcomeOf(ctx, c, ledger, run))
	}
	runs := l.Runs(name)
	if len(runs) == 0 && name != "" {
		return withHint(withCode(fmt.Errorf("the ledger knows no run of the name %s and none on a queue of that name", name), exitNoMatch), "see all with: manage-kafka dlq runs")
	}
	return printRows(a.print, runs, []column[dlq.Run]{
		{head: "RUN", cell: func(r dlq.Run) string { return r.ID }},
		{head: "DLQ", cell: func(r dlq.Run) string { return r.Queue }},
		{head: "ACTION", cell: func(r dlq.Run) string { return string(r.Action) }},
		{head: "STATE", cell: func(r dlq.Run) string { return string(r.State) }},
		{head: "DONE", right: true, cell: func(r dlq.Run) string { return grouped(r.Done) }},
		{head: "PLAN", right: true, cell: func(r dlq.Run) string { return grouped(r.Plan) }},
		{head: "STARTED", cell: func(r dlq.Run) string { return timeText(r.Started) }},
		{head: "OPERATOR", cell: func(r dlq.Run) string { return r.Op + "@" + r.Host }},
		{head: "REASON", cell: func(r dlq.Run) string { return dash(r.Reason) }},
	})
}

// outcomeOf tells what became of a run's letters by now, nil where it sent none
// or nothing can be told.
func (a *app) outcomeOf(ctx context.Context, c *kafka.Client, ledger string, run *dlq.Run) *dlq.Report {
	if run.Action != dlq.Replayed && run.Action != dlq.Edited {
		return nil
	}
	mask, err := a.valueMask(c)
	var w *dlq.Watcher
	if err == nil {
		w, _, err = dlq.WatchRun(ctx, c, run.ID, dlq.WatchOptions{Ledger: ledger, Mask: mask.Record})
	}
	if err == nil {
		var r dlq.Report
		if r, err = w.Look(ctx); err == nil {
			return &r
		}
	}
	a.print.warn("what became of its letters is not known: %v", err)
	return nil
}

// shownRun is a run with what became of its letters.
type shownRun struct {
	dlq.Run
	Outcome *dlq.Report `json:"outcome,omitempty"`
}

func (a *app) showRun(r dlq.Run, outcome *dlq.Report) error {
	return printValue(a.print, shownRun{r, outcome}, func() error {
		var b strings.Builder
		line := func(name, value string) {
			if value != "" {
				fmt.Fprintf(&b, "%-11s%s\n", name, terminal.Escape(value))
			}
		}
		line("run", r.ID)
		line("queue", r.Queue)
		line("topic id", r.TopicID)
		line("action", string(r.Action))
		line("state", string(r.State))
		line("done", fmt.Sprintf("%s of %s", grouped(r.Done), grouped(r.Plan)))
		line("chunks", grouped(r.Seq))
		line("to", r.To)
		line("selection", r.Selection)
		line("operator", r.Op+"@"+r.Host)
		line("reason", r.Reason)
		line("version", r.Version)
		line("started", timeText(r.Started))
		line("last sign", timeText(r.Heartbeat))
		if outcome != nil {
			line("outcome", outcomeText(outcome))
			b.WriteString(terminal.Lines(explainReport(outcome)))
		}
		_, err := fmt.Fprint(a.out, b.String())
		return err
	})
}
