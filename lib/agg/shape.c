/* Texts that are made stand in an arena, so that they do not move while others are made. A string
 * that stays as it is, or is only cut, needs none. Arrays were looked at by the scanner: they are
 * valid, and to find where an element ends takes brackets and quotes only. */
#include "agg/shape.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "scan/value.h"

void shape_copy(const struct shape *from, struct shape *to)
{
	*to = *from;
	to->bound = NULL;
	if (!from->bounds)
		return;
	to->bound = mem_array(from->bounds, sizeof(*to->bound));
	memcpy(to->bound, from->bound, from->bounds * sizeof(*to->bound));
}

void shape_fini(struct shape *s)
{
	free(s->bound);
	*s = (struct shape){ .bound = NULL };
}

bool shape_is_plain(const struct shape *s)
{
	return !s->lower && !s->explode && !s->bytes_max && !s->class_step && !s->bounds;
}

bool shape_same(const struct shape *a, const struct shape *b)
{
	bool same = a->lower == b->lower && a->explode == b->explode &&
		    a->bytes_max == b->bytes_max && a->class_step == b->class_step &&
		    a->bounds == b->bounds;

	for (size_t i = 0; same && i < a->bounds; i++)
		same = a->bound[i] == b->bound[i];
	return same;
}

static void put_bounds(const struct shape *s, const char *between, struct buf *out)
{
	char text[DEC_TEXT_BYTES];

	for (size_t i = 0; i < s->bounds; i++) {
		buf_addz(out, i ? between : "");
		buf_add(out, text, dec_text(s->bound[i], text));
	}
}

void shape_canonical(const struct shape *s, struct buf *out)
{
	buf_addz(out, s->lower ? " lower" : "");
	if (s->bytes_max)
		buf_printf(out, " max %u", s->bytes_max);
	if (s->class_step)
		buf_printf(out, " class %u", s->class_step);
	if (s->bounds) {
		buf_addz(out, " ranges ");
		put_bounds(s, " ", out);
	}
	buf_addz(out, s->explode ? " explode" : "");
}

void shape_describe(const struct shape *s, struct buf *out)
{
	buf_addz(out, s->lower ? ",\"lower\":true" : "");
	if (s->bytes_max)
		buf_printf(out, ",\"max\":%u", s->bytes_max);
	if (s->class_step)
		buf_printf(out, ",\"class\":%u", s->class_step);
	if (s->bounds) {
		buf_addz(out, ",\"class\":[");
		put_bounds(s, ",", out);
		buf_addc(out, ']');
	}
	buf_addz(out, s->explode ? ",\"explode\":true" : "");
}

void shape_texts_fini(struct shape_texts *t)
{
	arena_fini(&t->arena);
	buf_fini(&t->decoded);
}

/* ---- a field */

static char *new_text(struct shape_texts *t, size_t n)
{
	char *p = arena_alloc(&t->arena, n + SCAN_PAD);

	memset(p + n, 0, SCAN_PAD);
	return p;
}

/* "5xx": the number of whole steps, rounded down, and an x a zero of the step. */
static size_t class_text(uint32_t class_step, dec v, char *out)
{
	dec step = (dec)class_step * 1000000000, whole = v / step;
	size_t n;

	whole -= v % step < 0;
	n = dec_text(whole * 1000000000, out);
	for (; class_step >= 10; class_step /= 10)
		out[n++] = 'x';
	return n;
}

/* "<10", "10..50", ">=50": a bound belongs to the range above it. */
static size_t range_text(const struct shape *s, dec v, char *out)
{
	size_t above = 0, n = 0;

	while (above < s->bounds && v >= s->bound[above])
		above++;
	if (above == 0) {
		out[n++] = '<';
		return n + dec_text(s->bound[0], out + n);
	}
	if (above == s->bounds) {
		out[n++] = '>';
		out[n++] = '=';
		return n + dec_text(s->bound[above - 1], out + n);
	}
	n = dec_text(s->bound[above - 1], out);
	out[n++] = '.';
	out[n++] = '.';
	return n + dec_text(s->bound[above], out + n);
}

static enum shape_result shape_number(const struct shape *s, const struct field *f,
				      struct shape_texts *t, struct field *out)
{
	enum { RANGE_MAX = 2 * DEC_TEXT_BYTES + 2 };
	dec v;
	enum dec_result r = value_dec(*f, &v);
	char *text;

	if (r != DEC_OK && r != DEC_ROUNDED)
		return SHAPE_NO_NUMBER;
	text = new_text(t, RANGE_MAX);
	*out = (struct field){ .p = text, .type = FIELD_STRING };
	out->n = (uint32_t)(s->class_step ? class_text(s->class_step, v, text)
					  : range_text(s, v, text));
	return SHAPE_OK;
}

/* False: it has what no key can have. */
static bool string_text(const struct field *f, struct shape_texts *t, struct slice *out)
{
	*out = slice(f->p, f->n);
	if (f->type == FIELD_STRING)
		return true;
	t->decoded.n = 0;
	if (scan_unescape(*out, &t->decoded))
		return false;
	*out = buf_slice(&t->decoded);
	return !(out->n && memchr(out->p, 0, out->n));
}

static size_t cut_text(struct slice text, uint32_t bytes_max)
{
	size_t n = text.n;

	if (!bytes_max || n <= bytes_max)
		return n;
	for (n = bytes_max; n > 0 && ((unsigned char)text.p[n] & 0xc0) == 0x80; n--)
		;
	return n;
}

static enum shape_result shape_string(const struct shape *s, const struct field *f,
				      struct shape_texts *t, struct field *out)
{
	struct slice text;
	bool cut;
	char *p;

	if (!string_text(f, t, &text))
		return SHAPE_OK;
	out->n = (uint32_t)cut_text(text, s->bytes_max);
	out->type = FIELD_STRING;
	cut = out->n < text.n;
	if (f->type == FIELD_STRING && !s->lower)
		return cut ? SHAPE_CUT : SHAPE_OK;
	p = new_text(t, out->n);
	for (size_t i = 0; i < out->n; i++)
		p[i] = (char)(s->lower && text.p[i] >= 'A' && text.p[i] <= 'Z' ? text.p[i] | 0x20
									       : text.p[i]);
	out->p = p;
	return cut ? SHAPE_CUT : SHAPE_OK;
}

enum shape_result shape_field(const struct shape *s, const struct field *f, struct shape_texts *t,
			      struct field *out)
{
	*out = *f;
	if (f->type <= FIELD_NULL)
		return SHAPE_OK;
	if (s->class_step || s->bounds)
		return shape_number(s, f, t, out);
	if ((s->lower || s->bytes_max) && (f->type == FIELD_STRING || f->type == FIELD_ESCAPED))
		return shape_string(s, f, t, out);
	return SHAPE_OK;
}

/* ---- arrays */

/* Bytes of the string that text begins with, its quotes included. */
static size_t string_bytes(struct slice text, bool *escaped)
{
	size_t n = 1;

	for (; text.p[n] != '"'; n++)
		if (text.p[n] == '\\') {
			*escaped = true;
			n++;
		}
	return n + 1;
}

/* Bytes of the value that text begins with. */
static size_t value_bytes(struct slice text, bool *escaped)
{
	size_t n = 0, depth = 0;

	do {
		switch (text.p[n]) {
		case '"':
			n += string_bytes(slice(text.p + n, text.n - n), escaped);
			continue;
		case '[':
		case '{':
			depth++;
			break;
		case ']':
		case '}':
			depth--;
		}
		n++;
	} while (depth || !strchr(",] \t\r\n", text.p[n]));
	return n;
}

static enum field_type element_type(char first, bool escaped)
{
	switch (first) {
	case '"':
		return escaped ? FIELD_ESCAPED : FIELD_STRING;
	case '[':
		return FIELD_ARRAY;
	case '{':
		return FIELD_OBJECT;
	case 'n':
		return FIELD_NULL;
	case 't':
		return FIELD_TRUE;
	case 'f':
		return FIELD_FALSE;
	default:
		return FIELD_NUMBER;
	}
}

bool shape_element(struct slice *left, struct field *out)
{
	bool escaped = false, quoted;
	size_t n;

	/* the opening bracket, or what stands between two elements */
	do {
		left->p++;
		left->n--;
	} while (left->n && strchr(", \t\r\n", *left->p));
	if (left->n == 0 || *left->p == ']')
		return false;
	quoted = *left->p == '"';
	n = value_bytes(*left, &escaped);
	*out = (struct field){ left->p + quoted, (uint32_t)(n - 2 * quoted),
			       element_type(*left->p, escaped) };
	*left = slice(left->p + n - 1, left->n - n + 1);
	return true;
}
