package kafka

import "testing"

// An address that has failed at the very moment of the deadline has still told
// how far one can come.
func TestFurthestStageOutlivesItsAddress(t *testing.T) {
	t.Parallel()
	s := newStages(nil)
	s.enter("a:9092", StageDNS)
	s.enter("a:9092", StageAPIVersions)
	s.enter("b:9092", StageTCP)
	s.leave("a:9092")
	if got := s.furthest(); got != StageAPIVersions {
		t.Errorf("furthest is %s, want %s", got, StageAPIVersions)
	}
	if got, want := s.text(), "still connecting: b:9092 has not answered (TCP)"; got != want {
		t.Errorf("text %q, want %q", got, want)
	}
}
