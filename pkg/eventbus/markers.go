package eventbus

import (
	"context"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// A transaction ends with a control record (KIP-98), and one that was aborted leaves its
// records behind. Nobody is handed these, so a group whose topic ends with them would
// lag behind its end for good. The protocol client passes them and does not tell.

const (
	// markersWait is how long a broker may look for records, markersTimeout bounds the
	// whole question.
	markersWait    = 10 * time.Millisecond
	markersTimeout = 5 * time.Second
)

// standing is where a claim is that has nothing to do, and where its partition ends.
type standing struct {
	at, end int64
	asked   bool
}

// passMarkers moves claims past what is only markers and aborted records, until ctx
// ends. Nothing is asked for claims that get on, or where nothing has changed.
func (s *subscription) passMarkers(ctx context.Context) {
	tick := time.NewTicker(commitEvery)
	defer tick.Stop()
	seen := map[*claim]standing{}
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		now := s.standing()
		from := map[kafka.TopicPartition]int64{}
		for c, is := range now {
			if was, ok := seen[c]; ok && was.at == is.at && was.end == is.end {
				if !was.asked {
					from[c.tp()] = is.at
				}
				is.asked = true
				now[c] = is
			}
		}
		if seen = now; len(from) == 0 {
			continue
		}
		next := s.nextRecords(ctx, from)
		for c, is := range now {
			switch to, ok := next[c.tp()]; {
			case from[c.tp()] != is.at:
			case !ok: // no answer: once more
				is.asked = false
				now[c] = is
			case to > is.at:
				c.pass(is.at, to)
			}
		}
	}
}

// standing finds the claims that are done with all they have got and are not at their
// partition's end.
func (s *subscription) standing() map[*claim]standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[*claim]standing{}
	for c := range s.claims {
		if at, end := c.stands(), c.behind(); at >= 0 && at < end {
			found[c] = standing{at: at, end: end}
		}
	}
	return found
}

// stands is the offset that a claim which is done with all it has got waits for, -1 for
// others. It is not known where a claim began at the end: its first record may have been
// fetched before the end was looked at, see beganBefore.
func (c *claim) stands() int64 {
	switch {
	case c.stopped || c.tracker.unfinished > 0:
		return -1
	case c.tracker.position >= 0:
		return c.tracker.position
	case c.start >= 0:
		return -1
	}
	return c.marked
}

// pass moves a claim that still stands at an offset.
func (c *claim) pass(from, to int64) {
	s := c.sub
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.stands() == from {
		c.tracker.position = to
	}
}

// nextRecords asks where, from the given offsets on, there may be a record to handle;
// partitions that did not answer are missing.
func (b *Bus) nextRecords(ctx context.Context, from map[kafka.TopicPartition]int64) map[kafka.TopicPartition]int64 {
	ctx, cancel := context.WithTimeout(ctx, markersTimeout)
	defer cancel()
	next := map[kafka.TopicPartition]int64{}
	got, err := b.client.Fetch(ctx, from, kafka.FetchOptions{Isolation: kafka.ReadCommitted, MaxWait: markersWait})
	if err != nil {
		return next
	}
	for _, f := range got {
		switch {
		case f.Err != nil:
		case len(f.Records) > 0:
			next[f.TopicPartition] = from[f.TopicPartition]
		default:
			next[f.TopicPartition] = f.Next
		}
	}
	return next
}
