package cmd

import (
	"bytes"
	"encoding/json"

	"github.com/spf13/cobra"
)

func newEventsSchemaCommand(a *app) *cobra.Command {
	var major int
	cmd := &cobra.Command{
		Use:   "schema TYPE",
		Short: "Print the JSON Schema of an event type's payload",
		Long: `Print the JSON Schema of an event type's payload, as its file has it: in the form that
producers apply, closed against unknown members.`,
		Example: `  manage-kafka events schema tenant.created
  manage-kafka events schema tenant.created --major 1 > tenant.created.v1.json`,
		Args:              oneType,
		ValidArgsFunction: a.completeEventTypes,
		RunE: func(_ *cobra.Command, args []string) error {
			if major < 0 {
				return usagef("--major %d: want a number from 1", major)
			}
			c, err := a.catalogue()
			if err != nil {
				return err
			}
			schema, err := c.Schema(args[0], major)
			if err != nil {
				return unknownType(err)
			}
			_, err = a.out.Write(append(bytes.TrimSpace(schema), '\n'))
			return err
		},
	}
	cmd.Flags().IntVar(&major, "major", 0, "major `version` (default: the newest)")
	return cmd
}

func indented(raw []byte) (string, error) {
	var b bytes.Buffer
	err := json.Indent(&b, raw, "", "  ")
	return b.String(), err
}
