package cmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/dlq"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func newDLQCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "dlq",
		Short:   "Find, understand and replay dead letters",
		GroupID: groupLetters,
		Long: `Work on dead letter queues: topics whose name ends in .dlq, or in -dlt or .DLT as
Spring's do, and any other topic that is named. A record in one is a letter.

Letters are read as this module's library, Spring, Kafka Connect, Kafka Streams,
share groups, SmallRye, Watermill, MassTransit and services that put the error
into the value write them. A letter is pending until the ledger, a topic of its
own, says that it was replayed, discarded or parked.`,
		Example: `  manage-kafka dlq list
  manage-kafka dlq failures orders.dlq
  manage-kafka dlq show orders.dlq --failure a91f`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&a.ledgerFlag, "ledger", "", "`topic` of the ledger (default the context's, else "+dlq.DefaultLedger+")")
	meant(cmd.PersistentFlags(), "ledger")
	cmd.AddCommand(
		newDLQListCommand(a),
		newDLQFailuresCommand(a),
		newDLQShowCommand(a),
		newDLQCheckCommand(a),
		newDLQExportCommand(a),
	)
	cmd.AddCommand(a.dlqChangeCommands()...)
	return cmd
}

// ledger is the ledger topic of the cluster: that of --ledger, of the context
// that was named, or of a context that stands for the cluster, else "".
func (a *app) ledger(c *kafka.Client) string {
	return firstNonEmpty(a.ledgerFlag, a.target.ledger, a.target.files.Ledger(c.Bootstrap(), c.ClusterID()))
}

// ledgers are the topics that are, as far as is known, a ledger on the cluster.
func (a *app) ledgers(c *kafka.Client) []string {
	names := []string{dlq.DefaultLedger}
	if own := a.ledger(c); own != "" && own != dlq.DefaultLedger {
		names = append(names, own)
	}
	return names
}

func firstNonEmpty(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// valueMask hides what the contexts of the cluster say that no output shows.
func (a *app) valueMask(c *kafka.Client) (console.Mask, error) {
	_, mask := a.target.files.Rules(c.Bootstrap(), c.ClusterID())
	return console.NewMask(append(a.target.mask, mask...))
}

// explainDLQ gives an error of reading dead letters its exit code and its hint.
func explainDLQ(err error) error {
	switch {
	case errors.Is(err, dlq.ErrNotFound):
		return withHint(err, "see the queues there are with: manage-kafka dlq list")
	case errors.Is(err, dlq.ErrConflict) && !errors.Is(err, dlq.ErrRemade):
		return withCode(err, exitConflict)
	case errors.Is(err, kafka.ErrNotPermitted):
		return withHint(err, "looking at letters needs Read and Describe on the queue and the ledger; to tell what became of them, Describe on their consumer groups and Read on their targets")
	}
	return explainRun(err)
}

// completeQueues completes arguments with the names of dead letter queues.
func (a *app) completeQueues(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	return a.completeNames(cmd.Context(), "queues", args, typed, dlq.QueueNames)
}

// completeQueue is completeQueues for a command that takes one.
func (a *app) completeQueue(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeQueues(cmd, args, typed)
}

// spanText writes a duration in its two largest units, as 6 h 12 m.
func spanText(d time.Duration) string {
	if d < 0 {
		return "-" + spanText(max(-d, -(d+1))) // the least has no opposite
	}
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d m %d s", d/time.Minute, d%time.Minute/time.Second)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d m", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d d %d h", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// expiryText writes how long a letter is still kept.
func expiryText(at, now time.Time) string {
	switch {
	case at.IsZero():
		return "-"
	case !at.After(now):
		return "any moment"
	}
	return spanText(at.Sub(now))
}

// timeText writes a point in time to the second, in UTC.
func timeText(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.UTC().Format(time.RFC3339)
}

// openDLQ is open for a command that looks at dead letters, with the ledger.
func (a *app) openDLQ(ctx context.Context) (*kafka.Client, string, error) {
	c, err := a.open(ctx)
	if err != nil {
		return nil, "", err
	}
	return c, a.ledger(c), nil
}

// openMasked is openDLQ for a command that shows values.
func (a *app) openMasked(ctx context.Context) (c *kafka.Client, ledger string, mask console.Mask, err error) {
	if c, ledger, err = a.openDLQ(ctx); err != nil {
		return nil, "", mask, err
	}
	if mask, err = a.valueMask(c); err != nil {
		_ = c.Close()
		return nil, "", mask, err
	}
	return c, ledger, mask, nil
}
