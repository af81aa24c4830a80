/* A canonical pattern is the program: it is walked beside the text, letter by letter, greedily
 * and without going back.
 *
 *   %d / %b / %Y : %H : %M : %S   %z
 *   10 / Oct/2000: 13 : 55 : 36 -0700
 *   `------- memo ---------'             the same bytes say the same: the walk begins at %S
 *
 * The memo is right because what stands before %S is read by its bytes alone: a number that
 * could go on does so, and %S begins with a digit. Where the rest does not fit behind it the
 * text is read anew. */
#include "base/timeform_internal.h"

static const char *const months[] = { "January",  "February", "March",  "April",     "May",
				      "June",     "July",     "August", "September", "October",
				      "November", "December", NULL };
static const char *const days[] = { "Sunday",   "Monday", "Tuesday",  "Wednesday",
				    "Thursday", "Friday", "Saturday", NULL };

/* ---- pieces of a text: where the piece at p ends, NULL if there is none */

static inline bool is_letter(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* least to most digits. */
static inline const char *timeform_read_digits(const char *p, const char *end, int least, int most,
					       int64_t *v)
{
	const char *start = p;

	*v = 0;
	for (; p < end && p - start < most && (unsigned char)(*p - '0') < 10; p++)
		*v = *v * 10 + (*p - '0');
	return p - start < least ? NULL : p;
}

static inline const char *timeform_read_number(const char *p, const char *end, int least, int most,
					       int *out)
{
	int64_t v;

	p = timeform_read_digits(p, end, least, most, &v);
	*out = (int)v;
	return p;
}

static bool begins_with(const char *p, const char *end, const char *word, size_t n)
{
	return (size_t)(end - p) >= n && str_same(p, word, n);
}

/* One of the names, or its first three letters. *which counts from 1 on. */
static const char *name(const char *p, const char *end, const char *const *names, int *which)
{
	for (size_t i = 0; names[i]; i++) {
		size_t n = strlen(names[i]);

		if (!begins_with(p, end, names[i], 3))
			continue;
		*which = (int)i + 1;
		return p + (begins_with(p, end, names[i], n) ? n : 3);
	}
	return NULL;
}

static const char *fraction(const char *p, const char *end, int64_t *us)
{
	const char *start = p;
	int64_t v;

	p = timeform_read_digits(p, end, 1, 9, &v);
	for (const char *at = start + 9; p && at > p; at--)
		v *= 10;
	*us = v / 1000;
	return p;
}

static const char *zone_name(const char *p, const char *end, struct timeform_parts *t)
{
	const char *start = p;

	if (p < end && (*p == '+' || *p == '-')) {
		t->has_east = true;
		return tm_east(p, end, &t->east_s);
	}
	while (p < end && is_letter(*p))
		p++;
	t->zone = slice(start, (size_t)(p - start));
	return p > start ? p : NULL;
}

static const char *meridiem(const char *p, const char *end, bool *is_pm)
{
	*is_pm = begins_with(p, end, "pm", 2);
	return *is_pm || begins_with(p, end, "am", 2) ? p + 2 : NULL;
}

static const char *piece_timeform_read(char letter, const char *p, const char *end,
				       struct timeform_parts *t)
{
	int ignored;

	switch (letter) {
	case 'Y':
		return timeform_read_number(p, end, 4, 4, &t->year);
	case 'y':
		p = timeform_read_number(p, end, 2, 2, &t->year);
		t->year += t->year < 69 ? 2000 : 1900;
		return p;
	case 'm':
		return timeform_read_number(p, end, 1, 2, &t->month);
	case 'b':
		return name(p, end, months, &t->month);
	case 'e':
		return timeform_read_number(p + (p < end && *p == ' '), end, 1, 2, &t->day);
	case 'd':
		return timeform_read_number(p, end, 1, 2, &t->day);
	case 'j':
		return timeform_read_number(p, end, 1, 3, &t->year_day);
	case 'H':
	case 'I':
		return timeform_read_number(p, end, 1, 2, &t->hour);
	case 'M':
		return timeform_read_number(p, end, 1, 2, &t->minute);
	case 'S':
		return timeform_read_number(p, end, 1, 2, &t->second);
	case 'f':
		return fraction(p, end, &t->fraction_us);
	case 'p':
		return meridiem(p, end, &t->is_pm);
	case 'a':
		return name(p, end, days, &ignored);
	case 'z':
		t->has_east = true;
		return tm_east(p, end, &t->east_s);
	case 'Z':
		return zone_name(p, end, t);
	case 's':
		t->has_epoch = true;
		return timeform_read_digits(p, end, 1, 12, &t->epoch_s);
	case '%':
		return p < end && *p == '%' ? p + 1 : NULL;
	default:
		BUG("a pattern with %%%c", letter);
	}
}

static const char *blanks(const char *p, const char *end)
{
	const char *start = p;

	while (p < end && timeform_is_blank(*p))
		p++;
	return p > start ? p : NULL;
}

/* ---- a text by a pattern */

/* Where the walk stood when it came to %S; NULL: it did not. */
struct place {
	const char *pattern, *text;
	struct timeform_parts parts;
};

/* A canonical pattern from its place on; false where the text is not of it to its end. */
static bool walk(const char *pattern, const char *p, const char *end, struct timeform_parts *t,
		 struct place *seconds)
{
	for (; *pattern; pattern++) {
		if (*pattern == '%') {
			if (*++pattern == 'S' && seconds)
				*seconds = (struct place){ pattern - 1, p, *t };
			p = piece_timeform_read(*pattern, p, end, t);
		} else if (*pattern == ' ') {
			p = blanks(p, end);
		} else {
			p = p < end && *p == *pattern ? p + 1 : NULL;
		}
		if (!p)
			return false;
	}
	return p == end;
}

/* Not where an offset stands before the seconds: it could reach into them. */
static void remember(struct timeform_memo *memo, unsigned pattern, struct slice text,
		     const struct place *at)
{
	size_t n = at->pattern ? (size_t)(at->text - text.p) : 0;

	memo->n = 0;
	if (!n || n > sizeof(memo->text) || at->parts.has_east || at->parts.zone.n)
		return;
	memo->n = (unsigned)n;
	memo->pattern = pattern;
	memcpy(memo->text, text.p, n);
	memo->parts = at->parts;
}

static bool by_memo(const struct timeform *f, const struct timeform_memo *memo, struct slice text,
		    struct timeform_parts *t)
{
	if (!memo->n || text.n <= memo->n || memcmp(text.p, memo->text, memo->n) != 0)
		return false;
	*t = memo->parts;
	return walk(f->seconds[memo->pattern], text.p + memo->n, text.p + text.n, t, NULL);
}

static bool by_patterns(const struct timeform *f, struct timeform_memo *memo, struct slice text,
			struct timeform_parts *t)
{
	for (unsigned i = 0; f->pattern[i]; i++) {
		struct place seconds = { 0 };

		*t = (struct timeform_parts){ 0 };
		if (walk(f->pattern[i], text.p, text.p + text.n, t, &seconds)) {
			remember(memo, i, text, &seconds);
			return true;
		}
	}
	return false;
}

/* ---- from pieces to a time */

static bool day_of(const struct timeform *f, const struct timeform_parts *t, int64_t *day)
{
	int64_t next;

	if (!f->year_day)
		return tm_date((unsigned)t->year, (unsigned)t->month, (unsigned)t->day, day);
	if (!tm_date((unsigned)t->year, 1, 1, day) || !tm_date((unsigned)t->year, 12, 31, &next))
		return false;
	*day += t->year_day - 1;
	return t->year_day >= 1 && *day <= next;
}

static bool hour_of(const struct timeform *f, const struct timeform_parts *t, int *hour)
{
	*hour = t->hour;
	if (!f->half_day)
		return t->hour < 24;
	*hour = t->hour % 12 + (t->is_pm ? 12 : 0);
	return t->hour >= 1 && t->hour <= 12;
}

static bool is_utc(struct slice zone)
{
	return slice_is(zone, "UTC") || slice_is(zone, "GMT") || slice_is(zone, "UT") ||
	       slice_is(zone, "Z");
}

static bool wall_of(const struct timeform *f, const struct timeform_parts *t, struct tm_wall *w)
{
	int64_t day;
	int hour;

	*w = (struct tm_wall){ .has_east = true };
	if (t->has_epoch) {
		w->us = t->epoch_s * TM_S + t->fraction_us;
		return true;
	}
	if (!day_of(f, t, &day) || !hour_of(f, t, &hour) || t->minute > 59 || t->second > 60)
		return false;
	w->us = (day * 86400 + hour * 3600 + t->minute * 60 + t->second) * TM_S +
		(t->second == 60 ? 0 : t->fraction_us);
	w->east_s = t->has_east ? t->east_s : 0;
	w->has_east = t->has_east || f->utc || is_utc(t->zone);
	if (!w->has_east)
		w->zone = t->zone;
	return true;
}

int timeform_read(const struct timeform *f, struct timeform_memo *memo, struct slice text,
		  struct tm_wall *w)
{
	struct timeform_parts t;

	if (!by_memo(f, memo, text, &t) && !by_patterns(f, memo, text, &t))
		return -1;
	return wall_of(f, &t, w) ? 0 : -1;
}

bool timeform_fits(const char *pattern, struct slice text)
{
	struct timeform_parts t = { 0 };

	return walk(pattern, text.p, text.p + text.n, &t, NULL);
}
