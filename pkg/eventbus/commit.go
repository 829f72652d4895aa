package eventbus

import (
	"context"
	"time"

	"github.com/IBM/sarama"
)

const (
	// Offsets are committed once a second, and sooner when so many records
	// are done, but not more often than a coordinator likes.
	commitEvery   = time.Second
	commitRecords = 1000
	commitRest    = 100 * time.Millisecond
)

// Setup implements sarama.ConsumerGroupHandler: a session begins.
func (s *subscription) Setup(session sarama.ConsumerGroupSession) error {
	ctx, cancel := context.WithCancel(s.base)
	s.stopCommits = cancel
	s.committing.Go(func() { s.commitLoop(ctx, session) })
	s.joined()
	return nil
}

// Cleanup implements sarama.ConsumerGroupHandler: all claims have ended.
func (s *subscription) Cleanup(sarama.ConsumerGroupSession) error {
	s.stopCommits()
	s.committing.Wait()
	return nil
}

// commitLoop commits for all claims of a session until ctx ends.
func (s *subscription) commitLoop(ctx context.Context, session sarama.ConsumerGroupSession) {
	timer := time.NewTimer(commitEvery)
	defer timer.Stop()
	rest := time.NewTimer(commitRest)
	defer rest.Stop()
	for {
		select {
		case <-s.commitNow:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		s.commit(session)
		timer.Reset(commitEvery)
		rest.Reset(commitRest)
		select {
		case <-rest.C:
		case <-ctx.Done():
			return
		}
	}
}

// commit commits what is done.
func (s *subscription) commit(session sarama.ConsumerGroupSession) {
	type mark struct {
		source source
		offset int64
	}
	var marks []mark
	s.mu.Lock()
	s.fresh, s.commitDue = 0, false
	for c := range s.claims {
		if c.session == session && c.mark() {
			marks = append(marks, mark{c.source, c.marked})
		}
	}
	s.mu.Unlock()
	if len(marks) == 0 {
		return
	}
	session.Commit()
	for _, m := range marks {
		s.obs.committed(m.source, m.offset)
	}
}
