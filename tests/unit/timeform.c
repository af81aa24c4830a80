/* Forms of times: what they read, and which patterns are refused. tests/times.py holds patterns
 * against python's strftime. */
#include "base/timeform.h"

#include <locale.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

enum { LOCAL = INT32_MIN };

/* local: what the clock showed. east_s: LOCAL where the text has no offset; zone: the name that
 * it has then. */
static const struct {
	const char *form, *text, *local;
	int32_t east_s;
	const char *zone;
} good[] = {
	{ "clf", "10/Oct/2000:13:55:36 -0700", "2000-10-10T13:55:36", -25200, "" },
	{ "clf", "[10/Oct/2000:13:55:36 -0700]", "2000-10-10T13:55:36", -25200, "" },
	{ "clf", "[29/Feb/2024:23:59:60 +0530]", "2024-03-01T00:00:00", 19800, "" },
	{ "http", "Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37", 0, "" },
	{ "http", "Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37", 0, "" },
	{ "http", "Sun Nov  6 08:49:37 1994", "1994-11-06T08:49:37", 0, "" },
	{ "http", "Wed Nov 16 08:49:37 1994", "1994-11-16T08:49:37", 0, "" },
	{ "http", "Friday, 01-Jan-68 00:00:00 GMT", "2068-01-01T00:00:00", 0, "" },
	{ "http", "Friday, 01-Jan-69 00:00:00 GMT", "1969-01-01T00:00:00", 0, "" },
	{ "%Y-%m-%d %H:%M:%S", "2026-01-02 03:04:05", "2026-01-02T03:04:05", LOCAL, "" },
	{ "%F %T", "2026-1-2 3:4:5", "2026-01-02T03:04:05", LOCAL, "" },
	{ "%F%n%T", "2026-01-02 \t 03:04:05", "2026-01-02T03:04:05", LOCAL, "" },
	{ "%Y%m%d%H%M%S", "20260102030405", "2026-01-02T03:04:05", LOCAL, "" },
	{ "%Y%m%dT%H%M%S%z", "20260102T030405Z", "2026-01-02T03:04:05", 0, "" },
	{ "%D %R", "01/02/26 03:04", "2026-01-02T03:04:00", LOCAL, "" },
	{ "%d.%m.%y", "02.01.68", "2068-01-02T00:00:00", LOCAL, "" },
	{ "%d.%m.%y", "02.01.69", "1969-01-02T00:00:00", LOCAL, "" },
	{ "%m/%d/%Y %I:%M:%S %p", "1/2/2026 12:00:00 AM", "2026-01-02T00:00:00", LOCAL, "" },
	{ "%m/%d/%Y %I:%M:%S %p", "1/2/2026 12:00:00 pm", "2026-01-02T12:00:00", LOCAL, "" },
	{ "%m/%d/%Y %I:%M:%S %p", "1/2/2026 11:59:59 PM", "2026-01-02T23:59:59", LOCAL, "" },
	{ "%p%I %F", "pm1 2026-01-02", "2026-01-02T13:00:00", LOCAL, "" },
	{ "%Y %j", "2024 366", "2024-12-31T00:00:00", LOCAL, "" },
	{ "%Y-%jT%H", "2026-001T7", "2026-01-01T07:00:00", LOCAL, "" },
	{ "%Y.%j", "2026.60", "2026-03-01T00:00:00", LOCAL, "" },
	{ "%A, %B %d, %Y", "Friday, January 2, 2026", "2026-01-02T00:00:00", LOCAL, "" },
	{ "%A, %B %d, %Y", "FRI, jan 02, 2026", "2026-01-02T00:00:00", LOCAL, "" },
	{ "%a %b %e %Y", "Mon May 31 2027", "2027-05-31T00:00:00", LOCAL, "" },
	{ "%b%d %Y", "September9 2026", "2026-09-09T00:00:00", LOCAL, "" },
	{ "%e/%m/%Y", " 2/01/2026", "2026-01-02T00:00:00", LOCAL, "" },
	{ "%F %T.%f", "2026-01-02 03:04:05.6", "2026-01-02T03:04:05.6", LOCAL, "" },
	{ "%F %T,%f", "2026-01-02 03:04:05,123456789", "2026-01-02T03:04:05.123456", LOCAL, "" },
	{ "%F %T.%f", "2026-01-02 03:04:60.9", "2026-01-02T03:05:00", LOCAL, "" },
	{ "%FT%T%z", "2026-01-02T03:04:05+01", "2026-01-02T03:04:05", 3600, "" },
	{ "%FT%T%z", "2026-01-02T03:04:05-01:30", "2026-01-02T03:04:05", -5400, "" },
	{ "%a %b %d %Y %T GMT%z (%Z)", "Fri Jan 02 2026 03:04:05 GMT+0100 (CET)",
	  "2026-01-02T03:04:05", 3600, "" },
	{ "%F %T %Z", "2026-01-02 03:04:05 UTC", "2026-01-02T03:04:05", 0, "" },
	{ "%F %T %Z", "2026-01-02 03:04:05 GMT", "2026-01-02T03:04:05", 0, "" },
	{ "%F %T %Z", "2026-01-02 03:04:05 Z", "2026-01-02T03:04:05", 0, "" },
	{ "%F %T %Z", "2026-01-02 03:04:05 +03", "2026-01-02T03:04:05", 10800, "" },
	{ "%F %T %Z", "2026-01-02 03:04:05 CEST", "2026-01-02T03:04:05", LOCAL, "CEST" },
	{ "%Z %F %T", "CEST 2026-01-02 03:04:05", "2026-01-02T03:04:05", LOCAL, "CEST" },
	{ "%z%S %F %H:%M", "+0105 2026-01-02 03:04", "", 0, "" },
	/* the offset takes all four digits */
	{ "%z %S %F %H:%M", "+01 5 2026-01-02 03:04", "2026-01-02T03:04:05", 3600, "" },
	{ "%s", "1767323045", "2026-01-02T03:04:05", 0, "" },
	{ "%s.%f", "1767323045.25", "2026-01-02T03:04:05.25", 0, "" },
	{ "%s %z", "1767323045 +0100", "2026-01-02T03:04:05", 0, "" },
	{ "100%% %F", "100% 2026-01-02", "2026-01-02T00:00:00", LOCAL, "" },
	{ "%F %%S", "2026-01-02 %S", "2026-01-02T00:00:00", LOCAL, "" },
	{ "\xc3\xa0 %F", "\xc3\xa0 2026-01-02", "2026-01-02T00:00:00", LOCAL, "" },
};

static const struct {
	const char *form, *text;
} bad[] = {
	{ "clf", "" },
	{ "clf", "10/Oct/2000:13:55:36" },
	{ "clf", "[10/Oct/2000:13:55:36 -0700" },
	{ "clf", "10/Oct/2000:13:55:36 -0700]" },
	{ "clf", "10/Okt/2000:13:55:36 -0700" },
	{ "clf", "31/Apr/2000:13:55:36 -0700" },
	{ "clf", "00/Oct/2000:13:55:36 -0700" },
	{ "clf", "10/Oct/2000:24:00:00 -0700" },
	{ "clf", "10/Oct/2000:13:60:36 -0700" },
	{ "clf", "10/Oct/2000:13:55:61 -0700" },
	{ "clf", "10/Oct/2000:13:55:36 -2400" },
	{ "clf", "10/Oct/2000:13:55:36 -0760" },
	{ "clf", "10/Oct/2000:13:55:36 -0700 " },
	{ "clf", "2000-10-10T13:55:36Z" },
	{ "http", "Sun, 06 Nov 1994 08:49:37 CET" },
	{ "http", "Sun, 06 Nov 1994 08:49:37" },
	{ "http", "Xyz, 06 Nov 1994 08:49:37 GMT" },
	{ "http", "06 Nov 1994 08:49:37 GMT" },
	{ "%F", "026-01-02" },
	{ "%F", "12026-01-02" },
	{ "%F", "2026-13-01" },
	{ "%F", "2026-00-01" },
	{ "%F", "2026-02-29" },
	{ "%F", "2026-01-002" },
	{ "%F", " 2026-01-02" },
	{ "%F", "2026-01-02 " },
	{ "%F %T", "2026-01-0203:04:05" },
	{ "%F %T", "2026-01-02 03:04" },
	{ "%Y %j", "2026 0" },
	{ "%Y %j", "2026 366" },
	{ "%Y %j", "2024 367" },
	{ "%Y %j", "2026 1000" },
	{ "%F %I %p", "2026-01-02 0 AM" },
	{ "%F %I %p", "2026-01-02 13 PM" },
	{ "%F %I %p", "2026-01-02 1 XM" },
	{ "%F %T.%f", "2026-01-02 03:04:05." },
	{ "%F %T.%f", "2026-01-02 03:04:05.1234567890" },
	{ "%b %d %Y", "Ja 2 2026" },
	{ "%s", "" },
	{ "%s", "-1" },
	{ "%s", "1234567890123" },
	{ "%s", "1x" },
	{ "%F %Z", "2026-01-02 " },
	{ "%F %Z", "2026-01-02 1" },
	{ "100%% %F", "100 2026-01-02" },
};

static const struct {
	const char *form, *name;
	bool local;
} names[] = {
	{ "clf", "clf", false },
	{ "http", "http", false },
	{ "%FT%T%z", "%Y-%m-%dT%H:%M:%S%z", false },
	{ "%D %R", "%m/%d/%y %H:%M", true },
	{ "%A,%n%t  %d  %B %Y", "%a, %d %b %Y", true },
	{ "%s", "%s", false },
	{ "%F %Z", "%Y-%m-%d %Z", false },
	{ "%Y-%m-%d %%z", "%Y-%m-%d %%z", true },
};

static const char *const refused[] = {
	"",         "%",      "CLF",   "clf ",     "rfc1123",  "now",         "%T",
	"%H:%M:%S", "%Y",     "%Y-%m", "%Y %d",    "%m-%d",    "%b %e %T",    "%Y %j %d",
	"%Y %m %j", "%y%j%b", "%F %Y", "%F %y",    "%F %b",    "%F %e",       "%F %H %I %p",
	"%F %H %p", "%F %I",  "%F %S", "%F %M",    "%F %H %S", "%F %H:%M.%f", "%F %T %T",
	"%s %F",    "%s %H",  "%s %s", "%F %z %z", "%F %a %A", "%Q",          "%c",
	"%x",       "%X",     "%r",    "%k",       "%l",       "%C",          "%G-%V-%u",
	"%U",       "%h",     "%N",    "%L",       "%3N",      "%E",          "%EY",
	"%Od",      "%-d",    "%F %",  "%F\xff",
};

static const struct {
	const char *text, *form;
} guesses[] = {
	{ "10/Oct/2000:13:55:36 -0700", "clf" },
	{ "[10/Oct/2000:13:55:36 -0700]", "clf" },
	{ "Sun, 06 Nov 1994 08:49:37 GMT", "http" },
	{ "Sun Nov  6 08:49:37 1994", "http" },
	{ "2026-01-02", "%Y-%m-%d" },
	{ "2026/01/02 03:04:05", "%Y/%m/%d %H:%M:%S" },
	{ "Fri, 02 Jan 2026 03:04:05 +0100", "%a, %d %b %Y %H:%M:%S %z" },
	{ "20260102T030405Z", "%Y%m%dT%H%M%S%z" },
	{ "yesterday", NULL },
	{ "", NULL },
	{ "1767323045", NULL },
};

/* Reads a copy that ends where its memory does. */
static int read_copy(const struct timeform *f, struct timeform_memo *memo, const char *text,
		     struct tm_wall *w)
{
	size_t n = strlen(text);
	char *copy = mem_alloc(n + !n);
	memcpy(copy, text, n);
	int rc = timeform_read(f, memo, slice(copy, n), w);
	if (rc == 0 && w->zone.n)
		w->zone.p = text + (w->zone.p - copy);
	free(copy);
	return rc;
}

static void check_good(const struct timeform *f, struct timeform_memo *memo, size_t i,
		       const char *how)
{
	int64_t want_us = 0;
	struct tm_wall w = { 0 }, want = { 0 };
	bool any = good[i].local[0];
	if (any && (tm_minute(good[i].local, &want_us) ||
		    tm_rest(slice_z(good[i].local + TM_MINUTE_CHARS), want_us, &want)))
		ok(false, "%s is no local time", good[i].local);
	int rc = read_copy(f, memo, good[i].text, &w);
	if (!any) {
		ok(rc == -1, "%s: not \"%s\"%s", good[i].form, good[i].text, how);
		return;
	}
	ok(rc == 0 && w.us == want.us && w.has_east == (good[i].east_s != LOCAL) &&
		   (!w.has_east || w.east_s == good[i].east_s) && slice_is(w.zone, good[i].zone),
	   "%s: \"%s\"%s", good[i].form, good[i].text, how);
}

static void texts(void)
{
	struct err err = ERR_INIT;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct timeform *f = timeform_new(good[i].form, &err);
		struct timeform_memo memo = { 0 };
		if (!ok(f != NULL, "%s %s", good[i].form, err.msg))
			continue;
		check_good(f, &memo, i, "");
		check_good(f, &memo, i, ", again");
		timeform_free(f);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct timeform *f = timeform_new(bad[i].form, &err);
		struct timeform_memo memo = { 0 };
		struct tm_wall w;
		ok(f && read_copy(f, &memo, bad[i].text, &w) == -1, "%s: not \"%s\"", bad[i].form,
		   bad[i].text);
		timeform_free(f);
	}
}

/* Times one after the other, each with what the one before has left: the same as each by itself. */
static void memos(void)
{
	static const char *const clf[] = {
		"10/Oct/2000:13:55:36 -0700",   "10/Oct/2000:13:55:37 +0100",
		"[10/Oct/2000:13:55:38 +0100]", "[10/Oct/2000:13:55:39 +0100",
		"10/Oct/2000:13:55:40 +0100",   "10/Oct/2000:13:55:",
		"10/Oct/2000:13:55:1",          "10/Oct/2000:13:56:01 +0100",
		"11/Oct/2000:13:56:01 +0100",
	};
	static const char *const glued[] = { "2026-1 3:4 Mar05",   "2026-1 3:4 Mar06",
					     "2026-1 3:4 March06", "2026-1 3:4 Mar6",
					     "2026-1 3:4 Marc6",   "2026-1 3:4 Mar61",
					     "2026-1 3:4 Mar07",   "2026-1 3:4 March8" };
	static const char *const zones[] = { "2026 1 2 CEST 3:4:05", "2026 1 2 CEST 3:4:06",
					     "2026 1 2 UTC 3:4:06" };
	static const struct {
		const char *form;
		const char *const *text;
		size_t n;
	} runs[] = {
		{ "clf", clf, COUNT(clf) },
		{ "%Y-%d %H:%M %b%S", glued, COUNT(glued) },
		{ "%Y %m %d %Z %H:%M:%S", zones, COUNT(zones) },
	};
	struct err err = ERR_INIT;
	for (size_t r = 0; r < COUNT(runs); r++) {
		struct timeform *f = timeform_new(runs[r].form, &err);
		struct timeform_memo memo = { 0 };
		unsigned wrong = 0;
		for (size_t i = 0; f && i < runs[r].n; i++) {
			struct timeform_memo empty = { 0 };
			struct tm_wall w = { 0 }, want = { 0 };
			int rc = read_copy(f, &memo, runs[r].text[i], &w),
			    wanted = read_copy(f, &empty, runs[r].text[i], &want);
			wrong += rc != wanted || w.us != want.us || w.east_s != want.east_s ||
				 w.has_east != want.has_east || !slice_eq(w.zone, want.zone);
		}
		ok(f && wrong == 0, "%s: what is kept changes nothing", runs[r].form);
		timeform_free(f);
	}
}

static void forms(void)
{
	struct err err = ERR_INIT;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct timeform *f = timeform_new(names[i].form, &err);
		is_str(timeform_name(f), names[i].name, names[i].form);
		ok(timeform_is_local(f) == names[i].local, "local or not: %s", names[i].form);
		timeform_free(f);
	}
	for (size_t i = 0; i < COUNT(refused); i++) {
		err_clear(&err);
		ok(!timeform_new(refused[i], &err) && err.code == EX_USAGE && err.msg[0], "%s: %s",
		   refused[i], err.msg);
	}
	char text[300];
	memset(text, 'x', sizeof(text));
	memcpy(text, "%F", 2);
	text[sizeof(text) - 1] = 0;
	ok(!timeform_new(text, &err) && err.code == EX_USAGE, "%s", err.msg);
	for (size_t i = 0; i < COUNT(guesses); i++) {
		const char *form = timeform_guess(slice_z(guesses[i].text));
		ok(form == guesses[i].form ||
			   (form && guesses[i].form && strcmp(form, guesses[i].form) == 0),
		   "\"%s\" looks like %s", guesses[i].text, form ? form : "nothing");
	}
}

int main(void)
{
	setlocale(LC_ALL, "");
	texts();
	memos();
	forms();
	return done();
}
