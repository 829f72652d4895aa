package dlq

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// segment is how many offsets one worker reads at a time: small enough that a
// queue with one large partition keeps every core busy.
const segment = 20_000

// scanFetch bounds what each worker holds of the queue at a time.
const scanFetch = 2 << 20

// scanQueue reads all letters of the stretches on every core. newWorker is
// called once for each worker, from the caller's goroutine, and returns what
// that worker calls for each record; records of one partition may go to
// different workers, and in any order. progress, where set, is told by the
// workers how many offsets more were read, and of how many.
func scanQueue(ctx context.Context, c *kafka.Client, topic string, parts []stretch, progress func(n, of int64), newWorker func() func(*kafka.Record)) error {
	var jobs []stretch
	total := int64(0)
	for _, s := range parts {
		total += s.end - s.start
		for from := s.start; from < s.end; from += segment {
			jobs = append(jobs, stretch{s.partition, from, min(from+segment, s.end)})
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan stretch)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(jobs)) {
		handle := newWorker()
		wg.Go(func() {
			for s := range queue {
				if err := scanStretch(ctx, c, topic, s, handle); err != nil {
					cancel(err)
				} else if progress != nil {
					progress(s.end-s.start, total)
				}
			}
		})
	}
	for _, job := range jobs {
		if ctx.Err() != nil {
			break
		}
		queue <- job
	}
	close(queue)
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// scanStretch reads one stretch in order. Letters that expire while it is read
// are passed over.
func scanStretch(ctx context.Context, c *kafka.Client, topic string, s stretch, handle func(*kafka.Record)) error {
	tp := kafka.TopicPartition{Topic: topic, Partition: s.partition}
	from, until := map[kafka.TopicPartition]int64{tp: s.start}, map[kafka.TopicPartition]int64{tp: s.end}
	for {
		err := c.ReadUntil(ctx, from, until, time.Second, kafka.FetchOptions{MaxPartition: scanFetch, MaxBytes: scanFetch}, func(f kafka.Fetched) error {
			for i := range f.Records {
				handle(&f.Records[i])
			}
			from[tp] = f.Next
			return nil
		})
		var broker *kafka.BrokerError
		if !errors.As(err, &broker) || broker.Name != "OFFSET_OUT_OF_RANGE" {
			return err
		}
		starts, err := c.Offsets(ctx, map[kafka.TopicPartition]int64{tp: kafka.Earliest}, kafka.ReadCommitted)
		if err != nil {
			return err
		}
		switch start := starts[tp]; {
		case start >= s.end:
			return nil
		case start <= from[tp]:
			return fmt.Errorf("%s: offset %d is out of range and stands in the log", tp, from[tp])
		default:
			from[tp] = start
		}
	}
}
