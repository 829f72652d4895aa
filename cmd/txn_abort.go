package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

type txnAbortOptions struct {
	names []string
	id    string
}

func newTxnAbortCommand(a *app) *cobra.Command {
	var opts txnAbortOptions
	cmd := &cobra.Command{
		Use:   "abort TOPIC/PARTITION@OFFSET...",
		Short: "End a transaction that hangs",
		Long: `End a hanging transaction by an abort marker in its partition, so that readers of
committed records go on. Its records are never seen; whether they should have
been committed cannot be known any more. The marker needs the right of
ClusterAction on the cluster.

A transaction that a coordinator still looks after is refused (exit 7): the
coordinator would write its own verdict later. --id ends such a one as a
restart of its application would: the transaction is aborted, and whoever holds
the transactional id is fenced and cannot commit any more.

It says what is ended and asks; without a terminal it refuses unless --yes is
given.`,
		Example: `  manage-kafka txn abort orders/3@1204
  manage-kafka txn abort --id billing-7 --yes`,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.names = args
			return runTxnAbort(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().StringVar(&opts.id, "id", "", "end the open transaction of this transactional `id`")
	_ = cmd.RegisterFlagCompletionFunc("id", a.completeTransactions)
	meant(cmd.Flags(), "id")
	return cmd
}

func runTxnAbort(ctx context.Context, a *app, opts txnAbortOptions) error {
	switch {
	case opts.id != "" && len(opts.names) > 0:
		return usagef("want TOPIC/PARTITION@OFFSET or --id, and not both")
	case opts.id == "" && len(opts.names) == 0:
		return withHint(usagef("which transaction? Name it as TOPIC/PARTITION@OFFSET, or give --id"),
			"see those that hang with: manage-kafka txn find-hanging")
	}
	starts := map[kafka.TopicPartition]int64{}
	for _, name := range opts.names {
		tp, start, err := parseBlocking(name)
		if err != nil {
			return err
		}
		if _, twice := starts[tp]; twice {
			return usagef("%s is named twice", tp)
		}
		starts[tp] = start
	}
	c, err := a.openForChange(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if opts.id != "" {
		return a.fence(ctx, c, opts.id)
	}
	return a.abortHanging(ctx, c, starts)
}

// fence takes a transactional id over, which ends what is open under it.
func (a *app) fence(ctx context.Context, c *kafka.Client, id string) error {
	t, err := txn.NewReader(c).Describe(ctx, id)
	if errors.Is(err, txn.ErrNotFound) {
		return withHint(fmt.Errorf("%s: no such transactional id", id), "see the ids there are with: manage-kafka txn list")
	}
	if err != nil {
		return err
	}
	if !t.Open() {
		return withCode(fmt.Errorf("%s has no transaction under way (%s)", id, t.State), exitNoMatch)
	}
	what := fmt.Sprintf("this aborts the transaction of %s, open %s in %s, and fences whoever holds the id",
		id, behindText(t.OpenSeconds), plural(int64(len(t.Partitions)), "partition"))
	if err := a.confirmDestructive(ctx, what); err != nil {
		return err
	}
	p, err := txn.Acquire(ctx, c, txn.Options{ID: id, Notice: a.print.status1})
	if err != nil {
		return err
	}
	p.Close()
	a.print.status("aborted the transaction of %s", id)
	return nil
}

func (a *app) abortHanging(ctx context.Context, c *kafka.Client, starts map[kafka.TopicPartition]int64) error {
	reader := txn.NewReader(c)
	found, err := findNamed(ctx, reader, starts)
	if err != nil {
		return err
	}
	names := make([]string, len(found))
	var waiting int64
	for i, b := range found {
		names[i] = blockingName(b)
		waiting += b.Waiting
	}
	what := fmt.Sprintf("this aborts %s for good: %s waiting behind can be read, those of the transaction never",
		strings.Join(names, ", "), plural(waiting, "offset"))
	if err := a.confirmDestructive(ctx, what); err != nil {
		return err
	}
	var failed []error
	for _, b := range found {
		if err := reader.Abort(ctx, b); err != nil {
			failed = append(failed, err)
			continue
		}
		a.print.status("aborted %s", blockingName(b))
	}
	if len(failed) > 0 && len(failed) < len(found) {
		return withHint(withCode(errors.Join(failed...), exitPartly), "the others are done; running it again is safe")
	}
	return errors.Join(failed...)
}

// findNamed finds the hanging transactions that the caller means, all of them.
func findNamed(ctx context.Context, reader *txn.Reader, starts map[kafka.TopicPartition]int64) ([]txn.Blocking, error) {
	topics := map[string]bool{}
	var opts txn.FindOptions
	for tp := range starts {
		if !topics[tp.Topic] {
			topics[tp.Topic] = true
			opts.Topics = append(opts.Topics, tp.Topic)
		}
	}
	all, err := reader.FindBlocking(ctx, opts)
	if err != nil {
		return nil, err
	}
	var chosen []txn.Blocking
	for tp, start := range starts {
		i := slices.IndexFunc(all, func(b txn.Blocking) bool { return b.TopicPartition == tp && b.StartOffset == start })
		if i < 0 {
			return nil, withHint(withCode(fmt.Errorf("%s@%d: no transaction is open there", tp, start), exitNoMatch),
				"see those that are with: manage-kafka txn find-hanging %s --all --older-than 0s", tp.Topic)
		}
		if b := all[i]; !b.Hanging {
			id, word := "a transactional id", "ID"
			if b.Transaction != nil {
				id, word = b.Transaction.ID, shellWord(b.Transaction.ID)
			}
			return nil, withHint(withCode(fmt.Errorf("%s belongs to %s, which its coordinator looks after (%s); nothing was changed", blockingName(b), id, verdictOf(b)), exitConflict),
				"end it and fence its application with: manage-kafka txn abort --id %s", word)
		}
		chosen = append(chosen, all[i])
	}
	slices.SortFunc(chosen, func(a, b txn.Blocking) int { return strings.Compare(blockingName(a), blockingName(b)) })
	return chosen, nil
}
