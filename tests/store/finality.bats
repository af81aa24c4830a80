# Which windows are final: the views of Postgres and SQLite and what hta-query says of each store, over one table of cases
# (finality.tsv, which tests/unit/finality.c has as well).
load ../helpers

setup() { cd "$BATS_TEST_TMPDIR" || return; }

table=$BATS_TEST_DIRNAME/finality.tsv
cases() { python3 "$BATS_TEST_DIRNAME/finality.py" "$1" "$table"; }

# Of each metric its only window: open or not.
open_ones() { # hta-query's options
	local name
	cut -f 1 "$table" | grep -v '^#' | while read -r name; do
		hta-query "$@" latest "$name" --format json
	done | jq -r 'select(.open) | .metric'
}

same_names() { diff -u <(sort "$1") <(sort "$2"); } # WANTED GOT

@test "finality: the view of Postgres, and hta-query over it" {
	with_service pg
	cases rows | hta-sink-pg --init
	cases pg | psql -Xqv ON_ERROR_STOP=1
	cases final >want
	psql -XAtqc 'select metric from hta_final' >got
	same_names want got
	cases open >want
	open_ones -d "dbname=$PGDATABASE" >got
	same_names want got
}

@test "finality: the view of SQLite, and hta-query over it" {
	cases rows | hta-sink-sqlite --init db
	cases sqlite | sqlite3 -bail db
	cases final >want
	sqlite3 db 'select metric from hta_final' >got
	same_names want got
	cases open >want
	open_ones -d db >got
	same_names want got
}

@test "finality: hta-query over Redis, which has no view" {
	with_service redis
	cases rows | hta-sink-redis --init --ttl never
	cases redis | redis-cli -u "$REDIS_URL" >answers
	not grep -i err answers
	cases open >want
	open_ones -d "$REDIS_URL" >got
	same_names want got
}
