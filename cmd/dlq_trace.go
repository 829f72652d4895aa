package cmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
	"github.com/multi-tenant/manage-kafka/pkg/dlq"
)

func newDLQTraceCommand(a *app) *cobra.Command {
	var settle time.Duration
	cmd := &cobra.Command{
		Use:   "trace DLQ PARTITION@OFFSET",
		Short: "Tell where a letter went and what became of it",
		Long: `Tell the way of one letter: where it came from and why, what each run did with it
and where that put it, and whether it passed or is dead again.`,
		Example:           `  manage-kafka dlq trace orders.dlq 3@1204`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeQueue,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runDLQTrace(cmd.Context(), a, args[0], args[1], settle)
		},
	}
	cmd.Flags().DurationVar(&settle, "settle", dlq.DefaultSettle, "how long after its commit a letter has passed")
	meant(cmd.Flags(), "settle")
	a.outputFlag(cmd)
	return cmd
}

func runDLQTrace(ctx context.Context, a *app, queue, letter string, settle time.Duration) error {
	c, ledger, mask, err := a.openMasked(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	t, err := dlq.TraceLetter(ctx, c, queue, letter, dlq.WatchOptions{Ledger: ledger, Settle: settle, Mask: mask.Record})
	if err != nil {
		return explainDLQ(err)
	}
	if t.Note != "" {
		a.print.warn("%s", t.Note)
	}
	return printValue(a.print, t, func() error {
		_, err := fmt.Fprint(a.out, terminal.Lines(traceText(t)))
		return err
	})
}

// traceText is the way of a letter, a line a step.
func traceText(t *dlq.Trace) string {
	var b strings.Builder
	l := t.Letter
	fmt.Fprintf(&b, "%s on %s, %s\n", t.ID, t.Queue, t.State)
	fmt.Fprintf(&b, "  came from %s\n", originText(l))
	failed := strings.Trim(shortClass(l.RootClass())+": "+l.Message, ": ")
	if l.Group != "" {
		failed += ", in group " + l.Group
	}
	fmt.Fprintf(&b, "  failed %s, failure %s: %s\n", timeText(l.Failed()), t.Failed, failed)
	for _, s := range t.Steps {
		fmt.Fprintf(&b, "  %s %s by %s, run %s", timeText(s.At), stepText(s.Action), s.Op, s.Run)
		switch {
		case s.Topic != "" && s.Offset >= 0:
			fmt.Fprintf(&b, ", to %s/%d@%d", s.Topic, s.Partition, s.Offset)
		case s.Topic != "":
			fmt.Fprintf(&b, ", to %s at a place that the ledger does not tell", s.Topic)
		}
		if s.Fix != "" {
			fmt.Fprintf(&b, ", changed by %s", s.Fix)
		}
		b.WriteByte('\n')
	}
	if t.Outcome != "" {
		fmt.Fprintf(&b, "  %s", t.Outcome)
		if t.Again != nil {
			fmt.Fprintf(&b, ": now %s, failure %s: %s: %s", t.Again.Letter, t.Again.ID, shortClass(t.Again.Class), t.Again.Message)
		}
		if t.Why != "" {
			fmt.Fprintf(&b, ": %s", t.Why)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func stepText(a dlq.Action) string {
	switch a {
	case dlq.Replayed:
		return "replayed"
	case dlq.Edited:
		return "changed and replayed"
	case dlq.Discarded:
		return "discarded"
	case dlq.Parked:
		return "parked"
	case dlq.Reopened:
		return "made pending again"
	}
	return string(a)
}
