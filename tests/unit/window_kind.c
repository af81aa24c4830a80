/* Kinds of windows: ids, ends and bounds of times, a batch as each time alone; which kind options
 * ask for. */
#include "agg/window_kind.h"

#include <stdlib.h>

#include "row/panes.h"
#include "tap.h"

#define MINUTE 60000000LL
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define YEAR_2200 7258118400000000LL

static struct err err;

static const struct window_kind *const *kinds = window_kinds;

static struct window_spec every(int64_t us)
{
	return (struct window_spec){ window_kinds[0], { us }, us, us };
}

/* ---- times */

static void is_window(int64_t length, int64_t us, uint64_t id, int64_t start, const char *name)
{
	struct window_spec w = every(length);
	int64_t at[WINDOW_BATCH] = { us }, end[WINDOW_BATCH] = { INT64_MAX }, from, to;
	uint64_t got[WINDOW_BATCH];

	w.kind->ids(&w, at, 1, got);
	w.kind->ends(&w, at, 1, end);
	w.kind->bounds(&w, got[0], &from, &to);
	is_int(got[0], id, name);
	ok(from == start && to == start + length && end[0] == to, "its bounds");
	ok(got[0] < 1ULL << 48, "and it fits into a key");
}

static void test_times(void)
{
	is_window(MINUTE, 0, 0, 0, "1970");
	is_window(MINUTE, MINUTE - 1, 0, 0, "the last of a window");
	is_window(MINUTE, MINUTE, 1, MINUTE, "the first of the next");
	is_window(WINDOW_MIN_US, YEAR_2200 - 1, 7258118399999, YEAR_2200 - 1000,
		  "the shortest windows before 2200");
	is_window(WINDOW_MIN_US, YEAR_2200, 7258118400000, YEAR_2200, "at 2200");
	is_window(WINDOW_MAX_US, YEAR_2200, 229, 229 * WINDOW_MAX_US, "the longest");
	is_window(7 * DAY, 3 * DAY, 0, 0, "weeks begin where 1970 did, on a Thursday");
}

static void is_first_whole(int64_t us, int64_t length, int64_t want, const char *name)
{
	is_int(pane_first_whole(us, length), want, name);
}

static void test_first_whole(void)
{
	is_first_whole(MINUTE - 1, MINUTE, MINUTE, "the last time of a window: the next");
	is_first_whole(MINUTE, MINUTE, 2 * MINUTE, "its first time: the next too");
	is_first_whole(0, MINUTE, MINUTE, "0");
	is_first_whole(-1, MINUTE, 0, "before 1970");
	is_first_whole(-MINUTE, MINUTE, 0, "a bound before 1970");
	is_first_whole(YEAR_2200, DAY, YEAR_2200 + DAY, "2200");
	is_first_whole(77, 0, 77, "a length that is not known");
}

/* A batch of times that lie `spread` apart at most, and some of its lines. */
static void is_as_single(const struct window_spec *w, int64_t spread, uint64_t live,
			 const char *name)
{
	int64_t us[WINDOW_BATCH], end[WINDOW_BATCH];
	uint64_t id[WINDOW_BATCH];
	unsigned wrong = 0;

	for (unsigned i = 0; i < WINDOW_BATCH; i++) {
		us[i] = live >> i & 1 ? 1767225600000000 + rand() % spread : INT64_MIN + i;
		end[i] = i % 2 ? INT64_MAX : 1767225600000000;
		id[i] = i;
	}
	w->kind->ids(w, us, live, id);
	w->kind->ends(w, us, live, end);
	for (unsigned i = 0; i < WINDOW_BATCH; i++) {
		int64_t one[WINDOW_BATCH] = { us[i] }, early = i % 2 ? INT64_MAX : 1767225600000000;
		int64_t one_end[WINDOW_BATCH] = { early };
		uint64_t one_id[WINDOW_BATCH] = { i };

		w->kind->ids(w, one, live >> i & 1, one_id);
		w->kind->ends(w, one, live >> i & 1, one_end);
		wrong += id[i] != one_id[0] || end[i] != one_end[0];
	}
	is_int(wrong, 0, name);
}

static void test_batches(void)
{
	static const uint64_t live[] = { 0, 1, 1ULL << 63, 0x5555555555555555, UINT64_MAX };
	static const int64_t spread[] = { 1, MINUTE, 3 * HOUR, 400 * DAY };
	struct window_spec minutes = every(MINUTE), longest = every(WINDOW_MAX_US);
	char name[80];

	for (unsigned l = 0; l < sizeof(live) / sizeof(*live); l++)
		for (unsigned s = 0; s < sizeof(spread) / sizeof(*spread); s++) {
			snprintf(name, sizeof(name),
				 "a batch is as its times: spread %lld, %d lines",
				 (long long)spread[s], __builtin_popcountll(live[l]));
			is_as_single(&minutes, spread[s], live[l], name);
			is_as_single(&longest, spread[s], live[l], name);
		}
}

/* ---- options, as "every=5m slide=1m" */

static int give(struct window_given *g, const char *text)
{
	char copy[80], *rest = copy, *word;
	int rc = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	while (rc == 0 && (word = strsep(&rest, " ")) && *word) {
		char *value = strchr(word, '=');

		*value++ = 0;
		rc = window_give(kinds, g, word, value, &err);
	}
	return rc;
}

/* What own options and everybody's make: "KIND: canonical text, lines ended by a semicolon; pane",
 * or the message. */
static void is_chosen(const char *own, const char *all, const char *want)
{
	struct window_given g[2] = { 0 };
	struct window_spec w;
	struct buf got = { 0 };

	if (give(&g[0], own) || give(&g[1], all) || window_choose(kinds, &g[0], &g[1], &w, &err)) {
		is_int(err.code, EX_USAGE, "a usage error");
		buf_addz(&got, err.msg);
	} else {
		buf_printf(&got, "%s: ", w.kind->name);
		window_canonical(&w, &got);
		for (size_t i = 0; i < got.n; i++)
			got.p[i] = got.p[i] == '\n' ? ';' : got.p[i];
		buf_printf(&got, " %lld", (long long)w.pane_us);
	}
	is_str(buf_z(&got), want, *own ? own : *all ? all : "no option");
	buf_fini(&got);
}

static void test_options(void)
{
	is_chosen("", "", "tumbling: every 60000000; 60000000");
	is_chosen("every=1ms", "", "tumbling: every 1000; 1000");
	is_chosen("every=366d", "", "tumbling: every 31622400000000; 31622400000000");
	is_chosen("every=5m every=1h", "", "tumbling: every 3600000000; 3600000000");
	is_chosen("", "every=5m", "tumbling: every 300000000; 300000000");
	is_chosen("every=1h", "every=5m slide=1m", "tumbling: every 3600000000; 3600000000");
	is_chosen("every=5m slide=1m", "", "hopping: every 300000000;slide 60000000; 60000000");
	is_chosen("slide=1m", "every=5m", "hopping: every 300000000;slide 60000000; 60000000");
	is_chosen("gap=30m", "every=5m", "session: gap 1800000000; 0");
	is_chosen("max-length=1d gap=30m", "", "session: gap 1800000000;max-length 86400000000; 0");
	is_chosen("gap=30m", "max-length=1h", "session: gap 1800000000;max-length 3600000000; 0");
	is_chosen("gap=30m max-length=1m", "", "--max-length is shorter than --gap");
	is_chosen("slide=1m", "", "--slide needs --every");
	is_chosen("every=5m slide=5m", "", "tumbling: every 300000000; 300000000");
	is_chosen("every=5m slide=2m", "",
		  "--slide 2m does not divide the window, --every 5m: windows are added up from "
		  "whole slides");
	is_chosen("every=1m slide=2m", "",
		  "--slide 2m does not divide the window, --every 1m: windows are added up from "
		  "whole slides");
	is_chosen("every=2d slide=1s", "",
		  "--every 2d has more than 86400 times --slide 1s: each event would be in as many "
		  "windows");
	is_chosen("gap=30m every=5m", "", "there are no windows of --gap, --every");
	is_chosen("max-length=1h", "gap=5m", "there are no windows of --max-length");
	is_chosen("every=999us", "", "a window is 1ms to 366d long, in whole milliseconds");
	is_chosen("slide=1500us", "", "a slide is 1ms to 366d long, in whole milliseconds");
	is_chosen("gap=367d", "", "a gap is 1ms to 366d long, in whole milliseconds");
}

static void test_texts(void)
{
	static const char *const want[] = { "every", "slide", "gap", "max-length" };
	struct window_spec w = { window_kinds[1], { 5 * MINUTE, MINUTE }, MINUTE, 5 * MINUTE };
	struct buf got = { 0 };
	size_t n = 0;

	window_define(&w, &got);
	is_str(buf_z(&got), "\"every\":\"5m\",\"slide\":\"1m\"", "the members of a definition");
	for (; n < 4 && window_option_at(kinds, n); n++)
		is_str(window_option_at(kinds, n)->name, want[n], "an option of all kinds");
	ok(n == 4 && !window_option_at(kinds, 4), "each once");
	is_int((long long)window_panes(&w), 5, "a window of five panes");
	is_int(window_stored(&w, &err), 0, "panes can be stored");
	w = (struct window_spec){ window_kinds[2], { MINUTE, WINDOW_NONE_US }, 0, MINUTE };
	got.n = 0;
	window_define(&w, &got);
	is_str(buf_z(&got), "\"gap\":\"1m\"", "an option that was left out");
	buf_fini(&got);
	is_int(window_stored(&w, &err), -1, "sessions cannot");
	is_int(err.code, EX_USAGE, "which is a usage error");
}

int main(void)
{
	test_times();
	test_first_whole();
	test_batches();
	test_options();
	test_texts();
	return done();
}
