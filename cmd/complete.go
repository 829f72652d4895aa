package cmd

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/groups"
	"github.com/multi-tenant/manage-kafka/internal/terminal"
	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
)

// completeWithin is how long a shell waits for names at most.
const completeWithin = 300 * time.Millisecond

// completeValues completes a flag with a fixed list.
func completeValues(cmd *cobra.Command, flag string, values ...string) {
	// The only error is a flag that does not exist, which every help test would show.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// completeSettings completes --config and --delete-config with the names of
// topic settings and, after the =, with the values that there are to choose from.
func completeSettings(cmd *cobra.Command) {
	_ = cmd.RegisterFlagCompletionFunc("config", func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		name, _, chosen := strings.Cut(typed, "=")
		var list []string
		for _, s := range topics.Settings() {
			switch {
			case !chosen:
				list = append(list, s.Name+"=")
			case s.Name == name:
				for _, v := range s.Choices() {
					list = append(list, s.Name+"="+v)
				}
			}
		}
		list = slices.DeleteFunc(list, func(item string) bool { return !strings.HasPrefix(item, typed) })
		return list, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	})
	if cmd.Flags().Lookup("delete-config") != nil {
		completeValues(cmd, "delete-config", topics.SettingNames()...)
	}
}

// completeTopics completes arguments with the names of topics.
func (a *app) completeTopics(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	return a.completeNames(cmd.Context(), "topics", args, typed, func(ctx context.Context, c *kafka.Client) ([]string, error) {
		list, err := topics.New(c).List(ctx, topics.ListOptions{})
		if err != nil {
			return nil, err
		}
		names := make([]string, len(list.Topics))
		for i, t := range list.Topics {
			names[i] = t.Name
		}
		return names, nil
	})
}

// completeGroups completes arguments with the names of consumer groups.
func (a *app) completeGroups(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	return a.completeNames(cmd.Context(), "groups", args, typed, func(ctx context.Context, c *kafka.Client) ([]string, error) {
		list, err := groups.New(c).List(ctx, groups.ListOptions{Names: true})
		if err != nil {
			return nil, err
		}
		names := make([]string, len(list.Groups))
		for i, g := range list.Groups {
			names[i] = g.Name
		}
		return names, nil
	})
}

// completeTransactions completes arguments with transactional ids.
func (a *app) completeTransactions(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	return a.completeNames(cmd.Context(), "transactions", args, typed, func(ctx context.Context, c *kafka.Client) ([]string, error) {
		list, err := txn.NewReader(c).List(ctx, nil, false)
		if err != nil {
			return nil, err
		}
		names := make([]string, len(list.Transactions))
		for i, t := range list.Transactions {
			names[i] = t.ID
		}
		return names, nil
	})
}

// completeNames gives the names that ask finds and that begin with what is
// typed, without those that are on the command line already. They are remembered for a minute. Whatever goes wrong,
// and whatever takes too long, completes nothing: a shell shows no error.
func (a *app) completeNames(ctx context.Context, kind string, given []string, typed string, ask func(context.Context, *kafka.Client) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	a.print.quiet, a.print.errOut = true, io.Discard
	ctx, cancel := context.WithTimeout(ctx, completeWithin)
	defer cancel()
	found := make(chan []string, 1)
	// A cluster that hangs is not waited for: the process ends right after,
	// and the goroutine with it.
	go func() { found <- a.knownNames(ctx, kind, ask) }()
	var names []string
	select {
	case names = <-found:
	case <-ctx.Done():
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		// A shell would act on what cannot be shown, and split at spaces.
		return !strings.HasPrefix(name, typed) || slices.Contains(given, name) || terminal.Escape(name) != name || strings.ContainsAny(name, " \t")
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

// knownNames takes the names from the cache or asks the cluster.
func (a *app) knownNames(ctx context.Context, kind string, ask func(context.Context, *kafka.Client) ([]string, error)) []string {
	t, err := a.resolve()
	if err != nil {
		return nil
	}
	cache := newNameCache(t, kind)
	if names, ok := cache.read(time.Now()); ok {
		return names
	}
	c, err := a.open(ctx)
	if err != nil {
		return nil
	}
	defer c.Close()
	names, err := ask(ctx, c)
	if err != nil {
		return nil
	}
	cache.write(names)
	return names
}
