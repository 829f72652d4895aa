package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// FetchOptions bound one fetch. The zero value reads committed records, waits
// up to 500 ms for at least one byte, and takes up to 2 MiB a partition.
type FetchOptions struct {
	Isolation    Isolation
	MaxWait      time.Duration // how long the broker may wait for MinBytes
	MinBytes     int32
	MaxBytes     int32 // of the whole answer; a single larger record still comes
	MaxPartition int32 // bytes of one partition
}

func (o FetchOptions) withDefaults() FetchOptions {
	if o.MaxWait <= 0 {
		o.MaxWait = 500 * time.Millisecond
	}
	if o.MinBytes <= 0 {
		o.MinBytes = 1
	}
	if o.MaxPartition <= 0 {
		o.MaxPartition = 2 << 20
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 16 << 20
	}
	return o
}

// Fetched is what one partition answered to a fetch.
type Fetched struct {
	TopicPartition
	// Records are the data records from the asked offset on, in order: no
	// control records and, reading committed, none of aborted transactions.
	Records []Record
	// Next is where to fetch next. It passes control records, aborted records
	// and compacted gaps, so it grows although Records is empty.
	Next          int64
	HighWatermark int64 // -1 unknown
	LastStable    int64 // -1 unknown
	LogStart      int64 // -1 unknown
	// Err is this partition's own error, a [*BrokerError] such as OFFSET_OUT_OF_RANGE.
	Err error
}

// Fetch asks the leaders of the partitions in from, each starting at its
// offset, once and all at the same time. Partitions of one leader share a
// request. A partition that cannot be read has its Err, also when its leader
// is not known or not reachable; the error is that of the call as a whole,
// such as the context's. After a retriable Err, such as a leader that moved,
// the next Fetch asks the new leader.
func (c *Client) Fetch(ctx context.Context, from map[TopicPartition]int64, opts FetchOptions) ([]Fetched, error) {
	opts = opts.withDefaults()
	sorted, failed, err := c.byLeader(ctx, from)
	if err != nil {
		return nil, err
	}
	var (
		mu  sync.Mutex
		wg  sync.WaitGroup
		all []Fetched
	)
	for tp, err := range failed {
		all = append(all, failedFetch(tp, from[tp], err))
	}
	for addr, parts := range sorted {
		wg.Go(func() {
			got := c.fetchLeader(ctx, addr, parts, from, opts)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, got...)
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := c.over(); err != nil {
		return nil, err
	}
	var moved []TopicPartition
	for i := range all {
		if all[i].Err != nil && isRetriable(all[i].Err) {
			moved = append(moved, all[i].TopicPartition)
		}
	}
	c.forget(moved)
	slices.SortFunc(all, func(a, b Fetched) int { return comparePartitions(a.TopicPartition, b.TopicPartition) })
	return all, nil
}

func failedFetch(tp TopicPartition, from int64, err error) Fetched {
	return Fetched{TopicPartition: tp, Next: from, HighWatermark: -1, LastStable: -1, LogStart: -1, Err: err}
}

// fetchLeader sends one request. An answer that does not decode is asked for
// again partition by partition, which tells whose fault it is.
func (c *Client) fetchLeader(ctx context.Context, addr string, parts []TopicPartition, from map[TopicPartition]int64, opts FetchOptions) []Fetched {
	res, err := c.fetchOnce(ctx, addr, parts, from, opts)
	var decoding sarama.PacketDecodingError
	if err != nil && (errors.As(err, &decoding) || errors.Is(err, sarama.ErrDecompressedBatchTooLarge)) {
		if len(parts) > 1 {
			var got []Fetched
			for _, tp := range parts {
				got = append(got, c.fetchLeader(ctx, addr, []TopicPartition{tp}, from, opts)...)
			}
			return got
		}
		err = fmt.Errorf("batch at offset %d or after: %w", from[parts[0]], err)
	}
	if err == nil && res.ErrorCode != 0 {
		err = NewBrokerError(res.ErrorCode, "")
	}
	got := make([]Fetched, 0, len(parts))
	for _, tp := range parts {
		switch {
		case err != nil:
			got = append(got, failedFetch(tp, from[tp], err))
		case res.GetBlock(tp.Topic, tp.Partition) == nil:
			got = append(got, failedFetch(tp, from[tp], fmt.Errorf("broker %s left it out of its answer", addr)))
		default:
			got = append(got, readBlock(tp, from[tp], res.GetBlock(tp.Topic, tp.Partition), opts.Isolation))
		}
	}
	return got
}

func (c *Client) fetchOnce(ctx context.Context, addr string, parts []TopicPartition, from map[TopicPartition]int64, opts FetchOptions) (*sarama.FetchResponse, error) {
	req := &sarama.FetchRequest{
		// Version 12 and lower name topics, later ones only their ids.
		Version: 11, MaxWaitTime: int32(opts.MaxWait.Milliseconds()), MinBytes: opts.MinBytes,
		MaxBytes: opts.MaxBytes, Isolation: opts.Isolation.wire(), SessionEpoch: -1,
	}
	for _, tp := range parts {
		req.AddBlock(tp.Topic, tp.Partition, from[tp], opts.MaxPartition, -1)
	}
	for {
		res, err := ask(ctx, c.link(addr, forFetching), opts.MaxWait, func(b *sarama.Broker) (*sarama.FetchResponse, error) { return b.Fetch(req) })
		if err != nil || len(res.Blocks) > 0 || res.ThrottleTime <= 0 {
			return res, err
		}
		// What was there is more than a quota allows for now: the broker leaves
		// everything out, and the link waits as long as it says.
	}
}
