package dlq

import (
	"context"
	"fmt"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// CheckOptions are the bounds that queues are held against.
type CheckOptions struct {
	// Queues are names or globs, see [ListOptions].
	Queues []string
	// MaxPending is how many pending letters a queue may have; a negative
	// number does not bound them.
	MaxPending int64
	// MaxAge is how old the oldest pending letter may be; 0 does not bound it.
	MaxAge time.Duration
	// MinExpiry is how long the oldest pending letter must still be kept; 0
	// does not bound it.
	MinExpiry time.Duration
	// NewFailure, when above 0, looks for failures whose first letter, resolved
	// ones too, is no older than that. It reads every letter of a queue.
	NewFailure time.Duration
	// Ledger is the ledger topic; default [DefaultLedger].
	Ledger string
	// Now is the time that ages are measured at.
	Now time.Time
	// Keep keeps the queues' watermarks alive, see [KeepWatermarks]. That it
	// fails changes no verdict.
	Keep bool
}

// Verdict is how a check ended, by the codes of monitoring plugins.
type Verdict int

// The verdicts, in the order of plugins' exit codes.
const (
	VerdictOK       Verdict = 0
	VerdictWarning  Verdict = 1 // a failure that is new
	VerdictCritical Verdict = 2 // a bound is passed
	VerdictUnknown  Verdict = 3 // a queue could not be looked at
)

// String is the word of a verdict.
func (v Verdict) String() string {
	switch v {
	case VerdictOK:
		return "OK"
	case VerdictWarning:
		return "WARNING"
	case VerdictCritical:
		return "CRITICAL"
	}
	return "UNKNOWN"
}

// MarshalText is String, for JSON.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// Checked is one queue held against the bounds. Ages are in seconds and nil
// where there is no pending letter, or no expiry.
type Checked struct {
	Queue          string   `json:"dlq"`
	Verdict        Verdict  `json:"verdict"`
	Reasons        []string `json:"reasons"` // why the verdict is not OK
	Pending        int64    `json:"pending"`
	AgeSeconds     *float64 `json:"age_seconds,omitempty"`
	ExpiresSeconds *float64 `json:"expires_seconds,omitempty"` // 0 and below: at any moment
	New            []string `json:"new_failures,omitempty"`    // fingerprints
}

// worse keeps the verdict that matters more: a bound that is passed is known,
// whatever else could not be looked at.
func (c *Checked) worse(v Verdict, format string, args ...any) {
	c.Reasons = append(c.Reasons, fmt.Sprintf(format, args...))
	c.Verdict = WorseVerdict(c.Verdict, v)
}

// WorseVerdict is the one of two that a monitor should show: critical, then
// unknown, then warning.
func WorseVerdict(a, b Verdict) Verdict {
	rank := [...]int{VerdictOK: 0, VerdictWarning: 1, VerdictUnknown: 2, VerdictCritical: 3}
	if rank[b] > rank[a] {
		return b
	}
	return a
}

// Check holds queues against bounds. A queue that cannot be looked at, and a
// name or glob that selects none, is [VerdictUnknown]; the error is that of the
// call as a whole.
func Check(ctx context.Context, c *kafka.Client, opts CheckOptions) ([]Checked, error) {
	list, err := List(ctx, c, ListOptions{Queues: opts.Queues, Ledger: opts.Ledger})
	if err != nil {
		return nil, err
	}
	if opts.Keep {
		// The bounds are what was asked for; a broker in trouble shows in them.
		_ = KeepWatermarks(ctx, c, list.Queues)
	}
	all := []Checked{}
	for _, q := range list.Queues {
		checked := opts.hold(q)
		if opts.NewFailure > 0 && q.Error == "" {
			if err := opts.newFailures(ctx, c, &checked); err != nil {
				return nil, err
			}
		}
		all = append(all, checked)
	}
	for _, name := range list.Missed {
		missing := Checked{Queue: name, Reasons: []string{}}
		missing.worse(VerdictUnknown, "no such queue")
		all = append(all, missing)
	}
	return all, nil
}

// hold compares what is known of a queue with the bounds.
func (o *CheckOptions) hold(q Queue) Checked {
	c := Checked{Queue: q.Name, Pending: q.Pending, Reasons: []string{}}
	if q.Error != "" {
		c.worse(VerdictUnknown, "%s", q.Error)
	}
	if o.MaxPending >= 0 && q.Pending > o.MaxPending {
		c.worse(VerdictCritical, "%d pending, at most %d", q.Pending, o.MaxPending)
	}
	if q.Oldest == nil {
		return c
	}
	age := max(0, o.Now.Sub(q.Oldest.Timestamp))
	seconds := age.Seconds()
	c.AgeSeconds = &seconds
	if o.MaxAge > 0 && age > o.MaxAge {
		c.worse(VerdictCritical, "oldest is %s old, at most %s", inSeconds(age), inSeconds(o.MaxAge))
	}
	if q.Oldest.Expires.IsZero() {
		return c
	}
	left := q.Oldest.Expires.Sub(o.Now)
	rest := left.Seconds()
	c.ExpiresSeconds = &rest
	if o.MinExpiry > 0 && left < o.MinExpiry {
		c.worse(VerdictCritical, "oldest expires in %s, at least %s", inSeconds(max(0, left)), inSeconds(o.MinExpiry))
	}
	return c
}

func (o *CheckOptions) newFailures(ctx context.Context, c *kafka.Client, checked *Checked) error {
	found, err := FindFailures(ctx, c, checked.Queue, FailuresOptions{All: true, Ledger: o.Ledger})
	if err != nil {
		return err
	}
	for _, f := range found.Failures {
		if f.Pending > 0 && o.Now.Sub(f.First) <= o.NewFailure {
			checked.New = append(checked.New, f.ID)
			checked.worse(VerdictWarning, "new failure %s: %d of %s", f.ID, f.Count, firstText(f.Class, f.Message, "no error told"))
		}
	}
	return nil
}

func firstText(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// inSeconds writes a duration in whole seconds, as 2h13m5s.
func inSeconds(d time.Duration) string { return d.Truncate(time.Second).String() }
