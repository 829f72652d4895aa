package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/groups"
	"github.com/multi-tenant/manage-kafka/internal/terminal"
	"github.com/multi-tenant/manage-kafka/pkg/dlq"
)

func newGroupsDeleteCommand(a *app) *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "delete GROUP...",
		Short: "Delete consumer groups",
		Long: `Delete consumer groups with their committed offsets, after it has asked; without a
terminal it refuses unless --yes is given. The offsets are kept in a file that
restores them.

GROUP may be a glob. Those that mark how far dead letter queues are replayed are
selected only where it begins with manage-kafka.dlq. itself. A group that has
members is refused (exit 6), and then none is deleted. One that does not exist is
exit 1; a glob that matches nothing is exit 8.`,
		Example: `  manage-kafka groups delete notification-old-consumer
  manage-kafka groups delete 'test-*' --dry-run`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeGroups,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runGroupsDelete(cmd.Context(), a, args, dryRun)
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show what would go and delete nothing")
	a.outputFlag(cmd)
	return cmd
}

func runGroupsDelete(ctx context.Context, a *app, patterns []string, dryRun bool) error {
	if err := groups.CheckPatterns(patterns); err != nil {
		return usagef("%v", err)
	}
	open := a.openForChange
	if dryRun {
		open = a.open
	}
	c, err := open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	all := groups.New(c)
	list, missed, err := all.PlanDelete(ctx, patterns)
	if err != nil {
		return explainGroups(err)
	}
	if len(missed) > 0 {
		return noMatch("consumer group", missed)
	}
	if list = a.spareWatermarks(list, patterns); len(list) == 0 {
		return noMatch("other consumer group", patterns)
	}
	if dryRun {
		a.print.status("would delete %s", goneGroups(list))
		return a.showGroupDeletions(list)
	}
	if err := a.confirmDestructive(ctx, "this deletes "+goneGroups(list)); err != nil {
		return err
	}
	kept := map[string]string{}
	for _, d := range list {
		if d.Commits > 0 {
			if kept[d.Name], err = a.keepOffsets("", d.Save(c.ClusterID(), time.Now())); err != nil {
				return err
			}
		}
	}
	if err := all.Delete(ctx, list); err != nil {
		return explainGroups(err)
	}
	if err := a.showGroupDeletions(list); err != nil {
		return err
	}
	var failed []error
	for _, d := range list {
		switch {
		case d.Err != nil:
			failed = append(failed, d.Err)
			if len(list) > 1 {
				a.print.warn("%v", d.Err)
			}
		case kept[d.Name] != "":
			a.print.status("deleted group %s; its offsets come back with: manage-kafka groups reset %s --to %s --create --execute", d.Name,
				shellWord(d.Name), shellWord("file:"+kept[d.Name]))
		default:
			a.print.status("deleted group %s", d.Name)
		}
	}
	switch {
	case len(failed) == 0:
		return nil
	case len(failed) < len(list):
		return withHint(withCode(fmt.Errorf("%d of %d groups not deleted", len(failed), len(list)), exitPartly), "the others are gone; running it again is safe")
	}
	return explainGroups(failed[0])
}

// spareWatermarks leaves out the groups that mark how far dead letter queues are
// replayed, but for those that are meant.
func (a *app) spareWatermarks(list []groups.Deletion, patterns []string) []groups.Deletion {
	meant := func(name string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return p == name || strings.HasPrefix(p, dlq.WatermarkPrefix) })
	}
	return slices.DeleteFunc(list, func(d groups.Deletion) bool {
		spare := strings.HasPrefix(d.Name, dlq.WatermarkPrefix) && !meant(d.Name)
		if spare {
			a.print.status("%s stays: it tells dlq a lost ledger from an empty one, so that only a pattern which begins with %s deletes it", d.Name, dlq.WatermarkPrefix)
		}
		return spare
	})
}

// goneGroups says what a deletion takes, with the names as long as a person reads them.
func goneGroups(list []groups.Deletion) string {
	const shown = 20
	var names []string
	for _, d := range list[:min(shown, len(list))] {
		names = append(names, fmt.Sprintf("%s (%s)", d.Name, plural(int64(d.Commits), "committed offset")))
	}
	text := strings.Join(names, ", ")
	if more := len(list) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if len(list) == 1 {
		return "group " + terminal.Escape(text)
	}
	return fmt.Sprintf("%d groups: %s", len(list), terminal.Escape(text))
}

func (a *app) showGroupDeletions(list []groups.Deletion) error {
	if a.print.format == formatTable {
		return nil
	}
	return printRows(a.print, list, []column[groups.Deletion]{
		{head: "NAME", cell: func(d groups.Deletion) string { return d.Name }},
	})
}
