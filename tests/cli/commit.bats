# The end of the pipe: acknowledgements, the account, the life of a stage.
load ../helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
	hta-gen --count 1000 >events
}

@test "a plain stream has nothing to acknowledge: 64" {
	fails_with 64 pipe 'hta-consume events | hta-commit'
	says '-g GROUP, or --job'
	[ "$(grep -c . <<<"$stderr")" -ge 1 ]
}

@test "-v says a line an epoch, and the total" {
	feed pipe 'hta-consume --job v --epoch-records 100 events | hta-window | hta-sink-sqlite --init db | hta-commit -v'
	[ ! -s "$out" ]
	[ "$(grep -c 'epoch=[0-9]* records=100 ' <<<"$stderr")" = 10 ]
	says 'end: epochs=[0-9]+ records=1000 '
}

@test "--ack moves the socket" {
	feed pipe "hta-consume --job moved --ack $BATS_TEST_TMPDIR/other.sock events | hta-window | hta-sink-sqlite --init db | hta-commit"
	[ "$(sqlite3 db 'select sum(next) from hta_pos')" = "$(stat -c %s events)" ]
}

@test "an acknowledged stream into a terminal: hta-commit is missing, 64" {
	fails_with 64 script -qec 'bash -o pipefail -c "hta-consume --job t events | hta-window --dead drop"' /dev/null
	grep -q 'hta-commit. is missing' "$out"
}

@test "a stream without sinks is acknowledged: at least once, from the start each time" {
	feed pipe 'hta-consume --job none --dead drop events | hta-window --dead drop | hta-commit -v'
	says 'records=1000'
}

@test "a filter that re-lines the stream: 65, or booked with --foreign" {
	grep -c '"status":200' events >want
	hard='hta-consume --job f events | (trap "" INT TERM; exec grep -a --line-buffered -e "^{\"\$hta\"" -e "\"status\":200") | hta-window FLAG | hta-sink-sqlite --init FILE | hta-commit'
	run=${hard/FLAG/}
	fails_with 65 pipe "${run/FILE/a.db}"
	says '--foreign'
	run=${hard/FLAG/--foreign}
	feed pipe "${run/FILE/b.db}"
	[ "$(sqlite3 b.db 'select sum(count) from hta_rollups')" = "$(<want)" ]
}

@test "jq between two stages passes control records" {
	jq -c 'select(.status == 200)' events | wc -l >want
	feed pipe "hta-consume --job jq events | jq --unbuffered -c 'select(has(\"\$hta\") or (.status == 200))' | hta-window --foreign | hta-sink-sqlite --init db | hta-commit"
	[ "$(sqlite3 db 'select sum(count) from hta_rollups')" = "$(<want)" ]
}

@test "a filter that swallows control lines: nothing is lost, the cause is named" {
	fails_with 78 pipe 'hta-consume --job s events | jq --unbuffered -c "select(.status == 200)" | hta-window --dead drop | cat >/dev/null'
	says 'drops or buffers control lines'
}

@test "a source that is stopped while its sinks are asked: nothing is left to acknowledge, 0" {
	cat >hold <<-'E'
		while IFS= read -r line; do
			case $line in *'"probe"'*) : >asked; until [ -e go ]; do sleep 0.05; done ;; esac
			printf '%s\n' "$line"
		done
	E
	spawn stopped bash -c 'set -o pipefail; { echo $BASHPID >source; exec hta-consume --job stopped events; } | hta-window | hta-sink-sqlite --init db | bash hold | hta-commit'
	wait_until 60 test -e asked
	kill -TERM "$(<source)"
	wait_until 60 gone "$(<source)"
	touch go
	exits_with 0 60
	not grep -q acknowledged stopped.err
}

@test "a stage that fails tells all: pipefail has its code" {
	fails_with 78 pipe 'hta-consume --job c events | hta-window | hta-sink-sqlite missing.db | hta-commit'
	[ "$(grep -c 'missing.db' <<<"$stderr")" -ge 1 ]
}

@test "messages as JSON, for a program to read" {
	fails_with 64 pipe 'hta-consume events | hta-commit --log json'
	grep -a '^{' "$out.err" | jq -e 'select(.program == "hta-commit" and .level == "error" and (.msg | length) > 0)'
}

@test "a stage that dies before or inside its hello is a crash, 76: a supervisor starts again" {
	fails_with 76 pipe 'printf %s "{\"\$hta\":\"hello\",\"v\":1,\"inc\":" | hta-commit'
	fails_with 76 pipe 'printf %s "{\"\$hta\":\"hello\",\"v\":1,\"inc\":" | hta-window'
	says 'before its first line was complete'
	fails_with 76 pipe 'hta-consume --job v events | HTA_CRASH=line-half hta-window | hta-sink-sqlite --init db | hta-commit'
	fails_with 76 pipe 'HTA_CRASH=line-half hta-consume --job v events | hta-window | hta-sink-sqlite --init db | hta-commit'
	feed pipe 'hta-consume --job v events | hta-window | hta-sink-sqlite --init db | hta-commit'
}

@test "a source that fails before it has a channel: its code, not one about a plain stream" {
	spawn holder python3 -c "
import socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind('taken.sock')
s.listen()
print('listens', flush=True)
time.sleep(300)"
	wait_until 60 grep -q listens holder.out
	fails_with 78 pipe "hta-consume --job b --ack $BATS_TEST_TMPDIR/taken.sock events | hta-window | hta-sink-sqlite --init db | hta-commit"
	says 'taken.sock'
}

# ---- what fails before the stream begins ----

# Each of these stages fails before it has read a line; the code is that of the whole.
one_of() { # CODE PIPELINE
	fails_with "$1" pipe "$2"
	[ "$(grep -c . <<<"$stderr")" -ge 1 ]
	not grep -q 'start the pipeline again' <<<"$stderr"
}

@test "a wrong option of any stage is 64 of the whole, and says why once" {
	source='hta-consume --job u events' window=hta-window sink='hta-sink-sqlite --init u.db' commit=hta-commit
	one_of 64 "$source | hta-window --every 60 | $sink | $commit"
	[ "$(grep -c . <<<"$stderr")" = 1 ]
	says '"60" is not a duration'
	one_of 64 "hta-consume --job u --bogus events | $window | $sink | $commit"
	one_of 64 "hta-consume --bogus --job u events | $window | $sink | $commit"
	one_of 64 "hta-consume --epoch 1 events -g u | $window | $sink | $commit"
	[ "$(grep -c . <<<"$stderr")" = 1 ]
	one_of 64 "$source | hta-window --max-groups 5 | $sink | $commit"
	one_of 64 "$source | hta-window --max-line 1 | $sink | $commit"
	one_of 64 "$source | $window | hta-sink-sqlite --tabel x u.db | $commit"
	one_of 64 "$source | $window | hta-sink-sqlite one.db two.db | $commit"
	one_of 64 "$source | $window | $sink | hta-sink-redis redis:nowhere | $commit"
	one_of 64 "$source | $window | $sink | hta-sink-sqlite --replace u.db | $commit"
	one_of 64 "$source | $window | $sink | $commit --bogus"
	one_of 64 "$source | HTA_CRASH=nowhere $window | $sink | $commit"
	# two of them
	one_of 64 "$source | hta-window --every 60 | hta-sink-sqlite --tabel x u.db | $commit"
	one_of 64 "hta-consume --job u --bogus events | hta-window --every 60 | $sink | $commit"
	[ ! -e u.db ] || [ "$(sqlite3 u.db 'select count(*) from hta_rollups')" = 0 ]
}

@test "a path, a file, a server's name, a setting that is wrong: the stage's code is that of the whole" {
	rest='hta-window | hta-sink-sqlite --init p.db | hta-commit'
	one_of 78 "hta-consume --job p missing.ndjson | $rest"
	one_of 78 "hta-consume --job p --dead no/such/folder/bad events | $rest"
	one_of 64 "hta-consume -b localhost:1 -t x -g p -X no.such=thing | $rest"
	one_of 64 "hta-consume -b localhost:1 -t x -g p -F no/such/file | $rest"
	one_of 78 "hta-consume --job p events | hta-window --dead no/such/folder/bad | hta-sink-sqlite --init p.db | hta-commit"
	one_of 78 "hta-consume --job p events | hta-window --late no/such/folder/late | hta-sink-sqlite --init p.db | hta-commit"
	one_of 78 "hta-consume --job p events | hta-window | hta-sink-sqlite --init no/such/folder.db | hta-commit"
	one_of 78 "hta-consume --job p events | hta-window | hta-sink-pg 'no such=thing' | hta-commit"
}

@test "a failure passes foreign filters, and those below say nothing" {
	one_of 64 "hta-consume --job u events | hta-window --every 60 | jq --unbuffered -c . | hta-sink-sqlite --foreign --init u.db | grep -a --line-buffered . | hta-commit --foreign"
	[ "$(grep -c . <<<"$stderr")" = 1 ]
}

@test "a failure waits for a hello that comes late; its message does not" {
	mkfifo go
	spawn late bash -c 'set -o pipefail; { read -r _ <go; exec hta-consume --job late events; } | hta-window --every 60 | hta-sink-sqlite --init l.db | hta-commit'
	wait_until 60 grep -q '"60" is not a duration' late.err
	[ ! -e l.db ]
	echo >go
	exits_with 64 60
}

@test "a failure waits ten seconds at most, and a signal ends it; where nobody would hear it, not at all" {
	mkfifo never
	exec 5<>never
	# no stage above, or none below
	fails_with 64 timeout 5 hta-window --every 60 <&5
	fails_with 64 timeout 5 bash -o pipefail -c 'hta-window --every 60 </dev/null | cat'
	fails_with 64 timeout 5 bash -o pipefail -c 'hta-window --every 60 events <&5 | cat'
	fails_with 64 timeout 5 bash -o pipefail -c 'hta-sink-sqlite --reset j --tabel x never.db <&5 | cat'
	spawn ends bash -o pipefail -c 'hta-window --every 60 <&5 | cat'
	wait_until 60 grep -q '"60" is not a duration' ends.err
	kill -INT -- "-$pid"
	exits_with 130 60
	# the stage below has gone
	fails_with 64 timeout 5 bash -o pipefail -c 'hta-window --every 60 <&5 | true'
	fails_with 64 timeout 60 bash -o pipefail -c 'hta-window --every 60 <&5 | cat'
	exec 5<&-
}

@test "a failure writes nothing into a plain stream" {
	fails_with 64 pipe 'hta-gen --count 10 | hta-window --bogus | cat'
	[ ! -s "$out" ]
	fails_with 64 pipe 'true | hta-window --bogus | cat'
	[ ! -s "$out" ]
	fails_with 64 pipe 'hta-consume --bogus events | cat'
	[ ! -s "$out" ]
	fails_with 64 pipe 'printf %s half | hta-window --bogus | cat'
	[ ! -s "$out" ]
	fails_with 64 pipe 'hta-consume --job u --bogus events'
	[ ! -s "$out" ]
}

@test "--help and --version between two pipes leave with 0" {
	for option in --help --version '--completion bash'; do
		feed pipe "true | hta-window $option | cat"
		[ -s "$out" ]
		feed pipe "hta-consume $option --job j | cat"
		not grep -q '"\$hta"' "$out"
	done
}

# ---- how a pipeline is put together ----

@test "two windows: 64, with the way that works" {
	fails_with 64 pipe 'hta-consume --job w events | hta-window | hta-window --every 1h | hta-sink-sqlite --init w.db | hta-commit'
	says 'several --metric NAME of one hta-window'
	[ "$(sqlite3 w.db 'select count(*) from hta_pos' 2>/dev/null || echo 0)" = 0 ]
	fails_with 64 pipe 'hta-consume --job w events | hta-window | hta-sink-sqlite --init w.db | hta-window --every 1h | hta-sink-sqlite --init w2.db | hta-commit'
	[ "$(sqlite3 w.db 'select count(*) from hta_pos' 2>/dev/null || echo 0)" = 0 ]
	feed pipe 'hta-consume --job w events | hta-window --metric m --metric h --every 1h | hta-sink-sqlite --init w.db | hta-commit'
	[ "$(sqlite3 w.db 'select metric, sum(count) from hta_rollups group by 1' | paste -sd' ')" = 'h|1000 m|1000' ]
	# plain rows are lines like others, for who knows where their time is
	fails_with 65 pipe 'hta-window events | hta-window'
	says 'ts is missing'
	feed pipe 'hta-window --by status events | hta-window --time window_start'
	[ "$(jq .count "$out")" = "$(hta-window --by status events | wc -l)" ]
}

@test "a sink without a window above: 64, not the first record's 65" {
	for above in 'hta-consume --job s events' "hta-consume --job s events | hta-sink-sqlite --init s.db | hta-window"; do
		fails_with 64 pipe "$above | hta-sink-sqlite --init s.db | hta-commit"
		says 'no hta-window above'
	done
	fails_with 65 pipe 'hta-consume events | hta-sink-sqlite --init plain.db'
	says 'is hta-window missing above'
}

@test "a program behind hta-commit: 64 of both" {
	above='hta-consume --job b events | hta-window | hta-sink-sqlite --init b.db | hta-commit'
	fails_with 64 pipe "$above | hta-sink-sqlite --init c.db"
	says 'hta-commit stands above'
	fails_with 64 pipe "$above | hta-window | cat"
	# on a stream that does not end it is no matter of the end
	cat >endless <<-'END'
		source "$1/stream.bash"
		hello
		probe
		for ((n = 0; ; n++)); do bar $((n + 1)) "events/0:$n:$((n + 1))"; done
	END
	fails_with 64 timeout 60 bash -o pipefail -c "bash endless $tests 2>/dev/null | hta-commit --foreign | hta-window"
	says 'hta-commit: this is the end of a pipeline'
	feed pipe "$above | cat"
}

# ---- nothing has come ----

@test "a program that is not there: 78, and hta-commit names the causes" {
	for name in hta-consum hta-windo hta-sink-sqlit; do
		run='hta-consume --job n events | hta-window | hta-sink-sqlite --init n.db | hta-commit'
		fails_with 78 pipe "${run/${name}[ew]/$name}"
		says "$name: command not found"
		says 'hta-commit: nothing has come.*--job NAME'
	done
	fails_with 127 pipe 'hta-consume --job n events | hta-window | hta-sink-sqlite --init n.db | hta-comit'
	fails_with 78 pipe 'true | hta-commit'
	# a plain stream without a row
	fails_with 78 pipe 'hta-consume events | hta-window | hta-sink-sqlite --init n.db | hta-commit'
	# a stage that fails and has nobody to hear it from
	fails_with 78 pipe 'true | hta-window --bogus | hta-sink-sqlite --init n.db | hta-commit'
}

# A stage that waits for its first line, killed there. The others follow by themselves.
killed_at_first() { # STAGES BELOW
	rm -rf never run
	mkdir -m 700 run
	mkfifo never
	exec 5<>never
	spawn k bash -o pipefail -c "hta-window --run $PWD/run <never | $1"
	wait_until 60 compgen -G 'run/hta-window.*.page'
	page=$(compgen -G 'run/hta-window.*.page')
	kill -KILL "$(grep -oE '[0-9]+' <<<"${page##*/}")"
	exits_with 76 60
	exec 5<&-
}

@test "a stage that is killed before the first line: 76, through all that stand below" {
	killed_at_first hta-commit
	grep -q 'has gone before its first line' k.err
	killed_at_first 'hta-sink-sqlite --init k.db | hta-commit'
	killed_at_first 'hta-sink-sqlite --init k.db | hta-sink-sqlite --init --name two k2.db | hta-commit'
	# to a filter it is an empty plain stream, as ever
	fails_with 137 pipe '(kill -KILL $BASHPID) | hta-window --by k'
	[ ! -s "$out" ]
}

# ---- the codes of hta(7) ----

@test "every code of hta(7) is that of a whole pipeline" {
	want=$(sed -n '/^\.Sh EXIT STATUS/,/^\.El/s/^\.It \([0-9]*\)$/\1/p' "$top/man/hta.7" | paste -sd' ')
	[ -n "$want" ]
	sink='hta-sink-sqlite --init x.db | hta-commit'
	got=
	leaves() { # CODE PIPELINE
		fails_with "$1" pipe "$2"
		got+=" $1"
	}
	leaves 0 "hta-consume --job x events | hta-window | $sink"
	leaves 1 'hta-query -d x.db latest nothing | cat'
	leaves 64 "hta-consume --job x events | hta-window --every 60 | $sink"
	leaves 65 "hta-consume --job y events | hta-window --metric y --time nothing | $sink"
	leaves 69 "hta-consume --job x --dead drop events | hta-window --dead drop | hta-sink-redis --retry-for 1s redis://127.0.0.1:1 | hta-commit"
	says 'given up after 1s'
	leaves 70 "hta-consume --job z events | hta-window --metric z | hta-sink-sqlite --init x.db | sed -u 's/\"agg\":[0-9]*/\"agg\":1/' | hta-commit"
	leaves 74 "hta-gen --count 100 --bad-prob 1 >bad; hta-consume --job w bad | hta-window --metric w --dead /dev/full --dead-limit 1 | $sink"
	leaves 75 'hta-consume --job x events | hta-window | hta-sink-sqlite --init x.db | head -n 1 >/dev/null'
	leaves 76 "hta-consume --job v events | HTA_CRASH=barrier-before hta-window --metric v | $sink"
	leaves 78 "hta-consume --job x events | hta-window | hta-sink-sqlite missing.db | hta-commit"
	[ "${got# }" = "$want" ]
}

# ---- variables that are not set ----

# Options that take a value, as --help has them.
options_of() { "$1" --help | sed -nE 's/^  (-.,|   ) --([a-z-]+) [^ ].*/\2/p'; } # PROGRAM

@test "an empty value or operand is 64 and named, whichever it is" {
	none='by where value uniq agg top fold' # of hta-window, and --by of hta-query: none
	tried=0
	for path in "$HTA_BUILD_DIR"/hta-*; do
		program=${path##*/}
		[ -x "$path" ] && [ -f "$path" ] || continue
		for option in $(options_of "$program"); do
			case " $none " in *" $option "*) continue ;; esac
			fails_with 64 "$program" "--$option" '' </dev/null
			says "^$program: --$option: the value is empty"
			tried=$((tried + 1))
		done
		fails_with 64 "$program" '' </dev/null
		says 'operand'
	done
	[ "$tried" -gt 80 ]
	feed hta-window --by '' --value '' --uniq '' --where '' --agg '' --top '' --fold '' events
	fails_with 64 pipe 'hta-consume --job e events | hta-window | hta-sink-sqlite --init "" | hta-commit'
	says 'hta-sink-sqlite: an operand is empty'
	fails_with 64 hta-sink-pg --init '' </dev/null
}
