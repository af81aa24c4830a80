/* Which hour or day a window belongs to, in SQL: hours of UTC, days of the zone of whoever reads
 * (SQLite's 'localtime', so TZ). The same rule as hta-query's (read/steps.h), for each window that
 * the metric has:
 *
 *   w  its bounds as texts (s, e) and in seconds (x, y), p: midnight of the day that the clock
 *      shows at its start, as if that were UTC
 *   m  such midnights, from the day before to the one behind the next
 *   g  the midnight by the offset that is in force about then; offsets half a day before and behind
 *      are those that meet at the midnight
 *   o  the midnight by the one offset and by the other
 *   f  when the clock showed it first, or by the offset before where the clock skipped it
 *   w  once more, with the day that holds its start: an hour that a clock is set back over
 *      midnight belongs to the day that has begun already
 *
 * Where a window lies across the bound there is no answer. A view cannot say so but by an error:
 * json_extract tells the path that it cannot read. It depends on the row, lest SQLite computes it
 * ahead. */
#include "drv/sqlite/sqlite_internal.h"

#define LOCAL(t) "CAST(strftime('%%s', " t ", 'unixepoch', 'localtime') AS INTEGER)"
#define TEXT(t) "strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ', " t ", 'unixepoch')"

#define WINDOWS                                                                           \
	"SELECT DISTINCT window_start AS s, window_end AS e, CAST(strftime('%%s', "       \
	"window_start) AS INTEGER) AS x, CAST(strftime('%%s', window_end) AS INTEGER) + " \
	"(length(window_end) > 20) AS y FROM \"%w\" WHERE metric = %Q"

/* Of s, e, y, a, b: the step's bounds as texts, and how long it is. */
#define STEPS(what, spans)                                                                         \
	"SELECT s, e, " TEXT(                                                                      \
		"CASE WHEN y > b THEN json_extract('{}', 'a window lies in two " what              \
		", it starts at ' || s) ELSE a END") " AS a, " TEXT("b") " AS b, "                 \
									 "CAST(b - a AS REAL) AS " \
									 "seconds FROM (" spans    \
									 ")"

#define HOURS "SELECT s, e, y, x - x %% 3600 AS a, x - x %% 3600 + 3600 AS b FROM (" WINDOWS ")"

#define DAYS_W                                                                           \
	" w AS (SELECT s, e, x, y, l - l %% 86400 AS p FROM (SELECT s, e, x, y, " LOCAL( \
		"x") " AS l FROM (" WINDOWS ")))"
#define DAYS_M                                                                         \
	" m AS (SELECT DISTINCT p + k AS m FROM w JOIN (SELECT -86400 AS k UNION ALL " \
	"SELECT 0 UNION ALL SELECT 86400 UNION ALL SELECT 172800))"
#define DAYS_G " g AS (SELECT m, m - (" LOCAL("m") " - m) AS g FROM m)"
#define DAYS_O                                                                             \
	" o AS (SELECT m, m - (" LOCAL("g - 43200") " - g + 43200) AS ahead, m - (" LOCAL( \
		"g + 43200") " - g - 43200) AS behind FROM g)"
#define DAYS_F                                                           \
	" f AS (SELECT m, CASE WHEN " LOCAL("behind") " = m AND " LOCAL( \
		"ahead") " <> m THEN behind ELSE ahead END AS f FROM o)"
#define DAYS                                                                           \
	"WITH" DAYS_W "," DAYS_M "," DAYS_G "," DAYS_O "," DAYS_F                      \
	" SELECT s, e, y, CASE WHEN x < f1.f THEN f0.f WHEN x >= f2.f THEN f2.f ELSE " \
	"f1.f END AS a, CASE WHEN x < f1.f THEN f1.f WHEN x >= f2.f THEN f3.f ELSE "   \
	"f2.f END AS b FROM w JOIN f f0 ON f0.m = p - 86400 JOIN f f1 ON f1.m = p "    \
	"JOIN f f2 ON f2.m = p + 86400 JOIN f f3 ON f3.m = p + 172800"

const char *const sqlite_step_sql[SQLITE_STEPS] = {
	[SQLITE_HOURS] = STEPS("hours", HOURS),
	[SQLITE_DAYS] = STEPS("days of this time zone (TZ)", DAYS),
};

/* Of the windows that overlap those whose panes are all among what is kept. */
const char sqlite_hops_sql[] =
	"WITH RECURSIVE k(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM k WHERE k + 1 < %lld), w AS "
	"(" WINDOWS "), v AS (SELECT %lld AS pane, %lld AS size), h AS (SELECT s, e, x - k * pane "
	"AS a, x - k * pane + size AS b FROM w JOIN k JOIN v)"
	" SELECT s, e, " TEXT("a") " AS a, " TEXT(
		"b") " AS b, CAST(b - a AS REAL) AS seconds FROM "
		     "h WHERE a >= (SELECT min(x) FROM w) AND b <= (SELECT max(y) FROM w)";
