# hta-sink-pg --retention: what is old goes by days, no late event brings half of it back, and what is left is the recount from
# the mark on, however often and in whatever pieces a log is read.
load ../helpers
load ../stream

setup() {
	cd "$BATS_TEST_TMPDIR"
	with_service pg
	psql -Xqc 'drop schema if exists public cascade' -c 'create schema public' 2>/dev/null
}

ask() { psql -XAtqc "$1"; }
sink() { feed hta-sink-pg --foreign --init "$@"; }
parts() { ask "select inhrelid::regclass from pg_inherits where inhparent = '${1:-hta_rollups}'::regclass order by inhrelid::regclass::text collate \"C\"" | paste -sd' '; }
mark() { ask "select purged_before at time zone 'UTC' from hta_retention where rollups = '${1:-hta_rollups}'"; }
expired() { jq -c 'select(.k? == "bar") | .acct[1].expired // 0' "$out" | paste -sd' '; }
rows() { ask "select metric, dims->>'d', to_char(window_start at time zone 'UTC', 'DD HH24:MI'), count from ${1:-hta_rollups} order by 1, 3, 2"; }

# DAY counts from 2026-01-01, and a watermark is at its beginning.
day() { add "$1" $((1440 * $2)) "${3:-1}" 1; } # DIM DAY [COUNT]
at() { echo $((1767225600000000 + $1 * 86400000000)); }

# Behind midnight and the minute after it, if that is near: for tests that count days by the clock.
midnight_is_far() { wait_until 200 eval '[ $((($(date +%s) + 60) % 86400)) -ge 180 ]'; }

# ---- by hand

@test "a mark rises with what is final, days go, and a late event brings no half of a row back" {
	sink --retention 2d < <(hello; probe; init ev/0:0; day a 0; day a 1; wm=$(at 1) bar 1 ev/0:0:2
		day a 4 5; day b 0; wm=$(at 4) bar 2 ev/0:2:4; day a 0; day a 4 2; wm=$(at 4) bar 3 ev/0:4:6; day b 1; wm=$(at 4) bar 4 ev/0:6:7; end)
	[ "$(expired)" = '0 1 1 0' ]
	says 'metric m, window of 2026-01-01T00:00:00Z: table hta_rollups keeps nothing from before 2026-01-02T00:00:00Z \(--retention\)'
	[ "$(grep -c 'keeps nothing' <<<"$stderr")" = 1 ]
	# the longest window is a minute: the second day's last one ended later than two days before
	[ "$(mark)" = '2026-01-02 00:00:00' ]
	[ "$(parts)" = 'hta_rollups_default hta_rollups_p20260102 hta_rollups_p20260105' ]
	rows >got
	expect got <<-'END'
		m|a|02 00:00|1
		m|b|02 00:00|1
		m|a|05 00:00|7
	END
	[ "$(ask 'select version from hta_schema')" = 4 ]
	# the metric is whole from there on
	feed hta-query metrics
	[ "$(jq -r .since "$out")" = 2026-01-02T00:00:00Z ]
	feed hta-query history m --since 2025-12-01
	[ "$(jq -r .window_start "$out" | sort -u | paste -sd' ')" = '2026-01-02T00:00:00Z 2026-01-05T00:00:00Z' ]
}

@test "the lateness of the job and its longest window put the mark back" {
	long() { hello "$@" | sed 's/"every":"1m"/"every":"36h"/; s/"lateness_us":0/"lateness_us":3600000000/'; }
	sink --retention 1d < <(long; probe; init ev/0:0; day a 0; day a 3; wm=$(at 3) bar 1 ev/0:0:2; day a 4; wm=$(at 4) bar 2 ev/0:2:3; end)
	# 01-05T00:00 less a day, less 36 h, less 1 h
	[ "$(mark)" = '2026-01-02 00:00:00' ]
	[ "$(rows | wc -l)" = 2 ]
}

@test "an event of the future takes nothing away that is younger than --retention by the clock" {
	midnight_is_far
	today=$(($(date +%s) / 86400 * 86400))
	base=$((today - 86400 * 3))
	sink --retention 5d < <(hello; probe; init ev/0:0; day a 0; day a 2000; wm=$((base + 2000 * 86400))000000 bar 1 ev/0:0:2; day a 0; wm=$((base + 2000 * 86400))000000 bar 2 ev/0:2:3; end)
	[ "$(ask 'select count, window_start < now() from hta_rollups order by 2' | paste -sd' ')" = '1|f 2|t' ]
	[ "$(ask "select purged_before = hta_day(now() - interval '5 days 1 minute') from hta_retention")" = t ]
	# what has no day yet is in the default partition, and moves when its day has come: asked for by hand
	[ "$(ask 'select count(*) from hta_rollups_default')" = 1 ]
	psql -Xqc "update hta_rollups_default set window_start = now(), window_end = now() + interval '1m'"
	ask "select hta_days('hta_rollups', 'hta_rollups', array[hta_day(now())])"
	[ "$(ask 'select count(*) from hta_rollups_default')" = 0 ]
	[ "$(ask "select count(*) from hta_rollups_p$(date -u +%Y%m%d)")" = 1 ]
}

@test "days that are far ahead are not asked for before they come" {
	midnight_is_far
	today=$(($(date +%s) / 86400 * 86400))
	base=$today
	feed hta-sink-pg --init --retention 5d </dev/null
	psql -Xqc 'create table asked (days timestamptz[])' -c 'create or replace function hta_days(a_rollups text, a_table regclass, a_days timestamptz[])
		returns void language sql as $$ insert into asked values (a_days) $$'
	sink < <(hello; probe; init ev/0:0; day a 0; day a 2; day a 4; wm=${base}000000 bar 1 ev/0:0:3; day a 3; day a 5; wm=${base}000000 bar 2 ev/0:3:5; end)
	[ "$(ask "select (unnest(days)::timestamptz at time zone 'UTC')::date - (now() at time zone 'UTC')::date from asked" | paste -sd' ')" = '0 2' ]
}

@test "a second job of the table, behind the first one's mark, writes nothing there; its positions move" {
	sink --retention 2d < <(hello; probe; init ev/0:0; day a 9; wm=$(at 9) bar 1 ev/0:0:1; end)
	job=other metric=n sink < <(job=other hello 'n 00000000000000bb'; job=other probe; init ot/0:0; metric=n day a 0; wm=$(at 0) bar 1 ot/0:0:1; metric=n day a 8; wm=$(at 8) bar 2 ot/0:1:2; end)
	[ "$(rows)" = $'m|a|10 00:00|1\nn|a|09 00:00|1' ]
	[ "$(ask "select next from hta_pos where job = 'other'")" = 2 ]
}

@test "while a partition was not read from, nothing is final, and nothing goes" {
	sink --retention 2d < <(hello; probe; init ev/0:0 ev/1:0; day a 0; day a 9; wm=$(at 9) bar 1 ev/0:0:2; end)
	[ -z "$(mark)" ]
	sink < <(hello; probe; day b 0; wm=$(at 1) bar 2 ev/1:0:2; wm=$(at 1) bar 3 ev/1:2:2:idle; end)
	[ "$(rows)" = 'm|a|10 00:00|1' ]
}

@test "two pipelines of a table: while one has an epoch open the other can not raise the mark" {
	sink --retention 2d < <(hello; probe; init ev/0:0 ev/1:0; day a 0; wm=$(at 0) bar 1 ev/0:0:1; wm=$(at 0) bar 2 ev/1:0:1; end)
	mkfifo held
	exec 7<>held
	spawn holder psql -Xq <held
	echo "begin; select 1 from hta_retention for share; insert into hta_rollups (metric, window_start, window_end, dims_hash, dims, count)
		values ('m', '2026-01-01T00:01Z', '2026-01-01T00:02Z', 'x', '{}', 1); select 'held';" >&7
	wait_until 60 grep -q held holder.out
	spawn other hta-sink-pg --foreign < <(hello; probe; day a 9; wm=$(at 9) bar 3 ev/0:1:2; wm=$(at 9) bar 4 ev/1:1:2; end)
	wait_until 60 eval '[ "$(ask "select count(*) from pg_stat_activity where wait_event_type = '"'Lock'"' and datname = current_database()")" = 1 ]'
	[ "$(mark)" = '2025-12-29 00:00:00' ]
	echo 'commit;' >&7
	exits_with 0 60
	[ "$(mark)" = '2026-01-07 00:00:00' ]
	[ "$(rows)" = 'm|a|10 00:00|1' ]
}

@test "a sink that began before the table had a retention ends with 75, and starts again" {
	sink < <(hello; probe; init ev/0:0; day a 0; wm=$(at 0) bar 1 ev/0:0:1; end)
	mkfifo in
	exec 7<>in
	spawn early hta-sink-pg --foreign <in 7<&-
	{ hello; probe; } >&7
	wait_until 60 grep -q '"gen":"fed' early.out
	feed hta-sink-pg --init --retention 2d </dev/null
	{ day a 9; wm=$(at 9) bar 2 ev/0:1:2; } >&7
	exec 7>&-
	exits_with 75 60
	grep -q 'have got a retention since this program began; start again' early.err
	sink < <(hello; probe; day a 9; wm=$(at 9) bar 2 ev/0:1:2; end)
	[ "$(rows)" = 'm|a|10 00:00|1' ]
}

@test "a table without partitions: rows are deleted, and the sink says so" {
	sink < <(hello; probe; init ev/0:0; day a 0; day a 1; wm=$(at 1) bar 1 ev/0:0:2; end)
	sink --retention 2d < <(hello; probe; day a 9; wm=$(at 9) bar 2 ev/0:2:3; day a 1; wm=$(at 9) bar 3 ev/0:3:4; end)
	says 'table hta_rollups has no partitions of a day each: what is older than --retention is deleted row by row'
	[ "$(rows)" = 'm|a|10 00:00|1' ]
	[ "$(expired)" = '0 1' ]
	# many rows: 20,000 behind an epoch
	psql -Xqc "insert into hta_rollups (metric, window_start, window_end, dims_hash, dims, count)
		select 'm', '2026-01-02T00:00Z', '2026-01-02T00:01Z', i, '{}', 1 from generate_series(1, 30000) i"
	sink --retention 2d < <(hello; probe; bar 4 ev/0:4:5; end)
	not says 'no partitions'
	[ "$(ask 'select count(*) from hta_rollups')" = 10001 ]
	sink < <(hello; probe; bar 5 ev/0:5:6; end)
	[ "$(rows)" = 'm|a|10 00:00|1' ]
}

# Rows of a day, as many as fill the places of a page: INTO DAY
fill() {
	psql -Xqc "insert into $1 (metric, window_start, window_end, dims_hash, dims, count)
		select 'm', t, t + interval '1m', 'f' || i, '{}', 1 from generate_series(1, 50) i, (select '2026-01-01T00:00Z'::timestamptz + interval '24h' * $2) d(t)"
}

@test "what is young stays: where there is no default partition, and in a month that is named like a day" {
	sink --retention 2d < <(hello; probe; init ev/0:0; day a 0; wm=$(at 0) bar 1 ev/0:0:1; end)
	[ "$(ask 'select pieces from hta_retention')" = days ]
	psql -Xqc "create table hta_rollups_p20260201 partition of hta_rollups for values from ('2026-02-01Z') to ('2026-03-01Z')"
	fill hta_rollups_default 100
	psql -Xqc 'alter table hta_rollups detach partition hta_rollups_default'
	fill hta_rollups_p20260201 32
	fill hta_rollups_p20260201 50
	sink < <(hello; probe; day a 40; wm=$(at 40) bar 2 ev/0:1:2; end)
	[ "$(mark)" = '2026-02-07 00:00:00' ]
	# the old rows of the month have gone one by one, and the old day as a whole
	[ "$(parts)" = 'hta_rollups_p20260201' ]
	[ "$(ask 'select window_start::date, count(*) from hta_rollups group by 1 order by 1' | paste -sd' ')" = '2026-02-10|1 2026-02-20|50' ]
	[ "$(ask 'select count(*) from hta_rollups_default')" = 50 ]
	# and when it is there again
	psql -Xqc 'alter table hta_rollups attach partition hta_rollups_default default'
	fill hta_rollups_default 10
	sink < <(hello; probe; day a 40; wm=$(at 40) bar 3 ev/0:2:3; end)
	[ "$(ask 'select window_start::date, count(*) from hta_rollups group by 1 order by 1' | paste -sd' ')" = '2026-02-10|1 2026-02-20|50 2026-04-11|50' ]
	# the month goes when all of it is old
	sink < <(hello; probe; day a 70; wm=$(at 70) bar 4 ev/0:3:4; end)
	[ "$(ask 'select window_start::date, count(*) from hta_rollups group by 1 order by 1' | paste -sd' ')" = '2026-03-12|1 2026-04-11|50' ]
	[ "$(parts)" = 'hta_rollups_default hta_rollups_p20260312' ]
}

@test "partitions of somebody else's making stay; their old rows are deleted one by one" {
	sink < <(hello; probe; init ev/0:0; wm=$(at 0) bar 1 ev/0:0:1; end)
	psql -Xq <<-'END'
		alter table hta_rollups rename to before;
		create table hta_rollups (like before including all) partition by range (window_start);
		create table hta_rollups_p20260101 partition of hta_rollups for values from ('2026-01-01Z') to ('2026-02-01Z');
		create table hta_rollups_p20260201 partition of hta_rollups for values from ('2026-02-01Z') to ('2026-03-01Z');
		create table hta_rollups_default partition of hta_rollups default;
	END
	sink --retention 2d < <(hello; probe; day a 0; day a 9; wm=$(at 9) bar 2 ev/0:1:2; end)
	says 'table hta_rollups has no partitions of a day each'
	[ "$(ask 'select pieces from hta_retention')" = rows ]
	[ "$(rows)" = 'm|a|10 00:00|1' ]
	sink < <(hello; probe; day a 40; wm=$(at 40) bar 3 ev/0:2:3; end)
	[ "$(rows)" = 'm|a|10 00:00|1' ]
	[ "$(ask 'select count(*) from hta_rollups_p20260201')" = 1 ]
	[ "$(parts)" = 'hta_rollups_default hta_rollups_p20260101 hta_rollups_p20260201' ]
}

@test "an option is an act of the start: a sink that connects anew does not set the retention back" {
	sink --retention 30d < <(hello; probe; init ev/0:0; day a 0; wm=$(at 0) bar 1 ev/0:0:1; end)
	mkfifo in
	exec 7<>in
	spawn long hta-sink-pg --foreign --init --retention 30d <in 7<&-
	{ hello; probe; } >&7
	wait_until 60 grep -q '"gen":"fed' long.out
	feed hta-sink-pg --init --retention never </dev/null
	[ "$(ask 'select keep is null from hta_retention')" = t ]
	# a session outlives its program by a moment
	sessions="from pg_stat_activity where application_name = 'hta-sink-pg' and datname = current_database()"
	wait_until 60 eval '[ "$(ask "select count(*) $sessions")" = 1 ]'
	[ "$(ask "select count(pg_terminate_backend(pid)) $sessions")" = 1 ]
	{ day a 90; wm=$(at 90) bar 2 ev/0:1:2; end; } >&7
	exec 7>&-
	exits_with 0 60
	grep -q 'terminating connection' long.err
	[ "$(ask 'select keep is null from hta_retention')" = t ]
	[ "$(rows | wc -l)" = 2 ]
}

@test "--retention may be changed; never lets everything stay, but what is gone is not begun anew" {
	sink --retention 2d < <(hello; probe; init ev/0:0; day a 0; wm=$(at 9) bar 1 ev/0:0:1; end)
	[ "$(mark)" = '2026-01-07 00:00:00' ]
	sink --retention 4d < <(hello; probe; day a 6; wm=$(at 10) bar 2 ev/0:1:2; end)
	[ "$(mark)" = '2026-01-07 00:00:00' ]
	sink --retention never < <(hello; probe; day a 0; day b 6; wm=$(at 30) bar 3 ev/0:2:4; end)
	[ "$(mark)" = '2026-01-07 00:00:00' ]
	[ "$(rows)" = $'m|a|07 00:00|1\nm|b|07 00:00|1' ]
	sink --retention 1d < <(hello; probe; bar 4 ev/0:4:5; end)
	[ "$(mark)" = '2026-01-29 00:00:00' ]
	[ -z "$(rows)" ]
	# a reset leaves the mark: the log read once more does not bring it back
	feed hta-sink-pg --reset web
	sink < <(hello; probe; init ev/0:0; day a 6; day a 29; wm=$(at 29) bar 1 ev/0:0:2; end)
	[ "$(rows)" = 'm|a|30 00:00|1' ]
}

@test "plain rows behind the mark are not written, and said; --dry-run counts what would be" {
	sink --retention 2d < <(hello; probe; init ev/0:0; wm=$(at 9) bar 1 ev/0:0:1; end)
	{ op=set metric=p day a 0; op=set metric=p day a 9; } >plain
	feed hta-sink-pg --dry-run <plain
	[ "$(<"$out")" = 'new 1, equal 0, different 0' ]
	[ "$(parts)" = hta_rollups_default ]
	feed hta-sink-pg <plain
	says 'metric p, window of 2026-01-01T00:00:00Z: table hta_rollups keeps nothing from before 2026-01-07'
	says '1 rows were past their time to live and not written \(--ttl, --retention\)'
	[ "$(rows)" = 'p|a|10 00:00|1' ]
	[ "$(parts)" = 'hta_rollups_default hta_rollups_p20260110' ]
}

@test "a reader that holds the table does not hold an epoch: the days go later" {
	sink --retention 2d < <(hello; probe; init ev/0:0; day a 0; wm=$(at 0) bar 1 ev/0:0:1; end)
	mkfifo held
	exec 7<>held
	spawn holder psql -Xq <held
	echo 'begin; select count(*) from hta_rollups;' >&7
	wait_until 60 eval '[ "$(ask "select count(*) from pg_locks where relation = '"'hta_rollups'"'::regclass")" -gt 0 ]'
	sink < <(hello; probe; day a 9; wm=$(at 9) bar 2 ev/0:1:2; end)
	[ -z "$stderr" ]
	[ "$(parts)" = 'hta_rollups_default hta_rollups_p20260101' ]
	[ "$(ask "select tableoid::regclass from hta_rollups where window_start > '2026-01-09'")" = hta_rollups_default ]
	echo 'commit;' >&7
	wait_until 60 eval '[ "$(ask "select count(*) from pg_locks where relation = '"'hta_rollups'"'::regclass")" = 0 ]'
	# the next start does both
	sink < <(hello; probe; day a 9; wm=$(at 9) bar 3 ev/0:2:3; end)
	[ "$(parts)" = 'hta_rollups_default hta_rollups_p20260110' ]
	[ "$(rows)" = 'm|a|10 00:00|2' ]
}

@test "a role that may make no partitions: rows go to the default one, and go from there" {
	role=r_${HTA_PREFIX}_poor
	feed hta-sink-pg --init --retention 2d </dev/null
	psql -Xqc "create role $role login" -c "grant all on all tables in schema public to $role" -c "grant usage on schema public to $role"
	PGUSER=$role sink < <(hello; probe; init ev/0:0; day a 0; wm=$(at 0) bar 1 ev/0:0:1; day a 1; day a 9; wm=$(at 9) bar 2 ev/0:1:3; end)
	says 'no partitions of hta_rollups are made: permission denied.*; rows go to its default partition'
	[ "$(grep -c 'no partitions' <<<"$stderr")" = 1 ]
	[ "$(parts)" = hta_rollups_default ]
	[ "$(rows)" = 'm|a|10 00:00|1' ]
	psql -Xqc "revoke update on hta_retention from $role"
	PGUSER=$role fails_with 78 hta-sink-pg --foreign < <(hello; probe; day a 9; bar 3 ev/0:3:4; end)
	says "role $role lacks a right: GRANT UPDATE ON hta_retention TO $role"
	fails_with 78 hta-check --connect -d "user=$role"
	says "role $role lacks rights: GRANT UPDATE ON hta_retention TO $role"
	# a plain stream holds the mark, too; one that only looks does not
	psql -Xqc "revoke insert, update, delete on hta_rollups, hta_metric from $role"
	{ op=set metric=p day a 9; } >plain
	PGUSER=$role feed hta-sink-pg --dry-run <plain
	[ "$(<"$out")" = 'new 1, equal 0, different 0' ]
	psql -Xqc "grant insert on hta_rollups, hta_metric to $role"
	PGUSER=$role fails_with 78 hta-sink-pg <plain
	says "role $role lacks a right: GRANT UPDATE ON hta_retention TO $role"
	psql -Xqc "grant update on hta_retention to $role"
	PGUSER=$role feed hta-sink-pg <plain
	psql -Xqc "drop owned by $role; drop role $role"
}

@test "what --retention cannot be is 64" {
	for words in '12h' '1' '4000d' 'always'; do
		fails_with 64 hta-sink-pg --init --retention "$words" </dev/null
	done
	fails_with 64 hta-sink-pg --retention 2d </dev/null
	says -- '--retention is kept in the store, and set with --init'
	fails_with 64 hta-sink-pg --init --events --retention 2d </dev/null
	fails_with 64 hta-sink-pg --init --retention 2d --table "$(printf 'x%.0s' {1..54})" </dev/null
	says 'with --retention a name has at most 53 bytes'
	feed hta-sink-pg --init --retention 2d --table "$(printf 'x%.0s' {1..53})" </dev/null
}

# ---- with everything

# Thirteen days of events, then late ones of all of them.
events() {
	{ hta-gen -n 20000 --step 56s --seed 7 --late-prob 0.05; hta-gen -n 3000 --step 370s --seed 8; } >events
}
window="hta-window --dead drop --by endpoint,status --value latency_ms --uniq user_id --agg mean=avg(latency_ms) --agg p=p95(latency_ms) --agg last=last(latency_ms)"
stored() { hta-query -d "${1:-dbname=$PGDATABASE}" history "${2:-events}" --since 2025-01-01 | jq -cS 'del(.op, .open, .updated_at)' | sort; }
# What is to be there: the recount from the mark on.
recount() { # [COMMAND]
	${1:-$window} events | jq -cS --arg mark "$(mark | tr ' ' T)Z" 'select(.window_start >= $mark) | del(.op)' | sort
}
consume() { hta-consume --dead drop --job web --epoch-records "${records:-700}" events | $window | "$@" | hta-commit; }

is_recount() {
	stored >got
	recount >want
	[ "$(wc -l <want)" -gt 1000 ]
	cmp want got
}

@test "killed inside and behind transactions, read to the end: equal to the recount from the mark on; and so read again" {
	events
	for point in sink-inside:3 sink-sent:4 sink-inside:9 sink-sent:2 sink-inside:1 sink-sent:12; do
		rm -f died
		not pipe "$(declare -f consume); $(declare -p window); HTA_RUN=$HTA_RUN; consume eval '{ HTA_CRASH=$point hta-sink-pg --init --retention 3d; echo \$? >died; }'" 2>err
		[ "$(<died)" = 137 ] || { cat err; false; }
	done
	records=1900 feed consume hta-sink-pg --init
	[ "$(mark)" = '2026-01-10 00:00:00' ]
	is_recount
	[ "$(parts)" = "hta_rollups_default hta_rollups_p20260110 hta_rollups_p20260111 hta_rollups_p20260112 hta_rollups_p20260113" ]
	cp got first
	# a replay, in other pieces
	feed hta-sink-pg --reset web
	records=123 feed consume hta-sink-pg
	is_recount
	cmp first got
	# and by another table that has never seen the late ones late
	psql -Xqc 'drop table hta_rollups cascade' -c 'truncate hta_retention, hta_job, hta_pos, hta_metric'
	records=100000 feed consume hta-sink-pg --init --retention 3d
	is_recount
	cmp first got
}

@test "shards, and windows that overlap: each is shown whole, or not at all" {
	events
	psql -Xqc "drop database if exists ${HTA_PREFIX}_b" -c "create database ${HTA_PREFIX}_b" 2>/dev/null
	window='hta-window --dead drop --by endpoint --value latency_ms --every 6h --slide 2h'
	feed consume eval "hta-sink-pg --init --retention 3d --shard 1/2 | hta-sink-pg --init --retention 3d --shard 2/2 dbname=${HTA_PREFIX}_b"
	# a window whose panes are not all there yet is not shown either
	stored "shards:dbname=$PGDATABASE,dbname=${HTA_PREFIX}_b" >got
	recount | jq -cS 'select(.window_end <= "2026-01-14T00:00:00Z")' >want
	[ "$(wc -l <want)" -gt 30 ]
	diff -u want got
	[ "$(PGDATABASE=${HTA_PREFIX}_b mark)" = "$(mark)" ]
}

@test "final rows that were gone before they were read are told, by who reads them" {
	finals() { feed pipe "HTA_RUN=$HTA_RUN hta-consume --job closed --final m -d dbname=$PGDATABASE --until end | hta-sink-sqlite --init f.db | hta-commit"; }
	sink --retention 2d < <(hello; probe; init ev/0:0; day a 0; day a 1; wm=$(at 2) bar 1 ev/0:0:2; end)
	# as hta-window defines it
	psql -Xqc "update hta_metric set definition = '{\"every\":\"1m\",\"time\":\"ts\",\"dims\":[\"d\"]}'"
	finals
	[ -z "$stderr" ]
	[ "$(sqlite3 f.db 'select count(*) from hta_rollups')" = 2 ]
	sink < <(hello; probe; day a 3; wm=$(at 4) bar 2 ev/0:2:3; day a 9; wm=$(at 10) bar 3 ev/0:3:4; end)
	finals
	says 'metric m: the store has taken away what starts before 2026-01-08T00:00:00Z \(--retention\), and here it was read up to 2026-01-03T00:00:00Z'
	[ "$(sqlite3 f.db 'select count(*) from hta_rollups')" = 3 ]
	finals
	[ -z "$stderr" ]
}
