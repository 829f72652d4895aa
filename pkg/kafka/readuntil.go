package kafka

import (
	"context"
	"fmt"
	"time"
)

// OpenTransactionError is a partition whose records cannot be read committed
// up to End, because a transaction that began at Stable is still open.
type OpenTransactionError struct {
	TopicPartition
	Stable int64 // the last stable offset
	End    int64 // where the reading was to end
}

func (e *OpenTransactionError) Error() string {
	return fmt.Sprintf("%s: a transaction open since offset %d keeps back what was written up to %d", e.TopicPartition, e.Stable, e.End)
}

// ReadUntil reads committed records like [Client.ReadToEnd], but to the ends
// that it is given, such as high watermarks: records that were committed above
// somebody else's open transaction count too, and are waited for until that
// one ends (the last stable offset passes them then). A partition that does
// not get there within patience is an [*OpenTransactionError].
//
// A reader that stops at the last stable offset misses what was committed
// behind it; whoever decides by what it has read, as a replay does, would do
// things twice.
func (c *Client) ReadUntil(ctx context.Context, from, until map[TopicPartition]int64, patience time.Duration, opts FetchOptions, handle func(Fetched) error) error {
	opts.Isolation = ReadCommitted
	if opts.MaxWait <= 0 {
		opts.MaxWait = 100 * time.Millisecond
	}
	r := reading{client: c, opts: opts, handle: handle, patience: max(patience, time.Millisecond)}
	return r.run(ctx, from, until)
}
