package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kgo"
)

// openTxn writes a record into a transaction and leaves it open, with a client
// that is not ours: open-txn ID TOPIC PARTITION VALUE.
func openTxn(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: open-txn ID TOPIC PARTITION VALUE")
	}
	partition, err := strconv.ParseInt(args[2], 10, 32)
	ts.Check(err)
	cl, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(ts.Getenv("KAFKA_BROKERS"), ",")...),
		kgo.TransactionalID(args[0]), kgo.TransactionTimeout(40*time.Second), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	ts.Check(err)
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ts.Check(cl.BeginTransaction())
	ts.Check(cl.ProduceSync(ctx, &kgo.Record{Topic: args[1], Partition: int32(partition), Value: []byte(args[3])}).FirstErr())
}
