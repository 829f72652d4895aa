package cmd

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/dlq"
)

func newDLQExportCommand(a *app) *cobra.Command {
	var opts dlq.ExportOptions
	var file string
	cmd := &cobra.Command{
		Use:   "export [DLQ...]",
		Short: "Write the state of dead letter queues as Prometheus text",
		Long: `Write gauges for Prometheus to standard output, or to a file for the node exporter's
textfile collector: pending, resolved and parked letters, the age of the oldest pending
letter and the time until it expires, and pending letters by topic and consumer group,
for which every pending letter is read (--no-groups leaves that out).

The lag of a consumer group overstates what is pending after a selective replay; these
gauges are by the ledger. dlq_queues tells how many queues were found; 0 may also mean
that the user may see none. The file is replaced in one step, and stays as it is when
anything fails. Like dlq check, unless the context is read-only, it commits again what
Kafka would forget in a week of how far a queue is replayed. A name or glob that selects
nothing is exit 8.`,
		Example: `  manage-kafka dlq export
  manage-kafka dlq export '*.dlq' --file /var/lib/node_exporter/dlq.prom`,
		ValidArgsFunction: a.completeQueues,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Queues, opts.Now = args, time.Now()
			return runDLQExport(cmd.Context(), a, opts, file)
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "write to this `file` instead of standard output")
	cmd.Flags().BoolVar(&opts.NoGroups, "no-groups", false, "leave out pending letters by consumer group")
	return cmd
}

func runDLQExport(ctx context.Context, a *app, opts dlq.ExportOptions, file string) error {
	if err := dlq.CheckPatterns(opts.Queues); err != nil {
		return explainDLQ(err)
	}
	c, ledger, err := a.openDLQ(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	opts.Ledger, opts.Keep = ledger, a.keepsWatermarks(c)
	text, missed, err := dlq.Export(ctx, c, opts)
	if err != nil {
		return explainDLQ(err)
	}
	if len(missed) > 0 {
		return noMatch("dead letter queue", missed)
	}
	if file == "" {
		_, err := a.out.Write(text)
		return err
	}
	if err := replaceFile(file, text); err != nil {
		return fmt.Errorf("--file: %w", err)
	}
	return nil
}
