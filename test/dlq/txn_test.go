package dlq_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/txn"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/pkg/topics"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

func openReal(t *testing.T, bootstrap string) *kafka.Client {
	t.Helper()
	c, err := kafka.Open(context.WithoutCancel(t.Context()), kafka.Config{Bootstrap: []string{bootstrap}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestTransactionRate(t *testing.T) {
	cluster := realkafka.Shared(t)
	c := openReal(t, cluster.Bootstrap())
	topic := realkafka.Name(t)
	if _, err := topics.New(c).Create(t.Context(), []topics.Spec{{Name: topic, Partitions: 6}}, topics.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	p, err := txn.Acquire(t.Context(), c, txn.Options{ID: topic})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	value := make([]byte, 1000)
	for _, n := range []int{500, 2000, 5000} {
		var w txn.Write
		for i := range n {
			w.Records = append(w.Records, kafka.Record{Topic: topic, Partition: int32(i % 6), Key: fmt.Append(nil, i), Value: value})
		}
		var best float64
		start := time.Now()
		for range 20 {
			one := time.Now()
			if _, err := p.Commit(t.Context(), w); err != nil {
				t.Fatal(err)
			}
			best = max(best, float64(n)/time.Since(one).Seconds())
		}
		t.Logf("%d a transaction: %.0f/s, best %.0f/s", n, float64(20*n)/time.Since(start).Seconds(), best)
	}
}
