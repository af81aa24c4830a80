# The end of the pipe: acknowledgements, the account, the life of a stage.
load helpers

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

@test "a stage that fails tells all: pipefail has its code" {
	fails_with 78 pipe 'hta-consume --job c events | hta-window | hta-sink-sqlite missing.db | hta-commit'
	[ "$(grep -c 'missing.db' <<<"$stderr")" -ge 1 ]
}

@test "messages as JSON, for a program to read" {
	fails_with 64 pipe 'hta-consume events | hta-commit --log json'
	grep -a '^{' "$out.err" | jq -e 'select(.program == "hta-commit" and .level == "error" and (.msg | length) > 0)'
}

@test "a stage that dies before or inside its hello is a crash, 76: a supervisor starts again" {
	fails_with 76 pipe 'true | hta-commit'
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
time.sleep(60)"
	wait_until 10 test -S taken.sock
	fails_with 78 pipe "hta-consume --job b --ack $BATS_TEST_TMPDIR/taken.sock events | hta-window | hta-sink-sqlite --init db | hta-commit"
	says 'taken.sock'
}
