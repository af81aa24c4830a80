/* The last line of a TZif file: the rule for all times behind its last shift, in the form of
 * POSIX' TZ with what RFC 9636 adds (names in <>, hours of -167 to 167 in the times of change).
 *
 *   CET-1CEST,M3.5.0,M10.5.0/3    name, hours WEST of Greenwich; the other name; when it begins,
 *                                 when it ends
 *
 * The rule is turned into shifts year by year, up to the last time that an event may have (tm.h):
 * whoever asks a zone searches one array and never meets a rule. */
#include "base/zone_internal.h"

#include "base/tm.h"

/* A day of the year and a time of that day: M month.week.day, J day (1 .. 365, without February
 * 29), or day. */
struct change {
	char form;
	int month, week, day;
	int32_t time_s;
};

struct posix {
	struct change start, end;
	int32_t east_s, other_s;
	struct slice name, other;
};

/* ---- reading. Each takes what it reads off the text; false: it is not there, or wrong */

static void skip(struct slice *text, size_t n)
{
	text->p += n;
	text->n -= n;
}

static bool take_char(struct slice *text, char c)
{
	if (!text->n || *text->p != c)
		return false;
	skip(text, 1);
	return true;
}

static bool take_number(struct slice *text, int most, int *out)
{
	size_t n = 0;

	*out = 0;
	for (; n < text->n && (unsigned char)(text->p[n] - '0') < 10 && *out <= most; n++)
		*out = *out * 10 + (text->p[n] - '0');
	skip(text, n);
	return n && *out <= most;
}

static bool is_letter(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool take_name(struct slice *text, struct slice *out)
{
	bool quoted = take_char(text, '<');
	size_t n = 0;

	while (n < text->n && (quoted ? text->p[n] != '>' : is_letter(text->p[n])))
		n++;
	*out = slice(text->p, n);
	skip(text, n);
	return n >= 3 && (!quoted || take_char(text, '>'));
}

/* [+-]hours[:minutes[:seconds]] */
static bool take_time(struct slice *text, int most_hours, int32_t *out)
{
	bool negative = take_char(text, '-');
	int hours, minutes = 0, seconds = 0;

	if (!negative)
		take_char(text, '+');
	if (!take_number(text, most_hours, &hours))
		return false;
	if (take_char(text, ':') && !take_number(text, 59, &minutes))
		return false;
	if (take_char(text, ':') && !take_number(text, 59, &seconds))
		return false;
	*out = (hours * 3600 + minutes * 60 + seconds) * (negative ? -1 : 1);
	return true;
}

static bool take_day(struct slice *text, struct change *c)
{
	if (take_char(text, 'M')) {
		c->form = 'M';
		return take_number(text, 12, &c->month) && c->month >= 1 && take_char(text, '.') &&
		       take_number(text, 5, &c->week) && c->week >= 1 && take_char(text, '.') &&
		       take_number(text, 6, &c->day);
	}
	c->form = take_char(text, 'J') ? 'J' : '0';
	return take_number(text, 365, &c->day) && (c->form == '0' || c->day >= 1);
}

static bool take_change(struct slice *text, struct change *c)
{
	c->time_s = 2 * 3600;
	return take_char(text, ',') && take_day(text, c) &&
	       (!take_char(text, '/') || take_time(text, 167, &c->time_s));
}

/* All but the changes: p->other.n is 0 where there are none. */
static bool take_names(struct slice *text, struct posix *p)
{
	int32_t west_s;

	if (!take_name(text, &p->name) || !take_time(text, 24, &west_s))
		return false;
	p->east_s = -west_s;
	p->other_s = p->east_s + 3600;
	if (!text->n)
		return true;
	if (!take_name(text, &p->other))
		return false;
	if (text->n && *text->p != ',') {
		if (!take_time(text, 24, &west_s))
			return false;
		p->other_s = -west_s;
	}
	return true;
}

/* ---- the days of a year */

static int64_t day_of(unsigned year, const struct change *c)
{
	int64_t first = 0, next = 0, weekday;

	if (c->form != 'M') {
		bool leap = tm_date(year, 2, 29, &next);

		tm_date(year, 1, 1, &first);
		return first + c->day - (c->form == 'J' && !(leap && c->day >= 60));
	}
	tm_date(year, (unsigned)c->month, 1, &first);
	tm_date(year + (c->month == 12), (unsigned)c->month % 12 + 1, 1, &next);
	weekday = (first + 4 + 7000) % 7; /* 1970-01-01 was a Thursday */
	first += (c->day - weekday + 7) % 7 + (c->week - 1) * 7;
	return first < next ? first : first - 7;
}

static int64_t second_of(unsigned year, const struct change *c, int32_t east_s)
{
	return day_of(year, c) * 86400 + c->time_s - east_s;
}

/* The two changes of a year, in order. */
static void add_year(struct zone_table *t, unsigned year, const struct posix *p, size_t rule,
		     size_t other, int64_t after_s)
{
	struct zone_shift start = { second_of(year, &p->start, p->east_s), other };
	struct zone_shift end = { second_of(year, &p->end, p->other_s), rule };
	bool start_first = start.at_s < end.at_s;
	struct zone_shift first = start_first ? start : end, last = start_first ? end : start;

	if (first.at_s > after_s)
		zone_table_shift(t, first.at_s, first.rule);
	if (last.at_s > after_s)
		zone_table_shift(t, last.at_s, last.rule);
}

int zone_posix(struct slice text, int64_t after_s, struct zone_table *t)
{
	struct posix p = { 0 };
	size_t rule, other;

	if (!take_names(&text, &p))
		return -1;
	if (p.other.n && (!take_change(&text, &p.start) || !take_change(&text, &p.end)))
		return -1;
	if (text.n)
		return -1;
	rule = zone_table_rule(t, p.east_s, p.name);
	if (!p.other.n && after_s == INT64_MIN)
		t->first = rule;
	if (!p.other.n)
		return 0;
	other = zone_table_rule(t, p.other_s, p.other);
	for (unsigned year = 1968; year <= 2200; year++)
		add_year(t, year, &p, rule, other, after_s);
	return 0;
}
