package dlq

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/cespare/xxhash/v2"

	"github.com/multi-tenant/manage-kafka/internal/letters"
	"github.com/multi-tenant/manage-kafka/pkg/dlq/fix"
	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// errNoResult is the reason of letters that a program leaves alone.
var errNoResult = errors.New("left by the program")

// Fixing counts what a Fixer did: for the plan, and then for its run as well.
type Fixing struct {
	mu      sync.Mutex
	counts  FixCounts
	samples []sampled // the lowest rank first
	want    int
	seed    uint64
}

// FixCounts is what a Fixer did so far.
type FixCounts struct {
	// Letters were looked at, Changed are those of them that differ from what
	// stands in the queue.
	Letters int64 `json:"letters"`
	Changed int64 `json:"changed"`
	// Signed gives, by header, how many letters were changed that carry what
	// looks like a signature over their value.
	Signed map[string]int64 `json:"signed,omitempty"`
}

// Change is a letter as it would be sent without and with the changes.
type Change struct {
	Letter string // as 3@1204
	Was    kafka.Record
	Now    kafka.Record
}

// Sample keeps up to n changes from now on, each as likely as any other. The
// same seed chooses the same of the same letters.
func (f *Fixing) Sample(n int, seed uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.want, f.seed = n, seed
}

// Samples are the changes that were kept, by letter.
func (f *Fixing) Samples() []Change {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]Change, len(f.samples))
	for i := range f.samples {
		list[i] = f.samples[i].change
	}
	slices.SortFunc(list, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Now.Partition, b.Now.Partition), cmp.Compare(a.Now.Offset, b.Now.Offset))
	})
	return list
}

// Counts is what was counted.
func (f *Fixing) Counts() FixCounts {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.counts
	c.Signed = maps.Clone(c.Signed)
	return c
}

// UseFixer has letters changed and checked by f. What it changed carries the
// hash of the value that it had.
func (o *Options) UseFixer(f *fix.Fixer) *Fixing {
	counts := &Fixing{}
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

// UsePlanFix is [Options.UseFixer] for a Fixer that was made of f, which a plan
// file can then hold.
func (o *Options) UsePlanFix(f *PlanFix, fixer *fix.Fixer) *Fixing {
	counts := o.UseFixer(fixer)
	o.PlanFix = f
	return counts
}

func (f *Fixing) take(d *Outgoing, r *fix.Result) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts.Letters++
	switch {
	case r.Skipped:
		d.Refused = errNoResult
		return
	case r.Refused != nil:
		d.Refused = errors.New(r.Refused.String())
		return
	}
	was := d.Record
	d.Record, d.Edited, d.Rekeyed = r.Record, r.Changed(), r.KeyChanged
	if !d.Edited {
		return
	}
	f.counts.Changed++
	if r.Signature != "" {
		if f.counts.Signed == nil {
			f.counts.Signed = map[string]int64{}
		}
		f.counts.Signed[r.Signature]++
	}
	f.sample(d, was)
	if r.ValueChanged {
		d.Record.Headers = MarkEdited(d.Record.Headers, d.Source.Value)
	}
}

// sample keeps the changes that the seed ranks first: which letters these are is
// the same whatever order they are read in.
func (f *Fixing) sample(d *Outgoing, was kafka.Record) {
	if f.want == 0 {
		return
	}
	rank := rankOf(f.seed, d.Source.Partition, d.Source.Offset)
	at, known := slices.BinarySearchFunc(f.samples, rank, func(s sampled, rank uint64) int { return cmp.Compare(s.rank, rank) })
	if known || at >= f.want {
		return
	}
	now := d.Record
	was.Partition, was.Offset, now.Partition, now.Offset = d.Source.Partition, d.Source.Offset, d.Source.Partition, d.Source.Offset
	c := Change{Letter: letterName(d.Source.Partition, d.Source.Offset), Was: clone(was), Now: clone(now)}
	f.samples = slices.Insert(f.samples, at, sampled{rank, c})
	f.samples = f.samples[:min(len(f.samples), f.want)]
}

// sampled is a change with its rank.
type sampled struct {
	rank   uint64
	change Change
}

// rankOf puts letters into an order that a seed decides.
func rankOf(seed uint64, partition int32, offset int64) uint64 {
	var b [20]byte
	binary.BigEndian.PutUint64(b[:], seed)
	binary.BigEndian.PutUint32(b[8:], uint32(partition))
	binary.BigEndian.PutUint64(b[12:], uint64(offset))
	return xxhash.Sum64(b[:])
}

// clone keeps a record beyond the buffer that it was read into.
func clone(r kafka.Record) kafka.Record {
	r.Key, r.Value, r.Headers = bytes.Clone(r.Key), bytes.Clone(r.Value), slices.Clone(r.Headers)
	for i := range r.Headers {
		r.Headers[i].Value = bytes.Clone(r.Headers[i].Value)
	}
	return r
}

// MarkEdited adds the header that tells the hash of the value that a letter had
// before it was edited.
func MarkEdited(headers []kafka.Header, was []byte) []kafka.Header {
	sum := sha256.Sum256(was)
	return append(headers[:len(headers):len(headers)], kafka.Header{Name: letters.HeaderReplayEdited, Value: []byte("sha256-" + hex.EncodeToString(sum[:]))})
}

// Content is the value of a letter as it is sent when nobody changes it: without
// what a Node service added to it.
func (s *Shown) Content() []byte {
	if s.Letter.Format == letters.Node {
		if clean, _, ok := letters.WithoutError(s.Record.Value); ok {
			return clean
		}
	}
	return s.Record.Value
}

// UseValue has one letter sent with another value. An event is given a new id,
// with the old one as its cause.
func (o *Options) UseValue(partition int32, offset int64, value []byte) {
	sum := sha256.Sum256(value)
	o.FixHash = hex.EncodeToString(sum[:8])
	o.Selection = Selection{Partitions: []int32{partition}, Offsets: []OffsetRange{{First: offset, Last: offset}}}
	id := sync.OnceValues(func() (string, error) { return events.NewID() })
	o.Fix = func(_ context.Context, drafts []*Outgoing) error {
		for _, d := range drafts {
			if d.Source.Partition != partition || d.Source.Offset != offset || bytes.Equal(d.Record.Value, value) {
				continue
			}
			// The plan and the run make the same event of it.
			made, err := id()
			if err != nil {
				return err
			}
			d.Record.Value, d.Edited = fix.Successor(d.Record.Value, value, made), true
			d.Record.Headers = MarkEdited(d.Record.Headers, d.Source.Value)
		}
		return nil
	}
}
