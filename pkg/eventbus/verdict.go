package eventbus

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// ErrSkip is what a handler returns for an event that is none of its business:
// it is done and counted as skipped, also where ErrSkip is wrapped or joined with
// another error.
var ErrSkip = errors.New("event is skipped")

// Permanent says that trying again cannot help: the record becomes a dead letter at
// once, also where the error is joined with others or is [Unavailable] as well.
// Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// Unavailable says that the fault lies with what the handler depends on and not
// with the event: the try does not count, and the record is tried again until
// it succeeds or fails otherwise. It counts towards the breaker.
// Unavailable(nil) is nil.
func Unavailable(err error) error {
	if err == nil {
		return nil
	}
	return &unavailableError{err}
}

type unavailableError struct{ err error }

func (e *unavailableError) Error() string { return e.err.Error() }
func (e *unavailableError) Unwrap() error { return e.err }

func isPermanent(err error) bool {
	var p *permanentError
	return errors.As(err, &p)
}

func isUnavailable(err error) bool {
	var u *unavailableError
	return errors.As(err, &u)
}

// infrastructure is the default of [BreakerOptions.Counts].
func infrastructure(err error) bool {
	var network net.Error
	switch {
	case isUnavailable(err), errors.As(err, &network), errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, driver.ErrBadConn), errors.Is(err, kafka.ErrUnreachable),
		errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET):
		return true
	}
	return false
}

// Classes of what the bus itself finds wrong with a record, as dead letters
// name them in dlq-error-class. Others are the Go type of the handler's error.
const (
	ClassUndecodable  = "eventbus.Undecodable"  // the value is no event
	ClassTombstone    = "eventbus.Tombstone"    // the value is null
	ClassUnknownMajor = "eventbus.UnknownMajor" // the type is known, its major version is not
	ClassStuck        = "eventbus.Stuck"        // the handler did not return
	ClassPanic        = "eventbus.Panic"        // the handler panicked or ended its goroutine
	ClassPredecessor  = "eventbus.Predecessor"  // an earlier record of the key is parked
)
