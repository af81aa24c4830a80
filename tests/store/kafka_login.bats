# Programs that talk to a Kafka which wants TLS, logins and rights (tests/services/kafkatls.sh), as the pages say it.
load ../helpers

events=$BATS_FILE_TMPDIR/events

setup() {
	with_service kafkatls
	cd "$BATS_TEST_TMPDIR" || return
	in=$HTA_PREFIX.events to=$HTA_PREFIX.clean web=$HTA_PREFIX.$BATS_TEST_NUMBER.web
	once prepare
	tls="-X security.protocol=ssl -X ssl.ca.location=$HTA_TLS_DIR/ca.pem"
	login="-X security.protocol=sasl_ssl -X ssl.ca.location=$HTA_TLS_DIR/ca.pem"
	password="-X sasl.mechanism=PLAIN -X sasl.username=reader -X sasl.password=reader-secret"
}

teardown() {
	kill_spawned
	[ -z "${HTA_TLS_ADMIN:-}" ] || rights clear reader writer CN=reader scram-user
}

prepare() {
	hta-gen --seed 1 --count 200 >"$events"
	for topic in "$in" "$to" "$to.dlq"; do kadm -b "$HTA_TLS_ADMIN" create "$topic" 2; done
	kcat -P -b "$HTA_TLS_ADMIN" -t "$in" <"$events"
	kcat -P -b "$HTA_TLS_ADMIN" -t "$in" <<<'{no event'
}

rights() { python3 -B "$tests/kafka/acls.py" "$HTA_TLS_ADMIN" "$@"; } # VERB USER [RIGHT]
may() { rights add "$1" topic literal "$2" "$3"; }                    # USER TOPIC OPERATION

# Display NUMBER of a page's section on logins, with the places that are the tests' own.
shown() { # PAGE NUMBER
	awk -v n="$2" '/^\.Sh /{ here = /^\.Sh LOGIN AND TLS$/ } /^\.Ed/{ on = 0 } on { print } here && /^\.Bd/{ on = ++i == n }' \
		"$top/man/$1.1" | sed -E "s/\\\\e$/\\\\/; s#kafka:9092#$HTA_TLS_ADMIN#; s#/etc/hta/kafka-ca#$HTA_TLS_DIR/ca#; s#/etc/hta/#$HTA_TLS_DIR/#
		s#--topic #&$HTA_PREFIX.#g; s#--group web#--group $web#"
}

# Kafka's own program, which a page names.
kafka-acls.sh() {
	java -XX:TieredStopAtLevel=1 -cp "$(svc_kafka_lib)/*" org.apache.kafka.tools.AclCommand "$@" >acls.log 2>&1
}

gives() { eval "$(shown "$1" "$2")"; } # PAGE NUMBER: the rights

# All events of the topic are read, and written, with these settings.
read_and_write() { # LISTENER SETTING...
	feed hta-consume -v -t "$in" -e -b "$@"
	[ "$(wc -l <"$out")" = 201 ]
	says "the fast path is off: security.protocol=.*ss[l]"
	feed hta-sink-kafka -t "$to" -b "$@" <"$events"
}

reads() { feed hta-consume -t "$in" -e -b "$@"; } # LISTENER SETTING...

# Source and sink leave with CODE, before they would have given up in vain, and say one line: host, and LINE.
refused() { # CODE LINE -b LISTENER SETTING...
	local code=$1 line=$2 got=0
	shift 2
	timeout 60 hta-sink-kafka -t "$to" "$@" <"$events" >sink.out 2>sink.err &
	fails_with "$code" timeout 60 hta-consume -t "$in" -e "$@"
	wait $! || got=$?
	[ $got = "$code" ] || { echo "exit $got, not $code: hta-sink-kafka $*"; cat sink.err; return 1; }
	stderr+=$'\n'$(<sink.err)
	[ "$(wc -l <<<"$stderr")" = 2 ] || { echo "$stderr"; return 1; }
	says "^hta-consume: kafka: ([a-z_]+://)?[a-z0-9.]+:[0-9]+: $line\$"
	says "^hta-sink-kafka: kafka: ([a-z_]+://)?[a-z0-9.]+:[0-9]+: $line\$"
}

@test "TLS, a certificate, a key behind a password, PLAIN: as the page says it" {
	shown hta-consume 1 >tls.conf
	read_and_write "$HTA_TLS_BROKERS" -F tls.conf
	shown hta-consume 2 >cert.conf
	sed '/password/d' cert.conf >open.conf
	sed -i s/reader.key/reader.enc/ cert.conf
	shown hta-consume 3 >plain.conf
	for user in CN=reader reader; do
		may $user "$in" Read
		may $user "$to" Write
	done
	wait_until 60 reads "$HTA_TLS_CERT" -F open.conf
	read_and_write "$HTA_TLS_CERT" -F open.conf
	read_and_write "$HTA_TLS_CERT" -F cert.conf
	wait_until 60 reads "$HTA_TLS_SASL" -F plain.conf
	read_and_write "$HTA_TLS_SASL" -F plain.conf
	fails_with 78 hta-consume -t "$in" -e -b "$HTA_TLS_CERT" -F cert.conf -X ssl.key.password=wrong
	says '^hta-consume: kafka: ssl.key.location failed: .*: is that its key, and ssl.key.password right\?$'
	feed hta-check --connect -b "$HTA_TLS_SASL" -F plain.conf -t "$in"
	fails_with 1 hta-dlq count -b "$HTA_TLS_BROKERS" -F tls.conf -t "$to.dlq"
	says 'no such letter'
}

@test "the fast path is on without TLS, and off with it" {
	feed hta-consume -v -b "$HTA_TLS_ADMIN" -t "$in" -e
	says 'the fast path is on'
	feed hta-consume -v -b "$HTA_TLS_BROKERS" $tls -t "$in" -e
	says 'the fast path is off: security.protocol=ssl: librdkafka reads'
}

@test "SCRAM: with a library that can, and where it cannot that is said" {
	may scram-user "$in" Read
	local hash new scram
	for hash in 256 512; do
		scram="$login -X sasl.mechanism=SCRAM-SHA-$hash -X sasl.username=scram-user -X sasl.password"
		if old_library; then
			refused 78 "SASL authentication error: .*; SCRAM of librdkafka [0-9.]+ is not understood by Kafka 4, of 2.6.1 it is: use PLAIN with TLS, or a certificate" \
				-b "$HTA_TLS_SASL" $scram=scram-secret
		fi
	done
	new=$(svc_kafkatls_newer 2>&1) || lack "${new#services.sh: }"
	for hash in 256 512; do
		scram="$login -X sasl.mechanism=SCRAM-SHA-$hash -X sasl.username=scram-user -X sasl.password"
		wait_until 60 by_newer 0 $scram=scram-secret
		by_newer 0 $scram=scram-secret
		[ "$(wc -l <"$out")" = 201 ]
		by_newer 78 $scram=wrong
		says 'SASL authentication error: .*invalid credentials[^;]*$'
	done
}

by_newer() { fails_with "$1" env LD_PRELOAD="$new" hta-consume -b "$HTA_TLS_SASL" -t "$in" -e "${@:2}"; } # CODE SETTING...
old_library() { [ "$(printf '%s\n' "$(pkg-config --modversion rdkafka)" 2.6.1 | sort -V | head -n 1)" != 2.6.1 ]; }

@test "a broker's certificate that does not fit is 78 at once: whose, until when, for whom" {
	refused 78 "the broker's certificate is signed by nobody that this system has: -X ssl.ca.location=FILE says whom to trust" \
		-b "$HTA_TLS_BROKERS" -X security.protocol=ssl
	refused 78 "the broker's certificate is signed by nobody that $HTA_TLS_DIR/other.pem has: -X ssl.ca.location=FILE says whom to trust" \
		-b "$HTA_TLS_BROKERS" -X security.protocol=ssl -X ssl.ca.location="$HTA_TLS_DIR/other.pem"
	refused 78 "the broker's certificate has expired: the broker needs a new one" -b "$HTA_TLS_EXPIRED" $tls
	refused 78 "the broker's certificate is for another host: -b, or the broker's advertised.listeners, has to name it as the certificate does" \
		-b "localhost:${HTA_TLS_BROKERS#*:}" -X broker.address.family=v4 $tls
	fails_with 78 hta-consume -t "$in" -e -b "$HTA_TLS_BROKERS" -X security.protocol=ssl -X ssl.ca.location=/nowhere
	says '^hta-consume: -X ssl.ca.location=/nowhere: No such file or directory$'
	# whoever wants to
	feed hta-consume -t "$in" -e -b "$HTA_TLS_EXPIRED" $tls -X enable.ssl.certificate.verification=false
}

@test "a client's certificate that does not fit is 78 at once: none, expired, a stranger's" {
	local why='it has expired, or is signed by nobody that the broker trusts'
	refused 78 'the broker wants a certificate: -X ssl.certificate.location=FILE -X ssl.key.location=FILE' -b "$HTA_TLS_CERT" $tls
	for certificate in old-reader stray-reader; do
		certificate=$HTA_TLS_DIR/$certificate.pem
		refused 78 "the broker refuses the certificate $certificate: $why" -b "$HTA_TLS_CERT" $tls \
			-X ssl.certificate.location="$certificate" -X ssl.key.location="$HTA_TLS_DIR/reader.key"
	done
}

@test "a login that is refused is 78 at once" {
	refused 78 'SASL authentication error: Authentication failed: Invalid username or password' -b "$HTA_TLS_SASL" $login \
		$password -X sasl.password=wrong
	fails_with 78 timeout 60 hta-dlq count -b "$HTA_TLS_SASL" $login $password -X sasl.password=wrong -t "$to.dlq"
	says '^hta-dlq: .*kafka: sasl_ssl://.*: SASL authentication error: .*Invalid username or password$'
	fails_with 78 timeout 60 hta-check --connect -b "$HTA_TLS_SASL" $login $password -X sasl.password=wrong -t "$in"
	grep -q 'Invalid username or password' "$out" "$out.err"
	refused 78 "SASL SCRAM-SHA-1 mechanism handshake failed: .*: broker's supported mechanisms: .*PLAIN.*" -b "$HTA_TLS_SASL" $login \
		$password -X sasl.mechanism=SCRAM-SHA-1 || fails_with 64 hta-consume -t "$in" -e -b "$HTA_TLS_SASL" -X sasl.mechanism=SCRAM-SHA-1
}

@test "two ends that speak different protocols: 78, or 69 where a login is wanted below TLS" {
	local wants='this listener wants a login: -X security.protocol=sasl_ssl, sasl.mechanism, sasl.username and sasl.password'
	refused 78 'this listener speaks TLS: -X security.protocol=ssl' -b "$HTA_TLS_BROKERS"
	refused 78 'this listener speaks TLS: -X security.protocol=sasl_ssl' -b "$HTA_TLS_SASL" -X security.protocol=sasl_plaintext $password
	refused 78 'this listener speaks no TLS: -X security.protocol=plaintext' -b "$HTA_TLS_ADMIN" $tls
	refused 78 'this listener takes no login: -X security.protocol=ssl' -b "$HTA_TLS_BROKERS" $login $password
	refused 78 'this listener takes no login: -X security.protocol=plaintext' -b "$HTA_TLS_ADMIN" -X security.protocol=sasl_plaintext $password
	refused 69 "$wants" -b "$HTA_TLS_SASL" $tls
}

@test "a proxy whose broker is away is waited for, whatever is spoken" {
	local port
	port=$(svc_free_port)
	# takes connections, and closes them
	spawn proxy python3 -c 'import socket, sys
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
	s.accept()[0].close()' "$port"
	wait_until 60 eval "(: </dev/tcp/127.0.0.1/$port)"
	local n=0 waiting=()
	for settings in "" "$tls" "$login $password"; do
		spawn $((++n)) hta-consume --retry-for 2s -t "$in" -e -b "127.0.0.1:$port" $settings
		waiting+=("$pid")
	done
	for pid in "${waiting[@]}"; do exits_with 69 60; done
	[ "$(cat ?.err | grep -c '; trying again$')" = 3 ]
	[ "$(cat ?.err | grep -c '; given up after 2s (--retry-for)$')" = 3 ]
}

@test "a broker that goes away in the middle of a login is waited for" {
	local port
	port=$(svc_free_port)
	# says that it knows SaslHandshake (17), and closes where that comes
	spawn leaver python3 -c 'import socket, struct, sys
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
	c = s.accept()[0]
	f = c.makefile("rb")
	while len(head := f.read(12)) == 12:
		n, api, version, correlation = struct.unpack(">ihhi", head)
		f.read(n - 8)
		if api != 18:
			print("login", flush=True)
			break
		answer = struct.pack(">ih", correlation, 35 if version else 0)
		answer += struct.pack(">ihhhhhhhhhhhh", 4, 3, 0, 5, 17, 0, 1, 18, 0, 0, 36, 0, 0)
		c.sendall(struct.pack(">i", len(answer)) + answer)
	c.shutdown(socket.SHUT_RDWR)
	f.close()
	c.close()' "$port"
	wait_until 60 eval "(: </dev/tcp/127.0.0.1/$port)"
	spawn source hta-consume --retry-for 10s -t "$in" -e -b "127.0.0.1:$port" -X security.protocol=sasl_plaintext $password
	local source=$pid
	spawn sink hta-sink-kafka --retry-for 10s -b "127.0.0.1:$port" -X security.protocol=sasl_plaintext $password -t "$in"
	exits_with 69 60
	pid=$source
	exits_with 69 60
	grep -q login leaver.out
	grep -q 'handshake failed: Local: Broker transport failure.*; trying again$' source.err
	grep -q '; trying again$' sink.err
}

@test "a broker that is away is waited for, at the start and later, with TLS and a login" {
	may reader "$in" Read
	may reader "$to" Write
	wait_until 60 reads "$HTA_TLS_SASL" $login $password
	login+=" -X reconnect.backoff.max.ms=200"
	spawn early hta-consume -b "$HTA_TLS_SASL" $login $password -t "$in"
	early=$pid
	wait_until 60 has_lines early.out 201
	svc_stop kafkatls "$HTA_SERVICES" KILL
	spawn late hta-consume -b "$HTA_TLS_SASL" $login $password -t "$in"
	late=$pid
	spawn sink hta-sink-kafka -b "$HTA_TLS_SASL" $login $password -t "$in"
	wait_until 60 grep -q 'Connection refused; trying again' late.err
	svc_start kafkatls "$HTA_SERVICES"
	wait_until 60 has_lines late.out 201
	kcat -P -b "$HTA_TLS_ADMIN" -t "$in" <<<'{"late":1}'
	wait_until 60 has_lines early.out 202
	wait_until 60 has_lines late.out 202
	exits_with 0 60
	kill "$early" "$late"
	# for other tests, as it was
	kadm -b "$HTA_TLS_ADMIN" delete "$in"
	wait_until 60 kadm -b "$HTA_TLS_ADMIN" create "$in" 2
	kcat -P -b "$HTA_TLS_ADMIN" -t "$in" <"$events"
	kcat -P -b "$HTA_TLS_ADMIN" -t "$in" <<<'{no event'
}

has_lines() { [ "$(wc -l <"$1")" = "$2" ]; } # FILE LINES

# ---- rights

# For each right that USER has: without it the command leaves with 78 and says what stands in the line of
# FILE that begins with the right, or, where that is "none", the right is passed over.
each_right_counts() { # USER FILE COMMAND
	local right want pattern
	while read -r right; do
		pattern=$(sed -n "s/^$right=//p" "$2")
		[ -n "$pattern" ] || { echo "not foreseen: $right"; return 1; }
		[ "$pattern" != none ] || continue
		# shellcheck disable=SC2086
		rights drop "$1" $right
		refuses "$3" "$pattern"
		# shellcheck disable=SC2086
		rights add "$1" $right
		wait_until 60 feed pipe "$3"
	done < <(rights list "$1")
}

# The pipeline leaves with 78 and says so, once the broker has heard of the rights; until then it may say what it did before.
refuses() { # COMMAND REGEX
	local end=$((SECONDS + 60))
	until fails_with 78 timeout 60 bash -c "set -o pipefail; $1" >refuses && says "$2" >>refuses; do
		[ $SECONDS -lt $end ] || { cat refuses; return 1; }
	done
}

reader() { echo "hta-consume -b $HTA_TLS_SASL $login $password -t $in -e"; }
writer() { echo "hta-sink-kafka -b $HTA_TLS_SASL $login ${password//reader/writer} -t $to"; }

@test "rights of hta-consume: what the page gives is enough, and none of it is too much" {
	fails_with 78 timeout 60 $(reader)
	says "^hta-consume: topic $in may not be read: Broker: Topic authorization failed$"
	gives hta-consume 4
	job="$(reader) -g $web | hta-window --by endpoint | hta-sink-sqlite --init rows.db | hta-commit"
	wait_until 60 feed pipe "$job"
	wait_until 60 feed $(reader)
	cat >lines <<-END
		topic literal $in Read=^hta-consume: topic $in may not be read: Broker: Topic authorization failed\$
		group literal $web Read=^hta-consume: group $web may not be read: Broker: Group authorization failed\$
	END
	each_right_counts reader lines "$job"
	# the topic may be described alone
	rights drop reader topic literal "$in" Read
	may reader "$in" Describe
	refuses "$(reader)" "^hta-consume: topic $in may not be read: Broker: Topic authorization failed$"
}

@test "rights of hta-sink-kafka on a plain stream" {
	fails_with 78 timeout 60 $(writer) <"$events"
	# whoever may write to no topic may not write idempotently either, and the broker says which it found first
	says "^hta-sink-kafka: topic $to may not be written to: Broker: (Topic|Cluster) authorization failed$"
	gives hta-sink-kafka 1
	wait_until 60 feed pipe "$(writer) --dead-topic $to.dlq <$events"
	cat >lines <<-END
		topic literal $to Write=^hta-sink-kafka: topic $to may not be written to: Broker: Topic authorization failed\$
		topic literal $to DescribeConfigs=none
		topic literal $to.dlq Write=^hta-sink-kafka: topic $to.dlq may not be written to: Broker: Topic authorization failed\$
		topic literal $to.dlq DescribeConfigs=none
	END
	each_right_counts writer lines "$(writer) --dead-topic $to.dlq <$events"
	# described, and not written to; the record is not told
	rights drop writer topic literal "$to" Write
	may writer "$to" Describe
	refuses "$(writer) <$events" "^hta-sink-kafka: topic $to may not be written to: Broker: Topic authorization failed$"
	rights drop writer topic literal "$to.dlq" Write
	refuses "$(writer) <$events" "^hta-sink-kafka: topic $to may not be written to: Broker: Cluster authorization failed$"
}

# What the page gives for that, as the test above has seen.
may_write_plainly() {
	local name
	for name in "$to" "$to.dlq"; do
		may writer "$name" Write
		may writer "$name" DescribeConfigs
	done
}

@test "rights of hta-sink-kafka in a job of a group" {
	may reader "$in" Read
	rights add reader group literal "$web" Read
	may_write_plainly
	gives hta-sink-kafka 2
	job="$(reader) -g $web | hta-filter 'select(.status > 0)' | $(writer) --dead-topic $to.dlq --init | hta-commit"
	wait_until 60 feed pipe "$job"
	settled "$to.dlq" "$HTA_TLS_ADMIN"
	[ "$(kcat -C -b "$HTA_TLS_ADMIN" -t "$to.dlq" -e -q -f '%k\n' | grep -c "^$in/")" = 1 ]
	id="transactional id hta.$web.kafka:$to.*: Broker: Transactional Id authorization failed"
	cat >lines <<-END
		topic literal $to Write=^hta-sink-kafka: topic $to may not be written to: Broker: Topic authorization failed\$
		topic literal $to DescribeConfigs=none
		topic literal $to.dlq Write=^hta-sink-kafka: topic $to.dlq may not be written to: Broker: Topic authorization failed\$
		topic literal $to.dlq DescribeConfigs=none
		transactional-id prefixed hta. Write=^hta-sink-kafka: $id\$
		group literal $web Read=^hta-sink-kafka: group $web may not be read: Broker: Group authorization failed\$
		topic literal $in Read=^hta-consume: group $web has commits, but no sink knows job $web
	END
	each_right_counts writer lines "$job"
	# the first start, which has no commits yet
	rights drop writer topic literal "$in" Read
	rights add reader group literal "$web.new" Read
	rights add writer group literal "$web.new" Read
	job=${job//-g $web/-g $web.new}
	refuses "$job" "^hta-sink-kafka: topic $in may not be read by this sink, which commits its offsets: Broker: Topic authorization failed$"
	may writer "$in" Read
	wait_until 60 feed pipe "$job"
}

@test "rights of hta-sink-kafka in a job over files" {
	may_write_plainly
	gives hta-sink-kafka 3
	local positions=$HTA_PREFIX.hta.positions
	job="hta-consume --job $HTA_PREFIX.files $events | $(writer) --dead-topic $to.dlq --positions $positions --init | hta-commit"
	rights drop writer topic literal "$positions" Create
	refuses "$job" "^hta-sink-kafka: topic $positions may not be made: Broker: Topic authorization failed$"
	rights add writer topic literal "$positions" Create
	wait_until 60 feed pipe "$job"
	# what all jobs need was looked at above
	cat >lines <<-END
		topic literal $to Write=none
		topic literal $to DescribeConfigs=none
		topic literal $to.dlq Write=none
		topic literal $to.dlq DescribeConfigs=none
		transactional-id prefixed hta. Write=^hta-sink-kafka: transactional id hta.$HTA_PREFIX.files.kafka:$to: Broker: Transactional Id authorization failed\$
		topic literal $positions Read=^hta-sink-kafka: topic $positions may not be read: Broker: Topic authorization failed\$
		topic literal $positions Write=none
		topic literal $positions DescribeConfigs=^hta-sink-kafka: topic $positions is not known to be compacted, .* give the right DescribeConfigs\$
		topic literal $positions Create=none
	END
	each_right_counts writer lines "$job"
	# what a new file takes
	rights drop writer topic literal "$positions" Write
	hta-gen --seed 7 --count 10 >other
	refuses "${job/$events/$events $PWD/other}" "^hta-sink-kafka: topic $positions may not be written to: Broker: Topic authorization failed$"
}

@test "rights of hta-dlq: to look, and to send again" {
	local letters=$in.dlq
	kadm -b "$HTA_TLS_ADMIN" create "$letters" 1
	feed pipe "hta-consume -b $HTA_TLS_ADMIN -t $in -g $web -e | hta-filter 'select(.status > 0)' |
		hta-sink-kafka -b $HTA_TLS_ADMIN -t $to --dead-topic $letters | hta-commit"
	dlq() { echo "hta-dlq $1 -b $HTA_TLS_SASL $login $password -t $letters"; }
	refuses "$(dlq ls)" "^hta-dlq: topic $letters may not be read: Broker: Topic authorization failed$"
	gives hta-dlq 1
	wait_until 60 feed pipe "$(dlq ls)"
	[ "$(jq -r .record "$out")" = '{no event' ]
	cat >lines <<-END
		topic literal $letters Read=^hta-dlq: topic $letters may not be read: Broker: Topic authorization failed\$
		group prefixed hta-dlq Read=^hta-dlq: group hta-dlq may not be read: Broker: Group authorization failed\$
	END
	each_right_counts reader lines "$(dlq ls)"
	refuses "$(dlq retry)" '^hta-dlq: transactions: kafka: Broker: Transactional Id authorization failed$'
	gives hta-dlq 2
	rights drop reader topic literal "$in" Write
	refuses "$(dlq retry)" '^hta-dlq: sending: kafka: .*Topic authorization failed'
	may reader "$in" Write
	wait_until 60 feed pipe "$(dlq retry)"
	settled "$in" "$HTA_TLS_ADMIN"
	[ "$(kcat -C -b "$HTA_TLS_ADMIN" -t "$in" -e -q | grep -c '^{no event$')" = 2 ]
}

# ---- secrets

reads_on() { [ "$(wc -l <"$1")" -ge 201 ]; } # FILE

@test "no password is in what is said, in a command line, or in the run folder" {
	shown hta-consume 3 >plain.conf
	shown hta-consume 2 | sed s/reader.key/reader.enc/ >cert.conf
	printf 'reader-secret\n' >password
	may reader "$in" Read
	may CN=reader "$in" Read
	wait_until 60 reads "$HTA_TLS_SASL" -F plain.conf
	spawn file hta-consume -v -v -X debug=all -b "$HTA_TLS_SASL" -F plain.conf -t "$in"
	file=$pid
	spawn line hta-consume -v -v -X debug=all -b "$HTA_TLS_SASL" $login ${password/reader-secret/@password} -t "$in"
	line=$pid
	spawn cert hta-consume -v -v -X debug=all -b "$HTA_TLS_CERT" -F cert.conf -t "$in"
	cert=$pid
	for name in file line cert; do wait_until 60 reads_on $name.out; done
	for process in $file $line $cert; do
		not grep -qaE 'reader-secret|key-secret' "/proc/$process/cmdline" "/proc/$process/environ"
	done
	grep -q '^hta-consume: librdkafka: ' file.err
	not grep -qaE 'reader-secret|key-secret' file.err line.err cert.err
	not grep -rqaE 'reader-secret|key-secret' "$HTA_RUN"
	fails_with 78 hta-consume -v -v -X debug=all -b "$HTA_TLS_SASL" -F plain.conf -X sasl.username=stranger -t "$in" -e
	not says 'reader-secret'
	fails_with 64 hta-consume -b "$HTA_TLS_SASL" -X security.protocol=@password -t "$in"
	not says 'reader-secret'
}
