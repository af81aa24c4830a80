# The manual: it is well-formed, says what the programs say of themselves, and what it tells people to type works.
#
# Code in EXAMPLES and TASKS stands in .Bd -literal -offset indent. It is run as it stands, by bash -eo pipefail in a scratch
# folder that has events.ndjson, but for names of servers, and names that tests sharing a server must not share:
# tests/manual.bash says which.
load ../helpers
load ../manual

programs() { find "$HTA_BUILD_DIR" -maxdepth 1 -name 'hta-*' -type f -executable -printf '%f\n' | sort; }
pages() { find "$man" -name '*.1' -printf '%f\n' | sed 's/\.1$//' | sort; }

# ---- what it is ----

@test "mandoc takes every page" {
	mandoc -T lint -W warning "$man"/*.[17]
}

# A page at 80 columns without its literal blocks, which are as wide as they are.
at_80() { # RENDERER PAGE
	awk '/^\.Bd -literal/ { on = 1; next } on { on = !/^\.Ed/; next } !/^\.D1|^\.Dl/' "$man/$2" >page
	case $1 in
	groff) groff -Tutf8 -mandoc -P-c -rLL=80n -rLT=80n page ;;
	mandoc) mandoc -T utf8 -O width=80 page ;;
	esac | sed 's/.\x08//g'
}

# Lines that are too long, or begin right of the middle: what is left of a table whose last column has no room.
ill_set() { LC_ALL=C.UTF-8 grep -nE '^.{81}|^ {41}' "$1"; } # FILE

@test "pages fit 80 columns, rendered by groff and by mandoc" {
	cd "$BATS_TEST_TMPDIR"
	for page in "$man"/*.[17]; do
		for renderer in groff mandoc; do
			at_80 $renderer "${page##*/}" >"$out"
			[ "$(wc -l <"$out")" -gt 20 ]
			not ill_set "$out" || { echo "${page##*/} by $renderer"; return 1; }
		done
	done
	# it can fail
	man=.
	{ head -n 40 "$page"; printf '%s\n' '.Bl -column "as wide as no terminal has room for, or nearly so" "the second one" "third"' \
		'.It one Ta two which is longer than the second column is Ta three words then'; echo .El; } >wide.7
	at_80 groff wide.7 >"$out"
	ill_set "$out"
}

@test "a page for every program, a program for every page" {
	[ "$(programs | wc -l)" -ge 9 ]
	diff -u <(programs) <(pages)
}

@test "pages that are referred to exist" {
	awk '$1 == ".Xr" && $2 ~ /^hta/ { print $2 "." $3 }' "$man"/*.[17] | sort -u >"$out"
	[ -s "$out" ]
	while read -r page; do
		[ -e "$man/$page" ] || { echo "no $page"; return 1; }
	done <"$out"
}

@test "the name line is the program's summary" {
	for program in $(programs); do
		diff -u <(sed -n 's/^\.Nd //p' "$man/$program.1") <("$program" --help | sed -n "s/^$program: //p")
	done
}

# ---- options: the same in the page and in --help, with the same arguments and defaults ----

# A line an option: "-b, --brokers HOST:PORT,..." and behind a tab its default, if there is one.
help_options() { # PROGRAM
	"$1" --help | awk '
		/^Options:/ { on = 1; next }
		/^Examples:/ { on = 0 }
		!on { next }
		/^  (-.,|   ) --/ { flush(); name = $0; sub(/^ +/, "", name); text = name; if (match(name, /  +/)) { text = substr(name, RSTART); name = substr(name, 1, RSTART - 1) } next }
		{ text = text " " $0 }
		END { flush() }
		function flush() { if (name) print name "\t" value(text) }
		function value(s) { gsub(/ +/, " ", s); return match(s, /\(default [^)]*\)/) ? substr(s, RSTART + 9, RLENGTH - 10) : "" }'
}

page_options() { # PROGRAM
	mandoc -T ascii -O width=200 "$man/$1.1" | sed "s/.\x08//g" | awk '
		/^[A-Z]/ { flush(); name = ""; on = /^OPTIONS/ }
		!on { next }
		/^     --?[A-Za-z0-9]/ { flush(); name = $0; sub(/^ +/, "", name); text = ""; if (match(name, /  +/)) { text = substr(name, RSTART); name = substr(name, 1, RSTART - 1) } next }
		{ text = text " " $0 }
		function flush() { if (name) print name "\t" value(text) }
		function value(s) { gsub(/ +/, " ", s); return match(s, /\(default [^)]*\)/) ? substr(s, RSTART + 9, RLENGTH - 10) : "" }'
}

@test "options are those of --help, both ways" {
	for program in $(programs); do
		help_options "$program" | sort >"$BATS_TEST_TMPDIR/help"
		page_options "$program" | sort >"$BATS_TEST_TMPDIR/page"
		[ "$(wc -l <"$BATS_TEST_TMPDIR/help")" -ge 7 ]
		diff -u --label "$program --help" --label "$program(1)" "$BATS_TEST_TMPDIR"/{help,page}
	done
}

@test "shared options read alike everywhere" {
	section hta-gen.1 "Options of every program" >"$out"
	[ -s "$out" ]
	for page in $(pages); do
		section "$page.1" "Options of every program" | diff -u --label hta-gen.1 --label "$page.1" "$out" -
	done
}

@test "completions are well-formed, and offer every option" {
	for program in $(programs); do
		for shell in bash zsh fish; do
			"$program" --completion $shell >"$BATS_TEST_TMPDIR/$shell"
			for option in $("$program" --help | grep -oE '^  (-.,|   ) --[a-z-]+' | grep -oE '[a-z][a-z-]+$'); do
				grep -qE -e "(--|-l '?)$option\b" "$BATS_TEST_TMPDIR/$shell" || { echo "$program: no --$option in $shell"; return 1; }
			done
		done
		bash -n "$BATS_TEST_TMPDIR/bash"
		zsh -n "$BATS_TEST_TMPDIR/zsh"
		fish --no-execute "$BATS_TEST_TMPDIR/fish"
	done
}

@test "bash completes options and values" {
	complete_in_bash() { # PROGRAM WORD...
		bash -c 'source <("$1" --completion bash); shift; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); '"_${1//-/_}"'; printf "%s\n" "${COMPREPLY[@]}"' bash "$1" "$@"
	}
	[ "$(complete_in_bash hta-gen hta-gen --hot)" = --hot-key-prob ]
	[ "$(complete_in_bash hta-gen hta-gen --log j)" = json ]
	[ "$(complete_in_bash hta-consume hta-consume --from ear)" = earliest ]
}

# ---- what hta-protocol(7) shows is what there is ----

@test "rows in the pages are real" {
	printf '%s\n' '{"ts":"2026-01-01T00:00:01Z","endpoint":"/a","status":200,"latency_ms":0.1,"user_id":"u-1"}' \
		'{"ts":"2026-01-01T00:00:02Z","endpoint":"/a","status":200,"latency_ms":12.5,"user_id":"u-2"}' \
		'{"ts":"2026-01-01T00:00:03Z","endpoint":"/a","status":200,"user_id":"u-1"}' |
		hta-window --by endpoint,status --value latency_ms --uniq user_id >"$out"
	[ "$(wc -l <"$out")" = 1 ]
	joined() { tr -d '\n' <"$man/$1" | sed 's/, "/,"/g; s/"set"|"add"/"set"/'; }
	joined hta-window.1 | grep -qF "$(<"$out")"
	joined hta-protocol.7 | grep -qF "$(<"$out")"
}

@test "hashes of dimensions in hta-protocol(7) are those of hta-window" {
	n=0
	while IFS='|' read -r by event; do
		hash=$(hta-window --by "$by" <<<"$event" | jq -r .dims_hash)
		[ ${#hash} = 32 ]
		section hta-protocol.7 Dimensions | grep -qE " $hash\$" || { echo "no $hash for $event"; return 1; }
		n=$((n + 1))
	done <<-'END'
		|{"ts":"2026-01-01T00:00:00Z"}
		endpoint,status|{"ts":"2026-01-01T00:00:00Z","endpoint":"/a","status":2.00e2}
		customer,payload.price,region|{"ts":"2026-01-01T00:00:00Z","customer":"","payload":{"price":-0.50}}
		customer,payload.price,region|{"ts":"2026-01-01T00:00:00Z","customer":null,"payload":{"price":true},"region":false}
		a|{"ts":"2026-01-01T00:00:00Z","a":"200"}
		a|{"ts":"2026-01-01T00:00:00Z","a":200}
	END
	[ $n = 6 ]
	[ "$(section hta-protocol.7 Dimensions | grep -cE '[0-9a-f]{32}$')" = 6 ]
	# the input in hex is that of the second one, to another implementation too
	hex=$(section hta-protocol.7 Dimensions | sed -n '/^08000000/,/^\.Ed/p' | grep -v '^\.' | tr -d ' \n' | sed 's/../\\x&/g')
	[ "$(printf "$hex" | xxh128sum | cut -d' ' -f1)" = 3a3e2af82e33c119f953af6c4ad21bf8 ]
}

@test "hta-protocol(7) has every member of every control record" {
	cd "$BATS_TEST_TMPDIR"
	hta-gen --count 20000 --bad-prob 1% >events.ndjson
	feed pipe 'hta-consume --job web events.ndjson | tee 1 | hta-window --by endpoint --value latency_ms --uniq user_id | tee 2 |
		hta-sink-sqlite --init rollups.db | tee 3 | hta-commit'
	fails_with 78 pipe 'hta-consume --job web events.ndjson | hta-window | hta-sink-sqlite none.db | tee 4 | hta-commit'
	cat 1 2 3 4 | grep -a '^{"$hta":' | jq -r '(.k // "hello") as $k | [paths | map(strings)[]] | unique[] | "\($k) \(.)"' | sort -u >members
	for kind in hello at probe init bar dead fail end; do
		[ "$(grep -c "^$kind " members)" -ge 2 ] || { echo "no $kind in the stream"; return 1; }
	done
	while read -r kind member; do
		member=${member#\$}
		case $kind in fail | end) title="fail, end" ;; dead) title="dead, late" ;; *) title=$kind ;; esac
		section hta-protocol.7 "$title" | grep -qE "\"\\$?$member\"|\b$member\b" || { echo "$kind: no $member"; return 1; }
	done < <(grep -v '^bar' members)
	{ section hta-protocol.7 bar; section hta-protocol.7 "THE ACCOUNT"; } >bar
	while read -r _ member; do
		member=${member#\$}
		grep -qE "\"\\$?$member\"|\b$member\b" bar || { echo "bar: no $member"; return 1; }
	done < <(grep '^bar' members)
}

@test "columns are those of the tables" {
	hta-sink-sqlite --init "$BATS_TEST_TMPDIR/rollups.db" </dev/null
	columns() { sqlite3 "$BATS_TEST_TMPDIR/rollups.db" "SELECT name FROM pragma_table_info('$1')"; }
	for table in hta_rollups hta_dead hta_numbers; do
		[ -n "$(columns $table)" ]
		for column in $(columns $table); do
			section hta-sink-sqlite.1 Tables | grep -qw "$column" || { echo "hta-sink-sqlite(1): no $table.$column"; return 1; }
			section hta-sink-pg.1 Tables | grep -qw "$column" || { echo "hta-sink-pg(1): no $table.$column"; return 1; }
		done
	done
	for table in hta_job hta_pos hta_metric; do
		[ -n "$(columns $table)" ]
		for column in $(columns $table); do
			section hta-protocol.7 "Stored positions" | grep -qw "$column" || { echo "hta-protocol(7): no $table.$column"; return 1; }
		done
	done
}

@test "counters are those of the counters page, in its order" {
	grep -oE '^[[:space:]]+COUNTER\([A-Z_]+, "[a-z_]+"' "$man/../lib/tool/counter_list.h" | cut -d'"' -f2 >"$BATS_TEST_TMPDIR/names"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/names")" -ge 25 ]
	section hta-protocol.7 "COUNTERS PAGE" | sed -n '/^1104/,/^Lag is/p' | grep '^\.Va' | tr ' ' '\n' | grep -oE '^[a-z_]+' >"$out"
	diff -u "$BATS_TEST_TMPDIR/names" "$out"
	spawn job bash -c 'hta-gen --rate 1000 | hta-window --lateness 1s'
	runs() { hta-top --json | jq -e '.stages[0].counters.records_in > 0'; }
	wait_until 60 runs
	# in a page, at the offsets that are given
	page=$(ls "$HTA_RUN"/hta-window.*.page)
	[ "$(stat -c %s "$page")" = 4096 ]
	[ "$(od -An -tx8 -j0 -N8 "$page" | tr -d ' ')" = 6761702d61746800 ]
	[[ $page == *.$(od -An -tu8 -j16 -N8 "$page" | tr -d ' ').page ]]
	[ "$(dd if="$page" bs=1 skip=80 count=10 status=none)" = hta-window ]
	[ "$(od -An -tu8 -j1104 -N8 "$page" | tr -d ' ')" -gt 0 ]
}

# ---- what it tells people to type ----

# Sections whose blocks are for typing.
typed_sections='^\.Sh (EXAMPLES|TASKS|SCALING|MONITORING)$'
of_systems='^\.Sh DESCRIPTION$' # hta-systems(7) has them there

# A program of awk that knows in `code` whether it is in one of them, for a page.
code_of() { # PAGE
	local sections=$typed_sections
	[ "$1" != hta-systems.7 ] || sections=$of_systems
	echo "/^\.Sh /{ code = /$sections/ }"
}

# The nth block of those sections of a page, as it stands.
block() { # PAGE N
	awk -v want="$2" "$(code_of "$1")"'
		/^\.Ed/ { on = 0 }
		on { gsub(/\\e/, "\\"); print }
		/^\.Bd/ { on = code && ++n == want }' "$man/$1"
}

# How many blocks a page has.
blocks() { awk "$(code_of "$1")"' /^\.Bd/ && code { n++ } END { print n + 0 }' "$man/$1"; } # PAGE

# Writes the block to the file "example" with the substitutions that are named above.
example_of() { # PAGE N
	block "$1" "$2" | as_here >example
	[ -s example ] || { echo "$1 has no block $2"; return 1; }
}

# Runs it; its output is in the file $out.
example() { # PAGE N
	example_of "$@"
	feed timeout 120 bash -eo pipefail example
}

# Runs one that does not end: until the command holds, then TERM to all, and exit 0.
endless() { # PAGE N COMMAND...
	example_of "$1" "$2"
	sed -i '1i trap : TERM INT' example
	spawn example bash -eo pipefail example
	wait_until 60 "${@:3}" || { cat example.err; return 1; }
	kill -TERM -- "-$pid"
	exits_with 0 60
}

@test "every block is run here" {
	for page in "$man"/*.[17]; do
		page=${page##*/}
		[ -z "$(awk "$(code_of "$page")"' code && /^\.Bd/ && $0 != ".Bd -literal -offset indent"' "$man/$page")" ]
		for n in $(seq "$(blocks "$page")"); do
			grep -qE "^	(example|endless|server_of) $page $n\b" "$BATS_TEST_FILENAME" || { echo "nothing runs block $n of $page"; return 1; }
		done
		case $page in *.1) [ "$(blocks "$page")" -ge 1 ] ;; esac
	done
	[ "$(blocks hta.7)" -ge 10 ]
}

@test "hta-gen(1)" {
	here
	rm events.ndjson
	example hta-gen.1 1
	[ "$(wc -l <events.ndjson)" = 100000 ]
	with_kafka_and
	example hta-gen.1 2
	[ "$(ends "$topic" | awk '{ n += $3 } END { print n }')" = 103000 ]
	example hta-gen.1 3
	[ "$(jq -s 'map(select(.dims.customer == "c-00000").count) | add' rows.ndjson)" -gt 3000 ]
	example hta-gen.1 4
	[ "$(jq -c '[(keys | map(select(. != "coupon"))), (.items | length >= 1 and length <= 4), (.items[0].price | type)]' orders.ndjson | sort -u)" = \
		'[["items","order_id","status","ts","user_id"],true,"number"]' ]
	[ "$(jq -c 'select(.coupon)' orders.ndjson | wc -l)" -lt 2300 ]
	hta-gen --schema-file orders.json --count 20000 --step 1s | cmp - orders.ndjson
	fails_with 64 hta-gen --schema orders --schema-file orders.json
	echo '{"a":{"int":[3,1]}}' >wrong.json
	fails_with 78 hta-gen --schema-file wrong.json
	says '^hta-gen: wrong.json: field a: \[LOW, HIGH\] is wanted'
}

@test "hta-dlq(1)" {
	here
	hta-gen --count 5000 --step 10ms --bad-prob 5% >events.ndjson
	fast=$(grep -ac '"latency_ms":"fast"' events.ndjson)
	example hta-dlq.1 1
	[ "$(jq -s 'map(.count) | add' "$out")" = "$(wc -l <dead.ndjson)" ]
	example hta-dlq.1 2
	[ "$(jq -c 'select(.latency_ms == 0)' mended.ndjson | wc -l)" = "$fast" ]
	with_kafka_and pg
	feed pipe "hta-consume -b $HTA_BROKERS -t $topic -g ${web}web -e | hta-window --value latency_ms | hta-sink-pg --init | hta-commit"
	example hta-dlq.1 3
	[ "$(wc -l <"$out")" -gt 50 ]
}

@test "hta-filter(1)" {
	here
	example hta-filter.1 1
	[ "$(jq -c 'select(.status >= 500)' events.ndjson | wc -l)" = "$(wc -l <"$out")" ]
	example hta-filter.1 2
	[ "$(jq -s 'map(select(has("user_id") or .event_type == "error")) | length' "$out")" = 0 ]
	example hta-filter.1 3
	[ "$(sql rollups.db "SELECT sum(count) FROM hta_rollups WHERE metric = 'paid'")" = "$(grep -c '"event_type":"purchase"' events.ndjson)" ]
}

@test "hta-dedup(1)" {
	here
	example hta-dedup.1 1
	cmp "$out" events.ndjson
	example hta-dedup.1 2
	[ "$(sql rollups.db "SELECT sum(count) FROM hta_rollups WHERE metric = 'once'")" = 20000 ]
	example hta-dedup.1 3
	[ "$(sql rollups.db "SELECT sum(count) FROM hta_rollups WHERE metric = 'many'")" = 20000 ]
	with_kafka_and pg redis
	counted() { [ "$(pg 'SELECT sum(count) FROM hta_rollups')" = 20000 ]; }
	endless hta-dedup.1 4 counted
}

@test "hta-parse(1)" {
	cd "$BATS_TEST_TMPDIR"
	access_logs
	example hta-parse.1 1
	[ "$(jq -s 'map(.count) | add' "$out")" = 20000 ]
	example hta-parse.1 2
	[ "$(jq -s 'map(select(.dims.path == "/") | .measures.p99_duration_s | select(. > 0.9)) | length > 3' "$out")" = true ]
	example hta-parse.1 3
	[ "$(sql access.db 'SELECT sum(count) FROM hta_rollups')" = 20000 ]
	printf '%s\n' 'id;price;text' '1;99.5;"a;b"' '2;100.5;c' >orders.csv
	example hta-parse.1 4
	[ "$(<"$out")" = '{"id":2,"price":100.5,"text":"c"}' ]
}

@test "hta-consume(1)" {
	here
	with_kafka_and pg
	example hta-consume.1 1
	[ "$(sed '$!d' "$out")" = "$(sed -n 3p events.ndjson)" ]
	grep -qx 'u-[0-9]*' "$out"
	example hta-consume.1 2
	[ "$(sql rollups.db 'SELECT sum(count) FROM hta_rollups')" = 20000 ]
	stored() { [ "$(pg 'SELECT sum(count) FROM hta_rollups')" = 20000 ]; }
	endless hta-consume.1 3 stored
	example hta-consume.1 4
	says "would start at"
	says "lag 0 records"
	example hta-consume.1 5
	[ "$(jq -sr 'map(.[0]) | unique | length' "$out")" = 3 ]
	[ "$(sql closed.db 'SELECT sum(count) FROM hta_rollups')" = "$(sql rollups.db 'SELECT sum(count) FROM hta_final')" ]
	echo '{"ts":"2026-01-01T00:00:00Z","user_id":"u-1"}' | produce "$topic" - -k c-1
	example hta-consume.1 6
	[ "$(grep -c '^\[null,[0-2],[0-9]*,"u-' "$out")" = 20000 ]
	[ "$(grep '^\["c-1"' "$out" | jq -c '.[3]')" = '"u-1"' ]
	[ "$(jq -s -c 'map(select(.dims?) | .dims.account) | unique' "$out")" = '[null,"c-1"]' ]
}

# A topic of Avro with one event, and its schema in the registry.
with_avro() {
	local id
	with_service kafka registry
	cd "$BATS_TEST_TMPDIR"
	web=$HTA_PREFIX.$BATS_TEST_NUMBER.
	topic_new "$BATS_TEST_NUMBER.clean" 1
	topic_new "$BATS_TEST_NUMBER.clean.dlq" 1
	topic_new "$BATS_TEST_NUMBER.avro.json" 1
	topic_new "$BATS_TEST_NUMBER.avro" 1
	id=$(jq -nc '{type: "record", name: "Event", fields: [{name: "ts", type: {type: "long", logicalType: "timestamp-millis"}},
		{name: "endpoint", type: "string"}, {name: "status", type: "int"}]} | {schema: tojson}' | curl -sSf -H 'Content-Type: application/json' -d @- \
		"$HTA_TEST_REGISTRY/subjects/$topic-value/versions" | jq .id)
	python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex("00%08x80a0d5edee66022f9003" % int(sys.argv[1])))' "$id" >message
	kcat -P -b "$HTA_BROKERS" -t "$topic" message
}

@test "hta-consume(1), with a registry" {
	with_avro
	example hta-consume.1 7
	[ "$(jq -c . "$out")" = '{"ts":"2026-01-01T00:00:00Z","endpoint":"/","status":200}' ]
	[ "$(sql avro.db 'SELECT sum(count) FROM hta_rollups')" = 1 ]
	printf '\0\0\0\1\7{"ts":"2026-01-01T00:00:00Z","endpoint":"/"}' >framed
	kcat -P -b "$HTA_BROKERS" -t "$topic.json" framed
	example hta-consume.1 8
	[ "$(jq -c '[.dims.endpoint, .count]' "$out")" = '["/",1]' ]
}

@test "hta-window(1)" {
	here
	example hta-window.1 1
	[ "$(jq -s "map(.count) | add" "$out")" = 20000 ]
	example hta-window.1 2
	[ "$(wc -l <"$out")" = 10 ]
	grep -qE '^c-[0-9]+	[0-9]+	[0-9.]+$' "$out"
	example hta-window.1 3
	[ -s late.ndjson ]
	[ "$(jq -s "map(.count) | add" rows.ndjson)" = $((100000 - $(wc -l <late.ndjson))) ]
	example hta-window.1 4
	grep -q 'latency_ms is a string, not a number' "$out"
	example hta-window.1 5
	[ "$(jq -c '[.window_start[:16], .dims.status, .sum]' "$out" | tr -d '\n')" = \
		'["2026-11-20T14:00","200",0.014]["2026-11-20T14:00",null,null]' ]
	example hta-window.1 6
	grep -qE '^[a-z0-9-]+	[0-9.]+	[0-9.]+$' "$out"
	example hta-window.1 7
	[ "$(jq -s 'map(.measures.errors) | add' "$out")" = "$(jq -s 'map(select(.status >= 500)) | length' events.ndjson)" ]
	[ "$(jq -s 'map(.measures.latency.counts | add) | add' "$out")" = "$(jq -s 'map(select(.status >= 200)) | length' events.ndjson)" ]
	example hta-window.1 8
	[ "$(jq -s 'map(select(.window_start[14:19] + .window_end[14:19] != "00:0000:00").count) | add' "$out")" = 100000 ]
	[ "$(jq -s 'map(select(.window_start[14:19] + .window_end[14:19] == "00:0000:00").count) | add' "$out")" = 20000 ]
	example hta-window.1 9
	[ "$(awk '{ n += $4 } END { print n }' "$out")" = 20000 ]
}

@test "hta-trend(1)" {
	here
	# an endpoint of its own, ten times as busy for 20 s, whose requests fail for two minutes
	awk '{ print; ts = substr($0, index($0, "\"ts\":\"") + 6, 24) }
		NR % 10 == 0 || ts ~ /T00:02:[01]/ { printf "{\"ts\":\"%s\",\"endpoint\":\"/hot\",\"status\":%d}\n", ts, ts ~ /T00:0[12]/ ? 500 : 200 }' events.ndjson >more
	mv more events.ndjson
	example hta-trend.1 1
	grep -qx '2026-01-01T00:02:00Z HIGH   spike  events endpoint=/hot: count 1000, baseline 100, factor 10' "$out"
	example hta-trend.1 2
	grep -qxF '2026-01-01T00:02:10Z|{"endpoint":"/hot"}|LOW' "$out"
	[ "$(jq -r 'select(.dims.endpoint == "/hot") | .alert' alerts.ndjson | paste -sd' ')" = 'spike clear' ]
	example hta-trend.1 3
	[ "$(sed '$d' "$out" | jq -r 'select(.dims.endpoint == "/hot") | "\(.window_start) \(.value)"')" = '2026-01-01T00:02:00Z 1' ]
	[ "$(sed '$!d' "$out")" = 'too many errors' ]
}

@test "hta-sink-sqlite(1)" {
	here
	example hta-sink-sqlite.1 1
	[ "$(sql rollups.db 'SELECT sum(count) FROM hta_rollups')" = 20000 ]
	example hta-sink-sqlite.1 2
	grep -q '/api/v1/' "$out"
	example hta-sink-sqlite.1 3
	grep -qE '│ 2026-01-01 │ 200 ' "$out"
	example hta-sink-sqlite.1 4
	grep -qE '^new 0, equal [1-9][0-9]*, different 0$' "$out"
	example hta-sink-sqlite.1 5
	[ "$(sql rollups.db 'SELECT count(*) FROM hta_rollups')" = 0 ]
	example hta-sink-sqlite.1 6
	[ "$(jq -r .event_type "$out" | sort | uniq -c | tr -s ' ')" = ' 5 error' ]
	example hta-sink-sqlite.1 7
	best=$(jq -r .endpoint events.ndjson | sort | uniq -c | sort -rn | awk 'NR == 1 { print $1 }')
	grep -qE "│ 2026-01-01 00:00:00 │ /api/[^ ]* *│ $best +│ [0-9.]+ +│" "$out"
}

@test "hta-sink-s3(1)" {
	here
	with_kafka_and s3
	example hta-sink-s3.1 1
	find "$S3_FOLDER/$BATS_TEST_NUMBER/web" -name '*.zst' | xargs zstd -dcq | LC_ALL=C sort | cmp - <(LC_ALL=C sort events.ndjson)
	example hta-sink-s3.1 2
	[ "$(head -n 3 "$out")" = "$(head -n 3 events.ndjson)" ]
	[ "$(sql again.db 'SELECT sum(count) FROM hta_rollups')" = 20000 ]
}

@test "hta-sink-kafka(1)" {
	here
	with_kafka_and
	example hta-sink-kafka.1 1
	[ "$(ends "$topic" | awk '{ n += $3 } END { print n }')" = 120000 ]
	example hta-sink-kafka.1 2
	kcat -C -b "$HTA_BROKERS" -t "$topic" -e -q -f '%k\n' >keys
	grep -q '^events|2026-.*|[0-9a-f]*$' keys
	for name in clean clean.dlq; do kadm -b "$HTA_BROKERS" create "$web$name" 1; done
	example hta-sink-kafka.1 3
	settled "${web}clean"
	[ "$(kcat -C -b "$HTA_BROKERS" -t "${web}clean" -e -q | jq -s 'length > 1000 and all(.status < 500)')" = true ]
}

@test "hta-sink-pg(1)" {
	here
	with_kafka_and pg
	example hta-sink-pg.1 1
	[ "$(pg 'SELECT sum(count) FROM hta_rollups')" = 20000 ]
	[ "$(sql copy.db 'SELECT sum(count) FROM hta_rollups')" = 20000 ]
	example hta-sink-pg.1 2
	grep -qE ' 0\.[0-9]+' "$out"
	example hta-sink-pg.1 3
	grep -qE '^ 20..-..-.. 00:00:00 +\| /api/.* \| 200 ' "$out"
	example hta-sink-pg.1 4
	grep -qE '^new 0, equal [1-9][0-9]*, different 0$' "$out"
	example hta-sink-pg.1 5
	[ "$(pg 'SELECT count(*) FROM hta_events')" = 20000 ]
	[ "$(pg "SELECT sum(count) FROM hta_rollups WHERE metric = 'by_endpoint'")" = 20000 ]
	[ "$(jq -r .user_id "$out" | sort -u)" = u-0391328 ]
	example hta-sink-pg.1 6
	grep -qE '^ rollups_90d \| 90 days \| days ' "$out"
	[ "$(pg 'SELECT sum(count) FROM rollups_90d')" = 20000 ]
	example hta-sink-pg.1 7
	best=$(jq -r .endpoint events.ndjson | sort | uniq -c | sort -rn | awk 'NR == 1 { print $1 }')
	grep -qE "^ 2026-01-01 00:00:00[^|]*\| /api/[^ ]* *\| +$best \| +[0-9.]+ \| +[0-9.]+$" "$out"
}

@test "hta-sink-pg(1): queries of MongoDB, in SQL" {
	here
	with_service pg
	service_file
	sed -i '1s/^{/{"tags":["a","b"],/; 2s/^{/{"tags":["a"],/' events.ndjson
	echo '{"event_id":"x","status":500,"event_type":"\u0000"}' >>events.ndjson
	feed hta-sink-pg --events --key event_id --init service=rollups <events.ndjson
	block_of hta-sink-pg.1 "FROM MONGODB" 1 >make.sql
	feed psql -Xq -v ON_ERROR_STOP=1 service=rollups -f make.sql
	block_of hta-sink-pg.1 "FROM MONGODB" 2 >ask.sql
	[ "$(grep -c '^-- db' ask.sql)" = 8 ]
	head -n -2 ask.sql >first.sql
	feed psql -XAtq -v ON_ERROR_STOP=1 service=rollups -f first.sql
	user=$(grep -c '"user_id":"u-0391328"' events.ndjson) || :
	[ "$(head -n $((user < 5 ? user : 5)) "$out" | grep -c u-0391328)" = $((user < 5 ? user : 5)) ]
	tail -n +$((1 + (user < 5 ? user : 5))) "$out" >rest
	head -n 20000 events.ndjson >clean
	{
		jq -s '[.[] | select(.payload.product_id == "p-1598")] | length' clean
		jq -s '[.[] | select(.status >= 500)] | length' clean
		jq -s '[.[] | select(.payload | has("referrer"))] | length' clean
		jq -r .region clean | LC_ALL=C sort -u
	} >want
	# the record that jsonb does not take is null there, and in none of them but the groups
	head -n "$(wc -l <want)" rest | diff want -
	tail -n +$((1 + $(wc -l <want))) rest >groups
	[ "$(grep '^/' groups | cut -d'|' -f2 | awk '{ n += $1 } END { print n }')" = 20000 ]
	tail -n 2 groups >tags
	expect tags <<-'END'
		a|2
		b|1
	END
	[ "$(psql -XAtqc "SET enable_seqscan = off; EXPLAIN SELECT count(*) FROM event WHERE event @> '{\"payload\": {\"product_id\": \"p-1598\"}}'" service=rollups | grep -c 'Bitmap Index Scan on hta_events_as_jsonb_idx')" = 1 ]
	tail -n 1 ask.sql | sed 's/2026-01-01Z/2026-01-01T00:01Z/' >delete.sql
	feed psql -XAt service=rollups -f delete.sql
	grep -qE '^DELETE [1-9]' "$out"
}

@test "hta-sink-redis(1)" {
	here
	with_kafka_and redis
	redis-cli -u "$REDIS_URL" flushdb >/dev/null
	example hta-sink-redis.1 1
	[ "$(redis-cli -u "$REDIS_URL" ZCARD '{hta}:w:events')" = 4 ]
	example hta-sink-redis.1 2
	[ "$(grep -c endpoint "$out")" = 3 ]
}

@test "hta-sink-clickhouse(1)" {
	here
	with_service clickhouse
	example hta-sink-clickhouse.1 1
	example hta-sink-clickhouse.1 2
	url=${CLICKHOUSE_URL/clickhouse/http}
	ask() { curl -s -m 20 --data-binary "$1" "${url%/*}/?database=${url##*/}"; }
	[ "$(ask 'SELECT sum(count), max(window_end) > min(window_start) FROM events_agg_v')" = $'20000\t1' ]
	[ "$(ask 'SELECT count() FROM events_fact FINAL')" = 20000 ]
	example hta-sink-clickhouse.1 3
	best=$(jq -r .endpoint events.ndjson | sort | uniq -c | sort -rn | awk 'NR == 1 { print $1 }')
	[ "$(sed -n 2p "$out" | cut -f 1,3)" = "2026-01-01 00:00:00	$best" ]
}

@test "hta-sink-dynamo(1)" {
	here
	with_service dynamo
	# of today, or they had expired
	head -n 2000 events.ndjson | jq -c '.ts = (now | todate)' >now.ndjson && mv now.ndjson events.ndjson
	example hta-sink-dynamo.1 1
	example hta-sink-dynamo.1 2
	[ "$(wc -l <"$out")" = 10 ]
	[ "$(jq -r .event_type "$out" | sort -u)" = purchase ]
}

@test "hta-sink-mongo(1)" {
	here
	with_service mongo
	head -n 100 events.ndjson >few && mv few events.ndjson
	example hta-sink-mongo.1 1
	[ "$(wc -l <"$out")" = 5 ]
	example hta-sink-mongo.1 2
	feed hta-query events -d "$MONGODB_URI" --table once --limit 1000
	[ "$(wc -l <"$out")" = 100 ]
}

@test "hta-commit(1)" {
	here
	example hta-commit.1 1
	says 'end: epochs=[0-9]+ records=20000'
}

@test "hta-query(1)" {
	here
	feed pipe 'hta-consume --job web events.ndjson | hta-window --by endpoint,status --value latency_ms --uniq user_id | hta-sink-sqlite --init rollups.db | hta-commit'
	example hta-query.1 1
	grep -q endpoint "$out"
	grep -qE '▁|▂|▃|▄|▅|▆|▇|█' "$out"
	example hta-query.1 2
	grep -qE '^2026-01-01T00:0[0-3]:00Z	/api/v1/[a-z]+/[0-9]	[0-9]+$' "$out"
	example hta-query.1 3
	[ "$(cut -f 1,2 "$out")" = "2025-12-31T23:00:00Z	20000" ]
	example hta-query.1 4
	[ "$(cut -f 1 "$out" | sort -u | paste -sd' ')" = "2025-12-31T22:00:00Z 2025-12-31T23:00:00Z" ]
	example hta-query.1 5
	grep -qE '^2026-01-01T00:00:00Z +20000 .* [0-9.]+( +open)?$' "$out"
	example hta-query.1 6
	grep -qE '^/api/v1/[a-z]+/[0-9]  +[0-9]+$' "$out"
	grep -q '^200 .*█' "$out"
	with_kafka_and pg
	feed pipe "hta-consume -b $HTA_BROKERS -t $topic -g ${web}web -e | hta-window --by endpoint | hta-sink-pg --init | hta-commit"
	example hta-query.1 7
	[ "$(jq -s 'map(select(.partition != null) | .lag) | add' "$out")" = 0 ]
	[ "$(jq -s 'map(select(.metric == "events")) | length' "$out")" = 1 ]
	feed hta-sink-sqlite --events --key event_id --init events.db <events.ndjson
	example hta-query.1 8
	[ "$(jq -s 'map(select(.cursor and .event_type == "error")) | length' "$out")" = 500 ]
	not grep -qxFf "$out" page.ndjson
}

@test "hta-check(1)" {
	here
	example hta-check.1 1
	grep -qxF '  count      how many records' "$out"
	example hta-check.1 2
	grep -qxF 'ok 1 - errors: a failed request' "$out"
	example hta-check.1 3
	grep -qE '^events +[0-9.]+k? ' "$out"
	with_kafka_and pg redis
	hta-sink-pg --init service=rollups </dev/null
	hta-sink-redis --init "$REDIS_URL" </dev/null
	example hta-check.1 4
	grep -qE "^cluster: topic $topic: 3 partitions, 20000 records\$" "$out"
	grep -qE '^Postgres: version ' "$out"
	grep -qE '^Redis: version ' "$out"
	example hta-check.1 5
	jq -e '."$defs".rule.properties.rule_id' rules.schema.json
	example hta-check.1 6
	[ "$(jq -s "map(.count) | add" rows.ndjson)" = 20000 ]
}

@test "hta-top(1)" {
	here
	example hta-top.1 1
	[ "$(tail -n 1 "$out")" = "nothing runs" ]
	spawn job bash -c 'hta-gen --rate 1000 | hta-window --lateness 1s'
	runs() { hta-top -1 | grep -q '^plain .*: keeping up'; }
	wait_until 60 runs
	example hta-top.1 1
	not grep "nothing runs" "$out"
	example hta-top.1 2
	[ ! -s "$out" ]
	example hta-top.1 3
	grep -q '^hta_pipeline_up{.*} 1$' hta.prom
}

@test "hta(7): replay a day" {
	here
	with_kafka_and pg
	hta-sink-pg --init </dev/null
	example hta.7 1
	[ "$(jq -s "map(.count) | add" day.ndjson)" = 20000 ]
	example hta.7 2
	[ "$(pg "SELECT sum(count) FROM hta_final WHERE metric = 'replay'")" = 20000 ]
}

@test "hta(7): change a metric" {
	here
	with_kafka_and pg
	hta-sink-pg --init </dev/null
	example hta.7 3
	[ "$(pg "SELECT sum(count) FROM hta_rollups WHERE metric = 'requests' AND dims ? 'region'")" = 20000 ]
	example hta.7 4
	[ "$(pg "SELECT count(*) FROM hta_rollups WHERE dims ? 'region'")" = 0 ]
	[ "$(pg "SELECT sum(count) FROM hta_rollups WHERE metric = 'requests'")" = 20000 ]
}

@test "hta(7): add a sink" {
	here
	with_kafka_and pg
	feed pipe "hta-consume -b $HTA_BROKERS -t $topic -g ${web}web -e | hta-window --by endpoint,status --value latency_ms | hta-sink-pg --init | hta-commit"
	example hta.7 5
	[ "$(sql copy.db 'SELECT sum(count) FROM hta_rollups')" = 20000 ]
	[ "$(pg 'SELECT sum(count) FROM hta_rollups')" = 20000 ]
}

@test "hta(7): move to another host" {
	here
	head -n 8000 events.ndjson >before
	mv events.ndjson all
	mv before events.ndjson
	feed pipe 'hta-consume --job web events.ndjson | hta-window --by endpoint,status --value latency_ms | hta-sink-sqlite --init rollups.db | hta-commit'
	mv all events.ndjson
	export HTA_RUN=$BATS_TEST_TMPDIR/there
	mkdir -m 700 "$HTA_RUN"
	example hta.7 6
	[ "$(sql moved.db 'SELECT sum(count) FROM hta_rollups')" = 20000 ]
	[ "$(sql rollups.db 'SELECT sum(count) FROM hta_rollups')" = 8000 ]
}

@test "hta(7): send dead letters back" {
	here
	hta-gen --count 5000 --step 10ms --bad-prob 5% >events.ndjson
	with_kafka_and pg
	job="hta-consume -b $HTA_BROKERS -t $topic -g ${web}web -e | hta-window --by endpoint,status --value latency_ms | hta-sink-pg --init | hta-commit"
	feed pipe "$job"
	dead=$(pg 'SELECT count(*) FROM hta_dead')
	fast=$(grep -ac '"latency_ms":"fast"' events.ndjson)
	[ "$fast" -gt 10 ]
	example hta.7 7
	grep -qE "^ +$fast  hta-window  metric events: latency_ms is a string, not a number$" "$out"
	[ "$(grep -c '"latency_ms":"fast"' "$out")" = 5 ]
	example hta.7 8
	settled "$topic"
	feed pipe "$job"
	[ "$(pg 'SELECT count(*) FROM hta_dead WHERE retried_at IS NULL')" = $((dead - fast)) ]
	[ "$(pg 'SELECT count(*) FROM hta_dead')" = "$dead" ]
	[ "$(pg 'SELECT sum(count) FROM hta_rollups')" = $((5000 - dead + fast)) ]
}

@test "hta(7): recount a window" {
	here
	hta-gen --count 60000 --step 10ms >events.ndjson
	with_kafka_and pg
	feed pipe "hta-consume -b $HTA_BROKERS -t $topic -g ${web}web -e | hta-window --by endpoint,status --value latency_ms | hta-sink-pg --init | hta-commit"
	example hta.7 9
	[ "$(<"$out")" = "new 0, equal $(pg "SELECT count(*) FROM hta_rollups WHERE window_start = '2026-01-01T00:05:00Z'"), different 0" ]
	pg "UPDATE hta_rollups SET count = count + 1 WHERE window_start = '2026-01-01T00:05:00Z' AND dims @> '{\"status\": 500}'"
	example hta.7 9
	grep -qE 'different [1-9]' "$out"
}

@test "hta(7): hand on minutes that are over" {
	here
	with_service pg
	service_file
	feed pipe 'hta-consume --job web events.ndjson | hta-window --by endpoint,status --value latency_ms | hta-sink-pg --init | hta-commit'
	example hta.7 10
	[ "$(pg 'SELECT count(*) > 100 FROM web_closed')" = t ]
	same="SELECT string_agg(concat_ws(' ', window_start, dims_hash, count, sum, min, max), ',' ORDER BY window_start, dims_hash) FROM"
	[ "$(pg "$same web_closed")" = "$(pg "$same hta_final")" ]
}

@test "hta(7): spike alerts by cron" {
	here
	with_service pg
	service_file
	for minute in $(seq 10 39); do
		for n in $(seq $((minute / 2 == 15 ? 40 : 10))); do
			echo "{\"ts\":\"2026-01-01T00:$minute:00Z\",\"endpoint\":\"/a\"}"
		done
		[ "$minute" -gt 34 ] || echo "{\"ts\":\"2026-01-01T00:$minute:00Z\",\"endpoint\":\"/b\"}"
	done >events.ndjson
	feed pipe 'hta-consume --job web events.ndjson | hta-window --metric web --by endpoint | hta-sink-pg --init service=rollups | hta-commit'
	example hta.7 12
	expect <<-'END'
		2026-01-01T00:31:00Z LOW    spike  web endpoint=/a: count 40, baseline 19, factor 2.10526
		2026-01-01T00:32:00Z LOW    clear  web endpoint=/a: count 10, baseline 25.3, factor 0.395257
		2026-01-01T00:37:00Z LOW    absent web endpoint=/b: count 0, factor 3
	END
	[ "$(pg "SELECT count(*) FROM hta_alerts")" = 3 ]
	example hta.7 12
	[ ! -s "$out" ]
}

@test "hta(7): a store is away" {
	here
	with_kafka_and pg
	example hta.7 11
	[ "$(pg 'SELECT sum(count) FROM web_pg')" = 20000 ]
	[ "$(sql lite.db 'SELECT sum(count) FROM hta_rollups')" = 20000 ]
}

@test "hta(7): ask in SQL" {
	here
	example hta.7 13
	example hta.7 14
	grep -qE '│ 2026-01-01T00:00:00Z │ /api/[^ ]* +│ 0\.[0-9]+' "$out"
	example hta.7 15
	[ "$(grep -cE '│ 2026-01-01T00:0.:00Z │ /api/[^ ]* +│ [0-9.]+' "$out")" = 4 ]
	example hta.7 16
	grep -q '│ 2026-01-01 │ 20000 │' "$out"
	with_service pg
	service_file
	example hta.7 17
	grep -qE '^ 2026-01-01 00:00:00 \| 20000 \|' "$out"
}

@test "hta(7): keep every event" {
	here
	with_kafka_and pg
	example hta.7 18
	[ "$(pg 'SELECT count(*), count(DISTINCT event_id) FROM hta_events')" = "20000|$(jq -r .event_id events.ndjson | sort -u | wc -l)" ]
	[ "$(pg 'SELECT sum(count) FROM hta_rollups')" = 20000 ]
	[ "$(jq -r .event_type "$out" | uniq -c | tr -s ' ')" = ' 20 error' ]
}

@test "hta(7): an access log to a table of p99 by path" {
	cd "$BATS_TEST_TMPDIR"
	access_logs
	example hta.7 19
	grep -qxE '/api/v1/login +25[0-9][0-9] +0\.9[89][0-9]+' "$out"
	[ "$(grep -cE '^/[^ ]* +[0-9]+ +0\.[0-9]+$' "$out")" = 5 ]
	example hta.7 20
	[ "$(sql timed.db 'SELECT sum(count) FROM requests')" = 20000 ]
	[ "$(grep -cE '│ /[^ ]* +│ [0-9.]+ +│ [0-9]+ +│' "$out")" = 5 ]
}

@test "hta(7): a clean topic out of a dirty one" {
	here
	hta-gen --count 5000 --step 10ms --bad-prob 5% >events.ndjson
	with_kafka_and
	for name in clean clean.dlq; do kadm -b "$HTA_BROKERS" create "$web$name" 2; done
	echo '{"required":["ts","user_id"],"properties":{"latency_ms":{"type":["number","null"]}}}' >event.json
	committed_in() { settled "$web$1" && kcat -C -b "$HTA_BROKERS" -t "$web$1" -e -q -X isolation.level=read_committed; }
	wanted() { LC_ALL=C.UTF-8 grep -ax '.*' events.ndjson | jq -cR 'fromjson? | select(type == "object" and has("ts") and has("user_id") and .event_type != "view")'; }
	fast=$(grep -ac '"latency_ms":"fast"' events.ndjson)
	[ "$fast" -gt 10 ]
	example hta.7 21
	committed_in clean | jq -c . | sort | cmp - <(wanted | jq -c 'select(.latency_ms | type != "string")' | sort)
	dead=$(committed_in clean.dlq | wc -l)
	[ "$dead" -gt "$fast" ]
	example hta.7 22
	grep -qE "^ +$fast  hta-validate  /latency_ms: " "$out"
	[ "$(grep -c '"latency_ms":"fast"' "$out")" = 5 ]
	settled "$topic"
	example hta.7 21
	committed_in clean | jq -c . | sort | cmp - <(wanted | jq -c 'if .latency_ms | type == "string" then .latency_ms = 0 else . end' | sort)
	[ "$(committed_in clean.dlq | wc -l)" = "$dead" ]
	fails_with 1 hta-dlq ls -b "$HTA_BROKERS" -t "${web}clean.dlq" --reason "is not of type"
}

@test "hta(7): what is wrong, at night" {
	here
	with_kafka_and pg
	psql -Xqc 'drop schema public cascade; create schema public'
	printf '%s\n' '{"endpoint":"/a","ts":"soon"}' >>events.ndjson
	kcat -P -b "$HTA_BROKERS" -t "$topic" -l events.ndjson
	spawn pipeline bash -c "hta-consume -b $HTA_BROKERS -t $topic -g ${web}web --epoch 50ms | hta-window --by endpoint | hta-sink-pg --init service=rollups | hta-commit"
	stored() { [ "$(pg 'SELECT sum(count), (SELECT count(*) FROM hta_dead) FROM hta_rollups')" = '40000|1' ]; }
	wait_until 60 stored
	example hta.7 31
	for word in "^${web}web: keeping up" '"sink":"pg:hta_rollups"' '^ +1  hta-window  .*ts is a string' '^cluster: group' '^Postgres: '; do grep -qE "$word" "$out" || { cat "$out"; echo "no $word"; return 1; }; done
	local pipeline=$pid
	example hta.7 33
	[ "$(jq -c '.[0:2]' "$out" | sort | paste -sd' ')" = '["pg:hta_rollups",0] ["pg:hta_rollups",1] ["pg:hta_rollups",2]' ]
	grep -q '"2026-01-01T00:03:19.990Z",true\]$' "$out"
	example hta.7 34
	grep -qxF '["hta-window",40001,0,0,0,1,0]' "$out"
	grep -qE '^ +1  hta-window  .*ts is a string' "$out"
	reader_port=$(svc_free_port)
	spawn reader hta-serve -l "$reader_port" -d service=rollups
	local reader=$pid
	wait_until 60 curl -sf "http://localhost:$reader_port/health/ready"
	example hta.7 35
	sed -n 1p "$out" | jq -e '.stores.Postgres == "ok"'
	for name in 'hta_store_up{store="Postgres"} 1' 'hta_query_queue 0' hta_query_running hta_query_refused_total; do grep -qF "$name" "$out"; done
	kill -TERM -- "-$reader"
	# a stage that was killed
	kill -KILL "$(hta-top --json | jq '.stages[] | select(.program == "hta-window" and .alive) | .pid')"
	wait_until 60 gone "$pipeline"
	example hta.7 32 || : # 1: nothing runs any more
	grep -qF '["hta-window","killed",' "$out"
}

@test "hta(7): back up, and restore; another version" {
	here
	with_service pg
	service_file
	head -n 5000 events.ndjson >all && mv all events.ndjson
	example hta.7 36
	hta-gen --count 3000 --seed 2 >>events.ndjson
	feed bash -c 'hta-consume --job nightly events.ndjson | hta-window --metric nightly --by endpoint | hta-sink-pg service=rollups | hta-sink-sqlite nightly.db | hta-commit'
	counts() { echo "$(pg "SELECT sum(count) FROM hta_rollups WHERE metric = 'nightly'") $(sql nightly.db 'SELECT sum(count) FROM hta_rollups')"; }
	[ "$(counts)" = '8000 8000' ]
	example hta.7 37
	[ "$(counts)" = '8000 8000' ]
	example hta.7 38
	[ "$(wc -l <"$out")" = 3 ]
}

# In a folder of its own: the intake's script is still being run here.
takes_event() (
	mkdir -p client
	cd client || return
	example hta-ingest.1 2 || return
	jq -e '.status == "accepted"' "$out"
)

@test "hta-ingest(1)" {
	here
	port=$(svc_free_port)
	endless hta-ingest.1 1 takes_event
	[ "$(sql rollups.db "SELECT sum(count) FROM hta_rollups WHERE metric = 'views'")" = 1 ]
	rm -r log rollups.db
	endless hta-ingest.1 3 takes_event
	example hta-ingest.1 4
	[ "$(sql rollups.db "SELECT sum(count) FROM hta_rollups WHERE metric = 'views'")" = 1 ]
}

# In a folder of its own: the server's script is still being run here.
answers_rows() (
	mkdir -p client
	cd client || return
	example hta-serve.1 2 || return
	[ "$(sed -n 1p "$out" | jq '.rows | length')" -ge 3 ] || return
	[ "$(grep -c '^window_start,window_end,final,event_type,count' "$out")" = 1 ] || return
	[ "$(tail -n 1 "$out" | jq -c '[.rows[].dims.event_type]')" = '["click"]' ]
)

@test "hta-serve(1)" {
	here
	with_service redis
	port=$(svc_free_port)
	endless hta-serve.1 1 answers_rows
	endless hta-serve.1 4 answers_rows
	hta-log-append log <<<'{"event_type":"click"}'
	has_event() { curl -sSf "http://localhost:$port/events" | jq -e '.events[0].event_type == "click"'; }
	unset "${!PG@}" # libpq's environment names a store, too, and other tests may have left events there
	endless hta-serve.1 3 has_event
}

@test "hta-validate(1)" {
	here
	example hta-validate.1 1
	[ "$(jq -c 'select(.status < 400)' events.ndjson | wc -l)" = "$(wc -l <good.ndjson)" ]
	grep -q 'is more than maximum 399' "$out"
	example hta-validate.1 2
	[ "$(sql rollups.db "SELECT sum(count) FROM hta_rollups WHERE metric = 'valid'")" = "$(grep -cE '"event_type":"(purchase|click)"' events.ndjson)" ]
}

@test "Avro in, Avro out" {
	with_avro
	jq -nc '{type: "record", name: "Clean", fields: [{name: "ts", type: "string"}, {name: "endpoint", type: "string"}]}' >clean.avsc
	example hta.7 23
	settled "${web}clean"
	[ "$(kcat -C -e -q -b "$HTA_BROKERS" -t "${web}clean" | tail -c +6 | tr -cd ' -~')" = '(2026-01-01T00:00:00Z/' ]
	hta-gen --count 1000 >events.ndjson
	cp "$man/../examples/systems/row.avsc" .
	topic_new "$BATS_TEST_NUMBER.rows" 1
	example hta-sink-kafka.1 4
	[ "$(hta-consume -b "$HTA_BROKERS" -t "$topic" -e --decode avro --registry "$HTA_TEST_REGISTRY" | jq -s 'map(.count) | add')" = 1000 ]
}

@test "hta(7): keep everything, count it again" {
	here
	with_kafka_and s3
	example hta.7 24
	example hta.7 25
	[ "$(sql regions.db 'SELECT sum(count) FROM hta_rollups')" = 20000 ]
}

# Starts an example that goes on, and waits for its server.
server_of() { # PAGE N PORT
	example_of "$1" "$2"
	mv example "example.$2"
	sed -i '1i trap : TERM INT' "example.$2"
	spawn "server.$2" bash -eo pipefail "example.$2"
	wait_until 60 curl -sf "http://localhost:$3/health/ready"
}
# The store has it a moment after the answer, the reader a second later.
all_is_told() { example hta.7 29 && [ "$(jq -c 'select(.rows) | [.rows[] | [.dims.event_type, .count]]' "$out")" = '[["view",400],["buy",100]]' ]; }
ended() { kill -TERM -- "-$1" && exits_with 0 60 "$1"; } # PID

@test "hta(7): events in over HTTP, numbers out" {
	cd "$BATS_TEST_TMPDIR"
	with_service kafka
	topic_new "$BATS_TEST_NUMBER.events" 1
	web=$HTA_PREFIX.$BATS_TEST_NUMBER.
	port=$(svc_free_port) reader_port=$(svc_free_port)
	seq 500 | jq -c '{event_id: "e\(.)", user_id: "u\(. % 7)", event_type: (if . % 5 == 0 then "buy" else "view" end)}' >events.ndjson
	server_of hta.7 26 "$port"
	intake=$pid
	example hta.7 27
	jq -e '.count == 500 and .duplicates == 0' "$out"
	example hta.7 27 # again: nothing is taken twice
	jq -e '.count == 500 and .duplicates == 500' "$out"
	server_of hta.7 28 "$reader_port"
	reader=$pid
	wait_until 60 all_is_told
	example hta.7 29
	[ "$(jq -c 'select(.data) | .data.latestEvents | map(.eventType)' "$out")" = '["buy","view","view"]' ]
	ended "$reader"
	ended "$intake"
	rm -r log
	server_of hta.7 30 "$port"
	intake=$pid
	example hta.7 27
	wait_until 60 eval '[ "$(kcat -C -e -q -b "$HTA_BROKERS" -t "$topic" -X isolation.level=read_committed | jq -s "map(.event_id) | unique | length")" = 500 ]'
	ended "$intake"
}

@test "hta(7): a store over several machines" {
	here
	with_kafka_and pg
	for shard in a b c d; do
		psql -Xqc "DROP SCHEMA IF EXISTS $shard CASCADE; CREATE SCHEMA $shard"
		printf '%s\n' "[$shard]" "host=$PGHOST" "port=$PGPORT" "user=$PGUSER" "dbname=$PGDATABASE" "options=-csearch_path=$shard" >>"$PGSERVICEFILE"
	done
	example hta.7 39
	[ "$(hta-query -d shards:service=a,service=b,service=c,service=d history events | jq -s 'map(.count) | add')" = 20000 ]
	for shard in a b c d; do [ "$(pg "SELECT sum(count) BETWEEN 4000 AND 6000 FROM $shard.hta_rollups")" = t ]; done
	psql -Xqc "DROP SCHEMA a, b, c, d CASCADE"
}

@test "hta(7): monitoring" {
	cd "$BATS_TEST_TMPDIR"
	ln -s "$top/examples" examples
	example hta.7 40
	[ "$(grep -c SUCCESS "$out")" -ge 2 ]
}

@test "hta-systems(7)" {
	cd "$BATS_TEST_TMPDIR"
	ln -s "$top/examples" examples
	export HTA_WORK=$BATS_TEST_TMPDIR/work
	port=$(svc_free_port) reader_port=$(svc_free_port)
	example hta-systems.7 1
}
