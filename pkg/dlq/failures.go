package dlq

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// FailuresOptions say which letters to group. The zero value takes every
// pending letter.
type FailuresOptions struct {
	Selection Selection // its Limit counts failures, not letters
	// All takes letters that are resolved as well.
	All bool
	// Ledger is the ledger topic; default [DefaultLedger].
	Ledger string
	// Mask, when set, gives each record as it may be shown, its error with it.
	Mask func(r *kafka.Record) *kafka.Record
	// Progress, when set, is told how many offsets more were read, and of how
	// many in all. Several goroutines call it.
	Progress func(n, of int64)
}

// Failures is an answer of [FindFailures].
type Failures struct {
	Queue    string    `json:"dlq"`
	Letters  int64     `json:"letters"`  // that were grouped
	Pending  int64     `json:"pending"`  // of them
	Failures []Failure `json:"failures"` // the most frequent first
	// More are failures that Limit left out, Other letters beyond the failures
	// that are told apart at all.
	More  int    `json:"more,omitempty"`
	Other int64  `json:"other,omitempty"`
	Note  string `json:"note,omitempty"` // see [Listing]
}

// Failure is a group of letters that failed alike.
type Failure struct {
	ID      string `json:"id"`    // the fingerprint
	Class   string `json:"class"` // of the root cause, empty where no error is told
	Message string `json:"message"`
	// Sample is the newest letter's message as it is, Letter where that letter
	// stands, as 3@1204.
	Sample string `json:"sample"`
	Letter string `json:"letter"`
	Count  int64  `json:"count"`
	// Pending are those of Count that are not resolved.
	Pending int64     `json:"pending"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	// PerHour is Count over the time from First to Last, at least a minute, and 0
	// for a single letter.
	PerHour float64 `json:"per_hour"`
	Groups  []Tally `json:"groups"`  // consumer groups, the most frequent first
	Topics  []Tally `json:"topics"`  // that letters came from
	Formats []Tally `json:"formats"` // of the producers of the letters
	// Replayed are letters that were replayed before and failed again;
	// MostReplays is how often the worst of them was.
	Replayed    int64 `json:"replayed"`
	MostReplays int   `json:"most_replays,omitempty"`
	// Expires is when the first pending letter may be deleted, zero for never.
	Expires time.Time `json:"expires,omitzero"`
}

// Tally is how many letters have a name in common; no name is empty.
type Tally struct {
	Name  string `json:"name"`
	Count int64  `json:"count"`
}

// FindFailures reads the letters of a queue and groups them by what failed.
// Reading and grouping take every core; what is kept are the groups alone,
// however many letters there are. A queue that does not exist is [ErrNotFound],
// a wrong selection [ErrInvalid], and a selection that no letter matches is
// [ErrNothingMatched].
func FindFailures(ctx context.Context, c *kafka.Client, queue string, opts FailuresOptions) (Failures, error) {
	answer := Failures{Queue: queue, Failures: []Failure{}}
	if err := opts.Selection.Check(); err != nil {
		return answer, err
	}
	r, err := openReading(ctx, c, queue, opts.Ledger)
	if err != nil {
		return answer, err
	}
	answer.Note = r.note
	sum, err := r.group(ctx, opts)
	if err != nil {
		return answer, err
	}
	answer.Letters, answer.Pending, answer.Other = sum.letters, sum.pending, sum.other
	for key, g := range sum.groups {
		answer.Failures = append(answer.Failures, g.failure(key, r.keep))
	}
	slices.SortFunc(answer.Failures, func(a, b Failure) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), b.Last.Compare(a.Last), cmp.Compare(a.ID, b.ID))
	})
	if n := opts.Selection.Limit; n > 0 && int64(len(answer.Failures)) > n {
		answer.More = len(answer.Failures) - int(n)
		answer.Failures = answer.Failures[:n]
	}
	if answer.Letters == 0 && opts.Selection.Any() {
		return answer, errorf(ErrNothingMatched, "%s: no letter matches", queue)
	}
	return answer, nil
}

// queueReading is one queue as it stands when its letters are read.
type queueReading struct {
	client *kafka.Client
	topic  kafka.TopicMetadata
	parts  []stretch
	state  *QueueState
	keep   time.Duration // 0: for ever, or unknown
	note   string
}

func openReading(ctx context.Context, c *kafka.Client, queue, ledgerTopic string) (*queueReading, error) {
	topic, err := oneQueue(ctx, c, queue)
	if err != nil {
		return nil, err
	}
	ledger, note, err := readLedger(ctx, c, ledgerTopic, queue)
	if err != nil {
		return nil, err
	}
	parts, failed, err := stretches(ctx, c.Offsets, []kafka.TopicMetadata{topic})
	if err != nil {
		return nil, err
	}
	if err := failed[queue]; err != nil {
		return nil, err
	}
	keep, err := retentions(ctx, c, []string{queue})
	if err != nil {
		return nil, err
	}
	return &queueReading{client: c, topic: topic, parts: parts[queue], state: ledger.Queue(queue, topic.ID), keep: keep[queue].age, note: note}, nil
}

// pendingParts narrows stretches to begin at the first pending letter.
func (r *queueReading) pendingParts() []stretch {
	var left []stretch
	for _, s := range r.parts {
		if s.start = r.state.Resolved.NextPending(s.partition, s.start); s.start < s.end {
			left = append(left, s)
		}
	}
	return left
}
