package fix

import "sync"

// queue hands frames from the reading to the working goroutine without a bound.
type queue struct {
	mu     sync.Mutex
	come   sync.Cond
	frames [][]byte
	closed bool
	busy   bool // a frame was taken, and no other asked for since
}

func newQueue() *queue {
	q := &queue{}
	q.come.L = &q.mu
	return q
}

func (q *queue) put(frame []byte) {
	q.mu.Lock()
	q.frames = append(q.frames, frame)
	q.mu.Unlock()
	q.come.Signal()
}

// close says that nothing follows, and reports whether all that came was worked on.
func (q *queue) close() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.come.Signal()
	return !q.busy && len(q.frames) == 0
}

// take waits for a frame; false is the end.
func (q *queue) take() ([]byte, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.busy = false
	for len(q.frames) == 0 && !q.closed {
		q.come.Wait()
	}
	if len(q.frames) == 0 {
		return nil, false
	}
	frame := q.frames[0]
	q.frames[0] = nil
	q.frames = q.frames[1:]
	q.busy = true
	return frame, true
}
