/* The frame is found first, field by field from left to right, then the members are written. A
 * quoted field ends at a quote that no backslash stands before; of the rest none has a blank, but
 * for the user, which ends at the bracket of the time. */
#include "text/access.h"

#include "text/number.h"
#include "text/request.h"

enum { STATUS_DIGITS = 3, MEMBERS_BYTES = 256 };

struct frame {
	struct slice host, ident, user, time, request, status, bytes, referer, agent;
};

/* Where the reading stands. */
struct cursor {
	const char *start, *p, *end;
	struct err *why;
};

void access_fini(struct access *a)
{
	clf_time_fini(&a->time);
}

static bool misfit(const struct cursor *c, const char *what, const char *at)
{
	err_set(c->why, EX_DATAERR, "%s (byte %zu)", what, (size_t)(at - c->start) + 1);
	return false;
}

/* ---- the frame */

/* A field of one character or more, and the mark behind it. */
static bool take_until(struct cursor *c, char mark, struct slice *field, const char *missing)
{
	const char *at = memchr(c->p, mark, (size_t)(c->end - c->p));

	if (!at || at == c->p)
		return misfit(c, missing, c->p);
	*field = slice(c->p, (size_t)(at - c->p));
	c->p = at + 1;
	return true;
}

/* Up to " [", since a user may have blanks. A log whose lines begin with a virtual host has one
 * field more, and "- " begins no user. */
static bool take_user(struct cursor *c, struct slice *field)
{
	const char *at = c->p;

	while ((at = memchr(at, ' ', (size_t)(c->end - at)))) {
		if (at > c->p && at + 1 < c->end && at[1] == '[') {
			*field = slice(c->p, (size_t)(at - c->p));
			c->p = at + 2;
			return field->n < 2 || memcmp(field->p, "- ", 2) != 0 ||
			       misfit(c,
				      "a field too many in front of the time; a PATTERN may "
				      "say what it is",
				      field->p);
		}
		at++;
	}
	return misfit(c, "no user with a time in brackets behind it", c->p);
}

static bool take_quoted(struct cursor *c, struct slice *field, const char *missing)
{
	const char *open = c->p, *close;

	if (open == c->end || *open != '"')
		return misfit(c, missing, open);
	close = text_closing(open + 1, c->end, '"');
	if (!close)
		return misfit(c, "a quote that is not closed", open);
	*field = slice(open + 1, (size_t)(close - open - 1));
	c->p = close + 1;
	return true;
}

static bool take_blank(struct cursor *c, const char *missing)
{
	if (c->p == c->end || *c->p != ' ')
		return misfit(c, missing, c->p);
	c->p++;
	return true;
}

/* Digits (as many as given; 0: any number of them) or "-", and then a blank or the end. */
static bool take_number(struct cursor *c, size_t digits, struct slice *field, const char *missing)
{
	const char *from = c->p, *p = from;

	while (p < c->end && (unsigned char)(*p - '0') < 10)
		p++;
	if (p == from && p < c->end && *p == '-')
		p++;
	else if (p == from || (digits && (size_t)(p - from) != digits))
		return misfit(c, missing, from);
	if (p < c->end && *p != ' ')
		return misfit(c, missing, from);
	*field = slice(from, (size_t)(p - from));
	c->p = p;
	return true;
}

static bool take_common(struct cursor *c, struct frame *f)
{
	return take_until(c, ' ', &f->host, "no host with a blank behind it") &&
	       take_until(c, ' ', &f->ident, "no ident with a blank behind it") &&
	       take_user(c, &f->user) &&
	       take_until(c, ']', &f->time, "no time with a bracket behind it") &&
	       take_blank(c, "no blank behind the time") &&
	       take_quoted(c, &f->request, "no request in quotes") &&
	       take_blank(c, "no blank behind the request") &&
	       take_number(c, STATUS_DIGITS, &f->status, "no status of three digits") &&
	       take_blank(c, "no bytes behind the status") &&
	       take_number(c, 0, &f->bytes, "no whole number of bytes");
}

static bool take_more(struct cursor *c, struct frame *f)
{
	return take_blank(c, "no referer behind the bytes") &&
	       take_quoted(c, &f->referer, "no referer in quotes") &&
	       take_blank(c, "no agent behind the referer") &&
	       take_quoted(c, &f->agent, "no agent in quotes");
}

static bool take_frame(struct cursor *c, bool combined, struct frame *f)
{
	if (!take_common(c, f) || (combined && !take_more(c, f)))
		return false;
	if (c->p < c->end)
		return misfit(c,
			      combined ? "more behind the agent; a PATTERN may say what it is"
				       : "more behind the bytes; is it combined?",
			      c->p);
	return true;
}

/* ---- the record */

#define PUT(out, name, field)                               \
	do {                                                \
		if (!text_is_none(field)) {                 \
			TEXT_ADD(out, ",\"" name "\":\"");  \
			text_put(out, field, TEXT_ESCAPED); \
			*(out)->p++ = '"';                  \
		}                                           \
	} while (0)

#define PUT_NUMBER(out, name, field)                     \
	do {                                             \
		if (!text_is_none(field)) {              \
			TEXT_ADD(out, ",\"" name "\":"); \
			text_put_digits(out, field);     \
		}                                        \
	} while (0)

static bool put_record(struct access *a, const struct frame *f, struct text_out *out)
{
	PUT(out, "host", f->host);
	PUT(out, "ident", f->ident);
	PUT(out, "user", f->user);
	TEXT_ADD(out, ",\"time\":\"");
	if (!clf_time_put(&a->time, f->time, out))
		return false;
	*out->p++ = '"';
	request_put(out, f->request, TEXT_ESCAPED);
	PUT_NUMBER(out, "status", f->status);
	PUT_NUMBER(out, "bytes", f->bytes);
	if (a->combined) {
		PUT(out, "referer", f->referer);
		PUT(out, "agent", f->agent);
	}
	TEXT_ADD(out, "}\n");
	return true;
}

int access_line(struct access *a, struct slice line, struct buf *buf, struct err *why)
{
	size_t n = line.n - (line.n && line.p[line.n - 1] == '\r');
	struct cursor c = { line.p, line.p, line.p + n, why };
	struct text_out out = { buf_room(buf, n * TEXT_GROWS + MEMBERS_BYTES + TEXT_PAD), NULL };
	struct frame f;
	char *start = out.p;

	if (!take_frame(&c, a->combined, &f))
		return -1;
	if (!put_record(a, &f, &out)) {
		misfit(&c, "no time as 10/Oct/2000:13:55:36 -0700", f.time.p);
		return -1;
	}
	if (out.bad) {
		misfit(&c, "not UTF-8", out.bad);
		return -1;
	}
	*start = '{'; /* in place of the first member's comma */
	buf->n += (size_t)(out.p - start);
	return 0;
}
