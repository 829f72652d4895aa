package eventbus

import "time"

// GroupState is what one subscription is doing.
type GroupState struct {
	Group string `json:"group"`
	Topic string `json:"topic"`
	// State is joining, running, stopping or ended.
	State string `json:"state"`
	// Error says why it ended, or what keeps it from joining.
	Error string `json:"error,omitempty"`
	// Assigned counts the partitions that it has, Paused those that are not
	// fetched from for the moment.
	Assigned int `json:"assigned"`
	Paused   int `json:"paused"`
	// Lag counts the records that were written and are not done, as far as
	// this member's partitions go. Markers of transactions and aborted records
	// at the end count for a few seconds.
	Lag int64 `json:"lag"`
	// InFlight counts the records that wait, run or are being retried.
	InFlight int `json:"in_flight"`
	// Waiting counts the keys that wait for a retry or a dead letter.
	Waiting int `json:"waiting"`
	// OldestInFlight is for how long the longest running handler has been
	// running, in nanoseconds.
	OldestInFlight time.Duration `json:"oldest_in_flight"`
	// Stuck counts handlers beyond their timeout, Abandoned those that were
	// given up and have not returned.
	Stuck     int `json:"stuck"`
	Abandoned int `json:"abandoned"`
	// LettersFailing counts keys that wait because their dead letter cannot be
	// written.
	LettersFailing int `json:"letters_failing"`
	// Breaker is closed, half-open or open.
	Breaker string `json:"breaker"`
}
