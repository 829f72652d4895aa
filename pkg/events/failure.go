package events

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

var (
	// ErrInvalid is what every *InvalidError is.
	ErrInvalid = errors.New("invalid event")
	// ErrUnknownType is what every *UnknownTypeError is.
	ErrUnknownType = errors.New("unknown event type")
	// ErrUnknownMajor is what every *UnknownMajorError is.
	ErrUnknownMajor = errors.New("unknown major version")
)

// maxFailures bounds what one error lists.
const maxFailures = 100

// A Failure is one thing that is wrong with an event.
type Failure struct {
	// Pointer is the JSON pointer (RFC 6901) of the member in the envelope,
	// such as /data/billingEmail; "" is the event as a whole.
	Pointer string `json:"pointer"`
	// Message says what is wrong with it. Values in it are quoted and cut short.
	Message string `json:"message"`
}

// String is the pointer, a colon and the message.
func (f Failure) String() string {
	if f.Pointer == "" {
		return f.Message
	}
	return f.Pointer + ": " + f.Message
}

// An InvalidError lists everything that is wrong with one event, in the order
// of the pointers. errors.Is finds ErrInvalid in it.
type InvalidError struct {
	Failures []Failure
}

// Error is one line for each failure.
func (e *InvalidError) Error() string {
	lines := make([]string, 0, len(e.Failures))
	for i, f := range e.Failures {
		if i == maxFailures {
			lines = append(lines, fmt.Sprintf("and %d more", len(e.Failures)-i))
			break
		}
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n")
}

// Is reports whether target is ErrInvalid.
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// invalid makes an error of failures, nil when there are none.
func invalid(failures []Failure) error {
	if len(failures) == 0 {
		return nil
	}
	slices.SortStableFunc(failures, func(a, b Failure) int {
		if c := strings.Compare(a.Pointer, b.Pointer); c != 0 {
			return c
		}
		return strings.Compare(a.Message, b.Message)
	})
	return &InvalidError{slices.Compact(failures)}
}

// An UnknownTypeError names a type the catalogue does not have.
// errors.Is finds ErrUnknownType in it.
type UnknownTypeError struct {
	Type string
	// Nearest are known types that read alike, at most three, the best first.
	Nearest []string
}

// Error names the type and those that were perhaps meant.
func (e *UnknownTypeError) Error() string {
	text := fmt.Sprintf("unknown event type %s", quote(e.Type))
	if len(e.Nearest) > 0 {
		text += ": did you mean " + strings.Join(e.Nearest, ", ") + "?"
	}
	return text
}

// Is reports whether target is ErrUnknownType.
func (e *UnknownTypeError) Is(target error) bool { return target == ErrUnknownType }

// An UnknownMajorError names a version for which there is no schema.
// errors.Is finds ErrUnknownMajor in it.
type UnknownMajorError struct {
	Type    string
	Version string
	// Known lists the major versions the catalogue has, ascending.
	Known []int
}

// Error names the version and those that are known.
func (e *UnknownMajorError) Error() string {
	known := make([]string, len(e.Known))
	for i, major := range e.Known {
		known[i] = fmt.Sprintf("%d.x", major)
	}
	return fmt.Sprintf("/dataVersion: %s has no schema for %s: known is %s", e.Type, quote(e.Version), strings.Join(known, ", "))
}

// Is reports whether target is ErrUnknownMajor.
func (e *UnknownMajorError) Is(target error) bool { return target == ErrUnknownMajor }

// quote shows a value from outside: escaped for any terminal, cut short.
func quote(s string) string {
	const longest = 64
	if runes := []rune(s); len(runes) > longest {
		return fmt.Sprintf("%+q…", string(runes[:longest]))
	}
	return fmt.Sprintf("%q", s)
}
