package cmd

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/dlq"
)

// defaultFailures is how many failures a table shows.
const defaultFailures = 50

func newDLQFailuresCommand(a *app) *cobra.Command {
	var flags selectionFlags
	var opts dlq.FailuresOptions
	cmd := &cobra.Command{
		Use:   "failures DLQ",
		Short: "Group dead letters by what failed",
		Long: `Read the pending letters of a queue and group them by what failed: the class of the
root cause, the message without the ids, numbers, times and addresses in it, and the
application's own first frame of the stack. A letter that tells no error is grouped
by the shape of its value.

ID names the failure in --failure of the other commands. FIRST and LAST are when
letters failed, RATE is letters an hour between the two, AGAIN how many were replayed
before and failed again, EXPIRES how long the oldest pending one is kept at least.

` + selectionHelp + `

A selection that matches nothing is exit 8.`,
		Example: `  manage-kafka dlq failures orders.dlq
  manage-kafka dlq failures orders.dlq --since 2h --group billing-svc
  manage-kafka dlq failures orders.dlq --jq-select '.tenantId == "t1"' -o json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeQueue,
		RunE: func(cmd *cobra.Command, args []string) error {
			sel, err := flags.selection(time.Now())
			if err != nil {
				return usageOf(cmd, err)
			}
			if sel.Limit == 0 && a.print.format == formatTable {
				sel.Limit = defaultFailures
			}
			opts.Selection = sel
			return runDLQFailures(cmd.Context(), a, args[0], opts, flags.given(cmd))
		},
	}
	flags.bind(cmd, "show at most `n` failures, the most frequent (default 50 in a table)")
	cmd.Flags().BoolVar(&opts.All, "all", false, "also letters that are replayed, discarded or parked")
	a.outputFlag(cmd)
	return cmd
}

func runDLQFailures(ctx context.Context, a *app, queue string, opts dlq.FailuresOptions, selected bool) error {
	c, ledger, mask, err := a.openMasked(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	opts.Ledger, opts.Mask = ledger, mask.Record
	bar := newLetterProgress(a.print, "reading "+queue, 0)
	opts.Progress = bar.countOf
	found, err := dlq.FindFailures(ctx, c, queue, opts)
	bar.end()
	switch {
	case isNothing(err) && selected && !opts.All:
		return withHint(explainDLQ(err), "--all takes resolved letters too")
	case err != nil && (selected || !isNothing(err)):
		return explainDLQ(err)
	}
	if found.Note != "" {
		a.print.warn("%s", found.Note)
	}
	now := time.Now()
	cols := failureColumns(now)
	if a.print.format == formatName {
		return printRows(a.print, found.Failures, cols)
	}
	if err := printValue(a.print, found, func() error { return printTable(a.print, found.Failures, cols) }); err != nil {
		return err
	}
	if a.print.format == formatTable {
		a.sayFailures(found)
	}
	return nil
}

// sayFailures ends the table with its sum and the next command.
func (a *app) sayFailures(found dlq.Failures) {
	if len(found.Failures) == 0 {
		a.print.status("nothing pending in %s", found.Queue)
		return
	}
	kinds := int64(len(found.Failures) + found.More)
	what := plural(kinds, "failure")
	if found.More > 0 {
		what += fmt.Sprintf(", %d shown (--limit)", len(found.Failures))
	}
	a.print.status("%s in %s", plural(found.Letters, "letter"), what)
	if found.Other > 0 {
		a.print.warn("%s belong to failures beyond the 10,000 that are told apart", plural(found.Other, "letter"))
	}
	a.print.status("see a letter with: manage-kafka dlq show %s --failure %s", found.Queue, found.Failures[0].ID)
}

func failureColumns(now time.Time) []column[dlq.Failure] {
	type failure = dlq.Failure
	return []column[failure]{
		{head: "ID", cell: func(f failure) string { return f.ID }},
		{head: "COUNT", right: true, cell: func(f failure) string { return grouped(f.Count) }},
		{head: "FIRST", cell: func(f failure) string { return timeText(f.First) }},
		{head: "LAST", cell: func(f failure) string { return timeText(f.Last) }},
		{head: "RATE", right: true, cell: func(f failure) string { return rateText(f.PerHour) }},
		{
			head: "AGAIN", right: true, cell: func(f failure) string { return grouped(f.Replayed) },
			style: func(f failure) (style, bool) { return styleWarn, f.Replayed > 0 },
		},
		{
			head: "EXPIRES", right: true, cell: func(f failure) string { return expiryText(f.Expires, now) },
			style: func(f failure) (style, bool) {
				return styleWarn, !f.Expires.IsZero() && f.Expires.Sub(now) < 24*time.Hour
			},
		},
		{head: "GROUP", cell: func(f failure) string { return tallyText(f.Groups) }},
		{head: "ERROR", cell: func(f failure) string { return errorText(f, 100) }},
	}
}

func rateText(perHour float64) string {
	if perHour == 0 {
		return "-"
	}
	if perHour >= 10 {
		return grouped(int64(perHour+0.5)) + "/h"
	}
	return strconv.FormatFloat(perHour, 'f', 1, 64) + "/h"
}

// tallyText names the most frequent, and how many others there are.
func tallyText(list []dlq.Tally) string {
	switch len(list) {
	case 0:
		return "-"
	case 1:
		return dash(list[0].Name)
	}
	return fmt.Sprintf("%s +%d", dash(list[0].Name), len(list)-1)
}

// errorText is the class without its package and the normalised message, cut
// to so many characters.
func errorText(f dlq.Failure, most int) string {
	text := f.Message
	if f.Class != "" {
		text = shortClass(f.Class)
		if f.Message != "" {
			text += ": " + f.Message
		}
	}
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return dash(text)
}
