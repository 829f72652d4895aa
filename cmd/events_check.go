package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// shownFaults bounds the rows that events check answers with.
const shownFaults = 1000

type checkOptions struct {
	received bool
	against  []string
	mode     string
	rollout  string
	registry string
}

func newEventsCheckCommand(a *app) *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check [FILE...]",
		Short: "Check events, or a change of their schemas",
		Long: `Check events in files or on standard input, one a line; a file whose name ends with .json holds one event. As
emit-event does, it takes whole envelopes and what can be completed to one. Invalid events are listed with every
failure and its place, and the exit code is 2.

With --against the schemas are checked in place of events: those in the files and directories named, else those of
manage-kafka.yaml and the built-in ones, against an earlier state: a directory, a git revision, or "registry" for what
the schema registry has. --mode asks what the registries ask; --rollout asks which services can move to the new schemas
first, where producers apply a schema closed and consumers open. Breaking changes are listed with the place and the
rule, and the exit code is 7.`,
		Example: `  manage-kafka events check events.ndjson
  manage-kafka emit-event --example --count 10 --dry-run | manage-kafka events check
  manage-kafka events check schemas --against v1.4.0
  manage-kafka events check schemas --against ../released/schemas --rollout consumers-first`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(o.against) > 0 {
				return runSchemaCheck(cmd.Context(), a, o, args)
			}
			if o.mode != "" || o.rollout != "" || o.registry != "" {
				return usagef("--mode, --rollout and --registry need --against")
			}
			return runEventsCheck(cmd.Context(), a, o, args)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.received, "received", false, "check as a consumer does: unknown members of the payload are fine")
	f.StringArrayVar(&o.against, "against", nil, "earlier `DIR` or git revision of the schemas, or registry (repeatable, the oldest first)")
	f.StringVar(&o.mode, "mode", "", "compatibility `mode`: BACKWARD (default), FORWARD, FULL, each also with _TRANSITIVE")
	f.StringVar(&o.rollout, "rollout", "", "`order` of services: consumers-first, producers-first or any")
	registryFlag(cmd, &o.registry)
	completeCheck(cmd)
	a.outputFlag(cmd)
	return cmd
}

// fault is one thing that is wrong with an event of a file.
type fault struct {
	File    string `json:"file"` // "" is standard input
	Line    int64  `json:"line"`
	Pointer string `json:"pointer"`
	Message string `json:"message"`
}

// checked counts what was seen of the events.
type checked struct {
	valid, invalid int64
	faults         []fault
	hidden         int64 // faults beyond the bound
}

func (c *checked) add(file string, line int64, err error) {
	if err == nil {
		c.valid++
		return
	}
	c.invalid++
	failures := []events.Failure{{Message: err.Error()}}
	var invalid *events.InvalidError
	if errors.As(err, &invalid) {
		failures = invalid.Failures
	} else if errors.Is(err, events.ErrUnknownType) {
		failures[0].Pointer = "/type"
	}
	for _, f := range failures {
		if len(c.faults) == shownFaults {
			c.hidden++
			continue
		}
		c.faults = append(c.faults, fault{file, line, f.Pointer, f.Message})
	}
}

func runEventsCheck(ctx context.Context, a *app, o checkOptions, files []string) error {
	c, err := a.catalogue()
	if err != nil {
		return err
	}
	view := events.Closed
	if o.received {
		view = events.Open
	}
	v := c.Validator(events.ValidatorOptions{View: view})
	e := &emission{completion: events.Completion{Catalogue: c, Source: ownSource()}}
	if len(files) == 0 {
		files = []string{"-"}
	}
	var found checked
	for _, name := range files {
		if err := checkEvents(ctx, a, v, e.complete, name, &found); err != nil {
			return err
		}
	}
	if err := showFaults(a, found); err != nil {
		return err
	}
	if found.invalid > 0 {
		return usagef("%s invalid", ofAll(found.invalid, found.valid+found.invalid, "event"))
	}
	a.print.status("%s valid", are(found.valid, "event"))
	return nil
}

func checkEvents(ctx context.Context, a *app, v *events.Validator, complete func([]byte) ([]byte, error), name string, found *checked) (err error) {
	in := readUntil(ctx, a.in)
	shown := name
	if name == "-" {
		shown = ""
	} else {
		file, err := openUntil(ctx, name)
		if err != nil {
			return usagef("%w", err)
		}
		defer file.Close()
		if info, err := file.Stat(); err == nil && info.IsDir() {
			return usagef("%s: is a directory", name)
		}
		in = fileUntil(ctx, file)
	}
	if strings.HasSuffix(name, ".json") {
		raw, err := io.ReadAll(io.LimitReader(in, events.MaxLine+1))
		if err != nil {
			return err
		}
		if len(raw) > events.MaxLine {
			return usagef("%s: larger than %s", name, byteSize(events.MaxLine))
		}
		whole, err := complete(bytes.TrimSpace(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))))
		if err == nil {
			found.add(shown, 1, v.Check(whole))
		}
		return err
	}
	err = v.CheckLines(ctx, in, events.LineOptions{Complete: complete}, func(lines []events.Line) error {
		for i := range lines {
			found.add(shown, lines[i].Number, lines[i].Err)
		}
		return nil
	})
	switch {
	case errors.Is(err, events.ErrLineTooLong):
		return usagef("%s: %w", name, err)
	case err != nil && ctx.Err() == nil:
		return fmt.Errorf("%s: %w", name, err)
	}
	return err
}

func showFaults(a *app, found checked) error {
	if a.print.format == formatTable && len(found.faults) == 0 {
		return nil
	}
	err := printRows(a.print, found.faults, []column[fault]{
		{head: "FILE", cell: func(f fault) string {
			if f.File == "" {
				return "-"
			}
			return f.File
		}},
		{head: "LINE", right: true, cell: func(f fault) string { return strconv.FormatInt(f.Line, 10) }},
		{head: "POINTER", cell: func(f fault) string { return f.Pointer }},
		{head: "FAILURE", cell: func(f fault) string { return f.Message }},
	})
	if err == nil && found.hidden > 0 {
		a.print.warn("%s more not shown", plural(found.hidden, "failure"))
	}
	return err
}
