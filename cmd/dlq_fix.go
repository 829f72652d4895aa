package cmd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/registry"
	"github.com/multi-tenant/manage-kafka/pkg/dlq"
	"github.com/multi-tenant/manage-kafka/pkg/dlq/fix"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// fixFlags say how letters are changed and checked before they are sent.
type fixFlags struct {
	jq           string
	setHeaders   []string
	delHeaders   []string
	setKey       string
	validate     []string
	validateExec string
	registry     string
}

func (f *fixFlags) bind(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVar(&f.jq, "jq", "", "change each value by a jq `program`; no result leaves the letter pending")
	s.StringArrayVar(&f.setHeaders, "set-header", nil, "set a header, as `NAME=VALUE` (repeatable)")
	s.StringArrayVar(&f.delHeaders, "del-header", nil, "take a header away, by its `name` (repeatable)")
	s.StringVar(&f.setKey, "set-key", "", "set the key to a `text`, or by a program over the new value, as jq:PROGRAM")
	s.StringArrayVar(&f.validate, "validate", nil, "send only values that pass a `check`: json, event, schema-registry or jq:PROGRAM (repeatable)")
	s.StringVar(&f.validateExec, "validate-exec", "", "send only values for which this `command` ends with 0; it gets the value on its standard input")
	registryFlag(cmd, &f.registry)
	completeValues(cmd, "validate", "json", "event", "schema-registry", "jq:")
	// What is run must stand in the command itself.
	setEnvironment(s, "validate-exec", "")
	setEnvironment(s, "jq", "")
}

// fixHelp is what the long help of a command says about these flags.
const fixHelp = `Fixing letters: --jq changes each value by a jq program, which sees the key as $key
and the headers as $headers. It runs in a process of its own, with a second a
letter and bounded memory, without modules, environment or other input. What it
does not change keeps its bytes, numbers of any size too. --validate and
--validate-exec look at the result; what does not pass stays pending.`

// spec is what the flags ask for as data; nil where they ask for nothing.
func (f *fixFlags) spec(cmd *cobra.Command) (*dlq.PlanFix, error) {
	spec := &dlq.PlanFix{JQ: f.jq, DelHeaders: f.delHeaders}
	for _, text := range f.setHeaders {
		h, err := fix.ParseHeader(text)
		if err != nil {
			return nil, usageOf(cmd, fmt.Errorf("--set-header: %w", err))
		}
		spec.SetHeaders = append(spec.SetHeaders, dlq.PlanHeader{Name: h.Name, Value: string(h.Value)})
	}
	if program, ok := strings.CutPrefix(f.setKey, "jq:"); ok {
		spec.KeyJQ = program
	} else if cmd.Flags().Changed("set-key") {
		spec.Key = &f.setKey
	}
	for _, name := range f.validate {
		switch program, isJQ := strings.CutPrefix(name, "jq:"); {
		case isJQ && spec.Predicate != "":
			return nil, usageOf(cmd, errors.New("--validate jq:PROGRAM can be given once; join programs with \"and\""))
		case isJQ:
			spec.Predicate = program
		case name == dlq.CheckJSON, name == dlq.CheckEvent, name == dlq.CheckRegistry:
			spec.Checks = append(spec.Checks, name)
		default:
			return nil, usageOf(cmd, fmt.Errorf("--validate %q: want json, event, schema-registry or jq:PROGRAM", name))
		}
	}
	return spec, nil
}

// open makes the fixer that does what spec says, of the flags or of a plan, and
// tells spec the registry that it asks. end ends what it started.
func (f *fixFlags) open(ctx context.Context, a *app, cmd *cobra.Command, spec *dlq.PlanFix) (fixer *fix.Fixer, end func(), err error) {
	o := spec.Options()
	o.Worker, o.MaxValue = jqWorker, 64<<20
	closers := []func(){}
	end = func() {
		for _, c := range slices.Backward(closers) {
			c()
		}
	}
	for _, name := range spec.Checks {
		check, closer, err := f.check(a, name, spec)
		if err != nil {
			end()
			return nil, nil, err
		}
		o.Checks, closers = append(o.Checks, check), append(closers, closer)
	}
	if f.validateExec != "" {
		words, err := splitWords(f.validateExec)
		if err != nil {
			end()
			return nil, nil, usageOf(cmd, fmt.Errorf("--validate-exec: %w", err))
		}
		check, err := fix.Command(words)
		if err != nil {
			end()
			return nil, nil, usageOf(cmd, fmt.Errorf("--validate-exec: %w", err))
		}
		o.Checks = append(o.Checks, check)
	}
	fixer, err = fix.New(o)
	if err != nil {
		end()
		return nil, nil, usageOf(cmd, err)
	}
	closers = append(closers, func() { _ = fixer.Close() })
	return fixer, end, ctx.Err()
}

// check makes one check of a spec.
func (f *fixFlags) check(a *app, name string, spec *dlq.PlanFix) (check fix.Check, end func(), err error) {
	end = func() {}
	switch name {
	case dlq.CheckEvent:
		catalogue, err := a.catalogue()
		if err != nil {
			return nil, nil, err
		}
		return fix.Event(catalogue.Validator(events.ValidatorOptions{View: events.Open})), end, nil
	case dlq.CheckRegistry:
		c, err := f.openRegistry(a, spec)
		if err != nil {
			return nil, nil, err
		}
		decoder := registry.NewDecoder(c)
		decode := func(ctx context.Context, value []byte) error {
			err := decoder.Check(ctx, value)
			if err != nil && !registry.OfValue(err) {
				return explainRegistry(c, err)
			}
			return err
		}
		return fix.Decodes(decode, registry.OfValue), c.Close, nil
	}
	return fix.JSON(), end, nil
}

// openRegistry opens the registry that the flag, the environment or the stack
// names. A plan says which one it was made with and is not believed: where it
// points, credentials of ours would go.
func (f *fixFlags) openRegistry(a *app, spec *dlq.PlanFix) (*registry.Client, error) {
	c, err := a.openRegistry(f.registry)
	planned := spec.Registry
	switch {
	case err != nil && planned != "" && f.registry == "":
		return nil, withHint(err, "the plan was made with %s; if you trust it: --registry %s", planned, planned)
	case err != nil:
		return nil, err
	case planned != "" && c.URL() != planned && f.registry == "":
		c.Close()
		return nil, withHint(withCode(fmt.Errorf("the plan was made with the schema registry %s, this is %s", planned, c.URL()), exitConflict),
			"name the one that is to be asked by --registry")
	case planned != "" && c.URL() != planned:
		a.print.warn("the plan was made with the schema registry %s, this is %s", planned, c.URL())
	}
	if planned == "" {
		spec.Registry = c.URL()
	}
	return c, nil
}

// given tells whether any of the flags is.
func (f *fixFlags) given(cmd *cobra.Command) bool {
	for _, name := range []string{"jq", "set-header", "del-header", "set-key", "validate", "validate-exec"} {
		if flag := cmd.Flags().Lookup(name); flag != nil && flag.Changed {
			return true
		}
	}
	return false
}

// warnSigned tells of letters whose value was changed under a signature.
func (a *app) warnSigned(counts dlq.FixCounts) {
	for _, name := range slices.Sorted(maps.Keys(counts.Signed)) {
		a.print.warn("%s changed under header %s, which looks like a signature over the value: receivers may refuse them", plural(counts.Signed[name], "value"), name)
	}
}

// jqWorker makes the process that runs jq programs: this binary again.
func jqWorker() *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	return exec.Command(self, jqWorkerName)
}

const jqWorkerName = "jq-worker"

// newJQWorkerCommand is the process that runs jq programs. It is none of a user's.
func newJQWorkerCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    jqWorkerName,
		Short:  "Run jq programs for another process of this binary",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// Ctrl-C goes to every process of a terminal; the parent decides.
			return fix.Serve(context.WithoutCancel(cmd.Context()), a.in, a.out, a.errOut)
		},
	}
}
