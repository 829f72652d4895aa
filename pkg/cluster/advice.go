package cluster

import "fmt"

// Advised is an error with the next step for a person.
type Advised struct {
	Err    error
	Advice string
}

func (e *Advised) Error() string { return e.Err.Error() }
func (e *Advised) Unwrap() error { return e.Err }

func advise(err error, format string, args ...any) error {
	return &Advised{Err: err, Advice: fmt.Sprintf(format, args...)}
}

// marked is an error that also is a sentinel, without repeating its words.
type marked struct{ sentinel, err error }

func (m *marked) Error() string   { return m.err.Error() }
func (m *marked) Unwrap() []error { return []error{m.err, m.sentinel} }

func mark(sentinel, err error) error { return &marked{sentinel, err} }
