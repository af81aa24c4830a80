/* An event is a walk over the tree of fields, which only throws dice and copies.
 *
 * A value takes the same number of dice whatever they say, but for what is missing or null, and for
 * lists, whose length is one of them: so two files that differ in texts alone make events alike. */
#include "app/gen_fields_internal.h"

#include <string.h>

#include "base/err.h"

unsigned gen_fields_digits(int64_t v)
{
	unsigned n = 1;

	for (; v >= 10; v /= 10)
		n++;
	return n;
}

static char *put_text(char *p, struct slice s)
{
	memcpy(p, s.p, s.n);
	return p + s.n;
}

static char *put_digits(char *p, uint64_t v, unsigned n)
{
	for (unsigned i = n; i-- > 0; v /= 10)
		p[i] = (char)('0' + v % 10);
	return p + n;
}

static char *put_number(char *p, int64_t v, unsigned digits)
{
	uint64_t size = v < 0 ? -(uint64_t)v : (uint64_t)v, whole = size, unit = 1;

	for (unsigned i = 0; i < digits; i++)
		unit *= 10;
	whole /= unit;
	if (v < 0)
		*p++ = '-';
	p = put_digits(p, whole, gen_fields_digits((int64_t)whole));
	if (digits) {
		*p++ = '.';
		p = put_digits(p, size % unit, digits);
	}
	return p;
}

static char *put_quoted(char *p, char *end)
{
	*p = '"';
	*end = '"';
	return end + 1;
}

/* From low on, every number of the span alike. */
static int64_t draw_number(const struct gen_field *f, uint64_t dice)
{
	return f->low + (int64_t)((unsigned __int128)dice * (uint64_t)f->span >> 64);
}

static char *put_id(const struct gen_field *f, struct gen *g, char *p)
{
	uint64_t d = gen_dice(g);
	uint32_t k = f->weights ? gen_alias_draw(f->weights, f->of, gen_dice(g), d)
				: gen_below(d, f->of);

	p = put_digits(put_text(p, f->text), k + 1, f->digits);
	*p++ = '"';
	return p;
}

static char *put_value(const struct gen_field *f, struct gen *g, char *p, int64_t us);

static char *put_object(const struct gen_field *f, struct gen *g, char *p, int64_t us)
{
	const char *start = p;

	*p++ = '{';
	for (const struct gen_field *k = f->child; k < f->child + f->of; k++) {
		if (k->missing_cut && (uint32_t)gen_dice(g) < k->missing_cut)
			continue;
		if (p > start + 1)
			*p++ = ',';
		p = put_value(k, g, put_text(p, k->name), us);
	}
	*p++ = '}';
	return p;
}

static char *put_list(const struct gen_field *f, struct gen *g, char *p, int64_t us)
{
	int64_t n = draw_number(f, gen_dice(g));

	*p++ = '[';
	for (int64_t i = 0; i < n; i++) {
		if (i)
			*p++ = ',';
		p = put_value(f->child, g, p, us);
	}
	*p++ = ']';
	return p;
}

static char *put_value(const struct gen_field *f, struct gen *g, char *p, int64_t us)
{
	if (f->null_cut && (uint32_t)gen_dice(g) < f->null_cut)
		return put_text(p, slice_z("null"));
	switch (f->kind) {
	case MADE_UUID:
		return put_quoted(p, gen_uuid(g, p + 1));
	case MADE_TIME:
		return put_quoted(p, gen_stamp(g, p + 1, us));
	case MADE_CUSTOMER:
		return put_quoted(p, gen_customer(g, p + 1));
	case MADE_TIME_NUMBER:
		return put_number(p, us / f->unit - (us % f->unit < 0), 0);
	case MADE_ID:
		return put_id(f, g, p);
	case MADE_PICK:
		return put_text(p, f->choice[gen_below(gen_dice(g), f->of)]);
	case MADE_NUMBER:
		return put_number(p, draw_number(f, gen_dice(g)), f->digits);
	case MADE_BOOL:
		return put_text(p, slice_z((uint32_t)gen_dice(g) < f->true_cut ? "true" : "false"));
	case MADE_OBJECT:
		return put_object(f, g, p, us);
	case MADE_LIST:
		return put_list(f, g, p, us);
	}
	BUG("a field of kind %d", f->kind);
}

char *gen_fields_write(const struct gen_fields *f, struct gen *g, char *p, int64_t us)
{
	return put_object(f->event, g, p, us);
}
