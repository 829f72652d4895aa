package realkafka

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// node is one broker with its ports.
type node struct {
	id    int // 1, 2, 3
	ports map[Listener]int
	dir   string
	proc  *process // nil before the first start
}

func (n *node) config() string { return n.dir + "/server.properties" }
func (n *node) log() string    { return n.dir + "/server.log" }

// serverProperties returns the settings of one node. What the options say
// comes last and wins.
func (c *Cluster) serverProperties(n *node) map[string]string {
	p := map[string]string{
		"log.dirs":                                 n.dir + "/data",
		"inter.broker.listener.name":               string(Plaintext),
		"auto.create.topics.enable":                "false",
		"default.replication.factor":               c.replicas(),
		"offsets.topic.num.partitions":             "4",
		"log.cleaner.dedupe.buffer.size":           "16777216",
		"offsets.topic.replication.factor":         c.replicas(),
		"transaction.state.log.num.partitions":     "4",
		"transaction.state.log.replication.factor": c.replicas(),
		"transaction.state.log.min.isr":            "1",
		// Tests wait for these; the defaults are made for quiet production.
		"group.initial.rebalance.delay.ms":                            "0",
		"group.min.session.timeout.ms":                                "1000",
		"log.cleaner.backoff.ms":                                      "500",
		"transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
		// Records of years ago, which tests write, would go when the broker first looks
		// for what retention ends, 30 s after its start, or every 5 minutes.
		"log.initial.task.delay.ms":       "86400000",
		"log.retention.check.interval.ms": "86400000",
	}
	c.addListeners(p, n)
	if c.zookeeper {
		p["broker.id"] = strconv.Itoa(n.id)
		p["zookeeper.connect"] = loopback(c.zkPort)
		p["zookeeper.session.timeout.ms"] = "3000"
	} else {
		c.addQuorum(p, n)
	}
	if c.opts.ACL {
		p["super.users"] = "User:ANONYMOUS;User:" + Admin().Name
		p["authorizer.class.name"] = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
		if c.zookeeper {
			p["authorizer.class.name"] = "kafka.security.authorizer.AclAuthorizer"
		}
	}
	maps.Copy(p, c.opts.Properties)
	return p
}

func (c *Cluster) replicas() string { return strconv.Itoa(len(c.nodes)) }

func (c *Cluster) addQuorum(p map[string]string, n *node) {
	var voters []string
	for _, m := range c.nodes {
		voters = append(voters, fmt.Sprintf("%d@%s", m.id, loopback(m.ports[controller])))
	}
	maps.Copy(p, map[string]string{
		"process.roles":             "broker,controller",
		"node.id":                   strconv.Itoa(n.id),
		"controller.quorum.voters":  strings.Join(voters, ","),
		"controller.listener.names": string(controller),
		// A dead broker is noticed in seconds, not in nine.
		"broker.heartbeat.interval.ms":                     "500",
		"broker.session.timeout.ms":                        "4000",
		"share.coordinator.state.topic.replication.factor": c.replicas(),
		"share.coordinator.state.topic.min.isr":            "1",
	})
}

func (c *Cluster) addListeners(p map[string]string, n *node) {
	var listen, advertise, protocols []string
	for _, l := range slices.Sorted(maps.Keys(n.ports)) {
		addr := loopback(n.ports[l])
		listen = append(listen, string(l)+"://"+addr)
		protocols = append(protocols, string(l)+":"+l.protocol())
		switch l {
		case controller: // is not advertised
		case Misadvertised:
			advertise = append(advertise, string(l)+"://"+closedAddress)
		default:
			advertise = append(advertise, string(l)+"://"+addr)
		}
		c.addSecurity(p, l)
	}
	p["listeners"] = strings.Join(listen, ",")
	p["advertised.listeners"] = strings.Join(advertise, ",")
	p["listener.security.protocol.map"] = strings.Join(protocols, ",")
}

// addSecurity adds what the listener checks its clients against.
func (c *Cluster) addSecurity(p map[string]string, l Listener) {
	if l.tls() {
		p[l.key("ssl.keystore.type")] = "PKCS12"
		p[l.key("ssl.keystore.location")] = c.PKI.Server.KeyStore
		p[l.key("ssl.keystore.password")] = StorePassword
		p[l.key("ssl.key.password")] = StorePassword
		p[l.key("ssl.truststore.type")] = "PKCS12"
		p[l.key("ssl.truststore.location")] = c.PKI.TrustStore
		p[l.key("ssl.truststore.password")] = StorePassword
	}
	switch {
	case l == MTLS:
		p[l.key("ssl.client.auth")] = "required"
		p[l.key("ssl.principal.mapping.rules")] = "RULE:^CN=([^,]+).*$/$1/"
	case l == OAuth:
		p[l.key("sasl.enabled.mechanisms")] = OAuthBearer
		p[l.key("sasl.oauthbearer.jwks.endpoint.url")] = c.Tokens.KeysURL()
		p[l.key("sasl.oauthbearer.expected.audience")] = tokenAudience
		p[l.key("sasl.oauthbearer.expected.issuer")] = tokenIssuer
		p[l.key("oauthbearer.sasl.jaas.config")] = jaas(OAuthBearer)
		p[l.key("oauthbearer.sasl.server.callback.handler.class")] =
			"org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler"
	case l.sasl():
		p[l.key("sasl.enabled.mechanisms")] = strings.Join([]string{Plain, SCRAM256, SCRAM512}, ",")
		var known []string
		for _, u := range c.users {
			known = append(known, "user_"+u.Name, u.Password)
		}
		p[l.key("plain.sasl.jaas.config")] = jaas(Plain, known...)
		p[l.key("scram-sha-256.sasl.jaas.config")] = jaas(SCRAM256)
		p[l.key("scram-sha-512.sasl.jaas.config")] = jaas(SCRAM512)
	}
}

// writeProperties writes a file in the format of java.util.Properties, which
// reads ISO 8859-1 with \u escapes.
func writeProperties(path string, props map[string]string) error {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(props)) {
		b.WriteString(k + "=")
		for i, u := range utf16.Encode([]rune(props[k])) {
			switch {
			case u == '\\':
				b.WriteString(`\\`)
			case u < ' ' || u > '~' || u == ' ' && i == 0:
				fmt.Fprintf(&b, `\u%04x`, u)
			default:
				b.WriteByte(byte(u))
			}
		}
		b.WriteByte('\n')
	}
	return os.WriteFile(path, []byte(b.String()), 0o600)
}

// WriteProperties writes the connection as a Java client.properties file of
// mode 0600, with bootstrap.servers.
func (c Conn) WriteProperties(path string) error {
	props := c.Properties()
	props["bootstrap.servers"] = c.Bootstrap
	return writeProperties(path, props)
}
