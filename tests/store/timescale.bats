# hta-sink-pg on TimescaleDB, in three rings. A Postgres of this test's own with a stand-in for the extension, which notes
# what it is asked: what is found, left out and refused. A Postgres of WebAssembly that has TimescaleDB, for the statements
# (by npm; skipped where that is not). And a real server, where HTA_TIMESCALE_URL names a database with the extension on one,
# which the test may empty.
load ../helpers
load ../stream

here=$BATS_TEST_DIRNAME/timescale

setup() { cd "$BATS_TEST_TMPDIR"; }

teardown() {
	kill_spawned
	[ -z "${own:-}" ] || svc_stop pg "$own" KILL
}

ask() { psql -XAtqc "$1"; }
sink() { feed hta-sink-pg --foreign "$@"; }
calls() { ask 'select call from timescaledb_calls order by n'; }
mark() { ask "select purged_before at time zone 'UTC' from hta_retention"; }
day() { add "$1" $((1440 * $2)) "${3:-1}" 1; } # DIM DAY [COUNT]
at() { echo $((1767225600000000 + $1 * 86400000000)); }

# A Postgres looks for its extensions beside its own program: a copy of that is in this test's folder.
with_stub() { # [VERSION [SETTING..]]
	local lib=usr/lib/postgresql/15 share=usr/share/postgresql/15 real setting
	real=$(dirname "$(svc_pg_bin)")
	[ -e "/$share/extension/plpgsql.control" ] && [ "$real" = "/$lib" ] || skip "Postgres 15 is not Debian's: its folders are not known"
	mkdir -p $lib/bin $share/extension
	cp "$real"/bin/{postgres,initdb,psql} $lib/bin
	ln -s "$real/lib" $lib/lib
	ln -s /$share/* $share 2>/dev/null || :
	ln -s /$share/extension/* $share/extension
	cp "$here"/timescaledb* $share/extension
	cp "$here/timescaledb--2.23.0.sql" $share/extension/timescaledb--2.17.2.sql
	chmod -R go+rX . && chmod go+x .. ../..
	own=$PWD/own
	export HTA_PG_BIN=$PWD/$lib/bin
	svc_start pg "$own"
	export PGHOST=127.0.0.1 PGDATABASE=postgres PGUSER=hta
	PGPORT=$(<"$own/pg.port")
	export PGPORT
	psql -Xqc 'create database stub'
	export PGDATABASE=stub
	[ $# = 0 ] || psql -Xqc "create extension timescaledb version '$1'"
	for setting in "${@:2}"; do psql -Xqc "alter database stub set $setting"; done
}

# ---- a stand-in

@test "the extension is there: a new table is a hypertable that keeps 90 days; its days go by drop_chunks, behind the mark" {
	with_stub 2.23.0 "timescaledb.license = 'apache'" 'timescaledb.max_tuples_decompressed_per_dml_transaction = 100000'
	feed hta-sink-pg --init </dev/null
	says 'table hta_rollups is made a hypertable of TimescaleDB, and keeps its rows for 90d; --retention says otherwise'
	says 'its licence is apache: chunks are not compressed, and there are no continuous aggregates'
	[ "$(calls)" = 'create_hypertable hta_rollups window_start 1 day f t t' ]
	[ "$(ask 'select rollups, keep, pieces from hta_retention')" = 'hta_rollups|90 days|chunks' ]
	# what an epoch may decompress
	psql -Xqc "create function note_limit() returns trigger language plpgsql as \$\$ begin
		perform note('limit ' || current_setting('timescaledb.max_tuples_decompressed_per_dml_transaction')); return new; end \$\$" \
		-c 'create trigger l before insert on hta_rollups for each row execute function note_limit()' -c 'truncate timescaledb_calls'
	sink --init < <(hello; probe; init ev/0:0; day a 0; wm=$(at 0) bar 1 ev/0:0:1; day a 1; day a 100; wm=$(at 100) bar 2 ev/0:1:3; day a 1; wm=$(at 100) bar 3 ev/0:3:4; end)
	not says 'hypertable'
	[ "$(jq -c 'select(.k? == "bar") | .acct[1].expired // 0' "$out" | paste -sd' ')" = '0 1 1' ]
	[ "$(ask 'select count, window_start::date from hta_rollups')" = '1|2026-04-11' ]
	[ "$(mark)" = '2026-01-10 00:00:00' ]
	calls | sort | uniq -c | sed 's/^ *//' >got
	expect got <<-'END'
		1 drop_chunks hta_rollups 2025-10-02 00:00:00
		1 drop_chunks hta_rollups 2026-01-10 00:00:00
		2 limit 0
	END
	# and a plain stream's
	psql -Xqc 'truncate timescaledb_calls'
	feed hta-sink-pg < <(op=set metric=p day a 99)
	[ "$(calls)" = 'limit 0' ]
}

@test "a version before 2.18 has a hypertable, and no compression" {
	with_stub 2.17.2 "timescaledb.license = 'timescale'"
	feed hta-sink-pg --init --retention 2d </dev/null
	says 'it is version 2.17.2: chunks are not compressed, and there are no continuous aggregates, before 2.18'
	not says 'keeps its rows for'
	[ "$(ask 'select keep, pieces from hta_retention')" = '2 days|chunks' ]
	sink < <(hello; probe; init ev/0:0; day a 0; day a 9; wm=$(at 9) bar 1 ev/0:0:2; end)
	[ "$(mark)" = '2026-01-07 00:00:00' ]
}

@test "a table that is there becomes a hypertable with --timescale, which makes the extension; not without" {
	with_stub
	psql -Xqc "alter database stub set timescaledb.license = 'apache'"
	feed hta-sink-pg --init </dev/null
	sink --init < <(hello; probe; init ev/0:0; day a 0; wm=$(at 0) bar 1 ev/0:0:1; end)
	[ "$(ask "select to_regclass('hta_retention') is null")" = t ]
	feed hta-sink-pg --init --timescale --retention 5d </dev/null
	[ "$(calls)" = 'create_hypertable hta_rollups window_start 1 day f t t' ]
	feed hta-sink-pg --init --timescale </dev/null
	not says 'keeps its rows'
	[ "$(calls | wc -l)" = 1 ]
	[ "$(ask 'select keep, pieces from hta_retention')" = '5 days|chunks' ]
	[ "$(ask 'select count(*) from hta_rollups')" = 1 ]
	# of another table, too, and events are none
	feed hta-sink-pg --init --table other </dev/null
	[ "$(calls | tail -n 1)" = 'create_hypertable other window_start 1 day f t t' ]
	feed hta-sink-pg --init --events </dev/null
	[ "$(calls | wc -l)" = 2 ]
}

@test "what TimescaleDB refuses is 78, and leaves nothing half made" {
	with_stub 2.23.0 "stub.refuses = 'on'"
	fails_with 78 hta-sink-pg --init </dev/null
	says 'TimescaleDB: functionality not supported here'
	[ "$(ask "select to_regclass('hta_rollups') is null and to_regclass('hta_schema') is null")" = t ]
	psql -Xqc "alter database stub reset stub.refuses" -c 'alter function create_hypertable rename to gone'
	fails_with 78 hta-sink-pg --init </dev/null
	says 'TimescaleDB: function create_hypertable\(.*\) does not exist'
	[ "$(ask "select to_regclass('hta_rollups') is null")" = t ]
	psql -Xqc 'drop extension timescaledb cascade'
	feed hta-sink-pg --init --retention 2d </dev/null
	fails_with 78 hta-sink-pg --init --timescale </dev/null
	says 'TimescaleDB: table hta_rollups has partitions, and cannot become a hypertable: give another --table'
	[ "$(ask 'select pieces from hta_retention')" = days ]
}

@test "--timescale where the extension is not to be had is 78; 64 where it has no sense" {
	with_service pg
	psql -Xqc 'drop schema if exists public cascade' -c 'create schema public' 2>/dev/null
	fails_with 78 hta-sink-pg --init --timescale </dev/null
	says 'TimescaleDB: extension "timescaledb" is not available'
	[ "$(ask "select to_regclass('hta_rollups') is null")" = t ]
	fails_with 64 hta-sink-pg --timescale </dev/null
	says -- '--timescale is kept in the store, and set with --init'
	fails_with 64 hta-sink-pg --init --timescale --events </dev/null
	says -- '--timescale is for rows, not for --events'
}

# ---- the statements, in TimescaleDB

@test "a Postgres of WebAssembly with TimescaleDB: hypertable, compression, hours, late rows, what goes" {
	command -v npm >/dev/null || "$top/tests/packages.sh" node || lack "npm is not to be had: TimescaleDB for WebAssembly comes by it"
	cp "$here"/package*.json "$here/pglite.mjs" .
	npm ci --silent --no-audit --no-fund || lack "npm has no registry: TimescaleDB for WebAssembly comes by it"
	feed node pglite.mjs "$top/lib/drv/pg"
	[ "$(grep -c '^ok ' "$out")" = "$(grep -c '^check(' pglite.mjs)" ]
}

# ---- a real server

with_timescale() {
	[ -n "${HTA_TIMESCALE_URL:-}" ] || skip "HTA_TIMESCALE_URL names no database on a server with TimescaleDB"
	where=$HTA_TIMESCALE_URL
	ask() { psql -XAtqc "$1" "$where"; }
	ask 'drop extension if exists timescaledb cascade' 2>/dev/null
	ask 'drop schema if exists public cascade; create schema public' 2>/dev/null
}

@test "a real TimescaleDB: a job on a hypertable is the recount from the mark on; late rows into compressed chunks are added" {
	with_timescale
	{ hta-gen -n 20000 --step 56s --seed 7 --late-prob 0.05; hta-gen -n 3000 --step 370s --seed 8; } >events
	window="hta-window --dead drop --by endpoint,status --value latency_ms --uniq user_id --agg mean=avg(latency_ms) --agg last=last(latency_ms)"
	job() { hta-consume --dead drop --job web --epoch-records "$1" "${@:2}" | $window | hta-sink-pg --init --timescale --retention 3d "$where" | hta-commit; }
	stored() { hta-query -d "$where" history events --since 2025-01-01 | jq -cS 'del(.op, .open, .updated_at)' | sort; }
	recount() { cat "$@" | $window | jq -cS --arg mark "$(mark | tr ' ' T)Z" 'select(.window_start >= $mark) | del(.op)' | sort; }
	feed job 700 events
	[ "$(mark)" = '2026-01-10 00:00:00' ]
	stored >got
	recount events >want
	[ "$(wc -l <want)" -gt 1000 ]
	cmp want got
	[ "$(ask "select count(*) from show_chunks('hta_rollups')")" = 4 ]
	[ "$(ask "select view_name from timescaledb_information.continuous_aggregates")" = hta_rollups_1h ] ||
		[ "$(ask "show timescaledb.license")" = apache ]
	# all that is old enough is compressed; then late events of those days
	ask "select compress_chunk(c, true) from show_chunks('hta_rollups') c" >/dev/null
	ask "alter database $(ask 'select current_database()') set timescaledb.max_tuples_decompressed_per_dml_transaction = 10"
	tail -n 3000 events | tac >later
	feed job 3000 events later
	ask "alter database $(ask 'select current_database()') reset timescaledb.max_tuples_decompressed_per_dml_transaction"
	stored >got
	recount events later >want
	cmp want got
	[ "$(ask "select count(*) from hta_rollups where window_start < (select purged_before from hta_retention)")" = 0 ]
	# hours and minutes agree
	[ "$(ask "select (select sum(sum) from hta_rollups_1h) = (select sum(sum) from hta_rollups)")" = t ]
}
