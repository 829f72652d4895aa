package kafka_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/multi-tenant/manage-kafka/pkg/kafka"
	"github.com/multi-tenant/manage-kafka/test/peers"
	"github.com/multi-tenant/manage-kafka/test/product"
	"github.com/multi-tenant/manage-kafka/test/realkafka"
)

func config(conn realkafka.Conn) kafka.Config {
	return kafka.Config{Bootstrap: []string{conn.Bootstrap}, Properties: conn.Properties()}
}

// pemProperties are the same settings with PEM files in place of PKCS #12.
func pemProperties(conn realkafka.Conn) map[string]string {
	props := conn.Properties()
	maps.DeleteFunc(props, func(name, _ string) bool { return strings.Contains(name, "store") || name == "ssl.key.password" })
	props["ssl.truststore.location"] = conn.CA
	if conn.Client.PEM != "" {
		props["ssl.keystore.location"] = conn.Client.PEM
	}
	return props
}

func TestWeGetThroughEveryDoor(t *testing.T) {
	c := realkafka.Shared(t)
	alice := realkafka.Alice()
	topic := realkafka.Name(t)
	peers.CreateTopic(t, c.Conn(realkafka.Plaintext), topic, 2, 1)
	pem := config(c.Conn(realkafka.SSL))
	pem.Properties = pemProperties(c.Conn(realkafka.SSL))
	mutualPEM := config(c.Conn(realkafka.MTLS))
	mutualPEM.Properties = pemProperties(c.Conn(realkafka.MTLS))
	for name, conf := range map[string]kafka.Config{
		"plaintext":           config(c.Conn(realkafka.Plaintext)),
		"sasl plain":          config(c.Conn(realkafka.SASLPlaintext).As(alice, realkafka.Plain)),
		"sasl scram 256":      config(c.Conn(realkafka.SASLPlaintext).As(alice, realkafka.SCRAM256)),
		"sasl scram 512":      config(c.Conn(realkafka.SASLPlaintext).As(alice, realkafka.SCRAM512)),
		"ssl, PKCS #12":       config(c.Conn(realkafka.SSL)),
		"ssl, PEM":            pem,
		"mtls, PKCS #12":      config(c.Conn(realkafka.MTLS)),
		"mtls, PEM":           mutualPEM,
		"sasl_ssl plain":      config(c.Conn(realkafka.SASLSSL).As(alice, realkafka.Plain)),
		"sasl_ssl scram":      config(c.Conn(realkafka.SASLSSL).As(alice, realkafka.SCRAM512)),
		"oauthbearer by OIDC": config(c.Conn(realkafka.OAuth)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := kafka.Open(t.Context(), conf)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if client.ClusterID() != c.ClusterID() || client.Release() != "4.3.1" {
				t.Errorf("cluster %s of release %s, want %s of 4.3.1", client.ClusterID(), client.Release(), c.ClusterID())
			}
			// The leader's connection logs in for itself.
			tps := map[kafka.TopicPartition]int64{{Topic: topic, Partition: 0}: 0, {Topic: topic, Partition: 1}: 0}
			if err := client.ReadToEnd(t.Context(), tps, kafka.FetchOptions{}, func(kafka.Fetched) error { return nil }); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTheReasonWeAreKeptOut(t *testing.T) {
	c := realkafka.Shared(t)
	alice := realkafka.Alice()
	guess := realkafka.User{Name: alice.Name, Password: "a-guess"}
	stranger := realkafka.User{Name: "eve", Password: "a-guess"}
	wrongCA := config(c.Conn(realkafka.SSL))
	wrongCA.Properties = pemProperties(c.Conn(realkafka.SSL))
	wrongCA.Properties["ssl.truststore.location"] = c.PKI.OtherCA
	noCert, stray := c.Conn(realkafka.MTLS), c.Conn(realkafka.MTLS)
	noCert.Client, stray.Client = realkafka.Identity{}, c.PKI.Stray
	at := func(door realkafka.Listener, props map[string]string) kafka.Config {
		return kafka.Config{Bootstrap: []string{c.BootstrapFor(door)}, Properties: props}
	}
	badToken := config(c.Conn(realkafka.OAuth))
	badToken.Properties["sasl.jaas.config"] = strings.ReplaceAll(badToken.Properties["sasl.jaas.config"], realkafka.TokenSecret, "a-guess")
	for name, test := range map[string]struct {
		conf      kafka.Config
		text      string
		hint      string
		permitted bool
	}{
		"wrong password, PLAIN":     {config(c.Conn(realkafka.SASLPlaintext).As(guess, realkafka.Plain)), "Invalid username or password", "check the username and the password", false},
		"wrong password, SCRAM-256": {config(c.Conn(realkafka.SASLPlaintext).As(guess, realkafka.SCRAM256)), "invalid credentials", "check the username and the password", false},
		"unknown user, SCRAM-512":   {config(c.Conn(realkafka.SASLSSL).As(stranger, realkafka.SCRAM512)), "invalid credentials", "check the username and the password", false},
		"wrong client secret":       {badToken, "refused the client credentials", "", false},
		"other mechanism":           {at(realkafka.OAuth, c.Conn(realkafka.SASLPlaintext).As(alice, realkafka.Plain).Properties()), "does not offer SASL mechanism PLAIN, it offers OAUTHBEARER", "set sasl.mechanism", false},
		"login wanted":              {at(realkafka.SASLPlaintext, nil), "the listener wants a SASL login and offers", "SASL_PLAINTEXT", false},
		"no login here":             {at(realkafka.Plaintext, c.Conn(realkafka.SASLPlaintext).As(alice, realkafka.Plain).Properties()), "the listener has no SASL login", "set security.protocol to PLAINTEXT", true},
		"plain to a TLS port":       {at(realkafka.SSL, nil), "the port speaks TLS", "set security.protocol to SSL", true},
		"TLS to a plain port":       {at(realkafka.Plaintext, c.Conn(realkafka.SSL).Properties()), "the port speaks Kafka without TLS", "set security.protocol to PLAINTEXT", true},
		"wrong authority":           {wrongCA, "signed by an authority that is not trusted", "ssl.truststore.location", true},
		"no client certificate":     {config(noCert), "the broker wants a client certificate", "ssl.keystore.location", true},
		"stray client certificate":  {config(stray), "does not accept this client's certificate", "ssl.truststore", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			_, err := kafka.Open(t.Context(), test.conf)
			var ce *kafka.ConnectError
			if !errors.As(err, &ce) || !strings.Contains(err.Error(), test.text) || !strings.Contains(ce.Hint, test.hint) {
				t.Fatalf("error %v, hint %v, want %q and %q", err, ce, test.text, test.hint)
			}
			if errors.Is(err, kafka.ErrNotPermitted) == test.permitted || errors.Is(err, kafka.ErrUnreachable) != test.permitted {
				t.Errorf("%v: unreachable %v, not permitted %v", err, errors.Is(err, kafka.ErrUnreachable), errors.Is(err, kafka.ErrNotPermitted))
			}
			if strings.Contains(err.Error(), "a-guess") {
				t.Errorf("error holds the secret: %v", err)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

// The file that kcat connects with is one for us too.
func TestKcatsFileLetsUsIn(t *testing.T) {
	c := realkafka.Shared(t)
	conns := doors(c)
	conns["oauthbearer by OIDC"] = c.Conn(realkafka.OAuth)
	for name, conn := range conns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := []string{"metadata.broker.list=" + conn.Bootstrap, "socket.keepalive.enable=true"}
			for key, value := range conn.Librdkafka() {
				lines = append(lines, key+"="+value)
			}
			file := filepath.Join(t.TempDir(), "kcat.conf")
			if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := product.Command(t.Context(), t, "list-topics", "--brief", "--command-config", file).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
