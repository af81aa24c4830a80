# Log buckets against 140 digits of python's decimal: sketches.py says what is compared.
load ../helpers

check() { feed python3 "$BATS_TEST_DIRNAME/sketches.py" "$@"; }

@test "a value on either side of each of 16,258 bounds is in its bucket" { check bounds; }

@test "the middle of every bucket, to six digits" { check middles; }

@test "quantiles are those of the values at their ranks, and stored forms have their counts" {
	check quantiles "${HTA_SEED:-1}"
}
