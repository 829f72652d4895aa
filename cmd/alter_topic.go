package cmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/topics"
)

type alterTopicOptions struct {
	names    []string
	settings []string
	change   topics.Change
	alter    topics.AlterOptions
}

func newAlterTopicCommand(a *app) *cobra.Command {
	var opts alterTopicOptions
	cmd := &cobra.Command{
		Use:     "alter-topic NAME...",
		Short:   "Change settings or add partitions",
		GroupID: groupTopics,
		Long: `Change topics: set settings, take settings off so that the broker's default
counts, and add partitions. What is so already is left alone, so running it
twice is safe. The broker checks each topic's change before any of it is made.

Adding partitions cannot be undone, and later records of a key may go to
another partition than earlier ones: consumers lose the order across the two.
Fewer partitions than there are is a conflict (exit 7).`,
		Example: `  manage-kafka alter-topic orders -c retention.ms=86400000
  manage-kafka alter-topic orders --delete-config retention.ms
  manage-kafka alter-topic orders --partitions 12 --dry-run`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeTopics,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.names = args
			if cmd.Flags().Changed("partitions") && opts.change.Partitions < 1 {
				return usagef("--partitions %d: want 1 or more", opts.change.Partitions)
			}
			return runAlterTopic(cmd.Context(), a, opts)
		},
	}
	f := cmd.Flags()
	settingsFlag(f, &opts.settings)
	f.StringArrayVarP(&opts.change.Delete, "delete-config", "d", nil, "`key` of a setting to take off the topic (repeatable)")
	f.Int32VarP(&opts.change.Partitions, "partitions", "p", 0, "`number` of partitions there shall be")
	f.BoolVar(&opts.alter.DryRun, "dry-run", false, "show the changes, have the broker check them, and make none")
	f.BoolVar(&opts.alter.ForceConfig, "force-config", false, "leave the check of settings to the broker")
	a.outputFlag(cmd)
	completeSettings(cmd)
	return cmd
}

func runAlterTopic(ctx context.Context, a *app, opts alterTopicOptions) error {
	var err error
	if opts.change.Set, err = parseSettings(opts.settings); err != nil {
		return err
	}
	if len(opts.change.Set) == 0 && len(opts.change.Delete) == 0 && opts.change.Partitions == 0 {
		if _, err := a.givenProperties(); err != nil {
			return err // --set of other tools sets a topic's settings
		}
		return usagef("nothing to change: give --config, --delete-config or --partitions")
	}
	if err := opts.change.Check(opts.alter.ForceConfig); err != nil {
		return explainTopics(err)
	}
	for _, name := range opts.names {
		if err := topics.CheckName(name); err != nil {
			return explainTopics(err)
		}
	}
	open := a.openForChange
	if opts.alter.DryRun {
		open = a.open
	}
	c, err := open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	admin := topics.New(c)
	var done []topics.Alteration
	var failed []error
	for _, name := range opts.names {
		alteration, err := admin.Alter(ctx, name, opts.change, opts.alter)
		if err != nil && ctx.Err() != nil {
			if opts.alter.DryRun {
				return ctx.Err()
			}
			if err := a.showAlterations(done); err != nil {
				return err
			}
			return fmt.Errorf("%w: %d of %s are done, %s may be", ctx.Err(), len(done), plural(int64(len(opts.names)), "topic"), name)
		}
		if err != nil {
			failed = append(failed, err)
		}
		if err == nil || len(alteration.Changes) > 0 {
			done = append(done, alteration)
		}
	}
	if err := a.showAlterations(done); err != nil {
		return err
	}
	if len(failed) > 0 && len(opts.names) == 1 && len(done) > 0 {
		return withCode(fmt.Errorf("only partly done: %w", failed[0]), exitPartly)
	}
	return a.someFailed("changed", len(opts.names), failed)
}

func (a *app) showAlterations(done []topics.Alteration) error {
	for _, d := range done {
		if d.KeysMove {
			a.print.warn("%s holds records: with more partitions, later records of a key may go to another partition than earlier ones", d.Name)
		}
	}
	if a.print.format != formatTable {
		return printRows(a.print, done, []column[topics.Alteration]{
			{head: "NAME", cell: func(d topics.Alteration) string { return d.Name }},
		})
	}
	for _, d := range done {
		texts := make([]string, len(d.Changes))
		for i, c := range d.Changes {
			texts[i] = c.String()
		}
		switch {
		case len(texts) == 0:
			a.print.status("topic %s is so already", d.Name)
		case d.DryRun:
			a.print.status("would change topic %s: %s", d.Name, strings.Join(texts, "; "))
		default:
			a.print.status("changed topic %s: %s", d.Name, strings.Join(texts, "; "))
		}
	}
	return nil
}
