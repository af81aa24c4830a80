# Jobs that earlier programs have begun go on. tests/store/upgrade/ has what hta 0.1.0 with schema 1 left in each store, as text:
#
#	job web over events.ndjson: hta-window --dead drop --metric hits --by path --value ms --uniq user --metric all --every 1h
#	and, plain, --metric plain --by path over the same file
load ../helpers

old=$BATS_TEST_DIRNAME/upgrade
metrics='--metric hits --by path --value ms --uniq user --metric all --every 1h'

setup() { cd "$BATS_TEST_TMPDIR"; }

use() { # pg|redis|sqlite: a store as it was left
	case $1 in
	pg)
		with_service pg
		psql -Xqc 'drop schema public cascade; create schema public' 2>/dev/null
		psql -XqAt -v ON_ERROR_STOP=1 -f "$old/pg.sql"
		sink=hta-sink-pg store="host=$PGHOST"
		;;
	redis)
		with_service redis
		redis-cli -u "$REDIS_URL" flushdb >/dev/null
		not grep -q ERR < <(redis-cli -u "$REDIS_URL" <"$old/redis.txt")
		sink="hta-sink-redis --ttl never" store=$REDIS_URL
		;;
	sqlite)
		sqlite3 db <"$old/sqlite.sql"
		sink="hta-sink-sqlite db" store=db
		;;
	esac
}

version() {
	case $1 in
	pg) psql -XAtqc 'select version from hta_schema' ;;
	redis) redis-cli -u "$REDIS_URL" get '{hta}:schema' ;;
	sqlite) sqlite3 db 'select version from hta_schema' ;;
	esac
}

rows() { hta-query -d "$store" history "$1" --since 2026-01-01 | jq -cS 'del(.op, .open)' | sort; }
final() { hta-window --dead drop "$@" | jq -cS 'del(.op)' | sort; }
job() { # FLAGS OF THE SINK, OF THE WINDOW..
	pipe "hta-consume --dead drop --job web grown | hta-window --dead drop ${*:2} | $sink $1 | hta-commit"
}

goes_on() {
	use "$1"
	# what is there reads as the same events do today
	rows hits >got
	final --metric hits --by path --value ms --uniq user "$old/events.ndjson" >want
	cmp want got
	# the file has grown: only what is new is counted
	{ cat "$old/events.ndjson"; printf '{"ts":"2026-01-01T00:00:03Z","path":"/%s","ms":0.25,"user":"u9"}\n' a c; } >grown
	feed job '' "$metrics"
	feed job '' "$metrics"
	for metric in 'hits --by path --value ms --uniq user' 'all --every 1h'; do
		rows "${metric%% *}" >got
		# shellcheck disable=SC2086
		final --metric $metric grown >want
		cmp want got
	done
	[ "$(hta-query -d "$store" positions web | jq -r .next)" = "$(wc -c <grown)" ]
	[ "$(version "$1")" = 1 ]
	# a plain metric is compared as ever
	hta-window --metric plain --by path --dead drop "$old/events.ndjson" >plain
	feed $sink --dry-run <plain
	expect <<<'new 0, equal 3, different 0'
}
@test "upgrade: a job in Postgres goes on" { goes_on pg; }
@test "upgrade: a job in Redis goes on" { goes_on redis; }
@test "upgrade: a job in SQLite goes on" { goes_on sqlite; }

views() { sqlite3 "$1" "select name, sql from sqlite_master where type = 'view' and name like 'hta%' order by 1"; }

@test "upgrade: --init makes the views in SQLite anew, once" {
	use sqlite
	views db >old
	hta-window --metric plain --by path --dead drop "$old/events.ndjson" >plain
	feed hta-sink-sqlite --init new <plain
	views new >want
	feed hta-sink-sqlite db <plain
	views db | cmp old -
	not cmp -s old want
	feed hta-sink-sqlite --init db <plain
	views db | cmp want -
	[ "$(version sqlite)" = 1 ]
	made=$(sqlite3 db 'pragma schema_version')
	feed hta-sink-sqlite --init db <plain
	[ "$(sqlite3 db 'pragma schema_version')" = "$made" ]
	rows plain >got
	[ -s got ]
}

# Columns come with --init only, in one transaction; then the schema is 2, and the old metrics are as they were.
measures() {
	use "$1"
	{ cat "$old/events.ndjson"; printf '{"ts":"2026-01-01T00:05:0%dZ","path":"/c","ms":%d}\n' 1 4 2 5; } >grown
	if [ "$1" != redis ]; then
		fails_with 78 job '' "$metrics" --metric speed --by path --agg "'mean=avg(ms)'"
		says '[-]-init'
		[ "$(version "$1")" = 1 ]
		[ "$(hta-query -d "$store" positions web | jq -r .next)" = 284 ]
	fi
	feed job --init "$metrics" --metric speed --by path --agg "'mean=avg(ms)'"
	rows hits >got
	final --metric hits --by path --value ms --uniq user grown >want
	cmp want got
	[ "$(rows speed | jq -c '[.window_start, .count, .measures]')" = '["2026-01-01T00:05:00Z",2,{"mean":4.5}]' ]
	[ "$(version "$1")" = "$([ "$1" = redis ] && echo 1 || echo 2)" ]
	feed job '' "$metrics" --metric speed --by path --agg "'mean=avg(ms)'"
}
@test "upgrade: measures come to an old job in Postgres" { measures pg; }
@test "upgrade: measures come to an old job in Redis" { measures redis; }
@test "upgrade: measures come to an old job in SQLite" { measures sqlite; }
