package eventbus

import (
	"time"

	"github.com/IBM/sarama"
)

// batchFunc calls a handler for the first records of run, as many as the
// verdict is about.
type batchFunc func(w *worker, run []*sarama.ConsumerMessage) (v verdict, n int)

// runBatch handles what the worker took in one call. It is false when the call
// was given up.
func (s *subscription) runBatch(w *worker) bool {
	c := w.lane.claim
	mark := w.taken<<1 | 2
	w.began.Store(mark)
	v, n := s.guardBatch(w)
	end := s.clock()
	if !s.returned(w, mark) {
		return false
	}
	w.run = w.run[:n]
	s.observe(c, v, n, time.Duration(end-w.taken))
	done := n
	if v.err != nil {
		done = 0
	}
	s.settle(w, done, v, end)
	return true
}

func (s *subscription) guardBatch(w *worker) (v verdict, n int) {
	defer func() {
		if p := recover(); p != nil {
			v, n = panicked(p), len(w.run)
		}
	}()
	return s.invokeBatch(w, w.run)
}

// splits says that a failure for good of several records is none yet: they are
// handled again one by one, their tries beginning anew.
func (l *lane) splits(n int) bool {
	if n < 2 {
		return false
	}
	l.single = n
	l.tries, l.held = 0, 0
	return true
}
