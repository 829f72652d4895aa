package eventbus

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// begin sees to a claim for which the protocol client had no committed offset that it
// could begin at. Where the group has one, retention has overtaken it, or the log has
// lost its end: what is left of the log is still to be handled, so the group goes on
// at its start. So it does in a partition that the topic got after the group had come
// to it: what was written there before the group heard of it came after all that the
// group was to skip. When that is not where the claim is, begin is false, and the claim
// has to end: the next session begins there.
func (c *claim) begin(from int64, gone <-chan struct{}, messages <-chan *sarama.ConsumerMessage) bool {
	if from >= 0 {
		return true
	}
	s := c.sub
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		committed, start, err := s.place(c.ctx, c.tp())
		switch {
		case err != nil:
			s.obs.groupError(s.opts.Group, c.source.topic, fmt.Errorf("%s: finding where to begin: %w", c.tp(), err))
		case committed < 0 && !s.grew(c.tp()): // the group is new here
			return true
		default:
			if committed >= 0 {
				s.obs.overtaken(c.source, committed, start)
			}
			// One of them has no effect: the first goes forward only, the second back.
			c.session.MarkOffset(c.source.topic, c.source.partition, start, "")
			c.session.ResetOffset(c.source.topic, c.source.partition, start, "")
			c.session.Commit()
			return from == sarama.OffsetOldest
		}
		if !c.keepFor(wait, gone, messages) {
			return false
		}
	}
}

// grew tells a partition that the topic did not have when the subscription began.
func (s *subscription) grew(tp kafka.TopicPartition) bool {
	return tp.Topic == s.topic && s.sizeThen > 0 && tp.Partition >= s.sizeThen
}

// place asks for the group's committed offset of a partition, -1 without one, and for
// the log's start where the group may have to go on there.
func (s *subscription) place(ctx context.Context, tp kafka.TopicPartition) (committed, start int64, err error) {
	committed, _, err = s.committedNote(ctx, tp)
	if err != nil || committed < 0 && !s.grew(tp) {
		return committed, 0, err
	}
	found, err := s.bus.client.Offsets(ctx, map[kafka.TopicPartition]int64{tp: kafka.Earliest}, kafka.ReadCommitted)
	return committed, found[tp], err
}
