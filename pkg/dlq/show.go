package dlq

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// The states of a letter, see [Shown.State].
const (
	StatePending   = "pending"
	StateReplayed  = "replayed" // edited ones too
	StateDiscarded = "discarded"
	StateParked    = "parked"
)

// Shown is one letter with everything that is known about it.
type Shown struct {
	ID     string `json:"letter"` // as 3@1204
	Queue  string `json:"dlq"`
	State  string `json:"state"`
	Failed string `json:"failure"` // the fingerprint
	Letter Letter `json:"about"`
	// Expires is when the broker may delete the letter, zero for never or unknown.
	Expires time.Time `json:"expires,omitzero"`
	// Record is the letter as it stands in the queue.
	Record kafka.Record `json:"-"`
}

// ShowOptions say which letters to show: those of Letters, or what Selection
// means, the newest first and at most Selection.Limit (10 where it is zero).
type ShowOptions struct {
	Letters   []string // as 3@1204
	Selection Selection
	All       bool   // of a selection, resolved letters too
	Ledger    string // default [DefaultLedger]
	// Mask, when set, gives each record as it may be shown.
	Mask func(r *kafka.Record) *kafka.Record
	// Progress is as in [FailuresOptions], for a selection.
	Progress func(n, of int64)
}

// DefaultShown is how many letters of a selection are shown where no limit is given.
const DefaultShown = 10

// Show reads letters. A queue that is not there is [ErrNotFound]; a named letter
// that is not, and a selection that matches nothing, are [ErrNothingMatched].
// note is as in [Listing].
func Show(ctx context.Context, c *kafka.Client, queue string, opts ShowOptions) (list []Shown, note string, err error) {
	if err := opts.Selection.Check(); err != nil {
		return nil, "", err
	}
	for _, name := range opts.Letters {
		if _, _, err := ParseLetter(name); err != nil {
			return nil, "", err
		}
	}
	r, err := openReading(ctx, c, queue, opts.Ledger)
	if err != nil {
		return nil, "", err
	}
	if len(opts.Letters) > 0 {
		list, err = r.named(ctx, opts.Letters)
	} else {
		list, err = r.selected(ctx, opts)
	}
	for i := range list {
		list[i].mask(opts.Mask)
	}
	return list, r.note, err
}

// mask hides what may not be shown of a record, and of what was read from it.
func (s *Shown) mask(mask func(*kafka.Record) *kafka.Record) {
	r, l := shownAs(&s.Record, &s.Letter, mask)
	s.Record, s.Letter = *r, *l
}

// named reads letters by their place.
func (r *queueReading) named(ctx context.Context, names []string) ([]Shown, error) {
	var list []Shown
	for _, name := range names {
		partition, offset, err := ParseLetter(name)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(r.parts, func(s stretch) bool { return s.partition == partition })
		if i < 0 {
			return nil, errorf(ErrNothingMatched, "%s: %s has no partition %d", name, r.topic.Name, partition)
		}
		s := r.parts[i]
		if offset < s.start || offset >= s.end {
			return nil, errorf(ErrNothingMatched, "%s: %s/%d holds offsets %s", name, r.topic.Name, partition, heldOffsets(s))
		}
		var found *kafka.Record
		err = scanStretch(ctx, r.client, r.topic.Name, stretch{partition, offset, offset + 1}, func(rec *kafka.Record) { found = rec })
		if err != nil {
			return nil, err
		}
		if found == nil {
			return nil, errorf(ErrNothingMatched, "%s: no letter stands there: compaction took it, or it is a transaction's mark or was aborted", name)
		}
		list = append(list, r.shown(*found, letters.Read(*found)))
	}
	return list, nil
}

func heldOffsets(s stretch) string {
	if s.start == s.end {
		return "none"
	}
	return fmt.Sprintf("%d to %d", s.start, s.end-1)
}

// selected reads the newest letters that match.
func (r *queueReading) selected(ctx context.Context, opts ShowOptions) ([]Shown, error) {
	limit := int(opts.Selection.Limit)
	if limit == 0 {
		limit = DefaultShown
	}
	parts := r.pendingParts()
	if opts.All {
		parts = r.parts
	}
	var (
		mu    sync.Mutex
		found []Shown
	)
	newestFirst := func(a, b Shown) int {
		return cmp.Or(b.Record.Timestamp.Compare(a.Record.Timestamp), cmp.Compare(b.Record.Partition, a.Record.Partition), cmp.Compare(b.Record.Offset, a.Record.Offset))
	}
	err := scanQueue(ctx, r.client, r.topic.Name, opts.Selection.narrow(parts), opts.Progress, func() func(*kafka.Record) {
		match, _ := opts.Selection.matcher() // checked before
		return func(rec *kafka.Record) {
			if !opts.All && r.state.Resolved.Has(rec.Partition, rec.Offset) {
				return
			}
			l := letters.Read(*rec)
			if !match.Match(ctx, rec, &l) {
				return
			}
			s := r.shown(*rec, l)
			mu.Lock()
			defer mu.Unlock()
			at, _ := slices.BinarySearchFunc(found, s, newestFirst)
			if at < limit {
				found = slices.Insert(found, at, s)
				found = found[:min(len(found), limit)]
			}
		}
	})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, errorf(ErrNothingMatched, "%s: no letter matches", r.topic.Name)
	}
	return found, nil
}

func (r *queueReading) shown(rec kafka.Record, l Letter) Shown {
	s := Shown{ID: letterName(rec.Partition, rec.Offset), Queue: r.topic.Name, State: StatePending, Failed: l.Fingerprint(), Letter: l, Record: rec}
	switch {
	case r.state.Parked.Has(rec.Partition, rec.Offset):
		s.State = StateParked
	case r.state.Discarded.Has(rec.Partition, rec.Offset):
		s.State = StateDiscarded
	case r.state.Resolved.Has(rec.Partition, rec.Offset):
		s.State = StateReplayed
	}
	if r.keep > 0 && !rec.Timestamp.IsZero() {
		s.Expires = rec.Timestamp.Add(r.keep).UTC()
	}
	return s
}
