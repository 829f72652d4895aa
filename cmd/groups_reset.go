package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/groups"
	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

type groupsResetOptions struct {
	group, to, partitions string
	topics                []string
	create, execute       bool
	undo                  string
}

func newGroupsResetCommand(a *app) *cobra.Command {
	var opts groupsResetOptions
	cmd := &cobra.Command{
		Use:   "reset GROUP --to WHERE",
		Short: "Set where a consumer group goes on",
		Long: `Set the committed offsets of a group without members. It shows what would change;
with --execute it changes it, after it has written the former offsets to a file that
restores them.

WHERE is one of
  start, end       the first record there is, or after the last one
  @TIME            the first record at or after a time: @2026-11-23T09:00, @-1h
  +N, -N           N offsets on, or back, from the committed one
  N                this offset
  none             nowhere: the committed offset is taken away, and with it the lag of a
                   topic that the group does not read any more
  group:NAME       where another group is
  file:PATH        where a file says that --execute has written

An offset that a partition does not have becomes its nearest, and a note says so.
Without --topic it is the topics that WHERE names, or those with a committed offset.
Of a share group it is where its state begins: what was acknowledged from there on
is delivered again, also by a file that restores it, which has the beginning only.

A group that has members is refused (exit 6): their next commit would undo it; with
none only for a topic that they read. One that does not exist is exit 1, unless
--create is given.`,
		Example: `  manage-kafka groups reset billing-service-invoices-consumer --to @-2h
  manage-kafka groups reset billing-service-invoices-consumer --topic invoice.events --to start --execute
  manage-kafka groups reset billing-service-invoices-consumer --topic orders --to none --execute
  manage-kafka groups reset notification-go-consumer --to group:notification-node-consumer --create --execute`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeGroups,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.group = args[0]
			return runGroupsReset(cmd.Context(), a, opts)
		},
	}
	f := cmd.Flags()
	f.StringVar(&opts.to, "to", "", "`where` to go on: start, end, @TIME, +N, -N, N, none, group:NAME or file:PATH")
	f.StringArrayVarP(&opts.topics, "topic", "t", nil, "only in this `topic`; may be repeated")
	f.StringVarP(&opts.partitions, "partitions", "p", "", "only in these partitions, as in `0,2-4`")
	f.BoolVar(&opts.create, "create", false, "make the group when it does not exist")
	f.BoolVar(&opts.execute, "execute", false, "do it")
	f.StringVar(&opts.undo, "undo-file", "", "write the former offsets to this new `file` (default: one below the state directory)")
	completeValues(cmd, "to", "start", "end", "none", "group:", "file:")
	meant(f, "topic", "partitions", "undo-file")
	a.outputFlag(cmd)
	return cmd
}

func runGroupsReset(ctx context.Context, a *app, opts groupsResetOptions) error {
	reset, err := opts.parse(ctx, time.Now())
	if err != nil {
		return err
	}
	open := a.open
	if opts.execute {
		open = a.openForChange
	}
	c, err := open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if s := reset.To.Saved; s != nil && s.Cluster != c.ClusterID() {
		return withHint(withCode(fmt.Errorf("%s was written for the cluster %s, this is %s", opts.to, s.Cluster, c.ClusterID()), exitConflict),
			"connect to that cluster, or set the offsets with another --to")
	}
	all := groups.New(c)
	plan, err := all.PlanReset(ctx, opts.group, reset)
	if err != nil {
		return explainGroups(err)
	}
	if len(plan.Moves) == 0 && reset.To.Anchor != groups.ToNone {
		return withHint(usagef("%s has no committed offsets to move", opts.group), "name a topic with --topic")
	}
	changes := 0
	for _, m := range plan.Moves {
		if m.Changes() {
			changes++
		}
	}
	if !opts.execute || changes == 0 {
		if err := a.showReset(plan); err != nil {
			return err
		}
		if changes == 0 {
			a.print.status("nothing to change")
		} else {
			a.print.status("nothing is changed yet; to set the offsets of %s: repeat it with --execute", plural(int64(changes), "partition"))
		}
		return nil
	}
	kept, err := a.keepOffsets(opts.undo, plan.Save(c.ClusterID(), time.Now()))
	if err != nil {
		return err
	}
	back := fmt.Sprintf("manage-kafka groups reset %s --to %s --execute", shellWord(opts.group), shellWord("file:"+kept))
	if err := all.Reset(ctx, plan); err != nil {
		a.print.status("offsets that were set come back with: %s", back)
		return explainGroups(err)
	}
	if err := a.showReset(plan); err != nil {
		return err
	}
	var failed []error
	for _, m := range plan.Moves {
		if m.Err != nil {
			failed = append(failed, m.Err)
		}
	}
	did, done := "set", "set"
	if reset.To.Anchor == groups.ToNone {
		did, done = "took away", "taken away"
	}
	if len(failed) == changes {
		_ = os.Remove(kept) // nothing is to be undone
		return explainGroups(fmt.Errorf("%s: no offset was %s: %w", opts.group, done, failed[0]))
	}
	a.print.status("%s %s of %s; what was before comes back with: %s", did, plural(int64(changes-len(failed)), "offset"), opts.group, back)
	if len(failed) > 0 {
		return withHint(withCode(fmt.Errorf("%d of %d offsets not set", len(failed), changes), exitPartly), "the table says why; running it again is safe")
	}
	return nil
}

// parse reads what needs no cluster.
func (o groupsResetOptions) parse(ctx context.Context, now time.Time) (groups.ResetOptions, error) {
	reset := groups.ResetOptions{Topics: o.topics, Create: o.create}
	var err error
	if reset.To, err = parseTarget(ctx, o.to, now); err != nil {
		return reset, err
	}
	if o.partitions != "" {
		if len(o.topics) == 0 {
			return reset, usagef("--partitions needs --topic")
		}
		if reset.Partitions, err = console.ParsePartitions(o.partitions); err != nil {
			return reset, usagef("--partitions: %v", err)
		}
	}
	if o.undo != "" && !o.execute {
		return reset, usagef("--undo-file needs --execute: nothing is written for a plan")
	}
	return reset, nil
}

func explainGroups(err error) error {
	switch {
	case errors.Is(err, groups.ErrNotFound):
		return withHint(err, "see the groups there are with: manage-kafka groups list")
	case errors.Is(err, groups.ErrLive):
		return withHint(withCode(err, exitBusy), "stop its consumers first; who is in it says: manage-kafka groups describe GROUP")
	case errors.Is(err, kafka.ErrNotPermitted):
		return withHint(err, "it takes the right Describe on a group to see it, Read on it and on the topics to set its offsets, Delete to delete it")
	}
	return explainTopics(err)
}

func (a *app) showReset(plan *groups.Reset) error {
	if a.print.format != formatTable {
		return printRows(a.print, plan.Moves, []column[groups.Move]{{head: "TOPIC", cell: func(m groups.Move) string { return m.Topic }}})
	}
	if plan.New {
		a.print.status("the group %s is new", plan.Group)
	}
	type move = groups.Move
	cols := []column[move]{
		{head: "TOPIC", cell: func(m move) string { return m.Topic }},
		{head: "PARTITION", right: true, cell: func(m move) string { return strconv.Itoa(int(m.Partition)) }},
		{head: "CURRENT", right: true, cell: func(m move) string { return number(m.Current) }},
		{head: "NEW", right: true, cell: newOffset, style: func(m move) (style, bool) { return styleWarn, m.Changes() }},
		{head: "CHANGE", right: true, cell: changeText},
		{head: "LAG", right: true, cell: func(m move) string { return number(m.Lag) }},
	}
	note := func(m move) string { return firstNonEmpty(m.Error, m.Note) }
	if slices.ContainsFunc(plan.Moves, func(m move) bool { return note(m) != "" }) {
		cols = append(cols, column[move]{head: "NOTE", cell: note})
	}
	return printTable(a.print, plan.Moves, cols)
}

func newOffset(m groups.Move) string {
	if m.New == nil && m.Changes() {
		return "none"
	}
	return number(m.New)
}

func changeText(m groups.Move) string {
	switch {
	case m.New == nil || m.Current == nil:
		return "-"
	case *m.New > *m.Current:
		return "+" + grouped(*m.New-*m.Current)
	case *m.New < *m.Current:
		return "-" + grouped(*m.Current-*m.New)
	}
	return "0"
}
