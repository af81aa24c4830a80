#!/usr/bin/env bash
# Real servers for the tests, on private ports of 127.0.0.1, all of their files under one folder.
#
#   tests/services.sh start NAME DIR            NAME: pg, redis, kafka, kafka3, kafka3-1..3, broker
#   tests/services.sh stop NAME|all DIR [SIG]   SIG: KILL for a crash; each has its own polite one
#   tests/services.sh restart NAME DIR [SIG]    same data, same ports
#   tests/services.sh env DIR                   what runs there, as lines of export for eval
#   tests/services.sh pid NAME DIR              its process (kafka3: three)
#
# start returns when the server answers; a second start of what runs does nothing; several DIRs live side by side.
# DIR/NAME.pid has the process, NAME.port its ports, NAME.log what it says, NAME/ its data. Only processes that these
# files name are ever signalled, and only while their start time is the noted one.
#
# kafka: HTA_TEST_BROKERS if that is set, else Apache Kafka as tests/kafka/pom.xml pins it (the jars are kept in
# ${XDG_CACHE_HOME:-~/.cache}/hta-tests); exit 69 where there is no Java. kafka3 is a cluster of three of them.
# broker: kafka, or where that is not to be had the mock of tests/mock, of which HTA_BROKER_KIND=mock tells.
# pg runs as another account when we are root: DIR must be reachable for it. Logins with a password, for tests of
# refused ones: hta_pw with "right", in Postgres, in Redis and on Kafka's second listener (SASL PLAIN).
#
# Can be sourced: svc_start, svc_stop, svc_env and so on take the same operands.

SVC_HOME=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SVC_START_SECONDS=60	# a start that takes longer has failed
SVC_STOP_SECONDS=20	# then KILL

svc_say() { echo "services.sh: $*" >&2; }

svc_now_ms() { echo $(($(date +%s%N) / 1000000)); }

# ---- ports and processes ----

# A port below the kernel's ephemeral range to which nobody answers. Somebody may take it before our server does: the
# server then fails to start, and svc_attempts tries another.
svc_free_port() {
	local port
	while :; do
		port=$((20000 + RANDOM % 12000))
		(: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo "$port"
}

# The start time of process $1 in ticks since boot; fails when there is none or it is a zombie.
svc_started() {
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	read -r -a stat <<<"${stat##*) }"
	[ "${stat[0]}" != Z ] && echo "${stat[19]}"
}

svc_alive() { # NAME DIR
	[ -s "$2/$1.start" ] && [ "$(svc_started "$(<"$2/$1.pid")")" = "$(<"$2/$1.start")" ]
}

# Runs a daemon in a session of its own, with no descriptor of ours but its log, and notes its process. Those in
# HTA_SERVICES may outlive the run that starts them and lose its mark; all others are a test's own.
svc_spawn() { # NAME DIR COMMAND...
	local name=$1 dir=$2 fd mark=(env)
	shift 2
	[ "$dir" != "${HTA_SERVICES:-}" ] || mark=(env -u HTA_TEST_RUN)
	rm -f "$dir/$name.pid" "$dir/$name.start"
	(
		cd "$dir/$name" || exit
		for fd in /proc/self/fd/*; do
			fd=${fd##*/}
			[ "$fd" -le 2 ] || eval "exec $fd>&-"
		done
		# shellcheck disable=SC2016
		exec "${mark[@]}" setsid sh -c 'echo $$ >"$1.tmp"; mv "$1.tmp" "$1.pid"; shift; exec "$@"' sh "$dir/$name" "$@"
	) </dev/null >>"$dir/$name.log" 2>&1 &
	disown
	until [ -s "$dir/$name.pid" ]; do sleep 0.01; done
	svc_started "$(<"$dir/$name.pid")" >"$dir/$name.start"
}

# Waits until "COMMAND..." holds, for as long as the process lives. 1: it died or the time is over.
svc_ready() { # NAME DIR COMMAND...
	local name=$1 dir=$2 end=$((SECONDS + SVC_START_SECONDS))
	shift 2
	until "$@" >/dev/null 2>&1; do
		svc_alive "$name" "$dir" && [ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
	svc_alive "$name" "$dir"
}

# Runs "svc_NAME_up DIR" until it holds. New ports each time, unless the service had some: it keeps them for life.
# 69, something is not installed, is final.
svc_attempts() { # NAME DIR
	local name=$1 dir=$2 kept=0 try code part
	compgen -G "$dir/$name.port" >/dev/null || compgen -G "$dir/$name-?.port" >/dev/null && kept=1
	for try in 1 2 3 4 5; do
		[ $kept = 1 ] || rm -f "$dir/$name".port "$dir/$name"-?.port
		code=0
		"svc_${name%%-*}_up" "$dir" "$name" || code=$?
		case $code in 0 | 69) return $code ;; esac
		for part in $(svc_parts "$name"); do svc_stop_one "$part" "$dir" KILL; done
		sleep 0.3
	done
	svc_say "$name did not start ($try attempts), the end of $dir/$name.log:"
	tail -n 15 "$dir/$name.log" >&2
	return 1
}

# ---- Postgres ----

svc_pg_bin() {
	local bin
	for bin in "${HTA_PG_BIN:-}" /usr/lib/postgresql/15/bin; do
		[ ! -x "$bin/initdb" ] || { echo "$bin"; return; }
	done
	svc_say "no PostgreSQL 15: run tests/packages.sh test, or set HTA_PG_BIN to its bin folder"
	return 69
}

# What a command begins with to run as an account that Postgres accepts.
SVC_PG_AS=(env)
if [ "$(id -u)" = 0 ]; then
	svc_account=postgres
	id -u $svc_account >/dev/null 2>&1 || svc_account=nobody
	SVC_PG_AS=(setpriv "--reuid=$svc_account" "--regid=$(id -g $svc_account)" --clear-groups env HOME=/)
fi

# The default collation is a natural language's, as it is at most users': what needs byte order must say so.
svc_pg_init() { # DIR
	local dir=$1 bin
	bin=$(svc_pg_bin) || return
	mkdir -p "$dir/pg"
	[ "$(id -u)" != 0 ] || chown "$svc_account" "$dir/pg"
	"${SVC_PG_AS[@]}" test -w "$dir/pg" || {
		svc_say "$dir/pg is out of reach for the account ${svc_account:-}: choose a folder below /tmp"
		return 1
	}
	(cd "$dir/pg" && "${SVC_PG_AS[@]}" "$bin/initdb" -D "$dir/pg/data" -U hta -A trust --no-sync -E UTF8 \
		--locale=C.UTF-8 --locale-provider=icu --icu-locale=en-US) >>"$dir/pg.log" 2>&1 || return
	"${SVC_PG_AS[@]}" tee -a "$dir/pg/data/postgresql.conf" <"$SVC_HOME/services/postgresql.conf" >/dev/null
	{
		echo "unix_socket_directories = '$dir/pg'"
		[ "${HTA_PG_FSYNC:-off}" = on ] || echo "fsync = off"
	} | "${SVC_PG_AS[@]}" tee -a "$dir/pg/data/postgresql.conf" >/dev/null
	printf '%s\n' 'local all hta_pw scram-sha-256' 'host all hta_pw 127.0.0.1/32 scram-sha-256' \
		'local all all trust' 'host all all 127.0.0.1/32 trust' |
		"${SVC_PG_AS[@]}" tee "$dir/pg/data/pg_hba.conf" >/dev/null
}

# Asked through the socket in DIR: whoever else has the port is not taken for ours.
svc_pg_sql() { # DIR SQL
	PGOPTIONS='' "$(svc_pg_bin)/psql" -X -q -A -t -h "$1/pg" -p "$(<"$1/pg.port")" -U hta -d postgres \
		-v ON_ERROR_STOP=1 -c "$2"
}

svc_pg_up() { # DIR
	local dir=$1 bin
	bin=$(svc_pg_bin) || return
	[ -e "$dir/pg/data/pg_hba.conf" ] || svc_pg_init "$dir" || return
	[ -s "$dir/pg.port" ] || svc_free_port >"$dir/pg.port"
	svc_spawn pg "$dir" "${SVC_PG_AS[@]}" "$bin/postgres" -D "$dir/pg/data" -p "$(<"$dir/pg.port")"
	svc_ready pg "$dir" svc_pg_sql "$dir" 'select 1' || return
	[ -e "$dir/pg/login" ] && return
	svc_pg_sql "$dir" "create role hta_pw superuser login password 'right'" && touch "$dir/pg/login"
}

# ---- Redis ----

svc_redis_cli() { redis-cli -h 127.0.0.1 -p "$(<"$1/redis.port")" "${@:2}"; } # DIR ARG...

svc_redis_answers() { # DIR
	svc_redis_cli "$1" info server | tr -d '\r' | grep -qx "process_id:$(<"$1/redis.pid")" &&
		[ "$(svc_redis_cli "$1" ping)" = PONG ]
}

svc_redis_up() { # DIR
	local dir=$1
	local manifest=$dir/redis/appendonlydir/appendonly.aof.manifest
	mkdir -p "$dir/redis"
	[ -s "$dir/redis.port" ] || svc_free_port >"$dir/redis.port"
	# as hta-sink-redis(1) has it: a file whose end was cut is not for Redis to mend
	[ ! -e "$manifest" ] || redis-check-aof --fix "$manifest" <<<y >>"$dir/redis.log" 2>&1 || return
	svc_spawn redis "$dir" redis-server "$SVC_HOME/services/redis.conf" --port "$(<"$dir/redis.port")" --dir "$dir/redis"
	svc_ready redis "$dir" svc_redis_answers "$dir"
}

# ---- Kafka ----

# The folder with Kafka's jars; got once with Maven. 69 and the reason in a line where that cannot be, and at once where
# HTA_NO_KAFKA has a reason already.
svc_kafka_lib() {
	local cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/hta-tests pom=$SVC_HOME/kafka/pom.xml lib tmp
	[ -z "${HTA_NO_KAFKA:-}" ] || { svc_say "$HTA_NO_KAFKA"; return 69; }
	command -v java >/dev/null || { svc_say "no Kafka: no java, run tests/packages.sh kafka"; return 69; }
	lib=$cache/kafka-$(cksum <"$pom" | tr -d ' ')
	if [ ! -d "$lib" ]; then
		command -v mvn >/dev/null || { svc_say "no Kafka: no mvn, run tests/packages.sh kafka"; return 69; }
		if ! mkdir -p "$cache" || ! tmp=$(mktemp -d "$cache/new.XXXXXX"); then
			svc_say "no Kafka: no place to keep it in $cache"
			return 69
		fi
		# Java takes the home folder from the account and not from HOME
		if ! mvn -q -B -Duser.home="${HOME:-/tmp}" -f "$pom" dependency:copy-dependencies -DoutputDirectory="$tmp" \
			</dev/null >"$tmp/log" 2>&1; then
			svc_say "no Kafka: Maven could not get it: $(grep -m 1 ERROR "$tmp/log" || echo "no reason given")"
			rm -rf "$tmp"
			return 69
		fi
		# who comes second finds the folder there and drops his own
		mv -T "$tmp" "$lib" 2>/dev/null || rm -rf "$tmp"
	fi
	echo "$lib"
}

# Which broker a test would get: given, apache, or mock and why on stderr.
svc_kafka_kind() {
	if [ -n "${HTA_TEST_BROKERS:-}" ]; then
		echo given
	elif svc_kafka_lib >/dev/null; then
		echo apache
	else
		echo mock
	fi
}

svc_kafka_java() { # CLASS ARG...
	SVC_JAVA=(java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn
		-Dorg.slf4j.simpleLogger.showDateTime=true -cp "$(svc_kafka_lib)/*" "$@")
}

# Ports of a node: clients, clients with a password, controllers.
svc_kafka_ports() { # NAME DIR
	[ -s "$2/$1.port" ] || echo "$(svc_free_port) $(svc_free_port) $(svc_free_port)" >"$2/$1.port"
}

# Node ids are drawn, so that a stranger's broker that took our port is not taken for ours.
svc_kafka_ids() { # DIR NAME...
	local dir=$1 base=$((10 * (1 + RANDOM % 3000))) n=0 name
	shift
	for name; do
		n=$((n + 1))
		[ -s "$dir/$name.id" ] || echo $((base + n)) >"$dir/$name.id"
	done
}

svc_kafka_spawn() { # NAME DIR ALL-NODES...
	local name=$1 dir=$2 node client sasl ctl voters=''
	shift 2
	for node; do
		read -r _ _ ctl <"$dir/$node.port"
		voters+=${voters:+,}$(<"$dir/$node.id")@127.0.0.1:$ctl
	done
	read -r client sasl ctl <"$dir/$name.port"
	mkdir -p "$dir/$name"
	{
		cat "$SVC_HOME/services/kafka.properties"
		echo "node.id=$(<"$dir/$name.id")"
		echo "controller.quorum.voters=$voters"
		echo "listeners=PLAINTEXT://127.0.0.1:$client,SASL://127.0.0.1:$sasl,CONTROLLER://127.0.0.1:$ctl"
		echo "advertised.listeners=PLAINTEXT://127.0.0.1:$client,SASL://127.0.0.1:$sasl"
		echo "log.dirs=$dir/$name/log"
		echo "default.replication.factor=$#"
		echo "offsets.topic.replication.factor=$#"
		echo "transaction.state.log.replication.factor=$#"
		echo "transaction.state.log.min.isr=$((($# + 1) / 2))"
		echo "min.insync.replicas=$((($# + 1) / 2))"
	} >"$dir/$name/server.properties"
	if [ ! -e "$dir/$name/log/meta.properties" ]; then
		svc_kafka_java kafka.tools.StorageTool format -t htaTestsClusterAAAAAAA -c "$dir/$name/server.properties"
		"${SVC_JAVA[@]}" >>"$dir/$name.log" 2>&1 || return
	fi
	svc_kafka_java kafka.Kafka "$dir/$name/server.properties"
	svc_spawn "$name" "$dir" "${SVC_JAVA[@]}"
}

svc_kafka_answers() { # NAME DIR NODES
	local client said
	read -r client _ <"$2/$1.port"
	(: <"/dev/tcp/127.0.0.1/$client") &&
		said=$(kcat -b "127.0.0.1:$client" -L -m 2) &&
		grep -q "broker $(<"$2/$1.id") at" <<<"$said" &&
		[ "$(grep -c '^  broker ' <<<"$said")" -ge "$3" ]
}

svc_kafka_up() { # DIR
	local dir=$1
	svc_kafka_ports kafka "$dir"
	svc_kafka_ids "$dir" kafka
	svc_kafka_spawn kafka "$dir" kafka && svc_ready kafka "$dir" svc_kafka_answers kafka "$dir" 1
}

# All three, or the one that is named: a node that comes back finds the others or waits for them.
svc_kafka3_up() { # DIR NAME
	local dir=$1 which=$2 node nodes=(kafka3-1 kafka3-2 kafka3-3) up=() want=1
	for node in "${nodes[@]}"; do svc_kafka_ports "$node" "$dir"; done
	svc_kafka_ids "$dir" "${nodes[@]}"
	up=("$which")
	[ "$which" != kafka3 ] || { up=("${nodes[@]}"); want=3; }
	for node in "${up[@]}"; do
		svc_alive "$node" "$dir" || svc_kafka_spawn "$node" "$dir" "${nodes[@]}" || return
	done
	for node in "${up[@]}"; do
		svc_ready "$node" "$dir" svc_kafka_answers "$node" "$dir" $want || return
	done
}

# ---- the mock broker: reads "topic NAME PARTITIONS" from its standard input, a fifo that it holds open itself ----

svc_mock_up() { # DIR
	local dir=$1 program
	program=$(command -v hta-mock-broker) || {
		svc_say "no mock broker: hta-mock-broker is not in PATH, make check builds it"
		return 69
	}
	mkdir -p "$dir/mock"
	[ -p "$dir/mock/in" ] || mkfifo "$dir/mock/in"
	: >"$dir/mock.log"
	# shellcheck disable=SC2016
	svc_spawn mock "$dir" sh -c 'exec "$1" <>in' sh "$program"
	svc_ready mock "$dir" grep -q '^127' "$dir/mock.log" || return
	head -n 1 "$dir/mock.log" >"$dir/mock.port"
}

# ---- what callers use ----

svc_parts() { # NAME
	case $1 in
	pg | redis | kafka | mock | kafka3-[123]) echo "$1" ;;
	kafka3) echo kafka3-1 kafka3-2 kafka3-3 ;;
	all) echo pg redis kafka kafka3-1 kafka3-2 kafka3-3 mock ;;
	*) svc_say "unknown service \"$1\", give pg, redis, kafka, kafka3, kafka3-1..3, broker or all"; return 64 ;;
	esac
}

svc_start() { # NAME DIR
	local name=$1 dir=$2 part from to
	if [ "$name" = broker ]; then
		[ "$(svc_kafka_kind 2>/dev/null)" = mock ] && name=mock || name=kafka
	fi
	[ "$name" != all ] || { svc_say "start wants one service, not all"; return 64; }
	svc_parts "$name" >/dev/null || return
	mkdir -p "$dir" && chmod go+x "$dir" || return
	dir=$(cd "$dir" && pwd)
	# a unix socket's path has 107 bytes
	[ ${#dir} -le 80 ] || { svc_say "$dir: path too long for a socket, choose a shorter one"; return 64; }
	if [ "$name" = kafka ] && [ -n "${HTA_TEST_BROKERS:-}" ]; then
		echo "$HTA_TEST_BROKERS" >"$dir/kafka.given"
		return
	fi
	case $name in kafka*) svc_kafka_lib >/dev/null || return ;; esac
	(
		flock 9
		for part in $(svc_parts "$name"); do
			svc_alive "$part" "$dir" || break
			part=
		done
		[ -n "$part" ] || exit 0
		from=$(svc_now_ms)
		svc_attempts "$name" "$dir" || exit
		to=$(svc_now_ms)
		echo $((to - from)) >"$dir/$name.start_ms"
	) 9>"$dir/$name.lock"
}

svc_stop_one() { # NAME DIR [SIG]
	local name=$1 dir=$2 sig=${3:-TERM} end=$((SECONDS + SVC_STOP_SECONDS))
	[ "$name:$sig" != pg:TERM ] || sig=INT	# Postgres' fast shutdown
	while svc_alive "$name" "$dir"; do
		[ -z "$sig" ] || kill -s "$sig" "$(<"$dir/$name.pid")"
		sig=
		if [ $SECONDS -ge $end ]; then
			svc_say "$name did not stop in $SVC_STOP_SECONDS s, killing it"
			sig=KILL
			end=$((SECONDS + SVC_STOP_SECONDS))
		fi
		sleep 0.02
	done
	rm -f "$dir/$name.pid" "$dir/$name.start"
}

svc_stop() { # NAME|all DIR [SIG]
	local part parts dir stops=()
	parts=$(svc_parts "$1") || return
	[ -d "$2" ] || return 0
	dir=$(cd "$2" && pwd)
	for part in $parts; do
		svc_stop_one "$part" "$dir" "${3:-TERM}" &
		stops+=($!)
	done
	wait "${stops[@]}"
	case $1 in kafka | all) rm -f "$dir/kafka.given" ;; esac
}

svc_env() { # DIR
	local dir client sasl
	dir=$(cd "$1" && pwd) || return
	if svc_alive pg "$dir"; then
		echo "export PGHOST=127.0.0.1 PGPORT=$(<"$dir/pg.port") PGUSER=hta PGDATABASE=postgres"
	fi
	if svc_alive redis "$dir"; then
		echo "export REDIS_URL=redis://127.0.0.1:$(<"$dir/redis.port")/0"
	fi
	if [ -s "$dir/kafka.given" ]; then
		echo "export HTA_BROKERS=$(<"$dir/kafka.given") HTA_BROKER_KIND=given"
	elif svc_alive kafka "$dir"; then
		read -r client sasl _ <"$dir/kafka.port"
		echo "export HTA_BROKERS=127.0.0.1:$client HTA_BROKERS_SASL=127.0.0.1:$sasl HTA_BROKER_KIND=apache"
	elif svc_alive mock "$dir"; then
		echo "export HTA_BROKERS=$(<"$dir/mock.port") HTA_BROKER_KIND=mock"
	fi
	if [ -s "$dir/kafka3-1.port" ]; then
		echo "export HTA_BROKERS3=$(sed 's/ .*//;s/^/127.0.0.1:/' "$dir"/kafka3-?.port | paste -sd,)"
	fi
}

svc_pid() { # NAME DIR
	local part parts
	parts=$(svc_parts "$1") || return
	for part in $parts; do
		svc_alive "$part" "$2" && cat "$2/$part.pid" || return 1
	done
}

svc_main() {
	local verb=${1:-} name=${2:-} dir=${3:-}
	case $verb:$# in
	start:3) svc_start "$name" "$dir" ;;
	stop:[34]) svc_stop "$name" "$dir" "${@:4}" ;;
	restart:[34]) svc_stop "$name" "$dir" "${@:4}" && svc_start "$name" "$dir" ;;
	env:2) svc_env "$name" ;;
	pid:3) svc_pid "$name" "$dir" ;;
	*) sed -n '2,/^$/s/^# \?//p' "$SVC_HOME/services.sh" >&2; return 64 ;;
	esac
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	set -uo pipefail
	svc_main "$@"
fi
