package kafka

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// noticeAfter is when a connecting that hangs is spoken of.
const noticeAfter = 3 * time.Second

// stages knows how far the connecting to each address has come, and tells once
// where it hangs.
type stages struct {
	mu      sync.Mutex
	at      map[string]Stage
	reached Stage // the furthest so far, also of addresses that have failed since
	timer   *time.Timer
	done    bool
}

func newStages(notice func(string)) *stages {
	s := &stages{at: map[string]Stage{}, reached: StageDNS}
	if notice != nil {
		s.timer = time.AfterFunc(noticeAfter, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if !s.done {
				notice(s.text())
			}
		})
	}
	return s
}

func (s *stages) enter(addr string, stage Stage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return
	}
	s.at[addr] = stage
	if stageOrder(stage) > stageOrder(s.reached) {
		s.reached = stage
	}
}

// leave forgets an address that failed: it hangs no longer.
func (s *stages) leave(addr string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.at, addr)
}

func (s *stages) text() string {
	var parts []string
	for _, addr := range slices.Sorted(maps.Keys(s.at)) {
		parts = append(parts, fmt.Sprintf("%s has not answered (%s)", addr, s.at[addr]))
	}
	return "still connecting: " + strings.Join(parts, ", ")
}

// furthest is how far the best address has come.
func (s *stages) furthest() Stage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reached
}

// stop ends the telling; it waits for one under way.
func (s *stages) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = true
	if s.timer != nil {
		s.timer.Stop()
	}
}
