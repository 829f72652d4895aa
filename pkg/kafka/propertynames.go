package kafka

import (
	"slices"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/spelling"
)

// PropertyUse says what a client property does here.
type PropertyUse int

// The uses of a property.
const (
	PropertyUnknown PropertyUse = iota // no Kafka client knows it
	PropertyUsed                       // [Open] acts on it
	PropertyNoted                      // Java clients or librdkafka know it; it has no effect here
)

// LookupProperty tells what the client property of this name does, and for an
// unknown one the nearest name that has a use, empty when none is near.
func LookupProperty(name string) (use PropertyUse, nearest string) {
	switch {
	case slices.Contains(usedProperties(), name):
		return PropertyUsed, ""
	case slices.Contains(notedProperties(), name), strings.HasPrefix(name, "metrics."),
		strings.HasPrefix(name, "listener.name."), librdkafkaNoted(name):
		return PropertyNoted, ""
	}
	best := len(name)/3 + 1
	for _, known := range append(usedProperties(), notedProperties()...) {
		if d := spelling.Distance(name, known); d < best {
			best, nearest = d, known
		}
	}
	return PropertyUnknown, nearest
}

// SecretProperty tells whether the value of a client property is a secret,
// which no command line and no output may hold.
func SecretProperty(name string) bool {
	name = strings.ToLower(name)
	if strings.HasPrefix(name, "sasl.oauthbearer.token.endpoint") || name == "sasl.login.callback.handler.class" {
		return false
	}
	return name == propKeystoreKey || slices.ContainsFunc([]string{"password", "secret", "jaas", "token"}, func(part string) bool {
		return strings.Contains(name, part)
	})
}

// CredentialProperty tells whether a client property says who the client is,
// or where it gets that from, and so must only go to the brokers it is meant for.
func CredentialProperty(name string) bool {
	return SecretProperty(name) || strings.HasPrefix(name, "ssl.keystore.") || strings.HasPrefix(name, "ssl.key.") ||
		strings.HasPrefix(name, "sasl.") && name != propMechanism
}

// The properties that Open acts on, by Kafka's own names.
const (
	propBootstrap         = "bootstrap.servers"
	propClientID          = "client.id"
	propRequestTimeout    = "request.timeout.ms"
	propSetupTimeout      = "socket.connection.setup.timeout.ms"
	propProtocol          = "security.protocol"
	propTLSProtocol       = "ssl.protocol"
	propTLSProtocols      = "ssl.enabled.protocols"
	propTruststore        = "ssl.truststore.location"
	propTruststoreType    = "ssl.truststore.type"
	propTruststorePass    = "ssl.truststore.password"
	propTruststoreCerts   = "ssl.truststore.certificates"
	propKeystore          = "ssl.keystore.location"
	propKeystoreType      = "ssl.keystore.type"
	propKeystorePass      = "ssl.keystore.password"
	propKeystoreKey       = "ssl.keystore.key"
	propKeystoreChain     = "ssl.keystore.certificate.chain"
	propKeyPass           = "ssl.key.password"
	propEndpointAlgorithm = "ssl.endpoint.identification.algorithm"
	propMechanism         = "sasl.mechanism"
	propJAAS              = "sasl.jaas.config"
	propUsername          = "sasl.username"
	propPassword          = "sasl.password"
	propTokenURL          = "sasl.oauthbearer.token.endpoint.url"
	propScope             = "sasl.oauthbearer.scope"
	propOAuthID           = "sasl.oauthbearer.client.credentials.client.id"
	propOAuthSecret       = "sasl.oauthbearer.client.credentials.client.secret"
)

func usedProperties() []string {
	return []string{
		propBootstrap, propClientID, propRequestTimeout, propSetupTimeout, propProtocol, propTLSProtocol, propTLSProtocols,
		propTruststore, propTruststoreType, propTruststorePass, propTruststoreCerts,
		propKeystore, propKeystoreType, propKeystorePass, propKeystoreKey, propKeystoreChain, propKeyPass,
		propEndpointAlgorithm, propMechanism, propJAAS, propUsername, propPassword,
		propTokenURL, propScope, propOAuthID, propOAuthSecret,
	}
}

// notedProperties are the other properties of Kafka's Java producer, consumer
// and admin client (4.3), which a client.properties file may well hold.
func notedProperties() []string {
	return strings.Fields(`
		acks allow.auto.create.topics auto.commit.interval.ms auto.include.jmx.reporter auto.offset.reset batch.size
		bootstrap.controllers buffer.memory check.crcs client.dns.lookup client.rack compression.gzip.level compression.lz4.level
		compression.type compression.zstd.level config.providers connections.max.idle.ms default.api.timeout.ms delivery.timeout.ms
		enable.auto.commit enable.idempotence enable.metrics.push exclude.internal.topics fetch.max.bytes fetch.max.wait.ms
		fetch.min.bytes group.id group.instance.id group.protocol group.remote.assignor heartbeat.interval.ms interceptor.classes
		isolation.level key.deserializer key.serializer linger.ms max.block.ms max.in.flight.requests.per.connection
		max.partition.fetch.bytes max.poll.interval.ms max.poll.records max.request.size metadata.max.age.ms metadata.max.idle.ms
		metadata.recovery.rebootstrap.trigger.ms metadata.recovery.strategy metric.reporters partition.assignment.strategy
		partitioner.adaptive.partitioning.enable partitioner.availability.timeout.ms partitioner.class partitioner.ignore.keys
		receive.buffer.bytes reconnect.backoff.max.ms reconnect.backoff.ms retries retry.backoff.max.ms retry.backoff.ms
		sasl.client.callback.handler.class sasl.kerberos.kinit.cmd sasl.kerberos.min.time.before.relogin sasl.kerberos.service.name
		sasl.kerberos.ticket.renew.jitter sasl.kerberos.ticket.renew.window.factor sasl.login.callback.handler.class
		sasl.login.class sasl.login.connect.timeout.ms sasl.login.read.timeout.ms sasl.login.refresh.buffer.seconds
		sasl.login.refresh.min.period.seconds sasl.login.refresh.window.factor sasl.login.refresh.window.jitter
		sasl.login.retry.backoff.max.ms sasl.login.retry.backoff.ms sasl.oauthbearer.clock.skew.seconds
		sasl.oauthbearer.expected.audience sasl.oauthbearer.expected.issuer sasl.oauthbearer.header.urlencode
		sasl.oauthbearer.jwks.endpoint.refresh.ms sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms
		sasl.oauthbearer.jwks.endpoint.retry.backoff.ms sasl.oauthbearer.jwks.endpoint.url sasl.oauthbearer.jwt.retriever.class
		sasl.oauthbearer.jwt.validator.class sasl.oauthbearer.scope.claim.name sasl.oauthbearer.sub.claim.name
		schema.registry.url security.providers send.buffer.bytes session.timeout.ms share.acknowledgement.mode
		socket.connection.setup.timeout.max.ms ssl.cipher.suites ssl.engine.factory.class ssl.keymanager.algorithm ssl.provider
		ssl.secure.random.implementation ssl.trustmanager.algorithm transaction.timeout.ms transaction.two.phase.commit.enable
		transactional.id value.deserializer value.serializer`)
}
