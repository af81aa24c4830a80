# What people are told to type, made ready to be run: what manual.bats (the pages) and help.bats (--help) share.
#
# It is run as it stands, but for names of servers, and names that tests sharing a server must not share:
#	kafka:9092		$HTA_BROKERS
#	-t events		-t $topic, the test's own
#	-t clean, --dead-topic clean.dlq,
#	-g NAME, --reset web2,
#	positions web		with the test's prefix
#	redis://cache:6379/0	$REDIS_URL
#	http://registry:8081	$HTA_TEST_REGISTRY
#	s3://archive		the test's own place in a bucket
#	clickhouse://ch:8123/web, mongodb://mongo/web
#				$CLICKHOUSE_URL, $MONGODB_URI
#	http://ch:8123/?database=web	the former, as curl wants it
#	ports 8000, 8443, 8080	free ones, also behind HTA_IN and HTA_OUT
#	/var/lib/hta, /var/lib/prometheus/node-exporter
#				the scratch folder
#	2026-01-01, 2026-01-02	as operands of --from and --until: the day when the records were made, and the second one after
#				it: they may have been made until after midnight
# service=rollups is the test's database: PGSERVICEFILE says so.

# shellcheck disable=SC2154
man=$top/man

as_here() {
	local ch=${CLICKHOUSE_URL/clickhouse/http}
	sed -E "s|kafka:9092|${HTA_BROKERS:-}|g; s|-t events|-t ${topic:-}|g; s|redis://cache:6379/0|${REDIS_URL:-}|g
		s|http://registry:8081|${HTA_TEST_REGISTRY:-}|g
		s|s3://archive|s3://${S3_BUCKET:-}/$BATS_TEST_NUMBER|g
		s|http://ch:8123/\?database=web|${ch%/*}/?database=${ch##*/}|g
		s|clickhouse://ch:8123/web|${CLICKHOUSE_URL:-}|g; s|mongodb://mongo/web|${MONGODB_URI:-}|g
		s/(-l :?|localhost:)(8000|8443)/\1${port:-8000}/g
		s/(-l :?|localhost:)8080/\1${reader_port:-8080}/g
		s/HTA_IN=8000/HTA_IN=${port:-8000}/; s/HTA_OUT=8080/HTA_OUT=${reader_port:-8080}/
		s/(-g) ([a-z])/\1 ${web:-}\2/g; s/(--reset|positions) web/\1 ${web:-}web/g
		s/(-t|--dead-topic) clean/\1 ${web:-}clean/g
		s#/var/lib/(hta|prometheus/node-exporter)#.#g
		s/--from 2026-01-01 --until 2026-01-02/--from ${made_on:=$(date -u +%F)} --until $(date -u -d "$made_on 2 days" +%F)/"
}

# A scratch folder with events.ndjson: 20,000 events over 200 seconds.
here() {
	cd "$BATS_TEST_TMPDIR"
	hta-gen --count 20000 --step 10ms >events.ndjson
}

# Topic, groups and database of this test alone.
with_kafka_and() { # SERVICE...
	with_service kafka "$@"
	topic_new "$BATS_TEST_NUMBER.events" 3
	web=$HTA_PREFIX.$BATS_TEST_NUMBER.
	made_on=$(date -u +%F)
	produce "$topic" events.ndjson
	[[ " $* " != *" pg "* ]] || service_file
}

service_file() {
	psql -Xqc 'drop schema public cascade; create schema public' 2>/dev/null
	export PGSERVICEFILE=$BATS_TEST_TMPDIR/services
	printf '%s\n' '[rollups]' "host=$PGHOST" "port=$PGPORT" "user=$PGUSER" "dbname=$PGDATABASE" >"$PGSERVICEFILE"
}

sql() { sqlite3 "$1" "$2"; } # FILE SQL
pg() { psql -XqAtc "$1"; } # SQL

# access.log, and timed.log, which has the seconds that a request took behind the rest.
access_logs() {
	python3 -B "$tests/bench/access_log.py" 20000 >access.log
	awk '{ print $0, NR % 1000 / 1000 }' access.log >timed.log
}

# The lines between .Sh SECTION (or .Ss) and the next one.
section() { # PAGE SECTION
	awk -v want="$2" '/^\.S[hs] /{ on = substr($0, 5) == want; next } on' "$man/$1"
}

# The nth literal block of a section.
block_of() { # PAGE SECTION N
	section "$1" "$2" | awk -v n="$3" '/^\.Bd -literal/ { on = ++i == n; next } /^\.Ed/ { on = 0 } on' | sed 's/\\&//g; s/\\e/\\/g'
}
