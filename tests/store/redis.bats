# hta-sink-redis on a real Redis: the layout of the keys, exactness, what expires, what goes wrong.
load ../helpers
load ../stream

setup() {
	with_service redis
	export REDIS_URL
	feed r flushdb
}

teardown() {
	kill_spawned
	[ -z "${own:-}" ] || svc_stop redis "$own" KILL
}

r() { redis-cli -u "$REDIS_URL" "$@"; }

# A stream, on stdin, through a sink that must leave with 0 or CODE.
sink() { cat >"$BATS_TEST_TMPDIR/in"; feed pipe "cat $BATS_TEST_TMPDIR/in | hta-sink-redis --foreign --init --ttl ${ttl:-never} $*"; }
sink_fails() { cat >"$BATS_TEST_TMPDIR/in"; fails_with "$1" pipe "cat $BATS_TEST_TMPDIR/in | hta-sink-redis --foreign --init --ttl ${ttl:-never} ${*:2}"; }

m0=1767225600:1767225660		# the first minute in keys
row() { r hget "{hta}:r:${metric:-m}:${3:-$m0}:$(hash_of "$1")" "$2"; } # DIM FIELD [WINDOW]

plain_rows() { # COUNT SUM
	metric=${metric:-p} op=set add a 0 "$1" "$2"
	metric=${metric:-p} op=set add b 1 3 1.5
}

# ---- plain streams

@test "a plain row is a hash with its fields, its window is indexed" {
	plain_rows 2 0.1 >"$BATS_TEST_TMPDIR/rows"
	feed hta-sink-redis --init --ttl never <"$BATS_TEST_TMPDIR/rows"
	feed pipe 'redis-cli -u $REDIS_URL hgetall "{hta}:r:p:'$m0:$(hash_of a)'" | paste - - | grep -v updated_at'
	expect <<-END
		metric	p
		window_start	2026-01-01T00:00:00Z
		window_end	2026-01-01T00:01:00Z
		dims	{"d":"a"}
		dims_hash	$(hash_of a)
		count	2
		value_count	2
		sum	0.1
		min	0.1
		max	0.1
	END
	[[ $(metric=p row a updated_at) =~ ^20..-..-..T..:..:..(\.[0-9]+)?Z$ ]]
	feed r --raw zrange {hta}:w:p 0 -1 withscores
	expect <<-'END'
		1767225600:1767225660
		1767225600
		1767225660:1767225720
		1767225660
	END
	feed r --raw zrange {hta}:i:p:$m0 0 -1 withscores
	expect <<-END
		$(hash_of a)
		2
	END
	feed r --raw hget {hta}:metric p
	expect <<-'END'
		{"job":null,"sink":null,"cfg":"","def":{},"since":null}
	END
}

@test "equal rows go in again, a different one ends it and nothing of the batch is written" {
	plain_rows 2 0.1 | feed hta-sink-redis --init --ttl never
	plain_rows 2 0.10 | feed hta-sink-redis --ttl never
	{ plain_rows 2 0.1; op=set metric=p add new 0 1 1; op=set metric=p add b 1 3 1.5; } | grep -v '"b"' >"$BATS_TEST_TMPDIR/more"
	op=set metric=p add b 1 4 1.5 >>"$BATS_TEST_TMPDIR/more"
	fails_with 65 hta-sink-redis --ttl never <"$BATS_TEST_TMPDIR/more"
	says 'row p 2026-01-01T00:01:00Z \{"d":"b"\} is stored with other values \(count 3, sum 1.5\).*--replace'
	[ -z "$(metric=p row new count)" ]
	feed hta-sink-redis --ttl never --dry-run <"$BATS_TEST_TMPDIR/more"
	expect <<-'END'
		new 1, equal 1, different 1
	END
	[ -z "$(metric=p row new count)" ]
	feed hta-sink-redis --ttl never --replace <"$BATS_TEST_TMPDIR/more"
	[ "$(metric=p row b count 1767225660:1767225720)" = 4 ]
	[ "$(metric=p row new count)" = 1 ]
	[ "$(r zscore {hta}:i:p:1767225660:1767225720 "$(hash_of b)")" = 4 ]
}

@test "a replaced row loses the fields that it does not have any more" {
	plain_rows 2 0.1 | feed hta-sink-redis --init --ttl never
	plain_rows 2 0.1 | sed -E 's/,"value_count".*\}/}/' >"$BATS_TEST_TMPDIR/fewer"
	feed hta-sink-redis --ttl never --replace <"$BATS_TEST_TMPDIR/fewer"
	[ "$(metric=p row a count)$(metric=p row a sum)$(metric=p row a value_count)" = 2 ]
}

@test "without --init a prefix that is not there is 78, with the command" {
	plain_rows 2 0.1 >"$BATS_TEST_TMPDIR/rows"
	fails_with 78 hta-sink-redis "$REDIS_URL" <"$BATS_TEST_TMPDIR/rows"
	says "schema of prefix hta is missing: run .hta-sink-redis --init $REDIS_URL </dev/null"
	[ "$(r dbsize)" = 0 ]
	r set {hta}:schema 2
	fails_with 78 hta-sink-redis <"$BATS_TEST_TMPDIR/rows"
	says 'schema 2, this program knows 1'
}

# ---- acknowledged streams: positions

@test "an epoch is applied once: again is no harm, half of it is a conflict" {
	sink < <(hello; probe; init ev/0:0 ev/1:5; probe; add a 0 2 0.5; bar 1 ev/0:0:10 ev/1:5:7; add a 0 2 0.5; bar 1 ev/0:0:10 ev/1:5:7; end)
	[ "$(row a count) $(row a sum)" = "2 0.5" ]
	[ "$(grep -c '"k":"bar"' "$out")" = 2 ]
	[ "$(r hget {hta}:pos:web:redis%3Ahta ev/1)" = "5 7 6 1700000000000000 00000000000000ff - 0" ]
	for range in ev/0:5:15 "ev/0:10:20 ev/1:6:8" ev/0:12:20 ev/2:0:1; do
		sink_fails 75 < <(hello; probe; add a 0 2 0.5; bar 2 $range; end)
		says 'epoch 2: ev/.*(stands at (10|7) here, the epoch goes from|is not known here)'
	done
	[ "$(row a count) $(row a sum)" = "2 0.5" ]
	sink < <(hello; probe; add a 0 1 -0.75; bar 2 ev/0:10:20 ev/1:7:7:idle; end)
	[ "$(row a count) $(row a sum) $(row a min) $(row a max)" = "3 -0.25 -0.75 0.5" ]
	[ "$(r zscore {hta}:i:m:$m0 "$(hash_of a)")" = 3 ]
	[ "$(r hget {hta}:pos:web:redis%3Ahta ev/1)" = "5 7 6 1700000000000000 00000000000000ff - 1" ]
}

@test "the state in a probe: generation, positions, watermark" {
	wm=1767225660000000
	sink < <(hello; probe; init ev/0:3; add a 0 1 1; bar 1 ev/0:3:4:idle; probe; end)
	cp "$out" "$out.1"
	feed jq -c 'select(.k == "probe") | .sinks[0]' "$out.1"
	expect <<-'END'
		{"s":"redis:hta","gen":null,"now":false,"pos":[]}
		{"s":"redis:hta","gen":"fedcba9876543210","now":false,"pos":[{"t":"ev","p":0,"init":3,"next":4,"lo":3,"lt":1700000000000000,"lh":"00000000000000ff","wm":1767225660000000,"idle":true}]}
	END
}

@test "offsets beyond 2^53 are exact" {
	sink < <(hello; probe; init ev/0:9007199254740993; add a 0 1 1; bar 1 ev/0:9007199254740993:9007199254740994; end)
	sink_fails 75 < <(hello; probe; add a 0 1 1; bar 2 ev/0:9007199254740995:9007199254740996; end)
	says 'stands at 9007199254740994'
	sink < <(hello; probe; add a 0 1 1; bar 2 ev/0:9007199254740994:9223372036854775807; end)
	sink < <(hello; probe; add a 0 1 1; bar 2 ev/0:9007199254740994:9223372036854775806; end)
	[ "$(row a count)" = 2 ]
}

@test "another generation, or none, is 75; a fresh init where there is one changes nothing" {
	sink_fails 75 < <(hello; probe; add a 0 1 1; bar 1 ev/0:0:1; end)
	says 'has no generation here, the epoch fedcba9876543210'
	sink < <(hello; probe; init ev/0:0; init ev/0:7; end)
	sink_fails 75 < <(gen=0000000000000001; hello; probe; add a 0 1 1; bar 1 ev/0:0:1; end)
	says 'has generation fedcba9876543210 here'
	sink_fails 75 < <(gen=0000000000000001; hello; probe; init ev/0:0; end)
	says 'has generation fedcba9876543210 here, not 0000000000000001'
	sink < <(act=new; hello; probe; init ev/0:9 ev/1:2; end)
	[ "$(r hget {hta}:pos:web:redis%3Ahta ev/0) $(r hget {hta}:pos:web:redis%3Ahta ev/1)" = "0 0 - - - - 0 2 2 - - - - 0" ]
}

@test "a metric belongs to one job and never changes its meaning" {
	sink < <(hello "m 00000000000000aa"; probe; end)
	[ -z "$(r hget {hta}:metric m)" ]		# a job that has not begun may yet be refused
	sink < <(hello "m 00000000000000aa"; probe; init ev/0:0; end)
	sink_fails 78 < <(hello "m 00000000000000bb" "n 00000000000000cc"; probe; end)
	says 'metric m in hta has another definition.*--reset web'
	[ -z "$(r hget {hta}:metric n)" ]
	sink_fails 78 < <(job=other; hello "m 00000000000000aa"; probe; end)
	says 'metric m in hta has another owner.*job web'
	sink_fails 78 --name b < <(hello "m 00000000000000aa"; probe; end)
	says 'written by another sink of job web, redis:hta; this one is b'
	metric=m op=set add a 0 1 1 >"$BATS_TEST_TMPDIR/rows"
	fails_with 78 hta-sink-redis --replace <"$BATS_TEST_TMPDIR/rows"
	metric=p op=set add a 0 1 1 | feed hta-sink-redis --ttl never
	sink_fails 78 < <(hello "p 00000000000000aa"; probe; end)
}

@test "a new metric in an old job counts since the window after the highest watermark" {
	wm=1767225665000000
	sink < <(hello "m 00000000000000aa"; probe; init ev/0:0; probe; add a 1 1 1; bar 1 ev/0:0:1; end)
	sink < <(hello "m 00000000000000aa" "n 00000000000000bb"; probe; end)
	feed pipe 'redis-cli -u $REDIS_URL hget {hta}:metric n | jq -c "[.job, .sink, .cfg, .def, .since]"'
	expect <<-'END'
		["web","redis:hta","00000000000000bb",{"every":"1m"},"2026-01-01T00:02:00Z"]
	END
}

@test "names may hold anything" {
	name='a:b {c} %2F ü *'
	enc=a%3Ab%20%7Bc%7D%20%252F%20%C3%BC%20%2A
	metric=$name op=set add x 0 5 1 | feed hta-sink-redis --init --ttl never --prefix "my app"
	[ "$(r hget "{my app}:r:$enc:$m0:$(hash_of x)" metric)" = "$name" ]
	[ "$(r zrange "{my app}:w:$enc" 0 -1)" = $m0 ]
	[ "$(r hexists "{my app}:metric" "$name")" = 1 ]
	fails_with 64 hta-sink-redis --prefix 'a}' </dev/null
	fails_with 64 hta-sink-redis --prefix '' </dev/null
}

# ---- exactness

# A thousand epochs' worth of additions, some on long numbers, in seven groups, against SQLite's decimals. min and max too.
random_values() { # SEED COUNT
	awk -v seed="$1" -v n="$2" 'BEGIN {
		srand(seed)
		for (i = 0; i < n; i++) {
			int_ = ""; kind = int(rand() * 6)
			digits = kind == 0 ? 1 : kind == 1 ? 14 : kind == 2 ? 15 : kind == 3 ? 1 + int(rand() * 20) : kind == 4 ? 27 : 1 + int(rand() * 6)
			for (k = 0; k < digits; k++) int_ = int_ (rand() < 0.3 ? 9 : rand() < 0.3 ? 0 : int(rand() * 10))
			sub(/^0+/, "", int_); if (int_ == "") int_ = "0"
			frac = ""; decimals = rand() < 0.3 ? 0 : rand() < 0.3 ? 9 : int(rand() * 10)
			for (k = 0; k < decimals; k++) frac = frac (rand() < 0.3 ? 9 : int(rand() * 10))
			sub(/0+$/, "", frac)
			v = int_ (frac == "" ? "" : "." frac)
			if (v != "0" && rand() < 0.5) v = "-" v
			print int(rand() * 7), v
			if (rand() < 0.05 && v != "0") print last, (v ~ /^-/ ? substr(v, 2) : "-" v)
			last = int(rand() * 7)
		}
	}'
}

@test "sums, minima and maxima are exact: random decimals against another implementation" {
	random_values 1 4000 >"$BATS_TEST_TMPDIR/values"
	{
		hello; probe; init ev/0:0
		awk -v inc=$inc -v gen=$gen '{
			printf "{\"op\":\"add\",\"metric\":\"m\",\"window_start\":\"2026-01-01T00:00:00Z\",\"window_end\":\"2026-01-01T00:01:00Z\",\"dims\":{},\"dims_hash\":\"%032d\",\"count\":1,\"value_count\":1,\"sum\":\"%s\",\"min\":\"%s\",\"max\":\"%s\"}\n", $1, $2, $2, $2
			printf "{\"$hta\":\"%s\",\"k\":\"bar\",\"e\":%d,\"gen\":\"%s\",\"r\":[{\"t\":\"ev\",\"p\":0,\"f\":%d,\"to\":%d}],\"acct\":[{\"s\":\"w\",\"in\":0,\"out\":0}]}\n", inc, NR, gen, NR - 1, NR
		}' "$BATS_TEST_TMPDIR/values"
		end
	} >"$BATS_TEST_TMPDIR/stream"
	sink <"$BATS_TEST_TMPDIR/stream"
	for g in 0 1 2 3 4 5 6; do
		r hmget {hta}:r:m:$m0:$(printf %032d $g) sum min max count | paste -sd' '
	done >"$BATS_TEST_TMPDIR/redis"
	feed sqlite3 -separator ' ' :memory: "create table v (g text, v text)" ".separator ' '" ".import $BATS_TEST_TMPDIR/values v" \
		"with s as (select g, decimal_sum(v) as s, count(*) as n from v group by g) select case when instr(s, '.') then rtrim(rtrim(s, '0'), '.') else s end, (select v from v where v.g = s.g order by v collate decimal limit 1),
		(select v from v where v.g = s.g order by v collate decimal desc limit 1), n from s order by g"
	expect "$BATS_TEST_TMPDIR/redis" <"$out"
}

@test "a sum comes to zero, leaves the range, or meets what is no number: 65, and nothing has changed" {
	sink < <(hello; probe; init ev/0:0; add a 0 1 -0.000000001; bar 1 ev/0:0:1; add a 0 1 0.000000001; bar 2 ev/0:1:2; end)
	[ "$(row a sum)" = 0 ]
	big=170141183460469231731687303715.884105726
	sink < <(hello; probe; add a 0 1 $big; add b 0 1 -$big; bar 3 ev/0:2:3; add a 0 1 0.000000001; bar 4 ev/0:3:4; end)
	[ "$(row a sum)" = 170141183460469231731687303715.884105727 ]
	sink_fails 65 < <(hello; probe; add b 0 1 -1; add a 0 1 0.000000001; bar 5 ev/0:4:5; end)
	says 'stored sum is not a number in range: 1701411834604692317'
	for field in count value_count sum min max; do
		before=$(row b $field)
		for wrong in x '' 1.2.3 -; do
			r hset {hta}:r:m:$m0:$(hash_of b) $field "$wrong"
			sink_fails 65 < <(hello; probe; add c 0 1 1; add b 0 1 0.5; bar 5 ev/0:4:5; end)
			says "stored $field is not a number in range: ?$wrong"
			[ -z "$(row c count)" ]
		done
		r hset {hta}:r:m:$m0:$(hash_of b) $field "$before"
	done
	[[ $(r hget {hta}:pos:web:redis%3Ahta ev/0) == "0 4 "* ]]
	sink < <(hello; probe; add c 0 1 1; add b 0 1 0.5; bar 5 ev/0:4:5; end)
	[ "$(row b sum)" = -170141183460469231731687303715.384105726 ]
}

@test "counts beyond 2^53 are exact" {
	sink < <(hello; probe; init ev/0:0; add a 0 9007199254740993 1; bar 1 ev/0:0:1; add a 0 9007199254740994 1; bar 2 ev/0:1:2; end)
	[ "$(row a count) $(row a value_count)" = "18014398509481987 18014398509481987" ]
	sink_fails 65 < <(hello; probe; add a 0 999999999999999999 1; bar 3 ev/0:2:3; end)
	[ "$(row a count)" = 18014398509481987 ]
}

@test "a schema that is somebody else's is 78, and --init is no way out" {
	for text in v7 '' 0 1.0 ' 1' 4294967297 -1; do
		r set {hta}:schema "$text" >/dev/null
		sink_fails 78 < <(hello; probe; end)
		says '\{hta\}:schema is somebody else.s: .*use another --prefix'
		not says '--init'
		fails_with 78 hta-query -d "$REDIS_URL" metrics
		[ "$(r get {hta}:schema)" = "$text" ]
		[ "$(r dbsize)" = 1 ]
	done
	r del {hta}:schema
	r rpush {hta}:schema x
	sink_fails 78 < <(hello; probe; end)
	says 'somebody else.s: use another --prefix'
}

@test "a key of another kind is 78 or 65, before anything is written" {
	sink < <(hello; probe; init ev/0:0; add a 0 1 1; bar 1 ev/0:0:1; end)
	for key in r:m:$m0:$(hash_of b) i:m:1767225660:1767225720 w:m x:m gone; do
		r rename "{hta}:$key" "{hta}:kept"
		r set "{hta}:$key" x
		sink_fails 78 < <(hello; probe; add a 0 1 1; add b 0 1 1; add a 1 1 1; bar 2 ev/0:1:2; end)
		says 'somebody else.s: use another --prefix'
		r del "{hta}:$key"
		r rename "{hta}:kept" "{hta}:$key"
	done
	[ "$(row a count)$(row b count)" = 1 ]
	[[ $(r hget {hta}:pos:web:redis%3Ahta ev/0) == "0 1 "* ]]
}

# ---- time to live

window() { echo $((base + 60 * $1)):$((base + 60 * $1 + 60)); } # MINUTE
minute_now() { echo $(($(date +%s) / 60 * 60)); }

@test "rows, sketches and indexes expire at the window's end + --ttl; a row past that is counted and named once" {
	base=$(($(minute_now) - 7200))
	ttl=1h sink < <(hello; probe; init ev/0:0; add a 0 1 1; add a 119 1 1; bar 1 ev/0:0:1; add a 1 1 1; add b 1 1 1; add a 119 1 1; bar 2 ev/0:1:2; end)
	says "row \\{hta\\}:r:m:$(window 0):$(hash_of a) is past its time to live \\(--ttl 1h\\) and not written"
	[ "$(grep -c 'time to live' <<<"$stderr")" = 1 ]
	cp "$out" "$out.1"
	feed jq -c 'select(.k == "bar") | .acct[1].expired' "$out.1"
	expect <<-'END'
		1
		2
	END
	[ "$(row a count "$(window 119)")" = 2 ]
	[ -z "$(row a count "$(window 0)")$(row a count "$(window 1)")" ]
	until=$((base + 60 * 120 + 3600))
	for key in r:m:$(window 119):$(hash_of a) i:m:$(window 119); do [ "$(r expiretime {hta}:$key)" = $until ]; done
	for key in w:m x:m gone metric schema job:web:redis%3Ahta pos:web:redis%3Ahta; do [ "$(r ttl {hta}:$key)" = -1 ]; done
	[ "$(r hget {hta}:gone m)" = $((base + 120)) ]
	feed r zrange {hta}:x:m 0 -1 withscores
	expect <<-END
		$(window 119)
		$until
	END
}

@test "without --ttl a window is kept for seven days" {
	start=$(($(date +%s) / 60 * 60))
	now=$(date -u -d "@$start" +%FT%TZ) end=$(date -u -d "@$((start + 60))" +%FT%TZ)
	echo '{"op":"set","metric":"d","window_start":"'"$now"'","window_end":"'"$end"'","dims":{},"dims_hash":"00112233445566778899aabbccddeeff","count":1}' >"$BATS_TEST_TMPDIR/row"
	feed hta-sink-redis --init <"$BATS_TEST_TMPDIR/row"
	left=$(r ttl "$(r keys '{hta}:r:d:*')")
	[ "$left" -gt $((7 * 86400 - 60)) ] && [ "$left" -le $((7 * 86400 + 120)) ]
}

@test "what has expired or was given up is not begun anew, whatever --ttl says later" {
	base=$(($(minute_now) - 7200))
	ttl=1h sink < <(hello; probe; init ev/0:0; add a 0 1 1; bar 1 ev/0:0:1; end)
	ttl=never sink < <(hello; probe; add a 0 1 1; add a 1 1 1; bar 2 ev/0:1:2; end)
	says 'has expired here once and is not begun anew'
	[ -z "$(row a count "$(window 0)")" ]
	[ "$(row a count "$(window 1)")" = 1 ]
	[ "$(r ttl "{hta}:r:m:$(window 1):$(hash_of a)")" = -1 ]
}

@test "a window that expires under the sink: its rows stay away, its entries go" {
	base=$(($(minute_now) - 60))
	{ hello; probe; init ev/0:0; add a 0 1 1; bar 1 ev/0:0:1; end; } >"$BATS_TEST_TMPDIR/first"
	# five seconds for what is done in a tenth of one: the sink, and a look at its row
	ttl=$(($(date +%s) - base - 60 + 6))s sink <"$BATS_TEST_TMPDIR/first"
	[ "$(row a count "$(window 0)")" = 1 ]
	key="{hta}:r:m:$(window 0):$(hash_of a)"
	wait_until 60 eval '[ "$(r exists "$key")" = 0 ]'
	ttl=1d sink < <(hello; probe; add a 0 1 1; add a 1 1 1; bar 2 ev/0:1:2; end)
	says 'past its time to live|has expired here once'
	[ "$(r exists "$key")" = 0 ]
	feed r zrange {hta}:w:m 0 -1
	expect <<-END
		$(window 1)
	END
	[ "$(r hget {hta}:gone m)" = $((base + 60)) ]
}

@test "a plain stream may lengthen the time of its windows, not shorten it" {
	base=$(($(minute_now) - 60))
	metric=m op=set add a 0 1 1 >"$BATS_TEST_TMPDIR/rows"
	expiries() { for k in r:m:$(window 0):$(hash_of a) i:m:$(window 0) w:m x:m; do r expiretime {hta}:$k; done | uniq; }
	for ttl in 1h:3600 2h:7200 1h:7200; do
		feed hta-sink-redis --init --ttl ${ttl%:*} <"$BATS_TEST_TMPDIR/rows"
		[ "$(expiries)" = $((base + 60 + ${ttl#*:})) ]
	done
	feed hta-sink-redis --ttl never <"$BATS_TEST_TMPDIR/rows"
	[ "$(expiries)" = -1 ]
	[ "$(r zscore {hta}:x:m "$(window 0)")" = inf ]
}

@test "an event dated 2199 does no harm to the latest window; the top is one range" {
	base=$(minute_now)
	sink < <(hello; probe; init ev/0:0; add a 0 5 1; add b 0 9 1; add c 0 7 1; add a -1 99 1; add a 90000000 1 1; bar 1 ev/0:0:1; end)
	feed r zrevrangebyscore {hta}:w:m "$(date +%s)" -inf limit 0 1
	expect <<-END
		$(window 0)
	END
	feed r zrevrange {hta}:i:m:"$(window 0)" 0 1
	expect <<-END
		$(hash_of b)
		$(hash_of c)
	END
}

# ---- uniques

# Rows of one minute with a sketch each, out of users a line "GROUP USER".
uniq_rows() { # OP
	awk '{ printf "{\"ts\":\"2026-01-01T00:00:00Z\",\"g\":\"%s\",\"u\":\"%s\"}\n", $1, $2 }' |
		hta-window --metric m --by g --uniq u | sed "s/\"op\":\"set\"/\"op\":\"$1\"/"
}

# All registers of a key: a dense one merged in makes it dense, whatever it was.
registers() { # KEY
	printf 'HYLL' | r -x set dense >/dev/null
	r setbit dense 98431 0 >/dev/null
	r pfmerge compared "$1" dense >/dev/null
	r --no-raw getrange compared 16 -1
	r del compared dense >/dev/null
}

@test "uniques: registers, PFCOUNT and PFMERGE are those of native PFADD, however they came together" {
	for g in 3 90 150 2000 30000; do seq $g | sed "s/^/g$g user-/"; done | shuf --random-source=<(yes) >"$BATS_TEST_TMPDIR/users"
	split -n l/6 "$BATS_TEST_TMPDIR/users" "$BATS_TEST_TMPDIR/part-"
	{
		hello; probe; init ev/0:0
		n=0
		for part in "$BATS_TEST_TMPDIR"/part-*; do
			uniq_rows add <"$part"
			bar $n ev/0:$n:$((n + 1))
			n=$((n + 1))
		done
		end
	} >"$BATS_TEST_TMPDIR/stream"
	sink <"$BATS_TEST_TMPDIR/stream"
	for g in 3 90 150 2000 30000; do
		hash=$(uniq_rows add <<<"g$g x" | jq -r .dims_hash)
		key={hta}:u:m:$m0:$hash
		seq $g | sed 's/^/user-/' | xargs -n 1000 redis-cli -u "$REDIS_URL" pfadd native-$g >/dev/null
		[ "$(r pfcount $key)" = "$(r pfcount native-$g)" ]
		[ "$(r hget {hta}:r:m:$m0:$hash uniq)" = "$(r pfcount native-$g)" ]
		[ "$(r pfcount $key native-$g)" = "$(r pfcount native-$g)" ]
		[ "$(registers $key)" = "$(registers native-$g)" ]
		[ "$(r strlen $key)" -le 12304 ]
	done
	[ "$(r exists {hta}:tmp)" = 0 ]
}

@test "uniques on a plain stream: equal again after a PFCOUNT, different with another user" {
	seq 300 | sed 's/^/a u/' | uniq_rows set >"$BATS_TEST_TMPDIR/rows"
	feed hta-sink-redis --init --ttl never <"$BATS_TEST_TMPDIR/rows"
	r pfcount $(r keys '*:u:*')
	feed hta-sink-redis --ttl never --dry-run <"$BATS_TEST_TMPDIR/rows"
	expect <<-'END'
		new 0, equal 1, different 0
	END
	seq 2 301 | sed 's/^/a u/' | uniq_rows set >"$BATS_TEST_TMPDIR/others"
	feed hta-sink-redis --ttl never --dry-run <"$BATS_TEST_TMPDIR/others"
	expect <<-'END'
		new 0, equal 0, different 1
	END
}

@test "a damaged sketch: refused where it is none, begun anew and told where only its inside is" {
	key={hta}:u:m:$m0:$(uniq_rows add <<<"a x" | jq -r .dims_hash)
	sink < <(hello; probe; init ev/0:0; uniq_rows add <<<"a x"; bar 1 ev/0:0:1; end)
	r set $key nonsense
	sink_fails 65 < <(hello; probe; uniq_rows add <<<"a y"; bar 2 ev/0:1:2; end)
	says 'stored uniq is not a HyperLogLog'
	r del $key
	r pfadd $key x
	r setrange $key 16 "$(printf '\\377\\377')"
	sink < <(hello; probe; uniq_rows add <<<"a y"; bar 2 ev/0:1:2; end)
	says '1 stored sketches were damaged'
	[ "$(r pfcount $key)" = 1 ]
}

# ---- reset

many_rows() { # ROWS WINDOWS
	awk -v n="$1" -v w="$2" 'BEGIN { for (i = 0; i < n; i++) printf "{\"op\":\"add\",\"metric\":\"m\",\"window_start\":\"2026-01-01T%02d:%02d:00Z\",\"window_end\":\"2026-01-01T%02d:%02d:30Z\",\"dims\":{\"i\":%d},\"dims_hash\":\"%08d%08d%08d%08d\",\"count\":1}\n", int(i % w / 60), i % w % 60, int(i % w / 60), i % w % 60, i, i * 7919 % 99999989, i * 104729 % 99999971, i, i }'
}

# Row i is in window i % WINDOWS: three of the two sets are the same.
@test "--reset deletes all of the job and nothing else, and says how many rows" {
	metric=p op=set add a 0 1 1 | feed hta-sink-redis --init --ttl never
	{ echo other; r set "{hta}x" 1; } >/dev/null
	kept=$(r dbsize)
	sink < <(hello "m 00000000000000aa" "n 00000000000000bb"; probe; init ev/0:0; many_rows 5000 3; bar 1 ev/0:0:1; many_rows 2500 1400; uniq_rows add <<<"a x"; metric=n add a 0 1 1; bar 2 ev/0:1:2; end)
	feed hta-sink-redis --reset web
	expect <<-'END'
		redis:hta: job web deleted: 7499 rows, its positions, metrics and dead records
	END
	[ "$(r dbsize)" = "$kept" ]
	sink < <(hello "m 00000000000000cc"; probe; init ev/0:0; add a 0 1 1; bar 1 ev/0:0:1; end)
	[ "$(row a count)" = 1 ]
}

@test "a reset that was cut short is 78 until it is finished" {
	sink < <(hello; probe; init ev/0:0; add a 0 1 1; bar 1 ev/0:0:1; end)
	r hset {hta}:job:web:redis%3Ahta resetting 1		# as the first step of a reset leaves it
	r hdel {hta}:job:web:redis%3Ahta generation
	sink_fails 78 < <(hello; probe; init ev/0:0; end)
	says 'finish it with .hta-sink-redis --reset web'
	feed hta-sink-redis --reset web
	[ "$(r dbsize)" = 1 ]
	sink < <(hello; probe; init ev/0:0; end)
}

@test "an epoch of 20,000 rows" {
	# the time is this test's, not that of who else is at work there
	own=$BATS_TEST_TMPDIR/own
	svc_start redis "$own"
	REDIS_URL=redis://127.0.0.1:$(<"$own/redis.port")/0
	sink < <(hello; probe; init ev/0:0; many_rows 20000 1; bar 1 ev/0:0:1; many_rows 20000 1; bar 2 ev/0:1:2; end)
	[ "$(r zcard {hta}:i:m:1767225600:1767225630)" = 20000 ]
	[ "$(r zcount {hta}:i:m:1767225600:1767225630 2 2)" = 20000 ]
	r config resetstat
	sink < <(hello; probe; many_rows 20000 1; bar 3 ev/0:2:3; end)
	usec=$(r info commandstats | sed -n 's/cmdstat_evalsha:.*usec=\([0-9]*\),.*/\1/p')
	echo "# 20,000 known rows of one count: $((usec / 1000)) ms in Redis" >&3
	[ "$usec" -lt 5000000 ]
}
