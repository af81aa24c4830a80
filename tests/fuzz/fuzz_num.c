/* Numbers and times. The first byte chooses the parser. Decimals are held against strtold and
 * their own canonical text, the fast ways of value.h against dec_parse and the forms of tm.h,
 * writers against readers. */
#include "fuzz.h"

#include <math.h>

#include "base/dec.h"
#include "base/num.h"
#include "base/tm.h"
#include "scan/value.h"

static const int64_t NOW_US = 1767225600000000;

static void add_dec(dec v, struct buf *out)
{
	out->n += dec_text(v, buf_room(out, DEC_TEXT_BYTES));
}

/* Near what libc makes of it. */
static void check_near(enum dec_result result, dec v, const char *text, long double bound)
{
	long double want = strtold(text, NULL), got = (long double)v / 1e9L,
		    slack = 1e-9L + fabsl(want) * 1e-15L;
	if (result == DEC_RANGE ? fabsl(want) < bound * (1 - 1e-15L)
				: !(fabsl(want - got) <= slack))
		BUG("%s: %Lg, not %Lg (result %d)", text, got, want, result);
}

static void check_dec(struct slice text, enum dec_result parse(struct slice, dec *),
		      long double bound)
{
	struct buf z = { 0 }, canonical = { 0 }, written = { 0 }, twice = { 0 };
	dec v = 42, back;
	enum dec_result result = parse(text, &v);
	if (result != DEC_SYNTAX) {
		buf_adds(&z, text);
		check_near(result, v, buf_z(&z), bound);
		dec_canonical(text, &canonical);
		dec_canonical(buf_slice(&canonical), &twice);
		MUST(slice_eq(buf_slice(&canonical), buf_slice(&twice)));
	}
	if (result == DEC_OK || result == DEC_ROUNDED) {
		add_dec(v, &written);
		MUST(dec_parse_sum(buf_slice(&written), &back) == DEC_OK && back == v);
		twice.n = 0;
		dec_canonical(buf_slice(&written), &twice);
		/* exact: the same number */
		MUST((result == DEC_OK) == slice_eq(buf_slice(&canonical), buf_slice(&twice)));
	}
	buf_fini(&z);
	buf_fini(&canonical);
	buf_fini(&written);
	buf_fini(&twice);
}

static void check_tm(struct slice text)
{
	char out[TM_TEXT_BYTES];
	int64_t us, back;
	if (tm_parse(text, &us))
		return;
	size_t n = tm_text(us, out);
	MUST(n <= TM_TEXT_BYTES);
	if (n <= sizeof("2026-11-20T15:00:00.000000Z") - 1 && out[0] != '-' &&
	    memchr(out, '-', 5)) /* four digits of year */
		MUST(tm_parse(slice(out, n), &back) == 0 && back == us);
}

/* tm_minute and tm_rest. */
static int read_wider(struct slice text, struct tm_wall *w)
{
	int64_t minute_us;
	if (text.n < TM_MINUTE_CHARS || tm_minute(text.p, &minute_us))
		return -1;
	return tm_rest(slice(text.p + TM_MINUTE_CHARS, text.n - TM_MINUTE_CHARS), minute_us, w);
}

static void check_wider(struct slice text)
{
	struct tm_wall w;
	int64_t us;
	int rc = read_wider(text, &w);
	if (rc == 0)
		MUST(w.east_s > -86400 && w.east_s < 86400 && (w.has_east || w.east_s == 0) &&
		     w.zone.n == 0);
	if (tm_parse(text, &us) == 0)
		MUST(rc == 0 && w.has_east && w.us - w.east_s * TM_S == us);
}

static void check_human(const char *z)
{
	struct err err = ERR_INIT;
	int64_t us, strict;
	int rc = tm_parse_human(z, NOW_US, &us, &err);
	MUST(rc == 0 || (err.code == EX_USAGE && err.msg[0]));
	if (tm_parse(slice_z(z), &strict) == 0)
		MUST(rc == 0 && us == strict);
	struct tm_wall w;
	if (read_wider(slice_z(z), &w) == 0 && w.has_east)
		MUST(rc == 0 && us == w.us - w.east_s * TM_S);
}

static void check_counts(const char *z)
{
	struct err err = ERR_INIT;
	uint64_t v, again;
	struct buf text = { 0 };
	int (*const parse[])(const char *, uint64_t *, struct err *) = { num_count, num_bytes };
	for (int i = 0; i < 2; i++) {
		if (parse[i](z, &v, &err)) {
			MUST(err.code == EX_USAGE && err.msg[0]);
			continue;
		}
		text.n = 0;
		buf_addu(&text, v);
		MUST(parse[i](buf_z(&text), &again, NULL) == 0 && again == v);
	}
	buf_fini(&text);
}

static void check_durations(const char *z)
{
	struct err err = ERR_INIT;
	char out[33];
	int64_t us, again;
	double v;
	if (num_duration(z, &us, &err) == 0) {
		out[num_duration_text(us, out)] = '\0';
		MUST(us >= 0 && num_duration(out, &again, NULL) == 0 && again == us);
	} else {
		MUST(err.code == EX_USAGE && err.msg[0]);
	}
	if (num_probability(z, &v, &err) == 0)
		MUST(v >= 0 && v <= 1);
	if (num_real(z, &v, &err) == 0)
		MUST(isfinite(v) && v == strtod(z, NULL));
}

/* Either result, of the reference: value.h's contract over the forms of tm.h and dec_parse. */
static enum value_time_result time_wanted(struct slice text, uint32_t type, enum value_unit unit,
					  int64_t *us)
{
	static const int64_t nanos[] = { [VALUE_S] = 1000,
					 [VALUE_MS] = 1000000,
					 [VALUE_US] = 1000000000,
					 [VALUE_NS] = 1000000000000 };
	struct tm_wall w;
	dec v;
	bool is_wall = type == FIELD_STRING && read_wider(text, &w) == 0;
	if (is_wall) {
		if (!w.has_east)
			return VALUE_TIME_LOCAL;
		*us = w.us - w.east_s * TM_S;
	} else if (type == FIELD_STRING &&
		   (unit == VALUE_RFC3339 || dec_parse(text, &v) == DEC_SYNTAX)) {
		return VALUE_TIME_NONE;
	} else if (unit == VALUE_RFC3339) {
		return VALUE_TIME_UNIT;
	} else {
		if (dec_parse(text, &v) == DEC_RANGE || v < 0 || v / nanos[unit] >= TM_MAX_US)
			return VALUE_TIME_RANGE;
		*us = (int64_t)(v / nanos[unit]);
	}
	return *us < TM_MIN_US || *us >= TM_MAX_US ? VALUE_TIME_RANGE : VALUE_TIME_OK;
}

static void check_time_field(struct value_clock *clock, struct field f)
{
	for (enum value_unit unit = VALUE_RFC3339; unit <= VALUE_NS; unit++) {
		const struct value_when when = { .unit = unit };
		int64_t us = -1, want_us = -1;
		enum value_time_result got = value_time(clock, f, &when, &us),
				       want = time_wanted(slice(f.p, f.n), f.type, unit, &want_us);
		if (got != want || (got == VALUE_TIME_OK && us != want_us))
			BUG("unit %u: %u %lld, not %u %lld: %.*s", unit, got, (long long)us, want,
			    (long long)want_us, (int)f.n, f.p);
		us = -1;
		MUST(value_times(clock, (struct value_column){ &f, 1 }, 1, &when, &us).good ==
			     (want == VALUE_TIME_OK) &&
		     (want != VALUE_TIME_OK || us == want_us));
	}
}

/* What the scanner leaves in a string without a backslash. */
static bool is_plain(struct slice text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == '"' || text.p[i] == '\\')
			return false;
	return true;
}

/* Lines of numbers or times with one clock, so that the minute before is used. */
static void check_fields(struct slice rest, uint32_t type)
{
	char *room = mem_alloc(rest.n + 2 * SCAN_PAD),
	     *p = room + SCAN_PAD, *const end = p + rest.n;
	struct value_clock clock = { 0 };
	memset(room, '"', rest.n + 2 * SCAN_PAD);
	memcpy(p, rest.n ? rest.p : "", rest.n);
	while (p < end) {
		char *stop = memchr(p, '\n', (size_t)(end - p));
		struct field f = { .p = p, .n = (uint32_t)((stop ? stop : end) - p), .type = type };
		dec got = 0, want = 0;
		enum dec_result result = dec_parse(slice(f.p, f.n), &want);
		p[f.n] = '"'; /* behind a string there is one */
		if (type == FIELD_STRING) {
			if (!is_plain(slice(f.p, f.n))) {
				p += f.n + 1;
				continue;
			}
			check_time_field(&clock, f);
			MUST(value_dec(f, &got) == result && (result == DEC_RANGE || got == want));
		} else if (result != DEC_SYNTAX) { /* numbers are valid in a field */
			enum dec_result fast = value_dec(f, &got);
			MUST(fast == result && (result == DEC_RANGE || got == want));
			struct value_sets sets = value_decs((struct value_column){ &f, 1 }, 1,
							    &got);
			MUST(sets.exact == (result == DEC_OK) &&
			     sets.rounded == (result == DEC_ROUNDED) &&
			     (result == DEC_RANGE || got == want));
			check_time_field(&clock, f);
		}
		p += f.n + 1;
	}
	free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice text = slice((const char *)data, n);
	unsigned way = fuzz_byte(&text);
	char *z = mem_dup(text.n ? text.p : "", text.n);
	switch (way % 8) {
	case 0:
		check_dec(text, dec_parse, 1e20L);
		break;
	case 1:
		check_dec(text, dec_parse_sum, 1.7e29L);
		break;
	case 2:
		check_tm(text);
		check_wider(text);
		break;
	case 3:
		check_human(z);
		break;
	case 4:
		check_counts(z);
		break;
	case 5:
		check_durations(z);
		break;
	case 6:
		check_fields(text, FIELD_NUMBER);
		break;
	default:
		check_fields(text, FIELD_STRING);
		break;
	}
	free(z);
	return 0;
}
