package eventbus

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// placeTimeout bounds one attempt to find where a claim begins: it is not cut short when
// the claim ends, so that all claims of a topic that was made again find their places.
const placeTimeout = 5 * time.Second

// committedOffset is what a group has committed for a partition; its offset is -1
// where that is nothing.
type committedOffset struct {
	offset int64
	note   string
}

// begin sees to it that the claim begins where the group has to go on, and takes up
// the note that the partition's last owner left. It asks until there is an answer.
// What is fetched meanwhile is kept; after a first failure no more is. It is false when
// the claim ended, and when it has to: the next session begins at the right place.
func (c *claim) begin(from int64, gone <-chan struct{}, messages <-chan *sarama.ConsumerMessage) bool {
	s := c.sub
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		ctx, cancel := context.WithTimeout(c.ctx, placeTimeout)
		elsewhere, start, err := c.place(ctx, from)
		cancel()
		switch {
		case err == nil && !elsewhere:
			return true
		case err == nil && start < 0:
			return false
		case err == nil:
			c.noted = c.notes()
			// One of them has no effect: the first goes forward only, the second back.
			c.session.MarkOffset(c.source.topic, c.source.partition, start, c.noted)
			c.session.ResetOffset(c.source.topic, c.source.partition, start, c.noted)
			c.session.Commit()
			return from == sarama.OffsetOldest
		}
		s.obs.groupError(s.opts.Group, c.source.topic, fmt.Errorf("%s: finding where to begin: %w", c.tp(), err))
		if !c.paused {
			c.paused = true
			s.fetching.Pause(c.partition())
		}
		if !c.keepFor(wait, gone, messages) {
			return false
		}
	}
}

// place tells where the claim has to begin if not at from; a start of -1 leaves it to
// the next session, which all claims then begin anew. All that came after the group is
// for it, so it begins at the log's start
//
//   - of a topic that was made again: its offsets are not the old one's;
//   - where retention has overtaken the group, or the log has lost its end;
//   - of a partition that the topic got after the group had come to it. What was written
//     there before the group heard of it would be skipped at its end.
func (c *claim) place(ctx context.Context, from int64) (elsewhere bool, start int64, err error) {
	s, p := c.sub, c.source.partition
	all, err := s.committed(ctx, c.source.topic, []int32{p})
	if err != nil {
		return false, 0, err
	}
	last := all[p]
	n, ours := readNote(last.offset, last.note)
	if ours && n.otherThan(c.arrival.id) {
		// Another member may have heard of it first.
		found, err := s.bus.look(ctx, s.topic, s.opts.Group)
		if err != nil {
			return false, 0, err
		}
		if s.arrive(found) {
			return true, -1, nil
		}
	}
	remade := ours && n.otherThan(c.arrival.id)
	if ours {
		c.arrival = c.arrival.earlier(n.of(c.arrival.id))
	}
	switch {
	case remade:
	case last.offset >= 0 && from >= 0:
		c.noted = last.note
		c.takeUp(n)
		return false, 0, nil
	case last.offset < 0 && from == sarama.OffsetOldest:
		return false, 0, nil
	case last.offset < 0 && !c.arrival.before(p):
		if err := c.askOthers(ctx); err != nil {
			return false, 0, err
		}
		if !c.arrival.before(p) { // the group is new here
			return false, 0, nil
		}
	}
	tp := c.tp()
	found, err := s.bus.client.Offsets(ctx, map[kafka.TopicPartition]int64{tp: kafka.Earliest}, kafka.ReadCommitted)
	if err != nil {
		return false, 0, err
	}
	if start = found[tp]; last.offset >= 0 && !remade {
		s.obs.overtaken(c.source, last.offset, start)
	}
	return true, start, nil
}

// askOthers learns from what the group has committed for other partitions what the
// topic had when it came: this member may have come later.
func (c *claim) askOthers(ctx context.Context) error {
	s, topic := c.sub, c.source.topic
	size, err := s.sizes(ctx, topic)
	if err != nil {
		return err
	}
	others := make([]int32, size)
	for i := range others {
		others[i] = int32(i)
	}
	all, err := s.committed(ctx, topic, others)
	if err != nil {
		return err
	}
	for _, other := range all {
		if n, ours := readNote(other.offset, other.note); ours {
			c.arrival = c.arrival.earlier(n.of(c.arrival.id))
		}
	}
	return nil
}

// keepFor keeps what comes for some time; false when the claim ended.
func (c *claim) keepFor(wait time.Duration, gone <-chan struct{}, messages <-chan *sarama.ConsumerMessage) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case m, ok := <-messages:
			if !ok {
				return false
			}
			c.backlog = append(c.backlog, m)
		case <-timer.C:
			return true
		case <-gone:
			return false
		}
	}
}

// takeUp goes on with what the last owner's note says.
func (c *claim) takeUp(n note) {
	if !c.sub.opts.DoneBits && c.sub.opts.OnExhausted != ParkKey {
		return
	}
	if c.sub.opts.DoneBits {
		c.before = &doneBits{ranges: n.done}
	}
	c.parked = map[uint64]struct{}{}
	for _, h := range n.parked {
		c.parked[h] = struct{}{}
	}
}

// committed asks the coordinator what a group has committed for partitions of a topic.
func (b *Bus) committed(ctx context.Context, group, topic string, partitions []int32) (map[int32]committedOffset, error) {
	wire := b.client.Wire()
	answers := make(chan map[int32]committedOffset, 1)
	err := b.client.Do(ctx, func() error {
		coordinator, err := wire.Coordinator(group)
		if err != nil {
			return err
		}
		req := sarama.NewOffsetFetchRequest(wire.Config().Version, group, map[string][]int32{topic: partitions})
		res, err := coordinator.FetchOffset(req)
		if err != nil {
			_ = wire.RefreshCoordinator(group)
			return err
		}
		if res.Err != sarama.ErrNoError {
			return res.Err
		}
		all := make(map[int32]committedOffset, len(partitions))
		for _, p := range partitions {
			block := res.GetBlock(topic, p)
			switch {
			case block == nil:
				return sarama.ErrIncompleteResponse
			case block.Err != sarama.ErrNoError:
				return block.Err
			}
			all[p] = committedOffset{block.Offset, block.Metadata}
		}
		answers <- all
		return nil
	})
	if err != nil {
		return nil, err
	}
	return <-answers, nil
}
