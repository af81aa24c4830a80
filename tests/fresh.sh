#!/usr/bin/env bash
# The README's two commands on a bare Debian 12: tests/fresh.sh [NAME...]
#
# Makes a root with debootstrap's smallest variant, clones HEAD into it and runs there, with HOME and
# PATH for an environment, ./examples/quickstart.sh and ./tests/run.sh NAME... What they need has to
# come from the clone and from what they install themselves. Exit 0: both left with 0.
# Not a part of tests/run.sh: it wants root, debootstrap and git (69 without them), 4 GB in TMPDIR
# on a file system that allows devices, and the time that both commands take.
#
#	HTA_FRESH_MIRROR=URL	where Debian's packages come from (default: debootstrap's)
#	HTA_FRESH_ROOT=DIR	make the root there and keep it; one that is there is used as it is,
#				with a new clone
#	CI, HTA_CONFIGURE, HTA_FAULT, HTA_FUZZ, HTA_NO_KAFKA, HTA_SEED
#				are handed down to tests/run.sh
#
# tests/root.bash says what of this machine is carried over, and that nothing is left.
set -uo pipefail
unset CDPATH
top=$(cd "$(dirname "$0")/.." && pwd) || exit
# shellcheck source=tests/root.bash
source "$top/tests/root.bash"

root=	# the new system
keep=	# not ours to remove

say() { printf '== %s\n' "$*"; }

give_up() { # CODE MESSAGE...
	echo "fresh.sh: ${*:2}" >&2
	exit "$1"
}

finish() {
	local code=$?
	trap '' INT TERM HUP
	if [ -n "$child" ]; then
		kill -KILL "$child" 2>/dev/null	# its namespace's processes die with it
		wait "$child" 2>/dev/null
	fi
	[ -z "$root" ] || rm -f "$root.log"
	if [ -n "$root" ] && [ -z "$keep" ]; then
		# what was killed just now may still be closing its files
		for _ in $(seq 100); do
			rm -rf --one-file-system "$root" 2>/dev/null && break
			sleep 0.1
		done
		[ ! -e "$root" ] || echo "fresh.sh: could not remove $root" >&2
	fi
	exit "$code"
}

# Names and values of what is handed down, an argument each for env.
settings() {
	local name
	settings=()
	for name in http_proxy https_proxy no_proxy CI HTA_CONFIGURE HTA_FAULT HTA_FUZZ \
		HTA_NO_KAFKA HTA_SEED; do
		[ -z "${!name:-}" ] || settings+=("$name=${!name}")
	done
}

in_root() { root_run "$root" /root/hta "${settings[@]}" "$@"; } # COMMAND...

make_root() {
	local log=$root.log
	say "a root of Debian 12 in $root"
	if ! root_make "$root" >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		give_up 69 "debootstrap failed: HTA_FRESH_MIRROR is for another mirror, TMPDIR for another place"
	fi
	root_carry_over "$root" && touch "$root/.made-by-fresh.sh" || give_up 74 "cannot write to $root"
}

clone() {
	rm -rf --one-file-system "$root/root/hta"
	git clone -q --depth 1 "file://$top" "$root/root/hta"
}

failed=0
command_of_readme() { # COMMAND...
	local from=$SECONDS code
	say "$*"
	in_root "$@"
	code=$?
	[ $code = 0 ] || failed=1
	results+=("$*: exit $code, $((SECONDS - from)) s")
}

why=$(root_lacks git)
[ -z "$why" ] || give_up 69 "$why"
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

if [ -n "${HTA_FRESH_ROOT:-}" ]; then
	keep=1
	mkdir -p "$HTA_FRESH_ROOT" || give_up 74 "cannot make $HTA_FRESH_ROOT"
	root=$(cd "$HTA_FRESH_ROOT" && pwd)
else
	root=$(mktemp -d "${TMPDIR:-/tmp}/hta-fresh.XXXXXX") || give_up 74 "no scratch folder"
fi
chmod 755 "$root"
[ -e "$root/.made-by-fresh.sh" ] || make_root
clone || give_up 69 "cannot clone $top"

settings
results=()
command_of_readme ./examples/quickstart.sh
command_of_readme ./tests/run.sh "$@"
commit=$(git -C "$root/root/hta" rev-parse --short HEAD)
say "on $(. "$root/etc/os-release" && echo "$PRETTY_NAME"), $commit:"
printf '%s\n' "${results[@]}"
exit $failed
