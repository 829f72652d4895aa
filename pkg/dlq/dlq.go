// Package dlq works on dead letter queues: it tells what stands in them and
// replays letters exactly once.
//
// # Exactly once
//
// Which letters of a queue are resolved (replayed, discarded or parked) stands
// in the ledger, a compacted topic of one partition. A replay writes letters
// and the ledger record that names them in one Kafka transaction (KIP-98),
// under a transactional id that belongs to the queue. So whatever dies, a
// letter is on its target if and only if the ledger says so, and any number of
// operators on any machine share that state. Start with [OpenLedger] to read
// it and [Prepare] to replay.
//
// The promise holds for readers at read_committed, which is this module's
// default and not that of most other clients. A reader at read_uncommitted may
// see the letters of one transaction twice for each crash.
//
// # Identity
//
// A letter is named by cluster, topic id, partition and offset, never by the
// topic's name alone: a queue that was deleted and made anew has other
// letters. Beside that the ledger keeps a probe of the letters themselves,
// which is compared before anything is sent, for what a topic id cannot tell:
// truncation, an unclean election, a broker without topic ids.
package dlq

import (
	"errors"
	"fmt"
)

// DefaultLedger is the name of the ledger topic where nothing else is named.
const DefaultLedger = "manage-kafka.ledger"

// WatermarkPrefix begins the name of the group whose offsets mark how far a queue
// is replayed, before the queue's name. They are what tells a ledger that was lost
// from one that is empty. The transactional id of the queue's runs is the same.
const WatermarkPrefix = "manage-kafka.dlq."

// What callers branch on. Each is wrapped with what it is about.
var (
	// ErrNoLedger is a cluster without a ledger topic.
	ErrNoLedger = errors.New("no ledger")
	// ErrConflict is an identity, ledger or version that does not fit: going on
	// would risk a duplicate or a loss, so nothing was sent.
	ErrConflict = errors.New("conflict")
	// ErrPlanUnfit is an [ErrConflict] of a plan file with what it was made of:
	// the cluster, queue or ledger is another one. The ledger is not in doubt.
	ErrPlanUnfit = errorf(ErrConflict, "plan does not fit")
	// ErrRemade is an [ErrConflict] of a topic that was deleted, or deleted and
	// made anew: under a run, or since one. The ledger is not in doubt.
	ErrRemade = errorf(ErrConflict, "topic was deleted")
	// ErrNoTarget is a topic that letters were to go to and that is not there.
	ErrNoTarget = errors.New("no target")
	// ErrBusy is a queue on which another run works, or one that another run
	// took over from this one.
	ErrBusy = errors.New("busy")
	// ErrNothingMatched is a selection that no pending letter matches.
	ErrNothingMatched = errors.New("no pending letter matches")
	// ErrPartly is a run that ended with letters left behind that it was asked
	// to replay: rejected, held or expired. They stay pending.
	ErrPartly = errors.New("letters are left")
	// ErrInvalid is an option or an argument that is wrong on any cluster.
	ErrInvalid = errors.New("invalid")
	// ErrStuck is a cluster that does not let a run begin or go on: a partition
	// without leader, or a transaction of somebody else that does not end.
	// What was committed stays; the same command resumes.
	ErrStuck = errors.New("stopped")
	// ErrNoTransactions is a cluster or a right that does not allow for transactions.
	ErrNoTransactions = errors.New("transactions are not available")
)

// plainError is a sentinel in words of its own, which do not repeat it.
type plainError struct {
	kind error
	text string
	err  error
}

func (e *plainError) Error() string { return e.text }

func (e *plainError) Unwrap() []error {
	if e.err == nil {
		return []error{e.kind}
	}
	return []error{e.kind, e.err}
}

// errorf makes an error that is kind and reads as the format says; an error
// among args is wrapped too.
func errorf(kind error, format string, args ...any) error {
	e := &plainError{kind: kind, text: fmt.Sprintf(format, args...)}
	for _, a := range args {
		if err, ok := a.(error); ok {
			e.err = err
		}
	}
	return e
}
