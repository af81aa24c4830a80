# Measures of --agg: what rows say, what stores keep and merge, what hta-query reads back: the same text everywhere.
load ../helpers

setup() { cd "$BATS_TEST_TMPDIR"; }

events() { # SECOND..: a line each, three regions, some without a value
	local s
	for s; do
		printf '{"ts":"2026-01-01T00:00:%02dZ","region":"%s","x":%s}\n' "$s" "$(cut -c$((s % 3 + 1)) <<<'abc')" \
			"$([ $((s % 7)) = 0 ] && echo null || echo "$((s * s % 31 - 9)).$s")"
	done
}

# Mean and standard deviation by fractions: "region mean deviation" of files, or of all regions together (region "-").
recount() { # REGION|all FILE..
	python3 - "$@" <<-'END'
		import json, math, sys
		from fractions import Fraction
		groups = {}
		for name in sys.argv[2:]:
		    for line in open(name):
		        r = json.loads(line, parse_float=Fraction, parse_int=Fraction)
		        groups.setdefault("-" if sys.argv[1] == "all" else r["region"], []).append(r["x"])
		for key, values in sorted(groups.items()):
		    v = [x for x in values if x is not None]
		    n, s = len(v), sum(v)
		    q = sum(Fraction(round(x * x * 10**9), 10**9) for x in v)    # round() is half to even
		    print(key, json.dumps(float(s / n)), json.dumps(math.sqrt(float((q - s * s / n) / (n - 1)))))
	END
}

measures='--by region --agg mean=avg(x) --agg stddev(x) --agg n=count(x) --agg rate --agg max(x) --agg h=histogram(x,-3.5,0,10)'
numbers() { jq -r '"\(.dims.region // "-") \(.measures.mean) \(.measures.stddev_x)"' "${1:-$out}" | sort; }

# jq 1.6 prints doubles with 17 digits: compare as numbers.
same_numbers() { # WANTED GOT
	python3 -c 'import sys
a, b = ([(l.split()[0], *map(float, l.split()[1:])) for l in open(f)] for f in sys.argv[1:])
sys.exit(0 if a == b and a else "%s\n%s" % (a, b))' "$1" "$2"
}

@test "measures: rows have them by name, and what they are made of" {
	feed hta-window --agg 'avg(x)' --agg 'spread = stddev(x)' --value x <<-'END'
		{"ts":"2026-01-01T00:00:01Z","x":1}
		{"ts":"2026-01-01T00:00:02Z","x":2}
		{"ts":"2026-01-01T00:00:03Z","x":2.5}
		{"ts":"2026-01-01T00:00:04Z"}
		{"ts":"2026-01-01T00:01:00Z","x":null}
	END
	expect <<-'END'
		{"op":"set","metric":"events","window_start":"2026-01-01T00:00:00Z","window_end":"2026-01-01T00:01:00Z","dims":{},"dims_hash":"99aa06d3014798d86001c324468d497f","count":4,"value_count":3,"sum":5.5,"min":1,"max":2.5,"measures":{"avg_x":1.8333333333333333,"spread":0.7637626158259734},"columns":{"count":{"avg_x.avg.n":3,"spread.stddev.n":3},"sum":{"avg_x.avg.sum":"5.5","spread.stddev.squares":"11.25","spread.stddev.sum":"5.5"}}}
		{"op":"set","metric":"events","window_start":"2026-01-01T00:01:00Z","window_end":"2026-01-01T00:02:00Z","dims":{},"dims_hash":"99aa06d3014798d86001c324468d497f","count":1,"value_count":0,"sum":null,"min":null,"max":null,"measures":{"avg_x":null,"spread":null},"columns":{"count":{"avg_x.avg.n":0,"spread.stddev.n":0},"sum":{"avg_x.avg.sum":"0","spread.stddev.squares":"0","spread.stddev.sum":"0"}}}
	END
	feed hta-window --no-sketch --agg 'avg(x)' <<<'{"ts":"2026-01-01T00:00:01Z","x":1}'
	[ "$(jq -c '[.measures, .columns]' "$out")" = '[{"avg_x":1},null]' ]
}

@test "measures: equal to a recount, over threads as well" {
	# shellcheck disable=SC2046
	events $(seq 0 59) >a
	recount each a >want
	# shellcheck disable=SC2086
	feed hta-window $measures a
	numbers >got
	same_numbers want got
	for _ in $(seq 300); do cat a; done >big
	# shellcheck disable=SC2086
	feed hta-window $measures big
	mv "$out" one
	# shellcheck disable=SC2086
	feed hta-window $measures -j 3 big
	cmp "$out" one
}

@test "measures: belong to their metric, and are of its meaning" {
	feed hta-window --agg 'avg(x)' --metric a --metric b --agg 'y=avg(y)' <<<'{"ts":"2026-01-01T00:00:01Z","x":1,"y":5}'
	[ "$(jq -c '[.metric, .measures]' "$out" | paste -sd' ')" = '["a",{"avg_x":1}] ["b",{"y":5}]' ]
	fails_with 64 hta-window --agg 'median(x)'
	says 'unknown operation "median": count, sum'
	fails_with 64 hta-window --agg 'avg x'
	says 'OPERATION\(PATH\) such as avg'
	fails_with 64 hta-window --agg 'avg(x)' --agg 'avg_x=stddev(y)'
	says 'two measures are called avg_x'
	fails_with 64 hta-window --agg 'a-b=avg(x)'
	says 'a measure.s name has 1 to 63 letters'
	fails_with 64 hta-window --agg 'avg(x..y)'
}

@test "measures: what one cannot take is bad for the line" {
	fails_with 65 hta-window --agg 'stddev(x)' --agg 'avg(x)' <<-'END'
		{"ts":"2026-01-01T00:00:01Z","x":10000000000}
		{"ts":"2026-01-01T00:00:01Z","x":-10000000000.000000001}
		{"ts":"2026-01-01T00:00:01Z","x":true}
	END
	says ':2: metric events: x is out of range for its measure \(beyond \+-10000000000\)'
	says ':3: metric events: x is a boolean, not a number'
	[ "$(jq -c .count "$out")" = 1 ]
	feed hta-window --agg 'avg(x)' <<<'{"ts":"2026-01-01T00:00:01Z","x":-10000000000.000000001}'
}

@test "measures: conditions, bounds and rates, equal to a recount" {
	feed hta-window --by ep --agg 'errors=count if .status >= 500' --agg rate --agg 'n=count(ms)' \
		--agg 'ok_ms=sum(ms) if .status < 300' --agg 'max(ms) if .status == 500' \
		--agg 'h=histogram(ms, -1, 10, 99.5) if .status != 503' --agg 'per_s=rate(ms) if .status != 503' <<-'END'
		{"ts":"2026-01-01T00:00:01Z","ep":"/a","status":200,"ms":10}
		{"ts":"2026-01-01T00:00:02Z","ep":"/a","status":500,"ms":50.5}
		{"ts":"2026-01-01T00:00:03Z","ep":"/a","status":503,"ms":"x"}
		{"ts":"2026-01-01T00:00:04Z","ep":"/b","status":200}
	END
	[ "$(jq -c '[.dims.ep, .count, .measures]' "$out" | paste -sd' ')" = '["/a",3,{"errors":2,"h":{"bounds":[-1,10,99.5],"counts":[0,1,1,0]},"max_ms":50.5,"n":3,"ok_ms":10,"per_s":1.0083333333333333,"rate":0.05}] ["/b",1,{"errors":0,"h":{"bounds":[-1,10,99.5],"counts":[0,0,0,0]},"max_ms":null,"n":0,"ok_ms":null,"per_s":0,"rate":0.016666666666666666}]' ]
}

@test "measures: a value is looked at only where its condition holds" {
	feed hta-window --agg 'sum(x) if .kind == "n"' <<-'END'
		{"ts":"2026-01-01T00:00:01Z","kind":"n","x":1.5}
		{"ts":"2026-01-01T00:00:02Z","kind":"s","x":"none"}
	END
	[ "$(jq -c '[.count, .measures]' "$out")" = '[2,{"sum_x":1.5}]' ]
	fails_with 65 hta-window --agg 'sum(x) if .kind == "s"' <<<'{"ts":"2026-01-01T00:00:02Z","kind":"s","x":"none"}'
	says 'x is a string, not a number'
}

@test "where: what does not hold is filtered, in the subset and by jq, and moves the watermark" {
	events $(seq 0 40) >a
	feed hta-window --by region --where '.region == "b"' --agg 'n=count(x)' a
	mv "$out" scanner
	feed hta-window --by region --where '[.region] | index("b") != null' --agg 'n=count(x)' a
	cmp "$out" scanner
	[ "$(jq -s 'map(.count) | add' scanner)" = "$(grep -c '"region":"b"' a)" ]
	{
		echo '{"ts":"2026-01-01T00:00:01Z","ok":true}'
		for _ in $(seq 20); do echo '{"ts":"2026-01-01T00:00:09Z","ok":false}'; done
		echo '{"ts":"2026-01-01T00:00:02Z","ok":true}'
	} >b
	feed hta-window --every 1s --lateness 0s --where '.ok' b
	[ "$(jq -c .window_start "$out")" = '"2026-01-01T00:00:01Z"' ]
	says 'late'
	feed hta-window --metric all --metric some --where '.ok' <<<'{"ts":"2026-01-01T00:00:01Z","ok":false}'
	[ "$(jq -r .metric "$out")" = all ]
}

@test "where: an error of the condition is bad data, and what is no condition is told" {
	fails_with 65 hta-window --where '.a.b == 1' <<<'{"ts":"2026-01-01T00:00:01Z","a":5}'
	says 'condition .a.b == 1: Cannot index number with string "b"'
	fails_with 64 hta-window --where '.a ==' </dev/null
	says 'condition ".a ==", character 6'
	fails_with 64 hta-window --agg 'n=count if .a =' </dev/null
}

@test "rules: a file, a folder, and a line are the options that say the same" {
	# shellcheck disable=SC2046
	events $(seq 0 59) >a
	feed hta-window --metric r --every 10s --by region --where '.region != "c"' --agg 'low=count if .x < 0' --agg 'avg(x)' a
	mv "$out" want
	feed hta-window --metric r -e 'low=count if .x < 0, avg(x) by region every 10s where .region != "c"' a
	cmp "$out" want
	mkdir rules
	cat >rules/b.json <<-'END'
		{"rule_id":"r","window_size":"10s","group_by":["region"],"where":".region != \"c\"","aggregates":
		 {"low":{"count":true,"where":".x < 0"},"avg_x":{"avg":"x"}},"note":"as above"}
	END
	echo '{' >rules/.hidden.json
	echo '[{"rule_id":"off","metric":"count","active":false}]' >rules/c.json
	feed hta-window --by x --agg 'sum(x)' --rules rules a
	cmp "$out" want
	feed hta-window --rules rules/b.json a
	cmp "$out" want
	echo '{"rule_id":"top_events_10m","window_size":"10m","metric":"count","group_by":["region"],"active":true}' >one.json
	feed hta-window --rules one.json --metric own a
	[ "$(jq -r .metric "$out" | sort -u | paste -sd' ')" = 'own top_events_10m' ]
	fails_with 64 hta-window --rules one.json -e count a
	says 'needs a name: --metric NAME before it'
	sed 's/"active"/"version":3,"active"/' one.json >three.json
	feed hta-window --rules three.json a
	[ "$(jq -r .metric "$out" | sort -u)" = top_events_10m@3 ]
}

@test "rules: what is shared is said once, and agrees" {
	echo '{"rule_id":"a","metric":"count","time":"at","time_unit":"ms"}{"rule_id":"b","metric":"count","time":"at"}' >agree
	feed hta-window --rules agree <<<'{"at":1767225600000}'
	[ "$(jq -c '[.metric, .count]' "$out" | paste -sd' ')" = '["a",1] ["b",1]' ]
	echo '{"rule_id":"c","metric":"count","time":"ts"}' >differ
	fails_with 78 hta-window --rules agree --rules differ </dev/null
	says 'rule c says "time":"ts", but rule a says "at"'
	echo '{"rule_id":"a","metric":"count","time":"at"}{"rule_id":"b","metric":"count","time":"ts"}' >differ
	fails_with 78 hta-window --rules differ </dev/null
	says 'rule b says "time":"ts", but rule a says "at"'
	fails_with 78 hta-window --time ts --rules agree </dev/null
	says 'beside the option --time'
}

@test "rules: what is wrong is told with its place" {
	printf '{"rule_id":"a",\n "metrc":"count"}' >wrong
	fails_with 78 hta-window --rules wrong </dev/null
	says 'wrong:2:3: unknown member "metrc" \(did you mean "metric"\?\)'
	echo '{"rule_id":"a","metric":"count","group_by":[{"path":"x","lowr":true}]}' >wrong
	fails_with 78 hta-window --rules wrong </dev/null
	says 'unknown member "lowr" \(did you mean "lower"\?\)'
	fails_with 78 hta-window --rules missing </dev/null
	says 'missing: No such file'
	mkdir empty
	fails_with 78 hta-window --rules empty </dev/null
	echo '{"rule_id":"a","metric":"count","where":".a =="}' >wrong
	fails_with 78 hta-window --rules wrong </dev/null
	says 'wrong: rule a: condition ".a =="'
	echo '{"rule_id":"a","metric":"count"}' >one
	fails_with 64 hta-window --rules one --metric a </dev/null
	says 'two metrics are called a'
	fails_with 64 hta-window -e 'cuont' </dev/null
	says 'did you mean "count"'
}

sketched=(--by region --agg 'p99(x)' --agg 'q=quantiles(x, 0.1, 0.5)' --agg 'p50(x) if .region != "b"' --agg 'uniq(x)' --agg 'uniq_exact(x)'
	--agg 'open=first(x)' --agg 'close=last(region) if .x != 3' --agg 'low=arg_min(ts, x)' --agg 'high=arg_max(x, region)')

@test "measures: quantiles are within 0.55 % of the value at their rank, uniques exact" {
	# shellcheck disable=SC2046
	events $(seq 0 59) >a
	feed hta-window "${sketched[@]}" a
	python3 - a "$out" <<-'END'
		import json, math, sys
		groups = {}
		for r in map(json.loads, open(sys.argv[1])):
		    groups.setdefault(r["region"], []).append(r["x"])
		for row in map(json.loads, open(sys.argv[2])):
		    v = sorted(x for x in groups.pop(row["dims"]["region"]) if x is not None)
		    m = row["measures"]
		    for name, q in (("p99_x", 0.99), ("q_p10", 0.1), ("q_p50", 0.5)):
		        x = v[max(1, math.ceil(q * len(v))) - 1]
		        assert abs(m[name] - x) <= 0.0055 * abs(x), (name, m[name], x)
		    assert (m["p50_x"] is None) == (row["dims"]["region"] == "b")
		    assert m["uniq_exact_x"] == len(set(v)) == m["uniq_x"] and m["uniq_exact_x_exact"] is True
		assert not groups
	END
}

@test "measures: sketches are the same in any order and over threads" {
	# shellcheck disable=SC2046
	events $(seq 0 59) >a
	for _ in $(seq 300); do cat a; done >big
	hta-window "${sketched[@]}" big >one
	hta-window "${sketched[@]}" -j 3 big | cmp - one
	sort -R --random-source=a big | hta-window "${sketched[@]}" | cmp - one
	for i in $(seq 12000); do echo "{\"ts\":\"2026-01-01T00:00:00Z\",\"u\":$i}"; done >many
	hta-window --agg 'uniq_exact(u)' many >one
	[ "$(jq -c '.measures.uniq_exact_u_exact' one)" = false ]
	sort -R --random-source=a many | hta-window -j 2 --agg 'uniq_exact(u)' | cmp - one
}

@test "measures: names of several quantiles are nobody else's, sketches a few, elements no objects" {
	fails_with 64 hta-window --agg 'q=quantiles(x, 0.5)' --agg 'q_p50=avg(x)'
	says 'two measures are called q_p50'
	fails_with 64 hta-window --agg 'quantiles(x, 0.5, 0.5)'
	says 'two measures are called quantiles_x_p50'
	fails_with 64 hta-window --agg 'p10(x)' --agg 'p20(x)' --agg 'p30(x)' --agg 'p40(x)' --agg 'p50(x)' --agg 'p60(x)' --agg 'p70(x)' --agg 'p80(x)' --agg 'p90(x)'
	says 'at most 8 measures that keep a sketch'
	fails_with 64 hta-window --agg 'p00(x)'
	fails_with 65 hta-window --agg 'uniq(x)' <<<'{"ts":"2026-01-01T00:00:01Z","x":{}}'
	says 'metric events: .*x'
}

held() { # what first, last, arg_min, arg_max show, as it is written
	sed 's/.*"measures":{\(.*\)},"columns".*/\1/' "$out"
}

@test "measures: first and last by time, arg_min and arg_max by a value, ties by the bytes" {
	feed hta-window --agg 'first(x)' --agg 'last(x)' --agg 'first(u)' --agg 'arg_max(u, x)' --agg 'arg_min(u, x)' --agg 'arg_max(ok, u)' --agg 'none=last(z)' <<-'END'
		{"ts":"2026-01-01T00:00:03Z","x":1.0,"u":"ann","ok":true}
		{"ts":"2026-01-01T00:00:01Z","x":"late","u":"b\u0041\u00e9\n","ok":false}
		{"ts":"2026-01-01T00:00:01Z","x":-5.250,"u":"z"}
		{"ts":"2026-01-01T00:00:05Z","x":1e2,"u":null}
		{"ts":"2026-01-01T00:00:02Z","x":100.000,"u":"\u007a"}
		{"ts":"2026-01-01T00:00:05Z","x":100,"ok":7}
	END
	[ "$(held)" = '"arg_max_ok":false,"arg_max_u":"bAé\n","arg_min_u":"z","first_u":"bAé\n","first_x":-5.250,"last_x":1e2,"none":null' ]
	# numbers beyond what a double tells apart, and types: false < true < numbers < strings
	feed hta-window --agg 'arg_max(u, x)' --agg 'arg_min(u, x)' --agg 'm=last(x) if .u != "c"' <<-'END'
		{"ts":"2026-01-01T00:00:00Z","x":12345678901234567890.1,"u":"a"}
		{"ts":"2026-01-01T00:00:00Z","x":12345678901234567890.2,"u":"b"}
		{"ts":"2026-01-01T00:00:00Z","x":"","u":"c"}
		{"ts":"2026-01-01T00:00:00Z","x":true,"u":"d"}
	END
	[ "$(held)" = '"arg_max_u":"c","arg_min_u":"d","m":12345678901234567890.2' ]
}

@test "measures: what cannot be held is bad for the line" {
	fails_with 65 hta-window --agg 'first(x)' --agg 'arg_max(y, x) if .y' <<-END
		{"ts":"2026-01-01T00:00:01Z","x":{}}
		{"ts":"2026-01-01T00:00:01Z","x":1,"y":[]}
		{"ts":"2026-01-01T00:00:01Z","x":"$(printf %1025s)"}
		{"ts":"2026-01-01T00:00:01Z","x":"$(printf %1024s)"}
		{"ts":"2026-01-01T00:00:01Z","x":1e1024}
		{"ts":"2026-01-01T00:00:01Z","x":1e1023}
	END
	says ':1: metric events: x is an object, not a string, number or boolean'
	says ':2: metric events: y is an array, not a string, number or boolean'
	says ':3: metric events: x is longer than 1024 bytes'
	says ':5: metric events: x is a number of more than 1024 characters \(written without an exponent\)'
	[ "$(jq -c .count "$out")" = 2 ]
	fails_with 65 hta-window --agg 'first(x)' <<-'END'
		{"ts":"2026-01-01T00:00:01Z","x":"\u0000"}
		{"ts":"2026-01-01T00:00:01Z","x":"\udead"}
	END
	says ':1: metric events: x has a NUL'
	says ':2: metric events: x has half of a surrogate pair'
	fails_with 64 hta-window --agg 'arg_max(x)'
	says 'arg_max needs a second path'
	fails_with 64 hta-window --agg 'first(x, y)'
	says 'too many arguments'
	echo '{"ts":"2026-01-01T00:00:01Z","x":1}' >a_line
	# shellcheck disable=SC2046
	feed hta-window $(printf -- '--agg m%d=first(x) ' $(seq 64)) <a_line
	# shellcheck disable=SC2046
	fails_with 64 hta-window $(printf -- '--agg m%d=first(x) ' $(seq 57)) --agg 'uniq(x)' <a_line
	says 'at most 64 measures of first, last, arg_min and arg_max, 8 less for each that keeps a sketch'
}

@test "measures: held values in rules, lines and options, and in what a store knows of a metric" {
	# shellcheck disable=SC2046
	events $(seq 0 59) >a
	feed hta-window --metric m --every 10s --by region --agg 'close=last(x)' --agg 'best=arg_max(ts, x) if .x > 0' a
	mv "$out" want
	feed hta-window --metric m -e 'best=arg_max(ts, x) if .x > 0, close=last(x) by region every 10s' a
	cmp "$out" want
	echo '{"rule_id":"m","window_size":"10s","group_by":["region"],"aggregates":{"close":{"last":"x"},"best":{"arg_max":"ts","by":"x","where":".x > 0"}}}' >rule
	feed hta-window --rules rule a
	cmp "$out" want
	job() { feed pipe "hta-consume --job m a | hta-window $* | tee stream | hta-sink-sqlite --init db | hta-commit"; }
	job --rules rule
	rm db*
	job "--metric m --every 10s --by region --agg 'close=last(x)' --agg 'best=arg_max(ts, x) if .x > 0'"
	job "--metric m -e 'best=arg_max(ts, x) if .x > 0, close=last(x) by region every 10s'"
	head -n 1 stream | grep -qF '"columns":[["highest","best.arg_max.held"],["highest","close.last.held"]]'
	[ "$(sqlite3 db 'select definition from hta_metric' | jq -r .agg.best)" = 'arg_max(.ts, .x) if .x > 0' ]
	fails_with 78 pipe "hta-consume --job m a | hta-window --metric m -e 'best=arg_max(ts, y) if .x > 0, close=last(x) by region every 10s' | hta-sink-sqlite db | hta-commit"
}

@test "measures: held values of steps, and of rows from standard input" {
	# shellcheck disable=SC2046
	events $(seq 0 59) | sort -R --random-source=<(yes) >a
	hta-window --every 1s "${sketched[@]}" a >rows
	hta-sink-sqlite --init db <rows
	hta-window --every 1h "${sketched[@]:2}" a | jq -cS '[.dims, .measures, .columns]' >want
	for store in '-d db' -; do
		# shellcheck disable=SC2086
		feed hta-query $store history events --since 2025-12-31 --step 1h --by '' <rows
		jq -cS '[.dims, .measures, .columns]' "$out" | cmp want
	done
}

# ---- stores

use() { # pg|redis|sqlite
	case $1 in
	pg)
		with_service pg
		psql -Xqc 'drop table if exists hta_rollups, hta_job, hta_pos, hta_metric, hta_dead, hta_schema cascade' 2>/dev/null
		sink=hta-sink-pg store="host=$PGHOST"
		;;
	redis)
		with_service redis
		redis-cli -u "$REDIS_URL" flushdb >/dev/null
		sink="hta-sink-redis --ttl never" store=$REDIS_URL
		;;
	sqlite) sink="hta-sink-sqlite db" store=db ;;
	esac
}

ask() { hta-query -d "$store" "$@"; }

# Two files, so two epochs of deltas at least; then the same once more, which changes nothing.
merges() {
	use "$1"
	# shellcheck disable=SC2046
	events $(seq 0 2 59) >a
	# shellcheck disable=SC2046
	events $(seq 1 2 59) >b
	for files in a 'a b' 'b a'; do
		feed pipe "hta-consume --dead drop --job m $files | hta-window --dead drop $(printf '%q ' $measures) --value x --uniq x | $sink --init | hta-commit"
	done
	feed ask latest events
	numbers >got
	recount each a b >want
	same_numbers want got
	feed ask latest events --by ''
	numbers >got
	recount all a b >want
	same_numbers want got
	# what a final row of all lines says, to the letter
	cat a b >all
	# shellcheck disable=SC2086
	hta-window $measures all | jq -cS '[.dims, .measures, .columns]' | sort >want
	ask latest events | jq -cS '[.dims, .measures, .columns]' | sort >got
	cmp want got
	feed ask latest events --format table
	grep -qE '^region +count .* uniq +h +max_x +mean +n +rate +stddev_x$' "$out"
}
@test "measures: deltas are merged once in Postgres" { merges pg; }
@test "measures: deltas are merged once in Redis" { merges redis; }
@test "measures: deltas are merged once in SQLite" { merges sqlite; }

estimate() { # pg|redis|sqlite [NAME]
	local name=${2:-p99_x}
	case $1 in
	redis) redis-cli -u "$REDIS_URL" --scan --pattern '*}:r:*' | sed 's/.*:\(.*\)$/\1 &/' | sort | while read -r _ key; do redis-cli -u "$REDIS_URL" hget "$key" estimates | jq -r ".$name"; done ;;
	pg) psql -XAtqc "select estimates->>'$name' from hta_rollups order by dims_hash" ;;
	sqlite) sqlite3 db "select json_extract(columns, '\$.estimates.$name') from hta_rollups order by dims_hash" ;;
	esac
}

merges_sketches() {
	use "$1"
	# shellcheck disable=SC2046
	events $(seq 0 2 59) >a
	# shellcheck disable=SC2046
	events $(seq 1 2 59) >b
	for files in a 'a b' 'b a'; do
		feed pipe "hta-consume --dead drop --job m $files | hta-window --dead drop $(printf '%q ' "${sketched[@]}") --uniq x --agg 'mean=avg(x)' | $sink --init | hta-commit"
	done
	cat a b >all
	hta-window "${sketched[@]}" --agg 'mean=avg(x)' all >final
	same_rows() { cmp <(jq -cS '[.dims, .measures, .columns]' "$1" | sort) <(jq -cS '[.dims, .measures, .columns]' "$2" | sort); }
	ask latest events >got
	same_rows final got
	for name in p99_x open close low; do
		cmp <(jq -r "[.dims_hash, .measures.$name] | @tsv" final | sort | cut -f2) <(estimate "$1" $name)
	done
	hta-window "${sketched[@]:2}" --agg 'mean=avg(x)' all >final
	ask latest events --by '' >got
	same_rows final got
	ask latest events --format table | grep -q ' p99_x .*q_p10 .*q_p50 .*uniq_exact_x .*uniq_x'
}
@test "measures: sketches are merged once in Postgres" { merges_sketches pg; }
@test "measures: sketches are merged once in Redis" { merges_sketches redis; }
@test "measures: sketches are merged once in SQLite" { merges_sketches sqlite; }

finals_sketches() {
	use "$1"
	# shellcheck disable=SC2046
	events $(seq 0 59) >a
	hta-window "${sketched[@]}" a >rows
	feed $sink --init <rows
	feed $sink --dry-run <rows
	expect <<<'new 0, equal 3, different 0'
	hta-window "${sketched[@]}" <(sed 's/"x":-/&9/' a) >other
	fails_with 65 $sink <other
	says 'stored with other values'
	feed $sink --replace <other
	feed $sink --dry-run <other
	expect <<<'new 0, equal 3, different 0'
	cmp <(jq -r '[.dims_hash, .measures.p99_x] | @tsv' other | sort | cut -f2) <(estimate "$1")
}
@test "measures: final rows with sketches in Postgres" { finals_sketches pg; }
@test "measures: final rows with sketches in Redis" { finals_sketches redis; }
@test "measures: final rows with sketches in SQLite" { finals_sketches sqlite; }

# Final rows of a plain stream: equal ones stay, others are refused, --replace replaces.
finals() {
	use "$1"
	# shellcheck disable=SC2046
	events $(seq 0 59) >a
	# shellcheck disable=SC2086
	hta-window $measures a >rows
	feed $sink --init <rows
	feed $sink --dry-run <rows
	expect <<<'new 0, equal 3, different 0'
	sed 's/"mean.avg.sum":"/&1/' rows >other
	fails_with 65 $sink <other
	says 'stored with other values'
	feed $sink --replace <other
	feed $sink --dry-run <other
	expect <<<'new 0, equal 3, different 0'
	fails_with 65 $sink < <(head -n 1 rows | sed 's/,"measures".*/}/'; tail -n +2 rows)
	says 'different columns'
}
@test "measures: final rows in Postgres" { finals pg; }
@test "measures: final rows in Redis" { finals redis; }
@test "measures: final rows in SQLite" { finals sqlite; }

# A dry run tells before --init what would happen: rows without the measures of the others are other rows.
rehearses() {
	use "$1"
	events 0 1 2 >a
	hta-window --by region a >plain
	# shellcheck disable=SC2086
	hta-window $measures a >rows
	n=$(wc -l <plain)
	feed $sink --init <plain
	feed $sink --dry-run <plain
	expect <<<"new 0, equal $n, different 0"
	feed $sink --dry-run <rows
	expect <<<"new 0, equal 0, different $n"
}
@test "measures: a dry run in Postgres" { rehearses pg; }
@test "measures: a dry run in Redis" { rehearses redis; }
@test "measures: a dry run in SQLite" { rehearses sqlite; }

@test "measures: a user's column that is called as slots are is none in Postgres" {
	use pg
	events 0 1 2 >a
	hta-window --by region a | $sink --init
	psql -Xqc 'alter table hta_rollups add sum_2024 numeric, add count_01 bigint, add min_2 numeric'
	# shellcheck disable=SC2086
	hta-window --metric speed $measures a >rows
	feed $sink --init <rows
	feed $sink --dry-run <rows
	expect <<<"new 0, equal $(wc -l <rows), different 0"
	# rows without the measures of the stored ones are other rows
	sed 's/,"measures".*/}/' rows >bare
	feed $sink --dry-run <bare
	expect <<<"new 0, equal 0, different $(wc -l <rows)"
}

# Whoever reads goes by the list that the metric's first stream has left: rows of another list would be misread.
relabels() {
	use "$1"
	events 1 2 3 >a
	row() { hta-window --metric 'say "x"' --by region "$@" a; }
	row --agg 'avg(x)' --agg 'y=avg(x)' | $sink --init
	feed ask latest 'say "x"'
	cp "$out" before
	for other in "--agg avg(x)" "--agg avg(x) --agg y=stddev(x)" ""; do
		# shellcheck disable=SC2086
		row $other >rows
		fails_with 78 $sink <rows
		says 'say "x" in .* has other measures .*; stored: .*; this pipeline: .*give the new one a new name'
		fails_with 78 $sink --replace <rows
	done
	feed ask latest 'say "x"'
	cmp before "$out"
	row --agg 'avg(x)' --agg 'y=avg(x)' | $sink
}
@test "measures: of a stored metric stay as they are in Postgres" { relabels pg; }
@test "measures: of a stored metric stay as they are in Redis" { relabels redis; }

@test "measures: rows that are none" {
	row() { printf '{"op":"set","metric":"m","window_start":"2026-01-01T00:00:00Z","window_end":"2026-01-01T00:01:00Z","dims":{},"dims_hash":"99aa06d3014798d86001c324468d497f","count":1,"columns":%s}\n' "$1"; }
	fails_with 65 hta-sink-sqlite --init db < <(row '{"median":{"a.b.c":1}}')
	says 'median is no rule that this program knows'
	fails_with 65 hta-sink-sqlite --init db < <(row '{"sum":{"a.b":1}}')
	says 'MEASURE.OPERATION.PART'
	hta-window --no-sketch --agg 'avg(x)' <<<'{"ts":"2026-01-01T00:00:01Z","x":1}' >values
	fails_with 65 hta-sink-sqlite --init db <values
	says 'drop --no-sketch'
	feed hta-sink-sqlite --init db < <(row '{"sum":{"a.later.s":1.5},"min":{"a.later.m":null}}')
	[ "$(sqlite3 db 'select columns from hta_rollups')" = '{"sum":{"a.later.s":"1.5"},"min":{"a.later.m":null}}' ]
	[ "$(hta-query -d db latest m | jq -c '[.measures, .columns]')" = '[{},{"sum":{"a.later.s":"1.5"},"min":{"a.later.m":null}}]' ]
}
