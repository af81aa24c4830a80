/* Zones from TZif files made here: expected values are those of python's zoneinfo, of glibc
 * where days are counted from 0 on. tests/times.py holds the system's zones against zoneinfo. */
#include "base/zone_internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/tm.h"
#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* ---- files */

static void put(struct buf *b, uint64_t v, int bytes)
{
	while (bytes--)
		buf_addc(b, bytes < 8 ? (char)(v >> 8 * bytes) : 0);
}

struct file {
	char version;
	unsigned leaps;
	struct zone_shift shift[4];
	size_t n;
	const char *rule; /* the last line */
};

/* Rules of every file: 0 LMT +0:53:28, 1 CET +1, 2 CEST +2, 3 XXX +23:00. */
static void put_body(struct buf *b, const struct file *f, int word)
{
	static const int east[] = { 3208, 3600, 7200, 82800 };
	buf_addz(b, "TZif");
	buf_addc(b, f->version);
	put(b, 0, 15);
	put(b, 0, 4);
	put(b, 0, 4);
	put(b, f->leaps, 4);
	put(b, f->n, 4);
	put(b, COUNT(east), 4);
	put(b, 17, 4);
	for (size_t i = 0; i < f->n; i++)
		put(b, (uint64_t)f->shift[i].at_s, word);
	for (size_t i = 0; i < f->n; i++)
		put(b, f->shift[i].rule, 1);
	for (size_t i = 0; i < COUNT(east); i++) {
		put(b, (uint64_t)east[i], 4);
		put(b, i == 2, 1);
		put(b, i < 3 ? i * 4 : 13, 1);
	}
	buf_add(b, "LMT\0CET\0CEST\0XXX", 17);
	put(b, 0, (int)f->leaps * (word + 4));
}

static void make(const struct file *f, struct buf *b)
{
	b->n = 0;
	put_body(b, f, 4);
	if (!f->version)
		return;
	put_body(b, f, 8);
	buf_printf(b, "\n%s\n", f->rule ? f->rule : "");
}

static struct zone *zone_of(const struct file *f, struct err *err)
{
	struct buf b = { 0 };
	make(f, &b);
	struct zone *z = zone_new_from("Test/Zone", buf_slice(&b), err);
	buf_fini(&b);
	return z;
}

/* "2026-03-29T02:00:00" */
static int64_t local_of(const char *text)
{
	int64_t minute_us;
	struct tm_wall w;
	if (tm_minute(text, &minute_us) ||
	    tm_rest(slice_z(text + TM_MINUTE_CHARS), minute_us, &w) || w.has_east)
		ok(false, "%s is no local time", text);
	return w.us;
}

static void is_span(const struct zone *z, const char *text, enum zone_kind kind, int east_s,
		    const char *name)
{
	int64_t us = local_of(text);
	const struct zone_span *s = zone_find(z, us);
	if (!ok(s->kind == kind && s->rule->east_s == east_s && us >= s->from_us && us < s->to_us &&
			!s->other == (kind == ZONE_ONCE),
		"%s: %s", name, text))
		printf("#  got %d %d\n# want %d %d\n", s->kind, s->rule->east_s, kind, east_s);
}

/* ---- rules for all years */

static const struct {
	const char *rule, *local;
	enum zone_kind kind;
	int east_s;
} rules[] = {
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T01:59:59", ZONE_ONCE, 3600 },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T02:00:00", ZONE_SKIPPED, 3600 },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T02:59:59", ZONE_SKIPPED, 3600 },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T03:00:00", ZONE_ONCE, 7200 },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T01:59:59", ZONE_ONCE, 7200 },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T02:00:00", ZONE_TWICE, 7200 },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T02:59:59", ZONE_TWICE, 7200 },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T03:00:00", ZONE_ONCE, 3600 },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2199-12-31T23:59:59", ZONE_ONCE, 3600 },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "1970-01-01T00:00:00", ZONE_ONCE, 3600 },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2199-03-31T02:30:00", ZONE_SKIPPED, 3600 },
	{ "IST-1GMT0,M10.5.0,M3.5.0/1", "2026-03-29T00:59:59", ZONE_ONCE, 0 },
	{ "IST-1GMT0,M10.5.0,M3.5.0/1", "2026-03-29T01:00:00", ZONE_SKIPPED, 0 },
	{ "IST-1GMT0,M10.5.0,M3.5.0/1", "2026-03-29T01:59:59", ZONE_SKIPPED, 0 },
	{ "IST-1GMT0,M10.5.0,M3.5.0/1", "2026-03-29T02:00:00", ZONE_ONCE, 3600 },
	{ "IST-1GMT0,M10.5.0,M3.5.0/1", "2026-10-25T00:59:59", ZONE_ONCE, 3600 },
	{ "IST-1GMT0,M10.5.0,M3.5.0/1", "2026-10-25T01:00:00", ZONE_TWICE, 3600 },
	{ "IST-1GMT0,M10.5.0,M3.5.0/1", "2026-10-25T02:00:00", ZONE_ONCE, 0 },
	{ "IST-1GMT0,M10.5.0,M3.5.0/1", "2026-07-01T00:00:00", ZONE_ONCE, 3600 },
	{ "AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-04-05T01:59:59", ZONE_ONCE, 39600 },
	{ "AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-04-05T02:00:00", ZONE_TWICE, 39600 },
	{ "AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-04-05T03:00:00", ZONE_ONCE, 36000 },
	{ "AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-10-04T02:00:00", ZONE_SKIPPED, 36000 },
	{ "AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-10-04T02:59:59", ZONE_SKIPPED, 36000 },
	{ "AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-10-04T03:00:00", ZONE_ONCE, 39600 },
	{ "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-28T22:59:59", ZONE_ONCE, -7200 },
	{ "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-28T23:00:00", ZONE_SKIPPED, -7200 },
	{ "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T00:00:00", ZONE_ONCE, -3600 },
	{ "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-10-24T23:00:00", ZONE_TWICE, -3600 },
	{ "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-10-25T00:00:00", ZONE_ONCE, -7200 },
	{ "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-04-05T01:29:59", ZONE_ONCE, 39600 },
	{ "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-04-05T01:30:00", ZONE_TWICE, 39600 },
	{ "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-04-05T01:59:59", ZONE_TWICE, 39600 },
	{ "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-04-05T02:00:00", ZONE_ONCE, 37800 },
	{ "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-10-04T02:00:00", ZONE_SKIPPED, 37800 },
	{ "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-10-04T02:29:59", ZONE_SKIPPED, 37800 },
	{ "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-10-04T02:30:00", ZONE_ONCE, 39600 },
	{ "IST-2IDT,M3.4.4/26,M10.5.0", "2026-03-27T01:59:59", ZONE_ONCE, 7200 },
	{ "IST-2IDT,M3.4.4/26,M10.5.0", "2026-03-27T02:00:00", ZONE_SKIPPED, 7200 },
	{ "IST-2IDT,M3.4.4/26,M10.5.0", "2026-03-27T03:00:00", ZONE_ONCE, 10800 },
	{ "IST-2IDT,M3.4.4/26,M10.5.0", "2027-03-26T02:30:00", ZONE_SKIPPED, 7200 },
	{ "IST-2IDT,M3.4.4/26,M10.5.0", "2026-10-25T01:00:00", ZONE_TWICE, 10800 },
	{ "IST-2IDT,M3.4.4/26,M10.5.0", "2026-10-25T02:00:00", ZONE_ONCE, 7200 },
	{ "EST5EDT,J60/2,J300/2", "2027-03-01T02:00:00", ZONE_SKIPPED, -18000 },
	{ "EST5EDT,J60/2,J300/2", "2028-03-01T01:59:59", ZONE_ONCE, -18000 },
	{ "EST5EDT,J60/2,J300/2", "2028-03-01T02:00:00", ZONE_SKIPPED, -18000 },
	{ "EST5EDT,J60/2,J300/2", "2028-10-27T01:00:00", ZONE_TWICE, -14400 },
	{ "EST5EDT,J60/2,J300/2", "2027-10-27T01:00:00", ZONE_TWICE, -14400 },
	{ "EST5EDT,59/2,299/2", "2027-03-01T02:00:00", ZONE_SKIPPED, -18000 },
	{ "EST5EDT,59/2,299/2", "2028-02-29T01:59:59", ZONE_ONCE, -18000 },
	{ "EST5EDT,59/2,299/2", "2028-02-29T02:00:00", ZONE_SKIPPED, -18000 },
	{ "EST5EDT,59/2,299/2", "2028-10-26T01:00:00", ZONE_TWICE, -14400 },
	{ "EST5EDT,59/2,299/2", "2027-10-27T01:00:00", ZONE_TWICE, -14400 },
	{ "EST5EDT,0/0,J365/25", "2026-12-31T23:30:00", ZONE_ONCE, -14400 },
	{ "EST5EDT,0/0,J365/25", "2027-01-01T00:00:00", ZONE_ONCE, -14400 },
	{ "EST5EDT,0/0,J365/25", "2027-01-01T00:30:00", ZONE_ONCE, -14400 },
	{ "EST5EDT,0/0,J365/25", "2027-07-01T00:00:00", ZONE_ONCE, -14400 },
	{ "<+0545>-5:45", "2026-07-01T00:00:00", ZONE_ONCE, 20700 },
	{ "UTC0", "2026-07-01T00:00:00", ZONE_ONCE, 0 },
	{ "AAA12:59:59BBB,M1.1.0/167,M12.5.6/-167:59:59", "2026-01-10T22:59:59", ZONE_ONCE,
	  -46799 },
	{ "AAA12:59:59BBB,M1.1.0/167,M12.5.6/-167:59:59", "2026-01-10T23:00:00", ZONE_SKIPPED,
	  -46799 },
	{ "AAA12:59:59BBB,M1.1.0/167,M12.5.6/-167:59:59", "2026-01-11T00:00:00", ZONE_ONCE,
	  -43199 },
	{ "AAA12:59:59BBB,M1.1.0/167,M12.5.6/-167:59:59", "2026-12-18T23:00:00", ZONE_ONCE,
	  -43199 },
	{ "AAA12:59:59BBB,M1.1.0/167,M12.5.6/-167:59:59", "2026-12-19T00:00:00", ZONE_TWICE,
	  -43199 },
	{ "AAA12:59:59BBB,M1.1.0/167,M12.5.6/-167:59:59", "2026-12-19T00:00:01", ZONE_ONCE,
	  -46799 },
};

static const char *const no_rules[] = {
	"CET",
	"CET-",
	"CE-1",
	"-1",
	"CET-1CEST",
	"CET-1CEST,",
	"CET-1CEST,M3.5.0",
	"CET-1CEST,M3.5.0,",
	"CET-1CEST,M3.5.0,M10.5.0,",
	"CET-25",
	"CET-1:60",
	"CET-1:00:60",
	"CET-1CEST,M0.5.0,M10.5.0",
	"CET-1CEST,M13.5.0,M10.5.0",
	"CET-1CEST,M3.0.0,M10.5.0",
	"CET-1CEST,M3.6.0,M10.5.0",
	"CET-1CEST,M3.5.7,M10.5.0",
	"CET-1CEST,M3.5,M10.5.0",
	"CET-1CEST,M3.5.0/168,M10.5.0",
	"CET-1CEST,J0,J10",
	"CET-1CEST,J366,J10",
	"CET-1CEST,366,10",
	"CET-1CEST,X,10",
	"<CET-1",
	"<CE>-1",
	"CET-1 ",
	" CET-1",
	"CET-1CEST,M3.5.0,M10.5.0/3x",
	"CET-99999999999999999999",
};

static void rules_of_all_years(void)
{
	struct err err = ERR_INIT;
	for (size_t i = 0; i < COUNT(rules); i++) {
		struct zone *z = zone_of(&(struct file){ .version = '2', .rule = rules[i].rule },
					 &err);
		is_span(z, rules[i].local, rules[i].kind, rules[i].east_s, rules[i].rule);
		zone_free(z);
	}
	for (size_t i = 0; i < COUNT(no_rules); i++) {
		err_clear(&err);
		ok(!zone_of(&(struct file){ .version = '3', .rule = no_rules[i] }, &err) &&
			   err.code == EX_CONFIG,
		   "no rule: %s", no_rules[i]);
	}
}

/* ---- shifts, and a rule behind them */

static void shifts(void)
{
	/* 1980-04-06T01:00Z forward, 1980-09-28T01:00Z back; no rule; before them local mean
	 * time */
	struct file f = { .version = '2',
			  .shift = { { -2422054408, 1 }, { 323830800, 2 }, { 338950800, 1 } },
			  .n = 3 };
	struct err err = ERR_INIT;
	struct zone *z = zone_of(&f, &err);
	is_str(zone_name(z), "Test/Zone", "the name");
	is_span(z, "1970-01-01T00:00:00", ZONE_ONCE, 3600, "the last shift before 1970");
	is_span(z, "1980-04-06T01:59:59.999999", ZONE_ONCE, 3600, "before");
	is_span(z, "1980-04-06T02:00:00", ZONE_SKIPPED, 3600, "forward");
	is_span(z, "1980-04-06T02:59:59.999999", ZONE_SKIPPED, 3600, "to the end");
	is_span(z, "1980-04-06T03:00:00", ZONE_ONCE, 7200, "summer");
	is_span(z, "1980-09-28T02:00:00", ZONE_TWICE, 7200, "back");
	is_span(z, "1980-09-28T03:00:00", ZONE_ONCE, 3600, "winter");
	is_span(z, "2199-12-31T23:59:59.999999", ZONE_ONCE, 3600, "without a rule it stays so");
	is_str(zone_find(z, local_of("1980-09-28T02:00:00"))->rule->name, "CEST",
	       "the first of two times is called");
	is_str(zone_find(z, local_of("1980-09-28T02:00:00"))->other->name, "CET",
	       "the second is called");
	zone_free(z);

	f.rule = "CET-1CEST,M3.5.0,M10.5.0/3";
	z = zone_of(&f, &err);
	is_span(z, "1980-07-01T00:00:00", ZONE_ONCE, 7200, "with a rule: shifts as they were");
	is_span(z, "1980-10-26T02:30:00", ZONE_ONCE, 3600, "winter has begun already");
	is_span(z, "1981-03-29T02:30:00", ZONE_SKIPPED, 3600,
		"the rule begins behind the last shift");
	is_span(z, "2190-07-01T00:00:00", ZONE_ONCE, 7200, "for ever");
	zone_free(z);

	f = (struct file){ .shift = { { 323830800, 2 } }, .n = 1 };
	z = zone_of(&f, &err);
	is_span(z, "1970-01-01T00:00:00", ZONE_ONCE, 3208,
		"version 1: the first rule before the first shift");
	is_span(z, "1980-04-06T03:06:32", ZONE_ONCE, 7200, "version 1: a shift");
	zone_free(z);

	/* a day that never was: 24 h forward, as Samoa did */
	f = (struct file){
		.version = '2',
		.shift = { { 1000000000, 0 }, { 1325239200, 3 } },
		.n = 2,
	};
	z = zone_of(&f, &err);
	is_span(z, "2011-12-30T20:00:00", ZONE_SKIPPED, 3208, "far forward");
	zone_free(z);
}

/* ---- files that are none */

static void damage(void)
{
	struct file f = { .version = '2',
			  .shift = { { -2422054408, 1 }, { 323830800, 2 }, { 338950800, 1 } },
			  .n = 3,
			  .rule = "CET-1" };
	struct err err = ERR_INIT;
	struct buf b = { 0 };
	unsigned read = 0;
	make(&f, &b);
	for (size_t n = 0; n < b.n; n++) {
		char *copy = mem_dup(b.p, n); /* of its own, so that sanitizers see a step beyond */
		struct zone *z = zone_new_from("x", slice(copy, n), &err);
		read += z != NULL;
		zone_free(z);
		free(copy);
	}
	is_int(read, 0, "cut off anywhere it is no file");
	b.p[0] = 'X';
	ok(!zone_new_from("Test/Zone", buf_slice(&b), &err) && err.code == EX_CONFIG &&
		   strstr(err.msg, "Test/Zone"),
	   "%s", err.msg);
	buf_fini(&b);
	f.leaps = 1;
	ok(!zone_of(&f, &err) && err.code == EX_USAGE, "%s", err.msg);
	f = (struct file){ .version = '2', .shift = { { 5, 9 } }, .n = 1 };
	ok(!zone_of(&f, &err) && err.code == EX_CONFIG, "a shift to a rule that is not there");
	f = (struct file){ .version = '2', .shift = { { 5, 1 }, { 5, 2 } }, .n = 2 };
	ok(!zone_of(&f, &err) && err.code == EX_CONFIG, "shifts out of order");
}

/* ---- names */

static const struct {
	const char *name, *canonical;
	int east_s;
} fixed[] = {
	{ "UTC", "UTC", 0 },
	{ "Z", "UTC", 0 },
	{ "z", "UTC", 0 },
	{ "+00:00", "UTC", 0 },
	{ "-0000", "UTC", 0 },
	{ "+01", "+01:00", 3600 },
	{ "+0100", "+01:00", 3600 },
	{ "+01:00", "+01:00", 3600 },
	{ "-03:30", "-03:30", -12600 },
	{ "+23:59", "+23:59", 86340 },
};

static const char *const no_names[] = { "",
					"utc",
					"Europe/Berln",
					"Europe",
					"../zoneinfo/UTC",
					"/etc/localtime",
					"localtime",
					"+1",
					"+24:00",
					"+01:60",
					"+01:0",
					"+010",
					"01:00",
					"+01:00x",
					"UTC+1",
					"CET-1CEST,M3.5.0,M10.5.0/3",
					"Not",
					"Test/",
					"a b",
					"Te\nst" };

static void write_file(const char *path, struct slice text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n)
		ok(false, "%s cannot be written", path);
	close(fd);
}

static void names(void)
{
	char folder[] = "/tmp/hta-zones.XXXXXX", path[64];
	struct buf b = { 0 };
	struct err err = ERR_INIT;
	struct zone *z;
	for (size_t i = 0; i < COUNT(fixed); i++) {
		z = zone_new(fixed[i].name, &err);
		ok(z && strcmp(zone_name(z), fixed[i].canonical) == 0 &&
			   zone_find(z, 0)->rule->east_s == fixed[i].east_s &&
			   zone_find(z, 0)->kind == ZONE_ONCE,
		   "%s is %s", fixed[i].name, fixed[i].canonical);
		zone_free(z);
	}
	if (!mkdtemp(folder))
		ok(false, "no scratch folder");
	setenv("TZDIR", folder, 1);
	make(&(struct file){ .version = '2', .rule = "CET-1CEST,M3.5.0,M10.5.0/3" }, &b);
	snprintf(path, sizeof(path), "%s/Test", folder);
	write_file(path, buf_slice(&b));
	z = zone_new("Test", &err);
	ok(z && zone_find(z, local_of("2026-07-01T00:00:00"))->rule->east_s == 7200,
	   "a zone by its name");
	zone_free(z);
	snprintf(path, sizeof(path), "%s/Not", folder);
	write_file(path, slice_z("no zone's file"));
	for (size_t i = 0; i < COUNT(no_names); i++) {
		err_clear(&err);
		ok(!zone_new(no_names[i], &err) && err.code == EX_USAGE &&
			   strstr(err.msg, no_names[i]),
		   "%s", err.msg);
	}
	write_file(path, slice(b.p, b.n - 3));
	ok(!zone_new("Not", &err) && err.code == EX_CONFIG, "%s", err.msg);
	unlink(path);
	snprintf(path, sizeof(path), "%s/Test", folder);
	unlink(path);
	rmdir(folder);
	ok(!zone_new("Test", &err) && err.code == EX_CONFIG && strstr(err.msg, "install tzdata"),
	   "%s", err.msg);
	unsetenv("TZDIR");
	buf_fini(&b);
}

int main(void)
{
	rules_of_all_years();
	shifts();
	damage();
	names();
	return done();
}
