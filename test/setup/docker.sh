#!/bin/bash
# Sets up what the container tests stand on: a Docker engine, the compose plugin
# and the images that the compose files name. Safe to run again: what is there
# stays, what changed is rebuilt. Run it with -h for the commands.
set -euo pipefail

usage() {
	cat <<'USAGE'
usage: test/setup/docker.sh [up|engine|plugin|images|status|stop]

  up       engine, plugin and images (the default)
  engine   start dockerd when none answers; Debian packages when missing (root)
  plugin   build the compose plugin when "docker compose" is missing
  images   pull the images, or build stand-ins where no registry can be reached
  status   say what is there; changes nothing, exits 1 when a part is missing
  stop     stop the engine, if this script started it

MANAGE_KAFKA_TEST_CACHE   what is kept between runs (default: manage-kafka-test
                          below XDG_CACHE_HOME or ~/.cache); may be deleted
MANAGE_KAFKA_TEST_IMAGES  pull, build, or auto: pull when the registry answers
USAGE
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
images=$here/../images
cache=${MANAGE_KAFKA_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/manage-kafka-test}
compose_version=v2.40.3
label=manage-kafka.stand-in # holds the hash of what a stand-in was built from
base=manage-kafka-test/base

# The tags below are those of the compose files; a Go test in compose/ holds the
# two together.
stand_ins=(
	"kafka apache/kafka:4.3.1"
	"apicurio apicurio/apicurio-registry:3.3.3"
	"kafka-ui ghcr.io/kafbat/kafka-ui:v1.5.0"
)

say() { printf 'docker.sh: %s\n' "$*" >&2; }
fail() {
	say "error: $*"
	exit 1
}
took() { echo "$((SECONDS - $1)) s"; }

as_root() {
	if ((EUID == 0)); then
		"$@"
	elif sudo -n true 2>/dev/null; then
		sudo -n "$@"
	else
		fail "needs root: $*"
	fi
}

# need COMMAND=PACKAGE...: installs the Debian packages of missing commands.
need() {
	local pair packages=() start=$SECONDS
	for pair in "$@"; do
		PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%=*}" >/dev/null || packages+=("${pair#*=}")
	done
	((${#packages[@]})) || return 0
	command -v apt-get >/dev/null || fail "missing and no apt-get to install them: ${packages[*]}"
	say "packages: installing ${packages[*]}"
	local install=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -y -q --no-install-recommends "${packages[@]}")
	as_root "${install[@]}" >"$cache/apt.log" 2>&1 || {
		as_root apt-get update -q >>"$cache/apt.log" 2>&1 || true
		as_root "${install[@]}" >>"$cache/apt.log" 2>&1 || {
			tail -n 20 "$cache/apt.log" >&2
			fail "packages not installed: ${packages[*]}"
		}
	}
	say "packages: ${packages[*]} installed in $(took "$start")"
}

engine_version() { timeout 10 docker version -f '{{.Server.Version}}' 2>/dev/null; }

# running FILE NAME: true when the process in a pid file lives and is a NAME. A
# killed one that its parent has not collected yet does not count.
running() {
	local pid
	pid=$(cat "$1" 2>/dev/null) && [[ -n $pid ]] || return 1
	grep -q "^Name:[[:space:]]$2\$" "/proc/$pid/status" 2>/dev/null &&
		! grep -q '^State:[[:space:]]Z' "/proc/$pid/status" 2>/dev/null
}

engine() {
	local start=$SECONDS version
	if version=$(engine_version); then
		say "engine: Docker $version answers"
		return
	fi
	local context
	context=$(docker context show 2>/dev/null || echo default)
	[[ -z ${DOCKER_HOST:-} && $context == default ]] ||
		fail "engine: ${DOCKER_HOST:-context $context} does not answer; unset it to start an engine here"
	need dockerd=docker.io docker=docker.io containerd=containerd runc=runc iptables=iptables

	# A killed daemon leaves these behind, and the next one refuses to start.
	local pidfile
	for pidfile in /var/run/docker.pid /var/run/docker/containerd/containerd.pid; do
		[[ -e $pidfile ]] || continue
		if running "$pidfile" dockerd || running "$pidfile" containerd; then
			say "engine: $(cat "/proc/$(cat "$pidfile")/comm") already runs (process $(cat "$pidfile")), waiting for it"
		else
			as_root rm -f "$pidfile"
			say "engine: removed stale $pidfile"
		fi
	done
	if ! running /var/run/docker.pid dockerd; then
		say "engine: starting dockerd, log in $cache/dockerd.log"
		# No descriptor must live on in the daemon: not the lock's, nor what our caller
		# left open, which may be a lock too. It logs by itself, in its own session, and
		# outlives this script.
		# shellcheck disable=SC2016 # for the inner shell to expand
		as_root env PATH="$PATH:/usr/sbin:/sbin" setsid --fork bash -c \
			'for fd in /proc/$$/fd/*; do fd=${fd##*/}; ((fd <= 2)) || eval "exec $fd>&-"; done
			echo $$ >"$1"; exec dockerd --host unix:///var/run/docker.sock --group "$2" >>"$3" 2>&1' \
			- "$cache/dockerd.pid" "$(id -g)" "$cache/dockerd.log" </dev/null >/dev/null 2>&1
	fi
	for ((i = 0; i < 120; i++)); do
		if version=$(engine_version); then
			say "engine: Docker $version answers after $(took "$start")"
			return
		fi
		if ((i > 4)) && ! running /var/run/docker.pid dockerd && ! running "$cache/dockerd.pid" dockerd; then
			break
		fi
		sleep 0.5
	done
	tail -n 15 "$cache/dockerd.log" >&2 || true
	fail "engine: dockerd did not come up in $(took "$start")"
}

stop_engine() {
	if ! running "$cache/dockerd.pid" dockerd; then
		rm -f "$cache/dockerd.pid"
		say "engine: none that this script started"
		return
	fi
	local pid start=$SECONDS
	pid=$(cat "$cache/dockerd.pid")
	as_root kill "$pid"
	for ((i = 0; i < 120; i++)); do
		if ! running "$cache/dockerd.pid" dockerd; then
			rm -f "$cache/dockerd.pid"
			say "engine: dockerd (process $pid) stopped in $(took "$start")"
			return
		fi
		sleep 0.5
	done
	fail "engine: dockerd (process $pid) still runs after 60 s"
}

plugin() {
	local start=$SECONDS version
	local dir=${DOCKER_CONFIG:-$HOME/.docker}/cli-plugins binary=$cache/docker-compose-$compose_version
	if version=$(docker compose version --short 2>/dev/null); then
		say "plugin: docker compose $version is there"
		return
	fi
	if [[ ! -x $binary ]]; then
		command -v go >/dev/null || fail "plugin: docker compose is missing and there is no Go to build it"
		say "plugin: building docker compose $compose_version (minutes when cold), log in $cache/compose-build.log"
		build_plugin "$binary" >"$cache/compose-build.log" 2>&1 || {
			tail -n 15 "$cache/compose-build.log" >&2
			fail "plugin: not built"
		}
	fi
	[[ -L $dir/docker-compose || ! -e $dir/docker-compose ]] || fail "plugin: $dir/docker-compose is there but does not run"
	mkdir -p "$dir"
	ln -sfn "$binary" "$dir/docker-compose"
	version=$(docker compose version --short) || fail "plugin: $binary does not run"
	say "plugin: docker compose $version ready after $(took "$start")"
}

# build_plugin FILE: from a copy of the module's source, because go install
# refuses a module with exclude directives.
build_plugin() (
	set -e
	work=$(mktemp -d "$cache/compose.XXXXXX")
	trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
	cd "$work"
	export GOWORK=off CGO_ENABLED=0 GOFLAGS=-mod=mod
	source=$(go mod download -json "github.com/docker/compose/v2@$compose_version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
	[[ -d $source ]]
	cp -r "$source" src
	chmod -R u+w src
	cd src
	go build -trimpath -ldflags "-s -w -X github.com/docker/compose/v2/internal.Version=$compose_version" -o ../docker-compose ./cmd
	mv ../docker-compose "$1"
)

# inputs NAME: a hash of everything an image is made from; a stand-in with
# another one is rebuilt.
inputs() {
	{
		if [[ $1 != base ]]; then inputs base; fi
		cd "$images/$1"
		find . -type f -not -name '*_test.go' -print0 | sort -z | xargs -0 sha256sum
	} | sha256sum | cut -c1-16
}

# stands TAG: the hash that a local image was built from; empty for an official one.
stands() { docker image inspect -f "{{index .Config.Labels \"$label\"}}" "$1" 2>/dev/null; }

# build NAME TAG: prepares the build context in the cache and builds from it.
build() {
	local name=$1 tag=$2 start=$SECONDS hash context
	hash=$(inputs "$name")
	[[ $(stands "$tag") != "$hash" ]] || return 0
	context=$cache/images/$name-$hash
	if [[ ! -d $context ]]; then
		find "$cache/images" -maxdepth 1 -regex ".*/$name-[0-9a-f]*" -exec rm -rf {} + # what earlier versions left
		cp -rL "$images/$name" "$context.part"
		(cd "$context.part" && "$images/$name/prepare") >"$cache/images/$name.log" 2>&1 || {
			tail -n 15 "$cache/images/$name.log" >&2
			rm -rf "$context.part"
			fail "image $tag: not prepared, see $cache/images/$name.log"
		}
		mv "$context.part" "$context"
		say "image $tag: prepared in $(took "$start")"
		start=$SECONDS
	fi
	DOCKER_BUILDKIT=0 docker build -q --label "$label=$hash" -t "$tag" "$context" >"$cache/images/$name.build.log" 2>&1 || {
		tail -n 30 "$cache/images/$name.build.log" >&2
		fail "image $tag: not built, see $cache/images/$name.build.log"
	}
	say "image $tag: stand-in $hash built in $(took "$start")"
}

# pull TAG: true when the official image is here or could be fetched.
pull() {
	local tag=$1 start=$SECONDS host=registry-1.docker.io
	if docker image inspect "$tag" >/dev/null 2>&1 && [[ -z $(stands "$tag") ]]; then
		say "image $tag: the official one is there"
		return 0
	fi
	case ${MANAGE_KAFKA_TEST_IMAGES:-auto} in
	build) return 1 ;;
	auto)
		[[ ${tag%%/*} != *.* ]] || host=${tag%%/*}
		timeout 5 bash -c "exec 3<>/dev/tcp/$host/443" 2>/dev/null || return 1
		docker pull -q "$tag" >/dev/null || return 1
		;;
	pull) docker pull -q "$tag" >/dev/null || fail "image $tag: not pulled" ;;
	*) fail "MANAGE_KAFKA_TEST_IMAGES must be auto, pull or build, not $MANAGE_KAFKA_TEST_IMAGES" ;;
	esac
	say "image $tag: pulled in $(took "$start")"
}

make_images() {
	local entry name tag
	mkdir -p "$cache/images"
	rm -rf "$cache"/images/*.part # of an interrupted run
	for entry in "${stand_ins[@]}"; do
		read -r name tag <<<"$entry"
		pull "$tag" && continue
		if [[ $(stands "$tag") == "$(inputs "$name")" ]]; then
			say "image $tag: stand-in is up to date"
			continue
		fi
		need debootstrap=debootstrap mvn=maven
		build base "$base"
		build "$name" "$tag"
	done
	docker image prune -f --filter "label=$label" >/dev/null # what a rebuild replaced
}

status() {
	local rc=0 entry name tag version
	if version=$(engine_version); then say "engine: Docker $version"; else
		say "engine: none answers"
		rc=1
	fi
	if version=$(docker compose version --short 2>/dev/null); then say "plugin: docker compose $version"; else
		say "plugin: missing"
		rc=1
	fi
	for entry in "${stand_ins[@]}"; do
		read -r name tag <<<"$entry"
		if ! docker image inspect "$tag" >/dev/null 2>&1; then
			say "image $tag: missing"
			rc=1
		elif [[ -z $(stands "$tag") ]]; then
			say "image $tag: official"
		elif [[ $(stands "$tag") == "$(inputs "$name")" ]]; then
			say "image $tag: stand-in"
		else
			say "image $tag: stand-in, out of date"
			rc=1
		fi
	done
	return "$rc"
}

up() {
	local start=$SECONDS rc=0
	engine
	# The plugin is bound by the processor, the images largely by the network.
	plugin &
	local building=$!
	(make_images) || rc=1
	wait "$building" || rc=1
	((rc == 0)) || fail "not ready after $(took "$start")"
	say "ready in $(took "$start")"
}

case ${1:-up} in
-h | --help | help)
	usage
	exit 0
	;;
status)
	status
	exit
	;;
esac
mkdir -p "$cache"
exec 9>"$cache/docker.lock"
flock -n 9 || {
	say "another run is at work, waiting"
	flock 9
}
case ${1:-up} in
up) up ;;
engine) engine ;;
plugin) plugin ;;
images) make_images ;;
stop) stop_engine ;;
*)
	usage >&2
	exit 2
	;;
esac
