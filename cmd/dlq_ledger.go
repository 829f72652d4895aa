package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/dlq"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
)

func newDLQLedgerCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "Make and keep the ledger of replays",
		Long: `The ledger is a compacted topic of one partition that says which letters were
replayed, discarded or parked. It is written in the same Kafka transaction as the
letters, so it cannot say anything else than what happened. One per cluster;
never mirror it.`,
		Example: `  manage-kafka dlq ledger init
  manage-kafka dlq ledger gc orders.dlq`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDLQLedgerInitCommand(a), newDLQLedgerGCCommand(a), newDLQLedgerResetCommand(a), newDLQLedgerRebuildCommand(a))
	return cmd
}

func newDLQLedgerInitCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make the ledger topic",
		Long: `Make the ledger: one partition, compacted, replicated three times where there are
three brokers or more. Running it again is fine.`,
		Example: `  manage-kafka dlq ledger init`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runLedgerInit(cmd.Context(), a) },
	}
	a.outputFlag(cmd)
	return cmd
}

func runLedgerInit(ctx context.Context, a *app) error {
	c, err := a.openForChange(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	topic := firstNonEmpty(a.ledger(c), dlq.DefaultLedger)
	spec, err := ledgerSpec(ctx, c, topic)
	if err != nil {
		return err
	}
	done, err := topics.New(c).Create(ctx, []topics.Spec{spec}, topics.CreateOptions{})
	if errors.Is(err, topics.ErrExists) && len(done) == 1 {
		err = unfitLedger(&done[0])
	}
	if errors.Is(err, kafka.ErrNotPermitted) {
		return withHint(err, "the ledger needs Create on topic %s or on the cluster; who may create topics can do it once for all", topic)
	}
	if err != nil {
		return explainTopics(err)
	}
	d := done[0]
	d.Err, d.Error = nil, ""
	if d.Outcome == topics.Created {
		a.print.status("created ledger %s", topic)
		if spec.Replication < 3 {
			a.print.status("it is on %s only: with three or more it would survive the loss of one", plural(int64(spec.Replication), "broker"))
		}
	} else {
		a.print.status("ledger %s is there", topic)
	}
	if a.print.format == formatTable {
		return nil
	}
	return printRows(a.print, []topics.Creation{d}, []column[topics.Creation]{
		{head: "NAME", cell: func(d topics.Creation) string { return d.Name }},
	})
}

// ledgerSpec is the ledger that suits the cluster.
func ledgerSpec(ctx context.Context, c *kafka.Client, topic string) (topics.Spec, error) {
	meta, err := c.Metadata(ctx, []string{})
	if err != nil {
		return topics.Spec{}, err
	}
	spec := topics.Spec{Name: topic, Partitions: 1, Replication: int16(min(3, max(1, len(meta.Brokers)))), Config: map[string]string{
		"cleanup.policy": "compact", "delete.retention.ms": "604800000", "compression.type": "zstd",
	}}
	if spec.Replication == 3 {
		spec.Config["min.insync.replicas"] = "2"
	}
	return spec, nil
}

// unfitLedger tells a topic that cannot be a ledger from one that only is set
// otherwise.
func unfitLedger(d *topics.Creation) error {
	for _, diff := range d.Differences {
		if diff.Field == "partitions" || diff.Field == "cleanup.policy" {
			return withHint(withCode(fmt.Errorf("%s is no ledger: %s", d.Name, diff), exitConflict), "name another topic with --ledger")
		}
	}
	return nil
}
