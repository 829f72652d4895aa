package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
)

type deleteRecordsOptions struct {
	topic      string
	before     string
	partitions string
	dryRun     bool
}

func newDeleteRecordsCommand(a *app) *cobra.Command {
	var opts deleteRecordsOptions
	cmd := &cobra.Command{
		Use:     "delete-records TOPIC",
		Short:   "Delete the records of a topic before a point",
		GroupID: groupTopics,
		Long: `Delete the records of a topic before a point, for good; the topic stays, and so do
the offsets of what is left. It says how many records go, by partition, and asks;
without a terminal it refuses unless --yes is given.

--before is one of:
  N      an offset, the first that stays; with -p the partitions it is meant for,
         without in every partition. Beyond the end it is the end
  @TIME  the first record at or after a time stays, and all behind it: @1h and @7d
         (ago), @2026-11-23, RFC 3339, 10 or 13 digits since 1970
  end    all that is there now goes

DELETED counts offsets: what compaction had removed and the markers of transactions
count as records. A partition that begins there already loses nothing; when
none loses anything that is no error. Readers see the new start at once, the disk is
freed by whole segments, later. A consumer group that had not come so far goes on
where its auto.offset.reset says.

Brokers refuse it for topics that are compacted only (cleanup.policy), and this
tool for internal ones. When some partitions fail the others are done (exit 5).`,
		Example: `  manage-kafka delete-records orders --before @7d --dry-run
  manage-kafka delete-records orders --before 1200 -p 0,2
  manage-kafka delete-records tmp-load --before end --yes`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeTopics,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.topic = args[0]
			if !cmd.Flags().Changed("before") {
				return usageOf(cmd, errors.New("--before is missing: "+beforeForms))
			}
			return runDeleteRecords(cmd.Context(), a, opts)
		},
	}
	f := cmd.Flags()
	f.StringVar(&opts.before, "before", "", "`point` up to which records go: N, @TIME or end, as above")
	f.StringVarP(&opts.partitions, "partitions", "p", "", "only these partitions, as in `0,2-4`")
	f.BoolVar(&opts.dryRun, "dry-run", false, "show what would go and delete nothing")
	f.VarPF(f.Lookup("partitions").Value, "partition", "", "").Hidden = true
	meant(f, "partitions", "partition")
	a.outputFlag(cmd)
	completeValues(cmd, "before", "end")
	return cmd
}

const beforeForms = "want an offset N, @TIME (@1h, @2026-11-23, @2026-11-23T09:00:00Z) or end"

// parseBefore reads the value of --before.
func parseBefore(text string, now time.Time) (topics.Point, error) {
	if text == "end" {
		return topics.Point{End: true}, nil
	}
	if at, isTime := strings.CutPrefix(text, "@"); isTime {
		t, err := console.ParseTime(at, now)
		if err != nil {
			return topics.Point{}, usagef("--before %q: %s", text, beforeForms)
		}
		return topics.Point{Time: t}, nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err == nil {
		return topics.Point{Offset: int64(n)}, nil
	}
	wrong := usagef("--before %q: %s", text, beforeForms)
	if _, err := console.ParseTime(text, now); err == nil {
		return topics.Point{}, withHint(wrong, "a time has an @ before it: --before @%s", strings.TrimPrefix(text, "-"))
	}
	return topics.Point{}, wrong
}

func runDeleteRecords(ctx context.Context, a *app, opts deleteRecordsOptions) error {
	before, err := parseBefore(opts.before, time.Now())
	if err != nil {
		return err
	}
	var which topics.DeleteRecordsOptions
	if opts.partitions != "" {
		if which.Partitions, err = console.ParsePartitions(opts.partitions); err != nil {
			return usagef("--partitions: %v", err)
		}
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
	plan, err := admin.PlanDeleteRecords(ctx, opts.topic, before, which)
	if err != nil {
		return explainRecords(opts.topic, err)
	}
	if err := refuseForgottenAt(opts.before, before, plan); err != nil {
		return err
	}
	going := deletedRecords(plan)
	if opts.dryRun {
		if going > 0 {
			a.print.status("would delete %s", recordsGo(plan))
		}
		return a.showRecordDeletions(ctx, plan)
	}
	if going > 0 {
		if err := a.confirmDestructive(ctx, "this deletes "+recordsGo(plan)); err != nil {
			return err
		}
	}
	// The rows carry the errors.
	done, _ := admin.DeleteRecords(ctx, plan)
	if n := deletedRecords(done); n > 0 {
		a.print.status("deleted %s of %s", plural(n, "record"), opts.topic)
	}
	return a.showRecordDeletions(ctx, done)
}

// refuseForgottenAt refuses a number that can only have been meant as a time:
// as an offset it would take every record of the topic.
func refuseForgottenAt(text string, before topics.Point, plan []topics.RecordDeletion) error {
	if before.End || !before.Time.IsZero() || len(text) != 10 && len(text) != 13 ||
		slices.ContainsFunc(plan, func(d topics.RecordDeletion) bool { return d.End != nil && *d.End >= before.Offset }) {
		return nil
	}
	return withHint(usagef("--before %s: no partition reaches that offset; nothing was deleted", text),
		"for a time write --before @%s, for all that there is --before end", text)
}

func deletedRecords(rows []topics.RecordDeletion) int64 {
	var sum int64
	for _, d := range rows {
		if d.Deleted != nil {
			sum += *d.Deleted
		}
	}
	return sum
}

// recordsGo says what a plan takes, with as many partitions as a person reads.
func recordsGo(plan []topics.RecordDeletion) string {
	const shown = 20
	var parts, dark []string
	for _, d := range plan {
		if d.Err != nil {
			dark = append(dark, strconv.Itoa(int(d.Partition)))
		}
		if d.Deleted == nil || *d.Deleted == 0 {
			continue
		}
		note := ""
		if d.Note != "" {
			note = ", " + d.Note
		}
		parts = append(parts, fmt.Sprintf("%s of partition %d (offsets %d to %d%s)", grouped(*d.Deleted), d.Partition, *d.Start, *d.NewStart-1, note))
	}
	text := strings.Join(parts[:min(shown, len(parts))], ", ")
	if more := len(parts) - shown; more > 0 {
		text += fmt.Sprintf(" and those of %d more partitions", more)
	}
	if len(dark) > 0 {
		text += "; partition " + strings.Join(dark, ", ") + " is left alone, no broker tells of it"
	}
	return fmt.Sprintf("%s of %s: %s", plural(deletedRecords(plan), "record"), plan[0].Topic, text)
}

// showRecordDeletions answers with the rows, and fails where one of them did.
func (a *app) showRecordDeletions(ctx context.Context, rows []topics.RecordDeletion) error {
	if err := printRows(a.print, rows, recordDeletionColumns(rows, a.print.format)); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var failed []error
	for _, d := range rows {
		if d.Err != nil {
			failed = append(failed, d.Err)
		}
	}
	if len(failed) > 0 && errors.Is(failed[0], topics.ErrCompacted) {
		return explainRecords(rows[0].Topic, failed[0])
	}
	if len(failed) == 0 && deletedRecords(rows) == 0 {
		a.print.status("nothing to delete")
	}
	err := a.someOfFailed("partitions", "shortened", len(rows), failed)
	if len(failed) == len(rows) && errors.Is(failed[0], kafka.ErrNotPermitted) {
		return withHint(err, "it takes the right Delete on the topic")
	}
	return err
}

// recordDeletionColumns has a column for notes only where there is one. A
// partition's name is unique, so that is what -o name gives.
func recordDeletionColumns(rows []topics.RecordDeletion, format string) []column[topics.RecordDeletion] {
	type row = topics.RecordDeletion
	if format == formatName {
		return []column[row]{{cell: func(d row) string { return fmt.Sprintf("%s/%d", d.Topic, d.Partition) }}}
	}
	noteOf := func(d row) string {
		if d.Error != "" {
			return d.Error
		}
		return d.Note
	}
	cols := []column[row]{
		{head: "TOPIC", cell: func(d row) string { return d.Topic }},
		{head: "PARTITION", right: true, cell: func(d row) string { return strconv.Itoa(int(d.Partition)) }},
		{head: "START", right: true, cell: func(d row) string { return number(d.Start) }},
		{head: "NEW START", right: true, cell: func(d row) string { return number(d.NewStart) }},
		{head: "DELETED", right: true, cell: func(d row) string { return number(d.Deleted) }},
		{head: "END", right: true, cell: func(d row) string { return number(d.End) }},
	}
	if slices.ContainsFunc(rows, func(d row) bool { return noteOf(d) != "" }) {
		cols = append(cols, column[row]{head: "NOTE", cell: noteOf})
	}
	return cols
}

// explainRecords is explainTopics for what only a deletion of records meets.
func explainRecords(topic string, err error) error {
	if errors.Is(err, topics.ErrCompacted) {
		return withHint(err, "a tombstone deletes a single key; with manage-kafka alter-topic %s -c cleanup.policy=compact,delete brokers "+
			"let it, and retention.ms deletes too from then on", topic)
	}
	return explainTopics(err)
}
