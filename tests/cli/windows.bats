# Windows beyond tumbling ones: hops, in final rows and out of stores, against recounts that share no code.
load ../helpers

setup() { cd "$BATS_TEST_TMPDIR"; }

# 4,000 events over some 7 minutes with a hole, in no order; endpoints of few, values with decimals, users.
once_events() {
	python3 - >events <<-'END'
		import json, random
		random.seed(5)
		at = [random.uniform(0, 150) for _ in range(2500)] + [random.uniform(301, 420) for _ in range(1500)]
		for s in at:
		    ts = "2026-01-01T00:%02d:%06.3fZ" % divmod(int(s * 1000) / 1000, 60)
		    print(json.dumps({"ts": ts, "endpoint": random.choice("abcd"),
		                      "v": random.randrange(-5000, 9000) / 1000, "u": "u%d" % random.randrange(700)}))
	END
}

numbers() { cut -d'|' -f1-7 "$@"; }
hopping='--metric h --every 60s --slide 10s --by endpoint --value v --uniq u'

# ---- hops ----

@test "hops: a row for each window that has an event, byte for byte" {
	feed hta-window --every 30s --slide 10s --value v <<-'END'
		{"ts":"2026-01-01T00:00:05Z","v":5}
		{"ts":"2026-01-01T00:00:16Z","v":1.5}
		{"ts":"2026-01-01T00:01:42Z","v":-1}
	END
	jq -c '[.window_start[11:19], .window_end[11:19], .count, .sum, .min, .max]' "$out" >got
	expect got <<-'END'
		["23:59:40","00:00:10",1,5,5,5]
		["23:59:50","00:00:20",2,6.5,1.5,5]
		["00:00:00","00:00:30",2,6.5,1.5,5]
		["00:00:10","00:00:40",1,1.5,1.5,1.5]
		["00:01:20","00:01:50",1,-1,-1,-1]
		["00:01:30","00:02:00",1,-1,-1,-1]
		["00:01:40","00:02:10",1,-1,-1,-1]
	END
}

@test "hops: equal to a recount, in any order, over threads, and with a lateness" {
	once_events
	oracle recount h/60:10/endpoint/v/u <events >exact
	[ "$(wc -l <exact)" -gt 100 ]
	# shellcheck disable=SC2086
	feed hta-window -q $hopping events
	mv "$out" want
	oracle window <want >got
	numbers exact | diff - <(numbers got)
	oracle within exact got
	local run
	shuf --random-source=<(yes) events >shuffled
	sort events >sorted
	for run in '<shuffled' '-j 3 shuffled' '-j 2 <events' '--lateness 0s sorted' '--lateness 8m shuffled'; do
		pipe "hta-window -q $hopping $run" | cmp - want || { echo "$run"; return 1; }
	done
	# a line at a time
	pipe "head -n 300 sorted | while read -r line; do echo \"\$line\"; done | hta-window -q $hopping --lateness 0s" >one
	pipe "head -n 300 sorted | hta-window -q $hopping" | cmp - one
}

@test "hops: measures and sketches are those of all events of a window" {
	once_events
	local all=(--agg 'p99(v)' --agg 'avg(v)' --agg 'e=uniq_exact(u)' --agg 'h=histogram(v,0,5)' --agg rate)
	# shellcheck disable=SC2086
	feed hta-window -q $hopping "${all[@]}" events
	# the windows that begin with a minute are those of --every alone
	jq -c 'select(.window_start | endswith(":00Z"))' "$out" >hops
	# shellcheck disable=SC2086
	feed hta-window -q ${hopping/--slide 10s} "${all[@]}" events
	jq -c . "$out" | cmp - hops
	[ "$(wc -l <hops)" -gt 15 ]
}

@test "hops: a late event is late for all of its windows" {
	printf '{"ts":"2026-01-01T00:00:%sZ"}\n' 01 11 25 09 18 >in
	feed hta-window --every 30s --slide 10s --lateness 1s --max-ahead none --late late in
	[ "$(grep -c . late)" = 2 ]
	[ "$(jq -c .count "$out" | paste -sd' ')" = '1 2 3 2 1' ]
}

@test "hops: what does not fit is refused" {
	fails_with 64 hta-window --every 1m --slide 25s
	says '--slide 25s does not divide the window, --every 1m'
	fails_with 64 hta-window --every 1m --slide 2m
	says 'does not divide'
	fails_with 64 hta-window --slide 1m
	says '--slide needs --every'
	fails_with 64 hta-window --every 366d --slide 1s
	says 'more than 86400 times'
	fails_with 64 hta-window --every 1m --slide 10
	fails_with 64 hta-window -e 'count every 1m slide 25s'
	says 'the slide must divide the window'
	echo '{"rule_id":"r","window_size":"1m","slide":"25s","metric":"count"}' >rules.json
	fails_with 78 hta-window --rules rules.json
	says 'the slide must divide the window'
	echo '{"rule_id":"r","window_size":"1m","slide":10,"metric":"count"}' >rules.json
	fails_with 78 hta-window --rules rules.json
}

@test "hops: flags, a line and a rule mean the same" {
	once_events
	feed hta-window -q --metric r --every 1m --slide 20s --by endpoint events
	mv "$out" want
	feed hta-window -q --metric r -e 'count by endpoint every 1m slide 20s' events
	cmp "$out" want
	echo '{"rule_id":"r","window_size":"60s","slide":"20s","metric":"count","group_by":["endpoint"]}' >rules.json
	feed hta-window -q --rules rules.json events
	cmp "$out" want
	# a slide as long as the window is none
	feed hta-window -q --every 1m --slide 1m events
	mv "$out" want
	feed hta-window -q --every 1m events
	cmp "$out" want
}

# ---- hops in stores ----

# Runs the events into SINK in three pieces and reads the windows back.
stored() { # STORE SINK...
	local store=$1
	shift
	# shellcheck disable=SC2086
	hta-consume --job "$HTA_PREFIX" --dead drop --epoch-records 700 "$PWD/events" | hta-window -q --dead drop $hopping --agg 'p99(v)' | "$@" | hta-commit
	hta-query -d "$store" history h >got
}

# Of final rows those of windows whose panes all lie between the first and the last one; as stores give rows.
kept() {
	python3 - <<-'END'
		import json
		at = [json.loads(l)["ts"][14:19] for l in open("events")]
		last = int(max(at)[:2]) * 60 + int(max(at)[3:]) // 10 * 10 + 10
		for line in open("final"):
		    r = json.loads(line)
		    if "2026-01-01T00:%s0Z" % min(at)[:4] <= r["window_start"] and r["window_end"] <= "2026-01-01T00:%02d:%02dZ" % divmod(last, 60):
		        print(line, end="")
	END
}

same_as_final() {
	# shellcheck disable=SC2086
	hta-window -q $hopping --agg 'p99(v)' events >final
	kept >kept
	[ "$(wc -l <kept)" -gt 100 ]
	[ "$(wc -l <kept)" -lt "$(wc -l <final)" ]
	jq -c 'del(.open)' got | diff <(jq -c . kept) -
}

@test "hops: SQLite keeps panes, hta-query shows windows" {
	export HTA_PREFIX=hops
	once_events
	stored s.db hta-sink-sqlite --init s.db
	same_as_final
	# rows do not grow with size / slide
	hta-window -q --metric h --every 10s --by endpoint events >panes
	[ "$(sqlite3 s.db 'select count(*) from hta_rollups')" = "$(wc -l <panes)" ]
	[ "$(hta-query -d s.db metrics | jq -c '.definition | [.every, .slide]')" = '["1m","10s"]' ]
	hta-query -d s.db metrics --format table | grep -q '1m slide 10s'
	# the newest window ends with the newest pane; final is what the mark is behind
	hta-query -d s.db latest h --no-sketch --by '' >latest
	[ "$(jq -c '[.window_start[11:19], .window_end[11:19], .open]' latest)" = '["00:06:00","00:07:00",true]' ]
	hta-query -d s.db latest h --final --no-sketch --by '' | jq -e '.window_end < "2026-01-01T00:07:00Z"'
	hta-query -d s.db top h -n 1 --no-sketch >top
	[ "$(jq .count top)" = "$(jq -s 'map(select(.window_start == "2026-01-01T00:06:00Z").count) | max' got)" ]
	# a range is of starts
	[ "$(hta-query -d s.db history h --since 2026-01-01T00:05:10Z --until 2026-01-01T00:05:40Z --by '' | jq -r '.window_start[14:19]' | paste -sd' ')" = '05:10 05:20 05:30' ]
	# steps add up panes
	[ "$(hta-query -d s.db history h --step 1h --by '' | jq .count)" = 4000 ]
	# what has no row in the hole is 0
	hta-query -d s.db history h --fill --final --by '' --since 2026-01-01T00:00:00Z >filled
	jq -e -s 'map(.window_start) == (map(.window_start) | sort) and length == 36' filled
	[ "$(jq -c 'select(.window_start == "2026-01-01T00:03:30Z") | [.count, .window_end[11:19]]' filled)" = '[0,"00:04:30"]' ]
	hta-query -d s.db history h --plot --by '' | grep -q '10s a place'
}

@test "hops: what was deleted takes the windows with it that had it" {
	export HTA_PREFIX=kept
	once_events
	stored s.db hta-sink-sqlite --init s.db
	sqlite3 s.db "delete from hta_rollups where window_start < '2026-01-01T00:01:00Z'"
	[ "$(hta-query -d s.db history h --since 2026-01-01T00:00:00Z --by '' | head -n 1 | jq -r .window_start)" = 2026-01-01T00:01:00Z ]
	sqlite3 s.db "delete from hta_rollups where window_start < '2026-01-01T00:06:40Z'"
	fails_with 1 hta-query -d s.db latest h
	says 'metric h has no rows there'
}

@test "hops: Postgres keeps panes, hta-query shows windows" {
	with_service pg
	once_events
	stored "postgres://$PGUSER@$PGHOST:$PGPORT/$PGDATABASE" hta-sink-pg --init
	same_as_final
}

@test "hops: Redis keeps panes, hta-query shows windows" {
	with_service redis
	once_events
	stored "$REDIS_URL" hta-sink-redis --init --ttl never
	same_as_final
}

@test "hops: final rows that overlap are shown as they are, and fit into no step" {
	once_events
	# shellcheck disable=SC2086
	hta-window -q $hopping events >final
	feed hta-query - history h <final
	jq -c 'del(.open)' "$out" | diff <(jq -c . final) -
	fails_with 64 hta-query - history h --step 1h <final
	says 'windows there overlap'
}

# ---- the highest rows ----

# Rows in short, the numbers exact: window dims count sum min max.
short() { jq -c '[.window_start[14:19], .dims, .count, .sum, .min, .max]' "${1:-$out}"; }

# Of the rows of the file `all` the n highest of each window by a field, ties by dims_hash, the others added up.
highest() { # N FIELD
	python3 - "$@" <<-'END'
		import json, sys
		from decimal import Decimal
		n, field = int(sys.argv[1]), sys.argv[2]
		windows = {}
		for line in open("all"):
		    r = json.loads(line, parse_float=Decimal, parse_int=Decimal)
		    windows.setdefault(r["window_start"], []).append(r)
		number = lambda r: r["measures"][field] if field in r.get("measures", {}) else r[field]
		for start, rows in sorted(windows.items()):
		    rows.sort(key=lambda r: (number(r) is not None, number(r) or 0, r["dims_hash"]), reverse=True)
		    out = [[r["dims"]["u"], r] for r in rows[:n]]
		    if rows[n:]:
		        one = {"count": sum(r["count"] for r in rows[n:]), "sum": sum(r["sum"] for r in rows[n:]),
		               "min": min(r["min"] for r in rows[n:]), "max": max(r["max"] for r in rows[n:])}
		        out.append(["__other__", one])
		    for u, r in sorted(out, key=lambda x: x[0]):
		        print(start[14:19], u, *(float(r[f]) for f in ("count", "sum", "min", "max")))
	END
}

in_floats() { jq -r '[.window_start[14:19], .dims.u, .count, .sum, .min, .max] | @tsv' "$out" | python3 -c 'import sys
for l in sys.stdin:
    f = l.split()
    print(*f[:2], *map(float, f[2:]))'; }

@test "--top: the highest rows of each window, the others as one, totals right" {
	once_events
	hta-window -q --by u --value v --uniq endpoint --agg 'p99(v)' --agg 'avg(v)' events >all
	local by
	for by in count sum max uniq p99_v avg_v; do
		feed hta-window -q --by u --value v --uniq endpoint --agg 'p99(v)' --agg 'avg(v)' --top "5:$by" events
		in_floats >got
		highest 5 "$by" | diff - got || { echo "by $by"; return 1; }
	done
	# its sketches and means are merged
	[ "$(jq -s 'map(select(.dims.u == "__other__") | .uniq) | min' "$out")" = 4 ]
	feed hta-window -q --by u --value v --top 5 events
	in_floats >got
	highest 5 count | diff - got
	mv "$out" want
	for run in '-j 3 events' '--lateness 8m events' '<events'; do
		pipe "hta-window -q --by u --value v --top 5 $run" | cmp - want || { echo "$run"; return 1; }
	done
	feed hta-window -q --value v --uniq u --every 1m events
	mv "$out" want
	feed hta-window -q --value v --uniq u --every 1m --by endpoint --top 1 events
	[ "$(jq -s 'map(.count) | add' "$out")" = 4000 ]
	[ "$(wc -l <"$out")" = "$((2 * $(wc -l <want)))" ]
	feed hta-window -q --by u --top 100k events
	not grep -q __other__ "$out"
}

@test "--top: of windows that overlap, of each metric its own, and what is called __other__ already" {
	once_events
	# shellcheck disable=SC2086
	hta-window -q ${hopping/endpoint/u} events >all
	# shellcheck disable=SC2086
	feed hta-window -q ${hopping/endpoint/u} --top 3:sum events
	in_floats >got
	highest 3 sum | diff - got
	feed hta-window -q --top 1 --by u --metric a --metric b --top '' --metric c --top 2 events
	[ "$(jq -s -c 'map(select(.window_start | endswith("00:00Z"))) | group_by(.metric) | map(length)' "$out" | jq -c '[.[0], .[1] > 100, .[2]]')" = '[2,true,3]' ]
	printf '{"ts":"2026-01-01T00:00:01Z","u":"%s"}\n' __other__ __other__ a a a b >in
	feed hta-window --by u --top 2 in
	[ "$(jq -c '[.dims.u, .count]' "$out" | paste -sd' ')" = '["__other__",3] ["a",3]' ]
}

@test "--top: what it cannot be is refused" {
	for top in x 0 -1 5: :count '5:a b'; do
		fails_with 64 hta-window --top "$top"
	done
	fails_with 64 hta-window --top 3:max
	says '--top by max: rows have no number of this name'
	fails_with 64 hta-window --top 3:h --agg 'h=histogram(v,1,2)'
	echo '{"ts":"2026-01-01T00:00:01Z","u":1}' >in
	fails_with 64 pipe 'hta-consume --job j in | hta-window --dead drop --by u --top 3'
	says '--top is for final rows'
}

# ---- too many groups ----

# The windows of the file `all` that have more than N rows, folded; the others as they are.
folded() { # N
	python3 - "$1" <<-'END'
		import json, sys
		from decimal import Decimal
		windows = {}
		for line in open("all"):
		    r = json.loads(line, parse_float=Decimal, parse_int=Decimal)
		    windows.setdefault(r["window_start"], []).append(r)
		for start, rows in sorted(windows.items()):
		    groups = {}
		    for r in rows:
		        u = "__other__" if len(rows) > int(sys.argv[1]) else r["dims"]["u"]
		        groups.setdefault((r["dims"]["endpoint"], u), []).append(r)
		    for key, g in sorted(groups.items()):
		        print(start[14:19], *key, *map(float, [sum(r["count"] for r in g), sum(r["sum"] for r in g), min(r["min"] for r in g)]))
	END
}

folded_floats() { jq -r '[.window_start[14:19], .dims.endpoint, .dims.u, .count, .sum, .min] | @tsv' "$out" | python3 -c 'import sys
for l in sys.stdin:
    f = l.split()
    print(*f[:3], *map(float, f[3:]))'; }

@test "--fold: a window with too many groups is folded, in any order of lines, totals right" {
	once_events
	hta-window -q --every 10s --by endpoint,u --value v events >all
	local bound=125 many
	many=$(jq -r .window_start all | uniq -c | awk '{n += $1 > 125} END {print n}')
	[ "$many" -gt 5 ]
	[ "$many" -lt "$(jq -r .window_start all | uniq | wc -l)" ]
	feed hta-window --every 10s --by endpoint,u --value v --max-groups $bound --fold u events
	says "more than 125 groups \(--max-groups\) in the window of 2026-01-01T.*: u is __other__ there; the heaviest were \{\"endpoint\":\"[a-d]\",\"u\":\"u[0-9]+\"\} [0-9]+, "
	says "metric events: $many windows were folded"
	folded_floats >got
	folded $bound | diff - got
	mv "$out" want
	sort events >sorted
	for run in '<events' '-j 3 events' '--lateness 8m events' '--lateness 0s sorted' 'sorted' '--fold u sorted'; do
		pipe "hta-window -q --every 10s --by endpoint,u --value v --max-groups $bound --fold u $run" | cmp - want || { echo "$run"; return 1; }
	done
	# a line at a time
	pipe "while read -r line; do echo \"\$line\"; done <events | hta-window -q --every 10s --by endpoint,u --value v --max-groups $bound --fold u" | cmp - want
}

@test "--fold: of windows that overlap" {
	once_events
	hta-window -q --every 20s --slide 5s --by endpoint,u --value v events >all
	for bound in 70 200 270; do
		feed hta-window -q --every 20s --slide 5s --by endpoint,u --value v --max-groups $bound --fold u events
		folded_floats >got
		folded $bound | diff - got || { echo "bound $bound"; return 1; }
		grep -q __other__ got
	done
}

@test "--fold: a rule has its own bound, and without fold it ends the run" {
	once_events
	cat >rules.json <<-'END'
		{"rule_id":"a","window_size":"10s","metric":"sum","field":"v","group_by":["endpoint","u"],"max_groups":125,"fold":["u"]}
		{"rule_id":"b","window_size":"10s","metric":"count","group_by":["endpoint","u"]}
	END
	feed hta-window -q --rules rules.json events
	[ "$(jq -s 'map(select(.metric == "a" and .dims.u == "__other__").count) | add > 500' "$out")" = true ]
	[ "$(jq -s 'map(select(.metric == "a").count) | add' "$out")" = 4000 ]
	not grep -q '"metric":"b".*__other__' "$out"
	echo '{"rule_id":"a","window_size":"10s","metric":"count","group_by":["endpoint","u"],"max_groups":125}' >rules.json
	fails_with 65 hta-window -q --rules rules.json events
	says 'more than 125 groups \(--max-groups\): the heaviest dimension is u of metric a'
	fails_with 65 hta-window -q -j 2 --rules rules.json events
	fails_with 64 pipe 'hta-consume --job j events | hta-window --dead drop --rules rules.json'
	says '--max-groups is for final rows'
}

@test "--fold: what it cannot be, and where it does not help" {
	once_events
	fails_with 64 hta-window --by u --fold u
	says '--fold needs --max-groups'
	fails_with 64 hta-window --by u --fold w --max-groups 5
	says '--fold w: it is no dimension'
	fails_with 64 hta-window --by u --fold u,u --max-groups 5
	fails_with 65 hta-window -q --by u,endpoint --fold endpoint --max-groups 50 events
	says 'more than 50 groups \(--max-groups\) in a window that is folded'
	[ ! -s "$out" ]
}

# ---- sessions ----

# 3,000 events of 12 keys within some hours, times to the microsecond, in an order that is off by half a minute.
once_visits() {
	python3 - >visits <<-'END'
		import json, random
		random.seed(11)
		events = []
		for k in range(12):
		    t = random.randrange(60 * 10**6)
		    for _ in range(250):
		        t += random.choice([random.randrange(2 * 10**6), random.randrange(20 * 10**6), 10**7, 9999999, 10**6, 0,
		                            random.randrange(90 * 10**6) if random.random() < .3 else 0])
		        events.append((t + random.randrange(30 * 10**6), t, k))
		for _, t, k in sorted(events):
		    s, us = divmod(t, 10**6)
		    ts = "2026-01-01T%02d:%02d:%02d.%06dZ" % (s // 3600, s // 60 % 60, s % 60, us)
		    print(json.dumps({"ts": ts, "k": None if k == 11 else "k%d" % k, "v": random.randrange(999) / 100, "u": random.randrange(50)}))
	END
}

# Sessions by the definition, of events on standard input: GAP and MAX in seconds, 0: none; LATENESS, -1: none is late.
visits() { # GAP MAX LATENESS
	python3 - "$@" 3<&0 <<-'END'
		import json, os, sys
		from datetime import datetime, timedelta
		gap, longest, lateness = (float(a) for a in sys.argv[1:])
		keys, high, late = {}, None, 0
		for line in os.fdopen(3):
		    e = json.loads(line)
		    t = (datetime.fromisoformat(e["ts"].replace("Z", "+00:00")).replace(tzinfo=None) - datetime(1970, 1, 1)) // timedelta(microseconds=1)
		    if lateness >= 0 and high is not None and t < high - lateness * 10**6:
		        late += 1
		        continue
		    high = t if high is None else max(high, t)
		    keys.setdefault(json.dumps(e.get("k")), []).append((t, e))
		rows = []
		for k, events in keys.items():
		    events.sort(key=lambda x: x[0])
		    sessions = []
		    for t, e in events:
		        s = sessions and sessions[-1]
		        if not s or t - s[-1][0] >= gap * 10**6 or longest and t - s[0][0] >= longest * 10**6:
		            sessions.append([])
		        sessions[-1].append((t, e))
		    for s in sessions:
		        v = [round(e["v"] * 100) for _, e in s]
		        rows.append((int(s[-1][0] + gap * 10**6), s[0][0], k, len(s), sum(v), min(v), max(v), len({e["u"] for _, e in s})))
		for r in sorted(rows):
		    print(*r)
		print(late, file=sys.stderr)
	END
}

# Rows in the form of the recount.
sessions() { # FILE
	python3 - "$1" <<-'END'
		import json, sys
		from datetime import datetime, timedelta
		us = lambda t: (datetime.fromisoformat(t.replace("Z", "+00:00")).replace(tzinfo=None) - datetime(1970, 1, 1)) // timedelta(microseconds=1)
		rows = []
		for line in open(sys.argv[1]):
		    r = json.loads(line)
		    rows.append((us(r["window_end"]), us(r["window_start"]), json.dumps(r["dims"]["k"]), r["count"],
		                 *(round(r[f] * 100) for f in ("sum", "min", "max")), r["measures"]["n"]))
		if [r[0] for r in rows] != sorted(r[0] for r in rows):
		    print("not in the order of ends")
		for r in sorted(rows):
		    print(*r)
	END
}

counted() { hta-window -q --by k --value v --agg 'n=uniq_exact(u)' "$@"; }
export -f counted

@test "sessions: equal to a recount by the definition, in any order and over threads" {
	once_visits
	shuf --random-source=<(yes) visits >shuffled
	local gap max
	for gap in 10 1; do
		for max in 0 20 300; do
			[ $max = 0 ] || [ $gap -le $max ]
			# shellcheck disable=SC2086
			feed counted --gap ${gap}s $([ $max = 0 ] || echo --max-length ${max}s) visits
			mv "$out" rows
			visits $gap $max -1 <visits >want 2>late
			sessions rows | diff - want || { echo "gap $gap, max $max"; return 1; }
			[ "$(wc -l <want)" -gt 100 ]
			# shellcheck disable=SC2086
			for run in '<shuffled' '-j 3 shuffled' '--lateness 1m visits'; do
				pipe "counted --gap ${gap}s $([ $max = 0 ] || echo --max-length ${max}s) $run" | cmp - rows || { echo "gap $gap, max $max, $run"; return 1; }
			done
		done
	done
}

@test "sessions: with a lateness they are those of the events that were not late, however the input is cut" {
	once_visits
	local late max
	for late in 0 3 20; do
		for max in 0 25; do
			options="--gap 10s $([ $max = 0 ] || echo --max-length ${max}s) --lateness ${late}s --max-ahead none"
			feed pipe "counted $options --late left visits"
			mv "$out" rows
			visits 10 $max $late <visits >want 2>late
			sessions rows | diff - want || { echo "lateness $late, max $max"; return 1; }
			[ "$(<late)" -gt 0 ]
			[ "$(wc -l <left)" = "$(<late)" ]
			rm left
			pipe "while read -r line; do echo \"\$line\"; done <visits | counted $options --late drop" | cmp - rows
		done
	done
}

@test "sessions: two that are open become one by an event between them" {
	printf '{"ts":"2026-01-01T00:00:%sZ"}\n' 00 16 08 40 >in
	feed hta-window --gap 10s --lateness 20s --max-ahead none in
	[ "$(jq -c '[.window_start[17:19], .window_end[17:19], .count]' "$out" | paste -sd' ')" = '["00","26",3] ["40","50",1]' ]
	feed hta-window --gap 10s --max-length 12s --lateness 20s --max-ahead none in
	[ "$(jq -c '[.window_start[17:19], .window_end[17:19], .count]' "$out" | paste -sd' ')" = '["00","18",2] ["16","26",1] ["40","50",1]' ]
}

@test "sessions: a row comes when its end and a gap are behind the mark" {
	mkfifo in
	spawn live bash -c 'hta-window --gap 2s --lateness 0s --max-ahead none <in'
	exec 4>in
	printf '{"ts":"2026-01-01T00:00:%sZ"}\n' 00 01 07 >&4
	wait_until 60 grep -q '"window_end":"2026-01-01T00:00:03Z"' "$BATS_TEST_TMPDIR/live.out"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/live.out")" = 1 ]
	exec 4>&-
	exits_with 0 60
	[ "$(jq -c .count "$BATS_TEST_TMPDIR/live.out" | paste -sd' ')" = '2 1' ]
}

@test "sessions: flags, a line and a rule mean the same" {
	once_visits
	feed hta-window -q --metric s --by k --gap 10s --max-length 1m visits
	mv "$out" want
	feed hta-window -q --metric s -e 'count by k gap 10s max 1m' visits
	cmp "$out" want
	echo '{"rule_id":"s","gap":"10s","max_length":"60s","metric":"count","group_by":["k"]}' >rules.json
	feed hta-window -q --rules rules.json visits
	cmp "$out" want
	# beside windows of other kinds
	feed hta-window -q --by k --metric s --gap 10s --max-length 1m --metric m --every 1m --metric h --every 1m --slide 20s visits
	grep '"metric":"s"' "$out" | cmp - want
	[ "$(jq -s -c 'map(select(.metric == "m").count) | add' "$out")" = 3000 ]
	[ "$(jq -s -c 'map(select(.metric == "h").count) | add' "$out")" = 9000 ]
}

@test "sessions: stored and shown as they are" {
	once_visits
	hta-window -q --metric s --by k --gap 10s visits >final
	hta-sink-sqlite --init s.db <final
	feed hta-query -d s.db history s --since 2026-01-01T00:00:00Z
	[ "$(jq -c '[.window_start, .window_end, .dims.k, .count]' "$out" | sort)" = "$(jq -c '[.window_start, .window_end, .dims.k, .count]' final | sort)" ]
	fails_with 64 hta-query -d s.db history s --since 2026-01-01T00:00:00Z --step 1h
}

@test "sessions: what they cannot be is refused" {
	echo '{"ts":"2026-01-01T00:00:01Z","u":1}' >in
	fails_with 64 pipe 'hta-consume --job j in | hta-window --dead drop --gap 10s'
	says 'session windows are for plain streams'
	fails_with 64 hta-window --gap 10s --every 1m
	says 'there are no windows of --gap, --every'
	fails_with 64 hta-window --gap 10s --slide 1m
	fails_with 64 hta-window --max-length 10s
	fails_with 64 hta-window --gap 10s --max-length 9s
	says '--max-length is shorter than --gap'
	fails_with 64 hta-window --gap 0s
	fails_with 64 hta-window --gap 367d
	fails_with 64 hta-window --gap 10
	fails_with 64 hta-window --gap 10s --by u --top 3
	says 'sessions have each their own'
	fails_with 64 hta-window --gap 10s --by u --fold u --max-groups 3
	fails_with 65 hta-window --gap 10s --max-length 1h --by u --max-groups 1 <<<'{"ts":"2026-01-01T00:00:01Z","u":1}
{"ts":"2026-01-01T00:00:02Z","u":1}'
	says 'more than 1 groups'
	echo '{"rule_id":"r","window_size":"1m","gap":"10s","metric":"count"}' >rules.json
	fails_with 78 hta-window --rules rules.json
	says 'either of a fixed size or a session'
}
