package cmd

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/settings"
	"github.com/multi-tenant/manage-kafka/internal/terminal"
	"github.com/multi-tenant/manage-kafka/pkg/events"
)

// catalogue knows the built-in event types, those of the configuration files
// and one more, which takes the place of theirs.
func (a *app) catalogue(more ...events.UserType) (*events.Catalogue, error) {
	files, err := a.settings()
	if err != nil {
		return nil, err
	}
	var own []events.UserType
	for _, file := range files.All() {
		for _, t := range file.Events.Types {
			if slices.ContainsFunc(more, func(m events.UserType) bool { return m.Name == t.Type }) {
				continue
			}
			u, err := ownType(file, t)
			if err != nil {
				return nil, &usageError{err: err}
			}
			own = append(own, u)
		}
	}
	c, err := events.NewCatalogue(append(own, more...)...)
	if err != nil {
		return nil, &usageError{err: err}
	}
	return c, nil
}

func ownType(file *settings.File, t settings.EventType) (events.UserType, error) {
	body, err := file.ReadSchema(t)
	return events.UserType{
		Name: t.Type, Topic: t.Topic, Key: events.KeyRule(t.Key), Version: t.Version,
		Schema: body, File: filepath.ToSlash(t.Schema),
	}, err
}

// explainType gives an error about an event or its type the exit code of a
// wrong call.
func explainType(err error) error {
	switch {
	case errors.Is(err, events.ErrUnknownType):
		return withHint(&usageError{err: err}, "see all with: manage-kafka events list; a type of your own needs --schema FILE, or a place in manage-kafka.yaml")
	case errors.Is(err, events.ErrInvalid), errors.Is(err, events.ErrUnknownMajor):
		return &usageError{err: err}
	}
	return err
}

// completeEventTypes completes the first argument with the names of types.
func (a *app) completeEventTypes(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	c, err := a.catalogue()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var list []string
	for _, t := range c.Types() {
		if strings.HasPrefix(t.Name, typed) {
			list = append(list, cobra.CompletionWithDesc(t.Name, terminal.Escape(t.Summary)))
		}
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

// completeMembers completes --set with the members of the type's data and,
// after the =, with the values that there are to choose from.
func (a *app) completeMembers(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	c, err := a.catalogue()
	if err != nil || len(args) == 0 {
		return nil, directive
	}
	members, err := c.Members(args[0])
	if err != nil {
		return nil, directive
	}
	var list []string
	for _, m := range members {
		path := "data." + m.Path + "="
		if !strings.HasPrefix(typed, path) && strings.HasPrefix(path, typed) {
			list = append(list, cobra.CompletionWithDesc(path, terminal.Escape(m.Description)))
		}
		for _, v := range m.Values {
			if item := path + plainValue(v); strings.HasPrefix(typed, path) && strings.HasPrefix(item, typed) {
				list = append(list, item)
			}
		}
	}
	return list, directive
}
