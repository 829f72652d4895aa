package kafka

import (
	"slices"
	"strings"
)

// FromLibrdkafka gives Kafka's own name for a property that librdkafka names
// otherwise, as kcat's configuration files do, and name itself for every other one.
// When isPath is true its value is the path of a PEM file, whose text is the value of
// the property here.
func FromLibrdkafka(name string) (own string, isPath bool) {
	switch name {
	case "metadata.broker.list":
		return propBootstrap, false
	case "sasl.mechanisms":
		return propMechanism, false
	case "ssl.ca.location":
		return propTruststore, false
	case "ssl.ca.pem":
		return propTruststoreCerts, false
	case "ssl.certificate.location":
		return propKeystoreChain, true
	case "ssl.certificate.pem":
		return propKeystoreChain, false
	case "ssl.key.location":
		return propKeystoreKey, true
	case "ssl.key.pem":
		return propKeystoreKey, false
	case "sasl.oauthbearer.client.id":
		return propOAuthID, false
	case "sasl.oauthbearer.client.secret":
		return propOAuthSecret, false
	}
	return name, false
}

// librdkafkaNoted tells the properties that only librdkafka knows and that have no
// effect on a connection here.
func librdkafkaNoted(name string) bool {
	return strings.HasPrefix(name, "topic.") || slices.Contains(strings.Fields(`
		allow.auto.create.topics api.version.request api.version.request.timeout.ms api.version.fallback.ms auto.commit.enable
		broker.address.family broker.address.ttl broker.version.fallback builtin.features compression.codec compression.level debug
		delivery.report.only.error enable.auto.offset.store enable.gapless.guarantee enable.partition.eof fetch.error.backoff.ms
		fetch.message.max.bytes fetch.wait.max.ms log.connection.close log.queue log.thread.name log_level max.in.flight
		message.copy.max.bytes message.max.bytes message.send.max.retries message.timeout.ms metadata.request.timeout.ms
		offset.store.method partitioner sasl.oauthbearer.method queue.buffering.max.kbytes queue.buffering.max.messages queue.buffering.max.ms
		queued.max.messages.kbytes queued.min.messages receive.message.max.bytes reconnect.backoff.jitter.ms request.required.acks
		socket.keepalive.enable socket.max.fails socket.nagle.disable socket.receive.buffer.bytes socket.send.buffer.bytes
		socket.timeout.ms statistics.interval.ms sticky.partitioning.linger.ms topic.blacklist topic.metadata.propagation.max.ms
		topic.metadata.refresh.fast.interval.ms topic.metadata.refresh.interval.ms topic.metadata.refresh.sparse`), name)
}
