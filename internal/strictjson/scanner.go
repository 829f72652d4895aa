// Package strictjson reads JSON text without repairing it: what encoding/json
// lets pass (duplicate members, invalid UTF-8, lone surrogates) is an error
// here, and nesting and numbers are bounded, so that two readers of the same
// bytes can never see two different values.
package strictjson

import (
	"bytes"
	"fmt"
	"slices"
)

const (
	// MaxDepth is how deeply arrays and objects may nest.
	MaxDepth = 128
	// maxNumber bounds the characters of one number and maxExponent its
	// exponent: readers that compute with exact numbers would otherwise spend
	// seconds on 1e999999.
	maxNumber   = 256
	maxExponent = 999
	// fewKeys is up to where comparing a name with those before it beats
	// sorting them once at the end of the object.
	fewKeys = 24
)

// A SyntaxError says what is wrong with the text and at which byte.
type SyntaxError struct {
	// Offset counts bytes from the start of the text, from 0.
	Offset int
	// Reason is a phrase such as "duplicate member \"id\"".
	Reason string
}

// Error returns the reason and the offset.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("invalid JSON at byte %d: %s", e.Offset, e.Reason)
}

// A Scanner walks over one JSON text. The zero value is ready after Reset, and
// reusing one saves its buffers. Slices it returns point into the text, or into
// memory of their own when the text has escapes there; they never change later.
// A Scanner must not be used by two goroutines at once.
type Scanner struct {
	data   []byte
	pos    int
	keys   [][]byte
	frames []int
}

// Reset starts over at the beginning of data.
func (s *Scanner) Reset(data []byte) {
	s.data, s.pos = data, 0
	s.keys, s.frames = s.keys[:0], s.frames[:0]
}

// A Mark is a place to come back to.
type Mark struct{ pos, keys, frames int }

// Mark remembers where the scanner is.
func (s *Scanner) Mark() Mark { return Mark{s.pos, len(s.keys), len(s.frames)} }

// Rewind goes back to m, which must lie in the value being read or around it.
func (s *Scanner) Rewind(m Mark) {
	s.pos, s.keys, s.frames = m.pos, s.keys[:m.keys], s.frames[:m.frames]
}

// Pos is the offset of the next byte to be read.
func (s *Scanner) Pos() int { return s.pos }

// Since returns the text read since offset from.
func (s *Scanner) Since(from int) []byte { return s.data[from:s.pos:s.pos] }

// Peek skips white space and returns the next byte without reading it, 0 at
// the end of the text.
func (s *Scanner) Peek() byte {
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// End reports an error unless only white space is left.
func (s *Scanner) End() error {
	if s.Peek(); s.pos < len(s.data) {
		return s.errorf("data after the end of the value")
	}
	return nil
}

// OpenObject reads "{" and reports whether a member follows; without one it
// has read "}" too.
func (s *Scanner) OpenObject() (bool, error) {
	if s.Peek() != '{' {
		return false, s.unexpected("an object")
	}
	if err := s.push(); err != nil {
		return false, err
	}
	if s.Peek() != '}' {
		return true, nil
	}
	s.pos++
	return false, s.pop()
}

// Key reads a member's name and ":". A name that the object had before is an
// error, found here or, in an object of many members, at its end.
func (s *Scanner) Key() ([]byte, error) {
	at := s.pos
	name, err := s.NewKey()
	if err != nil {
		return nil, err
	}
	seen := s.keys[s.frames[len(s.frames)-1]:]
	if len(seen) < fewKeys {
		for _, k := range seen {
			if len(k) == len(name) && bytes.Equal(k, name) {
				return nil, &SyntaxError{at, fmt.Sprintf("duplicate member %q", name)}
			}
		}
	}
	s.keys = append(s.keys, name)
	return name, nil
}

// NewKey is Key for a caller that looks for duplicates itself.
func (s *Scanner) NewKey() ([]byte, error) {
	if s.Peek() != '"' {
		return nil, s.unexpected("a member name")
	}
	text, err := s.Text()
	if err != nil {
		return nil, err
	}
	if s.Peek() != ':' {
		return nil, s.unexpected(`":"`)
	}
	s.pos++
	return text.Bytes(), nil
}

// NextMember reads "," and returns true, or "}" and returns false.
func (s *Scanner) NextMember() (bool, error) {
	switch s.Peek() {
	case ',':
		s.pos++
		return true, nil
	case '}':
		s.pos++
		return false, s.pop()
	}
	return false, s.unexpected(`"," or "}"`)
}

// OpenArray reads "[" and reports whether an element follows; without one it
// has read "]" too.
func (s *Scanner) OpenArray() (bool, error) {
	if s.Peek() != '[' {
		return false, s.unexpected("an array")
	}
	if err := s.push(); err != nil {
		return false, err
	}
	if s.Peek() != ']' {
		return true, nil
	}
	s.pos++
	return false, s.pop()
}

// NextElement reads "," and returns true, or "]" and returns false.
func (s *Scanner) NextElement() (bool, error) {
	switch s.Peek() {
	case ',':
		s.pos++
		return true, nil
	case ']':
		s.pos++
		return false, s.pop()
	}
	return false, s.unexpected(`"," or "]"`)
}

func (s *Scanner) push() error {
	if len(s.frames) == MaxDepth {
		return s.errorf("nested deeper than %d", MaxDepth)
	}
	s.pos++
	s.frames = append(s.frames, len(s.keys))
	return nil
}

func (s *Scanner) pop() error {
	base := s.frames[len(s.frames)-1]
	s.frames = s.frames[:len(s.frames)-1]
	keys := s.keys[base:]
	s.keys = s.keys[:base]
	if len(keys) <= fewKeys {
		return nil
	}
	slices.SortFunc(keys, bytes.Compare)
	for i := 1; i < len(keys); i++ {
		if bytes.Equal(keys[i-1], keys[i]) {
			return s.errorf("duplicate member %q", keys[i])
		}
	}
	return nil
}

// Skip reads one value of any kind.
func (s *Scanner) Skip() error {
	switch c := s.Peek(); c {
	case '{':
		more, err := s.OpenObject()
		for more && err == nil {
			if _, err = s.Key(); err != nil {
				break
			}
			if err = s.Skip(); err != nil {
				break
			}
			more, err = s.NextMember()
		}
		return err
	case '[':
		more, err := s.OpenArray()
		for more && err == nil {
			if err = s.Skip(); err != nil {
				break
			}
			more, err = s.NextElement()
		}
		return err
	case '"':
		_, err := s.Text()
		return err
	case 't':
		return s.Literal("true")
	case 'f':
		return s.Literal("false")
	case 'n':
		return s.Literal("null")
	default:
		_, err := s.Number()
		return err
	}
}

// Value reads one value of any kind and returns its text, without white space
// around it.
func (s *Scanner) Value() ([]byte, error) {
	s.Peek()
	from := s.pos
	if err := s.Skip(); err != nil {
		return nil, err
	}
	return s.Since(from), nil
}

// Literal reads word: true, false or null.
func (s *Scanner) Literal(word string) error {
	s.Peek()
	if !bytes.HasPrefix(s.data[s.pos:], []byte(word)) {
		return s.unexpected("a value")
	}
	s.pos += len(word)
	return nil
}

func (s *Scanner) errorf(format string, args ...any) error {
	return &SyntaxError{s.pos, fmt.Sprintf(format, args...)}
}

func (s *Scanner) unexpected(want string) error {
	if s.pos >= len(s.data) {
		return s.errorf("the text ends where %s is expected", want)
	}
	return s.errorf("%q where %s is expected", s.data[s.pos], want)
}
