# The local log of an intake: its writer (hta-log-append, an intake without one), killed and torn, and hta-consume --log.
load ../helpers
setup() { cd "$BATS_TEST_TMPDIR"; export PATH="$HTA_BUILD_DIR/tests/mock:$PATH"; }
teardown() {
	kill_spawned
	if mountpoint -q "$BATS_TEST_TMPDIR/disk"; then umount "$BATS_TEST_TMPDIR/disk"; fi
}

events() { # COUNT [FIRST]
	hta-gen --count "$1" --step 100ms --seed "${2:-1}"
}

# What was promised: behind its offset each line that was printed, in whole lines.
promised() { grep -hE '^[0-9]+	.*\}$' "$@"; }
# What the log has, behind its offsets.
logged() { # DIR
	hta-consume --job show --log "$1" -e --dead drop --epoch 60s | tee stream | hta-commit >commit.out
}
records() { cut -f2- "$@"; }
lines_of() { hta-consume --log "$1" -e; } # DIR
job() { # DIR [OPTION...]
	echo "hta-consume --job j --log $1 ${*:2} | hta-window --every 1m --by endpoint --dead drop | hta-sink-sqlite --init rows.db | hta-commit"
}
counted() { sqlite3 rows.db 'SELECT coalesce(sum(count), 0) FROM hta_rollups'; }
counts() { [ "$(counted)" = "$1" ]; }
acked() { od -An -t d8 -j 72 -N 8 "$1/durable" | tr -d ' '; }  # DIR: by the first reader
durable() { od -An -t d8 -j 16 -N 8 "$1/durable" | tr -d ' '; } # DIR

@test "what is appended is there, byte for byte, and a plain stream has it" {
	events 20000 >in
	hta-log-append -s 1000000 log <in >told
	cmp <(records told) in
	cmp <(lines_of log) in
	cmp <(cat log/0*.log | grep -v '^{"$log":') in
	[ "$(cat log/0*.log | grep -c '^{"$log":{"at": ')" -ge 3 ]
	[ "$(ls log/0*.log | wc -l)" -ge 3 ]
	[ "$(cat log/0*.log | grep '^{"$log"' | jq -s 'map(."$log".n) | add')" = 20000 ]
	[ "$(stat -c %a log)" = 700 ]
}

@test "each promised line stands at its offset" {
	events 3000 >in
	hta-log-append log <in >told
	while read -r offset line; do
		[ "$(tail -c +$((offset + 1)) log/00000000000000000000.log | head -n 1)" = "$line" ]
	done < <(awk 'NR % 500 == 1' told)
}

@test "kill -9 at random: what was promised is there, nothing twice, nothing else" {
	events 30000 >in
	mkfifo tells
	for life in 1 2 3 4 5 6 7 8; do
		sed "s/}$/,\"life\":$life}/" in >in.$life
		spawn w bash -c "exec hta-log-append -s 300000 log <in.$life >tells"
		# its pipe holds less than a thousand lines: when that line is read it is not at its end
		awk -v at=$((RANDOM % 20000 + 1)) -v writer="$pid" '{ print } NR == at { system("kill -9 " writer) }' tells >told.$life
		exits_with 137 60
	done
	hta-log-append log </dev/null
	lines_of log >all
	[ -z "$(sort all | uniq -d)" ]
	promised told.* | records | sort >told
	[ "$(wc -l <told)" -gt 8 ]
	[ "$(wc -l <told)" -lt 240000 ]
	[ -z "$(comm -23 told <(sort all))" ]
	[ -z "$(comm -13 <(sort in.*) <(sort all))" ]
}

@test "each crash point of the writer: what was promised is there, once" {
	events 4000 >in
	n=0
	for point in log-half log-written log-told log-cut log-named log-zeros log-half:2 log-written:3 log-cut:2 log-named:2; do
		n=$((n + 1))
		sed "s/}$/,\"life\":$n}/" in >in.$n
		fails_with 137 bash -c "HTA_CRASH=$point hta-log-append -s 200000 -b 200 log <in.$n >told.$n"
	done
	HTA_CRASH=log-tail fails_with 137 bash -c 'hta-log-append log </dev/null'
	hta-log-append log </dev/null
	lines_of log >all
	[ -z "$(sort all | uniq -d)" ]
	[ -z "$(comm -23 <(promised told.* | records | sort) <(sort all))" ]
	[ -z "$(comm -13 <(sort in.*) <(sort all))" ]
}

@test "a torn tail is cut with one warning; bit rot is 65, and --cut-at consents" {
	events 100 >in
	hta-log-append log <in >told
	end=$(durable log)
	printf '{"$log":{"at":torn' >>log/00000000000000000000.log
	feed bash -c 'hta-log-append log <in >>told'
	says "torn while a group was written: 18 bytes at offset $end"
	[ "$(lines_of log | wc -l)" = 200 ]
	last=$(ls log/0*.log | tail -n 1)
	printf X | dd of="$last" bs=1 seek=300 conv=notrunc status=none
	fails_with 65 hta-log-append log </dev/null
	says "group at offset $end is damaged.*--cut-at $end"
	fails_with 78 hta-log-append -c 7 log </dev/null
	fails_with 65 hta-consume --log log -e
	says "offset $end is damaged: its hash is another"
	feed hta-log-append -c "$end" log </dev/null
	[ -s "log/cut-$end.log" ]
	[ "$(lines_of log | wc -l)" = 100 ]
	fails_with 78 hta-log-append -c "$end" log </dev/null
}

@test "a folder: one writer, one topic, nothing else in it" {
	spawn w bash -c 'sleep 60 | exec hta-log-append log'
	wait_until 60 test -e log/durable
	fails_with 78 hta-log-append log </dev/null
	says 'another process writes'
	mkdir other
	echo x >other/notes
	fails_with 78 hta-log-append other </dev/null
	fails_with 78 hta-consume --log other
	says 'no log'
	fails_with 78 hta-consume --log none
	fails_with 78 hta-consume --log none --log json
	[ "$(jq -r .msg <<<"$stderr")" = 'none: No such file or directory' ]
	fails_with 64 hta-consume --log log --log other
	fails_with 64 hta-consume --log log in
	fails_with 64 hta-consume --log log -t events
	fails_with 64 hta-consume --log log --from -5
}

@test "a job over a log: exactly once, also in many lives, with kills on both sides" {
	events 40000 >in
	split -n l/8 in part.
	for part in part.*; do
		spawn w bash -c "exec hta-log-append -s 500000 -b 50 log <$part >>told"
		writer=$pid
		spawn p bash -c "set -o pipefail; $(job log --epoch 20ms)"
		wait_until 60 test -e rows.db
		exits_with 0 60 "$writer"
		kill_all_of "$pid"
	done
	[ "$(lines_of log | wc -l)" = 40000 ]
	feed pipe "$(job log -e)"
	counts 40000
	feed pipe "$(job log -e)"
	counts 40000
	[ "$(acked log)" = "$(durable log)" ]
}

@test "a reader follows its writer, and idles at its end" {
	events 100 >in
	hta-log-append log <in >told
	spawn p bash -c "set -o pipefail; $(job log --epoch 50ms)"
	wait_until 60 counts 100
	for n in 200 300 400; do
		hta-log-append log <in >>told
		wait_until 60 counts $n
	done
	[ "$(sqlite3 rows.db "SELECT topic || next FROM hta_pos")" = "events$(durable log)" ]
}

@test "retention: what all jobs have stored goes, and a new job finds offsets gone" {
	events 20000 >in
	hta-log-append -s 300000 -k 0 log <in >told
	[ -e log/00000000000000000000.log ]
	feed pipe "$(job log -e)"
	spawn w bash -c 'sleep 60 | exec hta-log-append -s 300000 -k 0 log'
	wait_until 60 test ! -e log/00000000000000000000.log
	counts 20000
	feed pipe "$(job log -e)"
	feed pipe "hta-consume --job k --log log -e --dead drop | hta-commit"
	sqlite3 rows.db 'UPDATE hta_pos SET next = 0, last_offset = NULL'
	fails_with 65 pipe "$(job log -e)"
	says 'were deleted before they were read'
}

@test "a rejected event is a dead letter with its own bytes" {
	printf '%s\n' '{"a":1}' '{"$dead":{"reason":"no user_id","request_id":"01"},"record":"{\"b\":\"\\n\""}' '{"a":2}' >in
	hta-log-append log <in >told
	feed pipe 'hta-consume --job j --log log -e --dead bad | hta-commit >sum'
	[ "$(jq -r '[.reason, .record, .topic] | join(" ")' bad)" = 'no user_id {"b":"\n" events' ]
	[ "$(jq -r .offset bad)" = "$(sed -n 2p told | cut -f1)" ]
	fails_with 65 hta-consume --log log -e
	says '1 of 3 records were rejected at the intake'
	expect <<-'END'
		{"a":1}
		{"a":2}
	END
}

@test "times: --from and --until are when lines were received" {
	echo '{"a":1}' | hta-log-append log >told
	wait_until 60 bash -c '[ "$(date +%s%6N)" -gt "$(grep -h "^{.\$log" log/0*.log | jq ".\"\$log\".us + 2000")" ]'
	now=$(date -u +%Y-%m-%dT%H:%M:%S.%6NZ)
	echo '{"a":2}' | hta-log-append log >>told
	[ "$(hta-consume --log log --from "$now" -e)" = '{"a":2}' ]
	[ "$(hta-consume --log log --until "$now")" = '{"a":1}' ]
	[ "$(hta-consume --log log --from latest -e)" = '' ]
	[ "$(hta-consume --log log -c 1)" = '{"a":1}' ]
}

@test "a full disk is told before anything is promised, and room is taken up again" {
	mkdir disk
	mount -t tmpfs -o size=3m tmpfs disk || skip "no rights to mount"
	events 30000 >in
	fails_with 74 bash -c 'hta-log-append -s 1000000 disk/log <in >told'
	says 'No space left on device'
	[ "$(wc -l <told)" -gt 1000 ]
	cmp <(lines_of disk/log) <(records told)
	feed pipe "$(job disk/log -e)"
	counts "$(wc -l <told)"
	tail -n +$(($(wc -l <told) + 1)) in >rest
	[ -s rest ]
	mount -o remount,size=30m disk
	hta-log-append -s 1000000 disk/log <rest >>told
	cmp <(lines_of disk/log) in
	feed pipe "$(job disk/log -e)"
	counts 30000
}
