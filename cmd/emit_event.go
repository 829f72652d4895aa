package cmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func newEmitEventCommand(a *app) *cobra.Command {
	var f emitFlags
	cmd := &cobra.Command{
		Use:     "emit-event [TYPE]",
		Short:   "Send valid events to their topics",
		GroupID: groupEvents,
		Long: `Send events of the contract, each to the topic and with the key of its type. What is
invalid is refused with every failure and its place, and nothing is sent.

An object with no other members of the envelope than type, data, tenantId, userId, correlationId and causationId is
completed: id (a UUID of version 7), source, time, dataVersion and dataContentType. With any of these it is an
envelope: all five must be there, nothing is filled in, and the bytes are sent as they were read.

With TYPE, --data is the payload, or the event of that type; without, it is the event. A file has an event on each
line, with TYPE of that type alone; --tenant, --source and the like are for those that are completed and do not say it
themselves. All of it is checked before anything is sent; --on-error skip leaves out what is invalid instead, in a
file that --file takes again once it is mended.

With --registry data must fit the newest schema that a schema registry has of the type as well. Its address is
SCHEMA_REGISTRY_URL or that of the running stack, or is given as --registry=URL. With --cloudevents binary, whose values
are the data alone, the schema's id then stands in front of the value, as Confluent's serializers write it.

The id of each event is printed once the broker has it; of many on a terminal, only with -o name.`,
		Example: `  manage-kafka emit-event tenant.created --example
  manage-kafka emit-event user.locked --tenant t1 --set data.id=u1 --set data.reason=admin --set data.lockedAt=2026-01-05T09:30:00Z
  manage-kafka emit-event tenant.created --data @payload.json --dry-run
  manage-kafka emit-event --file events.ndjson
  manage-kafka emit-event --example --count 10000 --rate 500/s
  manage-kafka emit-event tenant.created --example --registry --cloudevents binary
  manage-kafka emit-event order.created --schema order.json --data '{"orderId":"o1"}'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 && strings.Contains(args[1], "://") {
				return fmt.Errorf("emit-event takes one type, got %q too; a registry's address is given as --registry=URL", args[1])
			}
			if len(args) > 1 {
				return fmt.Errorf("emit-event takes one type, got %d arguments", len(args))
			}
			return nil
		},
		ValidArgsFunction: a.completeEventTypes,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				f.name = args[0]
			}
			f.given = cmd.Flags().Changed
			return runEmitEvent(cmd.Context(), a, &f)
		},
	}
	f.bind(cmd, a)
	a.outputFlag(cmd)
	return cmd
}

func runEmitEvent(ctx context.Context, a *app, f *emitFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	e, err := newEmission(ctx, a, f)
	if err != nil {
		return err
	}
	defer e.registered.close()
	switch {
	case f.file != "":
		return e.sendFile(ctx)
	case f.example && f.count != 1:
		return e.examples(ctx)
	}
	return e.one(ctx)
}
