# Events: records that hta-sink-pg and hta-sink-sqlite store as they come, and hta-query events.
load ../helpers

# Each test runs for one store: $sink is its program with its place, $store what -d takes, $ask runs SQL there.
use() { # pg|sqlite
	cd "$BATS_TEST_TMPDIR"
	kind=$1
	if [ "$kind" = pg ]; then
		with_service pg
		psql -Xqc 'drop table if exists hta_rollups, hta_events, t, u, v, other, hta_job, hta_pos, hta_metric, hta_dead, hta_schema cascade' 2>/dev/null
		sink=hta-sink-pg
		store=dbname=$PGDATABASE
	else
		sink="hta-sink-sqlite db"
		store=db
	fi
}

ask() {
	if [ "$kind" = pg ]; then PGTZ=UTC psql -XAtqc "$1"; else sqlite3 db "$1"; fi
}

query() { feed hta-query -d "$store" events "$@"; }

# The numbers n of the records, in order, of a query.
order() { jq -r .n "$out" | paste -sd ' '; }

a_job() { # FILE [FILTER]
	pipe "hta-consume --job j $1 ${2:+| $2} | $sink --events --init | hta-window --metric m | $sink --init | hta-commit"
}

some_events() {
	cat <<-'END'
		{"n":1,"ts":"2026-01-01T00:00:01Z","event_type":"click","user_id":"ann","source":"web","event_id":"a"}
		{"n":2,"ts":"2026-01-01T00:00:03.25Z","event_type":"click","user_id":"bob","source":"app","event_id":"b"}
		{"n":3,"ts":"2026-01-01T00:00:03Z","event_type":"view","user_id":"ann","source":"web","event_id":"c"}
		{"n":4,"event_type":"view","user_id":"bob","event_id":"d"}
		{"n":5,"ts":"2026-01-01T00:00:03Z","event_type":"view","user_id":"bob","source":"web","event_id":"e"}
	END
}

as_they_came() {
	use "$1"
	hta-gen --count 2000 --late-prob 0.2 >f
	echo '{ "n" : 1.50, "n":2, "event_type":"a\u0000b", "user_id":7, "event_id":"\ud800", "source":["x"], "ts":5 }' >>f
	feed a_job f
	[ "$(ask 'select count(*), count(distinct record_offset) from hta_events')" = '2001|2001' ]
	query
	LC_ALL=C sort "$out" | cmp - <(LC_ALL=C sort f)
	[ "$(ask 'select count(*) from hta_events where event_type is null and user_id is null and event_id is null and source is null and ts is null')" = 1 ]
	[ "$(ask 'select sum(count) from hta_rollups')" = 2000 ]
	query --meta
	at_their_places f
	# again, from where it stands: nothing twice; new ones are added
	hta-gen --count 10 --seed 7 >>f
	feed a_job f
	[ "$(ask 'select count(*), count(distinct record_offset) from hta_events')" = '2011|2011' ]
	[ "$(ask 'select sum(count) from hta_rollups')" = 2010 ]
	# from the beginning, into the table as it is: the same events
	feed $sink --events --reset j
	says_out 'events stay'
	feed $sink --reset j
	feed a_job f
	[ "$(ask 'select count(*), count(distinct record_offset) from hta_events')" = '2011|2011' ]
}

# What --meta says of each is where it stands in the file.
at_their_places() { # FILE
	python3 - "$1" "$out" <<-'END'
		import re, sys
		lines, at = {}, 0
		for line in open(sys.argv[1], "rb"):
		    lines[at], at = line, at + len(line)
		events = {int(re.search(rb'"offset":(\d+)', e)[1]): e.split(b',"record":')[1] for e in open(sys.argv[2], "rb")}
		assert events == {o: l[:-1] + b"}\n" for o, l in lines.items()}
	END
}

says_out() { grep -qE "$1" "$out"; }
@test "pg: each event as it came, once, beside rows" { as_they_came pg; }
@test "sqlite: each event as it came, once, beside rows" { as_they_came sqlite; }

pages() {
	use "$1"
	some_events >f
	feed pipe "hta-consume --job j f | $sink --events --init | hta-commit"
	query
	[ "$(order)" = '2 5 3 1 4' ]
	query --limit 2
	[ "$(order)" = '2 5' ]
	query --user bob
	[ "$(order)" = '2 5 4' ]
	query --type view --source web
	[ "$(order)" = '5 3' ]
	query --since 2026-01-01T00:00:03Z
	[ "$(order)" = '2 5 3' ]
	query --since 2026-01-01T00:00:01Z --until 2026-01-01T00:00:03.25Z -n 2
	[ "$(order)" = '5 3' ]
	fails_with 1 hta-query -d "$store" events --topic other
	query --topic "$(ask 'select topic from hta_events limit 1')"
	[ "$(order)" = '2 5 3 1 4' ]
	local after=() all=
	for _ in 1 2 3 4 5; do
		query --limit 1 --meta "${after[@]}"
		all+=$(jq .record.n "$out")
		after=(--after "$(jq -r .cursor "$out")")
	done
	[ "$all" = 25314 ]
	fails_with 1 hta-query -d "$store" events "${after[@]}"
	fails_with 64 hta-query -d "$store" events --after 7
	fails_with 64 hta-query -d "$store" metrics --user ann
}
@test "pg: newest first, filters, pages" { pages pg; }
@test "sqlite: newest first, filters, pages" { pages sqlite; }

keys() {
	use "$1"
	cat >f <<-'END'
		{"n":1,"topic":"a","event_id":"1"}
		{"n":2,"topic":"a","event_id":1}
		{"n":3,"topic":"b","event_id":"1"}
		{"n":4,"topic":"a","event_id":1.0}
		{"n":5,"topic":"a","event_id":"\u0031"}
	END
	feed $sink --events --key topic,event_id --init <f
	[ ! -s "$out" ]
	query
	[ "$(order | tr ' ' '\n' | sort | paste -sd ' ')" = '1 2 3' ]
	query --topic b --meta
	[ "$(jq -c '[.topic, .partition, .offset, .event_id]' "$out")" = '["b",null,null,"1"]' ]
	feed $sink --events --key topic,event_id -n <<<'{"n":9,"topic":"a","event_id":"1"}'
	expect <<-'END'
		new 0, equal 0, different 1
	END
	feed $sink --events --key topic,event_id -n <f
	expect <<-'END'
		new 0, equal 3, different 2
	END
	feed $sink --events --key topic,event_id --pass <<<'{"n":9,"topic":"a","event_id":"1"}'
	[ "$(jq .n "$out")" = 9 ]
	[ "$(ask 'select count(*) from hta_events')" = 3 ]
	feed $sink --events --key topic,event_id --replace <<<$'{"n":8,"topic":"a","event_id":"1"}\n{"n":9,"topic":"a","event_id":"1"}'
	query --topic a
	[ "$(order | tr ' ' '\n' | sort | paste -sd ' ')" = '2 9' ]
	# all pages, where nothing but the key tells events apart
	hta-gen --count 50 --step 0s | feed $sink --events --key event_id --table other --init
	local after=() all=0
	while hta-query -d "$store" events --table other --limit 7 --meta "${after[@]}" >page; do
		cat page >>pages
		after=(--after "$(tail -n 1 page | jq -r .cursor)")
	done
	[ "$(jq -r .event_id pages | sort -u | wc -l)" = 50 ]
	[ "$(wc -l <pages)" = 50 ]
}
@test "pg: events known by members of theirs" { keys pg; }
@test "sqlite: events known by members of theirs" { keys sqlite; }

bad_lines() {
	use "$1"
	{
		some_events
		echo '{"n":6,'
		echo '[1]'
		echo
		echo '{"n":7,"event_id":null}'
		echo '{"n":8,"ts":"2026-01-01T00:00:09Z","event_id":"z"}'
	} >f
	fails_with 65 $sink --events --key event_id --init --pass <f
	says 'standard input:6: '
	says 'event_id is null: it is part of the key'
	says '3 lines were bad; the others are stored'
	[ "$(order)" = '1 2 3 4 5 8' ]
	[ "$(ask 'select count(*) from hta_events')" = 6 ]
	feed pipe "hta-consume --job j f | $sink --events --table t --init --name first | $sink --events --table u --init --name second | hta-commit"
	[ "$(ask 'select count(*) from t')" = 7 ]
	[ "$(ask "select count(*), count(distinct record_offset) from hta_dead where sink = 'first' and stage = '${sink%% *}'")" = '2|2' ]
	[ "$(ask "select count(*) from hta_dead where sink = 'second'")" = 0 ]
	# those behind a line that was left out stand where they stood
	[ "$(ask 'select count(*) from t join u on t.record_offset = u.record_offset and t.record = u.record')" = 7 ]
}
@test "pg: bad lines" { bad_lines pg; }
@test "sqlite: bad lines" { bad_lines sqlite; }

places() {
	use "$1"
	some_events >f
	# what a filter lets through keeps its place
	feed pipe "hta-consume --job j f | $sink --events --init | hta-filter 'select(.n % 2 == 1)' | hta-filter --where '.n > 1' | $sink --events --table t --key n --init | hta-commit"
	[ "$(ask 'select count(*) from t')" = 2 ]
	feed pipe "hta-consume --job k f | hta-filter --where '.n != 2 and .n != 4' --dead drop | $sink --events --table u --init | hta-commit"
	[ "$(ask 'select count(*) from u')" = 3 ]
	[ "$(ask 'select count(*) from u join hta_events e on u.record_offset = e.record_offset and u.record = e.record')" = 3 ]
	fails_with 64 pipe "hta-consume --job l f | hta-filter . | $sink --events --init | hta-commit"
	says 'hta-filter above may make several records of one.*--key'
	fails_with 64 pipe "hta-consume --job l f | jq -c --unbuffered . | $sink --events --init --foreign | hta-commit"
	says 'an offset of their own.*--key'
	feed pipe "hta-consume --job m f | jq -c --unbuffered 'if has(\"\$hta\") then . else .topic = \"x\" end' | $sink --events --table v --key topic,n --init --foreign | hta-commit"
	[ "$(ask "select count(*) from v where topic = 'x'")" = 5 ]
}
@test "pg: where filters stand above" { places pg; }
@test "sqlite: where filters stand above" { places sqlite; }

refusals() {
	use "$1"
	some_events >f
	fails_with 78 $sink --events </dev/null
	says "hta-sink-$1 --events --init"
	fails_with 78 hta-query -d "$store" events
	feed $sink --events --init </dev/null
	fails_with 64 $sink --events <f
	says '--key topic,event_id'
	fails_with 78 $sink --events --key n <f
	says 'knows events by topic, partition and offset'
	fails_with 64 $sink --events --table hta_rollups </dev/null
	fails_with 64 $sink --table hta_events </dev/null
	fails_with 64 $sink --events --topic-path a </dev/null
	fails_with 64 $sink --events --key ,n </dev/null
	fails_with 64 $sink --events --key n,n </dev/null
	feed $sink --init </dev/null
	fails_with 64 pipe "hta-consume --job j f | hta-window --metric m | $sink --events | hta-commit"
	says 'hta-window stands above.*--events'
	fails_with 64 pipe "hta-consume --job j f | $sink | hta-commit"
	says 'or --events'
	fails_with 64 pipe "hta-consume --job j f | $sink --events --pass | hta-commit"
}
@test "pg: what is refused" { refusals pg; }
@test "sqlite: what is refused" { refusals sqlite; }

times() {
	use "$1"
	printf '{"n":%s,"at":{"t":%s}}\n' 1 1767225600000 2 '"1767225601500"' 3 '"x"' >f
	feed $sink --events --key n --time at.t --time-unit ms --init <f
	query --meta
	[ "$(jq -c '[.record.n, .ts]' "$out" | paste -sd ' ')" = '[2,"2026-01-01T00:00:01.500Z"] [1,"2026-01-01T00:00:00Z"] [3,null]' ]
	hta-query -d "$store" events --format table >table
	grep -q '^ts .*event_type .*record' table
}
@test "pg: times that are numbers, and a table" { times pg; }
@test "sqlite: times that are numbers, and a table" { times sqlite; }

@test "sqlite: large pages where the file is made for events; an older one keeps its own" {
	use sqlite
	hta-gen --count 3000 >f
	feed $sink --events --key event_id --init <f
	[ "$(ask 'pragma page_size')" = 16384 ]
	rm db*
	feed $sink --init </dev/null
	feed $sink --events --key event_id --init <f
	[ "$(ask 'pragma page_size; select count(*) from hta_events; pragma integrity_check' | paste -sd ' ')" = '4096 3000 ok' ]
	# a wrong one undoes its batch
	ask "drop table hta_events"
	feed $sink --events --key event_id --init </dev/null
	ask "create trigger no_login before insert on hta_events when new.record like '%login/7%' begin select raise(abort, 'no login'); end"
	fails_with 65 $sink --events --key event_id <f
	says 'no login'
	[ "$(ask 'select count(*) from hta_events')" = 0 ]
}

# What the table of events was told to take, one word a statement.
watch_statements() {
	psql -Xqc "drop table if exists said; create table said (n int generated always as identity, word text)" \
		-c "create or replace function say() returns trigger language plpgsql as \$\$ begin insert into said (word) values (split_part(current_query(), ' ', 1)); return null; end \$\$" \
		-c "create trigger say before insert on hta_events for each statement execute function say()"
}
said() { ask "select coalesce(string_agg(word, ' ' order by n), '') from said"; }

@test "pg: many new events go by COPY, others by INSERT, to the same end" {
	use pg
	hta-gen --count 2000 >f
	hta-gen --count 1000 --seed 7 >fresh
	jq -c '.n = 1' f >changed
	feed $sink --events --init --key event_id </dev/null
	watch_statements
	# equal keys in one batch are no reason against it; a few events are
	feed $sink --events --key event_id < <(cat f f)
	feed $sink --events --key event_id < <(head -n 20 f)
	[ "$(said)" = 'COPY INSERT' ]
	feed $sink --events --key event_id < <(cat fresh f changed)
	[ "$(said)" = 'COPY INSERT INSERT' ]
	[ "$(ask "select count(*), count(*) filter (where record like '%\"n\":1}') from hta_events")" = '3000|0' ]
	feed $sink --events --key event_id --replace <changed
	[ "$(ask "select count(*) filter (where record like '%\"n\":1}') from hta_events")" = 2000 ]
}

@test "pg: an epoch by COPY, where another job has stored some of it, or the table takes none" {
	use pg
	hta-gen --count 2000 >f
	head -n 700 f >log
	feed $sink --events --init </dev/null
	watch_statements
	feed pipe "hta-consume --job i log | $sink --events --name a | hta-commit"
	[ "$(said)" = COPY ]
	tail -n +701 f >>log
	feed pipe "hta-consume --job j log | $sink --events --name b | hta-commit"
	[ "$(said)" = 'COPY INSERT' ]
	[ "$(ask 'select count(*), count(distinct record_offset) from hta_events')" = '2000|2000' ]
	psql -Xqc 'delete from hta_events' -c "alter table hta_events add constraint no_login check (record not like '%login/7%')"
	fails_with 65 pipe "hta-consume --job k log | $sink --events --name c | hta-commit"
	says 'violates check constraint "no_login"'
	[ "$(ask 'select count(*) from hta_events')" = 0 ]
}

reader_counts() { # N
	echo 'select count(*) from hta_events;' >&9
	wait_until 60 grep -qx "$1" reader.out
}

@test "sqlite: a thread brings the log into the file between epochs, with a reader beside it" {
	use sqlite
	hta-gen --count 60000 >f
	feed $sink --events --init </dev/null
	mkfifo ask
	exec 9<>ask # where someone else has the file open its log stays as long as it has become
	spawn reader sqlite3 db <ask
	reader_counts 0
	feed pipe "hta-consume --job j --epoch-records 5000 f | $sink --events | hta-commit"
	reader_counts 60000
	[ "$(stat -c %s db)" -gt $((24 << 20)) ]
	[ "$(stat -c %s db-wal)" -lt $((24 << 20)) ]
	[ "$(ask 'pragma integrity_check')" = ok ]
	echo .quit >&9
	exits_with 0 60
}
