# hta-check --connect: what is there, what is not, and that what it says mends it.
load ../helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
	echo '{"rule_id":"web","window_size":"1m","group_by":["k"],"metric":"count"}' >r.json
}

# What was said on standard output.
found() {
	grep -qE -e "$1" "$out" && return
	printf 'not found: %s\n' "$1"
	cat "$out"
	return 1
}

# Rows of rule "web" of another meaning, as those of job j, into a sink.
stored() { # WINDOW SINK...
	printf '%s\n' '{"ts":"'"$(date -u +%FT%TZ)"'","k":1}' >events
	hta-consume --job j --until end events | hta-window --metric web --by k --every "$1" | "${@:2}" | hta-commit
}

@test "connect: Postgres, its schema, rights and settings" {
	with_service pg
	psql -Xqc 'drop schema public cascade; create schema public; grant all on schema public to public' 2>/dev/null
	store="host=$PGHOST port=$PGPORT user=$PGUSER dbname=$PGDATABASE"
	fails_with 78 hta-check --connect -d "$store"
	says '^hta-check: Postgres: table hta_rollups is missing: run `hta-sink-pg --init </dev/null` once$'
	hta-sink-pg --init "$store" </dev/null
	feed hta-check --connect -d "$store" r.json
	found "^Postgres: version [0-9.]+.* database $PGDATABASE, role $PGUSER: the schema is there$"
	poor=poor_$RANDOM
	psql -Xqc "create role $poor login; grant select on all tables in schema public to $poor"
	weak="host=$PGHOST port=$PGPORT user=$poor dbname=$PGDATABASE"
	fails_with 78 hta-check --connect -d "$weak"
	says "^hta-check: Postgres: role $poor lacks rights: GRANT DELETE, INSERT, UPDATE ON hta_pos TO $poor\$"
	[ "$(wc -l <<<"$stderr")" = 5 ]
	grep -o 'GRANT .*' <<<"$stderr" | sed 's/$/;/' | psql -Xq
	feed hta-check --connect -d "$weak"
	[ -z "$stderr" ]
	psql -Xqc "alter role $poor set synchronous_commit = off; alter role $poor set default_transaction_read_only = on"
	fails_with 78 hta-check --connect -d "$weak"
	says 'warning: synchronous_commit is off'
	says "Postgres: transactions are read-only here: .* ALTER ROLE $poor SET default_transaction_read_only = off"
	psql -Xqc "drop owned by $poor; drop role $poor"
}

@test "connect: Redis, its schema, memory and persistence" {
	with_service redis
	redis-cli -u "$REDIS_URL" flushdb >/dev/null
	fails_with 78 hta-check --connect -d "$REDIS_URL"
	says '^hta-check: Redis: the schema of prefix hta is missing'
	hta-sink-redis --init "$REDIS_URL" </dev/null
	set_to() { redis-cli -u "$REDIS_URL" config set "$1" "$2" >/dev/null; }
	was=$(redis-cli -u "$REDIS_URL" config get appendonly | tail -n 1)
	set_to appendonly yes
	feed hta-check --connect -d "$REDIS_URL"
	found '^Redis: version [0-9.]+, prefix hta: the schema is there$'
	found '^Redis: maxmemory 0, maxmemory-policy noeviction: no key is evicted$'
	found '^Redis: appendonly yes: rows outlive a restart$'
	set_to maxmemory 1gb
	set_to maxmemory-policy allkeys-lru
	fails_with 78 hta-check --connect -d "$REDIS_URL"
	set_to maxmemory 0
	set_to maxmemory-policy noeviction
	says '^hta-check: Redis: maxmemory-policy allkeys-lru may evict rows, .*: CONFIG SET maxmemory-policy noeviction'
	set_to appendonly no
	feed hta-check --connect -d "$REDIS_URL"
	says '^hta-check: Redis: warning: neither appendonly nor save: a restart loses all rows'
	fails_with 78 hta-check --strict --connect -d "$REDIS_URL"
	set_to appendonly "$was"
	redis-cli -u "$REDIS_URL" acl setuser reader on '>secret' '~*' +@read +info +select +ping >/dev/null
	fails_with 78 hta-check --connect -d "redis://reader:secret@${REDIS_URL#redis://}"
	redis-cli -u "$REDIS_URL" acl deluser reader >/dev/null
}

@test "connect: SQLite, and metrics that a job has stored" {
	fails_with 78 hta-check --connect -d store.db
	says '^hta-check: SQLite: store.db: cannot be opened: run `hta-sink-sqlite --init store.db </dev/null` once'
	[ ! -e store.db ]
	stored 1m hta-sink-sqlite --init store.db
	feed hta-check --connect -d store.db r.json
	found '^SQLite: version [0-9.]+, store.db: the schema is there$'
	found '^SQLite: metric web is stored, and as the rule has it$'
	rm store.db
	stored 5m hta-sink-sqlite --init store.db
	fails_with 78 hta-check --connect -d store.db r.json
	says '^hta-check: SQLite: metric web of job j is stored with another meaning: give the rule a higher version'
	sed -i 's/"rule_id"/"version":2,"rule_id"/' r.json
	feed hta-check --connect -d store.db r.json
}

@test "connect: a cluster, its topics and group" {
	with_service broker
	topic_new probe 3
	feed hta-check --connect -b "$HTA_BROKERS" -t "$topic"
	says "^hta-check: cluster: warning: topic $topic: 3 partitions, 0 records"
	hta-gen --count 100 | produce "$topic" -
	feed hta-check --connect -b "$HTA_BROKERS" -t "$topic" -g "$HTA_PREFIX.probe"
	found "^cluster: topic $topic: 3 partitions, 100 records$"
	found "^cluster: group $HTA_PREFIX.probe: nothing committed, it begins anew$"
	feed pipe "hta-consume -b $HTA_BROKERS -t $topic -g $HTA_PREFIX.probe --until end | hta-window | hta-sink-sqlite --init store.db | hta-commit"
	feed hta-check --connect -b "$HTA_BROKERS" -t "$topic" -g "$HTA_PREFIX.probe" -d store.db
	found "^cluster: group $HTA_PREFIX.probe: 3 partitions committed, 0 records to go$"
	found '^SQLite: '
}

@test "connect: one that is not there keeps nobody else from being asked" {
	hta-sink-sqlite --init store.db </dev/null
	fails_with 69 hta-check --connect -d redis://127.0.0.1:1 -d store.db
	says '^hta-check: Redis: 127.0.0.1:1: Connection refused$'
	found '^SQLite: '
	fails_with 64 hta-check -d store.db r.json
	fails_with 64 hta-check --connect r.json
	fails_with 78 hta-check --connect -d store.db <<<nonsense nowhere.json
}
