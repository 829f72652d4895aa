package kafka

import (
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/IBM/sarama"
)

// Codes that the protocol library does not name.
const (
	codeUnknownTopicID sarama.KError = 100
)

// codeText gives the name in Kafka's protocol guide and a plain message for
// the codes a person is likely to meet. The message of other codes is the
// protocol library's.
func codeText(code sarama.KError) (name, message string) {
	switch code {
	case sarama.ErrUnknownTopicOrPartition:
		return "UNKNOWN_TOPIC_OR_PARTITION", "no such topic or partition"
	case sarama.ErrTopicAlreadyExists:
		return "TOPIC_ALREADY_EXISTS", "topic already exists"
	case sarama.ErrInvalidTopic:
		return "INVALID_TOPIC_EXCEPTION", "invalid topic name"
	case sarama.ErrInvalidReplicationFactor:
		return "INVALID_REPLICATION_FACTOR", "replication factor is larger than the number of brokers, or below 1"
	case sarama.ErrInvalidPartitions:
		return "INVALID_PARTITIONS", "invalid number of partitions"
	case sarama.ErrInvalidConfig:
		return "INVALID_CONFIG", "invalid configuration"
	case sarama.ErrPolicyViolation:
		return "POLICY_VIOLATION", "refused by the cluster's policy"
	case sarama.ErrTopicAuthorizationFailed:
		return "TOPIC_AUTHORIZATION_FAILED", "not permitted on this topic"
	case sarama.ErrGroupAuthorizationFailed:
		return "GROUP_AUTHORIZATION_FAILED", "not permitted on this consumer group"
	case sarama.ErrClusterAuthorizationFailed:
		return "CLUSTER_AUTHORIZATION_FAILED", "not permitted on this cluster"
	case sarama.ErrTransactionalIDAuthorizationFailed:
		return "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", "not permitted on this transactional id"
	case sarama.ErrSASLAuthenticationFailed:
		return "SASL_AUTHENTICATION_FAILED", "authentication failed"
	case sarama.ErrMessageSizeTooLarge:
		return "MESSAGE_TOO_LARGE", "record is larger than the topic's max.message.bytes"
	case sarama.ErrNotLeaderForPartition:
		return "NOT_LEADER_OR_FOLLOWER", "broker is not the partition's leader"
	case sarama.ErrLeaderNotAvailable:
		return "LEADER_NOT_AVAILABLE", "partition has no leader"
	case sarama.ErrOffsetOutOfRange:
		return "OFFSET_OUT_OF_RANGE", "offset is outside the partition's log"
	case sarama.ErrNotEnoughReplicas:
		return "NOT_ENOUGH_REPLICAS", "fewer in-sync replicas than min.insync.replicas"
	case sarama.ErrNotEnoughReplicasAfterAppend:
		return "NOT_ENOUGH_REPLICAS_AFTER_APPEND", "fewer in-sync replicas than min.insync.replicas after the append"
	case sarama.ErrUnsupportedVersion:
		return "UNSUPPORTED_VERSION", "not supported by this broker's version"
	case sarama.ErrRequestTimedOut:
		return "REQUEST_TIMED_OUT", "broker timed out"
	case sarama.ErrGroupIDNotFound:
		return "GROUP_ID_NOT_FOUND", "no such consumer group"
	case sarama.ErrNonEmptyGroup:
		return "NON_EMPTY_GROUP", "consumer group has live members"
	case sarama.ErrProducerFenced:
		return "PRODUCER_FENCED", "fenced by a newer producer with the same transactional id"
	case sarama.ErrInvalidProducerEpoch:
		return "INVALID_PRODUCER_EPOCH", "producer epoch is older than the current one"
	case sarama.ErrInvalidRecord:
		return "INVALID_RECORD", "record refused by the broker (a compacted topic needs a key)"
	case sarama.ErrInvalidTimestamp:
		return "INVALID_TIMESTAMP", "timestamp is outside the range the topic accepts"
	case codeUnknownTopicID:
		return "UNKNOWN_TOPIC_ID", "no topic with this id"
	}
	return "", strings.TrimPrefix(code.Error(), "kafka server: ")
}

func brokerError(code sarama.KError, detail string) *BrokerError {
	name, message := codeText(code)
	if detail != "" {
		message = detail
	}
	return &BrokerError{Code: int16(code), Name: name, Message: message}
}

// NewBrokerError gives the error for a code that a broker answered with, and
// nil for code 0. detail, where the broker sent one, replaces the standard text.
func NewBrokerError(code int16, detail string) error {
	if code == 0 {
		return nil
	}
	return brokerError(sarama.KError(code), detail)
}

// isConnectionLoss tells a connection that broke or never was from an answer.
func isConnectionLoss(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, sarama.ErrOutOfBrokers) || errors.Is(err, sarama.ErrNotConnected) ||
		errors.Is(err, sarama.ErrBrokerNotAvailable)
}
