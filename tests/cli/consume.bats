# hta-consume over files: plain streams, and jobs with real stages behind them.
load ../helpers

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	db=$BATS_TEST_TMPDIR/store.db
	once make_events
	events=$BATS_FILE_TMPDIR/events
}

# 3,000 lines with a number each, a second apart.
make_events() {
	awk 'BEGIN { for (i = 0; i < 3000; i++) printf "{\"ts\":\"2026-01-01T%02d:%02d:%02dZ\",\"i\":%d}\n", i / 3600, i / 60 % 60, i % 60, i }' >"$BATS_FILE_TMPDIR/events"
}

# A job over files with one sink: job [OPTION...] FILE...
job() { pipe "hta-consume --job j $(printf '%q ' "$@") | hta-window --value i | hta-sink-sqlite --init '$db' | hta-commit"; }
job2() { pipe "hta-consume --job j $(printf '%q ' "$@") | hta-window --value i | hta-sink-sqlite --name a --init '$db' | hta-sink-sqlite --name b --init '$db.2' | hta-commit"; }

sql() { sqlite3 "$db" "$@"; }
sum_of() { sqlite3 "${1:-$db}" "select coalesce(sum(count), 0), coalesce(sum(cast(sum as int)), 0) from hta_rollups"; }
# All lines of the events, each once.
all_of() { [ "$(sum_of "$@")" = "$(jq -s '"\(length)|\(map(.i) | add)"' -r "$events")" ]; }

# ---- plain

@test "plain: the bytes of a file, whatever it is packed in" {
	gzip -c "$events" >e.gz && zstd -q "$events" -o e.zst
	head -c 1000 "$events" | gzip >two.gz && tail -c +1001 "$events" | gzip >>two.gz
	for f in "$events" e.gz e.zst two.gz; do
		feed hta-consume "$f"
		cmp "$out" "$events"
	done
}

@test "plain: compression is known by the first bytes, from wherever they come" {
	gzip -c "$events" >log.gz.1 && zstd -qc "$events" >log
	cp "$events" text.gz
	for f in log.gz.1 log text.gz; do
		feed hta-consume "$f"
		cmp "$out" "$events"
		hta-consume - <"$f" | cmp - "$events"
		cat "$f" | hta-consume - | cmp - "$events"
		feed hta-consume <(cat "$f")
		cmp "$out" "$events"
	done
	# in pieces; lines go out as soon as they can be had
	mkfifo slow
	head -n 10 "$events" >ten
	spawn copy hta-consume slow
	{
		gzip -c ten | head -c 1
		wait_until 60 test -e copy.out
		gzip -c ten | tail -c +2
		wait_until 60 cmp ten copy.out
		tail -n +11 "$events" | gzip
	} >slow
	exits_with 0 60
	cmp copy.out "$events"
}

@test "plain: several members, zeros behind them, frames to be skipped" {
	head -c 1000 "$events" | gzip >f && printf '\0\0' >>f && tail -c +1001 "$events" | gzip >>f && head -c 10240 /dev/zero >>f
	feed hta-consume f
	cmp "$out" "$events"
	{ printf '\x53\x2a\x4d\x18\4\0\0\0text'; head -c 1000 "$events" | zstd -qc; printf '\x50\x2a\x4d\x18\0\0\0\0'; tail -c +1001 "$events" | zstd -qc; } >f
	feed hta-consume f
	cmp "$out" "$events"
}

@test "plain: standard input from a pipe and from a file" {
	cat "$events" | hta-consume - | cmp - "$events"
	hta-consume - <"$events" | cmp - "$events"
	hta-consume "$events" - "$events" <"$events" | cmp - <(cat "$events" "$events" "$events")
}

@test "plain: a last line without newline counts, and the next file begins a line" {
	printf 'a\nb' >one
	printf 'c\n' >two
	feed hta-consume one two
	expect <<-'END'
		a
		b
		c
	END
}

@test "plain: a number of lines" {
	feed hta-consume -c 7 "$events"
	cmp "$out" <(head -n 7 "$events")
	feed hta-consume --until 3001 "$events" "$events"
	cmp "$out" <(cat "$events" "$events" | head -n 3001)
}

@test "plain: a first line like a hello is no hello, others are data" {
	printf '%s\n' '{"$hta":"hello","v":1}' '{"$hta":"hello","v":1}' >f
	feed hta-consume f
	expect <<-'END'
		 {"$hta":"hello","v":1}
		{"$hta":"hello","v":1}
	END
}

@test "plain: an over-long line is told and left out, with --dead kept or dropped" {
	{ echo a; head -c 3000000 /dev/zero | tr '\0' x; echo; echo b; } >f
	fails_with 65 hta-consume f
	says 'f:2: line of 3000000 bytes'
	expect <<-'END'
		a
		b
	END
	feed hta-consume --dead drop f
	feed hta-consume --dead d f
	[ "$(jq -c '[.file, .line, .size, (.record | length)]' d)" = '["f",2,3000000,65536]' ]
	feed hta-consume --max-line 4MiB f
	cmp "$out" f
}

# A gzip file whose last part is damaged: all of the events but those are to be had of it.
make_damaged() { # FILE
	gzip -c "$events" >"$1"
	local middle=$(($(wc -c <"$1") * 2 / 3))
	{ head -c $middle "$1"; printf '\377\377\377\377\377\377\377\377'; tail -c +$((middle + 9)) "$1"; } >"$1.tmp"
	mv "$1.tmp" "$1"
}

@test "plain: what is good of a damaged file goes out, and so do the others" {
	gzip -c "$events" | head -c 6000 >cut
	fails_with 65 hta-consume cut "$events"
	says '^hta-consume: cut: gzip data are damaged at byte 6000, behind [1-9][0-9]+ bytes of text: they end in the middle$'
	local n
	n=$(($(wc -l <"$out") - 3000))
	[ $n -gt 500 ]
	cmp "$out" <(head -n $n "$events"; cat "$events")
	make_damaged bad
	fails_with 65 hta-consume bad cut - <"$events"
	says '^hta-consume: bad: gzip data are damaged at byte [0-9]+, behind [1-9][0-9]+ bytes of text: '
	says '^hta-consume: cut: gzip data'
	cmp <(tail -n 3000 "$out") "$events"
	fails_with 65 hta-consume - <cut
	says 'standard input: gzip data are damaged'
	cmp "$out" <(head -n $n "$events")
	gzip -c "$events" >behind && printf x >>behind
	fails_with 65 hta-consume behind
	cmp "$out" "$events"
}

@test "plain: a format or a window that is not read is named with the command that does" {
	xz -c "$events" >e.xz && bzip2 -c "$events" >e.old
	fails_with 65 hta-consume e.xz "$events" e.old
	says 'e.xz: is in the format of xz, which is not read here: xz -dc e.xz \| hta-consume$'
	says 'e.old: is in the format of bzip2, which is not read here: bzip2 -dc e.old \| hta-consume$'
	cmp "$out" "$events"
	fails_with 65 pipe 'cat e.xz | hta-consume -'
	says 'standard input: is in the format of xz, which is not read here: xz -dc \| hta-consume$'
	printf '\x28\xb5\x2f\xfd\0\xa8\x21\0\0text' >long
	[ "$(zstd -dc --long=31 <long)" = text ]
	fails_with 65 hta-consume long
	says 'long: has a zstd window of more than 128 MiB, which is not read here: zstd -dc --long=31 long \| hta-consume$'
}

@test "plain: a file that is not there, not allowed or a folder is 78" {
	fails_with 78 hta-consume nothing
	fails_with 78 hta-consume .
	fails_with 78 hta-consume "$events/x"
}

# Cuts a file of 27 MB in the middle of being read, and writes into it from standard input.
cut_below() { # NAME COMMAND...
	once make_many
	cp "$BATS_FILE_TMPDIR/many" many
	rm -f hold go
	mkfifo hold
	spawn "$1" bash -c "set -o pipefail; ${*:2} | (dd bs=1 count=100000 status=none; >go; cat hold; cat)"
	wait_until 60 test -e go
	cat >many
	: >hold
}

@test "plain: a file that is cut or written anew below its reader is 74" {
	cut_below copy hta-consume many </dev/null
	exits_with 74 60
	grep -q '^hta-consume: many: was cut off while it was read, from [0-9]* bytes to 0$' copy.err
	cut_below copy hta-consume many < <(cat "$BATS_FILE_TMPDIR/many" "$events" | sed 's/2026/2025/')
	exits_with 74 60
	grep -q '^hta-consume: many: was written anew while it was read: its first [0-9]* bytes are not the same$' copy.err
	cut_below copy "hta-consume - <many" </dev/null
	exits_with 74 60
	# one that only grows is read to where it ended
	once make_many
	cp "$BATS_FILE_TMPDIR/many" many
	rm hold
	mkfifo hold
	spawn copy bash -c "set -o pipefail; hta-consume many | (dd bs=1 count=100000 status=none; >gone; cat hold; cat) | cmp - '$BATS_FILE_TMPDIR/many'"
	wait_until 60 test -e gone
	cat "$events" >>many
	: >hold
	exits_with 0 60
}

@test "plain: a full disk is 74, a reader that leaves is silent" {
	fails_with 74 bash -c "exec hta-consume '$events' '$events' >/dev/full"
	for _ in $(seq 50); do cat "$events"; done >f
	run -0 bash -c "hta-consume f | head -n 1; [ \${PIPESTATUS[0]} = 141 ]"
	[ "${#lines[@]}" = 1 ]
}

@test "usage: what does not go together is 64 before anything is read" {
	fails_with 64 hta-consume
	fails_with 64 hta-consume -t topic
	says '-b BROKERS is missing'
	fails_with 64 hta-consume -b x:1 "$events"
	fails_with 64 hta-consume -g g "$events"
	says -- '--job g'
	fails_with 64 hta-consume --from -1h "$events"
	fails_with 64 hta-consume --on-gap skip "$events"
	fails_with 64 hta-consume --dry-run "$events"
	fails_with 64 hta-consume --job j -
	says 'cannot be read again'
	fails_with 64 hta-consume --job 'a"b' "$events"
	fails_with 64 hta-consume -t a -t b "$events"
	fails_with 64 hta-consume --job j --ack relative "$events"
	fails_with 64 hta-consume --job j --bootstrap x "$events"
	fails_with 64 hta-consume -e -c 5 "$events"
	fails_with 64 hta-consume --until never "$events"
}

@test "usage: an option's name is said once" {
	local try
	while read -r try; do
		fails_with 64 $try "$events"
		says "^hta-[a-z-]*: --?[a-zA-Z-]+: "
		not grep -qE '^hta-[a-z-]*: (--?[a-zA-Z-]+): \1[ :]' <<<"$stderr" || { echo "$try: $stderr"; return 1; }
	done <<-'END'
		hta-consume --from foo
		hta-consume --until foo
		hta-consume -X foo
		hta-consume --bootstrap foo
		hta-consume --bootstrap a=now --bootstrap b=now
		hta-consume --on-gap foo
		hta-consume --epoch foo
		hta-sink-redis --ttl 0s
		hta-query --dim foo
		hta-query --by a,,b
		hta-window --every foo
		hta-window --by a..b
		hta-gen --count foo
	END
	fails_with 64 hta-consume -g '' "$events"
	says '^hta-consume: -g: the value is empty '
}

@test "usage: what is no topic is 64, before anybody is asked" {
	for topic in 'a b' '^t.*' 't.*' a/b 'ä' . .. a, ,a a,,b "$(printf 'x%.0s' {1..250})" ''; do
		fails_with 64 hta-consume -b 127.0.0.1:1 -t "$topic" -e
		not says 'trying again'
		fails_with 64 hta-consume -b 127.0.0.1:1 -t good -t "$topic" -g g
	done
	fails_with 64 hta-consume -b 127.0.0.1:1 -t '^t.*' -e
	says 'patterns are not supported: name each topic'
	fails_with 64 hta-consume -b 127.0.0.1:1 -t 'a,b c' -e
	says '"b c" is no topic: a name has letters'
}

@test "usage: what is no list of brokers is 64, before anybody is asked" {
	for brokers in '' , h: h:x h:0 h:99999 h:1:x :9092 'a b:1' u@h:1 h:1/x [::1 kafka://h:1 http://h SSL://h:1; do
		fails_with 64 hta-consume -b "$brokers" -t t -e
		not says 'trying again'
		fails_with 64 hta-consume -X "bootstrap.servers=$brokers" -t t -g g
	done
	fails_with 64 hta-consume -b a:1,h:x -t t -e
	says 'broker "h:x": "x" is no port'
	fails_with 64 hta-consume -b kafka://h:1 -t t -e
	says 'no protocol "kafka": say HOST:PORT'
	fails_with 64 hta-consume -b SSL://h:1 -t t -e
	says 'security.protocol, plaintext.*-X security.protocol=SSL'
	fails_with 64 hta-consume -b h:1 -t t -g ''
	fails_with 64 hta-consume -b h:1 -t t -g "$(printf 'x%.0s' {1..256})"
	fails_with 64 hta-consume -b h:1 -t t -X fetch.min.bytes=many -e
	fails_with 64 hta-consume -b h:1 -t t -X no.such.thing=1 -e
}

@test "a job whose output is a terminal: hta-commit is missing" {
	fails_with 64 script -qec "hta-consume --job j '$events'" /dev/null
	grep -q 'hta-commit. is missing' "$out"
}

# ---- jobs

@test "job: each line once, then nothing new, then what was added" {
	head -n 1000 "$events" >f
	feed job f
	[ "$(sum_of)" = "1000|499500" ]
	feed job -v f
	says 'job j: nothing new'
	[ "$(sum_of)" = "1000|499500" ]
	tail -n +1001 "$events" >>f
	feed job f
	all_of
	[ "$(sql 'select next = (select max(next) from hta_pos) and idle from hta_pos')" = 1 ]
}

@test "job: rotation and compression keep a file's place" {
	head -n 1000 "$events" >log
	feed job log
	tail -n +1001 "$events" | head -n 1000 >>log
	mv log log.1 && gzip log.1
	tail -n +2001 "$events" >log
	feed job log.1.gz log
	all_of
	[ "$(sql 'select count(*) from hta_pos')" = 2 ]
	zstd -q log && mv log.zst log.2.zst
	feed job log.2.zst log.1.gz
	all_of
}

@test "job: two files of one identity need names, and a name is kept" {
	cp "$events" a && cp a b
	fails_with 64 job a b
	says 'a and b look like one file \(file:4096:[0-9a-f]{16}\)'
	feed job -t first a -t second b
	[ "$(sum_of)" = "6000|8997000" ]
	[ "$(sql 'select topic from hta_pos order by 1')" = $'first\nsecond' ]
	feed job -t first a
	[ "$(sum_of)" = "6000|8997000" ]
}

@test "job: what is good of a damaged file is stored, so are the others, and the next run goes on there" {
	local lines
	gzip -c "$events" | head -c 6000 >log.gz.1
	sed 's/2026/2025/' "$events" >other
	xz -c other >other.xz
	fails_with 65 job log.gz.1 other.xz other
	says '^hta-consume: log.gz.1: gzip data are damaged at byte 6000, behind [1-9][0-9]+ bytes of text: they end in the middle$'
	says '^hta-consume: other.xz: is in the format of xz, which is not read here: xz -dc other.xz >FILE, then give that one$'
	lines=$(($(sql 'select sum(count) from hta_rollups') - 3000))
	[ $lines -gt 500 ]
	[ "$(sql "select count(*) from hta_rollups where window_start like '2025%'")" = 50 ]
	[ "$(sum_of)" = "$((lines + 3000))|$((lines * (lines - 1) / 2 + 4498500))" ]
	[ "$(sql 'select min(next) from hta_pos')" = "$(head -n $lines "$events" | wc -c)" ]
	[ "$(sql 'select count(*) from hta_dead')" = 0 ]
	# nothing new, and told again
	fails_with 65 job other log.gz.1
	[ "$(sum_of)" = "$((lines + 3000))|$((lines * (lines - 1) / 2 + 4498500))" ]
	# the rest has come
	gzip -c "$events" >log.gz.1
	feed job log.gz.1 other
	[ "$(sum_of)" = "6000|8997000" ]
	# nothing can be read of it
	{ gzip -c "$events" | head -c 12; echo xxxxxxxx; } >none
	fails_with 65 job none other
	says '^hta-consume: none: gzip data are damaged'
	fails_with 65 job --dry-run none other
}

@test "job: damage behind the text, and damage before the position" {
	gzip -c "$events" >log.gz
	printf 'x' >>log.gz
	fails_with 65 job log.gz
	all_of
	make_damaged log.gz
	fails_with 65 job log.gz
	says 'log.gz: gzip data are damaged'
	all_of
	cp "$events" log.gz
	feed job log.gz
	all_of
}

# ---- files that change below their reader

# Somebody else holds the store's lock until the fifo "unlock" is written to.
lock_store() {
	local job=$pid
	rm -f unlock locked
	mkfifo unlock
	# not locked where an epoch is just being stored, unless it waits for that
	spawn lock bash -c "{ echo '.timeout 20000'; echo 'begin immediate;'; echo '.shell touch locked'; cat unlock; echo 'rollback;'; } | sqlite3 -bail '$db'"
	wait_until 60 test -e locked
	pid=$job
}

# A log of 1.7 MB, whose job stands still at the locked store when a few epochs of it are stored.
stalled_at_store() { # MARK
	rm -f "$db"* log log.1 hold stalled
	mkfifo hold
	for i in $(seq 12); do sed "s/}$/,\"n\":\"$1$i\"}/" "$events"; done >log
	spawn job bash -c "set -o pipefail; hta-consume --job j --epoch 10ms --epoch-records 100 log |
		(dd bs=1 count=30000 status=none; >stalled; cat hold; cat) | hta-window --value i | hta-sink-sqlite --init '$db' | hta-commit"
	wait_until 60 test -e stalled
	wait_until 60 has_epochs
	lock_store
	: >hold
	wait_until 60 grep -q 'database is locked; trying again' job.err
	wait_until 60 in_flight 4
}

# Wants the rows of these files.
same_as() { # FILE...
	[ "$(sum_of)" = "$(cat "$@" | jq -s '"\(length)|\(map(.i) | add // 0)"' -r)" ]
}

# The log is copied, and what replaces it comes from standard input. Whatever that is: nothing of it is counted as the old log's, and the copy goes on where that stood.
rotated_by_copy() { # MARK
	stalled_at_store "$1"
	cp log log.1
	cat >log
	: >unlock
	exits_with 75 60
	grep -qE "^hta-consume: log: was (cut off|written anew) while it was read.*Start the pipeline again.*give the copy too: by its content it is file:4096:" job.err
	sql 'select sum(count) from hta_rollups' >stored
	[ "$(cat stored)" = "$(head -c "$(sql 'select next from hta_pos')" log.1 | wc -l)" ]
	feed job log.1 log
	same_as log.1 log
	feed job log log.1
	same_as log.1 log
}

new_log() { for i in $(seq 12); do sed "s/}$/,\"n\":\"$1$i\"}/; s/2026/2027/" "$events"; done; } # MARK

@test "job: a log that is copied and emptied while the store is busy: 75, and exact with the copy" {
	rotated_by_copy a </dev/null
	new_log b | head -n 500 >short
	rotated_by_copy c <short
}

@test "job: a short log that grows has one name, also where two processes begin with it at once" {
	local n
	event() { echo '{"ts":"2026-01-01T00:00:00Z","i":1}' >>log; }
	for n in 1 2 3; do
		rm -f "$db"* log
		event
		spawn holder flock log sleep 0.5
		spawn one bash -c "$(declare -f pipe job); db=$db; job log"
		spawn other bash -c "$(declare -f pipe job); db=$db; job log"
		for _ in {2..100}; do event; sleep 0.005; done
		while read -r pid; do exits_with 0 60; done <"$BATS_TEST_TMPDIR/spawned"
		rm "$BATS_TEST_TMPDIR/spawned"
		feed job log
		[ "$(sql 'select count(*) from hta_pos')|$(sum_of)" = "1|100|100" ]
	done
}

@test "job: ... and written anew, longer than it was or as long" {
	{ new_log b; cat "$events"; } >long
	rotated_by_copy a <long
	new_log b >same
	rotated_by_copy a <same
	[ "$(wc -c <log)" = "$(wc -c <log.1)" ]
}

@test "job: ... and written anew with the same 4 KiB at its beginning, or behind a hole" {
	stalled_at_store a
	cp log log.1
	{ head -n 20000 log.1; new_log b; } >log
	: >unlock
	exits_with 75 60
	grep -q 'log: was written anew while it was read' job.err
	fails_with 64 job log.1 log
	says 'log.1 and log look like one file'
	feed job -t "$(sql 'select topic from hta_pos')" log.1 -t new log
	same_as log.1 log
	# a writer that does not append goes on at its old place: the file begins with NULs
	stalled_at_store a
	cp log log.1
	: >log
	truncate -s "$(wc -c <log.1)" log
	new_log b >>log
	: >unlock
	exits_with 75 60
	feed job log.1
	same_as log.1
}

@test "job: a log that is not there to its end any more is asked for at each run" {
	stalled_at_store a
	cp log log.1
	new_log b | head -n 500 >log
	: >unlock
	exits_with 75 60
	feed job log
	says 'file:4096:[0-9a-f]{16} was read to byte [1-9][0-9]* and not to its end, and is none of these files: give it too, or its copy'
	feed job log.1
	[ -z "$stderr" ]
	same_as log.1 log
}

@test "job: a log that is renamed or appended to while the store is busy is read on" {
	stalled_at_store a
	wc -l <log >lines
	cat "$events" >>log
	mv log log.1
	new_log b >log
	: >unlock
	exits_with 0 60
	[ "$(sql 'select sum(count) from hta_rollups')" = "$(cat lines)" ]
	feed job log.1 log
	same_as log.1 log
}

# ---- files that look alike

@test "job: a short file that another one begins with is said to be taken for it, unless it is older than what was read" {
	head -n 3 "$events" >a
	head -n 5 "$events" >b
	feed job a
	feed job b
	says "^hta-consume: b: begins with the $(wc -c <a) bytes that this job has read as file:$(wc -c <a):[0-9a-f]{16}, so it is taken for that file, grown; if it is another one, those bytes of it are missing: head -c $(wc -c <a) b >PART, and give -t NAME PART\$"
	[ "$(sum_of)" = "5|10" ]
	feed job b
	[ -z "$stderr" ]
	head -c "$(wc -c <a)" b >part
	feed job -t b.start part
	[ "$(sum_of)" = "8|13" ]
	# a name of its own
	cp "$events" c
	feed job -t c c
	[ -z "$stderr" ]
	# from here on the last record tells
	{ head -n 3 "$events"; tail -n 100 "$events"; } >d
	fails_with 78 job d
	says 'd \(file:[0-9]+:[0-9a-f]{16}\): the record at [0-9]+ is not the one .*or -t NAME before it in this one'
	# events of a time when the file was there
	rm -f "$db"*
	for i in $(seq 30); do printf '{"ts":"%s","i":%d}\n' "$(date -u -d "+$i hour" +%FT%TZ)" "$i"; done >e
	feed job e
	printf '{"ts":"%s","i":31}\n' "$(date -u -d '+31 hour' +%FT%TZ)" >>e
	feed job e
	[ -z "$stderr" ]
	[ "$(sum_of)" = "31|496" ]
}

@test "job: a byte order mark is the file's own: it counts in offsets and in the name" {
	{ printf '\xef\xbb\xbf\n'; head -n 100 "$events"; } >f
	feed job -c 50 f
	[ "$(sql 'select next from hta_pos')" = "$(head -n 50 f | wc -c)" ]
	tail -n +101 "$events" >>f
	gzip f
	feed job f.gz
	all_of
	hta-consume f.gz | cmp - <(zcat f.gz)
}

@test "job: a file's name is no topic: a comma is part of it, and most of what a topic may not have" {
	cp "$events" a
	feed job -t 'a,b ^é/.*' a
	[ "$(sql 'select topic from hta_pos')" = 'a,b ^é/.*' ]
	feed job -t 'a,b ^é/.*' a
	[ "$(sum_of)" = "3000|4498500" ]
	for name in 'a"b' 'a\b' $'a\tb' $'\xff' "$(printf 'x%.0s' {1..256})"; do
		fails_with 64 hta-consume --job j -t "$name" a
	done
}

@test "job: an unfinished last line is left and said, or taken" {
	printf '%s\n{"ts":"2026-01-01T00:00:00Z","i":5}' "$(head -n 10 "$events")" >f
	feed job f
	says 'f: the last line has no newline'
	[ "$(sum_of)" = "10|45" ]
	feed job --last-line f
	[ "$(sum_of)" = "11|50" ]
	printf '\n{"ts":"2026-01-01T00:00:00Z","i":7}\n' >>f
	feed job f
	[ "$(sum_of)" = "12|57" ]
}

@test "job: empty files, and none with anything in it" {
	: >empty
	feed job empty
	feed job empty "$events"
	all_of
}

@test "job: --from latest begins behind what is there, and changes nothing later" {
	head -n 1000 "$events" >f
	feed job --from latest f
	[ "$(sum_of)" = "0|0" ]
	tail -n +1001 "$events" >>f
	feed job -v --from earliest f
	says '--from changes nothing'
	[ "$(sum_of)" = "2000|3999000" ]
}

@test "job: a number of records, and on from there" {
	feed job -c 700 "$events"
	[ "$(sum_of)" = "700|244650" ]
	feed job -c 1300 --epoch-records 100 "$events"
	[ "$(sum_of)" = "2000|1999000" ]
	feed job "$events"
	all_of
}

@test "job: a file replaced under its name is 78, so is one cut off" {
	feed job -t log "$events"
	sed 's/"i":2999/"i":2998/' "$events" >other
	fails_with 78 job -t log other
	says 'other \(log\): the record at [0-9]+ is not the one that sink sqlite:hta_rollups has read'
	head -n 100 "$events" >short
	fails_with 78 job -t log short
	says 'short \(log\): ends at'
	gzip short
	fails_with 78 job -t log short.gz
	all_of
}

@test "job: a file's lines are data, whatever they look like" {
	{
		printf '%s\n' '{"$hta":"hello","v":1}' '{"$hta":"0123456789abcdef","k":"end"}'
		head -n 3 "$events"
	} >f
	feed job f
	[ "$(sum_of)" = "3|3" ]
	[ "$(sql "select count(*) from hta_dead where stage = 'hta-window'")" = 2 ]
}

@test "job: an over-long line is a dead letter in the sink, once" {
	{ head -n 2 "$events"; head -c 100000 /dev/zero | tr '\0' x; echo; tail -n +3 "$events"; } >f
	feed job --max-line 64k f
	all_of
	[ "$(sql 'select stage, kind, topic = (select topic from hta_pos), record_offset, size, length(record) from hta_dead')" = "hta-consume|dead|1|72|100000|65536" ]
	feed job --max-line 64k f
	[ "$(sql 'select count(*) from hta_dead')" = 1 ]
}

@test "job: a byte order mark costs no line, and offsets stay; lines of JSON over several are judged by themselves" {
	local mark=$'\xef\xbb\xbf'
	{ printf %s "$mark"; head -n 2 "$events"; } >f
	{ sed -n '3p' "$events" | tr -d '\n'; echo ,; sed -n '4p' "$events"; printf ' ]\n%s{"ts":1}\n' "$mark"; tail -n +5 "$events"; } >>f
	feed job f
	[ "$(sum_of)" = "2999|$((2999 * 3000 / 2 - 2))" ]
	sql "select record_offset, substr(reason, 1, 26) from hta_dead order by record_offset" >got
	expect got <<-'END'
		75|JSON over several lines, a
		148|JSON over several lines, a
		151|metric events: ts is a num
	END
	feed job -v f
	says 'job j: nothing new'
}

@test "job: too many dead records end it before their barrier" {
	for _ in $(seq 2000); do printf '%01000d\n' 1; done >f
	fails_with 65 job --max-line 100 f
	says 'more than --dead-limit 50%'
	[ "$(sql 'select count(*) from hta_dead')" = 0 ]
}

@test "job: dead letters need somebody to take them" {
	fails_with 64 pipe "hta-consume --job j '$events' | hta-commit"
	says 'say hta-consume --dead FILE'
	feed pipe "hta-consume --dead drop --job j '$events' | hta-commit"
}

@test "job: sinks that fell apart are brought together" {
	head -n 2000 "$events" >f
	feed job2 f
	cp "$db.2" old
	cp "$events" f
	feed job2 f
	cp old "$db.2"
	head -n 500 "$events" | sed 's/Z/+00:00/' >g
	feed job2 --epoch-records 100 f g
	[ "$(sum_of)" = "$(sum_of "$db.2")" ]
	[ "$(sum_of)" = "3500|4623250" ]
}

@test "job: a late sink adopts a start, or is bootstrapped once" {
	feed job "$events"
	late() { pipe "hta-consume --job j $* | hta-window --value i | hta-sink-sqlite --init '$db' | hta-sink-sqlite --name late --init '$db.2' | hta-commit"; }
	fails_with 78 late "$events"
	says 'sink late knows nothing of job j.*--bootstrap late=init'
	feed late -v --bootstrap late=now "$events"
	[ "$(sum_of "$db.2")" = "0|0" ]
	fails_with 78 late --bootstrap late=init "$events"
	fails_with 64 late --bootstrap later=init "$events"
	says 'it has sqlite:hta_rollups, late'
	feed late "$events"
	[ "$(sum_of "$db.2")" = "0|0" ]
	rm "$db.2"*
	feed late --bootstrap late=init "$events"
	feed late "$events"
	all_of
	all_of "$db.2"
	[ "$(sqlite3 "$db.2" 'select generation from hta_job')" = "$(sql 'select generation from hta_job')" ]
}

@test "job: a late sink that comes before the first record adopts" {
	feed job --from latest "$events"
	cp "$events" f && head -n 5 "$events" >>f
	feed pipe "hta-consume --job j f | hta-window --value i | hta-sink-sqlite --name late --init '$db.2' | hta-sink-sqlite --init '$db' | hta-commit"
	[ "$(sum_of)" = "5|10" ]
	[ "$(sum_of "$db.2")" = "5|10" ]
}

@test "job: a dry run says what is and would be, and changes nothing" {
	feed job -n "$events"
	says 'sink sqlite:hta_rollups: holds nothing of job j'
	says "$events = file:4096:[0-9a-f]{16}/0: would start at 0, lag [1-9][0-9]* bytes"
	[ "$(sql 'select count(*) from hta_job')" = 0 ]
	feed job -c 10 "$events"
	feed job -n "$events"
	says "would start at $(head -n 10 "$events" | wc -c), lag "
	rm -f "$db"*
	[ "$(sum_of)" = 0 ] || feed job -c 10 "$events"
}

@test "job: the same sink twice is 64" {
	fails_with 64 pipe "hta-consume --job j '$events' | hta-window --value i | hta-sink-sqlite --init '$db' | hta-sink-sqlite --init '$db.2' | hta-commit"
	says 'two sinks are named sqlite:hta_rollups'
}

# ---- the ack channel

@test "ack: a socket of one's own, a live one is refused, a dead one taken over" {
	mkfifo hold
	spawn one bash -c "set -o pipefail; hta-consume --job j --ack '$PWD/sock' '$events' | { cat hold; cat; } | hta-commit"
	wait_until 60 test -S sock
	[ "$(stat -c %a sock)" = 600 ]
	fails_with 78 hta-consume --job j --ack "$PWD/sock" "$events"
	says 'sock: another source listens there'
	kill_all_of "$pid"
	[ -S sock ]
	feed job --ack "$PWD/sock" "$events"
	all_of
	[ ! -e sock ]
}

@test "ack: without hta-commit, or behind a filter that eats control lines: a notice, then 78" {
	spawn one bash -c "set -o pipefail; hta-consume -v --job j '$events' | cat >/dev/null"
	local one=$pid
	spawn two bash -c "set -o pipefail; hta-consume -v --job k '$events' | grep --line-buffered ts | cat >/dev/null"
	wait_until 60 grep -q 'waiting for the hello' one.err
	exits_with 78 90 "$one"
	grep -q "grep -a --line-buffered -e '^{\"\$hta\"' -e PATTERN" one.err
	exits_with 78 90
}

# ---- signals and kills

# 20 MB of events, and a pipeline over them that stands still after a few epochs until somebody writes into the fifo "hold". dd takes what it is told and no more.
stalled() { # OPTION...
	once make_many
	many=$BATS_FILE_TMPDIR/many
	mkfifo hold
	spawn job bash -c "set -o pipefail; trap : TERM INT; hta-consume --job j --epoch 10ms --epoch-records 1000 $* '$many' |
		(trap '' TERM INT; dd bs=1 count=300000 status=none; >stalled; cat hold; cat) | hta-window --value i | hta-sink-sqlite --init '$db' | hta-commit"
	wait_until 60 test -e stalled
	wait_until 60 has_epochs
	source=$(pgrep -P "$pid" hta-consume)
}

make_many() { for i in $(seq 200); do sed "s/}$/,\"n\":$i}/" "$events"; done >"$BATS_FILE_TMPDIR/many"; }
has_epochs() { [ "$(sql 'select max(next) from hta_pos')" -gt 0 ]; }
all_of_many() { [ "$(sum_of)" = "600000|899700000" ]; }

@test "a stop for every process at once drains: 0, everything acknowledged" {
	stalled
	kill -TERM -- "-$pid"
	: >hold
	exits_with 0 60
	[ "$(sql 'select sum(count) from hta_rollups')" = "$(head -c "$(sql 'select next from hta_pos')" "$many" | wc -l)" ]
	feed job "$many"
	all_of_many
}

terminated() { kill -TERM "$1" 2>/dev/null; gone "$1"; } # PID

@test "a second signal forces out with 75, and so does --drain-timeout" {
	stalled
	# what comes within two seconds is one signal
	wait_until 60 terminated "$source"
	kill_all_of "$pid"
	grep -q 'forced out by a second signal' job.err
	rm hold stalled
	stalled --drain-timeout 300ms
	kill -TERM "$source"
	wait_until 60 gone "$source"
	kill -KILL -- "-$pid"
	grep -q 'longer than the drain timeout' job.err
}

@test "a signal before anything was read ends at once with 0" {
	spawn job bash -c "set -o pipefail; trap : TERM; hta-consume --job j '$events' | (trap '' TERM; exec cat >seen)"
	wait_until 60 grep -qs hello seen
	kill -TERM -- "-$pid"
	exits_with 0 60
	[ "$(jq -rs 'last | .k + " " + .reason' seen)" = 'end stop' ]
}

@test "a source that is killed leaves nothing undone and nothing doubled" {
	for _ in 1 2 3; do
		stalled
		kill -KILL "$source"
		: >hold
		exits_with 76 60
		rm hold stalled
	done
	feed job "$many"
	all_of_many
}

@test "a reader that left is 75" {
	fails_with 75 bash -c "set -o pipefail; hta-consume --job j '$events' | hta-window --value i | head -c 10 >/dev/null"
}

# A counter of the source of job j.
counter() { hta-top --json | jq ".stages[] | select(.program == \"hta-consume\") | .counters.$1"; } # NAME

@test "counters: records, epochs, lag" {
	feed job --epoch-records 1000 "$events"
	[ "$(counter records_in)/$(counter records_out)/$(counter bytes_out)" = "3000/3000/$(wc -c <"$events")" ]
	[ "$(counter epochs_out)/$(counter epochs_acked)/$(counter epochs_in_flight)" = 3/3/0 ]
	[ "$(counter lag_records)/$(counter lag_us)" = 0/0 ]
}

@test "no more than four epochs are on their way, and the time spent waiting shows" {
	stalled
	wait_until 60 in_flight 4
	wait_until 60 blocked
	in_flight 4
	[ "$(counter lag_records)" != 0 ]
	: >hold
	exits_with 0 60
	all_of_many
}
in_flight() { [ "$(counter epochs_in_flight)" = "$1" ]; } # N
blocked() { [ "$(counter blocked_out_us)" -gt 500000 ]; }

@test "a service manager hears readiness and the stop" {
	cat >listen.py <<-'END'
		import socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind("notify")
		s.settimeout(20)
		print("ready", flush=True)
		seen = ""
		while not ("STOPPING=1" in seen and "WATCHDOG=1" in seen):
		    seen += s.recv(4096).decode() + "\n"
		print(seen)
	END
	spawn listen python3 listen.py
	wait_until 60 grep -q ready listen.out
	NOTIFY_SOCKET=$PWD/notify feed job "$events"
	exits_with 0 60
	[ "$(grep -cE '^(READY|STOPPING)=1$' listen.out)" = 2 ]
}
