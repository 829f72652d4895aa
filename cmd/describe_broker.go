package cmd

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/terminal"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
)

func newDescribeBrokerCommand(a *app) *cobra.Command {
	var opts topics.DescribeOptions
	cmd := &cobra.Command{
		Use:     "describe-broker [ID...]",
		Short:   "Show a broker's settings",
		GroupID: groupStack,
		Long: `Show brokers: id, address, rack, and the settings that differ from Kafka's defaults,
as each broker itself knows them, with where each comes from: its file, or set while
it runs for it or for the whole cluster. What a broker holds back is shown as (hidden).

Without an ID it is all brokers. One that is not up is exit 1.`,
		Example: `  manage-kafka describe-broker
  manage-kafka describe-broker 0 --all-config -o json`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runDescribeBroker(cmd.Context(), a, args, opts)
		},
	}
	cmd.Flags().BoolVar(&opts.AllConfig, "all-config", false, "show every setting, also Kafka's defaults")
	a.outputFlag(cmd)
	return cmd
}

func runDescribeBroker(ctx context.Context, a *app, args []string, opts topics.DescribeOptions) error {
	var ids []int32
	for _, arg := range args {
		id, err := strconv.ParseInt(arg, 10, 32)
		if err != nil || id < 0 {
			return usagef("broker %q: want its id, a number from 0", arg)
		}
		ids = append(ids, int32(id))
	}
	c, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	list, err := topics.New(c).DescribeBrokers(ctx, ids, opts)
	switch {
	case errors.Is(err, topics.ErrNoBroker):
		return withHint(err, "see the brokers there are with: manage-kafka describe-broker -o name")
	case err != nil:
		return err
	case a.print.format != formatTable:
		return printRows(a.print, list, []column[topics.BrokerDescription]{
			{head: "BROKER", cell: func(d topics.BrokerDescription) string { return strconv.Itoa(int(d.ID)) }},
		})
	}
	for i, d := range list {
		if i > 0 {
			fmt.Fprintln(a.out)
		}
		_, err := fmt.Fprintf(a.out, "broker   %d\naddress  %s\nrack     %s\n\n", d.ID, terminal.Escape(d.Addr), terminal.Escape(dash(d.Rack)))
		if err != nil {
			return err
		}
		if err := printTable(a.print, d.Config, settingColumns()); err != nil {
			return err
		}
	}
	return nil
}

// settingColumns show settings with where they come from.
func settingColumns() []column[topics.Entry] {
	return []column[topics.Entry]{
		{head: "SETTING", cell: func(e topics.Entry) string { return e.Name }},
		{head: "VALUE", cell: func(e topics.Entry) string {
			if e.Sensitive {
				return "(hidden)"
			}
			return e.Value
		}},
		{head: "SOURCE", cell: func(e topics.Entry) string { return string(e.Source) }},
	}
}
