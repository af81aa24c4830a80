# hta-sink-dynamo on DynamoDB Local: what its table holds, that it holds it once, what it refuses, and who reads it; before it
# a server in a mood, which checks signatures (dynamo_moody.py).
load ../helpers
load ../serve

setup() {
	with_service dynamo
	cd "$BATS_TEST_TMPDIR"
	port=${AWS_ENDPOINT_URL_DYNAMODB##*:}
	table=$HTA_PREFIX.$BATS_TEST_NUMBER
	export store=dynamodb://us-east-1/$table HTA_POSITIONS=$PWD/positions.db
}

dynamo() { PYTHONPATH=$tests python3 -B -m oracle.dynamo "$port" "$@"; } # ACTION BODY | items TABLE
items() { dynamo items "${1:-$table}"; }
of_table() { dynamo DescribeTable "{\"TableName\":\"${2:-$table}\"}" | jq -Sc ".Table | $1"; } # FILTER [TABLE]

events() { hta-gen --count "${1:-3000}" --step "${3:-10ms}" --seed "${2:-1}"; } # [N [SEED [STEP]]]

# A job over the file `in`; options of the sink.
job() { # NAME [OPTION...]
	pipe "hta-consume --job $1 --epoch-records ${epoch:-700} --until end in | hta-sink-dynamo -v ${*:2} $store | hta-commit"
}

# What the items say of events, without what differs from run to run.
payloads() { items | jq -r 'select(.payload) | .payload' | LC_ALL=C sort; }
holds() { payloads | cmp - <(LC_ALL=C sort "$1"); } # FILE

# ---- what is stored

@test "dynamo: a table with three indexes, paid by the request; items that have all there is; each once" {
	events 3000 >in
	feed job one --init
	[ "$(of_table '[.KeySchema[] | .AttributeName + " " + .KeyType]')" = '["event_id HASH","timestamp RANGE"]' ]
	[ "$(of_table '[.GlobalSecondaryIndexes[] | [.IndexName, .KeySchema[].AttributeName, .Projection.ProjectionType, .IndexStatus]] | sort')" = \
		'[["by_day","day","timestamp","ALL","ACTIVE"],["by_type","event_type","timestamp","ALL","ACTIVE"],["by_user","user_id","timestamp","ALL","ACTIVE"]]' ]
	[ "$(of_table .BillingModeSummary.BillingMode)" = '"PAY_PER_REQUEST"' ]
	[ "$(dynamo DescribeTimeToLive "{\"TableName\":\"$table\"}" | jq -r '.TimeToLiveDescription | .AttributeName + " " + .TimeToLiveStatus')" = 'expires ENABLED' ]
	holds in
	items | jq -c 'select(.payload) | del(.received_at, .topic, .payload, .day)' >got
	python3 -B - in >want <<-'END'
		import json, sys
		at, rows = 0, []
		for line in open(sys.argv[1], "rb"):
		    e = json.loads(line)
		    rows.append({"event_id": e["event_id"], "event_type": e["event_type"], "offset": str(at), "partition": "0",
		                 "timestamp": e["ts"].replace("Z", "000Z"), "user_id": e["user_id"]})
		    at += len(line)
		for r in sorted(rows, key=lambda r: r["event_id"]):
		    print(json.dumps(r))
	END
	jq -Sc . got | LC_ALL=C sort | cmp - <(jq -Sc . want | LC_ALL=C sort)
	[ "$(items | jq -r 'select(.payload) | .day[0:11]' | sort -u)" = '2026-01-01#' ]
	[ "$(items | jq -r 'select(.payload) | .day' | sort -u | wc -l)" = 10 ]
	[ "$(items | jq -c 'select(.payload | not)')" = '{"event_id":"hta:days","timestamp":"2026-01-01"}' ]
	feed hta-check --connect -d "$store"
	grep -qx "DynamoDB: table $table at .* is ACTIVE" "$out"
	# read again by another job, nothing is new
	items | jq -c 'del(.received_at)' >before
	feed job two
	items | jq -c 'del(.received_at)' | cmp before -
	# and by the same, nothing is read
	feed job two
}

@test "dynamo: members of other names, numbers as times, what an event has not" {
	cat >in <<-'END'
		{"meta":{"id":"a\u00e9\"\\"},"at":1767225600123,"kind":"k","who":"w","app":"x"}
		{"meta":{"id":"b"},"at":1767225600123,"kind":"","who":7}
	END
	feed job one --init --id-path .meta.id --time at --time-unit ms --type-path kind --user-path who --source-path app
	holds in
	items | jq -c 'select(.payload) | [.event_id, .timestamp, .event_type, .user_id, .source]' >"$out"
	expect <<-'END'
		["aé\"\\","2026-01-01T00:00:00.123000Z","k","w","x"]
		["b","2026-01-01T00:00:00.123000Z",null,null,null]
	END
}

@test "dynamo: of copies the last of the log stays; with --if-absent the first, and the others are counted" {
	copies() { for n in 1 2 3; do printf '{"event_id":"e%d","ts":"2026-01-01T00:00:0%d.0Z","n":%d}\n' "$1" "$1" "$n"; done; }
	{ copies 1; copies 2; events 200; copies 1; } >in
	printf '{"event_id":"e1","ts":"2026-01-01T00:00:09Z","n":9}\n' >>in
	feed job one --init
	[ "$(items | jq -r 'select(.event_id == "e1" or .event_id == "e2") | .payload' | jq -c '[.event_id, .n]' | sort | tr -d '\n')" = '["e1",3]["e1",9]["e2",3]' ]
	[ "$(payloads | wc -l)" = 203 ]
	# the same in epochs of two records, and the first ones
	table=$table.absent store=$store.absent
	epoch=2 feed job two --init --if-absent
	[ "$(items | jq -r 'select(.event_id == "e1" or .event_id == "e2") | .payload' | jq -c '[.event_id, .n]' | sort | tr -d '\n')" = '["e1",1]["e1",9]["e2",1]' ]
	[ "$(payloads | wc -l)" = 203 ]
	says '7 events were there already'
	# who comes a second time from the same place of the log is no duplicate
	rm positions.db
	feed job two --init --if-absent
	says '7 events were there already'
	feed job three --if-absent
	says '7 events were there already'
	feed job four
	[ "$(items | jq -r 'select(.event_id == "e2") | .payload' | jq .n)" = 3 ]
}

@test "dynamo: what expires: when, and what has already" {
	now=$(date +%s)
	for s in $((now - 3600)) $((now - 30)) $((now + 60)); do
		printf '{"event_id":"e%d","ts":%d,"event_type":"t","user_id":"u"}\n' $((s - now)) "$s"
	done >in
	feed job one --init --ttl 10m --time-unit s
	says '1 events? had expired'
	[ "$(items | jq -r 'select(.payload) | [.event_id, (.expires | tonumber)] | @tsv' | sort)" = "e-30	$((now + 570))"$'\n'"e60	$((now + 660))" ]
	# a server that has not deleted yet what has expired
	dynamo UpdateItem "{\"TableName\":\"$table\",\"Key\":{\"event_id\":{\"S\":\"e60\"},\"timestamp\":$(items |
		jq -c 'select(.event_id == "e60") | {S: .timestamp}')},\"UpdateExpression\":\"SET expires = :e\",\"ExpressionAttributeValues\":{\":e\":{\"N\":\"$now\"}}}"
	for how in '' '--type t' '--user u' "--since -2h"; do
		feed hta-query events -d "$store" $how
		[ "$(jq -r .event_id "$out")" = e-30 ]
	done
	fails_with 64 job two --ttl 0
	feed job two --ttl never --time-unit s
	[ "$(items | jq -r 'select(.payload and .expires == null) | .event_id' | sort | tr '\n' ' ')" = 'e-30 e-3600 e60 ' ]
	# the day of an event that stays is not given an end by those that do not
	feed job three --ttl 10m --time-unit s
	[ "$(items | jq -r 'select(.payload | not) | .expires' | sort -u)" = null ]
}

@test "dynamo: a day stays as long as the event that stays longest" {
	day() { items | jq -r 'select(.payload | not) | .expires // "never"'; }
	midnight=$(date -u -d 2190-01-02 +%s)
	printf '{"event_id":"a","ts":"2190-01-01T12:00:00Z"}\n' >in
	for ttl in '2h 2' '1h 2' '3h 3' '3h 3'; do
		feed job "j${ttl// /}" --init --ttl "${ttl% *}"
		[ "$(day)" = $((midnight + ${ttl#* } * 3600)) ]
	done
	feed job never
	[ "$(day)" = never ]
	feed job short --ttl 1h
	[ "$(day)" = never ]
	[ "$(items | jq -r 'select(.payload) | .expires')" = $((midnight - 11 * 3600)) ]
}

@test "dynamo: a plain stream, and what is bad in it" {
	events 100 >in
	{ cat in; echo '{"event_id":"x","ts":"never"}'; echo nonsense; } >bad
	feed hta-sink-dynamo --init "$store" <in
	holds in
	[ "$(items | jq -c 'select(.payload and (has("topic") or has("offset")))' | wc -l)" = 0 ]
	feed hta-query events -d "$store" --meta --limit 1
	[ "$(jq -c '[.topic, .partition, .offset]' "$out")" = '[null,null,null]' ]
	fails_with 65 hta-sink-dynamo "$store" <bad
	says 'ts is no time: it is part of the item.s key'
	says '2 lines were bad; the others are stored'
	holds in
}

@test "dynamo: what no item can hold is a dead letter: no id, no time, 400 KB" {
	python3 -B - >in <<-'END'
		import json
		for i in range(20):
		    print('{"event_id":"g%d","ts":"2026-01-01T00:00:01Z"}' % i)
		for bad in ('{"ts":"2026-01-01T00:00:01Z"}', '{"event_id":"","ts":"2026-01-01T00:00:01Z"}', '{"event_id":7,"ts":"2026-01-01T00:00:01Z"}',
		            '{"event_id":"n","ts":null}', '{"event_id":"hta:days","ts":"2026-01-01T00:00:01Z"}', 'nonsense', 'nonsense'):
		    print(bad)
		for kb in (399, 401):
		    print(json.dumps({"event_id": "k%d" % kb, "ts": "2026-01-01T00:00:01Z", "x": "\"" * (kb * 512)}))
	END
	feed job one --init
	[ "$(payloads | wc -l)" = 21 ]
	items | jq -r 'select(.payload) | .event_id' | grep -qx k399
	items "$table"_dead | jq -r '[.kind, .stage, .reason[0:40], .size] | @tsv' | sort >"$out"
	[ "$(wc -l <"$out")" = 8 ]
	[ "$(grep -c 'event_id is no text of 1 to 1024 bytes' "$out")" = 3 ]
	grep -q 'ts is no time' "$out"
	grep -q 'event_id is "hta:days"' "$out"
	grep -q 'an item of 4[0-9]* bytes: DynamoDB has' "$out"
	items "$table"_dead >before
	# again, and from a stage above
	feed job two
	[ "$(items "$table"_dead | wc -l)" = 16 ]
	feed pipe "hta-consume --job three --until end in | hta-filter --where '.event_id != \"g3\"' | hta-sink-dynamo $store | hta-commit"
	[ "$(items "$table"_dead | jq -r 'select(.job == "three") | .stage' | sort | uniq -c | tr -s ' \n' ' ')" = ' 2 hta-filter 6 hta-sink-dynamo ' ]
}

# ---- who reads it

@test "dynamo: events by hta-query: order, bounds, type, user, topic, source, id, pages" {
	{ events 2500; events 1500 2 1m; } >in
	# equal times, in two topics
	for n in 1 2 3 4 5; do printf '{"event_id":"same%d","ts":"2026-01-01T12:00:00.5Z","event_type":"same","source":"s%d"}\n' "$n" $((n % 2)); done >>in
	sed 's/same/other/' <in | tail -n 5 >b
	feed pipe "hta-consume --job one --epoch-records 900 --until end -t a in -t b b | hta-sink-dynamo --init $store | hta-commit"
	feed pipe "hta-consume --job one --until end -t a in -t b b | hta-sink-sqlite --events --init want.db | hta-commit"
	same() { # OPTION...
		hta-query events -d want.db --meta "$@" | jq -c 'del(.cursor, .received_at)' >want
		hta-query events -d "$store" --meta "$@" | jq -c 'del(.cursor, .received_at)' | diff want - && [ -s want ]
	}
	same
	[ "$(wc -l <want)" = 4010 ]
	same --limit 7
	same --type purchase
	same --type purchase --limit 20 --until 2026-01-01T10:00:00Z
	same --user "$(head -n 3 in | tail -n 1 | jq -r .user_id)"
	same --topic b
	same --source s1
	same --type same --source s0
	same --since 2026-01-01T23:50:00Z --until 2026-01-02T00:10:00Z
	same --since 2026-01-01T12:00:00.5Z --until 2026-01-01T12:00:00.500001Z
	[ "$(wc -l <want)" -ge 10 ]
	fails_with 1 hta-query events -d "$store" --since 2027-01-01
	fails_with 1 hta-query events -d "$store" --user nobody
	# longer than what an item has, and than a key may be
	for way in --user --type --source; do
		fails_with 1 hta-query events -d "$store" $way "$(printf 'x%.0s' {1..3000})"
	done
	# pages follow each other, also between equal times
	for how in '' '--type same'; do
		hta-query events -d "$store" $how --since 2026-01-01T11:58:00Z --until 2026-01-01T12:02:00Z >all
		after=
		: >pages
		while :; do
			feed hta-query events -d "$store" --meta --limit 3 $how --since 2026-01-01T11:58:00Z --until 2026-01-01T12:02:00Z ${after:+--after "$after"}
			jq -c .record "$out" >>pages
			after=$(tail -n 1 "$out" | jq -r .cursor)
			[ "$(wc -l <"$out")" = 3 ] || break
		done
		jq -c . all | cmp - pages
		[ "$(wc -l <pages)" -ge 5 ]
	done
}

@test "dynamo: many events of one time: the wanted ones alone are kept in memory" {
	python3 -B - >in <<-'END'
		for n in range(12000):
		    print('{"event_id":"e%d","ts":"2026-01-01T00:00:00Z","event_type":"t%d","pad":"%s"}' % (n * 7919 % 12000, n % 2, "x" * 4000))
	END
	epoch=3000 feed job one --init
	feed hta-query events -d "$store" --limit 5
	tail -n 5 in | tac | cmp - "$out"
	# page by page, and by an index
	head -c 0 in >pages
	after=
	for _ in 1 2 3; do
		feed hta-query events -d "$store" --type t1 --meta --limit 4 ${after:+--after "$after"}
		jq -c .record "$out" >>pages
		after=$(tail -n 1 "$out" | jq -r .cursor)
	done
	grep '"t1"' in | tail -n 12 | tac | cmp - pages
	feed python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)' hta-query events -d "$store" --limit 5
	echo "$(<"$out") MiB"
	[ "$(<"$out")" -lt 40 ]
}

@test "dynamo: pages of a megabyte, and filters that leave them empty" {
	hta-gen --count 4000 --step 1s --pad 3000 2>/dev/null >in || hta-gen --count 4000 --step 1s | jq -c '.pad = ("x" * 3000)' >in
	feed hta-sink-dynamo --init "$store" <in
	feed hta-query events -d "$store"
	tac in | cmp - "$out"
	echo '{"event_id":"one","ts":"2026-01-01T00:00:00Z","event_type":"page_view","source":"rare"}' >last
	feed hta-sink-dynamo "$store" <last
	feed hta-query events -d "$store" --type page_view --source rare
	cmp "$out" last
	feed hta-query events -d "$store" --source rare
	cmp "$out" last
}

@test "dynamo: hta-serve: /events, latestEvents, eventsByType, eventsByUser, event" {
	sed '$d' <<<"$events" | hta-sink-dynamo --init --time timestamp "$store"
	serve -d "$store"
	wait_until 60 ready
	ask '/events?limit=2'
	answers 200 '[.count, [.events[].event_id], .events[0].payload]' '[2,["evt-3","evt-2"],{"n":2}]'
	ask "/events?limit=2&cursor=$(jq -r '.next | @uri' body)"
	answers 200 '[[.events[].event_id], .next]' '[["evt-1"],null]'
	ask '/events?type=click&user=u1'
	answers 200 '[.events[].event_id]' '["evt-3"]'
	query '{ latestEvents(limit: 2) { eventId userId payload } t: eventsByType(eventType: "click") { eventId } u: eventsByUser(userId: "u1") { eventId } event(eventId: "evt-2") { eventType } }'
	answers 200 '[[.data.latestEvents[].eventId], [.data.t[].eventId], [.data.u[].eventId], .data.event.eventType]' \
		'[["evt-3","evt-2"],["evt-3","evt-2"],["evt-3","evt-1"],"click"]'
	# no events: none, of the table's own days, longer than a key may be
	query "{ none: event(eventId: \"\") { eventId } t: eventsByType(eventType: \"\") { eventId } u: eventsByUser(userId: \"\") { eventId } days: event(eventId: \"hta:days\") { eventId } long: event(eventId: \"$(printf 'x%.0s' {1..3000})\") { eventId } }"
	answers 200 .data '{"none":null,"t":[],"u":[],"days":null,"long":null}'
	end
}

@test "dynamo: hta-serve waits for a table that is not made yet, and says so" {
	serve -d "$store"
	says_so() { ask /health/ready && [ "$status" = 503 ] && get /health | grep -q 'hta-sink-dynamo --init'; }
	wait_until 60 says_so
	ask '/events?limit=2'
	refuses 404 no-events
	sed '$d' <<<"$events" | hta-sink-dynamo --init --time timestamp "$store"
	wait_until 60 ready
	ask '/events?limit=2'
	answers 200 .count 2
	end
}

# ---- a server in a mood

# The job through it, and what came of it.
moody() { # MOOD [OPTION OF SINK...]
	rm -f moody.out
	spawn moody python3 -B "$tests/store/dynamo_moody.py" "$port" "$1"
	mood_pid=$pid
	wait_until 60 test -s moody.out
	AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:$(head -n 1 moody.out) feed job "$1" --init "${@:2}"
	kill "$mood_pid"
	not grep -q signature moody.out
	rm positions.db
}
moods() { grep -c "^$1\$" moody.out; } # MOOD

# An empty table again.
anew() {
	dynamo DeleteTable "{\"TableName\":\"$table\"}" >deleted
	hta-sink-dynamo --init "$store" </dev/null
}

@test "dynamo: items left undone, throttles, errors, answers that are cut, another clock: each event once" {
	events 1500 >in
	hta-sink-dynamo --init "$store" </dev/null
	for mood in undone throttle errors cut skew; do
		anew
		moody "$mood"
		holds in
		echo "$mood: $(moods "$mood")"
		[ "$mood" = skew ] || [ "$(moods "$mood")" -ge 10 ]
	done
	says "this machine's clock differs from .*'s by (59|60)[0-9] s"
	# with requests side by side, each signed with the time before
	anew
	moody step
	holds in
	[ "$(moods step)" -ge 2 ]
	[ "$(grep -c "this machine's clock" <<<"$stderr")" = 1 ]
}

@test "dynamo: throttles, errors, answers that are cut, with --if-absent: each event once" {
	events 200 >in
	hta-sink-dynamo --init "$store" </dev/null
	for mood in throttle errors cut; do
		anew
		moody "$mood" --if-absent
		holds in
		# an answer that was lost is no duplicate
		not says 'were there already'
	done
}

@test "dynamo: an answer that does not say what it left undone is none; refusals are final" {
	events 100 >in
	hta-sink-dynamo --init "$store" </dev/null
	try() { # CODE MOOD [OPTION...]
		spawn moody python3 -B "$tests/store/dynamo_moody.py" "$port" "$2"
		wait_until 60 test -s moody.out
		AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:$(head -n 1 moody.out) fails_with "$1" job "$2" --init "${@:3}"
		rm -f moody.out
	}
	try 69 silent --retry-for 1s
	says 'an answer that does not say what it left undone; given up after 1s'
	try 78 token
	says 'ExpiredTokenException: moody & tired'
	try 78 refused
	says "table $table: .*AccessDeniedException"
	[ "$(payloads | wc -l)" = 0 ]
	AWS_SECRET_ACCESS_KEY=wrong try 78 cut
	says 'InvalidSignatureException'
	not grep -q wrong <<<"$stderr"
}

@test "dynamo: an item costs at most 15 us of CPU" {
	spawn taker python3 -B "$tests/store/dynamo_taker.py"
	wait_until 60 test -s taker.out
	export AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:$(head -n 1 taker.out)
	events 100000 1 1ms >in
	feed pipe "hta-consume --job one --epoch-records 20000 in |
		python3 -c 'import os, resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
u = resource.getrusage(resource.RUSAGE_CHILDREN)
print((u.ru_utime + u.ru_stime) * 10, file=open(\"cost\", \"w\"))
sys.exit(code)' hta-sink-dynamo --init $store | hta-commit"
	curl -s -o /dev/null "$AWS_ENDPOINT_URL_DYNAMODB"
	[ "$(tail -n 1 taker.out)" = 100001 ]
	echo "$(<cost) us of CPU an item"
	awk '$1 > 15 { exit 1 }' cost
}

# ---- what dies

@test "dynamo: it dies at every point of an epoch, and each event is there once" {
	events 1500 >in
	hta-sink-dynamo --init "$store" </dev/null
	for point in barrier-before{,:3} sink-init sink-inside{,:3} sink-sent{,:3} barrier-after{,:3}; do
		anew
		pipe "hta-consume --job $point --epoch-records 300 --until end in | { HTA_CRASH=$point hta-sink-dynamo --init $store; echo \$? >died; } | hta-commit" || :
		[ "$(<died)" = 137 ]
		echo "$point: $(payloads | wc -l)"
		[ "$(payloads | wc -l)" -lt 1500 ]
		epoch=300 feed job "$point"
		holds in
	done
}

# ---- what is refused

@test "dynamo: tables, keys, URLs, servers: one line, and the code for it" {
	events 10 >in
	fails_with 78 job one
	says "there is no table $table at .*: run hta-sink-dynamo --init"
	fails_with 78 hta-query events -d "$store"
	says 'there is no table'
	dynamo CreateTable "{\"TableName\":\"$table\",\"BillingMode\":\"PAY_PER_REQUEST\",\"KeySchema\":[{\"AttributeName\":\"event_id\",\"KeyType\":\"HASH\"}],\"AttributeDefinitions\":[{\"AttributeName\":\"event_id\",\"AttributeType\":\"S\"}]}" >made
	for init in '' --init; do
		fails_with 78 job one $init
		says "table $table at .*: its key is not event_id and timestamp: take another name"
	done
	store=dynamodb://us-east-1/$table.b?endpoint=http://127.0.0.1:1 fails_with 69 job one --init --retry-for 1s
	says 'given up after 1s'
	store=dynamodb://us-east-1/$table.b?endpoint=http://127.0.0.1:1 fails_with 69 hta-query events -d "dynamodb://us-east-1/t.b?endpoint=http://127.0.0.1:1"
	for bad in dynamodb:/x dynamodb://us-east-1/a 'dynamodb://us-east-1/a b' dynamodb://US/abc 'dynamodb://us-east-1/abc?x=1' \
		'dynamodb://us-east-1/abc?endpoint=localhost:1' 'dynamodb://us-east-1/abc?endpoint=http://h/p'; do
		fails_with 64 hta-sink-dynamo "$bad" <in
	done
	fails_with 64 hta-sink-dynamo <in
	says 'which table. say dynamodb://REGION/TABLE'
	HTA_POSITIONS= fails_with 64 job one --init
	says 'give --positions FILE'
	AWS_ACCESS_KEY_ID= AWS_SECRET_ACCESS_KEY= HOME=$PWD fails_with 78 job one
	says 'no keys: set AWS_ACCESS_KEY_ID'
	fails_with 64 pipe "hta-consume --job j in | hta-window --by event_type | hta-sink-dynamo --init $store.c | hta-commit"
	says 'say hta-sink-dynamo ... . hta-window'
	fails_with 78 hta-query latest events -d "$store"
	says 'DynamoDB has events, and no rollups'
}

@test "dynamo: --init adds the index that is missing" {
	events 200 >in
	key() { echo "[{\"AttributeName\":\"$1\",\"KeyType\":\"HASH\"},{\"AttributeName\":\"timestamp\",\"KeyType\":\"RANGE\"}]"; }
	texts=$(for name in event_id timestamp day; do echo "{\"AttributeName\":\"$name\",\"AttributeType\":\"S\"}"; done | paste -sd,)
	dynamo CreateTable "{\"TableName\":\"$table\",\"BillingMode\":\"PAY_PER_REQUEST\",\"KeySchema\":$(key event_id),\"AttributeDefinitions\":[$texts],
		\"GlobalSecondaryIndexes\":[{\"IndexName\":\"by_day\",\"KeySchema\":$(key day),\"Projection\":{\"ProjectionType\":\"ALL\"}}]}" >made
	fails_with 78 hta-sink-dynamo "$store" <in
	says "there is no table ${table}_dead"
	fails_with 78 hta-query events -d "$store" --user x
	says "has no index by_type: hta-sink-dynamo --init adds it"
	# DynamoDB Local never comes to the end of an index that is added
	spawn job hta-sink-dynamo --init "$store"
	wait_until 60 eval '[ "$(of_table "[.GlobalSecondaryIndexes[].IndexName] | sort")" = "[\"by_day\",\"by_type\"]" ]'
	kill "$pid"
}

@test "dynamo: what --init asks for is done, and its answer lost" {
	events 100 >in
	moody lost --init
	[ "$(moods lost)" -ge 3 ]
	holds in
}

@test "dynamo: --init waits until a table and its indexes are active" {
	hta-sink-dynamo --init "$store" </dev/null
	events 100 >in
	moody filling
	[ "$(moods filling)" = 3 ]
	holds in
}
