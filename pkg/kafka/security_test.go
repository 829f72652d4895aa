package kafka_test

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/youmark/pkcs8"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// with joins properties; an empty value takes one away.
func with(props map[string]string, more ...string) map[string]string {
	out := map[string]string{}
	for name, value := range props {
		out[name] = value
	}
	for i := 0; i+1 < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}
	return out
}

func TestPropertiesThatDoNotGoTogether(t *testing.T) {
	t.Parallel()
	pki := newPKI(t)
	ssl := map[string]string{"security.protocol": "SSL"}
	sasl := map[string]string{"security.protocol": "SASL_PLAINTEXT"}
	oauth := with(sasl, "sasl.mechanism", "OAUTHBEARER")
	store, err := pkcs12.Modern.EncodeTrustStore([]*x509.Certificate{pki.authority}, "store-secret")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := pkcs12.Modern.Encode(pki.client.PrivateKey, pki.client.Leaf, []*x509.Certificate{pki.authority}, "store-secret")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		props map[string]string
		want  string
	}{
		{map[string]string{"security.protocl": "SSL"}, "security.protocl: unknown client property; did you mean security.protocol?"},
		{map[string]string{"security.protocol": "TLS"}, `security.protocol "TLS": want PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL`},
		{map[string]string{"request.timeout.ms": "1s"}, `request.timeout.ms "1s": want milliseconds from 1`},
		{map[string]string{"ssl.truststore.location": "x"}, "ssl.truststore.location is set but security.protocol is PLAINTEXT; use SSL or SASL_SSL"},
		{sasl, "security.protocol is SASL_PLAINTEXT but sasl.mechanism is not set; want PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"},
		{with(sasl, "sasl.mechanism", "GSSAPI"), "sasl.mechanism GSSAPI (Kerberos) is not supported; use PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"},
		{with(sasl, "sasl.jaas.config", "com.sun.security.auth.module.Krb5LoginModule required;"), "sasl.mechanism GSSAPI (Kerberos) is not supported; use PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"},
		{with(sasl, "sasl.mechanism", "PLAIN", "sasl.jaas.config", "a.ScramLoginModule required username=a password=b;"), "sasl.jaas.config: ScramLoginModule does not go with sasl.mechanism PLAIN"},
		{with(sasl, "sasl.mechanism", "PLAIN", "sasl.username", "a"), "sasl.mechanism PLAIN needs a username and a password: set sasl.jaas.config, or sasl.username and sasl.password"},
		{with(sasl, "sasl.mechanism", "PLAIN", "sasl.jaas.config", "hunter2"), "sasl.jaas.config: no control flag"},
		{with(sasl, "sasl.jaas.config", "a.PlainLoginModule required username=a password=b;", "sasl.username", "b"), "sasl.jaas.config and sasl.username are both set; keep one"},
		{oauth, "sasl.mechanism OAUTHBEARER needs sasl.oauthbearer.token.endpoint.url, an https: URL of a token endpoint or a file: URL of a token"},
		{with(oauth, "sasl.oauthbearer.token.endpoint.url", "http://idp.example/token"), "sasl.oauthbearer.token.endpoint.url: would send the client secret unencrypted to idp.example; use https"},
		{with(oauth, "sasl.oauthbearer.token.endpoint.url", "https://u:hunter2@idp.example/token"), "sasl.oauthbearer.token.endpoint.url: holds a user or password; set sasl.oauthbearer.client.credentials.client.id and sasl.oauthbearer.client.credentials.client.secret instead"},
		{with(ssl, "ssl.endpoint.identification.algorithm", "http"), `ssl.endpoint.identification.algorithm "http": want https, or nothing to leave the host name unchecked`},
		{with(ssl, "ssl.enabled.protocols", "TLSv1.1"), `ssl.enabled.protocols "TLSv1.1": want TLSv1.2 and TLSv1.3`},
		{with(ssl, "ssl.protocol", "SSLv3"), `ssl.protocol "SSLv3": want TLSv1.2 and TLSv1.3`},
		{with(ssl, "ssl.truststore.location", "testdata/openssl.p12", "ssl.truststore.password", "store-secret"), "not marked as trusted; make it with keytool -importcert, or name the PEM file"},
		{with(ssl, "ssl.truststore.certificates", "nothing"), "ssl.truststore.certificates: holds no PEM certificate"},
		{with(ssl, "ssl.keystore.key", pki.clientKey), "ssl.keystore.key and ssl.keystore.certificate.chain go together"},
		{with(ssl, "ssl.truststore.location", tempFile(t, "\xfe\xed\xfe\xed")), "which only Java reads; convert it with: keytool -importkeystore -srckeystore FILE -destkeystore FILE.p12 -deststoretype PKCS12"},
		{with(ssl, "ssl.truststore.location", tempFile(t, "hello")), "is neither PEM nor PKCS #12"},
		{with(ssl, "ssl.truststore.location", tempFile(t, pki.authorityPEM), "ssl.truststore.type", "PKCS12"), "is PEM but is declared PKCS12"},
		{with(ssl, "ssl.truststore.location", tempFile(t, string(store)), "ssl.truststore.password", "hunter2"), "wrong password (ssl.truststore.password)"},
		{with(ssl, "ssl.keystore.location", tempFile(t, string(keys)), "ssl.keystore.password", "hunter2"), "wrong password (ssl.keystore.password)"},
		{with(ssl, "ssl.keystore.location", tempFile(t, pki.clientChain+encryptedKey(t, pki))), "private key is encrypted; set ssl.key.password"},
		{with(ssl, "ssl.keystore.location", tempFile(t, pki.clientChain+encryptedKey(t, pki)), "ssl.key.password", "hunter2"), "private key: wrong password (ssl.key.password), or an encryption this client does not know"},
	} {
		_, err := kafka.Open(t.Context(), kafka.Config{Bootstrap: []string{"127.0.0.1:1"}, Properties: test.props})
		if !errors.Is(err, kafka.ErrConfig) || !strings.HasSuffix(err.Error(), test.want) {
			t.Errorf("%v\nerror %v\nwant  %s", test.props, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("error holds a secret: %v", err)
		}
	}
}

func encryptedKey(t *testing.T, p *pki) string {
	t.Helper()
	der, err := pkcs8.MarshalPrivateKey(p.client.PrivateKey, []byte("key-secret"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: der}))
}

func mutual(p *pki) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{p.server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: p.pool}
}

func TestStoresOfEveryKind(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	addr := kafkatest.Start(t, kfake.TLS(mutual(p)))
	store, err := pkcs12.Modern.EncodeTrustStore([]*x509.Certificate{p.authority}, "store-secret")
	if err != nil {
		t.Fatal(err)
	}
	// keytool's own encryption of before Java 17.
	keys, err := pkcs12.LegacyDES.WithRand(rand.Reader).Encode(p.client.PrivateKey, p.client.Leaf, []*x509.Certificate{p.authority}, "store-secret")
	if err != nil {
		t.Fatal(err)
	}
	pkcs := []string{"security.protocol", "SSL", "ssl.truststore.location", tempFile(t, string(store)), "ssl.truststore.password", "store-secret"}
	for name, props := range map[string]map[string]string{
		"PKCS #12": with(nil, append(pkcs, "ssl.keystore.location", tempFile(t, string(keys)), "ssl.keystore.password", "store-secret")...),
		"PKCS #12 said to be JKS": with(nil, append(pkcs, "ssl.truststore.type", "JKS",
			"ssl.keystore.location", tempFile(t, string(keys)), "ssl.keystore.password", "store-secret", "ssl.keystore.type", "JKS")...),
		"PEM files":        with(nil, "security.protocol", "SSL", "ssl.truststore.location", tempFile(t, p.authorityPEM), "ssl.keystore.location", tempFile(t, p.clientKey+p.clientChain)),
		"encrypted PEM":    with(trust(p), "ssl.keystore.location", tempFile(t, p.clientChain+encryptedKey(t, p)), "ssl.key.password", "key-secret"),
		"TLS 1.2 alone":    with(trust(p), "ssl.enabled.protocols", "TLSv1.2", "ssl.keystore.certificate.chain", p.clientChain, "ssl.keystore.key", p.clientKey),
		"TLS 1.2 and more": with(trust(p), "ssl.enabled.protocols", "TLSv1.2,TLSv1.3", "ssl.keystore.certificate.chain", p.clientChain, "ssl.keystore.key", p.clientKey),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := kafka.Open(t.Context(), kafka.Config{Bootstrap: []string{addr}, Properties: props})
			if err != nil {
				t.Fatal(err)
			}
			_ = c.Close()
		})
	}
}

func TestTokensComeFromTheEndpointOnce(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	var body atomic.Value
	idp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		id, secret, _ := r.BasicAuth()
		body.Store(fmt.Sprintf("%s %s %s %s", id, secret, r.FormValue("grant_type"), r.FormValue("scope")))
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/token", http.StatusTemporaryRedirect)
		case "/broken":
			w.WriteHeader(http.StatusBadGateway)
		case "/refused":
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":"invalid_client"}`)
		case "/empty":
			fmt.Fprint(w, `{}`)
		}
	}))
	t.Cleanup(idp.Close)
	for path, test := range map[string]struct {
		text      string
		permitted bool
	}{
		"/moved": {"answered 307 Temporary Redirect", true}, "/broken": {"answered 502 Bad Gateway", true},
		"/refused": {"refused the client credentials (401 Unauthorized invalid_client)", false}, "/empty": {"answered without an access_token", true},
	} {
		source := kafka.TokenSourceForTest(t, map[string]string{
			"sasl.oauthbearer.token.endpoint.url": idp.URL + path, "sasl.oauthbearer.client.credentials.client.id": "me",
			"sasl.oauthbearer.client.credentials.client.secret": "hunter2", "sasl.oauthbearer.scope": "kafka",
		})
		_, err := source(t.Context())
		if err == nil || !strings.HasSuffix(err.Error(), test.text) || strings.Contains(err.Error(), "hunter2") || errors.Is(err, kafka.ErrNotPermitted) == test.permitted {
			t.Errorf("%s: error %v, want %s", path, err, test.text)
		}
		if got := body.Load(); got != "me hunter2 client_credentials kafka" {
			t.Errorf("%s: sent %q", path, got)
		}
	}
	if asked.Load() != 4 {
		t.Errorf("asked %d times, want 4: a redirect must not be followed", asked.Load())
	}
}
