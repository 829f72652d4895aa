package cmd

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/dlq"
)

// runFlags are the flags of a command that resolves letters or reopens them.
type runFlags struct {
	cmd      *cobra.Command
	sel      selectionFlags
	opts     dlq.Options
	dryRun   bool
	planFile string
	rate     string
	ramp     string
	approved bool // by a plan of somebody else
	sending  sendingFlags
}

// bind adds the flags that every such command has.
func (r *runFlags) bind(a *app, cmd *cobra.Command, selects bool) {
	if selects {
		r.sel.bind(cmd, "at most `N` letters")
	}
	f := cmd.Flags()
	f.BoolVar(&r.dryRun, "dry-run", false, "show the plan and write nothing")
	f.BoolVar(&r.opts.AtLeastOnce, "at-least-once", false, "do without transactions: a crash sends some letters twice")
	r.bindHold(a, cmd)
}

// bindHold adds those of a command that works as the only one on a queue.
func (r *runFlags) bindHold(a *app, cmd *cobra.Command) {
	r.cmd = cmd
	f := cmd.Flags()
	f.StringVar(&r.opts.Reason, "reason", "", "why, for the ledger as `text`; needed where the context's environment is prod")
	f.StringVar(&r.opts.Operator, "operator", "", "who does it, for the ledger (default the user's `name`)")
	f.BoolVar(&r.opts.Takeover, "takeover", false, "take the queue over from a run that lives; that one stops")
	f.BoolVar(&r.opts.AssumeDead, "assume-dead", false, "go on after a run that did not end, without watching whether it lives")
	f.DurationVar(&r.opts.Timeout, "transaction-timeout", 0, "after which the broker aborts a transaction of a run that is gone, as a `duration` (default 15s)")
	meant(f, "transaction-timeout")
	a.outputFlag(cmd)
}

// bindSending adds those of a command that sends letters.
func (r *runFlags) bindSending(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&r.opts.To, "to", "", "send to this `topic`, or to \"original\": the one that each letter names (default the queue's name without its suffix)")
	f.StringVar(&r.opts.ForGroup, "for-group", "", "send to one consumer `group`, or to \"original\": the one that each letter failed in")
	f.StringVar(&r.opts.Partition, "partition-by", "", "choose the partition by `original`, key, murmur2, crc32 or fnv1a (default original where it still owns its keys)")
	f.StringVar(&r.opts.Order, "order", dlq.OrderKey, "`key`: by origin, and hold letters behind one of their key that stays; none: hold nothing")
	f.StringVar(&r.opts.Superseded, "superseded", dlq.SupersededAllow, "letters whose key has a newer record on the target: `skip`, only-latest or allow")
	f.StringVar(&r.opts.Timestamp, "timestamp", dlq.TimestampNow, "`now`, or original: that of the event")
	f.IntVar(&r.opts.MaxReplays, "max-replays", dlq.DefaultMaxReplays, "park letters that were replayed `N` times before; -1 never")
	f.StringVar(&r.planFile, "plan", "", "write the plan to `file` for somebody else to apply, and send nothing")
	meant(f, "to", "for-group", "partition-by", "plan")
	r.bindPace(cmd)
	r.sending.bind(cmd)
	completeValues(cmd, "partition-by", "original", "key", "murmur2", "crc32", "fnv1a")
	completeValues(cmd, "order", dlq.OrderKey, dlq.OrderNone)
	completeValues(cmd, "superseded", dlq.SupersededSkip, dlq.SupersededLatest, dlq.SupersededAllow)
	completeValues(cmd, "timestamp", dlq.TimestampNow, dlq.TimestampOriginal)
}

// bindPace adds those of the run itself, which no plan file holds.
func (r *runFlags) bindPace(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&r.rate, "rate", "", "send at most this many letters a second, as in `50/s`")
	f.StringVar(&r.ramp, "ramp", "", "begin with these shares of the rate, 30 s each, as in `1%,10%`")
	f.Int64Var(&r.opts.MaxLag, "max-lag", 0, "pause while --lag-group is more than `N` records behind on the target")
	f.DurationVar(&r.opts.KeepAudit, "keep-audit", dlq.DefaultKeepAudit, "when the ledger has grown, the end of the run merges what is older than this `duration`, as dlq ledger gc does")
	f.StringVar(&r.opts.LagGroup, "lag-group", "", "the `group` of --max-lag (default that of --for-group)")
	meant(f, "rate", "ramp", "max-lag", "lag-group")
}

// options reads the flags.
func (r *runFlags) options() (dlq.Options, error) {
	o := r.opts
	var err error
	if n := o.MaxReplays; r.cmd.Flags().Changed("max-replays") && (n == 0 || n < -1) {
		return o, usageOf(r.cmd, fmt.Errorf("--max-replays %d: want a number above 0, or -1 for never", n))
	}
	if o.Selection, err = r.sel.selection(time.Now()); err != nil {
		return o, usageOf(r.cmd, err)
	}
	if o.Rate, err = parseRate(r.rate); err != nil {
		return o, usageOf(r.cmd, err)
	}
	if o.Ramp, err = parseRamp(r.ramp); err != nil {
		return o, usageOf(r.cmd, err)
	}
	if len(o.Ramp) > 0 && o.Rate == 0 {
		return o, usageOf(r.cmd, fmt.Errorf("--ramp: shares of which rate? Give --rate too"))
	}
	if o.LagGroup == "" && o.ForGroup != dlq.ForOriginalGroup {
		o.LagGroup = o.ForGroup
	}
	if o.MaxLag > 0 && o.LagGroup == "" {
		return o, usageOf(r.cmd, fmt.Errorf("--max-lag: of which group? Give --lag-group"))
	}
	return o, nil
}

// parseRate reads 50, 50/s, 3000/m or 1/h as letters a second.
func parseRate(text string) (float64, error) {
	if text == "" {
		return 0, nil
	}
	number, unit, _ := strings.Cut(text, "/")
	per, ok := map[string]float64{"": 1, "s": 1, "m": 60, "h": 3600}[unit]
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !ok || !(n > 0) || n > 1e9 {
		return 0, fmt.Errorf("--rate %q: want a number of letters a second above 0, as in 50/s (or /m, /h)", text)
	}
	return n / per, nil
}

// parseRamp reads 1%,10%,100% as shares.
func parseRamp(text string) ([]float64, error) {
	if text == "" {
		return nil, nil
	}
	var ramp []float64
	for item := range strings.SplitSeq(text, ",") {
		n, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(item), "%"), 64)
		if err != nil || !(n > 0) || n > 100 {
			return nil, fmt.Errorf("--ramp %q: want shares of the rate above 0%% and up to 100%%, as in 1%%,10%%", text)
		}
		ramp = append(ramp, n/100)
	}
	return ramp, nil
}
