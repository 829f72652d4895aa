package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
	"github.com/multi-tenant/manage-kafka/pkg/dlq"
)

func newDLQApplyCommand(a *app) *cobra.Command {
	var flags runFlags
	cmd := &cobra.Command{
		Use:   "apply PLAN",
		Short: "Do what a plan of dlq replay --plan says",
		Long: `Replay the letters that a plan names, and no other, to where it says. So that one
person makes the plan and another lets it go. Letters that were resolved meanwhile
are left out; a queue, ledger or cluster that is not the plan's is refused (7).

What the plan changes in letters and asks of them is shown with a sample of what
comes of it, before anything is asked, and done as dlq replay does it. Letters that
the plan leaves pending are judged again, to say why, and stay (5). A plan whose
text was changed since it was written is refused (2); that is no signature: who
does not trust the way that it came compares its sum with whoever made it.

A plan that was checked by a schema registry is checked by the one that --registry,
SCHEMA_REGISTRY_URL or the running stack names. Is that another one than the
plan's, it is refused (7), but for --registry.

` + canaryHelp,
		Example: `  manage-kafka dlq replay orders.dlq --failure a91f --jq '.amount |= tonumber' --plan plan.json
  manage-kafka dlq apply plan.json --dry-run
  manage-kafka dlq apply plan.json --canary 5`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runDLQApply(cmd.Context(), a, &flags, args[0]) },
	}
	flags.bind(a, cmd, false)
	flags.bindPace(cmd)
	flags.sending.bindPlanned(cmd)
	return cmd
}

func runDLQApply(ctx context.Context, a *app, flags *runFlags, name string) error {
	f, err := openUntil(ctx, name)
	if err != nil {
		return usagef("%w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return usagef("%s: is a directory", name)
	}
	plan, err := dlq.ReadPlanFile(fileUntil(ctx, f))
	switch {
	case errors.Is(err, dlq.ErrInvalid), errors.Is(err, dlq.ErrConflict):
		return withCode(fmt.Errorf("%s: %w", name, err), exitCode2(explainRun(err)))
	case err != nil:
		return usagef("%s: %w", name, err)
	}
	opts, err := flags.options()
	if err != nil {
		return err
	}
	plan.Apply(&opts)
	flags.approved = true
	flags.sending.planned, flags.sending.sends = plan.Fix, plan.Action == dlq.Replayed
	a.print.status("plan of %s by %s, made %s", plural(plan.Letters, "letter"), plan.By, timeText(plan.Made))
	if plan.Fix != nil {
		a.show(planFixText(plan))
	}
	return runDLQ(ctx, a, flags, opts)
}

// show writes text that somebody has to see before they agree.
func (a *app) show(text string) {
	if !a.print.quiet || !a.flags.yes {
		fmt.Fprint(a.errOut, text)
	}
}

// planFixText says what a plan does to letters. Each line of a text from the
// file stands behind a bar, so that none looks like one of ours.
func planFixText(plan *dlq.PlanFile) string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-11s%s\n", name, terminal.Escape(fmt.Sprintf(format, args...)))
	}
	program := func(name, what, text string) {
		if text == "" {
			return
		}
		line(name, "%s", what)
		for l := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
			fmt.Fprintf(&b, "  | %s\n", terminal.Escape(l))
		}
	}
	f := plan.Fix
	line("sum", "%s", plan.Sum)
	if f.Hash != "" {
		line("hash", "%s, as the ledger will tell of the changes", f.Hash)
	}
	program("value", "by jq", f.JQ)
	if f.Key != nil {
		line("key", "%q", *f.Key)
	}
	program("key", "by jq", f.KeyJQ)
	for _, h := range f.SetHeaders {
		line("set", "header %q to %q", h.Name, h.Value)
	}
	for _, name := range f.DelHeaders {
		line("delete", "header %q", name)
	}
	program("check", "by jq", f.Predicate)
	for _, name := range f.Checks {
		if name == dlq.CheckRegistry {
			name += " " + f.Registry
		}
		line("check", "%s", name)
	}
	return b.String()
}
