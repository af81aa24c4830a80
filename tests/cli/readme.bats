# What README.md tells people to type works: each command of "At the prompt" and "Over HTTP" is run as it stands, by bash -eo pipefail,
# but for what manual.bash puts in place of names of servers, ports and the like. The parts of
# scripts that it shows are those of the scripts, which pipelines.bats runs.
load ../helpers
load ../manual

setup() { cd "$BATS_TEST_TMPDIR"; }

# The commands of the blocks without a language of a section, each on a line: without its comment, and lines that go on joined.
commands() { # SECTION
	awk -v want="## $1" '/^## / { on = $0 == want } !on { next }
		/^```$/ { code = !code; next } /^```/ { code = 0; next }
		code && (on_it || /^(hta-|kcat|psql)/) { sub(/  +# .*/, ""); sub(/^ +/, ""); on_it = /\|$/; printf "%s%s", $0, on_it ? " " : "\n" }' "$top/README.md"
}
all_commands() { commands 'At the prompt'; commands 'Over HTTP'; }

# Writes the command that begins so to the file "example".
typed() { # START
	all_commands | grep -F -- "$1" | awk -v start="$1" 'index($0, start) == 1' >found
	[ "$(wc -l <found)" = 1 ] || { echo "not one command begins with: $1"; return 1; }
	as_here <found | sed -E "s|-b kafka |-b ${HTA_BROKERS:-} |; s|hta-sink-redis --init|& ${REDIS_URL:-}|" >example
}
run_typed() { typed "$1" && feed timeout 120 bash -eo pipefail example; } # START
start_typed() { # NAME START
	typed "$2"
	sed -i '1i trap : TERM INT' example
	cp example "$1.example"
	spawn "$1" bash -eo pipefail "$1.example"
}
stop() { kill -TERM -- "-$pid" && exits_with "${1:-0}" 60; } # [CODE]

@test "every command is run here, and every part of a script is the script's" {
	all_commands >commands
	[ "$(wc -l <commands)" -ge 19 ]
	grep -oE "(run_typed|start_typed [a-z]+) '[^']+'" "$BATS_TEST_FILENAME" | cut -d"'" -f2 >starts
	while read -r command; do
		awk -v command="$command" 'index(command, $0) == 1 { n++ } END { exit n < 1 }' starts || { echo "nothing runs: $command"; return 1; }
	done <commands

	parts=0
	for script in "$top"/examples/systems/*.sh; do
		name=${script##*/}
		[ "$name" != common.sh ] || continue
		awk -v want="### [0-9]. .$name" '/^##/ { on = match($0, want) } /^```sh$/ && on { code = 1; next } /^```/ { code = 0 } on && code' "$top/README.md" >part
		[ "$(grep -c '^service ' part)" -ge 2 ]
		while IFS= read -r line; do
			[ -z "$line" ] || grep -qxF -- "$line" "$script" || { echo "$name has no line: $line"; return 1; }
		done <part
		# of what the script starts nothing is left out
		[ "$(grep -cE '^	?service ' part)" = "$(grep -cE '^	?service ' "$script")" ]
		parts=$((parts + 1))
	done
	[ $parts = 5 ]
}

@test "files" {
	hta-gen --count 20000 --step 10ms >access.ndjson
	run_typed 'hta-window --by endpoint,status --value latency_ms access.ndjson'
	[ "$(jq -s 'map(.count) | add' "$out")" = 20000 ]
	run_typed 'hta-window --by endpoint access.ndjson | hta-query'
	[ "$(wc -l <"$out")" = 10 ]
	access_logs
	run_typed 'hta-parse --format combined access.log'
	[ "$(jq -s 'map(.count) | add' "$out")" = 20000 ]
	echo '{"type":"object","required":["coupon"]}' >event.json
	run_typed 'hta-validate --schema event.json'
	[ $(($(wc -l <"$out") + $(wc -l <bad.ndjson))) = 20000 ]
	[ -s bad.ndjson ]
	mkdir rules
	echo '{"rule_id":"r","window_size":"1m","metric":"count","group_by":["a"],"active":true}' >rules/r.json
	run_typed 'hta-check --strict'
}

@test "a service, what it stores, and an archive" {
	with_service kafka pg redis s3
	topic_new readme.events 3
	web=$HTA_PREFIX.readme.
	service_file
	export HTA_STORE=service=rollups
	hta-gen --count 20000 --step 100ms >events.ndjson
	produce "$topic" events.ndjson
	echo 'no JSON' | produce "$topic" -
	start_typed web 'hta-consume -b kafka:9092 -t events -g web'
	counted() { [ "$(psql -XqAtc 'SELECT sum(count), (SELECT count(*) FROM hta_dead) FROM hta_rollups')" = '20000|1' ]; }
	wait_until 60 counted
	run_typed 'hta-top'
	grep -q '^.*web: ' "$out"
	stop
	run_typed 'hta-query top events --by endpoint -n 10'
	[ -s "$out" ]
	run_typed 'hta-query history events --by '
	[ "$(jq -s 'map(.count) | add' "$out")" = 20000 ]
	start_typed watch 'hta-query top events --by endpoint --watch'
	painted() { grep -qa endpoint watch.out || grep -q terminal watch.err; }
	wait_until 60 painted
	run_typed 'hta-trend --init --for 2 --clear events'
	run_typed 'psql -c "SELECT * FROM events_by'
	grep -q '(.* rows)' "$out"
	run_typed 'hta-dlq count'
	[ "$(jq .count "$out")" = 1 ]

	start_typed live 'kcat -C -b kafka -t events'
	closed() { [ "$(jq -s 'map(.count) | add' live.out)" -gt 1000 ]; }
	wait_until 60 closed
	kill -KILL -- "-$pid"

	start_typed archive 'hta-consume -b kafka:9092 -t events -g archive'
	# all of it is read before it is told to stop, which ends the epoch of five minutes
	all_read() { hta-top --json | jq -e '.stages[] | select(.program == "hta-consume" and .alive) | .counters.records_out >= 20001'; }
	wait_until 60 all_read
	stop
	hta-consume "s3://$S3_BUCKET/$BATS_TEST_NUMBER/web" -e --dead drop | sort | cmp - <(sort events.ndjson <(echo 'no JSON'))
}

@test "over HTTP" {
	port=$(svc_free_port)
	reader_port=$(svc_free_port)
	mkdir rules
	echo '{"rule_id":"all","window_size":"1m","metric":"count","group_by":[],"active":true}' >rules/all.json
	post() { curl -sS -H 'Content-Type: application/json' -d '{"event_type":"a","user_id":"u","timestamp":"2026-01-01T00:00:00Z","payload":{}}' "localhost:$port/events"; }
	posted() { post | grep -q accepted; }
	has_row() { curl -sS "localhost:$reader_port/latest?metric=$1" | jq -e '.rows[0].count > 0'; } # METRIC

	start_typed intake 'hta-ingest -l 8000 --log log | hta-window --time timestamp |'
	intake=$pid
	wait_until 60 posted
	start_typed serve 'hta-serve -l 8080 -d rollups.db'
	wait_until 60 has_row events
	stop
	pid=$intake
	stop

	rm -r log rollups.db
	start_typed intake 'hta-ingest -l 8000 --log log | hta-window --time timestamp --rules rules/'
	intake=$pid
	wait_until 60 posted
	start_typed serve 'hta-serve  -l 8080 -d rollups.db --log log --rules rules/'
	made() { curl -sSf -H 'Content-Type: application/json' -d '{"rule_id":"by_type","window_size":"1m","metric":"count","group_by":["event_type"],"active":true}' "localhost:$reader_port/aggregation-rule"; }
	wait_until 60 made
	counted() { post >/dev/null && has_row by_type; }
	wait_until 60 counted
	stop
	pid=$intake
	stop
}
