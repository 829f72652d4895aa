package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/topics"
)

type deleteTopicOptions struct {
	patterns []string
	ifExists bool
	dryRun   bool
}

func newDeleteTopicCommand(a *app) *cobra.Command {
	var opts deleteTopicOptions
	cmd := &cobra.Command{
		Use:     "delete-topic NAME...",
		Short:   "Delete topics and their records",
		GroupID: groupTopics,
		Long: `Delete topics with every record in them. It says how many records go and asks;
without a terminal it refuses unless --yes is given.

NAME may be a glob, which never selects the cluster's own topics, of which one that
is named is refused (exit 2), nor the ledger of dead letters, which has to be named:
without it letters that were replayed are pending again. When one name does not exist nothing is deleted
(exit 1), unless --if-exists is given; a glob that matches nothing is exit 8.`,
		Example: `  manage-kafka delete-topic orders
  manage-kafka delete-topic 'tmp-*' --dry-run
  manage-kafka delete-topic orders orders.dlq --if-exists --yes`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeTopics,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.patterns = args
			return runDeleteTopic(cmd.Context(), a, opts)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&opts.ifExists, "if-exists", false, "pass over names that do not exist and globs that match nothing")
	f.BoolVar(&opts.dryRun, "dry-run", false, "show what would go and delete nothing")
	a.outputFlag(cmd)
	return cmd
}

func runDeleteTopic(ctx context.Context, a *app, opts deleteTopicOptions) error {
	if err := topics.CheckPatterns(opts.patterns); err != nil {
		return explainTopics(err)
	}
	open := a.openForChange
	if opts.dryRun {
		open = a.open
	}
	c, err := open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	admin := topics.New(c)
	list, err := a.selectForDeletion(ctx, admin, opts, a.ledgers(c))
	if err != nil {
		return err
	}
	if len(list) == 0 {
		a.print.status("nothing to delete")
		return a.showDeletions([]topics.Deletion{})
	}
	if opts.dryRun {
		a.print.status("would delete %s", goes(list))
		return a.showDeletions(nothingDeleted(list))
	}
	if err := a.confirmDestructive(ctx, "this deletes "+goes(list)); err != nil {
		return err
	}
	names := make([]string, len(list))
	for i, t := range list {
		names[i] = t.Name
	}
	done, err := admin.Delete(ctx, names)
	if done == nil {
		return explainTopics(err)
	}
	if err := a.showDeletions(done); err != nil {
		return err
	}
	var failed []error
	for _, d := range done {
		if d.Err != nil {
			failed = append(failed, d.Err)
		} else if a.print.format == formatTable {
			a.print.status("deleted topic %s", d.Name)
		}
	}
	if len(failed) == 0 {
		return explainTopics(err)
	}
	return a.someFailed("deleted", len(done), failed)
}

// selectForDeletion finds the topics with how many records each holds.
func (a *app) selectForDeletion(ctx context.Context, admin *topics.Admin, opts deleteTopicOptions, ledgers []string) ([]topics.Topic, error) {
	list, err := admin.List(ctx, topics.ListOptions{Patterns: opts.patterns, Spare: ledgers, Records: true})
	if err != nil {
		return nil, explainTopics(err)
	}
	for _, name := range list.Spared {
		a.print.status("%s stays: it is the ledger of dead letters, which no glob deletes, only its name", name)
	}
	for _, t := range list.Topics {
		// Brokers do as they are told: every group would lose its offsets.
		if t.Internal || slices.Contains([]string{"__consumer_offsets", "__transaction_state", "__share_group_state"}, t.Name) {
			return nil, explainTopics(fmt.Errorf("%s: %w", t.Name, topics.ErrInternal))
		}
	}
	if opts.ifExists {
		return list.Topics, nil
	}
	for _, pattern := range list.Missed {
		if !topics.IsPattern(pattern) {
			return nil, explainTopics(&topics.NotFoundError{Name: pattern})
		}
	}
	if len(list.Missed) > 0 {
		return nil, noMatch("topic", list.Missed)
	}
	return list.Topics, nil
}

// goes says what a deletion takes, with the names as long as a person reads them.
func goes(list []topics.Topic) string {
	const shown = 20
	var total int64
	var names []string
	unknown := false
	for i, t := range list {
		if t.Records != nil {
			total += *t.Records
		} else {
			unknown = true
		}
		if i < shown {
			names = append(names, fmt.Sprintf("%s (%s)", t.Name, knownRecords(t.Records)))
		}
	}
	text := strings.Join(names, ", ")
	if more := len(list) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if len(list) == 1 {
		return "topic " + text
	}
	atLeast := ""
	if unknown {
		atLeast = "at least "
	}
	return fmt.Sprintf("%d topics with %s%s: %s", len(list), atLeast, plural(total, "record"), text)
}

func nothingDeleted(list []topics.Topic) []topics.Deletion {
	rows := make([]topics.Deletion, len(list))
	for i, t := range list {
		rows[i] = topics.Deletion{Name: t.Name, ID: t.ID}
	}
	return rows
}

func (a *app) showDeletions(done []topics.Deletion) error {
	if a.print.format == formatTable {
		return nil
	}
	return printRows(a.print, done, []column[topics.Deletion]{
		{head: "NAME", cell: func(d topics.Deletion) string { return d.Name }},
	})
}
