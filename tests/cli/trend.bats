# hta-trend over rows of a pipe, and over real stores: the same alerts from each, each once, however runs are cut.
load ../helpers

setup() { cd "$BATS_TEST_TMPDIR" || return; }

# Events of minutes, in order of time: each line of the input is an endpoint and its counts, minute by minute from 2026-01-01T00:00:00Z.
events() {
	awk '
		{ name[NR] = $1; for (i = 2; i <= NF; i++) count[NR, i] = $i; if (NF > last) last = NF }
		END {
			for (i = 2; i <= last; i++) for (k = 1; k <= NR; k++) for (n = 0; n < count[k, i]; n++)
				printf "{\"ts\":\"2026-01-01T%02d:%02d:%02dZ\",\"endpoint\":\"%s\",\"v\":%d}\n", int((i - 2) / 60), (i - 2) % 60, n % 60, name[k], n
		}'
}

rows() { events | hta-window --by endpoint "$@"; }

# Alerts of the file, a line each: MINUTE KIND SERIES VALUE BASELINE FACTOR SEVERITY.
told() { # [FILE]
	jq -r '[.window_start[14:16], .alert, .dims.endpoint, .value, (.baseline | if . then . * 100 | round / 100 else . end),
		(.factor | if . then . * 100 | round / 100 else . end), .severity] | map(. // "-") | join(" ")' "${1:-$out}"
}

expect_told() { told >told.txt; expect told.txt; }

# ---- a pipe

@test "trend: a spike, word for word" {
	rows <<<'a 10 10 10 10 10 10 10 50 10' >rows
	feed hta-trend <rows
	expect <<-'END'
		{"alert":"spike","key":"events/ema:count/2026-01-01T00:07:00Z/3a95ce3bbf823448017ba6364c98d26b/spike","metric":"events","window_start":"2026-01-01T00:07:00Z","window_end":"2026-01-01T00:08:00Z","dims":{"endpoint":"a"},"dims_hash":"3a95ce3bbf823448017ba6364c98d26b","measure":"count","value":50,"baseline":10,"factor":5,"severity":"MEDIUM"}
	END
	feed hta-trend --format text <rows
	expect <<-'END'
		2026-01-01T00:07:00Z MEDIUM spike  events endpoint=a: count 50, baseline 10, factor 5
	END
	run_for 0 script -qec 'hta-trend <rows' /dev/null
	tr -d '\r' <"$out" | grep -qx '2026-01-01T00:07:00Z MEDIUM spike .*'
	fails_with 1 hta-trend --exit-code <rows
	[ -z "$stderr" ]
	[ -s "$out" ]
	head -n 7 rows | feed hta-trend --exit-code
	[ ! -s "$out" ]
}

@test "trend: the first alert is possible behind the warm-up" {
	rows <<<'a 10 90 10 10 90 10 90' >rows
	feed hta-trend <rows
	[ "$(told | cut -d' ' -f1 | paste -sd' ')" = 06 ]
	feed hta-trend --warm-up 0 <rows
	[ "$(told | cut -d' ' -f1 | paste -sd' ')" = '01 04 06' ]
	feed hta-trend --warm-up 4 <rows
	[ "$(told | cut -d' ' -f1 | paste -sd' ')" = '04 06' ]
}

@test "trend: drops, when it is over, how long, how often" {
	rows <<<'a 20 20 20 20 20 20 20 2 2 2 20 20 90 90 20 20 20' >rows
	feed hta-trend --drop --clear <rows
	expect_told <<-'END'
		07 drop a 2 20 10 HIGH
		08 drop a 2 14.6 7.3 HIGH
		09 drop a 2 10.82 5.41 MEDIUM
		10 clear a 20 8.17 2.45 LOW
		10 spike a 20 8.17 2.45 LOW
		11 clear a 20 11.72 1.71 LOW
		12 spike a 90 14.21 6.34 HIGH
		13 spike a 90 36.94 2.44 LOW
		14 clear a 20 52.86 2.64 LOW
		14 drop a 20 52.86 2.64 LOW
		15 drop a 20 43 2.15 LOW
		16 clear a 20 36.1 0.55 LOW
	END
	feed hta-trend <rows
	[ "$(told | cut -d' ' -f1-2 | paste -sd,)" = '10 spike,12 spike,13 spike' ]
	feed hta-trend --drop --for 2 --clear <rows
	[ "$(told | cut -d' ' -f1-2 | paste -sd,)" = '08 drop,09 drop,10 clear,13 spike,14 clear,15 drop,16 clear' ]
	feed hta-trend --drop --cool-down 5 --clear <rows
	[ "$(told | cut -d' ' -f1-2 | paste -sd,)" = '07 drop,10 clear,13 spike,14 clear' ]
	feed hta-trend --alpha 1 --factor 3 <rows
	expect_told <<-'END'
		10 spike a 20 2 10 HIGH
		12 spike a 90 20 4.5 MEDIUM
	END
}

@test "trend: an absent series is proved by a later window, of any series" {
	rows <<-'END' >rows
		a 3 3 3 3 3 3 0 0 3
		b 3 3 3 3 3 3 3 3 3 3 3 3
		c 3 3
	END
	feed hta-trend --method absent --clear <rows
	expect_told <<-'END'
		06 absent a 0 - 1 LOW
		07 absent a 0 - 2 MEDIUM
		08 clear a 3 - 0 LOW
		09 absent a 0 - 1 LOW
		10 absent a 0 - 2 MEDIUM
	END
}

@test "trend: a series is judged once it was there for the warm-up, and absent for as long as asked" {
	rows <<-'END' >rows
		a 3 3 3 3 3 3 0 0 0 0 0 0 3
		b 3 3 3 3 3 3 3 3 3 3 3 3 3 3
		c 3 3 0
	END
	feed hta-trend --method absent --for 3 --cool-down 2 <rows
	expect_told <<-'END'
		08 absent a 0 - 3 LOW
		11 absent a 0 - 6 MEDIUM
	END
}

@test "trend: bounds, and quotients of measures" {
	rows <<<'a 5 12 3 31 0 8' >rows
	feed hta-trend --method threshold --above 10 --below 4 <rows
	expect_told <<-'END'
		01 spike a 12 10 1.2 LOW
		02 drop a 3 4 1.33 LOW
		03 spike a 31 10 3.1 HIGH
		04 drop a 0 4 - HIGH
	END
	events <<<'a 10 10 10 0 10' | hta-window -e 'count, low=count if .v < 4 by endpoint every 1m' >rows
	feed hta-trend --measure low/count --method threshold --above 0.39 --for 4 <rows
	expect_told <<-'END'
		04 spike a 0.4 0.39 1.03 LOW
	END
	# a window without a row has no quotient: it is none of the four
	[ "$(wc -l <rows)" = 4 ]
}

@test "trend: one burst does not blind the median" {
	rows <<<'a 9 10 11 10 9 11 10 400 10 9 30 11 10' >rows
	feed hta-trend --drop <rows
	[ "$(told | grep -c '10 spike')" = 0 ]
	feed hta-trend --method mad --drop --clear <rows
	expect_told <<-'END'
		07 spike a 400 10 390 HIGH
		08 clear a 10 10 0 LOW
		10 spike a 30 10 20 HIGH
		11 clear a 11 10 1 LOW
	END
	# of the last two only, the burst is half of what is known
	feed hta-trend --method mad --last 2 <rows
	[ "$(told | cut -d' ' -f1 | paste -sd' ')" = '07 10' ]
}

@test "trend: a window without a row is 0 for counts, and nothing for other measures" {
	events <<<'a 10 10 10 10 10 10 0 0 8 8' | hta-window --by endpoint --value v --agg 'p=p50(v)' >rows
	[ "$(wc -l <rows)" = 8 ]
	feed hta-trend --drop <rows
	[ "$(told | cut -d' ' -f1-4 | paste -sd,)" = '06 drop a 0,07 drop a 0' ]
	feed hta-trend --drop --measure value_count <rows
	[ "$(told | cut -d' ' -f1-4 | paste -sd,)" = '06 drop a 0,07 drop a 0' ]
	for measure in p sum max sum/count; do
		feed hta-trend --drop --measure $measure <rows
		[ ! -s "$out" ]
	done
	feed hta-trend --method absent --measure p --clear <rows
	expect_told <<-'END'
		06 absent a - - 1 LOW
		07 absent a - - 2 MEDIUM
		08 clear a 3.00203 - 0 LOW
	END
}

@test "trend: metrics between each other have series of their own" {
	rows <<<'a 10 10 10 10 10 10 50' >one
	rows --metric other <<<'a 50 50 50 50 50 50 50' >two
	paste -d '\n' one two >rows
	feed hta-trend <rows
	[ "$(jq -r .metric "$out")" = events ]
}

@test "trend: an alert is out as soon as its row is there" {
	rows <<<'a 10 10 10 10 10 10 50' >rows
	mkfifo in
	spawn trend bash -c 'hta-trend <in'
	exec 7>in
	cat rows >&7
	wait_until 60 test -s trend.out
	exec 7>&-
	exits_with 0 60
}

@test "trend: what no trend can be made of" {
	rows <<<'a 10 10 10' >rows
	fails_with 64 pipe 'hta-consume --job web rows | hta-trend | hta-commit'
	says 'hta-trend: standard input is an acknowledged stream: .*hta-trend -d STORE METRIC'
	sed 's/"op":"set"/"op":"add"/; s/"count":10/"count":"10"/' rows >deltas
	fails_with 65 hta-trend <deltas
	says 'standard input, line 1: a delta '
	tac rows >back
	fails_with 65 hta-trend <back
	says 'standard input, line 2: metric events: a window that is before .* in order of time$'
	{ cat rows; rows --every 2m <<<'a 0 0 0 0 1 1'; } >other
	fails_with 65 hta-trend <other
	says 'line 4: metric events: a window of 120000 ms behind windows of 60000 ms: .* of one length$'
	{ cat rows; sed '1!d; s/:00Z/:30Z/g; s/00:00:30/00:07:30/; s/00:01:30/00:08:30/' rows; } >other
	fails_with 65 hta-trend <other
	says 'line 4: .* tile the time$'
	fails_with 65 hta-trend <<<'{"op":"set"'
	says 'standard input, line 1: '
	fails_with 64 hta-trend --measure p99 <rows
	says 'line 1: metric events: --measure p99: rows have no such number$'
	feed hta-trend </dev/null
	[ ! -s "$out" ]
}

@test "trend: options that do not go together" {
	while IFS='|' read -r options text; do
		# shellcheck disable=SC2086
		fails_with 64 hta-trend $options </dev/null
		says "$text"
	done <<-'END'
		--method threshold|needs --above N, --below N or both
		--above 3|are for --method threshold
		--method threshold --above 3 --below 4|--below is higher than --above
		--method mad --alpha 0.1|--alpha is for --method ema
		--last 3|--last is for --method mad and season
		--method absent --drop|--factor and --drop are for --method ema, mad and season
		--factor 1|--factor must be above 1 for --method ema
		--method mad --factor 0|--factor: must be above 0
		--alpha 0|--alpha: must be above 0
		--for 0|--for
		--method season|--method season reads the weeks before from a store
		--follow|are for a store
		-d x|which metric of the store\?
		-d x --follow --exit-code m|--follow and --exit-code exclude each other
		-d x m n|"n" is one operand too many
		--measure a/b/c|--measure: "a/b/c" is not NAME/NAME
		--method emma|ema
	END
}

# ---- stores

# The stores of this test: a file, Postgres, Redis; $store is what to give to a program.
with_stores() {
	with_service pg redis
	psql -Xqc 'drop schema public cascade; create schema public' 2>/dev/null
	redis-cli -u "$REDIS_URL" flushdb >/dev/null
}
stores() { printf '%s\n' "sqlite $BATS_TEST_TMPDIR/db" "pg dbname=$PGDATABASE" "redis $REDIS_URL"; }

# What a store has of alerts, all of them in order of their keys, as they were printed.
kept() { # KIND
	case $1 in
	sqlite) sqlite3 db "SELECT json_object('alert', alert, 'key', key, 'value', value, 'baseline', baseline, 'severity', severity) FROM hta_alerts" ;;
	pg) psql -XqAtc "SELECT jsonb_build_object('alert', alert, 'key', key, 'value', value, 'baseline', baseline, 'severity', severity) FROM hta_alerts" ;;
	redis) for key in $(redis-cli -u "$REDIS_URL" --scan --pattern '{hta}:a:*'); do redis-cli -u "$REDIS_URL" ZRANGE "$key" 0 -1; done ;;
	esac | jq -cS '{alert, key, value, baseline, severity} | map_values(if type == "number" then (. * 1e6 | round) else . end)' | sort
}
printed() { jq -cS '{alert, key, value, baseline, severity} | map_values(if type == "number" then (. * 1e6 | round) else . end)' "$@" | sort; }

sink() { # KIND STORE
	if [ "$1" = redis ]; then set -- "$@" --ttl never; fi
	"hta-sink-$1" --init "${@:2}"
}

# Adds what is new in the file to a job in the store.
count() { # KIND STORE FILE
	hta-consume --job web --dead drop -q "$3" | hta-window --by endpoint --dead drop | sink "$1" "$2" | hta-commit
}

busy() {
	events <<-'END'
		a 10 10 10 10 10 10 10 50 10 10 10 10 10 40 40 40 10 10 10 10
		b 10 10 10 10 10 10 10 10 10 0 0 0 10 10 10 10 10 10 10 10
		c 0 0 9 9 9 9 9 9 99 9 9 9 9 9 9 0 0 0 0 0
	END
}

@test "trend: a store has the alerts of a pipe, each once, and a second run has none" {
	with_stores
	busy | hta-window --by endpoint >rows
	hta-trend --drop --clear <rows >want
	[ "$(wc -l <want)" -ge 10 ]
	while read -r kind store; do
		sink "$kind" "$store" <rows
		[ "$kind" = redis ] || {
			fails_with 78 hta-trend -d "$store" events
			says 'tables hta_alerts and hta_trend are missing: run `hta-trend --init -d .* METRIC` once'
		}
		feed hta-trend -d "$store" --init --drop --clear events
		diff -u <(printed want) <(printed "$out")
		diff -u <(printed want) <(kept "$kind")
		feed hta-trend -d "$store" --drop --clear events
		[ ! -s "$out" ]
		diff -u <(printed want) <(kept "$kind")
		fails_with 78 hta-trend -d "$store" --drop events
		says 'rule ema:count of metric events has begun there with other settings \(measure=count method=ema alpha=0.3 factor=2 drop=1 '
		fails_with 78 hta-trend -d "$store" event
		says 'no metric "event" .*did you mean "events"'
		fails_with 64 hta-trend -d "$store" --measure nothing events
		feed hta-trend -d "$store" --reset events
		[ "$(<"$out")" = "rule ema:count of metric events deleted: its state, $(wc -l <want) alerts" ]
		[ -z "$(kept "$kind")" ]
		HTA_STORE=$store feed hta-trend --drop --clear events
		diff -u <(printed want) <(printed "$out")
	done < <(stores)
}

@test "trend: runs between any two of a job's are as one run, and as a pipe of its final rows" {
	with_stores
	busy >all
	while read -r kind store; do
		: >log
		n=0
		while IFS= read -r line; do
			printf '%s\n' "$line" >>log
			n=$((n + 1))
			[ $((n % 83)) != 0 ] || { count "$kind" "$store" log; hta-trend -d "$store" --init --drop --clear events; hta-trend -d "$store" --init --method absent events; }
		done <all >"cut.$kind"
		count "$kind" "$store" log
		{ hta-trend -d "$store" --drop --clear events; hta-trend -d "$store" --method absent events; } >>"cut.$kind"
		diff -u <(printed "cut.$kind") <(kept "$kind")
		feed hta-trend -d "$store" --drop --clear --rule again events
		[ -s "$out" ]
		diff -u <(grep /ema: "cut.$kind") <(sed 's|/again/|/ema:count/|' "$out")
		feed hta-trend -d "$store" --method absent --rule gone events
		diff -u <(grep /absent: "cut.$kind") <(sed 's|/gone/|/absent:count/|' "$out")
		[ "$(told | grep -c ' absent c ')" = 4 ]
		feed pipe "hta-query -d '$store' history events --final | hta-trend --drop --clear"
		diff -u <(grep /ema: "cut.$kind" | grep -v '00:18:00Z/[0-9a-f]*/drop') <(grep -v '00:18:00Z/[0-9a-f]*/drop' "$out")
		cp "cut.$kind" cut
	done < <(stores)
	diff -u cut.sqlite cut.pg
	diff -u cut.sqlite cut.redis
}

@test "trend: killed anywhere, the next run has the same alerts, and the store each once" {
	with_stores
	busy | hta-window --by endpoint >rows
	hta-trend --clear <rows >want
	while read -r kind store; do
		points='alerts-printed alerts-inside alerts-stored'
		[ "$kind" != redis ] || points='alerts-printed alerts-stored'
		for point in $points; do
			sink "$kind" "$store" <rows
			hta-trend -d "$store" --init --reset --clear events >/dev/null
			HTA_CRASH=$point fails_with 137 bash -c "hta-trend -d '$store' --clear events"
			cp "$out" first
			diff -u <(printed want) <(printed first)
			feed hta-trend -d "$store" --clear events
			if [ $point = alerts-stored ]; then [ ! -s "$out" ]; else diff -u first "$out"; fi
			diff -u <(printed want) <(kept "$kind")
		done
	done < <(stores)
}

@test "trend: runs at the same time are as one behind the other" {
	with_stores
	busy | hta-window --by endpoint >rows
	hta-trend --clear <rows >want
	while read -r kind store; do
		sink "$kind" "$store" <rows
		hta-trend -d "$store" --init --reset --clear events >/dev/null
		runs=()
		for n in 1 2 3 4 5 6; do
			hta-trend -d "$store" --clear events >"run.$n" &
			runs+=($!)
		done
		for run in "${runs[@]}"; do wait "$run"; done
		diff -u <(printed want) <(printed run.* | sort -u)
		diff -u <(printed want) <(kept "$kind")
	done < <(stores)
}

@test "trend: a file that another one has locked for a moment is waited for" {
	busy | hta-window --by endpoint | hta-sink-sqlite --init db
	hta-trend -d db --init --since 2100-01-01 --rule none events
	mkfifo go
	spawn holder python3 -c '
import sqlite3, time
db = sqlite3.connect("db", isolation_level=None)
db.execute("pragma locking_mode = exclusive")
db.execute("begin immediate")
print(db.execute("update hta_trend set turn = turn").rowcount, flush=True)
open("go").read()
time.sleep(1)
	'
	wait_until 60 test -s holder.out
	: >go
	feed hta-trend -d db events
	[ -s "$out" ]
	exits_with 0 60
}

@test "trend: --follow goes on with what becomes final" {
	busy >all
	head -n 320 all >log
	count sqlite db log
	spawn trend hta-trend -d db --init --follow events
	tells() { told trend.out | grep -q "$1"; }
	wait_until 60 tells '^07 spike a '
	not tells '^13 '
	cp all log
	count sqlite db log
	hta-trend -d db --rule once events >once
	grep -q '"spike"' once
	# the first that came may be of an epoch before the last
	tells_all() { diff -u <(printed trend.out) <(sed 's|/once/|/ema:count/|' once | printed); }
	wait_until 60 tells_all
	tells '^13 spike a '
	kill -TERM "$pid"
	exits_with 0 60
	tells_all
}

@test "trend: more alerts than one transaction takes" {
	for n in $(seq 60); do echo "s$n $(seq 60 | awk '{ printf "%d ", (NR > 5 && NR % 2 ? 9 : 1) }')"; done | events | hta-window --by endpoint >rows
	hta-sink-sqlite --init db <rows
	hta-trend --alpha 1 <rows >want
	[ "$(wc -l <want)" -gt 1500 ]
	feed hta-trend -d db --init --alpha 1 events
	diff want "$out"
	[ "$(sqlite3 db 'SELECT turn > 1 FROM hta_trend')" = 1 ]
	[ "$(sqlite3 db 'SELECT count(*) FROM hta_alerts')" = "$(wc -l <want)" ]
	# cut between two of them
	hta-trend -d db --reset events >/dev/null
	HTA_CRASH=alerts-stored:1 fails_with 137 bash -c 'hta-trend -d db --alpha 1 events'
	cp "$out" first
	feed hta-trend -d db --alpha 1 events
	cat first "$out" | diff want -
}

@test "trend: the first window of a rule" {
	busy | hta-window --by endpoint | hta-sink-sqlite --init db
	feed hta-trend -d db --init --since 2026-01-01T00:08:00Z events
	[ "$(told | cut -d' ' -f1-3 | paste -sd,)" = '13 spike a,14 spike a' ]
	feed hta-trend -d db --since 2026-01-01 events
	[ ! -s "$out" ]
}

@test "trend: a user who may write alerts and nothing else" {
	with_service pg
	psql -Xqc 'drop schema public cascade; create schema public' 2>/dev/null
	busy | hta-window --by endpoint | hta-sink-pg --init
	psql -Xqc 'drop role if exists watcher' -c "create role watcher login" -c 'grant usage on schema public to watcher' -c 'grant select on all tables in schema public to watcher'
	fails_with 78 hta-trend -d "user=watcher dbname=$PGDATABASE" --init events
	says 'permission denied'
	hta-trend -d "dbname=$PGDATABASE" --init --rule none --since 2100-01-01 events
	psql -Xqc 'grant select, insert, update on hta_trend, hta_alerts to watcher'
	feed hta-trend -d "user=watcher dbname=$PGDATABASE" events
	[ -s "$out" ]
	psql -Xqc 'drop owned by watcher' -c 'drop role watcher'
}

@test "trend: the same hour of the weeks before, against a recount" {
	with_stores
	python3 "$tests/cli/trend.py" events >events.ndjson
	hta-window --by endpoint --every 30m events.ndjson >rows
	python3 "$tests/cli/trend.py" recount 3 <rows >want
	[ "$(wc -l <want)" -ge 20 ]
	while read -r kind store; do
		sink "$kind" "$store" <rows
		feed hta-trend -d "$store" --init --method season --last 3 --drop events
		jq -r '"\(.window_start) \(.alert) \(.dims.endpoint) \(.value) \(.baseline) \(.severity)"' "$out" | sort | diff want -
	done < <(stores)
}

# Adds the events of standard input to a job in the file db that counts by these rules.
count_rules() { # RULE...
	cat >>log
	printf '%s\n' "$@" >rules
	hta-consume --job web -q log | hta-window --rules rules | hta-sink-sqlite --init db | hta-commit
}
rule() { # NAME MEMBERS
	printf '{"rule_id":"%s","window_size":"1m","metric":"count"%s}\n' "$1" "$2"
}

@test "trend: of rules the newest version is judged, and has a state of its own" {
	events <<<'a 9 9 9 9 9 9 9 50 9 9 9 9 9 9 9 9 9 90 9 9' >all
	grep ':0[0-9]:..Z' all | count_rules "$(rule web '')"
	feed hta-trend -d db --init web
	expect_told <<-'END'
		07 spike - 50 9 5.56 MEDIUM
	END
	grep ':1[0-9]:..Z' all | count_rules "$(rule web ',"version":2,"group_by":["endpoint"]')"
	feed hta-trend -d db web
	expect_told <<-'END'
		17 spike a 90 9 10 HIGH
	END
	[ "$(jq -r .metric "$out")" = web@2 ]
	feed hta-trend -d db web
	[ ! -s "$out" ]
	fails_with 78 hta-trend -d db --drop web
	says 'rule ema:count of metric web@2 has begun there with other settings'
	feed hta-trend -d db --reset web
	[ "$(<"$out")" = 'rule ema:count of metric web@2 deleted: its state, 1 alerts' ]
	[ "$(sqlite3 db 'SELECT metric FROM hta_alerts')" = web ]
}

@test "trend: windows that a pause cuts are neither absent nor 0" {
	events <<<'a 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 0 9 9' >all
	grep ':0[0-5]:..Z' all | count_rules "$(rule web '')" "$(rule other '')"
	grep -E ':(0[6-9]|10):..Z' all | count_rules "$(rule web ',"active":false')" "$(rule other '')"
	feed hta-trend -d db --init --method absent web
	[ ! -s "$out" ]
	grep ':1[1-9]:..Z' all | count_rules "$(rule web ',"version":2')" "$(rule other '')"
	feed hta-trend -d db --drop web
	[ "$(jq -r .window_start "$out")" = 2026-01-01T00:17:00Z ]
	feed hta-trend -d db --method absent web
	[ "$(jq -r .window_start "$out")" = 2026-01-01T00:17:00Z ]
}

@test "trend: of a job's hops, whose panes are stored, no trend can be made" {
	events <<<'a 9 9 9 9' >log
	hta-consume --job web -q log | hta-window --every 2m --slide 1m | hta-sink-sqlite --init db | hta-commit
	fails_with 65 hta-trend -d db --init events
	says 'metric events: windows overlap: '
}
