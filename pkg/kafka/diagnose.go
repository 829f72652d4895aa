package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

// diagnoseFor bounds a second look at an address that failed.
const diagnoseFor = 2 * time.Second

// explain makes one error of those of every bootstrap address. A single
// address gets a second look where what happened has more than one cause.
func (d *dialer) explain(addrs []string, errs []error) error {
	failures := make([]*ConnectError, 0, len(errs))
	for i, err := range errs {
		ce := &ConnectError{}
		switch {
		case errors.As(err, &ce):
		case err == nil:
			ce = &ConnectError{Addr: addrs[i], Stage: StageTCP, Err: fmt.Errorf("no answer in %s", short(d.timeout))}
		default:
			return err
		}
		failures = append(failures, d.secondLook(ce))
	}
	// The one that came furthest says most; its hint is the one to follow.
	furthest := slices.MaxFunc(failures, func(a, b *ConnectError) int { return stageOrder(a.Stage) - stageOrder(b.Stage) })
	same := !slices.ContainsFunc(failures, func(f *ConnectError) bool { return f.Err.Error() != furthest.Err.Error() })
	if same {
		return &ConnectError{Addr: strings.Join(addrs, ","), Stage: furthest.Stage, Hint: furthest.Hint, Err: furthest.Err}
	}
	parts := make([]string, len(failures))
	for i, f := range failures {
		parts[i] = fmt.Sprintf("%s: %v", f.Addr, f.Err)
	}
	return &ConnectError{
		Addr: fmt.Sprintf("any of %d addresses", len(addrs)), Stage: furthest.Stage, Hint: furthest.Hint,
		Err: &connectCause{text: strings.Join(parts, "; "), err: furthest.Err},
	}
}

func stageOrder(s Stage) int {
	return slices.Index([]Stage{StageDNS, StageTCP, StageTLS, StageSASL, StageAPIVersions, StageMetadata}, s)
}

// secondLook finds out whether a connection was closed because one side
// expects TLS and the other does not: neither side is told. And whether what
// listens without answering waits for HTTP.
func (d *dialer) secondLook(ce *ConnectError) *ConnectError {
	var err error
	switch {
	case errors.Is(ce.Err, errNotKafka), errors.Is(ce.Err, errSpeaksTLS):
	case isTimeout(ce.Err):
		if ce.Stage == StageAPIVersions && d.speaksHTTP(ce.Addr) {
			err = d.failure(ce.Addr, ce.Stage, errSpeaksHTTP)
		}
	case !isClosed(ce.Err):
	case ce.Stage == StageTLS && d.speaksPlain(ce.Addr):
		err = d.failure(ce.Addr, ce.Stage, errSpeaksPlain)
	case ce.Stage == StageAPIVersions && d.security.tls == nil && d.speaksTLS(ce.Addr):
		err = d.failure(ce.Addr, ce.Stage, errSpeaksTLS)
	}
	var better *ConnectError
	if errors.As(err, &better) {
		return better
	}
	return ce
}

// plain is this dialer without TLS and login, for a short look.
func (d *dialer) plain() *dialer {
	return &dialer{ctx: d.ctx, timeout: diagnoseFor, clientID: d.clientID, stages: newStages(nil)}
}

func (d *dialer) speaksPlain(addr string) bool {
	p, err := d.plain().probe(d.ctx, addr)
	if err != nil {
		return false
	}
	_ = p.conn.Close()
	return true
}

func (d *dialer) speaksTLS(addr string) bool {
	conn, err := d.plain().connect(d.ctx, addr)
	if err != nil {
		return false
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(d.ctx, diagnoseFor)
	defer cancel()
	// Only whether the port answers in TLS is of interest here; no secret and
	// no request goes over this connection.
	err = tls.Client(conn.Conn, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10}).HandshakeContext(ctx)
	return err == nil || strings.Contains(err.Error(), "remote error: tls: ")
}

func (d *dialer) speaksHTTP(addr string) bool {
	conn, err := d.connect(d.ctx, addr)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.Conn.SetDeadline(time.Now().Add(diagnoseFor / 4))
	head := make([]byte, len("HTTP/"))
	if _, err = io.WriteString(conn.Conn, "HEAD / HTTP/1.0\r\n\r\n"); err == nil {
		_, err = io.ReadFull(conn.Conn, head)
	}
	return err == nil && string(head) == "HTTP/"
}

// mechanisms asks addr on a fresh connection which SASL mechanisms it offers.
// It is empty where it has none, or does not say.
func (d *dialer) mechanisms(addr string) []string {
	conn, err := d.connect(d.ctx, addr)
	if err != nil {
		return nil
	}
	defer conn.Close()
	_ = conn.Conn.SetDeadline(time.Now().Add(diagnoseFor))
	if _, err := askVersions(conn, d.clientID); err != nil {
		return nil
	}
	names, err := askMechanisms(conn, d.clientID)
	if err != nil {
		return nil
	}
	return names
}

// explainLogin tells why the first request after connecting failed.
func (d *dialer) explainLogin(addr string, err error) error {
	wrap := func(stage Stage, hint string, cause error) error {
		return &ConnectError{Addr: addr, Stage: stage, Hint: hint, Err: cause}
	}
	var ce *ConnectError
	explained := errors.As(err, &ce) && !errors.Is(err, errHangUp)
	switch {
	case isCode(err, sarama.ErrUnsupportedSASLMechanism):
		text := fmt.Sprintf("the broker does not offer SASL mechanism %s", d.security.mechanism)
		if offered := d.mechanisms(addr); len(offered) > 0 {
			return wrap(StageSASL, "set sasl.mechanism to what it offers",
				mark(ErrNotPermitted, fmt.Errorf("%s, it offers %s", text, strings.Join(offered, ", "))))
		}
		return wrap(StageSASL, "set sasl.mechanism to what the broker's sasl.enabled.mechanisms lists", mark(ErrNotPermitted, fmt.Errorf("%s", text)))
	case isCode(err, sarama.ErrSASLAuthenticationFailed):
		hint := "check the username and the password"
		if d.security.mechanism == mechanismOAuth {
			hint = "check the token: who issued it, for whom, and until when"
		}
		return wrap(StageSASL, hint, err)
	case isCode(err, sarama.ErrIllegalSASLState) && d.security.authenticated():
		return wrap(StageSASL, "set security.protocol to "+strings.TrimPrefix(d.security.protocol, "SASL_"), errors.New("the listener has no SASL login"))
	case errors.Is(err, errHangUp) && ce != nil && ce.Stage == StageSASL:
		// Brokers before 1.0, and some that stand in for one, say no more.
		return wrap(StageSASL, "check the username and the password", mark(ErrNotPermitted, errors.New("the broker hung up during the login")))
	case !explained && isClosed(err) && !d.security.authenticated():
		if offered := d.mechanisms(addr); len(offered) > 0 {
			return wrap(StageSASL, fmt.Sprintf("set security.protocol to SASL_%s, sasl.mechanism and the credentials", d.security.protocol),
				mark(ErrNotPermitted, fmt.Errorf("the listener wants a SASL login and offers %s", strings.Join(offered, ", "))))
		}
	}
	if ce != nil || errors.Is(err, ErrConfig) {
		return err
	}
	if errors.Is(err, ErrUnreachable) {
		return wrap(StageMetadata, "", fmt.Errorf("closed the connection: %w", err))
	}
	return wrap(StageSASL, "", err)
}
