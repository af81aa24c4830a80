# hta-sink-kafka: a plain producer, held against Kafka's own clients. What it does in a job is in sink_kafka_job.bats.
load ../helpers

setup() {
	with_service kafka
	cd "$BATS_TEST_TMPDIR" || return
}

sink() { hta-sink-kafka -b "$HTA_BROKERS" -t "$topic" "$@"; }
# Lines of the topic to its end, in kcat's format; of read_committed.
dump() { kcat -C -b "$HTA_BROKERS" -t "$topic" -e -q -f "${1:-%s\n}" -X isolation.level=read_committed "${@:2}"; }

@test "lines come as they are, in order, whatever they are" {
	topic_new plain 1
	printf '%s\n' '{"a":1}' 'no JSON' '' '  spaces  ' $'\xff\xfe' >in
	feed sink <in
	[ ! -s "$out" ]
	dump | cmp - in
	feed sink --pass <in
	cmp "$out" in
}

@test "a hundred thousand records, each once" {
	topic_new many 3
	hta-gen --count 100000 >in
	feed pipe "hta-sink-kafka -b $HTA_BROKERS -t $topic <in"
	dump | sort | cmp - <(sort in)
}

@test "the key is a path's value, in the partition that the Java client chooses" {
	topic_new keys 7
	for key in '"a"' '"caf\u00e9 \ud83d\ude00"' 17 -2.50 true false '"200"' '{"a": 1}' '""'; do echo '{"k":{"v":'"$key"'},"n":1}'; done >in
	for i in {1..3000}; do echo '{"k":{"v":"user-'"$i"'"}}'; done >>in
	feed sink --key k.v <in
	dump '%k\t%p\n' | sort >ours
	[ "$(wc -l <ours)" = 3009 ]
	grep -q '^café 😀	' ours
	java_keys
	sort theirs | cmp - ours
}

# The same keys through Kafka's own producer.
java_keys() {
	topic_new java 7
	dump '' >/dev/null
	cut -f1 ours | sed 's/$/\tx/' >pairs
	java -cp "$(svc_kafka_lib)/*" org.apache.kafka.tools.ConsoleProducer --bootstrap-server "$HTA_BROKERS" --topic "$topic" \
		--property parse.key=true <pairs >java.log 2>&1 || { cat java.log; return 1; }
	dump '%k\t%p\n' >theirs
}

@test "a missing or null key is none; of a line that is no JSON it cannot be told" {
	topic_new nokey 3
	printf '%s\n' '{"k":null}' '{"o":1}' '{"k":"x"}' >in
	feed sink --key .k <in
	[ "$(dump '%K %k\n' | sort | paste -sd,)" = '-1 ,-1 ,1 x' ]
	fails_with 65 sink --key .k <<<'no JSON'
	says 'standard input:1: no JSON object, so that it has no key'
	fails_with 64 sink --key 'a[0]' <in
	says '--key: '
}

@test "rows have their key without --key, and a compacted topic takes them" {
	topic_new rows 2 cleanup.policy=compact
	hta-gen --count 20000 | hta-window --by region --every 1m >rows
	feed sink <rows
	dump '%k\n' | sort | cmp - <(jq -r '.metric + "|" + .window_start + "|" + .dims_hash' rows | sort)
	dump | sort | cmp - <(sort rows)
}

@test "headers, and settings by -X and -F" {
	topic_new headers 1
	printf 'compression.codec=zstd\n# a comment\nlinger.ms=0\n' >settings
	feed sink -H from=test -H empty= -F settings -X client.id=x <<<'{"a":1}'
	[ "$(dump '%h %s\n')" = 'from=test,empty= {"a":1}' ]
	fails_with 64 sink -H nothing </dev/null
	fails_with 64 sink -X nothing=1 </dev/null
	fails_with 64 sink -X enable.idempotence=false </dev/null
	says 'cannot be set: records keep their order'
	feed sink -X list
	grep -q '^linger.ms' "$out"
}

@test "a record that the topic does not take is a dead letter, not a stop" {
	topic_new small 1 max.message.bytes=2000
	{ echo first; head -c 5000 /dev/zero | tr '\0' x; echo; echo last; } >in
	fails_with 65 sink <in
	says "standard input:2: record of 5128 bytes, topic .* takes 2000"
	says '1 of 3 lines were bad; the others are stored'
	[ "$(dump | paste -sd,)" = first,last ]
}

@test "a compacted topic takes no record without a key" {
	topic_new compacted 1 cleanup.policy=compact
	for i in {1..50}; do echo '{"k":'"$([ $((i % 10)) = 0 ] && echo null || echo $i)"'}'; done >in
	fails_with 65 sink --key k <in
	says 'standard input:10: a record without a key'
	says '5 of 50 lines were bad'
	dump | cmp - <(grep -v null in)
}

@test "what the broker refuses is found alone, and does not take others with it" {
	topic_new shrinks 1
	mkfifo lines
	exec 5<>lines
	spawn refused bash -c "exec 5>&-; exec hta-sink-kafka -b $HTA_BROKERS -t $topic -X linger.ms=100" <lines
	echo first >&5
	wait_until 60 has_lines 1
	takes_at_most 2000 "$topic"
	{ for i in {2..30}; do echo "line $i"; done; head -c 5000 /dev/urandom | base64 -w 0; echo; echo last; } >&5
	exec 5>&-
	exits_with 65 60
	stderr=$(<"$BATS_TEST_TMPDIR/refused.err")
	says 'standard input:31: the broker refuses this record'
	dump | grep -v '^tried' | sort | cmp - <({ echo first; for i in {2..30}; do echo "line $i"; done; echo last; } | sort)
}

has_lines() { [ "$(dump | wc -l)" = "$1" ]; }

@test "what is wrong is said with its code" {
	topic_new wrong 1
	fails_with 64 hta-sink-kafka -b "$HTA_BROKERS" </dev/null
	says 'which topic'
	fails_with 64 hta-sink-kafka -t x </dev/null
	fails_with 64 sink other </dev/null
	fails_with 69 hta-sink-kafka -b 127.0.0.1:1 -t x --retry-for 2s <<<x
	says 'Connection refused.*given up'
	fails_with 78 hta-sink-kafka -b "$HTA_BROKERS" -t 'no such topic!' <<<x
}

@test "a terminal sees how far it is, and at the end that all is stored" {
	topic_new terminal 1
	hta-gen --count 1000 >in
	script -qec "hta-sink-kafka -b $HTA_BROKERS -t $topic <in" shown >/dev/null
	grep -q '1000 stored, [0-9]* a second, 0 on their way' shown
}
