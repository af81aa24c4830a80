/* stddev(x): the sample's standard deviation, from how many values there are, their sum, and the
 * sum of their squares, each square rounded to nine decimals by itself. With n, S, Q in units of
 * 1e-9:
 *
 *   variance = (Q / 1e9 - (S / 1e9)^2 / n) / (n - 1) = (n Q 1e9 - S^2) / (n (n - 1) 1e18)
 *
 * Numerator and denominator are exact; the quotient is rounded once, then its root. The rounded
 * squares may leave the numerator a little below 0: then it is 0. */
#include <math.h>

#include "agg/fn.h"
#include "base/wide.h"

#define NANO 1000000000

static dec square(dec v)
{
	wide_u128 a = v < 0 ? -(wide_u128)v : (wide_u128)v, s = a * a, q = s / NANO,
		  rest = s % NANO;

	return (dec)(q + (rest > NANO / 2 || (rest == NANO / 2 && (q & 1))));
}

static void stddev_contribute(const dec *value, unsigned n, dec *const out[FN_PARTS_MAX])
{
	for (unsigned i = 0; i < n; i++) {
		out[1][i] = value[i];
		out[2][i] = square(value[i]);
	}
}

static void stddev_value(const struct cell *cell, struct buf *out)
{
	uint64_t n = cell[0].count;
	dec sum = cell[1].value;
	struct wide a, b;

	if (n < 2) {
		buf_addz(out, "null");
		return;
	}
	a = wide_mul(wide_mul(wide_of((wide_u128)cell[2].value), n), NANO);
	b = wide_square(sum < 0 ? -(wide_u128)sum : (wide_u128)sum);
	a = wide_cmp(a, b) > 0 ? wide_sub(a, b) : wide_of(0);
	b = wide_mul(wide_mul(wide_mul(wide_of(n), n - 1), NANO), NANO);
	fn_put_double(sqrt(wide_ratio(a, b)), out);
}

const struct agg_fn fn_stddev = {
	.name = "stddev",
	.help = "standard deviation of the values as a sample (n - 1); values beyond +-1e10 are "
		"bad data",
	.parts = 3,
	.part = { { COLUMN_COUNT, "n" }, { COLUMN_SUM, "sum" }, { COLUMN_SUM, "squares" } },
	.limit = (dec)10000000000 * NANO,
	.contribute = stddev_contribute,
	.value = stddev_value,
};
