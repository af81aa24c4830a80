# hta-ingest as the head of a pipeline: what was answered is stored, once, whatever ends.
load ../helpers
load ../ingest

setup() { cd "$BATS_TEST_TMPDIR" || return; }

lite='hta-sink-sqlite --init --events --time timestamp lite.db | hta-commit'
stored() { sqlite3 lite.db 'SELECT event_id FROM hta_events ORDER BY 1'; }
has_stored() { [ "$(stored 2>/dev/null | wc -l)" -ge "$1" ]; } # N

@test "what is answered is stored, once; TERM under load leaves nothing owed, and 0" {
	serve_into "$lite"
	batch 1 20000 | split -l 100 - part.
	for part in part.*; do
		post /ingest "@$part" -H "$ndjson" || :
		[ "$status" != 202 ] || cat "$part" >>acked
	done 2>/dev/null &
	load=$!
	wait_until 60 has_stored 500
	kill -TERM "$intake"
	exits_with 0 60
	kill $load 2>/dev/null || :
	wait $load || :
	intake_left_with 0
	jq -r .event_id acked | sort >ids
	[ -z "$(comm -23 ids <(stored))" ]
	[ "$(stored | sort | uniq -d)" = "" ]
	[ "$(logged | wc -l)" = "$(stored | wc -l)" ]
}

@test "rows: counted once in many lives, and the answer waits for the store where it shall" {
	rows='hta-window --every 1m --time timestamp --by event_type --dead drop | hta-sink-sqlite --init rows.db | hta-commit'
	counted() { [ "$(sqlite3 rows.db 'SELECT coalesce(sum(count), 0) FROM hta_rollups')" = "$1" ]; }
	for n in 1 2 3; do
		serve_into "$rows"
		post /ingest "$(batch $((n * 1000 - 500)) $((n * 1000 + 499)) | jq -sc .)" -H 'Prefer: wait=20'
		answers 200 .status accepted
		counted $((n * 1000))
		kill_all_of "$pid"
	done
}

@test "kill -9 of intake and stages under load: the stored set is the acknowledged set" {
	with_service pg
	feed python3 "$tests/cli/ingest_kill.py" log "${HTA_KILLS:-15}" "${HTA_SEED:-$RANDOM}" \
		'hta-sink-pg --init --events --time timestamp | hta-sink-sqlite --init --events --time timestamp lite.db | hta-commit'
	[ ! -s wrong ] || { head -n 3 wrong; return 1; }
	[ "$(wc -l <acked)" -gt 500 ]
	psql -qAt -c 'SELECT event_id FROM hta_events' | LC_ALL=C sort >ids
	stored | LC_ALL=C sort | cmp - ids
	logged | jq -r .event_id | LC_ALL=C sort | cmp - ids
	[ -z "$(uniq -d ids)" ]
	[ -z "$(LC_ALL=C sort -u acked | LC_ALL=C comm -23 - ids)" ]
	[ -z "$(LC_ALL=C sort -u sent | LC_ALL=C comm -13 - ids)" ]
	[ "$(jq .unique_processed stats)" = "$(wc -l <ids)" ]
}

@test "a pipeline that stands still: events are taken all the same, and stored when it goes on" {
	serve_into "$lite"
	post /ingest "$(batch 1 10 | jq -sc .)" -H 'Prefer: wait=20'
	answers 200 .count 10
	sink=$(pgrep -g "$pid" -x hta-sink-sqlite)
	kill -STOP "$sink"
	head -c 2000 /dev/zero | tr '\0' x >pad
	for i in $(seq 100 100 2000); do
		batch "$i" $((i + 99)) | jq -c --rawfile pad pad '.payload.pad = $pad' >part
		post /ingest @part -H "$ndjson"
		[ "$status" = 202 ]
	done
	get /health | jq -e '.pipeline.lag_bytes > 1000000'
	post /publish "$login" -H 'Prefer: wait=1'
	answers 202 .status created
	kill -CONT "$sink"
	wait_until 60 has_stored 2011
	kill -TERM "$intake"
	exits_with 0 60
}

@test "--max-lag: a pipeline that is behind refuses events, until it is not; --ack: all answers wait" {
	serve_into "$lite" --max-lag 1s --ack sinks=20s
	post /events "$view"
	answers 200 .status accepted
	grep -qi '^preference-applied: wait' head
	has_stored 1
	sink=$(pgrep -g "$pid" -x hta-sink-sqlite)
	kill -STOP "$sink"
	post /publish "$login" -H 'Prefer: wait=1'
	answers 202 .status created
	behind() { post /publish "$login" -H 'Prefer: wait=1' && refuses 503 pipeline-behind; }
	wait_until 60 behind
	grep -qi '^retry-after: 30' head
	[ "$(get /health/ready | jq -r .code)" = pipeline-behind ]
	get /health | jq -e '.pipeline.lag_s >= 1'
	get /metrics | grep -E '^hta_log_lag_seconds [1-9]'
	kill -CONT "$sink"
	again() { post /publish "$login" && [ "$status" = 409 ]; }
	wait_until 60 again
	[ "$(get /metrics | sed -nE 's/^hta_log_acked_offset\{job="ingest"\} //p')" -gt 300 ]
	kill -TERM "$intake"
	exits_with 0 60
	has_stored 2
}

refuses_clients() { not curl -s --max-time 60 -o /dev/null "$url/health"; }

@test "a signal while the stages below are starting: what was answered goes through them all the same" {
	mkfifo begin
	serve_into "read -r _ <begin; $lite"
	post /events "$view"
	[ "$status" = 202 ]
	kill -TERM "$intake"
	wait_until 60 refuses_clients
	echo >begin
	exits_with 0 60
	intake_left_with 0
	has_stored 1
	serve_into "read -r _ <begin; $lite" --drain 1s
	post /events "$view"
	[ "$status" = 202 ]
	kill -TERM "$intake"
	intake_left_with 0
	echo >begin
	exits_with 75 60
	[ "$(stored | wc -l)" = 1 ]
	serve_into "$lite"
	wait_until 60 has_stored 2
	kill -TERM "$intake"
	exits_with 0 60
}

@test "how it ends is how a stage below ended, and what was answered is in the log" {
	mkfifo begin
	serve_into 'read -r _ <begin; exec hta-sink-sqlite --events no/such.db | hta-commit'
	post /events "$view"
	[ "$status" = 202 ]
	echo >begin
	exits_with 78 60
	intake_left_with 78
	serve_into "$lite"
	wait_until 60 has_stored 1
	kill -9 "$(pgrep -g "$pid" -x hta-commit)"
	intake_left_with 75
	wait_until 60 gone_all_of "$pid"
	serve_into "$lite"
	post /events "$view" -H 'Prefer: wait=20'
	[ "$status" = 200 ]
	kill -TERM "$intake"
	exits_with 0 60
	has_stored 2
}

@test "a log that fails ends the pipeline with 74" {
	serve_into "$lite"
	post /events "$view" -H 'Prefer: wait=20'
	[ "$status" = 200 ]
	prlimit --pid "$intake" --fsize=1000
	post /ingest "$(batch 1 100 | jq -sc .)"
	refuses 503 log-failed
	exits_with 74 60
	intake_left_with 74
	[ "$(grep -c 'the write at offset .*File too large' ingest.err)" = 1 ]
	serve_into "$lite"
	post /ingest "$(batch 1 100 | jq -sc .)" -H 'Prefer: wait=20'
	answers 200 '[.count, .duplicates]' '[100,0]'
	kill -TERM "$intake"
	exits_with 0 60
	has_stored 101
}

@test "what is rejected leniently is a dead letter of the pipeline" {
	serve_into "$lite" --dead bad
	post /ingest "[$(batch 1 1),{\"user_id\":1},$(batch 2 2)]" -H 'Prefer: handling=lenient, wait=20'
	answers 200 '[.count, .rejected]' '[2,1]'
	[ "$(jq -r .record bad)" = '{"user_id":1}' ]
	kill -TERM "$intake"
	exits_with 0 60
	has_stored 2
	fails_with 64 pipe 'hta-ingest -l 0 --log log | cat | hta-commit'
	says 'events that are rejected leniently would have nowhere to go: .* hta-ingest --dead FILE'
}

@test "into a topic, once" {
	with_service kafka
	topic_new dlq 1
	dead=$topic
	topic_new raw 3
	kafka="hta-sink-kafka -b $HTA_BROKERS -t $topic --key user_id --positions $HTA_PREFIX.positions --dead-topic $dead --init | hta-commit"
	for n in 1 2; do
		serve_into "$kafka"
		post /ingest "$(batch $((n * 1000 - 500)) $((n * 1000 + 499)) | jq -sc .)" -H 'Prefer: wait=30'
		answers 200 .count 1000
		kill_all_of "$pid"
	done
	serve_into "$kafka"
	post /publish "$login" -H 'Prefer: wait=30'
	[ "$status" = 201 ]
	kill -TERM "$intake"
	exits_with 0 60
	logged | sort >all
	[ "$(wc -l <all)" = 2001 ]
	# the broker may write the markers of the last transaction when it has answered
	has_all() { kcat -C -b "$HTA_BROKERS" -t "$topic" -e -q -X isolation.level=read_committed | sort | cmp - all; }
	wait_until 60 has_all
}

@test "the command line: what is missing is said to people and stages" {
	fails_with 64 hta-ingest -l 0 --log log
	says '`\| hta-commit` is missing.*--only-log'
	fails_with 64 pipe 'hta-ingest -l 0 --log log --job "a\"b" --dead drop | hta-commit'
	says 'are not for names'
	fails_with 78 pipe 'hta-ingest -l :0 --log log --dead drop | hta-commit'
	says '--keys FILE .*--insecure'
	fails_with 64 pipe 'hta-ingest -l 0 --log log --on-gap stop | hta-commit'
	fails_with 64 hta-ingest -l 0 --log log --only-log --ack sink
	says 'say sinks, or sinks=5s'
	fails_with 64 hta-ingest -l 0 --log log --only-log --ack sinks=2h
	serve
	fails_with 78 pipe 'hta-ingest -l 0 --log log --dead drop | hta-commit'
	says 'another process writes'
	end
}
