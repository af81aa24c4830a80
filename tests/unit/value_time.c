/* The hot converter of times against the forms of tm.h: tables, and texts from a seeded generator;
 * local times by zone and form. Columns, by every engine that the processor has, against the
 * converter of one field. */
#include "value_fields.h"

#include "base/tm.h"

static const struct {
	const char *text;
	enum field_type type;
	enum value_unit unit;
	enum value_time_result result;
	int64_t us;
} times[] = {
	{ "2026-01-01T00:00:00.000Z", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_OK,
	  1767225600000000 },
	{ "2026-01-01T00:00:59.999Z", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_OK,
	  1767225659999000 },
	{ "2026-01-01T00:00:60.999Z", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_OK,
	  1767225660000000 },
	{ "2026-01-01T00:00:61.000Z", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_NONE, 0 },
	{ "2026-01-01T00:00:0a.000Z", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_NONE, 0 },
	{ "2026-01-01T00:00:00.00:Z", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_NONE, 0 },
	{ "2026-01-01T00:00:00.000X", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_NONE, 0 },
	{ "2026-01-01T00:00:00.000z", FIELD_STRING, VALUE_S, VALUE_TIME_OK, 1767225600000000 },
	{ "2026-01-01T00:00-00.000Z", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_NONE, 0 },
	{ "2026-01-01T00:00:00,250Z", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_OK,
	  1767225600250000 },
	{ "2026-01-01T00:00:00;250Z", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_NONE, 0 },
	{ "2026-01-01T01:00:00.5+0100", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_OK,
	  1767225600500000 },
	{ "2026-01-01T01:00:00+01", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_OK, 1767225600000000 },
	{ "2026-01-01T00:00Z", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_OK, 1767225600000000 },
	{ "2026-01-01 00:00:00 UTC", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_OK, 1767225600000000 },
	{ "2025-12-31T23:59:60Z", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_OK, 1767225600000000 },
	{ "2026-01-01T00:00:00", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_LOCAL, 0 },
	{ "2026-01-01T00:00", FIELD_STRING, VALUE_S, VALUE_TIME_LOCAL, 0 },
	{ "2026-01-01", FIELD_STRING, VALUE_S, VALUE_TIME_NONE, 0 },
	{ "\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0"
	  "000\\u0000\\u0000\\u0000:07Z",
	  FIELD_ESCAPED, VALUE_RFC3339, VALUE_TIME_NONE, 0 },
	{ "2026-01-01T00:00:00\xb1"
	  "000Z",
	  FIELD_STRING, VALUE_RFC3339, VALUE_TIME_NONE, 0 },
	{ "2026-01-01T01:00:00.500+01:00", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_OK,
	  1767225600500000 },
	{ "2026-01-01T01:00:00+01:00", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_OK,
	  1767225600000000 },
	{ "2026-01-01T01:00:00.1Z", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_OK, 1767229200100000 },
	{ "2026-01-01T01:00:07.250Z", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_OK,
	  1767229207250000 },
	{ "2026-01-01T01:00:07.250\\u005a", FIELD_ESCAPED, VALUE_RFC3339, VALUE_TIME_OK,
	  1767229207250000 },
	{ "2026-01-01T01:00:07.250\\u005b", FIELD_ESCAPED, VALUE_RFC3339, VALUE_TIME_NONE, 0 },
	{ "\\ud800", FIELD_ESCAPED, VALUE_RFC3339, VALUE_TIME_NONE, 0 },
	{ "1970-01-01T00:00:00.000Z", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_OK, 0 },
	{ "1970-01-01T00:00:01.000Z", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_OK, 1000000 },
	{ "1969-12-31T23:59:60.000Z", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_OK, 0 },
	{ "1969-12-31T23:59:59.999Z", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_RANGE, 0 },
	{ "2199-12-31T23:59:59.999Z", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_OK,
	  TM_MAX_US - 1000 },
	{ "2199-12-31T23:59:60.000Z", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_RANGE, 0 },
	{ "2200-01-01T00:00:00.000Z", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_RANGE, 0 },
	{ "2200-01-01T00:00:01.000Z", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_RANGE, 0 },
	{ "2026-02-29T00:00:00.000Z", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_NONE, 0 },
	{ "", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_NONE, 0 },
	{ "1767225600", FIELD_STRING, VALUE_RFC3339, VALUE_TIME_NONE, 0 },
	{ "1767225600", FIELD_STRING, VALUE_S, VALUE_TIME_OK, 1767225600000000 },
	{ "1767225600.123", FIELD_STRING, VALUE_S, VALUE_TIME_OK, 1767225600123000 },
	{ "1732800000000000", FIELD_STRING, VALUE_US, VALUE_TIME_OK, 1732800000000000 },
	{ "17672256\\u00300", FIELD_ESCAPED, VALUE_S, VALUE_TIME_OK, 176722560000000 * 10 },
	{ " 1767225600", FIELD_STRING, VALUE_S, VALUE_TIME_NONE, 0 },
	{ "1767225600 ", FIELD_STRING, VALUE_S, VALUE_TIME_NONE, 0 },
	{ "01767225600", FIELD_STRING, VALUE_S, VALUE_TIME_NONE, 0 },
	{ "1767225600.", FIELD_STRING, VALUE_S, VALUE_TIME_NONE, 0 },
	{ "+1", FIELD_STRING, VALUE_S, VALUE_TIME_NONE, 0 },
	{ "-1", FIELD_STRING, VALUE_S, VALUE_TIME_RANGE, 0 },
	{ "", FIELD_STRING, VALUE_S, VALUE_TIME_NONE, 0 },
	{ "", FIELD_MISSING, VALUE_S, VALUE_TIME_MISSING, 0 },
	{ "null", FIELD_NULL, VALUE_S, VALUE_TIME_MISSING, 0 },
	{ "true", FIELD_TRUE, VALUE_S, VALUE_TIME_NONE, 0 },
	{ "{}", FIELD_OBJECT, VALUE_S, VALUE_TIME_NONE, 0 },
	{ "1767225600", FIELD_NUMBER, VALUE_RFC3339, VALUE_TIME_UNIT, 0 },
	{ "1767225600", FIELD_NUMBER, VALUE_S, VALUE_TIME_OK, 1767225600000000 },
	{ "1767225600.123456", FIELD_NUMBER, VALUE_S, VALUE_TIME_OK, 1767225600123456 },
	{ "1767225600.1234569", FIELD_NUMBER, VALUE_S, VALUE_TIME_OK, 1767225600123456 },
	{ "1.5", FIELD_NUMBER, VALUE_S, VALUE_TIME_OK, 1500000 },
	{ "0.0000009", FIELD_NUMBER, VALUE_S, VALUE_TIME_OK, 0 },
	{ "-0", FIELD_NUMBER, VALUE_S, VALUE_TIME_OK, 0 },
	{ "-1", FIELD_NUMBER, VALUE_S, VALUE_TIME_RANGE, 0 },
	{ "-0.000000001", FIELD_NUMBER, VALUE_S, VALUE_TIME_RANGE, 0 },
	{ "1e3", FIELD_NUMBER, VALUE_S, VALUE_TIME_OK, 1000000000 },
	{ "7258118399.999999", FIELD_NUMBER, VALUE_S, VALUE_TIME_OK, TM_MAX_US - 1 },
	{ "7258118400", FIELD_NUMBER, VALUE_S, VALUE_TIME_RANGE, 0 },
	{ "7258118400.0", FIELD_NUMBER, VALUE_S, VALUE_TIME_RANGE, 0 },
	{ "1e300", FIELD_NUMBER, VALUE_S, VALUE_TIME_RANGE, 0 },
	{ "99999999999999999999", FIELD_NUMBER, VALUE_NS, VALUE_TIME_RANGE, 0 },
	{ "9999999999999999", FIELD_NUMBER, VALUE_S, VALUE_TIME_RANGE, 0 },
	{ "1767225600123", FIELD_NUMBER, VALUE_MS, VALUE_TIME_OK, 1767225600123000 },
	{ "1767225600123.4567", FIELD_NUMBER, VALUE_MS, VALUE_TIME_OK, 1767225600123456 },
	{ "1767225600123456", FIELD_NUMBER, VALUE_US, VALUE_TIME_OK, 1767225600123456 },
	{ "1767225600123456.7", FIELD_NUMBER, VALUE_US, VALUE_TIME_OK, 1767225600123456 },
	{ "1767225600123456789", FIELD_NUMBER, VALUE_NS, VALUE_TIME_OK, 1767225600123456 },
	{ "7258118399999", FIELD_NUMBER, VALUE_MS, VALUE_TIME_OK, TM_MAX_US - 1000 },
	{ "7258118400000", FIELD_NUMBER, VALUE_MS, VALUE_TIME_RANGE, 0 },
	{ "7258118399999999999", FIELD_NUMBER, VALUE_NS, VALUE_TIME_OK, TM_MAX_US - 1 },
	{ "7258118400000000000", FIELD_NUMBER, VALUE_NS, VALUE_TIME_RANGE, 0 },
};

static void time_table(void)
{
	struct value_clock clock = { 0 };
	for (size_t i = 0; i < 2 * COUNT(times);
	     i++) { /* the second time with a minute that has been seen */
		size_t t = i % COUNT(times);
		int64_t us = 77;
		struct field field = field_of(times[t].text, strlen(times[t].text), times[t].type);
		const struct value_when when = { .unit = times[t].unit };
		enum value_time_result result = value_time(&clock, field, &when, &us);
		if (i >= COUNT(times)) { /* again, right behind itself */
			us = 77;
			result = value_time(&clock, field, &when, &us);
		}
		ok(result == times[t].result && us == (result == VALUE_TIME_OK ? times[t].us : 77),
		   "time %s: %d %lld", times[t].text, result, (long long)us);
	}
}

/* A time, or nearly one. */
static int make_time(char to[64])
{
	int n = snprintf(to, 64, "20%02u-%02u-%02uT%02u:%02u:%02u", 26 + below(2), 1 + below(2),
			 27 + below(3), below(2), below(2), below(62));
	unsigned digits = below(2) ? 3 : below(13);
	if (digits || below(8) == 0)
		to[n++] = '.';
	for (; digits; digits--)
		to[n++] = (char)('0' + below(10));
	static const char *const offsets[] = { "z", "+01:30", "+0130", " -01", "", " UTC" };
	n += snprintf(to + n, 8, "%s", below(8) ? "Z" : offsets[below(6)]);
	if (below(3) == 0)
		to[below((unsigned)n)] = (char)"0123456789:.,-TZtz +/\x80\xff"[below(23)];
	return n;
}

static const struct value_when plain = { .unit = VALUE_RFC3339 };

/* What tm.h says of the text. */
static enum value_time_result time_wanted(const char *text, size_t n, int64_t *us)
{
	struct tm_wall w;
	int64_t minute_us;
	if (n < TM_MINUTE_CHARS || tm_minute(text, &minute_us) ||
	    tm_rest(slice(text + TM_MINUTE_CHARS, n - TM_MINUTE_CHARS), minute_us, &w))
		return VALUE_TIME_NONE;
	if (!w.has_east)
		return VALUE_TIME_LOCAL;
	w.us -= w.east_s * TM_S;
	if (w.us < TM_MIN_US || w.us >= TM_MAX_US)
		return VALUE_TIME_RANGE;
	*us = w.us;
	return VALUE_TIME_OK;
}

static void time_generated(void)
{
	struct value_clock clock = { 0 };
	unsigned wrong = 0, good = 0, strict = 0, local = 0;
	char text[64], first[64] = "";
	for (int i = 0; i < 400000; i++) {
		size_t n = (size_t)make_time(text);
		int64_t want = 0, got = 0, parsed = 0;
		enum value_time_result wanted = time_wanted(text, n, &want);
		bool is_strict = tm_parse(slice(text, n), &parsed) == 0;
		good += wanted == VALUE_TIME_OK;
		local += wanted == VALUE_TIME_LOCAL;
		strict += is_strict;
		if (value_time(&clock, field_of(text, n, FIELD_STRING), &plain, &got) != wanted ||
		    got != want ||
		    (is_strict &&
		     (wanted == VALUE_TIME_OK ? parsed != want : wanted != VALUE_TIME_RANGE))) {
			wrong++;
			memcpy(first, text, sizeof first);
		}
	}
	ok(wrong == 0, "400,000 texts are the times that tm.h reads: %u are not, such as %s", wrong,
	   first);
	ok(good > strict && strict > 200000 && local > 2000,
	   "and %u of them are times, %u RFC 3339, %u local", good, strict, local);
}

/* ---- columns ---- */

static unsigned make_time_text(char *to)
{
	return (unsigned)make_time(to);
}

/* Many of one minute, so that most are of the common form. */
static unsigned make_near_time(char *to)
{
	return (unsigned)snprintf(to, 64, "2026-01-27T00:00:%02u.%03u%c", below(62), below(1000),
				  below(9) ? 'Z' : 'z');
}

static void time_columns(void)
{
	unsigned wrong[COUNT(engines)] = { 0 }, good = 0;
	for (unsigned k = 0; k < COLUMNS; k++) {
		struct value_column c = make_column(k % 2 ? make_near_time : make_time_text,
						    FIELD_STRING);
		uint64_t lines = below(2) ? UINT64_MAX : next(), want = 0;
		struct value_clock clock = { 0 };
		int64_t us[SCAN_BATCH], got[SCAN_BATCH];
		for (unsigned i = 0; i < SCAN_BATCH; i++)
			if (lines >> i & 1 &&
			    !value_time(&clock, c.field[i * WIDTH], &plain, &us[i]))
				want |= UINT64_C(1) << i;
		good += (unsigned)__builtin_popcountll(want);
		for (size_t e = 0; e < COUNT(engines) && engine_runs(e); e++) {
			clock = (struct value_clock){ 0 };
			struct value_time_sets sets = engines[e].times(&clock, c, lines, &plain,
								       got);
			wrong[e] += sets.good != want || sets.twice || sets.skipped;
			for (unsigned i = 0; i < SCAN_BATCH; i++)
				wrong[e] += want >> i & 1 && got[i] != us[i];
		}
	}
	for (size_t e = 0; e < COUNT(engines) && engine_runs(e); e++)
		ok(wrong[e] == 0 && good > COLUMNS * 8, "%s: %u times in %d columns",
		   engines[e].name, good, COLUMNS);
}

/* ---- local times ---- */

/* Berlin as it has been since 1996, for all years. */
static struct zone *berlin(void)
{
	static const char head[44] = { 'T', 'Z', 'i', 'f', '2', [39] = 1, [43] = 4 };
	static const char body[10] = { [6] = 'L', 'M', 'T' };
	struct buf b = { 0 };
	for (int i = 0; i < 2; i++) {
		buf_add(&b, head, sizeof(head));
		buf_add(&b, body, sizeof(body));
	}
	buf_addz(&b, "\nCET-1CEST,M3.5.0,M10.5.0/3\n");
	struct zone *z = zone_new_from("Europe/Berlin", buf_slice(&b), NULL);
	buf_fini(&b);
	return z;
}

static const struct {
	const char *form, *text;
	enum value_time_result result;
	int64_t us;
} locals[] = {
	{ "", "2026-01-01T01:00:00", VALUE_TIME_OK, 1767225600000000 },
	{ "", "2026-01-01 01:00", VALUE_TIME_OK, 1767225600000000 },
	{ "", "2026-01-01T01:00:00,25", VALUE_TIME_OK, 1767225600250000 },
	{ "", "2026-01-01T00:00:00Z", VALUE_TIME_OK, 1767225600000000 },
	{ "", "2026-01-01T00:00:00.250Z", VALUE_TIME_OK, 1767225600250000 },
	{ "", "2026-07-01T02:00", VALUE_TIME_OK, 1782864000000000 },
	{ "", "2026-03-29T01:59:59.999999", VALUE_TIME_OK, 1774745999999999 },
	{ "", "2026-03-29T01:59:60", VALUE_TIME_SKIPPED, 1774746000000000 },
	{ "", "2026-03-29T02:30:00", VALUE_TIME_SKIPPED, 1774747800000000 },
	{ "", "2026-03-29T03:30:00", VALUE_TIME_OK, 1774747800000000 },
	{ "", "2026-10-25T01:59:59", VALUE_TIME_OK, 1792886399000000 },
	{ "", "2026-10-25T02:30:00", VALUE_TIME_TWICE, 1792888200000000 },
	{ "", "2026-10-25T02:30:00+01", VALUE_TIME_OK, 1792891800000000 },
	{ "", "2026-10-25T03:00:00", VALUE_TIME_OK, 1792893600000000 },
	{ "", "1970-01-01T00:59:59", VALUE_TIME_RANGE, 0 },
	{ "", "1970-01-01T01:00:00", VALUE_TIME_OK, 0 },
	{ "", "2200-01-01T00:59:59.999999", VALUE_TIME_OK, TM_MAX_US - 1 },
	{ "", "2200-01-01T01:00:00", VALUE_TIME_RANGE, 0 },
	{ "%F %T %Z", "2026-10-25 02:30:00 CEST", VALUE_TIME_OK, 1792888200000000 },
	{ "%F %T %Z", "2026-10-25 02:30:00 cet", VALUE_TIME_OK, 1792891800000000 },
	{ "%F %T %Z", "2026-10-25 02:30:00 UTC", VALUE_TIME_OK, 1792895400000000 },
	{ "%F %T %Z", "2026-10-25 02:30:00 EST", VALUE_TIME_NAME, 0 },
	{ "%F %T %Z", "2026-07-01 02:00:00 CET", VALUE_TIME_NAME, 0 },
	{ "%F %T %Z", "2026-07-01 02:00:00 CEST", VALUE_TIME_OK, 1782864000000000 },
	{ "%F %T %Z", "2026-03-29 02:30:00 CET", VALUE_TIME_OK, 1774747800000000 },
	{ "%F %T %Z", "2026-03-29 02:30:00 CEST", VALUE_TIME_OK, 1774744200000000 },
	{ "%F %T", "2026-10-25 02:30:00", VALUE_TIME_TWICE, 1792888200000000 },
	{ "%F %T", "2026-03-29 02:30:00", VALUE_TIME_SKIPPED, 1774747800000000 },
	{ "%F %T", "2026-10-25T02:30:00", VALUE_TIME_NONE, 0 },
	{ "clf", "10/Oct/2000:13:55:36 -0700", VALUE_TIME_OK, 971211336000000 },
};

static void local_times(void)
{
	struct zone *z = berlin();
	for (size_t i = 0; i < COUNT(locals); i++) {
		struct value_clock clock = { 0 };
		struct timeform *form = *locals[i].form ? timeform_new(locals[i].form, NULL) : NULL;
		const struct value_when when = { VALUE_RFC3339, z, form };
		for (int again = 0; again < 2; again++) {
			int64_t us = 77;
			enum value_time_result result = value_time(
				&clock,
				field_of(locals[i].text, strlen(locals[i].text), FIELD_STRING),
				&when, &us);
			ok(result == locals[i].result &&
				   us == (result <= VALUE_TIME_SKIPPED ? locals[i].us : 77),
			   "%s \"%s\": %d %lld", locals[i].form, locals[i].text, result,
			   (long long)us);
		}
		timeform_free(form);
	}
	zone_free(z);
}

static unsigned make_local(char *to)
{
	return (unsigned)snprintf(
		to, 64, "2026-%s:%02u:%02u.%03u%s",
		(const char *[]){ "03-29T01", "03-29T02", "10-25T02", "10-25T03" }[below(4)],
		below(3), below(60), below(1000), below(4) ? "" : "Z");
}

/* One clock for many times: as each with a clock of its own. */
static void local_columns(void)
{
	struct zone *z = berlin();
	const struct value_when when = { VALUE_RFC3339, z, NULL };
	unsigned wrong[COUNT(engines)] = { 0 }, twice = 0, skipped = 0;
	for (unsigned k = 0; k < 2000; k++) {
		struct value_column c = make_column(make_local, FIELD_STRING);
		uint64_t lines = below(2) ? UINT64_MAX : next();
		struct value_time_sets want = { 0 };
		int64_t us[SCAN_BATCH], got[SCAN_BATCH];
		for (unsigned i = 0; i < SCAN_BATCH; i++) {
			struct value_clock clock = { 0 };
			uint64_t bit = lines & UINT64_C(1) << i;
			enum value_time_result result = value_time(&clock, c.field[i * WIDTH],
								   &when, &us[i]);
			want.good |= result <= VALUE_TIME_SKIPPED ? bit : 0;
			want.twice |= result == VALUE_TIME_TWICE ? bit : 0;
			want.skipped |= result == VALUE_TIME_SKIPPED ? bit : 0;
		}
		twice += (unsigned)__builtin_popcountll(want.twice);
		skipped += (unsigned)__builtin_popcountll(want.skipped);
		for (size_t e = 0; e < COUNT(engines) && engine_runs(e); e++) {
			struct value_clock clock = { 0 };
			struct value_time_sets sets = engines[e].times(&clock, c, lines, &when,
								       got);
			wrong[e] += sets.good != want.good || sets.twice != want.twice ||
				    sets.skipped != want.skipped;
			for (unsigned i = 0; i < SCAN_BATCH; i++)
				wrong[e] += want.good >> i & 1 && got[i] != us[i];
		}
	}
	for (size_t e = 0; e < COUNT(engines) && engine_runs(e); e++)
		ok(wrong[e] == 0 && twice > 1000 && skipped > 1000,
		   "%s: %u local times twice, %u skipped", engines[e].name, twice, skipped);
	zone_free(z);
}

int main(void)
{
	time_table();
	time_generated();
	time_columns();
	local_times();
	local_columns();
	return done();
}
