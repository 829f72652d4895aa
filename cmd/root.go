// Package cmd is the command line: flags in, one or two calls of a package, rows out.
package cmd

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/collector"
	"github.com/multi-tenant/manage-kafka/internal/wire"
)

// Main runs the command line of this process and returns its exit code, as
// "manage-kafka help exit-codes" lists them.
func Main() int {
	heap := collector.Start(time.Second)
	a := newApp(os.Stdin, os.Stdout, os.Stderr)
	ctx, stop := a.signals()
	defer stop()
	// What does not end by the first signal ends by one that comes later. A terminal
	// and a wrapper that passes signals on send the first one twice at once.
	context.AfterFunc(ctx, func() { time.AfterFunc(time.Second, stop) })
	wire.BoundDecompression()
	// A closed pipe is an error of the write then, and not the process's end.
	signal.Ignore(syscall.SIGPIPE)
	a.heap = heap
	return a.run(ctx, os.Args[1:])
}

// signals gives a context that the first SIGINT or SIGTERM ends. A terminal sends
// Ctrl-C to all of its processes: while an editor runs it is meant for that.
func (a *app) signals() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	came := make(chan os.Signal, 2)
	signal.Notify(came, os.Interrupt, syscall.SIGTERM)
	go func() {
		for s := range came {
			if s != os.Interrupt || !a.editing.Load() {
				cancel()
				return
			}
		}
	}()
	return ctx, func() { signal.Stop(came); cancel() }
}

// run executes one command line and reports its error.
func (a *app) run(ctx context.Context, args []string) int {
	root := newRootCommand(a)
	args, err := scriptArgs(root, args)
	if err != nil {
		return a.report(ctx, usageOf(root, err))
	}
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.errOut)
	err = root.ExecuteContext(ctx)
	if a.end != nil {
		a.end()
	}
	return a.report(ctx, err)
}

func newRootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "manage-kafka",
		Short: "Run and work with a Kafka message broker system",
		Long: `manage-kafka starts a local Kafka stack, manages topics, sends and reads records,
and works on any Kafka cluster from 2.1 to 4.x.`,
		Example: `  manage-kafka start
  manage-kafka create-topic my-topic --partitions 3
  echo hello | manage-kafka producer my-topic
  manage-kafka consumer my-topic --from-beginning --exit-at-end`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.prepare(cmd) },
		Args:              cobra.NoArgs,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(wrongFlags)
	a.flags.bind(root.PersistentFlags())
	root.AddGroup(
		&cobra.Group{ID: groupStack, Title: "Stack:"},
		&cobra.Group{ID: groupTopics, Title: "Topics:"},
		&cobra.Group{ID: groupRecords, Title: "Records:"},
		&cobra.Group{ID: groupEvents, Title: "Events:"},
		&cobra.Group{ID: groupGroups, Title: "Groups and transactions:"},
		&cobra.Group{ID: groupLetters, Title: "Dead letters:"},
		&cobra.Group{ID: groupTool, Title: "This tool:"},
	)
	root.AddCommand(a.commands()...)
	shapeHelp(root, a.out)
	checkHelpTopics(root)
	wrapArgs(root)
	a.completeRest(root)
	return root
}

// The groups of the root's help.
const (
	groupStack   = "stack"
	groupTopics  = "topics"
	groupRecords = "records"
	groupEvents  = "events"
	groupGroups  = "groups"
	groupLetters = "letters"
	groupTool    = "tool"
)

// commands lists every command, one a file.
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		newStartCommand(a),
		newStopCommand(a),
		newStatusCommand(a),
		newLogsCommand(a),
		newDescribeBrokerCommand(a),
		newBackgroundCommand(a),
		newJQWorkerCommand(a),
		newCreateTopicCommand(a),
		newListTopicsCommand(a),
		newDescribeTopicCommand(a),
		newAlterTopicCommand(a),
		newDeleteTopicCommand(a),
		newDeleteRecordsCommand(a),
		newApplyCommand(a),
		newProducerCommand(a),
		newConsumerCommand(a),
		newEmitEventCommand(a),
		newEventsCommand(a),
		newGroupsCommand(a),
		newTxnCommand(a),
		newDLQCommand(a),
		newExitCodesTopic(),
		newEnvironmentTopic(),
		newTemplatesTopic(),
		newTopicSettingsTopic(),
		newOtherToolsTopic(),
		newCompletionCommand(a),
		newManCommand(a),
		newVersionCommand(a),
	}
}
