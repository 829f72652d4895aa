package dlq

import (
	"cmp"
	"slices"
	"time"
)

// Outcome is what became of a letter after it was replayed.
type Outcome string

// The outcomes.
const (
	// Passed is a letter that its group has committed, long enough ago for it
	// to have come back if it had failed.
	Passed Outcome = "passed"
	// DeadAgain is a letter that stands in a dead letter queue again.
	DeadAgain Outcome = "dead again"
	// NotReached is a letter that its group has not committed yet, or has only
	// just.
	NotReached Outcome = "not reached"
	// Unverifiable is a letter of which nobody can tell: where it went is not
	// known, or no group commits there.
	Unverifiable Outcome = "unverifiable"
)

// Report is what became of the letters of a run.
type Report struct {
	Run      string `json:"run,omitempty"`
	Queue    string `json:"dlq"`
	Replayed int64  `json:"replayed"`
	// State is how the run stands, empty where it is not known.
	State RunState `json:"state,omitempty"`

	Passed    int64 `json:"passed"`
	DeadAgain int64 `json:"dead_again"`
	// SameError are those of DeadAgain that failed as they did before.
	SameError  int64 `json:"same_error"`
	NotReached int64 `json:"not_reached"`
	// Settling are those of NotReached that their group has committed just now.
	Settling     int64 `json:"settling"`
	Unverifiable int64 `json:"unverifiable"`

	Failures []AgainFailure `json:"failures"` // of DeadAgain, the most frequent first
	Waiting  []Waiting      `json:"waiting"`  // what NotReached waits for
	Reasons  []Reason       `json:"reasons"`  // of Unverifiable
	// Settle is how long a letter is waited for after its commit, in seconds.
	Settle float64 `json:"settle_seconds"`
	// Note says what else a reader should know, empty where there is nothing.
	Note string `json:"note,omitempty"`
}

// Settled tells whether nothing more is to be waited for.
func (r *Report) Settled() bool { return r.NotReached == 0 && r.State != Running }

// AgainFailure is a group of letters that are dead again and failed alike.
type AgainFailure struct {
	ID      string `json:"id"` // the fingerprint of what failed now
	Class   string `json:"class"`
	Message string `json:"message"`
	Letters int64  `json:"letters"`
	// Same tells whether they failed as they did before.
	Same bool `json:"same_error"`
	// Letter is where the first of them stands now, as 3@1204, and Was where it
	// stood before.
	Letter string `json:"letter"`
	Was    string `json:"was"`
}

// Waiting is how far a group is in a partition of a target.
type Waiting struct {
	Group     string `json:"group"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Letters   int64  `json:"letters"`
	Committed int64  `json:"committed"` // -1 without a commit
	Want      int64  `json:"want"`      // the commit that has all of them behind it
}

// sortReport puts the lists of a report into their order.
func sortReport(r *Report) {
	slices.SortFunc(r.Failures, func(a, b AgainFailure) int {
		return cmp.Or(cmp.Compare(b.Letters, a.Letters), cmp.Compare(a.ID, b.ID))
	})
	slices.SortFunc(r.Waiting, func(a, b Waiting) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
}

// DefaultSettle is how long after its commit a letter counts as passed.
const DefaultSettle = 30 * time.Second
