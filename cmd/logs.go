package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
	"github.com/multi-tenant/manage-kafka/pkg/cluster"
)

// logsOptions is what the flags of logs say.
type logsOptions struct {
	services   []string
	follow     bool
	since      string
	tail       string
	grep       string
	timestamps bool
}

func newLogsCommand(a *app) *cobra.Command {
	var o logsOptions
	cmd := &cobra.Command{
		Use:       "logs [SERVICE...]",
		Short:     "Show the logs of the local stack",
		GroupID:   groupStack,
		Long:      "Show the logs of the local stack's services: " + strings.Join(cluster.Services(), ", ") + ".",
		Example:   "  manage-kafka logs\n  manage-kafka logs kafka --tail 20 --follow\n  manage-kafka logs --since 10m --grep 'WARN|ERROR'",
		ValidArgs: cluster.Services(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := onlyLocal(cmd); err != nil {
				return err
			}
			o.services = args
			return runLogs(cmd.Context(), a, o)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&o.follow, "follow", "f", false, "go on with new lines until interrupted")
	f.StringVar(&o.since, "since", "", "leave out older lines: a `time`, as 10m or 2006-01-02T15:04:05Z")
	f.StringVarP(&o.tail, "tail", "n", "all", "`number` of last lines of each service to begin with, or all")
	f.StringVar(&o.grep, "grep", "", "show only lines that match this regular `expression`")
	f.BoolVarP(&o.timestamps, "timestamps", "t", false, "show when each line was written")
	return cmd
}

func runLogs(ctx context.Context, a *app, o logsOptions) error {
	opts, match, err := o.parse(time.Now())
	if err != nil {
		return err
	}
	stack, err := a.openStack("")
	if err != nil {
		return err
	}
	if err := stack.Adopt(ctx); err != nil {
		return err
	}
	opts.Each = func(l cluster.LogLine) error {
		if match != nil && !match.MatchString(l.Text) {
			return nil
		}
		_, err := io.WriteString(a.out, formatLogLine(l, o))
		return err
	}
	err = stack.Logs(ctx, opts)
	switch {
	case errors.Is(err, cluster.ErrNoService) && stack.Runtime() == cluster.RuntimeEmbedded:
		return withHint(err, "it comes with the docker runtime")
	case errors.Is(err, cluster.ErrNoService):
		return withHint(err, "see what runs with: %s", a.stackLine("status"))
	case errors.Is(err, cluster.ErrInvalid):
		return withHint(&usageError{err: err}, "services are: %s", strings.Join(cluster.Services(), ", "))
	}
	return a.explainStack(err)
}

// formatLogLine writes a line for a person: what the service wrote is escaped.
func formatLogLine(l cluster.LogLine, o logsOptions) string {
	var b strings.Builder
	if len(o.services) != 1 {
		fmt.Fprintf(&b, "%s | ", l.Service)
	}
	if o.timestamps {
		stamp := "-"
		if !l.Time.IsZero() {
			stamp = l.Time.UTC().Format("2006-01-02T15:04:05.000Z")
		}
		b.WriteString(stamp + " ")
	}
	b.WriteString(terminal.Escape(l.Text) + "\n")
	return b.String()
}

func (o logsOptions) parse(now time.Time) (cluster.LogOptions, *regexp.Regexp, error) {
	opts := cluster.LogOptions{Services: o.services, Follow: o.follow, Tail: -1}
	if o.tail != "all" {
		if _, err := fmt.Sscanf(o.tail+"\n", "%d\n", &opts.Tail); err != nil || opts.Tail < 0 {
			return opts, nil, usagef("--tail %q: want a number of lines, or all", o.tail)
		}
	}
	if o.since != "" {
		since, err := parseSince(o.since, now)
		if err != nil {
			return opts, nil, err
		}
		opts.Since = since
	}
	if o.grep == "" {
		return opts, nil, nil
	}
	match, err := regexp.Compile(o.grep)
	if err != nil {
		return opts, nil, usagef("--grep %q: %w", o.grep, err)
	}
	return opts, match, nil
}

// parseSince reads a point in time, or a duration before now.
func parseSince(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateTime, time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, usagef("--since %q: want a duration as 10m, or a time as 2006-01-02T15:04:05Z", text)
}
