/* Calendar arithmetic after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years
 * begin in March, so that the leap day is the last of its year, and 400 years are one era of
 * 146,097 days. No tables, no loops, no libc.
 *
 * tm_parse reads fixed positions, eight characters a word; whether all are digits is collected
 * in one flag and asked once. */
#include "base/tm.h"

#include <time.h>

#include "base/dec.h"
#include "base/num.h"

enum { DAY_S = 86400, ERA_DAYS = 146097, EPOCH_DAYS = 719468 }; /* 0000-03-01 to 1970-01-01 */

static int64_t clock_us(clockid_t clock)
{
	struct timespec ts;
	clock_gettime(clock, &ts);
	return ts.tv_sec * TM_S + ts.tv_nsec / 1000;
}

int64_t tm_now_us(void)
{
	return clock_us(CLOCK_REALTIME);
}

int64_t tm_mono_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

/* Days since 1970-01-01 of a date in the years 0000 .. 9999. */
static int64_t days_of(unsigned year, unsigned month, unsigned day)
{
	unsigned y = year + 400 - (month <= 2); /* one era up: never negative */
	unsigned era = y / 400, of_era = y % 400;
	unsigned of_year = (153 * (month + (month > 2 ? -3u : 9u)) + 2) / 5 + day - 1;
	unsigned days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
	return ((int64_t)era - 1) * ERA_DAYS + days - EPOCH_DAYS;
}

static bool is_leap(unsigned year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned days_in_month(unsigned year, unsigned month)
{
	return month == 2 ? 28u + is_leap(year) : 30 + ((month ^ month >> 3) & 1);
}

/* Eight characters in one word, the first in its lowest byte. */
static inline uint64_t load8(const char *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

/* The forms that eight characters can have, as xor and addition: after the xor with its shape a
 * digit is 0 .. 9 and a separator 0; adding 0x76 or 0x7f carries into the top bit of the byte
 * what is more. First character lowest. */
struct form {
	uint64_t shape, most;
};
static const struct form year_month = { 0x2d30302d30303030, 0x7f76767f76767676 };  /* 0000-00- */
static const struct form time_of_day = { 0x30303a30303a3030, 0x76767f76767f7676 }; /* 00:00:00 */

/* In each byte where a pair of digits begins its value is left. *bad gets bits unless all is of
 * the form. */
static inline uint64_t pairs(const char *p, const struct form form, uint64_t *bad)
{
	uint64_t v = load8(p) ^ form.shape;
	*bad |= (v | (v + form.most)) & 0x8080808080808080u;
	return v * 10 + (v >> 8);
}

static inline unsigned byte(uint64_t v, int i)
{
	return v >> 8 * i & 0xff;
}

/* Two digits; *bad gets bits where they are none. */
static inline unsigned two(const char *p, uint64_t *bad)
{
	unsigned hi = (unsigned char)p[0] - '0', lo = (unsigned char)p[1] - '0';
	*bad |= (unsigned)(hi > 9) | (unsigned)(lo > 9);
	return hi * 10 + lo;
}

static inline bool date_of(unsigned year, unsigned month, unsigned day, int64_t *days)
{
	if (month - 1 > 11 || day - 1 > 30 || (day > 28 && day > days_in_month(year, month)))
		return false;
	*days = days_of(year, month, day);
	return true;
}

bool tm_date(unsigned year, unsigned month, unsigned day, int64_t *days)
{
	return date_of(year, month, day, days);
}

/* "2026-11-20" -> days; false if it is no date. */
static inline bool parse_date(const char *p, int64_t *days)
{
	uint64_t bad = 0, v = pairs(p, year_month, &bad);
	unsigned year = byte(v, 0) * 100 + byte(v, 2), month = byte(v, 5), day = two(p + 8, &bad);
	return !bad && date_of(year, month, day, days);
}

/* ".25" -> microseconds, cut; the position after the digits, or NULL if there are none. */
static inline const char *parse_fraction(const char *p, const char *end, int64_t *us)
{
	static const int units[] = { 1000000, 100000, 10000, 1000, 100, 10, 1 };
	const char *start = ++p;
	int v = 0;
	for (; p < end && p - start < 6 && (unsigned char)(*p - '0') < 10; p++)
		v = v * 10 + (*p - '0');
	*us = (int64_t)v * units[p - start];
	if (p == start)
		return NULL;
	while (p < end && (unsigned char)(*p - '0') < 10)
		p++;
	return p;
}

/* "Z", "z" or "+01:30" to the end -> seconds east of UTC; false if it is neither. */
static inline bool parse_zone(const char *p, const char *end, int64_t *east_s)
{
	*east_s = 0;
	if (end - p == 1)
		return (*p | 0x20) == 'z';
	if (end - p != 6 || (*p != '+' && *p != '-') || p[3] != ':')
		return false;
	uint64_t bad = 0;
	unsigned hour = two(p + 1, &bad), minute = two(p + 4, &bad);
	*east_s = (int64_t)(hour * 3600 + minute * 60) * (*p == '-' ? -1 : 1);
	return !bad && hour < 24 && minute < 60;
}

int tm_parse(struct slice text, int64_t *us)
{
	const char *p = text.p, *const end = p + text.n;
	int64_t days, east_s, fraction_us = 0;
	if (text.n < 20 || !parse_date(p, &days))
		return -1;
	uint64_t bad = 0, v = pairs(p + 11, time_of_day, &bad);
	unsigned hour = byte(v, 0), minute = byte(v, 3), second = byte(v, 6);
	if (bad || ((p[10] | 0x20) != 't' && p[10] != ' ') || hour > 23 || minute > 59 ||
	    second > 60)
		return -1;
	p += 19;
	if (*p == '.' && !(p = parse_fraction(p, end, &fraction_us)))
		return -1;
	if (!parse_zone(p, end, &east_s))
		return -1;
	if (second == 60)
		fraction_us = 0;
	*us = (days * DAY_S + hour * 3600 + minute * 60 + second - east_s) * TM_S + fraction_us;
	return 0;
}

/* ---- the wider forms */

int tm_minute(const char *p, int64_t *us)
{
	int64_t days;
	uint64_t bad = 0;
	unsigned hour = two(p + 11, &bad), minute = two(p + 14, &bad);
	if (bad || hour > 23 || minute > 59 || p[13] != ':')
		return -1;
	if (((p[10] | 0x20) != 't' && p[10] != ' ') || !parse_date(p, &days))
		return -1;
	*us = (days * DAY_S + hour * 3600 + minute * 60) * TM_S;
	return 0;
}

const char *tm_east(const char *p, const char *end, int32_t *east_s)
{
	uint64_t bad = 0;
	*east_s = 0;
	if (p < end && (*p | 0x20) == 'z')
		return p + 1;
	if (end - p < 3 || (*p != '+' && *p != '-'))
		return NULL;
	unsigned hour = two(p + 1, &bad), minute = 0, colon = end - p > 3 && p[3] == ':';
	if (bad || hour > 23)
		return NULL;
	if (end - p >= 5 + (int)colon)
		minute = two(p + 3 + colon, &bad);
	bool has_minute = end - p >= 5 + (int)colon && !bad;
	if (has_minute && minute > 59)
		return NULL;
	*east_s = (int32_t)(hour * 3600 + (has_minute ? minute * 60 : 0)) * (*p == '-' ? -1 : 1);
	return p + (has_minute ? 5 + colon : 3);
}

/* ":07", ":07.25", ":07,25": seconds at p, if there are any. NULL: they are wrong. */
static const char *parse_seconds(const char *p, const char *end, int64_t *us)
{
	uint64_t bad = 0;
	int64_t fraction_us = 0;
	*us = 0;
	if (end - p < 3 || *p != ':')
		return p;
	unsigned second = two(p + 1, &bad);
	p += 3;
	if (bad || second > 60)
		return NULL;
	if (p < end && (*p == '.' || *p == ','))
		p = parse_fraction(p, end, &fraction_us);
	*us = second * TM_S + (second == 60 ? 0 : fraction_us);
	return p;
}

int tm_rest(struct slice text, int64_t minute_us, struct tm_wall *w)
{
	const char *const end = text.p + text.n, *p = parse_seconds(text.p, end, &w->us);
	if (!p)
		return -1;
	w->us += minute_us;
	w->east_s = 0;
	w->has_east = p < end;
	w->zone.n = 0;
	if (p == end)
		return 0;
	p += *p == ' ';
	if (end - p == 3 && (memcmp(p, "UTC", 3) == 0 || memcmp(p, "GMT", 3) == 0))
		return 0;
	return tm_east(p, end, &w->east_s) == end ? 0 : -1;
}

/* ---- writing */

static inline char *put_two(char *p, unsigned v)
{
	p[0] = (char)('0' + v / 10);
	p[1] = (char)('0' + v % 10);
	return p + 2;
}

static char *put_year(char *p, int64_t year)
{
	uint64_t y = (uint64_t)(year < 0 ? -year : year), above = y / 10000;
	if (year < 0)
		*p++ = '-';
	char digits[20];
	int n = 0;
	for (; above; above /= 10)
		digits[n++] = (char)('0' + above % 10);
	while (n > 0)
		*p++ = digits[--n];
	p = put_two(p, (unsigned)(y / 100 % 100));
	return put_two(p, (unsigned)(y % 100));
}

static char *put_date(char *p, int64_t days)
{
	int64_t z = days + EPOCH_DAYS;
	int64_t era = (z >= 0 ? z : z - (ERA_DAYS - 1)) / ERA_DAYS;
	unsigned doe = (unsigned)(z - era * ERA_DAYS);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;
	unsigned month = mp < 10 ? mp + 3 : mp - 9;
	p = put_year(p, (int64_t)yoe + era * 400 + (month <= 2));
	*p++ = '-';
	p = put_two(p, month);
	*p++ = '-';
	return put_two(p, doy - (153 * mp + 2) / 5 + 1);
}

/* decimals: 0, 3 or 6; what is beyond them is cut. */
static size_t put_text(int64_t us, int decimals, char *out)
{
	bool before = us % TM_S < 0; /* the second has begun below zero */
	int64_t seconds = us / TM_S - before;
	unsigned micro = (unsigned)(us % TM_S + before * TM_S);
	int64_t days = seconds / DAY_S - (seconds % DAY_S < 0);
	unsigned of_day = (unsigned)(seconds - days * DAY_S);
	char *p = put_date(out, days);
	*p++ = 'T';
	p = put_two(p, of_day / 3600);
	*p++ = ':';
	p = put_two(p, of_day / 60 % 60);
	*p++ = ':';
	p = put_two(p, of_day % 60);
	if (decimals) {
		*p++ = '.';
		*p++ = (char)('0' + micro / 100000);
		p = put_two(p, micro / 1000 % 100);
	}
	if (decimals == 6) {
		*p++ = (char)('0' + micro / 100 % 10);
		p = put_two(p, micro % 100);
	}
	*p++ = 'Z';
	return (size_t)(p - out);
}

size_t tm_text(int64_t us, char out[TM_TEXT_BYTES])
{
	return put_text(us, us % TM_S == 0 ? 0 : us % 1000 == 0 ? 3 : 6, out);
}

size_t tm_text_ms(int64_t us, char out[TM_TEXT_BYTES])
{
	return put_text(us, 3, out);
}

/* A number of units since the epoch, scaled to microseconds. */
static int parse_since_epoch(const char *text, int64_t unit_us, int64_t *us)
{
	dec v, scaled;
	if (dec_parse(slice_z(text), &v) != DEC_OK)
		return -1;
	if (__builtin_mul_overflow(v, (dec)unit_us, &scaled) || scaled % 1000000000 != 0)
		return -1;
	scaled /= 1000000000;
	if (scaled > INT64_MAX || scaled < INT64_MIN)
		return -1;
	*us = (int64_t)scaled;
	return 0;
}

static int parse_with_offset(struct slice text, int64_t *us)
{
	const size_t minute = TM_MINUTE_CHARS;
	struct tm_wall w;
	int64_t us_of_minute;
	if (text.n < minute || tm_minute(text.p, &us_of_minute) ||
	    tm_rest(slice(text.p + minute, text.n - minute), us_of_minute, &w) || !w.has_east)
		return -1;
	*us = w.us - w.east_s * TM_S;
	return 0;
}

static int parse_human(const char *text, int64_t now_us, int64_t *us)
{
	size_t n = strlen(text);
	int64_t days, back_us;
	if (strcmp(text, "now") == 0) {
		*us = now_us;
		return 0;
	}
	if (text[0] == '@')
		return parse_since_epoch(text + 1, TM_S, us);
	if (text[0] == 's' && text[1] == '@')
		return parse_since_epoch(text + 2, 1000, us);
	if (text[0] == '-')
		return num_duration(text + 1, &back_us, NULL) == 0 &&
				       !__builtin_sub_overflow(now_us, back_us, us)
			       ? 0
			       : -1;
	if (n == 10 && parse_date(text, &days)) {
		*us = days * DAY_S * TM_S;
		return 0;
	}
	return parse_with_offset(slice(text, n), us);
}

int tm_parse_human(const char *text, int64_t now_us, int64_t *us, struct err *err)
{
	int64_t at;
	if (parse_human(text, now_us, &at))
		return err_set(err, EX_USAGE,
			       "\"%s\" is not a time (2026-11-20T15:00:00Z, 2026-11-20, now, -2h, "
			       "@1700000000, "
			       "s@1700000000000)",
			       text);
	*us = at;
	return 0;
}
