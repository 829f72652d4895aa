package kafka

import (
	"context"
	"fmt"
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
// offset, once. Partitions of one leader share a request; leaders are asked
// one after the other, so callers that read from several leaders at once call
// Fetch from a goroutine for each, split by [Client.Leader].
func (c *Client) Fetch(ctx context.Context, from map[TopicPartition]int64, opts FetchOptions) ([]Fetched, error) {
	opts = opts.withDefaults()
	byLeader, err := c.byLeader(ctx, from)
	if err != nil {
		return nil, err
	}
	var all []Fetched
	for leader, parts := range byLeader {
		got, err := c.fetchLeader(ctx, leader, parts, from, opts)
		if err != nil {
			return all, err
		}
		all = append(all, got...)
	}
	return all, nil
}

// Leader gives the id of the broker that leads the partition.
func (c *Client) Leader(ctx context.Context, tp TopicPartition) (int32, error) {
	var id int32
	err := c.Do(ctx, func() error {
		b, err := c.conn.Leader(tp.Topic, tp.Partition)
		if err != nil {
			return fmt.Errorf("%s: %w", tp, Translate(err))
		}
		id = b.ID()
		return nil
	})
	return id, err
}

func (c *Client) fetchLeader(ctx context.Context, leader *sarama.Broker, parts []TopicPartition, from map[TopicPartition]int64, opts FetchOptions) ([]Fetched, error) {
	req := &sarama.FetchRequest{
		// Version 12 and lower name topics, later ones only their ids.
		Version: 11, MaxWaitTime: int32(opts.MaxWait.Milliseconds()), MinBytes: opts.MinBytes,
		MaxBytes: opts.MaxBytes, Isolation: opts.Isolation.wire(), SessionEpoch: -1,
	}
	for _, tp := range parts {
		req.AddBlock(tp.Topic, tp.Partition, from[tp], opts.MaxPartition, -1)
	}
	var res *sarama.FetchResponse
	err := c.Do(ctx, func() error {
		r, err := leader.Fetch(req)
		if err != nil {
			_ = leader.Close()
			return err
		}
		res = r
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("fetching from %s: %w", leader.Addr(), err)
	}
	if res.ErrorCode != 0 {
		return nil, fmt.Errorf("fetching from %s: %w", leader.Addr(), NewBrokerError(res.ErrorCode, ""))
	}
	got := make([]Fetched, 0, len(parts))
	for _, tp := range parts {
		block := res.GetBlock(tp.Topic, tp.Partition)
		if block == nil {
			continue
		}
		got = append(got, readBlock(tp, from[tp], block, opts.Isolation))
	}
	return got, nil
}
