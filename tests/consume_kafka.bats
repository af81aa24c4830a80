# hta-consume over Kafka: plain like kcat, and as the head of a job in a consumer group.
load helpers

setup() {
	with_service kafka
	cd "$BATS_TEST_TMPDIR" || return
	db=$BATS_TEST_TMPDIR/store.db
	group=$HTA_PREFIX.$BATS_TEST_NUMBER
	once make_events
	events=$BATS_FILE_TMPDIR/events
}

# 3,000 lines with a number each, a second apart.
make_events() {
	awk 'BEGIN { for (i = 0; i < 3000; i++) printf "{\"ts\":\"2026-01-01T%02d:%02d:%02dZ\",\"i\":%d}\n", i / 3600, i / 60 % 60, i % 60, i }' >"$BATS_FILE_TMPDIR/events"
}

# A topic of three partitions with the events, for tests that only read it.
with_topic() {
	topic=$HTA_PREFIX.events
	once eval 'topic_new events 3 && produce "$topic" "$events"'
}

plain() { hta-consume -b "$HTA_BROKERS" -t "$topic" "$@"; }
# What a job of our group is, as a line for pipe: stages after the source and its options.
tail1() { echo "hta-window --value i | hta-sink-sqlite --init '${1:-$db}' | hta-commit"; }
job() { pipe "hta-consume -b $HTA_BROKERS -t $topic -g $group $(printf '%q ' "$@") | $(tail1)"; }
start() { # NAME OPTION...
	spawn "$1" bash -c "set -o pipefail; trap : TERM INT; hta-consume -b $HTA_BROKERS -t $topic -g $group --epoch 50ms ${*:2} | $(tail1)"
}

sql() { sqlite3 -cmd '.timeout 10000' "$db" "$@"; }
sum_of() { sqlite3 -cmd '.timeout 10000' "${1:-$db}" "select coalesce(sum(count), 0), coalesce(sum(cast(sum as int)), 0) from hta_rollups"; }
has_sum() { [ "$(sum_of)" = "$1" ]; }
log_end_committed() { [ "$(ends "$topic" | awk '{ print $1, $3 }')" = "$(committed "$group" "$topic" | awk '{ print $1, $2 }')" ]; }

# ---- plain

@test "plain: all partitions to their end, in kcat's ways" {
	with_topic
	feed plain -e
	sort "$out" | cmp - <(sort "$events")
	feed plain --until end --from beginning
	[ "$(wc -l <"$out")" = 3000 ]
	feed plain -o end -e
	[ ! -s "$out" ]
	feed plain -o -5 -e
	[ "$(wc -l <"$out")" = 15 ]
	feed plain -c 10
	[ "$(wc -l <"$out")" = 10 ]
	feed plain -o -1h -e
	[ "$(wc -l <"$out")" = 3000 ]
	feed plain --until 2020-01-01
	[ ! -s "$out" ]
	[ "$(committed "$group" "$topic" | grep -c ' -')" = 3 ]
}

@test "a partition that a broker does not know yet is asked for again" {
	svc_start mock "$BATS_TEST_TMPDIR/svc"
	exec 5<>"$BATS_TEST_TMPDIR/svc/mock/in"
	echo "topic late 2" >&5
	kcat -P -b "$(<"$BATS_TEST_TMPDIR/svc/mock.port")" -t late <"$events"
	echo "fail 2 3 10" >&5        # ListOffsets: unknown topic or partition
	wait_until 10 grep -c ok "$BATS_TEST_TMPDIR/svc/mock.log"
	feed hta-consume -b "$(<"$BATS_TEST_TMPDIR/svc/mock.port")" -t late -e
	says "offsets: .*[Uu]nknown topic or partition; trying again"
	sort "$out" | cmp - <(sort "$events")
	svc_stop mock "$BATS_TEST_TMPDIR/svc"
}

@test "plain: a time begins and ends within the topic" {
	topic_new times 1
	head -n 3 "$events" | produce "$topic" -
	local between=s@$(($(svc_now_ms) + 1))
	wait_until 5 later "${between#s@}"
	tail -n 4 "$events" | produce "$topic" -
	feed plain -o "$between" -e
	cmp "$out" <(tail -n 4 "$events")
	feed plain --until "$between"
	cmp "$out" <(head -n 3 "$events")
}
later() { [ "$(svc_now_ms)" -gt $(($1 + 2)) ]; } # MS

@test "plain: follows what comes, and ends with its reader" {
	topic_new follow 1
	spawn tail bash -c "hta-consume -b $HTA_BROKERS -t $topic | sed -u 5q"
	head -n 3 "$events" | produce "$topic" -
	wait_until 15 has_lines tail.out 3
	tail -n 3 "$events" | produce "$topic" -
	exits_with 0 15
	cmp tail.out <(head -n 3 "$events"; tail -n 3 "$events" | head -n 2)
}
has_lines() { [ "$(wc -l <"$1")" = "$2" ]; } # FILE N

@test "newlines inside a record become spaces, a tombstone is nothing, a hello is data" {
	topic_new odd 1
	printf '%s' '{"$hta":"hello",
"a":1}' | kcat -P -b "$HTA_BROKERS" -t "$topic" -D '|'
	echo k: | kcat -P -b "$HTA_BROKERS" -t "$topic" -K: -Z
	echo '{"b":2}' | produce "$topic" -
	feed plain -e
	expect <<-'END'
		 {"$hta":"hello", "a":1}
		{"b":2}
	END
}

@test "plain: both ways to read give the same records" {
	topic_new ways 1
	lines() { head -n "$1" "$events" | tail -n 100; }
	lines 100 | produce "$topic" -
	lines 200 | kadm -b "$HTA_BROKERS" txn commit "$topic" 0
	lines 300 | kadm -b "$HTA_BROKERS" txn abort "$topic" 0
	lines 400 | produce "$topic" -
	for level in read_committed read_uncommitted; do
		feed plain -v -e -X isolation.level=$level
		cp "$out" direct
		not says 'librdkafka reads on'
		feed plain -e -X isolation.level=$level -X check.crcs=true
		cmp "$out" direct
	done
	[ "$(wc -l <direct)" = 400 ]
	for codec in gzip zstd none; do lines 500 | produce "$topic" - -z $codec; done
	feed plain -v -e -X isolation.level=read_uncommitted
	not says 'librdkafka reads on'
	cat direct <(for _ in 1 2 3; do lines 500; done) | cmp - "$out"
	for codec in snappy lz4 zstd; do lines 500 | produce "$topic" - -z $codec; done
	feed plain -v -e -X isolation.level=read_uncommitted
	says "$topic/0@70[0-9]: compressed by neither gzip nor zstd, of an old format, or damaged: librdkafka reads on"
	cat direct <(for _ in 1 2 3 4 5 6; do lines 500; done) | cmp - "$out"
}

@test "plain: batches that the broker compressed" {
	for codec in gzip zstd lz4; do
		topic_new "by_$codec" 1 compression.type=$codec
		hta-gen --count 20000 | tee sent | produce "$topic" -
		feed plain -v -e
		cmp sent "$out"
		# of lz4 it is handed over: so the broker does compress
		if [ $codec = lz4 ]; then says 'neither gzip nor zstd'; else not says 'librdkafka reads on'; fi
		feed plain -o -100 -e
		tail -n 100 sent | cmp - "$out"
	done
}

@test "plain: topics take turns, however much one of them has" {
	topic_new turns 1
	hta-gen --count 20000 --schema orders | produce "$topic" -
	local orders=$topic
	topic_new turns2 1
	hta-gen --count 20000 --schema views | produce "$topic" -
	feed plain -v -t "$orders" -e
	not says 'librdkafka reads on'
	[ "$(wc -l <"$out")" = 40000 ]
	awk '/view_id/ { if (!first) first = NR } /order_id/ { last = NR } END { exit !(first && first < last / 2) }' "$out"
}

@test "plain: brokers that are gone for longer than --retry-for are 69" {
	local svc=$BATS_TEST_TMPDIR/svc
	svc_start mock "$svc"
	exec 5<>"$svc/mock/in"
	echo "topic gone 1" >&5
	kcat -P -b "$(<"$svc/mock.port")" -t gone <"$events"
	spawn tail hta-consume -b "$(<"$svc/mock.port")" -t gone --retry-for 2s
	wait_until 10 has_lines tail.out 3000
	echo down >&5
	exits_with 69 20
	grep -q 'no broker could be reached; given up (--retry-for)' tail.err
	svc_stop mock "$svc"
}

@test "unknown topic and refused login are 78 at once, no broker is 69 after retries" {
	topic=$HTA_PREFIX.nothing
	fails_with 78 plain -e
	says "$topic.*[Uu]nknown topic"
	fails_with 78 job -e
	with_topic
	fails_with 78 hta-consume -b "$HTA_BROKERS_SASL" -X security.protocol=SASL_PLAINTEXT -X sasl.mechanism=PLAIN -X sasl.username=hta_pw -X sasl.password=wrong -t "$topic" -e
	fails_with 69 hta-consume -b 127.0.0.1:1 --retry-for 1s -t "$topic" -e
}

@test "settings: the protocol's own are refused, others are the user's" {
	with_topic
	fails_with 64 plain -X enable.auto.commit=true -e
	says 'enable.auto.commit'
	fails_with 64 plain -X group.id=x -e
	fails_with 64 plain -X no.such.thing=1 -e
	fails_with 64 plain -X nothing -e
	feed hta-consume -X list
	grep -q 'fetch.min.bytes' "$out"
	printf '# ours\nbootstrap.servers=%s\nclient.id = mine\n' "$HTA_BROKERS" >settings
	feed hta-consume -F settings -t "$topic" -e
	[ "$(wc -l <"$out")" = 3000 ]
	printf 'read_committed\n' >level
	feed plain -X isolation.level=@level -e
	# as editors on Windows leave them
	printf '\xef\xbb\xbfbootstrap.servers=%s\r\nclient.id = mine\r\n' "$HTA_BROKERS" >settings
	feed hta-consume -F settings -t "$topic" -e
	[ "$(wc -l <"$out")" = 3000 ]
	printf '\xef\xbb\xbfread_committed\r\n' >level
	feed plain -X isolation.level=@level -e
	printf 'client.id=mine\n' | iconv -f UTF-8 -t UTF-16 >settings
	fails_with 64 plain -F settings -e
	says '^hta-consume: -F settings: UTF-16, and lines are UTF-8: iconv'
	fails_with 64 hta-consume -b "$HTA_BROKERS" -t "$topic" --job j
}

# ---- a group

@test "group: each record once, committed to the end, then nothing new, then the rest" {
	topic_new grow 3
	head -n 2000 "$events" | produce "$topic" -
	feed job -e
	has_sum "2000|1999000"
	log_end_committed
	committed "$group" "$topic" | grep -qE "^0 [0-9]+ hta1 gen=[0-9a-f]{16} job=$group$"
	[ "$(sql 'select min(idle) from hta_pos')" = 1 ]
	feed job -v -e
	says "job $group: nothing new"
	tail -n +2001 "$events" | produce "$topic" -
	feed job -e
	has_sum "3000|4498500"
	log_end_committed
}

@test "group: --until COUNT and a stop leave where the next goes on" {
	with_topic
	feed job -c 1234
	[ "$(sum_of | cut -d'|' -f1)" = 1234 ]
	start run
	wait_until 20 has_sum "3000|4498500"
	kill -TERM -- "-$pid"
	exits_with 0 20
	log_end_committed
}

@test "group: --from latest takes what comes later, in every partition" {
	topic_new latest 3
	produce "$topic" "$events"
	feed job --from latest -e
	has_sum "0|0"
	head -n 100 "$events" | produce "$topic" -
	feed job -v --from earliest -e
	says '--from changes nothing'
	has_sum "100|4950"
}

@test "group: two pipelines share it, partitions move, one is killed: each record once" {
	topic_new shared 4
	head -n 1000 "$events" | produce "$topic" -
	start one -X session.timeout.ms=6000
	local one=$pid
	wait_until 20 has_sum "1000|499500"
	start two -v -X session.timeout.ms=6000
	local two=$pid
	wait_until 20 grep -q 'assigned: 2 partitions' two.err
	tail -n +1001 "$events" | head -n 1000 | produce "$topic" -
	wait_until 20 has_sum "2000|1999000"
	kill -KILL -- "-$two"
	tail -n +2001 "$events" | produce "$topic" -
	wait_until 40 has_sum "3000|4498500"
	kill -TERM -- "-$one"
	exits_with 0 20 "$one"
	log_end_committed
}

@test "group: two first pipelines at the same moment agree on one start" {
	topic_new twins 4
	produce "$topic" "$events"
	start one -v --from latest
	local one=$pid
	start two -v --from latest
	local two=$pid
	wait_until 20 grep -q 'assigned: 2 partitions' one.err
	wait_until 20 grep -q 'assigned: 2 partitions' two.err
	wait_until 20 has_position 4
	head -n 500 "$events" | produce "$topic" -
	wait_until 20 has_sum "500|124750"
	[ "$(committed "$group" "$topic" | grep -c "gen=$(sql 'select generation from hta_job') ")" = 4 ]
	kill -TERM -- "-$one" "-$two"
	exits_with 0 20 "$one"
	exits_with 0 20 "$two"
	log_end_committed
}

@test "group: a partition that is added is read from 0, though the job began at latest" {
	topic_new more 1
	produce "$topic" "$events"
	start run --from latest -X topic.metadata.refresh.interval.ms=500 -X metadata.max.age.ms=1000
	wait_until 20 has_position 1
	kadm -b "$HTA_BROKERS" grow "$topic" 2
	head -n 10 "$events" | produce "$topic" - -p 1
	wait_until 30 has_sum "10|45"
	kill -TERM -- "-$pid"
	exits_with 0 20
	[ "$(sql 'select init from hta_pos where partition = 1')" = 0 ]
}
has_position() { [ "$(sql 'select count(*) from hta_pos' 2>/dev/null)" = "$1" ]; } # N

@test "group: offsets without a record are covered to the end" {
	topic_new txn 1
	head -n 10 "$events" | kadm -b "$HTA_BROKERS" txn commit "$topic" 0
	tail -n 10 "$events" | kadm -b "$HTA_BROKERS" txn abort "$topic" 0
	feed job -e
	has_sum "10|45"
	log_end_committed
	[ "$(sql 'select next from hta_pos')" = "$(ends "$topic" | awk '{ print $3 }')" ]
	feed job -v -e
	says 'nothing new'
}

@test "group: deleted before it was read is 65, with --on-gap skip booked as lost" {
	topic_new gap 1
	head -n 100 "$events" | produce "$topic" -
	feed job -c 10
	kadm -b "$HTA_BROKERS" trim "$topic" 0 30
	fails_with 65 job -e
	says "$topic/0: offsets 10 to 29 were deleted before they were read.*--on-gap skip"
	has_sum "10|45"
	feed job -e --on-gap skip
	says 'offsets 10 to 29 are lost'
	has_sum "80|4560"
	log_end_committed
}

@test "group: a topic made anew is 78, longer or shorter" {
	topic_new anew 1
	head -n 20 "$events" | produce "$topic" -
	feed job -e
	kadm -b "$HTA_BROKERS" delete "$topic"
	wait_until 20 topic_new anew 1
	head -n 5 "$events" | produce "$topic" -
	fails_with 78 job -e
	says "$topic/0: ends at 5, but sink sqlite:hta_rollups stands at 20"
	tail -n 40 "$events" | produce "$topic" -
	fails_with 78 job -e
	says "$topic/0: the record at 19 is not the one that sink sqlite:hta_rollups has read"
	has_sum "20|190"
}

@test "group: a topic that is deleted under a pipeline is 78" {
	topic_new doomed 2
	produce "$topic" "$events"
	start doomed -X topic.metadata.refresh.interval.ms=500
	wait_until 30 has_sum "3000|4498500"
	kadm -b "$HTA_BROKERS" delete "$topic"
	exits_with 78 60
	grep -qE "kafka: .*nknown (topic|partition)" "$BATS_TEST_TMPDIR/doomed.err"
}

@test "group: a topic that is made anew under a pipeline is 75, then 78" {
	topic_new anew_under 1
	produce "$topic" "$events"
	start anew -X topic.metadata.refresh.interval.ms=500
	wait_until 30 has_sum "3000|4498500"
	kadm -b "$HTA_BROKERS" delete "$topic"
	wait_until 30 grep -q "nknown topic.*trying again" "$BATS_TEST_TMPDIR/anew.err"
	wait_until 20 topic_new anew_under 1
	cat "$events" "$events" | produce "$topic" -
	exits_with 75 60
	fails_with 78 job -e
	says "made anew"
	has_sum "3000|4498500"
}

@test "group: one job a group, one group a job" {
	with_topic
	feed job -c 10
	fails_with 78 pipe "hta-consume -b $HTA_BROKERS -t $topic -g $group --job other -e | $(tail1 other.db)"
	says "group $group belongs to job $group"
	fails_with 78 pipe "hta-consume -b $HTA_BROKERS -t $topic -g $group.x --job $group -e | $(tail1)"
}

@test "group: a store that was emptied is 78, and bootstrapped anew" {
	with_topic
	feed job -c 100
	rm "$db"*
	fails_with 78 job -e
	says "group $group has commits, but no sink knows job $group.*--bootstrap sqlite:hta_rollups=init"
	feed job -v --bootstrap sqlite:hta_rollups=init
	committed "$group" "$topic" | grep -q "gen=$(sql 'select generation from hta_job')"
	feed job -e
	has_sum "3000|4498500"
	log_end_committed
	rm "$db"*
	feed job --bootstrap sqlite:hta_rollups=now
	feed job -e
	has_sum "0|0"
}

@test "group: commits that are behind follow, though no record comes" {
	topic_new behind 2
	head -n 1000 "$events" | produce "$topic" -
	feed job -e
	log_end_committed
	local meta p
	meta=$(committed "$group" "$topic" | head -n 1 | cut -d' ' -f3-)
	for p in 0 1; do kadm -b "$HTA_BROKERS" commit "$group" "$topic" $p 1 "$meta"; done
	not log_end_committed
	start run
	wait_until 20 log_end_committed
	kill -TERM -- "-$pid"
	exits_with 0 20
	log_end_committed
}

@test "group: a dry run and a bootstrap take no partition from who runs" {
	with_topic
	start run
	wait_until 20 has_sum "3000|4498500"
	feed job -n
	says "sink sqlite:hta_rollups: generation $(sql 'select generation from hta_job')"
	says "$topic/0: would start at [1-9][0-9]*, lag 0 records"
	fails_with 78 job --bootstrap sqlite:hta_rollups=init
	kill -TERM -- "-$pid"
	exits_with 0 20
	not grep -q revoked run.err
}

@test "group: a late sink adopts, is refused, is bootstrapped" {
	with_topic
	feed job -c 100
	late() { pipe "hta-consume -b $HTA_BROKERS -t $topic -g $group -e $* | hta-window --value i | hta-sink-sqlite --init '$db' | hta-sink-sqlite --name late --init '$db.2' | hta-commit"; }
	fails_with 78 late
	says 'sink late knows nothing'
	feed late --bootstrap late=now
	feed late
	has_sum "3000|4498500"
	[ "$(sum_of "$db.2" | cut -d'|' -f1)" = 2900 ]
}

@test "group: lag is what the sinks have not stored, whatever was read" {
	with_topic
	mkfifo hold
	spawn run bash -c "set -o pipefail; trap : TERM INT; hta-consume -b $HTA_BROKERS -t $topic -g $group --epoch-records 1000 |
		(trap '' TERM; dd bs=1 count=70000 status=none; cat hold; cat) | $(tail1)"
	wait_until 20 has_counter records_in '== 3000'
	wait_until 20 has_counter lag_records '>= 1000'
	wait_until 10 has_counter lag_us '> 0'
	: >hold
	wait_until 20 has_counter lag_records '== 0'
	wait_until 10 has_counter lag_us '== 0'
	kill -TERM -- "-$pid"
	exits_with 0 20
}
has_counter() { hta-top --json | jq -e ".stages[] | select(.program == \"hta-consume\") | .counters.$1 $2" >/dev/null; } # NAME CONDITION

@test "group: no sink that keeps positions: at least once, from the commits" {
	with_topic
	feed pipe "hta-consume -b $HTA_BROKERS -t $topic -g $group -c 1000 --dead drop | tee one | hta-commit"
	feed pipe "hta-consume -b $HTA_BROKERS -t $topic -g $group -e --dead drop | tee two | hta-commit"
	cat one two | grep -v '"$hta"' | sort | cmp - <(sort "$events")
	log_end_committed
}
