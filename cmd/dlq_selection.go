package cmd

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/dlq"
)

// selectionFlags are the flags that say which letters are meant, the same for
// every command that takes some of them.
type selectionFlags struct {
	partitions   string
	offsets      string
	since, until string
	sel          dlq.Selection
}

const selectionHelp = `Letters are selected by flags that must all hold; of a flag that is given several
times one value must. --key and --header take globs (* ? [a-z]), --error-class a
class by its whole name, its last part or a glob, --failure what dlq failures shows,
or its first 4 digits and more. --since and --until take RFC 3339, a date (UTC) or
a duration ago such as 2h or 7d, and compare when a letter was stored.`

func (f *selectionFlags) bind(cmd *cobra.Command, limit string) {
	flags := cmd.Flags()
	flags.StringVar(&f.partitions, "partition", "", "only these partitions of the queue, as in `0,2-4`")
	flags.StringVar(&f.offsets, "offset", "", "only these offsets, as in `7`, 10-20 or 100-")
	flags.StringVar(&f.since, "since", "", "only letters stored at or after this `time`")
	flags.StringVar(&f.until, "until", "", "only letters stored before this `time`")
	flags.StringArrayVar(&f.sel.Keys, "key", nil, "only letters whose key matches this `glob` (repeatable)")
	flags.StringArrayVar(&f.sel.Headers, "header", nil, "only letters with a header that matches `name=glob` (repeatable: all of them)")
	flags.StringArrayVar(&f.sel.Classes, "error-class", nil, "only letters with this error `class` (repeatable)")
	flags.StringSliceVar(&f.sel.Failures, "failure", nil, "only letters of the failure with this `id` (repeatable)")
	flags.StringArrayVar(&f.sel.Groups, "group", nil, "only letters that failed in this consumer `group` (repeatable)")
	flags.StringVar(&f.sel.JQ, "jq-select", "", "only letters for whose JSON value this jq `expression` is true")
	flags.Int64Var(&f.sel.Limit, "limit", 0, limit)
	meant(flags, "partition", "offset", "since", "until", "failure", "jq-select", "limit")
}

// selection reads the flags.
func (f *selectionFlags) selection(now time.Time) (dlq.Selection, error) {
	s := f.sel
	var err error
	if f.partitions != "" {
		if s.Partitions, err = console.ParsePartitions(f.partitions); err != nil {
			return s, fmt.Errorf("--partition: %w", err)
		}
	}
	if f.offsets != "" {
		if s.Offsets, err = dlq.ParseOffsets(f.offsets); err != nil {
			return s, err
		}
	}
	if f.since != "" {
		if s.Since, err = console.ParseTime(f.since, now); err != nil {
			return s, fmt.Errorf("--since: %w", err)
		}
	}
	if f.until != "" {
		if s.Until, err = console.ParseTime(f.until, now); err != nil {
			return s, fmt.Errorf("--until: %w", err)
		}
	}
	return s, s.Check()
}

// given tells whether the caller selected letters at all, rather than how many.
func (f *selectionFlags) given(cmd *cobra.Command) bool {
	for _, name := range []string{"partition", "offset", "since", "until", "key", "header", "error-class", "failure", "group", "jq-select"} {
		if cmd.Flags().Changed(name) {
			return true
		}
	}
	return false
}
