# The compare-and-set of positions: one table of cases (unit/cas_cases.inc), asked of every store through its sink. Each case is a job of its own.
load ../helpers
load ../stream

# What the store had when the last probe passed: "a/0:10 a/1:5i"; "-" where the job has not begun.
state_of() {
	jq -rs 'map(select(.k? == "probe"))[-1].sinks[0] |
		if .gen == null then "-" else [.pos[] | "\(.t)/\(.p):\(.next)\(if .idle then "i" else "" end)"] | sort | join(" ") end'
}

stream_of() { # STORED GENERATION RANGES
	hello "$metric 00000000000000aa"
	probe
	# shellcheck disable=SC2086
	[ "$1" = - ] || gen=${generation[g]} init $1
	echo "${row/METRIC/"$metric"}"
	# shellcheck disable=SC2086
	gen=${generation[$2]} bar 1 $3
	probe
	end
}

check_case() { # NAME STORED GENERATION RANGES ANSWER AFTER
	local want=0 after
	[ "$5" != conflict ] || want=75
	run_for $want $sink --foreign -v < <(stream_of "$2" "$3" "$4") || return
	[ "$5" != skip ] || says 'epoch 1 was applied already' || return
	[ "$5" != conflict ] || feed $sink --foreign < <(hello "$metric 00000000000000aa"; probe; end) || return
	after=$(state_of <"$out")
	[ "$after" = "$6" ] || { echo "stored: $after, not $6"; return 1; }
}

# The sink with its place, and a command that lists the metrics that have rows.
all_cases() { # SINK COMMAND
	local -A generation=([g]=aaaaaaaaaaaaaaaa [h]=bbbbbbbbbbbbbbbb)
	local n=0 failed=0 fields applied= sink=$1 row metric job
	row=$(metric=METRIC add x 0 1 1)
	feed $sink --init </dev/null
	while IFS='|' read -ra fields; do
		n=$((n + 1))
		metric=m$n job=cas$n
		check_case "${fields[@]}" || { echo "case \"${fields[0]}\""; failed=1; }
		[ "${fields[4]}" != ok ] || applied+=$metric$'\n'
	done < <(sed -n 's/^CAS("\(.*\)")$/\1/; T; s/", "/|/gp' "$BATS_TEST_DIRNAME/../unit/cas_cases.inc")
	diff -u --label "rows of" --label "rows stored" <(sort <<<"${applied%$'\n'}") <(bash -c "$2" | sort)
	[ $n -gt 20 ] && [ $failed = 0 ]
}

@test "sqlite answers every case" {
	cd "$BATS_TEST_TMPDIR"
	all_cases "hta-sink-sqlite db" "sqlite3 db 'select metric from hta_rollups'"
}

@test "pg answers every case" {
	with_service pg
	all_cases hta-sink-pg "psql -XAtc 'select metric from hta_rollups'"
}

@test "redis answers every case" {
	with_service redis
	export REDIS_URL
	all_cases "hta-sink-redis --ttl never" "redis-cli -u $REDIS_URL keys '{hta}:r:*' | cut -d: -f3"
}

# Two streams of one job: "late" is open, "other" changes the rules under it; then late's epoch comes.
ruled() { # VERSION, 0: without rules
	hello "$metric 00000000000000aa" | if [ "$1" = 0 ]; then cat; else
		sed 's/"lateness_us":0/&,"set":"000000000000000'"$1"'","rules":[{"rule":"'$metric'","state":"active","version":'"$1"',"metric":"'$metric'","cfg":"00000000000000aa"}]/'
	fi
}

check_fence() { # NAME VERSION OTHER RANGE [CODE]
	local code=${5:-75}
	n=$((n + 1))
	metric=f$n job=fence$n
	rm -f late; mkfifo late
	spawn late bash -c "exec $sink --foreign -v <late"
	exec 7>late
	{ ruled $2; probe; init a/0:10; probe; } >&7
	wait_until 60 grep -q '"gen":"f' "$BATS_TEST_TMPDIR/late.out" || return
	[ "$3" = - ] || feed $sink --foreign < <(ruled $3; probe; end) || return
	(echo "${row/METRIC/"$metric"}"; bar 1 "$4"; end) >&7 || true # it may have left
	exec 7>&-
	exits_with "$code" 60 || return
	[ "$code" = 0 ] || grep -q 'another pipeline has changed the rules' "$BATS_TEST_TMPDIR/late.err" || return
	feed $sink --foreign < <(ruled ${3/-/$2}; probe; end) || return
	[ "$(state_of <"$out")" = "a/0:$([ "$code" = 0 ] && echo 20 || echo 10)" ] || return
}

all_fences() { # SINK COMMAND
	local n=0 row metric job
	sink=$1
	row=$(metric=METRIC add x 0 1 1)
	feed $sink --init </dev/null
	check_fence "the same rules" 1 1 a/0:10:20 0 || { echo same; return 1; }
	check_fence "rules that nobody changed" 1 - a/0:10:20 0 || { echo alone; return 1; }
	check_fence "another version" 1 2 a/0:10:20 || { echo version; return 1; }
	check_fence "another version, to be skipped" 1 2 a/0:5:10 || { echo skip; return 1; }
	check_fence "rules where there were none" 0 1 a/0:10:20 || { echo none; return 1; }
	[ "$(bash -c "$2" | grep f | sort | tr '\n' ' ')" = "f1 f2 " ] || { bash -c "$2"; return 1; }
	# a stale stream, and one without rules, do not begin
	metric=f3 job=fence3
	fails_with 75 $sink --foreign < <(ruled 1; probe; end)
	says 'the rules of this pipeline are old: rule f3 is in version 2 here'
	fails_with 75 $sink --foreign < <(ruled 0; probe; end)
	says 'job fence3 counts by rules here, and this pipeline has none'
}

@test "sqlite: an epoch that was counted by other rules is a conflict" {
	cd "$BATS_TEST_TMPDIR"
	all_fences "hta-sink-sqlite db" "sqlite3 db 'select metric from hta_rollups'"
}

@test "pg: an epoch that was counted by other rules is a conflict" {
	with_service pg
	cd "$BATS_TEST_TMPDIR"
	all_fences hta-sink-pg "psql -XAtc 'select metric from hta_rollups'"
}

@test "redis: an epoch that was counted by other rules is a conflict" {
	with_service redis
	export REDIS_URL
	cd "$BATS_TEST_TMPDIR"
	all_fences "hta-sink-redis --ttl never" "redis-cli -u $REDIS_URL keys '{hta}:r:f*' | cut -d: -f3"
}
