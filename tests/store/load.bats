# tests/load/run: a short load on an intake and its pipeline, and its books, which can be wrong.
load ../helpers

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	with_service pg
}

@test "load: single posts at two rates, batches, 96,000 in one request; the books of both stores balance" {
	feed "$tests/load/run" --rates 500,2000 --seconds 2 --json figures.json
	grep -qx 'the books balance' "$out"
	[ "$(grep -c '^acknowledged = [a-z]*: all of these + duplicate' "$out")" = 2 ]
	jq -c '[.balanced, (.steps | length), .books.refused]' figures.json >got
	expect got <<<'[true,7,0]'
	# all was sent that had to be, and each kind of event among it
	# at least one of the requests of 96,000: the time bounds how many
	jq -e '.books | .sent > 96000 and .late > .sent / 250 and .dead > .sent / 1250 and .duplicate > .sent / 125 and .good > 100 * .late' figures.json
	jq -e '.steps[0] | .acknowledged > 900 and .acknowledged <= 1000 and .p50_ms <= .p95_ms and .p95_ms <= .p99_ms' figures.json
	# to jq null is less than any number
	jq -e '[.steps[] | .p50_ms, .p95_ms, .p99_ms, .lag[][]] | length == 63 and all(type == "number")' figures.json
	jq -e 'all(.steps[].lag[]; .p50_s <= .p95_s and .p95_s <= .p99_s and .p99_s < 30)' figures.json
	[ "$(psql -qAtXc "select count(*) from pg_namespace where nspname like 'load%'")" = 0 ]
}

@test "load: with a topic above the windows, whose books balance too" {
	with_service kafka
	feed "$tests/load/run" --stores kafka,sqlite --rates 500 --seconds 2 --no-batches --epoch 50ms --json figures.json
	grep -qx 'the books balance' "$out"
	grep -qE '^acknowledged = kafka: all of these . duplicate +[0-9,]+ = ' "$out"
	jq -e '.steps[0].lag.kafka | .p50_s > 0 and .p95_s < 30' figures.json
}

@test "load: events that vanish on the way are told, exit 1" {
	mkdir shim
	printf '#!/bin/sh\nexec "%s/hta-window" "$@" --where '\''.user_id != "u7"'\''\n' "$HTA_BUILD_DIR" >shim/hta-window
	chmod +x shim/hta-window
	PATH=$PWD/shim:$PATH fails_with 1 "$tests/load/run" --stores sqlite --rates 1000 --seconds 2 --patience 1 --no-batches --json figures.json
	grep -qE '^good sent = good in sqlite +[0-9,]+ IS NOT [0-9,]+$' "$out"
	grep -qx 'THE BOOKS DO NOT BALANCE' "$out"
	jq -e '.balanced == false' figures.json
}

@test "load: usage, and an intake that does not start" {
	mkdir shim
	printf '#!/bin/sh\necho no port >&2\nexit 69\n' >shim/hta-ingest
	chmod +x shim/hta-ingest
	PATH=$PWD/shim:$PATH fails_with 69 "$tests/load/run" --stores sqlite
	says 'the intake does not listen: no port'
	fails_with 2 "$tests/load/run" --stores redis
	says 'sqlite, pg or both'
}
