# One store over several: hta-sink-pg --shard 2/4 and the like, and readers that add them up (shards:STORE,STORE,..).
load ../helpers
load ../stream

setup() { cd "$BATS_TEST_TMPDIR" || return; }

sink() { # NUMBER PLACE: of three
	case $2 in
	redis:*) echo "hta-sink-redis --init --ttl never --shard $1/3 $2" ;;
	dbname=*) echo "hta-sink-pg --init --shard $1/3 $2" ;;
	*) echo "hta-sink-sqlite --init --shard $1/3 $2" ;;
	esac
}

# The same events into three shards and into one store.
fill() { # PLACE PLACE PLACE
	hta-gen -n 20000 --step 50ms --seed 7 >events
	bash -o pipefail -c "hta-consume --job j events | hta-window --by endpoint,status --value latency_ms --uniq user_id --agg 'mean=avg(latency_ms)' |
		$(sink 1 "$1") | $(sink 2 "$2") | $(sink 3 "$3") | hta-sink-sqlite --init whole.db | hta-commit"
}

# What a reader says of the shards is what it says of the one.
same() { # SHARDS [COMMAND OF hta-query...]
	local shards=$1
	shift
	hta-query -d whole.db "$@" --format json >want
	hta-query -d "$shards" "$@" --format json >got
	[ -s want ]
	diff -u <(jq -Sc 'del(.updated_at)' want | sort) <(jq -Sc 'del(.updated_at)' got | sort)
}

all_the_same() { # SHARDS
	same "$1" history events
	same "$1" history events --final
	same "$1" history events --by status --step 1h
	same "$1" history events --dim status=200
	same "$1" latest events
	same "$1" top events -n 7
	diff -u <(hta-query -d whole.db metrics | jq -c 'del(.sink)') <(hta-query -d "$1" metrics | jq -c 'del(.sink)')
}

@test "shards of SQLite are read as the whole, and each has a part" {
	fill a.db b.db c.db
	all_the_same shards:a.db,b.db,c.db
	for db in a b c; do [ "$(sqlite3 $db.db 'select count(*) from hta_rollups')" -gt 50 ]; done
	diff -u <(sqlite3 whole.db 'select dims from hta_rollups' | sort) <(for db in a b c; do sqlite3 $db.db 'select dims from hta_rollups'; done | sort)
	[ "$(sqlite3 b.db 'select sink from hta_job')" = sqlite:hta_rollups:2/3 ]
}

@test "shards of Redis have a key each, and stand in one server or in many" {
	with_service redis
	fill "$REDIS_URL" "$REDIS_URL" "$REDIS_URL"
	all_the_same "shards:$REDIS_URL,$REDIS_URL,$REDIS_URL"
	[ "$(redis-cli -u "$REDIS_URL" --raw keys '{hta:*}:job:j*' | sed 's/:job.*//' | sort)" = "$(printf '{hta:%d}\n' 1 2 3)" ]
}

@test "shards of several kinds, Postgres among them" {
	with_service pg
	fill a.db "dbname=$PGDATABASE" c.db
	all_the_same "shards:a.db,dbname=$PGDATABASE,c.db"
	[ "$(psql -XAtc 'select sink from hta_job')" = pg:hta_rollups:2/3 ]
	[ "$(psql -XAtc "select count(*) from hta_rollups where ('x' || left(dims_hash, 8))::bit(32)::bigint % 3 <> 1")" = 0 ]
	[ "$(psql -XAtc 'select count(*) from hta_rollups')" -gt 50 ]
}

@test "shards: what is missing, twice or in another order is refused" {
	fill a.db b.db c.db
	fails_with 78 hta-query -d shards:b.db,a.db,c.db metrics
	says 'b.db: metric events is that of sink sqlite:hta_rollups:2/3, and not of shard 1/3'
	fails_with 78 hta-query -d shards:a.db,b.db metrics
	fails_with 78 hta-query -d shards:whole.db,b.db,c.db metrics
	fails_with 78 hta-query -d shards:a.db,b.db,none.db metrics
	says 'shard 3/3'
}

@test "shards: dead letters go to the first one" {
	{ hta-gen -n 500 --seed 1; echo 'no JSON'; } >events
	hta-consume --job j events | hta-window | hta-sink-sqlite --init --shard 1/2 a.db | hta-sink-sqlite --init --shard 2/2 b.db | hta-commit
	[ "$(sqlite3 a.db 'select record from hta_dead')" = 'no JSON' ]
	[ "$(sqlite3 b.db 'select count(*) from hta_dead')" = 0 ]
}

@test "shards: another division is another sink, which is not filled by guess" {
	hta-gen -n 500 --seed 1 >events
	hta-consume --job j events | hta-window | hta-sink-sqlite --init --shard 1/2 a.db | hta-commit
	hta-gen -n 500 --seed 1 >>events
	fails_with 78 hta-sink-sqlite --shard 1/3 --foreign a.db < <(job=j hello "events 00000000000000aa"; job=j probe; end)
	says 'is written by another sink of job j, sqlite:hta_rollups:1/2'
}

@test "shards: the command line" {
	for bad in 0/3 4/3 1 1/ /2 1/2/3 a/b 1/2000; do
		fails_with 64 hta-sink-sqlite --shard $bad a.db </dev/null
		says 'must be I/N, such as 2/4'
	done
	fails_with 64 hta-sink-sqlite --events --shard 1/2 a.db </dev/null
	says '--shard is for rows, not for --events'
}

@test "where no thread can be had, readers of shards, workers and servers say so, and a store does without" {
	fill a.db b.db c.db
	cat >none.c <<-'END'
		#include <errno.h>
		#include <pthread.h>
		int pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*run)(void *), void *arg) { return EAGAIN; }
	END
	cc -shared -fPIC -o none.so none.c
	local none=(env "LD_PRELOAD=$PWD/none.so" ASAN_OPTIONS=verify_asan_link_order=0)
	fails_with 75 "${none[@]}" hta-query -d shards:a.db,b.db,c.db history events
	says 'shard 1/3: .*a thread to read a shard: Resource temporarily unavailable'
	fails_with 75 "${none[@]}" hta-window -j 2 events
	says 'thread 1: Resource temporarily unavailable'
	fails_with 75 "${none[@]}" hta-serve -d a.db --listen 127.0.0.1:0
	says 'threads for queries: Resource temporarily unavailable'
	fails_with 75 "${none[@]}" hta-ingest --only-log --log log --listen 127.0.0.1:0
	says 'a thread: Resource temporarily unavailable'
	# its checkpoints would have one of their own
	hta-consume --job k --epoch-records 5000 events | "${none[@]}" hta-sink-sqlite --init --events --key event_id alone.db | hta-commit
	[ "$(hta-query -d alone.db events --limit 100000 | wc -l)" = 20000 ]
}
