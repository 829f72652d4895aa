package cmd

import "github.com/spf13/cobra"

func newDLQReplayCommand(a *app) *cobra.Command {
	var flags runFlags
	cmd := &cobra.Command{
		Use:   "replay DLQ",
		Short: "Send pending letters to their topic again, each exactly once",
		Long: `Send the pending letters of a queue to the topic that they came from, in the order
of their origin, without the headers of the failure. What was sent stands in the
ledger, in the same transaction, so that a run that is interrupted or killed is
resumed by the same command, by anybody, and no letter is sent twice.

No topic is made by sending to it. With --to original, letters of a topic that is
not there, or that you may not write to, stay pending, and the others are sent.

` + selectionHelp + `

` + fixHelp + `

` + canaryHelp + `

With --plan FILE nothing is sent: the file holds the letters by their offsets, and
what is changed in them and asked of them, for somebody else to see and to let go
with dlq apply. A command, --validate-exec, is never taken from a file; rate, canary
and lag are for whoever applies it.

Exactly once holds for readers at read_committed, the default of this tool and its
library and not that of most clients: others see up to one transaction of letters
twice for each crash, and letters before they are committed. What a consumer does
outside of Kafka it may do twice as ever. A topic with min.insync.replicas=1 can
lose letters and ledger with one broker. Who replays the same queue with another
tool is not seen here.

Rights: Write and Describe on TransactionalId manage-kafka.dlq.* (prefixed), Read
on Group manage-kafka.dlq.* (prefixed), Read, Write and Describe on the ledger,
Read on the queue, Write, Describe and DescribeConfigs on the target; before Kafka
3.0 IdempotentWrite on the cluster. To tell which letters passed (--canary, dlq
watch), Describe on the consumer groups; dlq verify and a partition that is chosen
by key need Read on the target.

The first Ctrl-C ends the run after the transaction under way, the second at once.
Exit codes: 5 letters stay pending, 6 another run lives or took over, 7 identity or
ledger does not fit, 8 the selection matches nothing, 3 the cluster does not let it
go on (the same command resumes).`,
		Example: `  manage-kafka dlq replay orders.dlq --dry-run
  manage-kafka dlq replay orders.dlq --failure a91f --rate 50/s
  manage-kafka dlq replay orders.dlq --for-group billing --reason INC-812
  manage-kafka dlq replay orders.dlq --jq '.amount |= tonumber' --validate event --dry-run
  manage-kafka dlq replay orders.dlq --canary 5 --stop-if-redead 2%
  manage-kafka dlq replay orders.dlq --jq '.amount |= tonumber' --plan plan.json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeQueue,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts, err := flags.options()
			if err != nil {
				return err
			}
			opts.Queue = args[0]
			return runDLQ(cmd.Context(), a, &flags, opts)
		},
	}
	flags.bind(a, cmd, true)
	flags.bindSending(cmd)
	return cmd
}
