package cmd

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/settings"
	"github.com/multi-tenant/manage-kafka/internal/terminal"
	"github.com/multi-tenant/manage-kafka/pkg/dlq"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func newDLQCheckCommand(a *app) *cobra.Command {
	opts := dlq.CheckOptions{}
	var maxAge, minExpiry, newFailure string
	cmd := &cobra.Command{
		Use:   "check DLQ...",
		Short: "Hold dead letter queues against bounds, as a monitoring plugin",
		Long: `Hold queues against bounds and answer as a Nagios plugin: one line with performance
data, and the exit codes of plugins, which differ from those of every other command:

  0  OK        2  CRITICAL  a bound is passed
  1  WARNING   a new failure    3  UNKNOWN  a queue could not be looked at

Without a bound no pending letter is accepted (--max-pending 0). --new-failure warns of
failures whose first letter, resolved ones too, is no older than an hour, or than the
duration that is given; it reads all letters. Durations are such as 90s, 6h or 7d.

Kafka forgets the offsets of the group that marks how far a queue is replayed after
seven days without a commit, and with them what tells a lost ledger. A check commits
them again as they are, unless the context is read-only.`,
		Example: `  manage-kafka dlq check orders.dlq --max-pending 0 --max-age 1h
  manage-kafka dlq check '*.dlq' --max-pending 100 --min-expiry 24h --new-failure=30m`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return pluginUsage(a, cmd, errors.New("which queues? Name them, or give a glob"))
			}
			return nil
		},
		ValidArgsFunction: a.completeQueues,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Queues, opts.Now = args, time.Now()
			for _, span := range []struct {
				text string
				to   *time.Duration
			}{{maxAge, &opts.MaxAge}, {minExpiry, &opts.MinExpiry}, {newFailure, &opts.NewFailure}} {
				if err := readSpan(span.text, span.to); err != nil {
					return pluginUsage(a, cmd, err)
				}
			}
			if opts.MaxPending < 0 {
				return pluginUsage(a, cmd, fmt.Errorf("--max-pending %d: want a number from 0", opts.MaxPending))
			}
			if !cmd.Flags().Changed("max-pending") && (maxAge != "" || minExpiry != "" || newFailure != "") {
				opts.MaxPending = -1
			}
			return runDLQCheck(cmd.Context(), a, opts)
		},
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return pluginUsage(a, cmd, err) })
	f := cmd.Flags()
	f.Int64Var(&opts.MaxPending, "max-pending", 0, "critical with more than `n` pending letters (default 0 where there is no other bound)")
	f.StringVar(&maxAge, "max-age", "", "critical when the oldest pending letter is older than this `duration`")
	f.StringVar(&minExpiry, "min-expiry", "", "critical when the oldest pending letter is kept no longer than this `duration`")
	f.StringVar(&newFailure, "new-failure", "", "warning for failures that began within this `duration` (1h)")
	f.Lookup("new-failure").NoOptDefVal = "1h"
	a.outputFlag(cmd)
	return cmd
}

// readSpan reads a duration of package time, or whole days; an empty text
// leaves to as it is.
func readSpan(text string, to *time.Duration) error {
	if text == "" {
		return nil
	}
	d, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		d = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || d <= 0 {
		return fmt.Errorf("duration %q: want one such as 90s, 6h or 7d", text)
	}
	*to = d
	return nil
}

// pluginUsage is a wrong call of a monitoring plugin, which is UNKNOWN: by the
// codes of the other commands a monitor would read it as critical.
func pluginUsage(a *app, cmd *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	fmt.Fprintf(a.out, "DLQ UNKNOWN - %s\n", terminal.Escape(err.Error()))
	return withHint(withCode(err, int(dlq.VerdictUnknown)), "run: %s --help", cmd.CommandPath())
}

func runDLQCheck(ctx context.Context, a *app, opts dlq.CheckOptions) error {
	all, err := checkQueues(ctx, a, opts)
	if err != nil {
		if a.print.format == formatTable {
			fmt.Fprintf(a.out, "DLQ UNKNOWN - %s\n", terminal.Escape(err.Error()))
		}
		return withCode(err, int(dlq.VerdictUnknown))
	}
	if err := printRowsOr(a.print, all, func() error {
		_, err := fmt.Fprintln(a.out, pluginLine(all, opts))
		return err
	}); err != nil {
		return err
	}
	if worst := worstOf(all); worst != dlq.VerdictOK {
		return &quietError{code: int(worst)}
	}
	return nil
}

func checkQueues(ctx context.Context, a *app, opts dlq.CheckOptions) ([]dlq.Checked, error) {
	if err := dlq.CheckPatterns(opts.Queues); err != nil {
		return nil, err
	}
	c, ledger, err := a.openDLQ(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	opts.Ledger, opts.Keep = ledger, a.keepsWatermarks(c)
	all, err := dlq.Check(ctx, c, opts)
	if err == nil && len(all) == 0 {
		err = errors.New("no queue to look at")
	}
	return all, err
}

// keepsWatermarks tells whether who looks at queues may commit their watermarks again.
func (a *app) keepsWatermarks(c *kafka.Client) bool {
	rules, _ := a.target.files.Rules(c.Bootstrap(), c.ClusterID())
	return rules.Access != settings.AccessReadOnly
}

// printRowsOr answers with rows unless a table is wanted, which is drawn otherwise.
func printRowsOr(p *printer, all []dlq.Checked, table func() error) error {
	if p.format == formatTable {
		return table()
	}
	return printRows(p, all, []column[dlq.Checked]{{head: "NAME", cell: func(c dlq.Checked) string { return c.Queue }}})
}

func worstOf(all []dlq.Checked) dlq.Verdict {
	worst := dlq.VerdictOK
	for _, c := range all {
		worst = dlq.WorseVerdict(worst, c.Verdict)
	}
	return worst
}

// pluginLine is what Nagios shows, and after the bar what it stores: values
// with their critical bounds, ages in seconds.
func pluginLine(all []dlq.Checked, opts dlq.CheckOptions) string {
	var what, data []string
	for _, c := range all {
		said := strings.Join(c.Reasons, ", ")
		if said == "" {
			said = grouped(c.Pending) + " pending"
		}
		what = append(what, c.Queue+": "+said)
		if c.Verdict == dlq.VerdictUnknown {
			continue
		}
		data = append(data, perfData(c.Queue+"_pending", strconv.FormatInt(c.Pending, 10), boundText(opts.MaxPending >= 0, opts.MaxPending)))
		if c.AgeSeconds != nil {
			data = append(data, perfData(c.Queue+"_age", secondsText(*c.AgeSeconds), boundText(opts.MaxAge > 0, int64(opts.MaxAge/time.Second))))
		}
		if c.ExpiresSeconds != nil {
			bound := boundText(opts.MinExpiry > 0, int64(opts.MinExpiry/time.Second))
			if bound != "" {
				bound += ":" // critical below
			}
			data = append(data, fmt.Sprintf("'%s'=%s;;%s", perfLabel(c.Queue+"_expires"), secondsText(*c.ExpiresSeconds), bound))
		}
	}
	// The bar and line ends have a meaning of their own to Nagios.
	text := strings.ReplaceAll(strings.Join(what, "; "), "|", "/")
	return terminal.Escape(fmt.Sprintf("DLQ %s - %s | %s", worstOf(all), text, strings.Join(data, " ")))
}

func perfData(label, value, critical string) string {
	return fmt.Sprintf("'%s'=%s;;%s;0", perfLabel(label), value, critical)
}

func perfLabel(label string) string {
	return strings.NewReplacer("'", "_", "=", "_", "|", "_").Replace(label)
}

func boundText(bounded bool, n int64) string {
	if !bounded {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func secondsText(s float64) string { return strconv.FormatInt(int64(s), 10) + "s" }
