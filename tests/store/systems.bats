# Five systems that people describe, and the requests that they show: each is sent to hta-ingest and hta-serve, with a store
# between them, and answered in the shape that is shown there. (Members, paths and formats are theirs, so they stay as they are.)
load ../helpers
load ../ingest

setup() { cd "$BATS_TEST_TMPDIR" || return; }

# An intake into SQLite, events and rows of the rules of a folder, and a reader beside it: their places are $in and $from.
system() { # [OPTION OF hta-ingest...]
	mkdir rules
	echo '{"rule_id": "all", "metric": "count", "window_size": "1m", "group_by": ["event_type"]}' >rules/all.json
	hta-window --metric none </dev/null | hta-sink-sqlite --init s.db
	hta-sink-sqlite --init --events --key topic,event_id --time timestamp s.db </dev/null
	spawn reader hta-serve -v -l 0 -d s.db --rules rules --push 1s
	wait_until 60 grep -q 'listens on' reader.err
	from=http://localhost:$(sed -nE 's/.*listens on [^,]*:([0-9]+).*/\1/p' reader.err)
	serve_into 'hta-sink-sqlite --events --key topic,event_id --time timestamp s.db | hta-window -v -v --rules rules --time timestamp | hta-sink-sqlite --init s.db | hta-commit' \
		--route "/api/v1/orders=order_events:$top/examples/routes/orders.json" \
		--route "/api/v1/product-views=product_views:$top/examples/routes/product-views.json" "$@"
	in=$url
}

# Asks the reader, as the helpers ask the intake.
ask() { # PATH [OPTION OF curl...]
	local url=$from
	status=$(get "$1" -o body -D head -w '%{http_code}' "${@:2}")
}
ask_json() { ask "$1" -H "$json" -d "$2"; } # PATH BODY

in_force() { # no event twice: the next one is not the same
	post /ingest "[{\"event_id\": \"opening-$(date +%s%N)\", \"user_id\": \"u\", \"event_type\": \"click\", \"timestamp\": \"2026-01-12T10:00:00Z\", \"payload\": {}}]"
	has_rows '/stats?rule_id=rule_10m_event_type&start_time=2026-01-12T00:00:00Z&end_time=2026-01-13T00:00:00Z' '.data[0].value > 0'
}
stored() { [ "$(sqlite3 s.db 'select count(*) from hta_events')" = "$1" ]; } # EVENTS
has_rows() { ask "$1" && [ "$status" = 200 ] && jq -e "$2" body; }         # PATH FILTER

@test "systems: events by GraphQL" {
	system
	for place in "$in" "$from"; do [ "$(url=$place get /health | jq -r .status)" = ok ]; done
	post /events '{"event_type": "page_view", "user_id": "123", "payload": {"page": "/home", "referrer": "google.com"}}'
	answers 202 '[.status, .message] | @csv' '"accepted","Event accepted for processing"'
	jq -e '.event_id | test("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")' body
	for i in {1..10}; do
		post /events "{\"event_type\": \"page_view\", \"user_id\": \"user$i\", \"payload\": {\"page\": \"/page$i\"}}"
		[ "$status" = 202 ]
	done
	wait_until 60 stored 11
	ask_json /graphql '{"query": "{ latestEvents(limit: 5) { eventId eventType userId timestamp payload } }"}'
	answers 200 '[.data.latestEvents[] | [.userId, .payload.page]] | .[0], length' $'["user10","/page10"]\n5'
	[ "$(jq -c '.data.latestEvents[0] | keys_unsorted' body)" = '["eventId","eventType","userId","timestamp","payload"]' ]
	ask_json /graphql '{"query": "{ latestEvents(limit: 10) { eventId eventType userId } }"}'
	answers 200 '.data.latestEvents | length' 10
	ask_json /graphql '{"query": "{ eventsByType(eventType: \"page_view\") { eventId userId timestamp payload } }"}'
	answers 200 '.data.eventsByType | length' 11
	ask_json /graphql '{"query": "{ eventsByUser(userId: \"123\") { eventId eventType timestamp payload } }"}'
	answers 200 '.data.eventsByUser | map([.eventType, .payload.referrer])' '[["page_view","google.com"]]'
}

@test "systems: rules while they run, batches, statistics live" {
	system
	ask_json /aggregation-rule '{"rule_id": "top_events_10m", "window_size": "10m", "metric": "count", "group_by": ["event_type"], "active": true}'
	answers 201 .status created
	ask_json /aggregation-rule '{"rule_id": "rule_10m_event_type", "window_size": "10m", "metric": "count", "group_by": ["event_type"], "active": true}'
	answers 201 .status created
	wait_until 60 grep -q 'rule rule_10m_event_type' pipeline.err
	# what was read takes effect at the next barrier: there is one between an event of another day and those behind it that are counted
	wait_until 60 in_force
	post /ingest '[{"event_id": "uuid-1", "user_id": "user_123", "event_type": "click", "timestamp": "2026-01-13T10:00:00Z", "payload": {"product_id": 42, "price": 19.99}}]'
	answers 202 '{status, count}' '{"status":"accepted","count":1}'
	jq -nc '[range(10000) | {event_id: "e\(.)", user_id: "u\(. % 100)", event_type: "purchase", timestamp: "2026-01-17T19:30:00Z", payload: {}}]' >ten
	post /ingest @ten
	answers 202 .count 10000
	jq -c '. + [.[0]]' ten >more
	post /ingest @more
	[ "$status" = 413 ]
	of_rule='/stats?rule_id=rule_10m_event_type&start_time=2026-01-17T00:00:00Z&end_time=2026-01-18T00:00:00Z'
	wait_until 60 has_rows "$of_rule" '.data[0].value == 10000'
	ask "$of_rule"
	answers 200 . '{"rule_id":"rule_10m_event_type","from":"2026-01-17T00:00:00+00:00","to":"2026-01-18T00:00:00+00:00","count":1,"data":[{"window_start":"2026-01-17T19:30:00","event_type":"purchase","value":10000}]}'
	feed /usr/bin/python3 - "${from/http/ws}/live-stats" <<-'END'
		import asyncio, json, sys, websockets
		async def main():
		    async with websockets.connect(sys.argv[1]) as ws:
		        await ws.send(json.dumps({"subscribe_rules": ["top_events_10m"]}))
		        for _ in range(2): print(await asyncio.wait_for(ws.recv(), 60))
		asyncio.run(main())
	END
	jq -es 'length == 2 and all(.rule_id == "top_events_10m" and (.timestamp | test("^[0-9-]{10}T[0-9:]{8}Z$")) and .data == [["2026-01-17T19:30:00", "purchase", 10000]])' "$out"
	for place in "$in" "$from"; do url=$place get /docs | grep -q '<html'; done
}

@test "systems: orders by a schema" {
	system
	post /api/v1/orders '{"user_id": "user_001", "items": [{"product_id": "prod_123", "quantity": 2, "price": 99.99}]}'
	answers 202 '[.status, .topic, (.event_id == .order_id)] | @csv' '"accepted","order_events",true'
	for i in {1..20}; do
		post /api/v1/orders "{\"user_id\":\"user_$i\",\"items\":[{\"product_id\":\"prod_1\",\"quantity\":1,\"price\":50}]}"
		[ "$status" = 202 ]
	done
	post /api/v1/product-views '{"user_id": "user_001", "product_id": "prod_123"}'
	answers 202 .topic product_views
	wait_until 60 stored 22
	ask '/events?topic=order_events&user=user_001'
	answers 200 .count 1
	[ "$(sqlite3 s.db "select record from hta_events where user_id = 'user_001' and topic = 'order_events'" | jq .total)" = 199.98 ]
	[ "$(sqlite3 s.db "select count(*) from hta_events where topic = 'order_events'")" = 21 ]
	get /docs | grep -q '<html'
}

@test "systems: publications without twins, and what was published" {
	system
	post /publish "$login"
	answers 201 '[.status, .topic, .event_id] | @csv' '"created","user.login","evt-001"'
	post /publish "$login"
	[ "$status" = 409 ]
	post /publish '{"events": [
		{"topic": "order.created", "event_id": "order-001", "timestamp": "2025-10-24T10:00:00Z", "source": "order-service", "payload": {"order_id": 1, "amount": 100}},
		{"topic": "order.created", "event_id": "order-002", "timestamp": "2025-10-24T10:01:00Z", "source": "order-service", "payload": {"order_id": 2, "amount": 250}}]}'
	answers 201 .created 2
	wait_until 60 stored 3
	ask /events
	answers 200 '[.count, (.events | length)]' '[3,3]'
	jq -e '.events[] | has("id") and has("topic") and has("event_id") and has("timestamp") and has("source") and has("payload")
		and (.received_at | test("^[0-9-]{10}T[0-9:]{8}(\\.[0-9]+)?$"))' body
	ask '/events?topic=user.login'
	answers 200 '[.count, .events[0].event_id, .events[0].payload.user_id]' '[1,"evt-001","user-123"]'
	[ "$(jq -c '.events | sort_by(.received_at) | length' body)" = 1 ]
	ask '/events?source=web-app'
	answers 200 .count 1
	ask '/events?limit=10'
	answers 200 .count 3
	for place in "$in" "$from"; do
		wait_until 60 counts "$place" '[4,3,1,25]'
		url=$place get /stats | jq -e '.uptime | test("^[0-9]+:[0-9]{2}:[0-9]{2}\\.[0-9]{6}$")'
		[ "$(url=$place get /stats | jq -c '.topics')" = '["order.created","user.login"]' ]
	done
	url=$from get /stats/reset -X POST | jq -e .status
	wait_until 60 counts "$in" '[0,0,0,0]'
}
counts() { [ "$(url=$1 get /stats | jq -c '[.received_count, .unique_processed, .duplicate_dropped, .deduplication_rate]')" = "$2" ]; } # PLACE WANTED

@test "systems: the latest rows of a metric, and its history" {
	system
	batch 1 50 >lines
	post /ingest @lines -H "$ndjson"
	[ "$status" = 202 ]
	wait_until 60 has_rows '/latest?metric=all' '.rows[0].count == 50'
	ask '/latest?metric=all'
	answers 200 '[.metric, .window_start, .rows[0].dims.event_type]' '["all","2026-01-01T00:00:00Z","click"]'
	ask '/history?metric=all&from=2025-12-31&to=2026-01-02'
	answers 200 '[.rows[].count]' '[50]'
	ask '/latest?metric=al'
	[ "$status" = 404 ]
	for place in "$in" "$from"; do url=$place get /docs | grep -q '<html'; done
}
