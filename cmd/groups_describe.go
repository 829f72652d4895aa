package cmd

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/groups"
	"github.com/multi-tenant/manage-kafka/internal/terminal"
)

func newGroupsDescribeCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "describe GROUP...",
		Short: "Show how far a consumer group is",
		Long: `Show consumer groups: for each partition the committed offset, the end, the lag in
records and how long ago the first record that is not committed was written, and
the member that owns it. Of a share group, CURRENT is where its state begins, of
which some may be acknowledged, LAG what is not, and MEMBER one of those that share
the partition; a streams group is shown with the topics that its tasks read. NOTE names an open transaction that the group cannot get
past; txn find-hanging says whether it will end.

GROUP may be a glob. A group that does not exist is exit 1; a glob that matches
nothing is exit 8.`,
		Example: `  manage-kafka groups describe billing-service-invoices-consumer
  manage-kafka groups describe 'billing-*' -o json`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeGroups,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runGroupsDescribe(cmd.Context(), a, args)
		},
	}
	a.outputFlag(cmd)
	return cmd
}

func runGroupsDescribe(ctx context.Context, a *app, patterns []string) error {
	if err := groups.CheckPatterns(patterns); err != nil {
		return usagef("%v", err)
	}
	c, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	list, missed, err := groups.New(c).Describe(ctx, patterns)
	if err != nil {
		return explainGroups(err)
	}
	if err := a.showGroups(list); err != nil {
		return err
	}
	if len(missed) > 0 {
		return noMatch("consumer group", missed)
	}
	return nil
}

func (a *app) showGroups(list []groups.Description) error {
	if a.print.format != formatTable {
		return printRows(a.print, list, []column[groups.Description]{
			{head: "NAME", cell: func(d groups.Description) string { return d.Name }},
		})
	}
	for i, d := range list {
		if i > 0 {
			fmt.Fprintln(a.out)
		}
		if err := a.showGroup(d); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) showGroup(d groups.Description) error {
	members := "-"
	if d.Members != nil {
		members = strconv.Itoa(*d.Members)
	}
	_, err := fmt.Fprintf(a.out, "name         %s\ntype         %s\nstate        %s\nassignor     %s\ncoordinator  %d\nmembers      %s\nlag          %s\n",
		terminal.Escape(d.Name), terminal.Escape(string(d.Type)), terminal.Escape(dash(d.State)), terminal.Escape(dash(d.Assignor)), d.Coordinator, members, number(d.Lag))
	if err != nil {
		return err
	}
	if d.Error != "" {
		a.print.warn("%s: %s", d.Name, d.Error)
	}
	if len(d.Partitions) > 0 {
		fmt.Fprintln(a.out)
		if err := printTable(a.print, d.Partitions, lagColumns(d.Partitions)); err != nil {
			return err
		}
	}
	return a.showIdle(d)
}

// showIdle lists the members that own no partition: the table has no row for them.
func (a *app) showIdle(d groups.Description) error {
	var idle []groups.Member
	for _, m := range d.MemberOf {
		if len(m.Assigned) == 0 {
			idle = append(idle, m)
		}
	}
	if len(idle) == 0 {
		return nil
	}
	fmt.Fprintln(a.out)
	return printTable(a.print, idle, []column[groups.Member]{
		{head: "IDLE MEMBER", cell: func(m groups.Member) string { return m.ID }},
		{head: "CLIENT", cell: func(m groups.Member) string { return dash(m.ClientID) }},
		{head: "HOST", cell: func(m groups.Member) string { return dash(m.Host) }},
	})
}

// lagColumns has a column for notes only where there is one.
func lagColumns(rows []groups.Partition) []column[groups.Partition] {
	type part = groups.Partition
	cols := []column[part]{
		{head: "TOPIC", cell: func(p part) string { return p.Topic }},
		{head: "PARTITION", right: true, cell: func(p part) string { return strconv.Itoa(int(p.Partition)) }},
		{head: "CURRENT", right: true, cell: func(p part) string { return number(p.Current) }},
		{head: "END", right: true, cell: func(p part) string { return number(p.End) }},
		{
			head: "LAG", right: true, cell: func(p part) string { return number(p.Lag) },
			style: func(p part) (style, bool) { return styleWarn, p.Lag != nil && *p.Lag > 0 },
		},
		{head: "BEHIND", right: true, cell: func(p part) string { return behindText(p.LagSeconds) }},
		{head: "MEMBER", cell: func(p part) string { return dash(p.Member) }},
		{head: "CLIENT", cell: func(p part) string { return dash(p.ClientID) }},
		{head: "HOST", cell: func(p part) string { return dash(p.Host) }},
	}
	if slices.ContainsFunc(rows, func(p part) bool { return noteOf(p) != "" }) {
		cols = append(cols, column[part]{head: "NOTE", cell: noteOf})
	}
	return cols
}

// noteOf is what a person should know of a partition beside the numbers.
func noteOf(p groups.Partition) string {
	if p.Error == "" && p.Blocked != nil {
		return fmt.Sprintf("blocked by producer %d, open and quiet for %s", p.Blocked.ProducerID, behindText(p.Blocked.QuietSeconds))
	}
	return p.Error
}

// behindText writes seconds as 0s, 4.2s, 3m, 2h5m or 12d.
func behindText(seconds *float64) string {
	if seconds == nil {
		return "-"
	}
	d := time.Duration(*seconds * float64(time.Second))
	switch {
	case d < time.Minute:
		return strconv.FormatFloat(*seconds, 'f', -1, 64) + "s"
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}
