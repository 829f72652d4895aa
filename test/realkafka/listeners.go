package realkafka

import "strings"

// Listener names one door of every broker of a cluster, each on its own port.
type Listener string

// The doors that Options.Listeners can open. Plaintext is always open: brokers
// talk to each other there, and its clients, being anonymous, are super users
// when an authorizer is on.
const (
	Plaintext     Listener = "PLAINTEXT"
	SASLPlaintext Listener = "SASL_PLAINTEXT" // PLAIN, SCRAM-SHA-256, SCRAM-SHA-512
	SSL           Listener = "SSL"
	MTLS          Listener = "MTLS" // TLS that demands a client certificate; the principal is its common name
	SASLSSL       Listener = "SASL_SSL"
	OAuth         Listener = "OAUTH" // OAUTHBEARER without TLS; not on ZooKeeper-era brokers
	// Misadvertised accepts clients, then sends them to an address where nobody
	// listens, as a broker in a container with a wrong advertised listener does.
	Misadvertised Listener = "MISADVERTISED"
)

// AllListeners are the doors that work, for tests that try each.
func AllListeners() []Listener {
	return []Listener{Plaintext, SASLPlaintext, SSL, MTLS, SASLSSL, OAuth}
}

const controller Listener = "CONTROLLER"

// closedAddress is what Misadvertised advertises; port 1 is never bound.
const closedAddress = "127.0.0.1:1"

func (l Listener) protocol() string {
	switch l {
	case SSL, MTLS:
		return "SSL"
	case SASLPlaintext, OAuth:
		return "SASL_PLAINTEXT"
	case SASLSSL:
		return "SASL_SSL"
	}
	return "PLAINTEXT"
}

func (l Listener) tls() bool  { return strings.HasSuffix(l.protocol(), "SSL") }
func (l Listener) sasl() bool { return strings.HasPrefix(l.protocol(), "SASL") }

// key returns the name of a broker setting that holds for this listener only.
func (l Listener) key(setting string) string {
	return "listener.name." + strings.ToLower(string(l)) + "." + setting
}

// User may log in with PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512.
type User struct{ Name, Password string }

// Admin is a user of every cluster with SASL, and a super user when an
// authorizer is on.
func Admin() User { return User{"admin", "admin-secret"} }

// Alice is the user of a cluster whose options name none. She has no rights
// when an authorizer is on.
func Alice() User { return User{"alice", "alice-secret"} }

// Mechanisms of SASL, as Kafka spells them.
const (
	Plain       = "PLAIN"
	SCRAM256    = "SCRAM-SHA-256"
	SCRAM512    = "SCRAM-SHA-512"
	OAuthBearer = "OAUTHBEARER"
)

// Conn is how a client gets through a door: an address, and what it must trust
// and say. Change fields to make it wrong.
type Conn struct {
	Bootstrap string // host:port, comma separated
	Protocol  string // PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL

	Mechanism string // "" without SASL
	User      User   // for PLAIN and SCRAM
	TokenURL  string // for OAUTHBEARER, with TokenClient and TokenSecret

	CA         string   // PEM file, "" without TLS
	TrustStore string   // the same as PKCS12 with StorePassword
	Client     Identity // for mutual TLS, else empty
}

// As returns a copy that logs in as u by the mechanism.
func (c Conn) As(u User, mechanism string) Conn {
	c.User, c.Mechanism = u, mechanism
	return c
}

// Properties returns the settings of a Java client in Kafka's own names, with
// PKCS12 stores. The bootstrap address is not among them.
func (c Conn) Properties() map[string]string {
	p := map[string]string{"security.protocol": c.Protocol}
	if c.CA != "" {
		p["ssl.truststore.type"] = "PKCS12"
		p["ssl.truststore.location"] = c.TrustStore
		p["ssl.truststore.password"] = StorePassword
	}
	if c.Client.KeyStore != "" {
		p["ssl.keystore.type"] = "PKCS12"
		p["ssl.keystore.location"] = c.Client.KeyStore
		p["ssl.keystore.password"] = StorePassword
		p["ssl.key.password"] = StorePassword
	}
	if c.Mechanism != "" {
		p["sasl.mechanism"] = c.Mechanism
		p["sasl.jaas.config"] = jaas(c.Mechanism, "username", c.User.Name, "password", c.User.Password)
	}
	if c.Mechanism == OAuthBearer {
		p["sasl.jaas.config"] = jaas(OAuthBearer, "clientId", TokenClient, "clientSecret", TokenSecret, "scope", "kafka")
		p["sasl.oauthbearer.token.endpoint.url"] = c.TokenURL
		p["sasl.login.callback.handler.class"] = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler"
	}
	return p
}

// Librdkafka returns the same settings in the names of librdkafka, with PEM
// files, for kcat -X.
func (c Conn) Librdkafka() map[string]string {
	p := map[string]string{"security.protocol": c.Protocol}
	if c.CA != "" {
		p["ssl.ca.location"] = c.CA
	}
	if c.Client.Cert != "" {
		p["ssl.certificate.location"] = c.Client.Cert
		p["ssl.key.location"] = c.Client.Key
	}
	switch c.Mechanism {
	case "":
	case OAuthBearer:
		p["sasl.mechanisms"] = OAuthBearer
		p["sasl.oauthbearer.method"] = "oidc"
		p["sasl.oauthbearer.client.id"] = TokenClient
		p["sasl.oauthbearer.client.secret"] = TokenSecret
		p["sasl.oauthbearer.scope"] = "kafka"
		p["sasl.oauthbearer.token.endpoint.url"] = c.TokenURL
	default:
		p["sasl.mechanisms"] = c.Mechanism
		p["sasl.username"] = c.User.Name
		p["sasl.password"] = c.User.Password
	}
	return p
}

// jaas renders the login entry of a mechanism with name, value pairs.
func jaas(mechanism string, options ...string) string {
	module := "org.apache.kafka.common.security.scram.ScramLoginModule"
	switch mechanism {
	case Plain:
		module = "org.apache.kafka.common.security.plain.PlainLoginModule"
	case OAuthBearer:
		module = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
	}
	entry := module + " required"
	for i := 0; i+1 < len(options); i += 2 {
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(options[i+1])
		entry += " " + options[i] + `="` + quoted + `"`
	}
	return entry + ";"
}
