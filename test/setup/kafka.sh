#!/usr/bin/env bash
# Makes ready what the real-broker tier stands on: names missing programs, then
# has the jars fetched into the test cache. Fails without Java or Maven, for then
# nothing of the tier can run; with CI=true also without a peer.
set -euo pipefail
cd "$(dirname "$0")/../.."

missing() {
	echo "missing: $1 (Debian: apt-get install $2)" >&2
}

status=0
for need in java:openjdk-17-jdk-headless javac:openjdk-17-jdk-headless mvn:maven; do
	command -v "${need%%:*}" >/dev/null || { missing "${need%%:*}" "${need#*:}"; status=1; }
done
# Tests of these peers are left out one by one.
for need in kcat:kcat node:nodejs npm:npm; do
	if ! command -v "${need%%:*}" >/dev/null; then
		missing "${need%%:*}" "${need#*:}"
		[ "${CI:-}" != true ] || status=1
	fi
done
[ "$status" -eq 0 ] || exit "$status"

go test -count=1 -run '^TestJars$' ./test/realkafka
