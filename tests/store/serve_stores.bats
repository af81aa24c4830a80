# hta-serve over several stores at once: who is asked for what, and what is answered while one of them is away.
load ../helpers
load ../serve

stores_are() { ask /health && answers 200 .stores "$1"; } # JSON
visits() { hta-window --metric "$1" --by page <<<'{"ts":"2026-01-01T00:00:00Z","page":"/a"}'; } # METRIC

@test "what one store lacks another has, and the newest is what the one in memory says" {
	with_service pg redis
	rows_in_sqlite
	hta-sink-pg --init <rows
	visits hits | hta-sink-redis --init --ttl 36500d --prefix web "$REDIS_URL"
	visits only_pg | hta-sink-pg
	visits only_redis | hta-sink-redis --ttl 36500d --prefix web "$REDIS_URL"
	serve -d s.db --pg postgres:// --redis "$REDIS_URL" --prefix web
	wait_until 60 ready
	stores_are '{"SQLite":"ok","Postgres":"ok","Redis":"ok"}'
	has /metrics '^hta_store_up{store="Redis"} 1'
	ask '/latest?metric=hits'
	answers 200 '[.rows[].dims]' '[{"page":"/a"}]'
	ask '/live-stats?rules=hits'
	answers 200 .data '[["2026-01-01T00:00:00","/a",1]]'
	ask '/history?metric=hits&from=2026-01-01&to=2026-01-02'
	answers 200 '[.rows[].dims | keys[]] | unique' '["endpoint","status"]'
	for metric in only_pg only_redis; do
		ask "/latest?metric=$metric"
		answers 200 '.rows | length' 1
		ask "/stats?rule_id=$metric&start_time=2026-01-01&end_time=2026-01-02"
		answers 200 .count 1
	done
	ask '/latest?metric=visits'
	answers 200 .metric visits
	ask '/latest?metric=only_pq'
	answers 404 .detail 'there is no metric "only_pq" (did you mean "only_pg"?)'
	query '{ metrics { name } rollups(metric: "only_redis", from: "2026-01-01", to: "2026-01-02") { count } }'
	answers 200 '[([.data.metrics[].name] | sort), .data.rollups]' '[["hits","only_pg","only_redis","visits"],[{"count":1}]]'
	redis-cli -u "$REDIS_URL" --scan --pattern '{web}:*:hits*' | xargs redis-cli -u "$REDIS_URL" del
	[ "$(redis-cli -u "$REDIS_URL" hexists '{web}:metric' hits)" = 1 ]
	seen() { ask '/latest?metric=hits' && answers 200 '.rows[0].dims | keys' '["endpoint","status"]'; }
	wait_until 60 seen
	end
}

@test "stores that are away, refuse or say nothing: what the others have is answered, at once" {
	rows_in_sqlite
	silent
	serve -d "redis://127.0.0.1:$port" -d redis://127.0.0.1:1 -d later/t.db -d s.db --deadline 600s
	gone_ones='{"Redis":"it does not answer","Redis 2":"","SQLite":"","SQLite 2":"ok"}'
	told() { ask /health && answers 200 '.stores | ."Redis 2" = "" | .SQLite = ""' "$gone_ones"; }
	wait_until 60 told
	ask /health/ready
	refuses 503 store-unavailable
	has /metrics '^hta_store_up{store="Redis"} 0'
	for path in '/latest?metric=hits' '/history?metric=hits' '/stats?rule_id=visits' '/live-stats?rules=hits,visits'; do
		ask "$path" --max-time 60
		[ "$status" = 200 ]
	done
	query '{ metrics { name } }' --max-time 60
	answers 200 '[.data.metrics[].name]' '["hits","visits"]'
	ask '/latest?metric=nosuch' --max-time 60
	refuses 503 store-unavailable
	ask '/events' --max-time 60
	refuses 503 store-unavailable
	mkdir later
	visits late | hta-sink-sqlite --init later/t.db
	wait_until 60 has '/latest?metric=late' '"rows"'
	end
}

@test "events come from the first store that has a table of them" {
	with_service pg redis
	rows_in_sqlite
	events_in sqlite e.db
	sed 's/evt-/pg-/' <<<"$events" | hta-sink-pg --init --events --key topic,event_id --time timestamp
	serve -d "$REDIS_URL" -d s.db -d e.db -d postgres://
	ask /events
	answers 200 '[.events[].event_id]' '["evt-3","evt-2","evt-1","evt-4"]'
	query '{ event(eventId: "evt-1") { userId } metrics { name } }'
	answers 200 '[.data.event, .data.metrics[:2]]' '[{"userId":"u1"},[{"name":"hits"},{"name":"visits"}]]'
	end
	serve -d s.db -d "$REDIS_URL" --events hta_events -d postgres://
	ask '/events?limit=1'
	answers 200 '[.events[].event_id]' '["pg-3"]'
	end
	serve -d s.db -d "$REDIS_URL"
	ask /events
	refuses 404 no-events
	end
}

@test "stores are named by their kinds as well; what is wrong is said at the start" {
	many=$(printf -- '-d s%d.db ' 1 2 3 4 5 6 7 8 9)
	# shellcheck disable=SC2086
	fails_with 64 hta-serve -l 0 $many
	says '8 stores at most'
	fails_with 64 hta-serve -l 0 --pg redis://localhost
	says '\-\-pg: this is Redis: give it with -d'
	fails_with 64 hta-serve -l 0 -d s.db --sqlite ''
	rows
	hta-sink-sqlite --init s.db <rows
	visits other | hta-sink-sqlite --init --table mine t.db
	serve --sqlite s.db
	ask '/latest?metric=hits'
	[ "$status" = 200 ]
	end
	serve --sqlite t.db --table mine
	ask '/latest?metric=other'
	[ "$status" = 200 ]
	end
}

@test "a store of events only: MongoDB answers /events and GraphQL, others the rest" {
	with_service mongo
	rows_in_sqlite
	cat >events <<-'END'
		{"n":1,"ts":"2026-01-01T00:00:01Z","event_type":"click","user_id":"ann"}
		{"n":2,"ts":"2026-01-01T00:00:02Z","event_type":"view","user_id":"bob"}
		{"n":3,"ts":"2026-01-01T00:00:03Z","event_type":"click","user_id":"bob"}
		{"n":4,"event_type":"click","user_id":"ann"}
	END
	feed pipe "hta-consume --job serve --until end events | hta-sink-mongo --init | hta-commit"
	serve -d s.db -d "$MONGODB_URI"
	wait_until 60 ready
	ask '/events?limit=2'
	answers 200 '[.events[].payload.n]' '[3,2]'
	next=$(jq -r ".next | @uri" body)
	ask "/events?limit=2&cursor=$next"
	answers 200 '[.events[].payload.n]' '[1,4]'
	query '{ latestEvents(limit: 3) { eventType } eventsByType(eventType: "view") { userId } eventsByUser(userId: "ann") { eventType } }'
	answers 200 '[(.data.latestEvents | length), .data.eventsByType[0].userId, (.data.eventsByUser | length)]' '[3,"bob",2]'
	ask '/latest?metric=hits'
	answers 200 .metric hits
	end
	serve -d "$MONGODB_URI"
	wait_until 60 ready
	ask '/events?limit=1'
	answers 200 '[.events[].payload.n]' '[3]'
	ask '/latest?metric=hits'
	[ "$status" != 200 ]
	end
}
