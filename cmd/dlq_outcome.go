package cmd

import (
	"errors"
	"fmt"
	"strings"

	"github.com/multi-tenant/manage-kafka/pkg/dlq"
)

// outcomeText is a report in one line.
func outcomeText(r *dlq.Report) string {
	parts := []string{fmt.Sprintf("%d passed", r.Passed)}
	if r.DeadAgain > 0 {
		how := "another error"
		switch {
		case r.SameError == r.DeadAgain:
			how = "same error"
		case r.SameError > 0:
			how = fmt.Sprintf("%d with the same error", r.SameError)
		}
		parts = append(parts, fmt.Sprintf("%d dead again (%s)", r.DeadAgain, how))
	}
	if r.NotReached > 0 {
		text := fmt.Sprintf("%d not yet reached", r.NotReached)
		if r.Settling > 0 {
			text = fmt.Sprintf("%d not yet reached (%d of them committed less than %.0f s ago)", r.NotReached, r.Settling, r.Settle)
		}
		parts = append(parts, text)
	}
	if r.Unverifiable > 0 {
		parts = append(parts, fmt.Sprintf("%d unverifiable", r.Unverifiable))
	}
	return fmt.Sprintf("%d replayed: %s", r.Replayed, strings.Join(parts, ", "))
}

// explainReport says below that line what is behind its numbers.
func explainReport(r *dlq.Report) string {
	var b strings.Builder
	for _, f := range r.Failures {
		how := "another error"
		if f.Same {
			how = "the same error"
		}
		fmt.Fprintf(&b, "failure %s, %s: %s, %s: %s (%s was %s)\n", f.ID, how, plural(f.Letters, "letter"), f.Class, f.Message, f.Letter, f.Was)
	}
	for _, w := range r.Waiting {
		at := "has committed nothing"
		if w.Committed >= 0 {
			at = fmt.Sprintf("has committed %d", w.Committed)
		}
		fmt.Fprintf(&b, "waiting for group %s on %s/%d: %s, %s up to %d\n", w.Group, w.Topic, w.Partition, at, plural(w.Letters, "letter"), w.Want)
	}
	for _, u := range r.Reasons {
		fmt.Fprintf(&b, "unverifiable: %s: %s, such as %s\n", plural(u.Letters, "letter"), u.Text, u.First)
	}
	return b.String()
}

// outcomeError is how a command ends that was to prove that letters passed.
func outcomeError(r *dlq.Report) error {
	switch {
	case r.DeadAgain > 0:
		return withHint(withCode(fmt.Errorf("%d of %d letters are dead again", r.DeadAgain, r.Replayed), exitPartly),
			"see why with: manage-kafka dlq show %s %s", r.Queue, r.Failures[0].Letter)
	case r.Unverifiable > 0:
		return withCode(fmt.Errorf("of %d of %d letters nobody can tell whether they passed", r.Unverifiable, r.Replayed), exitPartly)
	case !r.Settled():
		return withHint(withCode(errors.New("not every letter has its outcome"), exitTimeout), "wait for it with: manage-kafka dlq watch %s --until-done", r.Run)
	}
	return nil
}

// explainCanary names the failure that stopped a run.
func explainCanary(e *dlq.CanaryError) error {
	r := &e.Report
	if len(r.Failures) > 0 && !e.Undecided {
		return withHint(withCode(e, exitPartly), "see it with: manage-kafka dlq show %s %s", r.Queue, r.Failures[0].Letter)
	}
	return withHint(withCode(e, exitPartly), "see how far it is with: manage-kafka dlq watch %s", r.Run)
}
