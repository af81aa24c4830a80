/* PATH: VALUE what is wrong (PLACE). All of it is one line of text in UTF-8, whatever the value is:
 * a string is shown as JSON writes it, and cuts are made between characters. */
#include <stdarg.h>
#include <stdio.h>

#include "schema/schema_internal.h"

enum { PATH_BYTES = 300, VALUE_BYTES = 64, WHAT_BYTES = 400 };

/* The text's length, at most `most`, that ends with a character. */
static size_t cut_length(struct slice text, size_t most)
{
	size_t n = text.n < most ? text.n : most;

	while (n < text.n && n && ((unsigned char)text.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static void add_cut(struct buf *out, struct slice text, size_t most)
{
	size_t n = cut_length(text, most);

	buf_add(out, text.p, n);
	if (n < text.n)
		buf_addz(out, "...");
}

static void add_pointer(struct buf *out, const struct json *json, uint32_t at)
{
	struct buf pointer = { 0 };

	instance_pointer(json, at, &pointer);
	add_cut(out, slice(pointer.n ? pointer.p : "", pointer.n), PATH_BYTES);
	buf_fini(&pointer);
}

static void add_path(struct buf *out, const struct json *json, uint32_t at)
{
	if (at == 0)
		buf_addz(out, "(root)");
	else
		add_pointer(out, json, at);
	buf_addz(out, ": ");
}

static void add_value(struct buf *out, const struct json *json, uint32_t at)
{
	const struct json_node *node = &json->node[at];
	struct slice text = node->text;
	struct buf quoted = { 0 };

	if (node->type == JSON_STRING) {
		/* no more is decoded than is shown */
		text.n = cut_length(text, VALUE_BYTES);
		json_quote(&quoted, text);
		add_cut(out, buf_slice(&quoted), VALUE_BYTES);
		if (text.n < node->text.n && quoted.n <= VALUE_BYTES)
			buf_addz(out, "...");
	} else {
		add_cut(out, text, VALUE_BYTES);
	}
	buf_fini(&quoted);
	buf_addc(out, ' ');
}

static void add_place(struct buf *out, const struct schema_check *c, uint32_t doc, uint32_t at)
{
	buf_addz(out, " (");
	if (doc != c->doc)
		buf_addz(out, c->set->doc[doc].name);
	buf_addc(out, '#');
	add_pointer(out, &c->set->doc[doc].in.json, at);
	buf_addc(out, ')');
}

static void tell(struct schema_check *c, const struct schema_op *op, uint32_t at, bool value,
		 struct slice what)
{
	struct buf out = { 0 };
	uint32_t place = op->kind == SCHEMA_MEMBERS ? op->members->required_at : op->at;

	add_path(&out, &c->in.json, at);
	if (value)
		add_value(&out, &c->in.json, at);
	add_cut(&out, what, WHAT_BYTES);
	add_place(&out, c, op->doc, place);
	/* control characters of names */
	for (size_t i = 0; i < out.n; i++)
		if ((unsigned char)out.p[i] < ' ')
			out.p[i] = '?';
	err_set(c->why, EX_DATAERR, "%.*s", (int)cut_length(buf_slice(&out), ERR_MSG_BYTES - 1),
		out.p);
	buf_fini(&out);
}

bool schema_wrong(struct schema_check *c, const struct schema_op *op, uint32_t at, const char *fmt,
		  ...)
{
	char what[WHAT_BYTES + 8];
	va_list ap;

	if (!c->why || c->quiet || c->stopped)
		return false;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	tell(c, op, at, true, slice_z(what));
	return false;
}

bool schema_stop(struct schema_check *c, const struct schema_op *op, uint32_t at,
		 const char *reason)
{
	if (!c->stopped && c->why)
		tell(c, op, at, false, slice_z(reason));
	c->stopped = true;
	return false;
}

/* What each kind says of a value that it does not take; where `shown`, the keyword's value
 * follows. */
static const struct {
	const char *says;
	bool shown;
} words[] = {
	[SCHEMA_FALSE] = { "is not allowed", false },
	[SCHEMA_TYPE] = { "is not of type", true },
	[SCHEMA_SCALARS] = { "is none of the values", true },
	[SCHEMA_VALUES] = { "is none of the values", true },
	[SCHEMA_MINIMUM] = { "is less than minimum", true },
	[SCHEMA_MAXIMUM] = { "is more than maximum", true },
	[SCHEMA_ABOVE] = { "is not above exclusiveMinimum", true },
	[SCHEMA_BELOW] = { "is not below exclusiveMaximum", true },
	[SCHEMA_MULTIPLE] = { "is not a multiple of", true },
	[SCHEMA_MIN_LENGTH] = { "is shorter than minLength", true },
	[SCHEMA_MAX_LENGTH] = { "is longer than maxLength", true },
	[SCHEMA_PATTERN] = { "does not match", true },
	[SCHEMA_FORMAT] = { "is not of format", true },
	[SCHEMA_MIN_ITEMS] = { "has fewer items than minItems", true },
	[SCHEMA_MAX_ITEMS] = { "has more items than maxItems", true },
	[SCHEMA_UNIQUE] = { "has equal items", false },
	[SCHEMA_CONTAINS] = { "has the wrong number of items that match contains", false },
	[SCHEMA_MIN_MEMBERS] = { "has fewer members than minProperties", true },
	[SCHEMA_MAX_MEMBERS] = { "has more members than maxProperties", true },
	[SCHEMA_ANY] = { "matches no schema of anyOf", false },
	[SCHEMA_ONE] = { "matches not exactly one schema of oneOf", false },
	[SCHEMA_NOT] = { "matches the schema of not", false },
};

bool schema_wrong_op(struct schema_check *c, const struct schema_op *op, uint32_t at)
{
	const struct json *json = &c->set->doc[op->doc].in.json;
	struct buf value = { 0 };

	if (!c->why || c->quiet || c->stopped)
		return false;
	if (words[op->kind].shown) {
		add_value(&value, json, op->at);
		value.n--;
	}
	schema_wrong(c, op, at, "%s%s%.*s", words[op->kind].says, value.n ? " " : "", (int)value.n,
		     value.n ? value.p : "");
	buf_fini(&value);
	return false;
}
