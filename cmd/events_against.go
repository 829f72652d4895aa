package cmd

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/evolution"
	"github.com/multi-tenant/manage-kafka/internal/schemaset"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// The verdicts on a type.
const (
	schemaSame       = "same"
	schemaCompatible = "compatible"
	schemaBreaking   = "breaking"
	schemaNew        = "new"
)

// verdict is what events check --against says of a type.
type verdict struct {
	Type        string                 `json:"type"`
	Major       int                    `json:"major"`
	Verdict     string                 `json:"verdict"`
	Differences []evolution.Difference `json:"differences"`
}

func completeCheck(cmd *cobra.Command) {
	var modes []string
	for _, m := range evolution.Modes() {
		modes = append(modes, string(m))
	}
	completeValues(cmd, "mode", modes...)
	completeValues(cmd, "rollout", string(evolution.ConsumersFirst), string(evolution.ProducersFirst), string(evolution.AnyOrder))
}

// question is what is asked about a change.
type question struct {
	mode    evolution.Mode
	rollout evolution.Rollout // "": the mode counts
}

func (o checkOptions) question() (question, error) {
	switch r := evolution.Rollout(o.rollout); {
	case o.received:
		return question{}, usagef("--received is for events, --against for schemas")
	case o.rollout != "" && o.mode != "":
		return question{}, usagef("--mode and --rollout cannot be used together")
	case r == evolution.ConsumersFirst, r == evolution.ProducersFirst, r == evolution.AnyOrder:
		return question{rollout: r}, nil
	case o.rollout != "":
		return question{}, usagef("--rollout %q: want consumers-first, producers-first or any", o.rollout)
	case o.mode == "":
		return question{mode: evolution.Backward}, nil
	}
	mode, err := evolution.ParseMode(o.mode)
	if err != nil {
		return question{}, usagef("--mode: %w", err)
	}
	return question{mode: mode}, nil
}

// ask judges one change.
func (q question) ask(old [][]byte, next []byte) ([]evolution.Difference, error) {
	if q.rollout == "" {
		return evolution.Check(q.mode, old, next)
	}
	var all []evolution.Difference
	for i, body := range old {
		v, err := evolution.Judge(body, next)
		if err != nil {
			return nil, err
		}
		differences, err := v.Allows(q.rollout)
		if err != nil {
			return nil, err
		}
		for _, d := range differences {
			d.Version = i
			all = append(all, d)
		}
	}
	return all, nil
}

// removal is what speaks against a type that is no more: nothing where only
// the old readers count.
func (q question) removal() []evolution.Difference {
	switch {
	case q.mode == evolution.None, q.mode == evolution.Forward, q.mode == evolution.ForwardTransitive, q.rollout == evolution.ProducersFirst:
		return []evolution.Difference{}
	}
	return []evolution.Difference{{Rule: "schema-removed", Message: "there is no schema any more for what was sent", Direction: evolution.NewReadsOld}}
}

func runSchemaCheck(ctx context.Context, a *app, o checkOptions, paths []string) error {
	q, err := o.question()
	if err != nil {
		return err
	}
	next, err := a.nextSchemas(paths)
	if err != nil {
		return err
	}
	old := make([][]schemaset.Schema, len(o.against))
	for i, against := range o.against {
		if old[i], err = a.oldSchemas(ctx, against, paths); err != nil {
			return err
		}
		if len(old[i]) == 0 {
			return usagef("--against %s: holds no schemas", against)
		}
	}
	rows, err := compare(q, old, next, len(paths) > 0)
	if err != nil {
		return err
	}
	if err := showVerdicts(a, rows); err != nil {
		return err
	}
	breaking := int64(0)
	for _, r := range rows {
		if r.Verdict == schemaBreaking {
			breaking++
		}
	}
	if breaking > 0 {
		return withHint(withCode(fmt.Errorf("%s", countBreaking(breaking)), exitConflict),
			"make the change additive, or make it a new major version beside the old one")
	}
	a.print.status("%s without a breaking change", plural(int64(len(rows)), "schema"))
	return nil
}

func countBreaking(n int64) string {
	if n == 1 {
		return "1 schema has breaking changes"
	}
	return plural(n, "schema") + " have breaking changes"
}

// nextSchemas are those to judge.
func (a *app) nextSchemas(paths []string) ([]schemaset.Schema, error) {
	var all []schemaset.Schema
	for _, path := range paths {
		list, err := schemaset.Read(path)
		if err != nil {
			return nil, usagef("%w", err)
		}
		if len(list) == 0 {
			return nil, usagef("%s: holds no schemas", path)
		}
		all = append(all, list...)
	}
	if len(paths) > 0 {
		return all, nil
	}
	c, err := a.catalogue()
	if err != nil {
		return nil, err
	}
	for _, t := range c.Types() {
		for _, major := range c.Majors(t.Name) {
			body, err := c.Schema(t.Name, major)
			if err != nil {
				return nil, err
			}
			all = append(all, schemaset.Schema{Type: t.Name, Major: major, File: t.Name, Body: body})
		}
	}
	return all, nil
}

// oldSchemas are those that a directory, file or git revision has.
func (a *app) oldSchemas(ctx context.Context, against string, paths []string) ([]schemaset.Schema, error) {
	if _, err := os.Stat(against); err == nil {
		list, err := schemaset.Read(against)
		if err != nil {
			return nil, usagef("--against %w", err)
		}
		return list, nil
	}
	if len(paths) == 0 {
		return a.oldOwn(ctx, against)
	}
	var all []schemaset.Schema
	for _, path := range paths {
		list, err := atRevision(ctx, path, against)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// oldOwn are the schemas of manage-kafka.yaml at a revision.
func (a *app) oldOwn(ctx context.Context, revision string) ([]schemaset.Schema, error) {
	files, err := a.settings()
	if err != nil {
		return nil, err
	}
	var all []schemaset.Schema
	for _, file := range files.All() {
		for _, t := range file.Events.Types {
			list, err := atRevision(ctx, filepath.Join(filepath.Dir(file.Path), t.Schema), revision)
			if err != nil {
				return nil, err
			}
			for _, s := range list {
				s.Type = t.Type
				if v, err := events.ParseVersion(cmp.Or(t.Version, "1.0")); err == nil {
					s.Major = v.Major
				}
				all = append(all, s)
			}
		}
	}
	if len(all) == 0 {
		return nil, withHint(usagef("--against %s: manage-kafka.yaml has no schemas of that time", revision), "name the directory of the schemas")
	}
	return all, nil
}

func atRevision(ctx context.Context, path, revision string) ([]schemaset.Schema, error) {
	list, err := schemaset.ReadRevision(ctx, path, revision)
	switch {
	case errors.Is(err, schemaset.ErrRevision):
		return nil, withHint(usagef("--against %w", err), "it is no directory either; in a shallow clone: git fetch --tags --unshallow")
	case err != nil:
		return nil, usagef("--against %w", err)
	}
	return list, nil
}

// compare judges every type. Types that only next has are new where they were
// named, else they are none of this question.
func compare(q question, old [][]schemaset.Schema, next []schemaset.Schema, named bool) ([]verdict, error) {
	var rows []verdict
	seen := map[string]bool{}
	for _, s := range next {
		seen[s.Name()] = true
		var before [][]byte
		for _, set := range old {
			for _, o := range set {
				if o.Name() == s.Name() {
					before = append(before, o.Body)
				}
			}
		}
		row := verdict{Type: s.Type, Major: s.Major, Verdict: schemaNew, Differences: []evolution.Difference{}}
		if len(before) > 0 {
			differences, err := q.ask(before, s.Body)
			if err != nil {
				return nil, usagef("%s: %w", s.File, err)
			}
			row.Differences = append(row.Differences, differences...)
			switch {
			case len(differences) > 0:
				row.Verdict = schemaBreaking
			case sameJSON(before[len(before)-1], s.Body):
				row.Verdict = schemaSame
			default:
				row.Verdict = schemaCompatible
			}
		} else if !named {
			continue
		}
		rows = append(rows, row)
	}
	for _, o := range old[len(old)-1] {
		if seen[o.Name()] {
			continue
		}
		row := verdict{Type: o.Type, Major: o.Major, Verdict: schemaCompatible, Differences: q.removal()}
		if len(row.Differences) > 0 {
			row.Verdict = schemaBreaking
		}
		rows = append(rows, row)
	}
	slices.SortStableFunc(rows, func(a, b verdict) int { return cmp.Or(cmp.Compare(a.Type, b.Type), a.Major-b.Major) })
	return rows, nil
}

func sameJSON(a, b []byte) bool {
	decode := func(raw []byte) (v any) {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		_ = d.Decode(&v) // both were read before
		return v
	}
	return reflect.DeepEqual(decode(a), decode(b))
}

// showVerdicts answers with a row for each difference, or for each type that
// has none.
func showVerdicts(a *app, rows []verdict) error {
	if a.print.format != formatTable {
		return printRows(a.print, rows, []column[verdict]{{cell: func(v verdict) string { return v.Type }}})
	}
	type line struct {
		verdict
		evolution.Difference
	}
	var lines []line
	for _, v := range rows {
		for _, d := range v.Differences {
			lines = append(lines, line{v, d})
		}
		if len(v.Differences) == 0 {
			lines = append(lines, line{verdict: v})
		}
	}
	return printTable(a.print, lines, []column[line]{
		{head: "TYPE", cell: func(l line) string { return schemaset.Schema{Type: l.Type, Major: l.Major}.Name() }},
		{head: "VERDICT", cell: func(l line) string { return l.Verdict }, style: func(l line) (style, bool) { return styleWarn, l.Verdict == schemaBreaking }},
		{head: "POINTER", cell: func(l line) string { return l.Pointer }},
		{head: "RULE", cell: func(l line) string { return string(l.Rule) }},
		{head: "READERS", cell: func(l line) string { return string(l.Direction) }},
		{head: "WHY", cell: func(l line) string { return l.Message }},
	})
}
