package kafka_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/multi-tenant/manage-kafka/internal/kafkatest"
	"github.com/multi-tenant/manage-kafka/pkg/kafka"
)

// listen runs serve for every connection to a loopback port.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	return l.Addr().String()
}

// silent accepts, reads and never answers.
func silent(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// closedPort is a port that nothing listens on.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func saslBroker(t *testing.T, opts ...kfake.Opt) string {
	return kafkatest.Start(t, append([]kfake.Opt{
		kfake.EnableSASL(), kfake.Superuser("PLAIN", "alice", "alice-secret"), kfake.Superuser("SCRAM-SHA-256", "alice", "alice-secret"),
		kfake.Superuser("SCRAM-SHA-512", "bob", "bob-secret"),
	}, opts...)...)
}

func login(protocol, mechanism, username, password string) map[string]string {
	return map[string]string{"security.protocol": protocol, "sasl.mechanism": mechanism, "sasl.username": username, "sasl.password": password}
}

func TestOpenTellsWhatWentWrong(t *testing.T) {
	t.Parallel()
	pki := newPKI(t)
	plain := kafkatest.Start(t)
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	tlsOf := func(cert tls.Certificate) string {
		return kafkatest.Start(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{cert}}))
	}
	for _, test := range []struct {
		name      string
		addr      string
		props     map[string]string
		stage     kafka.Stage
		text      string
		hint      string
		permitted bool // false: ErrNotPermitted
	}{
		{"refused", closedPort(t), nil, kafka.StageTCP, "connection refused", "", true},
		{"unknown host", "no-such-host.invalid:9092", nil, kafka.StageDNS, "unknown host no-such-host.invalid", "check the spelling", true},
		{"a web server", web.Listener.Addr().String(), nil, kafka.StageAPIVersions, "not a Kafka broker but an HTTP server", "check the port", true},
		{"a hasty web server", listen(t, func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") }), nil, kafka.StageAPIVersions, "not a Kafka broker but an HTTP server", "check the port", true},
		{"silence", listen(t, silent), nil, kafka.StageAPIVersions, "no answer in 400ms (ApiVersions)", "", true},
		{"silence for TLS", listen(t, silent), map[string]string{"security.protocol": "SSL"}, kafka.StageTLS, "no answer in 400ms (TLS)", "", true},
		{"hangs up", listen(t, func(c net.Conn) { _ = c.Close() }), nil, kafka.StageAPIVersions, "closed the connection", "", true},
		{"TLS to a plain port", listen(t, kafkaSlammingTLS(plain)), map[string]string{"security.protocol": "SSL"}, kafka.StageTLS, "the port speaks Kafka without TLS", "set security.protocol to PLAINTEXT", true},
		{"plain to a TLS port", tlsOf(pki.server), nil, kafka.StageAPIVersions, "the port speaks TLS", "set security.protocol to SSL", true},
		{"unknown authority", tlsOf(pki.server), map[string]string{"security.protocol": "SSL"}, kafka.StageTLS, "signed by an authority that is not trusted (CN=test authority)", "-X ssl.truststore.location=", true},
		{"another authority", tlsOf(pki.server), trust(newPKI(t)), kafka.StageTLS, "signed by an authority that is not trusted (CN=test authority)", "what ssl.truststore.location names has another one", true},
		{"other name", tlsOf(pki.otherName), trust(pki), kafka.StageTLS, "the broker's certificate is for kafka.example, not for 127.0.0.1", "connect by a name in the certificate", true},
		{"expired", tlsOf(pki.expired), trust(pki), kafka.StageTLS, "the broker's certificate expired on 2001-01-01T00:00:00Z", "the broker needs a new certificate", true},
		{"client certificate wanted", kafkatest.Start(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pki.server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pki.pool})),
			trust(pki), kafka.StageAPIVersions, "the broker wants a client certificate", "-X ssl.keystore.location=", true},
		{"login wanted", saslBroker(t), nil, kafka.StageSASL, "the listener wants a SASL login and offers PLAIN, SCRAM-SHA-256, SCRAM-SHA-512", "set security.protocol to SASL_PLAINTEXT", false},
		{"other mechanism", saslBroker(t), map[string]string{"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "OAUTHBEARER", "sasl.oauthbearer.token.endpoint.url": "file:" + tempFile(t, "token")},
			kafka.StageSASL, "the broker does not offer SASL mechanism OAUTHBEARER, it offers PLAIN, SCRAM-SHA-256, SCRAM-SHA-512", "set sasl.mechanism", false},
		{"wrong password, PLAIN", saslBroker(t), login("SASL_PLAINTEXT", "PLAIN", "alice", "wrong-one"), kafka.StageSASL, "", "check the username and the password", false},
		{"wrong password, SCRAM", saslBroker(t), login("SASL_PLAINTEXT", "SCRAM-SHA-256", "alice", "wrong-one"), kafka.StageSASL, "", "check the username and the password", false},
		{"unknown user", saslBroker(t), login("SASL_PLAINTEXT", "SCRAM-SHA-512", "eve", "wrong-one"), kafka.StageSASL, "", "check the username and the password", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			timeout := 10 * time.Second
			if strings.HasPrefix(test.name, "silence") || test.name == "a web server" {
				timeout = 400 * time.Millisecond
			}
			began := time.Now()
			_, err := kafka.Open(t.Context(), kafka.Config{Bootstrap: []string{test.addr}, Properties: test.props, Timeout: timeout})
			var ce *kafka.ConnectError
			if !errors.As(err, &ce) {
				t.Fatalf("error %v, want a ConnectError", err)
			}
			if ce.Stage != test.stage || !strings.Contains(err.Error(), test.text) || !strings.HasPrefix(ce.Hint, test.hint) && !strings.Contains(ce.Hint, test.hint) {
				t.Errorf("stage %s, error %v\nhint %s\nwant stage %s, %q, %q", ce.Stage, err, ce.Hint, test.stage, test.text, test.hint)
			}
			if got := !errors.Is(err, kafka.ErrNotPermitted); got != test.permitted {
				t.Errorf("%v: not permitted: %v", err, !got)
			}
			if errors.Is(err, kafka.ErrUnreachable) == errors.Is(err, kafka.ErrNotPermitted) {
				t.Errorf("%v: is both unreachable and not permitted, or neither", err)
			}
			if strings.Contains(err.Error()+ce.Hint, "wrong-one") {
				t.Errorf("error holds the password: %v", err)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

// kafkaSlammingTLS is a plain Kafka port as Java's broker is one: it takes a
// TLS greeting for a request of 369 MB and hangs up.
func kafkaSlammingTLS(broker string) func(net.Conn) {
	return func(conn net.Conn) {
		defer conn.Close()
		head := make([]byte, 1)
		if _, err := io.ReadFull(conn, head); err != nil || head[0] == 0x16 {
			return
		}
		relay(conn, broker, head)
	}
}

func relay(conn net.Conn, broker string, head []byte) {
	up, err := net.Dial("tcp", broker)
	if err != nil {
		return
	}
	defer up.Close()
	if _, err := up.Write(head); err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(up, conn)
		_ = up.Close()
	}()
	_, _ = io.Copy(conn, up)
}

func TestOpenLogsIn(t *testing.T) {
	t.Parallel()
	pki := newPKI(t)
	jaas := map[string]string{"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN",
		"sasl.jaas.config": `org.apache.kafka.common.security.plain.PlainLoginModule required username="alice" password='alice-secret';`}
	both := login("SASL_SSL", "SCRAM-SHA-512", "bob", "bob-secret")
	both["ssl.truststore.certificates"] = pki.authorityPEM
	mutual := trust(pki)
	mutual["ssl.keystore.certificate.chain"], mutual["ssl.keystore.key"] = pki.clientChain, pki.clientKey
	loose := trust(pki)
	loose["ssl.endpoint.identification.algorithm"] = ""
	secure := &tls.Config{Certificates: []tls.Certificate{pki.server}}
	for name, test := range map[string]struct {
		addr  string
		props map[string]string
	}{
		"plain":              {saslBroker(t), login("SASL_PLAINTEXT", "PLAIN", "alice", "alice-secret")},
		"jaas":               {saslBroker(t), jaas},
		"scram 256":          {saslBroker(t), login("SASL_PLAINTEXT", "SCRAM-SHA-256", "alice", "alice-secret")},
		"scram 512":          {saslBroker(t), login("SASL_PLAINTEXT", "SCRAM-SHA-512", "bob", "bob-secret")},
		"tls":                {kafkatest.Start(t, kfake.TLS(secure)), trust(pki)},
		"tls, other name":    {kafkatest.Start(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pki.otherName}})), loose},
		"sasl_ssl":           {saslBroker(t, kfake.TLS(secure)), both},
		"client certificate": {kafkatest.Start(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pki.server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pki.pool})), mutual},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := kafka.Open(t.Context(), kafka.Config{Bootstrap: []string{test.addr}, Properties: test.props})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := c.Metadata(t.Context(), nil); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOpenTriesEveryAddress(t *testing.T) {
	t.Parallel()
	good := kafkatest.Start(t)
	began := time.Now()
	c, err := kafka.Open(t.Context(), kafka.Config{Bootstrap: []string{closedPort(t), listen(t, silent), good}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("a silent address held the others up for %s", took)
	}
	one, two := closedPort(t), "no-such-host.invalid:9092"
	_, err = kafka.Open(t.Context(), kafka.Config{Bootstrap: []string{one, two}})
	if err == nil || !strings.Contains(err.Error(), one+": connection refused") || !strings.Contains(err.Error(), two+": unknown host") {
		t.Errorf("error %v, want one that names both", err)
	}
}

// advertised is a listener that the cluster advertises by another address.
type advertised struct {
	net.Listener
	as net.Addr
}

func (a advertised) Addr() net.Addr { return a.as }

func TestWrongAdvertisedListenerNamesBothAddresses(t *testing.T) {
	t.Parallel()
	wrong, err := net.ResolveTCPAddr("tcp", closedPort(t))
	if err != nil {
		t.Fatal(err)
	}
	var bootstrap string
	kafkatest.Start(t, kfake.SeedTopics(1, "orders"), kfake.ListenFn(func(network, _ string) (net.Listener, error) {
		l, err := net.Listen(network, "127.0.0.1:0")
		if err == nil {
			bootstrap = l.Addr().String()
		}
		return advertised{l, wrong}, err
	}))
	c := kafkatest.Open(t, bootstrap)
	tp := kafka.TopicPartition{Topic: "orders"}
	got, err := c.Fetch(t.Context(), map[kafka.TopicPartition]int64{tp: 0}, kafka.FetchOptions{})
	if err != nil || len(got) != 1 {
		t.Fatalf("fetched %v, error %v", got, err)
	}
	err = got[0].Err
	var ce *kafka.ConnectError
	if !errors.As(err, &ce) || !errors.Is(err, kafka.ErrUnreachable) || ce.Addr != wrong.String() ||
		!strings.Contains(err.Error(), bootstrap) || !strings.Contains(ce.Hint, "advertised.listeners") {
		t.Errorf("error %v, hint %v, want one that names %s and %s", err, ce, wrong, bootstrap)
	}
}

func TestPinnedClusterID(t *testing.T) {
	t.Parallel()
	addr := kafkatest.Start(t, kfake.ClusterID("one"))
	if _, err := kafka.Open(t.Context(), kafka.Config{Bootstrap: []string{addr}, ClusterID: "two"}); !errors.Is(err, kafka.ErrClusterMismatch) {
		t.Errorf("error %v, want ErrClusterMismatch", err)
	}
	c, err := kafka.Open(t.Context(), kafka.Config{Bootstrap: []string{addr}, ClusterID: "one"})
	if err != nil || c.ClusterID() != "one" {
		t.Fatalf("cluster id %v", err)
	}
	_ = c.Close()
}

func TestNoticeNamesTheStageThatHangs(t *testing.T) {
	t.Parallel()
	addr := listen(t, silent)
	var said []string // Open ends before it is read
	_, err := kafka.Open(t.Context(), kafka.Config{Bootstrap: []string{addr}, Timeout: 4 * time.Second, Notice: func(text string) { said = append(said, text) }})
	if !errors.Is(err, kafka.ErrUnreachable) {
		t.Errorf("error %v, want ErrUnreachable", err)
	}
	if len(said) != 1 || said[0] != "still connecting: "+addr+" has not answered (ApiVersions)" {
		t.Errorf("said %q", said)
	}
}

// A silent peer must not hold up whoever gave the order to stop.
func TestCancelEndsEveryStage(t *testing.T) {
	t.Parallel()
	pki := newPKI(t)
	for name, test := range map[string]struct {
		addr  string
		props map[string]string
	}{
		"mid-request":   {listen(t, silent), nil},
		"mid-handshake": {listen(t, silent), trust(pki)},
		// Of the documentation's range (RFC 5737): packets to it vanish, or are
		// refused at once, as the machine's network has it.
		"mid-dial": {"192.0.2.1:9092", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(100*time.Millisecond, cancel)
			began := time.Now()
			_, err := kafka.Open(ctx, kafka.Config{Bootstrap: []string{test.addr}, Properties: test.props})
			if err == nil || name != "mid-dial" && !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want context.Canceled", err)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestDeadlineWhileConnectingIsUnreachable(t *testing.T) {
	t.Parallel()
	const patience = time.Second // enough to get as far as the first request
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := kafka.Open(ctx, kafka.Config{Bootstrap: []string{listen(t, silent)}, Timeout: patience})
	if !errors.Is(err, kafka.ErrUnreachable) || !strings.HasSuffix(err.Error(), ": no answer in 1s (ApiVersions)") {
		t.Errorf("error %v, want ErrUnreachable with the stage", err)
	}
}
