/* The body of "NAME_by"(step, zone, since, until): rows of a metric put together by steps of time,
 * by the rule of read/steps.h. For each window that it has near the range:
 *
 *   w  its bounds s, e; p: where the step begins that the clock shows at its start, a time without
 *      a zone
 *   f  such beginnings as instants, from the one before p to the second behind it. A clock that is
 *      set back shows a midnight twice: the first is meant. The offsets half a day before and
 *      behind are those that meet there; the midnight by the offset before is the first, or, where
 *      the clock skips it, the instant that Python's fold=0 has
 *   a, b  the step that holds its start: an hour that a clock is set back over midnight belongs to
 *      the day that has begun already
 *
 * An offset as zone is turned round: to Postgres +01:00 is POSIX's, west of Greenwich.
 *
 * A window across a bound is an error, and so no rows are lost without a word. Steps that the range
 * touches are whole. Names of columns come before those of variables, which begin with hta_. */
#include "drv/pg/pg_internal.h"

#define OFFSET(t) "((" t " AT TIME ZONE hta_zone) - (" t " AT TIME ZONE 'UTC'))"

/* Laid out by hand: clang-format would break the lines of SQL by the letter. */
/* clang-format off */
const char pg_step_body[] =
	"#variable_conflict use_column\n"
	"DECLARE hta_unit text; hta_zone text; hta_length interval; hta_s timestamptz[]; hta_e "
		"timestamptz[]; hta_a timestamptz[]; hta_b timestamptz[]; hta_bad record;\n"
	"BEGIN\n"
	" IF $1 IS NULL OR $1 NOT IN ('1h', '1d', 'day', 'week', 'month') THEN RAISE EXCEPTION "
		"'step %: there are 1h, 1d, day, week and month', $1 USING ERRCODE = "
		"'invalid_parameter_value'; END IF;\n"
	" hta_unit := CASE $1 WHEN '1h' THEN 'hour' WHEN '1d' THEN 'day' ELSE $1 END;\n"
	" hta_zone := CASE WHEN $1 IN ('1h', '1d') THEN 'UTC' WHEN $2 ~ "
		"'^[+-][0-9]{2}(:?[0-9]{2})?$' THEN translate(left($2, 1), '+-', '-+') || "
		"substr($2, 2, 2) || ':' || right('00' || replace(substr($2, 4), ':', ''), 2) "
		"ELSE $2 END;\n"
	" IF hta_zone IS NULL THEN RAISE EXCEPTION 'the zone is NULL' USING ERRCODE = "
		"'invalid_parameter_value'; END IF;\n"
	" hta_length := ('1 ' || hta_unit)::interval;\n"
	" WITH w AS MATERIALIZED (SELECT s, e, date_trunc(hta_unit, s AT TIME ZONE hta_zone) AS "
		"p FROM (SELECT DISTINCT window_start AS s, window_end AS e FROM @ WHERE metric "
		"= @ AND window_start > $3 - interval '33 days' AND window_start < $4 + interval "
		"'33 days') d),\n"
	"  f AS (SELECT p, array_agg(CASE WHEN behind AT TIME ZONE hta_zone = m AND ahead AT "
		"TIME ZONE hta_zone <> m THEN behind ELSE ahead END ORDER BY k) AS f\n"
	"   FROM (SELECT DISTINCT p FROM w) d CROSS JOIN generate_series(-1, 2) k\n"
	"   CROSS JOIN LATERAL (SELECT p + k * hta_length AS m) m\n"
	"   CROSS JOIN LATERAL (SELECT m AT TIME ZONE 'UTC' AS u) u\n"
	"   CROSS JOIN LATERAL (SELECT u - " OFFSET("u") " AS g) g\n"
	"   CROSS JOIN LATERAL (SELECT u - " OFFSET("(g - interval '12 hours')") " AS ahead, u - "
		OFFSET("(g + interval '12 hours')") " AS behind) o GROUP BY p),\n"
	"  steps AS (SELECT s, e, CASE WHEN s < f[2] THEN f[1] WHEN s >= f[3] THEN f[3] ELSE "
		"f[2] END AS a, CASE WHEN s < f[2] THEN f[2] WHEN s >= f[3] THEN f[4] ELSE f[3] "
		"END AS b FROM w JOIN f USING (p))\n"
	" SELECT array_agg(s), array_agg(e), array_agg(a), array_agg(b) INTO hta_s, hta_e, "
		"hta_a, hta_b FROM steps WHERE b > $3 AND a < $4;\n"
	" SELECT e - s AS length, b AS bound INTO hta_bad FROM unnest(hta_s, hta_e, hta_b) u(s, "
		"e, b) WHERE e > b LIMIT 1;\n"
	" IF FOUND THEN RAISE EXCEPTION 'windows of % do not fit into the step (%): there is one "
		"on both sides of %', hta_bad.length, $1 || CASE WHEN $1 IN ('1h', '1d') THEN '' "
		"ELSE ', ' || $2 END, hta_bad.bound USING ERRCODE = 'invalid_parameter_value', "
		"HINT = 'windows whose length divides ' || CASE WHEN $1 IN ('1h', '1d') THEN $1 "
		"ELSE '15m' END || ' fit'; END IF;\n"
	" RETURN QUERY SELECT @ FROM (SELECT w.a AS window_start, w.b AS window_end, dims, "
		"dims_hash, extract(epoch FROM w.b - w.a)::float8 AS seconds, @ FROM @ r JOIN "
		"unnest(hta_s, hta_e, hta_a, hta_b) w(s, e, a, b) ON r.window_start = w.s AND "
		"r.window_end = w.e WHERE metric = @ GROUP BY w.a, w.b, dims_hash, dims) r;\n"
	"END";
/* clang-format on */
