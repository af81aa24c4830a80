#!/usr/bin/env bash
# Builds hta and runs its tests: tests/run.sh [NAME...]
#
# NAME is unit (make check), a suite (tests/FOLDER/NAME.bats), or one of the long ones, which print TAP: model (spin), fuzz
# (libFuzzer), fault (real servers and random faults). Without a name: all, half an hour on two cores. tests/README.md says
# what each has and how long it takes. What is missing is installed with apt-get (tests/packages.sh).
# Everything happens in a scratch folder that is removed at the end; servers are our own, on private ports, started when a test first asks.
# All of them run in two lanes beside each other, the suites and the long ones, each with servers of its own: most of a test is waiting.
#
#	HTA_BUILD=DIR		build there and keep it (configured if it is not yet)
#	HTA_CONFIGURE=FLAGS	more flags for configure, such as "--enable-asan --enable-ubsan"
#	HTA_SERVICES=DIR	use the servers there and let them run (tests/services.sh stop all DIR ends them)
#	HTA_TEST_BROKERS=LIST	a Kafka that is there already
#	HTA_NO_KAFKA=REASON	the mock, even where a Kafka could be had
#	HTA_FAULT=OPTIONS	of tests/fault/run, such as "--seed 3 --minutes 60"
#	HTA_FUZZ=OPTIONS	of tests/fuzz/run, such as "--seconds 3600 ctl"
#	HTA_SEED=N		of all that is left to chance; without it each test draws a seed and tells it
#	HTA_KEEP=1		keep the scratch folder
#	CI=true			no real broker, and no other server or package that tests get, is a failure; otherwise tests that need it are skipped with the reason
set -uo pipefail
# Whoever started us may ignore signals (nohup, a job in the background). A shell cannot undo that, and all that it starts would ignore them too.
[ -n "${HTA_TEST_SIGNALS-}" ] || HTA_TEST_SIGNALS=default exec env --default-signal=HUP,INT,QUIT,TERM "$0" "$@"
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
unset CDPATH MAKEFLAGS RUNTIME_DIRECTORY TZ HTA_TEST_SIGNALS
exec </dev/null
cd "$(dirname "$0")/.." || exit
top=$PWD
# shellcheck source=tests/services.sh
source tests/services.sh

passed=0
failed=0
skipped=0
skips=		# a line each, with the reason
fails=		# a line each, and below it the first lines of what it said
scratch=
child=
lanes=()	# processes, each with a group of its own
ahead=	# another one
keep=${HTA_KEEP:-}
finished=	# set once the run has come to its end

say() { printf '== %s\n' "$*"; }

# ---- the end: whatever the way there, servers are stopped and the totals are the last line ----

stop_child() {
	[ -n "$child" ] || return
	kill -TERM -- "-$child" 2>/dev/null
	for _ in $(seq 100); do
		kill -0 -- "-$child" 2>/dev/null || break
		sleep 0.05
	done
	kill -KILL -- "-$child" 2>/dev/null
	child=
}

stop_lanes() {
	local lane
	[ -z "$ahead" ] || kill -TERM -- "-$ahead" 2>/dev/null
	ahead=
	for lane in "${lanes[@]}"; do kill -TERM "$lane" 2>/dev/null; done
	wait
	lanes=()
}

# What tests have left behind: servers in their own folders, and processes that carry this run's mark.
stop_strays() {
	local start environ pid
	while read -r start; do svc_stop all "${start%/*}" KILL; done < <(find "$scratch" -name '*.start')
	unset HTA_TEST_RUN
	for environ in /proc/[0-9]*/environ; do
		grep -qsxzF "HTA_TEST_RUN=$scratch" "$environ" || continue
		pid=${environ#/proc/}
		pid=${pid%/environ}
		echo "run.sh: left behind by a test: $pid $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline")" >&2
		kill -KILL "$pid" 2>/dev/null
	done
}

# The files of the checkout, but for those of folders that may lie in it and are ours. A test writes
# nothing into it; what a build needs there is made before the first test. Not asked of git: the
# checkout may be somebody else's or unpacked from an archive, and git need not be there.
new_files() {
	local folder not_ours=()
	for folder in "$build" "$scratch" "$services" "$top/.git" "$top/.build"; do
		not_ours+=(-path "$(printf %q "$folder")" -prune -o) # a pattern: [ stands for itself
	done
	find "$top" "${not_ours[@]}" ! -type d -print | LC_ALL=C sort
}

tell_new_files() {
	local file
	while IFS= read -r file; do
		echo "run.sh: left in the checkout by a test: $file" >&2
		failed=$((failed + 1)) fails+="  left in the checkout by a test: $file"$'\n'
	done < <(LC_ALL=C comm -13 "$scratch/new_files" <(new_files))
}

finish() {
	local code=$? line
	trap '' INT TERM HUP
	stop_child
	if [ -n "$scratch" ]; then
		stop_lanes
		[ ! -e "$scratch/new_files" ] || tell_new_files
		[ "$services" != "$scratch/s" ] || svc_stop all "$services"
		stop_strays
		if [ "$keep" = 1 ]; then
			say "kept: $scratch"
		else
			# what was killed just now may still be closing its files
			for _ in $(seq 40); do rm -rf "$scratch" 2>/dev/null && break; sleep 0.05; done
		fi
	fi
	[ -n "$finished" ] || failed=$((failed + 1))
	[ -z "$skips" ] || printf '== skipped:\n%s' "$skips"
	[ -z "$fails" ] || printf '== failed:\n%s' "$fails"
	line="$passed passed, $failed failed"
	[ $skipped = 0 ] || line+=", $skipped skipped"
	echo "$line"
	[ "$code" != 0 ] || [ $failed = 0 ] || code=1
	exit "$code"
}

give_up() {
	echo "run.sh: $*" >&2
	exit 1
}

# Runs a command in a process group of its own with default signals, so that ours can end us at once and all of it.
run() {
	local code
	set -m
	"$@" &
	child=$!
	set +m
	wait $child
	code=$?
	child=
	return $code
}

# ---- counting ----

say_failed() {
	say "$1"
	fails+="  $1"$'\n'
}

# What a test that failed has said: its first lines, and its last.
tell_why() { # LINE...
	local line
	[ $# -le 24 ] || set -- "${@:1:4}" "# [..]" "${@: -20}"
	for line; do fails+="    ${line:0:300}"$'\n'; done
}

# Adds up a TAP stream. What the plan promised and did not come has failed, and so has a plan of nothing.
count_tap() { # NAME FILE CODE
	local line planned='' seen=0 bad=0 told=() telling=''
	while IFS= read -r line; do
		case $line in
		\#*) [ -z "$telling" ] || told+=("$line") ;;
		*) tell_why "${told[@]}"; told=() telling='' ;;
		esac
		case $line in
		1..[0-9]*) planned=${line#1..}; planned=${planned%% *} ;;
		'not ok '*) seen=$((seen + 1)) bad=$((bad + 1)) telling=1 fails+="  $1: ${line#not ok }"$'\n' ;;
		'ok '*\#\ [sS][kK][iI][pP]*)
			seen=$((seen + 1)) skipped=$((skipped + 1))
			skips+="  $1: $(sed -E 's/^ok //; s/( in [0-9]+ms)? # skip */: /i' <<<"$line")"$'\n'
			;;
		'ok '*) seen=$((seen + 1)) passed=$((passed + 1)) ;;
		esac
	done <"$2"
	tell_why "${told[@]}"
	if [ "${planned:-0}" -gt $seen ]; then
		say_failed "$1: $((planned - seen)) of $planned tests did not run"
		bad=$((bad + planned - seen))
	elif [ "${planned:-0}" = 0 ] || { [ "$3" != 0 ] && [ $bad = 0 ]; }; then
		say_failed "$1: exit $3, and no test that says why"
		bad=$((bad + 1))
	fi
	failed=$((failed + bad))
}

# Adds up automake's results of make check. XFAIL is a pass, XPASS and ERROR are failures.
count_check() { # CODE
	local result name bad=0
	while read -r _ result name; do
		case $result in
		PASS | XFAIL) passed=$((passed + 1)) ;;
		SKIP) skipped=$((skipped + 1)) skips+="  unit: $name"$'\n' ;;
		*) bad=$((bad + 1)) fails+="  unit: $name"$'\n' ;;
		esac
	done < <(find "$build" -name '*.trs' -exec grep -h '^:test-result: ' {} +)
	[ "$1" = 0 ] || [ $bad != 0 ] || bad=1 fails+="  unit: make check, exit $1"$'\n'
	failed=$((failed + bad))
}

# ---- the build ----

# The tree that is built: the checkout, or a copy where that cannot be written to or has been configured itself.
choose_source() {
	src=$top
	[ -e configure.ac ] || give_up "no configure.ac in $top: there is nothing to build yet"
	if [ -e config.status ] || [ ! -w . ]; then
		src=$scratch/src
		mkdir "$src"
		tar -cf - --exclude-vcs . | tar -xf - -C "$src" || give_up "cannot copy $top"
		(cd "$src" && { [ ! -e Makefile ] || make -s distclean; }) >/dev/null 2>&1
		rm -f "$src/config.status"
	fi
}

newest() { # FILE THAN...
	local than
	for than in "${@:2}"; do [ "$1" -nt "$than" ] || return 1; done
}

build_all() {
	cd "$src" || return
	if ! newest configure configure.ac || ! newest Makefile.in Makefile.am configure.ac; then
		flock configure.ac autoreconf -fi || return
	fi
	cd "$build" || return
	# shellcheck disable=SC2086
	[ -e Makefile ] || "$src/configure" -q --enable-werror ${HTA_CONFIGURE:-} || return
	make -s -j"$(nproc)" all test-tools
}

build() {
	local from=$SECONDS
	build=${HTA_BUILD:-$scratch/build}
	mkdir -p "$build" || give_up "cannot build in $build"
	build=$(cd "$build" && pwd)
	choose_source
	if ! run build_all >"$scratch/build.log" 2>&1; then
		tail -n 40 "$scratch/build.log"
		give_up "the build failed"
	fi
	grep -E 'warning:' "$scratch/build.log"
	PATH=$build:$build/tests/mock:$build/tests/kafka:$(svc_pg_bin):$PATH
	export PATH HTA_BUILD_DIR=$build
	say "built in $((SECONDS - from)) s"
}

# ---- the broker ----

# Tells which broker the tests will get, before the first one of them, and has a failed attempt to get one made once.
tell_broker() {
	case $(svc_kafka_kind 2>"$scratch/broker.err") in
	given) say "broker: given, $HTA_TEST_BROKERS" ;;
	apache) say "broker: Apache Kafka $(sed -n 's/.*<kafka.version>\(.*\)<.*/\1/p' tests/kafka/pom.xml), our own" ;;
	*)
		HTA_NO_KAFKA=$(sed 's/^services.sh: //;q' "$scratch/broker.err")
		export HTA_NO_KAFKA
		say "broker: the mock; $HTA_NO_KAFKA"
		[ "${CI:-}" != true ] || give_up "no real broker under CI"
		;;
	esac
}

wants_broker() {
	local name
	for name; do
		! grep -qsE 'with_service .*(kafka|broker)|svc_start (kafka|broker)' "$(suite_file "$name")" "tests/$name/run" || return 0
	done
	return 1
}

# ---- the suites ----

suite_unit() {
	find "$build" -name '*.trs' -delete
	run timeout -k 5 900 make -s -C "$build" -j"$(nproc)" check >"$scratch/unit.log" 2>&1
	local code=$?
	[ $code != 124 ] || say "unit: not done after 15 minutes"
	count_check $code
	[ $code = 0 ] || { cat "$build/test-suite.log" 2>/dev/null || tail -n 40 "$scratch/unit.log"; }
}

# The file of a suite, whichever folder it lies in; nothing where there is none of that name.
suite_file() { compgen -G "tests/*/$1.bats"; } # NAME

run_bats() { bats --formatter tap --timing "$(suite_file "$1")" | tee "$tap"; }

run_program() { "tests/$1/run" | tee "$tap"; }

suite() { # NAME
	local from=$SECONDS p=$passed f=$failed s=$skipped tap=$scratch/tap.$1
	say "$1"
	: >"$tap"
	if [ "$1" = unit ]; then
		suite_unit
	elif suite_file "$1" >/dev/null; then
		run run_bats "$1"
		count_tap "$1" "$tap" $?
	else
		run run_program "$1"
		count_tap "$1" "$tap" $?
	fi
	say "$1: $((passed - p)) passed, $((failed - f)) failed, $((skipped - s)) skipped, $((SECONDS - from)) s"
}

# A lane: suites one after the other, with servers of their own. What a suite prints comes out in one piece, when it is done.
lane() { # LANE NAME...
	local lane=$1 name
	shift
	passed=0 failed=0 skipped=0 skips='' fails='' lanes=()
	trap 'stop_child; exit 143' TERM
	export HTA_SERVICES=$scratch/$lane
	mkdir "$HTA_SERVICES"
	for name; do
		suite "$name" >"$scratch/said.$name" 2>&1
		flock "$scratch" cat "$scratch/said.$name"
	done
	svc_stop all "$HTA_SERVICES"
	declare -p passed failed skipped skips fails | sed 's/^declare --/add/' >"$scratch/totals.$lane"
}

# A total of a lane, as lane() has written it.
add() { # NAME=VALUE
	case $1 in
	skips=*) skips+=${1#*=} ;;
	fails=*) fails+=${1#*=} ;;
	*) printf -v "${1%%=*}" %d $((${1%%=*} + ${1#*=})) ;;
	esac
}

# What takes minutes to be built on a new machine comes beside the first suites.
get_ahead() {
	set -m # as in run()
	(for name in mongo s3; do svc_needs "$name"; done) >/dev/null 2>&1 </dev/null &
	ahead=$!
	set +m
}

# All that is named, the long ones beside the rest.
run_lanes() { # NAME...
	local name long=() short=()
	for name; do
		case $name in fault | model | fuzz) long+=("$name") ;; *) short+=("$name") ;; esac
	done
	set -m # as in run()
	lane suites "${short[@]}" &
	lanes+=($!)
	lane long "${long[@]}" &
	lanes+=($!)
	set +m
	wait "${lanes[@]}"
	lanes=()
	for name in suites long; do
		[ -e "$scratch/totals.$name" ] || give_up "the lane \"$name\" did not come to its end"
		# shellcheck disable=SC1090
		source "$scratch/totals.$name"
	done
}

known() { [ "$1" = unit ] || suite_file "$1" >/dev/null || [ -x "tests/$1/run" ]; }

all_names() {
	local file
	echo unit
	for file in tests/*/*.bats; do basename "$file" .bats; done | sort
	printf '%s\n' fault model fuzz
}

for name; do
	known "$name" || {
		echo "run.sh: no test \"$name\", there are: $(all_names | paste -sd' ')" >&2
		exit 64
	}
done
mapfile -t all < <(all_names)
side_by_side=
[ $# -gt 0 ] || [ -n "${HTA_SERVICES:-}" ] || side_by_side=1
[ $# -gt 0 ] || set -- "${all[@]}"

services=
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

scratch=$(mktemp -d "${TMPDIR:-/tmp}/hta.XXXXXX") || give_up "no scratch folder in ${TMPDIR:-/tmp}"
chmod 711 "$scratch"
services=${HTA_SERVICES:-$scratch/s}
mkdir -p "$services" "$scratch/ports" # the latter: those that tests have got (svc_free_port)

run tests/packages.sh build test || give_up "packages are missing"
if [ -z "${HTA_TEST_BROKERS:-}" ] && ! { command -v java && command -v mvn; } >/dev/null; then
	run tests/packages.sh kafka # without them the reason for the mock is told below
fi
build

# nothing of the caller's settings reaches the programs under test
for name in "${!PG@}" "${!HTA_@}" "${!AWS_@}" REDIS_URL; do
	case $name in
	HTA_BUILD_DIR | HTA_FAULT | HTA_FUZZ | HTA_NO_KAFKA | HTA_PG_BIN | HTA_PG_FSYNC | HTA_SEED | HTA_TEST_BROKERS) ;;
	*) unset "$name" ;;
	esac
done
export HTA_TEST_RUN=$scratch HTA_SERVICES=$services TMPDIR=$scratch BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-300}
! wants_broker "$@" || tell_broker
new_files >"$scratch/new_files"
if [ -n "$side_by_side" ]; then get_ahead; run_lanes "$@"; else for name; do suite "$name"; done; fi
finished=1
