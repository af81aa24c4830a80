/* Candidates of measures that hold a value (sketch/held.h): made for all lines of a batch, pair of
 * fields by pair, before anything is counted, like the other columns. They stand one behind the
 * other in a buffer that is kept; it moves as it grows, so their places are noted first. */
#include "agg/engine_internal.h"

/* A string's text is decoded into the scratch. */
static enum key_result held_string(const struct field *f, struct buf *scratch, struct slice *out)
{
	*out = slice(f->p, f->n);
	if (f->type == FIELD_ESCAPED) {
		scratch->n = 0;
		if (scan_unescape(*out, scratch))
			return KEY_SURROGATE;
		*out = buf_slice(scratch);
		if (out->n && memchr(out->p, 0, out->n))
			return KEY_NUL;
	}
	return out->n > HELD_VALUE_MAX ? KEY_LONG : KEY_OK;
}

/* Of a candidate this is looked at as it is made. */
static bool number_ok(struct held_value v)
{
	return v.type != HELD_NUMBER || held_number_ok(v.text);
}

enum key_result engine_held_value(const struct field *f, struct buf *scratch,
				  struct held_value *out)
{
	*out = (struct held_value){ HELD_NONE, slice(f->p, f->n) };
	switch ((enum field_type)f->type) {
	case FIELD_MISSING:
	case FIELD_NULL:
		return KEY_OK;
	case FIELD_FALSE:
	case FIELD_TRUE:
		out->type = f->type == FIELD_TRUE ? HELD_TRUE : HELD_FALSE;
		return KEY_OK;
	case FIELD_NUMBER:
		out->type = HELD_NUMBER;
		return KEY_OK;
	case FIELD_STRING:
	case FIELD_ESCAPED:
		out->type = HELD_STRING;
		return held_string(f, scratch, &out->text);
	case FIELD_ARRAY:
	case FIELD_OBJECT:
		break;
	}
	return KEY_STRUCTURE;
}

/* Appends the line's candidate, nothing where a value is missing. False: one cannot be held. */
static bool put_candidate(struct engine *w, struct engine_held *h, const struct plan_held *p,
			  unsigned line)
{
	struct held_value by = { .type = HELD_NONE }, value;
	const struct field *of = engine_field(w, line, p->field);

	if (engine_held_value(of, &h->value_text, &value) ||
	    (p->by >= 0 &&
	     engine_held_value(engine_field(w, line, (size_t)p->by), &h->by_text, &by)))
		return false;
	if (value.type == HELD_NONE || (p->by >= 0 && by.type == HELD_NONE))
		return number_ok(value) && number_ok(by);
	return held_candidate(by, w->time_us[line], value, &h->text);
}

void engine_read_held(struct engine *w, size_t column, uint64_t lines)
{
	struct engine_held *h = &w->held[column];
	size_t at = 0;

	h->text.n = 0;
	h->has = 0;
	h->good = lines;
	for_each_line(i, lines)
	{
		size_t before = h->text.n;

		if (!put_candidate(w, h, &w->plan->held[column], (unsigned)i))
			h->good &= ~BIT(i);
		h->candidate[i].n = h->text.n - before;
		h->has |= (uint64_t)(h->text.n > before) << i;
	}
	for_each_line(i, h->has)
	{
		h->candidate[i].p = h->text.p + at;
		h->item[i] = (uint64_t)(uintptr_t)&h->candidate[i];
		at += h->candidate[i].n;
	}
}
