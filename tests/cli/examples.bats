# The examples do what they say.
load ../helpers

examples=$top/examples

# What a service manager sees: messages to $NOTIFY_SOCKET go to the file "notified".
notify_listen() {
	cat >listen.py <<-'END'
		import os, socket
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind("notify")
		out = open("notified", "ab", buffering=0)
		while True:
		    out.write(s.recv(4096).replace(b"\n", b" ") + b"\n")
	END
	spawn listen python3 listen.py
	wait_until 60 test -S notify
	export NOTIFY_SOCKET=$BATS_TEST_TMPDIR/notify
}

total() { sqlite3 "$1" 'SELECT sum(count) FROM hta_rollups'; } # FILE
sum() { psql -XqAtc 'SELECT coalesce(sum(count), 0) FROM hta_rollups' 2>/dev/null || echo 0; }
redis_sum() {
	redis-cli -u "$REDIS_URL" --scan --pattern '{hta}:r:*' | sed 's/.*/HGET "&" count/' | redis-cli -u "$REDIS_URL" | awk '{ n += $1 } END { print n + 0 }'
}

# A topic of 20,000 events of the last minutes, and the servers for kafka-pipeline.sh.
with_pipeline_servers() {
	with_service kafka pg redis
	cd "$BATS_TEST_TMPDIR"
	topic_new "$BATS_TEST_NUMBER" 6
	hta-gen --count 20000 --step 10ms --start -5m >events.ndjson
	produce "$topic" events.ndjson
	psql -Xqc 'drop schema public cascade; create schema public' 2>/dev/null
	redis-cli -u "$REDIS_URL" flushdb >/dev/null
	export HTA_TOPIC=$topic HTA_GROUP=$topic
}

stored() { [ "$(sum)" = "$1" ] && [ "$(redis_sum)" = "$1" ]; } # COUNT

nobody_left() { ! kill -0 -- "-$pid" 2>/dev/null; }

@test "the scripts are well-formed" {
	for script in "$examples"/*.sh "$examples"/systems/*.sh; do
		[ -x "$script" ] || [ "${script##*/}" = common.sh ]
		bash -n "$script"
	done
	grep -q '^\*/5 .* /[^ ]*cron\.sh$' "$examples/crontab"
}

@test "quickstart: counts, shows, and goes on where it was" {
	export HTA_BUILD=$HTA_BUILD_DIR HTA_QUICKSTART=$BATS_TEST_TMPDIR/quick
	feed "$examples/quickstart.sh"
	db=$HTA_QUICKSTART/rollups.db
	counted() { echo $(($(total "$db") + $(sqlite3 "$db" 'SELECT count(*) FROM hta_dead'))); }
	[ "$(counted)" = 300000 ]
	grep -q '/api/v1/' "$out"
	grep -qE '▁|▂|▃|▄|▅|▆|▇|█' "$out"
	feed "$examples/quickstart.sh"
	[ "$(counted)" = 600000 ]
	[ "$(wc -l <"$HTA_QUICKSTART/events.ndjson")" = 600000 ]
}

@test "quickstart: a wrong build folder is no silent success" {
	export HTA_QUICKSTART=$BATS_TEST_TMPDIR/quick
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\nexit 3\n' >"$BATS_TEST_TMPDIR/bin/hta-consume"
	chmod +x "$BATS_TEST_TMPDIR/bin/hta-consume"
	HTA_BUILD=$BATS_TEST_TMPDIR/bin run "$examples/quickstart.sh"
	[ "$status" != 0 ]
	[[ $output != *"It is all in"* ]]
}

@test "quickstart: packages are missing and nobody here may install them: 69, and what root runs" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	cd "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\nexit 1\n' | tee dpkg-query >sudo
	printf '#!/bin/sh\necho 1000\n' >id
	printf '#!/bin/sh\ntouch installed\n' >apt-get
	chmod +x ./*
	HTA_BUILD=$BATS_TEST_TMPDIR/new fails_with 69 env PATH="$PWD:$PATH" "$examples/quickstart.sh"
	says '^packages.sh: packages are missing, run as root: tests/packages.sh build, which installs autoconf '
	[ -z "$(find "$BATS_TEST_TMPDIR" -name installed)" ]
	[ "$(ls "$BATS_TEST_TMPDIR/new")" = '' ]
}

@test "a fresh Debian: not without root, not without debootstrap, 69 before anything is made" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	cd "$BATS_TEST_TMPDIR/bin"
	ln -s "$(command -v dirname)" .
	printf '#!%s\necho $FAKE_ID\n' "$BASH" >id
	chmod +x id
	fails_with 69 env PATH="$PWD" FAKE_ID=1000 "$BASH" "$tests/fresh.sh"
	says '^fresh.sh: only root '
	fails_with 69 env PATH="$PWD" FAKE_ID=0 "$BASH" "$tests/fresh.sh"
	says '^fresh.sh: no debootstrap here \(Debian: apt-get install debootstrap\)$'
}

@test "kafka pipeline: to the end, into both stores" {
	with_pipeline_servers
	HTA_CONSUME='--until end' feed "$examples/kafka-pipeline.sh"
	stored 20000
	[ ! -s "$out" ]
}

# As systemd stops a unit: TERM to all of it, and once the shell is gone TERM again to what is left.
@test "kafka pipeline: TERM to all drains it, and the shell outlives it" {
	with_pipeline_servers
	notify_listen
	spawn job "$examples/kafka-pipeline.sh"
	wait_until 60 stored 20000
	wait_until 60 grep -q '^READY=1' notified
	wait_until 60 grep -q '^WATCHDOG=1' notified
	kill -TERM -- "-$pid"
	exits_with 0 60
	wait_until 60 nobody_left
	wait_until 60 grep -q '^STOPPING=1' notified
	[ ! -s job.out ]
	# nothing was lost or counted twice
	produce "$topic" events.ndjson
	HTA_CONSUME='--until end' feed "$examples/kafka-pipeline.sh"
	stored 40000
}

@test "kafka pipeline: TERM again to what is left of it forces nothing" {
	with_pipeline_servers
	# without the trap the shell dies of the first one
	sed '/^trap /d' "$examples/kafka-pipeline.sh" >mortal.sh
	spawn job bash mortal.sh
	wait_until 60 stored 20000
	produce "$topic" events.ndjson
	kill -TERM -- "-$pid"
	wait_until 60 gone "$pid"
	kill -TERM -- "-$pid" 2>/dev/null || :
	wait_until 60 nobody_left
	# it was drained, not cut off: all that is stored was acknowledged and committed, and nothing says that it failed
	[ "$(committed "$HTA_GROUP" "$topic" | awk '{ n += $2 } END { print n }')" = "$(sum)" ]
	not grep -v 'Terminated' job.err
	HTA_CONSUME='--until end' feed "$examples/kafka-pipeline.sh"
	stored 40000
}

@test "kafka pipeline: its code is that of the stage that failed" {
	with_pipeline_servers
	HTA_PG='dbname=nowhere' HTA_CONSUME='--until end' fails_with 78 "$examples/kafka-pipeline.sh"
	says 'nowhere'
	HTA_TOPIC=$topic-none fails_with 78 "$examples/kafka-pipeline.sh"
	says 'Unknown topic'
	# what a typo in the unit's environment comes to
	HTA_WINDOW='--every 60' fails_with 64 "$examples/kafka-pipeline.sh"
	HTA_CONSUME='--unitl end' fails_with 64 "$examples/kafka-pipeline.sh"
	HTA_TTL=7 fails_with 64 "$examples/kafka-pipeline.sh"
	REDIS_URL=localhost fails_with 64 "$examples/kafka-pipeline.sh"
}

@test "replay: files, compressed ones, more of them" {
	cd "$BATS_TEST_TMPDIR"
	hta-gen --count 30000 --step 10ms >all
	split -n l/3 -d all part.
	gzip part.00
	feed "$examples/replay-files.sh" replay.db part.00.gz part.01
	first=$(total replay.db)
	[ "$first" = $(($(zcat part.00.gz | wc -l) + $(wc -l <part.01))) ]
	zstd -q --rm part.01
	feed "$examples/replay-files.sh" replay.db part.00.gz part.01.zst part.02
	[ "$(total replay.db)" = 30000 ]
	fails_with 64 "$examples/replay-files.sh" replay.db
	fails_with 78 "$examples/replay-files.sh" replay.db missing
	HTA_WINDOW='--every 60' fails_with 64 "$examples/replay-files.sh" replay.db part.02
}

@test "cron: quiet when all is well, not when it is not" {
	with_service kafka
	cd "$BATS_TEST_TMPDIR"
	topic_new cron 3
	hta-gen --count 1000 >events
	produce "$topic" events
	export HTA_TOPIC=$topic HTA_GROUP=$topic HTA_DB=$BATS_TEST_TMPDIR/cron.db
	for n in 1 2; do
		feed env -i PATH="$PATH" HTA_BROKERS="$HTA_BROKERS" HTA_TOPIC="$topic" HTA_GROUP="$topic" HTA_DB="$HTA_DB" HTA_RUN="$HTA_RUN" "$examples/cron.sh"
		[ -z "$stderr" ]
		[ ! -s "$out" ]
		[ "$(total cron.db)" = 1000 ]
	done
	produce "$topic" events
	# one that is still at it
	(
		flock 9
		feed "$examples/cron.sh"
		[ "$(total cron.db)" = 1000 ]
	) 9>>cron.db.lock
	feed "$examples/cron.sh"
	[ "$(total cron.db)" = 2000 ]
	HTA_BROKERS=127.0.0.1:1 HTA_CONSUME='--retry-for 1s' fails_with 69 "$examples/cron.sh"
	[ -n "$stderr" ]
}

# -o: nothing is remade, whatever has changed since
variables() { make -s -o Makefile -C "$HTA_BUILD_DIR" --no-print-directory --eval "print: ; @: \$(info $1)" print; }

# As make would: in the build folder, with the shell taking the quotes apart.
compile() { # PROGRAM
	local here=$PWD
	(
		cd "$HTA_BUILD_DIR"
		eval "$(variables '$(CC) $(DEFS) $(AM_CPPFLAGS) $(AM_CFLAGS) $(CFLAGS) $(AM_LDFLAGS)') $here/$1.c -o $here/$1 $(variables '$(LDADD) $(LIBS)')"
	)
}

@test "README: its filter compiles, filters, and its books balance" {
	cd "$BATS_TEST_TMPDIR"
	awk '/^```c$/ { on = 1; next } /^```/ { on = 0 } on' "$top/README.md" >hta-ok.c
	[ "$(wc -l <hta-ok.c)" -gt 20 ]
	compile hta-ok
	fails_with 64 ./hta-ok an_operand
	hta-gen --count 3000 | awk 'NR % 3 < 2 { sub(/}$/, NR % 3 ? ",\"ok\":\"true\"}" : ",\"ok\":true}") } { print }' >in
	feed pipe './hta-ok <in'
	awk 'NR % 3 == 0' in | cmp - "$out"
	{ head -n 1500 in; echo 'no json'; tail -n 1500 in; } >events.ndjson
	count() { pipe 'hta-consume --job ok events.ndjson | ./hta-ok | tee stream | hta-window | hta-sink-sqlite --init ok.db | hta-commit -v'; }
	feed count
	says 'filtered=2000'
	[ "$(grep '^{"$hta"' stream | grep -oE '"k":"(at|probe|bar|end)"' | sort -u | wc -l)" = 4 ]
	feed count # all was counted before
	[ "$(total ok.db)" = 1000 ]
	[ "$(sqlite3 ok.db 'SELECT stage, record FROM hta_dead')" = 'hta-ok|no json' ]
}

# ---- systemd ----

unit=$examples/systemd/hta@.service
setting() { sed -n "s/^$1=//p" "$unit"; } # NAME

@test "systemd: the unit is valid and hardened" {
	cp "$unit" "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR"
	feed systemd-analyze verify --man=no ./hta@.service
	[ -z "$stderr" ]
	feed systemd-analyze security --offline=true --no-pager --threshold=20 ./hta@.service
	# a unit that is not would be found
	grep -v '^Protect\|^Restrict\|^SystemCall\|^Capab\|^Private\|^NoNew\|^Dynamic' hta@.service >soft@.service
	not systemd-analyze security --offline=true --no-pager --threshold=20 ./soft@.service
}

@test "systemd: the intake is valid and hardened, and its socket is not its own" {
	cd "$BATS_TEST_TMPDIR"
	cp "$examples"/systemd/hta-ingest.* .
	sed -i "s|^ExecStart=hta-ingest|ExecStart=$(command -v hta-ingest)|" hta-ingest.service
	feed systemd-analyze verify --man=no ./hta-ingest.service ./hta-ingest.socket
	[ -z "$stderr" ]
	feed systemd-analyze security --offline=true --no-pager --threshold=10 ./hta-ingest.service
	options=$(sed -nE 's/^ExecStart=[^ ]* (.*)/\1/p' hta-ingest.service)
	for option in $(grep -oE -- '--[a-z-]+' <<<"$options"); do hta-ingest --help | grep -qE -- " $option "; done
	# it is what is started where a socket is handed over, and another service's rules of starting again are its own
	hta-ingest --new-key web | sed -n 2p >keys
	chmod 600 keys
	options=${options//%S/$PWD}
	options=${options//%d/$PWD}
	port=$(svc_free_port)
	spawn intake systemd-socket-activate -l "127.0.0.1:$port" hta-ingest ${options/hta-ingest\/log/log}
	wait_until 60 bash -c "curl -sf http://localhost:$port/health"
	kill -TERM "$pid"
	exits_with 0 60
	unit=$examples/systemd/hta@.service
	common=$(comm -12 <(setting RestartForceExitStatus | tr ' ' '\n' | sort) <(unit=hta-ingest.service && setting RestartForceExitStatus | tr ' ' '\n' | sort) | xargs)
	[ "$common" = '69 74 75' ]
}

@test "systemd: the reader is valid and hardened, and starts as it says" {
	cd "$BATS_TEST_TMPDIR"
	cp "$examples"/systemd/hta-serve.service .
	sed -i "s|^ExecStart=hta-serve|ExecStart=$(command -v hta-serve)|" hta-serve.service
	feed systemd-analyze verify --man=no ./hta-serve.service
	[ -z "$stderr" ]
	feed systemd-analyze security --offline=true --no-pager --threshold=20 ./hta-serve.service
	hta-gen --count 100 | hta-window | hta-sink-sqlite --init rollups.db
	hta-serve --new-key web >made
	sed -n 1p made >key
	sed -n 2p made >keys
	chmod 600 keys
	port=$(svc_free_port)
	options=$(sed -nE 's/^ExecStart=[^ ]* (.*)/\1/p' hta-serve.service)
	options=${options/8080/$port}
	HTA_STORE=rollups.db spawn reader hta-serve ${options//%d/$PWD}
	wait_until 60 bash -c "curl -sf http://localhost:$port/health/ready"
	[ "$(curl -s -o /dev/null -w '%{http_code}' "http://localhost:$port/latest?metric=events")" = 401 ]
	curl -sf -H "Authorization: Bearer $(<key)" "http://localhost:$port/latest?metric=events" | jq -e '.rows | length > 0'
	kill -TERM "$pid"
	exits_with 0 60
}

@test "systemd: starts again by the codes of the manual, and waits longer than the programs do" {
	codes=$(grep -A1 'A supervisor starts it again on' "$top/man/hta.7" | tr '\n' ' ')
	shell=$(grep -o '^126 and 127 are the shell' "$top/man/hta.7" | grep -oE '[0-9]+' | paste -sd' ')
	prevented=$(setting RestartPreventExitStatus)
	[[ $prevented == *" $shell" ]]
	prevented=${prevented% $shell}
	[ -n "$codes" ]
	for code in $(setting RestartForceExitStatus); do grep -q "on[ 0-9,]* $code.* and deaths" <<<"$codes"; done
	for code in $prevented; do grep -q "not on .*$code" <<<"$codes"; done
	[ "$(grep -oE '\b[67][0-9]\b' <<<"$codes" | sort)" = "$(tr ' ' '\n' <<<"$(setting RestartForceExitStatus) $prevented" | sort)" ]
	us() { systemd-analyze timespan "$1" | sed -n 's/.*μs: //p'; }
	default() { "$1" --help | tr '\n' ' ' | grep -oE -- "--$2 .*" | grep -oE '\(default [^)]*' | sed 's/.* //;q' ; }
	retry=$(us "$(default hta-consume retry-for)in")
	[ "$retry" = 300000000 ]
	[ "$(us "$(setting WatchdogSec)")" -gt "$retry" ]
	[ "$(us "$(setting TimeoutStartSec)")" -gt "$retry" ]
	[ "$(us "$(setting TimeoutStopSec)")" -gt "$(us "$(default hta-consume drain-timeout)")" ]
	# what fails at once ends some day; a server that is away, so that each start takes --retry-for, never ends it
	burst=$(setting StartLimitBurst)
	interval=$(us "$(setting StartLimitIntervalSec)")
	[ $((burst * $(us "$(setting RestartSec)"))) -lt $((interval / 2)) ]
	[ $((interval / retry)) -lt $((burst / 10)) ]
	grep -q "$burst starts in an hour" "$top/man/hta.7"
	[ "$interval" = 3600000000 ]
	[ "$(setting NotifyAccess)" = all ]
	[ "$(setting KillMode)" = control-group ]
}

# ---- docker-compose.yml: the servers of the tests, as far as one can tell without Docker ----

compose() { # JQ-FILTER
	python3 -c 'import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)' "$top/docker-compose.yml" | jq -r "$1"
}

@test "compose: the same servers in the same versions" {
	[ "$(compose '.services | with_entries(select(.value.profiles | not)) | keys | join(" ")')" = "kafka postgres redis" ]
	[ "$(compose '.services | map_values(select((.profiles // [])[0] == "monitoring")) | keys | join(" ")')" = "grafana prometheus" ]
	[ "$(compose .services.kafka.image)" = "apache/kafka:$(sed -n 's/.*<kafka.version>\(.*\)<.*/\1/p' "$tests/kafka/pom.xml")" ]
	compose .services.postgres.build.dockerfile_inline >"$out"
	version=$(sed -n 's/^FROM postgres:\([0-9]*\)$/\1/p' "$out")
	grep -q "\bpostgresql-$version-hll\b" "$out"
	grep -qE "\bpostgresql-$version\b.*\bpostgresql-$version-hll\b" "$tests/packages.sh"
	# the version that hta-sink-pg(1) says was tried
	compose .services.timescale.image >"$out"
	grep -qF "on TimescaleDB $(sed -n "s|^timescale/timescaledb:\(.*\)-pg$version\$|\1|p" "$out") with Postgres $version" "$top/man/hta-sink-pg.1"
	[ "$(compose .services.redis.image)" = "redis:$(redis-server --version | sed -E 's/.*v=([0-9]+).*/\1/')" ]
}

@test "compose: each system has its script, and the servers that the script looks for" {
	cd "$BATS_TEST_TMPDIR"
	for system in "$examples"/systems/*.sh; do
		name=$(basename "$system" .sh)
		[ "$name" != common ] || continue
		[ "$(compose ".services.$name | [.profiles[0], .build.target, (.command | if type == \"array\" then last else . end | test(\"/examples/systems/$name.sh\"))] | @csv")" = "\"$name\",\"systems\",true" ]
		compose ".services[] | select((.profiles // [\"$name\"]) | index(\"$name\")) | .ports[]?, (.command | strings | capture(\"listen-address=(?<at>[^ ]+)\").at)" |
			cut -d: -f2 | sort -u >published
		{
			# what the script looks for where nobody says otherwise, and what is said
			grep -oE 'localhost:[0-9]+' "$system" | cut -d: -f2 | grep -vE '^(8000|8080)$' || :
			compose ".services.$name.environment | tojson" | grep -oE 'localhost:[0-9]+' | cut -d: -f2 || :
			compose ".services.$name.environment.PGPORT // empty"
		} | sort -u >wanted
		[ -z "$(comm -13 published wanted)" ] || { echo "$name:"; comm -13 published wanted; return 1; }
	done
	# volumes and servers that are waited for exist
	[ -z "$(comm -13 <(compose '.volumes | keys[]' | sort) <(compose '.services[].volumes[]?' | grep -v '^\.' | cut -d: -f1 | sort -u))" ]
	[ -z "$(comm -13 <(compose '.services | keys[]' | sort) <(compose '.services[].depends_on // [] | if type == "array" then .[] else keys[] end' | sort -u))" ]
}

@test "compose: Kafka has the settings of the tests, but for its listeners" {
	cd "$BATS_TEST_TMPDIR"
	compose '.services.kafka.environment | to_entries[] | "\(.key | ltrimstr("KAFKA_") | ascii_downcase | gsub("_"; "."))=\(.value)"' | sort >compose
	{
		grep -v '^#' "$tests/services/kafka.properties"
		# what tests/services.sh sets for a single node
		printf '%s=1\n' default.replication.factor offsets.topic.replication.factor transaction.state.log.replication.factor transaction.state.log.min.isr
	} | sort >conf
	join -t= -j1 -o 1.1,1.2,2.2 compose conf >both
	[ "$(wc -l <both)" -ge 10 ]
	awk -F= '$1 != "listener.security.protocol.map" && $2 != $3 { print; bad = 1 } END { exit bad }' both
	# what the tests have and a user would not
	join -t= -v2 compose conf | cut -d= -f1 >only
	diff -u - only <<-'END'
		allow.everyone.if.no.acl.found
		authorizer.class.name
		broker.heartbeat.interval.ms
		broker.session.timeout.ms
		group.min.session.timeout.ms
		listener.name.sasl.plain.sasl.jaas.config
		log.cleaner.backoff.ms
		sasl.enabled.mechanisms
		super.users
	END
}

@test "compose: Redis has the settings of the tests, and syncs" {
	cd "$BATS_TEST_TMPDIR"
	compose .services.redis.command | grep -oE -- '--[a-z-]+ [^ ]+' | sed 's/^--//' | sort >compose
	grep -E '^(appendonly|aof-load-truncated|maxmemory-policy|save) ' "$tests/services/redis.conf" | sort >conf
	[ "$(wc -l <conf)" = 4 ]
	# in the tests a lost second does not matter
	diff -u <({ cat conf; echo appendfsync always; } | sort) compose
}

@test "compose: its ports and names are the defaults of kafka-pipeline.sh" {
	for port in 9092 5432 6379; do compose '.services[].ports[]?' | grep -qx "127.0.0.1:$port:$port"; done
	grep -q 'HTA_BROKERS:-localhost:9092' "$examples/kafka-pipeline.sh"
	grep -q 'REDIS_URL:-redis://localhost:6379/0' "$examples/kafka-pipeline.sh"
	user=$(compose .services.postgres.environment.POSTGRES_USER)
	grep -q "PGUSER=$user PGPASSWORD=$(compose .services.postgres.environment.POSTGRES_PASSWORD)" "$examples/kafka-pipeline.sh"
}
