/* One field after the other: where it ends, whether it is of its kind, its member. Day and time of
 * day are kept until both are there. */
#include "text/pattern_internal.h"

#include <arpa/inet.h>

#include "text/number.h"
#include "text/request.h"

enum { STATUS_DIGITS = 3, ADDRESS_MOST = 64 };

struct cursor {
	struct pattern *pattern;
	const char *start, *p, *end;
	struct text_out out;
	struct slice day, time;
	struct err *why;
};

static bool misfit(const struct cursor *c, const struct pattern_field *f, const char *at,
		   const char *what)
{
	err_set(c->why, EX_DATAERR, "%%%c: %s (byte %zu)", f->letter, what,
		(size_t)(at - c->start) + 1);
	return false;
}

/* ---- where a field ends */

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static const char *blank_at(const char *p, const char *end)
{
	while (p < end && !is_blank(*p))
		p++;
	return p;
}

/* The text behind the field, or NULL. */
static const char *find_behind(const struct cursor *c, struct slice behind)
{
	char quote = *behind.p == '"' || *behind.p == '\'' ? *behind.p : 0;
	const char *p = c->p;

	if (!quote)
		return memmem(p, (size_t)(c->end - p), behind.p, behind.n);
	while ((p = text_closing(p, c->end, quote))) {
		if ((size_t)(c->end - p) >= behind.n && memcmp(p, behind.p, behind.n) == 0)
			return p;
		p++;
	}
	return NULL;
}

static bool take_behind(struct cursor *c, struct slice behind)
{
	if ((size_t)(c->end - c->p) < behind.n ||
	    (behind.n && memcmp(c->p, behind.p, behind.n) != 0))
		return false;
	c->p += behind.n;
	return true;
}

static bool take_blanks(struct cursor *c, const struct pattern_field *f)
{
	while (c->p < c->end && is_blank(*c->p))
		c->p++;
	return take_behind(c, buf_slice(&f->behind)) ||
	       misfit(c, f, c->p, "other text behind it than in the pattern");
}

static bool take_field(struct cursor *c, const struct pattern_field *f, struct slice *text)
{
	struct slice behind = buf_slice(&f->behind);
	const char *end = f->to_blank ? blank_at(c->p, c->end)
			  : behind.n  ? find_behind(c, behind)
				      : c->end;

	if (!end)
		return misfit(c, f, c->p, "the text that ends it does not come");
	*text = slice(c->p, (size_t)(end - c->p));
	c->p = end + behind.n;
	return true;
}

/* ---- what a field makes */

static bool is_whole(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)(s.p[i] - '0') > 9)
			return false;
	return s.n > 0;
}

static void put_text(struct cursor *c, const struct pattern_field *f, struct slice text)
{
	text_add(&c->out, f->member.p, f->member.n);
	*c->out.p++ = '"';
	text_put(&c->out, text, f->quoted ? TEXT_ESCAPED : TEXT_RAW);
	*c->out.p++ = '"';
}

static bool put_number(struct cursor *c, const struct pattern_field *f, struct slice text)
{
	bool whole = is_whole(text);

	if (f->kind == PATTERN_STATUS && (!whole || text.n != STATUS_DIGITS))
		return misfit(c, f, text.p, "no status of three digits");
	if (f->kind == PATTERN_WHOLE && !whole)
		return misfit(c, f, text.p, "no whole number");
	if (!whole && !text_is_number(text))
		return misfit(c, f, text.p, "no number");
	text_add(&c->out, f->member.p, f->member.n);
	if (whole)
		text_put_digits(&c->out, text);
	else
		text_add(&c->out, text.p, text.n);
	return true;
}

static bool is_address(struct slice s)
{
	char text[ADDRESS_MOST];
	unsigned char address[16];

	if (s.n == 0 || s.n >= sizeof(text))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static void put_forwarded(struct cursor *c, const struct pattern_field *f, struct slice list)
{
	const char *p = list.p, *end = list.p + list.n, *from;

	while (p < end) {
		from = p;
		while (p < end && !memchr(f->among.p, *p, f->among.n))
			p++;
		if (is_address(slice(from, (size_t)(p - from)))) {
			put_text(c, f, slice(from, (size_t)(p - from)));
			return;
		}
		p++;
	}
}

static bool put_time(struct cursor *c, const struct pattern_field *f)
{
	TEXT_ADD(&c->out, ",\"time\":\"");
	if (!pattern_time_put(&c->pattern->time, c->day, c->time, &c->out))
		return misfit(c, f, c->day.p, "no time of the form that is expected");
	*c->out.p++ = '"';
	return true;
}

static bool take_day(struct cursor *c, const struct pattern_field *f, struct slice text)
{
	bool both = f->kind == PATTERN_BOTH, alone = !c->pattern->has_time;

	*(f->kind == PATTERN_TIME ? &c->time : &c->day) = text;
	return !(both || alone || (c->day.p && c->time.p)) || put_time(c, f);
}

/* [+-]hhmm other than 0 */
static bool is_offset(struct slice s)
{
	return s.n == 5 && (*s.p == '+' || *s.p == '-') && is_whole(slice(s.p + 1, 4)) &&
	       memcmp(s.p + 1, "0000", 4) != 0;
}

static bool put_field(struct cursor *c, const struct pattern_field *f, struct slice text)
{
	switch (f->kind) {
	case PATTERN_SKIP:
		c->pattern->lost_offset |= f->offset && is_offset(text);
		return true;
	case PATTERN_DATE:
	case PATTERN_TIME:
	case PATTERN_BOTH:
		return take_day(c, f, text);
	case PATTERN_REQUEST:
		request_put(&c->out, text, f->quoted ? TEXT_ESCAPED : TEXT_RAW);
		return true;
	case PATTERN_FORWARDED:
		put_forwarded(c, f, text);
		return true;
	default:
		break;
	}
	if (text_is_none(text))
		return true;
	if (f->kind != PATTERN_TEXT)
		return put_number(c, f, text);
	put_text(c, f, text);
	return true;
}

static bool take_line(struct cursor *c)
{
	struct pattern *p = c->pattern;
	struct pattern_field *f = p->field;

	if (!take_behind(c, buf_slice(&p->front)))
		return misfit(c, f, c->start, "other text before it than in the pattern");
	for (; f < p->field + p->fields; f++) {
		struct slice text;

		if (f->kind == PATTERN_BLANKS) {
			if (!take_blanks(c, f))
				return false;
		} else if (!take_field(c, f, &text) || !put_field(c, f, text)) {
			return false;
		}
	}
	if (c->p < c->end)
		return misfit(c, f - 1, c->p, "there is more behind it");
	return true;
}

int pattern_line(struct pattern *p, struct slice line, struct buf *buf, struct err *why)
{
	size_t n = line.n - (line.n && line.p[line.n - 1] == '\r');
	struct cursor c = { .pattern = p, .start = line.p, .p = line.p, .end = line.p + n };
	char *start = buf_room(buf, n * TEXT_GROWS + p->grows + TEXT_PAD);

	c.out.p = start;
	c.why = why;
	if (!take_line(&c))
		return -1;
	if (c.out.bad)
		return err_set(why, EX_DATAERR, "not UTF-8 (byte %zu)",
			       (size_t)(c.out.bad - c.start) + 1);
	if (c.out.p == start) /* all are "-" */
		*c.out.p++ = '{';
	TEXT_ADD(&c.out, "}\n");
	*start = '{'; /* in place of the first member's comma */
	buf->n += (size_t)(c.out.p - start);
	return 0;
}
