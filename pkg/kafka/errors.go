package kafka

import (
	"errors"
	"fmt"

	"github.com/IBM/sarama"
)

// What callers branch on. Each is wrapped with the item it is about.
var (
	// ErrUnreachable is no broker answering; a [*ConnectError] says where and why.
	ErrUnreachable = errors.New("cluster not reachable")
	// ErrNotPermitted is a failed authentication or a missing ACL.
	ErrNotPermitted = errors.New("not permitted")
	// ErrClusterMismatch is another cluster than the pinned one.
	ErrClusterMismatch = errors.New("cluster id differs from the pinned one")
	// ErrUnknownTopic is a topic or partition that the cluster does not have.
	ErrUnknownTopic = errors.New("no such topic or partition")
	// ErrConfig is a client property that is unknown, malformed or contradicts another.
	ErrConfig = errors.New("invalid client configuration")
)

// marked is an error that also is a sentinel, without repeating its words.
type marked struct {
	sentinel error
	err      error
}

func (m *marked) Error() string   { return m.err.Error() }
func (m *marked) Unwrap() []error { return []error{m.err, m.sentinel} }

func mark(sentinel, err error) error { return &marked{sentinel, err} }

// Stage is a step of connecting to a broker.
type Stage string

// The stages, in order.
const (
	StageDNS         Stage = "DNS"
	StageTCP         Stage = "TCP"
	StageTLS         Stage = "TLS"
	StageSASL        Stage = "SASL"
	StageAPIVersions Stage = "ApiVersions"
	StageMetadata    Stage = "metadata"
)

// ConnectError says which address failed at which stage. It is
// [ErrUnreachable] unless the cause is a failed authentication.
type ConnectError struct {
	Addr  string
	Stage Stage
	// Hint is the next step for a person, empty when there is none.
	Hint string
	Err  error
}

func (e *ConnectError) Error() string {
	return fmt.Sprintf("connecting to %s: %v", e.Addr, e.Err)
}

// Unwrap gives the cause, and ErrUnreachable unless it is a refused login.
func (e *ConnectError) Unwrap() []error {
	if errors.Is(e.Err, ErrNotPermitted) {
		return []error{e.Err}
	}
	return []error{ErrUnreachable, e.Err}
}

// BrokerError is an error code that a broker answered with.
type BrokerError struct {
	Code    int16
	Name    string // as in Kafka's protocol guide, e.g. TOPIC_ALREADY_EXISTS
	Message string
}

func (e *BrokerError) Error() string { return e.Message }

// Is matches [ErrNotPermitted] and [ErrUnknownTopic] to the codes they stand for.
func (e *BrokerError) Is(target error) bool {
	switch sarama.KError(e.Code) {
	case sarama.ErrTopicAuthorizationFailed, sarama.ErrGroupAuthorizationFailed, sarama.ErrClusterAuthorizationFailed,
		sarama.ErrTransactionalIDAuthorizationFailed, sarama.ErrSASLAuthenticationFailed,
		sarama.ErrDelegationTokenAuthorizationFailed, sarama.ErrSecurityDisabled:
		return target == ErrNotPermitted
	case sarama.ErrUnknownTopicOrPartition, codeUnknownTopicID:
		return target == ErrUnknownTopic
	}
	return false
}
