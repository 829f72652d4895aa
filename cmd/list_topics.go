package cmd

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/dlq"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
)

// mostDetailed is how many topics a table tells everything about unasked: up
// to here a person waits no longer for it than for the names.
const mostDetailed = 250

func newListTopicsCommand(a *app) *cobra.Command {
	var opts topics.ListOptions
	var brief, full bool
	cmd := &cobra.Command{
		Use:     "list-topics [PATTERN...]",
		Short:   "List topics",
		GroupID: groupTopics,
		Long: `List topics by name, all or those that match a name or glob (*, ?, [a-z]).

RECORDS is end minus start offset over all partitions; what compaction removed
and transaction markers count. SIZE is on disk over all replicas, where brokers
tell. DLQ is the number of letters in NAME.dlq that are pending by the ledger, or of all
where the cluster has none. A dash is unknown.

Partitions without a leader, or with replicas that are not in sync, are warned of.

A pattern that matches nothing is exit 8.

Names, partitions and replication take a single request, however many topics
there are; -o name and --brief ask for no more. A table of more than 250 topics
is brief too, unless --full is given.`,
		Example: `  manage-kafka list-topics
  manage-kafka list-topics '*.events'
  manage-kafka list-topics -o name
  manage-kafka list-topics --brief --internal`,
		ValidArgsFunction: a.completeTopics,
		RunE: func(cmd *cobra.Command, args []string) error {
			if brief && full {
				return usageOf(cmd, errors.New("--brief and --full exclude each other"))
			}
			opts.Patterns = args
			opts.Records = !brief && a.print.format != formatName
			opts.Sizes = opts.Records
			if a.print.format == formatTable && !full {
				opts.Most = mostDetailed
			}
			return runListTopics(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().BoolVar(&opts.Internal, "internal", false, "also list the cluster's own topics")
	cmd.Flags().BoolVar(&brief, "brief", false, "only what one request tells: names, partitions and replication")
	cmd.Flags().BoolVar(&full, "full", false, "records and sizes however many topics there are")
	a.outputFlag(cmd)
	return cmd
}

func runListTopics(ctx context.Context, a *app, opts topics.ListOptions) error {
	if err := topics.CheckPatterns(opts.Patterns); err != nil {
		return explainTopics(err)
	}
	c, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	list, err := topics.New(c).List(ctx, opts)
	if err != nil {
		return explainTopics(err)
	}
	a.countPending(ctx, c, list.Topics)
	if list.Brief {
		opts.Records, opts.Sizes = false, false
		a.print.status("%d topics: records and sizes are left out, --full shows them", len(list.Topics))
	}
	if len(list.Topics) > 0 || len(list.Missed) == 0 {
		if err := printRows(a.print, list.Topics, topicColumns(opts)); err != nil {
			return err
		}
	}
	a.warnTopics(list.Topics)
	if len(list.Missed) > 0 {
		return noMatch("topic", list.Missed)
	}
	return nil
}

// countPending takes the letters that the ledger calls resolved out of the
// numbers of the dead letter queues. A ledger that cannot be read leaves them.
func (a *app) countPending(ctx context.Context, c *kafka.Client, list []topics.Topic) {
	var queues []string
	for _, t := range list {
		if t.DLQPending != nil && *t.DLQPending > 0 {
			queues = append(queues, t.Name+topics.DLQSuffix)
		}
	}
	counts, ok, err := dlq.Pending(ctx, c, queues, a.ledger(c))
	if err != nil && ctx.Err() == nil {
		a.print.warn("dead letters are counted without the ledger: %v", err)
	}
	if !ok {
		return
	}
	for i := range list {
		if n, known := counts[list[i].Name+topics.DLQSuffix]; known {
			list[i].DLQPending = &n
		}
	}
}

// warnTopics says why some topics have dashes, no longer than a person reads.
func (a *app) warnTopics(list []topics.Topic) {
	const shown = 5
	broken := 0
	for _, t := range list {
		if t.Error == "" {
			continue
		}
		if broken++; broken <= shown {
			a.print.warn("%s: %s", t.Name, t.Error)
		}
	}
	if broken > shown {
		a.print.warn("%d more topics with the like", broken-shown)
	}
	a.warnOfReplicas(list)
}

// warnOfReplicas names topics with replicas that are not in sync.
func (a *app) warnOfReplicas(list []topics.Topic) {
	const shown = 5
	var behind []string
	partitions := 0
	for _, t := range list {
		if t.UnderReplicated > 0 {
			behind = append(behind, fmt.Sprintf("%s %d", t.Name, t.UnderReplicated))
			partitions += t.UnderReplicated
		}
	}
	if len(behind) == 0 {
		return
	}
	text := strings.Join(behind[:min(shown, len(behind))], ", ")
	if more := len(behind) - shown; more > 0 {
		text += " and " + plural(int64(more), "more topic")
	}
	a.print.warn("%s with replicas that are not in sync: %s", plural(int64(partitions), "partition"), text)
}

func topicColumns(opts topics.ListOptions) []column[topics.Topic] {
	cols := []column[topics.Topic]{
		{head: "NAME", cell: func(t topics.Topic) string { return t.Name }},
		{head: "PARTITIONS", right: true, cell: func(t topics.Topic) string { return strconv.Itoa(t.Partitions) }},
		{head: "REPLICATION", right: true, cell: func(t topics.Topic) string { return strconv.Itoa(int(t.Replication)) }},
	}
	if opts.Records {
		cols = append(cols, column[topics.Topic]{head: "RECORDS", right: true, cell: func(t topics.Topic) string { return number(t.Records) }})
	}
	if opts.Sizes {
		cols = append(cols, column[topics.Topic]{head: "SIZE", right: true, cell: func(t topics.Topic) string { return bytesText(t.SizeBytes) }})
	}
	if opts.Records {
		cols = append(cols, column[topics.Topic]{
			head: "DLQ", right: true,
			cell: func(t topics.Topic) string { return number(t.DLQPending) },
			style: func(t topics.Topic) (style, bool) {
				return styleWarn, t.DLQPending != nil && *t.DLQPending > 0
			},
		})
	}
	return cols
}
