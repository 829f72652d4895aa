package cmd

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/evolution"
	"github.com/multi-tenant/manage-kafka/internal/registry"
	"github.com/multi-tenant/manage-kafka/internal/regschema"
	"github.com/multi-tenant/manage-kafka/internal/schemaset"
	"github.com/multi-tenant/manage-kafka/internal/settings"
)

type registerOptions struct {
	registry string
	level    string
	dryRun   bool
	patterns []string
}

// What becomes of a schema.
const (
	subjectUnchanged    = "unchanged"
	subjectNew          = "new"
	subjectChanged      = "changed"
	subjectIncompatible = "incompatible"
)

// registration is what events register says of a subject.
type registration struct {
	Subject string   `json:"subject"`
	Type    string   `json:"type"`
	Outcome string   `json:"outcome"`
	ID      int      `json:"id,omitempty"` // of the schema; none before it is registered
	Reasons []string `json:"reasons"`

	schema registry.Schema
}

func newEventsRegisterCommand(a *app) *cobra.Command {
	var o registerOptions
	cmd := &cobra.Command{
		Use:   "register [PATTERN...]",
		Short: "Register the schemas of event types in a schema registry",
		Long: `Register the JSON Schema of every event type, or of those that a pattern picks, under the subject <topic>-<type>,
so that the types of a topic evolve each for itself. A subject whose compatibility level is NONE or not set gets
--level.

All is compared first: when one schema cannot follow what the registry has, nothing is registered and the exit code
is 7. Running it again changes nothing.

Credentials come from the environment: SCHEMA_REGISTRY_BASIC_AUTH_FILE or SCHEMA_REGISTRY_BEARER_TOKEN_FILE, and for
TLS SCHEMA_REGISTRY_CA_FILE, SCHEMA_REGISTRY_CERT_FILE and SCHEMA_REGISTRY_KEY_FILE.`,
		Example: `  manage-kafka events register --dry-run
  manage-kafka events register --registry http://localhost:8081
  manage-kafka events register 'order.*' --level FULL`,
		ValidArgsFunction: a.completeEventTypes,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.patterns = args
			return runEventsRegister(cmd.Context(), a, o)
		},
	}
	f := cmd.Flags()
	registryFlag(cmd, &o.registry)
	f.StringVar(&o.level, "level", string(evolution.Backward), "compatibility `level` of subjects whose own is NONE or not set")
	f.BoolVar(&o.dryRun, "dry-run", false, "compare and register nothing")
	var levels []string
	for _, m := range evolution.Modes() {
		levels = append(levels, string(m))
	}
	completeValues(cmd, "level", levels...)
	a.outputFlag(cmd)
	return cmd
}

func runEventsRegister(ctx context.Context, a *app, o registerOptions) error {
	level, err := evolution.ParseMode(o.level)
	if err != nil {
		return usagef("--level: %w", err)
	}
	rows, err := a.registrations(o.patterns)
	if err != nil {
		return err
	}
	if !o.dryRun {
		if err := a.guardRegistry(); err != nil {
			return err
		}
	}
	c, err := a.openRegistry(o.registry)
	if err != nil {
		return err
	}
	defer c.Close()
	a.print.status("schema registry at %s", c.URL())
	err = eachOf(ctx, rows, func(ctx context.Context, r *registration) error { return r.compare(ctx, c) })
	if err != nil {
		return explainRegistry(c, err)
	}
	bad := slices.ContainsFunc(rows, func(r registration) bool { return r.Outcome == subjectIncompatible })
	if !bad && !o.dryRun {
		err = eachOf(ctx, rows, func(ctx context.Context, r *registration) error { return r.register(ctx, c, level) })
	}
	if showErr := showRegistrations(a, rows); err == nil {
		err = showErr
	}
	if err != nil {
		return explainRegistry(c, err)
	}
	return concludeRegister(a, rows, o.dryRun)
}

// guardRegistry holds the rules of the context that the command line means.
func (a *app) guardRegistry() error {
	if err := a.aim(); err != nil {
		return err
	}
	if err := a.guardBefore(); err != nil {
		return err
	}
	rules, _ := a.target.files.Rules(a.target.config.Bootstrap, a.target.config.ClusterID)
	if rules.Access == settings.AccessConfirm && a.flags.confirm != rules.Name {
		return withHint(usagef("context %s wants every change confirmed by its name; nothing was changed", rules.Name),
			"repeat it with --yes --confirm %s", rules.Name)
	}
	return nil
}

// registrations are the schemas that the patterns pick.
func (a *app) registrations(patterns []string) ([]registration, error) {
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil {
			return nil, usagef("pattern %q: %w", p, err)
		}
	}
	c, err := a.catalogue()
	if err != nil {
		return nil, err
	}
	var rows []registration
	for _, t := range c.Types() {
		if len(patterns) > 0 && !slices.ContainsFunc(patterns, func(p string) bool { ok, _ := path.Match(p, t.Name); return ok }) {
			continue
		}
		for _, major := range c.Majors(t.Name) {
			body, err := c.Schema(t.Name, major)
			if err != nil {
				return nil, err
			}
			rows = append(rows, registration{
				Subject: subjectOf(t.Topic, schemaset.Schema{Type: t.Name, Major: major}), Type: t.Name, Reasons: []string{},
				schema: registry.Schema{Type: regschema.JSON, Text: string(body)},
			})
		}
	}
	if len(rows) == 0 {
		return nil, withHint(withCode(errors.New("no event type matches"), exitNoMatch), "see all with: manage-kafka events list")
	}
	return rows, nil
}

// compare finds out what registering would do.
func (r *registration) compare(ctx context.Context, c *registry.Client) error {
	found, err := c.Lookup(ctx, r.Subject, r.schema)
	switch {
	case err == nil:
		r.Outcome, r.ID = subjectUnchanged, found.ID
		return nil
	case !errors.Is(err, registry.ErrNotFound):
		return fmt.Errorf("%s: %w", r.Subject, err)
	}
	if _, err := c.Versions(ctx, r.Subject); errors.Is(err, registry.ErrNotFound) {
		r.Outcome = subjectNew
		return nil
	} else if err != nil {
		return fmt.Errorf("%s: %w", r.Subject, err)
	}
	ok, why, err := c.Compatible(ctx, r.Subject, registry.Latest, r.schema)
	if err != nil {
		return fmt.Errorf("%s: %w", r.Subject, err)
	}
	r.Outcome = subjectChanged
	if !ok {
		r.Outcome = subjectIncompatible
		if r.Reasons = append(r.Reasons, why...); len(why) == 0 {
			return r.explain(ctx, c)
		}
	}
	return nil
}

// explain finds the reasons of a registry that gives none, as Apicurio does,
// by our own rules.
func (r *registration) explain(ctx context.Context, c *registry.Client) error {
	level, err := c.Level(ctx, r.Subject)
	if err != nil {
		return fmt.Errorf("%s: compatibility level: %w", r.Subject, err)
	}
	if level == evolution.None { // and yet it was refused: readers are what counts
		level = evolution.Backward
	}
	old, err := c.Version(ctx, r.Subject, registry.Latest)
	if err != nil {
		return fmt.Errorf("%s: %w", r.Subject, err)
	}
	differences, err := evolution.Check(level, [][]byte{[]byte(old.Text)}, []byte(r.schema.Text))
	for _, d := range differences {
		r.Reasons = append(r.Reasons, d.String())
	}
	if err != nil || len(differences) == 0 {
		r.Reasons = append(r.Reasons, fmt.Sprintf("not %s with version %d, says the registry", level, old.Version))
	}
	return nil
}

// register does it, and gives the subject a level where it has none.
func (r *registration) register(ctx context.Context, c *registry.Client, level evolution.Mode) error {
	if r.Outcome != subjectUnchanged {
		id, err := c.Register(ctx, r.Subject, r.schema)
		if errors.Is(err, registry.ErrIncompatible) {
			r.Outcome, r.Reasons = subjectIncompatible, append(r.Reasons, err.Error())
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", r.Subject, err)
		}
		r.ID = id
	}
	own, err := c.OwnLevel(ctx, r.Subject)
	// Apicurio says NONE where Confluent's API has no level of its own.
	if errors.Is(err, registry.ErrNotFound) || err == nil && own == evolution.None && own != level {
		err = c.SetLevel(ctx, r.Subject, level)
	}
	if err != nil {
		return fmt.Errorf("%s: compatibility level: %w", r.Subject, err)
	}
	return nil
}

// eachOf calls do for every row, a few at a time, until one fails.
func eachOf(ctx context.Context, rows []registration, do func(context.Context, *registration) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	next := make(chan *registration)
	for range 6 {
		group.Go(func() {
			for r := range next {
				if err := do(ctx, r); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := range rows {
		if ctx.Err() != nil {
			break
		}
		next <- &rows[i]
	}
	close(next)
	group.Wait()
	return context.Cause(ctx)
}

func showRegistrations(a *app, rows []registration) error {
	return printRows(a.print, rows, []column[registration]{
		{head: "SUBJECT", cell: func(r registration) string { return r.Subject }},
		{head: "OUTCOME", cell: func(r registration) string { return r.Outcome }, style: func(r registration) (style, bool) {
			return styleWarn, r.Outcome == subjectIncompatible
		}},
		{head: "ID", right: true, cell: func(r registration) string {
			if r.ID == 0 {
				return "-"
			}
			return strconv.Itoa(r.ID)
		}},
		{head: "WHY", cell: func(r registration) string { return strings.Join(r.Reasons, "; ") }},
	})
}

// concludeRegister says what came of it.
func concludeRegister(a *app, rows []registration, dryRun bool) error {
	count := map[string]int{}
	for _, r := range rows {
		count[r.Outcome]++
	}
	done := "registered"
	if dryRun {
		done = "nothing was registered"
	}
	if n := count[subjectIncompatible]; n > 0 {
		return withHint(withCode(fmt.Errorf("%s incompatible with what the registry has", ofAll(int64(n), int64(len(rows)), "schema")), exitConflict),
			"make the change additive, or make it a new major version beside the old one")
	}
	a.print.status("%d new, %d changed, %d unchanged; %s", count[subjectNew], count[subjectChanged], count[subjectUnchanged], done)
	return nil
}
