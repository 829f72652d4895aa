package cmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
	"github.com/multi-tenant/manage-kafka/pkg/cluster"
)

// startOptions is what the flags of start say.
type startOptions struct {
	runtime string
	offset  int
	with    []string
	advert  string
	up      cluster.UpOptions
}

func newStartCommand(a *app) *cobra.Command {
	var o startOptions
	cmd := &cobra.Command{
		Use:     "start",
		Short:   "Start the local stack",
		GroupID: groupStack,
		Long: `Start the local stack of a project and create the catalogue's topics.

The docker runtime runs Kafka, a Schema Registry and Kafka UI in containers, by
your own docker compose. A compose.override.yaml beside the project's
manage-kafka.yaml, else in the working directory, is merged and checked. A
start that fails removes what it made, unless --keep is given.

The embedded runtime runs Kafka as a background process of this program, with
its data on disk. It needs nothing installed. It is for development and CI:
acknowledged records survive a crash of the process, not the loss of power.

Without --runtime, a new project gets docker when its engine answers within a
second, else embedded. A stack that runs already is left as it is. Runtime, port
offset and overlays are recorded; a later start takes them from there.`,
		Example: `  manage-kafka start
  manage-kafka start --runtime docker --only kafka
  manage-kafka start --project shop --port-offset 100
  manage-kafka start --foreground
  eval "$(manage-kafka start -q -o env)"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := onlyLocal(cmd); err != nil {
				return err
			}
			// Only what was given overrides what was recorded.
			if cmd.Flags().Changed("port-offset") {
				o.up.PortOffset = &o.offset
			}
			if cmd.Flags().Changed("with") {
				o.up.Overlays = o.with
			}
			if cmd.Flags().Changed("advertise") {
				o.up.Advertise = &o.advert
			}
			return runStart(cmd.Context(), a, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.runtime, "runtime", "", "what runs the stack: `docker|embedded|auto` (default: the recorded one, else auto)")
	f.IntVar(&o.offset, "port-offset", 0, "`number` added to every published port")
	f.StringArrayVar(&o.with, "with", nil, "`name` of an overlay to add (repeatable)")
	f.StringVar(&o.advert, "advertise", "", "`host` that clients are told instead of 127.0.0.1; any but a loopback name opens the port to the network")
	f.BoolVar(&o.up.Foreground, "foreground", false, "stay in the foreground; Ctrl-C or SIGTERM stops the stack")
	f.BoolVar(&o.up.NoTopics, "no-topics", false, "do not create the catalogue's topics")
	f.DurationVar(&o.up.WaitTimeout, "wait-timeout", 0, "how long the stack may take to be ready (default 1m, docker 5m)")
	o.dockerFlags(cmd)
	a.stackOutputFlags(cmd)
	completeValues(cmd, "runtime", cluster.RuntimeDocker, cluster.RuntimeEmbedded, cluster.RuntimeAuto)
	return cmd
}

func runStart(ctx context.Context, a *app, o startOptions) error {
	if err := o.complete(a); err != nil {
		return err
	}
	stack, err := a.openStack(o.runtime)
	if err != nil {
		return err
	}
	o.up.Progress = a.showProgress
	if o.up.Foreground {
		o.up.Log = a.showLog
	}
	began := time.Now()
	status, already, err := stack.Up(ctx, o.up)
	if err != nil {
		return a.explainStart(err)
	}
	if already {
		a.print.status("project %s runs already", stack.Project())
	} else {
		a.print.status("project %s is ready after %s", stack.Project(), shortDuration(time.Since(began)))
	}
	if err := a.printStatus(status); err != nil {
		return err
	}
	a.sayNotes(status)
	if already || !o.up.Foreground {
		a.print.status("next: %s", a.stackLine("list-topics"))
		return nil
	}
	a.print.status("in the foreground; Ctrl-C stops it")
	return a.explainStack(stack.Wait(ctx))
}

// sayNotes says what a user of the stack should know.
func (a *app) sayNotes(st cluster.Status) {
	for _, s := range st.Services {
		if s.Listens != "" {
			a.print.warn("%s listens on %s: whoever reaches this machine can read and write", s.Name, s.Listens)
		}
	}
	for _, note := range st.Notes {
		a.print.status("%s", note)
	}
}

// showLog says a line of the log of a stack in the foreground.
func (a *app) showLog(l cluster.LogLine) {
	a.print.status("%s | %s", l.Service, l.Text)
}

// explainStart shows the last log lines of a service that did not start.
func (a *app) explainStart(err error) error {
	var start *cluster.StartError
	if errors.As(err, &start) && len(start.Log) > 0 && a.print.format != formatJSON {
		fmt.Fprintf(a.errOut, "last lines of the log of %s:\n", start.Service)
		for _, line := range start.Log {
			fmt.Fprintf(a.errOut, "  %s\n", terminal.Escape(line))
		}
	}
	return a.explainStack(err)
}
