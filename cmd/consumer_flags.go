package cmd

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/multi-tenant/manage-kafka/pkg/console"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
)

func (o *consumerOptions) bind(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&o.regex, "regex", "r", "", "also read topics whose whole name matches this regular `expression`, new ones too")
	f.StringVarP(&o.offset, "offset", "o", "", "where to read, as above (default end)")
	f.BoolVar(&o.fromBeginning, "from-beginning", false, "read from the start, as --offset start")
	f.StringVar(&o.from, "from", "", "read from this `time` on")
	f.StringVar(&o.to, "to", "", "read up to this `time`")
	f.IntVar(&o.tail, "tail", 0, "the last `n` records of all partitions together, then stop")
	f.Int64VarP(&o.max, "max-messages", "n", 0, "stop after `n` records in total")
	f.BoolVarP(&o.exitAtEnd, "exit-at-end", "e", false, "stop at the end that each partition has now; reads from the start where nothing else is said")
	f.DurationVar(&o.idle, "idle-timeout", 0, "stop when nothing was shown for this `duration`")
	f.StringVarP(&o.partitions, "partitions", "p", "", "only these partitions, as in `0,2-4`")
	f.StringVarP(&o.group, "group", "g", "", "read as a member of this consumer `group`, from its offsets on")
	f.BoolVar(&o.commit, "commit", false, "commit the group's offsets for what was shown")
	f.StringVarP(&o.format, "format", "f", "", "`format` of a record: json, jsonl, raw, hex, table, or text with verbs")
	f.StringArrayVar(&o.filterKey, "filter-key", nil, "only records whose key matches this `glob` (repeatable)")
	f.StringArrayVar(&o.filterValue, "filter-value", nil, "only records whose value matches this `glob` (repeatable)")
	f.StringArrayVar(&o.filterHeader, "filter-header", nil, "only records with a header that matches `name=glob` (repeatable)")
	f.StringArrayVarP(&o.grep, "grep", "G", nil, "only records that match `k:RE`, v:RE, h:NAME=RE or, with ! before it, do not (repeatable)")
	f.StringArrayVar(&o.jq, "jq", nil, "only records for whose JSON value this jq `expression` is true (repeatable)")
	f.StringVar(&o.order, "order", "partition", "how partitions mix: `partition|time`")
	f.StringVar(&o.isolation, "isolation-level", "read_committed", "`read_committed|read_uncommitted`")
	f.BoolVar(&o.line.Topic, "print-topic", false, "show the topic")
	f.BoolVar(&o.line.Timestamp, "print-timestamp", false, "show the timestamp")
	f.BoolVar(&o.line.Partition, "print-partition", false, "show the partition")
	f.BoolVar(&o.line.Offset, "print-offset", false, "show the offset")
	f.BoolVar(&o.line.Headers, "print-headers", false, "show the headers")
	f.BoolVar(&o.line.Key, "print-key", false, "show the key")
	f.BoolVar(&o.printValue, "print-value", true, "show the value")
	f.BoolVar(&o.printAll, "print-all", false, "show all of these")
	f.BoolVar(&o.line.Event, "print-type", false, "show the type of an event, as well as all or any of these")
	f.StringVar(&o.line.Separator, "key-separator", "\t", "what stands between them; \\t and \\n are understood (`text`)")
	f.StringVar(&o.null, "null", "", "what a null key or value shows as (`text`)")
	f.StringVar(&o.registry, "schema-registry", "", "decode values by the schemas of the registry at this `URL`")
	f.StringSliceVar(&o.decode, "decode", nil, "decode these by the registry's schemas: `key,value` or one of the two (default value with --schema-registry)")
	f.BoolVar(&o.rawTerminal, "raw-terminal", false, "let control characters through to a terminal")
	for alias, b := range map[string]*bool{
		"print-keys": &o.line.Key, "print-timestamps": &o.line.Timestamp, "print-partitions": &o.line.Partition,
		"print-offsets": &o.line.Offset, "print-header": &o.line.Headers, "print-values": &o.printValue,
		"exit": &o.exitAtEnd,
	} {
		f.BoolVar(b, alias, *b, "")
		f.Lookup(alias).Hidden = true
	}
	for alias, of := range map[string]string{"separator": "key-separator", "partition": "partitions", "num": "max-messages"} {
		f.VarPF(f.Lookup(of).Value, alias, "", "").Hidden = true
	}
	meant(f, "max-messages", "num", "tail", "idle-timeout", "group", "partitions", "partition", "regex", "offset", "from", "to", "schema-registry", "decode")
	completeValues(cmd, "format", "json", "jsonl", "raw", "hex", "table")
	completeValues(cmd, "decode", "value", "key", "key,value")
	completeValues(cmd, "order", "partition", "time")
	completeValues(cmd, "isolation-level", "read_committed", "read_uncommitted")
	completeValues(cmd, "offset", "start", "end", ":end")
}

// consume turns flags into what is read.
func (o *consumerOptions) consume(now time.Time) (console.ConsumeOptions, error) {
	opts := console.ConsumeOptions{
		Topics: o.topics, ExitAtEnd: o.exitAtEnd, Tail: o.tail, Max: o.max, IdleTimeout: o.idle, Filter: &console.Filter{},
	}
	if len(o.topics) == 0 && o.regex == "" {
		return opts, errors.New("no topic given")
	}
	for _, name := range o.topics {
		if err := topics.CheckName(name); err != nil {
			if strings.ContainsAny(name, "*?[^$|") {
				err = withHint(err, "several topics are named one by one, or by an expression: --regex 'orders.*'")
			}
			return opts, err
		}
	}
	var err error
	if o.regex != "" {
		if opts.Pattern, err = regexp.Compile(o.regex); err != nil {
			return opts, fmt.Errorf("--regex %q: %w", o.regex, err)
		}
	}
	if o.partitions != "" {
		if opts.Partitions, err = console.ParsePartitions(o.partitions); err != nil {
			return opts, err
		}
	}
	if o.commit && o.group == "" {
		return opts, errors.New("--commit needs --group")
	}
	if o.group != "" {
		opts.Group = &console.GroupOptions{ID: o.group, Commit: o.commit}
	}
	if opts.Range, err = o.readRange(now); err != nil {
		return opts, err
	}
	if o.tail > 0 && (o.max > 0 || o.idle > 0) {
		return opts, errors.New("--tail ends by itself: leave --max-messages and --idle-timeout out")
	}
	switch o.order {
	case "partition":
	case "time":
		opts.Order = console.ByTime
	default:
		return opts, fmt.Errorf("--order %q: want partition or time", o.order)
	}
	switch o.isolation {
	case "read_committed":
	case "read_uncommitted":
		opts.Isolation = kafka.ReadUncommitted
	default:
		return opts, fmt.Errorf("--isolation-level %q: want read_committed or read_uncommitted", o.isolation)
	}
	if err := opts.Check(); err != nil {
		return opts, err
	}
	return opts, o.filter(opts.Filter)
}

// readRange joins the flags that say where to begin and end.
func (o *consumerOptions) readRange(now time.Time) (console.Range, error) {
	var r console.Range
	begins := 0
	for _, given := range []bool{o.offset != "", o.fromBeginning, o.from != ""} {
		if given {
			begins++
		}
	}
	if begins > 1 {
		return r, errors.New("--offset, --from-beginning and --from exclude each other")
	}
	var err error
	switch {
	case o.offset != "":
		if r, err = console.ParseRange(o.offset, now); err != nil {
			return r, offsetInstead(o.offset, err)
		}
	case o.fromBeginning:
		r.From.Anchor = console.FromStart
	case o.from != "":
		t, err := console.ParseTime(o.from, now)
		if err != nil {
			return r, fmt.Errorf("--from: %w", err)
		}
		r.From = console.Edge{Anchor: console.AtTime, Time: t}
	}
	if o.to == "" {
		return r, nil
	}
	if r.To.Anchor != console.Unset {
		return r, errors.New("--offset with an end and --to exclude each other")
	}
	t, err := console.ParseTime(o.to, now)
	if err != nil {
		return r, fmt.Errorf("--to: %w", err)
	}
	if o.from != "" && r.From.Time.After(t) {
		return r, errors.New("--from comes after --to")
	}
	if begins == 0 {
		r.From.Anchor = console.FromStart
	}
	r.To = console.Edge{Anchor: console.AtTime, Time: t}
	return r, nil
}

// filter adds the conditions that flags name.
func (o *consumerOptions) filter(f *console.Filter) error {
	for _, c := range []struct {
		flag  string
		texts []string
		add   func(string) error
	}{
		{"filter-key", o.filterKey, f.KeyGlob},
		{"filter-value", o.filterValue, f.ValueGlob},
		{"filter-header", o.filterHeader, f.HeaderGlob},
		{"grep", o.grep, f.Grep},
		{"jq", o.jq, f.JQ},
	} {
		for _, text := range c.texts {
			if err := c.add(text); err != nil {
				return fmt.Errorf("--%s: %w", c.flag, err)
			}
		}
	}
	return nil
}

// printOptions turns flags into how records look.
func (o *consumerOptions) printOptions(a *app) (console.PrintOptions, error) {
	p := console.PrintOptions{Line: o.line, Null: o.null, Terminal: isTerminal(a.out) && !o.rawTerminal}
	p.Line.NoValue = !o.printValue
	p.Line.Separator = strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(o.line.Separator)
	if o.printAll {
		p.Line = console.Line{Topic: true, Timestamp: true, Partition: true, Offset: true, Headers: true, Key: true, Event: o.line.Event, Separator: p.Line.Separator}
	}
	if f, ok := a.out.(*os.File); ok && p.Terminal {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			p.Width = width
		}
	}
	if o.format == "" {
		return p, nil
	}
	if o.printAll || p.Line.Topic || p.Line.Timestamp || p.Line.Partition || p.Line.Offset || p.Line.Headers || p.Line.Key || p.Line.Event || p.Line.NoValue {
		return p, errors.New("--format and --print-... exclude each other")
	}
	f, err := console.ParseFormat(o.format, console.Output)
	p.Format = f
	return p, err
}
