# Events of hta-serve out of an intake's log, where no store has a table of them: the newest of its lines, beside its writer.
load ../helpers
load ../serve

batch() { seq "$1" "$2" | jq -c '{event_id: "e\(.)", user_id: "u\(. % 7)", event_type: (["click", "view", "buy"][. % 3]), timestamp: (1767225600 + . | todate), payload: {n: .}}'; } # FIRST LAST
sends() { curl -sS --max-time 30 -o sent -w '%{http_code}' -H 'Content-Type: application/x-ndjson' "${@:2}" --data-binary "@$1" "$intake_url/ingest"; } # FILE [OPTION OF curl...]
ids() { jq -r '.events[].event_id' body; }

@test "the newest of the log, page by page, with and without conditions; the same after a kill -9 of the intake" {
	intake log
	intake=$pid
	for from in 1 401 801 1001; do
		batch $from $((from + 399)) >in
		[ "$(sends in)" = 202 ]
	done
	serve --log log
	hta-consume --log log -e >stored
	tac stored | jq -r .event_id >newest
	[ "$(wc -l <newest)" = 1400 ]
	ask '/events?limit=3'
	answers 200 '[.count, (.events[0] | del(.id, .received_at))]' \
		'[3,{"topic":"events","event_id":"e1400","event_type":"buy","user_id":"u0","timestamp":"2026-01-01T00:23:20Z","source":null,"payload":{"n":1400}}]'
	[ "$(jq .next body)" = "\"$(jq '.events[2].id' body)\"" ]
	grep -qi '^link: <?limit=3&cursor=[0-9]*>; rel="next"' head
	: >walked
	cursor=
	while ask "/events?limit=333&cursor=$cursor" && ids >>walked; do
		cursor=$(jq -r '.next // empty' body)
		[ -n "$cursor" ] || break
	done
	diff newest walked
	ask '/events?type=view&user=u3&limit=1000'
	tac stored | jq -r 'select(.event_type == "view" and .user_id == "u3") | .event_id' | diff - <(ids)
	ask '/events?from=2026-01-01T00:01:40Z&to=2026-01-01T00:01:42Z'
	[ "$(ids | xargs)" = 'e101 e100' ]
	ask '/events?topic=other'
	answers 200 '[.count, .next]' '[0,null]'
	batch 2001 2001 >in
	sends in
	newest_is() { ask '/events?limit=1' && [ "$(ids)" = "$1" ]; }
	wait_until 60 newest_is e2001
	kill -9 "$intake"
	wait_until 60 gone "$intake"
	ask '/events?limit=2&user=u0'
	answers 200 '[.events[].event_id]' '["e1400","e1393"]'
	ask /health
	answers 200 .stores '{"log":"ok"}'
	ask '/latest?metric=hits'
	refuses 404 unknown-metric
	end
}

@test "GraphQL, letters that are dead, texts with escapes, and what is no event" {
	intake log
	batch 1 3 >in
	echo '{"event_id":"bad"}' >>in
	printf '%s\n' '{"event_id":"e\u0034","user_id":"u\"4","event_type":"\u00fc","payload":{}}' >>in
	sends in -H 'Prefer: handling=lenient'
	rows_in_sqlite
	serve -d s.db --log log
	ask '/events'
	[ "$(ids | xargs)" = 'e4 e3 e2 e1' ]
	ask '/events?user=u%224&type=%C3%BC'
	[ "$(ids)" = e4 ]
	query '{ latestEvents(limit: 2) { eventId topic payload timestamp } c: eventsByType(eventType: "click") { eventId } d: event(eventId: "e2") { userId } e: event(eventId: "no") { userId } metrics { name } }'
	answers 200 '[.data.latestEvents[0].eventId, .data.latestEvents[1], .data.c, .data.d, .data.e]' \
		'["e4",{"eventId":"e3","topic":"events","payload":{"n":3},"timestamp":"2026-01-01T00:00:03Z"},[{"eventId":"e3"}],{"userId":"u2"},null]'
	ask '/events?limit=1'
	query "{ latestEvents(before: \"$(jq -r .next body)\", limit: 1) { eventId } }"
	answers 200 '[.data.latestEvents[].eventId]' '["e3"]'
	for cursor in x 2026-01-01T00:00:00Z/events/0/1 -1 99999999999999999999; do
		ask "/events?cursor=$cursor"
		refuses 422 bad-parameter
	done
	ask '/events?cursor=0'
	answers 200 '[.count, .next]' '[0,null]'
	end
}

@test "a table of events goes first; a log that is not there yet, or is damaged, is said" {
	events_in sqlite e.db
	serve -d e.db --log log
	ask /events
	answers 200 '[.events[].event_id]' '["evt-3","evt-2","evt-1","evt-4"]'
	ask '/events?cursor=100'
	refuses 422 bad-parameter
	ask /health
	answers 200 '.stores | [.SQLite, (.log | test("log: No such file"))]' '["ok",true]'
	end
	serve --log log
	ask /events
	refuses 503 store-unavailable
	ask /health/ready
	refuses 503 store-unavailable
	intake log
	batch 1 500 >in
	sends in
	wait_until 60 ready
	ask '/events?limit=1'
	[ "$(ids)" = e500 ]
	kill -TERM "$pid"
	exits_with 0 60
	printf '\377' | dd of=log/00000000000000000000.log bs=1 seek=5000 conv=notrunc status=none
	ask '/events?limit=1000'
	refuses 500 damaged
	end
}

@test "a query looks at 256 MiB of the log, and says where it goes on" {
	intake log
	batch 1 5 >in
	sends in
	python3 -c 'print("\n".join("{\"event_type\":\"big\",\"user_id\":\"u\",\"payload\":{\"x\":\"%s\"}}" % ("x" * 1000000) for i in range(15)))' >big
	for _ in $(seq 20); do [ "$(sends big)" = 202 ]; done
	serve --log log
	ask '/events?type=click'
	answers 200 .count 0
	cursor=$(jq -r .next body)
	[ "$cursor" -gt 0 ]
	ask "/events?type=click&cursor=$cursor"
	answers 200 '[.events[].event_id, .next]' '["e3",null]'
	query '{ eventsByType(eventType: "click") { eventId } }'
	answers 200 .data null
	grep -q "before: \\\\\"$cursor" body
	ask '/events?limit=1000&cursor=100000000'
	answers 200 '[.count, (.next | tonumber) == .events[-1].id]' '[17,true]'
	end
}

@test "where events come from is said at the start; the log alone is enough" {
	hta-sink-sqlite --init s.db </dev/null
	serve -d s.db
	said() { grep -q "$1" serve.err; }
	wait_until 60 said '/events: the store has no table of events'
	end
	events_in sqlite e.db
	serve -d s.db -d e.db --log log
	wait_until 60 said 'events: of the first store that has a table'
	end
	serve -d s.db --log log
	wait_until 60 said 'events: of the log'
	end
	serve --log log --log json
	wait_until 60 said '"msg":"events: of the log'
	end
}
