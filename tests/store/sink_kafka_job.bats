# hta-sink-kafka in a job: an epoch is a transaction with the group's offsets, dead letters are claimed into a topic.
# Random kills and zombies are in tests/fault/scenes_kafka_sink.py.
load ../helpers

setup() {
	with_service kafka
	cd "$BATS_TEST_TMPDIR" || return
	group=$HTA_PREFIX.$BATS_TEST_NUMBER
	topic_new "in$BATS_TEST_NUMBER" 3
	in=$topic
	topic_new "dlq$BATS_TEST_NUMBER" 1
	dlq=$topic
	topic_new "clean$BATS_TEST_NUMBER" 3
}

# As lines for pipe: the source, and the sink with its options.
source_() { echo "hta-consume -b $HTA_BROKERS -t $in -g $group --epoch 100ms $*"; }
sink_() { echo "hta-sink-kafka -b $HTA_BROKERS -t $topic $*"; }
# What a reader of committed records finds: now, and when all that was begun has ended.
visible() { kcat -C -b "$HTA_BROKERS" -t "$1" -e -q -f "${2:-%s\n}" -X isolation.level=read_committed; }
dump() { settled "$1" && visible "$@"; }
all_of() { dump "$topic" | sort | cmp - <(sort "${1:-events}"); }

@test "a job is in the topic, each record once, and goes on where it was" {
	hta-gen --count 5000 >events
	produce "$in" events
	feed pipe "$(source_ --until end) | $(sink_) --dead-topic $dlq | hta-commit"
	all_of
	[ "$(committed "$group" "$in" | grep -c '^[0-2] [0-9]* hta1 gen=[0-9a-f]\{16\} job=')" = 3 ]
	hta-gen --seed 2 --count 3000 >more
	produce "$in" more
	feed pipe "$(source_ --until end) | $(sink_) --dead-topic $dlq | hta-commit"
	cat events more >both
	all_of both
	# the source has committed nothing itself: all commits are the sink's
	[ "$(committed "$group" "$in" | grep -c '"s":"kafka:')" = 3 ]
}

@test "rows of a window, and a second sink that is an epoch behind" {
	hta-gen --count 5000 >events
	produce "$in" events
	job() { pipe "$(source_ --until end) | hta-window --by region --dead drop | $1 $(sink_ --dead-topic "$dlq") | hta-sink-sqlite --init x.db | hta-commit"; }
	feed job ''
	[ "$(sqlite3 x.db 'SELECT sum(count) FROM hta_rollups')" = 5000 ]
	[ "$(dump "$topic" | jq -s 'map(.count) | add')" = 5000 ]
	dump "$topic" '%k\n' | grep -q '^events|2026-'
	hta-gen --seed 3 --count 2000 | produce "$in" -
	fails_with 76 job 'HTA_CRASH=sink-sent'
	feed job ''
	[ "$(sqlite3 x.db 'SELECT sum(count) FROM hta_rollups')" = 7000 ]
	[ "$(dump "$topic" | jq -s 'map(.count) | add')" = 7000 ]
}

@test "kill -9 inside a transaction, and behind its commit: no record twice, none lost" {
	hta-gen --count 4000 >events
	produce "$in" events
	for point in sink-init barrier-before sink-inside sink-inside:2 sink-sent sink-sent:2 barrier-after; do
		fails_with 76 pipe "$(source_ --until end --epoch-records 500) | HTA_CRASH=$point $(sink_) --dead-topic $dlq | hta-commit"
	done
	feed pipe "$(source_ --until end) | $(sink_) --dead-topic $dlq | hta-commit"
	all_of
}

@test "dead letters of other stages come with their bytes and their place" {
	printf '%s\n' '{"a":1}' 'no JSON' $'{"x":"\xff"}' '{"a":2}' | produce "$in" - -p 0
	feed pipe "$(source_ --until end) | hta-filter .  | $(sink_) --dead-topic $dlq | hta-commit"
	[ "$(dump "$topic" | sort | paste -sd,)" = '{"a":1},{"a":2}' ]
	dump "$dlq" '%k|%h\n' >letters
	grep -qE "^$in/0/1\|hta.topic=$in,hta.partition=0,hta.offset=1,hta.stage=hta-filter,hta.reason=.*,hta.time=20[-0-9T:.]*Z,hta.size=7,hta.retries=0$" letters
	[ "$(wc -l <letters)" = 2 ]
	dump "$dlq" | sort | cmp - <(printf '%s\n' 'no JSON' $'{"x":"\xff"}' | sort)
}

@test "--dead takes dead letters alone, and what is good goes on to the next" {
	{ hta-gen --count 300; echo 'no JSON'; } | produce "$in" -
	feed pipe "$(source_ --until end) | hta-filter . | hta-sink-kafka -b $HTA_BROKERS -t $dlq --dead | hta-window | hta-sink-sqlite --init x.db | hta-commit"
	[ "$(sqlite3 x.db 'SELECT sum(count) FROM hta_rollups')" = 300 ]
	[ "$(dump "$dlq")" = 'no JSON' ]
}

@test "a record that the topic does not take is a dead letter in its transaction, or with who claims it below" {
	topic_new small 1 max.message.bytes=3000
	{ hta-gen --count 100; head -c 5000 /dev/zero | tr '\0' x; echo; } >events
	produce "$in" events
	fails_with 64 pipe "$(source_ --until end --dead drop) | $(sink_) | hta-commit"
	says 'say `hta-sink-kafka --dead-topic TOPIC`'
	[ -z "$(committed "$group" "$in" | grep -v ' -')" ]
	feed pipe "$(source_ --until end) | $(sink_) --dead-topic $dlq | hta-commit"
	all_of <(head -n 100 events)
	[ "$(dump "$dlq" | wc -c)" = 5001 ]
	dump "$dlq" '%h\n' | grep -q 'hta.stage=hta-sink-kafka,hta.reason=record of 5128 bytes'
}

@test "a record that the broker refuses aborts its epoch, which goes again without it" {
	hta-gen --count 200 >events
	spawn job bash -c "set -o pipefail; trap : TERM INT; $(source_) | $(sink_) --dead-topic $dlq | hta-commit"
	produce "$in" events
	wait_until 60 has_lines 200
	takes_at_most 2000 "$topic"
	{ hta-gen --seed 2 --count 50; head -c 9000 /dev/urandom | base64 -w 0; echo; hta-gen --seed 3 --count 50; } >more
	produce "$in" more -p 0
	wait_until 60 has_lines 300
	kill -TERM -- "-$pid"
	exits_with 0 60
	grep -v '^[^{]' more | cat events - | sort >good
	dump "$topic" | grep -v '^tried' | sort | cmp - good
	dump "$dlq" | cmp - <(grep '^[^{]' more)
	dump "$dlq" '%h\n' | grep -qE 'hta.stage=hta-sink-kafka,hta.reason=record of [0-9]+ bytes, topic .* takes 2000,'
}

@test "a dead letter that is longer than is kept says so" {
	topic_new wide 1
	{ head -c 100000 /dev/zero | tr '\0' x; echo; } | produce "$in" - -p 1
	feed pipe "$(source_ --until end) | hta-filter . | $(sink_) --dead-topic $dlq | hta-commit"
	dump "$dlq" '%S %h\n' | grep -q '^65536 .*hta.size=100000,hta.retries=0,hta.truncated=1$'
}

@test "two sinks that commit are one too many" {
	fails_with 64 pipe "$(source_ --until end) | $(sink_) --dead-topic $dlq | hta-sink-kafka -b $HTA_BROKERS -t $dlq --dead-topic $dlq | hta-commit"
	says "two sinks of this pipeline commit the group's offsets"
}

@test "--no-transactions: at least once, above other sinks only, and no claims" {
	hta-gen --count 500 >events
	produce "$in" events
	feed pipe "$(source_ --until end --dead drop) | $(sink_ --no-transactions --dead-topic "$dlq") | hta-commit"
	all_of
	committed "$group" "$in" | grep -q '^0 [0-9]* hta1 job='
	fails_with 64 pipe "$(source_ --until end --dead drop) | hta-window --dead drop | hta-sink-sqlite --init x.db | $(sink_ --no-transactions --dead-topic "$dlq") | hta-commit"
	says 'put it above that one'
	fails_with 64 hta-sink-kafka -b "$HTA_BROKERS" -t x --dead --no-transactions </dev/null
}

@test "a group that another program has committed for is 78, and --bootstrap takes it over" {
	hta-gen --count 600 >events
	produce "$in" events
	feed pipe "$(source_ --until end) | hta-window --dead drop | hta-sink-sqlite --init x.db | hta-commit"
	fails_with 78 pipe "$(source_ --until end) | $(sink_) --dead-topic $dlq | hta-commit"
	says "group $group has commits, but no sink knows job"
	feed pipe "$(source_ --bootstrap "kafka:$topic=init") | $(sink_) --dead-topic $dlq | hta-commit"
	feed pipe "$(source_ --until end) | $(sink_) --dead-topic $dlq | hta-commit"
	all_of
}

@test "a second pipeline takes over, and the first goes with its partitions" {
	hta-gen --count 3000 >events
	spawn one bash -c "set -o pipefail; trap : TERM INT; $(source_) | $(sink_) --dead-topic $dlq | hta-commit"
	one=$pid
	produce "$in" events
	wait_until 60 has_lines 3000
	spawn two bash -c "set -o pipefail; trap : TERM INT; $(source_) | $(sink_) --dead-topic $dlq | hta-commit"
	hta-gen --seed 5 --count 3000 >more
	produce "$in" more
	wait_until 60 has_lines 6000
	kill -TERM -- "-$one"
	exits_with 0 60 "$one"
	hta-gen --seed 6 --count 1000 >most
	produce "$in" most
	wait_until 60 has_lines 7000
	kill -TERM -- "-$pid"
	exits_with 0 60
	cat events more most >both
	all_of both
}

@test "who comes with a slot puts out the one that had it, which says so" {
	hta-gen --count 500 >events
	produce "$in" events
	spawn one bash -c "set -o pipefail; $(source_) | $(sink_ --slot a) --dead-topic $dlq | hta-commit"
	one=$pid
	wait_until 60 has_lines 500
	feed pipe "$(source_ --until end) | $(sink_ --slot a) --dead-topic $dlq | hta-commit"
	hta-gen --seed 2 --count 300 >more
	produce "$in" more
	exits_with 75 60 "$one"
	grep -q 'another process has the transactional id hta\..*\.a (--slot)' one.err
	feed pipe "$(source_ --until end) | $(sink_) --dead-topic $dlq | hta-commit"
	cat events more >both
	all_of both
}

@test "a sink that is not the first by name adopts the start, and new partitions begin at 0" {
	hta-gen --count 400 >events
	produce "$in" events
	job() { pipe "$(source_ --until end) | $(sink_ --name z) --dead-topic $dlq | hta-window --dead drop | hta-sink-sqlite --init x.db | hta-commit"; }
	feed job
	kadm -b "$HTA_BROKERS" grow "$in" 5
	hta-gen --seed 2 --count 300 >more
	produce "$in" more -p 4
	feed job
	cat events more >both
	all_of both
	[ "$(sqlite3 x.db 'SELECT sum(count) FROM hta_rollups')" = 700 ]
	[ "$(committed "$group" "$in" | grep -c '"s":"z"')" = 5 ]
}

@test "rules need what Kafka does not keep, and files may be written at least once" {
	hta-gen --count 10 >f.ndjson
	feed pipe "hta-consume --job x --dead drop f.ndjson | $(sink_ --no-transactions) --dead-topic $dlq | hta-commit"
	all_of f.ndjson
	produce "$in" f.ndjson
	echo '{"rule_id":"r","window_size":"1m","metric":"count"}' >r.json
	fails_with 78 pipe "$(source_ --until end) | hta-window --rules r.json --dead drop | $(sink_) --dead-topic $dlq | hta-commit"
	says 'cannot keep rules'
}

has_lines() { [ "$(visible "$topic" | grep -vc '^tried')" = "$1" ]; }
