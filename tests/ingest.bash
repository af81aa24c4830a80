# An intake and its clients: what suites of hta-ingest share. The log is the folder `log` here.

json='Content-Type: application/json'
ndjson='Content-Type: application/x-ndjson'
login='{"topic":"user.login","event_id":"evt-001","timestamp":"2025-10-24T10:00:00Z","source":"web-app","payload":{"user_id":"user-123","ip_address":"192.168.1.1"}}'
view='{"event_type":"page_view","user_id":"123","payload":{"page":"/home","referrer":"google.com"}}'

# Starts an intake; its process is $intake, its place $url.
serve() { # [OPTION...]
	spawn ingest "${under[@]}" hta-ingest -v -l 0 --log "$log" --only-log "$@"
	intake=$pid
	wait_until 60 grep -q 'listens on' ingest.err
	url=http://localhost:$(sed -nE 's/.*listens on [^,]*:([0-9]+).*/\1/p' ingest.err)
}
under=()
log=log

end() { kill -TERM "$intake" && exits_with "${1:-0}" 60 "$intake"; } # [CODE]

# Posts; the status is in $status, the body in the file body, the head in the file head.
post() { # PATH DATA [OPTION OF curl...]
	local type=$json
	[[ $* != *Content-Type:* ]] || type=X-None:
	status=$(get "$1" -o body -D head -w '%{http_code}' -H "$type" "${@:3}" --data-binary "$2")
}
get() { curl -sS --max-time 60 "${@:2}" "$url$1"; }

# What was answered: status, and what jq makes of the body.
answers() { # STATUS FILTER WANTED
	[ "$status" = "$1" ] && [ "$(jq -rc "$2" body)" = "$3" ] && return
	echo "$status $(cat body)"
	return 1
}
refuses() { answers "$1" .code "$2"; } # STATUS CODE

logged() { hta-consume --log "$log" -e --dead drop; }
batch() { seq "$1" "$2" | jq -c '{event_id: "e\(.)", user_id: "u", event_type: "click", timestamp: "2026-01-01T00:00:00Z", payload: {n: .}}'; } # FIRST LAST

# Starts an intake as the head of a pipeline. $pid is the process and group of the whole, $intake the intake; how the
# latter ends is in the file intake.code.
serve_into() { # STAGES [OPTION...]
	rm -f intake.* ingest.err
	# shellcheck disable=SC2016
	spawn pipeline bash -c 'set -o pipefail
		first() {
			hta-ingest -v -l 0 --log log --epoch 50ms "$@" 2>ingest.err &
			echo $! >intake.pid
			code=0
			wait $! || code=$?
			echo $code >intake.code
			return $code
		}
		stages=$1
		shift
		first "$@" | eval "$stages"' bash "$@"
	wait_until 20 grep -q 'listens on' ingest.err
	wait_until 20 test -s intake.pid
	intake=$(<intake.pid)
	url=http://localhost:$(sed -nE 's/.*listens on [^,]*:([0-9]+).*/\1/p' ingest.err)
}
intake_left_with() { wait_until 60 test -s intake.code && [ "$(<intake.code)" = "$1" ] || { cat intake.code ./*.err; return 1; }; } # CODE
