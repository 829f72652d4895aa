#!/usr/bin/env bash
# Says whether the services tier can run: it stands on PostgreSQL's programs. The
# tests start servers of their own, so the machine's own is neither needed nor
# touched.
set -euo pipefail

if ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && ! command -v initdb >/dev/null; then
	echo "missing: initdb (Debian: apt-get install postgresql)" >&2
	exit 1
fi
