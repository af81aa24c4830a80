# hta-sink-clickhouse on a real ClickHouse: what it stores, that it stores it once, what it refuses, and who reads it.
# HTA_KILLS=100 BATS_TEST_TIMEOUT=3000 kills the server as often, in place of four times.
load ../helpers

# A database for each test; positions in its folder.
setup() {
	with_service clickhouse
	cd "$BATS_TEST_TMPDIR"
	server=${CLICKHOUSE_URL%/*}
	db=${CLICKHOUSE_URL##*/}_$BATS_TEST_NUMBER
	ch "DROP DATABASE IF EXISTS $db" default
	ch "CREATE DATABASE $db" default
	export CLICKHOUSE_URL=$server/$db HTA_POSITIONS=$PWD/positions.db
}

teardown() {
	kill_spawned
	[ ! -d own ] || svc_stop clickhouse "$PWD/own" KILL
}

ch() { curl -sS -m 120 --data-binary "$1" "${server/clickhouse/http}/?database=${2:-$db}"; } # SQL [DATABASE]

events() { hta-gen --count "${1:-20000}" --step 10ms --seed "${2:-1}"; } # [N [SEED]]

# A job over the file `in`, into what follows the window; rows are written as deltas.
job() { # NAME SINK...
	pipe "hta-consume --job $1 --epoch-records ${epoch:-3000} --until end in | hta-window --metric $1 --by endpoint,region --value latency_ms | ${*:2} | hta-commit"
}

# A job whose sink dies at a point (HTA_CRASH); what was said is in the file `err`.
dies_at() { # POINT NAME [OPTION OF THE SINK...]
	rm -f died
	not job "$2" "{ HTA_CRASH=$1 hta-sink-clickhouse --init ${*:3}; echo \$? >died; }" 2>err
	[ "$(<died)" = 137 ] || { cat err; return 1; }
}

counted() { ch "SELECT sum(count) FROM events_agg_v WHERE metric = '$1'"; } # METRIC

# What a reader says of all of a metric, in one order; nothing is no answer.
history() { hta-query history "$1" -d "$2" | jq -cS . | sort | grep .; } # METRIC STORE

@test "clickhouse: deltas of many epochs are what SQLite has of them" {
	events >in
	feed job web hta-sink-sqlite --init both.db '|' hta-sink-clickhouse --init
	[ "$(counted web)" = 20000 ]
	history web both.db >"$out"
	[ "$(wc -l <"$out")" -gt 100 ]
	grep -q '"open":true' "$out"
	grep -qv '"open":true' "$out"
	history web "$CLICKHOUSE_URL" | diff "$out" -
	ch 'OPTIMIZE TABLE events_agg FINAL'
	history web "$CLICKHOUSE_URL" | diff "$out" -
	[ "$(ch "SELECT count() > 5, count() = uniqExact(claim) FROM events_agg WHERE claim NOT IN ('', 'sink')")" = $'1\t1' ]
}

@test "clickhouse: decimals lose nothing" {
	python3 -B - >in <<-'END'
		import random
		from decimal import Decimal
		random.seed(7)
		for i in range(3000):
		    v = Decimal(random.randrange(-10**28, 10**28)).scaleb(-9)
		    print('{"ts":"2026-01-01T00:00:%02dZ","endpoint":"e%d","region":"r","latency_ms":%s}' % (i % 60, i % 7, v))
	END
	feed job web hta-sink-sqlite --init both.db '|' hta-sink-clickhouse --init
	history web both.db >"$out"
	[ "$(wc -l <"$out")" = 7 ]
	history web "$CLICKHOUSE_URL" | diff "$out" -
	want=$(sqlite3 both.db "SELECT group_concat(sum, ' ') FROM (SELECT sum FROM hta_rollups ORDER BY dims_hash)")
	[ "$(ch "SELECT arrayStringConcat(groupArray(toString(sum)), ' ') FROM (SELECT sum FROM events_agg_v ORDER BY dims_hash)")" = "$want" ]
}

@test "clickhouse: whoever dies at any point, an epoch is counted once" {
	events 20000 >in
	hta-sink-clickhouse --init --positions "$HTA_POSITIONS" </dev/null
	for point in barrier-before sink-inside:1 sink-inside:2 sink-inside:3 sink-inside:4 sink-inside:6 sink-sent sink-sent:3 barrier-after; do
		name=m_${point//[-:]/_}
		dies_at $point $name --name $name
		grep -q 'start it again\|start the pipeline again' err
		job $name hta-sink-clickhouse -v --name $name 2>>told
		[ "$(counted $name)" = 20000 ]
	done
	grep -q 'left open is settled: it was stored' told
	grep -q 'left open is settled: it was not stored, and comes again' told
	[ "$(ch "SELECT count() > 0 FROM events_agg WHERE startsWith(claim, 'burn-')")" = 1 ]
}

# A server that is this test's alone.
own_server() {
	svc_start clickhouse "$PWD/own"
	server=clickhouse://127.0.0.1:$(<own/clickhouse.port)
	ch "CREATE DATABASE $db" default
	export CLICKHOUSE_URL=$server/$db
}

# Partitions' positions in the store of positions.
moved() { sqlite3 "$HTA_POSITIONS" 'PRAGMA busy_timeout = 5000; SELECT total(next) FROM hta_pos' | tail -n 1; }
# Has gone on, or ended: where much goes on beside us it may have come to its end before we look.
moved_or_gone() { [ "$(moved)" != "$1" ] || gone "$2"; } # POSITIONS PID

@test "clickhouse: the server dies while rows come in, ${HTA_KILLS:-4} times, and no sum is wrong" {
	own_server
	hta-gen --count $((60000 + 20000 * ${HTA_KILLS:-4})) --step 10ms >in
	epoch=2000
	feed job web hta-sink-sqlite --init want.db
	run_job() { job web "hta-sink-clickhouse --init --retry-for 60s"; }
	export -f run_job job pipe && export epoch
	spawn job bash -c run_job
	running=$pid
	wait_until 60 test -s "$HTA_POSITIONS"
	for ((i = 0; i < ${HTA_KILLS:-4}; i++)); do
		wait_until 60 moved_or_gone "$(moved)" $running
		if gone $running; then break; fi
		svc_stop clickhouse "$PWD/own" KILL
		svc_start clickhouse "$PWD/own"
	done
	exits_with 0 120 $running
	history web want.db >"$out"
	history web "$CLICKHOUSE_URL" | diff "$out" -
	grep -q 'trying again' job.err
}

@test "clickhouse: the sink dies while rows go out, and no sum is wrong" {
	events 60000 >in
	epoch=1000
	feed job web hta-sink-sqlite --init want.db
	feed hta-sink-clickhouse --init </dev/null
	feed job other hta-sink-clickhouse --init
	run_job() { job web hta-sink-clickhouse; }
	export -f run_job job pipe && export epoch
	for ((i = 0; i < 6; i++)); do
		before=$(moved)
		spawn job bash -c run_job
		wait_until 60 moved_or_gone "$before" $pid
		if gone $pid; then break; fi
		kill_all_of $pid
	done
	[ $i -ge 2 ]
	feed job web hta-sink-clickhouse
	history web want.db >"$out"
	history web "$CLICKHOUSE_URL" | diff "$out" -
}

@test "clickhouse: events come once, are found by time and type, and a replay changes nothing" {
	events 5000 >in
	echo nonsense >>in
	raw() { pipe "hta-consume --job $1 --epoch-records 700 --until end in | hta-sink-clickhouse --events --init | hta-commit"; }
	feed raw one
	[ "$(ch 'SELECT count(), uniqExact(event_id), countIf(raw = $$nonsense$$) FROM events_fact FINAL')" = $'5000\t5000\t0' ]
	[ "$(ch 'SELECT record, stage, kind FROM hta_dead FINAL')" = $'nonsense\thta-sink-clickhouse\tdead' ]
	feed raw two
	[ "$(ch 'SELECT count() FROM events_fact FINAL')" = 5000 ]
	feed hta-query events -d "$CLICKHOUSE_URL" --limit 10000
	sort "$out" | diff <(grep -v nonsense in | sort) -
	feed hta-query events -d "$CLICKHOUSE_URL" --type purchase --since 2026-01-01T00:00:10Z --until 2026-01-01T00:00:20Z
	grep -v nonsense in | jq -r 'select(.event_type == "purchase" and .ts >= "2026-01-01T00:00:10" and .ts < "2026-01-01T00:00:20") | .event_id' | sort >want
	[ "$(wc -l <want)" -gt 50 ]
	jq -r .event_id "$out" | sort | diff want -
	fails_with 64 hta-sink-clickhouse --events <in
}

@test "clickhouse: pages of events follow each other" {
	events 1000 >in
	feed pipe "hta-consume --job one --until end in | hta-sink-clickhouse --events --init | hta-commit"
	: >all
	after=
	for _ in 1 2 3 4; do
		feed hta-query events -d "$CLICKHOUSE_URL" --meta --limit 250 ${after:+--after "$after"}
		jq -r .event_id "$out" >/dev/null
		cat "$out" >>all
		after=$(tail -n 1 "$out" | jq -r .cursor)
		[ "$(wc -l <"$out")" = 250 ]
	done
	fails_with 1 hta-query events -d "$CLICKHOUSE_URL" --after "$after"
	[ "$(wc -l <all)" = 1000 ]
	[ "$(sort -u all | wc -l)" = 1000 ]
}

@test "clickhouse: final rows of a plain stream, and again" {
	events >in
	unset HTA_POSITIONS
	hta-window --by endpoint --value latency_ms <in >rows
	feed hta-sink-clickhouse --init <rows
	feed hta-sink-clickhouse <rows
	hta-query history events -d "$CLICKHOUSE_URL" | jq -cS . | sort >"$out"
	hta-sink-sqlite --init want.db <rows
	history events want.db | diff - "$out"
	not grep -q open "$out"
	sed 's/"count":[0-9]*/"count":999999/' rows | head -n 1 | feed hta-sink-clickhouse
	[ "$(ch 'SELECT countIf(count = 999999), count() FROM events_agg_v')" = $'1\t'"$(wc -l <rows)" ]
	export HTA_POSITIONS=$PWD/positions.db
	fails_with 78 pipe "hta-consume --job j --until end in | hta-window --by endpoint --value latency_ms | hta-sink-clickhouse --init | hta-commit"
	says 'metric events in events_agg is a plain stream.s'
	feed job web hta-sink-clickhouse
	fails_with 78 pipe "hta-window --metric web <in | hta-sink-clickhouse"
	says 'metric web in events_agg is a job.s'
}

@test "clickhouse: what is refused, and how it is said" {
	url=$CLICKHOUSE_URL
	fails_with 78 hta-sink-clickhouse </dev/null
	says 'table events_agg is missing: run `hta-sink-clickhouse --init </dev/null` once, or add --init$'
	feed hta-sink-clickhouse --init </dev/null
	CLICKHOUSE_URL=${url/:\/\//:\/\/hta_pw:wr%6Fng@} fails_with 78 hta-sink-clickhouse </dev/null
	says 'hta_pw: Authentication failed'
	not grep -q 'wrong\|wr%6Fng' <<<"$stderr"
	CLICKHOUSE_USER=hta_pw CLICKHOUSE_PASSWORD=right feed hta-sink-clickhouse </dev/null
	feed hta-sink-clickhouse "${url/:\/\//:\/\/hta_pw:right@}" </dev/null
	says 'a password on the command line is seen'
	fails_with 78 hta-sink-clickhouse "$server/nowhere" </dev/null
	says 'Database nowhere does not exist'
	fails_with 69 hta-sink-clickhouse --retry-for 1s clickhouse://127.0.0.1:1 </dev/null
	for bad in redis://x clickhouse:// 'clickhouse://h/d?x=1' 'clickhouse://u:p%0a@h' 'clickhouse://h:p:x/%zz'; do
		fails_with 64 hta-sink-clickhouse "$bad" </dev/null
	done
	events 100 >in
	export CLICKHOUSE_USER=hta_reader CLICKHOUSE_PASSWORD=right
	fails_with 78 job web hta-sink-clickhouse --init
	fails_with 78 pipe "hta-window <in | hta-sink-clickhouse"
	says 'READONLY'
	unset CLICKHOUSE_USER CLICKHOUSE_PASSWORD
	HTA_POSITIONS= fails_with 64 job web hta-sink-clickhouse
	says 'where shall its positions stand'
	fails_with 64 job web "hta-sink-clickhouse --positions $url"
	says 'ClickHouse cannot keep them'
	for more in '--uniq user_id' "--agg 'p=p99(.latency_ms)'"; do
		fails_with 78 pipe "hta-window $more <in | hta-sink-clickhouse"
		says 'does not store those|has no place for their sketches'
		fails_with 78 pipe "hta-consume --job u --until end in | hta-window $more | hta-sink-clickhouse --init | hta-commit"
	done
	[ "$(ch 'SELECT count() FROM events_agg')" = 0 ]
}

# Two rules for each measure that ClickHouse stores, one of them without a dimension; prices that are missing, null, negative.
priced_by_rules() { # [EVENTS]
	hta-gen --count "${1:-20000}" --step 10ms | jq -c '.payload = (if .endpoint | endswith("/3") then {} elif .status >= 400 then {price: null} else {price: ((.latency_ms - 50) * 1000 | round / 1000)} end)' >in
	mkdir rules
	for metric in count sum avg min max stddev rate; do
		echo "{\"rule_id\":\"$metric\",\"window_size\":\"1m\",\"metric\":\"$metric\",\"field\":\"payload.price\",\"group_by\":[\"endpoint\"]}"
		echo "{\"rule_id\":\"${metric}_all\",\"window_size\":\"5m\",\"metric\":\"$metric\",\"field\":\"payload.price\"}"
	done >rules/each.json
	echo '{"rule_id":"many","aggregates":{"low":{"min":"payload.price"},"high":{"max":"payload.price","where":".region == \"eu\""},"bands":{"histogram":"payload.price","bounds":[-10,0,10]},"n":"count"}}' >rules/many.json
}
by_rules() { pipe "hta-consume --job ${job:-priced} --epoch-records ${epoch:-3000} --until end in | hta-window --rules rules | $* | hta-commit"; } # SINK...

# What the events say, counted again: rule, window, endpoint, the measure.
recount_prices() {
	python3 -B - <<-'END'
		import json
		from collections import defaultdict
		from decimal import Decimal
		groups = defaultdict(list)
		for line in open('in'):
		    e = json.loads(line, parse_float=Decimal)
		    prices = groups[e['ts'][:16], e['endpoint']]
		    if e['payload'].get('price') is not None: prices.append(Decimal(e['payload']['price']))
		for (window, endpoint), v in groups.items():
		    for rule, value in ('count', len(v)), ('sum', sum(v)), ('min', min(v, default=0)), ('max', max(v, default=0)), ('avg', float(sum(v) / len(v)) if v else 0):
		        print(rule, window, endpoint, 'null' if not v and rule != 'count' else float(value))
	END
}
stored_prices() {
	for rule in count sum min max avg; do
		hta-query history $rule -d "$CLICKHOUSE_URL" |
			jq -r --arg rule $rule '[$rule, .window_start[:16], .dims.endpoint, .measures["\($rule)_payload_price"]] | @json'
	done | python3 -c 'import json, sys
for line in sys.stdin: row = json.loads(line); print(*row[:3], "null" if row[3] is None else float(row[3]))'
}

@test "clickhouse: rules with a measure each, whoever dies in the middle: what a recount says" {
	priced_by_rules
	by_rules hta-sink-sqlite --init want.db >/dev/null
	for point in sink-inside:2 sink-sent:3 barrier-after; do
		not by_rules "HTA_CRASH=$point hta-sink-clickhouse --init" 2>err
		grep -q 'start it again\|start the pipeline again' err
	done
	feed by_rules hta-sink-clickhouse
	recount_prices | sort >wanted
	[ "$(wc -l <wanted)" -gt 500 ]
	grep -q null wanted
	stored_prices | sort | diff wanted -
	for merged in no yes; do
		for metric in $(hta-query metrics -d want.db | jq -r .metric); do
			history $metric want.db >"$out"
			[ -s "$out" ]
			history $metric "$CLICKHOUSE_URL" | diff "$out" -
		done
		ch 'OPTIMIZE TABLE events_agg FINAL'
	done
	[ "$(ch "SELECT sum(counts['avg_payload_price.avg.n']) FROM events_agg_v WHERE metric = 'avg'")" = "$(jq -c 'select(.payload.price != null)' in | wc -l)" ]
}

@test "clickhouse: rules with a measure each, while the sink is killed" {
	priced_by_rules 40000
	epoch=1000
	by_rules hta-sink-sqlite --init want.db >/dev/null
	feed hta-sink-clickhouse --init </dev/null
	run_rules() { by_rules hta-sink-clickhouse --init; }
	export -f run_rules by_rules pipe && export epoch
	for ((i = 0; i < 4; i++)); do
		before=$(moved)
		spawn rules bash -c run_rules
		wait_until 60 moved_or_gone "$before" $pid
		if gone $pid; then break; fi
		kill_all_of $pid
	done
	[ $i -ge 2 ]
	feed by_rules hta-sink-clickhouse
	for metric in sum avg min max count_all sum_all many; do
		history $metric want.db >"$out"
		history $metric "$CLICKHOUSE_URL" | diff "$out" -
	done
}

@test "clickhouse: final rows of a plain stream have their measures" {
	priced_by_rules
	unset HTA_POSITIONS
	hta-window --rules rules <in >rows
	feed hta-sink-clickhouse --init <rows
	feed hta-sink-clickhouse <rows
	hta-sink-sqlite --init want.db <rows
	for metric in sum avg min max stddev many; do
		history $metric want.db >"$out"
		history $metric "$CLICKHOUSE_URL" | diff "$out" -
	done
}

@test "clickhouse: a rule that it cannot hold is left out, and nothing ends" {
	mkdir rules
	echo '{"rule_id":"web","metric":"count","group_by":["event_type"]}' >rules/web.json
	run_job() {
		trap : TERM
		hta-ingest -v -l 0 --log log --epoch 50ms 2>ingest.err | hta-window -v --rules rules --time timestamp | hta-sink-clickhouse --init | hta-sink-sqlite --init both.db | hta-commit
	}
	export -f run_job
	begin() {
		rm -f ingest.err
		spawn job bash -o pipefail -c run_job
		wait_until 60 grep -q 'listens on' ingest.err
	}
	send() { # FIRST LAST
		seq "$1" "$2" | jq -nc '[inputs | {event_id: "e\(.)", user_id: "u", event_type: "click", timestamp: (1767225600 + . | todate), payload: {price: (. % 97)}}]' |
			curl -sSf -H 'Content-Type: application/json' --data-binary @- "http://localhost:$(sed -nE 's/.*listens on [^,]*:([0-9]+).*/\1/p' ingest.err)/ingest"
	}
	more() { # EVENTS [COMMAND...]
		send $(($(<sent) + 1)) $(($(<sent) + $1)) >/dev/null
		echo $(($(<sent) + $1)) >sent
		"${@:2}"
	}
	of_sqlite() { sqlite3 both.db "SELECT CAST(total(count) AS INT) FROM hta_rollups WHERE metric = '$1'"; }
	all_in_both() { [ "$(counted web) $(of_sqlite web)" = "$(<sent) $(<sent)" ]; }
	left_out() { [ "$(grep -c 'metric quantile: measure p99_payload_price (p99) keeps a sketch, and clickhouse:events_agg does not store those.*left out here' job.err)" -ge "$1" ]; }
	begin
	echo 0 >sent
	more 3000
	wait_until 60 all_in_both
	# one that comes by hand, and one that can be held: at a barrier each
	echo '{"rule_id":"quantile","metric":"p99","field":"payload.price"}' >rules/quantile.json
	wait_until 60 more 10 left_out 1
	echo '{"rule_id":"sum","metric":"sum","field":"payload.price"}' >rules/sum.json
	wait_until 60 more 10 left_out 2
	more 2000
	wait_until 60 all_in_both
	[ "$(of_sqlite sum)" -ge 2000 ]
	[ "$(of_sqlite quantile)" -ge "$(of_sqlite sum)" ]
	[ "$(counted quantile)" = 0 ]
	kill -TERM -- "-$pid"
	exits_with 0 60 "$pid"
	# it starts with that rule, too
	begin
	more 1000
	wait_until 60 all_in_both
	[ "$(of_sqlite sum)" -ge 3000 ]
	[ "$(counted quantile)" = 0 ]
	kill -TERM -- "-$pid"
	exits_with 0 60 "$pid"
	history sum both.db >"$out"
	history sum "$CLICKHOUSE_URL" | diff "$out" -
	# who reads both finds it where it is
	hta-query -d "$CLICKHOUSE_URL" metrics >"$out"
	grep -q '"web"' "$out"
	not grep -q '"quantile"' "$out"
	spawn both hta-serve -v -l 0 -d "$CLICKHOUSE_URL" -d both.db
	wait_until 60 grep -q 'listens on' both.err
	curl -sSf "http://localhost:$(sed -nE 's/.*listens on [^,]*:([0-9]+).*/\1/p' both.err)/history?metric=quantile&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z" | jq -e '[.rows[].count] | add > 0'
}

@test "clickhouse: hta-serve makes rules that it can hold, and refuses others" {
	feed hta-sink-clickhouse --init </dev/null
	mkdir rules
	echo '{"rule_id":"web","metric":"count"}' >rules/web.json
	serve_rules() {
		spawn serve hta-serve -v -l 0 --rules rules "$@"
		wait_until 60 grep -q 'listens on' serve.err
		at=http://localhost:$(sed -nE 's/.*listens on [^,]*:([0-9]+).*/\1/p' serve.err)
	}
	post() { curl -sS -o body -w '%{http_code}' -H 'Content-Type: application/json' -d "$1" "$at/aggregation-rule"; } # RULE
	serve_rules -d "$CLICKHOUSE_URL"
	for metric in p99 uniq uniq_exact first last; do
		[ "$(post "{\"rule_id\":\"x\",\"metric\":\"$metric\",\"field\":\"payload.price\"}")" = 422 ]
		[ "$(jq -r '[.code, .detail] | join(": ")' body)" = "not-storable: measure ${metric}_payload_price ($metric) keeps a sketch, and ClickHouse does not store those" ]
	done
	[ "$(post '{"rule_id":"web","metric":"p99","field":"payload.price","version":2}')" = 422 ]
	[ "$(ls rules)" = web.json ]
	for metric in sum avg min max count; do
		[ "$(post "{\"rule_id\":\"$metric\",\"metric\":\"$metric\",\"field\":\"payload.price\"}")" = 201 ]
	done
	# one that stands there all the same may be paused
	echo '{"rule_id":"by_hand","metric":"p99","field":"payload.price"}' >rules/by_hand.json
	[ "$(post '{"rule_id":"by_hand","metric":"p99","field":"payload.price","active":false}')" = 200 ]
	kill -TERM "$pid"
	exits_with 0 60 "$pid"
	# another store beside it can
	hta-window --metric none </dev/null | hta-sink-sqlite --init both.db
	serve_rules -d "$CLICKHOUSE_URL" -d both.db
	[ "$(post '{"rule_id":"x","metric":"p99","field":"payload.price"}')" = 201 ]
}

@test "clickhouse: tables of an earlier version: --init adds what measures need" {
	events 3000 >in
	feed job web hta-sink-sqlite --init want.db '|' hta-sink-clickhouse --init
	view=$(ch 'SHOW CREATE TABLE events_agg_v FORMAT TSVRaw')
	for table in events_agg events_agg_final; do
		ch "ALTER TABLE $table DROP COLUMN counts, DROP COLUMN sums, DROP COLUMN mins, DROP COLUMN maxs"
	done
	ch 'CREATE OR REPLACE VIEW events_agg_v AS SELECT metric, count FROM events_agg'
	history web want.db >"$out"
	history web "$CLICKHOUSE_URL" | diff "$out" -
	events 1000 2 >>in
	fails_with 78 job web hta-sink-clickhouse
	says 'table events_agg is of an earlier version.*run `hta-sink-clickhouse --init </dev/null` once'
	fails_with 78 hta-check --connect -d "$CLICKHOUSE_URL"
	feed job web hta-sink-sqlite want.db '|' hta-sink-clickhouse --init
	history web want.db >"$out"
	history web "$CLICKHOUSE_URL" | diff "$out" -
	[ "$(ch 'SHOW CREATE TABLE events_agg_v FORMAT TSVRaw')" = "$view" ]
	feed job more hta-sink-sqlite want.db '|' hta-sink-clickhouse
	# whoever has a table of that name keeps it
	ch 'CREATE TABLE theirs (metric String, count UInt64) ENGINE = MergeTree ORDER BY metric'
	fails_with 78 hta-sink-clickhouse --init --table theirs </dev/null
	says 'not one of ours'
	[ "$(ch "SELECT count() FROM system.columns WHERE database = '$db' AND table = 'theirs'")" = 2 ]
}

@test "clickhouse: a table that could count twice is refused at the start" {
	feed hta-sink-clickhouse --init </dev/null
	create=$(ch 'SHOW CREATE TABLE events_agg FORMAT TSVRaw')
	ch "${create/events_agg/no_window}" >/dev/null
	ch 'ALTER TABLE no_window MODIFY SETTING non_replicated_deduplication_window = 0'
	ch 'CREATE TABLE no_window_final AS events_agg_final'
	fails_with 78 hta-sink-clickhouse --table no_window </dev/null
	says 'remembers no token.*: ALTER TABLE `no_window` MODIFY SETTING non_replicated_deduplication_window = 10000'
	ch "$(sed 's/events_agg/days/; s/ENGINE = AggregatingMergeTree/& PARTITION BY toDate(window_start)/' <<<"$create")"
	fails_with 78 hta-sink-clickhouse --table days </dev/null
	says 'partitioned by toDate'
	ch 'CREATE TABLE small (n Int8) ENGINE = MergeTree ORDER BY n'
	fails_with 78 hta-sink-clickhouse --table small </dev/null
	says 'not one of ours'
}

@test "clickhouse: a store that has lost what was stored is found out" {
	events >in
	feed job web hta-sink-clickhouse --init
	events 3000 2 >>in
	ch 'TRUNCATE TABLE events_agg'
	fails_with 78 job web hta-sink-clickhouse
	says 'has lost what was stored of job web'
	feed hta-sink-clickhouse --reset web
	feed job web hta-sink-clickhouse
	[ "$(counted web)" = 23000 ]
	feed job other hta-sink-clickhouse --name second --init
	feed hta-sink-clickhouse --reset web
	[ "$(counted web)" = 0 ]
	[ "$(counted other)" = 23000 ]
}

@test "clickhouse: a server that comes late is waited for" {
	own_server
	svc_stop clickhouse "$PWD/own"
	events >in
	run_job() { job web "hta-sink-clickhouse --init --retry-for 60s"; }
	export -f run_job job pipe
	spawn job bash -c run_job
	wait_until 60 grep -q 'trying again' job.err
	svc_start clickhouse "$PWD/own"
	exits_with 0 60
	[ "$(counted web)" = 20000 ]
}

@test "clickhouse: readers know what is final by the positions, wherever they are said" {
	events 20000 >in
	feed job web hta-sink-clickhouse --init
	latest() { hta-query latest web --by '' -d "$1" | jq -r '"\(.window_start) \(.count) \(.open)"'; }
	[ "$(latest "$CLICKHOUSE_URL")" = '2026-01-01T00:03:00Z 2000 true' ]
	feed hta-query history web --by '' --final -d "$CLICKHOUSE_URL"
	[ "$(jq -r .count "$out" | paste -sd ' ')" = '6000 6000 6000' ]
	positions=$HTA_POSITIONS
	unset HTA_POSITIONS
	fails_with 1 hta-query latest web --final -d "$CLICKHOUSE_URL"
	says 'no window of a job is known to be final: .* set HTA_POSITIONS'
	fails_with 78 hta-query positions web -d "$CLICKHOUSE_URL"
	says 'kept in another store, and nobody says where: set HTA_POSITIONS'
	fails_with 78 pipe "hta-consume --job out --final web -d '$CLICKHOUSE_URL' --until end | hta-sink-sqlite --init out.db | hta-commit"
	says 'metric web: no window is known to be final: .* set HTA_POSITIONS'
	feed hta-query history web --by '' --final -d "$CLICKHOUSE_URL?positions=$positions"
	[ "$(wc -l <"$out")" = 3 ]
	feed hta-query positions web -d "$CLICKHOUSE_URL?positions=$positions"
	grep -q 'clickhouse:events_agg' "$out"
	feed hta-query metrics -d "$CLICKHOUSE_URL"
	[ "$(jq -r .metric "$out")" = web ]
	feed hta-query top web -n 3 -d "$CLICKHOUSE_URL"
	[ "$(wc -l <"$out")" = 3 ]
	CLICKHOUSE_USER=hta_reader CLICKHOUSE_PASSWORD=right feed hta-query top web -n 3 -d "$CLICKHOUSE_URL"
	feed hta-check --connect -d "$CLICKHOUSE_URL"
	grep -q "^ClickHouse: version [0-9.]*, database $db, user default: the tables are there$" "$out"
	fails_with 64 hta-trend -d "$CLICKHOUSE_URL" web
	says 'keeps no alerts, .* does: pipe its final rows in'
	feed pipe "HTA_POSITIONS=$positions hta-consume --job out --final web -d '$CLICKHOUSE_URL' --until end | hta-sink-sqlite --init out.db | hta-commit"
	[ "$(sqlite3 out.db 'SELECT sum(count) FROM hta_rollups')" = 18000 ]
	fails_with 69 hta-query metrics -d clickhouse://127.0.0.1:1
	fails_with 78 hta-query metrics --table none -d "$CLICKHOUSE_URL"
}

@test "clickhouse: readers find the positions of a sink that has a name of its own" {
	events 20000 >in
	feed job web hta-sink-clickhouse --init --name mine
	feed job raw hta-sink-clickhouse
	final() { hta-query history "$1" --by '' --final -d "$CLICKHOUSE_URL" | jq -r .count | paste -sd ' '; }
	[ "$(final web)" = '6000 6000 6000' ]
	[ "$(final raw)" = '6000 6000 6000' ]
	feed hta-query metrics -d "$CLICKHOUSE_URL"
	[ "$(jq -r '"\(.metric) \(.sink)"' "$out" | sort | paste -sd ' ')" = 'raw clickhouse:events_agg web mine' ]
	feed hta-query positions web -d "$CLICKHOUSE_URL"
	[ "$(jq -r .sink "$out")" = mine ]
	feed pipe "hta-consume --job out --final web -d '$CLICKHOUSE_URL' --until end | hta-sink-sqlite --init out.db | hta-commit"
	[ "$(sqlite3 out.db 'SELECT sum(count) FROM hta_rollups')" = 18000 ]
	# a row a job says so, however many epochs there were
	ch 'OPTIMIZE TABLE events_agg FINAL'
	[ "$(ch "SELECT job, metric FROM events_agg WHERE claim = 'sink' ORDER BY job" | paste -sd ' ')" = $'raw\tclickhouse:events_agg web\tmine' ]
	[ "$(final web)" = '6000 6000 6000' ]
	# a job of an earlier version, which wrote no name, beside one that has one: it has the default one
	ch "ALTER TABLE events_agg DELETE WHERE claim <> '' AND job = 'raw' SETTINGS mutations_sync = 2"
	[ "$(final raw) $(final web)" = '6000 6000 6000 6000 6000 6000' ]
	[ "$(hta-query metrics -d "$CLICKHOUSE_URL" | jq -r .sink | sort | paste -sd ' ')" = 'clickhouse:events_agg mine' ]
	# the names are found by the key: of many markers none is read
	ch "INSERT INTO events_agg (claim, job, metric, window_start, window_end, dims_hash, dims, count)
		SELECT lower(hex(sipHash128(number))), 'web', 'mine', now(), now(), '', '', 1 FROM numbers(300000)"
	selected() { ch "SELECT sum(value) FROM system.events WHERE event = 'SelectedRows'"; }
	few() { # who else reads there can only add to it
		local before after
		before=$(selected)
		[ "$(final web)" = '6000 6000 6000' ] && after=$(selected) && echo "$((after - before)) rows" &&
			[ "$after" -gt "$before" ] && [ "$after" -lt $((before + 200000)) ]
	}
	wait_until 60 few
	# a table that has no name, of an earlier version: the default one
	ch "ALTER TABLE events_agg DELETE WHERE claim <> '' SETTINGS mutations_sync = 2"
	[ "$(final raw)" = '6000 6000 6000' ]
	[ -z "$(final web)" ]
	# another table with the same metric, under the same positions, is another sink's
	feed job web hta-sink-clickhouse --init --table second --name theirs
	[ "$(hta-query metrics --table second -d "$CLICKHOUSE_URL" | jq -r .sink)" = theirs ]
}

@test "clickhouse: hta-serve answers /stats, /history and /events from it" {
	events >in
	feed job web hta-sink-clickhouse --init
	feed pipe "hta-consume --job raw --until end in | hta-sink-clickhouse --events --init | hta-commit"
	spawn serve hta-serve -v -l 0 -d "$CLICKHOUSE_URL"
	wait_until 60 grep -q 'listens on' serve.err
	at=http://localhost:$(sed -nE 's/.*listens on [^,]*:([0-9]+).*/\1/p' serve.err)
	span='from=2026-01-01&to=2026-01-02'
	curl -sSf "$at/history?metric=web&limit=10000&$span" >"$out"
	[ "$(jq "[.rows[].count] | add" "$out")" = 20000 ]
	[ "$(jq "[.rows[] | select(.final) | .count] | add" "$out")" = 18000 ]
	curl -sSf "$at/stats?rule_id=web&start_time=2026-01-01&end_time=2026-01-02" >"$out"
	grep -q 2026-01-01T00:03:00 "$out"
	curl -sSf "$at/events?limit=5" >"$out"
	[ "$(grep -o '"event_id"' "$out" | wc -l)" -ge 5 ]
	curl -sSf "$at/health/ready" >"$out"
}

@test "clickhouse: answers are lost, lie, and requests come late: no sum is wrong" {
	events >in
	epoch=1000
	feed job web hta-sink-sqlite --init want.db
	spawn proxy python3 -B "$tests/mock/clickhouse_proxy.py" "$PWD/port" "${server##*:}"
	wait_until 60 test -s port
	feed job web hta-sink-clickhouse --init "clickhouse://127.0.0.1:$(<port)/$db"
	says 'trying again'
	history web want.db >"$out"
	late() { [ "$(ch "SELECT count() FROM system.processes WHERE query LIKE 'INSERT%$db%'")" = 0 ]; }
	wait_until 60 late
	history web "$CLICKHOUSE_URL" | diff "$out" -
	[ "$(ch "SELECT countIf(startsWith(claim, 'burn-')) > 0 FROM events_agg")" = 1 ]
}

@test "clickhouse: positions in Postgres and in Redis" {
	url=$CLICKHOUSE_URL
	with_service pg redis
	export CLICKHOUSE_URL=$url	# this test's own
	events >in
	n=0
	for at in "host=$PGHOST port=$PGPORT dbname=$PGDATABASE" "$REDIS_URL"; do
		n=$((n + 1))
		export HTA_POSITIONS=$at
		dies_at sink-sent:3 web$n
		feed job web$n hta-sink-clickhouse
		[ "$(counted web$n)" = 20000 ]
		feed pipe "hta-consume --job sums$n --until end in | hta-window --metric sums$n --agg 'sum(.latency_ms)' --agg 'max(.latency_ms)' | hta-sink-clickhouse | hta-commit"
		[ "$(hta-query history sums$n -d "$CLICKHOUSE_URL" | jq -c .measures.max_latency_ms | sort -g | tail -n 1)" = "$(jq .latency_ms in | sort -g | tail -n 1)" ]
		feed hta-query history web$n --by '' --final -d "$CLICKHOUSE_URL"
		[ "$(jq -r .count "$out" | paste -sd ' ')" = '6000 6000 6000' ]
	done
}

@test "clickhouse: positions in a Postgres of before there were measures" {
	with_service pg
	setup
	psql -Xqc 'drop schema public cascade; create schema public' 2>/dev/null
	psql -XqAt -v ON_ERROR_STOP=1 -f "$BATS_TEST_DIRNAME/upgrade/pg.sql" >/dev/null
	unset HTA_POSITIONS
	events 3000 >in
	measured() { pipe "hta-consume --job m in -e | hta-window --metric m --agg 'a=sum(latency_ms)' | hta-sink-clickhouse $1 --positions postgres:// | hta-commit"; }
	feed measured --init
	[ "$(counted m)" = 3000 ]
	[ "$(psql -XqAtc "select jsonb_array_length(columns) > 0 from hta_metric where metric = 'm'")" = t ]
	psql -Xqc 'delete from hta_metric; delete from hta_job; delete from hta_pos; alter table hta_metric drop column columns'
	fails_with 78 measured ''
	says 'table hta_metric has no column yet for the measures of this pipeline .--agg.: start it once with --init'
}
