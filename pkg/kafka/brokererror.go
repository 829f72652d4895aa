package kafka

import (
	"errors"
	"fmt"
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

func brokerError(code sarama.KError, detail string) *BrokerError {
	known, ok := lookupCode(int16(code))
	if !ok {
		known = errorCode{name: fmt.Sprintf("CODE_%d", code), message: fmt.Sprintf("broker answered with error code %d, which this client does not know", code)}
	}
	if detail != "" {
		known.message = detail
	}
	return &BrokerError{Code: int16(code), Name: known.name, Message: known.message}
}

// NewBrokerError gives the error for a code that a broker answered with, and
// nil for code 0. detail, where the broker sent one, replaces the standard text.
func NewBrokerError(code int16, detail string) error {
	if code == 0 {
		return nil
	}
	return brokerError(sarama.KError(code), detail)
}

// Translate turns an error of the protocol library into one of this package's:
// a broker's code becomes a [*BrokerError], a lost connection [ErrUnreachable].
// A [*ConnectError] inside comes out alone. Other errors come back as they are.
func Translate(err error) error {
	if err == nil {
		return nil
	}
	var be *BrokerError
	var ce *ConnectError
	switch {
	case errors.As(err, &be):
		return err
	case errors.As(err, &ce):
		return ce
	case isLoginFailure(err):
		return loginError(err)
	}
	var ke sarama.KError
	if errors.As(err, &ke) {
		return brokerError(ke, "")
	}
	if isConnectionLoss(err) {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return err
}

// isLoginFailure tells the one code that comes wrapped in a type which does
// not unwrap to it.
func isLoginFailure(err error) bool { return errors.Is(err, sarama.ErrSASLAuthenticationFailed) }

// loginError keeps the broker's own words about a login that it refused.
func loginError(err error) error {
	_, detail, found := strings.Cut(err.Error(), sarama.ErrSASLAuthenticationFailed.Error()+": ")
	if !found {
		detail = ""
	}
	return brokerError(sarama.ErrSASLAuthenticationFailed, strings.TrimSpace(detail))
}

// isCode tells whether err is the broker's answer of this code.
func isCode(err error, code sarama.KError) bool {
	var be *BrokerError
	return errors.Is(err, code) || errors.As(err, &be) && be.Code == int16(code)
}

// isConnectionLoss tells a connection that broke or never was from an answer.
func isConnectionLoss(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, sarama.ErrOutOfBrokers) || errors.Is(err, sarama.ErrNotConnected) ||
		errors.Is(err, sarama.ErrBrokerNotAvailable)
}
