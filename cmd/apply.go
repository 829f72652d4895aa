package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/topics"
)

type applyOptions struct {
	file      string
	catalogue bool
	dryRun    bool
	prune     bool
	force     bool
}

func newApplyCommand(a *app) *cobra.Command {
	var opts applyOptions
	cmd := &cobra.Command{
		Use:     "apply -f FILE",
		Short:   "Bring topics to a declared state",
		GroupID: groupTopics,
		Long: `Bring the cluster's topics to the state that a file declares: create what is
missing, change settings that differ, add partitions. Running it again changes
nothing. The plan is shown before any of it is made.

  defaults:            # for every topic that does not say otherwise
    partitions: 3
    replication: 3
    config: {min.insync.replicas: 2}
  topics:
    - name: orders
      partitions: 6
      config: {retention.ms: 86400000}
      dlq: true        # also orders.dlq

The whole file is checked first: anything wrong in it is exit 2, with file and
line. Fewer partitions or other replicas than a topic has are a conflict (exit
7), and nothing of the plan is made. Settings and topics that the file does not
name are left alone; with --prune settings are reset and topics deleted with
their records, after it asked. Topics whose names begin with an underscore, the
cluster's own, and the ledger of dead letters are never pruned.`,
		Example: `  manage-kafka apply -f topics.yaml --dry-run
  manage-kafka apply -f topics.yaml
  manage-kafka apply -f - --prune --yes < topics.yaml
  manage-kafka apply --catalogue`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (opts.file == "") == !opts.catalogue {
				return usageOf(cmd, errors.New("give either --file or --catalogue"))
			}
			return runApply(cmd.Context(), a, opts)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&opts.file, "file", "f", "", "topics `file`, - for standard input")
	f.BoolVar(&opts.catalogue, "catalogue", false, "apply the product's own topics instead of a file")
	f.BoolVar(&opts.dryRun, "dry-run", false, "show the plan and change nothing")
	f.BoolVar(&opts.prune, "prune", false, "also delete topics and reset settings that the file does not name")
	f.BoolVar(&opts.force, "force-config", false, "leave the check of settings to the broker")
	a.outputFlag(cmd)
	return cmd
}

func (a *app) declared(ctx context.Context, opts applyOptions) ([]topics.Spec, error) {
	if opts.catalogue {
		return topics.Catalogue(), nil
	}
	var in io.Reader
	name := "standard input"
	if opts.file == "-" {
		in = readUntil(ctx, a.in)
	} else {
		file, err := openUntil(ctx, opts.file)
		if err != nil {
			return nil, usagef("%w", err)
		}
		defer file.Close()
		in, name = fileUntil(ctx, file), opts.file
	}
	body, err := io.ReadAll(io.LimitReader(in, topics.MaxFileSize+1))
	if err != nil {
		return nil, usagef("%s: %w", name, err)
	}
	return topics.ParseFile(name, body, opts.force)
}

func runApply(ctx context.Context, a *app, opts applyOptions) error {
	specs, err := a.declared(ctx, opts)
	if errors.Is(err, topics.ErrInvalidFile) {
		return withCode(err, exitUsage)
	}
	if err != nil {
		return err
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
	steps, err := admin.Plan(ctx, specs, topics.PlanOptions{Prune: opts.prune, Spare: a.ledgers(c)})
	if err != nil {
		return explainTopics(err)
	}
	a.showPlan(steps)
	conflict := conflictIn(steps)
	if opts.dryRun || conflict != nil {
		if err := a.showSteps(steps); err != nil {
			return err
		}
		return conflict
	}
	if going := goingTopics(steps); len(going) > 0 {
		if err := a.confirmDestructive(ctx, "this deletes "+goes(going)); err != nil {
			return err
		}
	}
	done, err := admin.Apply(ctx, steps, topics.ApplyOptions{ForceConfig: opts.force})
	if showErr := a.showSteps(done); showErr != nil {
		return showErr
	}
	if ctx.Err() != nil {
		return err
	}
	return a.applied(done, err)
}

// applied counts what was made and says it. err is that of the plan as a whole.
func (a *app) applied(steps []topics.Step, err error) error {
	counts := map[topics.Verb]int64{}
	total := 0
	var failed []error
	for _, s := range steps {
		if s.Verb != topics.VerbNone {
			total++
		}
		if s.Err != nil {
			failed = append(failed, s.Err)
		} else {
			counts[s.Verb]++
		}
	}
	if len(failed) > 0 {
		return a.someFailed("brought to the declared state", total, failed)
	}
	a.print.status("%d created, %d altered, %d deleted, %d unchanged", counts[topics.VerbCreate], counts[topics.VerbAlter], counts[topics.VerbDelete], counts[topics.VerbNone])
	return explainTopics(err)
}

// showPlan says in words what is going to happen.
func (a *app) showPlan(steps []topics.Step) {
	for _, s := range steps {
		switch s.Verb {
		case topics.VerbCreate:
			a.print.status("+ create %s", s.Name)
		case topics.VerbAlter:
			texts := make([]string, len(s.Changes))
			for i, c := range s.Changes {
				texts[i] = c.String()
			}
			a.print.status("~ alter %s: %s", s.Name, strings.Join(texts, "; "))
		case topics.VerbDelete:
			a.print.status("- delete %s (%s)", s.Name, knownRecords(s.Records))
		case topics.VerbConflict:
			a.print.status("! conflict %s: %s", s.Name, s.Reason)
		}
		if s.KeysMove {
			a.print.warn("%s: with more partitions, later records of a key may go to another partition than earlier ones", s.Name)
		}
		for _, e := range s.Extra {
			a.print.status("  %s: %s=%s is set and not in the file; it stays", s.Name, e.Field, e.Have)
		}
	}
}

// showSteps answers in the machine formats; a person has read the plan.
func (a *app) showSteps(steps []topics.Step) error {
	if a.print.format == formatTable {
		return nil
	}
	return printRows(a.print, steps, []column[topics.Step]{
		{head: "NAME", cell: func(s topics.Step) string { return s.Name }},
	})
}

func conflictIn(steps []topics.Step) error {
	var names []string
	for _, s := range steps {
		if s.Verb == topics.VerbConflict {
			names = append(names, s.Name+" "+s.Reason)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return withHint(withCode(fmt.Errorf("nothing changed: %s", strings.Join(names, "; ")), exitConflict), "change the file, or make the topic anew under another name")
}

func goingTopics(steps []topics.Step) []topics.Topic {
	var list []topics.Topic
	for _, s := range steps {
		if s.Verb == topics.VerbDelete {
			list = append(list, topics.Topic{Name: s.Name, Records: s.Records})
		}
	}
	return list
}

// knownRecords says how many records there are, where that is known.
func knownRecords(n *int64) string {
	if n == nil {
		return "an unknown number of records"
	}
	return plural(*n, "record")
}
