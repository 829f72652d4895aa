package cmd

import "github.com/spf13/cobra"

func newEventsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "events",
		Short:   "Show, check, export and register the event contract",
		GroupID: groupEvents,
		Long: `Show, check, export and register the contract of events: the built-in types, and those of your own
that manage-kafka.yaml lists under events.types with type, schema and, where they are not the default, topic, key
and version.`,
		Example: `  manage-kafka events list
  manage-kafka events show tenant.created
  manage-kafka events check events.ndjson
  manage-kafka events export --format typescript --out events.ts`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newEventsListCommand(a), newEventsShowCommand(a), newEventsSchemaCommand(a), newEventsCheckCommand(a), newEventsExportCommand(a), newEventsRegisterCommand(a))
	return cmd
}
