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

func newDLQVerifyCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify RUN",
		Short: "Compare what a run sent with what stands on the target",
		Long: `Read the target of a run, committed records only, and compare it with the ledger:
every letter that the ledger says was sent has to stand there once. Letters that
the target's retention or compaction took are counted and no error. A letter that
is missing, doubled or another one is exit 7.`,
		Example:           `  manage-kafka dlq verify 01JCABCDEFGHJKMNPQRSTVWXYZ`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeRuns,
		RunE:              func(cmd *cobra.Command, args []string) error { return runDLQVerify(cmd.Context(), a, args[0]) },
	}
	a.outputFlag(cmd)
	return cmd
}

func runDLQVerify(ctx context.Context, a *app, run string) error {
	c, ledger, err := a.openDLQ(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	v, err := dlq.VerifyRun(ctx, c, run, dlq.LedgerOptions{Topic: ledger})
	if err != nil {
		return explainRunName(err)
	}
	err = printValue(a.print, v, func() error {
		text := fmt.Sprintf("run %s: %s of %s once on %s", v.Run, grouped(v.Found), plural(v.Sent, "letter"), strings.Join(v.Topics, ", "))
		if len(v.Topics) == 0 {
			text = fmt.Sprintf("run %s: it sent no letters", v.Run)
		}
		for _, n := range []struct {
			count int64
			what  string
		}{{v.Missing, "missing"}, {v.Duplicated, "duplicated"}, {v.Foreign, "foreign"}, {v.Expired, "expired or compacted away"}} {
			if n.count > 0 {
				text += fmt.Sprintf(", %s %s", grouped(n.count), n.what)
			}
		}
		text += "\n"
		for _, line := range v.First {
			text += "  " + line + "\n"
		}
		_, err := fmt.Fprint(a.out, terminal.Lines(text))
		return err
	})
	if err != nil || v.OK() {
		return err
	}
	return withHint(withCode(errors.New("the target does not have what the ledger says"), exitConflict), "see where letters went with: manage-kafka dlq trace %s PARTITION@OFFSET", v.Queue)
}
