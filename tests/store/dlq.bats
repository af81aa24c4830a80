# hta-dlq: dead letters in a table, a file and a topic: seen, counted, mended, sent again once each.
load ../helpers
load ../dlq

setup() { cd "$BATS_TEST_TMPDIR"; }

ask() { # SQL
	case $store in
	db) sqlite3 db "$1" ;;
	*) psql -XAtqc "$1" ;;
	esac
}

# An empty store, its sink and what -d says.
use() { # pg|sqlite
	case $1 in
	pg)
		with_service pg
		psql -Xqc 'drop schema public cascade; create schema public' 2>/dev/null
		sink=hta-sink-pg store="host=$PGHOST"
		;;
	sqlite) sink="hta-sink-sqlite db" store=db ;;
	esac
}

# Seconds 1 .. N; each third has a value that is no number, the tenth line is no JSON.
events() { # N
	jq -nc --argjson n "$1" 'range(1; $n + 1) | {ts: (1767225600 + .) | todate, v: (if . % 3 == 0 then "x\(.)" else . end)}' |
		sed '10s/.*/no json/'
}

window="hta-window --value v --dead-limit 100%"
# A job over a file, or over $topic with the name of the group.
job_of_file() { pipe "hta-consume --job j in -e | $window | $sink --init | hta-commit"; }
job_of_topic() { pipe "hta-consume -b $HTA_BROKERS -t $topic -g $topic.job -e | ${1:-$window} | $sink --init | hta-commit"; }

# ---- what there is

seen() {
	use "$1"
	events 12 >in
	feed job_of_file
	feed dlq ls -d "$store" --format text
	[ "$(wc -l <"$out")" = 5 ]
	[ "$(awk '{print $3}' "$out" | sort -u)" = hta-window ]
	[ "$(tail -n 1 "$out" | sed 's/.*hta-window  //')" = 'metric events: v is a string, not a number  {"ts":"2026-01-01T00:00:12Z","v":"x12"}' ]
	feed dlq count -d "$store" --format text
	expect <<-'END'
		       4  hta-window  metric events: v is a string, not a number
		       1  hta-window  byte 1: a value expected, not n
	END
	feed dlq show -d "$store" --reason 'value expected'
	expect <<<'no json'
	feed dlq count -d "$store" --reason '/^byte [0-9]+:/' --stage window
	expect <<<'{"stage":"hta-window","reason":"byte 1: a value expected, not n","count":1}'
	# an expression is one between slashes only
	fails_with 1 dlq ls -d "$store" --reason '^byte'
	fails_with 1 dlq ls -d "$store" --stage consume
	fails_with 1 dlq ls -d "$store" --job other
	fails_with 1 dlq ls -d "$store" --until -1h
	fails_with 1 dlq ls -d "$store" --kind late
	feed dlq show -d "$store" --since -1h --until now --job j --place "$(places -d "$store" | head -n 1)"
	[ "$(wc -l <"$out")" = 1 ]
}
@test "letters in SQLite: listed, counted, shown, chosen" { seen sqlite; }
@test "letters in Postgres: listed, counted, shown, chosen" { seen pg; }

@test "a line for people has no control characters; show has the bytes" {
	use sqlite
	printf 'a\033[31m\302\233b\0c\377\n' >in
	feed job_of_file
	feed dlq ls -d db --format text
	[ "$(sed 's/.*  //' "$out")" = 'a?[31m?b?c?' ]
	feed dlq show -d db
	cmp "$out" in
	[ "$(dlq ls -d db | jq -r .encoding)" = base64 ]
}

# ---- to standard output

printed() {
	use "$1"
	events 12 >in
	feed job_of_file
	grep -E 'x|no json' in >want
	# only what is chosen is sent, and marked
	feed dlq retry -d "$store" --to - --reason 'no number|x' # a text, not an expression: none
	[ ! -s "$out" ]
	feed dlq retry -d "$store" --to - --reason 'value expected'
	expect <<<'no json'
	feed dlq retry -d "$store" --to -
	grep x want | cmp "$out" -
	feed dlq retry -d "$store" --to -
	[ ! -s "$out" ]
	fails_with 1 dlq ls -d "$store"
	says 'no such letter .--again'
	feed dlq ls -d "$store" --again
	[ "$(jq -c '[.retries, .retried_at != null]' "$out" | sort | uniq -c | tr -s ' ')" = ' 5 [1,true]' ]
	feed dlq retry -d "$store" --to - --again --reason 'value expected'
	expect <<<'no json'
	[ "$(dlq ls -d "$store" --again | jq -s 'map(.retries) | add')" = 6 ]
	[ "$(ask "select count(*) from hta_dead where taken is not null")" = 0 ]
}
@test "retry --to - from SQLite: once each, --again" { printed sqlite; }
@test "retry --to - from Postgres: once each, --again" { printed pg; }

# Whoever died between taking and telling leaves letters in doubt: they are neither lost nor sent unseen.
doubt() {
	use "$1"
	events 12 >in
	feed job_of_file
	for point in dlq-taken dlq-sent; do
		HTA_CRASH=$point fails_with 137 dlq retry -d "$store" --to - --reason 'value expected'
		[ "$(wc -l <"$out")" = $([ $point = dlq-sent ] && echo 1 || echo 0) ]
		feed dlq ls -d "$store" --reason 'value expected'
		[ "$(jq -c .in_doubt "$out")" = true ]
		fails_with 1 dlq retry -d "$store" --to - --reason 'value expected'
		says '/[0-9]+: not sent: an earlier call may have sent it: --again'
		[ ! -s "$out" ]
		feed dlq retry -d "$store" --to - --reason 'value expected' --again
		expect <<<'no json'
		fails_with 1 dlq ls -d "$store" --reason 'value expected'
		ask "update hta_dead set retried_at = null"
	done
	# the others were not touched by it
	feed dlq retry -d "$store" --to -
	[ "$(wc -l <"$out")" = 5 ]
}
@test "retry --to - that dies, from SQLite" { doubt sqlite; }
@test "retry --to - that dies, from Postgres" { doubt pg; }

@test "two calls at a time take no letter twice" {
	for store in sqlite pg; do
		use $store
		jq -nc 'range(3000) | "bad \(.)"' >in
		feed job_of_file
		for i in 1 2 3; do spawn call$i hta-dlq retry -d "$store" --to -; pids[i]=$pid; done
		for i in 1 2 3; do wait_until 60 gone "${pids[i]}"; done
		# what another call was at work on is in doubt, and then done
		[ "$(ask 'select count(*) from hta_dead where retried_at is null or retries <> 1')" = 0 ]
		sort call?.out | cmp - <(sort in)
	done
}

@test "retry --to -: a full disk or a reader that left marks nothing more" {
	use sqlite
	events 12 >in
	feed job_of_file
	fails_with 74 bash -c 'hta-dlq retry -d db --to - >/dev/full'
	says 'No space left'
	[ "$(dlq ls -d db | wc -l)" = 5 ]
	[ "$(sqlite3 db 'select count(*) from hta_dead where retried_at is not null')" = 0 ]
}

# ---- a file

@test "letters of --dead FILE" {
	events 12 >in
	feed hta-window --value v --dead dead in
	feed dlq ls dead --format text
	[ "$(awk '{print $2}' "$out" | tr '\n' ' ')" = 'in:3 in:6 in:9 in:10 in:12 ' ]
	feed dlq show dead --place in:10
	expect <<<'no json'
	fails_with 64 dlq retry dead -b 127.0.0.1:1
	says 'letter in:3 is of a file.*--to'
	[ ! -e dead.retried ] || [ ! -s dead.retried ]
	feed dlq retry dead --to - --place in:10
	expect <<<'no json'
	feed dlq retry dead --to -
	[ "$(wc -l <"$out")" = 4 ]
	feed dlq retry dead --to -
	[ ! -s "$out" ]
	[ "$(stat -c %a dead.retried)" = 600 ]
	# what comes later is a letter as any other
	feed hta-window --value v --dead dead <<<nothing
	feed dlq retry dead --to -
	expect <<<nothing
	[ "$(dlq ls dead --again | wc -l)" = 6 ]
	# a new file under the same name has letters of its own
	head -n 1 dead | sed 's/x3/y3/' >new && mv new dead
	feed dlq retry dead --to -
	[ "$(jq -r .v "$out")" = y3 ]
}

@test "letters of a file: half lines, other lines, other files" {
	events 12 >in
	feed hta-window --value v --dead dead in
	{ head -c 100 dead; echo; echo '{"a":1}'; cat dead; printf '{"stage":"x","rec'; } >torn
	feed dlq ls torn --format text
	[ "$(wc -l <"$out")" = 5 ]
	says 'torn:1: is no letter of --dead, passed over'
	feed dlq retry torn --to -
	printf 'take torn' >>torn.retried
	feed dlq retry torn --to -
	[ ! -s "$out" ]
	feed dlq retry torn --to - --again
	[ "$(wc -l <"$out")" = 5 ]
	fails_with 78 dlq ls none
	says 'none: No such file'
	use sqlite
	feed job_of_file
	fails_with 64 dlq ls db
	says 'db: is a SQLite database: -d db'
	fails_with 78 dlq ls -d dead
	(flock 9 && fails_with 75 dlq retry dead --to - && says 'another hta-dlq retry is at work') 9>>dead.retried
}

@test "letters of a file: a call that died" {
	events 12 >in
	feed hta-window --value v --dead dead in
	HTA_CRASH=dlq-sent fails_with 137 dlq retry dead --to - --place in:10
	[ "$(dlq ls dead | jq -c 'select(.in_doubt) | .line')" = 10 ]
	fails_with 1 dlq retry dead --to -
	[ "$(wc -l <"$out")" = 4 ]
	says 'in:10: not sent'
	feed dlq retry dead --to - --again --place in:10
	fails_with 1 dlq ls dead
}

# ---- a command that mends

@test "--through: a line in, a line out, none, several, a failure" {
	events 12 >in
	feed hta-window --value v --dead dead in
	# no line: neither sent nor marked
	feed dlq retry dead --to - --through 'jq -c "select(.v != \"x6\") | .v = 0" 2>/dev/null || true'
	[ "$(jq -c .v "$out" | tr '\n' ' ')" = '0 0 0 ' ]
	[ "$(dlq ls dead | jq .line | tr '\n' ' ')" = '6 10 ' ]
	fails_with 65 dlq retry dead --to - --through 'jq -c .v'
	says "in:10: --through 'jq -c .v' failed with"
	[ ! -s "$out" ]
	fails_with 65 dlq retry dead --to - --through 'cat; cat "$0"; echo more'
	says 'in:6: --through .* wrote more than one line|failed'
	fails_with 65 dlq retry dead --to - --through 'kill -9 $$'
	says 'died of signal 9'
	fails_with 65 dlq retry dead --to - --through no-such-command
	says 'failed with 127'
	[ "$(dlq ls dead | wc -l)" = 2 ]
	# a command that does not read all of a long record
	jq -nc '"x" * 60000' >in
	feed hta-window --value v --dead long in
	feed dlq retry long --to - --through 'echo short'
	expect <<<short
}

# ---- wrong command lines

@test "what cannot be" {
	fails_with 64 dlq
	says 'ls, show, count or retry'
	fails_with 64 dlq list -d db
	says 'no command "list"'
	fails_with 64 dlq ls
	says 'letters of what'
	fails_with 64 dlq ls -d db file
	says 'one of -t TOPIC, -d STORE and FILE'
	fails_with 64 dlq ls -t x
	says '-b HOST:PORT'
	fails_with 64 dlq retry -d db
	says 'sent to which cluster'
	fails_with 64 dlq ls -d db --to -
	says 'for retry'
	for option in "--job j" --init; do
		fails_with 64 dlq retry -b 127.0.0.1:1 -t x $option
		says 'is for a store .-d'
	done
	fails_with 64 dlq retry -b 127.0.0.1:1 -t x --to x
	says 'the topic of the letters'
	fails_with 64 dlq ls -d db --reason '/(/'
	says 'reason'
	fails_with 64 dlq ls -d redis://x
	says 'reads no letters of a store of this kind'
	fails_with 64 dlq ls -d db --since yesterday
	says 'since'
	fails_with 78 dlq ls -d db
	says 'db: '
	fails_with 69 dlq ls -b 127.0.0.1:1 -t x
}

# ---- a store without rollups

of_events() {
	use "$1"
	events 12 >in
	feed pipe "hta-consume --job j in | hta-filter --where '.v < 100' --dead-limit 100% | $sink --events --init | hta-commit"
	[ "$(ask "select count(*) from ${2} where ${3} = 'hta_rollups'")" = 0 ]
	feed dlq show -d "$store"
	expect <<<'no json'
	feed dlq retry -d "$store" --to -
	expect <<<'no json'
	fails_with 1 dlq ls -d "$store"
	ask 'drop table hta_dead'
	fails_with 78 dlq ls -d "$store"
	says 'table hta_dead is missing'
}
@test "letters of a store that has events only: SQLite" { of_events sqlite sqlite_master name; }
@test "letters of a store that has events only: Postgres" { of_events pg pg_class relname; }

# ---- an older store

upgraded() {
	use "$1"
	case $1 in
	pg) psql -XqAt -v ON_ERROR_STOP=1 -f "$BATS_TEST_DIRNAME/upgrade/pg.sql" ;;
	sqlite) sqlite3 db <"$BATS_TEST_DIRNAME/upgrade/sqlite.sql" ;;
	esac
	# it can be read, and not marked
	feed dlq show -d "$store"
	expect <<<'{"ts":"yesterday","path":"/a"}'
	fails_with 78 dlq retry -d "$store" --to -
	says '--init'
	[ "$(ask 'select version from hta_schema')" = 1 ]
	# sinks of this version add letters to it
	echo early >early
	feed pipe "hta-consume --job early early | hta-window --metric early | $sink --init | hta-commit"
	[ "$(ask 'select version from hta_schema')" = 1 ]
	feed dlq retry -d "$store" --to - --init
	expect <<-'END'
		{"ts":"yesterday","path":"/a"}
		early
	END
	[ "$(ask 'select version from hta_schema')" = 3 ]
	feed dlq retry -d "$store" --to - --init
	[ ! -s "$out" ]
	# the sink goes on, old jobs too, and new measures get their columns
	{ cat "$BATS_TEST_DIRNAME/upgrade/events.ndjson"; printf '{"ts":"2026-01-01T00:05:0%dZ","path":"/c","ms":%d}\n' 1 4 2 5; echo bad; } >grown
	feed pipe "hta-consume --job web grown | hta-window --metric hits --by path --value ms --uniq user --metric all --every 1h --metric speed --agg 'mean=avg(ms)' | $sink --init | hta-commit"
	[ "$(hta-query -d "$store" history speed --since 2026-01-01 | jq -c .measures | tail -n 1)" = '{"mean":4.5}' ]
	feed dlq retry -d "$store" --to -
	expect <<<bad
	[ "$(ask 'select version from hta_schema')" = 3 ]
}
@test "letters of a store of an earlier version: SQLite" { upgraded sqlite; }
@test "letters of a store of an earlier version: Postgres" { upgraded pg; }

# ---- to a cluster

topic_events() { # N: the events in $topic, with keys and a header
	events "$1" | awk '{print "k" NR % 4 ":" $0}' | kcat -P -b "$HTA_BROKERS" -t "$topic" -K: -H app=shop -X partitioner=murmur2_random
}

resent() {
	with_service kafka
	use "$1"
	topic_new "again$1" 3
	topic_events 12
	feed job_of_topic
	log_of "$topic" >before
	grep -E 'x|no json' before >bad
	feed dlq retry -d "$store" -b "$HTA_BROKERS"
	# the same bytes, key and header in the same partition; whence they came, and how often
	log_of "$topic" | grep hta.from | sed -E 's/,hta.from=[^ ]*//' | sort | cmp - <(sort bad)
	dlq ls -d "$store" --again --format json | jq -r '"\(.topic)/\(.partition)/\(.offset) \(.record)"' | sort >want
	log_of "$topic" | sed -nE 's/.*,hta.from=([^,]*),hta.retries=1 (.*)/\1 \2/p' | sort | cmp - want
	feed dlq retry -d "$store" -b "$HTA_BROKERS"
	[ "$(log_of "$topic" | wc -l)" = 17 ]
	# they die again: it is the first place that they come from, and the second time
	feed job_of_topic
	[ "$(dlq ls -d "$store" | jq .retries | tr -d '\n')" = 11111 ]
	[ "$(dlq ls -d "$store" --format text | grep -c '\[retries 1\]')" = 5 ]
	feed dlq retry -d "$store" -b "$HTA_BROKERS" --through 'echo "{\"ts\":\"2026-01-01T00:00:30Z\",\"v\":1000}"'
	log_of "$topic" | sed -nE 's/.*,hta.from=([^,]*),hta.retries=2 .*/\1/p' | sort | cmp - <(cut -d' ' -f1 want)
	# and now they are counted
	feed job_of_topic
	[ "$(hta-query -d "$store" latest events | jq -c '[.count, .sum]')" = "[12,$((1 + 2 + 4 + 5 + 7 + 8 + 11 + 5000))]" ]
	fails_with 1 dlq ls -d "$store"
	# to another topic, by the key
	from=$topic
	topic_new "other$1" 5
	feed dlq retry -d "$store" -b "$HTA_BROKERS" --again --to "$topic" --place "$from" --reason 'value expected'
	[ "$(log_of "$topic" | wc -l)" -ge 1 ]
	log_of "$topic" | grep -q "k2 app=shop.* no json"
	fails_with 78 dlq retry -d "$store" -b "$HTA_BROKERS" --again --to "$topic.none"
	says 'none'
}
@test "retry to the source topic from SQLite" { resent sqlite; }
@test "retry to the source topic from Postgres" { resent pg; }

@test "retry that dies, from SQLite: once each all the same" { resumed sqlite; }
@test "retry that dies, from Postgres: once each all the same" { resumed pg; }

@test "retry that dies, from a file: once each all the same" {
	with_service kafka
	topic_new crashfile 2
	jq -nc 'range(500) | "bad \(.)"' >in
	feed hta-window --value v --dead dead in
	for point in dlq-taken:1 dlq-inside:2 dlq-sent:1; do
		HTA_CRASH=$point fails_with 137 dlq retry dead -b "$HTA_BROKERS" --to "$topic"
	done
	feed dlq retry dead -b "$HTA_BROKERS" --to "$topic"
	log_of "$topic" | sed -E 's/^[^ ]* *//; s/hta.retries=1 //' | sort | cmp - <(sort in)
}

@test "a cut record is fetched whole, and never sent cut" {
	with_service kafka
	use sqlite
	topic_new cut 1
	jq -nc '"a" * 100000, "b" * 70000, "c"' | produce "$topic" - -p 0
	feed job_of_topic
	feed dlq ls -d db --format text
	[ "$(grep -c '\[cut, ' "$out")" = 2 ]
	feed dlq show -d db --place "$topic/0/0"
	[ "$(wc -c <"$out")" = 65537 ]
	says '1 of 1 records are cut at 64 KiB: -b BROKERS'
	feed dlq show -d db --place "$topic/0/0" -b "$HTA_BROKERS"
	[ "$(wc -c <"$out")" = 100003 ]
	fails_with 1 dlq retry -d db --to - --place "$topic/0/1"
	says "$topic/0/1: not sent: it was cut at 64 KiB: -b"
	[ ! -s "$out" ]
	kadm -b "$HTA_BROKERS" trim "$topic" 0 1
	fails_with 1 dlq retry -d db -b "$HTA_BROKERS"
	says "$topic/0/0: not sent: it was cut at 64 KiB, and the log does not have it any more"
	says '2 sent, 1 not: 0 in doubt, 1 cut and gone'
	[ "$(log_of "$topic" | grep hta.from | sed 's/.* //' | while read -r value; do echo ${#value}; done | tr '\n' ' ')" = '70002 3 ' ]
	[ "$(places -d db)" = "$topic/0/0" ]
}

@test "a record that a filter had changed is not sent unless it is said which" {
	with_service kafka
	use sqlite
	topic_new changed 1
	printf '%s\n' '{"at":"2026-01-01T00:00:01Z","v":"x1"}' '{"at":"2026-01-01T00:00:02Z","v":"x2"}' | produce "$topic" - -p 0
	feed job_of_topic "hta-filter '{ts: .at, v}' | $window"
	fails_with 1 dlq retry -d db -b "$HTA_BROKERS"
	says 'of which a filter made these: --changed log'
	feed dlq retry -d db -b "$HTA_BROKERS" --changed log --place "$topic/0/0"
	feed dlq retry -d db -b "$HTA_BROKERS" --changed kept --place "$topic/0/1"
	log_of "$topic" | tail -n 2 | awk '{print $NF}' >"$out"
	expect <<-'END'
		{"at":"2026-01-01T00:00:01Z","v":"x1"}
		{"ts":"2026-01-01T00:00:02Z","v":"x2"}
	END
}

@test "a topic that was made anew does not give its records for others" {
	with_service kafka
	use sqlite
	topic_new anew 1
	jq -nc '"a" * 100000' | produce "$topic" - -p 0
	feed job_of_topic
	sqlite3 db "update hta_dead set at = '2020-01-01T00:00:00.000Z'"
	fails_with 1 dlq retry -d db -b "$HTA_BROKERS"
	says 'does not have it any more'
}

@test "a record that the broker refuses stops, and nothing of its batch is sent or marked" {
	with_service kafka
	use sqlite
	topic_new refused 1
	from=$topic
	jq -nc '"b", "a" * 50000, "c"' | produce "$topic" - -p 0
	feed job_of_topic
	topic_new small 1 max.message.bytes=10000
	fails_with 65 dlq retry -d db -b "$HTA_BROKERS" --to "$topic"
	says 'a record of 50002 bytes for .*small'
	[ -z "$(log_of "$topic")" ]
	[ "$(dlq ls -d db | jq -c 'select(.in_doubt)')" = '' ]
	feed dlq retry -d db -b "$HTA_BROKERS" --to "$topic" --place "$from/0/2"
	[ "$(log_of "$topic" | wc -l)" = 1 ]
}

# ---- letters in a topic

letter() { # TOPIC PARTITION OFFSET STAGE REASON TIME VALUE, into $letters
	printf '%s' "$7" | kcat -P -b "$HTA_BROKERS" -t "$letters" -p "${at:-0}" -H "hta.topic=$1" -H "hta.partition=$2" -H "hta.offset=$3" \
		-H "hta.stage=$4" -H "hta.reason=$5" -H "hta.time=$6" -H "hta.size=${size:-${#7}}" -H hta.retries=0
}

letters_of() { # a source topic with six records and a topic of letters about them
	topic_new "$1" 1
	source_topic=$topic
	printf 'bad %d\n' 0 1 2 3 4 5 | produce "$topic" - -p 0
	topic_new "$1.dlq" 2
	letters=$topic
	for i in 0 1 2 3 4 5; do
		at=$((i % 2)) letter "$source_topic" 0 $i hta-window "reason $((i % 3))" "2026-01-01T00:00:0${i}Z" "bad $i"
	done
}

@test "letters in a topic: listed by time, chosen, sent once" {
	with_service kafka
	letters_of seen
	feed dlq ls -b "$HTA_BROKERS" -t "$letters"
	[ "$(jq -c '[.at, .offset, .reason, .record]' "$out" | head -n 2 | tail -n 1)" = '["2026-01-01T00:00:01.000Z",1,"reason 1","bad 1"]' ]
	[ "$(jq .offset "$out" | tr -d '\n')" = 012345 ]
	feed dlq count -b "$HTA_BROKERS" -t "$letters" --since 2026-01-01T00:00:03Z
	[ "$(jq -c .count "$out" | tr -d '\n')" = 111 ]
	feed dlq retry -b "$HTA_BROKERS" -t "$letters" --reason 'reason 1'
	[ "$(dlq ls -b "$HTA_BROKERS" -t "$letters" | jq .offset | tr -d '\n')" = 0235 ]
	feed dlq retry -b "$HTA_BROKERS" -t "$letters" --to - --place "$source_topic/0/0"
	expect <<<'bad 0'
	[ "$(dlq ls -b "$HTA_BROKERS" -t "$letters" | jq .offset | tr -d '\n')" = 235 ]
	feed dlq retry -b "$HTA_BROKERS" -t "$letters"
	fails_with 1 dlq ls -b "$HTA_BROKERS" -t "$letters"
	[ "$(dlq ls -b "$HTA_BROKERS" -t "$letters" --again | wc -l)" = 6 ]
	[ "$(log_of "$source_topic" | sed -nE 's/.*hta.from=[^ ]*.0.([0-9]),hta.retries=1 bad \1/\1/p' | sort | tr -d '\n')" = 12345 ]
	# later letters are letters
	letter "$source_topic" 0 0 hta-parse again 2026-01-02T00:00:00Z 'bad 0'
	feed dlq show -b "$HTA_BROKERS" -t "$letters"
	expect <<<'bad 0'
	[ "$(committed hta-dlq "$letters" | awk '{print $2}' | tr '\n' ' ')" = '3 3 ' ]
}

@test "letters in a topic: a call that dies, wherever; two calls" {
	with_service kafka
	letters_of dies
	for point in dlq-inside dlq-sent; do
		HTA_CRASH=$point fails_with $([ $point = dlq-inside ] && echo 137 || echo 0) dlq retry -b "$HTA_BROKERS" -t "$letters" --reason 'reason 2'
	done
	spawn one hta-dlq retry -b "$HTA_BROKERS" -t "$letters"; one=$pid
	spawn two hta-dlq retry -b "$HTA_BROKERS" -t "$letters"; two=$pid
	wait_until 60 gone $one
	wait_until 60 gone $two
	feed dlq retry -b "$HTA_BROKERS" -t "$letters"
	[ "$(log_of "$source_topic" | grep -c hta.from)" = 6 ]
	[ "$(log_of "$source_topic" | grep hta.from | sort -u | wc -l)" = 6 ]
}

@test "letters in a topic: of two calls to standard output the later goes on, and its marks stay" {
	with_service kafka
	topic_new taken 1
	letters=$topic
	jq -nc 'range(3000) | "\(.)\("x" * 1000)"' | produce "$letters" -
	mkfifo slow
	spawn one bash -c 'exec hta-dlq retry -b "$1" -t "$2" --to - >slow' - "$HTA_BROKERS" "$letters"
	exec {fd}<slow
	# it prints, and waits for its reader
	read -r first <&$fd
	feed dlq retry -b "$HTA_BROKERS" -t "$letters" --to -
	{ echo "$first"; timeout 60 cat <&$fd; } >one
	exits_with 75 60
	grep -q 'another hta-dlq retry has taken over' one.err
	# the earlier one's last batch came twice, nothing else, and all came
	[ "$(sort -u one "$out" | wc -l)" = 3000 ]
	[ "$(sort one "$out" | uniq -d | wc -l)" = 200 ]
	fails_with 1 dlq ls -b "$HTA_BROKERS" -t "$letters"
}

@test "letters in a topic: marks are written anew by a call that has nothing to send" {
	with_service kafka
	letters_of renewed
	feed dlq retry -b "$HTA_BROKERS" -t "$letters"
	# marks of these letters: other groups write there as well, at any time
	written() { kcat -C -b "$HTA_BROKERS" -t __consumer_offsets -e -q -X isolation.level=read_uncommitted -f '%k\n' | grep -acF "$letters"; }
	before=$(written)
	[ "$before" -gt 0 ]
	fails_with 1 dlq ls -b "$HTA_BROKERS" -t "$letters"
	[ "$(written)" = "$before" ]
	feed dlq retry -b "$HTA_BROKERS" -t "$letters"
	[ "$(written)" -gt "$before" ]
	fails_with 1 dlq ls -b "$HTA_BROKERS" -t "$letters"
	# and of one that never had any
	letters_of fresh
	feed dlq retry -b "$HTA_BROKERS" -t "$letters" --reason none
	[ "$(dlq ls -b "$HTA_BROKERS" -t "$letters" | wc -l)" = 6 ]
	kadm -b "$HTA_BROKERS" trim "$letters" 0 2
	feed dlq retry -b "$HTA_BROKERS" -t "$letters" --reason none
	[ "$(dlq ls -b "$HTA_BROKERS" -t "$letters" | wc -l)" = 4 ]
}

@test "letters in a topic: records without headers, offsets that are not ours" {
	with_service kafka
	topic_new plain 1
	letters=$topic
	printf 'anything\n' | produce "$topic" -
	feed dlq ls -b "$HTA_BROKERS" -t "$letters" --format text
	[ "$(awk '{print $2, $NF}' "$out")" = '- anything' ]
	fails_with 64 dlq retry -b "$HTA_BROKERS" -t "$letters"
	says 'a letter does not say which topic it is from.*--to'
	kadm -b "$HTA_BROKERS" commit hta-dlq "$letters" 0 1
	fails_with 78 dlq ls -b "$HTA_BROKERS" -t "$letters"
	says 'that hta-dlq did not commit'
}

# ---- letters about one record

@test "two letters about one record: sent once, both marked" {
	with_service kafka
	use sqlite
	topic_new twins 1
	printf '%s\n' bad bad other | produce "$topic" - -p 0
	feed job_of_topic
	feed pipe "hta-consume -b $HTA_BROKERS -t $topic -g $topic.too -e | hta-window --metric too --dead-limit 100% | $sink --init | hta-commit"
	[ "$(dlq ls -d db | wc -l)" = 6 ]
	feed dlq retry -v -d db -b "$HTA_BROKERS"
	says '3 sent'
	says '3 more are about the same records, and marked with them'
	[ "$(log_of "$topic" | grep -c hta.from)" = 3 ]
	fails_with 1 dlq ls -d db
}

@test "letters that two sinks of one store have claimed: a record of a file is sent once" {
	use sqlite
	printf '%s\n' bad bad other >in
	feed pipe "hta-consume --job j in -e | $window | $sink --init | $sink --name two --table two --init | hta-commit"
	[ "$(dlq ls -d db | wc -l)" = 6 ]
	feed dlq retry -d db --to -
	cmp "$out" in
	fails_with 1 dlq ls -d db
}

# ---- how often a record was sent

# A letter says how often its record had been sent again, whoever finds it and wherever it is kept.
counted_again() {
	with_service kafka
	topic_new "often$1" 1
	from=$topic dead="--dead-limit 100%"
	retries() { kcat -P -b "$HTA_BROKERS" -t "$from" "$@"; }
	retries -H hta.retries=5 <<<'{"v":1,"ts":"never"}'
	retries <<<'{"v":2,"ts":"never"}'
	retries <<<fresh
	retries -H hta.retries=7 <<<seven
	retries -H hta.retries=1 -H hta.from=x/0/3 -H hta.retries=2 <<<two
	retries -H hta.retries=many <<<many
	retries <<<last
	retries -H hta.retries=4 <<<"$(jq -nc '"l" * 5000')"
	case $1 in
	topic)
		topic_new "often$1.dlq" 1
		at=(-b "$HTA_BROKERS" -t "$topic") to="| hta-sink-kafka -b $HTA_BROKERS -t $topic --dead"
		;;
	file) at=(dead) dead+=" --dead dead" to= ;;
	*)
		use "$1"
		at=(-d "$store") to="| $sink --init"
		;;
	esac
	feed pipe "hta-consume -b $HTA_BROKERS -t $from -g $from.job -e $dead --max-line 4k | hta-filter --where '.v' $dead | hta-window $dead $to | hta-commit"
	dlq ls "${at[@]}" | jq -c '[.stage, .offset, .retries]' | sort >"$out"
	expect <<-'END'
		["hta-consume",7,4]
		["hta-filter",2,0]
		["hta-filter",3,7]
		["hta-filter",4,2]
		["hta-filter",5,0]
		["hta-filter",6,0]
		["hta-window",0,5]
		["hta-window",1,0]
	END
}
@test "a letter says how often its record was sent: SQLite" { counted_again sqlite; }
@test "a letter says how often its record was sent: Postgres" { counted_again pg; }
@test "a letter says how often its record was sent: a topic" { counted_again topic; }
@test "a letter says how often its record was sent: --dead FILE" { counted_again file; }

# ---- letters that hta-sink-kafka has written

letters_json() { dlq ls -b "$HTA_BROKERS" -t "$letters" "$@" | jq -c '[.stage, .offset, .inexact // false, .record]' | sort; }

@test "from poison to counted, all in topics: found by three stages, mended, sent again, not taken for duplicates" {
	with_service kafka
	use sqlite
	for name in clean letters poison; do
		topic_new "$name" 1
		printf -v $name %s "$topic"
	done
	{
		printf '{"ts":"2026-01-01T00:00:0%dZ","id":"%s","v":%s}\n' 1 a 1 2 a 1 3 b '"x"' 4 '' 4
		printf '%s\n' 'no json' '{"ts":"never","id":"d","v":6}' '{"ts":"2026-01-01T00:00:07Z","id":"e","v":7}'
	} | produce "$poison" - -p 0
	echo '{"properties":{"v":{"type":"number"}}}' >schema.json
	job() { pipe "hta-consume -b $HTA_BROKERS -t $poison -g $poison.job -e | hta-filter --where '.id != \"\"' --dead-limit 100% |
		hta-validate --schema schema.json --dead-limit 100% | hta-dedup --key id --state keys | hta-window --value v --dead-limit 100% |
		hta-sink-kafka -b $HTA_BROKERS -t $clean --dead-topic $letters | $sink --init | hta-commit"; }
	feed job
	letters_json >"$out"
	expect <<-'END'
		["hta-filter",4,false,"no json"]
		["hta-validate",2,false,"{\"ts\":\"2026-01-01T00:00:03Z\",\"id\":\"b\",\"v\":\"x\"}"]
		["hta-window",5,false,"{\"ts\":\"never\",\"id\":\"d\",\"v\":6}"]
	END
	feed dlq retry -b "$HTA_BROKERS" -t "$letters" --stage filter --to -
	feed dlq retry -b "$HTA_BROKERS" -t "$letters" --through 'jq -c ".v = 10 | .ts = \"2026-01-01T00:00:09Z\""'
	[ "$(log_of "$poison" | grep -c 'hta.from=.*,hta.retries=1 ')" = 2 ]
	fails_with 1 dlq ls -b "$HTA_BROKERS" -t "$letters"
	feed job
	# a once, e, and the two; d has a place among the keys, and is no duplicate of itself
	[ "$(hta-query -d db latest events | jq -c '[.count, .sum]')" = '[4,28]' ]
	# they die again from where they first stood
	feed dlq retry -b "$HTA_BROKERS" -t "$letters" --again --reason '/never|RFC|time/'
	settled "$poison"
	feed job
	[ "$(dlq ls -b "$HTA_BROKERS" -t "$letters" | jq .retries)" = 1 ]
	[ "$(dlq ls -b "$HTA_BROKERS" -t "$letters" | jq -c .stage)" = '"hta-window"' ]
	feed dlq retry -b "$HTA_BROKERS" -t "$letters"
	[ "$(log_of "$poison" | tail -n 1 | sed -E 's/.*(hta.from=[^ ]*).*/\1/')" = "hta.from=$poison/0/5,hta.retries=2" ]
}

@test "letters below a filter that leaves out say that their offset is inexact, and are not fetched by it" {
	with_service kafka
	for kind in sqlite topic; do
		use sqlite
		rm -f db
		topic_new "inexact.$kind" 1
		from=$topic
		{ printf '{"drop":true}\n%.0s' 1 2 3; echo 'bad 3'; jq -nc '"y" * 70000'; echo '{"ts":"2026-01-01T00:00:01Z","v":1}'; } | produce "$from" - -p 0
		topic_new "inexact.$kind.dlq" 1
		if [ $kind = topic ]; then at=(-t "$topic"); sink="hta-sink-kafka -b $HTA_BROKERS -t $topic --dead | hta-sink-sqlite db"; else at=(-d db); fi
		feed pipe "hta-consume -b $HTA_BROKERS -t $from -g $from.job -e | grep --line-buffered -v drop | hta-window --foreign --dead-limit 100% | $sink --init | hta-commit"
		feed dlq ls "${at[@]}" -b "$HTA_BROKERS"
		[ "$(jq -c .inexact "$out" | tr '\n' ' ')" = 'true true ' ]
		# the whole one can be sent, of the cut one no place is known
		fails_with 1 dlq retry "${at[@]}" -b "$HTA_BROKERS"
		says '1 sent, 1 not: 0 in doubt, 1 cut and gone'
		log_of "$from" | tail -n 1 | grep -q '^0  hta.retries=1 bad 3$'
	done
}
