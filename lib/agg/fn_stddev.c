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
#include "agg/fn_sql.h"
#include "base/wide.h"

#define NANO 1000000000

static dec square(dec v)
{
	wide_u128 a = v < 0 ? -(wide_u128)v : (wide_u128)v, s = a * a, q = s / NANO,
		  rest = s % NANO;

	return (dec)(q + (rest > NANO / 2 || (rest == NANO / 2 && (q & 1))));
}

static void stddev_contribute(const dec *value, unsigned n, dec *const out[FN_OWN_MAX])
{
	for (unsigned i = 0; i < n; i++) {
		out[1][i] = value[i];
		out[2][i] = square(value[i]);
	}
}

static bool stddev_value(const struct fn_row *row, struct buf *out)
{
	const struct cell *count = fn_cell(row, COLUMN_COUNT, "n"),
			  *sum = fn_cell(row, COLUMN_SUM, "sum"),
			  *squares = fn_cell(row, COLUMN_SUM, "squares");
	struct wide a, b;
	uint64_t n;
	dec s;

	if (!count || !sum || !squares)
		return false;
	n = count->count;
	s = sum->value;
	if (n < 2) {
		buf_addz(out, "null");
		return true;
	}
	a = wide_mul(wide_mul(wide_of((wide_u128)squares->value), n), NANO);
	b = wide_square(s < 0 ? -(wide_u128)s : (wide_u128)s);
	a = wide_cmp(a, b) > 0 ? wide_sub(a, b) : wide_of(0);
	b = wide_mul(wide_mul(wide_mul(wide_of(n), n - 1), NANO), NANO);
	fn_put_double(sqrt(wide_ratio(a, b)), out);
	return true;
}

/* Doubles have too few digits for the difference where the mean is far above the deviation. So a
 * store that adds those takes whole numbers, in two steps about a number near the mean, with S and
 * Q in halves (agg/fn_sql.h):
 *
 *   m  the mean as a whole number; the deviations from it: a, the sum of their squares, is
 *      Q - 2 m S + n m^2, and d, their sum, S - n m, both in billionths
 *   f  d / n in whole billionths, and r what is left, d - n f
 *
 * The variance is a less d^2 / n = n f^2 + 2 f r + r^2 / n, by n - 1. f^2 is taken apart at 1e9, so
 * that no term is beyond 64 bits where the deviation is small; beyond, SQLite goes on in doubles,
 * and then no digits are lost. */
static const char halves_sql[] =
	"CASE WHEN {n} > 1 THEN (SELECT CASE WHEN v > 0 THEN sqrt(v / 1e18 / ({n} - 1)) ELSE 0 END "
	"FROM (SELECT (a - {n} * (f * f / 1000000000)) * 1000000000 - {n} * (f * f % 1000000000) - "
	"2 * f * r - 1.0 * r * r / {n} AS v FROM (SELECT a, f, d - {n} * f AS r FROM (SELECT a, d, "
	"CAST(round(1.0 * d / {n}) AS INTEGER) AS f FROM (SELECT ({squares}i - 2 * m * {sum}i + "
	"{n} * m * m) * 1000000000 + {squares}f - 2 * m * {sum}f AS a, ({sum}i - {n} * m) * "
	"1000000000 + {sum}f AS d FROM (SELECT CAST(round({sum} / {n}) AS INTEGER) AS m)))))) END";

static bool stddev_sql(const struct fn_sql *m, struct buf *out)
{
	if (m->halves)
		return fn_sql_put(m, halves_sql, out);
	return fn_sql_put(m,
			  "CASE WHEN {n} > 1 THEN sqrt(greatest(CAST({n} * {squares} - {sum} * "
			  "{sum} AS DOUBLE PRECISION), 0) / {n} / ({n} - 1)) END",
			  out);
}

const struct agg_fn fn_stddev = {
	.name = "stddev",
	.help = "standard deviation of the values as a sample (n - 1); values beyond +-1e10 are "
		"bad data",
	.input = FN_VALUES,
	.parts = 3,
	.part = { { COLUMN_COUNT, "n" }, { COLUMN_SUM, "sum" }, { COLUMN_SUM, "squares" } },
	.limit = (dec)10000000000 * NANO,
	.contribute = stddev_contribute,
	.value = stddev_value,
	.sql = stddev_sql,
	.sql_halves = true,
};
