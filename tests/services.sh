#!/usr/bin/env bash
# Real servers for the tests, on private ports of 127.0.0.1, all of their files under one folder.
#
#   tests/services.sh start NAME DIR            NAME: a file of tests/services/, or one node of it (kafka3-2)
#   tests/services.sh stop NAME|all DIR [SIG]   SIG: KILL for a crash; each has its own polite one
#   tests/services.sh restart NAME DIR [SIG]    same data, same ports
#   tests/services.sh env DIR                   what runs there, as lines of export for eval
#   tests/services.sh pid NAME DIR              its process (kafka3: three)
#
# start returns when the server answers; a second start of what runs does nothing; several DIRs live side by side.
# DIR/NAME.pid has the process, NAME.port its ports, NAME.log what it says, NAME/ its data. Only processes that these
# files name are ever signalled, and only while their start time is the noted one.
#
# Can be sourced: svc_start, svc_stop, svc_env and so on take the same operands.
#
# A server is a file, tests/services/NAME.sh, with svc_NAME_up and as many of the others as it needs:
#
#   svc_NAME_up DIR PART    starts it with svc_spawn and waits with svc_ready; ports are kept in DIR/PART.port
#   svc_NAME_env DIR        prints lines of export, nothing where it does not run
#   svc_NAME_place DIR PREFIX   makes a test file's own place in it and prints lines of export that lead there
#   svc_NAME_parts          its nodes, where it is not one process called NAME
#   svc_NAME_needs          69, and the reason on stderr, where something is not installed
#   svc_NAME_given DIR      true where the caller has one already: nothing is started
#   svc_NAME_signal         the signal that ends it politely, where it is not TERM
#   svc_NAME_stopped DIR    clears away what is its own
#   svc_NAME_is             in place of all these: the name of the service that is meant

SVC_HOME=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SVC_START_SECONDS=60	# a start that takes longer has failed
SVC_STOP_SECONDS=20	# then KILL

svc_say() { echo "services.sh: $*" >&2; }

svc_now_ms() { echo $(($(date +%s%N) / 1000000)); }

# ---- ports and processes ----

# A port below the kernel's ephemeral range to which nobody answers, and which no other test of the run has got: a server
# may be down for a while. A stranger may take it before our server does: the server then fails to start, and svc_attempts
# tries another.
svc_free_port() {
	local port taken=${HTA_TEST_RUN:-}/ports
	while :; do
		port=$((20000 + RANDOM % 12000))
		! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || continue
		[ -w "$taken" ] || break
		! mkdir "$taken/$port" 2>/dev/null || break
	done
	echo "$port"
}

# The start time of process $1 in ticks since boot; fails when there is none or it is a zombie. svc_zombie: fails when it is none.
svc_started() { svc_state "$1" alive; }
svc_zombie() { svc_state "$1" zombie; }

# One whose first thread has ended is shown as a zombie while others of its threads still have its files, locks and sockets.
svc_state() { # PID alive|zombie
	local stat state=alive
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	read -r -a stat <<<"${stat##*) }"
	[ "${stat[0]}" != Z ] || [ "${stat[17]}" -gt 1 ] || state=zombie
	[ $state = "$2" ] && echo "${stat[19]}"
}

svc_alive() { # NAME DIR
	[ -s "$2/$1.start" ] && [ "$(svc_started "$(<"$2/$1.pid")")" = "$(<"$2/$1.start")" ]
}

# Runs a daemon in a session of its own, with no descriptor of ours but its log, and notes its process. Those in
# HTA_SERVICES may outlive the run that starts them and lose its mark; all others are a test's own.
svc_spawn() { # NAME DIR COMMAND...
	local name=$1 dir=$2 fd mark=(env)
	shift 2
	[ "$dir" != "${HTA_SERVICES:-}" ] || mark=(env -u HTA_TEST_RUN)
	rm -f "$dir/$name.pid" "$dir/$name.start"
	(
		cd "$dir/$name" || exit
		for fd in /proc/self/fd/*; do
			fd=${fd##*/}
			[ "$fd" -le 2 ] || eval "exec $fd>&-"
		done
		# shellcheck disable=SC2016
		exec "${mark[@]}" setsid sh -c 'echo $$ >"$1.tmp"; mv "$1.tmp" "$1.pid"; shift; exec "$@"' sh "$dir/$name" "$@"
	) </dev/null >>"$dir/$name.log" 2>&1 &
	disown
	until [ -s "$dir/$name.pid" ]; do sleep 0.01; done
	svc_started "$(<"$dir/$name.pid")" >"$dir/$name.start"
}

# Waits until "COMMAND..." holds, for as long as the process lives. 1: it died or the time is over.
svc_ready() { # NAME DIR COMMAND...
	local name=$1 dir=$2 end=$((SECONDS + SVC_START_SECONDS))
	shift 2
	until "$@" >/dev/null 2>&1; do
		svc_alive "$name" "$dir" && [ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
	svc_alive "$name" "$dir"
}

# Runs "svc_NAME_up DIR PART" until it holds. New ports each time, unless the service had some: it keeps them for life.
# 69, something is not installed, is final.
svc_attempts() { # NAME DIR
	local name=$1 dir=$2 kept=0 try code part
	compgen -G "$dir/$name.port" >/dev/null || compgen -G "$dir/$name-?.port" >/dev/null && kept=1
	for try in 1 2 3 4 5; do
		[ $kept = 1 ] || rm -f "$dir/$name".port "$dir/$name"-?.port
		code=0
		"svc_${name%%-*}_up" "$dir" "$name" || code=$?
		case $code in 0 | 69) return $code ;; esac
		for part in $(svc_parts "$name"); do svc_stop_one "$part" "$dir" KILL; done
		sleep 0.3
	done
	svc_say "$name did not start ($try attempts), the end of $dir/$name.log:"
	tail -n 15 "$dir/$name.log" >&2
	return 1
}

# ---- servers in Java ----

# The folder of a server that Maven gets once; it is kept in ${XDG_CACHE_HOME:-~/.cache}/hta-tests. "COMMAND... TMP" fills
# the folder. 69 and the reason in a line where that cannot be.
svc_from_maven() { # WHAT NAME COMMAND...
	local what=$1 cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/hta-tests lib tmp
	lib=$cache/$2
	shift 2
	command -v java >/dev/null || { svc_say "no $what: no java, run tests/packages.sh kafka"; return 69; }
	if [ ! -d "$lib" ]; then
		command -v mvn >/dev/null || { svc_say "no $what: no mvn, run tests/packages.sh kafka"; return 69; }
		if ! mkdir -p "$cache" || ! tmp=$(mktemp -d "$cache/new.XXXXXX"); then
			svc_say "no $what: no place to keep it in $cache"
			return 69
		fi
		if ! "$@" "$tmp" </dev/null >"$tmp/log" 2>&1; then
			svc_say "no $what: Maven could not get it: $(grep -m 1 ERROR "$tmp/log" || echo "no reason given")"
			rm -rf "$tmp"
			return 69
		fi
		# who comes second finds the folder there and drops his own
		mv -T "$tmp" "$lib" 2>/dev/null || rm -rf "$tmp"
	fi
	echo "$lib"
}

# Java takes the home folder from the account and not from HOME.
svc_maven() { mvn -q -B -Duser.home="${HOME:-/tmp}" "$@"; }

svc_maven_jars() { # POM DIR
	svc_maven -f "$1" dependency:copy-dependencies -DoutputDirectory="$2"
}

# ---- what callers use ----

for svc_file in "$SVC_HOME"/services/*.sh; do
	# shellcheck source=/dev/null
	source "$svc_file"
done

# Calls svc_NAME_VERB where the service has it, otherwise returns CODE.
svc_ask() { # VERB NAME CODE ARG...
	declare -F "svc_$2_$1" >/dev/null || return "$3"
	"svc_$2_$1" "${@:4}"
}

# What a service needs is there, or is got: by one process at a time, as it may take minutes. 69 where it is not to be had.
svc_needs() { # NAME
	local cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/hta-tests
	declare -F "svc_$1_needs" >/dev/null || return 0
	if mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ]; then
		(flock 8 && "svc_$1_needs" 8>&-) 8>>"$cache/$1.lock"
	else
		"svc_$1_needs"
	fi
}

# The names of all services that can be started.
svc_names() {
	local file name
	for file in "$SVC_HOME"/services/*.sh; do
		name=${file##*/}
		! declare -F "svc_${name%.sh}_up" >/dev/null || echo "${name%.sh}"
	done
}

svc_parts() { # NAME
	local name
	if [ "$1" = all ]; then
		for name in $(svc_names); do svc_parts "$name"; done
	elif declare -F "svc_$1_up" >/dev/null; then
		svc_ask parts "$1" 1 || echo "$1"
	elif [[ $1 == *-* && " $(svc_ask parts "${1%%-*}" 1) " == *" $1 "* ]]; then
		echo "$1"
	else
		svc_say "unknown service \"$1\", give a name of tests/services/ or all"
		return 64
	fi
}

svc_start() { # NAME DIR
	local name dir=$2 part from to
	[ "$1" != all ] || { svc_say "start wants one service, not all"; return 64; }
	name=$(svc_ask is "$1" 1) || name=$1
	svc_parts "$name" >/dev/null || return
	mkdir -p "$dir" && chmod go+x "$dir" || return
	dir=$(cd "$dir" && pwd)
	# a unix socket's path has 107 bytes
	[ ${#dir} -le 80 ] || { svc_say "$dir: path too long for a socket, choose a shorter one"; return 64; }
	! svc_ask given "$name" 1 "$dir" || return 0
	svc_needs "${name%%-*}" || return
	(
		flock 9
		for part in $(svc_parts "$name"); do
			svc_alive "$part" "$dir" || break
			part=
		done
		[ -n "$part" ] || exit 0
		from=$(svc_now_ms)
		svc_attempts "$name" "$dir" || exit
		to=$(svc_now_ms)
		echo $((to - from)) >"$dir/$name.start_ms"
	) 9>"$dir/$name.lock"
}

svc_stop_one() { # NAME DIR [SIG]
	local name=$1 dir=$2 sig=${3:-TERM} end=$((SECONDS + SVC_STOP_SECONDS))
	[ "$sig" != TERM ] || sig=$(svc_ask signal "$name" 1) || sig=TERM
	while svc_alive "$name" "$dir"; do
		[ -z "$sig" ] || kill -s "$sig" "$(<"$dir/$name.pid")"
		sig=
		if [ $SECONDS -ge $end ]; then
			svc_say "$name did not stop in $SVC_STOP_SECONDS s, killing it"
			sig=KILL
			end=$((SECONDS + SVC_STOP_SECONDS))
		fi
		sleep 0.02
	done
	# Dead, but for as long as its parent has not asked how, others take it for alive, Postgres for one. Where nobody ever asks they must do with that.
	for _ in $(seq 250); do
		[ -s "$dir/$name.pid" ] && [ "$(svc_zombie "$(<"$dir/$name.pid")")" = "$(<"$dir/$name.start")" ] || break
		sleep 0.02
	done
	rm -f "$dir/$name.pid" "$dir/$name.start"
}

svc_stop() { # NAME|all DIR [SIG]
	local part name parts dir stops=()
	parts=$(svc_parts "$1") || return
	[ -d "$2" ] || return 0
	dir=$(cd "$2" && pwd)
	for part in $parts; do
		svc_stop_one "$part" "$dir" "${3:-TERM}" &
		stops+=($!)
	done
	wait "${stops[@]}"
	for name in $parts; do svc_ask stopped "$name" 0 "$dir"; done
}

svc_env() { # DIR
	local dir name
	dir=$(cd "$1" && pwd) || return
	for name in $(svc_names); do svc_ask env "$name" 0 "$dir"; done
}

svc_pid() { # NAME DIR
	local part parts
	parts=$(svc_parts "$1") || return
	for part in $parts; do
		svc_alive "$part" "$2" && cat "$2/$part.pid" || return 1
	done
}

svc_main() {
	local verb=${1:-} name=${2:-} dir=${3:-}
	case $verb:$# in
	start:3) svc_start "$name" "$dir" ;;
	stop:[34]) svc_stop "$name" "$dir" "${@:4}" ;;
	restart:[34]) svc_stop "$name" "$dir" "${@:4}" && svc_start "$name" "$dir" ;;
	env:2) svc_env "$name" ;;
	pid:3) svc_pid "$name" "$dir" ;;
	*) sed -n '2,/^$/s/^# \?//p' "$SVC_HOME/services.sh" >&2; return 64 ;;
	esac
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	set -uo pipefail
	svc_main "$@"
fi
