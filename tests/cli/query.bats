# hta-query over real stores: the same answers from each, equal to what hta-window says of the same events.
load ../helpers

setup() { cd "$BATS_TEST_TMPDIR" || return; }

# Events with dimensions of all kinds: "SECOND MEMBERS" a line, seconds after 2020-01-01T00:00:00Z.
events() {
	local s rest
	while read -r s rest; do
		printf '{"ts":"%s"%s}\n' "$(date -u -d "@$((1577836800 + s))" +%FT%TZ)" "${rest:+,$rest}"
	done
}

some_events() {
	events <<-'END'
		0 "endpoint":"/a","status":200,"v":1.5,"u":"x"
		1 "endpoint":"/a","status":200,"v":2.25,"u":"y"
		2 "endpoint":"/a","status":500,"v":0.1,"u":"x"
		3 "endpoint":"/b","status":200,"v":7,"u":"z"
		11 "endpoint":"/a","status":"200","u":"x"
		12 "endpoint":"/b","status":null,"v":3,"u":"w"
		13 "endpoint":"","status":1000,"v":-2.5,"u":"w"
		14 "status":true,"v":4,"u":"v"
		15 "endpoint":"/a","v":4,"u":"v"
		31 "endpoint":"/a","status":200,"v":10,"u":"x"
		32 "endpoint":"/a","status":200,"v":11,"u":"y"
		33 "endpoint":"/a","status":500,"v":12,"u":"y"
		34 "endpoint":"/b","status":500,"u":"z"
		35 "endpoint":"/b","status":500,"u":"q"
		36 "endpoint":"/b","status":500,"v":0.000000001,"u":"q"
		37 "endpoint":"/c d","status":500,"v":1,"u":"q"
	END
}

# Plain rows into a store of each kind; pg2 has sketches of type hll.
fill() { # ROWS [OPTION...]
	local rows=$1
	shift
	hta-sink-sqlite --init db "$@" <"$rows"
	hta-sink-pg --init --table "public.plain$BATS_TEST_NUMBER" <"$rows"
	psql -Xqc 'create schema if not exists h; create extension if not exists hll schema public' 2>/dev/null
	hta-sink-pg --init --table "h.plain$BATS_TEST_NUMBER" <"$rows"
	hta-sink-redis --init --prefix "p$BATS_TEST_NUMBER" --ttl never <"$rows"
}

# Runs hta-query on each of them; all must answer the same, which is then in $out.
each() { # ARG...
	feed hta-query -d db "$@"
	mv "$out" first
	feed hta-query -d "dbname=$PGDATABASE" --table "public.plain$BATS_TEST_NUMBER" "$@"
	cmp first "$out" || { diff first "$out" | head; return 1; }
	feed hta-query -d "dbname=$PGDATABASE" --table "h.plain$BATS_TEST_NUMBER" "$@"
	cmp first "$out" || { diff first "$out" | head; return 1; }
	feed hta-query -d "$REDIS_URL" --prefix "p$BATS_TEST_NUMBER" "$@"
	cmp first "$out" || { diff first "$out" | head; return 1; }
}

# The last here-doc as a terminal of so many columns shows it.
on_terminal() { # COLUMNS COMMAND
	run_for 0 env TERM=xterm script -qec "stty cols $1; $2" /dev/null </dev/null
	tr -d '\r' <"$out" >shown
	mv shown "$out"
}

# ---- rows: the same as hta-window's ----

@test "history is what hta-window said, byte for byte; --by is what it would have said" {
	with_service pg redis
	some_events >in
	window='hta-window --every 10s --value v --uniq u'
	$window --by endpoint,status in >rows
	fill rows
	each history events --since 2020-01-01
	cmp "$out" rows
	each history events
	cmp "$out" rows
	for by in endpoint status endpoint,status status,endpoint; do
		$window --by $by in >want
		each history events --by $by
		cmp "$out" want || { diff "$out" want | head; return 1; }
	done
	$window in >want
	each history events --by ''
	cmp "$out" want
	$window --by endpoint,status --no-sketch in >want
	each history events --no-sketch
	cmp "$out" want
}

@test "many rows, many windows: sums, minima, maxima and sketches add up" {
	with_service pg redis
	hta-gen --count 20000 --step 10ms --jitter 5s >in
	window='hta-window --every 10s --value latency_ms --uniq user_id'
	$window --by endpoint,status in >rows
	[ "$(wc -l <rows)" -gt 2000 ]
	fill rows
	each history events
	cmp "$out" rows
	for by in endpoint status ''; do
		$window --by "$by" in >want
		each history events --by "$by"
		cmp "$out" want
	done
}

@test "windows inside a second are in order of time in every store" {
	with_service pg redis
	for ms in 000 250 999; do for s in 58 59; do echo "{\"ts\":\"2020-01-01T00:00:$s.${ms}Z\"}"; done; done >in
	echo '{"ts":"2020-01-01T00:01:00.5Z"}' >>in
	hta-window --every 250ms in >rows
	fill rows
	each history events
	cmp "$out" rows
	each latest events
	tail -n 1 rows | expect
	each history events --since 2020-01-01T00:00:58.25Z --until 2020-01-01T00:00:59.75Z
	[ "$(jq -r .window_start "$out" | cut -c18- | paste -sd' ')" = "58.250Z 58.750Z 59Z 59.250Z" ]
}

# A digit many times.
digits() { printf "%0$2d" 0 | tr 0 "$1"; } # DIGIT NUMBER

# Events with a dimension each, at the bounds and far from what people have.
last_taken() {
	printf '{"ts":"2020-01-01T00:00:00Z","d":%s}\n' 0 -0 -0.0e999999 0e99999999999999999999 1e39 1e40 5e-324 1.7976931348623157e308 1e300 9e399 1e400 \
		1e4095 -1e4095 10e4094 1e-4094 -15e-4094 0.5 123456789012345678901234567890123456789012345678901234567890.5 12345678901234567890123456789012345678901234567890123456789e2 \
		"$(digits 7 4096)" "-$(digits 7 4096)" "$(digits 7 4094).5" "0.$(digits 7 4094)" "5.$(digits 7 4095)e4095" \
		'""' '"\u007f"' '"\"\\\/\b\f\n\r\t"' '"\uffff\ufffe\ufdd0"' '"\ufeffx\u2028"' "\"$(digits 7 4096)\"" \
		"\"$(digits 7 4096 | sed 's/7/\\u0001/g')\"" "\"$(digits 7 1365 | sed 's/7/€/g')a\"" "\"$(digits 7 1024 | sed 's/7/\\udbff\\udfff/g')\"" true null
	echo '{"ts":"2020-01-01T00:00:00Z"}'
}
first_refused() {
	printf '{"ts":"2020-01-01T00:00:00Z","d":%s}\n' 1e4096 -1e4096 10e4095 1e-4095 1e131071 1e131072 1e-16383 1e999999 1e99999999999999999999 -1e-99999999999999999999 \
		"$(digits 7 4097)" "$(digits 7 4095).5" "0.$(digits 7 4095)" "5.$(digits 7 4095)e4094" \
		"\"$(digits 7 4097)\"" "\"$(digits 7 1366 | sed 's/7/€/g')\"" '"a\u0000"' '"\ud800"'
}

# A job into three stores, and each of them asked; rows in the order of hta-window, which is that of their size.
@test "dimensions at their bounds are in every store and read back the same; beyond them they are dead letters, whatever sinks there are" {
	with_service pg redis
	local pg=(--init --table "public.bounds$BATS_TEST_NUMBER" "dbname=$PGDATABASE") redis=(--init --ttl never --prefix "b$BATS_TEST_NUMBER") sinks
	last_taken >taken
	first_refused >refused
	hta-window --by d --every 1d taken >rows
	[ "$(wc -l <rows)" = "$(($(wc -l <taken) - 4))" ]
	cat taken refused >in
	feed pipe "hta-consume --job bounds in | hta-window --by d --every 1d | hta-sink-sqlite --init jdb | hta-sink-pg ${pg[*]} | hta-sink-redis ${redis[*]} | hta-commit"
	for store in "jdb" "dbname=$PGDATABASE --table ${pg[2]}" "$REDIS_URL --prefix ${redis[4]}"; do
		feed pipe "hta-query history events -d $store | sed 's/,.open.:true//'"
		cmp "$out" rows || { echo "$store"; diff "$out" rows | cut -c 1-300 | head; return 1; }
	done
	sqlite3 jdb "select reason from hta_dead order by record_offset" >reasons
	[ "$(wc -l <reasons)" = "$(wc -l <refused)" ]
	[ "$(grep -c 'd is a number of more than 4096 characters (written without an exponent)' reasons)" = 14 ]
	[ "$(psql -XAtqc "select count(*) from hta_dead where job = 'bounds'")" = "$(wc -l <refused)" ]
	# the same lines are dead where no sink is
	fails_with 65 hta-window --by d refused
	[ ! -s "$out" ]
	says "$(wc -l <refused) of $(wc -l <refused) lines were bad"
}

@test "rows stand in the order of hta-window: numbers beyond 2^53, exponents, 40 digits" {
	with_service pg redis
	python3 - >in <<-'END'
		import random
		ints = [2**53 + n for n in range(-2, 5)] + [2**64 + n for n in range(3)] + [10**39 + n for n in range(4)]
		texts = [str(n) for n in ints] + [str(-n) for n in ints]
		texts += ["1e40", "1.5e40", "-1e40", "1e-40", "1.0000000000000000000000000000000000000001", "1", "0.1", "9e15", "9007199254740993.5", "1e300", "1e308", "-1e308"]
		random.Random(5).shuffle(texts)
		for t in texts:
		    print('{"ts":"2020-01-01T00:00:00Z","d":%s}' % t)
	END
	hta-window --by d in >rows
	python3 - <<-'END'
		import decimal, json
		rows = [json.loads(line, parse_float=decimal.Decimal, parse_int=decimal.Decimal)["dims"]["d"] for line in open("rows")]
		assert len(rows) == 40 and rows == sorted(rows), rows
	END
	fill rows
	for of in "history events" "latest events" "history events --by d" "top events" "latest events -n 40"; do
		# shellcheck disable=SC2086
		each $of
		cmp "$out" rows
	done
}

@test "the longest row: 32 dimensions and their names of control characters only" {
	with_service pg redis
	local i name members='' by=()
	for i in $(seq 10 41); do
		name="\\u0001$(digits 7 1021 | sed 's/7/\\u0001/g')$i"
		by+=(--by ".\"$name\"")
		members+=",\"$name\":\"$(digits 7 4096 | sed 's/7/\\u0001/g')\""
	done
	echo "{\"ts\":\"2020-01-01T00:00:00Z\"$members}" >in
	hta-window "${by[@]}" in >rows
	[ "$(wc -c <rows)" -gt 980000 ]
	fill rows
	each history events
	cmp "$out" rows
	fails_with 64 hta-window --by ".\"${name}1\""
	says "a dimension's name has at most 1024 bytes, this one has 1025"
}

@test "latest and top: the newest window that has begun, whatever stands in the future" {
	with_service pg redis
	some_events >in
	echo '{"ts":"2199-01-01T00:00:00Z","endpoint":"/future","u":"x","v":1}' >>in
	hta-window --every 10s --by endpoint,status --value v --uniq u in >rows
	fill rows
	grep '"window_start":"2020-01-01T00:00:30Z"' rows >want
	each latest events
	cmp "$out" want
	each top events
	jq -r '"\(.count) \(.dims.endpoint) \(.dims.status)"' "$out" >got
	expect got <<-'END'
		3 /b 500
		2 /a 200
		1 /a 500
		1 /c d 500
	END
	each top events -n 1
	[ "$(jq .count "$out")" = 3 ]
	each top events --by status -n 1
	[ "$(jq -c '[.dims, .count]' "$out")" = '[{"status":500},5]' ]
	each top events --dim endpoint=/a -n 1
	[ "$(jq -c '[.dims.status, .count]' "$out")" = '[200,2]' ]
	# of equal counts every store chooses the same
	for k in a b c d e f g h; do echo "1 \"k\":\"$k\""; done | events | hta-window --metric ties --by k >ties
	fill ties
	for n in 1 2 5; do
		each top ties -n $n
		[ "$(wc -l <"$out")" = $n ]
	done
	# history ends where the future begins, unless it is asked for
	each history events
	not grep -q 2199 "$out"
	each history events --since 2199-01-01 --until 2199-01-02
	grep -q future "$out"
}

@test "--dim: numbers, texts, true, null, the empty string; keys all, values any" {
	with_service pg redis
	some_events >in
	hta-window --every 1h --by endpoint,status --value v --uniq u in >rows
	fill rows
	dims() {
		each latest events "$@"
		jq -c .dims "$out" | paste -sd' ' >got
	}
	dims --dim status=200 --dim endpoint=/a
	expect got <<<'{"endpoint":"/a","status":200} {"endpoint":"/a","status":"200"}'
	dims --dim status=2.0e2 --dim endpoint=/a
	expect got <<<'{"endpoint":"/a","status":200}'
	dims --dim status=1000
	expect got <<<'{"endpoint":"","status":1000}'
	dims --dim endpoint=
	expect got <<<'{"endpoint":"","status":1000}'
	dims --dim status=null
	expect got <<<'{"endpoint":"/b","status":null}'
	dims --dim status=true
	expect got <<<'{"status":true}'
	dims --dim 'endpoint=/c d'
	expect got <<<'{"endpoint":"/c d","status":500}'
	dims --dim status=null --dim status=1000 --dim status=true
	expect got <<<'{"status":true} {"endpoint":"","status":1000} {"endpoint":"/b","status":null}'
	each latest events --dim endpoint=/a --by endpoint
	[ "$(jq -c '[.dims, .count, .value_count, .sum, .min, .max, .uniq]' "$out")" = '[{"endpoint":"/a"},8,7,40.85,0.1,12,3]' ]
}

@test "-n: the first of a window, the newest of a history" {
	with_service pg redis
	some_events | hta-window --every 10s --by endpoint,status --value v --uniq u >rows
	fill rows
	for n in 1 3 4 5 8 100; do
		each history events -n $n
		tail -n $n rows | cmp - "$out"
		each latest events -n $n
		grep '"window_start":"2020-01-01T00:00:30Z"' rows | head -n $n | cmp - "$out"
	done
}

@test "what was read goes into another store as it is" {
	with_service pg redis
	hta-gen --count 3000 --step 20ms | hta-window --every 10s --by region --value latency_ms --uniq user_id >rows
	fill rows
	each history events
	hta-sink-sqlite --init copy <"$out"
	feed hta-query -d copy history events
	cmp "$out" rows
}

# ---- steps of time ----

# Three days of half hours around a change of the clocks, with all that can be added up.
half_hours() {
	local i
	for i in $(seq 0 149); do
		printf '{"ts":"%s","endpoint":"/%s","v":%s,"u":"u%s"}\n' "$(date -u -d "@$((1774656000 + i * 1800))" +%FT%TZ)" $((i % 3)) $((i % 7)) $((i % 40))
	done
}

@test "steps: what hta-window would have said with longer windows, in every store" {
	with_service pg redis
	half_hours >in
	window='hta-window --value v --uniq u --agg mean=avg(.v) --agg most=max(.v) --agg sd=stddev(.v)'
	$window --by endpoint --every 15m in >rows
	fill rows
	for step in 1h 1d; do
		$window --by endpoint --every $step in >want
		each history events --since 2026-03-01 --step $step
		cmp "$out" want || { diff "$out" want | head -n 4; return 1; }
		$window --every $step in >want
		each history events --since 2026-03-01 --step $step --by ''
		cmp "$out" want
	done
	for step in day week month; do
		each history events --since 2026-03-01 --step $step --by ''
		[ "$(jq -s 'map(.count) | add' "$out")" = 150 ]
		[ "$(jq -r .uniq "$out" | sort -n | tail -n 1)" -ge 39 ]
	done
}

@test "steps: days of 23 hours, weeks and months of a zone; whole steps, open ones" {
	half_hours >in
	hta-window --every 30m in | hta-sink-sqlite --init db
	days() { feed hta-query -d db history events --step "$@"; jq -r '"\(.window_start) \(.window_end) \(.count)"' "$out" >got; }
	days day --zone Europe/Berlin
	expect got <<-'END'
		2026-03-27T23:00:00Z 2026-03-28T23:00:00Z 46
		2026-03-28T23:00:00Z 2026-03-29T22:00:00Z 46
		2026-03-29T22:00:00Z 2026-03-30T22:00:00Z 48
		2026-03-30T22:00:00Z 2026-03-31T22:00:00Z 10
	END
	days day --zone Europe/Berlin --since 2026-03-29T12:00:00Z --until 2026-03-29T13:00:00Z
	expect got <<<'2026-03-28T23:00:00Z 2026-03-29T22:00:00Z 46'
	days week --zone Europe/Berlin -n 1
	expect got <<<'2026-03-29T22:00:00Z 2026-04-05T22:00:00Z 58'
	days month
	expect got <<<'2026-03-01T00:00:00Z 2026-04-01T00:00:00Z 150'
	days 1d --since 2026-03-31
	expect got <<<'2026-03-31T00:00:00Z 2026-04-01T00:00:00Z 6'
	feed hta-query -d db history events --step day --zone Europe/Berlin --format table
	expect <<-'END'
		events, day, Europe/Berlin
		window                count
		2026-03-27T23:00:00Z     46
		2026-03-28T23:00:00Z     46
		2026-03-29T22:00:00Z     48
		2026-03-30T22:00:00Z     10
	END
	LC_ALL=C feed hta-query -d db history events --step day --zone Europe/Berlin --plot
	expect <<-'END'
		events, 2026-03-27T23:00:00Z to 2026-03-31T22:00:00Z, day, Europe/Berlin a place
		count  max  sum
		@@@:    48  150
	END
	fails_with 64 hta-query -d db history events --step day --zone Asia/Kathmandu
	says 'windows of 30m do not fit into the step \(day, Asia/Kathmandu\): there is one on both sides of 2026-..-..T18:15:00Z; windows whose length divides 15m fit'
	feed pipe 'hta-consume --job j in | hta-window --every 30m --metric jobs | hta-sink-sqlite --init db | hta-commit'
	feed hta-query -d db history jobs --step day
	[ "$(jq -c .open "$out" | paste -sd' ')" = "null null true true" ]
	fails_with 64 hta-query -d db latest events --step day
	says '.--step is for history'
	fails_with 64 hta-query -d db history events --step 1d --zone Europe/Berlin
	says '.--zone is for --step day, week and month'
	fails_with 64 hta-query -d db history events --step day --zone Europe/Berln
	says 'no time zone'
}

@test "steps: ten zones, the last twenty years, against python's zoneinfo" {
	for zone in $(python3 "$BATS_TEST_DIRNAME/steps.py" zones); do
		python3 "$BATS_TEST_DIRNAME/steps.py" zone "$zone"
		hta-window --every 15m in >rows
		rm -f db
		hta-sink-sqlite --init db <rows
		for step in day week month; do
			[ "$(wc -l <$step.want)" -gt 240 ]
			feed hta-query -d db history events --since 2005-01-01 --until 2027-02-01 --step $step --zone "$zone"
			jq -r '"\(.window_start) \(.window_end) \(.count)"' "$out" >got
			cmp got $step.want || { echo "$zone $step"; diff got $step.want | head -n 4; return 1; }
		done
	done
}

# ---- ratios ----

@test "--ratio: quotients of measures and fields, of rows as they are added up" {
	with_service pg redis
	some_events >in
	hta-window --every 10s --by endpoint,status --value v --uniq u --agg 'mean=avg(.v)' --agg 'errors=count(.status) if .status == 500' in >rows
	fill rows
	each history events --by '' --ratio errors/count --ratio sum/value_count --ratio count/errors --ratio mean/min
	jq -c '.ratios' "$out" >got
	expect got <<-'END'
		{"errors/count":0.25,"sum/value_count":2.7125,"count/errors":4,"mean/min":27.125}
		{"errors/count":0,"sum/value_count":2.125,"count/errors":null,"mean/min":-0.85}
		{"errors/count":0.7142857142857143,"sum/value_count":6.8000000002,"count/errors":1.4,"mean/min":6800000000.2}
	END
	feed hta-query - --step 1d --by '' --ratio errors/count --format table <rows
	[ "$(tail -n 1 "$out" | grep -oE '[^ ]+$')" = 0.375 ]
	feed hta-query - latest --dim status=200 --ratio count/errors --format table <rows
	[ "$(tail -n 1 "$out" | grep -oE '[^ ]+$')" = - ]
	fails_with 64 hta-query - --ratio errors/requests <rows
	says '.--ratio errors/requests: rows of metric events have no number "requests"'
	fails_with 64 hta-query - --ratio errors <rows
	says '"errors" is not NAME/NAME'
	fails_with 64 hta-query - --ratio errors/count --plot <rows
}

# ---- filling ----

@test "--fill: rows of no events are those that a window without any would have" {
	for s in 0 1 2 35 36 61 62; do echo "$s \"k\":\"a\",\"v\":$s,\"u\":\"x\""; done | events >in
	events >>in <<<'40 "k":"b"'
	hta-window --every 10s --by k --value v --uniq u --agg 'mean=avg(.v)' --agg 'low=min(.v)' --agg n=count in >rows
	hta-sink-sqlite --init db <rows
	feed hta-query -d db history events --fill
	[ "$(wc -l <"$out")" = 14 ]
	jq -c 'select(.count > 0)' "$out" | cmp - <(jq -c . rows)
	jq -c 'select(.count == 0) | del(.metric, .dims_hash, .op, .window_end)' "$out" >got
	[ "$(wc -l <got)" = 10 ]
	[ "$(jq -c '[.window_start[14:19], .dims.k, .value_count, .sum, .uniq, .measures, .uniq_sketch]' got | head -n 2 | tail -n 1)" = \
		'["00:10","a",0,null,0,{"low":null,"mean":null,"n":0},"AQ=="]' ]
	# they are rows: another store takes them, and they change no sum
	hta-sink-sqlite --init copy <"$out"
	for of in "--by k" "--step day"; do
		# shellcheck disable=SC2086
		hta-query -d db history events $of >want
		# shellcheck disable=SC2086
		hta-query -d copy history events $of | jq -c 'select(.count > 0)' | cmp - <(jq -c . want)
	done
	feed hta-query -d db history events --fill -n 3
	[ "$(jq -c '[.window_start[17:19], .dims.k]' "$out" | paste -sd' ')" = '["50","b"] ["00","a"] ["00","b"]' ]
	feed hta-query -d db history events --fill --step 1h --by k --ratio sum/count
	[ "$(jq -c '.ratios' "$out" | wc -l)" = 2 ]
	fails_with 64 hta-query -d db latest events --fill
	says '.--fill is for history'
	hta-window --every 1m in | cat - <(hta-window in --every 1h) | sort -u | hta-sink-sqlite --init mixed
	fails_with 64 hta-query -d mixed history events --fill
	says 'windows there have different lengths'
	fails_with 64 hta-query - history --fill < <(for y in 1971 2199; do echo "{\"ts\":\"$y-01-01T00:00:00Z\"}"; done | hta-window --max-ahead none --every 1s)
	says 'windows of 1 series are too many to fill'
}

# ---- rows of standard input ----

@test "--fill: measures of a window without a row" {
	for minute in 0 2; do echo '{"ts":"2026-01-01T00:0'$minute':00Z","v":3}'; done >in
	hta-window --every 1m --agg 'q=p50(v)' --agg 'u=uniq(v)' --agg 'x=uniq_exact(v)' --agg 'l=last(v)' --agg 'm=min(v)' --agg 's=sum(v)' in >rows
	feed hta-query - history events --fill <rows
	sed -n 2p "$out" | jq -c '[.window_start, .count, .measures]' >got
	expect got <<-'END'
		["2026-01-01T00:01:00Z",0,{"l":null,"m":null,"q":null,"s":null,"u":0,"x":0,"x_exact":true}]
	END
}

@test "rows of standard input: the answers of a store that has them" {
	hta-gen --count 5000 --step 50ms >in
	hta-window --every 10s --by endpoint,status --value latency_ms --uniq user_id --agg 'sd=stddev(.latency_ms)' \
		--agg 'q=quantiles(latency_ms, 0.5, 0.99)' --agg 'who=uniq_exact(customer)' in >rows
	hta-sink-sqlite --init db <rows
	for of in "history events --since 2025-01-01" "history events --since 2025-01-01 --by endpoint" "history events --since 2025-01-01 --by status --step 1h" \
		"latest events" "top events -n 3" "top events --by endpoint --dim status=200 --format table" "history events --by status --plot" "metrics --format table"; do
		# shellcheck disable=SC2086
		feed hta-query -d db $of
		mv "$out" want
		# shellcheck disable=SC2086
		feed hta-query - $of <rows
		cmp "$out" want || { echo "$of"; diff "$out" want | head -n 4; return 1; }
	done
	# history is what is meant, the only metric too, of all times and in any order
	{ sort -r rows; head -n 3 rows; } >mixed
	feed hta-query - <mixed
	cmp "$out" rows
	feed hta-query - top -n 1 <rows
	[ "$(wc -l <"$out")" = 1 ]
	feed hta-query - --format table --by '' --step 1d <rows
	[ "$(sed -n 2p "$out" | tr -s ' ')" = "window count sum min max avg uniq q_p50 q_p99 sd who who_exact" ]
}

@test "rows of standard input: what is none" {
	some_events >in
	hta-window --by endpoint --uniq u in >rows
	fails_with 1 hta-query - </dev/null
	says 'there is no row in standard input'
	sed 's/"events"/"others"/' rows | cat rows - >both
	fails_with 64 hta-query - top <both
	says 'which metric\? hta-query - top METRIC: there are events, others'
	feed hta-query - latest others <both
	fails_with 1 hta-query - latest event <both
	says 'no metric "event" \(did you mean "events"\?\)'
	fails_with 65 hta-query - <<<'{"a":1}'
	says 'standard input, line 1: '
	{ cat rows; sed 's/"count":./"count":9/' rows; } >differ
	fails_with 65 hta-query - <differ
	says 'standard input has two rows of one key that differ'
	fails_with 65 pipe 'hta-window --by endpoint --uniq u --no-sketch in | hta-query -'
	says 'leave out --no-sketch'
	fails_with 64 hta-query - -d db <rows
	says '.- and -d db exclude each other'
	fails_with 64 pipe 'hta-consume --job j in | hta-query -'
	says 'standard input is an acknowledged stream'
}

# ---- for people ----

@test "a table on a terminal" {
	some_events | hta-window --every 10s --by endpoint,status --value v --uniq u | hta-sink-sqlite --init db
	on_terminal 100 'hta-query -d db latest events'
	expect <<-'END'
		events, 2020-01-01T00:00:30Z, 10s
		endpoint  status  count  values          sum          min          max   avg  uniq
		/a        200         2       2           21           10           11  10.5     2
		/a        500         1       1           12           12           12    12     1
		/b        500         3       1  0.000000001  0.000000001  0.000000001     0     2
		/c d      500         1       1            1            1            1     1     1
	END
	on_terminal 100 'hta-query -d db top events --by endpoint -n 2'
	expect <<-'END'
		events, 2020-01-01T00:00:30Z, 10s
		endpoint  count  values          sum          min          max  avg  uniq
		/a            3       3           33           10           12   11     2
		/b            3       1  0.000000001  0.000000001  0.000000001    0     2
	END
	on_terminal 100 'hta-query -d db history events --since 2020-01-01T00:00:10Z --until 2020-01-01T00:00:20Z'
	expect <<-'END'
		events, 10s
		window                endpoint  status  count  values   sum   min   max   avg  uniq
		2020-01-01T00:00:10Z  -         true        1       1     4     4     4     4     1
		2020-01-01T00:00:10Z  ""        1000        1       1  -2.5  -2.5  -2.5  -2.5     1
		2020-01-01T00:00:10Z  /a        -           1       1     4     4     4     4     1
		2020-01-01T00:00:10Z  /a        200         1       0     -     -     -     -     1
		2020-01-01T00:00:10Z  /b        null        1       1     3     3     3     3     1
	END
	feed hta-query -d db latest events --by endpoint --dim endpoint=/a --format table
	expect <<-'END'
		events, 2020-01-01T00:00:30Z, 10s
		endpoint  count  sum  min  max  avg  uniq
		/a            3   33   10   12   11     2
	END
	on_terminal 100 'hta-query -d db latest events --dim status=200 --format json --no-sketch'
	grep -q '^{"op":"set","metric":"events",' "$out"
}

@test "a metric that only counts; long names give way to the terminal's width" {
	{
		echo '{"ts":"2020-01-01T00:00:00Z","customer":"a customer with a long name, longer than the others","region":"eu"}'
		echo '{"ts":"2020-01-01T00:00:00Z","customer":"größer","region":"us"}'
		echo '{"ts":"2020-01-01T00:00:00Z","customer":"bell\u0007","region":"us"}'
	} | hta-window --by customer,region | hta-sink-sqlite --init db
	on_terminal 40 'hta-query -d db latest events'
	expect <<-'END'
		events, 2020-01-01T00:00:00Z, 1m
		customer                   region  count
		a customer with a long n…  eu          1
		"bell\u0007"               us          1
		größer                     us          1
	END
	LC_ALL=C on_terminal 40 'hta-query -d db latest events'
	expect <<-'END'
		events, 2020-01-01T00:00:00Z, 1m
		customer                   region  count
		a customer with a long n~  eu          1
		"bell\u0007"               us          1
		gr??er                     us          1
	END
	on_terminal 16 'hta-query -d db latest events'
	expect <<-'END'
		events, 2020-01-01T00:00:00Z, 1m
		custo…  region …
		a cus…  eu     …
		"bell…  us     …
		größer  us     …
	END
}

@test "on a terminal 40 rows, and a note" {
	for i in $(seq -w 50); do echo "{\"ts\":\"2020-01-01T00:00:00Z\",\"k\":\"$i\"}"; done | hta-window --by k | hta-sink-sqlite --init db
	for command in latest top history; do
		on_terminal 80 "hta-query -d db $command events"
		[ "$(grep -cE ' +1$' "$out")" = 40 ]
		grep -q 'not all is shown: -n N shows N' "$out"
		on_terminal 80 "hta-query -d db $command events -n 45"
		[ "$(grep -cE ' +1$' "$out")" = 45 ]
		not grep -q 'not all' "$out"
	done
	feed hta-query -d db latest events
	[ "$(wc -l <"$out")" = 50 ]
}

@test "--watch: the newest window and the course of the last ones, painted again until it is told to stop" {
	{ for s in 1 2 3 11 31 32; do echo "$s \"k\":\"a\""; done; echo '35 "k":"b"'; } | events >in
	hta-window --every 10s --by k in | hta-sink-sqlite --init db
	spawn watch env TERM=xterm LC_ALL=C script -qfec 'stty cols 40; exec hta-query -d db top events --watch' /dev/null
	paints() { [ "$(grep -c "$2" watch.out)" -ge "$1" ]; }
	wait_until 60 paints 2 'a place'
	tr -d '\r' <watch.out | sed -n '1s/^.*\x1b\[2J//; 1,/^b  *@/p' >got
	expect got <<-'END'
		events, 2020-01-01T00:00:30Z, 10s
		k  count
		a      2
		b      1

		events, 2020-01-01T00:00:00Z to 2020-01-01T00:00:40Z, 10s a place
		k  count  max  sum
		a  @- +     3    6
		b     @     1    1
	END
	events <<<'60 "k":"new"' | hta-window --every 10s --by k | hta-sink-sqlite db
	wait_until 60 paints 1 'events, 2020-01-01T00:01:00Z, 10s'
	kill -INT "$(pgrep -P "$pid" -x hta-query)"
	exits_with 0 60
	fails_with 64 hta-query -d db top events --watch
	says '.--watch paints a terminal: output is none'
	on_terminal 80 'hta-query -d db history events --watch || echo failed'
	grep -q failed "$out"
}

@test "bars" {
	some_events | hta-window --every 10s --by endpoint,status --value v --uniq u | hta-sink-sqlite --init db
	on_terminal 40 'hta-query -d db top events --plot'
	expect <<-'END'
		events, 2020-01-01T00:00:30Z, 10s
		endpoint  status  count
		/b        500         3  ███████████████
		/a        200         2  ██████████
		/a        500         1  █████
		/c d      500         1  █████
	END
	LC_ALL=C on_terminal 41 'hta-query -d db latest events --plot --by endpoint'
	expect <<-'END'
		events, 2020-01-01T00:00:30Z, 10s
		endpoint  count
		/a            3  ########################
		/b            3  ########################
		/c d          1  ########
	END
	# asked for, it is drawn into a pipe as well, for the width that COLUMNS says
	COLUMNS=41 feed hta-query -d db top events --by '' --plot
	expect <<-'END'
		events, 2020-01-01T00:00:30Z, 10s
		count
		    7  ██████████████████████████████████
	END
}

@test "sparklines: a line a series, empty where there is no row, several windows a place where there are many" {
	for i in $(seq 1 8); do
		for n in $(seq $i); do echo "$((i * 10)) \"k\":\"up\""; done
	done | events >in
	events >>in <<-'END'
		10 "k":"once"
		80 "k":"twice"
		10 "k":"twice"
	END
	hta-window --every 10s --by k in | hta-sink-sqlite --init db
	on_terminal 60 'hta-query -d db history events --plot'
	expect <<-'END'
		events, 2020-01-01T00:00:10Z to 2020-01-01T00:01:30Z, 10s a place
		k      count     max  sum
		up     ▁▂▃▄▅▆▇█    8   36
		twice  █      █    1    2
		once   █           1    1
	END
	LC_ALL=C on_terminal 60 'hta-query -d db history events --plot -n 2'
	expect <<-'END'
		events, 2020-01-01T00:00:10Z to 2020-01-01T00:01:30Z, 10s a place
		k      count     max  sum
		up     .:-=+*#@    8   36
		twice  @      @    1    2
	END
	seq 0 239 | events | hta-window --every 10s --metric busy | hta-sink-sqlite db
	on_terminal 25 'hta-query -d db history busy --plot'
	expect <<-'END'
		busy, 2020-01-01T00:00:00Z to 2020-01-01T00:04:00Z, 20s a place
		count         max  sum
		████████████   20  240
	END
}

# ---- jobs: who owns what, what can still change ----

fresh_stores() {
	psql -Xqc 'drop schema public cascade; create schema public' 2>/dev/null
	redis-cli -u "$REDIS_URL" flushdb >/dev/null
}

# A job with two metrics over events, into sinks of all kinds. What follows are hta-consume's operands. A dozen events are too few to tell one that is far
# ahead from the others.
job_into_all() {
	pipe "hta-consume --job web $* | hta-window --max-ahead none --lateness 5s --metric hits --every 10s --by endpoint --metric spend --every 1m --value v --uniq u |
		hta-sink-sqlite --init jdb | hta-sink-pg --init --table jobs | hta-sink-redis --init --prefix j --ttl never --name cache | hta-commit"
}

each_job() { # ARG...
	feed hta-query -d jdb "$@"
	mv "$out" first
	feed hta-query -d "dbname=$PGDATABASE" --table jobs "$@"
	cmp first "$out" || { diff first "$out" | head; return 1; }
	feed hta-query -d "$REDIS_URL" --prefix j "$@"
	cmp first "$out" || { diff first "$out" | head; return 1; }
}

@test "open is what hta_final leaves out" {
	with_service pg redis
	fresh_stores
	some_events >in
	# not the end of the file: the partition is not idle, so its own watermark counts
	job_into_all -c 13 in
	each_job history hits
	jq -c '[.window_start[17:19], .open // false, .dims]' "$out" >got
	expect got <<-'END'
		["00",false,{"endpoint":"/a"}]
		["00",false,{"endpoint":"/b"}]
		["10",false,{}]
		["10",false,{"endpoint":""}]
		["10",false,{"endpoint":"/a"}]
		["10",false,{"endpoint":"/b"}]
		["30",true,{"endpoint":"/a"}]
		["30",true,{"endpoint":"/b"}]
	END
	[ "$(jq -c 'select(.open | not)' "$out" | wc -l)" = "$(sqlite3 jdb "select count(*) from hta_final where metric = 'hits'")" ]
	[ "$(jq -c 'select(.open | not)' "$out" | wc -l)" = "$(psql -XAtc "select count(*) from jobs_final where metric = 'hits'")" ]
	jq -c 'select(.open | not)' "$out" >want
	each_job history hits --by endpoint --dim endpoint=/a --dim endpoint=/b --fill
	jq -c '[.window_start[17:19], .dims.endpoint[1:], .count, .open, .unknown]' "$out" >got
	expect got <<-'END'
		["00","a",3,null,null]
		["00","b",1,null,null]
		["10","a",2,null,null]
		["10","b",1,null,null]
		["20","a",null,true,true]
		["20","b",null,true,true]
		["30","a",3,true,null]
		["30","b",1,true,null]
	END
	each_job history hits --fill --since 2019-12-31T23:59:40Z --dim endpoint=/b --final
	jq -c '[.window_start[17:19], .count]' "$out" | paste -sd' ' >got
	expect got <<<'["40",0] ["50",0] ["00",1] ["10",1]'
	each_job history hits --fill --dim endpoint=/b --until 2020-01-01T00:00:51Z --format table
	expect <<-'END'
		hits, 10s
		window                endpoint  count
		2020-01-01T00:00:00Z  /b            1
		2020-01-01T00:00:10Z  /b            1
		2020-01-01T00:00:20Z  /b            ?  open
		2020-01-01T00:00:30Z  /b            1  open
		2020-01-01T00:00:40Z  /b            ?  open
		2020-01-01T00:00:50Z  /b            ?  open
	END
	each_job history hits --final
	jq -c . "$out" | cmp - want
	each_job latest hits --final
	[ "$(jq -c '[.window_start[17:19], .count]' "$out" | head -n 1)" = '["10",1]' ]
	fails_with 1 hta-query -d jdb history hits --final --step day
	says 'metric hits has no final rows there'
	each_job latest spend --by ''
	[ "$(jq -c '[.open, .count, .uniq]' "$out")" = '[true,13,5]' ]
	on_terminal 80 "hta-query -d jdb latest hits"
	expect <<-'END'
		hits, 2020-01-01T00:00:30Z, 10s, open
		endpoint  count
		/a            3
		/b            1
	END
	on_terminal 80 "hta-query -d jdb history hits --by '' --dim endpoint=/a"
	expect <<-'END'
		hits, 10s
		window                count
		2020-01-01T00:00:00Z      3
		2020-01-01T00:00:10Z      2
		2020-01-01T00:00:30Z      3  open
	END
	# at the end of the file the partition is idle: the highest watermark counts, and lateness
	job_into_all in
	each_job latest hits
	[ "$(jq -c .open "$out" | sort -u)" = true ]
	events <<<46 >>in
	job_into_all in
	each_job latest hits
	[ "$(jq -c .open "$out" | sort -u)" = true ]
	each_job history hits --until 2020-01-01T00:00:31Z
	not grep -q open "$out"
	[ "$(jq -c 'select(.window_start[17:19] == "30")' "$out" | wc -l)" = 3 ]
}

@test "metrics: names, owners, definitions" {
	with_service pg redis
	fresh_stores
	some_events >in
	job_into_all in
	hta-window --metric plain in >rows
	hta-sink-sqlite jdb <rows
	hta-sink-pg --table jobs <rows
	hta-sink-redis --prefix j <rows
	for store in "-d jdb" "-d dbname=$PGDATABASE --table jobs" "-d $REDIS_URL --prefix j"; do
		# shellcheck disable=SC2086
		feed hta-query $store metrics
		jq -c '[.metric, .job, (.sink // "-" | split(":")[0]), .definition.every, .definition.by, .definition.value, .definition.uniq, .since, (.cfg // "" | length)]' "$out" >got
		sed -i 's/"sqlite"\|"pg"\|"cache"/"S"/' got
		expect got <<-'END'
			["hits","web","S","10s",["endpoint"],null,null,null,16]
			["plain",null,"-",null,null,null,null,null,0]
			["spend","web","S","1m",[],"v","u",null,16]
		END
	done
	on_terminal 90 'hta-query -d jdb metrics'
	expect <<-'END'
		metric  job      sink                every  time  by        value  uniq  since
		hits    web      sqlite:hta_rollups  10s    ts    endpoint
		plain   (plain)
		spend   web      sqlite:hta_rollups  1m     ts              v      u
	END
}

@test "positions: of every sink, against the log's end" {
	with_service pg redis kafka
	fresh_stores
	topic_new positions 2
	printf '{"ts":"2020-01-01T00:00:0%d.5Z"}\n' 1 2 3 >in
	produce "$topic" in -p 0
	pipe "hta-consume -b $HTA_BROKERS -t $topic -g $topic -e | hta-window --lateness 1s | hta-sink-sqlite --init jdb | hta-sink-pg --init --name one |
		hta-sink-pg --init --table two | hta-sink-redis --init --prefix j --ttl never | hta-commit"
	for store in "-d jdb" "-d $REDIS_URL --prefix j"; do
		# shellcheck disable=SC2086
		feed hta-query $store positions "$topic"
		jq -c '[.job == .group, .topic == .group, .partition, .init, .next, .watermark, .idle]' "$out" >got
		expect got <<-'END'
			[true,true,0,0,3,"2020-01-01T00:00:03.500Z",true]
			[true,true,1,0,0,null,true]
		END
	done
	feed hta-query positions "$topic" # libpq's environment
	[ "$(jq -r '"\(.sink) \(.partition) \(.next)"' "$out" | paste -sd' ')" = "one 0 3 one 1 0 pg:two 0 3 pg:two 1 0" ]
	produce "$topic" in -p 1
	feed hta-query -d jdb positions "$topic" -b "$HTA_BROKERS" -X socket.timeout.ms=20000
	jq -c '[.partition, .next, .end, .lag]' "$out" >got
	expect got <<-'END'
		[0,3,3,0]
		[1,0,3,3]
	END
	on_terminal 200 "hta-query -d jdb positions $topic -b $HTA_BROKERS"
	tr -s ' ' <"$out" | sed "s/$topic/T/" >got
	expect got <<-'END'
		sink topic partition next end lag watermark
		sqlite:hta_rollups T 0 3 3 0 2020-01-01T00:00:03.500Z idle
		sqlite:hta_rollups T 1 0 3 3 - idle
	END
	fails_with 69 hta-query -d jdb positions "$topic" -b 127.0.0.1:1
	says '^hta-query: kafka: 127\.0\.0\.1:1: .*Connection refused; given up after 10s$'
	fails_with 64 hta-query -d jdb positions "$topic" -b 127.0.0.1:x
	says '"x" is no port'
	fails_with 64 hta-query -d jdb positions "$topic" -b "$HTA_BROKERS" -X group.id=x
	fails_with 1 hta-query -d jdb positions "${topic}x"
	says "did you mean \"$topic\""
}

# ---- what goes wrong ----

@test "what is not there: 1, and the nearest name" {
	some_events | hta-window --by endpoint | hta-sink-sqlite --init db
	fails_with 1 hta-query -d db latest evnets
	says 'no metric "evnets" \(did you mean "events"\?\)$'
	fails_with 1 hta-query -d db history spend
	says 'no metric "spend"$'
	fails_with 1 hta-query -d db latest events --dim enpoint=/a
	says 'dimension "enpoint" \(did you mean "endpoint"\?\)'
	fails_with 1 hta-query -d db latest events --dim endpoint=/x
	says 'no row of metric events there is the one that --dim asks for'
	fails_with 1 hta-query -d db history events --since 2021-01-01
	says 'metric events has no rows there'
	fails_with 1 hta-query -d db positions web
	says 'no positions of a job "web"'
	[ ! -s "$out" ]
	feed hta-query -d db latest events --by enpoint
	says 'no row of metric events there has a dimension "enpoint" \(did you mean "endpoint"\?\)'
	[ "$(jq -c '[.dims, .count]' "$out")" = '[{},16]' ]
	hta-sink-sqlite --init empty </dev/null
	fails_with 1 hta-query -d empty metrics
	says 'there is no metric yet'
	fails_with 1 hta-query -d empty latest events
	says 'no metric "events": there is none yet in hta_rollups'
	echo '{"op":"set","metric":"later","window_start":"2199-01-01T00:00:00Z","window_end":"2199-01-01T00:01:00Z","dims":{},"dims_hash":"99aa06d3014798d86001c324468d497f","count":1}' |
		hta-sink-sqlite db
	fails_with 1 hta-query -d db latest later
	says 'metric later has no window that has begun'
}

@test "a store that is not reached, or not ours: 69 and 78" {
	with_service pg redis
	fails_with 78 hta-query -d nowhere/db latest events
	says 'nowhere/db: unable to open'
	fails_with 78 hta-query -d /etc/passwd latest events
	sqlite3 other 'create table x (y)'
	fails_with 78 hta-query -d other latest events
	says 'run `hta-sink-sqlite --init other </dev/null` once$'
	[ "$(sqlite3 other .tables)" = x ]
	fails_with 78 hta-query -d "dbname=$PGDATABASE" --table none latest events
	says 'table none is missing: run `hta-sink-pg --init </dev/null` once$'
	PGPASSWORD=wrong fails_with 78 hta-query -d "user=hta_pw dbname=$PGDATABASE" latest events
	fails_with 78 hta-query -d "dbname=${PGDATABASE}x" latest events
	fails_with 69 hta-query -d 'host=127.0.0.1 port=1' latest events
	fails_with 69 hta-query -d redis://127.0.0.1:1 latest events
	HTA_STORE=${REDIS_URL/:\/\//:\/\/hta_pw:wrong@} fails_with 78 hta-query latest events
	not says 'command line'
	fails_with 78 hta-query -d "$REDIS_URL" --prefix nobody latest events
	says 'the schema of prefix nobody is missing'
	# a login that is right is used, and nothing of it is said
	hta-sink-redis --init --prefix login </dev/null
	HTA_STORE=${REDIS_URL/:\/\//:\/\/hta_pw:right@} fails_with 1 hta-query --prefix login metrics
	[ "$(wc -l <<<"$stderr")" = 1 ]
	not says right
}

@test "a file that nobody may write can be read" {
	[ "$(id -u)" = 0 ] || skip "needs root, to become nobody"
	some_events | hta-window | hta-sink-sqlite --init db
	sqlite3 db 'pragma journal_mode = delete' >/dev/null
	chmod 444 db
	mkdir ro
	mv db ro
	chmod 555 ro
	chmod go+rx . "$BATS_TEST_TMPDIR/.." "$BATS_TEST_TMPDIR/../.." 2>/dev/null || :
	feed setpriv --reuid=nobody --regid=nogroup --clear-groups env HTA_RUN=/tmp/hta-nobody "$(command -v hta-query)" -d ro/db latest events
	[ "$(jq .count "$out")" = 16 ]
	chmod 755 ro
}

@test "usage" {
	unset "${!PG@}" HTA_STORE
	fails_with 64 hta-query
	says 'what\? latest METRIC, history METRIC, top METRIC, metrics, positions JOB or events'
	fails_with 64 hta-query -d db lastest events
	says 'did you mean "latest"'
	fails_with 64 hta-query latest events
	says 'which store\?'
	fails_with 64 hta-query -d '' latest events
	PGHOST='' fails_with 64 hta-query latest events
	for place in :memory: 'file:db?mode=memory'; do
		fails_with 64 hta-query -d "$place" latest events
		says 'is a database in memory'
	done
	fails_with 64 hta-query -d db latest
	fails_with 64 hta-query -d db metrics events
	fails_with 64 hta-query -d db latest events more
	fails_with 64 hta-query -d db metrics --by x
	fails_with 64 hta-query -d db latest events --dim x
	fails_with 64 hta-query -d db latest events --dim =x
	says '^hta-query: --dim: "=x": say KEY=VALUE'
	fails_with 64 hta-query -d db latest events --by a,,b
	says '^hta-query: --by: "a,,b": a name is missing'
	fails_with 64 hta-query -d db latest events --by x,,y
	fails_with 64 hta-query -d db latest events -n 0
	fails_with 64 hta-query -d db latest events --plot --format json
	fails_with 64 hta-query -d db latest events -b host
	hta-sink-sqlite --init db </dev/null
	fails_with 64 hta-query -d db latest events --since -2h
	fails_with 64 hta-query -d db history events --since 2021-01-01 --until 2020-01-01
	fails_with 64 hta-query -d db history events --since yesterday
	says -- '--since: "yesterday" is not a time'
}

@test "a full disk is 74; a reader that leaves ends it silently" {
	hta-gen --count 20000 | hta-window --every 1s --by user_id | hta-sink-sqlite --init db
	fails_with 74 pipe 'hta-query -d db history events >/dev/full'
	says 'No space left'
	run_for 141 pipe 'hta-query -d db history events | head -n 1 >/dev/null'
	[ -z "$stderr" ]
}

@test "a version of a metric: one that counts the same has the rows of an earlier one, one that is not there is said" {
	local rule='"rule_id":"web","window_size":"1m","metric":"count"'
	for run in '' ',"version":2' ',"version":3,"group_by":["endpoint"]'; do
		printf '{"ts":"2026-01-01T00:00:0%d.5Z","endpoint":"/a"}\n' 1 2 >>log
		echo "{$rule$run}" >rules
		feed pipe 'hta-consume --job web log | hta-window --rules rules | hta-sink-sqlite --init a.db | hta-commit'
	done
	for version in web:web@3 web@1:web web@2:web web@3:web@3; do
		feed hta-query -d a.db history "${version%:*}"
		[ "$(jq -r .metric "$out" | sort -u)" = "${version#*:}" ]
	done
	fails_with 1 hta-query -d a.db latest web@4
	says 'no metric "web@4"'
	fails_with 78 hta-consume --final web@4 -d a.db -e
	hta-window --rules <(echo "{$rule,\"version\":2}") log >rows
	fails_with 1 hta-query - latest web@3 <rows
}
