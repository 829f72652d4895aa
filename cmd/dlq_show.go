package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/dlq"
)

func isNothing(err error) bool { return errors.Is(err, dlq.ErrNothingMatched) }

func newDLQShowCommand(a *app) *cobra.Command {
	var flags selectionFlags
	var opts dlq.ShowOptions
	cmd := &cobra.Command{
		Use:   "show DLQ [PARTITION@OFFSET...]",
		Short: "Show dead letters with everything known about them",
		Long: `Show letters: where they came from, what failed and in which consumer group, how
often, when they expire, what the ledger says of them, their headers and value.
Letters are named by partition and offset, or selected; of a selection the newest
are shown first.

` + selectionHelp + `

-o json has each letter's record as consumer -f json writes it, byte for byte, with
base64 for what is no UTF-8. Members that the context masks show as ••• here too.
A letter that is not there and a selection that matches nothing are exit 8.`,
		Example: `  manage-kafka dlq show orders.dlq 3@1204
  manage-kafka dlq show orders.dlq --failure a91f --limit 3
  manage-kafka dlq show orders.dlq --key 'tenant-7' --all -o json`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeQueue,
		RunE: func(cmd *cobra.Command, args []string) error {
			sel, err := flags.selection(time.Now())
			if err != nil {
				return usageOf(cmd, err)
			}
			opts.Letters, opts.Selection = args[1:], sel
			if len(opts.Letters) > 0 && sel.Any() {
				return usageOf(cmd, errors.New("name letters or select them, not both"))
			}
			return runDLQShow(cmd.Context(), a, args[0], opts)
		},
	}
	flags.bind(cmd, fmt.Sprintf("show at most `n` letters (default %d)", dlq.DefaultShown))
	cmd.Flags().BoolVar(&opts.All, "all", false, "select among letters that are replayed, discarded or parked as well")
	a.outputFlag(cmd)
	return cmd
}

// shownLetter is a letter with its record as the console writes records.
type shownLetter struct {
	dlq.Shown
	Record json.RawMessage `json:"record"`
}

func runDLQShow(ctx context.Context, a *app, queue string, opts dlq.ShowOptions) error {
	for _, name := range opts.Letters {
		if _, _, err := dlq.ParseLetter(name); err != nil {
			return explainDLQ(err)
		}
	}
	c, ledger, mask, err := a.openMasked(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	opts.Ledger, opts.Mask = ledger, mask.Record
	bar := newLetterProgress(a.print, "reading "+queue, 0)
	opts.Progress = bar.countOf
	list, note, err := dlq.Show(ctx, c, queue, opts)
	bar.end()
	if isNothing(err) && len(opts.Letters) == 0 {
		err = withHint(explainDLQ(err), "see what there is with: manage-kafka dlq failures %s; --all takes resolved letters too", queue)
	}
	if err != nil {
		return explainDLQ(err)
	}
	if note != "" {
		a.print.warn("%s", note)
	}
	rows := make([]shownLetter, len(list))
	for i, s := range list {
		rows[i] = shownLetter{Shown: s, Record: console.AppendEnvelope(nil, &s.Record)}
	}
	if a.print.format != formatTable {
		return printRows(a.print, rows, []column[shownLetter]{{head: "LETTER", cell: func(s shownLetter) string { return s.ID }}})
	}
	now := time.Now()
	for i, s := range rows {
		if i > 0 {
			fmt.Fprintln(a.out)
		}
		if err := a.showLetter(s.Shown, now); err != nil {
			return err
		}
	}
	if len(rows) > 0 && rows[0].State == dlq.StatePending {
		a.print.status("%s", nextAfterShow(queue, opts, rows[0].Failed))
	}
	return nil
}

// nextAfterShow names the command that replays what was shown.
func nextAfterShow(queue string, opts dlq.ShowOptions, failure string) string {
	if len(opts.Letters) == 1 {
		partition, offset, _ := strings.Cut(opts.Letters[0], "@") // parsed before
		return fmt.Sprintf("replay it with: manage-kafka dlq replay %s --partition %s --offset %s", queue, partition, offset)
	}
	return fmt.Sprintf("replay this failure with: manage-kafka dlq replay %s --failure %s", queue, failure)
}
