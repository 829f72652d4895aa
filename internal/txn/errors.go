package txn

import (
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// ErrOffsetsRefused is a broker that does not take the group's offsets, mostly
// for want of the right to read the group (then it is [kafka.ErrNotPermitted]
// too). The transaction was aborted; without offsets it may pass.
var ErrOffsetsRefused = errors.New("group offsets refused")

// errClosed is a call after Close.
var errClosed = errors.New("transactional producer is closed")

// RejectedError is a record that the broker does not take, such as
// MESSAGE_TOO_LARGE, INVALID_RECORD or INVALID_TIMESTAMP. The transaction was
// aborted and the Producer goes on.
type RejectedError struct {
	Index int // of the record in [Write.Records]
	Err   error
}

// Error says which record it is and why it was rejected.
func (e *RejectedError) Error() string { return fmt.Sprintf("record %d rejected: %v", e.Index, e.Err) }

// Unwrap gives the broker's reason.
func (e *RejectedError) Unwrap() error { return e.Err }

// TopicError is a topic that does not take records, because it does not exist
// or the user has no right to write to it. The transaction was aborted and the
// Producer goes on; without that topic it may pass.
type TopicError struct {
	Topic string // one of them, where there are more
	Err   error
}

// Error says what is wrong with it.
func (e *TopicError) Error() string { return e.Err.Error() }

// Unwrap gives the cause, [kafka.ErrUnknownTopic] or [kafka.ErrNotPermitted].
func (e *TopicError) Unwrap() error { return e.Err }

// topicError names the topic where the error is about it and nothing else.
func topicError(topic string, err error) error {
	if topic != "" && (errors.Is(err, kafka.ErrUnknownTopic) || errors.Is(err, kafka.ErrNotPermitted)) {
		return &TopicError{Topic: topic, Err: err}
	}
	return err
}

// LostError is the end of a Producer: nothing may be sent under its epoch any
// more. Acquire the id anew, read what was committed, and go on from there.
type LostError struct {
	// Fenced: the broker knows a newer epoch, because another took the id over,
	// the transaction outlived its timeout, or a late InitProducerId of ours
	// arrived. The broker tells all three the same.
	Fenced bool
	// Unknown: the commit may have happened.
	Unknown bool
	Err     error
}

// Error says what became of the transaction and why.
func (e *LostError) Error() string {
	switch {
	case e.Unknown:
		return fmt.Sprintf("commit not confirmed: %v", e.Err)
	case e.Fenced:
		return fmt.Sprintf("fenced: %v", e.Err)
	}
	return fmt.Sprintf("transaction given up: %v", e.Err)
}

// Unwrap gives the cause.
func (e *LostError) Unwrap() error { return e.Err }

// codeAbortable asks for an abort (KIP-890); the protocol library has no name for it.
const codeAbortable sarama.KError = 120

// fences tells the codes of a producer whose epoch is no longer the current one.
func fences(code sarama.KError) bool {
	switch code {
	case sarama.ErrInvalidProducerEpoch, sarama.ErrProducerFenced:
		return true
	}
	return false
}

// ends tells the codes after which the producer's state at the broker is not
// the one it believes in.
func ends(code sarama.KError) bool {
	switch code {
	case sarama.ErrInvalidTxnState, sarama.ErrInvalidProducerIDMapping, sarama.ErrUnknownProducerID,
		sarama.ErrOutOfOrderSequenceNumber, sarama.ErrRequestTimedOut, sarama.ErrTransactionCoordinatorFenced:
		return true
	}
	return false
}

// waits tells the codes of a coordinator that is not ready. Where it has moved
// or lost its log, it may have written down what was asked all the same.
func waits(code sarama.KError) (again, mayHaveDone bool) {
	switch code {
	case sarama.ErrConcurrentTransactions, sarama.ErrOffsetsLoadInProgress, sarama.ErrThrottlingQuotaExceeded:
		return true, false
	case sarama.ErrNotCoordinatorForConsumer, sarama.ErrConsumerCoordinatorNotAvailable:
		return true, true
	}
	return false, false
}

// refusal tells the codes by which a broker refuses a batch for its records.
func refusal(code sarama.KError) bool {
	switch code {
	case sarama.ErrMessageSizeTooLarge, sarama.ErrMessageSetSizeTooLarge, sarama.ErrInvalidRecord,
		sarama.ErrInvalidTimestamp, sarama.ErrUnsupportedForMessageFormat:
		return true
	}
	return false
}

// unplaced tells the codes of a partition that does not take a batch for the
// moment. mayHaveTaken: it may be in the log all the same.
func unplaced(code sarama.KError) (again, mayHaveTaken bool) {
	switch code {
	case sarama.ErrLeaderNotAvailable, sarama.ErrUnknownTopicOrPartition, sarama.ErrNotEnoughReplicas,
		sarama.ErrFencedLeaderEpoch, sarama.ErrUnknownLeaderEpoch, sarama.ErrReplicaNotAvailable,
		sarama.ErrThrottlingQuotaExceeded, sarama.ErrInvalidMessage, sarama.ErrConcurrentTransactions:
		return true, false
	case sarama.ErrNotLeaderForPartition, sarama.ErrNotEnoughReplicasAfterAppend, sarama.ErrKafkaStorageError:
		return true, true
	}
	return false, false
}

// detailed is a code's error with what the broker said about it.
func detailed(code sarama.KError, detail *string) error {
	err := kafka.NewBrokerError(int16(code), "")
	if detail == nil || *detail == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, *detail)
}
