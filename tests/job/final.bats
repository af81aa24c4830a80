# Final rows as a source: hta-consume --final reads them from each store, each once, and what is stored elsewhere is what
# is stored here, to the last byte.
load ../helpers

setup() { cd "$BATS_TEST_TMPDIR" || return; }

window="hta-window --by endpoint --every 100ms --metric slow --value latency_ms --where '.latency_ms > 80' --metric events --value latency_ms
	--uniq user_id --agg 'avg(latency_ms)' --agg 'p99(latency_ms)' --agg 'u=uniq(user_id)'"
window=$(tr '\n' ' ' <<<"$window")

# The final rows of a metric, as hta-query has them.
stored() { hta-query -d "$1" "${@:3}" history "$2" --final --since 1970-01-01 --format json | sort; } # STORE METRIC [OPTION..]

same_rows() { # METRIC STORE STORE [OPTION..]: options are of the second one
	stored "$2" "$1" >"one.$1"
	stored "$3" "$1" "${@:4}" >"two.$1"
	[ -s "one.$1" ] || { echo "no final row in $2"; return 1; }
	diff -u "one.$1" "two.$1"
}

# Counts a file into the SQLite file a.db; more of its options may follow.
count_file() { # FILE..
	feed pipe "hta-consume --job web $* | hta-window --every 10s --by region --agg 'avg(x)' | hta-sink-sqlite -v --init a.db | hta-commit"
}

# What became final since the last time, into b.db; the rows that were on their way are in the file rows.
hand_on() { # [OPTION..]
	feed pipe "hta-consume --job out --final events -d a.db -e $* | tee lines | hta-sink-sqlite --init b.db | hta-commit"
	grep -v -F '"$hta"' lines >rows || :
}

# Events of one second each, in region a.
events() { # SECOND..
	printf '{"ts":"2026-01-01T00:00:%02d.5Z","region":"a","x":1}\n' "$@"
}

ends_of_rows() { jq -r '.window_end' rows | paste -sd' '; }

@test "final rows: from each store into another, the same bytes" {
	with_service pg redis
	hta-gen --count 30000 >events
	feed pipe "hta-consume --job web events | $window | hta-sink-pg --init | hta-sink-redis --init --ttl never |
		hta-sink-sqlite --init a.db | hta-commit"
	final='--final events --final slow --until end'
	feed pipe "hta-consume --job o1 $final -d dbname=$PGDATABASE | hta-sink-sqlite --init --table from_pg a.db | hta-commit"
	feed pipe "hta-consume --job o2 $final -d a.db | hta-sink-redis --init --ttl never --prefix from_sqlite | hta-commit"
	feed pipe "hta-consume --job o3 $final -d $REDIS_URL | hta-sink-pg --init --table from_redis | hta-commit"
	for metric in events slow; do
		same_rows $metric "dbname=$PGDATABASE" a.db --table from_pg
		same_rows $metric a.db "$REDIS_URL" --table from_sqlite
		same_rows $metric "$REDIS_URL" "dbname=$PGDATABASE" --table from_redis
	done
	# nothing that is not final, and no row of the last window
	[ "$(hta-query -d a.db --table from_pg --format json history events --since 1970-01-01 | wc -l)" = "$(wc -l <one.events)" ]
	[ "$(hta-query -d a.db --format json history events --since 1970-01-01 | wc -l)" -gt "$(wc -l <one.events)" ]
	# plain SQL has the measures, and the definition is the same
	[ "$(psql -XAtc 'select count(*) from from_redis_final')" = $(($(wc -l <one.events) + $(wc -l <one.slow))) ]
	[ "$(sqlite3 a.db 'select count(distinct definition) from hta_metric')" = 4 ]
	[ "$(sqlite3 a.db 'select count(distinct cfg), max(since) from hta_metric')" = '2|' ]
}

@test "final rows: each window once, whenever it is read" {
	events 1 2 11 12 >one
	count_file one
	hand_on
	[ "$(ends_of_rows)" = 2026-01-01T00:00:10Z ]
	hand_on -v
	[ "$(ends_of_rows)" = '' ]
	says 'nothing new'
	events 25 31 >two
	count_file one two
	hand_on
	[ "$(ends_of_rows)" = '2026-01-01T00:00:20Z 2026-01-01T00:00:30Z' ]
	same_rows events a.db b.db
	[ "$(sqlite3 b.db 'select next, watermark, idle, since from hta_pos p, hta_metric m')" = '1767225631500000|1767225631500000|0|' ]
}

@test "final rows: a partition that wakes up behind the mark corrects the row, which is out once all the same" {
	events 1 2 11 >one
	events 3 >two
	count_file one two
	hand_on
	[ "$(ends_of_rows)" = 2026-01-01T00:00:10Z ]
	before=$(stored b.db events)
	events 4 5 12 >>two
	count_file one two
	says 'hta-sink-sqlite: 1 deltas are for windows that were final already'
	[ "$(hta-query -d a.db --since 1970-01-01 history events --format json | jq -c '[.window_end, .count]' | head -n 1)" = '["2026-01-01T00:00:10Z",5]' ]
	events 21 >>two
	events 22 >>one
	count_file one two
	not says 'were final already'
	hand_on
	[ "$(ends_of_rows)" = 2026-01-01T00:00:20Z ]
	[ "$(stored b.db events | head -n 1)" = "$before" ]
}

@test "final rows: a second metric has all of its windows, though the job is old" {
	hta-gen --count 10000 >events
	feed pipe "hta-consume --job web events | $window | hta-sink-sqlite --init a.db | hta-commit"
	feed pipe 'hta-consume --job out --final events -d a.db -e | hta-sink-sqlite --init b.db | hta-commit'
	feed pipe 'hta-consume --job out --final events --final slow -d a.db -e | hta-sink-sqlite --init b.db | hta-commit'
	same_rows events a.db b.db
	same_rows slow a.db b.db
	# and so has whoever reads them from there
	feed pipe 'hta-consume --job next --final events --final slow -d b.db -e | hta-sink-sqlite --init c.db | hta-commit'
	same_rows events b.db c.db
	same_rows slow b.db c.db
}

both() { # SQLITE FILE: of the second sink
	feed pipe "hta-consume --job out --final events -d a.db -e | tee lines | hta-sink-sqlite --init b.db |
		hta-sink-sqlite --init --name second $1 | hta-commit"
}

@test "final rows: a sink that is behind gets the same windows, though the mark went back" {
	events 1 11 21 >one
	count_file one
	both c.db
	[ "$(grep -c '"op":"set"' lines)" = 2 ]
	cp c.db older.db
	events 31 41 >two
	count_file one two
	both c.db
	same_rows events b.db c.db
	sqlite3 a.db "update hta_pos set watermark = 1767225605000000, idle = 0"
	[ "$(hta-query -d a.db --final history events --since 1970-01-01 2>&1 | wc -l)" = 1 ]
	both older.db
	[ "$(grep -c '"op":"set"' lines)" = 2 ]
	same_rows events b.db older.db
}

@test "final rows: followed every second, drained at a signal" {
	with_service pg redis
	events 1 11 >one
	: >two
	once_counted() { pipe "hta-consume --dead drop --job web $* | hta-window --dead drop --every 10s --by region | hta-sink-redis --init --ttl never --prefix followed | hta-commit"; }
	feed once_counted one
	spawn out bash -c "set -o pipefail; trap : TERM; hta-consume --job out --final events -d $REDIS_URL --table followed | hta-sink-pg --init --table closed | hta-commit"
	rows_are() { [ "$(psql -XAtc 'select count(*) from closed' 2>&1)" = "$1" ]; }
	wait_until 60 rows_are 1
	events 21 31 >two
	feed once_counted one two
	wait_until 60 rows_are 3
	kill -TERM -- "-$pid"
	exits_with 0 60
}

@test "final rows: a clock closes the last window where all are silent" {
	events 1 11 >one
	count_file one
	hand_on
	spawn out bash -c 'set -o pipefail; trap : TERM; hta-consume --job out --final events -d a.db --idle-close 1500ms | hta-sink-sqlite b.db | hta-commit'
	both() { [ "$(sqlite3 b.db 'select count(*), max(window_end) from hta_rollups')" = '2|2026-01-01T00:00:20Z' ]; }
	wait_until 60 both
	# no further than the windows that there are
	[ "$(sqlite3 b.db 'select next from hta_pos')" = 1767225620000000 ]
	kill -TERM -- "-$pid"
	exits_with 0 60
}

@test "final rows: on a plain stream, from a time and to a time" {
	events 1 11 21 31 41 >one
	count_file one
	feed pipe 'hta-consume --final events -d a.db --until end | jq -r .window_end'
	[ "$(wc -l <"$out")" = 4 ]
	feed hta-consume --final events -d a.db --from 2026-01-01T00:00:10Z --until 2026-01-01T00:00:30Z
	[ "$(jq -r .window_end "$out" | paste -sd' ')" = '2026-01-01T00:00:20Z 2026-01-01T00:00:30Z' ]
	cp "$out" rows
	feed hta-sink-sqlite --init p.db <rows
	[ "$(sqlite3 p.db 'select count(*) from hta_rollups')" = 2 ]
	HTA_STORE=a.db feed hta-consume --final events -e --from latest
	[ ! -s "$out" ]
}

@test "final rows: in many parts, and of a large window" {
	seq 0 39999 | awk '{ printf "{\"ts\":\"2026-01-01T00:00:%02dZ\",\"region\":%d,\"x\":1}\n", ($1 % 100 < 60 ? 1 : 2 + $1 / 1000), $1 }' >one
	feed pipe 'hta-consume --job web one | hta-window --every 1s --by region | hta-sink-sqlite --init a.db | hta-commit'
	feed pipe 'hta-consume --job out --final events -d a.db -e | tee lines | hta-sink-sqlite --init b.db | hta-commit'
	same_rows events a.db b.db
	# windows are whole in an epoch, and rows are on their way once
	[ "$(grep -c '"op":"set"' lines)" = "$(sqlite3 b.db 'select count(*) from hta_rollups')" ]
	[ "$(grep -c '"k":"bar"' lines)" -gt 1 ]
}

@test "final rows: windows that overlap are handed on as panes, and shown alike" {
	hta-gen --count 20000 >events
	feed pipe 'hta-consume --job web events | hta-window --every 1s --slide 250ms --by region | hta-sink-sqlite --init a.db | hta-commit'
	hand_on
	[ "$(jq -r .window_start rows | sort -u | wc -l)" = 7 ]
	same_rows events a.db b.db
	[ "$(jq -r .window_start one.events | sort -u | wc -l)" = 4 ]
}

@test "final rows: not into the table that they are read from, nor in the job that counts them" {
	events 1 11 >one
	count_file one
	fails_with 78 pipe 'hta-consume --job out --final events -d a.db -e | hta-sink-sqlite a.db | hta-commit'
	says 'hta-sink-sqlite: metric events in hta_rollups is job web.s: final rows .* go into another table'
	fails_with 78 pipe 'hta-consume --job web --final events -d a.db -e | hta-sink-sqlite --init b.db | hta-commit'
	says 'job web is the one that counts metric events'
	fails_with 78 pipe 'hta-consume --job out --final event -d a.db -e | hta-sink-sqlite --init b.db | hta-commit'
	says 'there is no metric event in hta_rollups \(did you mean "events"\?\)'
	hta-window one | hta-sink-sqlite --init plain.db
	fails_with 78 hta-consume --final events -d plain.db -e
	says 'metric events is of a plain stream'
	fails_with 78 hta-consume --final events -d nowhere.db -e
	[ "$(sqlite3 a.db 'select distinct job from hta_job')" = web ]
}

@test "final rows: options that do not go together" {
	fails_with 64 hta-consume --final events -d a.db file
	says 'a file is for records'
	fails_with 64 hta-consume --final events -d a.db -g group
	fails_with 64 hta-consume --final events -d a.db --dead drop
	fails_with 64 hta-consume --final events -d a.db -c 5
	says 'windows of final rows are whole'
	fails_with 64 hta-consume --final events -d a.db -e --idle-close 5s
	fails_with 64 hta-consume --final events --final events -d a.db
	fails_with 64 hta-consume -d a.db file
	says '-d is for --final METRIC, which is missing'
	fails_with 64 env -u PGHOST -u PGPORT -u PGDATABASE -u PGUSER -u HTA_STORE hta-consume --final events
	says 'which store\?'
	fails_with 69 hta-consume --final events -d redis://127.0.0.1:1 --retry-for 1s -e
}

@test "final rows: of rules those of the newest version, under its name" {
	local rule='"rule_id":"web","window_size":"10s","metric":"count"'
	events 1 2 11 12 25 31 >first
	sed 's/T00:00/T00:10/' first >second
	for run in 'first ' 'second ,"version":2,"group_by":["region"]'; do
		cat "${run%% *}" >>log
		echo "{$rule${run#* }}" >rules
		feed pipe 'hta-consume --job web log | hta-window --rules rules | hta-sink-sqlite --init a.db | hta-commit'
		feed pipe 'hta-consume --job out --final web -d a.db -e | hta-sink-sqlite --init b.db | hta-commit'
	done
	[ "$(sqlite3 b.db 'select metric, count(*), sum(count) from hta_rollups group by 1' | paste -sd' ')" = 'web|3|5 web@2|3|5' ]
	feed hta-consume --final web@1 -d a.db -e
	[ "$(jq -r .metric "$out" | sort | uniq -c | xargs)" = '3 web' ]
	fails_with 64 hta-consume --final web --final web@2 -d a.db -e
	says '\-\-final web and --final web@2 are the same metric'
}
