package eventbus

import (
	"context"
	"strings"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/events"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// LetterFormat says in which form dead letters are written.
type LetterFormat int

const (
	// Headers keeps key, value and headers byte for byte and adds dlq-… headers.
	Headers LetterFormat = iota
	// Envelope does that and puts the error into the event as its member
	// "error", which services read that know the value only.
	Envelope
)

// LetterOptions say how dead letters are written.
type LetterOptions struct {
	Format LetterFormat
	// Stack adds dlq-error-stack, the text of the error with all that it
	// wraps, which may hold personal data.
	Stack bool
	// Spring adds the headers of Spring Kafka as well, for its tools.
	Spring bool
}

// Origin is where a letter's record stood when it failed.
type Origin struct {
	Topic     string
	Partition int32     // -1: not known
	Offset    int64     // -1: not known
	Timestamp time.Time // zero: not known
}

// Letter is a record of a dead letter topic, whichever library wrote it.
type Letter struct {
	// Event is the event that failed, without a member "error"; Undecodable
	// says why there is none.
	Event       events.Event
	Undecodable error
	// Record is the letter as it stands in the dead letter topic.
	Record Record
	// Value is the record's value as it was before it failed, as far as the
	// letter tells.
	Value []byte

	Origin   Origin
	Group    string // that failed
	Class    string // of the error
	Error    string // its message
	Attempts int    // 0: not known
	// FirstFailed and Failed are when the first and the last try failed; zero:
	// not known.
	FirstFailed time.Time
	Failed      time.Time
	// Reason says why a record became a letter without being tried.
	Reason string
	// Failure is a short fingerprint of what went wrong: letters that share
	// it failed alike.
	Failure string
	// ReplayCount is how often the record was replayed before.
	ReplayCount int
}

// LetterHandler does a service's work for one dead letter. An error means that
// it is tried again; when that is exhausted, the subscription halts.
type LetterHandler func(ctx context.Context, l Letter) error

// isDeadLetterTopic tells the topics whose failures must not become letters.
func isDeadLetterTopic(topic string) bool { return strings.HasSuffix(topic, events.DeadLetterSuffix) }

// ReadLetter reads a record of a dead letter topic that came by another way than
// [Bus.ConsumeDLQ].
func ReadLetter(r kafka.Record) Letter { return letterOf(Record{Record: r}) }
