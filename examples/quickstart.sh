#!/usr/bin/env bash
# From nothing to numbers, on a bare Debian 12: installs what the build needs, builds, makes a file of events, counts it into a SQLite file and
# shows what is in there. Once more: a second piece of events is added to the file, and only that is read.
#
#	HTA_BUILD=DIR		where to build, or programs that are built already (default: .build in the checkout)
#	HTA_QUICKSTART=DIR	where the events and the rollups go (default: quickstart in the build)
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }

# apt-get through sudo, which may ask for a password where there is somebody to ask.
packages() {
	tests/packages.sh build && return
	[ "$(id -u)" != 0 ] && [ -t 0 ] && command -v sudo >/dev/null && sudo -v && tests/packages.sh build
}

build_all() {
	if [ ! -e configure ] || [ configure.ac -nt configure ] || [ Makefile.am -nt Makefile.in ]; then
		autoreconf -fi || return
	fi
	cd "$build" && { [ -e Makefile ] || "$top/configure" -q; } && make -s -j"$(nproc)"
}

compile() {
	packages || exit 69
	say "building in $build, about a minute ..."
	(build_all) >"$build/build.log" 2>&1 || { tail -n 30 "$build/build.log"; exit 1; }
}

build=${HTA_BUILD:-$top/.build}
mkdir -p "$build" 2>/dev/null || build=$(mktemp -d)
build=$(cd "$build" && pwd)
if [ -z "${HTA_BUILD:-}" ] || [ ! -x "$build/hta-consume" ]; then compile; fi
export PATH=$build:$PATH

work=${HTA_QUICKSTART:-$build/quickstart}
mkdir -p "$work"
cd "$work"

# Every run adds ten minutes of events: 300,000, a few of them late, a few broken.
touch events.ndjson
lines=$(wc -l <events.ndjson)
say "$work/events.ndjson: 300,000 events behind $lines"
hta-gen --count 300000 --step 2ms --start "@$((1767225600 + lines / 500))" --seed $((lines + 1)) \
	--hot-key-prob 20% --late-prob 0.1% --bad-prob 0.1% >>events.ndjson

say "hta-consume --job quickstart events.ndjson | hta-window --by endpoint,status ... | hta-sink-sqlite rollups.db | hta-commit"
time hta-consume --job quickstart events.ndjson |
	hta-window --by endpoint,status --value latency_ms --uniq user_id |
	hta-sink-sqlite --init rollups.db | hta-commit

say "hta-query -d rollups.db top events --by endpoint -n 5"
hta-query -d rollups.db top events --by endpoint -n 5 --format table

say "hta-query -d rollups.db history events --by status --since 2026-01-01 --plot"
hta-query -d rollups.db history events --by status --since 2026-01-01 --plot

say "It is all in $work/rollups.db: programs are in $build, manuals in $top/man (man -l man/hta.7)."
