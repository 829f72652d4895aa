// Package registry talks to a schema registry through Confluent's REST API, as
// Confluent's own, Apicurio (below /apis/ccompat/v7), the embedded one and most
// others have it, and reads and writes records framed with a schema's id.
//
// Start with [Open]; [NewDecoder] turns framed values into JSON, [NewEncoder]
// frames them.
//
// # Failures
//
// A registry's own answer is an [*Error]; [ErrNotFound], [ErrIncompatible] and
// the others match what callers branch on. Lost connections and answers of 5xx
// or 429 are tried again, at the next address first. A request that was sent
// again may have been carried out twice: registering is idempotent, and a
// deletion that finds nothing on a second try counts as done.
package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/multi-tenant/manage-kafka/internal/regschema"
)

const (
	// DefaultTimeout bounds one request, DefaultRetries how often it is sent again.
	DefaultTimeout = 10 * time.Second
	DefaultRetries = 3
	// maxAnswer bounds the body of an answer, in bytes.
	maxAnswer = 16 << 20
	// maxPause is the longest wait between two tries.
	maxPause = 5 * time.Second
)

// Config says where a registry is and who we are. Only URLs is needed.
type Config struct {
	// URLs are the addresses of one registry, tried in turn. A path before the
	// API is part of them. Credentials in them are refused: they would end up in
	// logs and process lists.
	URLs []string
	// BasicAuth is user:password.
	BasicAuth string
	// BearerToken is sent as it is. Only one of the two can be set.
	BearerToken string
	// CA, ClientCert and ClientKey are PEM. CA replaces the system's roots.
	CA, ClientCert, ClientKey []byte
	// Timeout bounds one request; default [DefaultTimeout].
	Timeout time.Duration
	// Retries is how often a request is sent again: 0 for [DefaultRetries],
	// negative for never.
	Retries int
}

// Client talks to one registry. Many goroutines can use it at once.
type Client struct {
	urls    []*url.URL
	first   atomic.Int64 // the address that answered last
	http    *http.Client
	cfg     Config
	timeout time.Duration
	retries int
	pause   func(ctx context.Context, d time.Duration) error
}

// Open prepares a client; nothing is sent. Close it at the end.
func Open(cfg Config) (*Client, error) {
	c := &Client{cfg: cfg, timeout: cfg.Timeout, retries: cfg.Retries, pause: wait}
	if c.timeout <= 0 {
		c.timeout = DefaultTimeout
	}
	switch {
	case c.retries == 0:
		c.retries = DefaultRetries
	case c.retries < 0:
		c.retries = 0
	}
	if cfg.BasicAuth != "" && cfg.BearerToken != "" {
		return nil, errors.New("schema registry: basic and bearer authentication exclude each other")
	}
	if cfg.BasicAuth != "" && !strings.Contains(cfg.BasicAuth, ":") {
		return nil, errors.New("schema registry: basic authentication: want user:password")
	}
	if strings.ContainsAny(cfg.BearerToken, "\r\n") {
		return nil, errors.New("schema registry: bearer token has a line break")
	}
	for _, raw := range cfg.URLs {
		u, err := parseURL(raw)
		if err != nil {
			return nil, err
		}
		c.urls = append(c.urls, u)
	}
	if len(c.urls) == 0 {
		return nil, errors.New("schema registry: no URL")
	}
	tlsConfig, err := cfg.tls()
	if err != nil {
		return nil, err
	}
	c.http = &http.Client{
		// A redirect could carry the credentials to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: tlsConfig, ForceAttemptHTTP2: true,
			DialContext:         (&net.Dialer{Timeout: c.timeout, KeepAlive: 30 * time.Second}).DialContext,
			TLSHandshakeTimeout: c.timeout, MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10,
		},
	}
	return c, nil
}

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// URL is the registry's first address, for messages.
func (c *Client) URL() string { return c.urls[0].String() }

// parseURL never repeats what it was given in an error: it may hold a password.
func parseURL(raw string) (*url.URL, error) {
	if !strings.Contains(raw, "://") {
		raw = "http://" + raw
	}
	u, err := url.Parse(strings.TrimRight(strings.TrimSpace(raw), "/"))
	switch {
	case err != nil:
		return nil, errors.New("schema registry: an address is not a URL")
	case u.User != nil:
		return nil, fmt.Errorf("schema registry %s: credentials in the URL; give them by a file or the environment", u.Host)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("schema registry %s: want http://host:port or https://host:port", u.Host)
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("schema registry %s: the URL has a query or a fragment", u.Host)
	}
	return u, nil
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func (c Config) tls() (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(c.CA) > 0 {
		roots, err := readRoots(c.CA)
		if err != nil {
			return nil, err
		}
		t.RootCAs = roots
	}
	if (len(c.ClientCert) > 0) != (len(c.ClientKey) > 0) {
		return nil, errors.New("schema registry: client certificate and key go together")
	}
	if len(c.ClientCert) > 0 {
		pair, err := tls.X509KeyPair(c.ClientCert, c.ClientKey)
		if err != nil {
			return nil, fmt.Errorf("schema registry: client certificate: %w", err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}

// A Schema is a schema as the registry keeps it. Which members are set depends
// on the request that answered with it.
type Schema struct {
	Subject    string                `json:"subject,omitempty"`
	Version    int                   `json:"version,omitempty"`
	ID         int                   `json:"id,omitempty"`
	Type       regschema.Type        `json:"schemaType,omitempty"`
	Text       string                `json:"schema"`
	References []regschema.Reference `json:"references,omitempty"`
}

// Latest stands for the newest version of a subject.
const Latest = -1

// The modes of a registry and its subjects.
const (
	ReadWrite = "READWRITE"
	ReadOnly  = "READONLY"
	Import    = "IMPORT"
)
