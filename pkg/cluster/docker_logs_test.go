package cluster

import (
	"errors"
	"testing"
	"time"
)

// A reader that has enough, as one whose pipe is closed, is not kept by a service
// that says nothing.
func TestFollowedLogsEndWithTheirReader(t *testing.T) {
	t.Parallel()
	talks, silent := make(chan LogLine, 1), make(chan LogLine)
	talks <- LogLine{Service: ServiceKafka, Text: "ready"}
	enough := errors.New("enough")
	ended := make(chan error, 1)
	go func() {
		ended <- asTheyCome([]chan LogLine{talks, silent}, func(LogLine) error { return enough })
	}()
	select {
	case err := <-ended:
		if !errors.Is(err, enough) {
			t.Errorf("got %v, want the reader's error", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("still waiting for another line of every service")
	}
}
