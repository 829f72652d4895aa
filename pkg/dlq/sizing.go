package dlq

import (
	"sync/atomic"
	"time"
)

const (
	maxChunkLetters = 5000
	minChunkLetters = 500
	maxChunkBytes   = 8 << 20
	firstChunk      = 2000
)

// sizing makes transactions as large as half a second allows: readers of the
// target at read_committed wait that long.
type sizing struct {
	now atomic.Int64 // letters of the next batch; read by the feed

	letters int // of the transaction before
	took    time.Duration
}

// adapt learns from a transaction. One that took long is followed by a smaller
// one, unless the larger one before it took no longer: then it is not the
// letters that take the time, as on a cluster that is busy otherwise, and small
// transactions would only be slower.
func (s *sizing) adapt(n int, took time.Duration) {
	const most, goal = 500 * time.Millisecond, 250 * time.Millisecond
	size := s.now.Load()
	inVain := s.letters >= 2*n && s.took < took*3/2
	switch {
	case took > most && inVain:
		s.now.Store(min(maxChunkLetters, size*2))
	case took > most:
		s.now.Store(max(minChunkLetters, size/2))
	case size < minChunkLetters: // after a canary
		s.now.Store(firstChunk)
	case took < goal && int64(n) >= size/2:
		s.now.Store(min(maxChunkLetters, size*2))
	}
	s.letters, s.took = n, took
}
