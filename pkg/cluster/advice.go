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
