package cmd

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/dlq"
)

func newDLQListCommand(a *app) *cobra.Command {
	var opts dlq.ListOptions
	cmd := &cobra.Command{
		Use:   "list [DLQ...]",
		Short: "List dead letter queues",
		Long: `List dead letter queues: all of them, or those that a name or glob (*, ?, [a-z])
selects. A topic whose name does not end in .dlq, -dlt or .DLT is listed when it is
named.

PENDING are letters that were not replayed, discarded or parked; up to 500 a partition
they are counted, beyond that offsets are. RESOLVED are those that were and still
stand in the queue. OLDEST is the age of the oldest pending letter, EXPIRES how long
the queue's retention.ms keeps it at least. A dash is none or unknown. Letters that an
open transaction keeps back are not counted; a warning says how many offsets wait.

It takes no longer for a million letters than for a thousand. A name or glob that
selects nothing is exit 8.`,
		Example: `  manage-kafka dlq list
  manage-kafka dlq list 'billing.*' -o json
  manage-kafka dlq list -o name`,
		ValidArgsFunction: a.completeQueues,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Queues = args
			return runDLQList(cmd.Context(), a, opts)
		},
	}
	a.outputFlag(cmd)
	return cmd
}

func runDLQList(ctx context.Context, a *app, opts dlq.ListOptions) error {
	if err := dlq.CheckPatterns(opts.Queues); err != nil {
		return explainDLQ(err)
	}
	c, ledger, err := a.openDLQ(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	opts.Ledger = ledger
	list, err := dlq.List(ctx, c, opts)
	if err != nil {
		return explainDLQ(err)
	}
	now := time.Now()
	if len(list.Queues) > 0 || len(list.Missed) == 0 {
		if err := printRows(a.print, list.Queues, queueColumns(now)); err != nil {
			return err
		}
	}
	a.sayQueues(list, now)
	if len(list.Missed) > 0 {
		return noMatch("dead letter queue", list.Missed)
	}
	return nil
}

// noQueues is what is said where no queue was asked for by name and none was found:
// a broker hides from users what they may not describe.
const noQueues = "no dead letter queue, or none that this user may see: a topic is one when its name ends in .dlq, -dlt or .DLT"

func queueColumns(now time.Time) []column[dlq.Queue] {
	type queue = dlq.Queue
	return []column[queue]{
		{head: "NAME", cell: func(q queue) string { return q.Name }},
		{
			head: "PENDING", right: true, cell: func(q queue) string { return knownCount(q, q.Pending) },
			style: func(q queue) (style, bool) { return styleWarn, q.Pending > 0 },
		},
		{head: "RESOLVED", right: true, cell: func(q queue) string { return knownCount(q, q.Resolved) }},
		{head: "PARKED", right: true, cell: func(q queue) string { return knownCount(q, q.Parked) }},
		{head: "OLDEST", right: true, cell: func(q queue) string {
			if q.Oldest == nil {
				return "-"
			}
			return spanText(max(0, now.Sub(q.Oldest.Timestamp)))
		}},
		{
			head: "EXPIRES", right: true, cell: func(q queue) string {
				if q.Oldest == nil {
					return "-"
				}
				return expiryText(q.Oldest.Expires, now)
			},
			style: func(q queue) (style, bool) { return styleWarn, expiresSoon(q, now) },
		},
		{head: "LAST RUN", cell: func(q queue) string { return runText(q.LastRun, now) }},
	}
}

func knownCount(q dlq.Queue, n int64) string {
	if q.Error != "" {
		return "-"
	}
	return grouped(n)
}

func expiresSoon(q dlq.Queue, now time.Time) bool {
	return q.Oldest != nil && !q.Oldest.Expires.IsZero() && q.Oldest.Expires.Sub(now) < 24*time.Hour
}

// runText says how the last run on a queue ended, or stands.
func runText(r *dlq.Run, now time.Time) string {
	if r == nil {
		return "-"
	}
	by := ""
	if r.Op != "" {
		by = " by " + r.Op
	}
	what := string(r.State)
	if r.Action != dlq.Replayed && r.Action != "" {
		what = string(r.Action) + " " + what
	}
	if r.Action != dlq.Merged && r.Action != dlq.Emptied { // which have no letters
		what += fmt.Sprintf(", %s of %s", grouped(r.Done), grouped(r.Plan))
	}
	return fmt.Sprintf("%s%s, %s ago", what, by, spanText(max(0, now.Sub(r.Heartbeat))))
}

// sayQueues says on stderr what needs a person, and the next command.
func (a *app) sayQueues(list dlq.Listing, now time.Time) {
	if list.Note != "" {
		a.print.warn("%s", list.Note)
	}
	worst := ""
	most := int64(0)
	for _, q := range list.Queues {
		switch {
		case q.Error != "":
			a.print.warn("%s: %s", q.Name, q.Error)
		case expiresSoon(q, now):
			a.print.warn("%s: oldest pending letter expires in %s", q.Name, expiryText(q.Oldest.Expires, now))
		}
		if q.Compacted {
			a.print.warn("%s is compacted, so of the letters of one key it keeps the newest only; end that with: manage-kafka alter-topic %s -c cleanup.policy=delete", q.Name, q.Name)
		}
		if q.RetentionBytes > 0 {
			a.print.warn("%s keeps %s a partition (retention.bytes), and beyond that deletes letters however young they are; end that with: manage-kafka alter-topic %s -c retention.bytes=-1", q.Name, byteSize(q.RetentionBytes), q.Name)
		}
		if q.KeptBack > 0 {
			a.print.warn("%s: an open transaction keeps back %s; whether it will end says: manage-kafka txn find-hanging", q.Name, plural(q.KeptBack, "offset"))
		}
		if q.Former > 0 {
			a.print.status("%s was made anew: %s of the ledger's entries are for an earlier topic and do not count", q.Name, grouped(q.Former))
		}
		if q.Pending > most {
			worst, most = q.Name, q.Pending
		}
	}
	if len(list.Queues) == 0 && len(list.Missed) == 0 && a.print.format == formatTable {
		a.print.status("%s", noQueues)
	}
	if worst != "" && a.print.format == formatTable {
		a.print.status("see what failed with: manage-kafka dlq failures %s", worst)
	}
}
