package kafka

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/multi-tenant/manage-kafka/internal/secretfile"
)

// tokenSource gets bearer tokens, from a file or from an identity provider
// with the client's credentials (RFC 6749, 4.4; KIP-768), and keeps one for
// four fifths of its life.
type tokenSource struct {
	endpoint   *url.URL
	clientID   string
	secret     string
	scope      string
	extensions map[string]string
	http       *http.Client
	warn       func(string)

	mu    sync.Mutex
	token string
	until time.Time
}

// maxTokenAnswer bounds what an identity provider may answer, in bytes.
const maxTokenAnswer = 1 << 20

func newTokenSource(props, options map[string]string, warn func(string)) (*tokenSource, error) {
	text := props[propTokenURL]
	if text == "" {
		return nil, fmt.Errorf("%s OAUTHBEARER needs %s, an https: URL of a token endpoint or a file: URL of a token", propMechanism, propTokenURL)
	}
	endpoint, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: not a URL", propTokenURL)
	}
	s := &tokenSource{
		endpoint: endpoint, warn: warn, extensions: map[string]string{},
		clientID: firstOf(props[propOAuthID], options["clientId"]),
		secret:   firstOf(props[propOAuthSecret], options["clientSecret"]),
		scope:    firstOf(props[propScope], options["scope"]),
	}
	for name, value := range options {
		if ext, ok := strings.CutPrefix(name, "extension_"); ok {
			s.extensions[ext] = value
		}
	}
	switch {
	case endpoint.Scheme == "file" && tokenFile(endpoint) != "":
		return s, nil
	case endpoint.User != nil:
		return nil, fmt.Errorf("%s: holds a user or password; set %s and %s instead", propTokenURL, propOAuthID, propOAuthSecret)
	case endpoint.Scheme == "http" && !loopback(endpoint.Hostname()):
		return nil, fmt.Errorf("%s: would send the client secret unencrypted to %s; use https", propTokenURL, endpoint.Host)
	case endpoint.Scheme != "http" && endpoint.Scheme != "https" || endpoint.Host == "":
		return nil, fmt.Errorf("%s: want an https: or file: URL", propTokenURL)
	case s.clientID == "" || s.secret == "":
		return nil, fmt.Errorf("%s OAUTHBEARER needs a client id and secret: set %s and %s, or clientId and clientSecret in %s",
			propMechanism, propOAuthID, propOAuthSecret, propJAAS)
	}
	roots, err := tokenRoots(props)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, TLSHandshakeTimeout: DefaultTimeout,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}}
	s.http = &http.Client{
		Transport: transport,
		// A redirect would carry the secret to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s, nil
}

// tokenRoots are the system's authorities and those of the trust store: the
// identity provider may have its certificate from either. nil is the system's.
func tokenRoots(props map[string]string) (*x509.CertPool, error) {
	own, err := trustedCertificates(props)
	if err != nil || own == nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a machine without any still has the store
	}
	for _, cert := range own {
		pool.AddCert(cert)
	}
	return pool, nil
}

// get returns a token that is still good for a while.
func (s *tokenSource) get(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.endpoint.Scheme == "file" {
		return s.fromFile()
	}
	if s.token != "" && time.Now().Before(s.until) {
		return s.token, nil
	}
	token, life, err := s.request(ctx)
	if err != nil {
		hint := "check " + propTokenURL
		if errors.Is(err, ErrNotPermitted) {
			hint = "check the client id, its secret and the scope"
		}
		return "", &ConnectError{Addr: "token endpoint " + s.endpoint.Host, Stage: StageSASL, Hint: hint, Err: err}
	}
	s.token, s.until = token, time.Now().Add(life*4/5)
	return token, nil
}

// tokenFile is the path that a file: URL names; on Windows those of a drive are
// file:///C:/path and file:C:\path.
func tokenFile(u *url.URL) string {
	if runtime.GOOS != "windows" {
		return u.Path
	}
	path := cmp.Or(u.Path, u.Opaque)
	if len(path) > 2 && path[0] == '/' && path[2] == ':' {
		path = path[1:]
	}
	return filepath.FromSlash(path)
}

// fromFile reads the token anew each time: whoever writes it renews it.
func (s *tokenSource) fromFile() (string, error) {
	path := tokenFile(s.endpoint)
	body, err := secretfile.Read(path, s.warn)
	if err != nil {
		return "", mark(ErrConfig, fmt.Errorf("%s: %w", propTokenURL, err))
	}
	s.warn = nil
	token := strings.TrimSpace(string(body))
	if token == "" || strings.ContainsAny(token, " \t\r\n\x00\x01") {
		return "", mark(ErrConfig, fmt.Errorf("%s: %s holds no bearer token", propTokenURL, path))
	}
	return token, nil
}

func (s *tokenSource) request(ctx context.Context) (string, time.Duration, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if s.scope != "" {
		form.Set("scope", s.scope)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoint.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, errors.New("not a URL")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	req.SetBasicAuth(s.clientID, s.secret)
	res, err := s.http.Do(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return "", 0, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxTokenAnswer))
	if err != nil {
		return "", 0, err
	}
	var answer struct {
		Token       string      `json:"access_token"`
		Expires     json.Number `json:"expires_in"`
		Error       string      `json:"error"`
		Description string      `json:"error_description"`
	}
	jsonErr := json.Unmarshal(body, &answer)
	switch {
	case res.StatusCode == http.StatusBadRequest, res.StatusCode == http.StatusUnauthorized, res.StatusCode == http.StatusForbidden:
		return "", 0, mark(ErrNotPermitted, fmt.Errorf("refused the client credentials (%s)", strings.TrimSpace(res.Status+" "+answer.Error+" "+answer.Description)))
	case res.StatusCode != http.StatusOK:
		return "", 0, fmt.Errorf("answered %s", res.Status)
	case jsonErr != nil || answer.Token == "":
		return "", 0, errors.New("answered without an access_token")
	}
	return answer.Token, tokenLife(answer.Token, answer.Expires), nil
}

// tokenLife goes by expires_in, else by the token's own exp claim; a token
// that tells neither is asked for anew each time.
func tokenLife(token string, expires json.Number) time.Duration {
	if n, err := expires.Int64(); err == nil && n > 0 {
		return time.Duration(min(n, 24*60*60)) * time.Second
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return 0
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Exp float64 `json:"exp"`
	}
	if err != nil || json.Unmarshal(body, &claims) != nil {
		return 0
	}
	return max(0, min(24*time.Hour, time.Until(time.Unix(int64(claims.Exp), 0))))
}

// boundTokens gives the protocol library tokens for as long as the client lives.
type boundTokens struct {
	ctx     context.Context
	timeout time.Duration
	source  *tokenSource
}

// Token implements sarama.AccessTokenProvider.
func (t boundTokens) Token() (*sarama.AccessToken, error) {
	ctx, cancel := context.WithTimeout(t.ctx, t.timeout)
	defer cancel()
	token, err := t.source.get(ctx)
	if err != nil {
		return nil, err
	}
	return &sarama.AccessToken{Token: token, Extensions: t.source.extensions}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
