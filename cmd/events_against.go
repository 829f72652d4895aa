package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/evolution"
	"github.com/multi-tenant/manage-kafka/internal/registry"
	"github.com/multi-tenant/manage-kafka/internal/schemaset"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

func completeCheck(cmd *cobra.Command) {
	var modes []string
	for _, m := range evolution.Modes() {
		modes = append(modes, string(m))
	}
	completeValues(cmd, "mode", modes...)
	completeValues(cmd, "rollout", string(evolution.ConsumersFirst), string(evolution.ProducersFirst), string(evolution.AnyOrder))
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
		if against == againstRegistry {
			old[i], err = a.registered(ctx, o.registry, next)
		} else {
			old[i], err = a.oldSchemas(ctx, against, paths)
		}
		if err != nil {
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

// againstRegistry is the --against that means the schema registry; ./registry
// is a directory of that name.
const againstRegistry = "registry"

// registered are the newest versions that the registry has of the schemas.
func (a *app) registered(ctx context.Context, urls string, next []schemaset.Schema) ([]schemaset.Schema, error) {
	types, err := a.catalogue()
	if err != nil {
		return nil, err
	}
	c, err := a.openRegistry(urls)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var all []schemaset.Schema
	for _, s := range next {
		subject := subjectOf(topicOf(types, s.Type), s)
		found, err := c.Version(ctx, subject, registry.Latest)
		if errors.Is(err, registry.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, explainRegistry(c, fmt.Errorf("%s: %w", subject, err))
		}
		all = append(all, schemaset.Schema{Type: s.Type, Major: s.Major, File: subject, Body: []byte(found.Text)})
	}
	return all, nil
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
