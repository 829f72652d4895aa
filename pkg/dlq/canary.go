package dlq

import (
	"context"
	"fmt"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// DefaultCanaryPatience is how long a canary is waited for.
const DefaultCanaryPatience = 10 * time.Minute

// CanaryOptions say how a run tries a few letters first.
type CanaryOptions struct {
	Letters int // how many, at least 1
	// MaxAgain is the share of them, from 0 to 1, that may be dead again for
	// the run to go on.
	MaxAgain float64
	Settle   time.Duration // default [DefaultSettle]
	// Patience is how long their outcome is waited for; default
	// [DefaultCanaryPatience]. A run does not go on without it.
	Patience time.Duration
	// Report is called after each look, by another goroutine than Run's.
	Report func(Report)
}

// CanaryError is a run that stopped after its canary. errors.Is finds
// [ErrPartly] in it: the letters that were not sent stay pending.
type CanaryError struct {
	Report Report
	// Undecided is a canary of which not every letter has its outcome.
	Undecided bool
	// Waited is how long it was waited for.
	Waited time.Duration
}

// Error says what became of the canary, and which failure stopped it.
func (e *CanaryError) Error() string {
	r := &e.Report
	if !e.Undecided {
		text := fmt.Sprintf("canary: %d of %d letters are dead again", r.DeadAgain, r.Replayed)
		if len(r.Failures) > 0 {
			f := &r.Failures[0]
			how := "another error than before"
			if f.Same {
				how = "the same error as before"
			}
			text += fmt.Sprintf(" (failure %s, %s: %s: %s)", f.ID, how, f.Class, f.Message)
		}
		return text + "; stopped, no further letter was sent"
	}
	text := fmt.Sprintf("canary: the outcome of %d of %d letters is not known after %s", r.NotReached+r.Unverifiable, r.Replayed, e.Waited.Round(time.Second))
	if len(r.Waiting) > 0 {
		w := &r.Waiting[0]
		text += fmt.Sprintf(" (group %s has not committed %s/%d up to %d)", w.Group, w.Topic, w.Partition, w.Want)
	} else if len(r.Reasons) > 0 {
		text += " (" + r.Reasons[0].Text + ")"
	}
	return text + "; stopped, no further letter was sent"
}

// Unwrap makes it [ErrPartly].
func (e *CanaryError) Unwrap() error { return ErrPartly }

// UseCanary has a run wait after its first letters until each of them has
// passed or is dead again, with no transaction open, and end with a
// *[CanaryError] where too many are. c is the client that the run uses.
func (o *Options) UseCanary(c *kafka.Client, opts CanaryOptions) error {
	if opts.Letters < 1 || opts.MaxAgain < 0 || opts.MaxAgain > 1 {
		return errorf(ErrInvalid, "a canary of %d letters and a share of %g: want at least 1, and a share from 0 to 1", opts.Letters, opts.MaxAgain)
	}
	if opts.Patience <= 0 {
		opts.Patience = DefaultCanaryPatience
	}
	cn := &canary{client: c, queue: o.Queue, group: o.ForGroup, stop: o.Stop, mask: o.Mask, opts: opts}
	o.FirstChunk = opts.Letters
	o.BeforeChunk, o.AfterChunk = cn.before, cn.after
	return nil
}

type canary struct {
	client  *kafka.Client
	queue   string
	group   string
	stop    <-chan struct{}
	mask    func(*kafka.Record) *kafka.Record
	opts    CanaryOptions
	watcher *Watcher
	decided bool
}

// before remembers where the queue ends, so that only letters that come after
// the canary are read.
func (cn *canary) before(ctx context.Context, _ ChunkInfo) error {
	if cn.watcher != nil {
		return nil
	}
	topic, err := oneQueue(ctx, cn.client, cn.queue)
	if err != nil {
		return err
	}
	w := newWatcher(cn.client, topic, WatchOptions{Settle: cn.opts.Settle, Mask: cn.mask})
	if cn.group != "" && cn.group != ForOriginalGroup {
		w.opts.Groups = []string{cn.group}
	}
	found, failed, err := stretches(ctx, cn.client.Offsets, []kafka.TopicMetadata{topic})
	if err != nil {
		return err
	}
	if err := failed[topic.Name]; err != nil {
		return err
	}
	for _, s := range found[topic.Name] {
		w.next[s.partition] = s.end
	}
	w.live, cn.watcher = true, w
	return nil
}

// after waits for the outcome of the first letters.
func (cn *canary) after(ctx context.Context, info ChunkInfo) error {
	if cn.decided {
		return nil
	}
	cn.decided = true
	w, began := cn.watcher, time.Now()
	w.run = info.Run
	list := make([]sent, len(info.Targets))
	for i, t := range info.Targets {
		list[i] = sent{part: t.Partition, offset: t.Offset, run: info.Run, action: Replayed, at: began, topic: t.Topic, to: t.To, toAt: t.At}
	}
	if err := w.expect(ctx, list); err != nil {
		return err
	}
	for {
		r, err := w.Look(ctx)
		if err != nil {
			return err
		}
		if cn.opts.Report != nil {
			cn.opts.Report(r)
		}
		waited := time.Since(began)
		switch {
		case float64(r.DeadAgain) > cn.opts.MaxAgain*float64(r.Replayed):
			return &CanaryError{Report: r, Waited: waited}
		case r.Settled() && r.Unverifiable == 0:
			return nil
		case r.Settled(), waited > cn.opts.Patience:
			return &CanaryError{Report: r, Undecided: true, Waited: waited}
		}
		t := time.NewTimer(w.opts.Every)
		select {
		case <-cn.stop: // the run sees it too
			t.Stop()
			return nil
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		case <-t.C:
		}
	}
}
