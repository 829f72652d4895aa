package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// Causes that a peer on the far side of a connection leaves to be found out.
var (
	errSpeaksTLS   = errors.New("the port speaks TLS, the client does not")
	errSpeaksPlain = errors.New("the port speaks Kafka without TLS")
	errSpeaksHTTP  = fmt.Errorf("%w but an HTTP server", errNotKafka)
	errHangUp      = errors.New("closed the connection")
)

// failure says in a person's words why connecting to addr failed at stage.
func (d *dialer) failure(addr string, stage Stage, err error) error {
	var ce *ConnectError
	if errors.As(err, &ce) {
		return ce
	}
	text, hint := d.cause(addr, stage, err)
	if text == "" {
		text = err.Error()
	}
	if text == hungUp(stage) {
		err = errors.Join(errHangUp, err)
	}
	return &ConnectError{Addr: addr, Stage: stage, Hint: hint, Err: &connectCause{text: text, err: err}}
}

// connectCause is a cause in plain words over the error it came from. It is
// also net.ErrClosed, which makes the protocol library give the connection up
// at once rather than wait for it again.
type connectCause struct {
	text string
	err  error
}

func (c *connectCause) Error() string   { return c.text }
func (c *connectCause) Unwrap() []error { return []error{c.err, net.ErrClosed} }

// cause tells the text and the next step. An empty text leaves the error's own.
func (d *dialer) cause(addr string, stage Stage, err error) (text, hint string) {
	if text, hint := d.certificateCause(err); text != "" {
		return text, hint
	}
	if text, hint := d.alertCause(err); text != "" {
		return text, hint
	}
	var dns *net.DNSError
	var header tls.RecordHeaderError
	host, _, _ := net.SplitHostPort(addr)
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Sprintf("unknown host %s", host), "check the spelling, and that this network (or its VPN) knows the name"
	case errors.As(err, &dns):
		return fmt.Sprintf("looking up %s: the name server does not answer", host), "check the network"
	case isTimeout(err):
		return d.timeoutCause(stage)
	case isRefused(err):
		return "connection refused", ""
	case isNoRoute(err):
		return "no route to the host", "check the address and the network (is a VPN down?)"
	case errors.Is(err, errSpeaksTLS):
		return errSpeaksTLS.Error(), "set security.protocol to " + d.withTLS(true)
	case errors.Is(err, errSpeaksPlain), errors.As(err, &header):
		return errSpeaksPlain.Error(), "set security.protocol to " + d.withTLS(false)
	case errors.Is(err, errNotKafka):
		return err.Error(), "check the port; Kafka's is usually 9092"
	case isClosed(err):
		return hungUp(stage), ""
	}
	return "", ""
}

func hungUp(stage Stage) string { return fmt.Sprintf("%v (%s)", errHangUp, stage) }

func (d *dialer) timeoutCause(stage Stage) (text, hint string) {
	text = fmt.Sprintf("no answer in %s (%s)", short(d.timeout), stage)
	switch stage {
	case StageTCP:
		return text, "check the address, the firewall and the VPN"
	case StageTLS, StageAPIVersions:
		return text, "something listens there but does not answer as Kafka; check the port and security.protocol, or the broker hangs"
	}
	return text, ""
}

// certificateCause explains a broker's certificate that was not accepted.
func (d *dialer) certificateCause(err error) (text, hint string) {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		text = "the broker's certificate is signed by an authority that is not trusted"
		if unknown.Cert != nil && unknown.Cert.Issuer.String() != "" {
			text += fmt.Sprintf(" (%s)", unknown.Cert.Issuer)
		}
		if d.security.tls != nil && d.security.tls.RootCAs != nil {
			return text, "what ssl.truststore.location names has another one: get that authority's certificate from who runs the cluster"
		}
		return text, "name the authority's certificate: -X ssl.truststore.location=ca.pem"
	case errors.As(err, &name):
		return fmt.Sprintf("the broker's certificate is for %s, not for %s", certificateNames(name.Certificate), name.Host),
			"connect by a name in the certificate, or check that this is the right broker"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil:
		if now := time.Now(); now.Before(invalid.Cert.NotBefore) {
			return fmt.Sprintf("the broker's certificate is not valid before %s", invalid.Cert.NotBefore.UTC().Format(time.RFC3339)), "check this machine's clock"
		}
		return fmt.Sprintf("the broker's certificate expired on %s", invalid.Cert.NotAfter.UTC().Format(time.RFC3339)), "the broker needs a new certificate"
	case errors.As(err, &invalid):
		return "the broker's certificate is not valid: " + strings.TrimPrefix(invalid.Error(), "x509: "), ""
	}
	return "", ""
}

func certificateNames(cert *x509.Certificate) string {
	names := cert.DNSNames
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "no name"
	}
	return strings.Join(names, ", ")
}

// alertCause explains a TLS alert from the broker: what it did not like about
// this client. The standard library gives alerts a text but no type.
func (d *dialer) alertCause(err error) (text, hint string) {
	_, alert, found := strings.Cut(err.Error(), "remote error: tls: ")
	if !found {
		return "", ""
	}
	own := d.security.tls != nil && len(d.security.tls.Certificates) > 0
	switch {
	case !own && (strings.HasPrefix(alert, "certificate required") || strings.HasPrefix(alert, "bad certificate") || strings.HasPrefix(alert, "handshake failure")):
		return "the broker wants a client certificate", "name one: -X ssl.keystore.location=client.pem (certificate and key)"
	case strings.HasPrefix(alert, "unknown certificate"), strings.HasPrefix(alert, "bad certificate"), strings.HasPrefix(alert, "certificate required"):
		return "the broker does not accept this client's certificate (" + alert + ")", "check which authority the broker trusts: its ssl.truststore"
	}
	return "the broker ended the TLS handshake: " + alert, ""
}

// withTLS names the security protocol with or without TLS and the same login.
func (d *dialer) withTLS(on bool) string {
	switch {
	case on && d.security.authenticated():
		return saslSSL
	case on:
		return ssl
	case d.security.authenticated():
		return saslPlaintext
	}
	return plaintext
}

// advertisedFailure is a broker that is not reachable where the cluster says it is.
func advertisedFailure(bootstrap, addr string, err error) error {
	var ce *ConnectError
	if !errors.As(err, &ce) {
		return err
	}
	return &ConnectError{
		Addr: addr, Stage: ce.Stage, Err: fmt.Errorf("%w (the cluster answers at %s and advertises this address)", ce.Err, bootstrap),
		Hint: "the broker is down, or its advertised.listeners names an address that does not lead there from this machine",
	}
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &ne) && ne.Timeout()
}

// Windows has numbers of its own for these, which the portable names do not match.
func isRefused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.Errno(10061))
}

func isNoRoute(err error) bool {
	return errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH) ||
		errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.Errno(10051)) || errors.Is(err, syscall.Errno(10065))
}

func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.Errno(10054))
}

// short writes a duration as a person does: 10s, 1m30s, 500ms.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	return text
}
