# What --help tells people to type works: every example is run as it stands, but for what tests/manual.bash says, and every
# store that -d is said to take is taken.
load ../helpers
load ../certs
load ../manual

programs() { find "$HTA_BUILD_DIR" -maxdepth 1 -name 'hta-*' -type f -executable -printf '%f\n' | sort; }
examples() { "$1" --help | sed '1,/^Examples:/d; s/^  //'; } # PROGRAM

# The nth example, as a script in the file "typed".
typed_of() { # PROGRAM N
	examples "$1" | sed -n "$2p" | as_here >typed
	[ -s typed ] || { echo "$1 --help has no example $2"; return 1; }
}

# Runs it; its output is in the file $out.
typed() { # PROGRAM N
	typed_of "$@"
	feed timeout 120 bash -eo pipefail typed
}

# Runs one that does not end: until the command holds, then TERM to all, and exit 0.
typed_on() { # PROGRAM N COMMAND...
	typed_of "$1" "$2"
	sed -i '1i trap : TERM INT' typed
	spawn typed bash -eo pipefail typed
	wait_until 60 "${@:3}" || { cat typed typed.err; return 1; }
	kill -TERM -- "-$pid"
	exits_with "${code:-0}" 60
}

# rollups.db, with the job that the examples speak of.
with_rollups() {
	feed pipe 'hta-consume --job web events.ndjson | hta-window --by endpoint,status --value latency_ms |
		hta-sink-sqlite --init rollups.db | hta-commit'
}

in_pg() { [ "$(pg 'SELECT sum(count) FROM hta_rollups')" = "$1" ]; } # COUNT
in_file() { [ "$(sql "$1" 'SELECT sum(count) FROM hta_rollups')" = "$2" ]; } # FILE COUNT

@test "every example of --help is run here" {
	for program in $(programs); do
		n=$(examples "$program" | wc -l)
		[ "$n" -ge 1 ]
		for i in $(seq "$n"); do
			grep -qE "^	(code=[0-9]+ )?typed(_on)? $program $i\b" "$BATS_TEST_FILENAME" || { echo "nothing runs example $i of $program --help"; return 1; }
		done
	done
}

# 69: it would have been asked, if it were there.
takes_store() { # URL COMMAND...
	local code=0
	"${@:2}" -d "$1" >"$out" 2>&1 || code=$?
	[ $code = 69 ]
}

@test "the stores of -d are those that are taken" {
	export AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:1 AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=y AWS_EC2_METADATA_DISABLED=true
	for url in postgres://127.0.0.1:1/x redis://127.0.0.1:1 clickhouse://127.0.0.1:1 \
		'mongodb://127.0.0.1:1/x?serverSelectionTimeoutMS=100' dynamodb://eu-west-1/events; do
		for program in hta-query hta-trend hta-consume; do
			listed=no taken=no
			[[ "$("$program" --help | sed -n '/-d, --store/,/^ *-.*--/p' | tr -s ' \n' ' ')" != *"${url%%:*}://"* ]] || listed=yes
			case $program in
			hta-query) { takes_store "$url" hta-query latest m || takes_store "$url" hta-query events; } && taken=yes ;;
			hta-trend) takes_store "$url" hta-trend m && taken=yes ;;
			hta-consume) takes_store "$url" hta-consume --final m --until end --retry-for 0 && taken=yes ;;
			esac
			[ $taken = $listed ] || { echo "$program: ${url%%:*}:// is listed: $listed, taken: $taken"; cat "$out"; return 1; }
		done
	done
	for program in hta-serve hta-check; do # as hta-query has it
		diff <(stores_listed hta-query) <(stores_listed $program)
	done
}
stores_listed() { "$1" --help | tr -s ' \n' ' ' | grep -oE 'postgres://, [^;]* a SQLite file'; } # PROGRAM

@test "hta-check" {
	cd "$BATS_TEST_TMPDIR"
	mkdir rules
	section hta-check.1 EXAMPLES | sed -n '/^{"rule_id"/,/^END/p' | grep -v '^END' >rules/errors.json
	typed hta-check 1
	typed hta-check 2
	grep -q 'p99' "$out"
	typed hta-check 3
	grep -q '^All tests successful' "$out"
}

@test "hta-commit" {
	here
	with_kafka_and pg
	typed_on hta-commit 1 in_pg 20000
}

@test "hta-consume" {
	here
	with_kafka_and pg s3
	typed_on hta-consume 1 in_pg 20000
	mv events.ndjson all
	head -n 12000 all | gzip >old.ndjson.gz
	tail -n +12001 all >events.ndjson
	typed hta-consume 2
	in_file web.db 20000
	typed hta-consume 3
	[ "$(wc -l <"$out")" = 20000 ]
	jq -c '.timestamp = .ts | del(.ts)' all | head -n 100 | hta-log-append events
	in_live() { in_file live.db 100; }
	typed_on hta-consume 4 in_live
	feed pipe "hta-consume --job put all --dead drop | hta-sink-s3 --positions put.db --init s3://$S3_BUCKET/$BATS_TEST_NUMBER/web | hta-commit"
	typed hta-consume 5
	in_file again.db 20000
	rm web.db
	feed pipe 'hta-consume --job web all | hta-window | hta-sink-sqlite --init web.db | hta-commit'
	service_file
	final=$(sql web.db 'SELECT sum(count) FROM hta_final')
	[ "$final" -gt 0 ]
	typed_on hta-consume 6 in_pg "$final"
}

@test "hta-dedup" {
	here
	typed hta-dedup 1
	cmp "$out" events.ndjson
	cat events.ndjson events.ndjson >twice && mv twice events.ndjson
	with_kafka_and pg
	typed_on hta-dedup 2 in_pg 20000
}

@test "hta-dlq" {
	here
	sed -i -E '1,20s/"latency_ms":[0-9.]+/"latency_ms":"fast"/' events.ndjson
	with_kafka_and pg
	feed pipe "hta-consume -b $HTA_BROKERS -t $topic -g ${web}one -e | hta-window --value latency_ms | hta-sink-sqlite --init rollups.db | hta-commit"
	typed hta-dlq 1
	[ "$(jq -c .count "$out")" = 20 ]
	feed pipe "hta-consume -b $HTA_BROKERS -t $topic -g ${web}two -e | hta-window --value latency_ms | hta-sink-pg --init service=rollups | hta-commit"
	typed hta-dlq 2
	[ "$(wc -l <"$out")" = 20 ]
	typed hta-dlq 3
	settled "$topic"
	[ "$(kcat -C -b "$HTA_BROKERS" -t "$topic" -e -q | wc -l)" = 20020 ]
	hta-window --value latency_ms --dead dead.ndjson events.ndjson >rows.ndjson
	typed hta-dlq 4
	[ "$(jq -s 'map(.count) | add' "$out")" = 20 ]
}

@test "hta-filter" {
	here
	typed hta-filter 1
	[ "$(jq -c 'select(.status >= 500)' events.ndjson | wc -l)" = "$(wc -l <"$out")" ]
	typed hta-filter 2
	[ "$(jq -s 'map(select(has("user_id"))) | length' events.ndjson)" = "$(wc -l <"$out")" ]
	[ "$(jq -s 'map(select(has("payload"))) | length' "$out")" = 0 ]
	head -n 1000 events.ndjson | jq -c '{ts, items: [.payload, {product_id: "p"}]}' >orders && mv orders events.ndjson
	with_kafka_and pg
	typed_on hta-filter 3 in_pg 2000
	[ "$(pg "SELECT sum(count) FROM hta_rollups WHERE dims ->> 'product_id' = 'p'")" = 1000 ]
}

@test "hta-gen" {
	cd "$BATS_TEST_TMPDIR"
	typed hta-gen 1
	[ "$(wc -l <events.ndjson)" = 1000000 ]
	rm events.ndjson
	hta-gen --count 1 >events.ndjson
	with_kafka_and
	typed hta-gen 2
	[ "$(ends "$topic" | awk '{ n += $3 } END { print n }')" -gt 9000 ]
}

takes_view() {
	curl -sSf -H 'Content-Type: application/json' -d '{"event_type":"view","user_id":"u","payload":{}}' "$@"
}

@test "hta-ingest" {
	cd "$BATS_TEST_TMPDIR"
	port=$(svc_free_port)
	counted() { takes_view "http://localhost:$port/events" && [ "$(sql rollups.db 'SELECT sum(count) FROM hta_rollups')" -ge 1 ]; }
	typed_on hta-ingest 1 counted
	# what was posted until it was counted may be of two minutes
	[ "$(sql rollups.db "SELECT DISTINCT dims FROM hta_rollups")" = '{"event_type":"view"}' ]
	rm -r log
	typed_on hta-ingest 2 takes_view "http://localhost:$port/events"
	rm -r log
	typed hta-ingest 4
	key=$(grep -oE 'hta_[0-9a-f]{48}' "$out.err")
	chmod 600 keys
	authority ca
	certificate cert ca
	mv cert.key key.pem
	typed_on hta-ingest 3 takes_view --cacert ca.pem -H "Authorization: Bearer $key" "https://localhost:$port/events"
}

@test "hta-parse" {
	cd "$BATS_TEST_TMPDIR"
	access_logs
	typed hta-parse 1
	[ "$(jq -s 'map(.count) | add' "$out")" = 20000 ]
	printf '%s\n' 'id,price' '1,99.5' >orders.csv
	typed hta-parse 2
	[ "$(<"$out")" = '{"id":1,"price":99.5}' ]
	typed hta-parse 3
	[ "$(jq -s 'map(.duration_s) | max' "$out")" = 0.999 ]
	typed hta-parse 4
	in_file web.db 20000
}

@test "hta-query" {
	here
	with_rollups
	typed hta-query 1
	[ "$(jq -s 'map(.dims.endpoint) | unique | length' "$out")" -gt 5 ]
	with_service pg
	service_file
	jq -c '.ts = (now | todate)' events.ndjson | hta-window --by status | hta-sink-pg --init service=rollups
	typed hta-query 2
	grep -q 500 "$out"
	typed hta-query 3
	[ "$(jq -r .sink "$out")" = sqlite:hta_rollups ]
	typed hta-query 4
	[ "$(wc -l <"$out")" = 5 ]
}

@test "hta-serve" {
	here
	with_rollups
	with_service pg
	service_file
	hta-window events.ndjson | hta-sink-pg --init service=rollups
	reader_port=$(svc_free_port)
	typed_on hta-serve 1 curl -sSf "http://localhost:$reader_port/latest?metric=events"
	hta-serve --new-key web >made
	key=$(head -n 1 made)
	tail -n 1 made >keys
	chmod 600 keys
	typed_on hta-serve 2 curl -sSf -H "X-API-Key: $key" "http://localhost:$reader_port/latest?metric=events"
}

@test "hta-sink-clickhouse" {
	here
	with_kafka_and clickhouse
	url=${CLICKHOUSE_URL/clickhouse/http}
	asked() { [ "$(curl -s -m 20 --data-binary "SELECT count() FROM $1" "${url%/*}/?database=${url##*/}")" "$2" "$3" ]; }
	typed_on hta-sink-clickhouse 1 asked events_agg -gt 0
	typed hta-sink-clickhouse 2
	asked 'events_fact FINAL' = 20000
}

@test "hta-sink-dynamo" {
	cd "$BATS_TEST_TMPDIR"
	with_service dynamo
	# of today, or they had expired; others have a table of this name as well
	hta-gen --count 2000 | jq -c --arg own ".$HTA_PREFIX" '.ts = (now | todate) | .event_id += $own' >events.ndjson
	with_kafka_and
	clicks=$(grep -c '"event_type":"click"' events.ndjson)
	all_of() { [ "$(grep -c "\.$HTA_PREFIX\"" "$1")" = "$clicks" ]; } # FILE
	all_stored() { hta-query events -d dynamodb://eu-west-1/events --type click >clicks && all_of clicks; }
	typed_on hta-sink-dynamo 1 all_stored
	typed hta-sink-dynamo 2
	all_of "$out"
}

@test "hta-sink-kafka" {
	here
	with_kafka_and
	typed hta-sink-kafka 1
	[ "$(ends "$topic" | awk '{ n += $3 } END { print n }')" -gt 29000 ]
}

@test "hta-sink-mongo" {
	here
	head -n 500 events.ndjson >few && mv few events.ndjson
	with_kafka_and mongo
	stored() { feed hta-query events -d "$MONGODB_URI" --limit 10000 && [ "$(wc -l <"$out")" = "$1" ]; }
	typed_on hta-sink-mongo 1 stored 500
	typed hta-sink-mongo 2
}

@test "hta-sink-pg" {
	here
	with_kafka_and pg
	typed_on hta-sink-pg 1 in_pg 20000
	typed hta-sink-pg 2
	grep -qE '^new 0, equal [1-9][0-9]*, different 0$' "$out"
}

@test "hta-sink-redis" {
	here
	with_kafka_and redis
	redis-cli -u "$REDIS_URL" flushdb >/dev/null
	# of today, or they had expired
	jq -c '.ts = (now | todate)' events.ndjson >now.ndjson && mv now.ndjson events.ndjson
	produce "$topic" events.ndjson
	in_redis() { [ "$(hta-query -d "$REDIS_URL" history events --since -1h | jq -s 'map(.count) | add')" = 20000 ]; }
	typed_on hta-sink-redis 1 in_redis
	typed hta-sink-redis 2
	grep -qE '^new 0, equal [1-9][0-9]*, different 0$' "$out"
}

@test "hta-sink-s3" {
	here
	with_kafka_and s3
	stored() { hta-top --json | jq -e '.stages[] | select(.program == "hta-consume") | .counters.records_out == 20000'; }
	typed_on hta-sink-s3 1 stored
	typed hta-sink-s3 2
	[ "$(jq -s 'map(.count) | add' "$out")" = 20000 ]
}

@test "hta-sink-sqlite" {
	here
	typed hta-sink-sqlite 1
	in_file rollups.db 20000
	typed hta-sink-sqlite 2
	in_file plain.db 20000
}

@test "hta-top" {
	here
	mkdir -p prometheus
	typed hta-top 2
	[ "$(tail -n 1 "$out")" = "nothing runs" ]
	spawn job bash -c 'hta-gen --rate 1000 | hta-window --lateness 1s'
	runs() { hta-top -1 | grep -q '^plain .*: keeping up'; }
	wait_until 60 runs
	typed hta-top 3
	grep -q '^hta_pipeline_up{.*} 1$' hta.prom
	typed hta-top 1
}

@test "hta-trend" {
	here
	with_rollups
	typed hta-trend 1
	typed hta-trend 2
	typed hta-trend 3
	[ "$(sql rollups.db 'SELECT count(*) FROM hta_trend')" = 2 ]
}

@test "hta-validate" {
	here
	echo '{"properties":{"status":{"maximum":399}}}' >event.json
	typed hta-validate 1
	[ "$(wc -l <bad.ndjson)" = "$(jq -c 'select(.status > 399)' events.ndjson | wc -l)" ]
	mkdir schemas
	for type in $(jq -r .event_type events.ndjson | sort -u); do echo '{"required":["payload"]}' >"schemas/$type.json"; done
	with_kafka_and pg
	typed_on hta-validate 2 in_pg 20000
}

@test "hta-window" {
	here
	typed hta-window 1
	[ "$(jq -s 'map(.count) | add' "$out")" = 20000 ]
	with_kafka_and pg
	has_rows() { [ -s typed.out ]; }
	code=143 typed_on hta-window 2 has_rows # of kcat, which dies of the signal
	typed_on hta-window 3 in_pg 40000
	[ "$(pg "SELECT count(*) FROM hta_metric WHERE metric IN ('hits', 'spend')")" = 2 ]
}
