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
