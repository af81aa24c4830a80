# The five systems as pipelines: the scripts of examples/systems, run to their end against real servers. Each counts what
# was sent again and fails where what is stored is anything else, so that here is mostly what stands around them.
load ../helpers

here() {
	cd "$BATS_TEST_TMPDIR"
	HTA_IN=$(svc_free_port)
	HTA_OUT=$(svc_free_port)
	export HTA_IN HTA_OUT HTA_WORK=$BATS_TEST_TMPDIR/work
}
system() { WAIT=120 feed timeout 230 "$top/examples/systems/$1.sh"; } # NAME
tells() { grep -qE -- "$1" "$out" || { cat "$out"; return 1; }; } # REGEX

# Nothing that a script started is left behind it.
left() { pgrep -f -- "$HTA_WORK|:$HTA_IN|-l $HTA_OUT" || :; }

@test "dedup.sh: publications, each once" {
	here
	system dedup
	tells '^one event: 201, again: 409, a batch: 201$'
	tells '^unique events: 5000, as counted again$'
	tells '^answered 409: 1000, as counted again$'
	tells '^reset: 200, and then: 0 0 0$'
	tells '^throughput: [0-9]{4,} events a second'
	[ -z "$(left)" ]
}

@test "a script whose store is not what was sent fails, and leaves nothing running" {
	here
	cp -r "$top/examples/systems/." .
	sed -i '/^wait_for all_stored/a sqlite3 events.db "DELETE FROM hta_events WHERE event_id = '"'load-1'"'"' check/dedup.sh
	fails_with 1 timeout 230 ./dedup.sh
	says 'unique events: stored is 4999, counted again it is 5000'
	[ -z "$(left)" ]
}

@test "aggregator.sh: minutes of a topic in Redis and Postgres, by two pipelines of which one is killed" {
	with_service kafka pg redis
	here
	topic_new events.raw 6
	redis-cli -u "$REDIS_URL" flushdb
	HTA_TOPIC=$topic HTA_GROUP=$topic system aggregator
	tells '^events in Postgres: 300000, as counted again$'
	tells '^rows in Postgres and in Redis: 3600, each as counted again$'
	tells '^hot keys, .*: \[\["c-00000",[0-9]{4,}\]'
	[ -z "$(left)" ]
}

# A Prometheus with the examples' configuration, for this script's ports, and more often.
with_prometheus() {
	local port
	port=$(svc_free_port)
	mkdir prometheus
	sed "s/127.0.0.1:8000/localhost:$HTA_IN/; s/127.0.0.1:8080/localhost:$HTA_OUT/; s/: 15s/: 500ms/" "$top/examples/prometheus/prometheus.yml" >prometheus/prometheus.yml
	cp "$top/examples/prometheus/hta.rules.yml" prometheus
	spawn prometheus prometheus --config.file=prometheus/prometheus.yml --storage.tsdb.path=prometheus/data --web.listen-address="127.0.0.1:$port"
	export HTA_PROMETHEUS=http://127.0.0.1:$port
}

# Called while the script is at it: a broker dies, and stays dead.
@test "orders.sh: Avro in a cluster, windows, alerts, Prometheus; a broker dies on the way" {
	with_service kafka3 pg registry
	here
	export HTA_BROKERS=$HTA_BROKERS3 HTA_REGISTRY=$HTA_TEST_REGISTRY
	for topic in order_events product_views order_aggregates trend_alerts orders.dlq; do kadm -b "$HTA_BROKERS" create "$HTA_PREFIX.$topic" 3; done
	with_prometheus
	HTA_DURING="$tests/services.sh stop kafka3-2 $HTA_SERVICES KILL" system orders
	svc_start kafka3-2 "$HTA_SERVICES"
	tells '^orders answered 202: 640, as counted again$'
	tells '^records in order_events: 640, as counted again$'
	tells '^windows in order_aggregates: 11, each once$'
	tells '^trend_alerts: \["spike","2026-01-01T00:40:00Z",200\]$'
	tells '^orders since the gateway began anew, in Prometheus: 400, as counted again$'
	[ -z "$(left)" ]
}

# Called while the script is at it: a client of the WebSocket gets what it asked for, every second.
live() {
	/usr/bin/python3 - "ws://localhost:$HTA_OUT/live-stats" <<-'END' >live
		import asyncio, json, sys, websockets
		async def main():
		    async with websockets.connect(sys.argv[1]) as ws:
		        await ws.send(json.dumps({"subscribe_rules": ["rule_10m_event_type"]}))
		        for _ in range(3): print(await asyncio.wait_for(ws.recv(), 60), flush=True)
		asyncio.run(main())
	END
}
export -f live

@test "rules.sh: batches by rules that change while they run, in ClickHouse and MongoDB" {
	with_service kafka clickhouse mongo
	here
	topic_new events.dlq 1
	topic_new events 3
	# what stands for MongoDB takes 150 events a second
	HTA_RAW='.user_id < "user_11"' HTA_BATCHES=4 HTA_BATCH=500 HTA_PUSH=1s HTA_DURING=live system rules
	tells '^rules more while it runs: 201 201 201, the same again: 200$'
	tells '^modified: 200, paused: 200, resumed: 200$'
	for rule in rule_10m_event_type sum_price avg_price clicks_5m@1 clicks_5m; do tells "^rows of $rule: [1-9][0-9]+, as counted again$"; done
	tells '^events counted: 11500, as counted again$'
	# 11500 and 299, and one each for every time that was asked whether a rule is in force
	tells '^events in events_fact: 1[12][0-9]{3}, as counted again$'
	tells '^documents in raw_events: [2-9][0-9]{2}, as counted again$'
	tells '^live: \["rule_10m_event_type",\["2026-01-17T1'
	[ "$(jq -s 'map(select(.rule_id == "rule_10m_event_type" and (.data | length) > 0)) | length' work/live)" = 3 ]
	[ -z "$(left)" ]
}

@test "compose: the bucket of platform.sh is made" {
	with_service s3
	cd "$BATS_TEST_TMPDIR"
	sed -n 's/^ *\(bucket() {.*\)/\1/p' "$top/docker-compose.yml" |
		sed "s#http://localhost:7070/event-platform#$AWS_ENDPOINT_URL/new-$S3_BUCKET#; s/hta:hta-secret/$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY/" >made.sh
	. ./made.sh
	[ "$(bucket)" = 200 ]
	[ "$(bucket)" = 409 ]
}

@test "platform.sh: DynamoDB, GraphQL, and an archive that is away for a while" {
	with_service kafka dynamo s3
	here
	export HTA_PREFIX=$HTA_PREFIX.platform
	kadm -b "$HTA_BROKERS" create "$HTA_PREFIX.events.raw" 4
	kadm -b "$HTA_BROKERS" create "$HTA_PREFIX.events.dlq" 2
	HTA_DYNAMO=dynamodb:///$HTA_PREFIX.hot HTA_ARCHIVE=s3://$S3_BUCKET/platform \
		HTA_AWAY="$tests/services.sh stop s3 $HTA_SERVICES KILL" HTA_BACK="$tests/services.sh start s3 $HTA_SERVICES" system platform
	tells '^events answered 202: 2000, as counted again$'
	tells '^events in DynamoDB: 2000, as counted again$'
	tells '^dead letters in events.dlq: '
	tells '^eventsByUser: 20, as counted again$'
	tells '^lines in the archive: 2003, those of the topic$'
	tells '^rows of a replay: [0-9]+, those of the topic$'
	[ -z "$(left)" ]
}
