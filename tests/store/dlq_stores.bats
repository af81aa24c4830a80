# hta-dlq over the letters of stores that keep events: MongoDB, DynamoDB, ClickHouse. Listed, chosen, sent again once each;
# ClickHouse, which cannot keep two calls apart, is read only. tests/store/dlq.bats has all that is the same everywhere.
load ../helpers
load ../dlq

setup() { cd "$BATS_TEST_TMPDIR"; }
teardown() { kill_spawned; }

# An empty store, its sink and what -d says; HTA_POSITIONS is where another store keeps the positions.
use() { # mongo|dynamo|clickhouse
	with_service "$1"
	kind=$1
	export HTA_POSITIONS=$PWD/positions.db
	case $1 in
	mongo)
		export MONGODB_URI=${MONGODB_URI%/*}/dlq_$HTA_PREFIX${BATS_TEST_NUMBER}
		store=$MONGODB_URI sink=hta-sink-mongo
		unset HTA_POSITIONS
		;;
	dynamo)
		store=dynamodb://us-east-1/$HTA_PREFIX.dlq.$BATS_TEST_NUMBER
		sink="hta-sink-dynamo $store"
		;;
	clickhouse)
		local db=${CLICKHOUSE_URL##*/}_$BATS_TEST_NUMBER
		curl -sS -m 120 --data-binary "CREATE DATABASE $db" "http$(sed 's/^clickhouse//; s|/[^/]*$|/|' <<<"$CLICKHOUSE_URL")"
		export CLICKHOUSE_URL=${CLICKHOUSE_URL%/*}/$db
		store=$CLICKHOUSE_URL sink="hta-sink-clickhouse --events --table events_fact"
		;;
	esac
}

# Seconds 1 .. N; each third has a value that is no number, the tenth line is no JSON.
events() { # N
	jq -nc --argjson n "$1" 'range(1; $n + 1) | {event_id: "e\(.)", ts: (1767225600 + .) | todate, v: (if . % 3 == 0 then "x\(.)" else . end)}' |
		sed '10s/.*/no json/'
}

echo_schema() { echo '{"properties":{"v":{"type":"number"}}}' >schema.json; }
validate="hta-validate --schema schema.json --dead-limit 100%"
job_of_file() { echo_schema; pipe "hta-consume --job ${1:-j} in -e | $validate | $sink --init | hta-commit"; }
job_of_topic() { echo_schema; pipe "hta-consume -b $HTA_BROKERS -t $topic -g $topic.job -e | $validate | $sink --init | hta-commit"; }

# ---- what there is

seen() {
	use "$1"
	events 12 >in
	feed job_of_file
	feed dlq ls -d "$store" --format text
	[ "$(wc -l <"$out")" = 5 ]
	[ "$(awk '{print $3}' "$out" | sort -u)" = hta-validate ]
	grep -q '{"event_id":"e12","ts":"2026-01-01T00:00:12Z","v":"x12"}$' "$out"
	feed dlq count -d "$store" --reason '/^.v: "x[36]/' --format text
	[ "$(awk '{print $1, $2}' "$out" | paste -sd ' ')" = '1 hta-validate 1 hta-validate' ]
	feed dlq show -d "$store" --reason 'value expected'
	expect <<<'no json'
	fails_with 1 dlq ls -d "$store" --stage consume
	fails_with 1 dlq ls -d "$store" --job other
	fails_with 1 dlq ls -d "$store" --until -1h
	fails_with 1 dlq ls -d "$store" --kind late
	feed dlq show -d "$store" --since -1h --until now --job j --place "$(places -d "$store" | head -n 1)"
	[ "$(wc -l <"$out")" = 1 ]
	# a batch that is written again leaves the letters as they are
	feed dlq ls -d "$store"
	jq -c '[.job, .topic != null, .partition, .offset, .stage, .reason, .retries, .size, .cut, .encoding, .record]' "$out" | sort >before
	[ "$(jq -c '.retries' "$out" | sort -u)" = 0 ]
	[ "$(jq -r .record "$out" | sort | cmp - <(grep -E 'x|no json' in | sort) && echo same)" = same ]
	feed job_of_file j
	feed dlq ls -d "$store"
	jq -c '[.job, .topic != null, .partition, .offset, .stage, .reason, .retries, .size, .cut, .encoding, .record]' "$out" | sort | cmp - before
	# equal records, the places of which DynamoDB is not told exactly by a filter above: each is one
	for i in 1 2 3 4 5 6; do printf '{"keep":0}\n{"keep":1,"v":"same"}\n'; done >in
	feed pipe "hta-consume --job same in -e | hta-filter --where '.keep == 1' | $validate | $sink --init | hta-commit"
	[ "$(dlq ls -d "$store" --job same | wc -l)" = 6 ]
	# bytes that are no text, a cut one, and several pages
	printf 'a\033[31m\302\233b\0c\377\n' >in
	jq -nc '"y" * 100000, (range(500) | "bad \(.)")' >>in
	feed job_of_file other
	[ "$(dlq ls -d "$store" --job other | wc -l)" = 502 ]
	dlq show -d "$store" --job other 2>/dev/null | LC_ALL=C sort >shown
	LC_ALL=C comm -13 <(LC_ALL=C sort in) shown | wc -c >cut
	[ "$(<cut)" = 65537 ]
	[ "$(LC_ALL=C comm -12 <(LC_ALL=C sort in) shown | wc -l)" = 501 ]
	[ "$(dlq ls -d "$store" --job other | jq -c 'select(.encoding == "base64")' | wc -l)" = 1 ]
}
@test "letters in MongoDB: listed, counted, shown, chosen" { seen mongo; }
@test "letters in DynamoDB: listed, counted, shown, chosen" { seen dynamo; }
@test "letters in ClickHouse: listed, counted, shown, chosen" { seen clickhouse; }

# ---- to standard output

printed() {
	use "$1"
	events 12 >in
	feed job_of_file
	grep -E 'x|no json' in | sort >want
	feed dlq retry -d "$store" --to - --reason 'value expected'
	expect <<<'no json'
	feed dlq retry -d "$store" --to -
	sort "$out" | cmp - <(grep x want)
	feed dlq retry -d "$store" --to -
	[ ! -s "$out" ]
	fails_with 1 dlq ls -d "$store"
	says 'no such letter .--again'
	feed dlq ls -d "$store" --again
	[ "$(jq -c '[.retries, .retried_at != null, .in_doubt]' "$out" | sort | uniq -c | tr -s ' ')" = ' 5 [1,true,null]' ]
	feed dlq retry -d "$store" --to - --again --reason 'value expected'
	expect <<<'no json'
	[ "$(dlq ls -d "$store" --again | jq -s 'map(.retries) | add')" = 6 ]
	# an epoch that is written once more takes no marks away
	again_written
	fails_with 1 dlq ls -d "$store"
	[ "$(dlq ls -d "$store" --again | jq -s 'map(.retries) | add')" = 6 ]
}
# The job begins anew where its sink stands, with the same letters: whoever dies before the positions are stored does that.
again_written() {
	case $kind in
	mongo) svc_mongo_python "$HTA_SERVICES" "${store##*/}" 'db.hta_job.delete_many({})' ;;
	*) rm -f "$HTA_POSITIONS"* ;;
	esac
	feed job_of_file
}
@test "retry --to - from MongoDB: once each, --again" { printed mongo; }
@test "retry --to - from DynamoDB: once each, --again" { printed dynamo; }

doubt() {
	use "$1"
	events 12 >in
	feed job_of_file
	local again=()
	for point in dlq-taken dlq-sent; do
		HTA_CRASH=$point fails_with 137 dlq retry -d "$store" --to - --reason 'value expected' "${again[@]}"
		[ "$(wc -l <"$out")" = $([ $point = dlq-sent ] && echo 1 || echo 0) ]
		feed dlq ls -d "$store" --reason 'value expected' "${again[@]}"
		[ "$(jq -c .in_doubt "$out")" = true ]
		[ "${#again[@]}" != 0 ] || fails_with 1 dlq retry -d "$store" --to - --reason 'value expected'
		[ "${#again[@]}" != 0 ] || says '/[0-9]+: not sent: an earlier call may have sent it: --again'
		feed dlq retry -d "$store" --to - --reason 'value expected' --again
		expect <<<'no json'
		fails_with 1 dlq ls -d "$store" --reason 'value expected'
		again=(--again)
	done
	# the others were not touched by it
	[ "$1" != mongo ] || begun_anew
	feed dlq retry -d "$store" --to -
	[ "$(wc -l <"$out")" = 4 ]
}
# What a dead call had taken of a job is nobody's once the job is deleted.
begun_anew() {
	HTA_CRASH=dlq-taken fails_with 137 dlq retry -d "$store" --to -
	feed hta-sink-mongo --reset j
	feed job_of_file
	feed dlq retry -d "$store" --to - --reason 'value expected'
	expect <<<'no json'
}
@test "retry --to - that dies, from MongoDB" { doubt mongo; }
@test "retry --to - that dies, from DynamoDB" { doubt dynamo; }

two_calls() {
	use "$1"
	jq -nc 'range(450) | "bad \(.)"' >in
	feed job_of_file
	for i in 1 2 3; do spawn call$i hta-dlq retry -d "$store" --to -; pids[i]=$pid; done
	for i in 1 2 3; do wait_until 100 gone "${pids[i]}"; done
	sort call?.out | cmp - <(sort in)
	# what another call was at work on was in doubt, and is done
	fails_with 1 dlq ls -d "$store"
	[ "$(dlq ls -d "$store" --again | jq -c '[.retries, .retried_at != null]' | sort | uniq -c | tr -s ' ')" = ' 450 [1,true]' ]
}
@test "two calls at a time take no letter twice: MongoDB" { two_calls mongo; }
@test "two calls at a time take no letter twice: DynamoDB" { two_calls dynamo; }

# ---- to a cluster

dies_again() {
	resumed "$1"
	# they die again: it is the second time
	feed job_of_topic
	[ "$(dlq ls -d "$store" | jq .retries | sort -u)" = 1 ]
}
@test "retry that dies, from MongoDB: once each all the same" { dies_again mongo; }
@test "retry that dies, from DynamoDB: once each all the same" { dies_again dynamo; }

# A call that dies while it settles has marked letters that are taken still: they are not counted twice.
@test "retry that dies while it settles, from MongoDB" {
	with_service kafka
	use mongo
	topic_new settles 1
	printf 'bad %d\n' 1 2 3 | produce "$topic" -
	feed job_of_topic
	HTA_CRASH=dlq-sent fails_with 137 dlq retry -d "$store" -b "$HTA_BROKERS"
	svc_mongo_python "$HTA_SERVICES" "${store##*/}" 'import datetime
for t in list(db.hta_dead_taken.find())[:2]:
    db.hta_dead.update_one({"_id": t["_id"]}, {"$set": {"retried_at": datetime.datetime(2026, 1, 1), "sent": "%s/%d" % (t["call"], t["batch"])}, "$inc": {"retries": 1}})'
	[ "$(dlq ls -d "$store" --again | jq -c .in_doubt | sort | uniq -c | tr -s ' ')" = ' 3 true' ]
	feed dlq retry -d "$store" -b "$HTA_BROKERS"
	[ "$(log_of "$topic" | grep -c hta.from)" = 3 ]
	[ "$(dlq ls -d "$store" --again | jq -c '[.retries, .in_doubt]' | sort | uniq -c | tr -s ' ')" = ' 3 [1,null]' ]
	[ "$(svc_mongo_python "$HTA_SERVICES" "${store##*/}" 'print(db.hta_dead_taken.count_documents({}))')" = 0 ]
}

# ---- what cannot be

@test "ClickHouse: what would need a claim is refused, and changes nothing" {
	use clickhouse
	events 12 >in
	feed job_of_file
	feed dlq ls -d "$store"
	sort "$out" >before
	fails_with 64 dlq retry -d "$store" --to -
	says 'ClickHouse .*two calls.*hta-dlq show'
	feed dlq ls -d "$store"
	sort "$out" | cmp - before
}

absent() { # STORE ELSEWHERE
	fails_with 78 dlq ls -d "$2"
	fails_with 69 dlq ls -d "$3"
}
@test "MongoDB: a database without letters, one that is none of ours, a server that is not there" {
	use mongo
	absent mongo "${store}_none" mongodb://127.0.0.1:1/x
	says '127.0.0.1:1'
	echo '{"event_id":"e","ts":"2026-01-01T00:00:00Z","v":1}' >in
	feed job_of_file
	fails_with 1 dlq ls -d "$store"
	says 'no such letter'
}
@test "DynamoDB: a table without letters, one that is not there, a server that is not there" {
	use dynamo
	absent dynamo "${store}_none" 'dynamodb://us-east-1/x.y?endpoint=http://127.0.0.1:1'
	echo '{"event_id":"e","ts":"2026-01-01T00:00:00Z","v":1}' >in
	feed job_of_file
	fails_with 1 dlq ls -d "$store"
	says 'no such letter'
}
