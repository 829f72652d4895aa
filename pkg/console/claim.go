package console

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// claim is one partition while this member of a group has it.
type claim struct {
	group   *groupSource
	session sarama.ConsumerGroupSession
	tp      kafka.TopicPartition
	waiting atomic.Int64 // chunks on their way to the output
	written signal       // one of them is there
	passed  atomic.Int64 // where reading goes on behind the last of them
	cut     atomic.Bool  // one of them was not written whole
}

// ConsumeClaim implements sarama.ConsumerGroupHandler: it reads one partition
// until the group takes it away.
func (g *groupSource) ConsumeClaim(s sarama.ConsumerGroupSession, sc sarama.ConsumerGroupClaim) error {
	c := &claim{group: g, session: s, tp: kafka.TopicPartition{Topic: sc.Topic(), Partition: sc.Partition()}}
	ctx, stop := context.WithCancel(s.Context())
	defer stop()
	var read sync.WaitGroup
	read.Go(func() {
		switch err := c.read(ctx, sc.InitialOffset()); {
		case ctx.Err() != nil:
		case err != nil:
			g.fail(err)
		default:
			g.reached(s, c.tp)
		}
	})
	// Only the membership is the protocol client's.
	g.member.Pause(map[string][]int32{c.tp.Topic: {c.tp.Partition}})
	c.hold(ctx, sc)
	stop()
	read.Wait()
	c.finish()
	g.checkEnd(s)
	return nil
}

// hold returns when the partition is taken away, and commits meanwhile.
func (c *claim) hold(ctx context.Context, sc sarama.ConsumerGroupClaim) {
	tick := time.NewTicker(commitEvery)
	defer tick.Stop()
	for {
		select {
		case _, ok := <-sc.Messages():
			if !ok {
				return
			}
			// It had fetched before it was told not to.
		case <-tick.C:
			if c.group.opts.Group.Commit {
				c.pass()
				c.session.Commit()
			}
		case <-ctx.Done():
			return
		}
	}
}

// read delivers the partition's records from the group's offset on.
func (c *claim) read(ctx context.Context, from int64) error {
	opts := c.group.opts
	opts.Topics, opts.Pattern, opts.Partitions = []string{c.tp.Topic}, nil, []int32{c.tp.Partition}
	// Readers of one broker take turns at its connection.
	opts.maxWait = max(10*time.Millisecond, 500*time.Millisecond/time.Duration(c.share()))
	opts.Refresh = time.Hour // the group sees to new partitions
	from, err := c.begin(ctx, from)
	if err != nil {
		return err
	}
	switch from {
	case sarama.OffsetOldest:
		opts.Range.From = Edge{Anchor: FromStart}
	case sarama.OffsetNewest:
		opts.Range.From = Edge{Anchor: FromEnd}
	default:
		opts.Range.From = Edge{Anchor: At, N: from}
	}
	out := make(chan chunk)
	l, err := newLeaderSource(ctx, c.group.client, opts, out)
	if err != nil {
		return err
	}
	if l.past != "" { // the topic was made anew, as it seems
		opts.Notice(l.past)
	}
	done := make(chan error, 1)
	go func() { done <- l.run(ctx) }()
	for {
		select {
		case ch := <-out:
			c.send(ctx, ch)
		case err := <-done:
			return err
		}
	}
}

// share counts the partitions that this member has.
func (c *claim) share() int {
	n := 0
	for _, partitions := range c.session.Claims() {
		n += len(partitions)
	}
	return max(1, n)
}

// send passes a chunk on, to be marked once it is written.
func (c *claim) send(ctx context.Context, ch chunk) {
	if len(ch.records) == 0 {
		c.passed.Store(max(c.passed.Load(), ch.next))
		ch.release()
		return
	}
	c.waiting.Add(1)
	c.passed.Store(max(c.passed.Load(), ch.next))
	offsets := make([]int64, len(ch.records))
	for i := range ch.records {
		offsets[i] = ch.records[i].Offset
	}
	ch.written = func(n int) {
		if n > 0 && c.group.opts.Group.Commit {
			c.session.MarkOffset(c.tp.Topic, c.tp.Partition, offsets[n-1]+1, "")
		}
		if n < len(offsets) {
			c.cut.Store(true)
		}
		c.waiting.Add(-1)
		c.written.notify()
	}
	select {
	case c.group.out <- ch:
	case <-ctx.Done():
		c.cut.Store(true)
		c.waiting.Add(-1)
	}
}

// pass moves the group past what no record will come for, markers of transactions
// and aborted records, once all before it is written: as Java's consumer does, so
// that a group that has read all has no lag.
func (c *claim) pass() {
	// In this order: a chunk that is sent meanwhile is counted before it is passed.
	next := c.passed.Load()
	if next > 0 && c.waiting.Load() == 0 && !c.cut.Load() {
		c.session.MarkOffset(c.tp.Topic, c.tp.Partition, next, "")
	}
}

// finish commits what is written. A partition that goes to another member
// waits for the output first; when the run itself ends, all that will be
// written is.
func (c *claim) finish() {
	if !c.group.opts.Group.Commit {
		return
	}
	limit := time.NewTimer(settle)
	defer limit.Stop()
	for ended := false; !ended; {
		written := c.written.wait()
		if c.waiting.Load() == 0 {
			break
		}
		select {
		case <-written:
		case <-limit.C:
			ended = true
		case <-c.group.ending:
			ended = true
		}
	}
	c.pass()
	c.session.Commit()
}
