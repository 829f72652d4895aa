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
	// commitAgain is when what has not changed is committed once more. A broker that
	// hears late that a topic was deleted and made again forgets what was committed for
	// the new one, too.
	commitAgain = 30 * time.Second
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
	all := time.Now().Add(commitAgain)
	for {
		select {
		case <-s.commitNow:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		again := !time.Now().Before(all)
		if again {
			all = time.Now().Add(commitAgain)
		}
		s.commit(session, again)
		timer.Reset(commitEvery)
		rest.Reset(commitRest)
		select {
		case <-rest.C:
		case <-ctx.Done():
			return
		}
	}
}

// commit commits what is done, also what could not be committed before; again says
// that the rest is committed once more.
func (s *subscription) commit(session sarama.ConsumerGroupSession, again bool) {
	type mark struct {
		source source
		offset int64
	}
	var marks []mark
	s.mu.Lock()
	s.fresh, s.commitDue = 0, false
	for c := range s.claims {
		switch {
		case c.session != session:
		case c.mark():
			marks = append(marks, mark{c.source, c.marked})
		case again && c.marked >= 0:
			c.session.ResetOffset(c.source.topic, c.source.partition, c.marked, c.noted)
		}
	}
	s.mu.Unlock()
	session.Commit() // sends nothing where nothing has changed
	for _, m := range marks {
		s.obs.committed(m.source, m.offset)
	}
}
