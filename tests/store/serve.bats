# hta-serve: what is stored, over HTTP, the same of each store; and what is said where it is not.
load ../helpers
load ../serve

@test "Postgres, Redis and SQLite: the same answers" {
	with_service pg redis
	rows_in_sqlite
	hta-sink-pg --init <rows
	hta-sink-redis --init --ttl 36500d "$REDIS_URL" <rows
	for store in s.db postgres:// "$REDIS_URL"; do
		serve -d "$store"
		wait_until 60 ready
		: >said
		for path in '/latest?metric=hits&limit=3' '/top?metric=hits&limit=2' '/top?metric=hits&by=sum&limit=2' \
			'/top?metric=hits&by=p&limit=2' '/history?metric=hits&from=2026-01-01&to=2026-01-02&limit=9' \
			'/stats?rule_id=hits&start_time=2026-01-01&end_time=2026-01-02' \
			'/stats?rule_id=visits&start_time=2026-01-01T00:00:00&end_time=2026-01-01T00:03:00+00:00'; do
			get "$path" >>said
		done
		mv said "said-${store%%[:.]*}"
		end
	done
	diff said-s said-postgres
	diff said-s said-redis
	[ "$(wc -l <said-s)" = 7 ]
	[ "$(sed -n 7p said-s | jq -c '[.rule_id, .from, .to, .count == (.data | length), (.data[0] | keys_unsorted)]')" = \
		'["visits","2026-01-01T00:00:00+00:00","2026-01-01T00:03:00+00:00",true,["window_start","region","value"]]' ]
	[ "$(sed -n 7p said-s | jq '[.data[].value] | add')" = 2400 ]
	[ "$(sed -n 7p said-s | jq -r '[.data[].window_start] | unique | join(" ")')" = '2026-01-01T00:00:00 2026-01-01T00:02:00' ]
}

@test "numbers are those of hta-query" {
	rows_in_sqlite
	serve -d s.db
	get '/history?metric=hits&from=2026-01-01&to=2026-01-02' -H 'Accept: application/x-ndjson' >lines
	hta-query -d s.db history hits --since 2026-01-01 --until 2026-01-02 --format json --no-sketch |
		jq -c '[.window_start, .dims, .count, .sum, .max, .measures]' >wanted
	jq -c '[.window_start, .dims, .count, .sum, .max, .measures]' lines | diff wanted -
	ask '/stats?rule_id=hits&start_time=2026-01-01&end_time=2026-01-02&times=zulu'
	answers 200 '[.data[] | [.window_start, .endpoint, .status, .count, .sum, .p]] | length' "$(wc -l <wanted)"
	jq -c '.data[] | [.window_start, .count, .sum, .p]' body >got
	jq -c '[.[0], .[2], .[3], .[5].p]' wanted | diff - got
	ask '/history?metric=hits&from=2026-01-01&to=2026-01-02&numbers=string&limit=1'
	answers 200 '.rows[0] | [.count, .sum, .measures.p] | map(type) | unique | .[]' string
}

@test "pages: each row once, JSON, NDJSON and CSV, and Link says where the next begins" {
	rows_in_sqlite
	serve -d s.db
	span='metric=hits&from=2026-01-01&to=2026-01-02'
	get "/history?$span" | jq -c '.rows[]' >all
	[ "$(wc -l <all)" -gt 20 ]
	: >paged
	cursor=
	while :; do
		ask "/history?$span&limit=7&cursor=$cursor"
		jq -c '.rows[]' body >>paged
		cursor=$(jq -r '.next // empty' body)
		[ -n "$cursor" ] || break
		grep -qi "^link: <?$span&limit=7&cursor=$cursor>; rel=\"next\"" head
	done
	diff all paged
	not grep -qi '^link:' head
	ask "/stats?rule_id=hits&start_time=2026-01-01&end_time=2026-01-02&limit=5"
	ask "/stats?rule_id=hits&start_time=2026-01-01&end_time=2026-01-02&cursor=$(jq -r .next body)"
	answers 200 .count $(($(wc -l <all) - 5))
	ask "/history?$span" -H 'Accept: text/csv'
	grep -qi '^content-type: text/csv' head
	python3 - <<-'END'
		import csv, json
		rows = list(csv.DictReader(open("body", newline="")))
		want = [json.loads(line) for line in open("all")]
		assert len(rows) == len(want)
		for r, w in zip(rows, want):
		    assert r["window_start"] == w["window_start"] and int(r["count"]) == w["count"], (r, w)
		    assert r["endpoint"] == w["dims"]["endpoint"] and r["status"] == str(w["dims"]["status"]), (r, w)
		    assert float(r["sum"]) == w["sum"] and float(r["p"]) == w["measures"]["p"], (r, w)
	END
}

@test "dimensions are exact: 200 is no text" {
	rows_in_sqlite
	serve -d s.db
	ask '/latest?metric=hits&dims={"status":200}'
	[ "$(jq -c '[.rows[].dims.status] | unique' body)" = '[200]' ]
	ask '/latest?metric=hits&dims={"status":"200"}'
	answers 200 '.rows | length' 0
	ask '/latest?metric=hits&dims={"status":"no"}&limit=1'
	answers 200 '[.rows[].dims.status]' '["no"]'
}

@test "what is asked for wrongly is told by status and code" {
	rows_in_sqlite
	serve -d s.db
	ask '/latest?metric=hist'
	answers 404 '[.code, .detail]' '["unknown-metric","there is no metric \"hist\" (did you mean \"hits\"?)"]'
	ask /latest
	refuses 422 bad-parameter
	ask '/stats?start_time=2026-01-01'
	answers 422 .detail 'rule_id is missing'
	ask '/stats?rule_id=hits&start_time=2026-01-02&end_time=2026-01-01'
	answers 422 .detail 'end_time is before start_time'
	for query in 'dims=x' 'dims=[1]' 'dims={"a":[1]}' 'limit=0' 'limit=-1' 'limit=10001' 'limit=x' 'limit=99999999999999999999999' \
		'numbers=roman'; do
		ask "/latest?metric=hits&$query"
		refuses 422 bad-parameter
	done
	for query in 'from=yesterday' 'cursor=x' 'cursor=1-2-3' 'from=2026-01-02&to=2026-01-01'; do
		ask "/history?metric=hits&$query"
		refuses 422 bad-parameter
	done
	ask '/latest?metric=%ff'
	refuses 400 bad-parameter
	ask "/latest?metric=$(printf '%01025d' 1)"
	refuses 422 bad-parameter
	ask '/top?metric=hits&by=nosuch'
	refuses 422 bad-parameter
	ask '/latest?metric=hits' -H 'Accept: text/html'
	refuses 406 not-acceptable
	ask '/latest?metric=hits' -X POST
	refuses 405 method-not-allowed
	ask '/latest?metric=hits' -H 'Host: evil.example'
	refuses 421 misdirected
	ask /nothing
	refuses 404 not-found
	ask /limits
	answers 200 '[.rows, .events, .queries, .waiting_queries, .deadline_ms]' '[10000,1000,2,64,10000]'
	end
}

@test "events: newest first, filtered, page by page; a store without them says the way" {
	with_service pg redis
	events_in sqlite s.db
	events_in pg
	for store in s.db postgres://; do
		serve -d "$store"
		ask '/events'
		answers 200 '[.count, [.events[].event_id]]' '[4,["evt-3","evt-2","evt-1","evt-4"]]'
		answers 200 '.events[2] | del(.id, .event_type, .user_id)' \
			'{"topic":"user.login","event_id":"evt-1","timestamp":"2025-10-24T10:00:00Z","source":"web","payload":{"user_id":"user-123"},"received_at":"2025-10-24T10:00:01.123456"}'
		answers 200 '.events[3] | [.timestamp, .payload]' '[null,[3]]'
		ask '/events?topic=user.login&source=app'
		answers 200 '[.events[].event_id]' '["evt-2"]'
		ask '/events?type=click&user=u1'
		answers 200 '[.events[].event_id]' '["evt-3"]'
		ask '/events?from=2025-10-24T10:00:02Z&to=2025-10-24T10:00:03Z'
		answers 200 '[.events[].event_id]' '["evt-2"]'
		: >walked
		cursor=
		for i in 1 2 3 4; do
			ask "/events?limit=1&cursor=$cursor"
			jq -r '.events[].event_id' body >>walked
			cursor=$(jq -r '.next // empty' body)
		done
		[ "$(xargs <walked)" = 'evt-3 evt-2 evt-1 evt-4' ]
		[ -z "$cursor" ]
		ask '/events?limit=1001'
		refuses 422 bad-parameter
		end
	done
	hta-window --by endpoint <<<'{"ts":"2026-01-01T00:00:00Z","endpoint":"/a"}' | hta-sink-sqlite --init r.db
	for store in r.db "$REDIS_URL"; do
		serve -d "$store"
		ask /events
		refuses 404 no-events
		jq -r .detail body | grep -q 'hta-sink-pg --events'
		end
		fails_with 78 hta-serve -l 0 -d "$store" --events hta_events
		says 'hta-sink-(pg|sqlite).* --events'
	done
}

@test "GraphQL: events, metrics and rows, of Postgres and SQLite" {
	with_service pg
	rows_in_sqlite
	hta-sink-pg --init <rows
	events_in sqlite s.db
	events_in pg
	for store in s.db postgres://; do
		serve -d "$store"
		query '{ latestEvents(limit: 2) { eventId eventType userId timestamp payload receivedAt } }'
		answers 200 '.data.latestEvents[0]' \
			'{"eventId":"evt-3","eventType":"click","userId":"u1","timestamp":"2025-10-24T10:00:03Z","payload":{"n":2},"receivedAt":"2025-10-24T10:00:04Z"}'
		query '{ a: eventsByType(eventType: "click") { eventId } b: eventsByUser(userId: "u1", limit: 1) { eventId } c: event(eventId: "evt-4") { eventId payload } d: event(eventId: "x") { eventId } }'
		answers 200 .data '{"a":[{"eventId":"evt-3"},{"eventId":"evt-2"}],"b":[{"eventId":"evt-3"}],"c":{"eventId":"evt-4","payload":[3]},"d":null}'
		query '{ latestEvents(before: "2025-10-24T10:00:02Z") { eventId } }'
		answers 200 '[.data.latestEvents[].eventId]' '["evt-1"]'
		query '{ metrics { name } rollups(metric: "hits", from: "2026-01-01", to: "2026-01-02", dims: {status: 200}, limit: 3) { windowStart dims count sum avg final } }'
		answers 200 '[.data.metrics[].name]' '["hits","visits"]'
		answers 200 '[.data.rollups[] | .final and .dims.status == 200 and ((.sum | tonumber) / .count - (.avg | tonumber) | fabs < 1e-6)]' '[true,true,true]'
		query '{ rollups(metric: "hats") { count } }'
		answers 200 '.errors[0].message' 'there is no metric "hats" (did you mean "hits"?)'
		query '{ nothing }' -H 'Accept: application/graphql-response+json'
		[ "$status" = 400 ]
		ask '/graphql?query={__typename}'
		answers 200 .data.__typename Query
		ask /graphql -X DELETE
		refuses 405 method-not-allowed
		end
	done
	head -c 70000 /dev/zero | tr '\0' ' ' >long
	serve -d rows.db
	ask /graphql -H 'Content-Type: application/json' --data-binary @long
	refuses 413 body-too-large
	query '{ latestEvents { eventId } }'
	answers 200 '.errors | length' 1
}

@test "GraphQL: a page for browsers, and a schema that is not told" {
	rows_in_sqlite
	hta-serve --new-key web >made
	tail -1 made >keys
	chmod 600 keys
	serve -d s.db --keys keys --no-introspection
	browser='Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'
	ask /graphql -H "$browser"
	[ "$status" = 200 ]
	grep -qi '^content-security-policy: .*script-src .sha256-' head
	[ "$(grep -cE 'https?://|style=|onclick' body)" = 0 ]
	for accept in '*/*' application/json 'application/json, text/html' 'application/graphql-response+json,text/html;q=0.9'; do
		ask '/graphql?query={__typename}' -H "Accept: $accept"
		refuses 401 no-key
	done
	ask /graphql -H "$browser" -d '{}'
	refuses 401 no-key
	bearer="Authorization: Bearer $(head -1 made)"
	for hidden in '{ __schema { queryType { name } } }' '{ __type(name: "Event") { name } }' '{ metrics { name } __schema { types { name } } }'; do
		query "$hidden" -H "$bearer"
		answers 200 '[.data, (.errors | length > 0)]' '[null,true]'
	done
	query '{ __typename metrics { __typename name } }' -H "$bearer"
	answers 200 '.data.metrics[0]' '{"__typename":"Metric","name":"hits"}'
	end
}

live() { /usr/bin/python3 -B "$BATS_TEST_DIRNAME/serve_live.py" "$url" "$@"; } # CHECK...

@test "live statistics by WebSocket: at once, each period, and what is refused" {
	rows_in_sqlite
	serve -d s.db --push 1s
	live pushes refusals
	live fan_out >&3
	wait_until 60 has /metrics '^hta_ws_clients 0'
	has /metrics '^hta_ws_closed_total{code="1003"} 1'
	spawn drained /usr/bin/python3 -B "$BATS_TEST_DIRNAME/serve_live.py" "$url" drained
	drained=$pid
	wait_until 60 grep -q open drained.out
	end
	exits_with 0 60 "$drained"
	hta-serve --new-key web >made
	tail -1 made >keys
	chmod 600 keys
	serve -d s.db --push 1s --keys keys
	KEY=$(head -1 made) live keys
}

@test "live statistics as events, and the latest by GET" {
	rows_in_sqlite
	serve -d s.db --push 1s --push-rows 2
	streams visits,nosuch
	[ "$(head -1 stream)" = 'retry: 5000' ]
	[ "$(sed -n 's/^data: //p' stream | jq -c 'select(.error) | .error.code')" = '"unknown-metric"' ]
	[ "$(sed -n 's/^data: //p' stream | jq -c 'select(.rule_id == "visits") | .data' | sort -u | wc -l)" = 1 ]
	[ "$(grep -c '^data: {"rule_id":"visits"' stream)" -ge 3 ]
	[ "$(grep -c '^id: ' stream)" = "$(grep -c '^data: ' stream)" ]
	ask '/live-stats?rules=visits'
	answers 200 '[.rule_id, (.data | length), (.data | map(.[2]) | . == (sort | reverse))]' '["visits",2,true]'
	grep -qi '^cache-control: max-age=5' head
	ask '/live-stats?rules=visits,hits'
	answers 200 '[.[].rule_id]' '["visits","hits"]'
	ask '/live-stats?rules=nosuch'
	refuses 404 unknown-metric
	ask /live-stats
	refuses 422 bad-parameter
	ask '/live-stats?rules=visits' -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 8'
	refuses 426 websocket-version
	spawn stream curl -sSN -H 'Accept: text/event-stream' "$url/live-stats?rules=visits"
	stream=$pid
	wait_until 60 grep -q '^data: ' stream.out
	end
	exits_with 0 60 "$stream"
}

post() { # RULE [OPTION OF curl...]
	ask /aggregation-rule -H 'Content-Type: application/json' -d "$1" "${@:2}"
}
top10='{"rule_id":"top_events_10m","window_size":"10m","metric":"count","group_by":["event_type"],"active":true}'

@test "rules: made, changed, read and ended, as hta-window follows them" {
	mkdir rules
	serve -d s.db --rules rules
	ask /aggregation-rules
	answers 200 . '{"rules":[],"count":0}'
	post "$top10"
	answers 201 '[.status, .rule.version]' '["created",1]'
	[ "$(jq -c 'del(.version)' rules/top_events_10m.json)" = "$top10" ]
	feed hta-check rules
	post "$top10"
	answers 200 .status same
	post "${top10/true/true,\"note\":\"x\"}"
	answers 200 '[.status, .rule.version]' '["changed",1]'
	post "${top10/event_type/region}"
	answers 200 '[.status, .rule.version]' '["changed",2]'
	post "${top10/true/true,\"version\":2}"
	refuses 409 meaning-changed
	post "${top10/true/true,\"version\":1}"
	refuses 409 meaning-changed
	post "${top10/true/true,\"version\":7}"
	answers 200 .rule.version 7
	post "${top10/true/false}"
	answers 200 '[.rule.version, .rule.active]' '[7,false]'
	post "$top10"
	answers 200 '[.rule.version, .rule.active]' '[8,true]'
	ask /aggregation-rule/top_events_10m
	answers 200 '[.rule_id, .version]' '["top_events_10m",8]'
	etag=$(sed -nE 's/^ETag: (.*)\r/\1/Ip' head)
	post "${top10/count/rate}" -H 'If-Match: "other"'
	refuses 412 precondition
	post "$top10" -H 'If-None-Match: *'
	refuses 412 precondition
	post "${top10/true/true,\"note\":\"y\"}" -H "If-Match: $etag"
	answers 200 .status changed
	post '{"rule_id":"other","metric":"count"}'
	ask /aggregation-rules
	answers 200 '[.count, [.rules[].rule_id]]' '[2,["other","top_events_10m"]]'
	ask /aggregation-rule/other -X DELETE
	answers 200 .status retired
	ask /aggregation-rule/other
	refuses 404 unknown-rule
	ask /aggregation-rule/other -X DELETE
	refuses 404 unknown-rule
	[ "$(jq -c '[.retired, .version]' rules/other.json)" = '[true,1]' ]
	feed hta-window --rules rules <<<'{"ts":"2026-01-01T00:00:00Z","event_type":"click"}'
	[ "$(jq -r .metric "$out")" = top_events_10m@8 ]
	post '{"rule_id":"other","metric":"count","version":1}'
	refuses 409 meaning-changed
	post '{"rule_id":"other","metric":"count"}'
	answers 201 .rule.version 2
	[ "$(ls -A rules | xargs)" = 'other.json top_events_10m.json' ]
}

@test "rules: what hta-check would not take is 422, and nothing is written" {
	mkdir rules
	echo '[{"rule_id":"a","metric":"count","time":"at"},{"rule_id":"b","metric":"count"}]' >rules/two.json
	serve -d s.db --rules rules
	post '{"rule_id":'
	refuses 400 malformed-json
	for wrong in '{"rule_id":"x","metric":"cuont"}' '{"rule_id":"x"}' '[]' "[$top10,${top10/10m/1m}]" '{"rule_id":"../x","metric":"count"}' \
		'{"rule_id":".x","metric":"count"}' '{"rule_id":"x","metric":"count","where":".a >"}' '{"rule_id":"x","metric":"count","time":"when"}' \
		'{"rule_id":"x","metric":"count","retired":true}' "{\"rule_id\":\"$(printf '%065d' 0)\",\"metric\":\"count\"}"; do
		post "$wrong"
		refuses 422 invalid-rule
	done
	post '{"rule_id":"x","metric":"cuont"}'
	jq -r .detail body | grep -q 'did you mean "count"'
	post '{"rule_id":"a","metric":"count"}'
	refuses 409 elsewhere
	ask /aggregation-rule/b -X DELETE
	refuses 409 elsewhere
	ask /aggregation-rule -H 'Content-Type: text/plain' -d "$top10"
	refuses 415 content-type
	[ "$(ls -A rules)" = two.json ]
	echo '{"rule_id"' >rules/broken.json
	ask /aggregation-rules
	refuses 503 rules-unavailable
	end
	serve -d s.db --rules rules/two.json
	ask /aggregation-rule/b
	answers 200 .rule_id b
	post "$top10"
	refuses 403 rules-read-only
	end
	serve -d s.db
	ask /aggregation-rules
	refuses 404 no-rules
}

@test "rules: a version behind the last one is refused, and the folder can be read on" {
	mkdir rules
	serve -d s.db --rules rules
	post "${top10/true/true,\"version\":9007199254740992}"
	answers 201 .rule.version 9007199254740992
	post "${top10/event_type/region}"
	refuses 409 meaning-changed
	ask /aggregation-rules
	answers 200 .count 1
	feed hta-check rules
}

@test "rules: many writers at once, each rule whole" {
	mkdir rules
	serve -d s.db --rules rules --workers 4
	jq -cn 'range(40) | {rule_id: "r\(. % 8)", metric: "count", note: "\(.)"}' |
		xargs -P 40 -d '\n' -I{} curl -sS --max-time 30 -o /dev/null -w '%{http_code}\n' \
			-H 'Content-Type: application/json' -d {} "$url/aggregation-rule" |
		sort | uniq -c | awk '{print $2, $1}' >codes
	diff codes - <<-'END'
		200 32
		201 8
	END
	feed hta-check rules
	[ "$(jq -s length rules/*.json)" = 8 ]
}

@test "an answer that is known already is not asked for again, and who has it is told 304" {
	rows_in_sqlite
	serve -d s.db
	for i in $(seq 20); do echo "url = $url/latest?metric=hits"; done >urls
	at_once 20 curl -sSZ --parallel-immediate --parallel-max 20 --max-time 90 -K urls >bodies
	[ "$(sort -u bodies | wc -l)" = 1 ]
	sums 19
	ask '/latest?metric=hits'
	etag=$(sed -nE 's/^ETag: (.*)\r/\1/Ip' head)
	[ -n "$etag" ]
	ask '/latest?metric=hits' -H "If-None-Match: \"other\", $etag"
	[ "$status" = 304 ]
	[ ! -s body ]
	ask '/latest?metric=hits&limit=1' -H "If-None-Match: $etag"
	[ "$status" = 200 ]
	ask '/latest?metric=hits' -I
	[ "$status" = 200 ]
	grep -qi '^content-length: [1-9]' head
}

@test "what is stored later is seen, after a second at most" {
	rows_in_sqlite
	serve -d s.db
	ask '/latest?metric=late'
	refuses 404 unknown-metric
	hta-window --metric late --by endpoint <<<'{"ts":"2026-01-01T00:00:00Z","endpoint":"/a"}' | hta-sink-sqlite s.db
	wait_until 60 has '/latest?metric=late' '"count":1'
}

@test "a store that is away: 503 with Retry-After, and there again without a restart" {
	rows
	serve -d later/s.db
	ask '/latest?metric=hits'
	[ "$status" = 503 ]
	grep -qi '^retry-after: ' head
	ask /health
	answers 200 .status ok
	ask /health/ready
	refuses 503 store-unavailable
	mkdir later
	hta-sink-sqlite --init later/s.db <rows
	wait_until 60 ready
	wait_until 60 has '/latest?metric=hits' '"rows"'
	end
	serve -d redis://127.0.0.1:1
	ask '/latest?metric=hits'
	refuses 503 store-unavailable
	end
}

@test "a store that is silent: 504 at the deadline, 503 beyond the queue, and the others are served" {
	silent
	serve -d "redis://127.0.0.1:$port" --deadline 2s
	ask '/latest?metric=hits'
	refuses 504 deadline
	for i in $(seq 90); do printf 'url = %s/latest?metric=m%s\noutput = /dev/null\n' "$url" "$i"; done >urls
	at_once 90 curl -sSZ --parallel-immediate --parallel-max 90 --max-time 90 -w '%{http_code}\n' -K urls >told
	sort told | uniq -c >codes
	ask /health
	answers 200 .status ok
	awk '$2 == 503 {busy = $1} $2 == 504 {late = $1} END {exit !(busy >= 20 && late >= 60 && busy + late == 90)}' codes || { cat codes; false; }
	end
}

@test "a query that is too late is ended in Postgres as well" {
	with_service pg
	rows
	hta-sink-pg --init <rows
	serve -d postgres:// --deadline 1s
	wait_until 60 ready
	spawn lock psql -qc "BEGIN; LOCK TABLE hta_metric; SELECT pg_sleep(100)"
	waiting() { [ "$(psql -Atc "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = relation WHERE relname = 'hta_metric' AND granted = $1")" = "$2" ]; }
	wait_until 60 waiting true 1
	ask '/latest?metric=hits'
	refuses 504 deadline
	wait_until 60 waiting false 0
	kill -KILL -- "-$pid"
	psql -XAtqc "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep(100)'"
}

@test "a connection to Postgres rests between queries without a transaction" {
	with_service pg
	rows
	hta-sink-pg --init <rows
	serve -d postgres:// --workers 1
	wait_until 60 ready
	sessions() { psql -XAtc "SELECT pid, state FROM pg_stat_activity WHERE application_name = 'hta-serve'" | sort; }
	# the worker's, and those that look whether all is well; who they are is in the file `resting`
	rests() { sessions | tee now && cut -d'|' -f1 now >resting && awk -F'|' '$2 != "idle" { bad = 1 } END { exit bad || !NR }' now; }
	gone_session() { [ -z "$(sessions)" ]; }
	ask '/latest?metric=hits&limit=1'
	answers 200 '.rows | length' 1
	wait_until 60 rests
	mv resting first
	ask '/latest?metric=hits&limit=2'
	answers 200 '.rows | length' 2
	wait_until 60 rests
	[ -z "$(comm -23 first resting)" ] # none of them was closed
	psql -XAtqc "DELETE FROM hta_rollups" # nothing holds a lock, and each query sees what is stored now
	ask '/latest?metric=hits&limit=3'
	refuses 404 no-window
	psql -XAtqc "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hta-serve'"
	ask '/latest?metric=hits&limit=4'
	refuses 404 no-window
	anew() { rests && [ -z "$(comm -12 first resting)" ]; } # one that was ended may be there a while
	wait_until 60 anew
	psql -XAtqc 'ALTER TABLE hta_rollups RENAME TO hidden'
	ask '/latest?metric=hits&limit=5'
	[ "$status" = 503 ]
	psql -XAtqc 'ALTER TABLE hidden RENAME TO hta_rollups'
	ask '/latest?metric=hits&limit=6'
	refuses 404 no-window
	end
	wait_until 60 gone_session
}

@test "who leaves has its query cancelled" {
	silent
	serve -d "redis://127.0.0.1:$port" --deadline 600s
	for i in 1 2 3 4; do spawn "client$i" curl -sS "$url/latest?metric=m$i"; done
	asked() { [ "$(get /metrics | awk '/^hta_query_(queue|running) / { n += $2 } END { print n }')" -ge 4 ]; }
	wait_until 60 asked
	for i in 1 2 3 4; do kill -TERM "$(sed -n "$((i + 2))p" spawned)"; done
	wait_until 60 has /metrics '^hta_query_refused_total{reason="cancelled"} 4'
	wait_until 60 has /metrics '^hta_query_running [01]$'
	end
}

@test "keys: who may read, and other machines need them" {
	rows_in_sqlite
	hta-serve --new-key web >made
	tail -1 made >keys
	printf 'm sha256:%064d metrics\n' 1 >>keys
	chmod 600 keys
	serve -d s.db --keys keys
	ask '/latest?metric=hits'
	refuses 401 no-key
	grep -qi '^www-authenticate: bearer' head
	ask '/latest?metric=hits' -H "Authorization: Bearer $(head -1 made)"
	[ "$status" = 200 ]
	ask /metrics -H "X-API-Key: $(head -1 made)"
	refuses 403 scope
	ask /health
	[ "$status" = 200 ]
	end
	fails_with 78 hta-serve -l :0 -d s.db
	says '--keys FILE names them, --insecure consents'
	fails_with 64 hta-serve -d s.db
	says '-l \[ADDR:\]PORT is missing'
	fails_with 64 env -u HTA_STORE -u PGHOST -u PGSERVICE -u PGHOSTADDR -u PGPORT -u PGDATABASE -u PGUSER hta-serve -l 0
	says 'which store\?'
}

@test "pipelines: what hta-top tells, and its counters in /metrics" {
	hta-gen --count 1000 >events
	feed bash -c 'hta-consume --job web events | hta-window --by endpoint | hta-sink-sqlite --init s.db | hta-commit'
	serve -d s.db
	ask /pipelines
	answers 200 '[.pipelines[].pipeline | select(. == "web")]' '["web"]'
	jq -c '.pipelines[] | select(.pipeline == "web") | del(.sentence)' body >got
	hta-top --json | jq -c 'select(.pipeline == "web") | del(.sentence)' | diff - got
	[ "$(jq '[.stages[].counters.records_in] | max' got)" = 1000 ]
	has /metrics '^hta_stage_records_in_total{job="web",program="hta-window",.* 1000$'
	has /metrics '^hta_pipeline_up{job="web",.* 0$'
	end
}

@test "the document: every endpoint is in it, and answers are as it says" {
	mkdir rules
	echo '{"rule_id":"hits","metric":"count"}' >rules/hits.json
	rows_in_sqlite
	events_in sqlite s.db
	feed hta-serve --openapi
	cp "$out" document
	[ "$(jq -r '.openapi, (.paths[][].operationId | select(. == "get_stats"))' document | xargs)" = '3.1.0 get_stats' ]
	[ "$(jq -r '.paths[][].operationId' document | sort | uniq -d)" = '' ]
	serve -d s.db --rules rules
	get /openapi.json | cmp - document
	jq -r '.paths | to_entries[] | [(.key | sub("{.*}"; "1")), (.value | keys | map(ascii_upcase) | join(","))] | @tsv' document >paths
	[ "$(wc -l <paths)" = 19 ]
	while read -r path methods; do
		get "$path" -X OPTIONS -o /dev/null -D head
		[ "$(sed -nE 's/^allow: ([^\r]*).*/\1/ip' head | tr -d ' ' | sed -E 's/,?(HEAD|OPTIONS)//g; s/^,//')" = "$methods" ]
	done <paths
	/usr/bin/python3 -B "$BATS_TEST_DIRNAME/serve_document.py" "$url" document
	ask /docs
	[ "$status" = 200 ]
	grep -qi '^content-security-policy: .*script-src .sha256-' head
	[ "$(grep -cE 'https?://|style=|onclick' body)" = 0 ]
	end
	fails_with 64 hta-serve --openapi --nonsense
	feed hta-serve --openapi --keys keys
	[ "$(jq -c '.paths["/stats"].get.security[0]' "$out")" = '{"bearer":["read"]}' ]
	fails_with 74 bash -c 'hta-serve --openapi >/dev/full'
}

counts() { [ "$(get /stats | jq -c '[.received_count, .unique_processed, .duplicate_dropped, .deduplication_rate, .topics]')" = "$1" ]; }

@test "statistics of intakes: summed, also of one that was killed; a reset is one for all programs" {
	login='{"topic":"user.login","event_id":"1","timestamp":"2026-01-01T00:00:00Z","source":"web","payload":{}}'
	serve -d s.db
	counts '[0,0,0,0,[]]'
	intake a
	for _ in 1 2 3; do send "$login"; done
	wait_until 60 counts '[3,1,2,66.67,["user.login"]]'
	killed=$pid
	intake b
	send "${login/login/logout}"
	wait_until 60 counts '[4,2,2,50,["user.login","user.logout"]]'
	kill -9 "$killed"
	wait_until 60 gone "$killed"
	counts '[4,2,2,50,["user.login","user.logout"]]'
	get /stats | jq -e '.uptime | test("^0:0[0-9]:[0-9]{2}\\.[0-9]{6}$")'
	ask /stats/reset -X POST
	answers 200 .status reset
	counts '[0,0,0,0,["user.login","user.logout"]]'
	[ "$(curl -sS "$intake_url/stats" | jq -c '[.received_count, .topics]')" = '[0,["user.logout"]]' ]
	send "${login/login/logout}"
	wait_until 60 counts '[1,0,1,100,["user.login","user.logout"]]'
	intake a
	[ "$(curl -sS "$intake_url/stats" | jq -c '[.received_count, .duplicate_dropped]')" = '[0,0]' ]
	send '' stats/reset
	send "$login"
	wait_until 60 counts '[2,0,2,100,["user.login","user.logout"]]'
	ask '/stats?start_time=2026-01-01'
	answers 422 .detail 'rule_id is missing'
	end
}
