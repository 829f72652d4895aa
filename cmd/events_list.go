package cmd

import (
	"fmt"
	"path"
	"slices"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/events"
)

func newEventsListCommand(a *app) *cobra.Command {
	var domain string
	cmd := &cobra.Command{
		Use:   "list [PATTERN...]",
		Short: "List event types with their topics and keys",
		Long:  `List the built-in event types and your own. A pattern such as 'billing.*' picks some.`,
		Example: `  manage-kafka events list
  manage-kafka events list 'user.*' -o name`,
		ValidArgsFunction: a.completeEventTypes,
		RunE: func(_ *cobra.Command, args []string) error {
			return runEventsList(a, args, domain)
		},
	}
	cmd.Flags().StringVar(&domain, "domain", "", "only the types of one `domain`, such as tenant")
	a.outputFlag(cmd)
	return cmd
}

func runEventsList(a *app, patterns []string, domain string) error {
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil {
			return usagef("pattern %q: %w", p, err)
		}
	}
	c, err := a.catalogue()
	if err != nil {
		return err
	}
	types := slices.DeleteFunc(c.Types(), func(t events.Type) bool {
		matches := len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool {
			ok, _ := path.Match(p, t.Name) // checked above
			return ok
		})
		return !matches || domain != "" && t.Domain() != domain
	})
	if len(types) == 0 {
		return withHint(withCode(fmt.Errorf("no event type matches"), exitNoMatch), "see all with: manage-kafka events list")
	}
	return printRows(a.print, types, []column[events.Type]{
		{head: "TYPE", cell: func(t events.Type) string { return t.Name }},
		{head: "TOPIC", cell: func(t events.Type) string { return t.Topic }},
		{head: "KEY", cell: func(t events.Type) string { return keyText(t.Key) }},
		{head: "VERSION", cell: func(t events.Type) string { return t.Version }},
		{head: "SUMMARY", cell: func(t events.Type) string { return t.Summary }},
	})
}

// keyText is a key rule for a person.
func keyText(k events.KeyRule) string {
	if k == "" {
		return "/tenantId"
	}
	return string(k)
}
