package cmd

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

func newTxnCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "txn",
		Short:   "Look at transactions and end those that hang",
		GroupID: groupGroups,
		Long: `Show the transactions of a cluster, find those that keep readers of committed
records waiting, and end one that hangs (KIP-664). Brokers before 3.0 cannot
tell about them.`,
		Example: `  manage-kafka txn list --open
  manage-kafka txn find-hanging
  manage-kafka txn abort orders/3@1204`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTxnListCommand(a), newTxnDescribeCommand(a), newTxnFindHangingCommand(a), newTxnAbortCommand(a))
	return cmd
}

// blockingName is how one open transaction in one partition is named:
// TOPIC/PARTITION@START. Topics have neither of the signs in their names.
func blockingName(b txn.Blocking) string {
	return fmt.Sprintf("%s@%d", b.TopicPartition, b.StartOffset)
}

func parseBlocking(name string) (tp kafka.TopicPartition, start int64, err error) {
	bad := usagef("%q: want TOPIC/PARTITION@OFFSET, as txn find-hanging -o name gives it", name)
	topic, rest, ok := strings.Cut(name, "/")
	number, offset, ok2 := strings.Cut(rest, "@")
	if !ok || !ok2 || topic == "" {
		return tp, 0, bad
	}
	partition, err1 := strconv.ParseInt(number, 10, 32)
	start, err2 := strconv.ParseInt(offset, 10, 64)
	if errors.Join(err1, err2) != nil || partition < 0 || start < 0 {
		return tp, 0, bad
	}
	return kafka.TopicPartition{Topic: topic, Partition: int32(partition)}, start, nil
}
