package cmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// shownType is what "events show" answers.
type shownType struct {
	events.Type
	Majors  []int               `json:"majors"`
	Data    []events.DataMember `json:"data"`
	Example json.RawMessage     `json:"example,omitempty"`
}

func newEventsShowCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show TYPE",
		Short: "Show an event type: topic, key, payload and an example",
		Example: `  manage-kafka events show tenant.created
  manage-kafka events show tenant.created -o json`,
		Args:              oneType,
		ValidArgsFunction: a.completeEventTypes,
		RunE: func(_ *cobra.Command, args []string) error {
			return runEventsShow(a, args[0])
		},
	}
	a.outputFlag(cmd)
	return cmd
}

func oneType(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%s takes one event type, got %d arguments", cmd.Name(), len(args))
	}
	return nil
}

func runEventsShow(a *app, name string) error {
	c, err := a.catalogue()
	if err != nil {
		return err
	}
	t, err := c.Lookup(name)
	if err != nil {
		return unknownType(err)
	}
	shown := shownType{Type: t, Majors: c.Majors(name)}
	if shown.Data, err = c.Members(name); err != nil {
		return err
	}
	example, err := c.Example(name, 1)
	if err == nil {
		shown.Example = example.Encode()
	}
	if a.print.format == formatName {
		_, err := fmt.Fprintln(a.out, terminal.Escape(t.Name))
		return err
	}
	return printValue(a.print, shown, func() error { return showType(a, shown) })
}

// unknownType is the error for the name of a type that the caller asked for.
func unknownType(err error) error {
	if errors.Is(err, events.ErrUnknownType) || errors.Is(err, events.ErrUnknownMajor) {
		return withHint(withCode(err, exitNoMatch), "see all with: manage-kafka events list")
	}
	return err
}

func showType(a *app, t shownType) error {
	fmt.Fprintf(a.out, "%s  %s\n\n", paint(a.print.outColor, styleHead, terminal.Escape(t.Name)), terminal.Escape(t.Summary))
	fmt.Fprintf(a.out, "topic    %s\nkey      %s\nversion  %s\n\n", terminal.Escape(t.Topic), terminal.Escape(keyText(t.Key)), t.Version)
	err := printTable(a.print, t.Data, []column[events.DataMember]{
		{head: "DATA", cell: func(m events.DataMember) string { return m.Path }},
		{head: "TYPE", cell: memberType},
		{head: "REQUIRED", cell: func(m events.DataMember) string {
			if m.Required {
				return "required"
			}
			return "optional"
		}},
		{head: "DESCRIPTION", cell: func(m events.DataMember) string { return m.Description }},
	})
	if err != nil || t.Example == nil {
		return err
	}
	example, err := indented(t.Example)
	if err == nil {
		_, err = fmt.Fprintf(a.out, "\nexample\n%s\n", terminal.Lines(example))
	}
	return err
}

// memberType is a member's type with its format or what it may be.
func memberType(m events.DataMember) string {
	text := strings.Join(m.Types, "|")
	switch {
	case len(m.Values) > 0:
		values := make([]string, len(m.Values))
		for i, v := range m.Values {
			values[i] = plainValue(v)
		}
		text += " " + strings.Join(values, "|")
	case m.Format != "":
		text += " " + m.Format
	}
	return text
}
