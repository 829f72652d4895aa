// Package letters reads and writes what a record carries once it stands in a
// dead letter queue: where it came from, why it failed, and how often it was
// sent again.
//
// [Read] knows the headers of ten producers of letters and the error that
// Node services put into the value. [Letter.Append] writes our own headers.
// Both are bounded: whatever bytes a record carries, a Letter stays small.
package letters

import "time"

// Format tells who wrote what a [Letter] was read from.
type Format string

// The formats that [Read] tells apart.
const (
	Native      Format = "native"       // the dlq-* headers of this module
	Spring      Format = "spring"       // Spring's DeadLetterPublishingRecoverer
	SpringRetry Format = "spring-retry" // Spring's @RetryableTopic
	Connect     Format = "connect"      // Kafka Connect (KIP-298)
	Streams     Format = "streams"      // Kafka Streams (KIP-1034)
	Share       Format = "share"        // share groups (KIP-1191)
	SmallRye    Format = "smallrye"     // SmallRye Reactive Messaging, Quarkus
	Watermill   Format = "watermill"    // Watermill's PoisonQueue
	MassTransit Format = "masstransit"  // MassTransit, and NServiceBus alike
	Node        Format = "node"         // an error member inside the value
	Bare        Format = "bare"         // nothing but the record
)

// The headers of this module. Numbers are decimal, times are milliseconds
// since 1970 (UTC) in decimal, all is UTF-8.
const (
	HeaderOriginalTopic     = "dlq-original-topic"
	HeaderOriginalPartition = "dlq-original-partition"
	HeaderOriginalOffset    = "dlq-original-offset"
	HeaderOriginalTimestamp = "dlq-original-timestamp"

	HeaderGroup         = "dlq-group"
	HeaderErrorClass    = "dlq-error-class"
	HeaderErrorCause    = "dlq-error-cause" // class of the root cause, where it is another
	HeaderErrorMessage  = "dlq-error-message"
	HeaderErrorStack    = "dlq-error-stack"
	HeaderAttempts      = "dlq-attempts"
	HeaderFirstFailedAt = "dlq-first-failed-at"
	HeaderFailedAt      = "dlq-failed-at"
	HeaderService       = "dlq-service"
	HeaderAppVersion    = "dlq-app-version"
	HeaderReason        = "dlq-reason"

	HeaderReplayID       = "dlq-replay-id"
	HeaderReplayCount    = "dlq-replay-count"
	HeaderReplayForGroup = "dlq-replay-for-group"
	HeaderReplayRun      = "dlq-replay-run"
	HeaderReplayEdited   = "dlq-replay-edited"
)

// ReasonParked is the [Letter.Reason] of a record that did not fail itself: one
// of the same key before it did.
const ReasonParked = "predecessor-parked"

// Origin is where a record stood before it became a letter. Unknown are -1 and
// the zero time.
type Origin struct {
	Topic     string    `json:"topic"`
	Partition int32     `json:"partition"`
	Offset    int64     `json:"offset"`
	Timestamp time.Time `json:"timestamp,omitzero"`
}

// Known reports whether the origin names one record.
func (o Origin) Known() bool { return o.Topic != "" && o.Partition >= 0 && o.Offset >= 0 }

// Letter is what is known about a record that stands in a dead letter queue.
// What nobody told is empty, zero or, in an [Origin], -1.
type Letter struct {
	Format Format `json:"format"`
	// Origin is where the record first failed. Without any coordinates it is
	// the topic that the queue's name tells of.
	Origin Origin `json:"origin"`
	// Hop is where the record stood when it failed last: Origin, but for
	// Spring's repeated headers.
	Hop     Origin `json:"hop"`
	Group   string `json:"group,omitempty"` // the consumer group that failed
	Class   string `json:"class,omitempty"` // of the error as it was caught, which often is a wrapper
	Cause   string `json:"cause,omitempty"` // class of its root cause
	Message string `json:"message,omitempty"`
	Stack   string `json:"stack,omitempty"`
	// Stage is where in a pipeline it failed: Connect's stage, Watermill's handler.
	Stage string `json:"stage,omitempty"`
	// Shape describes the value of a letter that tells no error at all.
	Shape string `json:"shape,omitempty"`

	Attempts      int       `json:"attempts,omitempty"`
	FirstFailedAt time.Time `json:"first_failed_at,omitzero"`
	FailedAt      time.Time `json:"failed_at,omitzero"`
	// Stored is the timestamp of the letter itself, by which it expires.
	Stored     time.Time `json:"stored,omitzero"`
	Service    string    `json:"service,omitempty"`
	AppVersion string    `json:"app_version,omitempty"`
	// Reason is why a record without an error of its own is here, such as [ReasonParked].
	Reason string `json:"reason,omitempty"`

	ReplayCount  int    `json:"replay_count,omitempty"` // how often it was sent again before
	ReplayID     string `json:"replay_id,omitempty"`
	ReplayGroup  string `json:"replay_group,omitempty"`
	ReplayRun    string `json:"replay_run,omitempty"`
	ReplayEdited string `json:"replay_edited,omitempty"` // hash of the original that an edit replaced
}

// Failed tells when the letter failed last: FailedAt, else when it was stored.
func (l Letter) Failed() time.Time {
	if !l.FailedAt.IsZero() {
		return l.FailedAt
	}
	return l.Stored
}

// RootClass is the class that letters are grouped by: the last cause that the
// stack names, else Cause, which is a wrapper again where frameworks wrap
// twice, else Class.
func (l Letter) RootClass() string {
	if class := causeInStack(l.Stack); class != "" {
		return class
	}
	if l.Cause != "" {
		return l.Cause
	}
	return l.Class
}
