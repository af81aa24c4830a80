# What hta-check --cost says of bytes, against stores that have the rows.
load ../helpers

# Redis tells the memory of all that is in it: one of this test's own.
setup() {
	with_service pg
	own=$BATS_TEST_TMPDIR/own
	svc_start redis "$own"
	export REDIS_URL=redis://127.0.0.1:$(<"$own/redis.port")/0
	cd "$BATS_TEST_TMPDIR"
	hta-gen --count 40000 --step 100ms --start -80m >sample.ndjson
}

teardown() {
	kill_spawned
	[ -z "${own:-}" ] || svc_stop redis "$own" KILL
}

# The estimate of a row, from the table's bytes and rows a day: "38M", "144k".
estimate() { # COLUMN
	awk -v at="$1" '
		function n(s) { u = index("KMGT", toupper(substr(s, length(s)))); return (s + 0) * (s ~ /k$/ || at == 3 ? 1000 : 1024) ^ u }
		function k(s) { u = index("KMGT", toupper(substr(s, length(s)))); return (s + 0) * 1000 ^ u }
		$1 == "events" { printf "%d", n($at) / k($3) }' "$out"
}

near() { # NAME ESTIMATE REAL
	echo "$1: estimated $2, real $3"
	[ $(($2 * 4)) -ge $(($3 * 3)) ] && [ $(($2 * 4)) -le $(($3 * 5)) ]
}

used() { redis-cli -u "$REDIS_URL" info memory | tr -d '\r' | sed -n 's/^used_memory://p'; }

@test "cost: bytes a row are within a quarter of what the stores take" {
	local line before
	for line in 'count by endpoint, region' 'p99(latency_ms), avg(latency_ms), e=count if .status >= 500 by customer' 'uniq(user_id), sum(payload.price) by endpoint'; do
		echo "$line"
		feed hta-check --cost sample.ndjson -e "$line"
		hta-window -e "$line" sample.ndjson >rows
		[ "$(wc -l <rows)" -gt 1000 ]
		psql -Xqc 'drop schema public cascade; create schema public' 2>/dev/null
		hta-sink-pg --init <rows
		psql -Xqc 'vacuum full hta_rollups'
		near postgres "$(estimate 4)" $(($(psql -XqAtc "select pg_total_relation_size('hta_rollups')") / $(wc -l <rows)))
		rm -f store.db
		hta-sink-sqlite --init store.db <rows
		near sqlite "$(estimate 5)" $(($(sqlite3 store.db "select sum(pgsize) from dbstat where name like '%hta_rollups%'") / $(wc -l <rows)))
		redis-cli -u "$REDIS_URL" flushdb >/dev/null
		before=$(used)
		hta-sink-redis --init "$REDIS_URL" <rows
		near redis "$(estimate 6)" $((($(used) - before) / $(wc -l <rows)))
	done
}
