/* Steps of zones that are made here, of rules that are known. tests/cli/steps.py holds the system's
 * zones against python's zoneinfo. */
#include "read/steps.h"

#include "base/tm.h"
#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* A TZif file that has nothing but a rule for all years. */
static struct zone *zone_of(const char *rule)
{
	static const char header[44] = "TZif2";
	struct buf file = { 0 };
	struct err err = ERR_INIT;
	struct zone *z;

	for (int i = 0; i < 2; i++) {
		buf_add(&file, header, sizeof(header));
		file.p[file.n - 5] = 1; /* rules */
		file.p[file.n - 1] = 4; /* bytes of names */
		buf_add(&file, "\0\0\0\0\0\0UTC", 10);
	}
	buf_printf(&file, "\n%s\n", rule);
	z = zone_new_from("Test/Zone", buf_slice(&file), &err);
	if (!z)
		ok(false, "%s: %s", rule, err.msg);
	buf_fini(&file);
	return z;
}

static int64_t us_of(const char *text)
{
	int64_t us = 0;

	if (tm_parse(slice_z(text), &us))
		ok(false, "%s is no time", text);
	return us;
}

#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"
/* set back over midnight: 00:01 becomes 23:01; forward at midnight */
#define ST_JOHNS "NST3:30NDT,M3.2.0/0:01,M11.1.0/0:01"
#define SAO_PAULO "BRT3BRST,M10.3.0/0,M2.3.0/0"

static const struct {
	const char *rule;
	enum step_kind kind;
	const char *at, *start, *end;
} cases[] = {
	{ "UTC0", STEP_1H, "2026-03-29T01:59:59Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z" },
	{ "UTC0", STEP_1D, "2026-03-29T23:59:59Z", "2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z" },
	{ BERLIN, STEP_1D, "2026-03-29T23:59:59Z", "2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z" },
	{ "UTC0", STEP_DAY, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z",
	  "1970-01-02T00:00:00Z" },
	/* a day of 23 hours and one of 25 */
	{ BERLIN, STEP_DAY, "2026-03-28T23:00:00Z", "2026-03-28T23:00:00Z",
	  "2026-03-29T22:00:00Z" },
	{ BERLIN, STEP_DAY, "2026-03-28T22:59:59Z", "2026-03-27T23:00:00Z",
	  "2026-03-28T23:00:00Z" },
	{ BERLIN, STEP_DAY, "2026-10-25T22:59:59Z", "2026-10-24T22:00:00Z",
	  "2026-10-25T23:00:00Z" },
	{ BERLIN, STEP_DAY, "1970-01-01T00:00:00Z", "1969-12-31T23:00:00Z",
	  "1970-01-01T23:00:00Z" },
	{ BERLIN, STEP_DAY, "2199-12-31T22:59:59Z", "2199-12-30T23:00:00Z",
	  "2199-12-31T23:00:00Z" },
	/* weeks begin on Monday */
	{ "UTC0", STEP_WEEK, "1970-01-01T00:00:00Z", "1969-12-29T00:00:00Z",
	  "1970-01-05T00:00:00Z" },
	{ "UTC0", STEP_WEEK, "2026-11-29T23:59:59Z", "2026-11-23T00:00:00Z",
	  "2026-11-30T00:00:00Z" },
	{ BERLIN, STEP_WEEK, "2026-03-29T21:59:59Z", "2026-03-22T23:00:00Z",
	  "2026-03-29T22:00:00Z" },
	{ BERLIN, STEP_WEEK, "2026-03-29T22:00:00Z", "2026-03-29T22:00:00Z",
	  "2026-04-05T22:00:00Z" },
	{ "UTC0", STEP_MONTH, "2028-02-29T23:59:59Z", "2028-02-01T00:00:00Z",
	  "2028-03-01T00:00:00Z" },
	{ "UTC0", STEP_MONTH, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z",
	  "1970-02-01T00:00:00Z" },
	{ "UTC0", STEP_MONTH, "2199-12-31T23:59:59Z", "2199-12-01T00:00:00Z",
	  "2200-01-01T00:00:00Z" },
	{ BERLIN, STEP_MONTH, "2026-03-31T21:59:59Z", "2026-02-28T23:00:00Z",
	  "2026-03-31T22:00:00Z" },
	{ BERLIN, STEP_MONTH, "1970-01-01T00:00:00Z", "1969-12-31T23:00:00Z",
	  "1970-01-31T23:00:00Z" },
	/* midnight comes twice: the first begins the day, the hour before it comes again in it */
	{ ST_JOHNS, STEP_DAY, "2026-11-01T02:30:00Z", "2026-11-01T02:30:00Z",
	  "2026-11-02T03:30:00Z" },
	{ ST_JOHNS, STEP_DAY, "2026-11-01T02:40:00Z", "2026-11-01T02:30:00Z",
	  "2026-11-02T03:30:00Z" },
	{ ST_JOHNS, STEP_DAY, "2026-11-01T02:29:59Z", "2026-10-31T02:30:00Z",
	  "2026-11-01T02:30:00Z" },
	/* midnight is skipped */
	{ SAO_PAULO, STEP_DAY, "2026-10-18T03:00:00Z", "2026-10-18T03:00:00Z",
	  "2026-10-19T02:00:00Z" },
	{ SAO_PAULO, STEP_DAY, "2026-10-18T02:59:59Z", "2026-10-17T03:00:00Z",
	  "2026-10-18T03:00:00Z" },
};

static void bounds(void)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct zone *z = zone_of(cases[i].rule);
		const struct steps s = { cases[i].kind, z };
		int64_t start_us = us_of(cases[i].at), end_us = start_us + 1;
		struct err err = ERR_INIT;
		char start[TM_TEXT_BYTES] = "", end[TM_TEXT_BYTES] = "";

		ok(steps_hold(&s, &start_us, &end_us, &err) == 0, "%s %s: %s", cases[i].rule,
		   step_names[cases[i].kind], cases[i].at);
		tm_text(start_us, start);
		tm_text(end_us, end);
		is_str(start, cases[i].start, "its start");
		is_str(end, cases[i].end, "its end");
		zone_free(z);
	}
}

/* A zone that jumped over a day: it has no time. */
static void lost_day(void)
{
	struct err err = ERR_INIT;
	struct zone *z = zone_new("Pacific/Apia", &err);
	const struct steps s = { STEP_DAY, z };
	int64_t day;

	if (!z) {
		ok(true, "# SKIP no tzdata: %s", err.msg);
		return;
	}
	day = steps_number(&s, us_of("2011-12-30T09:59:59Z"));
	is_int(steps_number(&s, us_of("2011-12-30T10:00:00Z")) - day, 2, "a number is left out");
	ok(steps_start(&s, day + 1) == steps_start(&s, day + 2), "the day is empty");
	zone_free(z);
}

static const struct {
	const char *rule;
	enum step_kind kind;
	int minutes;
	bool fits;
} fits[] = {
	{ "UTC0", STEP_1H, 60, true },
	{ "UTC0", STEP_1H, 7, false },
	{ "UTC0", STEP_1H, 120, false },
	{ "UTC0", STEP_1D, 7, false },
	{ "UTC0", STEP_1D, 1440, true },
	{ "UTC0", STEP_DAY, 1440, true },
	{ "UTC0", STEP_WEEK, 1440, true },
	{ "UTC0", STEP_WEEK, 7 * 1440, false }, /* which begin on Thursday */
	{ "UTC0", STEP_MONTH, 1440, true },
	{ BERLIN, STEP_DAY, 60, true },
	{ BERLIN, STEP_DAY, 120, false }, /* in winter */
	{ BERLIN, STEP_DAY, 1440, false },
	{ "<+0530>-5:30", STEP_DAY, 60, false },
	{ "<+0530>-5:30", STEP_DAY, 30, true },
	{ "<+0545>-5:45", STEP_MONTH, 30, false },
	{ "<+0545>-5:45", STEP_MONTH, 15, true },
	{ "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", STEP_DAY, 60, false }, /* in summer */
	{ ST_JOHNS, STEP_DAY, 15, true },
};

static void fitting(void)
{
	for (size_t i = 0; i < COUNT(fits); i++) {
		struct zone *z = zone_of(fits[i].rule);
		const struct steps s = { fits[i].kind, z };
		struct err err = ERR_INIT;
		int rc = steps_check(&s, fits[i].minutes * 60 * TM_S, us_of("2026-06-01T00:00:00Z"),
				     us_of("2027-06-01T00:00:00Z"), &err);

		ok(fits[i].fits ? rc == 0 : rc == -1 && err.code == EX_USAGE,
		   "%s %s, %d minutes: %s", fits[i].rule, step_names[fits[i].kind], fits[i].minutes,
		   rc ? err.msg : "fit");
		zone_free(z);
	}
}

static void across(void)
{
	const struct steps s = { STEP_1H, NULL };
	int64_t start_us = us_of("2026-01-01T00:59:59Z"), end_us = start_us + 2 * TM_S;
	struct err err = ERR_INIT;

	ok(steps_hold(&s, &start_us, &end_us, &err) == -1 && err.code == EX_USAGE, "%s", err.msg);
}

int main(void)
{
	bounds();
	lost_day();
	fitting();
	across();
	return done();
}
