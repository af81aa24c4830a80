# hta-window over real input: what counts, where, in which order, and what people are told.
load ../helpers

# Rows in short: [start, dims, count, value_count, sum, min, max, uniq], as far as the metric has them.
short() { jq -c '[.window_start[11:19], .dims, .count, (select(has("value_count")) | .value_count, .sum, .min, .max), (select(has("uniq")) | .uniq)]' "${1:-$out}"; }

# Events on standard input, "SECOND MEMBERS" a line: seconds after 2026-01-01T00:00:00Z.
events() {
	local s rest
	while read -r s rest; do
		printf '{"ts":"%s"%s}\n' "$(date -u -d "@$((1767225600 + s))" +%FT%TZ)" "${rest:+,$rest}"
	done
}

# ---- rows ----

@test "a row, byte for byte" {
	feed hta-window --by endpoint,status --value v --uniq u <<-'END'
		{"ts":"2026-11-20T15:00:12.5Z","endpoint":"/a","status":200,"v":1.5,"u":"x"}
		{"ts":"2026-11-20T16:00:59.999999+01:00","endpoint":"/a","status":2e2,"v":-1,"u":"y"}
	END
	expect <<-'END'
		{"op":"set","metric":"events","window_start":"2026-11-20T15:00:00Z","window_end":"2026-11-20T15:01:00Z","dims":{"endpoint":"/a","status":200},"dims_hash":"3a3e2af82e33c119f953af6c4ad21bf8","count":2,"value_count":2,"sum":0.5,"min":-1,"max":1.5,"uniq":2,"uniq_sketch":"AQ6VAw/9gg=="}
	END
}

@test "without --value and --uniq a row has its count only; without --by no dimensions" {
	feed hta-window <<<'{"ts":"2026-11-20T15:00:12Z"}'
	expect <<-'END'
		{"op":"set","metric":"events","window_start":"2026-11-20T15:00:00Z","window_end":"2026-11-20T15:01:00Z","dims":{},"dims_hash":"99aa06d3014798d86001c324468d497f","count":1}
	END
}

@test "the hash of the dimensions is that of the documented input" {
	feed hta-window --by b,a,c,d,e,f <<<'{"ts":"2026-11-20T15:00:12Z","a":"x\n","b":1.50,"c":true,"d":false,"e":null}'
	jq -r .dims_hash "$out" >"$BATS_TEST_TMPDIR/got"
	dim() { printf '%b' "\\x$(printf %02x ${#1})\\0000\\0000\\0000$1$2\\x$(printf %02x "$3")\\0000\\0000\\0000$4"; }
	{ dim a s 2 'x\n'; dim b n 3 1.5; dim c t 0 ''; dim d f 0 ''; dim e 0 0 ''; dim f - 0 ''; } | xxhsum -H2 | cut -d' ' -f1 |
		expect "$BATS_TEST_TMPDIR/got"
}

@test "sums are exact in any order, and equal in any split over threads" {
	for i in $(seq 10); do echo '{"ts":"2026-11-20T15:00:12Z","v":0.1}'; done >"$BATS_TEST_TMPDIR/tenths"
	feed hta-window --value v "$BATS_TEST_TMPDIR/tenths"
	grep -q '"sum":1,' "$out"
	hta-gen --count 20000 --jitter 3m --hot-key-prob 0.3 >"$BATS_TEST_TMPDIR/in"
	shuf --random-source=<(yes) "$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/shuffled"
	local options=(--every 10s --by customer,endpoint --value latency_ms --uniq user_id)
	feed hta-window "${options[@]}" "$BATS_TEST_TMPDIR/in"
	mv "$out" "$BATS_TEST_TMPDIR/want"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/want")" -gt 5000 ]
	local run
	for run in '<shuffled' '-j 3 shuffled' '-j 2 <in' '-j 2 - <in' '-j 4 in'; do
		(cd "$BATS_TEST_TMPDIR" && pipe "hta-window ${options[*]} $run" | cmp - want) || { echo "$run"; return 1; }
	done
	pipe "cat '$BATS_TEST_TMPDIR/shuffled' | hta-window ${options[*]} -j 3" | cmp - "$BATS_TEST_TMPDIR/want"
}

@test "rows come by metric, window and dimensions: missing, null, false, true, numbers, strings" {
	feed hta-window --metric z --by k --metric a --every 1h <<-'END'
		{"ts":"2026-01-01T00:01:00Z","k":"b"}
		{"ts":"2026-01-01T00:00:00Z","k":"10"}
		{"ts":"2026-01-01T00:00:00Z","k":"a"}
		{"ts":"2026-01-01T00:00:00Z","k":1000}
		{"ts":"2026-01-01T00:00:00Z","k":200}
		{"ts":"2026-01-01T00:00:00Z","k":-1}
		{"ts":"2026-01-01T00:00:00Z","k":true}
		{"ts":"2026-01-01T00:00:00Z","k":false}
		{"ts":"2026-01-01T00:00:00Z","k":null}
		{"ts":"2026-01-01T00:00:00Z"}
		{"ts":"2026-01-01T00:00:00Z","k":""}
	END
	jq -c '[.metric,.window_start[11:16],.dims,.count]' "$out" >"$BATS_TEST_TMPDIR/got"
	expect "$BATS_TEST_TMPDIR/got" <<-'END'
		["z","00:00",{},1]
		["z","00:00",{"k":null},1]
		["z","00:00",{"k":false},1]
		["z","00:00",{"k":true},1]
		["z","00:00",{"k":-1},1]
		["z","00:00",{"k":200},1]
		["z","00:00",{"k":1000},1]
		["z","00:00",{"k":""},1]
		["z","00:00",{"k":"10"},1]
		["z","00:00",{"k":"a"},1]
		["z","00:01",{"k":"b"},1]
		["a","00:00",{},11]
	END
}

@test "values: missing and null ones are in count only" {
	feed hta-window --value a.v <<-'END'
		{"ts":"2026-01-01T00:00:00Z","a":{"v":2}}
		{"ts":"2026-01-01T00:00:00Z","a":{"v":null}}
		{"ts":"2026-01-01T00:00:00Z","a":{}}
		{"ts":"2026-01-01T00:00:00Z","a":5}
		{"ts":"2026-01-01T00:01:00Z"}
	END
	short >"$BATS_TEST_TMPDIR/got"
	expect "$BATS_TEST_TMPDIR/got" <<-'END'
		["00:00:00",{},4,1,2,2,2]
		["00:01:00",{},1,0,null,null,null]
	END
}

@test "event times: any offset and fraction, numbers with a unit, floor to the window" {
	feed hta-window --every 1s --time t --time-unit ms <<-'END'
		{"t":"2026-01-01T05:30:00.9999999+05:30"}
		{"t":"2026-01-01 00:00:00z"}
		{"t":1767225600999}
		{"t":1767225600999.999}
		{"t":1.767225601e12}
		{"t":0}
		{"t":"2199-12-31T23:59:59.999Z"}
	END
	jq -c '[.window_start,.count]' "$out" >"$BATS_TEST_TMPDIR/got"
	expect "$BATS_TEST_TMPDIR/got" <<-'END'
		["1970-01-01T00:00:00Z",1]
		["2026-01-01T00:00:00Z",4]
		["2026-01-01T00:00:01Z",1]
		["2199-12-31T23:59:59Z",1]
	END
	for unit in s:1767225600.5 us:1767225600500000 ns:1767225600500000000; do
		feed hta-window --time-unit ${unit%:*} <<<"{\"ts\":${unit#*:}}"
		grep -q '"window_start":"2026-01-01T00:00:00Z"' "$out"
	done
}

# What hta-window takes each text on standard input for, in the file $times, a line each: its time
# in UTC, behind it the text; then what is bad, "- REASON".
times_of() { # OPTIONS...
	local texts=$BATS_TEST_TMPDIR/texts dead=$BATS_TEST_TMPDIR/dead
	times=$BATS_TEST_TMPDIR/times
	jq -Rc '{ts: ., text: .}' >"$texts"
	rm -f "$dead"
	feed hta-window "$@" --every 1ms --by text --dead "$dead" "$texts"
	jq -r '"\(.window_start) \(.dims.text)"' "$out" >"$times"
	[ ! -e "$dead" ] || jq -r '"- \(.reason)"' "$dead" >>"$times"
}

@test "event times: any form that is clear by itself" {
	times_of <<-'END'
		2026-01-01T00:00:01+0100
		2026-01-01T01:00:02+01
		2026-01-01T01:00:03+01:00
		2026-01-01T01:00:04,250+0100
		2026-01-01 00:00:05.250Z
		2026-01-01 00:00:06 +0000
		2026-01-01 00:00:07 UTC
		2025-12-31T18:30-05:30
		2026-01-01T00:01Z
		2026-01-01t00:01:59.9999999z
		2026-01-01T00:02:60,9Z
		2026-01-01T00:03:01-00:00
	END
	expect "$times" <<-'END'
		2025-12-31T23:00:01Z 2026-01-01T00:00:01+0100
		2026-01-01T00:00:00Z 2025-12-31T18:30-05:30
		2026-01-01T00:00:02Z 2026-01-01T01:00:02+01
		2026-01-01T00:00:03Z 2026-01-01T01:00:03+01:00
		2026-01-01T00:00:04.250Z 2026-01-01T01:00:04,250+0100
		2026-01-01T00:00:05.250Z 2026-01-01 00:00:05.250Z
		2026-01-01T00:00:06Z 2026-01-01 00:00:06 +0000
		2026-01-01T00:00:07Z 2026-01-01 00:00:07 UTC
		2026-01-01T00:01:00Z 2026-01-01T00:01Z
		2026-01-01T00:01:59.999Z 2026-01-01t00:01:59.9999999z
		2026-01-01T00:03:00Z 2026-01-01T00:02:60,9Z
		2026-01-01T00:03:01Z 2026-01-01T00:03:01-00:00
	END
}

@test "event times that need an option: the reason names it" {
	times_of <<-'END'
		2026-01-01T00:00:00
		2026-01-01 00:00
		1732800000000000
		10/Oct/2000:13:55:36 -0700
		[10/Oct/2000:13:55:36 -0700]
		Sun, 06 Nov 1994 08:49:37 GMT
		2026-01-01
		2026/01/01 00:00:00
		Fri Nov 28 15:58:00 UTC 2026
		yesterday
	END
	local ts='- metric events: ts is' none='- metric events: ts is a string, but no RFC 3339 time'
	local which='says where its clock stands'
	expect "$times" <<-END
		$ts a time without an offset: --zone NAME (Europe/Berlin, UTC, +01:00) $which
		$ts a time without an offset: --zone NAME (Europe/Berlin, UTC, +01:00) $which
		$ts a string: a number in quotes, and only --time-unit s, ms, us or ns can tell which time
		$none: --time-format clf reads it
		$none: --time-format clf reads it
		$none: --time-format http reads it
		$none: --time-format '%Y-%m-%d' with --zone NAME reads it
		$none: --time-format '%Y/%m/%d %H:%M:%S' with --zone NAME reads it
		$none: --time-format '%a %b %d %H:%M:%S %Z %Y' reads it
		$none (2026-11-20T15:00:00Z); --time-format says how other times are written
	END
	# and so it does
	times_of --time-format '%a %b %d %H:%M:%S %Z %Y' <<<'Fri Nov 28 15:58:00 UTC 2026'
	expect "$times" <<<'2026-11-28T15:58:00Z Fri Nov 28 15:58:00 UTC 2026'
}

@test "epoch times in quotes: journald's, nginx', with the unit" {
	times_of --time-unit us <<-'END'
		1732800000000000
		1732800000000999.9
		2024-11-28T13:20:01Z
	END
	expect "$times" <<-'END'
		2024-11-28T13:20:00Z 1732800000000000
		2024-11-28T13:20:00Z 1732800000000999.9
		2024-11-28T13:20:01Z 2024-11-28T13:20:01Z
	END
	times_of --time-unit s <<-'END'
		1732800000.123
		1.7328e9
		 1732800000
		1732800000s
		01732800000
		-1
	END
	local none='- metric events: ts is a string, but no RFC 3339 time (2026-11-20T15:00:00Z);'
	expect "$times" <<-END
		2024-11-28T13:20:00Z 1.7328e9
		2024-11-28T13:20:00.123Z 1732800000.123
		$none --time-format says how other times are written
		$none --time-format says how other times are written
		$none --time-format says how other times are written
		- metric events: ts is outside of the years 1970 to 2199
	END
}

@test "local times with --zone: what came twice and what never was is told and counted" {
	times_of --zone Europe/Berlin <<-'END'
		2026-01-01T01:00:00
		2026-03-29T01:59:59
		2026-03-29T02:30:00
		2026-03-29 03:30:01,5
		2026-10-25T02:30
		2026-10-25T02:30:01+0100
		2026-10-25T03:00
		2026-07-01T00:00:00Z
	END
	expect "$times" <<-'END'
		2026-01-01T00:00:00Z 2026-01-01T01:00:00
		2026-03-29T00:59:59Z 2026-03-29T01:59:59
		2026-03-29T01:30:00Z 2026-03-29T02:30:00
		2026-03-29T01:30:01.500Z 2026-03-29 03:30:01,5
		2026-07-01T00:00:00Z 2026-07-01T00:00:00Z
		2026-10-25T00:30:00Z 2026-10-25T02:30
		2026-10-25T01:30:01Z 2026-10-25T02:30:01+0100
		2026-10-25T02:00:00Z 2026-10-25T03:00
	END
	says '^hta-window: 1 local times came twice where the clock of --zone Europe/Berlin was set back'
	says '^hta-window: 1 local times never were where the clock of --zone Europe/Berlin was set forward'
	times_of --zone +05:30 <<<$'2026-01-01T00:00\n2026-01-01T00:00:01Z'
	expect "$times" <<-'END'
		2025-12-31T18:30:00Z 2026-01-01T00:00
		2026-01-01T00:00:01Z 2026-01-01T00:00:01Z
	END
	[ -z "$stderr" ]
}

@test "times do not depend on TZ, the locale or the number of threads" {
	local i env window=(hta-window --zone America/New_York --time-format '%d %B %Y %T' --every 1h)
	cd "$BATS_TEST_TMPDIR"
	for i in $(seq 0 5 20000); do
		printf '{"ts":"%(%d %B %Y %H:%M:%S)T"}\n' $((1774500000 + i * 60))
	done >in
	feed "${window[@]}" in
	mv "$out" want
	[ "$(wc -l <want)" -gt 200 ]
	for env in TZ=Asia/Tokyo LC_ALL=de_DE.UTF-8 LC_ALL=C TZ=:/nowhere; do
		for i in 1 3; do
			feed env "$env" "${window[@]}" -j $i in
			cmp "$out" want
		done
	done
}

@test "local times that were not clear are in the counters" {
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	exec 7<>"$BATS_TEST_TMPDIR/fifo"
	spawn local hta-window --zone Europe/Berlin <"$BATS_TEST_TMPDIR/fifo" 7>&-
	printf '{"ts":"2026-%s"}\n' 10-25T02:30 10-25T02:59:59 03-29T02:00 03-29T03:00 >&7
	wait_until 60 counters '.times_twice == 2 and .times_skipped == 1 and .aggregated == 4'
	exec 7>&-
	exits_with 0 60
}

counters() { hta-top --json | jq -e ".stages[0].counters | $1"; } # CONDITION

@test "--time-format: access logs, HTTP, patterns" {
	times_of --time-format clf <<-'END'
		10/Oct/2000:13:55:36 -0700
		[10/Oct/2000:13:55:37 -0700]
		2000-10-10T13:55:36Z
		10/Oct/2000:13:55:61 -0700
	END
	expect "$times" <<-'END'
		2000-10-10T20:55:36Z 10/Oct/2000:13:55:36 -0700
		2000-10-10T20:55:37Z [10/Oct/2000:13:55:37 -0700]
		- metric events: ts is a string, but no time of --time-format clf
		- metric events: ts is a string, but no time of --time-format clf
	END
	times_of --time-format http <<-'END'
		Sun, 06 Nov 1994 08:49:37 GMT
		Sunday, 06-Nov-94 08:49:38 GMT
		Sun Nov  6 08:49:39 1994
	END
	expect "$times" <<-'END'
		1994-11-06T08:49:37Z Sun, 06 Nov 1994 08:49:37 GMT
		1994-11-06T08:49:38Z Sunday, 06-Nov-94 08:49:38 GMT
		1994-11-06T08:49:39Z Sun Nov  6 08:49:39 1994
	END
	times_of --zone Europe/Berlin --time-format '%d/%m/%Y %I:%M:%S.%f %p %Z' <<-'END'
		25/10/2026 02:30:00.123456789 AM CEST
		25/10/2026 2:30:00.1 am CET
		01/07/2026 12:00:00.0 PM UTC
		01/07/2026 12:00:00.0 PM EST
	END
	expect "$times" <<-'END'
		2026-07-01T12:00:00Z 01/07/2026 12:00:00.0 PM UTC
		2026-10-25T00:30:00.123Z 25/10/2026 02:30:00.123456789 AM CEST
		2026-10-25T01:30:00.100Z 25/10/2026 2:30:00.1 am CET
		- metric events: ts is a time of another zone than --zone Europe/Berlin
	END
	[ -z "$stderr" ]
	# slashes as PHP writes them, numbers by their form, or by their unit beside one
	feed hta-window --time-format clf <<<'{"ts":"10\/Oct\/2000:13:55:36 -0700"}'
	grep -q '"window_start":"2000-10-10T20:55:00Z"' "$out"
	feed hta-window --time-format %Y%m%d%H%M%S --zone UTC <<<'{"ts":20260101000000}'
	grep -q '"window_start":"2026-01-01T00:00:00Z"' "$out"
	feed hta-window --time-format %F --time-unit s --zone UTC \
		<<<$'{"ts":"2026-01-01"}\n{"ts":1767225601}\n{"ts":"1767225602.5"}'
	grep -q '"window_start":"2026-01-01T00:00:00Z".*"count":3' "$out"
}

@test "zones and forms that are none are told before anything is read" {
	local form
	fails_with 64 hta-window --zone Europe/Berln
	says '"Europe/Berln" is no time zone .*none of that name in '
	fails_with 64 hta-window --zone ../../etc/passwd
	fails_with 64 hta-window --zone ''
	fails_with 64 hta-window --zone localtime
	fails_with 64 hta-window --zone +25:00
	fails_with 78 env TZDIR=/nowhere hta-window --zone Europe/Berlin
	says 'no folder /nowhere .*install tzdata, or give an offset'
	TZDIR=/nowhere feed hta-window --zone UTC <<<'{"ts":"2026-01-01T00:00"}'
	mkdir "$BATS_TEST_TMPDIR/zones"
	printf 'TZif2' >"$BATS_TEST_TMPDIR/zones/Torn"
	fails_with 78 env TZDIR="$BATS_TEST_TMPDIR/zones" hta-window --zone Torn
	says 'time zone Torn: the file is damaged'
	for form in '' clff %H:%M %m/%d '%b %e %T' %Y-%m %c '%F %I:%M' '%F %Y' %; do
		fails_with 64 hta-window --time-format "$form"
	done
	says '% is not known, there are %Y'
	fails_with 64 hta-window --time-format '%b %e %T'
	says 'it has no year \(%Y\), so it fixes no time'
	fails_with 64 hta-window --time-format '%F %T'
	says '%Y-%m-%d %H:%M:%S has no offset \(%z\): --zone NAME'
}

# The last rows, "id start" a line.
by_id() { jq -r '"\(.dims.id) \(.window_start)"' "$out" | sort -n; }

@test "every change of the clock in many zones, as python's zoneinfo has it" {
	local zone n=0 twice skipped times=$BATS_TEST_DIRNAME/times.py
	cd "$BATS_TEST_TMPDIR"
	while read -r zone; do
		read -r twice skipped < <(python3 "$times" zone "$zone" .)
		feed hta-window --zone "$zone" --every 1ms --by id in
		by_id | cmp - want || { echo "$zone"; return 1; }
		[ "$twice" = 0 ] || says "^hta-window: $twice local times came twice"
		[ "$skipped" = 0 ] || says "^hta-window: $skipped local times never were"
		n=$((n + twice + skipped))
	done < <(python3 "$times" zones)
	[ $n -gt 10000 ]
}

@test "patterns, as python writes them" {
	local i form
	cd "$BATS_TEST_TMPDIR"
	for i in $(seq 40); do
		form=$(python3 "$BATS_TEST_DIRNAME/times.py" pattern "${HTA_SEED:-1}" "$i" .)
		feed hta-window --zone UTC --time-format "$form" --every 1ms --by id in
		by_id | cmp - want || { echo "$form"; return 1; }
		[ "$(wc -l <want)" = 200 ]
	done
}

@test "numbers in quotes are numbers where --value asks for them, and strings as dimensions" {
	cd "$BATS_TEST_TMPDIR"
	values() { printf '{"ts":"2026-01-01T00:00:00Z","v":%s}\n' "$@" >in; }
	values '"0.014"' '"-"' '""' '"0.014, 0.020"' '"1,5"' '" 1"' '"01"' '".5"' '"1e3"' '"\u0031"' 0.5 null
	for threads in 1 2; do
		rm -f dead
		feed hta-window -j $threads --value v --dead dead in
		jq -c '[.count, .value_count, .sum, .min, .max]' "$out" >got
		expect got <<<'[5,4,1001.514,0.014,1000]'
		jq -r '"\(.line) \(.reason)"' dead >got
		printf '%d metric events: v is a string, not a number\n' 2 3 4 5 6 7 8 | expect got
	done
	values '"200"' 200
	feed hta-window --by v --value v in
	jq -c '[.dims.v, .sum]' "$out" >got
	expect got <<<$'[200,200]\n["200",200]'
	values '"0.0000000015"'
	feed hta-window --value v in
	says '1 values had more than nine decimals'
	fails_with 65 hta-window --value v --exact in
	values '"1e21"'
	fails_with 65 hta-window --value v in
	says 'v is out of range'
}

@test "zone and form are part of what a stored metric means" {
	cd "$BATS_TEST_TMPDIR"
	printf '{"ts":"%s"}\n' '01.07.2026 12:00:00' '01.07.2026 12:01:00' >in
	job() {
		bash -o pipefail -c 'hta-consume --job j in | hta-window "$@" |
			hta-sink-sqlite --init db | hta-commit' bash "$@"
	}
	feed job --zone Europe/Berlin --time-format '%d.%m.%Y %T'
	sqlite3 db 'select substr(window_start, 1, 16) from hta_rollups order by 1' >got
	expect got <<<$'2026-07-01T10:00\n2026-07-01T10:01'
	sqlite3 db 'select definition from hta_metric' | jq -c '[.zone, .format]' >got
	expect got <<<'["Europe/Berlin","%d.%m.%Y %H:%M:%S"]'
	feed job --time-format '%d.%m.%Y %H:%M:%S' --zone Europe/Berlin
	fails_with 78 job --zone Europe/Paris --time-format '%d.%m.%Y %T'
	says 'Europe/Paris'
}

@test "windows shorter than a second, and of a day" {
	feed hta-window --every 250ms <<<'{"ts":"2026-01-01T00:00:00.800Z"}'
	grep -q '"window_start":"2026-01-01T00:00:00.750Z","window_end":"2026-01-01T00:00:01Z"' "$out"
	feed hta-window --every 1d <<<'{"ts":"2026-01-01T13:00:00.800Z"}'
	grep -q '"window_start":"2026-01-01T00:00:00Z","window_end":"2026-01-02T00:00:00Z"' "$out"
}

@test "input as people have it: CRLF, blank lines, equal keys, no newline at the end, several files" {
	printf '{"ts":"2026-01-01T00:00:00Z","k":1,"k":2}\r\n\r\n \t\n' >"$BATS_TEST_TMPDIR/a"
	printf ' { "ts" : "2026-01-01T00:00:00Z" , "k" : 2 } ' >"$BATS_TEST_TMPDIR/b"
	for threads in 1 2; do
		feed hta-window -j $threads --by k "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b" - <<<'{"ts":"2026-01-01T00:00:00Z","k":2.0}'
		short >"$BATS_TEST_TMPDIR/got"
		expect "$BATS_TEST_TMPDIR/got" <<-'END'
			["00:00:00",{"k":2},3]
		END
	done
}

@test "a file without a line, or with blank ones only, has no rows" {
	feed hta-window </dev/null
	expect </dev/null
	feed hta-window -j 2 --by nothing <<<$'\n \n'
	expect </dev/null
	[ -z "$stderr" ]
}

@test "look-alikes of control records in a plain stream are data" {
	feed pipe "printf '%s\n' '{\"\$hta\":\"0123456789abcdef\",\"k\":\"end\",\"ts\":\"2026-01-01T00:00:00Z\"}' | hta-window"
	[ "$(wc -l <"$out")" = 1 ]
	# a hello is one on a pipe only
	feed hta-window --dead drop - <<<'{"$hta":"hello","v":1,"inc":"0123456789abcdef","job":"j","group":null,"unit":"byte","ack":"/x","stages":[],"ts":"2026-01-01T00:00:00Z"}'
	[ "$(wc -l <"$out")" = 1 ]
}

# ---- metrics ----

@test "options before the first --metric are everybody's, those after one are its own" {
	feed hta-window --by k --value v --metric one --metric two --every 1h --by '' --metric three --value '' --by l <<-'END'
		{"ts":"2026-01-01T00:00:00Z","k":1,"v":2,"l":3}
	END
	jq -c '[.metric,.window_end[11:16],.dims,.sum]' "$out" >"$BATS_TEST_TMPDIR/got"
	expect "$BATS_TEST_TMPDIR/got" <<-'END'
		["one","00:01",{"k":1},2]
		["two","01:00",{},2]
		["three","00:01",{"l":3},null]
	END
}

@test "an empty --agg takes everybody's measures away" {
	feed hta-window --agg 'avg(v)' --metric one --metric two --agg '' --metric three --agg '' --agg 'w=avg(v)' <<<'{"ts":"2026-01-01T00:00:00Z","v":2}'
	jq -c '[.metric,.measures]' "$out" >"$BATS_TEST_TMPDIR/got"
	expect "$BATS_TEST_TMPDIR/got" <<-'END'
		["one",{"avg_v":2}]
		["two",null]
		["three",{"w":2}]
	END
}

@test "wrong options are told before anything is read" {
	fails_with 64 hta-window --metric a --metric a
	says 'two metrics are called a'
	fails_with 64 hta-window --every 60
	says '"60" is not a duration'
	fails_with 64 hta-window --every 0s
	says '1ms to 366d'
	fails_with 64 hta-window --by a..b
	fails_with 64 hta-window --by a,b,a
	says 'two dimensions are called a'
	fails_with 64 hta-window --time-unit m
	says 'none of s, ms, us, ns'
	fails_with 64 hta-window --lateness -5s
	fails_with 64 hta-window --metric ''
	fails_with 64 hta-window -j 0
	fails_with 64 hta-window --max-groups 0
	fails_with 64 hta-window --valeu x
	says 'did you mean'
}

@test "paths as in jq: dots, quotes, brackets" {
	feed hta-window --by '.a.b,."c.d",.e["f,g"]' <<<'{"ts":"2026-01-01T00:00:00Z","a":{"b":1},"c.d":2,"e":{"f,g":3}}'
	grep -qF '"dims":{"a.b":1,"c.d":2,"e.f,g":3}' "$out"
}

@test "a path that no line had is named" {
	feed hta-window --by enpoint,k --value v --uniq v.w <<-'END'
		{"ts":"2026-01-01T00:00:00Z","k":1,"v":null}
	END
	says 'none of the 1 lines has enpoint \(--by of metric events\)'
	says 'none of the 1 lines has v.w \(--uniq of metric events\)'
	[ "$(grep -c misspelt <<<"$stderr")" = 2 ]
}

@test "an endless input is told after 10,000 lines, once" {
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	exec 7<>"$BATS_TEST_TMPDIR/fifo"
	spawn endless hta-window --by enpoint <"$BATS_TEST_TMPDIR/fifo" 7>&-
	hta-gen --count 10200 >&7
	wait_until 60 grep -q 'none of the first .* lines has enpoint' "$BATS_TEST_TMPDIR/endless.err"
	hta-gen --count 20000 >&7
	exec 7>&-
	exits_with 0 60
	[ "$(grep -c enpoint "$BATS_TEST_TMPDIR/endless.err")" = 1 ]
}

# ---- bad lines ----

bad_lines() {
	cat <<-'END'
		{"ts":"2026-01-01T00:00:00Z","v":1}
		not json
		[]
		{"v":1}
		{"ts":null}
		{"ts":1767225600}
		{"ts":"soon"}
		{"ts":"1969-12-31T23:59:59Z"}
		{"ts":"2200-01-01T00:00:00Z"}
		{"ts":"2026-01-01T00:00:00Z","v":"one"}
		{"ts":"2026-01-01T00:00:00Z","v":1e21}
		{"ts":"2026-01-01T00:00:00Z","k":["a"]}
		{"ts":"2026-01-01T00:00:00Z","k":"\ud800"}
		{"ts":"2026-01-01T00:00:00Z","k":"a\u0000b"}
		{"ts":"2026-01-01T00:00:00Z","u":{}}
		{"ts":"2026-01-01T00:00:00Z","v":1,"x":"\q"}
	END
	printf '{"ts":"2026-01-01T00:00:00Z","k":"%05000d"}\n' 0
	printf '{"ts":"2026-01-01T00:00:00Z","x":"\xff"}\n{"ts":"2026-01-01T00:00:00Z"}\0\n'
	printf '{"ts":"2026-01-01T00:00:00Z","x":"%010000000d"}\n' 0
	echo '{"ts":"2026-01-01T00:00:00Z","v":2}'
}

@test "bad lines: the first few are told, the others counted, rows printed, exit 65" {
	bad_lines >"$BATS_TEST_TMPDIR/in"
	for threads in 1 2; do
		fails_with 65 hta-window -j $threads --by k --value v --uniq u "$BATS_TEST_TMPDIR/in"
		short >"$BATS_TEST_TMPDIR/got"
		expect "$BATS_TEST_TMPDIR/got" <<-'END'
			["00:00:00",{},2,2,3,1,2,0]
		END
		says "in:2: "
		says "in:6: metric events: ts is a number, and only --time-unit"
		says '19 of 21 lines were bad'
		[ "$(grep -c 'in:[0-9]*: ' <<<"$stderr")" = 5 ]
	done
}

@test "bad lines: each reason, in a file, in their order, whatever the threads" {
	bad_lines >"$BATS_TEST_TMPDIR/in"
	for threads in 1 3; do
		rm -f "$BATS_TEST_TMPDIR/dead"
		feed hta-window -j $threads --by k --value v --uniq u --dead "$BATS_TEST_TMPDIR/dead" "$BATS_TEST_TMPDIR/in"
		jq -r '"\(.line) \(.reason)"' "$BATS_TEST_TMPDIR/dead" | sed -E 's/^(2|3|16|18|19) .*/\1 -/' >"$BATS_TEST_TMPDIR/got"
		expect "$BATS_TEST_TMPDIR/got" <<-'END'
			2 -
			3 -
			4 metric events: ts is missing
			5 metric events: ts is null
			6 metric events: ts is a number, and only --time-unit s, ms, us or ns can tell which time
			7 metric events: ts is a string, but no RFC 3339 time (2026-11-20T15:00:00Z); --time-format says how other times are written
			8 metric events: ts is outside of the years 1970 to 2199
			9 metric events: ts is outside of the years 1970 to 2199
			10 metric events: v is a string, not a number
			11 metric events: v is out of range (beyond +-1e20)
			12 metric events: k is an array, not a string, number or boolean
			13 metric events: k has half of a surrogate pair, which no store can hold
			14 metric events: k has a NUL (\u0000), which no store can hold
			15 metric events: u is an object, not a string, number or boolean
			16 -
			17 metric events: k is longer than 4096 bytes
			18 -
			19 -
			20 line of 10000036 bytes, longer than --max-line
		END
		# what is kept is the record
		jq -r 'select(.line == 10) | .record' "$BATS_TEST_TMPDIR/dead" | grep -qxF '{"ts":"2026-01-01T00:00:00Z","v":"one"}'
		jq -e 'select(.line == 20) | .size == 10000036 and (.record | length) == 65536' "$BATS_TEST_TMPDIR/dead"
	done
}

@test "a byte order mark in front of a line costs nothing: a file, a pipe, any line, any thread" {
	local mark=$'\xef\xbb\xbf' run
	cd "$BATS_TEST_TMPDIR"
	hta-gen --count 5000 >plain
	{ printf %s "$mark"; head -n 2500 plain; echo "$mark"; printf '%s \t' "$mark"; sed -n '2501p' plain; tail -n +2502 plain | sed "7s/^/$mark/; 8s/^/$mark/; s/\$/\r/"; } >marked
	hta-window --by endpoint,status --value latency_ms plain >want
	for run in marked '<marked' '-j 3 marked' '- <marked'; do
		feed pipe "hta-window --by endpoint,status --value latency_ms $run"
		cmp "$out" want
	done
	feed pipe 'cat marked | hta-window --by endpoint,status --value latency_ms'
	cmp "$out" want
	# what is bad behind it is told as it stands, by its own line and byte
	printf '%s{"ts":"2026-01-01T00:00:00Z"}\n%s{"ts":1}\n%s{"ts":"2026-01-01T00:00:00Z",}\n%s%s{}\n{%s}\n' "$mark" "$mark" "$mark" "$mark" "$mark" "$mark" >in
	feed hta-window --dead dead in
	grep -q '"count":1}' "$out"
	jq -r '"\(.line) \(.reason[0:40])"' dead >got
	expect got <<-'END'
		2 metric events: ts is a number, and only 
		3 byte 33: a member's name expected, not }
		4 byte 4: a value expected, not byte 0xef
		5 byte 2: a member's name expected, not by
	END
	[ "$(jq -r 'select(.line == 2) | .record' dead)" = "$mark"'{"ts":1}' ]
}

@test "JSON over several lines is refused with one hint, and no element of it counted" {
	cd "$BATS_TEST_TMPDIR"
	local i t='"ts":"2026-01-01T00:00:00Z"' mark=$'\xef\xbb\xbf'
	printf '{%s,"k":"%s"}\n' "$t" a "$t" b >lines
	jq . lines >objects
	jq -s . lines >array
	printf '[\n{%s},\n{%s}\n]\n' "$t" "$t" >elements
	printf '[{%s},\n{%s}]\n' "$t" "$t" >tight
	printf '{%s},\n{%s}\n' "$t" "$t" >commas
	printf '{"events":[\n{%s},\n{%s}\n]}\n' "$t" "$t" >inside
	printf '%s[\r\n{%s},\r\n{%s}\r\n]\r\n' "$mark" "$t" "$t" >windows
	for i in objects array elements tight commas inside windows; do
		fails_with 65 hta-window --by k $i
		[ ! -s "$out" ]
		[ "$(wc -l <<<"$stderr")" = 1 ]
		says "^hta-window: $i:1: JSON over several lines, .*: jq -c \\. .* jq -c '\\.\\[\\]' .*; nothing of this input is counted"
	done
	for i in 'elements --dead drop' 'elements --dead dead' '-j 2 elements' '<elements' '--lateness 1h <elements' '-j 2 <elements' '- <elements'; do
		fails_with 65 pipe "hta-window --by k $i"
		[ ! -s "$out" ]
		says ':1: JSON over several lines'
	done
	# the hint works
	jq -c . objects | hta-window --by k | cmp - <(hta-window --by k lines)
	jq -c '.[]' array | hta-window --by k | cmp - <(hta-window --by k lines)
	# further down it is a bad line like others, with the hint as its reason; a line that was cut off says so
	{ cat lines objects; printf '[{%s}]\n{%s,\n{%s\n' "$t" "$t" "$t"; } >mixed
	feed hta-window --by k --dead dead mixed
	[ "$(jq -r .count "$out" | paste -sd+)" = 1+1 ]
	jq -r '"\(.line) \(.reason[0:27])"' dead >got
	expect got <<-'END'
		3 JSON over several lines, an
		4 JSON over several lines, an
		5 JSON over several lines, an
		6 JSON over several lines, an
		7 JSON over several lines, an
		8 JSON over several lines, an
		9 JSON over several lines, an
		10 JSON over several lines, an
		11 an array, and a line is one
		12 JSON over several lines, an
		13 byte 29: , or } expected, b
	END
	# an array longer than a line may be
	{ printf '['; for i in $(seq 100); do printf '{%s},' "$t"; done; printf '{%s}]\n' "$t"; } >long
	fails_with 65 hta-window --max-line 1k long
	says "long:1: line of [0-9]* bytes, longer than --max-line, and an array: jq -c '\\.\\[\\]'"
}

@test "UTF-16 is named, with the command that converts it" {
	cd "$BATS_TEST_TMPDIR"
	hta-gen --count 20 >plain
	hta-window --by endpoint plain >want
	for form in UTF-16 UTF-16LE UTF-16BE; do
		iconv -f UTF-8 -t $form plain >utf16
		fails_with 65 hta-window --dead drop utf16
		[ ! -s "$out" ]
		says '^hta-window: utf16:1: UTF-16, and lines are UTF-8: iconv -f UTF-16 -t UTF-8 converts it; nothing'
		# further down, where a newline has cut between its two bytes
		{ head -n 1 plain; cat utf16; } >mixed
		feed hta-window --dead dead mixed
		[ "$(jq -r '.reason[0:6]' dead | sort -u)" = UTF-16 ]
		rm dead
	done
	iconv -f UTF-8 -t UTF-16 plain | iconv -f UTF-16 -t UTF-8 | hta-window --by endpoint | cmp - want
}

@test "a schema registry's framing is named, and cut off as the manual says" {
	cd "$BATS_TEST_TMPDIR"
	hta-gen --count 20 >plain
	hta-window --by endpoint plain >want
	while IFS= read -r line; do printf '\0\0\0\1\7%s\n' "$line"; done <plain >framed
	printf '\0\0\0\1\7\002\010Anna\n' >>framed
	feed hta-window --dead dead framed
	[ ! -s "$out" ]
	[ "$(jq -r .reason dead | grep -c "^a schema registry's five bytes (0 and a schema id) stand before the JSON: hta-consume --decode json takes them off$")" = 20 ]
	[ "$(jq -r .reason dead | tail -n 1 | grep -c '^not JSON: begins with a NUL, .*(Avro: hta-consume --decode avro)$')" = 1 ]
	LC_ALL=C sed 's/^\x00....{/{/' framed | hta-window --by endpoint --dead drop | cmp - want
	# in a job
	feed pipe "hta-consume --job j framed | (trap '' INT TERM; LC_ALL=C exec stdbuf -oL sed 's/^\\x00....{/{/') |
		hta-window --foreign --by endpoint | hta-sink-sqlite --init db | hta-commit"
	[ "$(sqlite3 db 'select sum(count) from hta_rollups')" = 20 ]
	[ "$(sqlite3 db 'select substr(reason, 1, 30) from hta_dead')" = 'not JSON: begins with a NUL, a' ]
}

@test "--dead FILE: appended, behind a line that was cut off" {
	local dead=$BATS_TEST_TMPDIR/dead
	printf '{"stage":"hta-window","li' >"$dead"
	feed hta-window --dead "$dead" - <<<'nothing'
	feed hta-window --dead "$dead" - <<<'nothing'
	[ "$(wc -l <"$dead")" = 3 ]
	[ "$(tail -n 2 "$dead" | jq -r .record)" = $'nothing\nnothing' ]
}

@test "a line that is bad for one metric counts in the others, and is one dead letter" {
	fails_with 65 hta-window --metric hits --metric spend --value v <<-'END'
		{"ts":"2026-01-01T00:00:00Z","v":1}
		{"ts":"2026-01-01T00:00:00Z","v":[]}
		{"v":[]}
	END
	[ "$(jq -c '[.metric,.count]' "$out" | tr -d '\n')" = '["hits",2]["spend",1]' ]
	says 'standard input:2: metric spend: v is an array, not a number; others count it$'
	says '2 of 3 lines were bad, 1 of them for some metrics only; the others are counted'
	# more metrics than a reason names
	feed hta-window --value v --metric z --value "" $(printf -- '--metric m%d ' {1..11}) --dead "$BATS_TEST_TMPDIR/dead" <<<'{"ts":"2026-01-01T00:00:00Z","v":true}'
	[ "$(jq -c .metric "$out")" = '"z"' ]
	[ "$(jq -r .reason "$BATS_TEST_TMPDIR/dead")" = 'metrics m1, m2, m3, m4, m5, m6, m7, m8: v is a boolean, not a number; and 3 more; others count it' ]
}

@test "a line that is late for one metric counts in another whose window is open" {
	cd "$BATS_TEST_TMPDIR"
	printf '{"ts":%d}\n' 1767225601 1767225631 1767225602 1767225661 1767225603 >in
	feed hta-window --time-unit s --max-ahead none --lateness 0s --metric short --every 10s --metric long --every 1m --late late in
	[ "$(jq -c '[.metric,.count]' "$out" | tr -d '\n')" = '["short",1]["short",1]["long",3]["short",1]["long",1]' ]
	[ "$(jq -r '"\(.line) \(.reason)"' late | paste -sd'|')" = '3 late: metric short: its window was closed; others count it|5 late: its window was closed' ]
	feed hta-window --time-unit s --max-ahead none --lateness 0s --metric short --every 10s --metric long --every 1m in
	says '1 of 5 lines came too late for some of the metrics'
}

@test "more than nine decimals are rounded half to even and counted, or with --exact bad" {
	printf '{"ts":"2026-01-01T00:00:00Z","v":%s}\n' 0.0000000005 0.0000000015 0.1 >"$BATS_TEST_TMPDIR/in"
	feed hta-window --value v "$BATS_TEST_TMPDIR/in"
	grep -q '"sum":0.100000002,' "$out"
	says '2 values had more than nine decimals'
	fails_with 65 hta-window --value v --exact "$BATS_TEST_TMPDIR/in"
	grep -q '"count":1,"value_count":1,"sum":0.1,' "$out"
}

@test "lines around the borders of tickets are counted once, by any number of threads" {
	# lines of 1 MiB less a bit: several a ticket of 4 MiB, and one that is longer than a ticket
	local i
	for i in $(seq 20); do
		printf '{"ts":"2026-01-01T00:00:00Z","v":%d,"x":"%0*d"}\n' "$i" $((1048000 + i)) 0
		printf '{"ts":"2026-01-01T00:00:00Z","v":%d}\n' "$i"
	done >"$BATS_TEST_TMPDIR/in"
	printf '{"ts":"2026-01-01T00:00:00Z","v":100,"x":"%09000000d"}\n{"ts":"2026-01-01T00:00:00Z","v":1000}' 0 >>"$BATS_TEST_TMPDIR/in"
	feed hta-window -j 3 --max-line 16MiB --value v "$BATS_TEST_TMPDIR/in"
	grep -q '"count":42,"value_count":42,"sum":1520,' "$out"
	fails_with 65 hta-window -j 3 --value v "$BATS_TEST_TMPDIR/in"
	grep -q '"count":41,"value_count":41,"sum":1420,' "$out"
	says 'in:41: line of 9000044 bytes, longer than --max-line'
}

# The same rows whatever the events are packed in and wherever they come from, with one thread and with two.
@test "compressed input is known by its first bytes, from files, pipes and standard input" {
	cd "$BATS_TEST_TMPDIR"
	hta-gen --count 20000 >e
	gzip -c e >x.ndjson.gz && zstd -qc e >x && { head -c 5000 e | gzip; tail -c +5001 e | gzip; head -c 512 /dev/zero; } >x.gz.1
	feed hta-window --by region e
	cp "$out" rows
	for f in x.ndjson.gz x x.gz.1; do
		for j in 1 2; do
			feed hta-window -j $j --by region "$f"
			cmp "$out" rows
			feed pipe "cat $f | hta-window -j $j --by region"
			cmp "$out" rows
			feed pipe "hta-window -j $j --by region <$f"
			cmp "$out" rows
			feed hta-window -j $j --by region - <(cat "$f") <<<''
			cmp "$out" rows
		done
	done
	# and in a stage that only passes rows on
	gzip -c rows >rows.gz
	feed pipe 'cat rows.gz | hta-sink-sqlite --init db'
	feed pipe 'hta-sink-sqlite --dry-run db <rows'
	grep -q "new 0, equal $(wc -l <rows), different 0" "$out"
}

@test "damaged input: the lines before and the other files are counted, then 65" {
	cd "$BATS_TEST_TMPDIR"
	hta-gen --count 20000 >e
	gzip -c e | head -c 200000 >cut
	head -n 100 e | xz -c >e.xz
	local lines
	lines=$(($(zcat cut 2>/dev/null | wc -l)))
	[ $lines -gt 1000 ]
	{ head -n $lines e; cat e; } >good
	feed hta-window --by region good
	cp "$out" rows
	for j in 1 2; do
		fails_with 65 hta-window -j $j --by region cut e.xz e
		says '^hta-window: cut: gzip data are damaged at byte 200000, behind [1-9][0-9]+ bytes of text: they end in the middle$'
		says '^hta-window: e.xz: is in the format of xz, which is not read here: xz -dc e.xz \| hta-window$'
		cmp "$out" rows
	done
	head -n $lines e >good
	feed hta-window --by region good
	cp "$out" rows
	fails_with 65 pipe 'cat cut | hta-window --by region'
	says '^hta-window: standard input: gzip data are damaged'
	cmp "$out" rows
	fails_with 65 pipe 'hta-window --by region <cut'
	cmp "$out" rows
	fails_with 65 pipe 'cat e.xz | hta-window --by region'
	says 'standard input: is in the format of xz, which is not read here: xz -dc \| hta-window$'
	[ ! -s "$out" ]
	# both kinds of bad input are told; --dead is for lines
	{ echo nonsense; cat e; } | gzip | head -c 200000 >cut
	fails_with 65 hta-window --by region cut
	says '^hta-window: cut:1: '
	says '^hta-window: 1 of [0-9]+ lines were bad'
	says '^hta-window: cut: gzip data are damaged'
	fails_with 65 hta-window --dead drop --by region cut
	# rows are taken whole or not at all
	gzip -c rows | head -c 100 >rows.gz
	fails_with 65 pipe 'cat rows.gz | hta-sink-sqlite --init db'
	says '^hta-sink-sqlite: standard input: gzip data are damaged'
}

@test "a file that is not there, not allowed or a folder is 78" {
	echo '{"ts":"2026-01-01T00:00:00Z"}' >"$BATS_TEST_TMPDIR/f"
	for f in nothing . "$BATS_TEST_TMPDIR/f/x"; do
		fails_with 78 hta-window "$BATS_TEST_TMPDIR/f" "$f"
		says "^hta-window: $f: "
		[ ! -s "$out" ]
	done
}

@test "a file that is cut or written anew below its reader is 74, and has no more rows" {
	cd "$BATS_TEST_TMPDIR"
	hta-gen --count 100000 --step 1s >e
	mkfifo hold
	# rows of each second that nobody reads: it stands still in the middle
	for new in /dev/null <(sed 's/2026/2027/' e) e; do
		cp e f
		rm -f go
		spawn rows bash -c 'set -o pipefail; hta-window --every 1s --lateness 0s f | (dd bs=1 count=1000 status=none; >go; cat hold; cat)'
		wait_until 60 test -e go
		cat "$new" >f
		[ "$new" != e ] || truncate -s 1000000 f
		: >hold
		exits_with 74 60
		grep -qE '^hta-window: f: was (cut off|written anew) while it was read' rows.err
		[ "$(wc -l <rows.out)" -lt 100000 ]
	done
	# threads: their bad lines are not taken
	sed 's/"ts"/"time"/' e >bad
	for i in 1 2 3 4; do cat bad; done >f
	mkfifo dead
	spawn rows hta-window -j 2 --dead dead f
	{
		dd bs=1 count=1000 status=none >/dev/null
		: >f
		cat >/dev/null
	} <dead
	exits_with 74 60
	grep -q '^hta-window: f: was cut off while it was read' rows.err
	[ ! -s rows.out ]
	# standard input
	cp e f
	rm go
	spawn rows bash -c 'set -o pipefail; hta-window --every 1s --lateness 0s <f | (dd bs=1 count=1000 status=none; >go; cat hold; cat)'
	wait_until 60 test -e go
	: >f
	: >hold
	exits_with 74 60
	grep -q '^hta-window: standard input: was cut off' rows.err
}

@test "a file that is read from its middle on" {
	printf '{"ts":"2026-01-01T00:00:00Z","v":%d}\n' 1 2 3 4 >"$BATS_TEST_TMPDIR/in"
	for threads in 1 2; do
		feed pipe "{ head -c 36 >/dev/null; hta-window -j $threads --value v; } <'$BATS_TEST_TMPDIR/in'"
		grep -q '"count":3,"value_count":3,"sum":9,' "$out"
	done
}

# ---- lateness ----

@test "windows close when the highest time is --lateness behind their end; the earlier watermark decides what is late" {
	events <<-'END' >"$BATS_TEST_TMPDIR/in"
		1
		14
		9
		15
		9
		10
		25
		19
		20
	END
	feed hta-window --max-ahead none --every 10s --lateness 5s "$BATS_TEST_TMPDIR/in"
	short >"$BATS_TEST_TMPDIR/got"
	expect "$BATS_TEST_TMPDIR/got" <<-'END'
		["00:00:00",{},2]
		["00:00:10",{},3]
		["00:00:20",{},2]
	END
	says '2 of 9 lines came too late \(more than --lateness 5s\)'
	feed hta-window --max-ahead none --every 10s --lateness 5s --late drop "$BATS_TEST_TMPDIR/in"
	[ -z "$stderr" ]
	feed hta-window -j 2 --max-ahead none --every 10s --lateness 5s --late "$BATS_TEST_TMPDIR/late" "$BATS_TEST_TMPDIR/in"
	jq -c '[.line,.record]' "$BATS_TEST_TMPDIR/late" >"$BATS_TEST_TMPDIR/got"
	expect "$BATS_TEST_TMPDIR/got" <<-'END'
		[5,"{\"ts\":\"2026-01-01T00:00:09Z\"}"]
		[8,"{\"ts\":\"2026-01-01T00:00:19Z\"}"]
	END
}

@test "with --lateness rows come while the input goes on, each window once" {
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	exec 7<>"$BATS_TEST_TMPDIR/fifo"
	spawn live hta-window --max-ahead none --every 1s --lateness 0s <"$BATS_TEST_TMPDIR/fifo" 7>&-
	events <<<$'0\n1' >&7
	wait_until 60 grep -q '"window_start":"2026-01-01T00:00:00Z".*"count":1' "$BATS_TEST_TMPDIR/live.out"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/live.out")" = 1 ]
	events <<<$'0\n1\n5' >&7
	exec 7>&-
	exits_with 0 60
	short "$BATS_TEST_TMPDIR/live.out" >"$BATS_TEST_TMPDIR/got"
	expect "$BATS_TEST_TMPDIR/got" <<-'END'
		["00:00:00",{},1]
		["00:00:01",{},2]
		["00:00:05",{},1]
	END
}

@test "rows are in the order of window, then dimensions, however many windows there are and however alike the dimensions" {
	hta-gen --count 20000 --step 37m --seed 7 >"$BATS_TEST_TMPDIR/in"
	feed hta-window --every 1h --by region,customer "$BATS_TEST_TMPDIR/in"
	[ "$(wc -l <"$out")" -gt 15000 ]
	jq -r '[.window_start, .dims.customer, .dims.region] | join(" ")' "$out" | LC_ALL=C sort -c
	feed hta-window --every 366d --by region,user_id "$BATS_TEST_TMPDIR/in"
	jq -r '[.window_start, .dims.region, .dims.user_id] | join(" ")' "$out" | LC_ALL=C sort -c
}

@test "rows with --lateness do not depend on how the input is cut, and equal those without where nothing is late" {
	hta-gen --count 30000 --step 10ms --jitter 20s >"$BATS_TEST_TMPDIR/in"
	local options=(--metric m --every 10s --by endpoint --value latency_ms --uniq user_id --metric n --every 25s)
	feed hta-window "${options[@]}" "$BATS_TEST_TMPDIR/in"
	sort "$out" >"$BATS_TEST_TMPDIR/all"
	feed hta-window "${options[@]}" --lateness 20s "$BATS_TEST_TMPDIR/in"
	mv "$out" "$BATS_TEST_TMPDIR/closed"
	sort "$BATS_TEST_TMPDIR/closed" | cmp - "$BATS_TEST_TMPDIR/all"
	pipe "dd if='$BATS_TEST_TMPDIR/in' bs=3001 status=none | hta-window ${options[*]} --lateness 20s" | cmp - "$BATS_TEST_TMPDIR/closed"
	# in order of their end, then of the metric
	jq -r '.window_end + " " + .metric' "$BATS_TEST_TMPDIR/closed" | sort -c
}

# ---- times that are too far ahead ----

FAR='{"ts":"2199-01-01T00:00:00Z"}'

# As many lines as seconds, from 2026-01-01T00:00:00Z plus FROM on.
seconds() { # FROM COUNT
	awk -v from="$1" -v n="$2" 'BEGIN { for (i = from; i < from + n; i++) printf "{\"ts\":\"2026-01-%02dT%02d:%02d:%02dZ\"}\n", 1 + i / 86400, i / 3600 % 24, i / 60 % 60, i % 60 }'
}

@test "one event of the year 2199 makes no line late, wherever it stands" {
	cd "$BATS_TEST_TMPDIR"
	seconds 0 300 >good
	feed hta-window --every 10s --lateness 5s good
	[ -z "$stderr" ]
	mv "$out" wanted
	local at
	for at in 0 1 16 17 150 299 300; do
		{ head -n "$at" good; echo "$FAR"; tail -n +"$((at + 1))" good; } >in
		for cut in 'cat in' 'dd if=in bs=97 status=none'; do
			feed pipe "$cut | hta-window --every 10s --lateness 5s"
			grep -v '"window_start":"2199' "$out" | cmp - wanted
			grep -q '"window_start":"2199-01-01T00:00:00Z".*"count":1}' "$out"
			# the last line shows nothing: it was ahead, or a new day
			[ "$at" = 300 ] || says '^hta-window: an event of 2199-01-01T00:00:00Z is more than 10m ahead of the others: it counts, but moves no watermark \(--max-ahead\)$'
			not says 'too late'
		done
	done
	sed "s/.*:[0-5]3Z.*/&\n$FAR/" good >in
	feed hta-window --every 10s --lateness 5s in
	says '^hta-window: 30 of 330 events were too far ahead \(--max-ahead\)$'
	not says 'too late'
	# without the bound all behind it is late
	feed hta-window --max-ahead none --every 10s --lateness 5s in
	says '296 of 330 lines came too late'
}

@test "windows close behind an event of the year 2199, and in time" {
	cd "$BATS_TEST_TMPDIR"
	mkfifo fifo
	exec 7<>fifo
	spawn live hta-window --every 1s --lateness 0s <fifo 7>&-
	{ seconds 0 20; echo "$FAR"; seconds 20 1; } >&7
	wait_until 60 has_lines live.out 20
	seconds 21 5 >&7
	wait_until 60 has_lines live.out 25
	exec 7>&-
	exits_with 0 60
	[ "$(wc -l <live.out)" = 27 ]
}
has_lines() { [ "$(wc -l <"$1")" = "$2" ]; } # FILE N

@test "days that follow days pass: with the 17th event of the new one" {
	cd "$BATS_TEST_TMPDIR"
	local n late
	for n in 16 17; do
		{ seconds 0 30; seconds 86400 $n; seconds 29 1; seconds 86500 20; seconds 172800 17; seconds 86460 1; } >in
		late=$((n == 17 ? 2 : 1))
		feed hta-window --every 10s --lateness 1s in
		says "^hta-window: $late of $((69 + n)) lines came too late"
	done
	# an event an hour: each is far ahead of the one before
	awk 'BEGIN { for (i = 0; i < 100; i++) printf "{\"ts\":\"2026-01-%02dT%02d:00:00Z\"}\n", 1 + i / 24, i % 24; print "{\"ts\":\"2026-01-01T00:00:00Z\"}" }' >in
	feed hta-window --every 1m --lateness 1s in
	says '1 of 101 lines came too late'
	not says 'ahead'
}

@test "an event of 1970 opens an old window, and moves nothing" {
	cd "$BATS_TEST_TMPDIR"
	{ seconds 0 30; echo '{"ts":"1970-01-01T00:00:00Z"}'; seconds 30 30; } >in
	feed hta-window --every 10s --lateness 5s in
	says '1 of 61 lines came too late'
	not says 'ahead'
	# among the first ones, too
	{ echo '{"ts":"1970-01-01T00:00:00Z"}'; seconds 0 60; } >in
	feed hta-window --every 10s --lateness 5s in
	[ -z "$stderr" ]
	[ "$(short | jq -s length)" = 7 ]
	# clocks that are not set, every third event: the others go on as if there were none
	seconds 0 60 | sed 'n;s/$/\n{"ts":"1970-01-01T00:00:00Z"}/' >in
	seconds 86400 60 | sed 'n;s/$/\n{"ts":"1970-01-01T00:00:00Z"}/' >>in
	seconds 0 1 >>in
	feed hta-window --every 10s --lateness 5s in
	jq -r '.window_start[:16]' "$out" | uniq -c | awk '{ print $1, $2 }' >got
	expect got <<-'END'
		1 1970-01-01T00:00
		6 2026-01-01T00:00
		6 2026-01-02T00:00
	END
	says "[0-9]+ of 181 lines came too late"
	not says 'ahead'
}

@test "--max-ahead: at least the lateness, 10m or the lateness where it is not given" {
	cd "$BATS_TEST_TMPDIR"
	fails_with 64 hta-window --lateness 1m --max-ahead 59s </dev/null
	says '^hta-window: --max-ahead is shorter than --lateness'
	feed hta-window --lateness 1m --max-ahead 1m </dev/null
	fails_with 64 hta-window --max-ahead 0s </dev/null
	says '"0s" is out of range, it goes from 1ms to 366d, or none'
	fails_with 64 hta-window --max-ahead 367d </dev/null
	fails_with 64 hta-window --max-ahead never </dev/null
	fails_with 64 hta-window --ahead keep </dev/null
	says '"keep" is neither count nor dead'
	# a step of 58 minutes, and back
	{ seconds 0 17; seconds 3500 1; seconds 7000 1; seconds 0 1; } >in
	feed hta-window --lateness 1h in
	says '1 of 20 lines came too late'
	feed hta-window --lateness 59m --max-ahead 59m in
	says '1 of 20 lines came too late'
	feed hta-window --lateness 1m in
	says 'an event of 2026-01-01T01:56:40Z is more than 10m ahead of the others'
	not says 'too late'
}

@test "--ahead dead is for records that have a timestamp" {
	fails_with 64 hta-window --ahead dead </dev/null
	says "^hta-window: --ahead dead goes by the timestamps of Kafka's records, which a plain stream does not have$"
	acked </dev/null | sed 's/"unit":"record"/"unit":"byte"/' >"$BATS_TEST_TMPDIR/in"
	fails_with 64 pipe "cat '$BATS_TEST_TMPDIR/in' | hta-window --ahead dead --dead drop"
	says "^hta-window: --ahead dead goes by the timestamps of Kafka's records: which line of a file is ahead shows 16 lines later"
	fails_with 64 pipe "cat '$BATS_TEST_TMPDIR/in' | hta-window --ahead dead --max-ahead none"
}

# An acknowledged stream of two partitions out of lines "PARTITION KAFKA_TIME EVENT_TIME", seconds of 2026-01-01. EPOCH: how many lines one has;
# EVERY: each line gets its `at`, else only those of another partition or minute than the one before, as hta-consume has it.
stamped() { # EPOCH [EVERY]
	awk -v inc=$inc -v epoch="$1" -v every="${2:-}" '
	function ctl(members) { printf "{\"$hta\":\"%s\",\"k\":%s}\n", inc, members }
	function bar(  p, r) {
		for (p in to) r = r (r ? "," : "") "{\"t\":\"events\",\"p\":" p ",\"f\":" from[p] + 0 ",\"to\":" to[p] ",\"idle\":false}"
		ctl("\"bar\",\"e\":" ++e ",\"gen\":\"00000000000000aa\",\"r\":[" r "],\"acct\":[{\"s\":\"hta-consume\",\"in\":" n ",\"out\":" n ",\"bytes\":" bytes "}]")
		for (p in to) from[p] = to[p]
		n = bytes = 0
		last = ""
	}
	BEGIN {
		printf "{\"$hta\":\"hello\",\"v\":1,\"inc\":\"%s\",\"job\":\"j\",\"group\":\"g\",\"unit\":\"record\",\"ack\":\"/nowhere\",\"stages\":[{\"s\":\"hta-consume\",\"version\":\"0\",\"pid\":1}]}\n", inc
		ctl("\"probe\",\"n\":1,\"job\":\"j\",\"claim\":[2],\"sinks\":[]")
	}
	{
		minute = int(($2 + 59) / 60)
		if (every || last != $1 " " minute)
			ctl("\"at\",\"t\":\"events\",\"p\":" $1 ",\"o\":" to[$1] + 0 ",\"ts\":" 1767225600 + 60 * minute "000000")
		last = $1 " " minute
		to[$1]++
		line = sprintf("{\"ts\":\"2026-01-01T%02d:%02d:%02dZ\"}", $3 / 3600, $3 / 60 % 60, $3 % 60)
		print line
		bytes += length(line) + 1
		if (++n == epoch) bar()
	}
	END { if (n) bar(); ctl("\"end\",\"reason\":\"stop\"") }'
}

# What came of them: rows added up, dead letters, watermarks.
outcome() {
	jq -rc 'if .op then "row " + .window_start + " " + (.count | tostring) elif .k == "dead" then "dead \(.p)/\(.o) \(.why)" else
		select(.k == "bar") | .acct[1].wm // [] | .[] | "mark \(.[1]) \(.[2] / 1e6 | todate)" end' "$out" |
		awk '/^row/ { row[$2] += $3; next } /^mark/ { if ($3 > mark[$2]) mark[$2] = $3; next } { print }
			END { for (w in row) print "row", w, row[w]; for (p in mark) print "mark", p, mark[p] }' | sort
}

@test "Kafka's timestamps: each record by its own, to the minute, wherever epochs and at lines fall" {
	cd "$BATS_TEST_TMPDIR"
	# partition 1 reads at 0:00:30: 0:01 + 10m is the last minute that it may know; partition 0 at 1:00:00 sharp
	cat >in <<-'END'
		1 30 29
		1 30 660
		1 30 661
		0 3600 3599
		1 30 32400
		0 3600 4200
		0 3600 4201
		1 60 0
		1 61 720
		1 61 721
		0 3601 4260
		0 3601 0
		0 3599 4201
	END
	outcome_is() {
		outcome >got
		expect got
	}
	local epoch every j
	for epoch in 1 3 1000; do
		for every in '' 1; do
			for j in 1 3; do
				stamped $epoch $every <in >stream
				feed pipe "cat stream | hta-window -j $j --every 1h"
				outcome_is <<-'END'
					mark 0 2026-01-01T01:11:00Z
					mark 1 2026-01-01T00:12:00Z
					row 2026-01-01T00:00:00Z 8
					row 2026-01-01T01:00:00Z 4
					row 2026-01-01T09:00:00Z 1
				END
				says "^hta-window: an event of 2026-01-01T[0-9:]*Z is more than 10m ahead of its record's timestamp, 2026-01-01T[0-9:]*Z: it counts, but moves no watermark"
				says '^hta-window: 5 of 13 events were too far ahead'
				feed pipe "cat stream | hta-window -j $j --every 1h --ahead dead"
				outcome_is <<-'END'
					dead 0/2 metric events: ts is more than 10m ahead of the timestamp of its record (--max-ahead)
					dead 0/5 metric events: ts is more than 10m ahead of the timestamp of its record (--max-ahead)
					dead 1/2 metric events: ts is more than 10m ahead of the timestamp of its record (--max-ahead)
					dead 1/3 metric events: ts is more than 10m ahead of the timestamp of its record (--max-ahead)
					dead 1/6 metric events: ts is more than 10m ahead of the timestamp of its record (--max-ahead)
					mark 0 2026-01-01T01:11:00Z
					mark 1 2026-01-01T00:12:00Z
					row 2026-01-01T00:00:00Z 6
					row 2026-01-01T01:00:00Z 2
				END
			done
		done
	done
	# what is dead decides the rows: so it is part of what the metric means, and nothing else of this is
	defs() { feed pipe "cat stream | hta-window $*"; jq -c 'select(.["$hta"] == "hello") | .stages[1].metrics[0] | [.cfg, .def.max_ahead]' "$out"; }
	[ "$(defs --ahead dead)" != "$(defs)" ]
	[ "$(defs --ahead dead)" != "$(defs --ahead dead --max-ahead 11m)" ]
	[ "$(defs --max-ahead 11m)" = "$(defs)" ]
	[ "$(defs --ahead dead | jq -r '.[1]')" = 10m ]
}

@test "lines of files in a job: what waits is kept across barriers, and comes back from the last lines" {
	cd "$BATS_TEST_TMPDIR"
	of_file() { sed "s/\"unit\":\"record\"/\"unit\":\"byte\"/; s/,\"ts\":[0-9]*}/}/"; }
	marks() { jq -c 'select(.k == "bar") | .acct[1].wm // [] | .[][2] - 1767225600000000 | . / 1e6' "$out"; }
	local j
	for j in 1 3; do
		# a barrier after each line
		{ seconds 0 18; echo "$FAR"; seconds 18 1; seconds 86400 18; } | sed 's/$/\n--/' | acked | of_file >in
		feed pipe "cat in | hta-window -j $j"
		marks | paste -sd' ' >got
		expect got <<-'END'
			16 17 17 18 18 18 18 18 18 18 18 18 18 18 18 18 18 18 18 18 86416 86417
		END
		says 'an event of 2199-01-01T00:00:00Z is more than 10m ahead of the others'
		# the same, begun with the tenth line of the second day
		{
			head -n 2 in
			{ seconds 18 1; seconds 86400 9; } |
				jq -Rsc --arg inc $inc '{"$hta": $inc, k: "before", t: "events", p: 3, wm: 1767225618000000, rec: (. / "\n")[:-1]}'
			{ seconds 86409 9; } | sed 's/$/\n--/' | acked | of_file | tail -n +3
		} >again
		feed pipe "cat again | hta-window -j $j"
		marks | paste -sd' ' >got
		expect got <<-'END'
			18 18 18 18 18 18 18 86416 86417
		END
		not grep -q '"k":"before"' "$out"
		[ "$(jq -c 'select(.op) | .count' "$out" | jq -s add)" = 9 ]
	done
}

@test "at a log's end: fewer than 17 events have a watermark, one alone has none, a new day waits on" {
	cd "$BATS_TEST_TMPDIR"
	at_end() { acked | sed 's/,"ts":[0-9]*}/}/; s/"idle":false/"idle":true/' >in; feed pipe 'cat in | hta-window'; jq -c 'select(.k == "bar") | .acct[1].wm // [] | .[][2] - 1767225600000000 | . / 1e6' "$out" | paste -sd' '; }
	[ "$({ seconds 5 3; echo --; } | at_end)" = 7 ]
	[ "$({ seconds 5 3; echo "$FAR"; echo --; } | at_end)" = 7 ]
	[ "$({ echo "$FAR"; seconds 5 3; echo --; } | at_end)" = 7 ]
	[ "$({ seconds 5 1; echo --; } | at_end)" = "" ]
	[ "$({ echo "$FAR"; echo --; } | at_end)" = "" ]
	[ "$({ seconds 5 3; echo --; seconds 86400 16; echo --; seconds 86416 1; echo --; } | at_end)" = "7 7 86416" ]
}

# ---- bounds ----

@test "--max-groups names the heaviest dimension and prints nothing" {
	hta-gen --count 5000 >"$BATS_TEST_TMPDIR/in"
	for threads in 1 3; do
		fails_with 65 hta-window -j $threads --max-groups 100 --by endpoint,user_id,status "$BATS_TEST_TMPDIR/in"
		expect </dev/null
		says 'more than 100 groups \(--max-groups\): the heaviest dimension is user_id of metric events with [0-9]+ values'
		fails_with 65 hta-window -j $threads --every 1ms --max-groups 100 "$BATS_TEST_TMPDIR/in"
		says 'metric events has [0-9]+ windows'
	done
	feed hta-window --max-groups 5000 --by status "$BATS_TEST_TMPDIR/in"
}

@test "rows that cannot be written are an error" {
	hta-gen --count 5000 >"$BATS_TEST_TMPDIR/in"
	for threads in 1 2; do
		fails_with 74 pipe "hta-window -j $threads --by user_id '$BATS_TEST_TMPDIR/in' >/dev/full"
	done
	fails_with 74 hta-window --dead /dev/full <<<'nothing'
	says '^hta-window: /dev/full: No space left on device$'
	fails_with 74 pipe "printf '{\"ts\":\"2026-01-01T0%d:00:00Z\"}\n' $(printf '5 %.0s' {1..17})1 | hta-window --lateness 0s --late /dev/full"
	says '^hta-window: /dev/full: No space left on device$'
}

@test "on a terminal: no sketch, and a note that rows come at the end, unless --lateness is given" {
	local line='{"ts":"2026-01-01T00:00:00Z","u":1}'
	feed script -qec "echo '$line' | hta-window --uniq u" /dev/null
	grep -q 'rows come at the end of the input; --lateness DUR' "$out"
	grep -q '"uniq":1}' "$out"
	feed script -qec "echo '$line' | hta-window --lateness 1s" /dev/null
	not grep -q 'rows come at the end' "$out"
	echo "$line" >"$BATS_TEST_TMPDIR/in"
	feed script -qec "hta-window '$BATS_TEST_TMPDIR/in'" /dev/null
	not grep -q 'rows come at the end' "$out"
}

@test "a sketch is left out with --no-sketch" {
	feed hta-window --uniq u --no-sketch <<<'{"ts":"2026-01-01T00:00:00Z","u":1}'
	grep -q '"uniq":1}$' "$out"
}

@test "uniques have the text's registers: a number and its text are one, escapes are decoded" {
	feed hta-window --uniq u <<-'END'
		{"ts":"2026-01-01T00:00:00Z","u":"1"}
		{"ts":"2026-01-01T00:00:00Z","u":1.0}
		{"ts":"2026-01-01T00:00:00Z","u":"\u0031"}
		{"ts":"2026-01-01T00:00:00Z","u":null}
		{"ts":"2026-01-01T00:00:00Z"}
	END
	grep -q '"count":5,"uniq":1,' "$out"
}

# ---- acknowledged streams ----

inc=0123456789abcdef

# An acknowledged stream of one partition out of data lines on standard input: "--" is a barrier.
acked() {
	local line n=0 bytes=0 from=0 at=0 epoch=0
	echo '{"$hta":"hello","v":1,"inc":"'$inc'","job":"j","group":null,"unit":"record","ack":"/nowhere","stages":[{"s":"hta-consume","version":"0","pid":1}]}'
	echo '{"$hta":"'$inc'","k":"probe","n":1,"job":"j","claim":[2],"sinks":[]}'
	echo '{"$hta":"'$inc'","k":"at","t":"events","p":3,"o":100,"ts":1767225660000000}'
	while IFS= read -r line; do
		if [ "$line" = -- ]; then
			echo '{"$hta":"'$inc'","k":"bar","e":'$((++epoch))',"gen":"00000000000000aa","r":[{"t":"events","p":3,"f":'$from',"to":'$at',"idle":false}],"acct":[{"s":"hta-consume","in":'$n',"out":'$n',"bytes":'$bytes'}]}'
			n=0 bytes=0 from=$at
		else
			printf '%s\n' "$line"
			n=$((n + 1)) bytes=$((bytes + ${#line} + 1)) at=$((at + 1))
		fi
	done
	echo '{"$hta":"'$inc'","k":"end","reason":"eof"}'
}

@test "an acknowledged stream: the hello has the metrics, rows are deltas before their barrier, nothing is kept" {
	acked <<-'END' >"$BATS_TEST_TMPDIR/in"
		{"ts":"2026-01-01T00:00:00Z","k":1,"v":0.5,"u":1}
		{"ts":"2026-01-01T00:00:01Z","k":1,"v":1e1,"u":2}

		[]
		--
		{"ts":"2026-01-01T00:00:02Z","k":1,"u":1}
		--
		--
	END
	for threads in 1 2; do
		feed pipe "cat '$BATS_TEST_TMPDIR/in' | hta-window -j $threads --metric m --by k --value v --uniq u --no-sketch --lateness 5s"
		grep -c . "$out"
		jq -c 'if .["$hta"] == "hello" then [.stages[1] | .s, .metrics, .lateness_us, (.cfg | length)] elif .k == "bar" then .acct[1] | del(.bytes) elif .k then [.k, .why, .o] else . end' "$out" |
			sed 's/"cfg":"[0-9a-f]*"/"cfg":""/' >"$BATS_TEST_TMPDIR/got"
		expect "$BATS_TEST_TMPDIR/got" <<-'END'
			["hta-window",[{"name":"m","cfg":"","every_us":60000000,"def":{"every":"1m","time":"ts","by":["k"],"value":"v","uniq":"u"}}],5000000,16]
			["probe",null,null]
			["dead","an array, and a line is one object: jq -c '.[]' writes a line an element",103]
			{"op":"add","metric":"m","window_start":"2026-01-01T00:00:00Z","window_end":"2026-01-01T00:01:00Z","dims":{"k":1},"dims_hash":"ec183136a3a03d6175919a6cd0a0cc78","count":2,"value_count":2,"sum":"10.5","min":"0.5","max":"10","uniq":2}
			{"s":"hta-window","in":4,"out":0,"filtered":1,"dead":1,"agg":2,"rows":1,"wm":[["events",3,1767225601000000]]}
			{"op":"add","metric":"m","window_start":"2026-01-01T00:00:00Z","window_end":"2026-01-01T00:01:00Z","dims":{"k":1},"dims_hash":"ec183136a3a03d6175919a6cd0a0cc78","count":1,"value_count":0,"sum":null,"min":null,"max":null,"uniq":1}
			{"s":"hta-window","in":1,"out":0,"agg":1,"rows":1,"wm":[["events",3,1767225602000000]]}
			{"s":"hta-window","in":0,"out":0}
			["end",null,null]
		END
	done
}

# A stream in which a filter has left lines out, `at`s where it has; every seventh line is bad. To `want`: the offset of each of those.
gapped() { # UNIT
	python3 - "$1" $inc <<-'END'
		import json, random, sys
		unit, inc = sys.argv[1:]
		rng, bad, n, size, offset = random.Random(3), open("want", "w"), 0, 0, 0
		def ctl(k, **more): print(json.dumps({"$hta": inc, "k": k, **more}, separators=(",", ":")))
		print(json.dumps({"$hta": "hello", "v": 1, "inc": inc, "job": "j", "group": None, "unit": unit, "ack": "/nowhere", "stages": [{"s": "hta-consume", "version": "0", "pid": 1}]}, separators=(",", ":")))
		ctl("probe", n=1, job="j", claim=[2], sinks=[])
		for epoch in range(1, 4):
		    first = offset
		    ctl("at", t="e", p=0, o=offset)
		    for i in range(20000):
		        line = "[" + " " * rng.randrange(9) + "]" if rng.randrange(7) == 0 else '{"ts":"2026-01-01T00:00:00Z","v":%d}' % rng.randrange(1000)
		        if line[0] == "[": print(offset, file=bad)
		        print(line)
		        n, size, offset = n + 1, size + len(line) + 1, offset + (len(line) + 1 if unit == "byte" else 1)
		        if rng.randrange(4) == 0:
		            offset += rng.randrange(1, 2000)
		            ctl("at", t="e", p=0, o=offset, **({"ts": 60000000 * rng.randrange(1, 3)} if unit != "byte" and rng.randrange(9) == 0 else {}))
		    ctl("bar", e=epoch, gen="00000000000000aa", r=[{"t": "e", "p": 0, "f": first, "to": offset, "idle": False}], acct=[{"s": "hta-consume", "in": n, "out": n, "bytes": size}])
		    n = size = 0
		ctl("end", reason="eof")
	END
}

@test "offsets that jump: dead letters have their own, and the rows are the same" {
	cd "$BATS_TEST_TMPDIR"
	for unit in byte record; do
		gapped $unit >in
		for threads in 1 2; do
			feed pipe "cat in | hta-window -j $threads --value v --dead-limit 100%"
			jq -r 'select(.k == "dead") | .o' "$out" | cmp - want
			grep '"op"' "$out" | sort >rows.$threads
		done
		cmp rows.1 rows.2
		[ "$(jq .count rows.1 | awk '{n += $1} END {print n}')" = $((60000 - $(wc -l <want))) ]
	done
}

@test "an acknowledged stream drops nothing for its age, whatever --lateness says" {
	acked <<<$'{"ts":"2026-01-02T00:00:00Z"}\n{"ts":"2020-01-01T00:00:00Z"}\n--' >"$BATS_TEST_TMPDIR/in"
	feed pipe "cat '$BATS_TEST_TMPDIR/in' | hta-window --lateness 1s --late drop"
	grep -q '"window_start":"2020-01-01T00:00:00Z"' "$out"
	grep -q '"window_start":"2026-01-02T00:00:00Z"' "$out"
}

@test "an acknowledged stream: --max-groups is refused, a partial last line is dropped" {
	acked <<<$'{"ts":"2026-01-02T00:00:00Z"}\n--' >"$BATS_TEST_TMPDIR/in"
	fails_with 64 pipe "cat '$BATS_TEST_TMPDIR/in' | hta-window --max-groups 5"
	says 'deltas of an acknowledged stream'
	head -n 3 "$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/cut"
	printf '{"ts":"2026-01-02T00:00:00Z"}' >>"$BATS_TEST_TMPDIR/cut"
	fails_with 76 pipe "cat '$BATS_TEST_TMPDIR/cut' | hta-window"
	not grep -q '"op"' "$out"
}

@test "a share of bad lines beyond --dead-limit ends an epoch before its barrier, whatever the threads" {
	{ for i in $(seq 600); do echo '{"ts":"2026-01-02T00:00:00Z"}'; echo '{"time":"2026-01-02T00:00:00Z"}'; echo x; done; echo --; } | acked >"$BATS_TEST_TMPDIR/in"
	for threads in 1 2; do
		fails_with 65 pipe "cat '$BATS_TEST_TMPDIR/in' | hta-window -j $threads"
		says '1200 of the 1800 records of this epoch are bad'
		not grep -q '"k":"bar"' "$out"
	done
}

# What pv does: bytes move on from pipe to pipe, and nobody copies them.
moves_on() { python3 -c 'import os
while os.splice(0, 1, 1 << 20):
    pass'; }

@test "a pipe between two of ours, with cat or with one that splices in it: the same rows" {
	cd "$BATS_TEST_TMPDIR"
	local gen='hta-gen --count 300000' window='hta-window --every 60s --by endpoint,status --value latency_ms'
	hta-gen --count 300000 >events
	feed hta-window --every 60s --by endpoint,status --value latency_ms events
	cp "$out" rows
	feed pipe "$gen | $window"
	cmp "$out" rows
	feed pipe "$gen | cat | $window"
	cmp "$out" rows
	feed pipe "$(declare -f moves_on); $gen | moves_on | $window"
	cmp "$out" rows
	feed pipe "hta-consume events | $window -j 2"
	cmp "$out" rows
}

@test "one metric has windows of one length: a line and an option that say two are refused" {
	fails_with 64 hta-window -e 'count every 1h' --every 2h </dev/null
	says 'every 2h, or 1h'
	fails_with 64 hta-window --every 2h -e 'count every 1h' </dev/null
	fails_with 64 hta-window -e 'count every 1h' -e 'sum(x) every 2h' </dev/null
	feed hta-window --every 1h -e 'count every 1h' </dev/null
	feed hta-window --every 2h --metric q -e 'count every 1h' </dev/null
}

@test "thousands of measures in one rule are refused at once" {
	jq -n '{rule_id: "r", window_size: "1m", aggregates: ([range(4000) | {key: "m\(.)", value: {sum: "x"}}] | from_entries)}' >"$BATS_TEST_TMPDIR/r.json"
	# seconds of the processor
	fails_with 78 bash -c 'ulimit -t 20; exec hta-window --rules "$1"' bash "$BATS_TEST_TMPDIR/r.json" </dev/null
	says 'at most 256 columns'
}
