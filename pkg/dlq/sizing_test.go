package dlq

import (
	"testing"
	"time"
)

func TestSizing(t *testing.T) {
	t.Parallel()
	type step struct {
		n    int
		took time.Duration
		want int64
	}
	for name, steps := range map[string][]step{
		"grows while it is quick":                    {{2000, 50 * time.Millisecond, 4000}, {4000, 90 * time.Millisecond, 5000}, {5000, 100 * time.Millisecond, 5000}},
		"shrinks where letters take the time":        {{2000, time.Second, 1000}, {1000, 510 * time.Millisecond, 1000 / 2}, {500, 270 * time.Millisecond, 500}},
		"does not shrink where they do not":          {{2000, 900 * time.Millisecond, 1000}, {1000, 880 * time.Millisecond, 2000}, {2000, 900 * time.Millisecond, 1000}},
		"never becomes tiny":                         {{1000, time.Minute, 1000}, {1000, time.Minute, 500}, {500, 20 * time.Second, 500}},
		"a small rest says nothing about large ones": {{10, time.Millisecond, 2000}},
	} {
		var s sizing
		s.now.Store(firstChunk)
		for i, step := range steps {
			s.adapt(step.n, step.took)
			if got := s.now.Load(); got != step.want {
				t.Errorf("%s: step %d: %d letters, want %d", name, i, got, step.want)
			}
		}
	}
	var s sizing
	s.now.Store(5)
	if s.adapt(5, time.Millisecond); s.now.Load() != firstChunk {
		t.Errorf("after a canary: %d letters", s.now.Load())
	}
}
