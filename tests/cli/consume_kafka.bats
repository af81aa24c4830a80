# hta-consume over Kafka: plain like kcat, and as the head of a job in a consumer group.
load ../helpers

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
	own_broker
	echo "topic late 2" >&5
	wait_until 60 obeyed 2
	kcat -P -b "$broker" -t late <"$events"
	echo "fail 2 3 10" >&5        # ListOffsets: unknown topic or partition
	wait_until 60 obeyed 3
	feed hta-consume -b "$broker" -t late -e
	says "offsets: .*[Uu]nknown topic or partition; trying again"
	sort "$out" | cmp - <(sort "$events")
}

@test "plain: a time begins and ends within the topic" {
	topic_new times 1
	head -n 3 "$events" | produce "$topic" -
	local between=s@$(($(svc_now_ms) + 1))
	wait_until 60 later "${between#s@}"
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
	wait_until 60 has_lines tail.out 3
	tail -n 3 "$events" | produce "$topic" -
	exits_with 0 60
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
	says "$topic/0@70[0-9]: compressed by neither gzip nor zstd: librdkafka reads on"
	cat direct <(for _ in 1 2 3 4 5 6; do lines 500; done) | cmp - "$out"
}

@test "a line at the start says whether the fast path is on, or what turned it off; a counter has its records" {
	with_topic
	feed plain -e
	[ -z "$stderr" ]
	feed plain -v -e
	says '^hta-consume: kafka: the fast path is on: '
	[ "$(grep -c 'the fast path' <<<"$stderr")" = 1 ]
	feed plain -v -e -X socket.keepalive.enable=true
	says '^hta-consume: kafka: the fast path is off: socket.keepalive.enable=true: librdkafka reads$'
	spawn fast bash -c "hta-consume -b $HTA_BROKERS -t $topic"
	wait_until 60 has_counter records_direct '== 3000'
	kill -TERM -- "-$pid"
	wait_until 60 gone "$pid"
	spawn slow bash -c "hta-consume -b $HTA_BROKERS -t $topic -X check.crcs=true | $(tail1)"
	wait_until 60 has_counter records_in '== 3000'
	has_counter records_direct '== 0'
}

@test "plain: a partition comes back to the fast path after an error" {
	own_broker
	spawn tail hta-consume -v -b "$broker" -t own -o beginning
	head -n 1000 "$events" | kcat -P -b "$broker" -t own
	wait_until 60 has_counter records_direct '== 1000'
	echo "fail 1 6 1" >&5        # Fetch: not the leader
	wait_until 60 grep -q 'own/0@1000: .*: librdkafka reads on' tail.err
	came_back() { echo '{}' | kcat -P -b "$broker" -t own; grep -q 'own/0@.*: fetched without librdkafka again' tail.err; }
	wait_until 60 came_back
	tail -n 500 "$events" | kcat -P -b "$broker" -t own
	wait_until 60 has_counter records_direct '>= 1500'
	ended() { tail -n 1 "$events" | cmp - <(tail -n 1 tail.out); }
	wait_until 60 ended
	grep -v '^{}$' tail.out | cmp - <(head -n 1000 "$events"; tail -n 500 "$events")
}

@test "plain: batches that the broker compressed" {
	for codec in gzip zstd lz4; do
		topic_new "by_$codec" 1 compression.type=$codec
		hta-gen --count 20000 | tee sent | produce "$topic" -
		feed plain -v -e
		cmp sent "$out"
		# lz4 falls back: so the broker does compress
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

# ---- a cluster that is not reached, or says no

# A broker that is this test's alone: librdkafka's mock. Its orders go to descriptor 5.
own_broker() {
	own=$BATS_TEST_TMPDIR/svc
	svc_start mock "$own"
	exec 5<>"$own/mock/in"
	broker=$(<"$own/mock.port")
	echo "topic own 1" >&5
	wait_until 60 obeyed 1
}
obeyed() { [ "$(grep -c '^ok' "$own/mock.log")" = "$1" ]; } # ORDERS
teardown() {
	kill_spawned
	[ -z "${own:-}" ] || svc_stop mock "$own" KILL
}

# Somebody who speaks TLS, with a certificate of its own in cert.pem, at 127.0.0.1:$port; options are openssl's.
tls_server() { # NAME [OPTION...]
	[ -e cert.pem ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 2 \
		-subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
	port=$(svc_free_port)
	spawn "$1" openssl s_server -accept "127.0.0.1:$port" -key key.pem -cert cert.pem -www "${@:2}"
	wait_until 60 eval "(: </dev/tcp/127.0.0.1/$port)"
}

@test "several topics in one option, or in several" {
	topic_new one 1
	head -n 10 "$events" | produce "$topic" -
	local one=$topic
	topic_new two 2
	tail -n 20 "$events" | produce "$topic" -
	feed hta-consume -b "$HTA_BROKERS" -t "$one,$topic" -e
	sort "$out" | cmp - <(head -n 10 "$events"; tail -n 20 "$events")
	feed hta-consume -b " $HTA_BROKERS ," -t "$one,$topic,$one" -t "$one" -e
	[ "$(wc -l <"$out")" = 30 ]
	feed pipe "hta-consume -b $HTA_BROKERS -t $one,$topic -g $group -e | $(tail1)"
	[ "$(sum_of)" = "30|59835" ]
	[ "$(sql 'select count(*), count(distinct topic) from hta_pos')" = "3|2" ]
	feed pipe "hta-consume -b $HTA_BROKERS -t $topic -t $one -g $group -e | $(tail1)"
	[ "$(sum_of)" = "30|59835" ]
}

@test "brokers that are not reached are told with host and reason, once, and then 69" {
	fails_with 69 hta-consume -b 127.0.0.1:1 --retry-for 1s -t t -e
	says '^hta-consume: kafka: 127\.0\.0\.1:1: .*Connection refused; trying again$'
	says '^hta-consume: kafka: 127\.0\.0\.1:1: .*Connection refused; given up after 1s \(--retry-for\)$'
	[ "$(wc -l <<<"$stderr")" = 2 ]
	fails_with 69 pipe "hta-consume -b 127.0.0.1:1 --retry-for 1s -t t -g $group -e | $(tail1)"
	says '127\.0\.0\.1:1: .*Connection refused; given up after 1s'
	# a resolver that asks nobody knows it at once: a part of a name has 63 bytes at most
	none=no-such-host-$(printf %060d 0).invalid
	fails_with 69 hta-consume -b "$none:9092" --retry-for 1s -t t -e
	says "kafka: $none:9092: Failed to resolve .*; trying again"
	port=$(svc_free_port)
	spawn silent python3 -c "import socket, time; s = socket.create_server(('127.0.0.1', $port)); time.sleep(1000)"
	wait_until 60 eval "(: </dev/tcp/127.0.0.1/$port)"
	fails_with 69 hta-consume -b "127.0.0.1:$port" --retry-for 3s -t t -e
	says "kafka: 127.0.0.1:$port: no answer .*; trying again"
	[ "$(wc -l <<<"$stderr")" = 2 ]
}

@test "group: brokers that are away for longer than the hello may take are 69 all the same" {
	fails_with 69 pipe "hta-consume -b 127.0.0.1:1 --retry-for 32s -t t -g $group | $(tail1)"
	says '127\.0\.0\.1:1: .*Connection refused; given up after 32s'
	not says 'hello'
}

@test "of several brokers one may be away, without a word" {
	with_topic
	for _ in 1 2 3 4 5 6; do
		feed hta-consume -b "127.0.0.1:1,$HTA_BROKERS" -t "$topic" -c 5
		[ "$(wc -l <"$out")" = 5 ]
		[ -z "$stderr" ]
	done
}

@test "brokers that go are told, and when they are back; gone for longer than --retry-for is 69" {
	own_broker
	head -n 100 "$events" | kcat -P -b "$broker" -t own
	spawn tail hta-consume -b "$broker" -t own --retry-for 15s
	wait_until 60 has_lines tail.out 100
	# connections that were idle are closed by a broker, and made again
	printf 'down\nup\n' >&5
	wait_until 60 obeyed 3
	head -n 200 "$events" | tail -n 100 | kcat -P -b "$broker" -t own
	wait_until 60 has_lines tail.out 200
	[ ! -s tail.err ]
	echo down >&5
	wait_until 60 grep -q "^hta-consume: kafka: $broker: .*; trying again" tail.err
	echo up >&5
	wait_until 60 obeyed 5
	wait_until 60 grep -q '^hta-consume: kafka: back after [0-9]* s$' tail.err
	tail -n 50 "$events" | kcat -P -b "$broker" -t own
	wait_until 60 has_lines tail.out 250
	[ "$(wc -l <tail.err)" = 2 ]
	echo down >&5
	exits_with 69 60
	grep -q "^hta-consume: kafka: $broker: .*; given up after 15s (--retry-for)" tail.err
	[ "$(wc -l <tail.err)" = 4 ]
}

# librdkafka's threads are joined without a limit, and now and then one of them never ends.
@test "a client that does not end is left behind: each program leaves as it would have" {
	local copy plain refused sink
	topic_new copy 1
	copy=$topic
	with_topic
	cat >stuck.c <<-'END'
		#include <unistd.h>
		void rd_kafka_destroy(void *rk) { for (;;) pause(); }
		void rd_kafka_destroy_flags(void *rk, int flags) { for (;;) pause(); }
	END
	cc -shared -fPIC -o stuck.so stuck.c
	export LD_PRELOAD=$PWD/stuck.so ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0
	spawn plain hta-consume -b "$HTA_BROKERS" -t "$topic" -e
	plain=$pid
	spawn refused hta-consume -b "$HTA_BROKERS" -t "$topic.none" -e
	refused=$pid
	spawn sink hta-sink-kafka -b "$HTA_BROKERS" -t "$copy" <"$events"
	sink=$pid
	spawn group bash -c "set -o pipefail; hta-consume -b $HTA_BROKERS -t $topic -g $group -e | $(tail1)"
	unset LD_PRELOAD
	exits_with 0 60
	exits_with 0 60 "$plain"
	exits_with 78 60 "$refused"
	exits_with 0 60 "$sink"
	has_sum "3000|4498500"
	log_end_committed
	[ "$(wc -l <plain.out)" = 3000 ]
	[ "$(ends "$copy" | awk '{ print $3 }')" = 3000 ]
	[ "$(grep -c 'librdkafka does not end' plain.err refused.err group.err sink.err | grep -c ':1$')" = 4 ]
}

@test "refused logins and an unknown topic are 78 at once, with the reason" {
	topic=$HTA_PREFIX.nothing
	fails_with 78 plain -e
	says "$topic.*[Uu]nknown topic"
	fails_with 78 job -e
	with_topic
	login() { hta-consume -b "$HTA_BROKERS_SASL" -X security.protocol=SASL_PLAINTEXT -X sasl.username=hta_pw -t "$topic" -e "$@"; }
	fails_with 78 login -X sasl.mechanism=PLAIN -X sasl.password=wrong
	says "^hta-consume: kafka: sasl_plaintext://$HTA_BROKERS_SASL: .*Invalid username or password$"
	[ "$(wc -l <<<"$stderr")" = 1 ]
	fails_with 78 login -X sasl.mechanism=SCRAM-SHA-256 -X sasl.password=right
	says "supported mechanisms: PLAIN$"
	feed login -X sasl.mechanism=PLAIN -X sasl.password=right
	[ "$(wc -l <"$out")" = 3000 ]
	fails_with 78 hta-consume -b "$HTA_BROKERS_SASL" -t "$topic" -e
	says "kafka: $HTA_BROKERS_SASL: this listener wants a login: -X security.protocol=sasl_plaintext,"
}

@test "TLS where there is none is 78 and says so, and the reverse; so is a certificate that is refused" {
	with_topic
	# the server below listens at the one of the addresses of localhost that is of IPv4
	tls() { hta-consume --retry-for 2s -t "$topic" -e -X security.protocol=ssl -X broker.address.family=v4 "$@"; }
	fails_with 78 tls -b "$HTA_BROKERS"
	says "ssl://$HTA_BROKERS: this listener speaks no TLS: -X security.protocol=plaintext$"
	tls_server plain
	fails_with 78 hta-consume --retry-for 2s -t "$topic" -e -b "127.0.0.1:$port"
	says "kafka: 127.0.0.1:$port: this listener speaks TLS: -X security.protocol=ssl$"
	fails_with 78 tls -b "localhost:$port"
	says "kafka: ssl://localhost:$port: the broker's certificate is signed by nobody that this system has"
	not says 'trying again'
	# right for its name alone
	fails_with 78 tls -b "127.0.0.1:$port" -X ssl.ca.location=cert.pem
	says "the broker's certificate is for another host"
	fails_with 69 tls -b "localhost:$port" -X ssl.ca.location=cert.pem
	tls_server wants_ours -Verify 1
	fails_with 78 tls -b "localhost:$port" -X ssl.ca.location=cert.pem
	says "kafka: ssl://localhost:$port: the broker wants a certificate"
	fails_with 78 tls -b "$HTA_BROKERS" -X ssl.ca.location=/nowhere
}

@test "a listener that is slow to say that it speaks TLS is 78 all the same, in one line" {
	port=$(svc_free_port)
	# answers after 1.2 s: who says hello in TLS with an alert, others not at all
	spawn slow python3 -c 'import socket, sys, threading, time
def answer(c):
	said = c.recv(1)
	time.sleep(1.2)
	if said == b"\x16":
		c.sendall(bytes.fromhex("15030300020228"))
	c.close()
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
	threading.Thread(target=answer, args=s.accept()[:1], daemon=True).start()' "$port"
	wait_until 60 eval "(: </dev/tcp/127.0.0.1/$port)"
	fails_with 78 timeout 60 hta-consume -b "127.0.0.1:$port" -t t -e
	says "^hta-consume: kafka: 127.0.0.1:$port: this listener speaks TLS: -X security.protocol=ssl$"
	[ "$(wc -l <<<"$stderr")" = 1 ]
	fails_with 78 timeout 60 hta-sink-kafka -b "127.0.0.1:$port" -t t <<<'{}'
	says "^hta-sink-kafka: kafka: 127.0.0.1:$port: this listener speaks TLS: -X security.protocol=ssl$"
	[ "$(wc -l <<<"$stderr")" = 1 ]
}

@test "what one may not do is 78 at once: a topic, a group" {
	topic_new secret 1
	head -n 10 "$events" | produce "$topic" -
	local secret=$topic
	with_topic
	as() { pipe "hta-consume -b $HTA_BROKERS_SASL -X security.protocol=SASL_PLAINTEXT -X sasl.mechanism=PLAIN -X sasl.username=hta_pw -X sasl.password=right -e $*"; }
	feed as -t "$secret"
	[ "$(wc -l <"$out")" = 10 ]
	# a broker hears of them in this order: when it knows the second it knows both
	kadm -b "$HTA_BROKERS" deny hta_pw group "$group"
	kadm -b "$HTA_BROKERS" deny hta_pw topic "$secret"
	wait_until 60 fails_with 78 as -t "$secret"
	fails_with 78 as -t "$secret"
	says "topic $secret may not be read: .*authorization failed"
	not says 'trying again'
	fails_with 78 as -t "$topic,$secret" -g "$group.other" "| $(tail1)"
	says "topic $secret may not be read: .*authorization failed"
	fails_with 78 as -t "$topic" -g "$group" "| $(tail1)"
	says "group $group may not be read: .*authorization failed"
	not says 'trying again'
	feed as -t "$topic" -g "$group.other" "| $(tail1)"
	[ "$(sum_of)" = "3000|4498500" ]
}

@test "a right that is taken away while a topic is read is 78" {
	own_broker
	head -n 100 "$events" | kcat -P -b "$broker" -t own
	spawn tail hta-consume -v -b "$broker" -t own
	wait_until 60 has_lines tail.out 100
	echo "fail 1 29 1000" >&5        # Fetch: topic authorization failed
	exits_with 78 60
	grep -q 'own/0@100: .*: librdkafka reads on' tail.err
	grep -q 'hta-consume: topic own may not be read: .*Topic authorization failed' tail.err
}

@test "a topic that asking for it makes is there a moment later" {
	topic=$HTA_PREFIX.made
	fails_with 78 plain -e
	feed plain -e -X allow.auto.create.topics=true
	[ ! -s "$out" ]
	feed plain -e
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
	wait_until 60 has_sum "3000|4498500"
	kill -TERM -- "-$pid"
	exits_with 0 60
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
	wait_until 60 has_sum "1000|499500"
	start two -v -X session.timeout.ms=6000
	local two=$pid
	wait_until 60 grep -q 'assigned: 2 partitions' two.err
	tail -n +1001 "$events" | head -n 1000 | produce "$topic" -
	wait_until 60 has_sum "2000|1999000"
	kill -KILL -- "-$two"
	tail -n +2001 "$events" | produce "$topic" -
	wait_until 60 has_sum "3000|4498500"
	kill -TERM -- "-$one"
	exits_with 0 60 "$one"
	log_end_committed
}

@test "group: two first pipelines at the same moment agree on one start" {
	topic_new twins 4
	produce "$topic" "$events"
	start one -v --from latest
	local one=$pid
	start two -v --from latest
	local two=$pid
	wait_until 60 grep -q 'assigned: 2 partitions' one.err
	wait_until 60 grep -q 'assigned: 2 partitions' two.err
	wait_until 60 has_position 4
	head -n 500 "$events" | produce "$topic" -
	wait_until 60 has_sum "500|124750"
	wait_until 60 of_one_generation 4
	kill -TERM -- "-$one" "-$two"
	exits_with 0 60 "$one"
	exits_with 0 60 "$two"
	log_end_committed
}

of_one_generation() { [ "$(committed "$group" "$topic" | grep -c "gen=$(sql 'select generation from hta_job') ")" = "$1" ]; } # PARTITIONS

@test "group: a partition that is added is read from 0, though the job began at latest" {
	topic_new more 1
	produce "$topic" "$events"
	start run --from latest -X topic.metadata.refresh.interval.ms=500 -X metadata.max.age.ms=1000
	wait_until 60 has_position 1
	kadm -b "$HTA_BROKERS" grow "$topic" 2
	head -n 10 "$events" | produce "$topic" - -p 1
	wait_until 60 has_sum "10|45"
	kill -TERM -- "-$pid"
	exits_with 0 60
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
	wait_until 60 topic_new anew 1
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
	wait_until 60 has_sum "3000|4498500"
	kadm -b "$HTA_BROKERS" delete "$topic"
	exits_with 78 60
	grep -qE "kafka: .*nknown (topic|partition)" "$BATS_TEST_TMPDIR/doomed.err"
}

@test "group: a topic that is made anew under a pipeline is 75, then 78" {
	topic_new anew_under 1
	produce "$topic" "$events"
	start anew -X topic.metadata.refresh.interval.ms=500
	wait_until 60 has_sum "3000|4498500"
	kadm -b "$HTA_BROKERS" delete "$topic"
	wait_until 60 grep -q "nknown topic.*trying again" "$BATS_TEST_TMPDIR/anew.err"
	# after five seconds it would be sure that the topic is gone: it does not see how long the making takes
	source=$(pgrep -P "$pid" hta-consume)
	kill -STOP "$source"
	wait_until 60 topic_new anew_under 1
	kill -CONT "$source"
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
	wait_until 60 log_end_committed
	kill -TERM -- "-$pid"
	exits_with 0 60
	log_end_committed
}

@test "group: a dry run and a bootstrap take no partition from who runs" {
	with_topic
	start run
	wait_until 60 has_sum "3000|4498500"
	feed job -n
	says "sink sqlite:hta_rollups: generation $(sql 'select generation from hta_job')"
	says "$topic/0: would start at [1-9][0-9]*, lag 0 records"
	fails_with 78 job --bootstrap sqlite:hta_rollups=init
	kill -TERM -- "-$pid"
	exits_with 0 60
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
	wait_until 60 has_counter records_in '== 3000'
	wait_until 60 has_counter lag_records '>= 1000'
	wait_until 60 has_counter lag_us '> 0'
	: >hold
	wait_until 60 has_counter lag_records '== 0'
	wait_until 60 has_counter lag_us '== 0'
	kill -TERM -- "-$pid"
	exits_with 0 60
}
# of the one that runs; the page of the one before it stays until then
has_counter() { # NAME CONDITION
	hta-top --json | jq -e ".stages[] | select(.program == \"hta-consume\" and .alive) | .counters.$1 $2" >/dev/null
}

@test "group: no sink that keeps positions: at least once, from the commits" {
	with_topic
	feed pipe "hta-consume -b $HTA_BROKERS -t $topic -g $group -c 1000 --dead drop | tee one | hta-commit"
	feed pipe "hta-consume -b $HTA_BROKERS -t $topic -g $group -e --dead drop | tee two | hta-commit"
	cat one two | grep -v '"$hta"' | sort | cmp - <(sort "$events")
	log_end_committed
}

# ---- event times that are too far ahead

# "MS TEXT" lines for kadm stamp: events that are stamped with their own time, but for every 50th, of 2199, and every 70th, 12 minutes ahead.
stamped_events() { # COUNT
	awk -v n="$1" 'function stamp(ms, s) { printf "%s000 {\"ts\":\"2026-01-01T%02d:%02d:%02dZ\",\"i\":%d}\n", ms, s / 3600, s / 60 % 60, s % 60, s }
		BEGIN { for (i = 0; i < n; i++) if (i % 50 == 9) printf "%d000 {\"ts\":\"2199-01-01T00:00:00Z\",\"i\":0}\n", 1767225600 + i
			else stamp(1767225600 + i, i % 70 == 33 ? i + 720 : i) }'
}
stored() { # DB
	sqlite3 "$1" "select substr(window_start, 1, 16), count, sum from hta_rollups order by 1; select 'final', substr(window_start, 1, 16), count from hta_final order by 2;
		select 'dead', partition, record_offset, reason from hta_dead order by 2, 3; select 'at', next, watermark from hta_pos"
}

@test "group: an event is too far ahead by its record's timestamp, whoever reads it, in whatever epochs" {
	topic_new stamped 1 retention.ms=-1
	stamped_events 3000 | kadm -b "$HTA_BROKERS" stamp "$topic" 0
	run() { pipe "hta-consume -b $HTA_BROKERS -t $topic -g $group.$1 ${*:3} | hta-window --value i $mode | hta-sink-sqlite --init '$2' | hta-commit"; }
	for mode in '' '--ahead dead'; do
		tag=${mode##* }
		rm -f ./*.db*
		feed run "one$tag" one.db -e
		says "^hta-window: an event of 2199-01-01T00:00:00Z is more than 10m ahead of its record's timestamp, 2026-01-01T00:01:00Z"
		stored one.db >wanted
		# the last record that is not ahead, and what it makes final; 2199 and the 12 minutes only if they count
		grep -q "^at|3000|$(((1767225600 + 2999) * 1000000))$" wanted
		[ "$(grep -c ^final wanted)" = 49 ]
		[ "$(grep -c ^dead wanted)" = "$([ -z "$mode" ] && echo 0 || echo 103)" ]
		[ "$(grep -c '^2199' wanted)" = "$([ -z "$mode" ] && echo 1 || echo 0)" ]
		feed run "small$tag" small.db -e --epoch-records 7 -X check.crcs=true
		stored small.db | diff wanted -
		while [ "$(sqlite3 parts.db 'select sum(next) from hta_pos' 2>/dev/null)" != 3000 ]; do
			feed run "parts$tag" parts.db -c 500
		done
		stored parts.db | diff wanted -
		spawn killed bash -c "set -o pipefail; hta-consume -b $HTA_BROKERS -t $topic -g '$group.killed$tag' --epoch-records 11 -X session.timeout.ms=6000 |
			hta-window --value i $mode | hta-sink-sqlite --init killed.db | hta-commit"
		wait_until 60 eval '[ "$(sqlite3 killed.db "select next > 300 from hta_pos" 2>/dev/null)" = 1 ]'
		pkill -KILL -s "$pid" -x hta-window
		wait_until 60 gone_all_of "$pid"
		feed run "killed$tag" killed.db -e -X session.timeout.ms=6000
		stored killed.db | diff wanted -
	done
}

@test "group: an at line for each minute of timestamps, and no more" {
	topic_new minutes 1 retention.ms=-1
	stamped_events 600 | kadm -b "$HTA_BROKERS" stamp "$topic" 0
	feed pipe "hta-consume -b $HTA_BROKERS -t $topic -g $group -e --dead drop | tee stream | hta-commit"
	jq -c 'select(.k == "at") | [.o, .ts / 1e6 - 1767225600]' stream >got
	expect got <<-'END'
		[0,0]
		[1,60]
		[61,120]
		[121,180]
		[181,240]
		[241,300]
		[301,360]
		[361,420]
		[421,480]
		[481,540]
		[541,600]
	END
}

@test "group: a record that was sent again says where it stood first, whoever reads it" {
	topic_new again 1
	put() { kcat -P -b "$HTA_BROKERS" -t "$topic" "$@"; }
	echo '{"i":0}' | put
	echo '{"i":1}' | put -H hta.from=nowhere/0/0 -H hta.from="$topic/2/7"
	echo '{"i":2}' | put -H a=b
	echo '{"i":3}' | put -H hta.from=broken -H "hta.from=$topic/1"
	echo '{"i":4}' | put -H "hta.from=$topic/0/0" -z zstd
	echo '{"i":5}' | put -H "hta.from=$topic/0/1" -z zstd
	for way in false true; do
		feed pipe "hta-consume -b $HTA_BROKERS -t $topic -g $group.$way -e -X check.crcs=$way --dead drop | tee stream | hta-commit"
		# each event, and what the last at line says of it; a new minute of the clock brings one too
		jq -nc 'foreach inputs as $l (null; if $l.k == "at" then $l.from else . end; if $l.i then [$l.i, .p, .o] else empty end)' stream >got
		expect got <<-'END'
			[0,null,null]
			[1,2,7]
			[2,null,null]
			[3,null,null]
			[4,0,0]
			[5,0,1]
		END
		jq -e "[.from.t // empty] | unique - [\"$topic\"] == []" stream >/dev/null
	done
}

# ---- envelopes

# Records of all kinds: keys, headers, nulls, bytes that are no text, a value of several lines.
odd_records() { # TOPIC
	local put=(kcat -P -b "$HTA_BROKERS" -t "$1" -D '|')
	printf '%s' '{"i":1}' | "${put[@]}" -k 'k"1' -H a=b -H a -H c=
	printf '{"i":2,\n "k":[1]}' | "${put[@]}" -k k2 -z zstd
	printf 'no "JSON"\n\t/' | "${put[@]}"
	printf 'k3:' | "${put[@]}" -Z -K:
	printf '\xff\xfe' | "${put[@]}" -k "$(printf '\xc3')"
	printf '[1]' | "${put[@]}" -H "bytes=$(printf '\xff')" -k é
}

@test "-J is kcat's envelope, whoever reads it, and what is no text is base64" {
	topic_new envelope 1
	odd_records "$topic"
	kcat -C -q -b "$HTA_BROKERS" -t "$topic" -J -e | head -n 4 | jq -c 'del(.broker)' >wanted
	[ "$(wc -l <wanted)" = 4 ]
	for way in false true; do
		feed plain -e -J -Z -X check.crcs=$way
		[ "$(wc -l <"$out")" = 6 ]
		head -n 4 "$out" | jq -c . | diff wanted -
		jq -s -c '.[4:][] | del(.ts, .topic)' "$out" | diff - /dev/fd/3 3<<-'END'
			{"partition":0,"offset":4,"tstype":"create","key":"ww==","key_encoding":"base64","payload":"//4=","payload_encoding":"base64"}
			{"partition":0,"offset":5,"tstype":"create","headers":["Ynl0ZXM=","/w=="],"headers_encoding":"base64","key":"é","payload":"[1]"}
		END
		feed plain -e -J -X check.crcs=$way
		[ "$(jq -c .offset "$out" | paste -sd,)" = 0,1,2,4,5 ]
		feed plain -e -J --json-payload -X check.crcs=$way
		[ "$(jq -c '.payload | type' "$out" | uniq -c | xargs)" = '2 object 3 string' ]
		jq -e -s '.[1].payload == { i: 2, k: [1] } and .[0].key == "k\"1"' "$out" >/dev/null
	done
}

@test "-J of a topic with the broker's own times, and of records of other times" {
	topic_new logtimes 1 message.timestamp.type=LogAppendTime
	echo x | produce "$topic" -
	kcat -C -q -b "$HTA_BROKERS" -t "$topic" -J -e | jq -c 'del(.broker)' >wanted
	grep -q '"logappend"' wanted
	topic_new oldtimes 1 retention.ms=-1
	printf '%s x\n' 1 1767225600123 0 | kadm -b "$HTA_BROKERS" stamp "$topic" 0
	kcat -C -q -b "$HTA_BROKERS" -t "$topic" -J -e | jq -c 'del(.broker)' >>wanted
	for way in false true; do
		for topic in "$HTA_PREFIX.logtimes" "$HTA_PREFIX.oldtimes"; do
			feed plain -e -J -X check.crcs=$way
			cat "$out"
		done | jq -c . | diff wanted -
	done
}

@test "-J in a job: each record once, its place as the envelope has it, tombstones among them" {
	topic_new jobenvelope 2
	odd_records "$topic"
	feed pipe "hta-consume -b $HTA_BROKERS -t $topic -g $group -e -J -Z --epoch-records 2 | tee stream |
		hta-window --time .ts --time-unit ms | hta-sink-sqlite --init $db | hta-commit"
	[ "$(sql 'select sum(count) from hta_rollups; select sum(next) from hta_pos')" = "6
6" ]
	jq -c 'select(.topic) | [.topic, .partition, .offset]' stream | sort >got
	ends "$topic" | awk -v t="$topic" '{ for (o = 0; o < $3; o++) printf "[\"%s\",%d,%d]\n", t, $1, o }' | diff - got
}

@test "--key-field puts the key into the record; what cannot take it is a dead letter" {
	topic_new keys 1
	odd_records "$topic"
	for way in false true; do
		fails_with 65 plain -e --key-field k -X check.crcs=$way
		says '3 of 6 records were longer than --max-line, or could not take their key, and left out'
		says "$topic/0@4: its key is not UTF-8"
		expect <<-'END'
			{"k":"k\"1","i":1}
			{"i":2,  "k":"k2"}
		END
		rm -f dead
		feed plain -e --key-field k --dead dead -X check.crcs=$way
		[ "$(jq -r .reason dead | sort | uniq -c | xargs)" = "1 its key is not UTF-8 2 no JSON object, which could take its key" ]
	done
	echo '{"ts":"2026-01-01T00:00:00Z"}' | produce "$topic" - -k k9
	echo '{"ts":"2026-01-01T00:00:00Z","k":"k2"}' | produce "$topic" -
	feed pipe "hta-consume -b $HTA_BROKERS -t $topic -g $group -e --key-field k | hta-window --by k | hta-sink-sqlite --init $db | hta-commit"
	sql 'select dims, count from hta_rollups order by 1; select reason, count(*) from hta_dead group by 1 order by 1' >got
	expect got <<-'END'
		{"k":"k9"}|1
		{"k":null}|1
		its key is not UTF-8|1
		metric events: ts is missing|2
		no JSON object, which could take its key|2
	END
	fails_with 64 plain -e --key-field k -J
	says 'they exclude each other'
	fails_with 64 plain -e --key-field ''
	fails_with 64 plain -e -Z
	says '^hta-consume: -Z is for -J, which is missing$'
	fails_with 64 plain -e --json-payload
	fails_with 64 hta-consume -J "$events"
	says '-J is for topics'
}

@test "-J: a line that the envelope makes too long is a dead letter, the record as it was" {
	topic_new longlines 1
	printf '%0300d\n' 0 7 | produce "$topic" -
	echo '{"i":1}' | produce "$topic" -
	feed plain -e -J --max-line 350 --dead dead
	[ "$(jq -c .payload "$out")" = '"{\"i\":1}"' ]
	[ "$(jq -r .record dead | head -n 1)" = "$(printf '%0300d' 0)" ]
	jq -r .reason dead | grep -q '^record of 4[0-9][0-9] bytes, longer than --max-line$'
	feed plain -e --max-line 350
	[ "$(wc -l <"$out")" = 3 ]
}

# ---- transactions

# What is read of the topic by each way, partition by partition: both must be $1.
both_ways_read() { # FILE OPTION...
	local way p
	for way in false true; do
		feed plain -v -e -X check.crcs=$way "${@:2}"
		[ "$way" = true ] || says 'the fast path is on'
		not says 'librdkafka reads on'
		diff "$1" "$out"
	done
}

@test "transactions that overlap: what was committed, in order, and nothing else, whoever reads it" {
	for seed in 1 2 3; do
		topic_new mix$seed 1
		kmix -b "$HTA_BROKERS" "$topic" 1 $seed 120 >wanted
		[ "$(wc -l <wanted)" -gt 100 ]
		both_ways_read wanted
		[ "$(ends "$topic" | awk '{ print $3 }')" -gt $(($(wc -l <wanted) + 100)) ]
		feed plain -e -X isolation.level=read_uncommitted
		[ "$(wc -l <"$out")" -gt $(($(wc -l <wanted) + 50)) ]
		jq -s -e '[.[].i] | . == sort and . == [range(length)]' "$out" >/dev/null
	done
	# from an offset in the middle of them, and in small pieces
	for from in -50 -101 -200; do
		feed plain -e -o $from
		cp "$out" part
		tail -n "$(wc -l <part)" wanted | diff part -
		both_ways_read part -o $from -X fetch.message.max.bytes=1000
	done
}

@test "group: transactions that overlap: each committed record once, and the positions cover the rest" {
	topic_new mixes 3
	kmix -b "$HTA_BROKERS" -X compression.codec=zstd "$topic" 3 4 150 | sort >wanted
	for way in false true; do
		group=$HTA_PREFIX.mixes.$way
		feed pipe "hta-consume -b $HTA_BROKERS -t $topic -g $group -e --epoch-records 17 -X check.crcs=$way | tee stream | $(tail1 "$way.db")"
		grep -v '^{"$hta"' stream | sort | diff wanted -
		[ "$(sum_of "$way.db")" = "$(wc -l <wanted)|$(jq -s 'map(.i) | add' wanted)" ]
		log_end_committed
	done
}

@test "an open transaction ends what can be read, also for -e and a barrier; what it held comes with its commit" {
	topic_new open 1
	echo '{"ts":"2026-01-01T00:00:00Z","i":1}' | produce "$topic" -
	mkfifo hold
	spawn holder bash -c "kadm -b $HTA_BROKERS txn commit $topic 0 <hold"
	local holder=$pid
	exec 6>hold
	echo '{"ts":"2026-01-01T00:00:00Z","i":2}' >&6
	wait_until 60 eval '[ "$(kadm -b "$HTA_BROKERS" -X isolation.level=read_uncommitted ends "$topic")" = "0 0 2" ]'
	echo '{"ts":"2026-01-01T00:00:00Z","i":4}' | produce "$topic" -
	head -n 1 "$events" | sed 's/"i":0/"i":1/' >one
	both_ways_read one
	feed plain -e -X isolation.level=read_uncommitted
	[ "$(wc -l <"$out")" = 3 ]
	feed plain -o end -e
	[ ! -s "$out" ]
	feed plain -o -1 -e
	cmp "$out" one
	feed job -e
	[ "$(sqlite3 "$db" 'select next, idle from hta_pos')" = "1|1" ]
	spawn slow bash -c "exec 6>&-; hta-consume -b $HTA_BROKERS -t $topic -X check.crcs=true | sed -u 3q"
	local slow=$pid
	spawn fast bash -c "exec 6>&-; hta-consume -b $HTA_BROKERS -t $topic | sed -u 3q"
	wait_until 60 eval '[ "$(cat slow.out fast.out | wc -l)" = 2 ]'
	exec 6>&-
	exits_with 0 60 "$holder"
	exits_with 0 60
	exits_with 0 60 "$slow"
	cmp slow.out fast.out
	[ "$(jq .i fast.out | paste -sd,)" = 1,2,4 ]
	feed job -e
	[ "$(sqlite3 "$db" 'select next, idle from hta_pos; select count, sum from hta_rollups')" = "4|1
3|7" ]
}

# ---- the records' own time as the event time

# "MS TEXT" lines for kadm stamp: records a few milliseconds apart, some half a second late, of 1,000 each 10 at the
# edge of a window of ten seconds.
timed_events() { # COUNT
	awk -v n="$1" 'BEGIN { srand(7); for (ms = 1767225600000; i < n; i++) {
		ms += int(rand() * 40); at = i % 50 == 9 ? ms - 500 : i % 100 == 33 ? int(ms / 10000) * 10000 - i % 2 : ms
		printf "%.0f {\"k\":\"k%d\",\"i\":%d}\n", at, i % 7, i } }'
}
timed_rows() { # DB
	sqlite3 "$1" "select substr(window_start, 1, 19), dims ->> 'k', count, sum from hta_rollups order by 1, 2; select 'at', next, watermark from hta_pos"
}

@test "--time @kafka: windows are of the records' own timestamps, to the millisecond, however it is read" {
	topic_new timed 1 retention.ms=-1
	timed_events 5000 >stamped
	kadm -b "$HTA_BROKERS" stamp "$topic" 0 <stamped
	jq -R -r -n '[inputs | split(" ") | { w: (.[0] | tonumber / 10000 | floor * 10), ms: (.[0] | tonumber), r: (.[1] | fromjson) }]
		| (group_by([.w, .r.k])[] | [(.[0].w | todate)[:19], .[0].r.k, length, (map(.r.i) | add)]),
		["at", 5000, (map(.ms) | max * 1000)] | map(tostring) | join("|")' stamped >wanted
	[ "$(wc -l <wanted)" -gt 60 ]
	timed() { # DB OPTIONS-OF-CONSUME OPTIONS-OF-WINDOW [FILTER |]
		echo "hta-consume -b $HTA_BROKERS -t $topic -g $group.$1 $2 | $4 hta-window --time @kafka --every 10s --by k --value i $3 | hta-sink-sqlite --init $1.db | hta-commit"
	}
	feed pipe "$(timed one '-e' '')"
	timed_rows one.db | diff wanted -
	[ "$(sqlite3 one.db "select definition ->> 'time' from hta_metric")" = @kafka ]
	feed pipe "$(timed slow '-e --epoch-records 7 -X check.crcs=true' '--threads 1')"
	timed_rows slow.db | diff wanted -
	feed pipe "$(timed filtered '-e --epoch-records 1000' '--threads 3' "hta-filter --where '.k != \"k3\"' |")"
	grep -v '|k3|' wanted | diff - <(timed_rows filtered.db)
	# what is left out, and a sink that knows records by their place: the filter writes `at` lines, too
	feed pipe "$(timed placed '-e --epoch-records 1000' '' "hta-filter --where '.k != \"k3\"' | hta-sink-sqlite --events --init events.db |")"
	grep -v '|k3|' wanted | diff - <(timed_rows placed.db)
	[ "$(sqlite3 events.db "select count(*), sum(record ->> 'i' = record_offset) from hta_events")" = "4286|4286" ]
	for n in 1 2 3; do feed pipe "$(timed parts '-c 1500' '')"; done
	spawn killed bash -c "set -o pipefail; $(timed parts '-X session.timeout.ms=6000 --epoch-records 3' '')"
	wait_until 60 eval '[ "$(sqlite3 parts.db "select next > 4520 from hta_pos" 2>/dev/null)" = 1 ]'
	kill_all_of "$pid"
	feed pipe "$(timed parts '-e -X session.timeout.ms=6000' '')"
	timed_rows parts.db | diff wanted -
}

@test "--time @kafka: a record without a timestamp is bad; streams that do not use it are as they were" {
	topic_new untimed 1 retention.ms=-1
	printf '%s {"i":%d}\n' -1 0 1767225600123 1 1767225600124 2 1767225660000 3 | kadm -b "$HTA_BROKERS" stamp "$topic" 0
	feed pipe "hta-consume -b $HTA_BROKERS -t $topic -g $group -e | tee stream | hta-window --time @kafka | hta-sink-sqlite --init $db | hta-commit"
	sql "select substr(window_start, 1, 16), count from hta_rollups; select record_offset, reason from hta_dead" >got
	expect got <<-'END'
		2026-01-01T00:00|2
		2026-01-01T00:01|1
		0|metric events: its record's timestamp is missing
	END
	[ "$(jq -c 'select(.k == "at") | [.o, .ts]' stream | paste -sd' ')" = '[0,null] [1,1767225600123000] [2,1767225600124000] [3,1767225660000000]' ]
	feed pipe "hta-consume -b $HTA_BROKERS -t $topic -g $group.2 -e --dead drop | tee stream | hta-window --time i --time-unit s --dead drop | hta-sink-sqlite --init two.db | hta-commit"
	[ "$(jq -c 'select(.k == "at") | [.o, .ts]' stream | paste -sd' ')" = '[0,null] [1,1767225660000000]' ]
}

@test "--time @kafka is for topics in a group, and for nothing else" {
	fails_with 64 hta-window --time @kafka <"$events"
	says 'which a plain stream does not have: say hta-consume -g GROUP, or hta-consume -J'
	fails_with 64 pipe "hta-consume --job files $events | hta-window --time @kafka | hta-sink-sqlite --init $db | hta-commit"
	says 'lines of files have none'
	fails_with 64 pipe "hta-consume -b $HTA_BROKERS -t none -g $group | hta-window --time @kafka --ahead dead | hta-sink-sqlite --init $db | hta-commit"
	says '^hta-window: --ahead dead holds event times against'
	fails_with 64 hta-window --time @kafka --time-unit ms <"$events"
	fails_with 64 hta-window --time @kafka.x <"$events"
	cat >rules.json <<<'{"rule_id":"r","window_size":"10s","time":"@kafka","metric":"count"}'
	feed hta-check rules.json
	with_topic
	feed pipe "hta-consume -b $HTA_BROKERS -t $topic -g $group -e | hta-window --rules rules.json | hta-sink-sqlite --init $db | hta-commit"
	[ "$(sql 'select sum(count) from hta_rollups')" = 3000 ]
}
