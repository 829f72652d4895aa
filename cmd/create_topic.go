package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/topics"
)

type createTopicOptions struct {
	names       []string
	partitions  int32
	replication int16
	settings    []string
	withDLQ     bool
	catalogue   bool
	like        string
	said        func(flag string) bool
	create      topics.CreateOptions
}

func newCreateTopicCommand(a *app) *cobra.Command {
	var opts createTopicOptions
	cmd := &cobra.Command{
		Use:     "create-topic NAME...",
		Short:   "Create topics",
		GroupID: groupTopics,
		Long: `Create topics. Names and settings are checked as Kafka itself checks them before
anything is sent, so that a wrong one leaves nothing half done.

A name that is taken is a conflict (exit 7) and the error says how the topic
differs; with --if-not-exists it is fine, and the differences are a warning.

--like takes partitions, replication and settings from a topic that is there; what
other flags say wins. Its records are copied by consumer -f jsonl | producer -f jsonl.`,
		Example: `  manage-kafka create-topic orders
  manage-kafka create-topic orders --partitions 6 -c retention.ms=86400000 --with-dlq
  manage-kafka create-topic orders --if-not-exists --dry-run
  manage-kafka create-topic orders-2 --like orders
  manage-kafka create-topic --catalogue --if-not-exists`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 && !opts.catalogue {
				return fmt.Errorf("name of a topic required")
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.names = args
			opts.said = cmd.Flags().Changed
			for _, flag := range []string{"partitions", "config", "with-dlq", "like"} {
				if len(args) == 0 && typed(cmd, flag) {
					return usageOf(cmd, fmt.Errorf("--%s is of topics that are named; those of the catalogue have their own", flag))
				}
			}
			return runCreateTopic(cmd.Context(), a, opts)
		},
	}
	f := cmd.Flags()
	f.Int32VarP(&opts.partitions, "partitions", "p", topics.CataloguePartitions, "`number` of partitions; -1 is the broker's default")
	f.Int16VarP(&opts.replication, "replication-factor", "r", -1, "`number` of replicas; -1 is the broker's default")
	settingsFlag(f, &opts.settings)
	f.BoolVar(&opts.create.IfNotExists, "if-not-exists", false, "take a topic that exists for done")
	f.StringVar(&opts.like, "like", "", "take partitions, replication and settings from this `topic`")
	f.BoolVar(&opts.withDLQ, "with-dlq", false, "also create each topic's dead letter queue, NAME.dlq")
	f.BoolVar(&opts.catalogue, "catalogue", false, "create the product's own topics: six domains and their dead letter queues")
	f.BoolVar(&opts.create.DryRun, "dry-run", false, "have the broker check everything and create nothing")
	f.BoolVar(&opts.create.ForceConfig, "force-config", false, "leave the check of settings to the broker")
	meant(f, "like")
	a.outputFlag(cmd)
	completeSettings(cmd)
	_ = cmd.RegisterFlagCompletionFunc("like", a.completeTopics)
	return cmd
}

// specs are the topics that the command line asks for.
func (o createTopicOptions) specs() ([]topics.Spec, error) {
	if o.partitions == 0 || o.partitions < -1 {
		return nil, usagef("--partitions %d: want 1 or more, or -1 for the broker's default", o.partitions)
	}
	if o.replication == 0 || o.replication < -1 {
		return nil, usagef("--replication-factor %d: want 1 or more, or -1 for the broker's default", o.replication)
	}
	settings, err := parseSettings(o.settings)
	if err != nil {
		return nil, err
	}
	var specs []topics.Spec
	if o.catalogue {
		specs = topics.Catalogue()
		for i := range specs {
			specs[i].Replication = o.replication
		}
	}
	for _, name := range o.names {
		spec := topics.Spec{Name: name, Partitions: max(o.partitions, 0), Replication: o.replication, Config: settings}
		specs = append(specs, spec)
		if o.withDLQ {
			specs = append(specs, topics.DLQ(spec))
		}
	}
	return specs, topics.CheckSpecs(specs, o.create.ForceConfig)
}

// resemble takes from the topic of --like what no other flag says.
func (o *createTopicOptions) resemble(ctx context.Context, admin *topics.Admin) error {
	if err := topics.CheckName(o.like); err != nil {
		return usagef("--like: %v", err)
	}
	list, _, err := admin.Describe(ctx, []string{o.like}, topics.DescribeOptions{})
	if err != nil {
		return fmt.Errorf("--like: %w", err)
	}
	if !o.said("partitions") {
		o.partitions = int32(len(list[0].Partitions))
	}
	if !o.said("replication-factor") {
		o.replication = list[0].Replication
	}
	said, err := parseSettings(o.settings)
	if err != nil {
		return err
	}
	for _, e := range list[0].Config {
		if _, own := said[e.Name]; e.Source == topics.SourceTopic && !own {
			o.settings = append(o.settings, e.Name+"="+e.Value)
		}
	}
	return nil
}

func runCreateTopic(ctx context.Context, a *app, opts createTopicOptions) error {
	specs, err := opts.specs()
	if err != nil {
		return explainTopics(err)
	}
	open := a.openForChange
	if opts.create.DryRun {
		open = a.open
	}
	c, err := open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()

	admin := topics.New(c)
	if opts.like != "" {
		if err := opts.resemble(ctx, admin); err != nil {
			return explainTopics(err)
		}
		if specs, err = opts.specs(); err != nil {
			return explainTopics(err)
		}
	}
	done, err := admin.Create(ctx, specs, opts.create)
	if done == nil {
		return explainTopics(err)
	}
	if err := a.showCreations(done); err != nil {
		return err
	}
	var failed []error
	for _, d := range done {
		if d.Err != nil {
			failed = append(failed, d.Err)
		}
	}
	if len(failed) == 0 {
		return explainTopics(err)
	}
	taken := !slices.ContainsFunc(failed, func(err error) bool { return !errors.Is(err, topics.ErrExists) })
	err = a.someFailed("created", len(done), failed)
	if taken && len(done) > 1 && len(failed) == len(done) {
		return withHint(err, "take those that exist for done with: --if-not-exists")
	}
	return err
}

// showCreations answers with rows in the machine formats; to a person it says
// a line each on stderr.
func (a *app) showCreations(done []topics.Creation) error {
	for _, d := range done {
		switch {
		case d.Err != nil:
		case d.Outcome == topics.Exists && len(d.Differences) > 0:
			a.print.warn("%v", &topics.ExistsError{Name: d.Name, Differences: d.Differences})
		case a.print.format != formatTable:
		case d.Outcome == topics.Exists:
			a.print.status("topic %s exists, as asked for", d.Name)
		default:
			a.print.status("%s topic %s", d.Outcome, d.Name)
		}
	}
	if a.print.format == formatTable {
		return nil
	}
	return printRows(a.print, done, []column[topics.Creation]{
		{head: "NAME", cell: func(c topics.Creation) string { return c.Name }},
		{head: "PARTITIONS", right: true, cell: func(c topics.Creation) string { return strconv.Itoa(int(c.Partitions)) }},
	})
}
