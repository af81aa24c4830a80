# Helpers for the suites, tests/FOLDER/NAME.bats, so that a test costs five lines:
#
#	load ../helpers
#	setup() { with_service pg; }
#
#	@test "counts by endpoint" {
#		feed hta-window --by endpoint <<-'END'
#			{"ts":"2026-01-01T00:00:00Z","endpoint":"/a"}
#		END
#		expect <<-'END'
#			...
#		END
#	}
#
# A here-doc with <<- loses its leading tabs. Programs are found through PATH; tests/run.sh puts the build there.
# Each test has its own run folder ($HTA_RUN), each file its own database, redis number and prefix of topics and groups.

tests=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
top=${tests%/*}	# the checkout

# shellcheck source=tests/services.sh
source "$tests/services.sh"
bats_require_minimum_version 1.8.0

[ ! -t 0 ] || exec </dev/null

out=${BATS_TEST_TMPDIR:-}/out	# what the last feed or fails_with wrote to stdout, bytes as they were
stderr=				# and to stderr, without NULs
if [ -n "${BATS_TEST_TMPDIR:-}" ]; then
	export HTA_RUN=$BATS_TEST_TMPDIR/run
	[ -d "$HTA_RUN" ] || mkdir -m 700 "$HTA_RUN"
fi

# ---- programs and what they say ----

# jq 1.6 -e says 0 where nothing came in, as from a curl that failed; of many answers it judges the last, of many inputs those of the last.
jq() {
	local made
	case ${1:-} in
	-e | -e[a-z] | -[a-z]e)
		made=$(command jq "$@") || [ $? = 4 ] || return
		printf '%s
' "$made"
		[ -n "$made" ] && not grep -qxE 'false|null' <<<"$made"
		;;
	*) command jq "$@" ;;
	esac
}

run_for() { # CODE COMMAND...
	local want=$1 got=0
	shift
	"$@" >"$out" 2>"$out.err" || got=$?
	stderr=$(tr -d '\0' <"$out.err")
	[ "$got" != "$want" ] || return 0
	echo "exit $got, not $want: $*"
	echo "--- stderr"
	head -n 30 <<<"$stderr"
	echo "--- stdout"
	head -c 2000 "$out" | tr -d '\0'
	return 1
}

# Runs a command with this test's input, wants exit 0, keeps stdout in the file $out and stderr in $stderr.
feed() { run_for 0 "$@"; }

# The same for a command that must leave with CODE.
fails_with() { run_for "$@"; }

# Fails where the command succeeds, and where it could not be asked: grep or cmp without their file (2), a program
# that is not there (126, 127). (`! COMMAND` fails nothing: the shell lets a negated command be.)
not() {
	local got=0
	"$@" || got=$?
	case $got in 0 | 2 | 126 | 127) return 1 ;; esac
}

# A pipeline for feed and fails_with: feed pipe 'hta-gen --count 10 | hta-window'. Its code is that of the last stage
# that failed.
pipe() { bash -c "set -o pipefail; $1"; }

# The file (default: $out) is byte for byte what stands in the here-doc.
expect() { # [FILE]
	diff -u --label wanted --label got - "${1:-$out}"
}

# The last stderr matches an extended regular expression.
says() { # REGEX
	local got=0
	grep -qE -e "$1" <<<"$stderr" || got=$?
	[ $got = 0 ] || printf 'stderr does not match %s:\n%s\n' "$1" "$stderr"
	return $got
}

# What must hold, told without the programs: tests/oracle/__main__.py says what it can be asked.
oracle() { PYTHONPATH=$tests python3 -B -m oracle "$@"; }

# ---- time ----

# Polls until the command holds; fails after SECONDS, showing what it said last. They bound a hang and are no promise: what
# takes half a second takes five where others work beside.
wait_until() { # SECONDS COMMAND...
	local end=$(($(svc_now_ms) + $1 * 1000)) said
	shift
	until said=$("$@" 2>&1); do
		if [ "$(svc_now_ms)" -ge $end ]; then
			printf 'waited in vain for: %s\n%s\n' "$*" "$said"
			return 1
		fi
		sleep 0.05
	done
}

# ---- processes in the background ----

# Starts a command in a session of its own, with this test's input and default signals; its process and group is $pid,
# what it writes is in $BATS_TEST_TMPDIR/NAME.out and NAME.err. "kill -TERM -- -$pid" reaches all of a pipeline:
# spawn job bash -c 'set -o pipefail; a | b'. What still lives at the end of the test is killed.
spawn() { # NAME COMMAND...
	local name=$1
	shift
	# here and now: whoever waits for a line of this one is not to find it of the one before
	: >"$BATS_TEST_TMPDIR/$name.out" >"$BATS_TEST_TMPDIR/$name.err"
	# without <&0 a shell gives background commands /dev/null, and without env it has them ignore INT
	setsid env --default-signal=INT,QUIT "$@" <&0 >"$BATS_TEST_TMPDIR/$name.out" 2>"$BATS_TEST_TMPDIR/$name.err" 3>&- 4>&- &
	pid=$!
	echo $pid >>"$BATS_TEST_TMPDIR/spawned"
	svc_started $pid >"$BATS_TEST_TMPDIR/spawned.$pid" || :
	# who kills the group next is to find it
	until leads_its_group $pid; do sleep 0.01; done
}
# Or has ended.
leads_its_group() { # PID
	local stat
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
	read -r -a stat <<<"${stat##*) }"
	[ "${stat[2]}" = "$1" ]
}

gone() { ! svc_started "$1" >/dev/null; } # PID

# Kills a spawned pipeline, and waits until none of it lives: its leader may be gone while a lock or a socket is still held.
kill_all_of() { # PID
	kill -KILL -- "-$1" 2>/dev/null || :
	wait_until 20 gone_all_of "$1"
}
gone_all_of() { [ -z "$(ps -eo pgid=,stat=,nlwp= | awk -v group="$1" '$1 == group && ($2 !~ /^Z/ || $3 > 1)')" ]; } # PID

# A spawned command leaves within SECONDS with CODE. For its stdout and stderr look into its files.
exits_with() { # CODE SECONDS [PID]
	local code=$1 of=${3:-$pid} got=0
	wait_until "$2" gone "$of" || return
	wait "$of" || got=$?
	[ $got = "$code" ] || { echo "exit $got, not $code"; tail -n 20 "$BATS_TEST_TMPDIR"/*.err; return 1; }
}

# Where one has ended, its number may be another's by now: a machine with 32,768 of them comes around within minutes.
kill_spawned() {
	local of now
	[ -f "${BATS_TEST_TMPDIR:-}/spawned" ] || return 0
	while read -r of; do
		now=$(svc_started "$of") || now=
		[ -n "$now" ] && [ "$now" != "$(<"$BATS_TEST_TMPDIR/spawned.$of")" ] || kill -KILL -- "-$of" 2>/dev/null || :
	done <"$BATS_TEST_TMPDIR/spawned"
}

# A file with a teardown of its own calls kill_spawned there.
teardown() { kill_spawned; }

# ---- services ----

# Runs a command once per test file, for setup: once load_the_big_topic.
once() { # COMMAND...
	local mark
	mark=$BATS_FILE_TMPDIR/once-$(cksum <<<"$*" | tr ' ' -)
	[ -e "$mark" ] || { "$@" && touch "$mark"; }
}

# Skips for want of what packages and downloads give; under CI, where they can be had, it fails.
lack() { # REASON
	[ "${CI:-}" = true ] || skip "$1"
	echo "not to be had, and this is CI: $1"
	return 1
}

# For setup or a test (not setup_file: bats cannot skip there). Starts what does not run yet, once for the whole run,
# and gives this file its own place in it:
#	pg	PGHOST, PGPORT, PGUSER and PGDATABASE: an empty database, without extensions
#	redis	REDIS_URL with an empty database
#	clickhouse	CLICKHOUSE_URL with an empty database
#	mongo	MONGODB_URI with an empty database
#	kafka	HTA_BROKERS, HTA_BROKERS_SASL: a real broker
#	kafkatls	HTA_TLS_ADMIN and other listeners of one that wants TLS, logins and rights
#	registry	HTA_TEST_REGISTRY, the URL of a real registry of schemas
#	dynamo	AWS_ENDPOINT_URL_DYNAMODB and AWS_..
#	s3	S3_BUCKET, S3_FOLDER and AWS_..: a bucket, and the folder that it is
#	broker	as kafka, but the mock will do; HTA_BROKER_KIND is given, apache or mock
# and so on for each file of tests/services/. Where one cannot be had, the test is skipped, and under CI it fails.
# Always HTA_PREFIX, to begin the names of topics, groups and jobs with.
with_service() { # NAME...
	local name place
	[ -n "${BATS_TEST_TMPDIR:-}" ] || { echo "with_service: call it in setup or in a test"; return 1; }
	[ -n "${HTA_SERVICES:-}" ] || {
		echo "with_service: HTA_SERVICES names no folder: use tests/run.sh NAME"
		return 1
	}
	once name_here
	HTA_PREFIX=$(<"$BATS_FILE_TMPDIR/prefix")
	export HTA_PREFIX
	for name; do
		service_up "$name" || return
		once place_here "$name" || return
	done
	eval "$(svc_env "$HTA_SERVICES")"
	for place in "$BATS_FILE_TMPDIR"/place-*; do
		# shellcheck source=/dev/null
		[ ! -e "$place" ] || source "$place"
	done
}

service_up() { # NAME
	local name=$1 code=0 why
	svc_start "$name" "$HTA_SERVICES" 2>"$BATS_TEST_TMPDIR/services.err" || code=$?
	[ $code != 0 ] || return 0
	cat "$BATS_TEST_TMPDIR/services.err"
	why=$(sed 's/^services.sh: //;q' "$BATS_TEST_TMPDIR/services.err")
	case $code:$name in
	69:kafka* | 69:registry) lack "needs a real ${name/kafka*/broker}: $why" ;;
	69:clickhouse) lack "needs a ClickHouse: $why" ;;
	69:dynamo) lack "needs DynamoDB Local: $why" ;;
	69:s3 | 69:mongo) lack "$why" ;;
	esac
	return $code
}

# Small letters, digits and underscores: good for a database, a topic and a path.
name_here() {
	local stem=${BATS_TEST_FILENAME##*/}
	stem=${stem%.bats}
	echo "${stem//[^a-z0-9]/_}_$RANDOM$RANDOM" >"$BATS_FILE_TMPDIR/prefix"
}

place_here() { # NAME
	svc_ask place "$1" 0 "$HTA_SERVICES" "$HTA_PREFIX" >"$BATS_FILE_TMPDIR/place-$1"
}

# ---- Kafka ----

# Creates a topic, whose full name is then in $topic: $HTA_PREFIX.NAME. Settings are Kafka's, such as segment.ms=100.
topic_new() { # NAME PARTITIONS [SETTING=VALUE...]
	topic=$HTA_PREFIX.$1
	if [ "$HTA_BROKER_KIND" = mock ]; then
		[ $# = 2 ] || { echo "topic_new: the mock has no settings"; return 1; }
		echo "topic $topic $2" >"$HTA_SERVICES/mock/in"
		wait_until 20 has_partitions "$topic" "$2"
	else
		kadm -b "$HTA_BROKERS" create "$topic" "${@:2}"
	fi
}

has_partitions() { [ "$(ends "$1" | wc -l)" = "$2" ]; } # TOPIC PARTITIONS

# A record a line, over all partitions at random; options are kcat's, such as -p 3, or -K: for keys and their hash.
produce() { # TOPIC FILE|- [OPTION...]
	# without the setting, all of a few milliseconds go to one partition
	kcat -P -b "$HTA_BROKERS" -X sticky.partitioning.linger.ms=0 -t "$1" "${@:3}" -l "${2/#-//dev/stdin}"
}

# Lines "PARTITION OFFSET METADATA", "-" for what is not there.
committed() { kadm -b "$HTA_BROKERS" committed "$1" "$2"; } # GROUP TOPIC

# Lines "PARTITION LOW HIGH".
ends() { kadm -b "$HTA_BROKERS" ends "$1"; } # TOPIC

# Waits until no transaction is open in a topic, and none is committed but for its markers: a broker writes those to the
# partitions when it has answered, and until then a reader of committed records ends before that transaction.
settled() { wait_until 60 ends_for_all "$1" "${2:-$HTA_BROKERS}"; } # TOPIC [BROKERS]
ends_for_all() { [ "$(kadm -b "$2" ends "$1")" = "$(kadm -b "$2" -X isolation.level=read_uncommitted ends "$1")" ]; } # TOPIC BROKERS

# From when this returns on the broker takes no record of a topic that is larger; a change of a topic is answered before
# it is in force. What was taken meanwhile are records that begin with "tried".
takes_at_most() { # BYTES TOPIC
	java -XX:TieredStopAtLevel=1 -cp "$(svc_kafka_lib)/*" kafka.admin.ConfigCommand --bootstrap-server "$HTA_BROKERS" --alter \
		--topic "$2" --add-config "max.message.bytes=$1" >"$BATS_TEST_TMPDIR/java.log" 2>&1 ||
		{ cat "$BATS_TEST_TMPDIR/java.log"; return 1; }
	wait_until 60 is_too_large "$1" "$2"
}
is_too_large() { printf "tried %0$1d\n" 0 | kcat -P -b "$HTA_BROKERS" -t "$2" 2>&1 | grep -q 'Message size too large'; } # BYTES TOPIC
