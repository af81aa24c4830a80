# A stranger's opinion: DuckDB over the same files, 25 queries (duckdb.py). It comes by npm; where that is not, it is
# not asked.

load ../helpers

@test "duckdb: its rows are ours" {
	cd "$BATS_TEST_TMPDIR"
	command -v npm >/dev/null || "$top/tests/packages.sh" node || lack "npm is not to be had: DuckDB comes by it"
	hta-gen --count 200000 --step 18ms --jitter 1m --seed 3 --keys 500 >hour.ndjson
	hta-gen --count 60000 --step 2m --jitter 1m --seed 4 --start 2026-02-20T00:00:00Z >days.ndjson
	feed python3 "$BATS_TEST_DIRNAME/duckdb.py" run
	cat "$out"
	[ "$(grep -c ': same$' "$out")" = "$(python3 "$BATS_TEST_DIRNAME/duckdb.py" names | wc -l)" ]
}
