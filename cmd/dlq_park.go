package cmd

import (
	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/dlq"
)

func newDLQParkCommand(a *app) *cobra.Command {
	return newResolveCommand(a, dlq.Parked, &cobra.Command{
		Use:   "park DLQ",
		Short: "Take pending letters out of replays until they are dealt with",
		Long: `Mark pending letters as parked: no replay takes them until dlq undo makes them
pending again. A letter that was replayed too often (--max-replays of dlq replay)
is parked by itself.

` + selectionHelp,
		Example: `  manage-kafka dlq park orders.dlq --error-class DecodeError --reason INC-812`,
	})
}
