package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// Isolation says which records a read sees.
type Isolation int8

// The isolation levels of Kafka's protocol. The zero value is the safe one.
const (
	ReadCommitted   Isolation = 0
	ReadUncommitted Isolation = 1
)

func (i Isolation) wire() sarama.IsolationLevel {
	if i == ReadUncommitted {
		return sarama.ReadUncommitted
	}
	return sarama.ReadCommitted
}

// Timestamps with a meaning of their own in [Client.Offsets].
const (
	Latest   int64 = -1 // the end: high watermark, or last stable offset when reading committed
	Earliest int64 = -2 // the log's start
)

// Offsets finds, for every partition of at, the first offset whose timestamp
// is at or after the given one in milliseconds, or [Latest] or [Earliest]. A
// partition without such a record is -1. It asks every leader at the same
// time, and follows a leader that has moved. Partitions that failed are
// missing from the map and joined, by name, in the error; the others are valid
// even then.
func (c *Client) Offsets(ctx context.Context, at map[TopicPartition]int64, isolation Isolation) (map[TopicPartition]int64, error) {
	found := make(map[TopicPartition]int64, len(at))
	left := maps.Clone(at)
	deadline := time.Now().Add(c.cfg.Timeout)
	wait := backoff{}
	for {
		sorted, failed, err := c.byLeader(ctx, left)
		if err != nil {
			return nil, err
		}
		if err := c.offsetsByLeader(ctx, sorted, left, isolation, found, failed); err != nil {
			return nil, err
		}
		maps.DeleteFunc(left, func(tp TopicPartition, _ int64) bool { return failed[tp] == nil })
		again := slices.ContainsFunc(slices.Collect(maps.Values(failed)), func(err error) bool {
			return isRetriable(err) && !errors.Is(err, ErrUnknownTopic)
		})
		if !again || time.Now().After(deadline) {
			return found, joinFailures(failed)
		}
		c.forget(slices.Collect(maps.Keys(failed)))
		if err := wait.sleep(ctx); err != nil {
			return nil, err
		}
	}
}

// OffsetsIn is [Client.Offsets] for a caller that has just asked for meta: it
// takes the leaders from there, asks each once, and waits for none.
func (c *Client) OffsetsIn(ctx context.Context, meta Metadata, at map[TopicPartition]int64, isolation Isolation) (map[TopicPartition]int64, error) {
	addrs := make(map[int32]string, len(meta.Brokers))
	for _, b := range meta.Brokers {
		addrs[b.ID] = b.Addr
	}
	leaders := make(map[TopicPartition]int32, len(at))
	for _, t := range meta.Topics {
		for _, p := range t.Partitions {
			leaders[TopicPartition{Topic: t.Name, Partition: p.ID}] = p.Leader
		}
	}
	sorted, failed := map[string][]TopicPartition{}, map[TopicPartition]error{}
	for tp := range at {
		id, known := leaders[tp]
		switch addr, ok := addrs[id]; {
		case !known:
			failed[tp] = ErrUnknownTopic
		case !ok:
			failed[tp] = brokerError(sarama.ErrLeaderNotAvailable, "")
		default:
			sorted[addr] = append(sorted[addr], tp)
		}
	}
	found := make(map[TopicPartition]int64, len(at))
	if err := c.offsetsByLeader(ctx, sorted, at, isolation, found, failed); err != nil {
		return nil, err
	}
	return found, joinFailures(failed)
}

// joinFailures makes one error of those of several partitions, in their order.
// Partitions that failed alike are told together: a broker that is gone takes
// hundreds with it.
func joinFailures(failed map[TopicPartition]error) error {
	if len(failed) == 0 {
		return nil
	}
	var texts []string
	alike := map[string][]string{}
	joined := &partitionErrors{}
	for _, tp := range slices.SortedFunc(maps.Keys(failed), comparePartitions) {
		text := failed[tp].Error()
		if alike[text] == nil {
			texts = append(texts, text)
		}
		joined.errs = append(joined.errs, &PartitionError{TopicPartition: tp, Err: failed[tp]})
		alike[text] = append(alike[text], tp.String())
	}
	const named = 3
	for i, text := range texts {
		names := alike[text]
		more := ""
		if len(names) > named {
			more = fmt.Sprintf(" and %d more", len(names)-named)
		}
		texts[i] = strings.Join(names[:min(named, len(names))], ", ") + more + ": " + text
	}
	joined.text = strings.Join(texts, "; ")
	return joined
}

// partitionErrors are the errors of several partitions.
type partitionErrors struct {
	text string
	errs []error // a [*PartitionError] for each
}

func (e *partitionErrors) Error() string   { return e.text }
func (e *partitionErrors) Unwrap() []error { return e.errs }

// offsetsByLeader asks every leader once, all at the same time, and puts what
// it learns into found and failed. Its error is the context's.
func (c *Client) offsetsByLeader(ctx context.Context, sorted map[string][]TopicPartition, at map[TopicPartition]int64, isolation Isolation,
	found map[TopicPartition]int64, failed map[TopicPartition]error) error {
	var (
		mu sync.Mutex
		wg sync.WaitGroup
	)
	for addr, parts := range sorted {
		wg.Go(func() {
			res, err := c.listOffsets(ctx, addr, at, parts, isolation)
			mu.Lock()
			defer mu.Unlock()
			for _, tp := range parts {
				if err != nil {
					failed[tp] = err
				} else if block := res.GetBlock(tp.Topic, tp.Partition); block == nil {
					failed[tp] = fmt.Errorf("broker %s left it out of its answer", addr)
				} else if block.Err != sarama.ErrNoError {
					failed[tp] = Translate(block.Err)
				} else {
					found[tp] = block.Offset
				}
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}

func (c *Client) listOffsets(ctx context.Context, addr string, at map[TopicPartition]int64, parts []TopicPartition, isolation Isolation) (*sarama.OffsetResponse, error) {
	req := sarama.NewOffsetRequest(c.conf.Version)
	req.IsolationLevel = isolation.wire()
	for _, tp := range parts {
		req.AddBlock(tp.Topic, tp.Partition, at[tp], 1)
	}
	return ask(ctx, c.link(addr, forAsking), 0, func(b *sarama.Broker) (*sarama.OffsetResponse, error) { return b.GetAvailableOffsets(req) })
}
