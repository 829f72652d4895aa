package realkafka

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"
)

// What a client of the token server says and what its tokens hold.
const (
	TokenClient   = "orders-service" // client id; also the token's subject
	TokenSecret   = "token-secret"
	tokenAudience = "kafka"
	tokenIssuer   = "manage-kafka-test"
	tokenKeyID    = "key-1"
)

// TokenServer issues and publishes what OAUTHBEARER needs, on loopback: OIDC
// client credentials against /token (RFC 6749, section 4.4) and the signing
// keys under /jwks (RFC 7517). Tokens are JWTs signed with RS256.
type TokenServer struct {
	http *httptest.Server
	key  *rsa.PrivateKey

	ttl    atomic.Int64 // nanoseconds
	issued atomic.Int64
}

// newTokenServer starts the server; tokens live an hour.
func newTokenServer() (*TokenServer, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	s := &TokenServer{key: key}
	s.SetLifetime(time.Hour)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /jwks", s.serveKeys)
	mux.HandleFunc("POST /token", s.serveToken)
	s.http = httptest.NewServer(mux)
	return s, nil
}

// TokenURL is the endpoint for client credentials.
func (s *TokenServer) TokenURL() string { return s.http.URL + "/token" }

// KeysURL is the endpoint of the signing keys.
func (s *TokenServer) KeysURL() string { return s.http.URL + "/jwks" }

// SetLifetime sets how long the tokens that are issued from now on are good.
func (s *TokenServer) SetLifetime(d time.Duration) { s.ttl.Store(int64(d)) }

// Issued returns how many tokens clients have fetched.
func (s *TokenServer) Issued() int { return int(s.issued.Load()) }

// Token returns a token for the subject that is good until now plus lifetime;
// a negative lifetime makes one that has expired.
func (s *TokenServer) Token(subject string, lifetime time.Duration) (string, error) {
	now := time.Now()
	claims := map[string]any{
		"iss": tokenIssuer, "aud": tokenAudience, "sub": subject, "scope": "kafka",
		"iat": now.Add(-time.Hour).Unix(), "exp": now.Add(lifetime).Unix(),
	}
	head, err := segment(map[string]any{"alg": "RS256", "typ": "JWT", "kid": tokenKeyID})
	if err != nil {
		return "", err
	}
	body, err := segment(claims)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(head + "." + body))
	sig, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", err
	}
	return head + "." + body + "." + base64.RawURLEncoding.EncodeToString(sig), nil
}

func (s *TokenServer) close() { s.http.Close() }

func (s *TokenServer) serveToken(w http.ResponseWriter, r *http.Request) {
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.FormValue("client_id"), r.FormValue("client_secret")
	}
	switch {
	case r.FormValue("grant_type") != "client_credentials":
		reply(w, http.StatusBadRequest, map[string]any{"error": "unsupported_grant_type"})
		return
	case id != TokenClient || secret != TokenSecret:
		reply(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	ttl := time.Duration(s.ttl.Load())
	token, err := s.Token(id, ttl)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	s.issued.Add(1)
	reply(w, http.StatusOK, map[string]any{
		"access_token": token, "token_type": "Bearer", "expires_in": int(ttl.Seconds()), "scope": "kafka",
	})
}

func (s *TokenServer) serveKeys(w http.ResponseWriter, _ *http.Request) {
	public := s.key.PublicKey
	reply(w, http.StatusOK, map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": tokenKeyID,
		"n": base64.RawURLEncoding.EncodeToString(public.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
	}}})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that hung up has no use for it
}

func segment(v any) (string, error) {
	data, err := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(data), err
}
