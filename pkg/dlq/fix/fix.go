// Package fix changes and checks letters before they are replayed.
//
// Start with [New], which says what is to be done to each letter: a jq program
// over its value, headers set and deleted, a new key, and checks of what came of
// it. [Fixer.Apply] does it to many letters at once and gives a [Result] for
// each: the record to send, or why the letter has to stay where it is. Nothing
// here reads or writes Kafka.
//
// # Bytes
//
// A value that a program leaves as it is keeps its bytes. Of one that is changed
// every member that is not keeps its own: its number with all digits, its place,
// and the order of what is inside. Only what differs is written anew.
//
// # Programs
//
// jq programs run in a process of their own, see [Serve], because a program that
// is wrong can take any time and memory: letters are sent to it in batches, and
// one that takes too much of either ends that process and stays pending, while
// the others go on in the next. A program has no modules, no environment and no
// input but its letter.
package fix

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

const (
	// DefaultMaxValue is the largest value that a program may give, in bytes.
	DefaultMaxValue = 1 << 20
	// DefaultMemory bounds the process that runs programs, in bytes.
	DefaultMemory = 256 << 20
	// LetterTime is how long a program may take over one letter.
	LetterTime = time.Second
)

// ErrProgram is a jq program that does not compile, or asks for what programs
// are not given.
var ErrProgram = errors.New("jq program")

// ErrGivenUp is a program that took too long or too much memory for several
// letters in a row.
var ErrGivenUp = errors.New("jq program given up")

// Options say what is done to each letter. The zero value does nothing.
type Options struct {
	// JQ is a jq program whose one result is the new value. No result leaves
	// the letter pending. It sees the value as its input, the key as $key (a
	// string, null when it is none or no UTF-8) and the headers as $headers, an
	// object with the last value of each name. A null value is not changed.
	JQ string
	// SetHeaders replace all headers of their names, at the end of the list;
	// DelHeaders are names to take away.
	SetHeaders []kafka.Header
	DelHeaders []string
	// Key, when set, is the new key; KeyJQ instead is a program whose one
	// result over the new value is the new key: a string is taken as it is,
	// null is a null key, anything else its JSON.
	Key   *string
	KeyJQ string
	// Predicate is a jq program that must give true, or anything but false and
	// null, over the new value.
	Predicate string
	// Checks are asked in turn about the changed record; see [JSON], [Event],
	// [Command] and [Decodes].
	Checks []Check
	// Worker makes the command that runs [Serve] with the command's standard
	// streams. It is needed for programs only; its environment is inherited.
	Worker func() *exec.Cmd
	// MaxValue and Memory bound the largest value that a program may give and
	// what its process may use, in bytes; 0 is the default of each.
	MaxValue int
	Memory   int64
}

// A Refusal is why a letter stays pending.
type Refusal struct {
	// Reason says what is wrong. It may quote a part of the value.
	Reason string `json:"reason"`
	// Pointer is the JSON pointer (RFC 6901) of the member that is wrong, ""
	// where there is none or it is the whole value.
	Pointer string `json:"pointer,omitempty"`
}

// String is the pointer, a colon and the reason.
func (r *Refusal) String() string {
	if r.Pointer == "" {
		return r.Reason
	}
	return r.Pointer + ": " + r.Reason
}

// A Result is what became of one letter.
type Result struct {
	// Record is the letter with its changes. Its bytes are the letter's own
	// where nothing was changed.
	Record kafka.Record
	// ValueChanged, KeyChanged and HeadersChanged tell what differs.
	ValueChanged, KeyChanged, HeadersChanged bool
	// Skipped is a letter for which the program gave no result; Refused is one
	// that could not be changed or did not pass a check. Both stay pending.
	Skipped bool
	Refused *Refusal
	// Signature is the name of a header that looks like a signature over a
	// value that was changed, "" otherwise.
	Signature string
}

// Changed tells whether anything differs from the letter that came in.
func (r *Result) Changed() bool { return r.ValueChanged || r.KeyChanged || r.HeadersChanged }

// Stays tells whether the letter is not to be sent.
func (r *Result) Stays() bool { return r.Skipped || r.Refused != nil }

// A Fixer changes letters. It is for one goroutine at a time.
type Fixer struct {
	options Options
	spec    spec
	child   *child
	deaths  int // in a row
}

// New checks the programs and prepares a Fixer; the error of a program that
// does not compile is [ErrProgram]. The caller closes it.
func New(o Options) (*Fixer, error) {
	if o.Key != nil && o.KeyJQ != "" {
		return nil, errors.New("a key cannot be both a text and a program")
	}
	if o.MaxValue <= 0 {
		o.MaxValue = DefaultMaxValue
	}
	if o.Memory <= 0 {
		o.Memory = DefaultMemory
	}
	f := &Fixer{options: o, spec: spec{Transform: o.JQ, Key: o.KeyJQ, Predicate: o.Predicate, MaxValue: o.MaxValue}}
	if err := f.spec.compile(nil); err != nil {
		return nil, err
	}
	if f.spec.any() && o.Worker == nil {
		return nil, fmt.Errorf("%w: no process to run it in", ErrProgram)
	}
	return f, nil
}

// Any tells whether the Fixer does anything at all.
func (f *Fixer) Any() bool { return f.Changes() || f.spec.any() || len(f.options.Checks) > 0 }

// Changes tells whether the Fixer may change letters, rather than check them.
func (f *Fixer) Changes() bool { return f.options.changes() }

func (o *Options) changes() bool {
	return o.JQ != "" || o.KeyJQ != "" || o.Key != nil || len(o.SetHeaders)+len(o.DelHeaders) > 0
}

// Hash is that of the Fixer's options; see [Options.Hash].
func (f *Fixer) Hash() string { return f.options.Hash() }

// Hash identifies the changes, for the record of a run: 16 hexadecimal digits,
// the same for the same programs, headers and key. It is "" where nothing is
// changed.
func (o *Options) Hash() string {
	if !o.changes() {
		return ""
	}
	body, err := json.Marshal([]any{o.JQ, o.KeyJQ, o.Key, o.SetHeaders, o.DelHeaders})
	if err != nil { // strings and bytes only
		return ""
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:8])
}

// Apply changes and checks letters and gives a Result for each, in their order.
// An error is one of the surroundings: the context's end, a check that could
// not be made, or [ErrGivenUp]; no Result is then to be used.
func (f *Fixer) Apply(ctx context.Context, letters []kafka.Record) ([]Result, error) {
	results := make([]Result, len(letters))
	for i, r := range letters {
		results[i].Record = r
	}
	if f.spec.any() {
		if err := f.runPrograms(ctx, results); err != nil {
			return nil, err
		}
	}
	for i := range results {
		f.edit(&results[i], &letters[i])
	}
	if err := f.check(ctx, results); err != nil {
		return nil, err
	}
	return results, nil
}

// edit makes the changes that need no program.
func (f *Fixer) edit(r *Result, was *kafka.Record) {
	if r.Stays() {
		return
	}
	o := &f.options
	if o.Key != nil {
		r.KeyChanged = was.Key == nil || string(was.Key) != *o.Key
		r.Record.Key = []byte(*o.Key)
	}
	if headers, changed := editHeaders(was.Headers, o.SetHeaders, o.DelHeaders); changed {
		r.Record.Headers, r.HeadersChanged = headers, true
	}
	if r.ValueChanged {
		r.Signature = Signature(r.Record.Headers)
	}
}

// Close ends the process of the programs.
func (f *Fixer) Close() error {
	if f.child != nil {
		f.child.end()
		f.child = nil
	}
	return nil
}
