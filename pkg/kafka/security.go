package kafka

import (
	"crypto/tls"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// security is what the properties of a connection come to.
type security struct {
	protocol  string      // PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL
	tls       *tls.Config // nil without TLS
	mechanism string      // empty without SASL
	username  string
	password  string
	token     *tokenSource // for OAUTHBEARER

	clientID       string        // empty: not set
	requestTimeout time.Duration // 0: not set
	connectTimeout time.Duration // 0: not set
}

// The values of security.protocol and sasl.mechanism.
const (
	plaintext     = "PLAINTEXT"
	ssl           = "SSL"
	saslPlaintext = "SASL_PLAINTEXT"
	saslSSL       = "SASL_SSL"

	mechanismPlain    = "PLAIN"
	mechanismScram256 = "SCRAM-SHA-256"
	mechanismScram512 = "SCRAM-SHA-512"
	mechanismOAuth    = "OAUTHBEARER"
	mechanismKerberos = "GSSAPI"
)

// readSecurity checks the properties and reads the files they name.
func readSecurity(props map[string]string, warn func(string)) (security, error) {
	for _, name := range slices.Sorted(maps.Keys(props)) {
		if use, nearest := LookupProperty(name); use == PropertyUnknown {
			if nearest != "" {
				return security{}, mark(ErrConfig, fmt.Errorf("%s: unknown client property; did you mean %s?", name, nearest))
			}
			return security{}, mark(ErrConfig, fmt.Errorf("%s: unknown client property", name))
		}
	}
	s := security{protocol: plaintext, clientID: props[propClientID]}
	if p := props[propProtocol]; p != "" {
		s.protocol = strings.ToUpper(p)
	}
	var err error
	if s.requestTimeout, err = milliseconds(props, propRequestTimeout); err != nil {
		return security{}, err
	}
	if s.connectTimeout, err = milliseconds(props, propSetupTimeout); err != nil {
		return security{}, err
	}
	switch s.protocol {
	case plaintext, ssl, saslPlaintext, saslSSL:
	default:
		return security{}, mark(ErrConfig, fmt.Errorf("%s %q: want PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL", propProtocol, props[propProtocol]))
	}
	if err := s.checkProtocol(props); err != nil {
		return security{}, err
	}
	if s.encrypted() {
		if s.tls, err = readTLS(props, warn); err != nil {
			return security{}, mark(ErrConfig, fmt.Errorf("%w", err))
		}
	}
	if s.authenticated() {
		if err := s.readSASL(props, warn); err != nil {
			return security{}, mark(ErrConfig, fmt.Errorf("%w", err))
		}
	}
	return s, nil
}

func (s security) encrypted() bool     { return s.protocol == ssl || s.protocol == saslSSL }
func (s security) authenticated() bool { return s.protocol == saslPlaintext || s.protocol == saslSSL }

// checkProtocol refuses credentials that the protocol would silently leave
// unused: whoever sets a password expects it to be asked for.
func (s security) checkProtocol(props map[string]string) error {
	for _, name := range []string{propJAAS, propUsername, propPassword, propMechanism, propOAuthSecret} {
		if props[name] != "" && !s.authenticated() {
			return mark(ErrConfig, fmt.Errorf("%s is set but %s is %s; use SASL_SSL or SASL_PLAINTEXT", name, propProtocol, s.protocol))
		}
	}
	for _, name := range []string{propTruststore, propTruststoreCerts, propKeystore, propKeystoreKey} {
		if props[name] != "" && !s.encrypted() {
			return mark(ErrConfig, fmt.Errorf("%s is set but %s is %s; use SSL or SASL_SSL", name, propProtocol, s.protocol))
		}
	}
	return nil
}

// readSASL finds mechanism and credentials. Its errors hold no value.
func (s *security) readSASL(props map[string]string, warn func(string)) error {
	var entry jaasEntry
	if text := props[propJAAS]; text != "" {
		var err error
		if entry, err = parseJAAS(text); err != nil {
			return fmt.Errorf("%s: %w", propJAAS, err)
		}
	}
	s.mechanism = strings.ToUpper(props[propMechanism])
	if s.mechanism == "" {
		s.mechanism = mechanismOf(entry.module)
	}
	switch s.mechanism {
	case "":
		return fmt.Errorf("%s is %s but %s is not set; want PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER", propProtocol, s.protocol, propMechanism)
	case mechanismPlain, mechanismScram256, mechanismScram512, mechanismOAuth:
	case mechanismKerberos:
		return fmt.Errorf("%s GSSAPI (Kerberos) is not supported; use PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER", propMechanism)
	default:
		return fmt.Errorf("%s %q: want PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER", propMechanism, props[propMechanism])
	}
	if err := checkModule(entry.module, s.mechanism); err != nil {
		return err
	}
	if s.mechanism == mechanismOAuth {
		var err error
		s.token, err = newTokenSource(props, entry.options, warn)
		return err
	}
	if entry.options["tokenauth"] == "true" {
		return fmt.Errorf("%s: tokenauth (delegation tokens) is not supported", propJAAS)
	}
	s.username, s.password = entry.options["username"], entry.options["password"]
	if entry.module == "" {
		s.username, s.password = props[propUsername], props[propPassword]
	} else if props[propUsername] != "" || props[propPassword] != "" {
		return fmt.Errorf("%s and %s are both set; keep one", propJAAS, propUsername)
	}
	if s.username == "" || s.password == "" {
		return fmt.Errorf("%s %s needs a username and a password: set %s, or %s and %s", propMechanism, s.mechanism, propJAAS, propUsername, propPassword)
	}
	return nil
}

// mechanismOf is what a login module leaves no choice about.
func mechanismOf(module string) string {
	switch module {
	case modulePlain:
		return mechanismPlain
	case moduleOAuth:
		return mechanismOAuth
	case moduleKrb5:
		return mechanismKerberos
	}
	return ""
}

// checkModule refuses a login module that belongs to another mechanism.
func checkModule(module, mechanism string) error {
	var fits bool
	switch module {
	case "":
		return nil
	case moduleScram:
		fits = mechanism == mechanismScram256 || mechanism == mechanismScram512
	case modulePlain, moduleOAuth, moduleKrb5:
		fits = mechanismOf(module) == mechanism
	default:
		return fmt.Errorf("%s: unknown login module; want %s, %s or %s", propJAAS, modulePlain, moduleScram, moduleOAuth)
	}
	if !fits {
		return fmt.Errorf("%s: %s does not go with %s %s", propJAAS, module, propMechanism, mechanism)
	}
	return nil
}

func milliseconds(props map[string]string, name string) (time.Duration, error) {
	text := props[name]
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n <= 0 {
		return 0, mark(ErrConfig, fmt.Errorf("%s %q: want milliseconds from 1", name, text))
	}
	return time.Duration(n) * time.Millisecond, nil
}
