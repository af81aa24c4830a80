#!/usr/bin/env bash
# Installs the Debian packages that are missing: tests/packages.sh SET..., the sets being
#   build   what ./configure && make need
#   test    what tests/run.sh needs besides
#   deb     what `make deb` needs besides, and tests/tree/packages.bats to look at what comes of it
#   kafka   Java and Maven, for a real broker of our own (without them the tests have a mock)
#   node, simdjson, filters, python   what tests/bench/run compares with: npm for DuckDB (and for tests/cli/graphql.bats: graphql-js); the C++ library; gawk, jq and Miller; venv (and for tests/store/: schemathesis, moto, DuckDB)
#   browser Chromium, for the live page of hta-serve (tests/store/page.bats)
#   go      Go, which builds servers: of S3 (tests/store/s3.bats), FerretDB for MongoDB (tests/store/mongo.bats)
#   load    clients of HTTP for tests/bench/run
# apt-get runs only if something is missing, as root or through sudo -n. Exit 0: all there; 69: not to be had, said why.
# Servers that arrive this way are not started: the tests run their own on private ports.
set -euo pipefail

# shellcheck disable=SC2034
build="autoconf automake gcc libc6-dev libcurl4-openssl-dev libhiredis-dev libjq-dev liblmdb-dev libmimalloc-dev libmongoc-dev libnghttp2-dev libpcre2-dev libpq-dev librdkafka-dev libsqlite3-dev libssl-dev
	libxxhash-dev libzstd-dev make pkg-config zlib1g-dev"
# shellcheck disable=SC2034
test="bats bzip2 clang clang-format-14 curl fish groff-base jq kcat libclang-rt-14-dev libtest-json-schema-acceptance-perl mandoc nghttp2-client nginx-light openssl pgbouncer postgresql-15 postgresql-15-hll procps prometheus prometheus-node-exporter python3 python3-jsonschema python3-prometheus-client python3-pymongo python3-requests python3-venv python3-websockets python3-yaml redis-server slowhttptest spin
	sqlite3 systemd tzdata xxhash xz-utils zsh zstd"
# shellcheck disable=SC2034
kafka="ca-certificates maven openjdk-17-jre-headless openssl"
# shellcheck disable=SC2034
node="ca-certificates nodejs npm"
# shellcheck disable=SC2034
simdjson="g++ libsimdjson-dev libxxhash-dev"
# shellcheck disable=SC2034
filters="gawk jq miller"
# shellcheck disable=SC2034
go="ca-certificates golang-go"
# shellcheck disable=SC2034
load="wrk"
# shellcheck disable=SC2034
browser="chromium"
# shellcheck disable=SC2034
deb="build-essential debhelper debootstrap lintian"
# shellcheck disable=SC2034
python="ca-certificates python3-venv"

missing() {
	local p
	for p; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null || :)" = installed ] || echo "$p"
	done
}

die() {
	echo "packages.sh: $*" >&2
	exit 69
}

names=()
for set; do
	case $set in
	build | test | kafka | node | simdjson | filters | python | browser | go | deb | load) read -r -d '' -a more <<<"${!set}" || : ;;
	*) echo "packages.sh: unknown set \"$set\", give build, test, kafka, node, simdjson, filters, python, browser, go, deb or load" >&2; exit 64 ;;
	esac
	names+=("${more[@]}")
done

command -v dpkg-query apt-get >/dev/null ||
	die "this is not a Debian system, install the like of these by hand: ${names[*]}"
[ -n "$(missing "${names[@]}")" ] || exit 0

# One of us at a time on a machine: nobody waits for the lock of apt-get's lists, and who ends first would remove the
# policy below under the other one.
exec 9<"$(command -v apt-get)"
flock 9
mapfile -t want < <(missing "${names[@]}")
[ ${#want[@]} -gt 0 ] || exit 0

root=()
if [ "$(id -u)" != 0 ]; then
	sudo -n true 2>/dev/null || die "packages are missing, run as root: $0 $*, which installs ${want[*]}"
	root=(sudo -n)
fi

# invoke-rc.d and deb-systemd-invoke ask this file whether they may start a daemon
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	trap '"${root[@]}" rm -f $policy' EXIT
	printf '#!/bin/sh\nexit 101\n' | "${root[@]}" install -m 755 /dev/stdin $policy
fi

log=$(mktemp)
apt() {
	"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" \
		</dev/null >>"$log" 2>&1 9<&-
}
echo "packages.sh: installing ${want[*]}" >&2
if ! { apt update && apt install --no-install-recommends "${want[@]}"; }; then
	tail -n 20 "$log" >&2
	rm -f "$log"
	die "apt-get failed, install by hand: ${want[*]}"
fi
rm -f "$log"
