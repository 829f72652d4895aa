#!/bin/bash
# kafka-run-class.sh CLASS [ARG...]: runs a main class of Kafka with the
# variables that the distribution's script of this name reads: KAFKA_HEAP_OPTS,
# KAFKA_JVM_PERFORMANCE_OPTS, KAFKA_JMX_OPTS, JMX_PORT, KAFKA_LOG4J_OPTS, KAFKA_OPTS.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
jmx=${KAFKA_JMX_OPTS:-}
if [[ -n ${JMX_PORT:-} ]]; then
	jmx="${jmx:--Dcom.sun.management.jmxremote=true -Dcom.sun.management.jmxremote.authenticate=false -Dcom.sun.management.jmxremote.ssl=false}"
	[[ $jmx == *jmxremote.port=* ]] || jmx+=" -Dcom.sun.management.jmxremote.port=$JMX_PORT"
fi
log4j=${KAFKA_LOG4J_OPTS:-}
if [[ -z $log4j ]]; then
	log4j=-Dlog4j2.configurationFile=/etc/kafka/docker/tools-log4j2.yaml
fi
# The variables hold several options each: they are meant to be split.
# shellcheck disable=SC2086
exec java ${KAFKA_HEAP_OPTS:--Xmx256m} \
	${KAFKA_JVM_PERFORMANCE_OPTS:--server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 -XX:+ExplicitGCInvokesConcurrent -Djava.awt.headless=true} \
	$jmx -Dkafka.logs.dir="${LOG_DIR:-$root/logs}" $log4j -cp "$root/libs/*" ${KAFKA_OPTS:-} "$@"
