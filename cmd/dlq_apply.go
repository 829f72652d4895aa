package cmd

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/dlq"
)

func newDLQApplyCommand(a *app) *cobra.Command {
	var flags runFlags
	cmd := &cobra.Command{
		Use:   "apply PLAN",
		Short: "Do what a plan of dlq replay --plan says",
		Long: `Replay the letters that a plan names, and no other, to where it says. So that one
person makes the plan and another lets it go. Letters that were resolved meanwhile
are left out; a queue, ledger or cluster that is not the plan's is refused (7).`,
		Example: `  manage-kafka dlq replay orders.dlq --failure a91f --plan plan.json
  manage-kafka dlq apply plan.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runDLQApply(cmd.Context(), a, &flags, args[0]) },
	}
	flags.bind(a, cmd, false)
	flags.bindPace(cmd)
	return cmd
}

func runDLQApply(ctx context.Context, a *app, flags *runFlags, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return usagef("%v", err)
	}
	defer f.Close()
	plan, err := dlq.ReadPlanFile(f)
	if err != nil {
		return explainRun(err)
	}
	opts, err := flags.options()
	if err != nil {
		return err
	}
	plan.Apply(&opts)
	flags.approved = true
	a.print.status("plan of %s by %s, made %s", plural(plan.Letters, "letter"), plan.By, timeText(plan.Made))
	return runDLQ(ctx, a, flags, opts)
}
