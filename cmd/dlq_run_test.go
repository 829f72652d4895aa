package cmd

import (
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/dlq"
)

func TestFollowedText(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]dlq.Progress{
		"":                              {Passed: 3, DeadAgain: 2}, // nobody looked yet
		", 4,962 passed, 20 dead again": {Followed: true, Passed: 4962, DeadAgain: 20},
		", 0 passed, 0 dead again":      {Followed: true},
		", 2 dead again":                {Followed: true, Passed: -1, DeadAgain: 2},
	} {
		if got := followedText(p); got != want {
			t.Errorf("%+v: %q, want %q", p, got, want)
		}
	}
	if got := followedText(dlq.Progress{Followed: true, Passed: -1}); got != "" {
		t.Errorf("where no group is known: %q", got)
	}
}
