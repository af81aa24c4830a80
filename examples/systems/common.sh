# What the scripts of this folder share; each begins by reading this. A script starts its pipelines, and check/NAME.sh
# sends them events, kills some of them, and counts again what was sent.
#
# A script keeps logs and local stores in a folder of its own: HTA_WORK, else ./NAME.work. It takes ports
# from HTA_IN (events over HTTP), HTA_OUT (numbers over HTTP), and ends all that it started; with HTA_STAY=1
# it serves on until it is told to stop. It begins with nothing: a folder, topics and tables of its own. Exit 0: what is stored is what a recount of the events says.
set -euo pipefail
shopt -s lastpipe

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
name=${0##*/}
name=${name%.sh}
mkdir -p "${HTA_WORK:=$name.work}"
cd "$HTA_WORK"
[ -z "$(ls)" ] || {
	echo "$name: $PWD has what an earlier run left; remove it, and what that run has stored, or give another HTA_WORK" >&2
	exit 78
}
in=http://localhost:${HTA_IN:=8000}
out=http://localhost:${HTA_OUT:=8080}
json='Content-Type: application/json'

say() { printf '%s\n' "$*"; }
fail() {
	printf '%s: %s\n' "$name" "$*" >&2
	tail -qn 3 -- ./*.log >&2 || :
	exit 1
}
seconds() { date +%s.%N; }
rate() { awk -v n="$1" -v from="$2" -v to="$3" 'BEGIN { printf "%.0f", n / (to - from) }'; } # COUNT FROM TO

# Until the command holds, or two minutes are over.
wait_for() { # COMMAND...
	local until=$((SECONDS + ${WAIT:-120}))
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $until ] || fail "waited in vain for: $*"
		sleep 0.2
	done
}

# TERM to a group, for as long as a process lives: what was started just now has no group yet.
term() { until kill -TERM -- "-$1" 2>/dev/null || ! kill -0 "$2" 2>/dev/null; do sleep 0.1; done; } # GROUP PROCESS

# Both are there, and the same.
same() { # WHAT STORED RECOUNTED
	[ -n "$2" ] && [ "$2" = "$3" ] || fail "$1: stored is ${2:-nothing}, counted again it is $3"
	say "$1: $2, as counted again"
}

# Runs a pipeline as a service manager does: started again as long as that helps (hta(7), EXIT STATUS), once none of its
# processes is there: one that is killed has its locks until the disk is done with what it wrote. Its messages are in NAME.log.
service() { # NAME PIPELINE
	while [ ! -e "$1.over" ]; do
		setsid bash -o pipefail -c "trap : TERM INT; $2" >>"$1.log" 2>&1 &
		echo $! >"$1.pid"
		[ ! -e "$1.over" ] || term $! $!
		wait $! && break
		case $? in 64 | 65 | 70 | 77 | 78 | 12[67] | 13[469]) break ;; esac # the last: a crash
		gone "$1"
		sleep 0.3
	done 2>/dev/null &
	loops[$1]=$!
}
declare -A loops

# Waits until none of its processes is there, for half a minute at most. A zombie has given back all it had.
gone() { # NAME
	local _
	for _ in $(seq 600); do
		[ -n "$(ps -o stat= -s "$(<"$1.pid")" | sed '/^Z/d')" ] || break
		sleep 0.05
	done
}

# All of its processes at once; it runs, or runs again soon.
hit() { kill -KILL -- "-$(<"$1.pid")"; } # NAME
crash() { wait_for hit "$1"; } # NAME

# Ends it the polite way: what is under way is stored.
finish() { # NAME...
	local one
	for one; do
		touch "$one.over"
		term "$(<"$one.pid")" "${loops[$one]}"
		wait "${loops[$one]}" || :
		unset "loops[$one]"
	done
}

# Tells what one request is answered: its status, and the body is in the file body.
ask() { curl -sS -o body -w '%{http_code}' "$@"; } # OPTION... URL

# Posts each line of the standard input by itself, over many connections at a time; prints how many were answered by
# each status, "200 17".
post_each() { # URL
	awk -v url="$1" '{
		gsub(/[\\"]/, "\\\\&")
		printf "%surl = \"%s\"\nheader = \"Content-Type: application/json\"\ndata = \"%s\"\noutput = /dev/null\nwrite-out = \"%%{http_code}\\n\"\nsilent\n", (NR > 1 ? "next\n" : ""), url, $0
	}' >post.conf
	curl --parallel --parallel-immediate --parallel-max 64 --no-progress-meter -K post.conf | sort | uniq -c | awk '{ print $2, $1 }'
}

stop_all() {
	local code=$? one
	trap - EXIT
	for one in "${!loops[@]}"; do
		touch "$one.over"
		for _ in $(seq 100); do
			kill -KILL -- "-$(<"$one.pid")" 2>/dev/null || :
			kill -0 "${loops[$one]}" 2>/dev/null || break
			sleep 0.05
		done
		gone "$one"
	done
	exit $code
}
trap stop_all EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

# The load and the recount.
check() { . "$here/check/$name.sh"; }

# The end of a script: it serves on where that is asked for.
stay() {
	[ -n "${HTA_STAY:-}" ] || return 0
	say "$out shows what is stored; Ctrl-C ends it"
	wait
}
