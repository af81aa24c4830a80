# Sinks on Postgres and SQLite: what they make, take, refuse, and how they are undone.
load ../helpers

rows() { # COUNT OF THE FIRST ROW
	cat <<-END
		{"op":"set","metric":"web","window_start":"2026-01-01T00:00:00Z","window_end":"2026-01-01T00:01:00Z","dims":{"path":"/a","status":200},"dims_hash":"00112233445566778899aabbccddeeff","count":$1,"value_count":$1,"sum":12.5,"min":-0.1,"max":9}
		{"op":"set","metric":"web","window_start":"2026-01-01T00:01:00Z","window_end":"2026-01-01T00:02:00Z","dims":{"path":null},"dims_hash":"10112233445566778899aabbccddeeff","count":1,"value_count":0,"sum":null,"min":null,"max":null}
	END
}

# Each test runs for one store: $sink is its program with its place, $ask runs SQL there.
use() { # pg|sqlite
	cd "$BATS_TEST_TMPDIR"
	store=$1
	if [ "$store" = pg ]; then
		with_service pg
		psql -Xqc 'drop table if exists hta_rollups, hta_job, hta_pos, hta_metric, hta_dead, hta_schema cascade' 2>/dev/null
		sink=hta-sink-pg
	else
		sink="hta-sink-sqlite db"
	fi
}

ask() {
	if [ "$store" = pg ]; then PGTZ=UTC psql -XAtqc "$1"; else sqlite3 db "$1"; fi
}


plain_rows() {
	use "$1"
	fails_with 78 $sink < <(rows 10)
	says '--init'
	feed $sink --init < <(rows 10)
	[ ! -s "$out" ]
	feed $sink < <(rows 10)
	[ "$(ask 'select count(*), sum(count) from hta_rollups')" = '2|11' ]
	[ "$(ask 'select count(*) from hta_final')" = 2 ]
	[ "$(ask "select sum, min, max, value_count from hta_rollups where count = 10")" = '12.5|-0.1|9|10' ]
	[ "$(ask "select sum is null, min is null, value_count from hta_rollups where count = 1")" = "$([ "$1" = pg ] && echo 't|t|0' || echo '1|1|0')" ]
	[ "$(ask "select avg from hta_numbers where count = 10" | cut -c 1-4)" = 1.25 ]
	[ "$(ask "select metric, job is null from hta_metric")" = "web|$([ "$1" = pg ] && echo t || echo 1)" ]
}
@test "pg: final rows, once and again, views" { plain_rows pg; }
@test "sqlite: final rows, once and again, views" { plain_rows sqlite; }

other_values() {
	use "$1"
	feed $sink --init < <(rows 10)
	feed $sink --dry-run < <(rows 10)
	expect <<-'END'
		new 0, equal 2, different 0
	END
	feed $sink --dry-run < <(rows 11)
	expect <<-'END'
		new 0, equal 1, different 1
	END
	fails_with 65 $sink < <(rows 11)
	says 'web 2026-01-01T00:00:00Z .*--replace'
	[ "$(ask 'select sum(count) from hta_rollups')" = 11 ]
	feed $sink --replace < <(rows 11)
	[ "$(ask 'select sum(count) from hta_rollups')" = 12 ]
	feed $sink --pass < <(rows 11)
	rows 11 | cmp - "$out"
}
@test "pg: other values are refused, --replace consents" { other_values pg; }
@test "sqlite: other values are refused, --replace consents" { other_values sqlite; }

refused_rows() {
	use "$1"
	fails_with 65 $sink --init < <(rows 1 | sed 's/"set"/"add"/; s/12.5/"12.5"/; s/-0.1/"-0.1"/; s/"max":9/"max":"9"/')
	says 'delta'
	fails_with 65 $sink < <(rows 1 | head -n 1 | sed 's/}$/,"uniq":3}/')
	says 'uniq_sketch'
	fails_with 65 $sink < <(echo '{"op":"set"}')
	fails_with 65 $sink < <(echo 'not a row')
	[ "$(ask 'select count(*) from hta_rollups')" = 0 ]
	fails_with 64 $sink --ttl 7d </dev/null
	fails_with 64 $sink --retry-for 5 </dev/null
}
@test "pg: deltas on a plain stream, uniques without a sketch, no rows: 65" { refused_rows pg; }
@test "sqlite: deltas on a plain stream, uniques without a sketch, no rows: 65" { refused_rows sqlite; }

job_rows() {
	use "$1"
	hta-gen --count 20000 --bad-prob 0.01 >events
	run="hta-consume --job shop events | hta-window --metric web --by endpoint --value latency_ms --lateness 10s | $sink --init | hta-commit"
	feed pipe "$run"
	[ "$(ask 'select sum(count) from hta_rollups')" = "$(hta-window --value latency_ms --dead drop events | jq -s 'map(.count) | add')" ]
	[ "$(ask 'select sum(count) from hta_rollups')" -lt 20000 ]
	[ "$(ask 'select count(*) from hta_dead')" -gt 100 ]
	[ "$(ask "select (select sum(count) from hta_rollups) + (select count(*) from hta_dead)")" = 20000 ]
	[ "$(ask "select count(*) from hta_dead where topic is null or record_offset is null or reason = '' or stage <> 'hta-window'")" = 0 ]
	[ "$(ask "select job, sink, by_now from hta_job")" = "shop|${1}:hta_rollups|$([ "$1" = pg ] && echo f || echo 0)" ]
	if [ "$1" = pg ]; then [ "$(ask 'select lateness from hta_job')" = 00:00:10 ]; else [ "$(ask 'select lateness from hta_job')" = 10000000 ]; fi
	# again: nothing moves; another definition, another owner, a plain stream: 78
	before=$(ask 'select * from hta_rollups order by 1, 2, 3, 4')
	feed pipe "$run"
	[ "$(ask 'select * from hta_rollups order by 1, 2, 3, 4')" = "$before" ]
	fails_with 78 pipe "${run/--by endpoint/--by status}"
	says 'endpoint.*status'
	fails_with 78 pipe "${run/--job shop/--job other}"
	says 'job shop.*job other'
	fails_with 78 $sink --replace < <(hta-window --metric web --by endpoint --value latency_ms --dead drop events)
	[ "$(ask 'select * from hta_rollups order by 1, 2, 3, 4')" = "$before" ]
	# away with it
	feed $sink --reset shop
	[ "$(ask 'select (select count(*) from hta_rollups) + (select count(*) from hta_job) + (select count(*) from hta_pos) + (select count(*) from hta_metric) + (select count(*) from hta_dead)')" = 0 ]
	feed pipe "$run"
	[ "$(ask 'select sum(count) from hta_rollups')" -gt 19000 ]
}
@test "pg: a job's rows, dead records, owner, definition, reset" { job_rows pg; }
@test "sqlite: a job's rows, dead records, owner, definition, reset" { job_rows sqlite; }

final_rows() {
	use "$1"
	hta-gen --count 3000 --step 100ms >events
	feed pipe "hta-consume --job fin events | hta-window --lateness 30s --by region | $sink --init | hta-commit"
	# 300 s of events: windows end at 60 .. 300; 299.9 - 30 s closes the first four
	[ "$(ask 'select count(distinct window_start) from hta_rollups')" = 5 ]
	[ "$(ask 'select count(distinct window_start) from hta_final')" = 4 ]
}
@test "pg: hta_final follows watermark and lateness" { final_rows pg; }
@test "sqlite: hta_final follows watermark and lateness" { final_rows sqlite; }

# A metric that comes later counts from each sink's position: its first whole window begins after the highest watermark.
later_metric() {
	use "$1"
	hta-gen --count 1000 --step 100ms >events
	run="hta-consume --job late events | hta-window --metric one METRICS | $sink --init | hta-commit"
	feed pipe "${run/METRICS/}"
	hta-gen --count 3000 --step 100ms | tail -n +1001 >>events
	feed pipe "${run/METRICS/--metric two}"
	[ "$(ask "select count(*) from hta_metric where since is null and metric = 'one'")" = 1 ]
	if [ "$1" = pg ]; then since=$(ask "select to_char(since, 'HH24:MI:SS.MS') from hta_metric where metric = 'two'"); else since=$(ask "select substr(since, 12) from hta_metric where metric = 'two'"); fi
	[ "${since:0:8}" = 00:02:00 ] || { echo "since $since"; false; }
	[ "$(ask "select sum(count) from hta_rollups where metric = 'one'")" = 3000 ]
	[ "$(ask "select sum(count) from hta_rollups where metric = 'two'")" = 2000 ]
	# 300 s of events, the last at 299.9: of both the windows up to 240 are final, of the new one those from 120 on
	[ "$(ask "select count(*) from hta_final where metric = 'one'")" = 4 ]
	[ "$(ask "select count(*) from hta_final where metric = 'two'")" = 2 ]
}
@test "pg: a metric added later, its since" { later_metric pg; }
@test "sqlite: a metric added later, its since" { later_metric sqlite; }

@test "pg: a wrong password and an unknown database are 78 at once, nobody there is 69 after --retry-for" {
	use pg
	PGUSER=hta_pw PGPASSWORD=wrong fails_with 78 hta-sink-pg < <(rows 1)
	says 'password'
	fails_with 78 hta-sink-pg dbname=nowhere < <(rows 1)
	fails_with 78 hta-sink-pg 'no such=thing' < <(rows 1)
	PGHOST=127.0.0.1 PGPORT=1 fails_with 69 hta-sink-pg --retry-for 1s < <(rows 1)
	says 'given up after 1s'
	[ "$(grep -c 'trying again' <<<"$stderr")" = 1 ]
	PGUSER=hta_pw PGPASSWORD=wrong fails_with 78 hta-sink-pg < <(rows 1)
	not grep -q wrong <<<"$stderr"
}

@test "pg: a table of its own, in a schema of its own" {
	use pg
	psql -Xqc 'drop schema if exists shop cascade; create schema shop'
	feed hta-sink-pg --init --table shop.minutes < <(rows 5)
	[ "$(ask 'select count(*) from shop.minutes')" = 2 ]
	[ "$(ask 'select count(*) from shop.minutes_final')" = 2 ]
}

@test "pg: a name that Postgres would cut, with its views' names, is 64, for the sink and for hta-query" {
	use pg
	name=$(printf 'é%.0s' {1..27})x
	[ "$(wc -c <<<"$name")" = 56 ]
	psql -Xqc 'drop schema if exists shop cascade' -c "create schema shop" 2>/dev/null
	for table in "$name" "shop.$name"; do
		feed hta-sink-pg --init --table "$table" < <(rows 5)
		for view in '' _final _numbers; do
			[ "$(ask "select count(*) from ${table/$name/\"$name$view\"}")" = 2 ]
		done
		feed hta-query --table "$table" latest web
		fails_with 64 hta-sink-pg --init --table "${table}y" < <(rows 5)
		says 'has 56 bytes, at most 55'
		fails_with 64 hta-query --table "${table}y" latest web
		says 'has 56 bytes, at most 55'
	done
	[ "$(ask "select count(*) from pg_class where relname like '$name%' and relkind in ('r', 'v')")" = 6 ]
	fails_with 64 hta-sink-pg --init --table "${name}123456789.x" < <(rows 5)
	says 'the schema has 64 bytes'
	for table in .x shop. ''; do
		fails_with 64 hta-sink-pg --init --table "$table" < <(rows 5)
		fails_with 64 hta-query --table "$table" latest web
	done
	fails_with 64 hta-sink-pg --init --table $'a\xff' < <(rows 5)
}

# A table hta would have the views of hta_rollups.
taken_names() {
	use "$1"
	feed $sink --init < <(rows 5)
	for table in hta hta_final hta_numbers hta_job hta_pos hta_metric hta_dead hta_schema HTA_Pos ''; do
		fails_with 64 $sink --init --table "$table" < <(rows 5)
		says '^hta-sink-[a-z]*: --table'
	done
	[ "$(ask 'select count(*) from hta_final')" = 2 ]
	feed $sink --init --table hta2 < <(rows 5)
}
@test "pg: names that the store's own tables and views have are 64" { taken_names pg; }
@test "sqlite: names that the store's own tables and views have are 64" {
	taken_names sqlite
	fails_with 64 hta-query -d db --table hta_pos latest web
}

@test "sqlite: a sum out of range is 65, nothing of the epoch is stored" {
	load ../stream
	use sqlite
	much=150000000000000000000000000000
	{ hello; probe; init ev/0:0; add a 0 1 $much; bar 1 ev/0:0:1; add b 0 1 1; add a 0 1 $much; bar 2 ev/0:1:2; end; } >stream
	fails_with 65 pipe 'cat stream | hta-sink-sqlite --foreign --init db'
	says 'sum out of range'
	[ "$(ask 'select count, sum from hta_rollups')" = "1|$much" ]
	[ "$(ask 'select next from hta_pos')" = 1 ]
}

@test "pg: without the extension the sketch is bytes, with it a type that counts; the estimate is the same" {
	use pg
	hta-gen --count 20000 >events
	job="hta-consume --job NAME events | hta-window --metric NAME --by region --uniq user_id"
	psql -Xqc 'drop extension if exists hll cascade' 2>/dev/null
	feed pipe "${job//NAME/bytes} | hta-sink-pg --init --table sk_bytes | hta-commit"
	psql -Xqc 'create extension hll'
	feed pipe "${job//NAME/hll} --every 20ms | hta-sink-pg --init --table sk_hll | hta-commit" || :
	feed pipe "hta-consume --job h2 --epoch-records 3000 events | hta-window --metric h2 --by region --uniq user_id | hta-sink-pg --init --table sk_two | hta-commit"
	[ "$(ask "select format_type(atttypid, null) from pg_attribute where attrelid = 'sk_bytes'::regclass and attname = 'uniq_sketch'")" = bytea ]
	[ "$(ask "select format_type(atttypid, null) from pg_attribute where attrelid = 'sk_two'::regclass and attname = 'uniq_sketch'")" = hll ]
	[ "$(ask 'select string_agg(uniq::text, chr(32) order by dims_hash) from sk_bytes')" = "$(ask 'select string_agg(uniq::text, chr(32) order by dims_hash) from sk_two')" ]
	[ "$(ask 'select bool_and(abs(hll_cardinality(uniq_sketch) - uniq) < 0.03 * uniq) from sk_two')" = t ]
}

@test "sqlite: no file, no folder, not a database, a full disk" {
	use sqlite
	fails_with 78 hta-sink-sqlite missing.db < <(rows 1)
	says '--init'
	fails_with 78 hta-sink-sqlite --init no/such/folder.db < <(rows 1)
	hta-gen --count 100 >text
	fails_with 78 hta-sink-sqlite --init text < <(rows 1)
	fails_with 64 hta-sink-sqlite </dev/null
}

@test "sqlite: a database that would be gone with the program is 64, named, and nothing is acknowledged" {
	use sqlite
	hta-gen --count 100 >events
	for place in :memory: file::memory: 'file:x?mode=memory' 'file:x?mode=memory&cache=shared' file: 'file:?cache=shared' file:%3Amemory%3A 'file:/x?vfs=memdb'; do
		fails_with 64 hta-sink-sqlite --init "$place" < <(rows 1)
		says "\"$(sed 's/[?]/\\?/g' <<<"$place")\" is a database in memory"
		fails_with 64 pipe "hta-consume --job mem events | hta-window | hta-sink-sqlite --init '$place' | hta-commit"
		fails_with 64 hta-sink-sqlite --reset mem "$place"
	done
	for place in /dev/null /dev/full; do
		fails_with 64 hta-sink-sqlite --init $place < <(rows 1)
		says "$place: is no file"
	done
	# URIs of files are fine
	feed pipe "hta-consume --job mem events | hta-window | hta-sink-sqlite --init file:real.db?cache=private | hta-commit"
	[ "$(sqlite3 real.db 'select sum(count) from hta_rollups')" = 100 ]
}

@test "pg: tables that would be gone with the connection are 64, and nothing is acknowledged" {
	use pg
	hta-gen --count 100 >events
	fails_with 64 hta-sink-pg --init --table pg_temp.r < <(rows 1)
	says 'temporary table'
	fails_with 64 pipe "hta-consume --job tmp events | hta-window | hta-sink-pg --init --table pg_temp.r | hta-commit"
	PGOPTIONS='-c search_path=pg_temp,public' fails_with 64 pipe "hta-consume --job tmp events | hta-window | hta-sink-pg --init | hta-commit"
	[ "$(ask 'select count(*) from hta_pos')" = 0 ]
}

# What stands where the version of the schema would, made by somebody else: it is named, and stays as it is.
foreign_schema() {
	use "$1"
	for columns in 'name text' 'version text'; do
		ask "create table hta_schema ($columns); insert into hta_schema values ('theirs')"
		fails_with 78 $sink --init < <(rows 1)
		says 'hta_schema'
		not says '(run|add) .?--init|--init </dev/null'
		[ "$(ask 'select * from hta_schema')" = theirs ]
		ask 'drop table hta_schema'
	done
}
@test "pg: a table hta_schema of somebody else" { foreign_schema pg; }
@test "sqlite: a table hta_schema of somebody else" { foreign_schema sqlite; }

@test "two sinks of one name are 64; a second one by --name is not" {
	use sqlite
	hta-gen --count 100 >events
	fails_with 64 pipe 'hta-consume --job two events | hta-window | hta-sink-sqlite --init a.db | hta-sink-sqlite --init b.db | hta-commit'
	says 'sqlite:hta_rollups.*--name'
	feed pipe 'hta-consume --job two events | hta-window | hta-sink-sqlite --init a.db | hta-sink-sqlite --init --name second b.db | hta-commit'
	[ "$(sqlite3 a.db 'select sum(count) from hta_rollups')" = 100 ]
	[ "$(sqlite3 b.db 'select sum(count) from hta_rollups')" = 100 ]
}

long_names() {
	use "$1"
	hta-gen --count 100 >events
	local name
	name=$(printf '%0255d' 0)
	fails_with 64 $sink --init --name "1$name"
	says 'at most 255 bytes, this one has 256'
	feed pipe "hta-consume --job $name -t $name events | hta-window --by endpoint --metric ${name:0:200} | $sink --init --name $name | hta-commit"
	[ "$(ask 'select sum(count) from hta_rollups')" = 100 ]
}
@test "pg: the longest names of job, sink, topic and metric fit into its keys" { long_names pg; }
@test "sqlite: the longest names of job, sink, topic and metric fit into its keys" { long_names sqlite; }

@test "options of plain streams are 64 on an acknowledged one" {
	use sqlite
	hta-gen --count 100 >events
	for option in --dry-run --replace --pass; do
		fails_with 64 pipe "hta-consume --job opt events | hta-window | hta-sink-sqlite --init $option a.db | hta-commit"
		says "$option"
	done
}
