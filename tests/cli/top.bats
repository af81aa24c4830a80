# hta-top over real pipelines: alive, behind, dead.
load ../helpers

setup() { cd "$BATS_TEST_TMPDIR" || return; }

# What is different every time: processes, ages, rates, shares of time.
steady() { sed -E 's/[0-9.]+ [smhd] /N s /g; s/plain [0-9]+/plain N/; s/ +/ /g; s/^( hta-[a-z-]+) [0-9]+ (exit [0-9]+|[a-z]+) ([0-9]+ [0-9]+) .*% [0-9]+/\1 \2 \3/; s/ $//' "${1:-$out}"; }

top_says() { # REGEX
	hta-top -1 | grep -E -e "$1" && return
	hta-top -1
	return 1
}

@test "nothing is there: 1, and why" {
	fails_with 1 hta-top -1
	says '^hta-top: no pipeline in '"$HTA_RUN"'$'
	[ ! -s "$out" ]
	feed hta-top --metrics
	[ ! -s "$out" ]
}

@test "a job that ran to its end: its stages and what they did, 1 as none runs" {
	hta-gen --count 1000 --step 100ms >events
	feed pipe 'hta-consume --job web --epoch 1h events | hta-window --by endpoint | hta-sink-sqlite --init db | hta-commit'
	rows=$(sqlite3 db 'select count(*) from hta_rollups')
	fails_with 1 hta-top -1
	steady >got
	expect got <<-END
		web: stopped N s ago, everything was acknowledged
		 partitions 1, epochs acknowledged 1, in flight 0, watermark 2026-01-01T00:01:39.900Z
		 stage pid state in out in/s MB/s dead late idle blocked store retries detail
		 hta-consume done 1000 1000 events
		 hta-window done 1000 $rows
		 hta-sink-sqlite done $rows $rows sqlite:hta_rollups
		 hta-commit done $rows 0
	END
	[ -z "$stderr" ]
}

@test "--json: a line a pipeline, with all its counters" {
	hta-gen --count 1000 --bad-prob 0.1 >events
	feed pipe 'hta-consume --job web --epoch 1h events | hta-window --by endpoint | hta-sink-sqlite --init db | hta-commit'
	fails_with 1 hta-top --json
	[ "$(wc -l <"$out")" = 1 ]
	jq -c '[.pipeline, .acknowledged, .state, .lag_records, .lag_us, (.stages | length), (.stages[] | .program, .state, .exit_code)]' "$out" >got
	expect got <<-'END'
		["web",true,"stopped",0,0,4,"hta-consume","done",0,"hta-window","done",0,"hta-sink-sqlite","done",0,"hta-commit","done",0]
	END
	dead=$(sqlite3 db 'select count(*) from hta_dead')
	[ "$dead" -gt 50 ]
	jq -e --argjson dead "$dead" '.stages[1].counters | .dead == $dead and .records_in == 1000 and .aggregated == 1000 - $dead' "$out"
	jq -e '.stages[0].counters | .epochs_out == 1 and .epochs_acked == 1 and .epochs_in_flight == 0 and .lag_us == 0' "$out"
	jq -e '.stages[1].counters | has("lag_us") or has("epochs_in_flight") | not' "$out"
}

@test "a stage that failed is the reason, those that only lost it are not" {
	hta-gen --count 20000 --bad-prob 0.2 >events
	fails_with 74 pipe 'hta-consume --job bad events | hta-window --by customer --dead /dev/full | hta-sink-sqlite --init db2 | hta-commit'
	hta-top -1 | grep -E '^bad: stopped [0-9.]+ s ago: hta-window left with 74: .*No space left'
}

@test "a live job keeps up; a stage that is stopped makes it fall behind; kill -9 is named" {
	with_service kafka
	topic_new live 2
	hta-gen --count 5000 >events
	produce "$topic" events
	spawn live bash -c "set -o pipefail; hta-consume -b $HTA_BROKERS -t $topic -g $topic | hta-window --by endpoint | hta-sink-sqlite --init db | hta-commit"
	# at the end it is before the first record as well
	wait_until 60 top_says '^  hta-consume +[0-9]+ +up +5000 +5000 '
	wait_until 60 top_says "^$topic: keeping up, at the end of the log, acknowledged "
	feed hta-top -1
	steady | sed -n 's/^ \(hta-[a-z-]* up 5000 [0-9]*\).*/\1/p' >got
	grep -qx 'hta-consume up 5000 5000' got
	feed hta-top --metrics
	grep -qE "^hta_pipeline_keeping_up\{job=\"$topic\",inc=\"[0-9a-f]{16}\",pgid=\"$pid\"\} 1\$" "$out"
	[ -z "$(grep -v '^#' "$out" | sed 's/ [0-9.]*$//' | sort | uniq -d)" ]
	not grep -vE '^(# HELP hta_[a-z_]+ [a-z1].*|# TYPE hta_[a-z_]+ (gauge|counter)|hta_[a-z_]+\{([a-z]+="[^"]*",?)+\} [0-9]+(\.[0-9]+)?)$' "$out"

	feed promtool check metrics <"$out"
	[ ! -s "$out.err" ]

	sink=$(pgrep -g "$pid" -x hta-sink-sqlite)
	kill -STOP "$sink"
	produce "$topic" events
	wait_until 60 top_says "^$topic: falling behind, .*hta-sink-sqlite \($sink\) has not stirred for "
	feed hta-top --metrics
	grep -qE "^hta_pipeline_keeping_up\{job=\"$topic\",.* 0\$" "$out"
	kill -CONT "$sink"
	wait_until 60 top_says "^$topic: keeping up, at the end of the log"

	kill -KILL "$sink"
	wait_until 60 gone "$pid"
	fails_with 1 hta-top -1
	grep -E "^$topic: stopped [0-9.]+ s ago: hta-sink-sqlite was killed, or crashed\$" "$out"
	steady | grep -qE '^ hta-sink-sqlite killed '
	feed hta-top --metrics
	grep -qE "^hta_pipeline_up\{job=\"$topic\",.* 0\$" "$out"
	grep -qE "^hta_pipeline_failed\{job=\"$topic\",.* 1\$" "$out"
	# the page says when it was alive
	touched=$(sed -nE 's/^hta_stage_touched_seconds\{.*program="hta-sink-sqlite".*\} ([0-9]+)\..*/\1/p' "$out")
	[ "$(($(date +%s) - touched))" -lt 60 ]
}

@test "plain pipelines that fail leave one page, the last" {
	for _ in 1 2 3; do fails_with 65 hta-window <<<'{'; done
	[ "$(ls "$HTA_RUN")" = "$(ls "$HTA_RUN" | tail -n 1)" ]
	hta-top -1 | grep -q 'left with 65' # it leaves with 1: none runs
}

@test "plain pipelines: one that runs, one that failed" {
	fails_with 65 hta-window <<<'no json'
	mkfifo fifo
	spawn plain bash -c 'hta-window <fifo | cat'
	exec 7>fifo
	hta-gen --count 500 >&7
	wait_until 60 top_says '^  hta-window +[0-9]+ +up +500 '
	feed hta-top
	steady >got
	grep -qE '^plain N: keeping up, running for' got
	grep -qE '^plain N: stopped N s ago: hta-window left with 65' got
	exec 7>&-
	exits_with 0 60
	fails_with 1 hta-top
	not grep -q 'keeping up' "$out"
}

@test "hta-gen: its name and its rate, like any stage" {
	spawn plain bash -c 'hta-gen --rate 500 --schema orders | cat >/dev/null'
	wait_until 60 top_says '^  hta-gen +[0-9]+ +up +[0-9]+ +[0-9]+ +[1-9][0-9.]* .* orders$'
	# it counts the one, then the other, and may be read in between
	wait_until 60 gen_is '.counters.records_out == .counters.records_in'
	gen_is '.program == "hta-gen"'
}
gen_is() { hta-top --json | jq -e ".stages[0] | $1"; } # CONDITION

@test "on a terminal: painted until q" {
	hta-gen --count 1000 >events
	feed pipe 'hta-consume --job web events | hta-window | hta-sink-sqlite --init db | hta-commit'
	mkfifo keys
	spawn screen bash -c 'TERM=xterm script -qec "stty cols 60; hta-top" /dev/null <keys'
	exec 7>keys
	for text in 'q quits' 'web: stopped' hta-commit; do wait_until 60 grep -aq "$text" screen.out; done
	# not wider than the terminal, in columns: Debian's awk counts bytes
	tr -d '\r' <screen.out | sed 's/\x1b\[[0-9]*[A-Z]//g' | grep -a hta- >lines
	grep -aq hta-consume lines
	[ "$(wc -L <lines)" -le 60 ]
	printf q >&7
	exits_with 0 60
	exec 7>&-
}

@test "usage" {
	fails_with 64 hta-top --json --metrics
	fails_with 64 hta-top web
	fails_with 78 hta-top -1 --run /dev/null
}

@test "hta-gen: a reader that leaves is an ordinary end, and nothing lasts no time" {
	feed bash -c 'hta-gen | head -1; [ "${PIPESTATUS[0]}" = 141 ]'
	fails_with 1 hta-top -1
	says 'no pipeline in'
	feed hta-gen --rate 5 --seconds 0
	[ ! -s "$out" ]
}
