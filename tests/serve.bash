# Helpers for tests of hta-serve: a server, its questions and answers, what is in its stores.

setup() { cd "$BATS_TEST_TMPDIR" || return; }
teardown() { kill_spawned; }

# Starts a server; its process is $server, its place $url.
serve() { # [OPTION...]
	spawn serve hta-serve -v -l 0 "$@"
	server=$pid
	wait_until 60 grep -q 'listens on' serve.err
	url=http://localhost:$(sed -nE 's/.*listens on [^,]*:([0-9]+).*/\1/p' serve.err)
}
end() { kill -TERM "$server" && exits_with 0 60 "$server"; }

# Asks; the status is in $status, the body in the file body, the head in the file head.
ask() { # PATH [OPTION OF curl...]
	: >body
	status=$(get "$1" -o body -D head -w '%{http_code}' "${@:2}")
}
get() { curl -sS -g --max-time 60 "${@:2}" "$url$1"; }

# What was answered: status, and what jq makes of the body.
answers() { # STATUS FILTER WANTED
	[ "$status" = "$1" ] && [ "$(jq -rc "$2" body)" = "$3" ] && return
	echo "$status $(cat body)"
	return 1
}
refuses() { answers "$1" .code "$2"; } # STATUS CODE

sums() { [ "$(get /metrics | awk '/^hta_query_cache_total.*(shared|kept)/ {n += $2} END {print n}')" = "$1" ]; }
has() { get "$1" | grep -q "$2"; }
ready() { ask /health/ready && [ "$status" = 200 ]; }

# Four windows of six rows: hits by endpoint and status, with a sum and a measure.
rows() {
	hta-gen --count 2400 --step 100ms --keys 50 |
		jq -c '.endpoint = (.endpoint | split("/")[3]) | .status = (if .status < 300 then 200 else "no" end)' >events
	hta-window --metric hits --by endpoint,status --value latency_ms --agg 'p=p50(.latency_ms)' events >rows
	hta-window --metric visits --every 2m --by region events >>rows
}
rows_in_sqlite() {
	rows
	hta-sink-sqlite --init s.db <rows
}

events='{"topic":"user.login","event_id":"evt-1","event_type":"login","user_id":"u1","timestamp":"2025-10-24T10:00:00Z","source":"web","payload":{"user_id":"user-123"},"received_at":"2025-10-24T10:00:01.123456Z"}
{"topic":"user.login","event_id":"evt-2","event_type":"click","user_id":"u2","timestamp":"2025-10-24T10:00:02Z","source":"app","payload":{"n":1},"received_at":"2025-10-24T10:00:03Z"}
{"topic":"order","event_id":"evt-3","event_type":"click","user_id":"u1","timestamp":"2025-10-24T10:00:03Z","source":"web","payload":{"n":2},"received_at":"2025-10-24T10:00:04Z"}
{"topic":"order","event_id":"evt-4","event_type":"buy","user_id":"u1","source":"web","payload":[3],"received_at":"2025-10-24T10:00:05Z"}'
events_in() { hta-sink-"$1" --init --events --key topic,event_id --time timestamp "${@:2}" <<<"$events"; } # KIND [STORE]

# Events of /live-stats are in the file `stream`: one at once, and then one a second.
streams() { # RULES [OPTION OF curl...]
	spawn stream curl -sSN -H 'Accept: text/event-stream' "${@:2}" "$url/live-stats?rules=$1"
	wait_until 60 comes_each_second
	kill -TERM "$pid"
	exits_with 143 60
	mv stream.out stream
}
comes_each_second() {
	sed -n 's/^data: //p' stream.out | jq -se 'map(select(.rule_id == "visits").timestamp | fromdate)[1:] | [.[1:], .[:-1]] | transpose | any(.[0] - .[1] == 1)'
}

# The server looks for the first of so many requests when all of them are there.
at_once() { # N COMMAND...
	local asking
	kill -STOP "$server"
	"${@:2}" &
	asking=$!
	wait_until 60 wait_there "$1"
	kill -CONT "$server"
	wait $asking
}
wait_there() { # N
	local port
	port=$(printf ':%04X$' "${url##*:}")
	[ "$(cat /proc/net/tcp /proc/net/tcp6 | awk -v port="$port" '$2 ~ port && $4 == "01" && $5 !~ /:0*$/ { n++ } END { print n + 0 }')" = "$1" ]
}

query() { # GRAPHQL [OPTION OF curl...]
	ask /graphql -H 'Content-Type: application/json' -d "$(jq -cn --arg query "$1" '{$query}')" "${@:2}"
}

# A server that takes connections and never says a word.
silent() {
	spawn silent python3 -u -c 'import socket, time
s = socket.create_server(("127.0.0.1", 0), backlog=200)
print(s.getsockname()[1])
held = []
while True: held.append(s.accept()[0])'
	wait_until 60 test -s silent.out
	port=$(<silent.out)
}

# An intake of a log; its place is $intake_url.
intake() { # DIR
	spawn "in-$1" hta-ingest -v -l 0 --only-log --log "$1"
	wait_until 60 grep -q 'listens on' "in-$1.err"
	intake_url=http://localhost:$(sed -nE 's/.*listens on [^,]*:([0-9]+).*/\1/p' "in-$1.err" | head -1)
}
send() { curl -sS --max-time 60 -H 'Content-Type: application/json' -d "$1" "$intake_url/${2:-publish}"; } # BODY [PATH]
