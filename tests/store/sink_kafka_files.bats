# hta-sink-kafka in a job over files: positions are records of a compacted topic, in the transaction of their epoch.
load ../helpers

setup() {
	with_service kafka
	cd "$BATS_TEST_TMPDIR" || return
	topic_new "dlq$BATS_TEST_NUMBER" 1
	dlq=$topic
	topic_new "clean$BATS_TEST_NUMBER" 3
	positions=$HTA_PREFIX.pos$BATS_TEST_NUMBER
	job=$HTA_PREFIX.job$BATS_TEST_NUMBER
	hta-gen --count 4000 >a.ndjson
	hta-gen --seed 2 --count 1000 >b.ndjson
}

# As lines for pipe: the source with its files, and the sink with its options.
source_() { echo "hta-consume --job $job --epoch-records 500 $*"; }
sink_() { echo "hta-sink-kafka ${as:--b $HTA_BROKERS} -t $topic --positions $positions --dead-topic $dlq $*"; }
# What a reader of committed records finds: now, and when all that was begun has ended.
visible() { kcat -C -b "$HTA_BROKERS" -t "$1" -e -q -f "${2:-%s\n}" -X isolation.level=read_committed; }
dump() { settled "$1" && visible "$@"; }
all_of() { dump "$topic" | sort | cmp - <(sort "$@"); }

@test "a job over files is in the topic once, and goes on with what is new" {
	feed pipe "$(source_ a.ndjson) | $(sink_ --init) | hta-commit"
	all_of a.ndjson
	# again: nothing is new
	feed pipe "$(source_ a.ndjson) | $(sink_) | hta-commit"
	all_of a.ndjson
	hta-gen --seed 3 --count 700 >>a.ndjson
	feed pipe "$(source_ a.ndjson b.ndjson) | $(sink_) | hta-commit"
	all_of a.ndjson b.ndjson
	dump "$positions" '%k\n' | sort -u | cut -d, -f2 | grep -qx "\"kafka:$topic\""
	java -cp "$(svc_kafka_lib)/*" kafka.admin.ConfigCommand --bootstrap-server "$HTA_BROKERS" --describe --topic "$positions" |
		grep -q cleanup.policy=compact
}

@test "two jobs and two sinks share the topic of positions" {
	feed pipe "$(source_ a.ndjson) | $(sink_ --init) | hta-commit"
	one=$topic
	topic_new other 2
	job=$job.2
	feed pipe "$(source_ a.ndjson) | $(sink_) | hta-commit"
	all_of a.ndjson
	job=$job.3
	topic_new third 2
	feed pipe "$(source_ a.ndjson b.ndjson) | $(sink_) | hta-window | hta-sink-sqlite --init x.db | hta-commit"
	all_of a.ndjson b.ndjson
	[ "$(sqlite3 x.db 'SELECT sum(count) FROM hta_rollups')" = 5000 ]
	topic=$one
	all_of a.ndjson
}

@test "kill -9 inside a transaction, and behind its commit: no record twice, none lost" {
	local init=--init
	for point in sink-init barrier-before sink-inside sink-inside:2 sink-sent sink-sent:2 barrier-after; do
		fails_with 76 pipe "$(source_ a.ndjson b.ndjson) | HTA_CRASH=$point $(sink_ $init) | hta-commit"
		init=
	done
	feed pipe "$(source_ a.ndjson b.ndjson) | $(sink_) | hta-commit"
	all_of a.ndjson b.ndjson
}

@test "rows of a window, and dead letters, from files" {
	echo 'no JSON' >>b.ndjson
	feed pipe "$(source_ a.ndjson b.ndjson) | hta-window --by region | $(sink_ --init) | hta-commit"
	[ "$(dump "$topic" | jq -s 'map(.count) | add')" = 5000 ]
	[ "$(dump "$dlq")" = 'no JSON' ]
	dump "$dlq" '%h\n' >letters
	grep -qE '^hta.topic=file:.*hta.offset=[0-9]+,hta.stage=hta-window,' letters
}

@test "a second process puts out the first, which ends with 75" {
	spawn one bash -c "set -o pipefail; $(source_ a.ndjson) --epoch-records 2 | sh -c 'echo \$\$ >sink.pid; exec $(sink_ --init)' | hta-commit"
	one=$pid
	wait_until 60 has_some
	kill -STOP "$(<sink.pid)"
	feed pipe "$(source_ a.ndjson) --run elsewhere | $(sink_) --run elsewhere | hta-commit"
	kill -CONT "$(<sink.pid)"
	exits_with 75 60 "$one"
	grep -q "has put this one out" one.err
	all_of a.ndjson
}

@test "a lost topic of positions is 78, and so is one that is not compacted" {
	fails_with 78 pipe "$(source_ a.ndjson) | $(sink_) | hta-commit"
	says '--init makes the topic'
	topic_new plain 1
	fails_with 78 pipe "$(source_ a.ndjson) | $(sink_ --positions "$topic") | hta-commit"
	says 'is not known to be compacted'
	fails_with 64 pipe "$(source_ a.ndjson) | $(sink_ --slot a) | hta-commit"
	says 'has one writer'
}

@test "a topic of positions that is deleted while it runs is 78" {
	lost_while_running
}

@test "a topic of positions that is deleted and made anew while it runs is 78, and at the next start" {
	lost_while_running wait_until 60 kadm -b "$HTA_BROKERS" create "$positions" 1
	# a start does not take what is there for all there was
	fails_with 78 pipe "$(source_ a.ndjson) | $(sink_ --init) | hta-commit"
}

lost_while_running() { # COMMAND...
	hta-gen --seed 3 --count 20000 >a.ndjson
	spawn one bash -c "set -o pipefail; $(source_ a.ndjson) --epoch-records 2 | $(sink_ --init) | hta-commit"
	one=$pid
	wait_until 60 has_some
	kadm -b "$HTA_BROKERS" delete "$positions"
	"$@"
	exits_with 78 60 "$one"
	grep -qE "topic $positions was deleted( and made anew)? while the job runs" one.err
	[ -z "$(visible "$topic" | sort | uniq -d)" ]
}

@test "positions that are compacted and deleted by age are 78" {
	kadm -b "$HTA_BROKERS" create "$positions" 1 "cleanup.policy=compact,delete"
	fails_with 78 pipe "$(source_ a.ndjson) | $(sink_ --init) | hta-commit"
	says 'is compacted and loses what is old'
}

@test "what one may not do is 78 at once, in one line: write, take the id" {
	[ -n "${HTA_BROKERS_SASL:-}" ] || skip "HTA_TEST_BROKERS has no listener with a password"
	local shut=$HTA_PREFIX.shut kept=$HTA_PREFIX.kept hidden=$HTA_PREFIX.hidden open=$topic
	kadm -b "$HTA_BROKERS" create "$shut" 1
	kadm -b "$HTA_BROKERS" create "$kept" 1 cleanup.policy=compact
	kadm -b "$HTA_BROKERS" create "$hidden" 1 cleanup.policy=compact
	as="-b $HTA_BROKERS_SASL -X security.protocol=SASL_PLAINTEXT -X sasl.mechanism=PLAIN -X sasl.username=hta_pw -X sasl.password=right"
	feed pipe "$(source_ a.ndjson) | $(sink_ --init) | hta-commit"
	kadm -b "$HTA_BROKERS" deny hta_pw topic "$hidden"
	may --topic "$shut" --topic "$kept" --operation Describe --operation DescribeConfigs --operation Read
	may --transactional-id "hta.$job.4.kafka:$open" --operation Describe
	topic=$shut
	is_refused "$(source_ a.ndjson)" "topic $shut may not be written to: Broker: Topic authorization failed"
	topic=$open
	job=$job.4
	is_refused "$(source_ a.ndjson)" "transactional id hta.$job.kafka:$topic: Broker: Transactional Id authorization failed"
	job=$job.5 positions=$kept
	is_refused "$(source_ a.ndjson)" "topic $kept may not be written to: Broker: Topic authorization failed"
	positions=$hidden
	is_refused "$(source_ a.ndjson)" "topic $hidden may not be read: Broker: Topic authorization failed"
}

# All else is denied then.
may() { # RESOURCE-AND-OPERATION...
	java -XX:TieredStopAtLevel=1 -cp "$(svc_kafka_lib)/*" org.apache.kafka.tools.AclCommand --bootstrap-server "$HTA_BROKERS" \
		--force --add --allow-principal User:hta_pw "$@" >acls.log 2>&1
}
# The sink comes to this end, and says this line, once the broker has heard of the rights; until then it may say another.
is_refused() { # SOURCE LINE
	wait_until 60 refused_so "$@"
}
refused_so() { fails_with 78 timeout 20 bash -c "set -o pipefail; $1 | $(sink_) 2>refused | hta-commit" && grep -qxE "hta-sink-kafka: $2" refused; }

has_some() { [ "$(kcat -C -b "$HTA_BROKERS" -t "$topic" -e -q -c 100 -X isolation.level=read_committed | wc -l)" = 100 ]; }
