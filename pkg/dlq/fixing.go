package dlq

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/dlq/fix"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// errNoResult is the reason of letters that a program leaves alone.
var errNoResult = errors.New("left by the program")

// Fixing counts what a Fixer did.
type Fixing struct {
	mu     sync.Mutex
	signed map[string]int64
}

// Signed gives, by header, how many letters were changed that carry what looks
// like a signature over their value.
func (f *Fixing) Signed() map[string]int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := map[string]int64{}
	for name, n := range f.signed {
		all[name] = n
	}
	return all
}

// UseFixer has letters changed and checked by f. What it changed carries the
// hash of the value that it had.
func (o *Options) UseFixer(f *fix.Fixer) *Fixing {
	counts := &Fixing{signed: map[string]int64{}}
	if !f.Any() {
		return counts
	}
	o.FixHash = f.Hash()
	o.Fix = func(ctx context.Context, drafts []*Outgoing) error {
		records := make([]kafka.Record, len(drafts))
		for i, d := range drafts {
			records[i] = d.Record
		}
		results, err := f.Apply(ctx, records)
		if err != nil {
			return err
		}
		for i := range results {
			counts.take(drafts[i], &results[i])
		}
		return nil
	}
	return counts
}

func (f *Fixing) take(d *Outgoing, r *fix.Result) {
	switch {
	case r.Skipped:
		d.Refused = errNoResult
		return
	case r.Refused != nil:
		d.Refused = errors.New(r.Refused.String())
		return
	}
	d.Record, d.Edited, d.Rekeyed = r.Record, r.Changed(), r.KeyChanged
	if r.ValueChanged {
		d.Record.Headers = MarkEdited(d.Record.Headers, d.Source.Value)
	}
	if r.Signature != "" {
		f.mu.Lock()
		f.signed[r.Signature]++
		f.mu.Unlock()
	}
}

// MarkEdited adds the header that tells the hash of the value that a letter had
// before it was edited.
func MarkEdited(headers []kafka.Header, was []byte) []kafka.Header {
	sum := sha256.Sum256(was)
	return append(headers[:len(headers):len(headers)], kafka.Header{Name: letters.HeaderReplayEdited, Value: []byte("sha256-" + hex.EncodeToString(sum[:]))})
}
